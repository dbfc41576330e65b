//! `uwsgi.ini`.

use std::sync::Arc;

use super::place::Found;
use super::reader::Reader;
use super::scope::{self, Scope};
use super::server_flags::Uwsgi;
use super::servers::Invocation;
use super::{Server, Surface, files, gunicorn, place};
use crate::discover::{File, Repository};
use crate::parse::ini::{Dialect, Ini};
use crate::text::Location;

/// Joins the configuration files that a uWSGI command reads. Both sides add up; the command
/// line comes last.
pub(super) fn join(reader: &mut Reader<'_>, invocation: &mut Invocation, scope: &mut Scope) {
    let mut base = Invocation::new(Server::Uwsgi);
    for name in invocation.configs.clone() {
        let Some(Found::File(file)) = scope.place.file(reader.repo, &name, &scope.cwd) else {
            continue;
        };
        let file = Arc::clone(file);
        reader.used.insert(Arc::clone(&file.path));
        scope.configs.push(scope::whole_file(&file));
        read_config(&file, &mut base);
    }
    if let Some(folder) = base.chdir.take().filter(|_| invocation.chdir.is_none()) {
        scope.change_folder(&folder);
    }
    base.flags.append(&mut invocation.flags);
    base.assignments.append(&mut invocation.assignments);
    invocation.flags = base.flags;
    invocation.assignments = base.assignments;
    invocation.user = invocation.user.take().or(base.user);
    invocation.target = invocation.target.take().or(base.target);
}

fn read_config(file: &Arc<File>, invocation: &mut Invocation) {
    let ini = Ini::parse(file.text.as_str(), Dialect::Lines);
    let Some(section) = ini.section_named("uwsgi") else {
        return;
    };
    let mut uwsgi = Uwsgi::default();
    for entry in ini.of(section) {
        let value = entry.value.as_str();
        let location = Location::new(&file.path, entry.value_span);
        let statement = Location::new(&file.path, entry.span);
        uwsgi.option(invocation, &entry.key, value, &location, &statement);
    }
    uwsgi.finish(invocation);
}

/// A configuration file that no command of the repository names.
pub(super) fn read_alone(reader: &mut Reader<'_>, file: &Arc<File>) {
    let judged = files::judge_plain(file, "uWSGI's configuration");
    let mut invocation = Invocation::new(Server::Uwsgi);
    read_config(file, &mut invocation);
    let folder = folder_of_module(reader.repo, file, &invocation);
    let mut scope = Scope::checkout(file, Surface::UwsgiConfig, judged, folder);
    if invocation.target.is_none()
        && invocation.flags.is_empty()
        && invocation.assignments.is_empty()
    {
        return;
    }
    if let Some(folder) = invocation.chdir.clone() {
        scope.change_folder(&folder);
    }
    for (text, location) in std::mem::take(&mut invocation.assignments) {
        reader.flag_assignment(&text, &location, &mut scope);
    }
    let process = gunicorn::of_keys(reader, file, invocation, scope);
    reader.out.processes.push(process);
}

/// The folder of the configuration file if the module lies there, else the root: uWSGI is started
/// from either.
fn folder_of_module<'a>(repo: &Repository, file: &'a File, invocation: &Invocation) -> &'a str {
    let own = files::folder_of(&file.path);
    let first = invocation
        .target
        .as_ref()
        .and_then(|target| target.module.split('.').next());
    let lies_there = first.is_some_and(|name| {
        let path = place::join_relative(own, name);
        repo.file(&format!("{path}.py")).is_some() || place::has_folder(repo, &path)
    });
    if lies_there { own } else { "" }
}
