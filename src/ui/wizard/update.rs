//! What an action does to the state. Nothing here waits, reads or writes.

use std::sync::Arc;

use crossterm::event::{KeyEvent, KeyEventKind};

use super::action::{Action, Effect, Job, Previewed};
use super::commands;
use super::keymap;
use super::layout::{Areas, Shape};
use super::screens;
use super::state::{Focus, Git, Overlay, Purpose, Scan, Screen, State, Typing};
use super::widgets::list::Rows;
use crate::error::{Error, GitError};
use crate::ui::git_state::GitState;
use crate::ui::outcome::{self, Applied, Outcome};
use crate::ui::survey::{Row, Survey};

/// Takes one action in; what is to be done about it outside.
pub fn update(state: &mut State, action: Action) -> Option<Effect> {
    let effect = match action {
        Action::Key(key) => on_key(state, key),
        Action::Paste(text) => on_paste(state, &text),
        Action::Resize(width, height) => {
            state.size = (width, height);
            None
        }
        Action::Progress(progress) => {
            if matches!(state.scan, Scan::Running(_)) {
                state.scan = Scan::Running(progress);
            }
            None
        }
        Action::Scanned(Ok(survey)) => on_scanned(state, *survey),
        Action::Scanned(Err(error)) => on_scan_failed(state, error),
        Action::Git(found) => on_git(state, found),
        Action::Offered {
            survey,
            fingerprint,
            offered,
        } => {
            if let Some(current) = &mut state.survey
                && current.number == survey
                && let Some(flaw) = current.take_offer(&fingerprint, offered)
            {
                state.notice = Some(format!("A patch was unticked: {flaw}."));
            }
            None
        }
        Action::Previewed(previewed) => on_previewed(state, *previewed),
        Action::BranchChecked { name, problem } => {
            if name == shown_branch(state) {
                state.review.branch_problem = problem;
            }
            None
        }
        Action::Applied(result) => on_applied(state, result),
        Action::Edited(result) => {
            state.notice = Some(match result {
                Ok(()) => {
                    "Back from the editor. Press r to scan again if you changed something.".into()
                }
                Err(problem) => problem,
            });
            None
        }
        Action::WorkerLost(message) => on_worker_lost(state, &message),
        Action::Signal(signal) => on_signal(state, signal),
    };
    settle(state);
    effect.or_else(|| wanted_offers(state))
}

fn on_key(state: &mut State, key: KeyEvent) -> Option<Effect> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let mode = state.mode();
    if let Some(command) = keymap::command(mode, key) {
        state.notice = None;
        return commands::run(state, command);
    }
    let typing = state.typing.as_mut()?;
    if typing.line.press(key) {
        return typed(state);
    }
    None
}

fn on_paste(state: &mut State, text: &str) -> Option<Effect> {
    state.typing.as_mut()?.line.paste(text);
    typed(state)
}

/// A filter works and a branch name is checked while they are typed.
fn typed(state: &mut State) -> Option<Effect> {
    let Typing { purpose, line, .. } = state.typing.as_ref()?;
    match purpose {
        Purpose::Filter => {
            state.filter = line.text().to_lowercase();
            state.findings.selected = 0;
            None
        }
        Purpose::Branch => {
            // What was wrong with the name before says nothing of this one.
            state.review.branch_problem = None;
            Some(Effect::Work(Job::CheckBranch(line.text().to_owned())))
        }
        Purpose::Answer(_) => None,
    }
}

/// The branch name as the user sees it.
fn shown_branch(state: &State) -> &str {
    match &state.typing {
        Some(typing) if typing.purpose == Purpose::Branch => typing.line.text(),
        _ => &state.review.branch,
    }
}

fn on_scanned(state: &mut State, survey: Survey) -> Option<Effect> {
    let selected = state.finding().map(|found| found.fingerprint.clone());
    let survey = match &state.survey {
        Some(old) => survey.with_choices_of(old),
        None => survey,
    };
    let all: Vec<String> = (0..6)
        .flat_map(|index| survey.fingerprints(index))
        .collect();
    state.survey = Some(survey);
    state.scan = Scan::Ready;
    state.wanted = None;
    if state.screen == Screen::Scanning {
        state.screen = Screen::Strategies;
    }
    if let Some(selected) = selected {
        select(state, &selected);
    }
    if state.screen == Screen::Review || state.screen == Screen::Commit {
        state.screen = Screen::Review;
        state.review.previewed = None;
        return Some(Effect::Work(Job::Preview));
    }
    Some(Effect::Work(Job::Offers(all)))
}

/// Puts the cursor back on a finding that may have moved.
fn select(state: &mut State, fingerprint: &str) {
    let names = state.shown_fingerprints();
    if let Some(index) = names.iter().position(|name| name == fingerprint) {
        state.findings.selected = index;
    } else if state.screen == Screen::Patch {
        state.screen = Screen::Findings;
    }
}

fn on_scan_failed(state: &mut State, error: Error) -> Option<Effect> {
    if state.survey.is_none() {
        state.scan = Scan::Failed(error);
        return None;
    }
    state.scan = Scan::Ready;
    state.notice = Some(format!(
        "The scan failed, so you see the one before: {error}"
    ));
    None
}

fn on_git(state: &mut State, found: Result<GitState, GitError>) -> Option<Effect> {
    match found {
        Ok(git) => {
            if !state.review.branch_is_typed {
                state.review.branch.clone_from(&git.default_branch);
                state.review.branch_problem = None;
            }
            state.git = Git::Ready(git);
        }
        Err(error) => state.git = Git::Unusable(error),
    }
    None
}

fn on_previewed(state: &mut State, previewed: Previewed) -> Option<Effect> {
    let survey = state.survey.as_ref()?;
    if survey.number == previewed.survey && survey.chosen() == &previewed.chosen {
        state.review.previewed = Some(Arc::new(previewed));
    }
    None
}

fn on_applied(state: &mut State, result: Result<Box<Applied>, Error>) -> Option<Effect> {
    state.review.applying = false;
    match result {
        Ok(applied) => {
            state.done = Some(*applied);
            state.screen = Screen::Done;
            state.scroll = 0;
            state.review.branch_is_typed = false;
        }
        Err(error) => {
            state.notice = Some(format!("No branch was made: {error}"));
            state.review.failure = Some(error);
            state.review.cursor.selected = 0;
            // Where one pane is seen at a time, it is the one that says what to do.
            if Areas::of(state).shape == Shape::Single {
                state.focus = Focus::Details;
            }
        }
    }
    None
}

fn on_worker_lost(state: &mut State, message: &str) -> Option<Effect> {
    state.review.applying = false;
    if state.survey.is_none() {
        state.scan = Scan::Failed(Error::Bug(message.into()));
    } else {
        state.scan = Scan::Ready;
        state.notice = Some(Error::Bug(message.into()).to_string());
    }
    None
}

fn on_signal(state: &mut State, signal: i32) -> Option<Effect> {
    if signal == signal_hook::consts::SIGTSTP {
        return Some(Effect::Suspend);
    }
    state.ended = Some(Outcome::Interrupted { signal });
    Some(Effect::Quit)
}

/// Ends the wizard; what stays in the terminal tells what was done or left.
pub(super) fn leave(state: &mut State) -> Option<Effect> {
    let ended = match (&state.done, state.unapplied()) {
        (Some(applied), _) => Outcome::Applied {
            summary: outcome::summary(applied, state.head()),
        },
        (None, ticked) => {
            let ticked = ticked.into_iter().flatten().cloned().collect();
            let survey = state.survey.as_ref();
            let answers = survey.map(|survey| survey.session.answers().clone());
            Outcome::left(ticked, &answers.unwrap_or_default())
        }
    };
    state.ended = Some(ended);
    Some(Effect::Quit)
}

/// Asks for the patch of the row under the cursor, and for its neighbours, once.
fn wanted_offers(state: &mut State) -> Option<Effect> {
    if !matches!(state.screen, Screen::Findings | Screen::Patch) {
        return None;
    }
    let survey = state.survey.as_ref()?;
    let rows = state.rows();
    let selected = state.findings.selected;
    let name = |row: &Row| survey.finding(*row).map(|found| found.fingerprint.clone());
    let current = rows.get(selected).and_then(name)?;
    if state.wanted.as_deref() == Some(current.as_str()) {
        return None;
    }
    let neighbours = [selected + 1, selected.wrapping_sub(1), selected + 2];
    let mut names = vec![current.clone()];
    names.extend(
        neighbours
            .iter()
            .filter_map(|index| name(rows.get(*index)?)),
    );
    names.retain(|name| survey.offered(name).is_none());
    state.wanted = Some(current);
    (!names.is_empty()).then_some(Effect::Work(Job::Offers(names)))
}

/// Keeps cursors and scrolling inside what there is to see.
fn settle(state: &mut State) {
    let areas = Areas::of(state);
    let height = screens::row_height(state, &areas);
    let fitting = Rows::fitting(areas.list_inner(), height);
    match state.screen {
        Screen::Strategies => state.strategies.settle(6, fitting),
        Screen::Findings | Screen::Patch => {
            let length = state.rows().len();
            state.findings.settle(length, fitting);
        }
        Screen::Review | Screen::Commit => {
            let length = screens::review::rows(state).len();
            state.review.cursor.settle(length, fitting);
        }
        Screen::Scanning | Screen::Done => {}
    }
    settle_overlay(state, &areas);
    let (length, visible) = screens::details_extent(state, &areas);
    state.scroll = state.scroll.min(length.saturating_sub(visible));
    let (length, visible) = screens::diff_extent(state, &areas);
    state.diff_scroll = state.diff_scroll.min(length.saturating_sub(visible));
}

fn settle_overlay(state: &mut State, areas: &Areas) {
    let (length, visible) = screens::overlay_extent(state, areas);
    let last = length.saturating_sub(visible);
    let options: Vec<usize> = screens::options::options(state)
        .iter()
        .map(|option| option.choices.len())
        .collect();
    match &mut state.overlay {
        Some(
            Overlay::Help { scroll } | Overlay::Page { scroll, .. } | Overlay::AboutScan { scroll },
        ) => *scroll = (*scroll).min(last),
        Some(Overlay::Options { cursor, open }) => {
            cursor.settle(options.len(), visible);
            if let Some((index, values)) = open {
                values.settle(options.get(*index).copied().unwrap_or(0), visible);
            }
        }
        Some(Overlay::Leaving) | None => {}
    }
}
