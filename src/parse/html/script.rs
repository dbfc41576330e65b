//! As much of JavaScript as tells code from strings and comments.

use super::Js;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Script {
    pub mode: Mode,
    /// The last byte of code that is no space: tells a division from a regular expression.
    pub last: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Code,
    Text(u8),
    Line,
    Block,
    Pattern,
    PatternClass,
}

impl Mode {
    pub const fn place(self) -> Js {
        match self {
            Self::Code | Self::Pattern | Self::PatternClass => Js::Code,
            Self::Text(quote) => Js::Text(quote as char),
            Self::Line | Self::Block => Js::Comment,
        }
    }
}

impl Script {
    pub fn step(&mut self, bytes: &[u8], at: usize) -> usize {
        let byte = bytes[at];
        let next = bytes.get(at + 1).copied();
        match self.mode {
            Mode::Code => return self.code(byte, next, at),
            Mode::Text(_) | Mode::Pattern | Mode::PatternClass if byte == b'\\' => {
                return (at + 2).min(bytes.len());
            }
            Mode::Text(quote) if byte == quote || (byte == b'\n' && quote != b'`') => {
                self.mode = Mode::Code;
                self.last = quote;
            }
            Mode::Line if byte == b'\n' => self.mode = Mode::Code,
            Mode::Block if byte == b'*' && next == Some(b'/') => {
                self.mode = Mode::Code;
                return at + 2;
            }
            Mode::Pattern if byte == b'[' => self.mode = Mode::PatternClass,
            Mode::PatternClass if byte == b']' => self.mode = Mode::Pattern,
            Mode::Pattern | Mode::PatternClass if byte == b'\n' => self.mode = Mode::Code,
            Mode::Pattern if byte == b'/' => {
                self.mode = Mode::Code;
                self.last = b')';
            }
            _ => {}
        }
        at + 1
    }

    fn code(&mut self, byte: u8, next: Option<u8>, at: usize) -> usize {
        match (byte, next) {
            (b'"' | b'\'' | b'`', _) => self.mode = Mode::Text(byte),
            (b'/', Some(b'/')) => self.mode = Mode::Line,
            (b'/', Some(b'*')) => {
                self.mode = Mode::Block;
                return at + 2;
            }
            (b'/', _) if b"(,=:[!&|?{};+\n".contains(&self.last) => self.mode = Mode::Pattern,
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            self.last = byte;
        }
        at + 1
    }
}
