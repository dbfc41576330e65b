//! Flow collections: `[a, "b"]`, `{a: b}`, and with them JSON.

use super::reader::Reader;
use super::{Data, Id, Kind, Scalar, Style, scalar};
use crate::parse::mapped::Mapped;
use crate::text::Span;

/// Deeper nesting is not looked into.
const MAX_DEPTH: usize = 64;

impl Reader<'_> {
    /// The flow node at the current offset. An open bracket ends with the text.
    pub(super) fn flow(&mut self, depth: usize) -> Id {
        self.skip_flow_blanks();
        let (tag, anchor) = self.properties();
        self.skip_flow_blanks();
        let start = self.at;
        let id = match self.byte(0) {
            b'[' if depth < MAX_DEPTH => self.flow_sequence(depth),
            b'{' if depth < MAX_DEPTH && !self.at_template_tag() => self.flow_mapping(depth),
            b'"' | b'\'' => self.quoted(),
            b'*' => self.alias(),
            _ => self.plain_in_flow(),
        };
        if self.at == start && !matches!(self.byte(0), b',' | b']' | b'}' | b':' | 0) {
            self.at += 1;
        }
        self.finish(id, tag, anchor)
    }

    fn flow_sequence(&mut self, depth: usize) -> Id {
        let start = self.at;
        let id = self.reserve(start);
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.skip_flow_blanks();
            match self.byte(0) {
                b']' => {
                    self.at += 1;
                    break;
                }
                0 => break,
                b',' => self.at += 1,
                b'}' | b':' => self.at += 1,
                _ => {
                    let item = self.flow_item(depth);
                    items.push((self.nodes[item].span, item));
                }
            }
        }
        self.nodes[id].span = Span::new(start, self.at);
        self.nodes[id].kind = Kind::Sequence { items, flow: true };
        id
    }

    /// An item of a sequence: a node, or a single pair (`[a: b]`).
    fn flow_item(&mut self, depth: usize) -> Id {
        let key = self.flow(depth + 1);
        self.skip_flow_blanks();
        if self.byte(0) != b':' {
            return key;
        }
        self.at += 1;
        let value = self.flow(depth + 1);
        let span = Span::new(self.nodes[key].span.start, self.at);
        self.push(Data {
            span,
            tag: None,
            kind: Kind::Mapping {
                entries: vec![(key, value)],
                flow: true,
            },
        })
    }

    fn flow_mapping(&mut self, depth: usize) -> Id {
        let start = self.at;
        let id = self.reserve(start);
        self.at += 1;
        let mut entries = Vec::new();
        loop {
            self.skip_flow_blanks();
            match self.byte(0) {
                b'}' => {
                    self.at += 1;
                    break;
                }
                0 => break,
                b',' | b']' | b':' => self.at += 1,
                _ => {
                    let key = self.flow(depth + 1);
                    self.skip_flow_blanks();
                    let value = if self.byte(0) == b':' {
                        self.at += 1;
                        self.flow(depth + 1)
                    } else {
                        self.null(self.nodes[key].span.end)
                    };
                    entries.push((key, value));
                }
            }
        }
        self.nodes[id].span = Span::new(start, self.at);
        self.nodes[id].kind = Kind::Mapping {
            entries,
            flow: true,
        };
        id
    }

    /// A plain scalar in a flow collection; it may go on over lines.
    fn plain_in_flow(&mut self) -> Id {
        let start = self.at;
        let mut value = Mapped::default();
        let mut end = start;
        loop {
            let stop = scalar::plain_end(self.text, self.at, true, false);
            if stop == self.at {
                break;
            }
            if !value.is_empty() {
                value.push_decoded(" ", Span::new(end, self.at));
            }
            value.push(&self.text[self.at..stop], self.at);
            end = stop;
            self.at = stop;
            self.skip_flow_blanks();
            if !self.text[end..self.at].contains('\n') {
                break;
            }
        }
        self.at = end;
        let span = Span::new(start, end);
        self.push(Data {
            span,
            tag: None,
            kind: Kind::Scalar(Scalar {
                value,
                style: Style::Plain,
                inner: span,
            }),
        })
    }

    fn skip_flow_blanks(&mut self) {
        loop {
            match self.byte(0) {
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                b'#' if self.at == 0 || self.text.as_bytes()[self.at - 1].is_ascii_whitespace() => {
                    self.at = self.end_of_line();
                }
                _ => return,
            }
        }
    }
}
