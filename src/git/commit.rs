//! Commits in the object store, and the branch that names the last of them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use git2::{Commit, ObjectType, Oid, Signature, Tree};

use super::Repo;
use super::open::short_id;
use super::place::{EXECUTABLE, FILE, FOLDER, Place};
use crate::diff::FileChange;
use crate::error::GitError;

/// One commit to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommit {
    /// Subject, and body behind an empty line.
    pub message: String,
    /// The files that this commit changes, with their whole texts after it.
    pub changes: Vec<FileChange>,
}

/// A branch that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    pub branch: String,
    /// The full name of its last commit: what [`Repo::delete_branch`] asks for.
    pub tip: String,
    /// Abbreviated names and subjects, the oldest first.
    pub commits: Vec<(String, String)>,
}

/// What was found to be in order before anything is written.
struct Checked<'a> {
    base: Commit<'a>,
    author: Signature<'static>,
    committer: Signature<'static>,
    targets: BTreeMap<&'a str, Target>,
}

/// Where a file goes.
struct Target {
    /// Its path in the repository.
    file: String,
    mode: i32,
}

/// Blob and mode to put at a path, or nothing to remove what is there.
type Update = Option<(Oid, i32)>;

impl Repo {
    /// Makes `branch` with `commits` on top of HEAD. Each commit's changes hold whole texts as
    /// they are after it; a commit that changes nothing is left out.
    ///
    /// The texts before, in a file's first change, must be what is on disk, and the same as in
    /// HEAD. Neither HEAD nor the index nor the working tree is touched, and the branch comes
    /// last: on an error there is no branch.
    pub fn commit_branch(&self, branch: &str, commits: &[NewCommit]) -> Result<Created, GitError> {
        let checked = self.check(branch, commits)?;
        let mut made = Vec::new();
        let mut tip = checked.base.clone();
        for commit in commits {
            if let Some(next) = self.write_commit(&checked, &tip, commit)? {
                made.push((short_id(next.as_object())?, subject(&next)));
                tip = next;
            }
        }
        if made.is_empty() {
            return Err(GitError::NothingToCommit);
        }
        self.create_branch(branch, tip.id())?;
        Ok(Created {
            branch: branch.to_owned(),
            tip: tip.id().to_string(),
            commits: made,
        })
    }

    fn check<'a>(
        &'a self,
        branch: &str,
        commits: &'a [NewCommit],
    ) -> Result<Checked<'a>, GitError> {
        self.check_branch_name(branch)?;
        self.check_locks(branch)?;
        let (author, committer) = self.identity()?;
        if commits
            .iter()
            .any(|commit| commit.message.trim().is_empty())
        {
            return Err(GitError::NoMessage);
        }
        let mut first = BTreeMap::new();
        for change in commits.iter().flat_map(|commit| &commit.changes) {
            first.entry(&*change.path).or_insert(change);
        }
        let reading = |error| GitError::from_git("reading HEAD's files", &error);
        let base = self.head_commit()?;
        let head = base.tree().map_err(reading)?;
        let mut targets = BTreeMap::new();
        for (path, change) in &first {
            targets.insert(*path, self.target(&head, change)?);
        }
        self.check_disk(&first)?;
        if !commits
            .iter()
            .any(|commit| changes_something(commit, &first))
        {
            return Err(GitError::NothingToCommit);
        }
        Ok(Checked {
            base,
            author,
            committer,
            targets,
        })
    }

    /// Where a file's first change puts it, if it may be put there.
    fn target(&self, head: &Tree<'_>, change: &FileChange) -> Result<Target, GitError> {
        let path = &*change.path;
        let file = self.tree.in_repository(path)?;
        let place = self.place(head, &file, path)?;
        let on_disk = self.on_disk(&file, path)?;
        let shown = || path.to_owned();
        if on_disk.as_ref().is_some_and(|found| found.is_symlink()) {
            return Err(GitError::Link { path: shown() });
        }
        let mode = match (place, &change.before) {
            (Place::File { mode, .. }, Some(_)) => mode,
            (Place::Nothing, Some(_)) if self.is_staged(&file) => {
                let paths = vec![shown()];
                return Err(GitError::Uncommitted { paths });
            }
            (Place::Nothing, Some(_)) => return Err(GitError::Untracked { path: shown() }),
            (Place::File { .. }, None) => return Err(GitError::Exists { path: shown() }),
            (Place::Nothing, None) if on_disk.is_some() => {
                return Err(GitError::Exists { path: shown() });
            }
            (Place::Nothing, None) if self.ignores(&file)? => {
                return Err(GitError::Ignored { path: shown() });
            }
            (Place::Nothing, None) if change.executable => EXECUTABLE,
            (Place::Nothing, None) => FILE,
        };
        self.check_filters(&file, path)?;
        Ok(Target { file, mode })
    }

    fn is_staged(&self, file: &str) -> bool {
        let index = self.git().index();
        index.is_ok_and(|index| index.get_path(Path::new(file), 0).is_some())
    }

    fn ignores(&self, file: &str) -> Result<bool, GitError> {
        self.git()
            .is_path_ignored(file)
            .map_err(|error| GitError::from_git("reading .gitignore", &error))
    }

    /// Whether each file on disk is what HEAD holds and what the plan was made from.
    fn check_disk(&self, first: &BTreeMap<&str, &FileChange>) -> Result<(), GitError> {
        let paths: Vec<_> = first.keys().copied().collect();
        let uncommitted = self.uncommitted(&paths)?;
        if !uncommitted.is_empty() {
            return Err(GitError::Uncommitted { paths: uncommitted });
        }
        for (path, change) in first {
            let Some(before) = &change.before else {
                continue;
            };
            let file = self.tree.in_repository(path)?;
            let stale = match fs::read(self.tree.folder.join(file)) {
                Ok(bytes) => bytes != before.as_bytes(),
                Err(error) => error.kind() != io::ErrorKind::NotFound,
            };
            if stale {
                return Err(GitError::Stale {
                    path: (*path).to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Writes the blobs, trees and the commit; nothing when the tree stays the same.
    fn write_commit(
        &self,
        checked: &Checked<'_>,
        parent: &Commit<'_>,
        commit: &NewCommit,
    ) -> Result<Option<Commit<'_>>, GitError> {
        let reading = |error| GitError::from_git("reading HEAD's files", &error);
        let mut updates = BTreeMap::new();
        for change in &commit.changes {
            let Some(target) = checked.targets.get(&*change.path) else {
                continue;
            };
            let update = match &change.after {
                Some(text) => Some((self.write_blob(&target.file, text)?, target.mode)),
                None => None,
            };
            updates.insert(target.file.as_str(), update);
        }
        let old = parent.tree().map_err(reading)?;
        let new = self.write_tree(Some(&old), &updates)?;
        let new = match new {
            Some(id) => id,
            None => self.write_empty_tree()?,
        };
        if new == old.id() {
            return Ok(None);
        }
        let writing = |error| GitError::from_write("writing the commit", &error);
        let message = git2::message_prettify(commit.message.as_str(), None).map_err(writing)?;
        let tree = self.git().find_tree(new).map_err(reading)?;
        let (author, committer) = (&checked.author, &checked.committer);
        let id = self
            .git()
            .commit(None, author, committer, &message, &tree, &[parent])
            .map_err(writing)?;
        self.git().find_commit(id).map(Some).map_err(reading)
    }

    /// Writes `text` as `git add` would: line ends as the attributes of `file` ask for them.
    fn write_blob(&self, file: &str, text: &str) -> Result<Oid, GitError> {
        let writing = |error| GitError::from_write("writing a file's new text", &error);
        let writer = self.git().blob_writer(Some(Path::new(file)));
        let mut writer = writer.map_err(writing)?;
        writer
            .write_all(text.as_bytes())
            .map_err(|error| GitError::ReadOnly {
                message: error.to_string(),
            })?;
        writer.commit().map_err(writing)
    }

    /// The tree `base` with `updates`, whose paths are relative to it; nothing when no entry
    /// is left, since git keeps no empty folders.
    fn write_tree(
        &self,
        base: Option<&Tree<'_>>,
        updates: &BTreeMap<&str, Update>,
    ) -> Result<Option<Oid>, GitError> {
        let writing = |error| GitError::from_write("writing the folders", &error);
        let mut builder = self.git().treebuilder(base).map_err(writing)?;
        let mut folders: BTreeMap<&str, BTreeMap<&str, Update>> = BTreeMap::new();
        for (path, update) in updates {
            if let Some((folder, rest)) = path.split_once('/') {
                folders.entry(folder).or_default().insert(rest, *update);
                continue;
            }
            match update {
                Some((blob, mode)) => {
                    builder.insert(*path, *blob, *mode).map_err(writing)?;
                }
                None if builder.get(*path).map_err(writing)?.is_some() => {
                    builder.remove(*path).map_err(writing)?;
                }
                None => {}
            }
        }
        for (folder, updates) in &folders {
            let known = builder.get(*folder).map_err(writing)?;
            let known = known.filter(|entry| entry.kind() == Some(ObjectType::Tree));
            let old = known.map(|entry| entry.id());
            let old = old.map(|id| self.git().find_tree(id)).transpose();
            match self.write_tree(old.map_err(writing)?.as_ref(), updates)? {
                Some(id) => {
                    builder.insert(*folder, id, FOLDER).map_err(writing)?;
                }
                None if builder.get(*folder).map_err(writing)?.is_some() => {
                    builder.remove(*folder).map_err(writing)?;
                }
                None => {}
            }
        }
        match builder.is_empty() {
            true => Ok(None),
            false => builder.write().map(Some).map_err(writing),
        }
    }

    fn write_empty_tree(&self) -> Result<Oid, GitError> {
        let writing = |error| GitError::from_write("writing the folders", &error);
        let builder = self.git().treebuilder(None).map_err(writing)?;
        builder.write().map_err(writing)
    }
}

/// Whether the commit leaves a file other than it was before the first of them.
fn changes_something(commit: &NewCommit, first: &BTreeMap<&str, &FileChange>) -> bool {
    let differs = |change: &FileChange| {
        let before = first.get(&*change.path).map(|first| &first.before);
        before != Some(&change.after)
    };
    commit.changes.iter().any(differs)
}

fn subject(commit: &Commit<'_>) -> String {
    let summary = commit.summary_bytes().unwrap_or_default();
    String::from_utf8_lossy(summary).into_owned()
}
