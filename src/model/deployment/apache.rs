//! `WSGIScriptAlias` in Apache configurations.

use std::sync::Arc;

use super::place::Found;
use super::reader::Reader;
use super::scope::Scope;
use super::servers::{self, Invocation};
use super::wrappers::user_named;
use super::{Server, Surface, files, gunicorn, values};
use crate::discover::File;
use crate::parse::mapped::Mapped;
use crate::parse::shell;
use crate::text::{Location, Span};

pub(super) fn read(reader: &mut Reader<'_>, file: &Arc<File>) {
    let judged = files::judge_plain(file, "Apache serves it");
    let mut scope = Scope::checkout(file, Surface::Apache, judged, "");
    let text = file.text.as_str();
    let mut at = 0;
    let mut found: Vec<Invocation> = Vec::new();
    for line in text.split_inclusive('\n') {
        let body = line.trim();
        let start = at + line.len() - line.trim_start().len();
        at += line.len();
        if body.starts_with('#') {
            continue;
        }
        let words = shell::split(&Mapped::verbatim(body, start));
        let Some(directive) = words.first() else {
            continue;
        };
        let location = |span: Span| Location::new(&file.path, span);
        match directive.text() {
            "SetEnv" => {
                if let (Some(name), Some(value)) = (words.get(1), words.get(2)) {
                    let place = value.value.source(Span::new(0, value.text().len()));
                    let statement = Span::new(start, start + body.len());
                    let setting = scope.setting(
                        name.text(),
                        values::verbatim(value.text()),
                        location(place),
                        location(statement),
                    );
                    let setting = reader.set(setting);
                    scope.environment.push(setting);
                }
            }
            "WSGIDaemonProcess" => {
                let user = words
                    .iter()
                    .find_map(|word| word.text().strip_prefix("user="));
                if let Some(user) = user {
                    scope.user = user_named(user);
                }
            }
            "WSGIScriptAlias" => {
                let script = words
                    .get(2)
                    .and_then(|word| script_of(reader, &scope, word, file));
                found.extend(script);
            }
            _ => {}
        }
    }
    for invocation in found {
        let process = gunicorn::of_keys(reader, file, invocation, scope.clone());
        reader.out.processes.push(process);
    }
}

fn script_of(
    reader: &Reader<'_>,
    scope: &Scope,
    word: &shell::Word,
    file: &Arc<File>,
) -> Option<Invocation> {
    let mut invocation = Invocation::new(Server::ModWsgi);
    let place = Location::new(&file.path, word.span);
    // The script is named by its path on the server: what of it lies in the repository counts.
    let path = match scope.place.file(reader.repo, word.text(), "") {
        Some(Found::File(found)) => found.path.to_string(),
        _ => files::base_name(word.text()).to_owned(),
    };
    let module = servers::module_of_path(&path)?;
    invocation.target = servers::target(&module, place, Some("application"));
    Some(invocation)
}
