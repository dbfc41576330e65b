//! From a preview to files on disk or commits on a branch.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::{CommitPreview, Preview, Session};
use crate::diff::{FileChange, patch_text};
use crate::error::Error;
use crate::git::{Created, NewCommit, Repo, is_executable, write_files};
use crate::patch::NewText;
use crate::strategies::secret_key::fresh::{self, Fresh};

#[cfg(unix)]
fn only_for_its_owner(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt as _;

    let owner = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(path, owner).map_err(|source| Error::Unwritable {
        path: path.into(),
        source,
    })
}

#[cfg(not(unix))]
fn only_for_its_owner(_path: &Path) -> Result<(), Error> {
    Ok(())
}

impl Session {
    /// The whole preview as one patch that `git apply` accepts. Nothing in it is masked.
    pub fn patch_text(&self, preview: &Preview) -> String {
        patch_text(&self.whole(preview))
    }

    /// Writes the files where they lie, all of them or none, and gives their paths.
    pub fn write(&self, preview: &Preview) -> Result<Vec<Arc<str>>, Error> {
        let changes = self.whole(preview);
        write_files(self.model.repo.root(), &changes)?;
        Ok(changes.into_iter().map(|change| change.path).collect())
    }

    /// Writes fresh keys into files that git ignores. No difference shows them, and no commit
    /// holds them.
    pub fn write_keys(&self, fresh: &[Fresh]) -> Result<(), Error> {
        let texts = fresh::texts(&self.model, fresh)?;
        let root = self.model.repo.root();
        let changes: Vec<FileChange> = texts
            .iter()
            .map(|(path, text)| {
                let on_disk = self.model.repo.file(path).map(|file| file.text.as_str());
                FileChange::new(path, on_disk, text)
            })
            .collect();
        write_files(root, &changes)?;
        let new = changes.iter().filter(|change| change.before.is_none());
        for change in new {
            only_for_its_owner(&root.join(&*change.path))?;
        }
        Ok(())
    }

    /// Makes `branch` with one commit per strategy. HEAD, the index and the files stay as they
    /// are; on an error there is no branch.
    pub fn apply(&self, preview: &Preview, branch: &str) -> Result<Created, Error> {
        let repo = Repo::open(self.model.repo.root())?;
        Ok(repo.commit_branch(branch, &self.new_commits(&preview.commits))?)
    }

    pub(super) fn whole(&self, preview: &Preview) -> Vec<FileChange> {
        let texts = preview.composition.texts.iter();
        texts
            .map(|(path, new)| self.change(path, new, &BTreeMap::new()))
            .collect()
    }

    pub(super) fn new_commits(&self, commits: &[CommitPreview]) -> Vec<NewCommit> {
        let mut written: BTreeMap<&Arc<str>, &NewText> = BTreeMap::new();
        let mut made = Vec::new();
        for commit in commits {
            let texts = commit.texts.iter();
            made.push(NewCommit {
                message: format!("{}\n\n{}", commit.subject, commit.body),
                changes: texts
                    .map(|(path, new)| self.change(path, new, &written))
                    .collect(),
            });
            written.extend(&commit.texts);
        }
        made
    }

    /// The change to `new` from what an earlier commit wrote, else from what is on disk.
    pub(super) fn change(
        &self,
        path: &Arc<str>,
        new: &NewText,
        written: &BTreeMap<&Arc<str>, &NewText>,
    ) -> FileChange {
        let on_disk = self.model.repo.file(path).map(|file| file.text.as_str());
        let earlier = written.get(path).map(|new| new.text.as_str());
        let runs = is_executable(&self.model.repo.root().join(&**path));
        FileChange {
            executable: new.executable || (on_disk.is_some() && runs),
            ..FileChange::new(path, earlier.or(on_disk), &new.text)
        }
    }
}
