//! Shell text to words, operators and redirections.

use super::Word;
use crate::parse::mapped::Mapped;
use crate::text::Span;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Word(Word),
    /// `;`, `&`, `&&`, `||`, `|`, `;;`, `(`, `)`.
    Operator(Operator, Span),
    Newline,
    /// `> file`, `2>&1`, `<<EOF`: its end, and the file that is written.
    Redirection {
        end: usize,
        writes: Option<String>,
    },
    /// The body of a here-document (decoded offsets).
    HereDocument(Span),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Semicolon,
    DoubleSemicolon,
    Background,
    And,
    Or,
    Pipe,
    Open,
    Close,
}

/// Reads decoded text; the spans of words are places in the file.
pub(super) struct Lexer<'a> {
    text: &'a Mapped,
    source: &'a str,
    at: usize,
    operators: bool,
    /// Here-documents whose bodies begin at the next line.
    pending: Vec<HereDocument>,
}

struct HereDocument {
    delimiter: String,
    strips_tabs: bool,
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a Mapped) -> Self {
        Self {
            text,
            source: text.as_str(),
            at: 0,
            operators: true,
            pending: Vec::new(),
        }
    }

    pub fn without_operators(text: &'a Mapped) -> Self {
        Self {
            operators: false,
            ..Self::new(text)
        }
    }

    fn byte(&self, ahead: usize) -> u8 {
        let bytes = self.source.as_bytes();
        bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn rest(&self) -> &'a str {
        self.source.get(self.at..).unwrap_or_default()
    }

    pub fn next_token(&mut self) -> Option<Token> {
        self.skip_blanks();
        if self.at >= self.source.len() {
            return None;
        }
        if self.byte(0) == b'\n' {
            self.at += 1;
            let pending = std::mem::take(&mut self.pending);
            let bodies: Vec<Span> = pending.iter().map(|it| self.here_document(it)).collect();
            if let Some(body) = bodies.into_iter().next() {
                return Some(Token::HereDocument(body));
            }
            return Some(Token::Newline);
        }
        if self.operators {
            if let Some(token) = self.redirection() {
                return Some(token);
            }
            if let Some(token) = self.operator() {
                return Some(token);
            }
        }
        Some(Token::Word(self.word()))
    }

    fn skip_blanks(&mut self) {
        loop {
            match (self.byte(0), self.byte(1)) {
                (b' ' | b'\t' | b'\r', _) => self.at += 1,
                (b'\\', b'\n') => self.at += 2,
                (b'\\', b'\r') if self.byte(2) == b'\n' => self.at += 3,
                (b'#', _) if self.operators => {
                    let rest = self.rest();
                    self.at += rest.find('\n').unwrap_or(rest.len());
                }
                (b'\n', _) if !self.operators => self.at += 1,
                _ => return,
            }
        }
    }

    fn operator(&mut self) -> Option<Token> {
        let (operator, len) = match (self.byte(0), self.byte(1)) {
            (b';', b';') => (Operator::DoubleSemicolon, 2),
            (b';', _) => (Operator::Semicolon, 1),
            (b'&', b'&') => (Operator::And, 2),
            (b'&', _) => (Operator::Background, 1),
            (b'|', b'|') => (Operator::Or, 2),
            (b'|', b'&') => (Operator::Pipe, 2),
            (b'|', _) => (Operator::Pipe, 1),
            (b'(', _) => (Operator::Open, 1),
            (b')', _) => (Operator::Close, 1),
            _ => return None,
        };
        let span = Span::new(self.at, self.at + len);
        self.at = span.end;
        Some(Token::Operator(operator, span))
    }

    /// `[n]>`, `[n]>>`, `[n]<`, `&>`, `>&n`, `<<[-]word`, `<<<word`.
    fn redirection(&mut self) -> Option<Token> {
        let rest = self.rest();
        let digits = rest.len()
            - rest
                .trim_start_matches(|digit: char| digit.is_ascii_digit())
                .len();
        let rest = &rest[digits..];
        let (mark, writes) = [
            ("&>>", true),
            ("&>", true),
            (">>", true),
            (">|", true),
            (">&", false),
            (">", true),
            ("<<<", false),
            ("<<-", false),
            ("<<", false),
            ("<&", false),
            ("<>", false),
            ("<", false),
        ]
        .into_iter()
        .find(|(mark, _)| rest.starts_with(mark))?;
        // `<(command)` and `>(command)` are words to us.
        if matches!(mark, "<" | ">") && rest[1..].starts_with('(') {
            return None;
        }
        self.at += digits + mark.len();
        while matches!(self.byte(0), b' ' | b'\t') {
            self.at += 1;
        }
        if matches!(self.byte(0), b'\n' | 0) {
            return Some(Token::Redirection {
                end: self.at,
                writes: None,
            });
        }
        let word = self.word();
        if matches!(mark, "<<" | "<<-") {
            self.pending.push(HereDocument {
                delimiter: word.text().to_owned(),
                strips_tabs: mark == "<<-",
            });
        }
        let writes = writes.then(|| word.value.into_string());
        Some(Token::Redirection {
            end: self.at,
            writes,
        })
    }

    fn here_document(&mut self, here: &HereDocument) -> Span {
        let start = self.at;
        while self.at < self.source.len() {
            let line_start = self.at;
            let rest = self.rest();
            let len = rest.find('\n').unwrap_or(rest.len());
            let line = rest[..len].trim_end_matches('\r');
            self.at = (line_start + len + 1).min(self.source.len());
            let line = if here.strips_tabs {
                line.trim_start_matches('\t')
            } else {
                line
            };
            if line == here.delimiter {
                return Span::new(start, line_start);
            }
        }
        Span::new(start, self.source.len())
    }

    fn ends_word(&self) -> bool {
        match self.byte(0) {
            b' ' | b'\t' | b'\n' | b'\r' => true,
            0 => self.at >= self.source.len(),
            b';' | b'&' | b'|' | b')' | b'(' | b'<' | b'>' => self.operators,
            _ => false,
        }
    }

    fn word(&mut self) -> Word {
        let start = self.at;
        let mut value = Mapped::default();
        let mut expands = false;
        let mut parts = 0usize;
        let mut quoted = None;
        while !self.ends_word() {
            parts += 1;
            match self.byte(0) {
                b'\'' => {
                    let inner = self.single_quoted(&mut value);
                    quoted = Some(inner);
                }
                b'"' => {
                    let inner = self.double_quoted(&mut value, &mut expands);
                    quoted = Some(inner);
                }
                b'\\' => self.escaped(&mut value),
                b'$' | b'`' => expands |= self.expansion(&mut value),
                b'{' if self.byte(1) == b'{' => self.template_tag(&mut value),
                _ => self.plain(&mut value),
            }
            if self.at == start {
                // Nothing was taken (a lone operator character): never stand still.
                self.take(&mut value, 1);
            }
        }
        let raw = Span::new(start, self.at);
        let behind_equals = self.behind_equals(raw, quoted, parts);
        let first = self.source.as_bytes().get(start).copied().map(char::from);
        Word {
            value,
            quote: first.filter(|_| parts == 1 && quoted.is_some()),
            span: self.text.source(raw),
            expands,
            behind_equals: behind_equals.map(|span| self.text.source(span)),
        }
    }

    /// The value of `NAME=value`, inside its quotes where one pair encloses it (`NAME="value"`,
    /// `"NAME=value"`): so that replacing it never leaves a stray quote.
    fn behind_equals(&self, raw: Span, quoted: Option<Span>, parts: usize) -> Option<Span> {
        let text = self.source.get(raw.start..raw.end)?;
        let behind = raw.start + text.find('=')? + 1;
        let span = match quoted {
            Some(inner) if parts == 1 => Span::new(behind, inner.end.max(behind)),
            Some(inner) if parts == 2 && inner.start == behind + 1 => inner,
            _ => Span::new(behind, raw.end),
        };
        Some(span)
    }

    /// Takes `len` bytes as they are (at least one whole character).
    fn take(&mut self, value: &mut Mapped, len: usize) {
        let mut end = (self.at + len).min(self.source.len());
        while !self.source.is_char_boundary(end) {
            end += 1;
        }
        self.push(value, Span::new(self.at, end));
        self.at = end;
    }

    /// Adds decoded text, piece by piece as it stands in the file.
    fn push(&self, value: &mut Mapped, span: Span) {
        self.text.copy(span, value);
    }

    fn plain(&mut self, value: &mut Mapped) {
        let operators = self.operators;
        let stops = |byte: u8| match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b'\'' | b'"' | b'\\' | b'$' | b'`' | b'{' => true,
            b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>' => operators,
            _ => false,
        };
        let rest = self.rest().as_bytes();
        let len = rest
            .iter()
            .position(|byte| stops(*byte))
            .unwrap_or(rest.len());
        self.take(value, len.max(1));
    }

    /// `{{ name }}` of a template that writes the script: one piece of a word.
    fn template_tag(&mut self, value: &mut Mapped) {
        let rest = self.rest();
        let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
        let len = line.find("}}").map_or(2, |len| len + 2);
        self.take(value, len);
    }

    fn single_quoted(&mut self, value: &mut Mapped) -> Span {
        let start = self.at + 1;
        let len = self.source[start..].find('\'');
        let end = len.map_or(self.source.len(), |len| start + len);
        self.push(value, Span::new(start, end));
        self.at = (end + 1).min(self.source.len());
        Span::new(start, end)
    }

    fn double_quoted(&mut self, value: &mut Mapped, expands: &mut bool) -> Span {
        let start = self.at + 1;
        self.at = start;
        while self.at < self.source.len() {
            match (self.byte(0), self.byte(1)) {
                (b'"', _) => {
                    let inner = Span::new(start, self.at);
                    self.at += 1;
                    return inner;
                }
                (b'\\', b'\n') => self.at += 2,
                (b'\\', b'$' | b'"' | b'\\' | b'`') => {
                    let escaped = Span::new(self.at + 1, self.at + 2);
                    let place = self.text.source(Span::new(self.at, self.at + 2));
                    value.push_decoded(&self.source[escaped.start..escaped.end], place);
                    self.at += 2;
                }
                (b'$' | b'`', _) => *expands |= self.expansion(value),
                _ => {
                    let rest = self.rest().as_bytes();
                    let stop = |byte: &u8| matches!(byte, b'"' | b'\\' | b'$' | b'`');
                    let len = rest.iter().position(stop).unwrap_or(rest.len());
                    self.take(value, len.max(1));
                }
            }
        }
        Span::new(start, self.source.len())
    }

    fn escaped(&mut self, value: &mut Mapped) {
        if self.byte(1) == b'\n' {
            self.at += 2;
            return;
        }
        let Some(character) = self
            .source
            .get(self.at + 1..)
            .and_then(|rest| rest.chars().next())
        else {
            self.take(value, 1);
            return;
        };
        let end = self.at + 1 + character.len_utf8();
        let place = self.text.source(Span::new(self.at, end));
        value.push_decoded(&self.source[self.at + 1..end], place);
        self.at = end;
    }

    /// `$NAME`, `${…}`, `$(…)`, `` `…` ``; says whether something is expanded.
    fn expansion(&mut self, value: &mut Mapped) -> bool {
        let end = match (self.byte(0), self.byte(1)) {
            (b'`', _) => closing_backtick(self.source, self.at + 1),
            (_, b'{') => closing(self.source, self.at + 2, b'{', b'}'),
            (_, b'(') => closing(self.source, self.at + 2, b'(', b')'),
            _ => {
                self.take(value, 1);
                let next = self.byte(0);
                return next.is_ascii_alphanumeric() || b"_@*#?!-".contains(&next);
            }
        };
        self.push(value, Span::new(self.at, end));
        self.at = end;
        true
    }
}

fn closing_backtick(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    rest.find('`').map_or(text.len(), |len| from + len + 1)
}

/// The offset behind the bracket that closes the one opened in front of `from`.
fn closing(text: &str, from: usize, open: u8, close: u8) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (from, 1usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'\'' => at = skip_to(bytes, at + 1, b'\''),
            byte if *byte == open => depth += 1,
            byte if *byte == close => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// The next `quote`, or where the search began: an apostrophe need not be a quote.
fn skip_to(bytes: &[u8], from: usize, quote: u8) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    memchr::memchr(quote, rest).map_or(from - 1, |len| from + len)
}
