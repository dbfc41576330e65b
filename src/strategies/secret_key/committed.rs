//! `secret-key-committed`: no key is in a tracked file or in the git history.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use super::keys::{self, Kind};
use super::sightings::{self, Sighting, Weight};
use super::{in_files, report};
use crate::discover::{History, Occurrences};
use crate::finding::{Confidence, Finding, Patch, Severity, Verdict};
use crate::model::Model;
use crate::model::config_files::FileSetting;
use crate::strategies::strategy::SECRET_KEY;
use crate::strategies::{About, Answers, Control};

pub struct SecretKeyCommitted;

static ABOUT: About = About {
    id: "secret-key-committed",
    title: "No key is in the history of the repository",
    strategy: &SECRET_KEY,
    threats: &["session-hijacking", "csrf", "data-tampering"],
    severity: Severity::High,
    page: include_str!("../../../assets/controls/secret-key-committed.md"),
};

/// For one value: a history that takes longer is searched in part, and the finding says so.
const BUDGET: Duration = Duration::from_millis(400);

/// Shorter values stand in many files that have nothing to do with keys.
const DISTINCTIVE: usize = 12;

/// What the history says of a value, by the repository and the value's mark. A scan asks more
/// than once, each time a patch is proven.
static KNOWN: LazyLock<Mutex<Searched>> = LazyLock::new(Mutex::default);

/// Repository, path and the value's mark, to what was found.
type Searched = HashMap<(PathBuf, String, String), Option<Occurrences>>;

impl Control for SecretKeyCommitted {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let Ok(history) = History::open(model.repo.root()) else {
            return Verdict::not_applicable("the folder is in no git repository");
        };
        let mut findings: Vec<Finding> = Vec::new();
        let mut seen = Vec::new();
        for sighting in sightings::all(model) {
            if seen.contains(&sighting.value) {
                continue;
            }
            seen.push(sighting.value.clone());
            let path = sighting.path();
            let written = as_written(model, &sighting);
            let sought = written.as_deref().unwrap_or(&sighting.value);
            if let Some(found) = occurrences(model, &history, sought, path) {
                findings.push(finding(&sighting, &found));
            }
        }
        for setting in in_files::all(model) {
            if seen.contains(&setting.text) {
                continue;
            }
            seen.push(setting.text.clone());
            let path = &setting.value.path;
            if let Some(found) = occurrences(model, &history, &setting.text, path) {
                findings.push(in_file(&setting, &found));
            }
        }
        Verdict::from_findings(findings, Vec::new())
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        let mut all = sightings::all(model).into_iter();
        let sighting = all.find(|it| it.statement == finding.location);
        let follow_ups = match sighting {
            Some(sighting) => report::follow_ups(model, &sighting),
            None => report::words(model, &finding.subject, &finding.subject),
        };
        Patch::manual("Replace the key: the history keeps the old one", follow_ups)
    }
}

fn occurrences(model: &Model, history: &History, value: &str, path: &str) -> Option<Occurrences> {
    let path = path.to_owned();
    let id = (
        model.repo.root().to_path_buf(),
        format!("{}{}", keys::mark(value), value.len()),
        path.clone(),
    );
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(answer) = known().get(&id) {
        return answer.clone();
    }
    let own = [path.as_str()];
    let paths: &[&str] = match value.len() < DISTINCTIVE {
        true => &own,
        false => &[],
    };
    let answer = history.find_value(value, paths, BUDGET);
    known().insert(id, answer.clone());
    answer
}

/// The text between the quotes, where escapes make another value of it: files hold the escapes.
fn as_written(model: &Model, sighting: &Sighting<'_>) -> Option<String> {
    let [secret] = sighting.secrets.as_slice() else {
        return None;
    };
    let file = model.repo.file(&secret.path)?;
    let text = file.text.slice(secret.span);
    text.contains('\\').then(|| text.to_owned())
}

/// Which commits hold the value.
fn message(key: &str, value: &str, found: &Occurrences) -> String {
    let more = if found.complete { "" } else { " or more" };
    let commits = match found.commits {
        1 => "1 commit".to_owned(),
        number => format!("{number}{more} commits"),
    };
    let (first, last) = (&found.first, &found.last);
    let since = match first.id == last.id {
        true => format!("{} of {}", first.id, first.date),
        false => format!(
            "from {} of {} to {} of {}",
            first.id, first.date, last.id, last.date
        ),
    };
    let after = match keys::kind(key) {
        Kind::Key => "it stays known after it is removed, and has to be replaced",
        Kind::Salt => "it stays known after it is removed",
    };
    format!(
        "{key} (fingerprint {}) is in {commits}, {since}: {after}.",
        keys::mark(value)
    )
}

fn in_file(setting: &FileSetting, found: &Occurrences) -> Finding {
    let message = message(&setting.key, &setting.text, found);
    let finding = Finding::new(ABOUT.id, setting.entry.clone(), ABOUT.severity, message)
        .subject(setting.key.clone())
        .secret(setting.value.clone());
    match setting.is_overridden {
        true => {
            let mut finding = finding.unreachable("Production overrides it.");
            finding.severity = Severity::Low;
            finding
        }
        false => finding,
    }
}

fn finding(sighting: &Sighting<'_>, found: &Occurrences) -> Finding {
    let message = message(sighting.key, &sighting.value, found);
    let key = sighting.key;
    let finding = Finding::new(
        ABOUT.id,
        sighting.statement.clone(),
        ABOUT.severity,
        message,
    )
    .subject(key);
    let secrets = sighting.secrets.iter().cloned();
    let finding = secrets.fold(finding, Finding::secret);
    match &sighting.weight {
        Weight::Production => finding,
        Weight::Perhaps(_) => {
            let mut finding = finding.confidence(Confidence::Medium);
            finding.severity = Severity::Medium;
            finding
        }
        Weight::Overridden(why) => {
            let mut finding = finding.unreachable(why);
            finding.severity = Severity::Low;
            finding
        }
    }
}
