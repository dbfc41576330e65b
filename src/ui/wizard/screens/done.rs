//! What was made, what is left to a person, and what to type next.

use ratatui::text::{Line, Span};

use crate::ui::outcome::next_commands;
use crate::ui::wizard::state::State;
use crate::ui::wizard::widgets::prose::Prose;
use crate::ui::wizard::widgets::text::{count, fit, shown};

pub fn lines(state: &State, columns: usize) -> Vec<Line<'static>> {
    let theme = state.theme;
    let mut prose = Prose::new(columns, theme);
    let Some(applied) = &state.done else {
        return Vec::new();
    };
    let words = format!(
        "The branch {} is made, with {}.",
        shown(&applied.created.branch),
        count(applied.created.commits.len(), "commit", "commits")
    );
    prose.text(theme.brand(), &words);
    prose.text(
        theme.plain(),
        "Your files, the index and the branch that is checked out are as they were.",
    );
    prose.gap();
    for (id, subject) in &applied.created.commits {
        let room = columns.saturating_sub(id.len() + 2);
        prose.line(Line::from(vec![
            Span::styled(id.clone(), theme.doubt()),
            Span::raw("  "),
            Span::raw(fit(&shown(subject), room)),
        ]));
    }
    if !applied.follow_ups.is_empty() {
        prose.heading("Left to you");
    }
    for follow_up in &applied.follow_ups {
        prose.item("- ", theme.plain(), follow_up);
    }
    prose.heading("Next");
    for (command, what) in next_commands(applied, state.head()) {
        prose.text(theme.key(), &shown(&command));
        prose.item("    ", theme.faint(), what);
    }
    prose.into_lines()
}
