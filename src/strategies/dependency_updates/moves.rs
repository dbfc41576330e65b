//! What `dependencies-vulnerable` does about a vulnerable package: the moves as a patch.

use pep440_rs::Version;

use super::{breakage, listed, spelled};
use crate::edit::dependency::{Change, bump_all, respecify};
use crate::finding::{Edit, Patch, PatchKind, RemedyOption};
use crate::model::Model;
use crate::model::dependencies::{PythonRequires, Step, Upgrade};

/// The option that lets a project leave an old Python behind.
pub(super) const PYTHON: &str = "dependencies-vulnerable.python";

/// The promise of an old Python that keeps a fixed version away, where an edit could raise it.
pub(super) fn promise_in_the_way<'a>(
    model: &'a Model,
    upgrade: &Upgrade,
) -> Option<&'a PythonRequires> {
    let mut left = upgrade.left_open.iter();
    let held = left.any(|left| left.needs_python.is_some());
    let promise = model.dependencies.python_requires();
    promise.filter(|promise| held && promise.notation.is_some())
}

pub(super) fn python_option(promise: &PythonRequires, raises: bool) -> RemedyOption {
    let floor = promise
        .floor()
        .map_or_else(String::new, |floor| floor.to_string());
    RemedyOption {
        key: PYTHON,
        question: format!(
            "{} promises Python {floor}, which the fixed releases no longer support. Keep the \
             promise, or raise it?",
            promise.from.path
        ),
        choices: vec!["keep".into(), "raise".into()],
        value: if raises { "raise" } else { "keep" }.into(),
    }
}

/// The moves that a newer Python allows, and the promise raised to it.
pub(super) fn beyond_python(model: &Model, package: &str, promise: &PythonRequires) -> Patch {
    let upgrade = Upgrade::beyond_python(&model.dependencies, &model.advisories, package);
    let mut patch = moves(model, &upgrade);
    if patch.kind == PatchKind::Manual {
        return patch;
    }
    let raised = upgrade.python.as_ref().zip(promise.notation);
    let text = model
        .repo
        .file(&promise.from.path)
        .map(|file| file.text.slice(promise.from.span));
    let raised = raised
        .zip(text)
        .and_then(|((python, notation), text)| Some((python, respecify(text, notation, python)?)));
    let Some((python, text)) = raised else {
        return patch.follow_up(format!(
            "Raise the Python that {} promises.",
            promise.from.path
        ));
    };
    patch.kind = PatchKind::Review;
    patch
        .edit(Edit::replace(&promise.from.path, promise.from.span, text))
        .may_break(format!(
            "Whoever runs a Python older than {python} stays on the last release."
        ))
        .follow_up("Drop the older Pythons from classifiers, CI and documentation.")
}

/// The moves that fix `package`. Where only a lock names it there is nothing to edit for it:
/// the command that renews the lock is all there is.
pub(super) fn fixed(model: &Model, package: &str, upgrade: &Upgrade) -> Patch {
    let deps = &model.dependencies;
    if !deps.declarations(package).is_empty() || is_worth_naming(package) {
        return moves(model, upgrade);
    }
    let patch = moves(model, upgrade);
    let title = match upgrade.moves(package) {
        Some(one) => format!("Raise {} to {} in the lock", spelled(package), one.to),
        None => patch.title,
    };
    Patch::manual(title, patch.follow_ups)
}

/// Applications depend on these two by themselves: naming them is what makes a lock follow.
pub(super) fn is_worth_naming(package: &str) -> bool {
    matches!(package, "flask" | "werkzeug")
}

/// Moved packages that only a lock names, and that are worth naming.
fn named_anew(model: &Model, upgrade: &Upgrade) -> Vec<Edit> {
    let deps = &model.dependencies;
    let only_locked = upgrade
        .moves
        .iter()
        .filter(|one| is_worth_naming(&one.package) && deps.declarations(&one.package).is_empty());
    only_locked
        .map(|one| Edit::dependency(format!("{}>={}", spelled(&one.package), one.to)))
        .collect()
}

fn moves(model: &Model, upgrade: &Upgrade) -> Patch {
    let wanted: Vec<(&str, Version)> = upgrade
        .moves
        .iter()
        .map(|one| (one.package.as_str(), one.to.clone()))
        .collect();
    let shown: Vec<String> = wanted
        .iter()
        .map(|(name, version)| format!("{} to {version}", spelled(name)))
        .collect();
    let title = match shown.as_slice() {
        [only] => format!("Raise {only}"),
        all => format!("Raise {} together", listed(all)),
    };
    let named = named_anew(model, upgrade);
    let change = match bump_all(&model.dependencies, &wanted) {
        Ok(change) => change,
        Err(manual) if named.is_empty() => return Patch::manual(title, manual.sentences()),
        Err(manual) => Change {
            edits: Vec::new(),
            follow_ups: manual.sentences(),
        },
    };
    let renews_lock = change
        .follow_ups
        .iter()
        .any(|line| line.starts_with("Renew "));
    let kind = if upgrade.step() == Step::Patch && !renews_lock {
        PatchKind::Safe
    } else {
        PatchKind::Review
    };
    let mut patch = Patch::new(kind, title, guarantee(model, upgrade))
        .edits(change.edits)
        .edits(named);
    patch.may_break = breakage::of(model, upgrade);
    if renews_lock {
        patch = patch.may_break("Installations that insist on the lock fail until it is renewed.");
    }
    patch.follow_ups = change.follow_ups;
    patch.follow_ups.extend(
        upgrade
            .held_by
            .iter()
            .map(|held| format!("It goes no further, because {held}.")),
    );
    if upgrade.step() == Step::Patch {
        return patch;
    }
    patch.follow_up("Install the new versions and run the test-suite before you merge.")
}

fn guarantee(model: &Model, upgrade: &Upgrade) -> String {
    let names: Vec<&str> = upgrade
        .moves
        .iter()
        .map(|one| spelled(&one.package))
        .collect();
    let left: Vec<&str> = upgrade
        .left_open
        .iter()
        .flat_map(|left| left.advisories.iter().map(String::as_str))
        .collect();
    let together = match names.as_slice() {
        [_] => String::new(),
        all => format!("{} work together. ", listed(all)),
    };
    let date = &model.advisories.date;
    let open = match left.as_slice() {
        [] => format!("No advisory known on {date} is open for {}", listed(&names)),
        [only] => format!("Of the advisories known on {date} only {only} stays open"),
        left => format!(
            "Of the advisories known on {date} {} stay open, which no version within reach fixes",
            left.len()
        ),
    };
    format!("{together}{open}")
}

pub(super) fn unfixed_patch(package: &str, upgrade: &Upgrade) -> Patch {
    let mut steps: Vec<String> = upgrade
        .held_by
        .iter()
        .map(|held| format!("{} goes no further, because {held}.", spelled(package)))
        .collect();
    if let Some(python) = upgrade
        .left_open(package)
        .and_then(|left| left.needs_python.as_ref())
    {
        steps.push(format!(
            "Raise the lowest supported Python to {python}, then scan again."
        ));
    }
    if steps.is_empty() {
        steps.push(format!(
            "No release of {package} fixes it: avoid what the advisory describes, or replace it."
        ));
    }
    Patch::manual(format!("Make room for a fixed {}", spelled(package)), steps)
}
