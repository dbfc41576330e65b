//! `[section]` and `key = value` files: uWSGI, supervisor, `setup.cfg`, systemd units.

use super::mapped::Mapped;
use crate::text::Span;

/// Which of the dialects a file is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Indented lines continue a value (`setup.cfg`, supervisor).
    Indented,
    /// A backslash at the end continues a value; ` ;` opens no comment (systemd).
    Backslash,
    /// Every line stands alone (uWSGI).
    Lines,
}

/// An INI file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ini {
    pub sections: Vec<Section>,
    /// In the order of the file. Repeated keys stay.
    pub entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    pub name: String,
    /// Its header line.
    pub span: Span,
    /// Behind the last entry of the section, or behind its header: where one more may be added.
    pub end: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The index of its section; `None` in front of the first one.
    pub section: Option<usize>,
    pub key: String,
    pub key_span: Span,
    /// Continued lines joined: with a line break, or with a blank behind a backslash.
    pub value: Mapped,
    pub value_span: Span,
    /// From the key to the end of the value.
    pub span: Span,
}

impl Ini {
    pub fn parse(text: &str, dialect: Dialect) -> Self {
        let mut ini = Self::default();
        let mut at = if text.starts_with('\u{feff}') { 3 } else { 0 };
        let mut continued = false;
        while at < text.len() {
            let rest = &text[at..];
            let len = rest.find('\n').map_or(rest.len(), |len| len + 1);
            let line = rest[..len].trim_end();
            continued = ini.line(line, at, dialect, continued);
            at += len;
        }
        ini
    }

    /// Takes one line; says whether the next one continues it.
    fn line(&mut self, line: &str, at: usize, dialect: Dialect, continued: bool) -> bool {
        let body = line.trim_start();
        let start = at + line.len() - body.len();
        let backslashed = dialect == Dialect::Backslash && body.ends_with('\\');
        if continued {
            // systemd passes over comments between continued lines.
            if body.starts_with(['#', ';']) {
                return true;
            }
            self.continue_value(body.trim_end_matches('\\').trim_end(), start, " ");
            return backslashed;
        }
        if body.is_empty() || body.starts_with(['#', ';']) {
            return false;
        }
        let indented = start > at && dialect == Dialect::Indented;
        if indented
            && self
                .entries
                .last()
                .is_some_and(|last| last.section == self.section())
        {
            self.continue_value(body, start, "\n");
            return false;
        }
        if let Some(name) = body.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            self.sections.push(Section {
                name: name.0.trim().to_owned(),
                span: Span::new(start, start + body.len()),
                end: start + body.len(),
            });
            return false;
        }
        self.entry(body, start, dialect);
        backslashed
    }

    fn section(&self) -> Option<usize> {
        self.sections.len().checked_sub(1)
    }

    fn continue_value(&mut self, body: &str, start: usize, joined_by: &str) {
        let Some(last) = self.entries.last_mut() else {
            return;
        };
        let gap = Span::new(last.value_span.end.min(start), start);
        last.value.push_decoded(joined_by, gap);
        last.value.push(body, start);
        let end = start + body.len();
        last.value_span.end = end.max(last.value_span.end);
        last.span.end = last.value_span.end;
        if let Some(section) = self.sections.last_mut() {
            section.end = section.end.max(end);
        }
    }

    fn entry(&mut self, body: &str, start: usize, dialect: Dialect) {
        let separators: &[char] = match dialect {
            Dialect::Indented => &['=', ':'],
            Dialect::Backslash | Dialect::Lines => &['='],
        };
        let (key, behind) = match body.find(separators) {
            Some(at) => (body[..at].trim_end(), at + 1),
            // A bare key is a switch (uWSGI).
            None => (body, body.len()),
        };
        if key.is_empty() {
            return;
        }
        let value = without_comment(body[behind..].trim_start(), dialect);
        let value = match dialect {
            Dialect::Backslash => value.trim_end_matches('\\').trim_end(),
            _ => value,
        };
        let value_start = start + body.len() - body[behind..].trim_start().len();
        let value_span = Span::new(value_start, value_start + value.len());
        let span = Span::new(start, value_span.end.max(start + key.len()));
        if let Some(section) = self.sections.last_mut() {
            section.end = span.end;
        }
        self.entries.push(Entry {
            section: self.section(),
            key: key.to_owned(),
            key_span: Span::new(start, start + key.len()),
            value: Mapped::verbatim(value, value_start),
            value_span,
            span,
        });
    }

    /// The entries of a section.
    pub fn of(&self, section: usize) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(move |entry| entry.section == Some(section))
    }

    /// The last entry of that key in a section: it wins.
    pub fn get(&self, section: usize, key: &str) -> Option<&Entry> {
        self.of(section).filter(|entry| entry.key == key).last()
    }

    pub fn section_named(&self, name: &str) -> Option<usize> {
        self.sections
            .iter()
            .position(|section| section.name == name)
    }
}

/// supervisor and configparser users write `value ; comment`.
fn without_comment(value: &str, dialect: Dialect) -> &str {
    if dialect == Dialect::Backslash {
        return value;
    }
    let cut = value.find(" ;").into_iter().chain(value.find("\t;")).min();
    let cut = if dialect == Dialect::Lines { None } else { cut };
    cut.map_or(value, |at| value[..at].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str, dialect: Dialect) -> Vec<(String, String)> {
        let ini = Ini::parse(text, dialect);
        let entries = ini.entries.iter();
        entries
            .map(|entry| (entry.key.clone(), entry.value.as_str().to_owned()))
            .collect()
    }

    fn row(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn supervisor_values_continue_by_indentation() {
        let text = "; x\n[program:web]\ncommand = gunicorn app:app ; serve\nenvironment=A=\"1\",\n    B=\"2\"\n\n[program:b]\nuser: app\n";
        assert_eq!(
            values(text, Dialect::Indented),
            [
                row("command", "gunicorn app:app"),
                row("environment", "A=\"1\",\nB=\"2\""),
                row("user", "app")
            ]
        );
        let ini = Ini::parse(text, Dialect::Indented);
        let web = ini.section_named("program:web").unwrap();
        let end = ini.sections[web].end;
        assert!(text[..end].ends_with("B=\"2\""));
        let command = ini.get(web, "command").unwrap();
        assert_eq!(
            &text[command.value_span.start..command.value_span.end],
            "gunicorn app:app"
        );
        assert_eq!(ini.entries[2].section, Some(1));
    }

    #[test]
    fn units_continue_by_backslash() {
        let text = "[Service]\nExecStart=/usr/bin/gunicorn \\\n  # why\n  -b 0.0.0.0:80 ; x\nEnvironment=\"A=1\" B=2\nEnvironment=\n";
        assert_eq!(
            values(text, Dialect::Backslash),
            [
                row("ExecStart", "/usr/bin/gunicorn -b 0.0.0.0:80 ; x"),
                row("Environment", "\"A=1\" B=2"),
                row("Environment", "")
            ]
        );
    }

    #[test]
    fn uwsgi_lines_stand_alone() {
        let text = "[uwsgi]\nmodule = app:app\n  env = A=1\nmaster\nplugins = a ; b\n";
        assert_eq!(
            values(text, Dialect::Lines),
            [
                row("module", "app:app"),
                row("env", "A=1"),
                row("master", ""),
                row("plugins", "a ; b")
            ]
        );
    }

    #[test]
    fn broken_files_are_read_all_the_same() {
        for text in [
            "[",
            "=",
            "[x",
            "  y",
            "a\\",
            "\\\n",
            "[]\n = b",
            "\u{feff}[a]\r\nb=c\r\n",
        ] {
            for dialect in [Dialect::Indented, Dialect::Backslash, Dialect::Lines] {
                let _ = Ini::parse(text, dialect);
            }
        }
        assert_eq!(
            values("\u{feff}[a]\r\nb=c\r\n", Dialect::Lines),
            [row("b", "c")]
        );
    }
}
