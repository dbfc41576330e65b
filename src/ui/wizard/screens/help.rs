//! The keys that hold on the screen, from the one table.

use ratatui::text::Line;

use crate::ui::wizard::commands;
use crate::ui::wizard::keymap::bindings;
use crate::ui::wizard::state::State;
use crate::ui::wizard::widgets::prose::Prose;
use crate::ui::wizard::widgets::text::cell;

/// What the marks and words in the lists mean.
const MARKS: &[(&str, &str)] = &[
    (
        "[x] [ ]",
        "a patch, ticked or not; [-] some of a strategy's patches",
    ),
    (" -", "words only: what a person has to do"),
    (
        " !",
        "the patch did not pass its proof, so it is not offered",
    ),
    (" ?", "the source does not tell: a question for you"),
    ("safe", "legitimate use is unchanged; ticked from the start"),
    (
        "review",
        "may change legitimate use: read why, then tick it yourself",
    ),
];

pub fn lines(state: &State, columns: usize) -> Vec<Line<'static>> {
    const KEYS: usize = 26;
    let theme = state.theme;
    let mut prose = Prose::new(columns, theme);
    let keys_width = KEYS.min(columns / 3);
    for binding in bindings(state.screen_mode()) {
        let text = match commands::allowed(state, binding.command) {
            Ok(()) => binding.help.to_owned(),
            Err(reason) => format!("{} (not now: {reason})", binding.help),
        };
        let front = [(theme.key(), cell(&binding.key_names(), keys_width))];
        prose.hanging(&front, keys_width, theme.plain(), &text);
    }
    prose.heading("Marks");
    for (mark, text) in MARKS {
        prose.field(mark, theme.plain(), text);
    }
    prose.into_lines()
}
