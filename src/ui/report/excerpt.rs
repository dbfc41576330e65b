//! The lines of source that a finding is about, fit to be shown.

use unicode_width::UnicodeWidthStr as _;

use super::Report;
use crate::text::{Location, Span, Text};

/// More lines than this are cut short.
const MOST_LINES: usize = 4;
const TAB: &str = "    ";
const MASK: &str = "••••••";

/// Some lines of a file with the part of them that matters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    pub lines: Vec<ExcerptLine>,
    /// Lines of the place that are not shown.
    pub more: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct ExcerptLine {
    /// 1-based.
    pub number: usize,
    pub text: String,
    /// The part that matters, in columns of a terminal: how many stand before it, and its width.
    pub mark: (usize, usize),
}

impl Report<'_> {
    /// The lines of `location`, or nothing when its file is not there or is empty.
    pub(super) fn excerpt(&self, location: &Location) -> Option<Excerpt> {
        let file = self.session.model.repo.file(&location.path)?;
        let text = &file.text;
        if text.is_empty() {
            return None;
        }
        let span = location.span;
        let first = text.line_of(span.start.min(text.len() - 1));
        let last_byte = span.end.saturating_sub(1).max(span.start);
        let last = text.line_of(last_byte.min(text.len() - 1)).max(first);
        let shown = last.min(first + MOST_LINES - 1);
        Some(Excerpt {
            lines: (first..=shown)
                .map(|line| self.line(&location.path, text, line, span))
                .collect(),
            more: last - shown,
        })
    }

    fn line(&self, path: &str, text: &Text, number: usize, span: Span) -> ExcerptLine {
        let line = text.line_span(number);
        let indent = text.indentation(line.start).len();
        let body = (line.start + indent).min(line.end);
        let start = span.start.clamp(body, line.end);
        let end = span.end.clamp(start, line.end);
        let before = self.piece(path, text, Span::new(line.start, start));
        let inside = self.piece(path, text, Span::new(start, end));
        let behind = self.piece(path, text, Span::new(end, line.end));
        ExcerptLine {
            number,
            mark: (before.width(), inside.width().max(1)),
            text: format!("{before}{inside}{behind}"),
        }
    }

    /// The text of `span`, which lies in one line, with secrets masked and tabs widened.
    fn piece(&self, path: &str, text: &Text, span: Span) -> String {
        let mut out = String::new();
        let mut at = span.start;
        let none = Vec::new();
        let mut secrets = self.secret_spans.get(path).unwrap_or(&none).clone();
        secrets.sort_unstable();
        for secret in secrets.iter().filter(|secret| secret.overlaps(span)) {
            let start = secret.start.max(at);
            out.push_str(&self.shown(text.slice(Span::new(at, start.max(at)))));
            if secret.end > at {
                out.push_str(MASK);
            }
            at = at.max(secret.end.min(span.end));
        }
        out.push_str(&self.shown(text.slice(Span::new(at, span.end))));
        out.replace('\t', TAB)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::assessment::baseline::Baseline;
    use crate::discover::Repository;
    use crate::model::Model;
    use crate::session::Session;
    use crate::strategies::{Answers, Scope};

    fn excerpt(source: &str, needle: &str) -> Excerpt {
        let repo = Repository::from_texts([("app.py", source)]);
        let path = Arc::clone(&repo.file("app.py").unwrap().path);
        let session = Session::of(Model::build(Arc::new(repo)), Answers::default());
        let report = Report::new(&session, &Scope::default(), &Baseline::default());
        let start = source.find(needle).unwrap();
        let location = Location::new(&path, Span::new(start, start + needle.len()));
        report.excerpt(&location).unwrap()
    }

    #[test]
    fn the_mark_stands_under_the_place() {
        let shown = excerpt("é = 1; call(\t'名', x)\n", "x");
        assert_eq!(shown.lines[0].text, "é = 1; call(    '名', x)");
        assert_eq!(shown.lines[0].mark, (22, 1));
    }

    #[test]
    fn long_places_are_cut_short() {
        let source = "call(\n  1,\n  2,\n  3,\n  4,\n)\n";
        let shown = excerpt(source, source.trim_end());
        assert_eq!((shown.lines.len(), shown.more), (4, 2));
        assert_eq!(shown.lines[1].mark, (2, 2));
    }

    #[test]
    fn hostile_text_is_made_visible() {
        let shown = excerpt("x = '\u{1b}[31m\u{202e}'\r\n", "x");
        assert_eq!(shown.lines[0].text, "x = '␛[31m<U+202E>'");
    }
}
