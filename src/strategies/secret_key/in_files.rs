//! Keys in configuration files that are not Python.

use super::keys::{self, Kind};
use super::{checks, report, surroundings};
use crate::edit::{config, entries, imports};
use crate::finding::{Edit, Finding, Patch, PatchKind, Severity};
use crate::model::Model;
use crate::model::config::{Environment, Placement, Write};
use crate::model::config_files::{self, FileSetting, Origin};
use crate::model::modules::ModuleId;
use crate::text::Location;

/// Every key that production gets from such a file.
pub(super) fn all(model: &Model) -> impl Iterator<Item = FileSetting> {
    let all = config_files::settings(model).into_iter();
    all.filter(|it| keys::names().any(|key| key == it.key) && is_key(it))
}

/// Whether a key stands there, and neither nothing nor a reference to somewhere else.
fn is_key(setting: &FileSetting) -> bool {
    let refers =
        setting.text.starts_with(['@', '$']) && matches!(setting.origin, Origin::Layered { .. });
    setting.is_truthy() && !keys::is_blank_to_fill(&setting.text) && !refers
}

pub(super) fn findings(model: &Model, control: &'static str) -> Vec<Finding> {
    let findings = all(model).map(|it| {
        let message = format!(
            "{} is written in {} (fingerprint {}): whoever reads it can {}.",
            it.key,
            it.value.path,
            keys::mark(&it.text),
            keys::gain(&it.key)
        );
        let severity = match keys::kind(&it.key) {
            Kind::Key => Severity::Critical,
            Kind::Salt => Severity::Medium,
        };
        let finding = Finding::new(control, it.entry.clone(), severity, message)
            .subject(it.key.clone())
            .secret(it.value.clone());
        match it.is_overridden {
            true => {
                let mut finding = finding.unreachable("Production overrides it.");
                finding.severity = finding.severity.min(Severity::Low);
                finding
            }
            false => finding,
        }
    });
    findings.collect()
}

/// The key leaves the file, and comes from the environment.
pub(super) fn remedy(model: &Model, at: &Location, key: &str) -> Patch {
    let title = format!("Read {key} from the environment and not from {}", at.path);
    let by_hand = || {
        let words = format!(
            "Take {key} out of {}, read it from the environment behind the file, and replace it: \
             the history keeps the old one.",
            at.path
        );
        Patch::manual("Take the key out of the file", vec![words])
    };
    let setting = all(model).find(|it| it.entry == *at && it.key == key);
    let Some(setting) = setting else {
        return by_hand();
    };
    let app = setting.app;
    let variable = match &setting.origin {
        Origin::Layered { prefix } => format!("{prefix}_{key}"),
        Origin::Loaded | Origin::Read(_) => key.to_owned(),
    };
    let mut edits: Vec<Edit> = taken_out(model, &setting).into_iter().collect();
    if !setting.is_overridden {
        match read_instead(model, &setting) {
            Some(more) => edits.extend(more),
            None => return by_hand(),
        }
    }
    let guarantees = format!(
        "{} does not hold {key}, and the app does not start without it",
        at.path
    );
    let mut patch = Patch::new(PatchKind::Review, title, guarantees)
        .edits(edits)
        .edits(checks::add(model, app, key))
        .edits(surroundings::for_tests(model, Some(app), key, &variable))
        .edits(surroundings::for_dotenv(model, &variable))
        .may_break(format!(
            "Every place that starts the app has to provide {variable} from now on."
        ));
    for follow_up in report::words(model, key, &variable) {
        patch = patch.follow_up(follow_up);
    }
    patch
}

/// The edits by which the application gets the key from the environment; none where a library
/// reads it by itself. Nothing where no place is known.
fn read_instead(model: &Model, setting: &FileSetting) -> Option<Vec<Edit>> {
    if matches!(setting.origin, Origin::Layered { .. }) {
        return Some(Vec::new());
    }
    let place = place(model, setting)?;
    let (os, import) = imports::module_for(model, place.module(), place.offset(), "os");
    let text = format!("{os}.environ.get(\"{}\")", setting.key);
    let mut edits = place.set(model, &setting.key, &text)?;
    edits.extend(import);
    Some(edits)
}

/// Where the application is given another value than the file's.
pub(super) enum Place<'m> {
    /// Behind what loads the file.
    Behind(Placement),
    /// Where the value is taken out of the file.
    Instead(&'m Write),
}

pub(super) fn place<'m>(model: &'m Model, setting: &FileSetting) -> Option<Place<'m>> {
    let configuration = &model.configuration;
    if let Origin::Read(place) = &setting.origin {
        let mut writes = configuration.in_order(setting.app, Environment::Production);
        let found = writes.find(|write| *write.key == *setting.key && write.place() == *place);
        return found.map(Place::Instead);
    }
    let found = configuration.best_place(&model.modules, &model.apps, setting.app, &setting.key);
    found.map(Place::Behind)
}

impl Place<'_> {
    pub const fn module(&self) -> ModuleId {
        match self {
            Self::Behind(place) => place.module,
            Self::Instead(write) => write.module,
        }
    }

    pub const fn offset(&self) -> usize {
        match self {
            Self::Behind(place) => place.location.span.start,
            Self::Instead(write) => write.statement.span.start,
        }
    }

    /// Nothing where it cannot be written.
    pub fn set(&self, model: &Model, key: &str, expression: &str) -> Option<Vec<Edit>> {
        let edits = match self {
            Self::Behind(place) => config::set(&model.modules, place, key, expression),
            Self::Instead(write) => config::replace_value(&model.modules, write, expression),
        };
        (!edits.is_empty()).then_some(edits)
    }
}

/// The edit that takes the key out of its file.
pub(super) fn taken_out(model: &Model, setting: &FileSetting) -> Option<Edit> {
    let file = model.repo.file(&setting.entry.path)?;
    Some(entries::remove(
        file,
        setting.entry.span,
        setting.value.span,
    ))
}

#[cfg(test)]
mod tests {
    use crate::strategies::secret_key::hardcoded::SecretKeyHardcoded;
    use crate::strategies::secret_key::store::SecretKeyStore;
    use crate::strategies::testing;

    const LOADED: &str = "import json\n\nfrom flask import Flask\n\napp = Flask(__name__)\n\
                          app.config.from_file(\"c.json\", load=json.load)\n";
    const FILE: &str = "{\n  \"SECRET_KEY\": \"x7\",\n  \"A\": 1\n}\n";

    fn found(app: &str, path: &str, text: &str) -> Vec<String> {
        testing::findings(&SecretKeyHardcoded, &[("app.py", app), (path, text)])
    }

    #[test]
    fn the_key_leaves_the_file_that_is_loaded() {
        let texts = [("app.py", LOADED), ("c.json", FILE)];
        let app = testing::apply(&SecretKeyHardcoded, &texts, "app.py");
        let behind = "load=json.load)\napp.config[\"SECRET_KEY\"] = os.environ.get(\"SECRET_KEY\")\n\
                      if len(app.config[\"SECRET_KEY\"] or \"\") < 32:\n";
        assert!(app.contains(behind), "{app}");
        let file = testing::apply(&SecretKeyHardcoded, &texts, "c.json");
        assert_eq!(file, "{\n  \"A\": 1\n}\n");
        let app = testing::apply(&SecretKeyStore, &texts, "app.py");
        assert!(
            app.ends_with("app.config[\"SECRET_KEY\"] = load_secret(\"SECRET_KEY\")\n"),
            "{app}"
        );
    }

    #[test]
    fn what_code_takes_out_of_files_is_followed() {
        let head = "from flask import Flask\napp = Flask(__name__)\n";
        for (code, path, text) in [
            (
                "import yaml\nwith open('c.yml') as f:\n    c = yaml.safe_load(f)\napp.config.update(c['flask'])\n",
                "c.yml",
                "flask:\n  SECRET_KEY: x7\n  A: 1\n",
            ),
            (
                "import json\nc = json.load(open('c.json'))\napp.secret_key = c['a']['key']\n",
                "c.json",
                "{\"a\": {\"key\": \"x7\", \"b\": 1}}\n",
            ),
            (
                "import tomllib\nfrom pathlib import Path\nc = tomllib.loads(Path('c.toml').read_text())\n\
                 app.config['SECRET_KEY'] = c.get('a', {}).get('key')\n",
                "c.toml",
                "[a]\nkey = 'x7'\n",
            ),
            (
                "from configparser import ConfigParser\np = ConfigParser()\np.read('c.ini')\n\
                 app.secret_key = p['flask']['Key']\n",
                "c.ini",
                "[flask]\nkey = x7\n",
            ),
            (
                "from configparser import ConfigParser\np = ConfigParser()\np.read(['c.ini'])\n\
                 app.secret_key = p.get('flask', 'key')\n",
                "c.ini",
                "[flask]\nkey = x7\n",
            ),
        ] {
            let app = format!("{head}{code}");
            assert_eq!(found(&app, path, text).len(), 1, "{code}");
            let texts = [("app.py", app.as_str()), (path, text)];
            let after = testing::apply(&SecretKeyHardcoded, &texts, path);
            assert!(!after.contains("x7"), "{after}");
            let other = text.replace("x7", "");
            assert_eq!(found(&app, path, &other), Vec::<String>::new(), "{code}");
        }
        let elsewhere =
            format!("{head}import json\nc = json.load(open('d.json'))\napp.secret_key = c['k']\n");
        assert_eq!(
            found(&elsewhere, "c.json", "{\"k\": \"x7\"}\n"),
            Vec::<String>::new()
        );
    }

    /// dynaconf 3: `default` below the section that FLASK_ENV names, `development` where nothing
    /// names one.
    #[test]
    fn dynaconf_loads_one_section() {
        let app = "from dynaconf import FlaskDynaconf\nfrom flask import Flask\napp = Flask(__name__)\nFlaskDynaconf(app)\n";
        let file = "[default]\nA = 1\n\n[development]\nsecret_key = 'x7'\n\n[production]\nSECRET_KEY = 'x8'\n";
        let docker = |env: &str| format!("FROM python\n{env}CMD [\"gunicorn\", \"app:app\"]\n");
        let lines = |env: &str| {
            let docker = docker(env);
            let texts = [
                ("app.py", app),
                ("settings.toml", file),
                ("Dockerfile", &docker),
            ];
            testing::findings(&SecretKeyHardcoded, &texts)
        };
        assert_eq!(lines("ENV FLASK_ENV=production\n"), ["settings.toml:8"]);
        assert_eq!(lines(""), ["settings.toml:5"]);
        let secrets = "default:\n  SECRET_KEY: x7\n  B: '@format {env[B]}'\n";
        assert_eq!(found(app, ".secrets.yaml", secrets), [".secrets.yaml:2"]);
        let named = app.replace(
            "(app)",
            "(app, settings_files=['conf/c.toml'], environments=False)",
        );
        assert_eq!(
            found(&named, "conf/c.toml", "SECRET_KEY = 'x7'\n"),
            ["conf/c.toml:1"]
        );
        let texts = [("app.py", app), ("settings.toml", file)];
        let after = testing::apply(&SecretKeyHardcoded, &texts, "settings.toml");
        assert!(after.ends_with("[production]\n"), "{after}");
        let after = testing::apply(&SecretKeyHardcoded, &texts, "app.py");
        assert!(after.contains("FlaskDynaconf(app)\nif len("), "{after}");
    }
}
