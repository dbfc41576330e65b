//! The subset of Markdown that the pages of strategies and controls use.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::prose::Prose;
use super::text::{shown, width};
use crate::ui::wizard::theme::Theme;

/// A page as lines of at most `columns` columns.
pub fn render(page: &str, columns: usize, theme: Theme) -> Vec<Line<'static>> {
    let mut prose = Prose::new(columns, theme);
    let mut paragraph = String::new();
    let mut in_code = false;
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            flush(&mut prose, &mut paragraph);
            in_code = !in_code;
            continue;
        }
        if in_code {
            let code = format!("    {}", shown(line));
            prose.line(Line::styled(code, theme.place()));
            continue;
        }
        let body = line.trim();
        if body.is_empty() {
            flush(&mut prose, &mut paragraph);
            prose.gap();
        } else if let Some(heading) = body.strip_prefix('#') {
            flush(&mut prose, &mut paragraph);
            prose.heading(heading.trim_start_matches('#').trim());
        } else if body.starts_with('|') {
            flush(&mut prose, &mut paragraph);
            table_row(&mut prose, body);
        } else {
            if is_item(body) {
                flush(&mut prose, &mut paragraph);
            } else if !paragraph.is_empty() {
                paragraph.push(' ');
            }
            paragraph.push_str(body);
        }
    }
    flush(&mut prose, &mut paragraph);
    prose.into_lines()
}

fn is_item(body: &str) -> bool {
    let digits = body.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = digits.len() < body.len() && digits.starts_with(". ");
    body.starts_with("- ") || body.starts_with("* ") || numbered
}

fn table_row(prose: &mut Prose, body: &str) {
    let is_rule = body.chars().all(|c| matches!(c, '|' | '-' | ':' | ' '));
    if is_rule {
        return;
    }
    let cells: Vec<&str> = body.trim_matches('|').split('|').map(str::trim).collect();
    let text = cells.join(" · ");
    push_spans(prose, "  ", &inline(&text, prose.theme));
}

fn flush(prose: &mut Prose, paragraph: &mut String) {
    if paragraph.is_empty() {
        return;
    }
    let text = std::mem::take(paragraph);
    let (mark, body) = match text.strip_prefix("- ").or_else(|| text.strip_prefix("* ")) {
        Some(body) => ("• ", body),
        None if is_item(&text) => match text.split_once(' ') {
            Some((_, body)) => (&text[..text.len() - body.len()], body),
            None => ("", text.as_str()),
        },
        None => ("", text.as_str()),
    };
    push_spans(prose, mark, &inline(body, prose.theme));
}

/// Words with their styles: `**strong**`, `*stress*`, `` `code` ``, and links as their text.
fn inline(text: &str, theme: Theme) -> Vec<(String, Style)> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let marked = [
            ("**", Style::new().add_modifier(Modifier::BOLD)),
            ("`", theme.place()),
            ("*", Style::new().add_modifier(Modifier::ITALIC)),
        ];
        let found = marked.iter().find_map(|(mark, style)| {
            let behind = rest.strip_prefix(mark)?;
            let end = behind.find(mark)?;
            let inner = &behind[..end];
            if inner.is_empty() || inner.trim() != inner {
                return None;
            }
            Some((inner, &behind[end + mark.len()..], *style))
        });
        if let Some((inner, behind, style)) = found {
            pieces.push((std::mem::take(&mut plain), Style::new()));
            pieces.push((inner.to_owned(), style));
            rest = behind;
            continue;
        }
        if let Some((label, behind)) = link(rest) {
            plain.push_str(label);
            rest = behind;
            continue;
        }
        plain.push(next);
        rest = &rest[next.len_utf8()..];
    }
    pieces.push((plain, Style::new()));
    pieces.retain(|(text, _)| !text.is_empty());
    pieces
}

fn link(text: &str) -> Option<(&str, &str)> {
    let behind = text.strip_prefix('[')?;
    let (label, behind) = behind.split_once("](")?;
    let (_, behind) = behind.split_once(')')?;
    (!label.contains(['[', ']'])).then_some((label, behind))
}

/// Wraps styled words; `mark` stands in front of the first line.
fn push_spans(prose: &mut Prose, mark: &str, pieces: &[(String, Style)]) {
    let indent = width(mark);
    let columns = prose.columns();
    let mut spans = vec![Span::styled(mark.to_owned(), prose.theme.faint())];
    let mut used = indent;
    let mut pending_blank = false;
    for (text, style) in pieces {
        let text = shown(text);
        for (index, word) in text.split(' ').enumerate() {
            pending_blank |= index > 0;
            if word.is_empty() {
                continue;
            }
            let wide = width(word);
            if pending_blank && used > indent && used + 1 + wide > columns {
                prose.line(Line::from(std::mem::take(&mut spans)));
                spans.push(Span::raw(" ".repeat(indent)));
                used = indent;
            } else if pending_blank && used > indent {
                let inside = index > 0;
                spans.push(Span::styled(
                    " ",
                    if inside { *style } else { Style::new() },
                ));
                used += 1;
            }
            pending_blank = false;
            spans.push(Span::styled(word.to_owned(), *style));
            used += wide;
        }
    }
    prose.line(Line::from(spans));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(page: &str, columns: usize) -> Vec<String> {
        let lines = render(page, columns, Theme::MONO);
        lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn pages_become_lines() {
        let page = "# debug-run\n\nOne `app.run()`\nand **more**.\n\n- first\n- second\n";
        assert_eq!(
            text(page, 40),
            [
                "debug-run",
                "",
                "One app.run() and more.",
                "",
                "• first",
                "• second"
            ]
        );
    }

    #[test]
    fn words_wrap_with_their_styles() {
        assert_eq!(text("a `b c` d, `e`.", 5), ["a b c", "d, e."]);
        assert_eq!(
            text("2 * 3 * 4 and [this](https://x)", 40),
            ["2 * 3 * 4 and this"]
        );
    }

    #[test]
    fn code_and_tables_keep_their_lines() {
        let page = "```python\nx = {}\n```\n| a | b |\n|---|---|\n| 1 | 2 |\n";
        assert_eq!(text(page, 40), ["    x = {}", "  a · b", "  1 · 2"]);
    }
}
