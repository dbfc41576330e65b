//! What happens to the wizard, and what it wants to have done.

use std::path::PathBuf;
use std::sync::Arc;

use crossterm::event::KeyEvent;

use crate::diff::FileDiff;
use crate::error::{Error, GitError};
use crate::session::{Preview, Progress};
use crate::strategies::Answers;
use crate::ui::git_state::GitState;
use crate::ui::outcome::Applied;
use crate::ui::survey::{Offered, Survey};

/// Something that happened.
#[derive(Debug)]
pub enum Action {
    Key(KeyEvent),
    Paste(String),
    Resize(u16, u16),
    Progress(Progress),
    Scanned(Result<Box<Survey>, Error>),
    /// The git repository was looked at.
    Git(Result<GitState, GitError>),
    /// A patch was made and proven; `survey` tells for which survey.
    Offered {
        survey: u64,
        fingerprint: String,
        offered: Offered,
    },
    Previewed(Box<Previewed>),
    /// Whether a branch of this name can be made.
    BranchChecked {
        name: String,
        problem: Option<String>,
    },
    Applied(Result<Box<Applied>, Error>),
    /// The editor has ended; what went wrong with it.
    Edited(Result<(), String>),
    /// A worker thread has panicked: what it said.
    WorkerLost(String),
    Signal(i32),
}

/// Something to be done outside of the state.
#[derive(Debug)]
pub enum Effect {
    /// Something that takes time: for a worker thread.
    Work(Job),
    Edit {
        path: PathBuf,
        line: usize,
    },
    Suspend,
    Quit,
}

/// Work whose result comes back as an action.
#[derive(Debug)]
pub enum Job {
    /// Scan again, with these answers.
    Scan(Answers),
    /// Make these findings' patches next, in this order.
    Offers(Vec<String>),
    /// Take an answer to an option.
    Answer {
        key: String,
        value: String,
    },
    /// Compose what is ticked.
    Preview,
    CheckBranch(String),
    Apply {
        preview: Arc<Preview>,
        branch: String,
    },
}

/// A preview with what each of its commits changes.
#[derive(Debug)]
pub struct Previewed {
    pub survey: u64,
    /// Which choice this is the preview of.
    pub chosen: std::collections::BTreeSet<String>,
    pub preview: Arc<Preview>,
    pub diffs: Vec<Vec<FileDiff>>,
    /// Files that it changes and that git holds to be changed already.
    pub uncommitted: Vec<String>,
}
