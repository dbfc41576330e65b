//! One more item in a bracketed list of strings: a TOML array or a Python list.

use crate::text::{Span, Text};

/// A list with its items, quotes included.
pub(super) struct Bracketed {
    /// Behind the opening bracket.
    pub open: usize,
    /// In front of the closing bracket.
    pub close: usize,
    pub items: Vec<Span>,
}

/// Changes of text: a span and what comes in its place.
pub(super) type Changes = Vec<(Span, String)>;

impl Bracketed {
    /// Puts `new` (without quotes) in front of item `at`, or behind the last one.
    pub(super) fn insert(&self, text: &Text, new: &[String], at: Option<usize>) -> Changes {
        let quote = self.quote(text);
        let quoted: Vec<String> = new
            .iter()
            .map(|item| format!("{quote}{item}{quote}"))
            .collect();
        let (Some(first), Some(last)) = (self.items.first(), self.items.last()) else {
            return vec![(Span::at(self.open), quoted.join(", "))];
        };
        let is_multiline = text.line_of(self.open) != text.line_of(first.start);
        if let Some(before) = at.and_then(|at| self.items.get(at)) {
            let gap = if is_multiline {
                format!(",{}{}", text.newline(), text.indentation(before.start))
            } else {
                ", ".to_owned()
            };
            let lines: String = quoted.iter().map(|item| format!("{item}{gap}")).collect();
            return vec![(Span::at(before.start), lines)];
        }
        if is_multiline {
            return self.append_lines(text, &quoted, *last);
        }
        let items: String = quoted.iter().map(|item| format!(", {item}")).collect();
        vec![(Span::at(last.end), items)]
    }

    /// Behind the last item, one line each. A comment behind that item stays on its line.
    fn append_lines(&self, text: &Text, quoted: &[String], last: Span) -> Changes {
        let rest = text.slice(Span::new(last.end, self.close.max(last.end)));
        let comma = rest.trim_start().starts_with(',');
        let line_end = text.line_span(text.line_of(last.end)).end.min(self.close);
        let glue = format!("{}{}", text.newline(), text.indentation(last.start));
        let mut lines: Vec<String> = quoted.iter().map(|item| format!("{glue}{item},")).collect();
        if comma {
            return vec![(Span::at(line_end), lines.concat())];
        }
        if let Some(last_line) = lines.last_mut() {
            last_line.pop();
        }
        let lines = lines.concat();
        if line_end == last.end {
            return vec![(Span::at(last.end), format!(",{lines}"))];
        }
        vec![
            (Span::at(last.end), ",".to_owned()),
            (Span::at(line_end), lines),
        ]
    }

    fn quote(&self, text: &Text) -> char {
        let of_item = |span: &Span| text.slice(*span).chars().next();
        let first = self.items.iter().filter_map(of_item);
        first
            .into_iter()
            .find(|character| matches!(character, '"' | '\''))
            .unwrap_or('"')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inserted(source: &str, new: &[&str], at: Option<usize>) -> String {
        let text = Text::new(source);
        let open = source.find('[').unwrap() + 1;
        let close = source.rfind(']').unwrap();
        let quotes: Vec<usize> = source
            .match_indices(['"', '\''])
            .map(|(at, _)| at)
            .collect();
        let list = Bracketed {
            open,
            close,
            items: quotes
                .chunks(2)
                .map(|pair| Span::new(pair[0], pair[1] + 1))
                .collect(),
        };
        let new: Vec<String> = new.iter().map(|item| (*item).to_owned()).collect();
        let mut out = source.to_owned();
        for (span, text) in list.insert(&text, &new, at).into_iter().rev() {
            out.replace_range(span.start..span.end, &text);
        }
        out
    }

    #[test]
    fn one_line_stays_one_line() {
        assert_eq!(inserted("a = []", &["x"], None), "a = [\"x\"]");
        assert_eq!(
            inserted("a = ['b']", &["x", "y"], None),
            "a = ['b', 'x', 'y']"
        );
        assert_eq!(
            inserted("a = ['b', 'z']", &["x"], Some(1)),
            "a = ['b', 'x', 'z']"
        );
    }

    #[test]
    fn commas_and_comments_stay_where_they_are() {
        assert_eq!(
            inserted("a = [\n  \"b\",  # web\n]\n", &["x"], None),
            "a = [\n  \"b\",  # web\n  \"x\",\n]\n"
        );
        assert_eq!(
            inserted("a = [\r\n  \"b\"\r\n]\r\n", &["x", "y"], None),
            "a = [\r\n  \"b\",\r\n  \"x\",\r\n  \"y\"\r\n]\r\n"
        );
        assert_eq!(
            inserted("a = [\n  \"b\"  # web\n]\n", &["x"], None),
            "a = [\n  \"b\",  # web\n  \"x\"\n]\n"
        );
        assert_eq!(
            inserted("a = [\n    \"b\",]\n", &["x"], None),
            "a = [\n    \"b\",\n    \"x\",]\n"
        );
        assert_eq!(
            inserted("a = [\n    \"b\",  # one\n    \"z\",\n]\n", &["x"], Some(1)),
            "a = [\n    \"b\",  # one\n    \"x\",\n    \"z\",\n]\n"
        );
    }
}
