//! gunicorn in place of the development server.

use super::Command;
use super::quoting::{inside, json, shell_word, split_word, used_quote};
use crate::discover::Repository;
use crate::finding::Edit;
use crate::model::deployment::{FlagKind, Form, Process, Server, Surface, Word};
use crate::parse::dockerfile::{Body, Dockerfile};
use crate::parse::yaml::{Node, Yaml};
use crate::text::{Location, Span};

/// Starts `gunicorn --workers 2 --bind ADDRESS target` instead of what the process starts, on
/// the address that [`bind_address`] gives.
pub fn start_command(repo: &Repository, process: &Process, target: &str) -> Vec<Edit> {
    start_command_on(repo, process, target, &bind_address(repo, process))
}

/// The same on an address that the caller knows better (from `app.run(port=…)`).
pub fn start_command_on(
    repo: &Repository,
    process: &Process,
    target: &str,
    bind: &str,
) -> Vec<Edit> {
    let Some(command) = Command::of(repo, process) else {
        return Vec::new();
    };
    let program = command.beside_the_program("gunicorn");
    let words = [&*program, "--workers", "2", "--bind", bind, target];
    command.replaced(&words).unwrap_or_default()
}

impl Command<'_> {
    fn replaced(&self, words: &[&str]) -> Option<Vec<Edit>> {
        let path = &self.file.path;
        let mut span = self.words_span();
        let text = match self.process.form {
            Form::Array => {
                let items: Vec<String> = words.iter().map(|word| json(word)).collect();
                items.join(", ")
            }
            Form::Items => self.item_lines(words),
            Form::Shell(quoting) => {
                let quote = used_quote(quoting);
                let words: Option<Vec<String>> = words
                    .iter()
                    .map(|word| shell_word(word, true, quote))
                    .collect();
                inside(&words?.join(" "), quoting)?
            }
            Form::Words(quoting) => {
                let quote = used_quote(quoting);
                let words: Option<Vec<String>> =
                    words.iter().map(|word| split_word(word, quote)).collect();
                inside(&words?.join(" "), quoting)?
            }
            Form::Nested | Form::Keys => return None,
        };
        let mut edits = Vec::new();
        let end = self.process.location.span.end;
        let behind = self.file.text.slice(Span::new(span.end.min(end), end));
        if behind.contains("$@") || behind.contains("$*") {
            span.end = end;
        }
        if !self.others.is_empty() {
            match self.process.form {
                // `exec flask run "$@"`: the arguments go with the old command.
                Form::Shell(_) => span.end = self.process.location.span.end,
                _ => edits.push(self.without_the_others()?),
            }
        }
        edits.push(Edit::replace(path, span, text));
        Some(edits)
    }

    /// Drops what adds words to this command: they were the old program's.
    fn without_the_others(&self) -> Option<Edit> {
        let span = self.cmd_instruction().or_else(|| self.args_entry())?;
        let text = &self.file.text;
        let start = text.line_start(text.line_of(span.start));
        let gone = Span::new(start, text.next_line_start(span.end));
        Some(Edit::replace(&self.file.path, gone, ""))
    }

    /// `CMD` behind this `ENTRYPOINT`.
    fn cmd_instruction(&self) -> Option<Span> {
        let here = |place: &&Location| {
            place.path == self.file.path
                && self.others.iter().all(|word| {
                    word.location.path == place.path && place.span.contains(word.location.span)
                })
        };
        let place = self.process.via.iter().find(here)?;
        let written = self.file.text.slice(place.span).to_ascii_uppercase();
        written.starts_with("CMD").then_some(place.span)
    }

    /// `args:` behind this `command:`, `command:` behind this `entrypoint:`.
    fn args_entry(&self) -> Option<Span> {
        let yaml = Yaml::parse(self.file.text.as_str());
        let here = |word: &&&Word| word.location.path == self.file.path;
        let spans: Vec<Span> = self
            .others
            .iter()
            .filter(here)
            .map(|word| word.location.span)
            .collect();
        if spans.len() < self.others.len() {
            return None;
        }
        yaml.documents()
            .find_map(|root| entry_around(root, &spans, 0))
    }

    /// What parts two words of a command that is a list with dashes.
    pub(super) fn between_items(&self) -> String {
        let text = &self.file.text;
        let start = self.words_span().start;
        let line_start = text.line_start(text.line_of(start));
        let lead = text.slice(Span::new(line_start, start));
        // A list inside a list item: only the blanks repeat, the outer dash does not.
        let dash = lead.rfind('-').unwrap_or(0);
        let indent: String = lead[..dash]
            .chars()
            .map(|c| if c == '-' { ' ' } else { c })
            .collect();
        format!("{}{indent}{}", text.newline(), &lead[dash..])
    }

    /// One line per word, in the style of the first: `- gunicorn`.
    fn item_lines(&self, words: &[&str]) -> String {
        let items: Vec<String> = words.iter().map(|word| item(word)).collect();
        items.join(&self.between_items())
    }
}

/// The entry `args:` or `command:` of a block mapping whose value holds all of `spans`.
fn entry_around(node: Node<'_>, spans: &[Span], depth: usize) -> Option<Span> {
    const MAX_DEPTH: usize = 16;
    let holds = |span: Span| spans.iter().all(|inner| span.contains(*inner));
    if depth > MAX_DEPTH || !holds(node.span()) {
        return None;
    }
    let own = node.own_entries().find(|entry| {
        let key = entry.key.as_str().unwrap_or_default();
        !node.is_flow() && matches!(key, "args" | "command") && holds(entry.value.span())
    });
    if let Some(own) = own {
        return Some(own.span());
    }
    let entries = node.own_entries().map(|entry| entry.value);
    let mut children = entries.chain(node.items());
    children.find_map(|child| entry_around(child, spans, depth + 1))
}

/// A word as a YAML item that is text.
pub(super) fn item(word: &str) -> String {
    let starts = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let plain = starts
        && word
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_./-".contains(c));
    let flag = word.starts_with("--") && word.len() > 2;
    match plain || (flag && !word.contains([' ', ':', '#', '"'])) {
        true => word.to_owned(),
        false => json(word),
    }
}

/// The address that the process serves on. Ports come from its flags, `FLASK_RUN_PORT`, the
/// image's only `EXPOSE`, the platform's `$PORT`, else Flask's 5000. Without a host it is every
/// address in a container and on a platform, and the local one behind a proxy on a host.
pub fn bind_address(repo: &Repository, process: &Process) -> String {
    if let Some(bind) = process.flag(FlagKind::Bind) {
        return bind.value.clone();
    }
    let setting = |name: &str| {
        let found = process.setting(name).and_then(|it| it.literal());
        found.filter(|value| !value.is_empty()).map(str::to_owned)
    };
    let flag = |kind| process.flag(kind).map(|flag| flag.value.clone());
    let on_platform = matches!(
        process.surface,
        Surface::Procfile | Surface::Platform | Surface::AppJson
    );
    let shell = matches!(process.form, Form::Shell(_));
    let port = flag(FlagKind::Port)
        .or_else(|| setting("FLASK_RUN_PORT"))
        .or_else(|| exposed(repo, process))
        .unwrap_or_else(|| match on_platform && shell {
            true => "${PORT:-5000}".to_owned(),
            false => "5000".to_owned(),
        });
    let local =
        matches!(process.surface, Surface::Unit | Surface::Supervisor) && !process.in_container;
    let host = flag(FlagKind::Host)
        .or_else(|| setting("FLASK_RUN_HOST").filter(|_| process.server == Server::FlaskRun))
        .unwrap_or_else(|| if local { "127.0.0.1" } else { "0.0.0.0" }.to_owned());
    let host = if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]")
    } else {
        host
    };
    format!("{host}:{port}")
}

/// The only port that the Dockerfile on the way exposes.
fn exposed(repo: &Repository, process: &Process) -> Option<String> {
    let places = process.via.iter().chain([&process.location]);
    let mut files = places.filter_map(|place| repo.file(&place.path));
    let file = files.find(|file| file.kind == crate::discover::FileKind::Dockerfile)?;
    let parsed = Dockerfile::parse(file.text.as_str());
    let ports: Vec<&String> = parsed
        .instructions
        .iter()
        .filter_map(|it| match &it.body {
            Body::Expose(ports) => Some(ports),
            _ => None,
        })
        .flatten()
        .collect();
    let [only] = ports.as_slice() else {
        return None;
    };
    let port = only.split('/').next().unwrap_or(only);
    port.chars()
        .all(|c| c.is_ascii_digit())
        .then(|| port.to_owned())
}
