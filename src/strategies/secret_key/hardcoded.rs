//! `secret-key-hardcoded`: no key stands in the code or in a committed configuration.

use super::keys;
use super::sightings::{self, Sighting, SourceOf};
use super::{in_files, report, signers, volatile};
use crate::edit::{config, imports};
use crate::finding::{Evidence, Finding, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::strategies::strategy::SECRET_KEY;
use crate::strategies::{About, Answers, Control};

pub struct SecretKeyHardcoded;

static ABOUT: About = About {
    id: "secret-key-hardcoded",
    title: "No key stands in the code or in a committed file",
    strategy: &SECRET_KEY,
    threats: &["session-hijacking", "csrf", "data-tampering"],
    severity: Severity::Critical,
    page: include_str!("../../../assets/controls/secret-key-hardcoded.md"),
};

impl Control for SecretKeyHardcoded {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let mut findings: Vec<Finding> = of_control(model).map(|it| finding(&it)).collect();
        findings.extend(signers::findings(model, signers::Which::Written));
        findings.extend(in_files::findings(model, ABOUT.id));
        let evidence: Vec<Evidence> = volatile::reads(model);
        if findings.is_empty() && evidence.is_empty() {
            return Verdict::not_applicable("nothing here sets a key");
        }
        Verdict::from_findings(findings, evidence)
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        let found = of_control(model)
            .find(|it| it.statement == finding.location && it.key == finding.subject);
        match found {
            None if finding.subject == signers::SUBJECT => signers::remedy(model, finding),
            Some(sighting) if sighting.key == keys::FALLBACKS => retired(model, &sighting),
            Some(sighting) => match sighting.source {
                SourceOf::Code(_) => report::read_instead(model, &sighting),
                SourceOf::Deployment(_) => report::outside_instead(model, &sighting),
            },
            None => in_files::remedy(model, &finding.location, &finding.subject),
        }
    }
}

/// The retired keys come from the environment, as the rotation's own patch reads them.
fn retired(model: &Model, sighting: &Sighting<'_>) -> Patch {
    let title = "Read the retired keys from the environment";
    let words = "Empty SECRET_KEY_FALLBACKS where the key that stood here was leaked: it is in the \
                 history of the repository.";
    let (SourceOf::Code(write), Some(module)) =
        (sighting.source, model.modules.by_path(sighting.path()))
    else {
        return Patch::manual(title, vec![words.into()]);
    };
    let offset = sighting.literal.span.start;
    let (os, import) = imports::module_for(model, module, offset, "os");
    let key = keys::FALLBACKS;
    let read = format!("{os}.environ.get(\"{key}\", \"\").split()");
    let edits = config::replace_value(&model.modules, write, &read);
    if edits.is_empty() {
        return Patch::manual(title, vec![words.into()]);
    }
    Patch::new(PatchKind::Review, title, "No file holds a retired key")
        .edits(edits)
        .edits(import)
        .may_break("Sessions that the retired key signed end, unless the variable brings it.")
        .follow_up(words)
}

fn of_control(model: &Model) -> impl Iterator<Item = Sighting<'_>> {
    let all = sightings::all(model).into_iter();
    all.filter(|sighting| !sighting.is_fallback)
}

fn finding(sighting: &Sighting<'_>) -> Finding {
    let place = match sighting.source {
        SourceOf::Code(_) => "is written in the code".to_owned(),
        SourceOf::Deployment(setting) => format!("is written in {}", setting.surface.named()),
    };
    report::finding(ABOUT.id, sighting, &place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing;

    const HEAD: &str = "from flask import Flask\napp = Flask(__name__)\n";

    fn found(rest: &str) -> Vec<String> {
        testing::findings(&SecretKeyHardcoded, &[("app.py", &format!("{HEAD}{rest}"))])
    }

    #[test]
    fn every_place_is_found() {
        for source in [
            "app.secret_key = 'x7'\n",
            "app.config['SECRET_KEY'] = b'x7'\n",
            "app.config.update(SECRET_KEY='x7')\n",
            "app.config.from_mapping({'SECRET_KEY': 'x7'})\n",
            "K = 'x7'\napp.secret_key = K\n",
            "class C:\n    JWT_SECRET_KEY = 'x7'\napp.config.from_object(C)\n",
            "app.config['WTF_CSRF_SECRET_KEY'] = 'x7'\n",
            "app.config['SECURITY_PASSWORD_SALT'] = 'x7'\n",
            "app.config['SECRET_KEY_FALLBACKS'] = ['x7']\n",
            "app.secret_key = bytes.fromhex('7777')\n",
            "import hashlib\napp.secret_key = hashlib.sha256(b'x7').hexdigest()\n",
            "import jwt\ndef f(p):\n    return jwt.encode(p, 'x7', algorithm='HS256')\n",
            "from itsdangerous import URLSafeTimedSerializer\nK = 'x7'\ns = URLSafeTimedSerializer(K)\n",
            "import jwt\ndef f(p):\n    KEY = 'x7'\n    return jwt.encode(p, KEY)\n",
            "import jwt\napp.config['TOKEN_HMAC'] = 'x7'\ndef f(p):\n    return jwt.encode(p, app.config['TOKEN_HMAC'])\ndef g(t):\n    return jwt.decode(t, app.config['TOKEN_HMAC'])\n",
            "import jwt\nKEY = 'x7'\napp.secret_key = KEY\ndef f(p):\n    return jwt.encode(p, KEY)\n",
        ] {
            assert_eq!(found(source).len(), 1, "{source}");
        }
        for source in [
            "import os\napp.secret_key = os.environ['SECRET_KEY']\n",
            "import os\napp.secret_key = os.urandom(24)\n",
            "app.secret_key = ''\n",
            "app.secret_key = None\n",
            "SECRET_KEY_LENGTH = 'x7'\n",
            "app.config['SECRET_KEY_FALLBACKS'] = []\n",
            "import jwt\ndef f(p):\n    return jwt.encode(p, app.secret_key)\n",
            "import jwt\nimport os\ndef f(p):\n    return jwt.encode(p, os.environ['K'])\n",
            "import jwt\nimport os\nK = os.environ.get('K') or 'x7'\ndef f(p):\n    return jwt.encode(p, K)\n",
            "import jwt\napp.config['NAME'] = 'x7'\ndef f(t):\n    return jwt.decode(t, app.config['OTHER'])\n",
            "import jwt\ndef f(p, key='x7'):\n    key = load()\n    return jwt.encode(p, key)\n",
            "config = {}\nconfig['SECRET_KEY_NAME'] = 'x7'\n",
            "class TestingConfig:\n    SECRET_KEY = 'x7'\n",
        ] {
            assert_eq!(found(source), Vec::<String>::new(), "{source}");
        }
    }

    #[test]
    fn a_default_that_the_start_refuses_is_no_key() {
        let head = "import sys\n\ndef stop(text):\n    print(text)\n    sys.exit(1)\n\n\
                    def tell(text):\n    print(text)\n\n\
                    app.config['SECRET_KEY'] = 'x7'\n";
        let loaded = "app.config.from_envvar('SHOP_SETTINGS', silent=True)\n";
        let refused = "if app.config['SECRET_KEY'] == 'x7':\n    ";
        let count = |rest: String| found(&format!("{head}{rest}")).len();
        assert_eq!(count(format!("{loaded}{refused}stop('no key')\n")), 0);
        assert_eq!(count(format!("{loaded}{refused}tell('no key')\n")), 1);
        assert_eq!(count(loaded.to_owned()), 1);
        assert_eq!(count(format!("{refused}stop('no key')\n")), 1);
    }

    #[test]
    fn deployment_files_are_read() {
        let app = ("app.py", HEAD);
        let found =
            |path: &str, text: &str| testing::findings(&SecretKeyHardcoded, &[app, (path, text)]);
        assert_eq!(found(".env", "SECRET_KEY=x7\n"), [".env:1"]);
        assert_eq!(
            found(
                "Dockerfile",
                "FROM python\nENV SECRET_KEY=x7\nCMD [\"gunicorn\", \"app:app\"]\n"
            ),
            ["Dockerfile:2"]
        );
        assert_eq!(
            found(".env.example", "SECRET_KEY=changeme\n"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn the_value_is_never_told() {
        let value = format!("tell{}me", "-never-");
        let source = format!("{HEAD}app.secret_key = '{value}'\n");
        let model = testing::model(&[("app.py", &source)]);
        let verdict = SecretKeyHardcoded.check(&model);
        let finding = &verdict.findings()[0];
        assert!(!finding.message.contains("never"));
        let text = &model.repo.file("app.py").unwrap().text;
        assert_eq!(text.slice(finding.secrets[0].span), value);
        let patch = SecretKeyHardcoded.remedy(&model, finding, &Answers::default());
        assert!(!format!("{patch:?}").contains(&value));
    }

    #[test]
    fn the_environment_is_read_and_checked() {
        let source = format!("{HEAD}app.secret_key = 'x7'\n");
        assert_eq!(
            testing::apply(&SecretKeyHardcoded, &[("app.py", &source)], "app.py"),
            "import os\n\nfrom flask import Flask\napp = Flask(__name__)\n\
             app.secret_key = os.environ.get('SECRET_KEY')\n\
             if len(app.config['SECRET_KEY'] or '') < 32:\n    \
             raise RuntimeError('SECRET_KEY is missing or shorter than 32 characters')\n"
        );
    }

    #[test]
    fn configuration_classes_stay_importable_and_tests_keep_a_key() {
        let texts = [
            (
                "shop/config.py",
                "class Config:\n    SECRET_KEY = 'x7'\n\n\nclass TestingConfig(Config):\n    TESTING = True\n\n\n\
                 class ProductionConfig(Config):\n    A = 1\n\n\nconfigs = {'testing': TestingConfig, 'production': ProductionConfig}\n",
            ),
            (
                "shop/__init__.py",
                "from flask import Flask\nfrom .config import configs\n\n\ndef create_app(name='production'):\n    \
                 app = Flask(__name__)\n    app.config.from_object(configs[name])\n    return app\n",
            ),
            (
                "tests/test_shop.py",
                "import pytest\nfrom shop import create_app\n",
            ),
        ];
        let config = testing::apply(&SecretKeyHardcoded, &texts, "shop/config.py");
        assert!(config.starts_with("import os\n"), "{config}");
        assert!(
            config.contains("    SECRET_KEY = os.environ.get('SECRET_KEY')\n"),
            "{config}"
        );
        let factory = testing::apply(&SecretKeyHardcoded, &texts, "shop/__init__.py");
        assert!(
            factory.contains("    if len(app.config['SECRET_KEY'] or '') < 32:\n"),
            "{factory}"
        );
        let patch = testing::patch(&SecretKeyHardcoded, &texts);
        let creates = |edit: &crate::finding::Edit| matches!(edit, crate::finding::Edit::Create { path, .. } if &**path == "conftest.py");
        assert!(patch.edits.iter().any(creates));
    }
}
