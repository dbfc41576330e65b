//! Colours by meaning, and whether there are any.

use anstyle::{AnsiColor, Style};

use crate::finding::{PatchKind, Severity};

/// How words are emphasised. The plain palette adds nothing, so that a text says the same with
/// and without colour.
#[derive(Debug, Clone, Copy)]
pub struct Palette {
    colored: bool,
}

impl Palette {
    pub const PLAIN: Self = Self { colored: false };
    pub const COLORED: Self = Self { colored: true };

    pub const fn is_colored(self) -> bool {
        self.colored
    }

    fn paint(self, style: Style, text: &str) -> String {
        if !self.colored || text.is_empty() {
            return text.to_owned();
        }
        format!("{style}{text}{style:#}")
    }

    pub fn heading(self, text: &str) -> String {
        self.paint(Style::new().bold(), text)
    }

    /// What frames the content: gutters, arrows, less important words.
    pub fn frame(self, text: &str) -> String {
        self.paint(Style::new().dimmed(), text)
    }

    pub fn place(self, text: &str) -> String {
        self.paint(AnsiColor::Cyan.on_default(), text)
    }

    pub fn good(self, text: &str) -> String {
        self.paint(AnsiColor::Green.on_default(), text)
    }

    pub fn bad(self, text: &str) -> String {
        self.paint(AnsiColor::Red.on_default(), text)
    }

    pub fn doubt(self, text: &str) -> String {
        self.paint(AnsiColor::Yellow.on_default(), text)
    }

    pub fn command(self, text: &str) -> String {
        self.paint(AnsiColor::Cyan.on_default().bold(), text)
    }

    /// `text` in the colour of a severity.
    pub fn severity(self, severity: Severity, text: &str) -> String {
        let style = match severity {
            Severity::Critical => AnsiColor::Red.on_default().bold(),
            Severity::High => AnsiColor::Red.on_default(),
            Severity::Medium => AnsiColor::Yellow.on_default(),
            Severity::Low => AnsiColor::Blue.on_default(),
            Severity::Negligible => AnsiColor::Green.on_default(),
        };
        self.paint(style, text)
    }

    /// `text` in the colour of a patch kind.
    pub fn patch(self, kind: PatchKind, text: &str) -> String {
        match kind {
            PatchKind::Safe => self.good(text),
            PatchKind::Review => self.doubt(text),
            PatchKind::Manual => self.frame(text),
        }
    }
}
