//! Dependencies in the manifests that people write: raised, and added, in the style of the file.
//!
//! Hash-pinned, generated and lock files are never edited; the command that renews them is a
//! follow-up. TOML is edited as text at spans, since editing the tree moves comments.

mod bump;
mod commands;
mod ensure;
mod list;
mod respecify;
mod style;

pub use bump::{bump, bump_all};
pub use ensure::{Wanted, ensure};
pub use respecify::respecify;

use crate::discover::Repository;
use crate::finding::{Edit, Patch};
use crate::model::dependencies::Dependencies;

/// Edits to manifests, and what a person has to run afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// Replacements and, where there is no manifest at all, a new file.
    pub edits: Vec<Edit>,
    /// Whole sentences.
    pub follow_ups: Vec<String>,
}

/// Why no edit does it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manual {
    /// A whole sentence.
    pub reason: String,
    /// What to do instead, as sentences.
    pub follow_ups: Vec<String>,
}

impl Manual {
    pub fn sentences(self) -> Vec<String> {
        let mut all = vec![self.reason];
        all.extend(self.follow_ups);
        all
    }
}

/// `patch` with what its packages mean for a person: the commands that renew locks, and what
/// no edit can add (hash-pinned lists) as words instead.
#[must_use]
pub fn settle(repo: &Repository, deps: &Dependencies, mut patch: Patch) -> Patch {
    let (packages, mut edits): (Vec<Edit>, Vec<Edit>) = std::mem::take(&mut patch.edits)
        .into_iter()
        .partition(|edit| matches!(edit, Edit::Dependency { .. }));
    for edit in packages {
        let Edit::Dependency {
            folder,
            requirement,
        } = &edit
        else {
            continue;
        };
        let wanted = Wanted {
            folder: folder.as_deref(),
            requirement,
        };
        let sentences = match ensure(repo, deps, &[wanted]) {
            Ok(change) => {
                edits.push(edit);
                change.follow_ups
            }
            Err(manual) => manual.sentences(),
        };
        for sentence in sentences {
            if !patch.follow_ups.contains(&sentence) {
                patch.follow_ups.push(sentence);
            }
        }
    }
    patch.edits = edits;
    patch
}

#[cfg(test)]
mod tests;
