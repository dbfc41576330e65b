//! A list of rows of equal height with one selected.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::ui::wizard::theme::Theme;

/// Which row is selected, and which is the first that is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    pub selected: usize,
    pub offset: usize,
}

impl Cursor {
    pub fn step(&mut self, by: isize) {
        self.selected = self.selected.saturating_add_signed(by);
    }

    /// Keeps the selection inside `length` rows, and the selected row among the `visible`.
    pub fn settle(&mut self, length: usize, visible: usize) {
        let visible = visible.max(1);
        self.selected = self.selected.min(length.saturating_sub(1));
        self.offset = self
            .offset
            .min(self.selected)
            .max((self.selected + 1).saturating_sub(visible))
            .min(length.saturating_sub(visible));
    }
}

/// How a list is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Rows {
    pub cursor: Cursor,
    pub length: usize,
    /// Lines per row.
    pub height: usize,
    pub focused: bool,
}

impl Rows {
    /// How many rows fit into an area.
    pub fn fitting(area: Rect, height: usize) -> usize {
        (usize::from(area.height) / height.max(1)).max(1)
    }

    /// Draws the rows that are seen; `row` gives the lines of one by its index.
    pub fn draw(
        self,
        frame: &mut Frame<'_>,
        area: Rect,
        theme: Theme,
        row: impl Fn(usize) -> Vec<Line<'static>>,
    ) {
        let seen = self.cursor.offset..self.length;
        let mut lines: Vec<Line<'static>> = Vec::new();
        for index in seen.take(Self::fitting(area, self.height)) {
            let row = row(index).into_iter().take(self.height);
            lines.extend(row.map(|line| match index == self.cursor.selected {
                true => highlighted(line, area.width, self.focused, theme),
                false => line,
            }));
            let drawn = index - self.cursor.offset + 1;
            lines.resize(drawn * self.height, Line::default());
        }
        frame.render_widget(Paragraph::new(lines), area);
    }
}

/// One even bar over the whole width: colours give way, weight stays.
fn highlighted(line: Line<'static>, width: u16, focused: bool, theme: Theme) -> Line<'static> {
    if !focused {
        return line.patch_style(Style::new().add_modifier(Modifier::BOLD));
    }
    let missing = usize::from(width).saturating_sub(line.width());
    let kept = |style: Style| {
        let weight = style.add_modifier & (Modifier::BOLD | Modifier::UNDERLINED);
        theme.selected().add_modifier(weight)
    };
    let mut spans: Vec<Span<'static>> = line
        .spans
        .into_iter()
        .map(|span| Span::styled(span.content, kept(span.style)))
        .collect();
    spans.push(Span::styled(" ".repeat(missing), theme.selected()));
    Line::from(spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selected_row_stays_visible() {
        let mut cursor = Cursor::default();
        cursor.step(7);
        cursor.settle(10, 3);
        assert_eq!((cursor.selected, cursor.offset), (7, 5));
        cursor.step(-1);
        cursor.settle(10, 3);
        assert_eq!((cursor.selected, cursor.offset), (6, 5));
        cursor.step(-4);
        cursor.settle(10, 3);
        assert_eq!((cursor.selected, cursor.offset), (2, 2));
        cursor.step(isize::MAX);
        cursor.settle(10, 3);
        assert_eq!((cursor.selected, cursor.offset), (9, 7));
        cursor.settle(2, 3);
        assert_eq!((cursor.selected, cursor.offset), (1, 0));
        cursor.settle(0, 3);
        assert_eq!((cursor.selected, cursor.offset), (0, 0));
    }
}
