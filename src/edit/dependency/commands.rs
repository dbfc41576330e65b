//! The command that renews a lock: locks are never edited.

use crate::model::dependencies::{Dependencies, Format, Manifest};
use crate::parse::requirements::Generator;

/// What to run so that every lock that names one of `packages` takes the new versions, one
/// sentence per lock.
pub(super) fn renewals(deps: &Dependencies, packages: &[&str]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for lock in deps
        .manifests
        .iter()
        .filter(|manifest| manifest.is_locked())
    {
        let held: Vec<&str> = packages
            .iter()
            .copied()
            .filter(|package| holds(deps, lock, package))
            .collect();
        if held.is_empty() {
            continue;
        }
        let sentence = format!("Renew {}: {}.", lock.path, command(lock, &held));
        if !found.contains(&sentence) {
            found.push(sentence);
        }
    }
    found
}

fn holds(deps: &Dependencies, lock: &Manifest, package: &str) -> bool {
    let sources = deps.sources_of(lock);
    let declared = sources
        .iter()
        .any(|source| source.declared(package).is_some());
    declared || lock.declared(package).is_some()
}

fn command(lock: &Manifest, packages: &[&str]) -> String {
    let each = |option: &str| {
        let words: Vec<String> = packages
            .iter()
            .map(|package| format!("{option} {package}"))
            .collect();
        words.join(" ")
    };
    let all = packages.join(" ");
    match lock.format {
        Format::PoetryLock => format!("`poetry update {all}`"),
        Format::UvLock => format!("`uv lock {}`", each("--upgrade-package")),
        Format::PdmLock => format!("`pdm update {all}`"),
        Format::PipfileLock => format!("`pipenv upgrade {all}`"),
        Format::PyLock => "run the tool that wrote it".to_owned(),
        _ => generated(lock, &each("--upgrade-package")),
    }
}

fn generated(lock: &Manifest, upgrades: &str) -> String {
    let Some(header) = &lock.generated else {
        return "run the tool that wrote it".to_owned();
    };
    match (header.by, &header.command) {
        (Generator::PipCompile | Generator::Uv, Some(command)) => {
            format!("`{command} {upgrades}`")
        }
        (Generator::PipCompile, None) => format!("`pip-compile {upgrades}`"),
        (_, Some(command)) => format!("`{command}`"),
        (_, None) => "run the tool that wrote it".to_owned(),
    }
}
