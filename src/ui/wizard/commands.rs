//! What each command of the key table does.

use super::action::{Effect, Job};
use super::keymap::{Command, Mode};
use super::layout::Areas;
use super::screens;
use super::state::{Focus, Overlay, Purpose, Review, Scan, Screen, State, Typing};
use super::typing::LineEdit;
use super::update::leave;
use super::widgets::diff::SIDE_BY_SIDE_FROM;
use super::widgets::list::Cursor;
use super::widgets::text::count;
use crate::session::Progress;
use crate::strategies::strategy::STRATEGIES;
use crate::ui::Outcome;
use crate::ui::survey::Tick;

/// Does what a key asked for, or says why it cannot be done.
pub fn run(state: &mut State, command: Command) -> Option<Effect> {
    if let Err(reason) = allowed(state, command) {
        state.notice = Some(reason.into());
        return None;
    }
    match command {
        Command::Quit => quit(state),
        Command::Leave => leave(state),
        Command::Help => over(state, Overlay::Help { scroll: 0 }),
        Command::AboutScan => over(state, Overlay::AboutScan { scroll: 0 }),
        Command::Explain => explain(state),
        Command::Options => over(
            state,
            Overlay::Options {
                cursor: Cursor::default(),
                open: None,
            },
        ),
        Command::Back => back(state),
        Command::Open => open(state),
        Command::Toggle => toggle(state),
        Command::TickSafe => tick_safe(state),
        Command::Untick => untick(state),
        Command::Undo => undo(state),
        Command::Review => review(state),
        Command::EditBranch => edit(state, Purpose::Branch),
        Command::Filter => edit(state, Purpose::Filter),
        Command::Accept => accept(state),
        Command::Apply => apply(state),
        Command::Editor => editor(state),
        Command::SideBySide => {
            state.side_by_side = !state.side_by_side;
            None
        }
        Command::NextHunk => hunk(state, true),
        Command::PreviousHunk => hunk(state, false),
        Command::Next => neighbour(state, 1),
        Command::Previous => neighbour(state, -1),
        Command::OtherPane => {
            state.focus = match state.focus {
                Focus::List => Focus::Details,
                Focus::Details => Focus::List,
            };
            None
        }
        Command::Up => step(state, -1),
        Command::Down => step(state, 1),
        Command::PageUp => page(state, -1),
        Command::PageDown => page(state, 1),
        Command::Top => step(state, isize::MIN / 2),
        Command::Bottom => step(state, isize::MAX / 2),
        Command::Rescan => rescan(state),
        Command::Suspend => Some(Effect::Suspend),
    }
}

/// Why a command cannot be done now.
pub fn allowed(state: &State, command: Command) -> Result<(), &'static str> {
    let survey = state.survey.as_ref();
    let finding = || state.finding();
    match command {
        Command::SideBySide if usize::from(state.size.0) < SIDE_BY_SIDE_FROM + 4 => {
            Err("Side by side needs 140 columns.")
        }
        Command::Editor if finding().is_none() => Err("There is no place to open on this row."),
        Command::Options if screens::options::options(state).is_empty() => {
            let made = finding().and_then(|found| survey?.offered(&found.fingerprint));
            match (finding(), made) {
                (Some(_), None) => Err("The patch is still being made."),
                _ => Err("This remedy has no options."),
            }
        }
        Command::Review if state.chosen() == 0 => {
            Err("Nothing is ticked yet: space ticks the patch under the cursor.")
        }
        Command::Apply => may_apply(state),
        Command::Rescan if matches!(state.scan, Scan::Running(_)) => {
            Err("The scan is still running.")
        }
        _ => Ok(()),
    }
}

fn may_apply(state: &State) -> Result<(), &'static str> {
    let Some(preview) = state.preview() else {
        return Err("The commits are still being composed.");
    };
    if preview.commits.is_empty() {
        return Err("There is nothing to commit: every ticked patch was refused.");
    }
    if state.review.branch_problem.is_some() {
        return Err("The branch name cannot be used: press b to change it.");
    }
    Ok(())
}

fn quit(state: &mut State) -> Option<Effect> {
    if state.mode() == Mode::Applying {
        let signal = signal_hook::consts::SIGINT;
        state.ended = Some(Outcome::Interrupted { signal });
        return Some(Effect::Quit);
    }
    let asked = matches!(state.overlay, Some(Overlay::Leaving));
    if asked || state.unapplied().is_none() {
        return leave(state);
    }
    state.typing = None;
    over(state, Overlay::Leaving)
}

fn over(state: &mut State, overlay: Overlay) -> Option<Effect> {
    state.overlay = Some(overlay);
    None
}

fn explain(state: &mut State) -> Option<Effect> {
    let about = match state.screen {
        Screen::Strategies => None,
        _ => {
            let row = state.row()?;
            let survey = state.survey.as_ref()?;
            let finding = survey.finding(row).map(|found| found.about);
            finding.or_else(|| survey.question(row).map(|judged| judged.about))
        }
    };
    let (title, page) = match about {
        Some(about) => (about.id, about.page),
        None => (state.strategy().id, state.strategy().page),
    };
    let title = title.to_owned();
    over(
        state,
        Overlay::Page {
            title,
            page,
            scroll: 0,
        },
    )
}

fn back(state: &mut State) -> Option<Effect> {
    if let Some(typing) = state.typing.take() {
        return cancel(state, &typing);
    }
    match &mut state.overlay {
        Some(Overlay::Options { open, .. }) if open.is_some() => {
            *open = None;
            return None;
        }
        Some(_) => {
            state.overlay = None;
            return None;
        }
        None => {}
    }
    if state.focus == Focus::Details {
        state.focus = Focus::List;
        return None;
    }
    let before = match state.screen {
        Screen::Patch => Screen::Findings,
        Screen::Findings if !state.filter.is_empty() => {
            state.filter.clear();
            return None;
        }
        Screen::Findings | Screen::Done => Screen::Strategies,
        Screen::Commit => Screen::Review,
        Screen::Review => state.review.from.unwrap_or(Screen::Strategies),
        Screen::Scanning | Screen::Strategies => return None,
    };
    show(state, before);
    None
}

fn cancel(state: &mut State, typing: &Typing) -> Option<Effect> {
    match typing.purpose {
        Purpose::Filter => {
            state.filter.clone_from(&typing.before);
            None
        }
        Purpose::Branch => {
            state.review.branch_problem = None;
            let name = state.review.branch.clone();
            Some(Effect::Work(Job::CheckBranch(name)))
        }
        Purpose::Answer(_) => None,
    }
}

/// Changes the screen; what is scrolled starts at its top.
fn show(state: &mut State, screen: Screen) {
    state.screen = screen;
    state.focus = Focus::List;
    state.scroll = 0;
    state.diff_scroll = 0;
}

fn open(state: &mut State) -> Option<Effect> {
    match state.screen {
        Screen::Strategies => {
            state.findings = Cursor::default();
            state.filter.clear();
            show(state, Screen::Findings);
        }
        Screen::Findings => {
            let survey = state.survey.as_ref()?;
            let tick = state.finding().map(|found| survey.tick(&found.fingerprint));
            match tick {
                Some(Tick::Ticked | Tick::Open) => show(state, Screen::Patch),
                _ => state.focus = Focus::Details,
            }
        }
        Screen::Review => match screens::review::selected(state)? {
            screens::review::Row::Commit(_) => show(state, Screen::Commit),
            screens::review::Row::Branch => return edit(state, Purpose::Branch),
            screens::review::Row::Refused(_) => state.focus = Focus::Details,
        },
        _ => {}
    }
    None
}

fn toggle(state: &mut State) -> Option<Effect> {
    if state.screen == Screen::Strategies {
        return toggle_strategy(state);
    }
    let Some(found) = state.finding() else {
        state.notice =
            Some("An open question has no patch: the text says what to find out.".into());
        return None;
    };
    let name = found.fingerprint.clone();
    let survey = state.survey.as_mut()?;
    if let Err(reason) = survey.toggle(&name) {
        state.notice = Some(reason);
    }
    None
}

/// All safe patches of the strategy, or none when they are all ticked.
fn toggle_strategy(state: &mut State) -> Option<Effect> {
    let index = state.strategies.selected;
    let survey = state.survey.as_mut()?;
    let names = survey.fingerprints(index);
    let (ticked, review) = survey.tick_safe(&names);
    if ticked > 0 {
        state.notice = Some(ticked_words(ticked, review));
        return None;
    }
    let unticked = survey.untick(&names);
    state.notice = Some(match (unticked, review) {
        (0, 0) => "This strategy has no patch to tick.".into(),
        (0, review) => ticked_words(0, review),
        (unticked, _) => format!("{} unticked.", count(unticked, "patch", "patches")),
    });
    None
}

fn ticked_words(ticked: usize, review: usize) -> String {
    let left = match review {
        0 => String::new(),
        1 => " 1 wants a look first: open it and tick it there.".into(),
        review => format!(" {review} want a look first: open them and tick them there."),
    };
    match ticked {
        0 => format!("No safe patch to tick.{left}"),
        ticked => format!(
            "{} ticked.{left}",
            count(ticked, "safe patch", "safe patches")
        ),
    }
}

fn scope(state: &State) -> Vec<String> {
    match (state.screen, &state.survey) {
        (Screen::Strategies, Some(survey)) => (0..STRATEGIES.len())
            .flat_map(|index| survey.fingerprints(index))
            .collect(),
        _ => state.shown_fingerprints(),
    }
}

fn tick_safe(state: &mut State) -> Option<Effect> {
    let names = scope(state);
    let (ticked, review) = state.survey.as_mut()?.tick_safe(&names);
    state.notice = Some(ticked_words(ticked, review));
    None
}

fn untick(state: &mut State) -> Option<Effect> {
    let names = scope(state);
    let unticked = state.survey.as_mut()?.untick(&names);
    state.notice = Some(format!("{} unticked.", count(unticked, "patch", "patches")));
    None
}

fn undo(state: &mut State) -> Option<Effect> {
    let undone = state.survey.as_mut()?.undo();
    state.notice = Some(match undone {
        true => "The last tick is undone.".into(),
        false => "There is nothing to undo.".into(),
    });
    None
}

fn review(state: &mut State) -> Option<Effect> {
    let from = state.screen;
    state.review = Review {
        from: Some(from),
        branch: std::mem::take(&mut state.review.branch),
        branch_is_typed: state.review.branch_is_typed,
        branch_problem: state.review.branch_problem.take(),
        ..Review::default()
    };
    show(state, Screen::Review);
    Some(Effect::Work(Job::Preview))
}

fn edit(state: &mut State, purpose: Purpose) -> Option<Effect> {
    let before = match purpose {
        Purpose::Filter => state.filter.clone(),
        Purpose::Branch => state.review.branch.clone(),
        Purpose::Answer(_) => String::new(),
    };
    state.focus = Focus::List;
    state.typing = Some(Typing {
        purpose,
        line: LineEdit::new(&before),
        before,
    });
    None
}

fn accept(state: &mut State) -> Option<Effect> {
    let Some(typing) = state.typing.take() else {
        return choose(state);
    };
    let text = typing.line.text().trim().to_owned();
    match typing.purpose {
        Purpose::Filter => None,
        Purpose::Branch => {
            state.review.branch_is_typed = true;
            state.review.failure = None;
            state.review.branch.clone_from(&text);
            Some(Effect::Work(Job::CheckBranch(text)))
        }
        Purpose::Answer(key) => {
            state.overlay = None;
            Some(Effect::Work(Job::Answer {
                key: key.into(),
                value: text,
            }))
        }
    }
}

/// Enter on an option opens its values, on a value takes it.
fn choose(state: &mut State) -> Option<Effect> {
    let options = screens::options::options(state).to_vec();
    let Some(Overlay::Options { cursor, open }) = &mut state.overlay else {
        return None;
    };
    if let Some((index, values)) = open {
        let option = options.get(*index)?;
        let value = option.choices.get(values.selected)?.clone();
        let key = option.key.to_owned();
        state.overlay = None;
        state.notice = Some(format!("{key} is now {value}."));
        return Some(Effect::Work(Job::Answer { key, value }));
    }
    let option = options.get(cursor.selected)?;
    if option.choices.is_empty() {
        let before = option.value.clone();
        state.typing = Some(Typing {
            purpose: Purpose::Answer(option.key),
            line: LineEdit::new(&before),
            before,
        });
        return None;
    }
    let current = option.choices.iter().position(|one| *one == option.value);
    let values = Cursor {
        selected: current.unwrap_or(0),
        offset: 0,
    };
    *open = Some((cursor.selected, values));
    None
}

fn apply(state: &mut State) -> Option<Effect> {
    let preview = std::sync::Arc::clone(state.preview()?);
    state.review.failure = None;
    state.review.applying = true;
    Some(Effect::Work(Job::Apply {
        preview,
        branch: state.review.branch.clone(),
    }))
}

fn editor(state: &mut State) -> Option<Effect> {
    let found = state.finding()?;
    let session = &state.survey.as_ref()?.session;
    let root = session.model.repo.root();
    // A scanned file is its own root.
    let path = match root.is_file() {
        true => root.to_owned(),
        false => root.join(&**found.finding.path()),
    };
    Some(Effect::Edit {
        path,
        line: session.line_of(&found.finding.location),
    })
}

fn hunk(state: &mut State, forward: bool) -> Option<Effect> {
    let areas = Areas::of(state);
    let hunks = screens::patch::content(state, &areas).hunks;
    let here = state.diff_scroll;
    let target = match forward {
        true => hunks.iter().find(|at| **at > here),
        false => hunks.iter().rev().find(|at| **at < here),
    };
    match target {
        Some(at) => state.diff_scroll = *at,
        None if forward => state.notice = Some("That was the last hunk.".into()),
        None => state.diff_scroll = 0,
    }
    None
}

fn neighbour(state: &mut State, by: isize) -> Option<Effect> {
    let cursor = match state.screen {
        Screen::Commit => &mut state.review.cursor,
        _ => &mut state.findings,
    };
    let before = *cursor;
    cursor.step(by);
    state.diff_scroll = 0;
    let lands = match state.screen {
        Screen::Commit => matches!(
            screens::review::selected(state),
            Some(screens::review::Row::Commit(_))
        ),
        _ => state.finding().is_some(),
    };
    let moved = state.findings.selected != before.selected || state.screen == Screen::Commit;
    if !lands || !moved {
        match state.screen {
            Screen::Commit => state.review.cursor = before,
            _ => state.findings = before,
        }
        state.notice = Some(
            if by > 0 {
                "That was the last one."
            } else {
                "That was the first one."
            }
            .into(),
        );
    }
    None
}

fn step(state: &mut State, by: isize) -> Option<Effect> {
    match &mut state.overlay {
        Some(
            Overlay::Help { scroll } | Overlay::Page { scroll, .. } | Overlay::AboutScan { scroll },
        ) => {
            *scroll = scroll.saturating_add_signed(by);
            return None;
        }
        Some(Overlay::Options { cursor, open }) => {
            match open {
                Some((_, values)) => values.step(by),
                None => cursor.step(by),
            }
            return None;
        }
        Some(Overlay::Leaving) => return None,
        None => {}
    }
    if matches!(state.screen, Screen::Patch | Screen::Commit) {
        state.diff_scroll = state.diff_scroll.saturating_add_signed(by);
        return None;
    }
    if state.focus == Focus::Details || state.screen == Screen::Done {
        state.scroll = state.scroll.saturating_add_signed(by);
        return None;
    }
    state.scroll = 0;
    match state.screen {
        Screen::Strategies => state.strategies.step(by),
        Screen::Findings => state.findings.step(by),
        Screen::Review => state.review.cursor.step(by),
        _ => {}
    }
    None
}

fn page(state: &mut State, direction: isize) -> Option<Effect> {
    let areas = Areas::of(state);
    let lines = screens::page(state, &areas);
    let by = isize::try_from(lines.saturating_sub(1).max(1)).unwrap_or(1);
    step(state, direction * by)
}

fn rescan(state: &mut State) -> Option<Effect> {
    let survey = state.survey.as_ref();
    let answers = survey.map(|survey| survey.session.answers().clone());
    state.scan = Scan::Running(Progress::Reading);
    state.done = None;
    if state.screen == Screen::Done {
        show(state, Screen::Strategies);
    }
    Some(Effect::Work(Job::Scan(answers.unwrap_or_default())))
}
