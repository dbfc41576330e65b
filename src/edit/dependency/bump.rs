//! Declared packages raised to newer versions.

use pep440_rs::Version;

use super::commands::renewals;
use super::respecify::respecify;
use super::{Change, Manual};
use crate::finding::Edit;
use crate::model::dependencies::{Declared, Dependencies, How, Manifest, Role, Specifier};
use crate::text::Span;

/// What raises one package to `version`: the hand-written declarations that stand in the way,
/// rewritten in their own style, and the commands that renew the locks.
///
/// `Manual` when no hand-written line can be changed: hash-pinned, declared nowhere, an address
/// instead of a version.
pub fn bump(deps: &Dependencies, name: &str, version: &Version) -> Result<Change, Manual> {
    let moves = [(name, version.clone())];
    let change = Change {
        edits: edits(deps, name, version)?,
        follow_ups: renewals(deps, &[name]),
    };
    finish(change, &moves)
}

/// Raises several packages at once. Those that no edit can raise are named in the follow-ups;
/// `Manual` only when none can be.
pub fn bump_all(deps: &Dependencies, moves: &[(&str, Version)]) -> Result<Change, Manual> {
    let mut change = Change::default();
    let mut left = Vec::new();
    for (name, version) in moves {
        match edits(deps, name, version) {
            Ok(edits) => change.edits.extend(edits),
            Err(manual) => left.push(manual),
        }
    }
    let names: Vec<&str> = moves.iter().map(|(name, _)| *name).collect();
    change.follow_ups = renewals(deps, &names);
    let reasons = left.into_iter().flat_map(|manual| manual.sentences());
    for reason in reasons {
        if !change.follow_ups.contains(&reason) {
            change.follow_ups.push(reason);
        }
    }
    finish(change, moves)
}

fn finish(change: Change, moves: &[(&str, Version)]) -> Result<Change, Manual> {
    if !change.edits.is_empty() {
        return Ok(change);
    }
    let wanted: Vec<String> = moves
        .iter()
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    let mut follow_ups = change.follow_ups;
    let reason = match follow_ups.is_empty() {
        true => format!("No hand-written line asks for {}.", wanted.join(", ")),
        false => follow_ups.remove(0),
    };
    Err(Manual { reason, follow_ups })
}

fn edits(deps: &Dependencies, name: &str, version: &Version) -> Result<Vec<Edit>, Manual> {
    let mut edits = Vec::new();
    let mut obstacles = Vec::new();
    let by_range = is_judged_by_range(deps, name);
    for (manifest, declared) in deps.declarations(name) {
        if !needs_edit(deps, manifest, declared, version, by_range) {
            continue;
        }
        match edit(manifest, declared, version) {
            Ok(edit) => edits.push(edit),
            Err(obstacle) => obstacles.push(obstacle),
        }
    }
    if edits.is_empty() && !obstacles.is_empty() {
        return Err(Manual {
            reason: obstacles.remove(0),
            follow_ups: renewals(deps, &[name]),
        });
    }
    Ok(edits)
}

/// Whether the range itself is what an installation goes by, not a pin elsewhere.
fn is_judged_by_range(deps: &Dependencies, name: &str) -> bool {
    let how = deps.resolved(name).map(|resolved| resolved.how);
    matches!(how, Some(How::LowestOfRange | How::Unbounded))
}

fn needs_edit(
    deps: &Dependencies,
    manifest: &Manifest,
    declared: &Declared,
    version: &Version,
    by_range: bool,
) -> bool {
    match &declared.specifier {
        Specifier::Source(_) => false,
        Specifier::Unreadable(_) => manifest.role == Role::Runtime,
        specifier if !specifier.admits(version) => true,
        _ if manifest.role != Role::Runtime => false,
        specifier => {
            let admits_older = specifier.lowest().is_none_or(|lowest| lowest < *version);
            admits_older && (by_range || holds_a_lock_back(deps, manifest, declared))
        }
    }
}

/// Whether a lock that was made from this list holds an older version: the raised bound is what
/// makes the next lock take the new one.
fn holds_a_lock_back(deps: &Dependencies, manifest: &Manifest, declared: &Declared) -> bool {
    deps.manifests
        .iter()
        .filter(|lock| lock.is_locked() && lock.declared(&declared.name).is_some())
        .any(|lock| {
            deps.sources_of(lock)
                .into_iter()
                .any(|source| source == manifest)
        })
}

fn edit(manifest: &Manifest, declared: &Declared, version: &Version) -> Result<Edit, String> {
    let path = &manifest.path;
    if declared.hashes > 0 || manifest.hashed {
        return Err(format!(
            "{path} pins {name} by hash: write `{name}=={version}` with the hashes of the new \
             release (`pip hash`, `hashin`), or let `pip-compile --generate-hashes` write it.",
            name = declared.name
        ));
    }
    match (declared.version, declared.version_goes) {
        (Some(span), _) => {
            let old = &declared.specifier_text;
            let new = respecify(old, declared.notation, version).ok_or_else(|| {
                format!(
                    "{path}: `{old}` of {} has to be raised to {version} by hand.",
                    declared.name
                )
            })?;
            Ok(Edit::replace(path, span, new))
        }
        (None, Some(end)) => {
            // The name is replaced, not followed by an insertion: another patch may insert a
            // line at the very same place.
            let span = Span::new(declared.location.span.start, end);
            let text = format!("{}>={version}", declared.head);
            Ok(Edit::replace(path, span, text))
        }
        (None, None) => Err(format!(
            "{path}: {} has to be raised to {version} by hand.",
            declared.name
        )),
    }
}
