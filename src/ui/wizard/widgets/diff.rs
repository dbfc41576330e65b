//! A difference as lines of the screen: unified, or the two texts side by side.

use std::ops::Range;

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::text::{cell, fit_end, shown};
use crate::diff::{self, FileDiff, Hunk, LineKind};
use crate::text::printable;
use crate::ui::wizard::theme::Theme;

/// A difference ready to be drawn.
#[derive(Debug, Default)]
pub struct Rendered {
    pub lines: Vec<Line<'static>>,
    /// Which of the lines open a hunk.
    pub hunks: Vec<usize>,
}

/// From this width on two texts fit beside each other.
pub const SIDE_BY_SIDE_FROM: usize = 136;

/// Tabs reach to the next multiple of this.
const TAB: usize = 4;

/// The differences of several files, below each other.
pub fn render(files: &[FileDiff], columns: usize, side_by_side: bool, theme: Theme) -> Rendered {
    let mut rendered = Rendered::default();
    let side_by_side = side_by_side && columns >= SIDE_BY_SIDE_FROM;
    for file in files {
        if !rendered.lines.is_empty() {
            rendered.lines.push(Line::default());
        }
        rendered.lines.push(file_line(file, columns, theme));
        let gutter = file.hunks.iter().map(gutter_width).max().unwrap_or(1);
        for hunk in &file.hunks {
            rendered.hunks.push(rendered.lines.len());
            rendered.lines.push(hunk_line(hunk, columns, theme));
            match side_by_side {
                true => beside(&mut rendered.lines, hunk, gutter, columns, theme),
                false => below(&mut rendered.lines, hunk, gutter, columns, theme),
            }
        }
    }
    rendered
}

fn file_line(file: &FileDiff, columns: usize, theme: Theme) -> Line<'static> {
    let what = match (file.new_file, file.deleted) {
        (true, _) => "new file",
        (_, true) => "deleted file",
        _ => "changed",
    };
    let tail = format!("  {what}  {}", file.stat());
    let room = columns.saturating_sub(tail.width());
    Line::from(vec![
        Span::styled(fit_end(&shown(&file.path), room), theme.heading()),
        Span::styled(tail, theme.faint()),
    ])
}

fn hunk_line(hunk: &Hunk, columns: usize, theme: Theme) -> Line<'static> {
    let place = format!("@@ -{} +{} @@ ", hunk.old, hunk.new);
    let room = columns.saturating_sub(place.width());
    Line::from(vec![
        Span::styled(place, theme.hunk()),
        Span::styled(super::text::fit(&shown(&hunk.section), room), theme.faint()),
    ])
}

/// How wide the line numbers of a hunk are.
fn gutter_width(hunk: &Hunk) -> usize {
    let last = |range: diff::LineRange| range.start + range.count;
    let highest = last(hunk.old).max(last(hunk.new));
    highest.to_string().len()
}

/// A line's sign and style.
fn sign(kind: LineKind, theme: Theme) -> (char, Style) {
    match kind {
        LineKind::Context => (' ', theme.plain()),
        LineKind::Removed => ('-', theme.removed()),
        LineKind::Added => ('+', theme.added()),
    }
}

fn below(lines: &mut Vec<Line<'static>>, hunk: &Hunk, gutter: usize, columns: usize, theme: Theme) {
    // Both numbers fit on wide screens only.
    let two = columns >= 60;
    let front = if two { 2 * gutter + 3 } else { gutter + 1 };
    let room = columns.saturating_sub(front + 2).max(1);
    for line in &hunk.lines {
        let (mark, style) = sign(line.kind, theme);
        let number = |number: Option<usize>| {
            let number = number.map_or_else(String::new, |number| number.to_string());
            format!("{number:>gutter$} ")
        };
        let numbers = match two {
            true => format!("{}{} ", number(line.old_number), number(line.new_number)),
            false => number(line.new_number.or(line.old_number)),
        };
        for (index, row) in rows(line, room, style, theme).into_iter().enumerate() {
            let numbers = match index {
                0 => numbers.clone(),
                _ => " ".repeat(front),
            };
            let mut spans = vec![
                Span::styled(numbers, theme.faint()),
                Span::styled(format!("{mark} "), style),
            ];
            spans.extend(row);
            lines.push(Line::from(spans));
        }
        if line.missing_newline {
            let note = format!("{}\\ no newline at the end of the file", " ".repeat(front));
            lines.push(Line::styled(note, theme.invisible()));
        }
    }
}

fn beside(
    lines: &mut Vec<Line<'static>>,
    hunk: &Hunk,
    gutter: usize,
    columns: usize,
    theme: Theme,
) {
    let half = columns.saturating_sub(3) / 2;
    let room = half.saturating_sub(gutter + 3).max(1);
    let side = |line: Option<&diff::Line>, number: Option<usize>| -> Vec<Vec<Span<'static>>> {
        let Some(line) = line else {
            return Vec::new();
        };
        let (mark, style) = sign(line.kind, theme);
        let mut out = Vec::new();
        for (index, row) in rows(line, room, style, theme).into_iter().enumerate() {
            let number = match (index, number) {
                (0, Some(number)) => format!("{number:>gutter$} "),
                _ => " ".repeat(gutter + 1),
            };
            let mut spans = vec![
                Span::styled(number, theme.faint()),
                Span::styled(format!("{mark} "), style),
            ];
            spans.extend(row);
            out.push(spans);
        }
        if line.missing_newline {
            let note = cell("\\ no newline at the end of the file", half);
            out.push(vec![Span::styled(note, theme.invisible())]);
        }
        out
    };
    for (old, new) in pairs(&hunk.lines) {
        let left = side(old, old.and_then(|line| line.old_number));
        let right = side(new, new.and_then(|line| line.new_number));
        for index in 0..left.len().max(right.len()) {
            let mut spans = left.get(index).cloned().unwrap_or_default();
            let used: usize = spans.iter().map(Span::width).sum();
            spans.push(Span::raw(" ".repeat(half.saturating_sub(used))));
            spans.push(Span::styled(" │ ", theme.faint()));
            spans.extend(right.get(index).cloned().unwrap_or_default());
            lines.push(Line::from(spans));
        }
    }
}

type Pair<'a> = (Option<&'a diff::Line>, Option<&'a diff::Line>);

/// Which old line stands beside which new one.
fn pairs(lines: &[diff::Line]) -> Vec<Pair<'_>> {
    let mut pairs: Vec<Pair<'_>> = Vec::new();
    let mut rest = lines;
    while let Some(first) = rest.first() {
        if first.kind == LineKind::Context {
            pairs.push((Some(first), Some(first)));
            rest = &rest[1..];
            continue;
        }
        let run =
            |lines: &[diff::Line], kind| lines.iter().take_while(|line| line.kind == kind).count();
        let removed = run(rest, LineKind::Removed);
        let added = run(&rest[removed..], LineKind::Added);
        for index in 0..removed.max(added) {
            let old = (index < removed).then(|| &rest[index]);
            let new = (index < added).then(|| &rest[removed + index]);
            pairs.push((old, new));
        }
        rest = &rest[removed + added..];
    }
    pairs
}

/// The text of a line in rows of at most `room` columns, with everything visible.
fn rows(line: &diff::Line, room: usize, style: Style, theme: Theme) -> Vec<Vec<Span<'static>>> {
    let mut out: Vec<Vec<Span<'static>>> = vec![Vec::new()];
    let mut used = 0;
    for piece in pieces(line) {
        let style = match piece.kind {
            Piece::INVISIBLE => theme.invisible(),
            Piece::EMPHASIS => style.patch(theme.emphasis()),
            _ => style,
        };
        let mut text = String::new();
        for character in piece.text.chars() {
            let wide = character.width().unwrap_or(0);
            if used > 0 && used + wide > room {
                push(&mut out, std::mem::take(&mut text), style);
                out.push(Vec::new());
                used = 0;
            }
            text.push(character);
            used += wide;
        }
        push(&mut out, text, style);
    }
    out
}

fn push(rows: &mut [Vec<Span<'static>>], text: String, style: Style) {
    if let (Some(row), false) = (rows.last_mut(), text.is_empty()) {
        row.push(Span::styled(text, style));
    }
}

struct Piece {
    text: String,
    kind: u8,
}

impl Piece {
    const PLAIN: u8 = 0;
    const EMPHASIS: u8 = 1;
    const INVISIBLE: u8 = 2;
}

/// A line cut where its look changes.
fn pieces(line: &diff::Line) -> Vec<Piece> {
    let text = &line.text;
    let body = text.trim_end_matches([' ', '\t']).len();
    let changed = line.kind != LineKind::Context;
    let mut pieces: Vec<Piece> = Vec::new();
    let mut column = 0;
    for (at, character) in text.char_indices() {
        let is_emphasised = |words: &[Range<usize>]| words.iter().any(|word| word.contains(&at));
        let (shown, kind) = match character {
            '\t' => {
                let wide = TAB - column % TAB;
                (format!("→{}", " ".repeat(wide - 1)), Piece::INVISIBLE)
            }
            ' ' if at >= body && changed => ("·".to_owned(), Piece::INVISIBLE),
            character => {
                let shown = printable(character.encode_utf8(&mut [0; 4]));
                let kind = match shown.chars().eq([character]) {
                    false => Piece::INVISIBLE,
                    true if is_emphasised(&line.emphasis) => Piece::EMPHASIS,
                    true => Piece::PLAIN,
                };
                (shown, kind)
            }
        };
        column += shown.width();
        match pieces.last_mut() {
            Some(last) if last.kind == kind => last.text.push_str(&shown),
            _ => pieces.push(Piece { text: shown, kind }),
        }
    }
    if line.carriage_return {
        pieces.push(Piece {
            text: "␍".into(),
            kind: Piece::INVISIBLE,
        });
    }
    pieces
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diff::{CONTEXT, FileChange};

    fn lines(before: &str, after: &str, columns: usize, side_by_side: bool) -> Vec<String> {
        let change = FileChange::new(&Arc::from("app.py"), Some(before), after);
        let files = [diff::diff(&change, CONTEXT)];
        let rendered = render(&files, columns, side_by_side, Theme::MONO);
        rendered
            .lines
            .iter()
            .map(|line| line.to_string().trim_end().to_owned())
            .collect()
    }

    #[test]
    fn what_cannot_be_seen_is_shown() {
        let shown = lines("a\r\n", "\ta \u{1b}[1m\r\nb  ", 60, false);
        assert_eq!(
            shown,
            [
                "app.py  changed  +2 −1",
                "@@ -1 +1,2 @@",
                "1    - a␍",
                "  1  + →   a ␛[1m␍",
                "  2  + b··",
                "     \\ no newline at the end of the file",
            ]
        );
    }

    #[test]
    fn long_lines_wrap_and_wide_characters_stay_whole() {
        let shown = lines("", "漢字漢字漢\n", 10, false);
        assert_eq!(shown[2..], ["1 + 漢字漢", "  + 字漢"]);
    }

    #[test]
    fn two_texts_stand_beside_each_other() {
        let shown = lines("a\nb\n", "a\nc\nd\n", 140, true);
        let old = "1   a";
        assert!(
            shown[2].starts_with(old) && shown[2].ends_with("│ 1   a"),
            "{shown:?}"
        );
        assert!(shown[3].starts_with("2 - b") && shown[3].ends_with("│ 2 + c"));
        assert!(shown[4].starts_with(' ') && shown[4].ends_with("│ 3 + d"));
    }

    #[test]
    fn hunks_are_known() {
        let before: String = (0..30).map(|n| format!("{n}\n")).collect();
        let after = before.replace("2\n", "x\n");
        let change = FileChange::new(&Arc::from("a.txt"), Some(&before), &after);
        let rendered = render(&[diff::diff(&change, 1)], 80, false, Theme::MONO);
        assert_eq!(rendered.hunks.len(), 3);
        let opens = |index: &usize| rendered.lines[*index].to_string().starts_with("@@");
        assert!(rendered.hunks.iter().all(opens));
    }
}
