//! `secret-key-committed`: no key is in a tracked file or in the git history.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use super::keys::{self, Kind};
use super::sightings::{self, Sighting, Weight};
use super::{in_files, report};
use crate::discover::{History, Occurrences, Wanted};
use crate::finding::{Confidence, Finding, Patch, Severity, Verdict};
use crate::model::Model;
use crate::model::config::{Environment, Value, Write};
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

/// For all values of a scan: a history that takes longer is searched in part, and the finding
/// says so. The files that hold the values come first.
const BUDGET: Duration = Duration::from_millis(1500);

/// Shorter values stand in many files that have nothing to do with keys.
const DISTINCTIVE: usize = 12;

/// What the history says of values. A scan asks more than once, each time a patch is proven.
static KNOWN: LazyLock<Mutex<HashMap<Asked, Option<Occurrences>>>> = LazyLock::new(Mutex::default);

/// Repository, file, and the value by its mark and length: no value is kept.
type Asked = (PathBuf, String, String);

impl Control for SecretKeyCommitted {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let Ok(history) = History::open(model.repo.root()) else {
            return Verdict::not_applicable("the folder is in no git repository");
        };
        let sightings = sightings::all(model);
        let settings: Vec<FileSetting> = in_files::all(model).collect();
        let written: Vec<Option<String>> =
            sightings.iter().map(|it| as_written(model, it)).collect();
        let in_code = sightings.iter().zip(&written).map(|(it, written)| {
            let sought = written.as_deref().unwrap_or(&it.value);
            (sought, &**it.path())
        });
        let in_files = settings.iter().map(|it| (&*it.text, &*it.value.path));
        let asked: Vec<(&str, &str)> = in_code.chain(in_files).collect();
        let answers = occurrences(model.repo.root(), &history, &asked);
        let mut findings: Vec<Finding> = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        let mut is_first = |value| {
            let is_new = !seen.contains(&value);
            seen.push(value);
            is_new
        };
        let (of_code, of_files) = answers.split_at(sightings.len());
        for (sighting, found) in sightings.iter().zip(of_code) {
            let found = found.as_ref().filter(|_| is_first(&sighting.value));
            findings.extend(found.map(|found| finding(sighting, found)));
        }
        for (setting, found) in settings.iter().zip(of_files) {
            let found = found.as_ref().filter(|_| is_first(&setting.text));
            findings.extend(found.map(|found| in_file(setting, found)));
        }
        findings.extend(tracked_files(model, &history));
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

/// What the history says of each value and its file.
fn occurrences(root: &Path, history: &History, asked: &[(&str, &str)]) -> Vec<Option<Occurrences>> {
    let id = |(value, path): &(&str, &str)| -> Asked {
        let mark = format!("{}{}", keys::mark(value), value.len());
        (root.to_path_buf(), (*path).to_owned(), mark)
    };
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let open: Vec<&(&str, &str)> = {
        let known = known();
        asked
            .iter()
            .filter(|it| !known.contains_key(&id(it)))
            .collect()
    };
    if !open.is_empty() {
        let files: Vec<[&str; 1]> = open.iter().map(|(_, path)| [*path]).collect();
        let wanted: Vec<Wanted<'_>> = open
            .iter()
            .zip(&files)
            .map(|((value, _), files)| Wanted {
                value,
                files,
                everywhere: value.len() >= DISTINCTIVE,
            })
            .collect();
        let found = history.search(&wanted, BUDGET);
        let mut known = known();
        for (asked, found) in open.into_iter().zip(found) {
            known.insert(id(asked), found.occurrences);
        }
    }
    let known = known();
    asked
        .iter()
        .map(|it| known.get(&id(it)).cloned().flatten())
        .collect()
}

/// Files that a key is read from as a whole, and that git tracks.
fn tracked_files(model: &Model, history: &History) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for key in keys::names() {
        for write in model.configuration.writes(key) {
            let Some(path) = key_file(model, history, write) else {
                continue;
            };
            let message = format!(
                "{key} is read from {path}, which is part of the repository: whoever reads it can \
                 {}.",
                keys::gain(key)
            );
            let at = write.place();
            let finding = Finding::new(ABOUT.id, at, ABOUT.severity, message).subject(key);
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
    }
    findings
}

/// `open("key.txt").read()`: the tracked file, where production's key comes from it alone.
fn key_file(model: &Model, history: &History, write: &Write) -> Option<String> {
    let Value::Entry(entry) = &write.value else {
        return None;
    };
    let purpose = model.modules.get(write.module).file.purpose;
    let counts = write.in_environment(Environment::Production) && purpose.is_application();
    if !counts || !entry.keys.is_empty() {
        return None;
    }
    let root = write
        .app
        .map_or("", |app| model.apps.get(app).root.as_str());
    let name = entry.files.first()?.trim_start_matches("./");
    let below = format!("{root}/{name}");
    let mut places = [name, below.trim_start_matches('/')].into_iter();
    let is_tracked = |path: &&str| history.is_tracked(path).unwrap_or(false);
    places.find(is_tracked).map(str::to_owned)
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
    let least = if found.complete { "" } else { "at least " };
    let commits = match found.commits {
        1 => format!("{least}1 commit"),
        number => format!("{least}{number} commits"),
    };
    let in_part = match found.complete {
        true => "",
        false => " The history is too long, or not all here, and was searched in part.",
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
        "{key} (fingerprint {}) is in {commits}, {since}: {after}.{in_part}",
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
