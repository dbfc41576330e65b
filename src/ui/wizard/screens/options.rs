//! The options of a remedy, and the values of one of them.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Clear;

use crate::finding::RemedyOption;
use crate::ui::wizard::layout::Areas;
use crate::ui::wizard::state::{Overlay, State};
use crate::ui::wizard::widgets::list::Rows;
use crate::ui::wizard::widgets::pane::Pane;
use crate::ui::wizard::widgets::text::{cell, shown};

/// The options of the remedy under the cursor; empty until its patch is made.
pub fn options(state: &State) -> &[RemedyOption] {
    let offered = || {
        let survey = state.survey.as_ref()?;
        survey.offered(&state.finding()?.fingerprint)
    };
    offered().map_or(&[], |offered| &offered.offer.patch.options)
}

/// Lines per option or value.
const HEIGHT: usize = 2;

pub fn visible_rows(height: usize) -> usize {
    height / HEIGHT
}

pub fn draw(state: &State, areas: &Areas, frame: &mut Frame<'_>) {
    let Some(Overlay::Options { cursor, open }) = &state.overlay else {
        return;
    };
    let all = options(state);
    let opened = open.and_then(|(index, values)| Some((all.get(index)?, values)));
    let (title, length, cursor) = match opened {
        Some((option, values)) => (option.question.as_str(), option.choices.len(), values),
        None => ("Options of this remedy", all.len(), *cursor),
    };
    let room = areas.overlay();
    let height = u16::try_from(length * HEIGHT + 2).unwrap_or(u16::MAX);
    let area = Rect {
        height: room.height.min(height.max(4)),
        ..room
    };
    frame.render_widget(Clear, area);
    let pane = Pane {
        title,
        note: "enter takes it, esc goes back",
        focused: true,
        framed: true,
    };
    let inner = pane.draw(frame, area, state.theme);
    let columns = usize::from(inner.width);
    let rows = Rows {
        cursor,
        length,
        height: HEIGHT,
        focused: true,
    };
    rows.draw(frame, inner, state.theme, |index| {
        let (first, second) = match opened {
            Some((option, _)) => value_row(option, index),
            None => option_row(all, index),
        };
        vec![
            Line::styled(cell(&shown(&first), columns), state.theme.heading()),
            Line::styled(cell(&shown(&second), columns), state.theme.faint()),
        ]
    });
}

fn option_row(all: &[RemedyOption], index: usize) -> (String, String) {
    all.get(index).map_or_else(Default::default, |option| {
        (option.question.clone(), format!("  {}", option.value))
    })
}

fn value_row(option: &RemedyOption, index: usize) -> (String, String) {
    let value = option.choices.get(index).cloned().unwrap_or_default();
    let note = match value == option.value {
        true => "  as it is now",
        false => "",
    };
    (value, note.into())
}
