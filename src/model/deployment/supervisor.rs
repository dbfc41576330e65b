//! supervisor's `[program:…]` sections, from the host or from the container that starts it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::argv::{self, Arg};
use super::place::Found;
use super::reader::Reader;
use super::scope::Scope;
use super::wrappers::user_named;
use super::{EnvValue, Form, Quoting, Surface, files, values};
use crate::discover::File;
use crate::parse::ini::{Dialect, Entry, Ini};
use crate::parse::shell;
use crate::text::{Location, Span};

/// Where distributions and the documentation put the configuration.
const USUAL: &[&str] = &[
    "supervisord.conf",
    "/etc/supervisord.conf",
    "/etc/supervisor/supervisord.conf",
];

/// The folders that the usual configuration includes.
const INCLUDED: &[&str] = &[
    "/etc/supervisor/conf.d",
    "/etc/supervisor.d",
    "/etc/supervisord.d",
];

/// A configuration that no command of the repository names.
pub(super) fn read(reader: &mut Reader<'_>, file: &Arc<File>) {
    if reader.used.contains(&file.path) {
        return;
    }
    let judged = files::judge_plain(file, "supervisor starts it");
    let base = Scope::checkout(file, Surface::Supervisor, judged, "").main();
    programs(reader, file, base);
}

/// `supervisord -c file`: its programs run where the command runs, as its user. False where
/// no configuration is found.
pub(super) fn follow(reader: &mut Reader<'_>, args: &[Arg], scope: &Scope) -> bool {
    let repo = reader.repo;
    let find = |path: &str| match scope.place.file(repo, path, &scope.cwd) {
        Some(Found::File(file)) => Some(file),
        _ => None,
    };
    let main = match configuration(args) {
        Some(path) => find(path),
        None => USUAL.iter().find_map(|path| find(path)),
    };
    let included = INCLUDED.iter().flat_map(|it| scope.place.copied(repo, it));
    let mut all: Vec<&Arc<File>> = main.into_iter().chain(included).collect();
    let mut seen = BTreeSet::new();
    all.retain(|file| seen.insert(Arc::clone(&file.path)));
    for file in &all {
        let mut base = scope.clone().main();
        base.surface = Surface::Supervisor;
        base.depth += 1;
        base.via.extend(args.first().map(|arg| arg.whole.clone()));
        programs(reader, file, base);
    }
    !all.is_empty()
}

/// The file behind `-c` or `--configuration`.
fn configuration(args: &[Arg]) -> Option<&str> {
    let long = "--configuration";
    args.iter().enumerate().find_map(|(index, arg)| {
        let text = arg.text();
        if text == "-c" || text == long {
            return args.get(index + 1).map(Arg::text);
        }
        text.strip_prefix(long)
            .and_then(|rest| rest.strip_prefix('='))
    })
}

fn programs(reader: &mut Reader<'_>, file: &Arc<File>, mut base: Scope) {
    reader.used.insert(Arc::clone(&file.path));
    let ini = Ini::parse(file.text.as_str(), Dialect::Indented);
    if let Some(own) = ini.section_named("supervisord") {
        if let Some(entry) = ini.get(own, "environment") {
            environment(reader, file, entry, &mut base);
        }
        if let Some(entry) = ini.get(own, "user") {
            base.user = user_named(entry.value.as_str());
        }
        if let Some(entry) = ini.get(own, "directory") {
            base.change_folder(entry.value.as_str());
        }
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
        // supervisor doubles percent signs and expands %(ENV_X)s.
        let value = match assignment.value.contains("%(ENV_") {
            true => EnvValue::Outside,
            false => values::verbatim(&assignment.value.replace("%%", "%")),
        };
        let setting = scope.setting(
            &assignment.name,
            value,
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
