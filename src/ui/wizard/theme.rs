//! Styles by meaning. The colours are the sixteen of the terminal's own palette.
//!
//! The mono theme sets no colour at all, not even the default one: with `NO_COLOR` set,
//! crossterm turns every colour into an empty sequence, which terminals read as a reset of the
//! reverse video and bold that were just switched on.

use ratatui::style::{Color, Modifier, Style};

use crate::finding::{PatchKind, Severity};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    colored: bool,
}

impl Theme {
    pub const MONO: Self = Self { colored: false };
    pub const COLORED: Self = Self { colored: true };

    fn color(self, color: Color) -> Style {
        match self.colored {
            true => Style::new().fg(color),
            false => Style::new(),
        }
    }

    pub const fn plain(self) -> Style {
        Style::new()
    }

    pub fn heading(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What frames the content and may be overlooked. Dim, not dark grey: that is the
    /// background's own colour in some palettes (Solarized).
    pub fn faint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// Borders of the pane that keys go to.
    pub fn focused(self) -> Style {
        self.color(Color::Cyan)
    }

    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// The selection of a pane that has not the focus.
    pub fn selected_faintly(self) -> Style {
        Style::new().add_modifier(Modifier::UNDERLINED)
    }

    pub fn key(self) -> Style {
        self.color(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    pub fn place(self) -> Style {
        self.color(Color::Cyan)
    }

    pub fn brand(self) -> Style {
        self.color(Color::Green).add_modifier(Modifier::BOLD)
    }

    pub fn good(self) -> Style {
        self.color(Color::Green)
    }

    pub fn bad(self) -> Style {
        self.color(Color::Red)
    }

    pub fn doubt(self) -> Style {
        self.color(Color::Yellow)
    }

    pub fn severity(self, severity: Severity) -> Style {
        match severity {
            Severity::Critical => self.bad().add_modifier(Modifier::BOLD),
            Severity::High => self.bad(),
            Severity::Medium => self.doubt(),
            Severity::Low => self.color(Color::Cyan),
            Severity::Negligible => self.good(),
        }
    }

    pub fn kind(self, kind: PatchKind) -> Style {
        match kind {
            PatchKind::Safe => self.good(),
            PatchKind::Review => self.doubt(),
            PatchKind::Manual => self.faint(),
        }
    }

    pub fn added(self) -> Style {
        self.good()
    }

    pub fn removed(self) -> Style {
        self.bad()
    }

    pub fn hunk(self) -> Style {
        self.color(Color::Cyan)
    }

    /// Changed words inside changed lines.
    pub fn emphasis(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED)
    }

    /// Signs that stand for what cannot be seen: tabs, trailing blanks, control characters.
    pub fn invisible(self) -> Style {
        self.faint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mono_theme_has_no_colour() {
        let theme = Theme::MONO;
        let severities = [
            Severity::Critical,
            Severity::High,
            Severity::Medium,
            Severity::Low,
            Severity::Negligible,
        ];
        let mut styles = vec![
            theme.faint(),
            theme.focused(),
            theme.selected(),
            theme.selected_faintly(),
            theme.key(),
            theme.place(),
            theme.brand(),
            theme.added(),
            theme.removed(),
            theme.hunk(),
            theme.emphasis(),
            theme.doubt(),
        ];
        styles.extend(severities.map(|severity| theme.severity(severity)));
        for style in styles {
            assert_eq!(
                (style.fg, style.bg, style.underline_color),
                (None, None, None)
            );
        }
    }
}
