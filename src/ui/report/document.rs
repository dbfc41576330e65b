//! A report as headings, paragraphs, lists and tables, before it becomes Markdown or HTML.

use crate::finding::Severity;

/// A document from top to bottom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Document {
    pub blocks: Vec<Block>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Block {
    /// Level 1 to 6.
    Heading(usize, Vec<Inline>),
    Paragraph(Vec<Inline>),
    List(Vec<Vec<Inline>>),
    Table {
        head: Vec<&'static str>,
        rows: Vec<Vec<Vec<Inline>>>,
    },
    /// Source lines, verbatim.
    Code(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Inline {
    Text(String),
    Code(String),
    Strong(String),
    Severity(Severity),
}

impl Document {
    pub fn heading(&mut self, level: usize, text: &str) {
        self.blocks.push(Block::Heading(level, prose(text)));
    }

    pub fn paragraph(&mut self, text: &str) {
        self.inlines(prose(text));
    }

    pub fn inlines(&mut self, inlines: Vec<Inline>) {
        self.blocks.push(Block::Paragraph(inlines));
    }

    /// Nothing, when there are no items.
    pub fn list(&mut self, items: Vec<Vec<Inline>>) {
        if !items.is_empty() {
            self.blocks.push(Block::List(items));
        }
    }

    /// Nothing, when there are no rows.
    pub fn table(&mut self, head: &[&'static str], rows: Vec<Vec<Vec<Inline>>>) {
        if !rows.is_empty() {
            self.blocks.push(Block::Table {
                head: head.to_vec(),
                rows,
            });
        }
    }

    pub fn code(&mut self, text: String) {
        self.blocks.push(Block::Code(text));
    }
}

/// Text in which `backticks` mark code, as the messages of findings are written.
pub(super) fn prose(text: &str) -> Vec<Inline> {
    let pieces: Vec<&str> = text.split('`').collect();
    // An odd number of backticks means none of them is a mark that can be trusted.
    if pieces.len().is_multiple_of(2) {
        return vec![Inline::Text(text.to_owned())];
    }
    let inlines = pieces.into_iter().enumerate().map(|(index, piece)| {
        let piece = piece.to_owned();
        match index % 2 {
            0 => Inline::Text(piece),
            _ => Inline::Code(piece),
        }
    });
    inlines
        .filter(
            |inline| !matches!(inline, Inline::Text(text) | Inline::Code(text) if text.is_empty()),
        )
        .collect()
}

pub(super) fn text(text: impl Into<String>) -> Inline {
    Inline::Text(text.into())
}

pub(super) fn code(text: impl Into<String>) -> Inline {
    Inline::Code(text.into())
}

pub(super) fn strong(text: impl Into<String>) -> Inline {
    Inline::Strong(text.into())
}

/// The inlines of several parts, one behind the other.
pub(super) fn line(parts: impl IntoIterator<Item = Vec<Inline>>) -> Vec<Inline> {
    parts.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_mark_code() {
        assert_eq!(
            prose("set `A` and `B`"),
            [text("set "), code("A"), text(" and "), code("B")]
        );
        assert_eq!(prose("it`s"), [text("it`s")]);
    }
}
