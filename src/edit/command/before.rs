//! A check that runs in front of the server, and keeps it from starting when it fails.

use super::Command;
use super::gunicorn::item;
use super::quoting::{inside, json, shell_word, used_quote};
use crate::discover::Repository;
use crate::finding::Edit;
use crate::model::deployment::{Form, Process, Quoting, Surface};
use crate::parse::mapped::Mapped;
use crate::parse::shell::{self, Word};
use crate::text::Span;

/// Runs `words` first, and the server only if they succeed. `python` as the first word becomes
/// the interpreter that lies beside the server's program, where that is named by its path.
pub fn insert_before_start(repo: &Repository, process: &Process, words: &[&str]) -> Vec<Edit> {
    let Some(command) = Command::of(repo, process) else {
        return Vec::new();
    };
    let beside = |word: &&str| match *word {
        "python" => command.beside_the_program("python"),
        word => word.to_owned(),
    };
    let words: Vec<String> = words.iter().map(beside).collect();
    let edits = match process.form {
        Form::Shell(quoting) => command.with_and(&words, quoting),
        Form::Words(_) if process.surface == Surface::Unit => command.exec_start_pre(&words),
        Form::Words(quoting) => command.in_a_shell(&words, quoting),
        Form::Array | Form::Items => command.in_a_shell_array(&words),
        Form::Nested | Form::Keys => None,
    };
    edits.unwrap_or_default()
}

impl Command<'_> {
    /// Whether the shell has nothing to do once the server runs, so that `exec` may replace it.
    const fn may_replace_shell(&self) -> bool {
        matches!(
            self.process.surface,
            Surface::Dockerfile
                | Surface::Procfile
                | Surface::Compose
                | Surface::Kubernetes
                | Surface::Helm
                | Surface::Platform
        )
    }

    /// `check && exec server`.
    fn with_and(&self, words: &[String], quoting: Quoting) -> Option<Vec<Edit>> {
        let path = &self.file.path;
        let start = self.process.location.span.start;
        let prefix = self.prefix();
        let pieces = shell::split(&Mapped::verbatim(prefix, start));
        let assigned = pieces
            .iter()
            .take_while(|word| word.assignment().is_some())
            .count();
        let (assignments, wrappers) = pieces.split_at(assigned);
        let has_exec = wrappers.first().is_some_and(|word| word.text() == "exec");
        let check = self.check(words, &wrappers[usize::from(has_exec)..], quoting)?;
        let rest = self
            .file
            .text
            .as_str()
            .get(self.process.location.span.end..)
            .unwrap_or_default();
        let goes_on = rest
            .trim_start_matches([' ', '\t'])
            .starts_with(['&', '|', ';', ')']);
        let exec = self.may_replace_shell() && !has_exec && !goes_on;
        let Some(last) = assignments.last() else {
            let exec = if exec { "exec " } else { "" };
            return Some(vec![Edit::insert(
                path,
                start,
                format!("{check} && {exec}"),
            )]);
        };
        // `A=1 server`: the check is to see A as well.
        let exec = if exec { " exec" } else { "" };
        Some(vec![
            Edit::insert(path, start, "export "),
            Edit::insert(path, last.span.end, format!(" && {check} &&{exec}")),
        ])
    }

    /// The words of the check behind the wrappers of the server (`poetry run`, `gosu app`): it
    /// needs the same environment and the same user.
    fn check(&self, words: &[String], wrappers: &[Word], quoting: Quoting) -> Option<String> {
        let quote = used_quote(quoting);
        let words: Option<Vec<String>> = words
            .iter()
            .map(|word| shell_word(word, true, quote))
            .collect();
        let check = inside(&words?.join(" "), quoting)?;
        let (Some(first), Some(last)) = (wrappers.first(), wrappers.last()) else {
            return Some(check);
        };
        let written = self
            .file
            .text
            .slice(Span::new(first.span.start, last.span.end));
        Some(format!("{written} {check}"))
    }

    /// systemd runs `ExecStartPre=` first, and gives up when it fails.
    fn exec_start_pre(&self, words: &[String]) -> Option<Vec<Edit>> {
        let text = &self.file.text;
        let start = self.process.location.span.start;
        let wrappers = self.prefix().trim();
        let words: Option<Vec<String>> = words
            .iter()
            .map(|word| shell_word(word, true, None))
            .collect();
        let check = words?.join(" ");
        let gap = if wrappers.is_empty() { "" } else { " " };
        let line = format!("ExecStartPre={wrappers}{gap}{check}{}", text.newline());
        let at = text.line_start(text.line_of(start));
        Some(vec![Edit::insert(&self.file.path, at, line)])
    }

    /// `sh -c "check && exec server"` where no shell reads the command so far.
    fn in_a_shell(&self, words: &[String], quoting: Quoting) -> Option<Vec<Edit>> {
        if !self.others.is_empty() {
            return None;
        }
        let span = self.process.location.span;
        let raw = self.file.text.slice(span);
        // The server's own text stays as it is written where a shell reads it the same way, so
        // the quotes must not be among it.
        let order = match used_quote(quoting) {
            Some('"') => ['\'', '"'],
            _ => ['"', '\''],
        };
        let quote = order.into_iter().find(|quote| !raw.contains(*quote))?;
        let checked: Option<Vec<String>> = words
            .iter()
            .map(|word| shell_word(word, true, Some(quote)))
            .collect();
        let check = checked?.join(" ");
        let exec = if raw.starts_with("exec ") {
            ""
        } else {
            "exec "
        };
        if check.contains(quote) {
            return None;
        }
        let open = format!("sh -c {quote}{check} && {exec}");
        let path = &self.file.path;
        if !means_more_to_a_shell(raw) {
            return Some(vec![
                Edit::insert(path, span.start, inside(&open, quoting)?),
                Edit::insert(path, span.end, inside(&quote.to_string(), quoting)?),
            ]);
        }
        let server: Option<Vec<String>> = self
            .own
            .iter()
            .map(|word| shell_word(&word.text, false, Some(quote)))
            .collect();
        let server = server?.join(" ");
        if server.contains(quote) {
            return None;
        }
        let text = format!("{open}{}{server}{quote}", self.prefix());
        Some(vec![Edit::replace(path, span, inside(&text, quoting)?)])
    }

    /// `["sh", "-c", "check && exec server"]`. Words that another place adds are handed on as
    /// the arguments of the shell.
    fn in_a_shell_array(&self, words: &[String]) -> Option<Vec<Edit>> {
        let expands = matches!(
            self.process.surface,
            Surface::Kubernetes | Surface::Helm | Surface::Compose
        );
        let quoted = |word: &str| shell_word(word, expands, Some('"'));
        let check: Option<Vec<String>> = words.iter().map(|word| quoted(word)).collect();
        let server: Option<Vec<String>> = self.own.iter().map(|word| quoted(&word.text)).collect();
        let mut script = format!("{} && exec {}", check?.join(" "), server?.join(" "));
        if !self.others.is_empty() {
            script.push_str(" \"$0\" \"$@\"");
        }
        let span = self.words_span();
        let text = match self.process.form {
            Form::Items => {
                let lines = self.shell_items(&script);
                return Some(vec![Edit::replace(&self.file.path, span, lines)]);
            }
            _ => format!("{}, {}, {}", json("sh"), json("-c"), json(&script)),
        };
        Some(vec![Edit::replace(&self.file.path, span, text)])
    }

    fn shell_items(&self, script: &str) -> String {
        [item("sh"), json("-c"), json(script)].join(&self.between_items())
    }
}

/// Whether a shell would read more into the text than a program that only splits it: brackets of
/// a factory, variables, patterns. Quoted parts are the same to both.
fn means_more_to_a_shell(text: &str) -> bool {
    let mut quote = None;
    for character in text.chars() {
        match (quote, character) {
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            (None, '(' | ')' | '&' | ';' | '|' | '<' | '>' | '*' | '?' | '`' | '\\' | '~') => {
                return true;
            }
            _ => {}
        }
    }
    false
}
