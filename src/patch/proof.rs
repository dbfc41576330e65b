//! A patch proves itself before it is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::Composition;
use crate::assessment::{Assessed, Assessment};
use crate::model::Model;

/// The application after a composition, proven to be better.
#[derive(Debug)]
pub struct Proven {
    pub model: Model,
    pub assessment: Assessment,
}

/// What is wrong with a composition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// A file was patched that has, or would have, a syntax error.
    Syntax { path: Arc<str>, error: String },
    /// A finding that should be gone is still there.
    StillThere { fingerprint: String },
    /// A finding that was not there before.
    New {
        fingerprint: String,
        message: String,
    },
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { path, error } => write!(f, "{path}: {error}"),
            Self::StillThere { .. } => write!(f, "the finding would still be there"),
            Self::New { message, .. } => write!(f, "it would bring a new finding: {message}"),
        }
    }
}

/// Re-parses and re-assesses the application as `composition` would leave it: touched Python
/// has no syntax error, each of the `mended` findings is gone, and no new one appears.
pub fn prove(
    model: &Model,
    before: &Assessment,
    composition: &Composition,
    mended: &BTreeSet<String>,
) -> Result<Proven, Vec<Flaw>> {
    let before_problems = problems(model);
    let texts = composition.texts.iter();
    let repo = model
        .repo
        .with_texts(texts.map(|(path, new)| (Arc::clone(path), new.text.clone())));
    let model = model.rebuild(Arc::new(repo));
    let mut flaws = syntax_flaws(&model, composition);
    flaws.extend(manifest_flaws(&before_problems, &model, composition));
    let after = Assessment::of(&model);
    flaws.extend(finding_flaws(before, &after, mended));
    if flaws.is_empty() {
        return Ok(Proven {
            model,
            assessment: after,
        });
    }
    Err(flaws)
}

/// What stays the same of a finding when other patches change its line.
type Kind<'a> = (&'a str, &'a str, &'a str);

/// Findings are counted by kind: each mended one must make one less, and no kind may grow. A
/// mended finding may leave one that is milder in its place: a template that runs no value of a
/// client any more still stands in the code.
fn finding_flaws(before: &Assessment, after: &Assessment, mended: &BTreeSet<String>) -> Vec<Flaw> {
    let mut allowed: BTreeMap<Kind<'_>, usize> = BTreeMap::new();
    let mut mended_kinds = BTreeMap::new();
    let mut exchanged: Vec<&Assessed> = Vec::new();
    for found in &before.findings {
        if mended.contains(&found.fingerprint) {
            mended_kinds.insert(kind(found), found.fingerprint.clone());
            exchanged.push(found);
        } else {
            *allowed.entry(kind(found)).or_default() += 1;
        }
    }
    for accepted in &before.accepted {
        *allowed.entry(kind(&accepted.found)).or_default() += 1;
    }
    let mut flaws = Vec::new();
    for found in &after.findings {
        let left = allowed.entry(kind(found)).or_default();
        if let Some(fewer) = left.checked_sub(1) {
            *left = fewer;
            continue;
        }
        let worse = exchanged.iter().position(|worse| leaves(worse, found));
        if let Some(place) = worse {
            exchanged.swap_remove(place);
            continue;
        }
        if has_moved(before, after, found) {
            continue;
        }
        flaws.push(match mended_kinds.get(&kind(found)) {
            Some(fingerprint) => Flaw::StillThere {
                fingerprint: fingerprint.clone(),
            },
            None => Flaw::New {
                fingerprint: found.fingerprint.clone(),
                message: found.finding.message.clone(),
            },
        });
    }
    flaws
}

/// Whether mending `worse` may leave `milder`: another control of its strategy, in its file.
fn leaves(worse: &Assessed, milder: &Assessed) -> bool {
    let (before, after) = (&worse.finding, &milder.finding);
    worse.about.id != milder.about.id
        && worse.about.strategy.id == milder.about.strategy.id
        && after.severity < before.severity
        && !after.absent
        && before.path() == after.path()
}

/// What is said once of several places (a key that two files hold) is said of the next one when
/// the first is mended.
fn has_moved(before: &Assessment, after: &Assessment, found: &Assessed) -> bool {
    let is_same = |one: &&Assessed| {
        one.about.id == found.about.id
            && one.finding.subject == found.finding.subject
            && one.finding.message == found.finding.message
    };
    let mut old = before.findings.iter().filter(is_same);
    old.any(|old| !after.findings.iter().any(|new| kind(new) == kind(old)))
}

fn kind(found: &Assessed) -> Kind<'_> {
    let finding = &found.finding;
    // The best place to add what is nowhere may move when a patch adds a file.
    let path = if finding.absent { "" } else { finding.path() };
    (found.about.id, path, &finding.subject)
}

/// How many lines of each manifest are not understood.
fn problems(model: &Model) -> BTreeMap<Arc<str>, usize> {
    let mut counts = BTreeMap::new();
    for problem in &model.dependencies.problems {
        *counts
            .entry(Arc::clone(&problem.location.path))
            .or_default() += 1;
    }
    counts
}

/// Touched manifests that are understood less well than before.
fn manifest_flaws(
    before: &BTreeMap<Arc<str>, usize>,
    model: &Model,
    composition: &Composition,
) -> Vec<Flaw> {
    let after = problems(model);
    let touched = composition.texts.keys();
    let worse = touched.filter(|path| after.get(*path) > before.get(*path));
    worse
        .map(|path| {
            let all = model.dependencies.problems.iter();
            let reason = all
                .filter(|problem| problem.location.path == *path)
                .map(|problem| problem.reason.clone())
                .next_back();
            Flaw::Syntax {
                path: Arc::clone(path),
                error: reason.unwrap_or_default(),
            }
        })
        .collect()
}

fn syntax_flaws(model: &Model, composition: &Composition) -> Vec<Flaw> {
    let touched = composition.texts.keys();
    touched
        .filter_map(|path| {
            let module = model.modules.get(model.modules.by_path(path)?);
            let error = module.syntax_error()?;
            Some(Flaw::Syntax {
                path: Arc::clone(path),
                error,
            })
        })
        .collect()
}
