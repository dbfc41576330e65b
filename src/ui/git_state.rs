//! What a dialogue tells of the git repository.

use std::path::Path;

use crate::error::GitError;
use crate::git::Repo;

/// What the repository is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitState {
    /// "main", or "detached at 1a2b3c4".
    pub head: String,
    pub branch: Option<String>,
    pub uncommitted: Option<usize>,
    pub default_branch: String,
    /// What a commit made here goes without.
    pub notes: Vec<String>,
}

impl GitState {
    /// Looks at the repository that `path` lies in.
    pub fn of(path: &Path) -> Result<Self, GitError> {
        let repo = Repo::open(path)?;
        let summary = repo.summary()?;
        let notes = repo.notes()?;
        Ok(Self {
            head: match &summary.branch {
                Some(branch) => branch.clone(),
                None => format!("detached at {}", summary.commit),
            },
            branch: summary.branch,
            uncommitted: summary.uncommitted,
            default_branch: repo.default_branch_name(),
            notes: notes.iter().map(ToString::to_string).collect(),
        })
    }
}
