//! supervisor's `[program:…]` sections.

use std::sync::Arc;

use super::argv;
use super::reader::Reader;
use super::scope::Scope;
use super::wrappers::user_named;
use super::{Form, Quoting, Surface, files, values};
use crate::discover::File;
use crate::parse::ini::{Dialect, Entry, Ini};
use crate::parse::shell;
use crate::text::{Location, Span};

pub(super) fn read(reader: &mut Reader<'_>, file: &Arc<File>) {
    let judged = files::judge_plain(file, "supervisor starts it");
    reader.used.insert(Arc::clone(&file.path));
    let ini = Ini::parse(file.text.as_str(), Dialect::Indented);
    let mut base = Scope::checkout(file, Surface::Supervisor, judged, "").main();
    if let Some(entry) = ini
        .section_named("supervisord")
        .and_then(|it| ini.get(it, "environment"))
    {
        environment(reader, file, entry, &mut base);
    }
    for (index, section) in ini.sections.iter().enumerate() {
        let Some(name) = section.name.strip_prefix("program:") else {
            continue;
        };
        let mut scope = base.clone().named(name);
        if let Some(entry) = ini.get(index, "environment") {
            environment(reader, file, entry, &mut scope);
        }
        if let Some(entry) = ini.get(index, "directory") {
            scope.change_folder(entry.value.as_str());
        }
        if let Some(entry) = ini.get(index, "user") {
            scope.user = user_named(entry.value.as_str());
        }
        let Some(entry) = ini.get(index, "command") else {
            continue;
        };
        let args = argv::of_split(
            &entry.value,
            &file.path,
            entry.value_span,
            Form::Words(Quoting::Bare),
        );
        reader.command(args, &scope);
    }
}

/// `A="1",B='2',C=3`.
fn environment(reader: &mut Reader<'_>, file: &Arc<File>, entry: &Entry, scope: &mut Scope) {
    let text = entry.value.as_str();
    for part in comma_parts(text) {
        let piece = entry.value.part(part);
        let Some(word) = shell::split(&piece).into_iter().next() else {
            continue;
        };
        let Some(assignment) = word.assignment() else {
            continue;
        };
        let setting = scope.setting(
            &assignment.name,
            // supervisor doubles percent signs and expands %(ENV_X)s.
            values::verbatim(&assignment.value.replace("%%", "%")),
            Location::new(&file.path, assignment.value_span),
            Location::new(&file.path, assignment.span),
        );
        let setting = reader.set(setting);
        scope.environment.push(setting);
    }
}

/// The spans between commas that stand outside of quotes.
fn comma_parts(text: &str) -> Vec<Span> {
    let mut parts = Vec::new();
    let (mut start, mut quote) = (0, None);
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            (None, ',') => {
                parts.push(Span::new(start, at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(Span::new(start, text.len()));
    parts
}
