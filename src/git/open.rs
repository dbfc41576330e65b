//! The repository around the scanned folder.

use std::path::Path;

use git2::ErrorCode;

use crate::discover::WorkTree;
use crate::error::GitError;

/// A git repository with files and at least one commit, seen from the scanned folder: all
/// paths that go in and come out are relative to that folder, with `/`.
pub struct Repo {
    pub(super) tree: WorkTree,
}

/// What is checked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The branch, or `None` when HEAD is detached.
    pub branch: Option<String>,
    /// The abbreviated name of the commit.
    pub commit: String,
}

impl Repo {
    /// Opens the repository that `path` (the scanned folder or file) lies in.
    ///
    /// Refuses where there is none, where it has no files (bare) or no commit (unborn), where
    /// it belongs to another user, and where libgit2 does not know its format.
    pub fn open(path: &Path) -> Result<Self, GitError> {
        let repo = Self {
            tree: WorkTree::open(path)?,
        };
        repo.head_commit()?;
        Ok(repo)
    }

    /// The repository's top folder.
    pub fn folder(&self) -> &Path {
        &self.tree.folder
    }

    pub fn head(&self) -> Result<Head, GitError> {
        let commit = self.head_commit()?;
        let head = self.git().head().map_err(reading_head)?;
        let name = String::from_utf8_lossy(head.shorthand_bytes());
        Ok(Head {
            branch: head.is_branch().then(|| name.into_owned()),
            commit: short_id(commit.as_object())?,
        })
    }

    pub(super) fn head_commit(&self) -> Result<git2::Commit<'_>, GitError> {
        let head = self.git().head().map_err(reading_head)?;
        head.peel_to_commit().map_err(reading_head)
    }

    pub(super) fn git(&self) -> &git2::Repository {
        &self.tree.repository
    }
}

fn reading_head(error: git2::Error) -> GitError {
    match error.code() {
        ErrorCode::UnbornBranch | ErrorCode::NotFound => GitError::Unborn,
        _ => GitError::from_git("reading HEAD", &error),
    }
}

/// The shortest name that is unambiguous in this repository.
pub(super) fn short_id(object: &git2::Object<'_>) -> Result<String, GitError> {
    let short = object
        .short_id()
        .map_err(|error| GitError::from_git("abbreviating a commit's name", &error))?;
    Ok(String::from_utf8_lossy(&short).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::scratch::{git, init, repository};

    #[test]
    fn head_is_a_branch_or_detached() {
        let (folder, raw) = repository(&[("app.py", "")]);
        let repo = Repo::open(folder.path()).unwrap();
        let head = repo.head().unwrap();
        assert_eq!(head.branch.as_deref(), Some("main"));
        let id = git(folder.path(), &["rev-parse", "--short", "HEAD"]);
        assert_eq!(head.commit, id.trim());
        raw.set_head_detached(raw.head().unwrap().target().unwrap())
            .unwrap();
        assert_eq!(repo.head().unwrap().branch, None);
    }

    #[test]
    fn a_repository_without_a_commit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        init(folder.path());
        let answer = Repo::open(folder.path()).err();
        assert!(matches!(answer, Some(GitError::Unborn)), "{answer:?}");
    }
}
