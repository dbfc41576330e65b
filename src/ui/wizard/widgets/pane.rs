//! A framed part of the screen with a title, and what is left of it inside.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Paragraph};

use super::text::fit;
use crate::ui::wizard::theme::Theme;

/// How a part of the screen is framed.
#[derive(Debug, Clone, Copy)]
pub struct Pane<'a> {
    pub title: &'a str,
    /// Stands on the lower border.
    pub note: &'a str,
    pub focused: bool,
    /// Without a frame all of the area is content: for small screens.
    pub framed: bool,
}

impl Pane<'_> {
    /// Where the content goes.
    pub fn inner(framed: bool, area: Rect) -> Rect {
        if !framed {
            return area;
        }
        Rect {
            x: area.x.saturating_add(2),
            y: area.y.saturating_add(1),
            width: area.width.saturating_sub(4),
            height: area.height.saturating_sub(2),
        }
        .intersection(area)
    }

    /// Draws the frame.
    pub fn draw(self, frame: &mut Frame<'_>, area: Rect, theme: Theme) -> Rect {
        if !self.framed {
            return area;
        }
        let border = match self.focused {
            true => theme.focused(),
            false => theme.faint(),
        };
        let room = usize::from(area.width.saturating_sub(6));
        let mut block = Block::bordered()
            .border_type(BorderType::Rounded)
            .border_style(border);
        if !self.title.is_empty() {
            let title = format!(" {} ", fit(self.title, room));
            let style = match self.focused {
                true => theme.heading(),
                false => theme.plain(),
            };
            block = block.title_top(Line::from(Span::styled(title, style)));
        }
        if !self.note.is_empty() {
            let note = format!(" {} ", fit(self.note, room));
            block =
                block.title_bottom(Line::from(Span::styled(note, theme.faint())).right_aligned());
        }
        frame.render_widget(block, area);
        Self::inner(true, area)
    }
}

/// Draws `lines` from `scroll` on.
pub fn draw_lines(frame: &mut Frame<'_>, area: Rect, lines: &[Line<'static>], scroll: usize) {
    let height = usize::from(area.height);
    let visible: Vec<Line<'_>> = lines.iter().skip(scroll).take(height).cloned().collect();
    frame.render_widget(Paragraph::new(visible), area);
}

/// How far a text of `length` lines is scrolled, in words; empty when all of it is shown.
pub fn position(scroll: usize, height: usize, length: usize) -> String {
    if length <= height {
        return String::new();
    }
    let last = (scroll + height).min(length);
    format!("{}-{last} of {length}", scroll + 1)
}
