//! Every failure that a user can see: what happened, where, what to do, and the exit code.

use std::path::PathBuf;

/// What stops a run. `Display` says what happened, [`Error::hint`] what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path}: no such file or folder")]
    NoSuchPath { path: PathBuf },
    #[error("{path}: cannot be read: {source}")]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path}: cannot be written: {source}")]
    Unwritable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path}: no Python file found, so there is no Flask application to harden")]
    NoPython { path: PathBuf },
    #[error("{what} `{given}` is not known{}", did_you_mean(.suggestion.as_deref()))]
    UnknownName {
        what: &'static str,
        given: String,
        suggestion: Option<String>,
    },
    #[error("{path}: {message}")]
    Settings { path: String, message: String },
    #[error("{path} is not a report that `flask-harden scan --format json` wrote: {message}")]
    Baseline { path: PathBuf, message: String },
    #[error(transparent)]
    Git(#[from] GitError),
    #[error("the terminal cannot be used: {0}")]
    Terminal(std::io::Error),
    #[error("the output cannot be written: {0}")]
    Output(std::io::Error),
    #[error("{path}: {message}")]
    Advisories { path: String, message: String },
    #[error("some patches contradict each other: {0}")]
    Conflict(String),
    #[error("no key can be made, because the system gives no random numbers: {0}")]
    NoRandomness(String),
    #[error("flask-harden has a bug here: {0}")]
    Bug(String),
}

/// Why git's repository or the files in it cannot be used or changed. Nothing has changed when
/// one is returned.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    #[error("{path} is not inside a git repository")]
    NotARepository { path: PathBuf },
    #[error("the repository has no commit yet")]
    Unborn,
    #[error("{path} is a bare repository: it has no files to read")]
    Bare { path: PathBuf },
    #[error("git does not know who you are: user.name and user.email are not set")]
    NoIdentity,
    #[error("the branch `{name}` exists already")]
    BranchExists { name: String },
    #[error("`{name}` is not a valid branch name")]
    BadBranchName { name: String },
    #[error("another git process holds {lock}")]
    Locked { lock: PathBuf },
    #[error("{path} belongs to another user, and git refuses to use it")]
    ForeignOwner { path: PathBuf },
    #[error("uncommitted changes in {}", .paths.join(", "))]
    Uncommitted { paths: Vec<String> },
    #[error("{path} is not tracked by git")]
    Untracked { path: String },
    #[error("{path} has changed since it was read")]
    Stale { path: String },
    #[error("{path} exists already, so it cannot be added")]
    Exists { path: String },
    #[error("{path} is a symbolic link or lies behind one")]
    Link { path: String },
    #[error("{path} lies in a repository of its own")]
    Submodule { path: String },
    #[error("{path} is ignored by git, so no commit may hold it")]
    Ignored { path: String },
    #[error("{path} passes through `{filter}`, a filter that only git itself can run")]
    Filtered { path: String, filter: String },
    #[error("`{path}` does not name a file below the scanned folder")]
    BadPath { path: String },
    #[error("there is nothing to commit")]
    NothingToCommit,
    #[error("a commit needs a message")]
    NoMessage,
    #[error("the repository uses {what}, which flask-harden cannot handle")]
    Unsupported { what: String },
    #[error("`{name}` cannot be a branch beside `{existing}`: one would be a folder of the other")]
    BranchConflict { name: String, existing: String },
    #[error("there is no branch `{name}`")]
    NoSuchBranch { name: String },
    #[error("the branch `{name}` is no longer as flask-harden made it")]
    BranchMoved { name: String },
    #[error("the branch `{name}` is checked out in {path}")]
    BranchInUse { name: String, path: PathBuf },
    #[error("the repository cannot be written: {message}")]
    ReadOnly { message: String },
    #[error("git failed while {doing}: {message}")]
    Other {
        doing: &'static str,
        message: String,
    },
}

impl Error {
    /// One sentence on what to do, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoSuchPath { .. } => Some("Check the path and try again.".into()),
            Self::NoPython { .. } => {
                Some("Give the folder that holds the application's source.".into())
            }
            Self::Settings { .. } => {
                Some("The README lists the keys of [tool.flask-harden].".into())
            }
            Self::Advisories { .. } => {
                Some("Give a file or a folder of OSV records, as osv.dev exports them.".into())
            }
            Self::Git(error) => error.hint(),
            Self::Terminal(_) => Some("Use `flask-harden --plain` or `flask-harden scan`.".into()),
            Self::Bug(_) => Some("Please report it; nothing was changed.".into()),
            Self::Conflict(_) => Some("Choose one of them and run again.".into()),
            _ => None,
        }
    }

    /// The exit code of the contract: 2 means "could not do it".
    pub fn exit_code(&self) -> u8 {
        2
    }
}

impl GitError {
    /// libgit2's error as one of ours, for what was being done ("reading HEAD").
    pub(crate) fn from_git(doing: &'static str, error: &git2::Error) -> Self {
        let message = error.message().to_owned();
        Self::Other { doing, message }
    }

    /// As [`Self::from_git`], where the file system may have said no to writing.
    pub(crate) fn from_write(doing: &'static str, error: &git2::Error) -> Self {
        use git2::ErrorClass::{Filesystem, Odb, Os, Reference, Zlib};
        match error.class() {
            Os | Filesystem | Odb | Zlib | Reference => Self::ReadOnly {
                message: error.message().to_owned(),
            },
            _ => Self::from_git(doing, error),
        }
    }

    /// One sentence on what to do, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotARepository { .. } => {
                "Run `git init` and commit, or use `flask-harden fix --write` to change the files."
            }
            Self::Unborn => "Commit the files once, then run again.",
            Self::Bare { .. } => "Clone it and run there.",
            Self::NoIdentity => {
                "Set both: git config user.name \"…\" and git config user.email \"…\"."
            }
            Self::BranchExists { name } => {
                return Some(format!(
                    "Choose another name, or delete it: git branch -D {name}."
                ));
            }
            Self::BadBranchName { .. } => "See `git help check-ref-format` for what is allowed.",
            Self::Locked { .. } => {
                "Wait until that process ends; if it crashed, delete the lock file."
            }
            Self::ForeignOwner { path } => {
                return Some(format!(
                    "If you trust it: git config --global --add safe.directory {}.",
                    path.display()
                ));
            }
            Self::Uncommitted { .. } => {
                "Commit or stash them, or leave the patches of these files out."
            }
            Self::Untracked { .. } => "Add and commit the file, or leave its patches out.",
            Self::Stale { .. } => "Scan again.",
            Self::Exists { .. } => "Move the file away, or leave the patch out.",
            Self::Link { .. } | Self::Submodule { .. } | Self::BadPath { .. } => {
                "Leave its patches out, or scan the folder where the file really lies."
            }
            Self::Ignored { .. } => {
                "Leave the patch out, or write the file with `flask-harden fix --write`."
            }
            Self::Filtered { .. } | Self::Unsupported { .. } => {
                "Let git apply the patch: flask-harden fix --diff | git apply."
            }
            Self::NothingToCommit => "Choose at least one patch.",
            Self::NoMessage => "Write at least a subject line.",
            Self::BranchConflict { .. } => "Choose another name.",
            Self::NoSuchBranch { .. } => "See `git branch` for those there are.",
            Self::BranchMoved { .. } => {
                "Look at it with `git log`, and delete it with `git branch -D` if you are sure."
            }
            Self::BranchInUse { .. } => "Switch to another branch there first.",
            Self::ReadOnly { .. } => "Check the permissions of the .git folder.",
            Self::Other { .. } => return None,
        };
        Some(hint.into())
    }
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}
