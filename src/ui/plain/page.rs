//! Lines of words: wrapped, in ASCII as far as the words are ours.

use std::io::Write;

use crate::error::Error;
use crate::ui::words::shown;
use crate::ui::wrap::wrap;

/// Lines are no longer than this.
const WIDTH: usize = 78;

/// Where the dialogue is written.
pub struct Page<W> {
    out: W,
}

impl<W: Write> Page<W> {
    pub fn new(out: W) -> Self {
        Self { out }
    }

    /// One line as it is.
    pub fn line(&mut self, text: &str) -> Result<(), Error> {
        writeln!(self.out, "{}", ascii(text).trim_end()).map_err(Error::Output)
    }

    pub fn gap(&mut self) -> Result<(), Error> {
        self.line("")
    }

    /// A title between empty lines.
    pub fn title(&mut self, text: &str) -> Result<(), Error> {
        self.gap()?;
        self.line(&shown(text))?;
        self.line(&"-".repeat(shown(text).chars().count().min(WIDTH)))
    }

    /// A paragraph.
    pub fn text(&mut self, text: &str) -> Result<(), Error> {
        self.item("", text)
    }

    /// `mark`, and the text beside it.
    pub fn item(&mut self, mark: &str, text: &str) -> Result<(), Error> {
        let text = ascii(&shown(text));
        let indent = " ".repeat(mark.len());
        for (index, line) in wrap(&text, WIDTH - mark.len()).iter().enumerate() {
            let front = if index == 0 { mark } else { &indent };
            self.line(&format!("{front}{line}"))?;
        }
        Ok(())
    }
}

/// Signs of typography as ASCII. Letters of other scripts stay: they are words.
fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '→' => out.push_str("->"),
            '…' => out.push_str("..."),
            '·' | '•' => out.push('-'),
            '–' | '—' | '−' => out.push('-'),
            '‘' | '’' => out.push('\''),
            '“' | '”' => out.push('"'),
            '×' => out.push('x'),
            '≥' => out.push_str(">="),
            '≤' => out.push_str("<="),
            '\u{a0}' => out.push(' '),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_hang_and_typography_becomes_ascii() {
        let mut out = Vec::new();
        let mut page = Page::new(&mut out);
        let words = "word ".repeat(20);
        page.item("1. ", &format!("High → Low … {words}")).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.is_ascii());
        assert!(text.starts_with("1. High -> Low ... word"));
        assert!(text.lines().nth(1).unwrap().starts_with("   word"));
    }
}
