//! Shell scripts that nothing else calls.

use std::sync::Arc;

use super::files::{self, Judged};
use super::reader::Reader;
use super::scope::Scope;
use super::{Form, Quoting, Stage, Surface};
use crate::discover::File;
use crate::parse::mapped::Mapped;

/// Names under which scripts start a service.
const STARTING: &[&str] = &[
    "start",
    "run",
    "serve",
    "server",
    "boot",
    "entrypoint",
    "launch",
    "deploy",
    "wsgi",
    "web",
    "gunicorn",
    "uwsgi",
    "up",
    "cmd",
    "init",
    "app",
    "service",
    "heroku",
    "startup",
    "docker",
    "install",
    "setup",
    "provision",
    "env",
    "release",
];

/// Reads a script on its own. `others_start` says that something else in the repository starts
/// a server for production, which then is not this script.
pub(super) fn read(reader: &mut Reader<'_>, file: &Arc<File>, others_start: bool) {
    let judged = judge(file, others_start);
    let scope = Scope::checkout(file, Surface::Shell, judged, folder_of_commands(file));
    let text = Mapped::verbatim(file.text.as_str(), 0);
    reader.script(&text, &file.path, Form::Shell(Quoting::Bare), &scope);
}

fn judge(file: &File, others_start: bool) -> Judged {
    if let Some(judged) = files::judge_place(file) {
        return judged;
    }
    let name = files::base_name(&file.path);
    let mut words = name.split(|c: char| !c.is_alphanumeric());
    let starting = words.any(|word| {
        STARTING
            .iter()
            .any(|known| word.eq_ignore_ascii_case(known))
    });
    let deploys = name.to_ascii_lowercase().contains("deploy");
    match (starting, others_start && !deploys) {
        (_, true) => Judged::new(Stage::Unknown, "nothing in the repository calls the script"),
        (true, false) => Judged::new(
            Stage::Production,
            format!("{name} is what starts it, and nothing says otherwise"),
        ),
        (false, false) => Judged::new(Stage::Unknown, "nothing says when the script is run"),
    }
}

/// Scripts in a folder of their own are called from the root.
fn folder_of_commands(file: &File) -> &str {
    const HOLDERS: &[&str] = &[
        "scripts", "bin", "script", "tools", "ops", "deploy", "docker", "ci",
    ];
    let folder = files::folder_of(&file.path);
    match HOLDERS.contains(&files::base_name(folder)) {
        true => files::folder_of(folder),
        false => folder,
    }
}
