//! Physical lines to logical ones: continuations joined, comments dropped, here-documents taken.

use super::HereDocument;
use crate::parse::mapped::Mapped;
use crate::text::Span;

/// One instruction before its arguments are read.
pub(super) struct RawInstruction {
    pub keyword: String,
    pub arguments: Mapped,
    pub span: Span,
    pub here_documents: Vec<HereDocument>,
}

pub(super) struct Lines<'a> {
    text: &'a str,
    at: usize,
    escape: char,
}

impl<'a> Lines<'a> {
    pub fn new(text: &'a str) -> Self {
        let at = if text.starts_with('\u{feff}') { 3 } else { 0 };
        Self {
            text,
            at,
            escape: directive(text, "escape").unwrap_or('\\'),
        }
    }

    pub const fn escape(&self) -> char {
        self.escape
    }

    /// The span of the next line without its line end; moves behind it.
    fn line(&mut self) -> Option<Span> {
        if self.at >= self.text.len() {
            return None;
        }
        let start = self.at;
        let rest = &self.text.as_bytes()[start..];
        let len = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        self.at = start + len + 1;
        let body = self.text[start..start + len].trim_end_matches('\r');
        Some(Span::new(start, start + body.len()))
    }

    fn here_document(&mut self, opened: &Opened) -> HereDocument {
        let start = self.at.min(self.text.len());
        let mut end = start;
        while let Some(span) = self.line() {
            let line = &self.text[span.start..span.end];
            let line = match opened.strips_tabs {
                true => line.trim_start_matches('\t'),
                false => line,
            };
            if line == opened.delimiter {
                break;
            }
            end = self.at.min(self.text.len());
        }
        HereDocument {
            delimiter: opened.delimiter.clone(),
            body: Span::new(start, end),
        }
    }
}

impl Iterator for Lines<'_> {
    type Item = RawInstruction;

    fn next(&mut self) -> Option<RawInstruction> {
        let mut joined = Mapped::default();
        let mut span: Option<Span> = None;
        while let Some(line) = self.line() {
            let text = &self.text[line.start..line.end];
            let body = text.trim_start_matches([' ', '\t']);
            if body.is_empty() || body.starts_with('#') {
                // Comments and blank lines may stand between continued lines.
                continue;
            }
            let body_start = line.end - body.len();
            let start = span.map_or(body_start, |span| span.start);
            let trimmed = body.trim_end_matches([' ', '\t']);
            span = Some(Span::new(start, body_start + trimmed.len()));
            let continued = trimmed.strip_suffix(self.escape);
            let kept = continued.unwrap_or(trimmed);
            // Only the first line loses its indentation: in the others it parts words.
            let from = if joined.is_empty() {
                body_start
            } else {
                line.start
            };
            joined.push(&self.text[from..body_start + kept.len()], from);
            if continued.is_none() {
                break;
            }
        }
        let mut span = span?;
        let (keyword, arguments) = keyword_and_arguments(&joined);
        let mut here_documents = Vec::new();
        if matches!(keyword.as_str(), "RUN" | "COPY" | "ADD") {
            for opened in opened_here_documents(arguments.as_str()) {
                here_documents.push(self.here_document(&opened));
                let end = self.at.saturating_sub(1).min(self.text.len());
                span.end = self.text[..end]
                    .trim_end_matches(['\r', '\n'])
                    .len()
                    .max(span.end);
            }
        }
        Some(RawInstruction {
            keyword,
            arguments,
            span,
            here_documents,
        })
    }
}

fn keyword_and_arguments(joined: &Mapped) -> (String, Mapped) {
    let text = joined.as_str();
    let len = text.find(char::is_whitespace).unwrap_or(text.len());
    let rest = text[len..].trim_start();
    let start = text.len() - rest.len();
    let end = start + rest.trim_end().len();
    (
        text[..len].to_ascii_uppercase(),
        joined.part(Span::new(start, end)),
    )
}

struct Opened {
    delimiter: String,
    strips_tabs: bool,
}

/// `<<EOF`, `<<-EOF`, `<<"EOF"` at the beginning of a word.
fn opened_here_documents(arguments: &str) -> Vec<Opened> {
    let mut found = Vec::new();
    for (at, _) in arguments.match_indices("<<") {
        let begins_word = arguments[..at]
            .chars()
            .next_back()
            .is_none_or(|before| before.is_whitespace() || before.is_ascii_digit());
        let rest = &arguments[at + 2..];
        if !begins_word || rest.starts_with('<') {
            continue;
        }
        let strips_tabs = rest.starts_with('-');
        let rest = rest.trim_start_matches('-').trim_start_matches(['"', '\'']);
        let len = rest
            .find(|character: char| !character.is_alphanumeric() && character != '_')
            .unwrap_or(rest.len());
        if len > 0 {
            found.push(Opened {
                delimiter: rest[..len].to_owned(),
                strips_tabs,
            });
        }
    }
    found
}

/// A parser directive (`# escape=`): only in the comments at the very top.
fn directive(text: &str, wanted: &str) -> Option<char> {
    for line in text.trim_start_matches('\u{feff}').lines() {
        let (name, value) = line.trim().strip_prefix('#')?.split_once('=')?;
        if name.trim().eq_ignore_ascii_case(wanted) {
            return value.trim().chars().next();
        }
    }
    None
}
