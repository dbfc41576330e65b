//! A small gauge: part of a whole, drawn and said.

use ratatui::text::Span;

use crate::ui::wizard::theme::Theme;

/// A bar of `columns` columns: what holds now, what the ticked patches add, what is open.
pub fn bar(
    now: usize,
    after: usize,
    whole: usize,
    columns: usize,
    theme: Theme,
) -> Vec<Span<'static>> {
    let scaled = |part: usize| {
        (part * columns)
            .checked_div(whole)
            .unwrap_or(0)
            .min(columns)
    };
    let (now, after) = (scaled(now), scaled(after.max(now)));
    vec![
        Span::styled("█".repeat(now), theme.good()),
        Span::styled("▓".repeat(after - now), theme.doubt()),
        Span::styled("░".repeat(columns - after), theme.faint()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_have_their_width() {
        let text = |now, after, whole| {
            let spans = bar(now, after, whole, 8, Theme::MONO);
            spans
                .iter()
                .map(|span| span.content.clone())
                .collect::<String>()
        };
        assert_eq!(text(2, 4, 8), "██▓▓░░░░");
        assert_eq!(text(0, 0, 0), "░░░░░░░░");
        assert_eq!(text(9, 1, 8), "████████");
    }
}
