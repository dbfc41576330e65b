//! Files of lines: scripts, Procfiles, units, INI files, `.env`.

use std::sync::Arc;

use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::Ranged as _;

use super::super::Place;
use super::super::in_place::is_simple;
use super::super::yaml::behind_line;
use crate::finding::Edit;
use crate::model::deployment::{Form, Process, Quoting};
use crate::parse::ini::{Dialect, Ini};
use crate::parse::mapped::Mapped;
use crate::parse::python::Module;
use crate::parse::shell;
use crate::text::Span;

/// A value as a word of a shell command.
fn shell_word(value: &str) -> Option<String> {
    if is_simple(value) {
        return Some(value.to_owned());
    }
    (!value.contains(['\'', '\n'])).then(|| format!("'{value}'"))
}

/// `export NAME=value &&` in front of every command that starts a server: the platform's shell or
/// make's sees it, and a check that another patch puts in front of the server has it as well.
pub(super) fn in_front_of_commands(place: &Place<'_>, (name, value): (&str, &str)) -> Vec<Edit> {
    let Some(word) = shell_word(value) else {
        return Vec::new();
    };
    let mut edits: Vec<Edit> = servers(place)
        .filter(|process| process.form == Form::Shell(Quoting::Bare))
        .map(|process| {
            Edit::insert(
                &place.file.path,
                process.location.span.start,
                format!("export {name}={word} && "),
            )
        })
        .collect();
    edits.sort();
    edits.dedup();
    edits
}

fn servers<'a>(place: &'a Place<'_>) -> impl Iterator<Item = &'a Process> {
    let deployment = place.deployment;
    deployment
        .servers()
        .filter(|process| *process.location.path == *place.file.path)
}

/// `export NAME=value` behind the last export in front of the server, else in front of its line.
pub(super) fn shell(place: &Place<'_>, (name, value): (&str, &str)) -> Vec<Edit> {
    let file = place.file;
    let text = &file.text;
    let Some(word) = shell_word(value) else {
        return Vec::new();
    };
    let newline = text.newline();
    let script = shell::parse(&Mapped::verbatim(text.as_str(), 0));
    let first = servers(place)
        .map(|process| process.location.span.start)
        .min();
    let Some(start) = first else {
        return Vec::new();
    };
    let mut before = script
        .commands
        .iter()
        .filter(|it| it.span.start < start && it.branches.is_empty());
    let export = before
        .clone()
        .rfind(|it| it.program() == Some("export") && !it.exports().is_empty());
    if let Some(export) = export {
        let line = format!(
            "{}export {name}={word}{newline}",
            text.indentation(export.span.start)
        );
        return vec![behind_line(file, export.span.end, &line)];
    }
    // A server inside a condition: every branch is to see the variable.
    let inside = script
        .commands
        .iter()
        .any(|it| it.span.start == start && !it.branches.is_empty());
    let line = format!("export {name}={word}{newline}");
    if !inside {
        let indent = text.indentation(start);
        let at = text.line_start(text.line_of(start));
        return vec![Edit::insert(&file.path, at, format!("{indent}{line}"))];
    }
    let set = before.rfind(|it| it.program() == Some("set"));
    match set {
        Some(set) => vec![behind_line(file, set.span.end, &line)],
        None if text.as_str().starts_with("#!") => vec![behind_line(file, 0, &line)],
        None => vec![Edit::insert(&file.path, 0, line)],
    }
}

/// `Environment=NAME=value` behind the last one, else in front of `ExecStart=`.
pub(super) fn unit(place: &Place<'_>, (name, value): (&str, &str)) -> Vec<Edit> {
    let file = place.file;
    let text = &file.text;
    let ini = Ini::parse(text.as_str(), Dialect::Backslash);
    let Some(section) = ini.section_named("Service") else {
        return Vec::new();
    };
    let line = match is_simple(value) {
        true => format!("Environment={name}={value}{}", text.newline()),
        false if value.contains(['"', '\\', '\n', '%']) => return Vec::new(),
        false => format!("Environment=\"{name}={value}\"{}", text.newline()),
    };
    let last = ini.of(section).filter(|it| it.key == "Environment").last();
    if let Some(last) = last {
        return vec![behind_line(file, last.span.end, &line)];
    }
    let start = ini.of(section).find(|it| it.key.starts_with("ExecStart"));
    match start {
        Some(start) => {
            let at = text.line_start(text.line_of(start.span.start));
            vec![Edit::insert(&file.path, at, line)]
        }
        None => vec![behind_line(file, ini.sections[section].end, &line)],
    }
}

/// `environment=NAME="value"` of every program that starts a server.
pub(super) fn supervisor(place: &Place<'_>, (name, value): (&str, &str)) -> Vec<Edit> {
    let file = place.file;
    let text = &file.text;
    if value.contains(['"', '\n', '%', '\\']) {
        return Vec::new();
    }
    let ini = Ini::parse(text.as_str(), Dialect::Indented);
    let names = place.servers();
    let pair = format!("{name}=\"{value}\"");
    let mut edits = Vec::new();
    for (index, section) in ini.sections.iter().enumerate() {
        let program = section.name.strip_prefix("program:");
        if !program.is_some_and(|program| names.contains(&program)) {
            continue;
        }
        if let Some(entry) = ini.get(index, "environment") {
            let written = entry.value.as_str().trim_end();
            let comma = if written.is_empty() || written.ends_with(',') {
                ""
            } else {
                ","
            };
            let end = entry.value.source(Span::new(0, written.len())).end;
            let end = if written.is_empty() {
                entry.value_span.start
            } else {
                end
            };
            edits.push(Edit::insert(&file.path, end, format!("{comma}{pair}")));
        } else if let Some(entry) = ini.get(index, "command") {
            let line = format!("environment={pair}{}", text.newline());
            edits.push(behind_line(file, entry.span.end, &line));
        }
    }
    edits
}

/// `env = NAME=value` behind the last one, else at the end of the section.
pub(super) fn uwsgi(place: &Place<'_>, (name, value): (&str, &str)) -> Vec<Edit> {
    let file = place.file;
    let ini = Ini::parse(file.text.as_str(), Dialect::Lines);
    let Some(section) = ini.section_named("uwsgi") else {
        return Vec::new();
    };
    if value.contains(['\n', '%']) {
        return Vec::new();
    }
    let last = ini.of(section).filter(|it| it.key == "env").last();
    let at = last.map_or(ini.sections[section].end, |last| last.span.end);
    let line = format!("env = {name}={value}{}", file.text.newline());
    vec![behind_line(file, at, &line)]
}

/// `raw_env = ["NAME=value"]`.
pub(super) fn gunicorn(place: &Place<'_>, (name, value): (&str, &str)) -> Vec<Edit> {
    let file = place.file;
    if value.contains(['"', '\'', '\\', '\n']) {
        return Vec::new();
    }
    let Ok(module) = Module::parse(Arc::clone(file)) else {
        return Vec::new();
    };
    let raw_env = module.body().iter().find_map(|statement| match statement {
        Stmt::Assign(assign) => match assign.targets.as_slice() {
            [Expr::Name(target)] if target.id.as_str() == "raw_env" => Some(&*assign.value),
            _ => None,
        },
        _ => None,
    });
    match raw_env {
        Some(Expr::List(list)) => match list.elts.last() {
            Some(last) => {
                let end = Span::from(last.range()).end;
                let quote = module.source(last.range()).chars().last().unwrap_or('"');
                let quote = if quote == '\'' { '\'' } else { '"' };
                let text = format!(", {quote}{name}={value}{quote}");
                vec![Edit::insert(&file.path, end, text)]
            }
            None => {
                let at = Span::from(list.range()).start + 1;
                vec![Edit::insert(&file.path, at, format!("\"{name}={value}\""))]
            }
        },
        Some(_) => Vec::new(),
        None => {
            let line = format!("raw_env = [\"{name}={value}\"]{}", file.text.newline());
            vec![behind_line(file, file.text.len(), &line)]
        }
    }
}

/// One line more.
pub(super) fn dotenv(place: &Place<'_>, (name, value): (&str, &str)) -> Vec<Edit> {
    let Some(word) = shell_word(value) else {
        return Vec::new();
    };
    vec![Edit::Line {
        path: Arc::clone(&place.file.path),
        line: format!("{name}={word}"),
    }]
}
