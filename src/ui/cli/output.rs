//! Results to stdout, diagnostics to stderr.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use anstream::{AutoStream, ColorChoice};

use super::ColorWhen;
use crate::error::Error;
use crate::text::printable;
use crate::ui::style::Palette;

/// Lines are this wide where there is no terminal, and never wider.
const WIDTH: usize = 100;
/// Narrower than this, reports are cut by the terminal rather than crushed.
const NARROWEST: usize = 40;

/// The program's two streams.
#[derive(Debug)]
pub(super) struct Output {
    out: Palette,
    err: Palette,
}

impl Output {
    pub fn new(when: ColorWhen) -> Self {
        let palette = |auto: ColorChoice| match (when, auto) {
            (ColorWhen::Always, _) => Palette::COLORED,
            (ColorWhen::Never, _) | (ColorWhen::Auto, ColorChoice::Never) => Palette::PLAIN,
            (ColorWhen::Auto, _) => Palette::COLORED,
        };
        Self {
            out: palette(AutoStream::choice(&io::stdout())),
            err: palette(AutoStream::choice(&io::stderr())),
        }
    }

    pub fn palette(&self) -> Palette {
        self.out
    }

    /// How many columns a line of stdout may have.
    pub fn width(&self) -> usize {
        if !io::stdout().is_terminal() {
            return WIDTH;
        }
        let columns = crossterm::terminal::size().map_or(WIDTH, |(columns, _)| columns.into());
        columns.clamp(NARROWEST, WIDTH)
    }

    /// Writes a result. A reader that has gone away (`… | head`) is no error.
    pub fn write(&mut self, text: &str) -> Result<(), Error> {
        let mut stdout = io::stdout().lock();
        let written = stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush());
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Output(error)),
            _ => Ok(()),
        }
    }

    /// Writes a result to a file, or to stdout where there is none.
    pub fn write_to(&mut self, file: Option<&Path>, text: &str) -> Result<(), Error> {
        let Some(file) = file else {
            return self.write(text);
        };
        std::fs::write(file, text).map_err(|source| Error::Unwritable {
            path: file.into(),
            source,
        })
    }

    /// One line for the person at the terminal. There is nobody to tell when stderr is closed.
    pub fn say(&mut self, line: &str) {
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    pub fn error(&mut self, error: &Error) {
        let label = self.err.bad("error:");
        self.say(&format!("{label} {}", printable(&error.to_string())));
        if let Some(hint) = error.hint() {
            self.hint(&hint);
        }
    }

    pub fn hint(&mut self, text: &str) {
        let label = self.err.good("hint:");
        self.say(&format!("{label} {}", printable(text)));
    }

    pub fn warning(&mut self, text: &str) {
        let label = self.err.doubt("warning:");
        self.say(&format!("{label} {}", printable(text)));
    }
}
