//! Text decoded out of a file, with the place in the file for each of its bytes.
//!
//! A shell command may stand in a JSON string, in a folded YAML scalar or behind Dockerfile
//! continuations. It is decoded first and parsed then; the map leads its spans back.

use crate::text::Span;

/// Decoded text and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mapped {
    text: String,
    pieces: Vec<Piece>,
}

/// `len` decoded bytes from `source_len` bytes of the file. Equal lengths mean byte for byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    at: usize,
    len: usize,
    source: usize,
    source_len: usize,
}

impl Mapped {
    /// Text that stands in the file as it is, from `offset` on.
    pub fn verbatim(text: &str, offset: usize) -> Self {
        let mut mapped = Self::default();
        mapped.push(text, offset);
        mapped
    }

    /// Adds text that stands at `source` as it is.
    pub fn push(&mut self, text: &str, source: usize) {
        if text.is_empty() {
            return;
        }
        let at = self.text.len();
        self.text.push_str(text);
        if let Some(last) = self.pieces.last_mut()
            && last.len == last.source_len
            && last.source + last.source_len == source
        {
            last.len += text.len();
            last.source_len += text.len();
            return;
        }
        self.pieces.push(Piece {
            at,
            len: text.len(),
            source,
            source_len: text.len(),
        });
    }

    /// Adds text that `source` decodes to (an escape, a folded line break).
    pub fn push_decoded(&mut self, text: &str, source: Span) {
        if text.len() == source.len() {
            self.push(text, source.start);
            return;
        }
        if text.is_empty() {
            return;
        }
        self.pieces.push(Piece {
            at: self.text.len(),
            len: text.len(),
            source: source.start,
            source_len: source.len(),
        });
        self.text.push_str(text);
    }

    /// Adds `span` of this text to `out`, with the places it comes from.
    pub fn copy(&self, span: Span, out: &mut Self) {
        let first = self
            .pieces
            .partition_point(|piece| piece.at + piece.len <= span.start);
        for piece in self.pieces.iter().skip(first) {
            if piece.at >= span.end {
                break;
            }
            let start = piece.at.max(span.start);
            let end = (piece.at + piece.len).min(span.end);
            let text = self.text.get(start..end).unwrap_or_default();
            if piece.len == piece.source_len {
                out.push(text, piece.source + (start - piece.at));
            } else {
                let place = Span::new(piece.source, piece.source + piece.source_len);
                out.push_decoded(text, place);
            }
        }
    }

    /// `span` of this text by itself.
    #[must_use]
    pub fn part(&self, span: Span) -> Self {
        let mut out = Self::default();
        self.copy(span, &mut out);
        out
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn into_string(self) -> String {
        self.text
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Cuts what lies behind `len` bytes of decoded text.
    pub fn truncate(&mut self, len: usize) {
        if len >= self.text.len() || !self.text.is_char_boundary(len) {
            return;
        }
        self.text.truncate(len);
        while let Some(last) = self.pieces.last_mut() {
            if last.at < len {
                let kept = len - last.at;
                if last.len == last.source_len {
                    last.source_len = kept;
                }
                last.len = last.len.min(kept);
                break;
            }
            self.pieces.pop();
        }
    }

    /// The place in the file of a span of the decoded text.
    pub fn source(&self, span: Span) -> Span {
        let start = self.start_of(span.start);
        if span.is_empty() {
            return Span::at(start);
        }
        let end = self.end_of(span.end);
        Span::new(start.min(end), end)
    }

    /// Where the byte at `offset` comes from; behind the last one, where the text ends.
    fn start_of(&self, offset: usize) -> usize {
        match self.piece_with(offset) {
            Some(piece) if piece.len == piece.source_len => piece.source + (offset - piece.at),
            Some(piece) => piece.source,
            None => self.end_of(offset),
        }
    }

    /// Where the byte in front of `offset` ends.
    fn end_of(&self, offset: usize) -> usize {
        let Some(before) = offset.checked_sub(1) else {
            return self.pieces.first().map_or(0, |piece| piece.source);
        };
        match self.piece_with(before) {
            Some(piece) if piece.len == piece.source_len => piece.source + (offset - piece.at),
            Some(piece) => piece.source + piece.source_len,
            None => self
                .pieces
                .last()
                .map_or(0, |piece| piece.source + piece.source_len),
        }
    }

    fn piece_with(&self, offset: usize) -> Option<&Piece> {
        let index = self.pieces.partition_point(|piece| piece.at <= offset);
        let piece = self.pieces.get(index.checked_sub(1)?)?;
        (offset < piece.at + piece.len).then_some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_lead_back_through_escapes() {
        // The file holds `"a\"bc"` from offset 10 on.
        let mut mapped = Mapped::default();
        mapped.push("a", 11);
        mapped.push_decoded("\"", Span::new(12, 14));
        mapped.push("bc", 14);
        assert_eq!(mapped.as_str(), "a\"bc");
        assert_eq!(mapped.source(Span::new(0, 1)), Span::new(11, 12));
        assert_eq!(mapped.source(Span::new(1, 2)), Span::new(12, 14));
        assert_eq!(mapped.source(Span::new(1, 3)), Span::new(12, 15));
        assert_eq!(mapped.source(Span::new(4, 4)), Span::at(16));
    }

    #[test]
    fn joined_lines_have_a_gap() {
        let mut mapped = Mapped::verbatim("one ", 0);
        mapped.push("two", 8);
        assert_eq!(mapped.source(Span::new(0, 7)), Span::new(0, 11));
        assert_eq!(mapped.source(Span::new(4, 7)), Span::new(8, 11));
        mapped.truncate(5);
        assert_eq!(mapped.source(Span::new(4, 5)), Span::new(8, 9));
    }
}
