//! Everything the wizard knows. Only `update` changes it; `view` reads it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::action::Previewed;
use super::keymap::Mode;
use super::theme::Theme;
use super::typing::LineEdit;
use super::widgets::list::Cursor;
use crate::assessment::Assessed;
use crate::error::{Error, GitError};
use crate::session::{Preview, Progress};
use crate::strategies::Strategy;
use crate::strategies::strategy::STRATEGIES;
use crate::ui::Outcome;
use crate::ui::git_state::GitState;
use crate::ui::outcome::Applied;
use crate::ui::survey::{Row, Survey};

/// The wizard as a value.
#[derive(Debug)]
pub struct State {
    /// The folder that is scanned, as given.
    pub path: PathBuf,
    /// Its name, for the header.
    pub project: String,
    /// Columns and rows.
    pub size: (u16, u16),
    pub theme: Theme,
    pub screen: Screen,
    pub overlay: Option<Overlay>,
    pub typing: Option<Typing>,
    pub scan: Scan,
    pub survey: Option<Survey>,
    pub git: Git,
    pub focus: Focus,
    pub strategies: Cursor,
    pub findings: Cursor,
    /// How far the details beside a list, a diff, or a result are scrolled.
    pub scroll: usize,
    /// How far the diff of a patch or a commit is scrolled.
    pub diff_scroll: usize,
    pub side_by_side: bool,
    /// Rows that do not contain it are hidden. Lower case.
    pub filter: String,
    pub review: Review,
    pub done: Option<Applied>,
    /// One line above the footer: what a key did, or why it did nothing.
    pub notice: Option<String>,
    /// The finding whose patch was asked for last.
    pub wanted: Option<String>,
    /// Set when the wizard is to end.
    pub ended: Option<Outcome>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// Nothing is known yet: the scan runs or has failed.
    Scanning,
    Strategies,
    Findings,
    Patch,
    Review,
    /// The difference that one commit will make.
    Commit,
    Done,
}

/// Which of two panes the keys go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    List,
    Details,
}

/// The scan that runs, or how the last one ended.
#[derive(Debug)]
pub enum Scan {
    Running(Progress),
    Failed(Error),
    Ready,
}

/// What git says of the folder.
#[derive(Debug)]
pub enum Git {
    Unknown,
    Ready(GitState),
    Unusable(GitError),
}

/// Something over the screen.
#[derive(Debug)]
pub enum Overlay {
    Help {
        scroll: usize,
    },
    /// A Markdown page.
    Page {
        title: String,
        page: &'static str,
        scroll: usize,
    },
    /// The circumstances of the scan.
    AboutScan {
        scroll: usize,
    },
    /// The options of a finding's remedy: first which, then its value.
    Options {
        cursor: Cursor,
        /// The option whose values are shown, by its index.
        open: Option<(usize, Cursor)>,
    },
    Leaving,
}

/// A line of text that is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typing {
    pub purpose: Purpose,
    pub line: LineEdit,
    /// What the text was before.
    pub before: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    Filter,
    Branch,
    /// The answer to the option of this key.
    Answer(&'static str),
}

/// The review of the commits to be made.
#[derive(Debug, Default)]
pub struct Review {
    /// Where the user came from.
    pub from: Option<Screen>,
    /// Nothing while it is being composed.
    pub previewed: Option<Arc<Previewed>>,
    pub branch: String,
    /// The user typed the name: a rescan does not replace it.
    pub branch_is_typed: bool,
    pub branch_problem: Option<String>,
    pub cursor: Cursor,
    /// The branch is being made.
    pub applying: bool,
    /// Why it was not made.
    pub failure: Option<Error>,
}

impl State {
    pub fn new(path: PathBuf, size: (u16, u16), theme: Theme) -> Self {
        let full = path.canonicalize().unwrap_or_else(|_| path.clone());
        let name = full
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        Self {
            project: name.unwrap_or_else(|| path.display().to_string()),
            path,
            size,
            theme,
            screen: Screen::Scanning,
            overlay: None,
            typing: None,
            scan: Scan::Running(Progress::Reading),
            survey: None,
            git: Git::Unknown,
            focus: Focus::List,
            strategies: Cursor::default(),
            findings: Cursor::default(),
            scroll: 0,
            diff_scroll: 0,
            side_by_side: false,
            filter: String::new(),
            review: Review::default(),
            done: None,
            notice: None,
            wanted: None,
            ended: None,
        }
    }

    /// Which keys hold.
    pub fn mode(&self) -> Mode {
        if self.typing.is_some() {
            return Mode::Typing;
        }
        match self.overlay {
            Some(Overlay::Leaving) => return Mode::Leaving,
            Some(Overlay::Options { .. }) => return Mode::Choosing,
            Some(_) => return Mode::Reading,
            None => {}
        }
        if self.review.applying {
            return Mode::Applying;
        }
        self.screen_mode()
    }

    /// The mode of the screen under whatever lies over it.
    pub fn screen_mode(&self) -> Mode {
        match self.screen {
            Screen::Scanning => match self.scan {
                Scan::Failed(_) => Mode::Failed,
                _ => Mode::Scanning,
            },
            Screen::Strategies => Mode::Strategies,
            Screen::Findings => Mode::Findings,
            Screen::Patch => Mode::Patch,
            Screen::Review => Mode::Review,
            Screen::Commit => Mode::Commit,
            Screen::Done => Mode::Done,
        }
    }

    pub fn strategy(&self) -> &'static Strategy {
        let index = self.strategies.selected.min(STRATEGIES.len() - 1);
        STRATEGIES[index]
    }

    /// The rows of the selected strategy that the filter lets through.
    pub fn rows(&self) -> Vec<Row> {
        let Some(survey) = &self.survey else {
            return Vec::new();
        };
        let rows = survey.rows(self.strategies.selected).iter().copied();
        rows.filter(|row| self.passes(survey, *row)).collect()
    }

    fn passes(&self, survey: &Survey, row: Row) -> bool {
        if self.filter.is_empty() {
            return true;
        }
        let text = match (survey.finding(row), survey.question(row)) {
            (Some(found), _) => {
                let remedy = survey.remedy(&found.fingerprint);
                format!(
                    "{} {} {} {} {}",
                    found.finding.path(),
                    found.about.id,
                    found.finding.severity,
                    found.finding.message,
                    remedy.map_or("", |remedy| remedy.kind.word()),
                )
            }
            (_, Some(judged)) => format!("{} {} undecided", judged.about.id, judged.about.title),
            _ => return false,
        };
        let text = text.to_lowercase();
        self.filter
            .split_whitespace()
            .all(|word| text.contains(word))
    }

    /// The row under the cursor.
    pub fn row(&self) -> Option<Row> {
        self.rows().get(self.findings.selected).copied()
    }

    /// The finding under the cursor, where the row is one.
    pub fn finding(&self) -> Option<&Assessed> {
        self.survey.as_ref()?.finding(self.row()?)
    }

    /// The fingerprints of the findings that a list shows now.
    pub fn shown_fingerprints(&self) -> Vec<String> {
        let Some(survey) = &self.survey else {
            return Vec::new();
        };
        let rows = self.rows().into_iter();
        let findings = rows.filter_map(|row| survey.finding(row));
        findings.map(|found| found.fingerprint.clone()).collect()
    }

    pub fn chosen(&self) -> usize {
        self.survey
            .as_ref()
            .map_or(0, |survey| survey.chosen().len())
    }

    /// The preview that is shown, if it is of the choice as it stands.
    pub fn preview(&self) -> Option<&Arc<Preview>> {
        let previewed = self.review.previewed.as_ref()?;
        Some(&previewed.preview)
    }

    /// The branch to go back to, where one is checked out.
    pub fn head(&self) -> Option<&str> {
        match &self.git {
            Git::Ready(git) => git.branch.as_deref(),
            _ => None,
        }
    }

    /// The choice that would be lost by leaving now.
    pub fn unapplied(&self) -> Option<&BTreeSet<String>> {
        let survey = self.survey.as_ref()?;
        (survey.is_touched() && self.done.is_none()).then(|| survey.chosen())
    }
}
