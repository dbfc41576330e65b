//! `secret-key-checked`: a missing, empty or short key stops the application at start.

use super::keys::{self, Kind};
use super::{checks, fallback, report, surroundings};
use crate::finding::{Evidence, Finding, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::model::app::AppId;
use crate::model::config::{EnvRead, Environment, Resolved, Value, Write};
use crate::strategies::strategy::SECRET_KEY;
use crate::strategies::{About, Answers, Control};
use crate::text::Location;

pub struct SecretKeyChecked;

static ABOUT: About = About {
    id: "secret-key-checked",
    title: "A missing or short key stops the app at start",
    strategy: &SECRET_KEY,
    threats: &["session-hijacking", "data-tampering"],
    severity: Severity::Medium,
    page: include_str!("../../../assets/controls/secret-key-checked.md"),
};

impl Control for SecretKeyChecked {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let mut findings: Vec<Finding> = Vec::new();
        let mut evidence: Vec<Evidence> = Vec::new();
        let mut question = None;
        for (app, _) in model.apps.production() {
            for key in keys::names() {
                match judge(model, app, key) {
                    Judged::Finding(finding) if !findings.contains(&finding) => {
                        findings.push(*finding);
                    }
                    Judged::Fine(place) if !evidence.contains(&place) => evidence.push(place),
                    Judged::Open(text) => drop(question.get_or_insert(text)),
                    _ => {}
                }
            }
        }
        match question {
            Some(question) if findings.is_empty() => Verdict::Undecided { question, evidence },
            _ if findings.is_empty() && evidence.is_empty() => {
                Verdict::not_applicable("no key is read at start")
            }
            _ => Verdict::from_findings(findings, evidence),
        }
    }

    fn remedy(&self, model: &Model, finding: &Finding, answers: &Answers) -> Patch {
        let Some(key) = keys::names().find(|key| *key == finding.subject) else {
            return Patch::manual("Refuse to start without a good key", Vec::new());
        };
        let title = format!("Refuse to start without a good {key}");
        let mut apps = model.apps.production();
        let app = apps.find(|(app, _)| {
            matches!(judge(model, *app, key), Judged::Finding(it) if it.location == finding.location)
        });
        let Some((app, _)) = app else {
            return Patch::manual(title, Vec::new());
        };
        let edits = match fallback::keeps(model, answers, key) {
            true => checks::add_outside_development(model, app, key),
            false => checks::add(model, app, key).map(|edit| vec![edit]),
        };
        let Some(edits) = edits else {
            let by_hand = format!("Refuse to start when {key} has fewer than 32 characters.");
            return Patch::manual(title, vec![by_hand]);
        };
        let guarantees = format!(
            "The app does not start without {} of at least {} characters",
            key,
            keys::MIN_LENGTH
        );
        Patch::new(PatchKind::Review, title, guarantees)
            .edits(edits)
            .edits(surroundings::for_tests(
                model,
                Some(app),
                key,
                &variable(model, app, key),
            ))
            .edits(surroundings::for_dotenv(model, &variable(model, app, key)))
            .may_break(format!(
                "A start with no {key}, or with a short one, fails from now on."
            ))
            .follow_up(format!("A good key: `{}`.", report::MAKE))
    }
}

enum Judged {
    Finding(Box<Finding>),
    Fine(Evidence),
    Open(String),
    Nothing,
}

/// The variable that production reads the key from.
fn variable(model: &Model, app: AppId, key: &str) -> String {
    let value = model.configuration.value(app, key, Environment::Production);
    let read = value.and_then(|value| value.leaves().iter().find_map(|leaf| leaf.env()));
    read.map_or_else(|| key.to_owned(), |read| read.name.clone())
}

fn judge(model: &Model, app: AppId, key: &'static str) -> Judged {
    let resolved = model
        .configuration
        .resolved(app, key, Environment::Production);
    let Resolved::Set { write, open, .. } = resolved else {
        return unset(model, app, key);
    };
    let purpose = model.modules.get(write.module).file.purpose;
    if !purpose.is_application() {
        return Judged::Nothing;
    }
    match &write.value {
        Value::Env(read) => judge_read(model, key, write, read),
        Value::Known(literal) if !literal.is_truthy() && open.is_empty() => {
            match checks::find(model, key) {
                Some(check) => Judged::Fine(Evidence::new(check.location, "checks the key")),
                None => missing(key, &write.place(), Severity::Medium, "is empty"),
            }
        }
        // A literal is there, and what is wrong with it others say.
        Value::Known(_) | Value::Random(_) => Judged::Nothing,
        Value::Choice { .. } => match checks::find(model, key) {
            Some(check) if check.length => {
                Judged::Fine(Evidence::new(check.location, "refuses a short key"))
            }
            _ => missing(
                key,
                &write.place(),
                Severity::Low,
                "is taken as it comes, however short",
            ),
        },
        Value::Store(_) | Value::Entry(_) | Value::Unknown(_) => match checks::find(model, key) {
            Some(check) => Judged::Fine(Evidence::new(check.location, "checks the key")),
            None => Judged::Open(format!(
                "Does anything refuse a missing or short {key}? {} does not show it.",
                write.statement.path
            )),
        },
    }
}

fn judge_read(model: &Model, key: &'static str, write: &Write, read: &EnvRead) -> Judged {
    let has_default = read
        .default
        .as_ref()
        .is_some_and(|default| default.is_truthy());
    let check = checks::find(model, key);
    match check {
        Some(check) if check.length || keys::kind(key) == Kind::Salt => Judged::Fine(
            Evidence::new(check.location, format!("refuses a short {key}")),
        ),
        // The literal behind it is a finding of its own, whose patch brings the check.
        _ if has_default => Judged::Nothing,
        Some(_) => missing(
            key,
            &write.place(),
            Severity::Low,
            "is checked to be there, but a short one is accepted",
        ),
        None if read.required && keys::kind(key) == Kind::Salt => Judged::Fine(Evidence::new(
            write.place(),
            format!("a missing {key} stops the start"),
        )),
        None if read.required => missing(
            key,
            &write.place(),
            Severity::Low,
            "has to be set, but an empty or short one is accepted",
        ),
        None => missing(
            key,
            &write.place(),
            Severity::Medium,
            "may be missing or empty: the app starts without it and fails at the first login",
        ),
    }
}

/// Nothing visible sets the key.
fn unset(model: &Model, app: AppId, key: &'static str) -> Judged {
    let has_outside = model
        .configuration
        .sources(app)
        .any(|source| source.path.is_none());
    if key != "SECRET_KEY" || !uses_session(model) {
        return Judged::Nothing;
    }
    if let Some(check) = checks::find(model, key).filter(|_| has_outside) {
        return match check.length {
            true => Judged::Fine(Evidence::new(check.location, "refuses a short key")),
            false => missing(
                key,
                &check.location,
                Severity::Low,
                "is checked to be there, but a short one is accepted",
            ),
        };
    }
    if has_outside {
        return Judged::Open(
            "Does the configuration from outside of the repository set SECRET_KEY, and does \
             anything refuse to start without it?"
                .into(),
        );
    }
    Judged::Nothing
}

/// Whether something signs with the key.
fn uses_session(model: &Model) -> bool {
    let words = [
        "session[",
        "session.get(",
        "flash(",
        "login_user(",
        "CSRFProtect(",
    ];
    model.modules.iter().any(|(_, module)| {
        let text = module.file.text.as_str();
        module.file.purpose.is_application() && words.iter().any(|word| text.contains(word))
    })
}

fn missing(key: &'static str, at: &Location, severity: Severity, what: &str) -> Judged {
    let message = format!("{key} {what}.");
    let finding = Finding::new(ABOUT.id, at.clone(), severity, message).subject(key);
    Judged::Finding(Box::new(finding))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing;

    const HEAD: &str = "import os\nfrom flask import Flask\napp = Flask(__name__)\n";

    fn severity(rest: &str) -> Option<Severity> {
        let verdict = testing::verdict(&SecretKeyChecked, &[("app.py", &format!("{HEAD}{rest}"))]);
        verdict.findings().first().map(|finding| finding.severity)
    }

    #[test]
    fn a_key_has_to_be_checked() {
        let get = "app.secret_key = os.environ.get('SECRET_KEY')\n";
        assert_eq!(severity(get), Some(Severity::Medium));
        assert_eq!(
            severity("app.secret_key = os.environ['SECRET_KEY']\n"),
            Some(Severity::Low)
        );
        assert_eq!(severity("app.secret_key = ''\n"), Some(Severity::Medium));
        let presence = format!("{get}if not app.secret_key:\n    raise RuntimeError('no key')\n");
        assert_eq!(severity(&presence), Some(Severity::Low));
        let length =
            format!("{get}if len(app.secret_key or '') < 32:\n    raise RuntimeError('no')\n");
        assert_eq!(severity(&length), None);
        assert_eq!(severity("app.secret_key = 'x7'\n"), None);
        assert_eq!(severity(""), None);
    }

    #[test]
    fn the_check_is_the_last_step_of_the_set_up() {
        let source = format!("{HEAD}app.secret_key = os.environ.get('SECRET_KEY')\n");
        let after = testing::apply(&SecretKeyChecked, &[("app.py", &source)], "app.py");
        assert!(after.ends_with("shorter than 32 characters')\n"), "{after}");
    }
}
