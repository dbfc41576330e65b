//! systemd units.

use std::sync::Arc;

use super::argv;
use super::reader::Reader;
use super::scope::Scope;
use super::wrappers::user_named;
use super::{Form, Quoting, Surface, User, files, values};
use crate::discover::File;
use crate::parse::ini::{Dialect, Entry, Ini};
use crate::parse::mapped::Mapped;
use crate::parse::shell;
use crate::text::{Location, Span};

pub(super) fn read(reader: &mut Reader<'_>, file: &Arc<File>) {
    let judged = files::judge_plain(file, "systemd starts it");
    let ini = Ini::parse(file.text.as_str(), Dialect::Backslash);
    let Some(section) = ini.section_named("Service") else {
        return;
    };
    let name = files::base_name(&file.path);
    let name = name.split(".service").next().unwrap_or(name);
    let mut scope = Scope::checkout(file, Surface::Unit, judged, "")
        .named(name)
        .main();
    // A system service without User= runs as root; one of a user's own session does not.
    let of_user = file.path.contains("/user/");
    scope.user = if of_user { User::Unknown } else { User::Root };
    for entry in ini.of(section) {
        match entry.key.as_str() {
            "User" => scope.user = user_named(entry.value.as_str()),
            "DynamicUser" if entry.value.as_str() == "yes" => {
                scope.user = User::Named("dynamic".into())
            }
            "WorkingDirectory" => scope.change_folder(entry.value.as_str().trim_start_matches('-')),
            "Environment" => environment(reader, file, entry, &mut scope),
            "EnvironmentFile" => {
                let path = entry.value.as_str().trim_start_matches('-').to_owned();
                reader.env_file(&path, &mut scope);
            }
            _ => {}
        }
    }
    for entry in ini.of(section).filter(|entry| entry.key == "ExecStart") {
        let text = entry.value.as_str();
        // `-`, `@`, `+`, `!` and `:` in front change how it is run, not what.
        let start = text.len() - text.trim_start_matches(['-', '@', '+', '!', ':']).len();
        let command = entry.value.part(Span::new(start, text.len()));
        let whole = command.source(Span::new(0, command.as_str().len()));
        let args = argv::of_split(&command, &file.path, whole, Form::Words(Quoting::Bare));
        reader.command(args, &scope);
    }
}

/// `Environment="A=1" B=2`.
fn environment(reader: &mut Reader<'_>, file: &Arc<File>, entry: &Entry, scope: &mut Scope) {
    let value: &Mapped = &entry.value;
    for word in shell::split(value) {
        let Some(assignment) = word.assignment() else {
            continue;
        };
        let setting = scope.setting(
            &assignment.name,
            values::verbatim(&assignment.value),
            Location::new(&file.path, assignment.value_span),
            Location::new(&file.path, assignment.span),
        );
        let setting = reader.set(setting);
        scope.environment.push(setting);
    }
}
