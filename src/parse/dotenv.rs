//! `NAME=value` files: `.env`, `.flaskenv`, environment files of compose and systemd.
//!
//! The grammar is python-dotenv's: `export` in front, blanks around `=`, three kinds of values
//! (bare up to ` #`, in single quotes, in double quotes; quoted ones may span lines).

use crate::text::Span;

/// One `NAME=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub name_span: Span,
    /// The value without quotes and escapes.
    pub value: String,
    /// The value as written, without its quotes; empty where there is none.
    pub value_span: Span,
    pub quote: Option<char>,
    /// From the first character (`export` included) to the end of the value, quotes included.
    pub span: Span,
    pub exported: bool,
}

/// Reads every entry; lines that make no sense are passed over.
pub fn parse(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut at = if text.starts_with('\u{feff}') { 3 } else { 0 };
    while at < text.len() {
        let line_end = end_of_line(text, at);
        match entry(text, at) {
            Some(entry) => {
                at = end_of_line(text, entry.span.end).max(entry.span.end) + 1;
                entries.push(entry);
            }
            None => at = line_end + 1,
        }
    }
    entries
}

fn end_of_line(text: &str, at: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    memchr::memchr(b'\n', rest).map_or(text.len(), |found| at + found)
}

fn skip_blanks(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.len() - rest.trim_start_matches([' ', '\t']).len()
}

fn entry(text: &str, line_start: usize) -> Option<Entry> {
    let start = skip_blanks(text, line_start);
    let mut at = start;
    let rest = text.get(at..)?;
    let exported = rest
        .strip_prefix("export")
        .is_some_and(|rest| rest.starts_with([' ', '\t']));
    if exported {
        at = skip_blanks(text, at + "export".len());
    }
    let rest = text.get(at..)?;
    let name = name_at(rest)?;
    let name_span = Span::new(at, at + name.len());
    let equals = skip_blanks(text, name_span.end);
    if text.as_bytes().get(equals) != Some(&b'=') {
        return None;
    }
    let value_start = skip_blanks(text, equals + 1);
    let value = value_at(text, value_start, equals + 1);
    Some(Entry {
        name: name.to_owned(),
        name_span,
        span: Span::new(start, value.end),
        value: value.text,
        value_span: value.span,
        quote: value.quote,
        exported,
    })
}

fn name_at(rest: &str) -> Option<&str> {
    let allowed = |character: char| character.is_alphanumeric() || "_.-".contains(character);
    let end = rest
        .find(|character| !allowed(character))
        .unwrap_or(rest.len());
    let starts = rest
        .chars()
        .next()
        .is_some_and(|first| first.is_alphabetic() || first == '_');
    (starts && end > 0).then(|| &rest[..end])
}

struct Value {
    text: String,
    span: Span,
    quote: Option<char>,
    end: usize,
}

fn value_at(text: &str, at: usize, behind_equals: usize) -> Value {
    if let Some(quote @ (b'"' | b'\'')) = text.as_bytes().get(at).copied()
        && let Some(close) = closing_quote(text, at + 1, quote)
    {
        let span = Span::new(at + 1, close);
        return Value {
            text: unescape(&text[span.start..span.end], quote),
            span,
            quote: Some(char::from(quote)),
            end: close + 1,
        };
    }
    let line = text[..end_of_line(text, at)].get(at..).unwrap_or_default();
    let body = without_comment(line).trim_end();
    // An empty value stands right behind the `=`, so that an edit need not care for blanks.
    let start = if body.is_empty() { behind_equals } else { at };
    let span = Span::new(start, start + body.len());
    Value {
        text: body.to_owned(),
        span,
        quote: None,
        end: span.end,
    }
}

fn without_comment(line: &str) -> &str {
    if line.starts_with('#') {
        return "";
    }
    let comment = line
        .match_indices('#')
        .find(|(at, _)| line[..*at].ends_with([' ', '\t']));
    comment.map_or(line, |(at, _)| &line[..at])
}

fn closing_quote(text: &str, from: usize, quote: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = from;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            byte if *byte == quote => return Some(at),
            _ => at += 1,
        }
    }
    None
}

fn unescape(text: &str, quote: u8) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match (quote, characters.next()) {
            (b'"', Some('n')) => out.push('\n'),
            (b'"', Some('t')) => out.push('\t'),
            (b'"', Some('r')) => out.push('\r'),
            (b'"', Some('"')) => out.push('"'),
            (_, Some(escaped @ ('\\' | '\''))) => out.push(escaped),
            (_, other) => {
                out.push('\\');
                out.extend(other);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let entries = parse(text).into_iter();
        entries.map(|entry| (entry.name, entry.value)).collect()
    }

    fn one(text: &str) -> Entry {
        parse(text).into_iter().next().unwrap()
    }

    #[test]
    fn the_three_kinds_of_values() {
        let text =
            "A=1 # one\nexport B = 'x # y'\nC=\"q\\\"\\n\"\nD=\n# E=1\nF=a#b\n\nG\nH=\"\n\"\nI=2";
        let expected = [
            ("A", "1"),
            ("B", "x # y"),
            ("C", "q\"\n"),
            ("D", ""),
            ("F", "a#b"),
            ("H", "\n"),
            ("I", "2"),
        ];
        let expected: Vec<_> = expected
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(pairs(text), expected);
    }

    #[test]
    fn spans_are_those_of_the_bare_value() {
        let text = "X=0\r\nexport SECRET_KEY='abc' # key\r\n";
        let entry = parse(text).remove(1);
        assert_eq!(&text[entry.value_span.start..entry.value_span.end], "abc");
        assert_eq!(
            &text[entry.span.start..entry.span.end],
            "export SECRET_KEY='abc'"
        );
        assert_eq!(entry.quote, Some('\''));
        assert!(entry.exported);
        let entry = one("X=1\r\n");
        assert_eq!(entry.value, "1");
    }

    #[test]
    fn an_empty_value_has_a_place() {
        let entry = one("FLASK_DEBUG= # off\n");
        assert_eq!(entry.value, "");
        assert_eq!(entry.value_span, Span::at(12));
    }

    #[test]
    fn broken_lines_are_passed_over() {
        assert_eq!(
            pairs("=1\n1A=2\n%%\nB='open\nC=3\n"),
            [
                ("B".to_owned(), "'open".to_owned()),
                ("C".to_owned(), "3".to_owned()),
            ]
        );
        assert!(parse("\u{feff}A=1").len() == 1);
        assert!(parse("A='\\").len() == 1);
    }
}
