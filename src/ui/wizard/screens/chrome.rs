//! The first and the last line of every screen.

use ratatui::text::{Line, Span};

use crate::ui::wizard::commands;
use crate::ui::wizard::keymap::{Binding, Command, bindings};
use crate::ui::wizard::layout::{Areas, Shape};
use crate::ui::wizard::state::{Focus, Git, Purpose, Scan, Screen, State, Typing};
use crate::ui::wizard::widgets::text::{cell, fit, fit_end, shown, width};

/// Where one is, and how things stand.
pub fn header(state: &State) -> Line<'static> {
    const BETWEEN: &str = " › ";
    let columns = usize::from(state.size.0).saturating_sub(2);
    let theme = state.theme;
    let crumbs = crumbs(state);
    let needed = |crumbs: &[String]| crumbs.iter().map(|crumb| width(crumb) + 3).sum::<usize>();
    let mut status = status(state);
    // Facts give way one by one, then the crumbs in front.
    while status.len() > 1 && needed(&crumbs) + width(&status.join(" · ")) > columns {
        status.remove(0);
    }
    let status = status.join(" · ");
    let mut first = 0;
    while first + 1 < crumbs.len() && needed(&crumbs[first..]) + width(&status) > columns {
        first += 1;
    }
    let mut spans = vec![Span::raw(" ")];
    let mut room = columns.saturating_sub(width(&status));
    for (index, crumb) in crumbs.iter().enumerate().skip(first) {
        let style = match index {
            0 => theme.brand(),
            _ if index + 1 == crumbs.len() => theme.heading(),
            _ => theme.plain(),
        };
        let text = fit(crumb, room);
        room = room.saturating_sub(width(&text));
        spans.push(Span::styled(text, style));
        if index + 1 < crumbs.len() {
            spans.push(Span::styled(BETWEEN, theme.faint()));
            room = room.saturating_sub(width(BETWEEN));
        }
    }
    spans.push(Span::raw(" ".repeat(room)));
    spans.push(Span::styled(status, theme.faint()));
    Line::from(spans)
}

fn crumbs(state: &State) -> Vec<String> {
    let mut crumbs = vec!["flask-harden".to_owned(), shown(&state.project)];
    match state.screen {
        Screen::Scanning => crumbs.push("scan".into()),
        Screen::Strategies => {}
        Screen::Findings | Screen::Patch => crumbs.push(state.strategy().id.into()),
        Screen::Review | Screen::Commit => crumbs.push("review".into()),
        Screen::Done => crumbs.push("done".into()),
    }
    match state.screen {
        Screen::Patch => crumbs.push("patch".into()),
        Screen::Commit => crumbs.push("commit".into()),
        _ => {}
    }
    crumbs
}

/// The least important first: it gives way on narrow screens.
fn status(state: &State) -> Vec<String> {
    let mut status = Vec::new();
    match &state.git {
        Git::Ready(git) => {
            if git.uncommitted != Some(0) {
                let words = uncommitted_words(git.uncommitted);
                status.push(words.trim_start_matches(", ").to_owned());
            }
            status.push(shown(&git.head));
        }
        Git::Unusable(_) => status.push("no git".into()),
        Git::Unknown => {}
    }
    if state.survey.is_some() {
        status.push(format!("{} ticked", state.chosen()));
    }
    if matches!(state.scan, Scan::Running(_)) && state.screen != Screen::Scanning {
        status.push("scanning".into());
    }
    status
}

/// ", 3 files uncommitted"; empty where there are none.
pub fn uncommitted_words(uncommitted: Option<usize>) -> String {
    match uncommitted {
        Some(0) => String::new(),
        Some(1) => ", 1 file uncommitted".into(),
        Some(many) => format!(", {many} files uncommitted"),
        None => ", changes not counted".into(),
    }
}

/// What the last key did, what is being typed, or which keys there are.
pub fn footer(state: &State) -> Line<'static> {
    let columns = usize::from(state.size.0);
    let theme = state.theme;
    if let Some(typing) = &state.typing {
        return typed(state, typing, columns);
    }
    if state.review.applying {
        return Line::from(Span::raw(" Making the branch..."));
    }
    if let (Some(notice), None) = (&state.notice, &state.overlay) {
        let text = cell(&format!(" {}", shown(notice)), columns);
        return Line::from(Span::styled(text, theme.doubt()));
    }
    keys(state, columns)
}

fn typed(state: &State, typing: &Typing, columns: usize) -> Line<'static> {
    let theme = state.theme;
    let label = match typing.purpose {
        Purpose::Filter => " Show only: ",
        Purpose::Branch => " Branch: ",
        Purpose::Answer(_) => " Answer: ",
    };
    let (front, behind) = typing.line.halves();
    let front = fit_end(&shown(front), columns.saturating_sub(width(label) + 2));
    let mut rest = behind.chars();
    let under = rest.next();
    let under = under.map_or_else(|| " ".to_owned(), |next| shown(&next.to_string()));
    let problem = match typing.purpose {
        Purpose::Branch => state.review.branch_problem.as_deref(),
        _ => None,
    };
    let (note, style) = match problem {
        Some(problem) => (problem, theme.bad()),
        None => ("enter accepts, esc goes back", theme.faint()),
    };
    Line::from(vec![
        Span::styled(label, theme.heading()),
        Span::raw(front),
        Span::styled(under, theme.selected()),
        Span::raw(shown(rest.as_str())),
        Span::styled(format!("  {note}"), style),
    ])
}

fn keys(state: &State, columns: usize) -> Line<'static> {
    let theme = state.theme;
    let hinted = bindings(state.mode()).filter(|binding| !binding.hint.is_empty());
    let mut hinted: Vec<&Binding> = hinted.collect();
    if Areas::of(state).shape == Shape::Single {
        // Who sees one pane only has to know of the other.
        hinted.sort_by_key(|binding| match binding.command {
            Command::Apply | Command::Toggle => 0,
            Command::OtherPane => 1,
            _ => 2,
        });
    }
    let is_last = |binding: &Binding| matches!(binding.command, Command::Help | Command::Quit);
    let gap = if columns >= 100 { 3 } else { 2 };
    let wide = |binding: &Binding| gap + hint_width(state, binding);
    let last = hinted.iter().filter(|binding| is_last(binding));
    let always: usize = last.map(|binding| wide(binding)).sum();
    let mut room = (columns + gap).saturating_sub(always + 1);
    let mut spans = vec![Span::raw(" ")];
    for binding in hinted {
        if !is_last(binding) {
            if wide(binding) > room {
                continue;
            }
            room -= wide(binding);
        }
        if spans.len() > 1 {
            spans.push(Span::raw(" ".repeat(gap)));
        }
        let (key, text) = match commands::allowed(state, binding.command) {
            Ok(()) => (theme.key(), theme.plain()),
            Err(_) => (theme.faint(), theme.faint()),
        };
        let name = binding.keys.first().map(|key| key.name());
        spans.push(Span::styled(name.unwrap_or_default(), key));
        spans.push(Span::styled(format!(" {}", hint(state, binding)), text));
    }
    Line::from(spans)
}

fn hint_width(state: &State, binding: &Binding) -> usize {
    let name = binding.keys.first().map(|key| key.name());
    name.unwrap_or_default().len() + hint(state, binding).len() + 1
}

/// The word for a key as things stand.
fn hint(state: &State, binding: &Binding) -> String {
    match binding.command {
        Command::Review if state.chosen() > 0 => format!("apply {}...", state.chosen()),
        Command::OtherPane if state.focus == Focus::Details => "list".into(),
        _ => binding.hint.to_owned(),
    }
}
