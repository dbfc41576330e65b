//! "Really quit?"

use ratatui::text::Line;

use crate::ui::wizard::state::State;
use crate::ui::wizard::widgets::prose::Prose;
use crate::ui::wizard::widgets::text::count;

pub fn lines(state: &State, columns: usize) -> Vec<Line<'static>> {
    let theme = state.theme;
    let mut prose = Prose::new(columns, theme);
    let ticked = count(state.chosen(), "patch is", "patches are");
    prose.text(
        theme.heading(),
        &format!("{ticked} ticked and not applied."),
    );
    prose.gap();
    prose.text(
        theme.plain(),
        "y quits and prints the command that would apply them; esc goes back.",
    );
    prose.into_lines()
}
