//! Procfiles: `type: command`, one per line.

use super::mapped::Mapped;
use crate::text::Span;

/// One process type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    /// The command; a shell reads it.
    pub command: Mapped,
    pub command_span: Span,
    /// The line, without its line end.
    pub span: Span,
}

pub fn parse(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        entries.extend(entry(line, at));
        at += line.len();
    }
    entries
}

fn entry(line: &str, at: usize) -> Option<Entry> {
    let line = line.trim_end();
    let (name, command) = line.split_once(':')?;
    let name = name.trim_start_matches('\u{feff}').trim();
    let allowed = |character: char| character.is_alphanumeric() || "_-.".contains(character);
    if name.is_empty() || !name.chars().all(allowed) {
        return None;
    }
    let command = command.trim_start();
    if command.is_empty() {
        return None;
    }
    let start = at + line.len() - command.len();
    let indent = line.len() - line.trim_start().len();
    Some(Entry {
        name: name.to_owned(),
        command: Mapped::verbatim(command, start),
        command_span: Span::new(start, start + command.len()),
        span: Span::new(at + indent, at + line.len()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_commands() {
        let text = "# web: no\r\nweb: gunicorn app:app --log-file - \r\n\nworker:celery -A x\nbad line\nx y: z\nempty:\n";
        let found: Vec<_> = parse(text)
            .into_iter()
            .map(|entry| {
                let written = &text[entry.command_span.start..entry.command_span.end];
                assert_eq!(written, entry.command.as_str());
                (entry.name, written.to_owned())
            })
            .collect();
        let row = |name: &str, command: &str| (name.to_owned(), command.to_owned());
        assert_eq!(
            found,
            [
                row("web", "gunicorn app:app --log-file -"),
                row("worker", "celery -A x")
            ]
        );
    }
}
