//! `secret-key-rotation`: a procedure is written down, and the code can follow it.

use std::sync::Arc;

use super::{in_files, report};
use crate::discover::FileKind;
use crate::edit::config;
use crate::edit::imports;
use crate::edit::module_file::NewModule;
use crate::finding::{Edit, Evidence, Finding, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::model::app::AppId;
use crate::model::config::{Container, Environment, Literal, Placement, Resolved, Value};
use crate::strategies::strategy::SECRET_KEY;
use crate::strategies::{About, Answers, Control};

pub struct SecretKeyRotation;

static ABOUT: About = About {
    id: "secret-key-rotation",
    title: "The key can be replaced without ending every session, and how is written down",
    strategy: &SECRET_KEY,
    threats: &["session-hijacking"],
    severity: Severity::Low,
    page: include_str!("../../../assets/controls/secret-key-rotation.md"),
};

const FALLBACKS: &str = "SECRET_KEY_FALLBACKS";
const SIGNER: &str = include_str!("../../../assets/snippets/rotating_sessions.py");
const DOCUMENT: &str = include_str!("../../../assets/snippets/secret-key-rotation.md");
const PLACE: &str = "docs/secret-key-rotation.md";

impl Control for SecretKeyRotation {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let Some((app, write)) = keyed(model) else {
            return Verdict::not_applicable("no key is set here");
        };
        let mut evidence = Vec::new();
        let mut missing = Vec::new();
        match model.configuration.writes(FALLBACKS).next() {
            Some(write) => {
                let note = "reads retired keys from SECRET_KEY_FALLBACKS";
                evidence.push(Evidence::new(write.statement.clone(), note));
                if needs_signer(model) && !has_signer(model) {
                    missing.push("the Flask in use ignores SECRET_KEY_FALLBACKS");
                }
            }
            None => missing.push("the code knows one key only"),
        }
        match document(model) {
            Some(location) => evidence.push(Evidence::new(location, "says how to replace the key")),
            None => missing.push("no document says how to replace it"),
        }
        if missing.is_empty() {
            return Verdict::Implemented { evidence };
        }
        let message = format!(
            "Replacing the key would end every session: {}. Who has never done it will not do it on \
             the day of a leak.",
            missing.join(", and ")
        );
        let location = model
            .configuration
            .best_place(&model.modules, &model.apps, app, FALLBACKS)
            .map_or(write, |place| place.location);
        let finding = Finding::new(ABOUT.id, location, ABOUT.severity, message)
            .absent()
            .subject(FALLBACKS);
        Verdict::from_findings(vec![finding], evidence)
    }

    fn remedy(&self, model: &Model, _finding: &Finding, _answers: &Answers) -> Patch {
        let title = "Make the key replaceable, and say how";
        let Some((app, _)) = keyed(model) else {
            return Patch::manual(title, Vec::new());
        };
        let mut patch = Patch::new(
            PatchKind::Safe,
            title,
            "A new key can be deployed while sessions of the old one are still read",
        )
        .follow_up(
            "Replace the key once by the document, before you have to; after a leak without the \
             fallback.",
        );
        if document(model).is_none() {
            patch = patch.edit(Edit::create(PLACE, text(model, app)));
        }
        if model.configuration.writes(FALLBACKS).next().is_none() {
            let edits = reads_retired(model, app);
            if edits.is_empty() {
                return Patch::manual(
                    title,
                    vec![
                        "Set SECRET_KEY_FALLBACKS from the environment, where SECRET_KEY is set."
                            .into(),
                    ],
                );
            }
            patch = patch.edits(edits);
        }
        if needs_signer(model) && !has_signer(model) {
            let edits = signer(model, app);
            if edits.is_empty() {
                let words = "Move to Flask 3.1.1 or newer: the one in use ignores \
                             SECRET_KEY_FALLBACKS, and its signer takes one key only.";
                return Patch::manual(title, vec![words.into()]);
            }
            patch = patch.edits(edits);
        }
        patch
    }
}

/// The first application with a key, and where that is set.
fn keyed(model: &Model) -> Option<(AppId, crate::text::Location)> {
    model.apps.production().find_map(|(app, _)| {
        let resolved = model
            .configuration
            .resolved(app, "SECRET_KEY", Environment::Production);
        match resolved {
            Resolved::Set { write, .. } => Some((app, write.statement.clone())),
            Resolved::Undecided { candidates, .. } => {
                Some((app, candidates.first()?.statement.clone()))
            }
            Resolved::Unset { .. } => {
                let mut held = in_files::all(model);
                let held = held.find(|it| it.app == app && it.key == "SECRET_KEY")?;
                Some((app, held.entry))
            }
        }
    })
}

fn document(model: &Model) -> Option<crate::text::Location> {
    let mut files = model.repo.of_kind(FileKind::Markdown);
    files.find_map(|file| {
        let text = file.text.as_str();
        let at = text.find("SECRET_KEY")?;
        let lower = text.to_lowercase();
        let says = lower.contains("rotat") || lower.contains("replac");
        let span = crate::text::Span::new(at, at + "SECRET_KEY".len());
        says.then(|| crate::text::Location::new(&file.path, span))
    })
}

/// Before 3.1.1 Flask ignores the setting, or signs with the oldest key (facts 2.4).
fn needs_signer(model: &Model) -> bool {
    release(model).is_some_and(|release| release < (3, 1, 1))
}

/// The oldest Flask that may be installed.
fn release(model: &Model) -> Option<(u64, u64, u64)> {
    let lowest = model.dependencies.flask_in_use()?.lowest?;
    let mut parts = lowest.release().iter().copied();
    let mut next = || parts.next().unwrap_or(0);
    Some((next(), next(), next()))
}

fn has_signer(model: &Model) -> bool {
    model.modules.iter().any(|(_, module)| {
        let text = module.file.text.as_str();
        let calls =
            text.contains("accept_retired_keys(") && !text.contains("def accept_retired_keys(");
        let sets = text.contains("session_interface = ") && text.contains(FALLBACKS);
        module.file.purpose.is_application()
            && (calls || (sets && !text.contains("def accept_retired_keys(")))
    }) || model.calls.of_prefix("flask_session.").next().is_some()
}

/// `SECRET_KEY_FALLBACKS` from the environment, where production gets it.
fn reads_retired(model: &Model, app: AppId) -> Vec<Edit> {
    let place = model
        .configuration
        .best_place(&model.modules, &model.apps, app, FALLBACKS);
    let Some(place) = place else {
        return Vec::new();
    };
    let (os, import) = imports::module_for(model, place.module, offset(&place), "os");
    let read = format!("{os}.environ.get(\"{FALLBACKS}\", \"\")");
    let expression = format!("{read}.split()");
    let mut edits = config::set(&model.modules, &place, FALLBACKS, &expression);
    if !edits.is_empty() {
        edits.extend(import);
    }
    edits
}

const fn offset(place: &Placement) -> usize {
    match &place.container {
        Container::Class(span) | Container::Dict(span) | Container::Call(span) => span.start,
        Container::Module { after } => match after {
            Some(span) => span.end,
            None => 0,
        },
        Container::Statement { offset, .. } => *offset,
    }
}

/// The session interface that does what newer Flask does by itself (needs itsdangerous 2.0).
fn signer(model: &Model, app: AppId) -> Vec<Edit> {
    let is_old = release(model).is_some_and(|release| release < (2, 0, 0));
    let Some(end) = model.configuration.end_of_setup(app).filter(|_| !is_old) else {
        return Vec::new();
    };
    let Some(module) = model.modules.by_path(&end.path) else {
        return Vec::new();
    };
    let file = NewModule::beside(model, module, "rotating_sessions");
    let text = &model.modules.get(module).file.text;
    let newline = text.newline();
    let is_open = end.offset >= text.len() && !text.is_empty() && !text.as_str().ends_with('\n');
    let open = if is_open { newline } else { "" };
    let line = format!(
        "{open}{}accept_retired_keys({}){newline}",
        end.indentation, end.name
    );
    vec![
        Edit::create(Arc::clone(&file.path), SIGNER),
        file.imported(&end.path, "accept_retired_keys"),
        Edit::insert(&end.path, end.offset, line),
    ]
}

/// The document, for this application.
fn text(model: &Model, app: AppId) -> String {
    let lifetime = model
        .configuration
        .value(app, "PERMANENT_SESSION_LIFETIME", Environment::Production)
        .and_then(Value::known)
        .and_then(Literal::as_seconds);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a lifetime in days is small"
    )]
    let days = lifetime.map_or(31, |seconds| (seconds / 86_400.0).ceil().max(1.0) as i64);
    let from = match lifetime {
        Some(_) => "`PERMANENT_SESSION_LIFETIME`",
        None => "Flask's default",
    };
    let variable = model
        .configuration
        .value(app, "SECRET_KEY", Environment::Production)
        .and_then(|value| value.leaves().iter().find_map(|leaf| leaf.env()).cloned())
        .map_or_else(|| "SECRET_KEY".to_owned(), |read| read.name);
    let mut extensions = String::new();
    for (package, note) in EXTENSIONS {
        if !model.dependencies.declarations(package).is_empty() {
            extensions.push_str(&format!("- {note}\n"));
        }
    }
    if extensions.is_empty() {
        extensions.push_str("- None of the extensions in use signs with the key by itself.\n");
    }
    DOCUMENT
        .replace("{variable}", &variable)
        .replace("{days}", &days.to_string())
        .replace("{lifetime_from}", from)
        .replace("{make}", report::MAKE)
        .replace("{extensions}", extensions.trim_end())
}

/// What does not follow the fallbacks (facts 2.7, 2.9).
const EXTENSIONS: &[(&str, &str)] = &[
    (
        "flask-wtf",
        "Flask-WTF: forms that are open during step 2 fail once. A `WTF_CSRF_SECRET_KEY` of its \
         own avoids it.",
    ),
    (
        "flask-jwt-extended",
        "Flask-JWT-Extended: tokens of the old key are refused at once. A `JWT_SECRET_KEY` of its \
         own avoids it.",
    ),
    (
        "flask-login",
        "Flask-Login: remember-me cookies end with the old key; those users log in once more.",
    ),
    (
        "flask-security-too",
        "Flask-Security-Too signs its tokens with the *oldest* fallback: keep step 3 short. \
         `SECURITY_PASSWORD_SALT` must never change.",
    ),
    (
        "flask-session",
        "Flask-Session keeps sessions on the server: a new key ends none of them. After a leak \
         flush the store.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing;

    const APP: &str = "import os\n\nfrom flask import Flask\n\napp = Flask(__name__)\n\
                       app.config[\"SECRET_KEY\"] = os.environ[\"SECRET_KEY\"]\n";

    fn after(flask: &str) -> (String, Patch) {
        let pin = format!("flask=={flask}\n");
        let texts = [("app.py", APP), ("requirements.txt", pin.as_str())];
        let app = testing::apply(&SecretKeyRotation, &texts, "app.py");
        (app, testing::patch(&SecretKeyRotation, &texts))
    }

    #[test]
    fn newer_flask_reads_retired_keys_itself() {
        let (app, patch) = after("3.1.3");
        assert!(app.contains("app.config[\"SECRET_KEY_FALLBACKS\"] = os.environ.get(\"SECRET_KEY_FALLBACKS\", \"\").split()\n"), "{app}");
        assert!(!app.contains("session_interface"));
        let document = patch.edits.iter().any(|edit| {
            matches!(edit, Edit::Create { path, text, .. }
            if &**path == PLACE && text.contains("31 days") && !text.contains('{'))
        });
        assert!(document);
    }

    #[test]
    fn older_flask_gets_a_signer() {
        let (app, _) = after("2.2.5");
        assert!(app.ends_with("accept_retired_keys(app)\n"), "{app}");
        assert!(
            app.contains("from rotating_sessions import accept_retired_keys\n"),
            "{app}"
        );
    }
}
