//! TOML trees with byte spans.
//!
//! `toml_edit` keeps spans in its read-only document. Edits are made on the text at those
//! spans, since its own editing moves comments to other items and adds a final newline.

use toml_edit::{Document, Item, TableLike, Value};

use crate::parse::requirements::Piece;
use crate::text::{Span, Text};

/// One parsed TOML file.
#[derive(Debug)]
pub struct Toml<'a> {
    pub text: &'a Text,
    document: Document<&'a str>,
}

impl<'a> Toml<'a> {
    /// Parses `text`, or says in one line what is wrong with it.
    pub fn parse(text: &'a Text) -> Result<Self, String> {
        match Document::parse(text.as_str()) {
            Ok(document) => Ok(Self { text, document }),
            Err(error) => Err(first_line(error.message())),
        }
    }

    pub fn root(&self) -> &dyn TableLike {
        self.document.as_table()
    }

    /// The item at a path of keys.
    pub fn get(&self, path: &[&str]) -> Option<&Item> {
        let (first, rest) = path.split_first()?;
        let item = self.root().get(first)?;
        rest.iter().try_fold(item, |item, key| item.get(*key))
    }

    /// The table at a path of keys, whether it is written as one, inline or dotted.
    pub fn table(&self, path: &[&str]) -> Option<&dyn TableLike> {
        self.get(path)?.as_table_like()
    }

    /// The text of a string and the span between its quotes. None for a string whose text is
    /// not what stands in the file (escapes, several lines).
    pub fn string(&self, value: &Value) -> Option<Piece> {
        let text = value.as_str()?;
        let span = value.span()?;
        let source = self.text.slice(span.clone().into());
        let quotes = if source.len() >= 6 && ["\"\"\"", "'''"].iter().any(|q| source.starts_with(q))
        {
            3
        } else {
            1
        };
        let inner = source.get(quotes..source.len().checked_sub(quotes)?)?;
        (inner == text).then(|| Piece {
            text: text.to_owned(),
            span: Span::new(span.start + quotes, span.end - quotes),
        })
    }

    /// The strings of an array; what is no plain string is left out.
    pub fn strings(&self, item: &Item) -> Vec<Piece> {
        let Some(array) = item.as_array() else {
            return Vec::new();
        };
        array
            .iter()
            .filter_map(|value| self.string(value))
            .collect()
    }

    /// The span of `key = value` in a table, without a comment behind it.
    pub fn entry_span(&self, table: &dyn TableLike, key: &str) -> Option<Span> {
        let (key, item) = table.get_key_value(key)?;
        let start = key.span()?.start;
        Some(Span::new(start, item.span()?.end.max(start)))
    }
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_lie_between_the_quotes() {
        let text = Text::new(
            "[project]\r\ndependencies = [\r\n  'flask>=2',  # web\r\n  \"a\\u0062\",\r\n]\r\n",
        );
        let toml = Toml::parse(&text).unwrap();
        let found = toml.strings(toml.get(&["project", "dependencies"]).unwrap());
        assert_eq!(found.len(), 1);
        assert_eq!(text.slice(found[0].span), "flask>=2");
    }

    #[test]
    fn entries_span_key_and_value() {
        let text = Text::new("[tool.poetry.dependencies]\nflask = {version = \"^2\"} # x\n");
        let toml = Toml::parse(&text).unwrap();
        let table = toml.table(&["tool", "poetry", "dependencies"]).unwrap();
        let span = toml.entry_span(table, "flask").unwrap();
        assert_eq!(text.slice(span), "flask = {version = \"^2\"}");
    }

    #[test]
    fn a_byte_order_mark_does_not_shift_spans() {
        let text = Text::new("\u{feff}a = ['x']\n");
        let toml = Toml::parse(&text).unwrap();
        assert_eq!(
            text.slice(toml.strings(toml.get(&["a"]).unwrap())[0].span),
            "x"
        );
    }

    #[test]
    fn errors_are_one_line() {
        let text = Text::new("a = [\n");
        assert!(!Toml::parse(&text).unwrap_err().contains('\n'));
    }
}
