//! Block structure: indentation to sequences and mappings.

use super::scalar::{self, plain_end, tag_end};
use super::{Data, Id, Kind, Scalar, Style, Yaml};
use crate::parse::mapped::Mapped;
use crate::text::Span;

/// Deeper nesting is not looked into: no deployment file comes near it.
const MAX_DEPTH: usize = 64;

pub(super) fn read(text: &str) -> Yaml {
    let mut reader = Reader {
        text,
        at: if text.starts_with('\u{feff}') { 3 } else { 0 },
        line_start: 0,
        nodes: Vec::new(),
        anchors: Vec::new(),
        broken: None,
    };
    let roots = reader.documents();
    Yaml {
        nodes: reader.nodes,
        anchors: reader.anchors,
        roots,
        broken: reader.broken,
    }
}

pub(super) struct Reader<'a> {
    pub text: &'a str,
    pub at: usize,
    /// Where the line of the last token found begins.
    line_start: usize,
    pub nodes: Vec<Data>,
    anchors: Vec<(String, Id)>,
    broken: Option<usize>,
}

impl Reader<'_> {
    pub fn byte(&self, ahead: usize) -> u8 {
        let bytes = self.text.as_bytes();
        bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub fn end_of_line(&self) -> usize {
        let rest = self.rest().as_bytes();
        memchr::memchr(b'\n', rest).map_or(self.text.len(), |len| self.at + len)
    }

    /// The column of the current offset: bytes since the line began.
    fn column(&self) -> isize {
        isize::try_from(self.at - self.line_start.min(self.at)).unwrap_or(isize::MAX)
    }

    pub fn push(&mut self, data: Data) -> Id {
        self.nodes.push(data);
        self.nodes.len() - 1
    }

    /// A place for a collection whose items come before its end is known. It keeps the order of
    /// ids the order of the text, which aliases rest on.
    pub fn reserve(&mut self, at: usize) -> Id {
        self.push(Data {
            span: Span::at(at),
            tag: None,
            kind: Kind::Alias(String::new()),
        })
    }

    pub fn null(&mut self, at: usize) -> Id {
        self.push(Data {
            span: Span::at(at),
            tag: None,
            kind: Kind::Scalar(Scalar {
                value: Mapped::default(),
                style: Style::Plain,
                inner: Span::at(at),
            }),
        })
    }

    pub fn finish(&mut self, id: Id, tag: Option<String>, anchor: Option<String>) -> Id {
        if tag.is_some() {
            self.nodes[id].tag = tag;
        }
        if let Some(anchor) = anchor {
            self.anchors.push((anchor, id));
        }
        id
    }

    fn documents(&mut self) -> Vec<Id> {
        let mut roots = Vec::new();
        loop {
            self.skip_to_token();
            if self.at >= self.text.len() {
                return roots;
            }
            if self.at_document_marker() {
                self.at += 3;
                continue;
            }
            if self.byte(0) == b'%' && self.column() == 0 {
                self.at = self.end_of_line();
                continue;
            }
            let before = self.at;
            roots.push(self.block(-1, 0));
            self.skip_to_token();
            if self.at == before {
                self.skip_broken_line();
            }
        }
    }

    fn at_document_marker(&self) -> bool {
        let rest = self.rest();
        let marked = rest.starts_with("---") || rest.starts_with("...");
        marked && self.column() == 0 && rest[3..].chars().next().is_none_or(char::is_whitespace)
    }

    fn skip_broken_line(&mut self) {
        self.broken.get_or_insert(self.at);
        self.at = self.end_of_line();
    }

    pub fn at_template_tag(&self) -> bool {
        self.byte(0) == b'{' && matches!(self.byte(1), b'{' | b'%' | b'#')
    }

    /// Moves to the next character that is neither blank nor comment nor a template's own line.
    fn skip_to_token(&mut self) {
        loop {
            match self.byte(0) {
                b'\n' => {
                    self.at += 1;
                    self.line_start = self.at;
                }
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'#' => self.at = self.end_of_line(),
                b'{' if self.only_blanks_before() && self.is_template_line() => {
                    self.skip_template_line();
                }
                _ => return,
            }
        }
    }

    fn only_blanks_before(&self) -> bool {
        self.text[self.line_start.min(self.at)..self.at]
            .trim()
            .is_empty()
    }

    /// A line of template tags alone: `{{- if .Values.x }}`, `{% endfor %}`; also one that goes
    /// on over lines.
    fn is_template_line(&self) -> bool {
        if !self.at_template_tag() {
            return false;
        }
        let mut at = self.at;
        while let Some(end) = tag_end(self.text, at) {
            let rest = &self.text[end..];
            let next = rest.trim_start_matches([' ', '\t']);
            if next.is_empty() || next.starts_with(['\n', '\r', '#']) {
                return true;
            }
            if !next.starts_with('{') {
                return false;
            }
            at = end + rest.len() - next.len();
        }
        at == self.at
    }

    fn skip_template_line(&mut self) {
        let line_end = self.end_of_line();
        if tag_end(self.text, self.at).is_some() {
            self.at = line_end;
            return;
        }
        let close = match self.byte(1) {
            b'{' => "}}",
            b'%' => "%}",
            _ => "#}",
        };
        // A tag over several lines; one that never closes takes its line alone.
        let end = self
            .rest()
            .find(close)
            .map(|len| self.at + len + close.len());
        let end = end.unwrap_or(line_end);
        if let Some(last) = self.text[..end].rfind('\n') {
            self.line_start = self.line_start.max(last + 1);
        }
        self.at = end;
        self.at = self.end_of_line();
    }

    /// `&anchor` and `!tag` in front of a node.
    pub fn properties(&mut self) -> (Option<String>, Option<String>) {
        let (mut tag, mut anchor) = (None, None);
        loop {
            let word = match self.byte(0) {
                b'&' | b'!' => {
                    let rest = self.rest();
                    let len = rest.find(char::is_whitespace).unwrap_or(rest.len());
                    rest[..len].to_owned()
                }
                _ => return (tag, anchor),
            };
            self.at += word.len();
            match word.strip_prefix('&') {
                Some(name) => anchor = Some(name.to_owned()),
                None => tag = Some(word),
            }
            while matches!(self.byte(0), b' ' | b'\t') {
                self.at += 1;
            }
        }
    }

    /// The node that begins at the next token, which must be indented deeper than `parent`.
    fn block(&mut self, parent: isize, depth: usize) -> Id {
        let end = self.at;
        self.skip_to_token();
        if self.at >= self.text.len() || self.column() <= parent || self.at_document_marker() {
            return self.null(end);
        }
        self.node_here(parent, depth)
    }

    /// The node that begins right here.
    fn node_here(&mut self, parent: isize, depth: usize) -> Id {
        let start = self.at;
        if depth > MAX_DEPTH {
            self.skip_broken_line();
            return self.null(start);
        }
        if self.key_ahead().is_some() {
            // The properties of a key belong to the key, not to the mapping.
            return self.mapping(self.column(), depth);
        }
        let (tag, anchor) = self.properties();
        if self.at > start && matches!(self.byte(0), b'\n' | b'\r' | b'#' | 0) {
            let id = self.block(parent, depth + 1);
            return self.finish(id, tag, anchor);
        }
        let id = if self.at_dash() {
            self.sequence(self.column(), depth)
        } else if self.byte(0) == b'?' && matches!(self.byte(1), b' ' | b'\n') {
            self.mapping(self.column(), depth)
        } else {
            self.inline(parent)
        };
        self.finish(id, tag, anchor)
    }

    fn at_dash(&self) -> bool {
        self.byte(0) == b'-' && matches!(self.byte(1), b' ' | b'\t' | b'\n' | b'\r' | 0)
    }

    /// A scalar, an alias or a flow collection.
    fn inline(&mut self, parent: isize) -> Id {
        match self.byte(0) {
            b'|' | b'>' => {
                let line = &self.text[self.at..self.end_of_line()];
                match scalar::header(line) {
                    Some(header) => self.block_scalar(parent, &header),
                    None => self.plain(parent),
                }
            }
            b'"' | b'\'' => self.quoted(),
            b'*' => self.alias(),
            b'[' => self.flow(0),
            b'{' if !self.at_template_tag() => self.flow(0),
            _ => self.plain(parent),
        }
    }

    fn block_scalar(&mut self, parent: isize, header: &scalar::Header) -> Id {
        let start = self.at;
        let header_end = start + self.text[start..self.end_of_line()].trim_end().len();
        let lines = (self.end_of_line() + 1).min(self.text.len());
        let (scalar, behind) = scalar::block(self.text, lines, parent, header);
        let end = if scalar.inner.is_empty() {
            header_end
        } else {
            scalar.inner.end
        };
        // The line break in front of what follows has been taken.
        self.at = behind;
        self.line_start = behind;
        self.push(Data {
            span: Span::new(start, end),
            tag: None,
            kind: Kind::Scalar(scalar),
        })
    }

    pub fn quoted(&mut self) -> Id {
        let start = self.at;
        let (scalar, end) = scalar::quoted(self.text, start);
        self.at = end;
        self.push(Data {
            span: Span::new(start, end),
            tag: None,
            kind: Kind::Scalar(scalar),
        })
    }

    pub fn alias(&mut self) -> Id {
        let start = self.at;
        let rest = &self.rest()[1..];
        let ends = |character: char| character.is_whitespace() || ",[]{}".contains(character);
        let name = &rest[..rest.find(ends).unwrap_or(rest.len())];
        let end = start + 1 + name.len();
        let kind = Kind::Alias(name.to_owned());
        self.at = end;
        self.push(Data {
            span: Span::new(start, end),
            tag: None,
            kind,
        })
    }

    /// A plain scalar; further lines belong to it while they are indented deeper than `parent`.
    fn plain(&mut self, parent: isize) -> Id {
        let start = self.at;
        let mut end = plain_end(self.text, start, false, false);
        let mut value = Mapped::default();
        value.push(&self.text[start..end], start);
        loop {
            let line_end = end + self.text[end..].find('\n').unwrap_or(self.text.len() - end);
            if !self.text[end..line_end].trim().is_empty() {
                break;
            }
            let Some((line, breaks)) = self.continuation(line_end, parent) else {
                break;
            };
            let place = Span::new(end, line.start);
            match breaks {
                1 => value.push_decoded(" ", place),
                more => value.push_decoded(&"\n".repeat(more - 1), place),
            }
            value.push(&self.text[line.start..line.end], line.start);
            end = line.end;
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

    /// The next line of a plain scalar, and how many line breaks lie before it.
    fn continuation(&self, line_end: usize, parent: isize) -> Option<(Span, usize)> {
        let rest = self.text.get(line_end..)?;
        let body = rest.trim_start();
        let start = self.text.len() - body.len();
        let gap = &rest[..rest.len() - body.len()];
        let column = start - gap.rfind('\n').map_or(start, |at| line_end + at + 1);
        let deeper = isize::try_from(column).is_ok_and(|column| column > parent);
        let marker = column == 0 && (body.starts_with("---") || body.starts_with("..."));
        if body.is_empty() || !deeper || marker || body.starts_with('#') {
            return None;
        }
        let template = body.starts_with("{{") || body.starts_with("{%");
        let key = plain_end(self.text, start, false, true);
        let looks_like_entry = self.text[key..].starts_with(':') || body.starts_with("- ");
        if template || looks_like_entry {
            return None;
        }
        let end = plain_end(self.text, start, false, false);
        Some((Span::new(start, end), gap.matches('\n').count().max(1)))
    }

    /// If a key and its colon stand here: the offset of the colon.
    fn key_ahead(&mut self) -> Option<usize> {
        let saved = self.at;
        self.properties();
        let start = self.at;
        self.at = saved;
        let bytes = self.text.as_bytes();
        let end = match bytes.get(start)? {
            b'"' | b'\'' => scalar::quoted(self.text, start).1,
            b'[' => return None,
            b'{' if tag_end(self.text, start).is_none() => return None,
            b'|' | b'>' | b'#' | b'%' | b'@' | b'`' => return None,
            b'-' if matches!(bytes.get(start + 1), None | Some(b' ' | b'\n' | b'\r')) => {
                return None;
            }
            _ => plain_end(self.text, start, false, true),
        };
        let gap = &self.text[end..];
        let colon = end + gap.len() - gap.trim_start_matches([' ', '\t']).len();
        let on_one_line = !self.text[start..end].contains('\n');
        let behind = bytes.get(colon + 1).copied().unwrap_or(b'\n');
        let is_colon = bytes.get(colon) == Some(&b':') && behind.is_ascii_whitespace();
        (on_one_line && is_colon).then_some(colon)
    }

    fn sequence(&mut self, column: isize, depth: usize) -> Id {
        let start = self.at;
        let id = self.reserve(start);
        let mut items = Vec::new();
        let mut end = start;
        while self.at_dash() && self.column() == column {
            let dash = self.at;
            self.at += 1;
            while matches!(self.byte(0), b' ' | b'\t') {
                self.at += 1;
            }
            let item = match self.byte(0) {
                b'\n' | b'\r' | b'#' | 0 => {
                    self.at = self.at.min(self.text.len());
                    self.block_behind(dash + 1, column, depth)
                }
                _ => self.node_here(column, depth + 1),
            };
            end = self.nodes[item].span.end.max(dash + 1);
            items.push((Span::new(dash, end), item));
            self.skip_to_entry(column);
        }
        self.nodes[id].span = Span::new(start, end);
        self.nodes[id].kind = Kind::Sequence { items, flow: false };
        id
    }

    /// A node on the lines behind `end`, which is where a missing one stands.
    fn block_behind(&mut self, end: usize, parent: isize, depth: usize) -> Id {
        let id = self.block(parent, depth + 1);
        if self.nodes[id].span.is_empty() {
            self.move_to(id, end);
        }
        id
    }

    fn move_to(&mut self, id: Id, at: usize) {
        self.nodes[id].span = Span::at(at);
        if let Kind::Scalar(scalar) = &mut self.nodes[id].kind {
            scalar.inner = Span::at(at);
        }
    }

    /// Moves to the next entry of a collection at `column`: lines in between that are indented
    /// deeper belong to nothing and are skipped.
    fn skip_to_entry(&mut self, column: isize) {
        loop {
            self.skip_to_token();
            let deeper = self.at < self.text.len() && self.column() > column;
            if !deeper {
                return;
            }
            self.skip_broken_line();
        }
    }

    fn mapping(&mut self, column: isize, depth: usize) -> Id {
        let start = self.at;
        let id = self.reserve(start);
        let mut entries = Vec::new();
        let mut end = start;
        while self.at < self.text.len() && self.column() == column && !self.at_document_marker() {
            if self.byte(0) == b'?' && matches!(self.byte(1), b' ' | b'\n') {
                // A complex key: nothing that deployment files use.
                self.at += 1;
                let key = self.block(column, depth + 1);
                end = self.nodes[key].span.end.max(end);
                self.skip_to_entry(column);
                continue;
            }
            if self.byte(0) == b':' && matches!(self.byte(1), b' ' | b'\n') && !entries.is_empty() {
                self.at += 1;
                let value = self.block(column, depth + 1);
                end = self.nodes[value].span.end.max(end);
                self.skip_to_entry(column);
                continue;
            }
            let Some(colon) = self.key_ahead() else {
                if self.at_dash() {
                    break;
                }
                self.skip_broken_line();
                self.skip_to_entry(column);
                continue;
            };
            let key = self.key(colon);
            self.at = colon + 1;
            let value = self.value(column, depth);
            end = self.nodes[value].span.end.max(colon + 1);
            entries.push((key, value));
            self.skip_to_entry(column);
        }
        self.nodes[id].span = Span::new(start, end);
        self.nodes[id].kind = Kind::Mapping {
            entries,
            flow: false,
        };
        id
    }

    fn key(&mut self, colon: usize) -> Id {
        let (tag, anchor) = self.properties();
        let id = match self.byte(0) {
            b'"' | b'\'' => self.quoted(),
            b'*' => self.alias(),
            _ => {
                let start = self.at;
                let end = start + self.text[start..colon].trim_end().len();
                let span = Span::new(start, end);
                self.push(Data {
                    span,
                    tag: None,
                    kind: Kind::Scalar(Scalar {
                        value: Mapped::verbatim(&self.text[start..end], start),
                        style: Style::Plain,
                        inner: span,
                    }),
                })
            }
        };
        self.finish(id, tag, anchor)
    }

    /// What stands behind the colon of a key at `column`.
    fn value(&mut self, column: isize, depth: usize) -> Id {
        let behind_colon = self.at;
        while matches!(self.byte(0), b' ' | b'\t') {
            self.at += 1;
        }
        let (tag, anchor) = self.properties();
        let id = match self.byte(0) {
            b'\n' | b'\r' | b'#' | 0 => self.value_below(behind_colon, column, depth),
            _ => self.inline(column),
        };
        self.finish(id, tag, anchor)
    }

    /// A value on the following lines: deeper, or a sequence at the key's own column.
    fn value_below(&mut self, behind_colon: usize, column: isize, depth: usize) -> Id {
        self.at = self.at.min(self.text.len());
        self.skip_to_token();
        let dashed = self.at_dash() && self.column() == column && !self.at_document_marker();
        if dashed && depth <= MAX_DEPTH {
            return self.sequence(column, depth + 1);
        }
        self.block_behind(behind_colon, column, depth)
    }
}
