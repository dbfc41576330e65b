//! `secret-key-store`: production reads the key from a secrets manager or a mounted file.

use std::sync::Arc;

use super::sightings::{self, Sighting, SourceOf};
use super::{checks, fallback, in_files, report, surroundings};
use crate::discover::{FileKind, Purpose};
use crate::edit::config;
use crate::edit::module_file::NewModule;
use crate::finding::{Edit, Evidence, Finding, Patch, PatchKind, RemedyOption, Severity, Verdict};
use crate::model::Model;
use crate::model::config::{Environment, Form, Resolved, Value, Write};
use crate::model::config_files::FileSetting;
use crate::model::modules::ModuleId;
use crate::strategies::strategy::SECRET_KEY;
use crate::strategies::{About, Answers, Control};
use crate::text::{Location, Span};

pub struct SecretKeyStore;

static ABOUT: About = About {
    id: "secret-key-store",
    title: "Production reads the key from a secrets manager or a mounted file",
    strategy: &SECRET_KEY,
    threats: &["session-hijacking"],
    severity: Severity::Low,
    page: include_str!("../../../assets/controls/secret-key-store.md"),
};

const OPTION: &str = "secret-key-store.kind";
const KEY: &str = "SECRET_KEY";

/// A place for secrets: its name, its loader, what the loader needs.
struct Kind {
    name: &'static str,
    label: &'static str,
    loader: &'static str,
    dependencies: &'static [&'static str],
    /// What the deployment has to provide.
    needs: &'static str,
}

const KINDS: &[Kind] = &[
    Kind {
        name: "file",
        label: "a mounted file, else the environment",
        loader: include_str!("../../../assets/snippets/secret_environment.py"),
        dependencies: &[],
        needs: "Mount the secret and set SECRET_KEY_FILE to its path (/run/secrets/…); without it \
                SECRET_KEY is read.",
    },
    Kind {
        name: "vault",
        label: "HashiCorp Vault",
        loader: include_str!("../../../assets/snippets/secret_vault.py"),
        dependencies: &["hvac>=2.3"],
        needs: "Give the app VAULT_ADDR, VAULT_TOKEN and VAULT_SECRET_PATH, and put SECRET_KEY there.",
    },
    Kind {
        name: "aws",
        label: "AWS Secrets Manager",
        loader: include_str!("../../../assets/snippets/secret_aws.py"),
        dependencies: &["boto3>=1.34"],
        needs: "Give the app's role secretsmanager:GetSecretValue on one secret, and its name as \
                AWS_SECRET_ID.",
    },
    Kind {
        name: "gcp",
        label: "Google Secret Manager",
        loader: include_str!("../../../assets/snippets/secret_gcp.py"),
        dependencies: &["google-cloud-secret-manager>=2.20"],
        needs: "Give the app's account Secret Accessor on the secret SECRET_KEY, and set \
                GOOGLE_CLOUD_PROJECT.",
    },
    Kind {
        name: "azure",
        label: "Azure Key Vault",
        loader: include_str!("../../../assets/snippets/secret_azure.py"),
        dependencies: &["azure-identity>=1.17", "azure-keyvault-secrets>=4.8"],
        needs: "Give the app's identity Key Vault Secrets User, and set AZURE_KEY_VAULT_URL.",
    },
];

impl Kind {
    /// What the deployment has to provide for the key that goes by `variable`.
    fn needs_of(&self, variable: &str) -> String {
        self.needs.replace(KEY, variable)
    }
}

impl Control for SecretKeyStore {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        if let Some(evidence) = in_use(model) {
            return Verdict::Implemented {
                evidence: vec![evidence],
            };
        }
        let mut findings: Vec<Finding> = reads(model).map(|write| finding(write.place())).collect();
        findings.extend(files(model).map(|setting| finding(setting.entry)));
        if findings.is_empty() {
            return Verdict::not_applicable("no key is set here");
        }
        Verdict::from_findings(findings, Vec::new())
    }

    fn remedy(&self, model: &Model, finding: &Finding, answers: &Answers) -> Patch {
        let title = "Read the key from a store of secrets";
        let write = reads(model).find(|write| write.place() == finding.location);
        let setting = files(model).find(|setting| setting.entry == finding.location);
        if write.is_none() && setting.is_none() {
            return Patch::manual(title, Vec::new());
        }
        let name = answers.or(OPTION, "file");
        let option = RemedyOption {
            key: OPTION,
            question: "Where is the key kept in production?".into(),
            choices: KINDS
                .iter()
                .map(|kind| kind.name.to_owned())
                .chain(["environment".to_owned()])
                .collect(),
            value: name.to_owned(),
        };
        match KINDS.iter().find(|kind| kind.name == name) {
            Some(_) if fallback::keeps(model, answers, KEY) => Patch::manual(
                title,
                vec!["Take the default away first; then the key can be read from a store.".into()],
            )
            .option(option),
            Some(kind) => match (write, setting) {
                (Some(write), _) => patch(model, write, kind).option(option),
                (None, Some(setting)) => from_file(model, &setting, kind).option(option),
                (None, None) => Patch::manual(title, Vec::new()),
            },
            None => Patch::manual(
                "Stay with the environment variable",
                vec!["Keep SECRET_KEY out of logs, crash reports and `docker inspect`.".into()],
            )
            .option(option),
        }
    }
}

/// Code that reads secrets from somewhere else than a plain variable.
fn in_use(model: &Model) -> Option<Evidence> {
    const MARKS: &[(&str, &str)] = &[
        ("import hvac", "HashiCorp Vault"),
        ("secretsmanager", "AWS Secrets Manager"),
        ("import secretmanager", "Google Secret Manager"),
        ("azure.keyvault", "Azure Key Vault"),
        ("/run/secrets", "a mounted secret"),
        ("_FILE\"", "a mounted secret"),
    ];
    let python = model.repo.of_kind(FileKind::Python);
    let mut own = python.filter(|file| file.purpose == Purpose::Application);
    own.find_map(|file| {
        let text = file.text.as_str();
        let (mark, label) = MARKS.iter().find(|(mark, _)| text.contains(mark))?;
        let about_keys = text.contains(KEY) || text.contains("secret");
        let at = text.find(mark)?;
        let location = Location::new(&file.path, Span::new(at, at + mark.len()));
        about_keys.then(|| Evidence::new(location, format!("reads secrets from {label}")))
    })
}

/// Where production's key is set, from anything but a store.
fn reads(model: &Model) -> impl Iterator<Item = &Write> {
    let mut seen: Vec<&Location> = Vec::new();
    model.configuration.writes(KEY).filter(move |write| {
        let is_own = model
            .modules
            .get(write.module)
            .file
            .purpose
            .is_application();
        let is_plain = match &write.value {
            Value::Known(literal) => literal.is_truthy(),
            Value::Env(_) | Value::Random(_) => true,
            // A file that is read, with something behind it, is a store.
            Value::Choice { .. } => {
                let leaves = write.value.leaves();
                let is_read = |leaf: &&Value| matches!(leaf, Value::Store(_) | Value::Entry(_));
                !leaves.iter().any(is_read)
            }
            Value::Store(_) | Value::Entry(_) | Value::Unknown(_) => false,
        };
        let counts = write.in_environment(Environment::Production) && is_own && is_plain;
        let is_new = counts && !seen.contains(&&write.statement);
        if is_new {
            seen.push(&write.statement);
        }
        is_new
    })
}

/// Keys that production gets from a file of the repository.
fn files(model: &Model) -> impl Iterator<Item = FileSetting> {
    in_files::all(model).filter(|it| it.key == KEY && !it.is_overridden)
}

fn finding(at: Location) -> Finding {
    let message = "Production's key comes from no store: as a plain environment variable every child \
                   process has it, crash reports and `docker inspect` show it, and nobody sees who \
                   read it.";
    Finding::new(ABOUT.id, at, ABOUT.severity, message)
        .absent()
        .subject(KEY)
}

fn patch(model: &Model, write: &Write, kind: &Kind) -> Patch {
    let title = format!("Read the key from {}", kind.label);
    let Some(place) = place(model, write) else {
        let first = "Take the key out of the code first; then it can be read from a store.";
        return Patch::manual(title, vec![first.into(), kind.needs.into()]);
    };
    let path = Arc::clone(model.modules.get(place.module).path());
    let is_late = kind.name == "file" && is_checked_later(model, write);
    let call = match is_late {
        true => format!("load_secret(\"{}\", required=False)", place.variable),
        false => format!("load_secret(\"{}\")", place.variable),
    };
    let edits = match &place.constant {
        Some(literal) => {
            let call = config::requoted(model.modules.get(place.module), &call);
            vec![Edit::replace(&path, literal.span, call)]
        }
        None => config::replace_value(&model.modules, write, &call),
    };
    if edits.is_empty() {
        return Patch::manual(title, vec![kind.needs.into()]);
    }
    let defaults = place.default.iter();
    let mut patch = with_loader(model, place.module, kind, edits)
        .edits(defaults.map(|at| Edit::replace(&at.path, at.span, "")))
        .edits(surroundings::for_tests(
            model,
            write.app,
            KEY,
            &place.variable,
        ))
        .follow_up(kind.needs_of(&place.variable));
    if is_late {
        let check = write.app.and_then(|app| checks::add(model, app, KEY));
        patch = patch.edits(check);
    }
    for control in COVERED.iter().filter(|it| place.mends(it)) {
        patch = patch.covering(control, &write.place());
        if let Some(sighting) = &place.sighting {
            patch = patch.covering(control, &sighting.statement);
        }
    }
    patch = match &place.sighting {
        Some(sighting) => {
            let left = report::follow_ups(model, sighting).into_iter();
            left.fold(patch, Patch::follow_up)
                .edits(surroundings::for_dotenv(model, &place.variable))
        }
        None => patch.follow_up(format!("A good key: `{}`.", report::MAKE)),
    };
    let import = crate::finding::Import {
        module: "os".into(),
        name: None,
        alias: None,
    };
    patch = patch.edit(Edit::DropImport { path, import });
    match kind.name {
        "file" => patch.may_break("A start without a key of 32 characters fails from now on."),
        _ => patch.may_break(
            "Whatever loads this configuration asks the store: tests and local work need access to \
             it, or a configuration of their own.",
        ),
    }
}

/// The loader in a module beside `module`, which calls it by `edits`, and what the loader needs.
fn with_loader(model: &Model, module: ModuleId, kind: &Kind, edits: Vec<Edit>) -> Patch {
    let file = NewModule::beside(model, module, "secret_store");
    let path = Arc::clone(model.modules.get(module).path());
    let patch = Patch::new(
        PatchKind::Review,
        format!("Read the key from {}", kind.label),
        "Production's key comes from a store that answers to the application only",
    )
    .edit(Edit::create(Arc::clone(&file.path), kind.loader))
    .edit(file.imported(&path, "load_secret"))
    .edits(edits);
    let requirements = kind.dependencies.iter();
    requirements.fold(patch, |patch, requirement| {
        patch.edit(Edit::dependency_beside(&path, *requirement))
    })
}

/// The key leaves its file, and the application gets it from the store.
fn from_file(model: &Model, setting: &FileSetting, kind: &Kind) -> Patch {
    let title = format!("Read the key from {}", kind.label);
    let call = format!("load_secret(\"{KEY}\")");
    let place = in_files::place(model, setting);
    let done = place.and_then(|place| {
        let edits = place.set(model, KEY, &call)?;
        Some((place.module(), edits))
    });
    let Some((module, edits)) = done else {
        let first = "Take the key out of the file first; then it can be read from a store.";
        return Patch::manual(title, vec![first.into(), kind.needs.into()]);
    };
    let mut patch = with_loader(model, module, kind, edits)
        .edits(in_files::taken_out(model, setting))
        .edits(surroundings::for_tests(model, Some(setting.app), KEY, KEY))
        .edits(surroundings::for_dotenv(model, KEY))
        .follow_up(kind.needs)
        .may_break("A start without a key of 32 characters fails from now on.");
    for control in COVERED {
        patch = patch.covering(control, &setting.entry);
    }
    report::words(model, KEY, KEY)
        .into_iter()
        .fold(patch, Patch::follow_up)
}

/// Reading from a store mends these where they stand: no literal is left, and a short key is
/// refused.
const COVERED: [&str; 4] = [
    "secret-key-hardcoded",
    "secret-key-fallback",
    "secret-key-checked",
    "secret-key-volatile",
];

/// Where the loader's call goes.
struct Place<'m> {
    module: ModuleId,
    /// A constant that the key is set from; else the value of the write itself.
    constant: Option<Location>,
    variable: String,
    /// No default is left elsewhere.
    is_whole: bool,
    /// The literal that leaves the code.
    sighting: Option<Sighting<'m>>,
    /// The statement that gave the variable a default for the whole process.
    default: Option<Location>,
}

impl Place<'_> {
    fn mends(&self, control: &str) -> bool {
        self.is_whole || control != "secret-key-fallback"
    }
}

/// Nothing where the key is put together in several statements.
fn place<'m>(model: &'m Model, write: &'m Write) -> Option<Place<'m>> {
    let leaves = write.value.leaves();
    let read = leaves.iter().find_map(|leaf| leaf.env());
    let variable = read.map_or_else(|| KEY.to_owned(), |read| read.name.clone());
    let own = |constant, sighting| Place {
        module: write.module,
        constant,
        variable: variable.clone(),
        is_whole: true,
        sighting,
        default: None,
    };
    let value = model.modules.get(write.module);
    let value = value.expression_at(write.value_at.span);
    let is_name = value.is_some_and(ruff_python_ast::Expr::is_name_expr);
    // `settings.secret_key`: what reads the settings reads them from a store as well.
    let is_random = matches!(write.value, Value::Random(_));
    if !is_random && value.is_some_and(ruff_python_ast::Expr::is_attribute_expr) {
        return None;
    }
    if has_another(model, write) {
        return None;
    }
    let mut all = sightings::all(model).into_iter();
    let sighting = all.find(|it| {
        matches!(it.source, SourceOf::Code(other) if other.statement == write.statement)
            && it.key == KEY
    });
    let Some(sighting) = sighting else {
        let is_read = matches!(
            write.value,
            Value::Env(_) | Value::Random(_) | Value::Choice { .. }
        );
        if !is_read || !is_name {
            return is_read.then(|| own(None, None));
        }
        // `key = os.environ["K"]`, checked, then `app.secret_key = key`.
        let Value::Env(read) = &write.value else {
            return None;
        };
        return Some(Place {
            module: model.modules.by_path(&read.location.path)?,
            ..own(Some(read.location.clone()), None)
        });
    };
    let is_known = matches!(write.value, Value::Known(_));
    if is_known && (sighting.is_fallback || write.is_default) {
        return None;
    }
    let is_inside = sighting.literal.path == write.value_at.path
        && write.value_at.span.contains(sighting.literal.span);
    match (is_inside, is_known) {
        // `app.secret_key = OTHER = "…"`: the value goes, for all of its names.
        (true, true) if sighting.literal.span == write.value_at.span => {
            Some(own(Some(sighting.literal.clone()), Some(sighting)))
        }
        (true, _) => (!is_name).then(|| own(None, Some(sighting))),
        (false, true) => Some(Place {
            module: model.modules.by_path(sighting.path())?,
            constant: Some(sighting.literal.clone()),
            variable,
            is_whole: true,
            sighting: Some(sighting),
            default: None,
        }),
        // The default stands elsewhere: `os.environ.setdefault` goes along, any other by its own
        // patch.
        (false, false) if is_name => None,
        (false, false) => {
            let home = model.modules.by_path(sighting.path())?;
            let tree = model.modules.get(home);
            let default = fallback::sets_the_environment(tree, sighting.literal.span);
            Some(Place {
                is_whole: default.is_some(),
                default: default.map(|span| tree.location(span)),
                ..own(None, default.map(|_| sighting))
            })
        }
    }
}

/// Whether a condition decides between this write and another: `if not app.secret_key: …`.
fn has_another(model: &Model, write: &Write) -> bool {
    let Some(app) = write.app else {
        return false;
    };
    let mut writes = model.configuration.in_order(app, Environment::Production);
    writes.any(|other| {
        let is_other = &*other.key == KEY && other.key_at != write.key_at;
        is_other && (!other.conditions.is_empty() || !write.conditions.is_empty())
    })
}

/// Whether the key is looked at when the application is complete, and not where it is read: a
/// configuration class is imported for development and tests as well, and what is loaded after
/// it may bring the key.
fn is_checked_later(model: &Model, write: &Write) -> bool {
    let Some(app) = write.app else {
        return false;
    };
    let configuration = &model.configuration;
    let is_direct = matches!(
        write.form,
        Form::Attribute | Form::Subscript | Form::Keyword
    );
    let resolved = configuration.resolved(app, KEY, Environment::Production);
    let is_last = matches!(&resolved, Resolved::Set { write: last, open, .. }
        if last.key_at == write.key_at && open.is_empty());
    let own_in_tests = configuration.value(app, KEY, Environment::Testing) != Some(&write.value);
    configuration.end_of_setup(app).is_some() && !(is_direct && is_last && !own_in_tests)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing;

    const APP: &str = "import os\n\nfrom flask import Flask\n\napp = Flask(__name__)\n\
                       app.secret_key = os.environ[\"SECRET_KEY\"]\n";

    #[test]
    fn the_variable_keeps_its_name_and_the_tests_get_a_key() {
        let app = "import os\nfrom flask import Flask\n\napp = Flask(__name__)\napp.config.update(SECRET_KEY=os.environ.get('APP_KEY', 'x7'))\n";
        let test = "from app import app\n\n\ndef test_it():\n    assert app\n";
        let patch = testing::patch(
            &SecretKeyStore,
            &[("app.py", app), ("tests/test_app.py", test)],
        );
        let words = patch.follow_ups.join(" ");
        assert!(words.contains("APP_KEY_FILE"), "{words}");
        assert!(words.contains("Set APP_KEY"), "{words}");
        let conftest = patch.edits.iter().find_map(|edit| match edit {
            Edit::Line { path, line } if &**path == "conftest.py" => Some(line),
            _ => None,
        });
        assert!(conftest.unwrap().contains("\"APP_KEY\""), "{patch:?}");
    }

    #[test]
    fn the_loader_takes_the_place_of_the_variable() {
        let texts = [("app.py", APP)];
        let after = testing::apply(&SecretKeyStore, &texts, "app.py");
        assert_eq!(
            after,
            "from flask import Flask\n\nfrom secret_store import load_secret\n\n\
             app = Flask(__name__)\napp.secret_key = load_secret(\"SECRET_KEY\")\n"
        );
        for kind in KINDS {
            let done = [("app.py", after.as_str()), ("secret_store.py", kind.loader)];
            let verdict = testing::verdict(&SecretKeyStore, &done);
            assert!(
                matches!(verdict, Verdict::Implemented { .. }),
                "{}",
                kind.name
            );
        }
    }

    #[test]
    fn a_variable_keeps_its_name() {
        let source = APP.replace("\"SECRET_KEY\"", "\"SHOP_KEY\"");
        let after = testing::apply(&SecretKeyStore, &[("app.py", &source)], "app.py");
        assert!(
            after.ends_with("app.secret_key = load_secret(\"SHOP_KEY\")\n"),
            "{after}"
        );
    }

    #[test]
    fn one_literal_for_two_keys_goes_at_once() {
        let write = "app.secret_key = os.environ[\"SECRET_KEY\"]";
        let chain = "app.secret_key = app.config[\"WTF_CSRF_SECRET_KEY\"] = \"x7\"";
        let source = APP.replace(write, chain);
        let after = testing::apply(&SecretKeyStore, &[("app.py", &source)], "app.py");
        let wanted = chain.replace("\"x7\"", "load_secret(\"SECRET_KEY\")");
        assert!(after.contains(&wanted), "{after}");
        let source = APP.replace(
            "\napp =",
            "\nos.environ.setdefault(\"SECRET_KEY\", \"x7\")\napp =",
        );
        let after = testing::apply(&SecretKeyStore, &[("app.py", &source)], "app.py");
        assert!(!after.contains("setdefault"), "{after}");
    }

    #[test]
    fn configuration_classes_stay_importable() {
        let texts = [
            (
                "shop/config.py",
                "class Config:\n    SECRET_KEY = \"x7\"\n\n\nclass TestingConfig(Config):\n    SECRET_KEY = \"t\"\n",
            ),
            (
                "shop/__init__.py",
                "from flask import Flask\n\nfrom .config import Config\n\n\ndef create_app():\n    \
                 app = Flask(__name__)\n    app.config.from_object(Config)\n    return app\n",
            ),
        ];
        let config = testing::apply(&SecretKeyStore, &texts, "shop/config.py");
        let late = "    SECRET_KEY = load_secret(\"SECRET_KEY\", required=False)\n";
        assert!(config.contains(late), "{config}");
        let factory = testing::apply(&SecretKeyStore, &texts, "shop/__init__.py");
        assert!(
            factory.contains("    if len(app.config[\"SECRET_KEY\"]"),
            "{factory}"
        );
    }

    #[test]
    fn a_file_is_a_store_and_stays_one() {
        let source = APP.replace(
            "app.secret_key = os.environ[\"SECRET_KEY\"]",
            "import configparser\ncp = configparser.ConfigParser()\n\
             app.secret_key = cp.get(\"a\", \"key\", fallback=\"x7\")",
        );
        let found = testing::findings(&SecretKeyStore, &[("app.py", &source)]);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn a_condition_between_two_writes_is_left_to_a_person() {
        let source = format!("{APP}if not app.secret_key:\n    app.secret_key = \"x7\"\n");
        let patch = testing::patch(&SecretKeyStore, &[("app.py", &source)]);
        assert!(patch.edits.is_empty(), "{patch:?}");
    }

    #[test]
    fn a_key_of_several_statements_is_left_to_a_person() {
        let source = APP.replace(
            "app.secret_key = os.environ[\"SECRET_KEY\"]",
            "try:\n    key = os.environ[\"K\"]\nexcept KeyError:\n    key = \"x7\"\napp.secret_key = key",
        );
        let patch = testing::patch(&SecretKeyStore, &[("app.py", &source)]);
        assert!(patch.edits.is_empty(), "{patch:?}");
    }
}
