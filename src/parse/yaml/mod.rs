//! YAML with byte spans, for files that no YAML library accepts as well.
//!
//! Helm charts and Ansible files hold `{{ … }}` and `{% … %}` where YAML allows none, and a
//! library gives up at the first. This reader takes what it can: a template tag is a plain
//! scalar, a line that is only a tag is passed over like a comment, a broken line is skipped.
//! On files that are valid it agrees with libyaml (`tests.rs` compares).

mod flow;
mod reader;
mod scalar;

use super::mapped::Mapped;
use crate::text::Span;

/// The documents of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Yaml {
    nodes: Vec<Data>,
    anchors: Vec<(String, Id)>,
    roots: Vec<Id>,
    /// The offset of the first line that could not be read.
    broken: Option<usize>,
}

type Id = usize;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Data {
    span: Span,
    tag: Option<String>,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Scalar(Scalar),
    Sequence { items: Vec<(Span, Id)>, flow: bool },
    Mapping { entries: Vec<(Id, Id)>, flow: bool },
    Alias(String),
}

/// A scalar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// Decoded: without quotes, escapes, indentation; lines folded where the style folds.
    pub value: Mapped,
    pub style: Style,
    /// Inside the quotes; the lines of a block scalar; else the scalar itself.
    pub inner: Span,
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Style {
    Plain,
    Single,
    Double,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// A node of a document.
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    yaml: &'a Yaml,
    id: Id,
}

/// One `key: value`.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    pub key: Node<'a>,
    pub value: Node<'a>,
}

impl Entry<'_> {
    /// From the key to the end of the value.
    pub fn span(&self) -> Span {
        let start = self.key.span().start;
        Span::new(start, self.value.span().end.max(self.key.span().end))
    }
}

impl Yaml {
    pub fn parse(text: &str) -> Self {
        reader::read(text)
    }

    /// The root of every document that has one.
    pub fn documents(&self) -> impl Iterator<Item = Node<'_>> {
        self.roots.iter().map(|id| Node {
            yaml: self,
            id: *id,
        })
    }

    /// The root of the first document.
    pub fn root(&self) -> Option<Node<'_>> {
        self.documents().next()
    }

    /// The offset of the first line that could not be read.
    pub const fn broken(&self) -> Option<usize> {
        self.broken
    }
}

impl<'a> Node<'a> {
    fn data(self) -> &'a Data {
        &self.yaml.nodes[self.id]
    }

    fn with(self, id: Id) -> Self {
        Self { id, ..self }
    }

    /// The node that an alias stands for, or itself.
    #[must_use]
    pub fn resolved(self) -> Self {
        let Kind::Alias(name) = &self.data().kind else {
            return self;
        };
        // An anchor counts from its node on; a later one of the same name replaces it. What
        // stands behind the alias cannot be meant, so the chain of aliases ends.
        let anchors = self.yaml.anchors.iter().rev();
        let found = anchors
            .filter(|(known, id)| known == name && *id < self.id)
            .map(|(_, id)| self.with(*id))
            .next();
        found.map_or(self, Self::resolved)
    }

    /// Quotes and block indicators included; comments behind it not.
    pub fn span(self) -> Span {
        self.data().span
    }

    /// The tag as written (`!vault`).
    pub fn tag(self) -> Option<&'a str> {
        self.data().tag.as_deref()
    }

    pub fn scalar(self) -> Option<&'a Scalar> {
        match &self.resolved().data().kind {
            Kind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The text of a scalar; the empty text for null.
    pub fn as_str(self) -> Option<&'a str> {
        self.scalar().map(|scalar| scalar.value.as_str())
    }

    /// Nothing, `~` or `null`.
    pub fn is_null(self) -> bool {
        self.scalar().is_some_and(|scalar| {
            scalar.style == Style::Plain
                && matches!(scalar.value.as_str(), "" | "~" | "null" | "Null" | "NULL")
        })
    }

    pub fn is_mapping(self) -> bool {
        matches!(self.resolved().data().kind, Kind::Mapping { .. })
    }

    pub fn is_sequence(self) -> bool {
        matches!(self.resolved().data().kind, Kind::Sequence { .. })
    }

    /// Written as `[…]` or `{…}`.
    pub fn is_flow(self) -> bool {
        matches!(
            self.resolved().data().kind,
            Kind::Sequence { flow: true, .. } | Kind::Mapping { flow: true, .. }
        )
    }

    /// The items of a sequence; none for anything else.
    pub fn items(self) -> impl Iterator<Item = Self> {
        let node = self.resolved();
        node.item_list().iter().map(move |(_, id)| node.with(*id))
    }

    /// The spans of the items with their dashes.
    pub fn item_spans(self) -> impl Iterator<Item = Span> + 'a {
        self.resolved().item_list().iter().map(|(span, _)| *span)
    }

    fn item_list(self) -> &'a [(Span, Id)] {
        match &self.data().kind {
            Kind::Sequence { items, .. } => items,
            _ => &[],
        }
    }

    /// The entries that stand in the mapping itself, in their order.
    pub fn own_entries(self) -> impl Iterator<Item = Entry<'a>> {
        let node = self.resolved();
        let entries: &'a [(Id, Id)] = match &node.data().kind {
            Kind::Mapping { entries, .. } => entries,
            _ => &[],
        };
        entries.iter().map(move |(key, value)| Entry {
            key: node.with(*key),
            value: node.with(*value),
        })
    }

    /// The entries of the mapping and of what it merges (`<<: *base`); its own come first and
    /// win.
    pub fn entries(self) -> Vec<Entry<'a>> {
        let mut found = Vec::new();
        self.collect_entries(&mut found, 0);
        found
    }

    fn collect_entries(self, found: &mut Vec<Entry<'a>>, depth: usize) {
        const MAX_MERGES: usize = 8;
        let (merges, own): (Vec<_>, Vec<_>) = self
            .own_entries()
            .partition(|entry| entry.key.as_str() == Some("<<"));
        for entry in own {
            let known = |other: &Entry<'_>| other.key.as_str() == entry.key.as_str();
            if depth == 0 || !found.iter().any(known) {
                found.push(entry);
            }
        }
        if depth == MAX_MERGES {
            return;
        }
        for merge in merges {
            let merged = merge.value.resolved();
            if merged.is_mapping() {
                merged.collect_entries(found, depth + 1);
            }
            for item in merged.items() {
                item.collect_entries(found, depth + 1);
            }
        }
    }

    /// The entry of `key`, merged ones included; the last one of its own where it is repeated.
    pub fn entry(self, key: &str) -> Option<Entry<'a>> {
        let own = self.own_entries();
        let own = own.filter(|entry| entry.key.as_str() == Some(key)).last();
        own.or_else(|| {
            let all = self.entries();
            all.into_iter()
                .find(|entry| entry.key.as_str() == Some(key))
        })
    }

    /// The value of `key`.
    pub fn get(self, key: &str) -> Option<Self> {
        self.entry(key).map(|entry| entry.value)
    }

    /// The value at a path of keys.
    pub fn at(self, path: &[&str]) -> Option<Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text of the scalar at `key`.
    pub fn text(self, key: &str) -> Option<&'a str> {
        self.get(key)?.as_str()
    }
}

#[cfg(test)]
mod tests;
