//! Text with byte spans and human positions: the ground that every later stage stands on.

use std::fmt;
use std::sync::Arc;

use ruff_text_size::{TextRange, TextSize};

/// The path of `name` in `folder`, both relative to the root; "" is the root itself.
pub fn join_path(folder: &str, name: &str) -> String {
    match (folder, name) {
        ("", _) => name.to_owned(),
        (_, "") => folder.to_owned(),
        _ => format!("{folder}/{name}"),
    }
}

/// A half-open byte range `start..end` into one file's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    /// `start` must not lie behind `end`.
    pub const fn new(start: usize, end: usize) -> Self {
        assert!(start <= end);
        Self { start, end }
    }

    /// The empty span in front of `offset`: where an insertion goes.
    pub const fn at(offset: usize) -> Self {
        Self {
            start: offset,
            end: offset,
        }
    }

    pub const fn len(self) -> usize {
        self.end - self.start
    }

    pub const fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// Whether `other` lies inside (equal ends allowed).
    pub const fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// Whether `offset` lies inside, the end excluded.
    pub const fn contains_offset(self, offset: usize) -> bool {
        self.start <= offset && offset < self.end
    }

    /// Whether the two share at least one byte. Empty spans share none.
    pub const fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

impl From<TextRange> for Span {
    fn from(range: TextRange) -> Self {
        Self::new(range.start().to_usize(), range.end().to_usize())
    }
}

impl From<std::ops::Range<usize>> for Span {
    fn from(range: std::ops::Range<usize>) -> Self {
        Self::new(range.start, range.end.max(range.start))
    }
}

impl From<Span> for TextRange {
    /// Spans come from files that discovery has capped far below 4 GiB, so nothing is lost.
    fn from(span: Span) -> Self {
        let size = |offset: usize| TextSize::new(u32::try_from(offset).unwrap_or(u32::MAX));
        Self::new(size(span.start), size(span.end))
    }
}

/// A line and a column as an editor shows them: both 1-based, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A file's text with the offset of every line start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    content: String,
    line_starts: Vec<usize>,
}

impl Text {
    pub fn new(content: impl Into<String>) -> Self {
        let content = content.into();
        let mut line_starts = vec![0];
        line_starts.extend(memchr::memchr_iter(b'\n', content.as_bytes()).map(|at| at + 1));
        Self {
            content,
            line_starts,
        }
    }

    pub fn as_str(&self) -> &str {
        &self.content
    }

    pub fn len(&self) -> usize {
        self.content.len()
    }

    pub fn is_empty(&self) -> bool {
        self.content.is_empty()
    }

    /// The text of `span`, or nothing when it does not fit this text.
    pub fn slice(&self, span: Span) -> &str {
        self.content.get(span.start..span.end).unwrap_or_default()
    }

    /// How many lines there are; a final newline does not open another one.
    pub fn line_count(&self) -> usize {
        let open = usize::from(!self.content.ends_with('\n') && !self.content.is_empty());
        self.line_starts.len() - 1 + open
    }

    /// The 1-based line of `offset`.
    pub fn line_of(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    /// The 1-based position of `offset`, its column counted in characters.
    pub fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.content.len());
        let line = self.line_of(offset);
        let before = self.content.get(self.line_start(line)..offset);
        let before = before.unwrap_or_default().trim_start_matches('\u{feff}');
        Position {
            line,
            column: before.chars().count() + 1,
        }
    }

    /// The offset at which the 1-based `line` starts; the end of the text for lines behind it.
    pub fn line_start(&self, line: usize) -> usize {
        let index = line.saturating_sub(1);
        self.line_starts
            .get(index)
            .copied()
            .unwrap_or(self.content.len())
    }

    /// The 1-based `line` without its line end.
    pub fn line(&self, line: usize) -> &str {
        self.slice(self.line_span(line))
    }

    /// The span of the 1-based `line` without its line end.
    pub fn line_span(&self, line: usize) -> Span {
        let start = self.line_start(line);
        let end = self.line_start(line + 1).max(start);
        let body = self.content.get(start..end).unwrap_or_default();
        Span::new(start, start + body.trim_end_matches(['\n', '\r']).len())
    }

    /// The offset behind the line end of the line that holds `offset`.
    pub fn next_line_start(&self, offset: usize) -> usize {
        self.line_start(self.line_of(offset) + 1)
    }

    /// The whitespace in front of the first character of the line that holds `offset`.
    pub fn indentation(&self, offset: usize) -> &str {
        let line = self.line(self.line_of(offset));
        let body = line.trim_start_matches([' ', '\t']);
        &line[..line.len() - body.len()]
    }

    /// The line end this file uses: `\r\n` when its first line ends so, else `\n`.
    pub fn newline(&self) -> &'static str {
        match memchr::memchr(b'\n', self.content.as_bytes()) {
            Some(at) if at > 0 && self.content.as_bytes()[at - 1] == b'\r' => "\r\n",
            _ => "\n",
        }
    }
}

/// A place in the repository: a file, and a byte range in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location {
    /// Relative to the repository's root, with `/`.
    pub path: Arc<str>,
    pub span: Span,
}

impl Location {
    pub fn new(path: &Arc<str>, span: impl Into<Span>) -> Self {
        Self {
            path: Arc::clone(path),
            span: span.into(),
        }
    }
}

/// Makes control and bidirectional formatting characters visible, so that text from a
/// repository can neither steer the terminal nor disguise itself. Tabs stay.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' => out.push('\t'),
            '\r' => out.push('␍'),
            '\0'..='\u{1f}' => out.extend(char::from_u32(0x2400 + character as u32)),
            '\u{7f}' => out.push('␡'),
            '\u{80}'..='\u{9f}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{061c}'
            | '\u{feff}' => out.push_str(&format!("<U+{:04X}>", character as u32)),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        let text = Text::new("a = 1\nné = 'ü'; b\n");
        let offset = text.as_str().find("; b").unwrap();
        assert_eq!(text.position(offset), Position { line: 2, column: 9 });
        assert_eq!(text.line(2), "né = 'ü'; b");
        assert_eq!(text.line_count(), 2);
    }

    #[test]
    fn line_ends_are_recognised() {
        assert_eq!(Text::new("a\r\nb\n").newline(), "\r\n");
        assert_eq!(Text::new("a\nb\r\n").newline(), "\n");
        assert_eq!(Text::new("").newline(), "\n");
        assert_eq!(Text::new("a\r\nb").line(1), "a");
    }

    #[test]
    fn indentation_keeps_tabs() {
        let text = Text::new("if x:\n\t  y()\n");
        assert_eq!(text.indentation(text.as_str().find('y').unwrap()), "\t  ");
    }

    #[test]
    fn hostile_characters_are_shown() {
        assert_eq!(printable("a\u{1b}[31m\u{202e}b"), "a␛[31m<U+202E>b");
    }
}
