//! One patch, or one commit, as a difference.

use ratatui::text::{Line, Span};

use super::{findings, review};
use crate::diff::{FileDiff, Stat};
use crate::ui::survey::Tick;
use crate::ui::wizard::layout::Areas;
use crate::ui::wizard::state::{Screen, State};
use crate::ui::wizard::widgets::diff::{Rendered, render};
use crate::ui::wizard::widgets::prose::Prose;
use crate::ui::wizard::widgets::text::count;

/// What the screen shows: the head of the patch, and its difference.
pub fn content(state: &State, areas: &Areas) -> Rendered {
    let columns = usize::from(areas.body_inner().width);
    match state.screen {
        Screen::Commit => commit(state, columns),
        _ => patch(state, columns),
    }
}

/// The title of the frame.
pub fn title(state: &State) -> String {
    match state.screen {
        Screen::Commit => {
            review::selected_commit(state).map_or_else(String::new, |commit| commit.subject.clone())
        }
        _ => state
            .finding()
            .map_or_else(String::new, |found| found.about.id.to_owned()),
    }
}

fn patch(state: &State, columns: usize) -> Rendered {
    let theme = state.theme;
    let mut prose = Prose::new(columns, theme);
    let (Some(survey), Some(found)) = (&state.survey, state.finding()) else {
        return Rendered::default();
    };
    let (word, style) = match survey.tick(&found.fingerprint) {
        Tick::Ticked => ("[x] ticked", theme.good()),
        Tick::Open => ("[ ] not ticked", theme.plain()),
        Tick::Words => (" -  words only", theme.faint()),
        Tick::Flawed => (" !  not offered", theme.bad()),
    };
    let kind = findings::kind_word(survey, found);
    prose.line(Line::from(vec![
        Span::styled(word, style),
        Span::styled(format!(" · {kind} · "), theme.faint()),
        Span::styled(findings::place(survey, found), theme.place()),
    ]));
    let Some(offered) = survey.offered(&found.fingerprint) else {
        prose.gap();
        prose.text(theme.faint(), "The patch is being made and checked...");
        return Rendered {
            lines: prose.into_lines(),
            hunks: Vec::new(),
        };
    };
    let patch = &offered.offer.patch;
    prose.text(theme.heading(), &patch.title);
    if !patch.guarantees.is_empty() {
        prose.field("Guarantees", theme.plain(), &patch.guarantees);
    }
    for what in &patch.may_break {
        prose.field("May break", theme.doubt(), what);
    }
    if let Some(flaw) = &offered.offer.flaw {
        prose.field("Not offered", theme.bad(), flaw);
    }
    let stat: Stat = offered.diffs.iter().map(FileDiff::stat).sum();
    let files = count(offered.diffs.len(), "file", "files");
    prose.field("Changes", theme.plain(), &format!("{files}, {stat}"));
    prose.gap();
    let diff = render(&offered.diffs, columns, state.side_by_side, theme);
    below(prose, diff)
}

fn commit(state: &State, columns: usize) -> Rendered {
    let diffs = review::selected_diffs(state).unwrap_or_default();
    render(diffs, columns, state.side_by_side, state.theme)
}

/// A difference below its head.
fn below(head: Prose, diff: Rendered) -> Rendered {
    let mut lines = head.into_lines();
    let above = lines.len();
    lines.extend(diff.lines);
    Rendered {
        lines,
        hunks: diff.hunks.iter().map(|at| at + above).collect(),
    }
}
