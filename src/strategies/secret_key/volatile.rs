//! `secret-key-volatile`: the key is not made when the application is imported.

use super::{checks, keys, report, surroundings};
use crate::discover::Purpose;
use crate::edit::{config, imports};
use crate::finding::{Evidence, Finding, Patch, PatchKind, Severity, Verdict};
use crate::model::config::{Environment, FileEntry, Value, Write};
use crate::model::{Model, config_files};
use crate::strategies::strategy::SECRET_KEY;
use crate::strategies::{About, Answers, Control};

/// The places that read a key from the environment or from a store.
pub(super) fn reads(model: &Model) -> Vec<Evidence> {
    let mut evidence: Vec<Evidence> = Vec::new();
    for key in keys::names() {
        for write in model.configuration.writes(key) {
            let purpose = model.modules.get(write.module).file.purpose;
            if purpose != Purpose::Application {
                continue;
            }
            let note = match &write.value {
                Value::Env(read) => format!("reads {key} from {}", read.name),
                Value::Store(how) => format!("reads {key} with {how}"),
                Value::Entry(entry) if !is_held(model, write, entry) => {
                    format!("reads {key} with {}", entry.how)
                }
                Value::Random(how) => format!("makes {key} with {how}"),
                _ => continue,
            };
            let place = Evidence::new(write.place(), note);
            if !evidence.contains(&place) {
                evidence.push(place);
            }
        }
    }
    evidence
}

/// Whether the key stands in a file of the repository.
fn is_held(model: &Model, write: &Write, entry: &FileEntry) -> bool {
    let found = |app| config_files::of_entry(model, app, entry, &write.key);
    write.app.and_then(found).is_some()
}

pub struct SecretKeyVolatile;

static ABOUT: About = About {
    id: "secret-key-volatile",
    title: "The key is not made when the app is imported",
    strategy: &SECRET_KEY,
    threats: &["session-hijacking"],
    severity: Severity::High,
    page: include_str!("../../../assets/controls/secret-key-volatile.md"),
};

impl Control for SecretKeyVolatile {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let findings: Vec<Finding> = made_here(model).map(|it| finding(&it)).collect();
        let evidence = reads(model);
        if findings.is_empty() && evidence.is_empty() {
            return Verdict::not_applicable("no key is read or made at start");
        }
        let evidence = evidence.into_iter();
        let evidence = evidence
            .filter(|it| !it.note.starts_with("makes "))
            .collect();
        Verdict::from_findings(findings, evidence)
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        let found = made_here(model)
            .find(|it| it.write.place() == finding.location && *it.write.key == finding.subject);
        let Some(made) = found else {
            return Patch::manual("Read the key from the environment", Vec::new());
        };
        patch(model, &made)
    }
}

/// A key that is made where it is set.
struct Made<'m> {
    write: &'m Write,
    /// The function that makes it.
    how: &'m str,
    /// Only where the environment has none.
    behind: Option<&'m str>,
}

fn made_here(model: &Model) -> impl Iterator<Item = Made<'_>> {
    let configuration = &model.configuration;
    let writes = keys::names().flat_map(move |key| configuration.writes(key));
    let mut seen = Vec::new();
    writes.filter_map(move |write| {
        let purpose = model.modules.get(write.module).file.purpose;
        let is_new = !seen.contains(&&write.value_at);
        let counts = write.in_environment(Environment::Production) || !write.is_loaded();
        if purpose != Purpose::Application || !is_new || !counts {
            return None;
        }
        let leaves = write.value.leaves();
        let how = leaves.iter().find_map(|leaf| match leaf {
            Value::Random(how) => Some(how.as_str()),
            _ => None,
        })?;
        let behind = leaves.iter().find_map(|leaf| leaf.env());
        seen.push(&write.value_at);
        Some(Made {
            write,
            how,
            behind: behind.map(|read| read.name.as_str()),
        })
    })
}

fn finding(made: &Made<'_>) -> Finding {
    let (key, how) = (&made.write.key, made.how);
    let is_guessable = ["random.", "uuid1", "time."]
        .iter()
        .any(|it| how.contains(it))
        && !how.contains("SystemRandom");
    let (severity, why) = match is_guessable {
        true => (
            Severity::High,
            "its output can be computed from other output, and the key with it".to_owned(),
        ),
        false => (
            Severity::Medium,
            "every worker and every restart has another one, so that sessions end at random"
                .to_owned(),
        ),
    };
    let when = match made.behind {
        Some(variable) => format!(" where {variable} is not set"),
        None => String::new(),
    };
    let severity = match made.behind {
        Some(_) => severity.lowered(),
        None => severity,
    };
    let message = format!("{key} is made by {how} at start{when}: {why}.");
    Finding::new(ABOUT.id, made.write.place(), severity, message).subject(&**key)
}

fn patch(model: &Model, made: &Made<'_>) -> Patch {
    let write = made.write;
    let key = keys::names()
        .find(|key| **key == *write.key)
        .unwrap_or("SECRET_KEY");
    let title = format!("Read {key} from the environment and check it at start");
    let variable = made.behind.unwrap_or(key);
    let Some(module) = model.modules.by_path(&write.value_at.path) else {
        return Patch::manual(title, Vec::new());
    };
    let checked = write.app.and_then(|app| checks::add(model, app, key));
    let has_check = checked.is_some() || checks::find(model, key).is_some_and(|it| it.length);
    let (os, import) = imports::module_for(model, module, write.value_at.span.start, "os");
    let text = match has_check {
        true => format!("{os}.environ.get(\"{variable}\")"),
        false => format!("{os}.environ[\"{variable}\"]"),
    };
    let edits = config::replace_value(&model.modules, write, &text);
    if edits.is_empty() {
        return Patch::manual(
            title,
            vec![format!("Read {variable} from the environment.")],
        );
    }
    Patch::new(
        PatchKind::Review,
        title,
        format!("{key} is the same in every worker and after every restart"),
    )
    .edits(edits)
    .edits(import)
    .edits(checked)
    .edits(surroundings::for_tests(model, write.app, key, variable))
    .edits(surroundings::for_dotenv(model, variable))
    .may_break(format!(
        "Every place that starts the app has to provide {variable} from now on."
    ))
    .follow_up(format!("Make a key once and keep it: `{}`.", report::MAKE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing;

    const HEAD: &str = "import os\nfrom flask import Flask\napp = Flask(__name__)\n";

    fn severity(rest: &str) -> Option<Severity> {
        let verdict = testing::verdict(&SecretKeyVolatile, &[("app.py", &format!("{HEAD}{rest}"))]);
        verdict.findings().first().map(|finding| finding.severity)
    }

    #[test]
    fn keys_that_are_made_at_import_are_found() {
        assert_eq!(
            severity("app.secret_key = os.urandom(24)\n"),
            Some(Severity::Medium)
        );
        let random = "import random\napp.secret_key = str(random.getrandbits(256))\n";
        assert_eq!(severity(random), Some(Severity::High));
        let behind = "app.secret_key = os.environ.get('K') or os.urandom(24)\n";
        assert_eq!(severity(behind), Some(Severity::Low));
        assert_eq!(
            severity("app.secret_key = os.environ['K']\ntoken = os.urandom(8)\n"),
            None
        );
    }

    #[test]
    fn the_environment_is_read_instead() {
        let source = format!("{HEAD}app.secret_key = os.urandom(24)\n");
        let after = testing::apply(&SecretKeyVolatile, &[("app.py", &source)], "app.py");
        assert!(
            after.contains("app.secret_key = os.environ.get(\"SECRET_KEY\")\nif len("),
            "{after}"
        );
    }
}
