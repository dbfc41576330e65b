//! Running text: wrapped paragraphs, headings, labelled fields, in lines ready to be drawn.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::text::{cell, shown, wrap};
use crate::ui::wizard::theme::Theme;

/// Lines of one width, built from top to bottom.
pub struct Prose {
    lines: Vec<Line<'static>>,
    columns: usize,
    pub theme: Theme,
}

impl Prose {
    pub fn new(columns: usize, theme: Theme) -> Self {
        Self {
            lines: Vec::new(),
            columns: columns.max(1),
            theme,
        }
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    pub fn into_lines(self) -> Vec<Line<'static>> {
        self.lines
    }

    pub fn line(&mut self, line: Line<'static>) {
        self.lines.push(line);
    }

    /// An empty line, unless there is one already or nothing stands above it.
    pub fn gap(&mut self) {
        let is_empty = |line: &Line<'_>| line.width() == 0;
        if self.lines.last().is_some_and(|line| !is_empty(line)) {
            self.lines.push(Line::default());
        }
    }

    pub fn heading(&mut self, text: &str) {
        self.gap();
        let style = self.theme.heading();
        self.text(style, text);
    }

    pub fn text(&mut self, style: Style, text: &str) {
        self.hanging(&[], 0, style, text);
    }

    /// `mark` in front of the first line, and the text beside it.
    pub fn item(&mut self, mark: &str, style: Style, text: &str) {
        let mark_width = super::text::width(mark);
        self.hanging(
            &[(self.theme.faint(), mark.to_owned())],
            mark_width,
            style,
            text,
        );
    }

    /// A label in a column of its own; on narrow screens the text goes below it.
    pub fn field(&mut self, label: &str, style: Style, text: &str) {
        const LABEL: usize = 12;
        let faint = self.theme.faint();
        if self.columns < 3 * LABEL {
            self.text(faint, label);
            self.hanging(&[(faint, "  ".into())], 2, style, text);
            return;
        }
        self.hanging(&[(faint, cell(label, LABEL))], LABEL, style, text);
    }

    /// `front` on the first line, blanks of its width (`indent`) on the others.
    pub fn hanging(&mut self, front: &[(Style, String)], indent: usize, style: Style, text: &str) {
        let columns = self.columns.saturating_sub(indent);
        for (index, piece) in wrap(&shown(text), columns).into_iter().enumerate() {
            let mut spans: Vec<Span<'static>> = match index {
                0 => front
                    .iter()
                    .map(|(style, text)| Span::styled(text.clone(), *style))
                    .collect(),
                _ => vec![Span::raw(" ".repeat(indent))],
            };
            spans.push(Span::styled(piece, style));
            self.lines.push(Line::from(spans));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_hang_below_their_label() {
        let mut prose = Prose::new(40, Theme::MONO);
        prose.field(
            "Guarantees",
            Style::new(),
            "no request value can name another file",
        );
        let lines: Vec<_> = prose.into_lines().iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "Guarantees  no request value can name",
                "            another file"
            ]
        );
    }

    #[test]
    fn gaps_do_not_add_up() {
        let mut prose = Prose::new(40, Theme::MONO);
        prose.gap();
        prose.heading("A");
        prose.gap();
        prose.gap();
        prose.heading("B");
        assert_eq!(prose.into_lines().len(), 3);
    }
}
