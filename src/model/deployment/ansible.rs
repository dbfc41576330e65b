//! Ansible: `environment:` of plays and tasks, commands, containers, lines of environment files.

use std::sync::Arc;

use super::files;
use super::reader::Reader;
use super::scope::Scope;
use super::wrappers::user_named;
use super::yaml_env::{self, Expansion};
use super::{Form, Surface, argv, values};
use crate::discover::File;
use crate::parse::yaml::{Node, Yaml};
use crate::text::{Location, Span};

/// Variables of a play that are named after the application's keys, which templates put into
/// its environment.
const KEYS: &[&str] = &[
    "secret_key",
    "flask_secret_key",
    "app_secret_key",
    "jwt_secret_key",
    "wtf_csrf_secret_key",
    "security_password_salt",
];

const MAX_DEPTH: usize = 12;

pub(super) fn read(reader: &mut Reader<'_>, file: &Arc<File>) {
    let yaml = Yaml::parse(file.text.as_str());
    let judged = files::judge_plain(file, "Ansible sets it up");
    let scope = Scope::checkout(file, Surface::Ansible, judged, "");
    for document in yaml.documents() {
        visit(reader, file, document, &scope, 0);
    }
}

/// A play, a block, a task, or a file of variables.
fn visit(reader: &mut Reader<'_>, file: &Arc<File>, node: Node<'_>, outer: &Scope, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    for item in node.items() {
        visit(reader, file, item, outer, depth + 1);
    }
    if !node.is_mapping() {
        return;
    }
    let mut scope = outer.clone();
    for key in ["environment", "env"] {
        let Some(variables) = node
            .get(key)
            .filter(|it| it.is_mapping() || it.is_sequence())
        else {
            continue;
        };
        for setting in yaml_env::of_node(variables, &file.path, outer, Expansion::Templates) {
            let setting = reader.set(setting);
            scope.environment.push(setting);
        }
    }
    if let Some(user) = node.text("become_user") {
        scope.user = user_named(user);
    }
    if let Some(name) = node.text("name") {
        name.clone_into(&mut scope.name);
    }
    for entry in node.own_entries() {
        let key = entry.key.as_str().unwrap_or_default();
        let module = key.rsplit('.').next().unwrap_or(key);
        match module {
            "environment" | "env" => {}
            "shell" | "command" | "raw" | "script" => {
                command(reader, file, module, entry.value, &scope)
            }
            "docker_container" | "podman_container" => container(reader, file, entry.value, &scope),
            "lineinfile" => line_in_file(reader, file, entry.value, &scope),
            _ if yaml_env::is_variable_name(key) && entry.value.scalar().is_some() => {
                let setting = yaml_env::of_entry(entry, &file.path, &scope, Expansion::Templates);
                if let Some(setting) = setting {
                    reader.set(setting);
                }
            }
            _ if KEYS.contains(&key) && entry.value.scalar().is_some() => {
                let setting = yaml_env::of_entry(entry, &file.path, &scope, Expansion::Templates);
                if let Some(mut setting) = setting {
                    setting.name = key.to_uppercase();
                    reader.set(setting);
                }
            }
            _ => visit(reader, file, entry.value, &scope, depth + 1),
        }
    }
}

/// `shell: text`, `command: {cmd: text, chdir: folder}`, `command: {argv: […]}`.
fn command(reader: &mut Reader<'_>, file: &Arc<File>, module: &str, node: Node<'_>, outer: &Scope) {
    let mut scope = outer.clone();
    if let Some(folder) = node.text("chdir") {
        scope.change_folder(folder);
    }
    if let Some(words) = node.get("argv") {
        reader.command(argv::of_sequence(words, &file.path), &scope);
        return;
    }
    let text = if node.is_mapping() {
        node.get("cmd")
    } else {
        Some(node)
    };
    let Some(scalar) = text.and_then(Node::scalar) else {
        return;
    };
    let quoting = argv::quoting_of(scalar.style);
    if matches!(module, "shell" | "raw") {
        reader.script(&scalar.value, &file.path, Form::Shell(quoting), &scope);
        return;
    }
    let words = argv::of_split(
        &scalar.value,
        &file.path,
        scalar.inner,
        Form::Words(quoting),
    );
    // A task of a playbook is a chore unless it serves: `main` is off.
    reader.command(words, &scope);
}

/// `docker_container: {env: …, command: …}`.
fn container(reader: &mut Reader<'_>, file: &Arc<File>, node: Node<'_>, outer: &Scope) {
    let mut scope = outer.clone().main();
    if let Some(name) = node.text("name") {
        name.clone_into(&mut scope.name);
    }
    if let Some(variables) = node.get("env") {
        for setting in yaml_env::of_node(variables, &file.path, outer, Expansion::Templates) {
            let setting = reader.set(setting);
            scope.environment.push(setting);
        }
    }
    if let Some(words) = node
        .get("command")
        .map(|it| super::compose::words_of(it, &file.path))
    {
        reader.command(words, &scope);
    }
}

/// `lineinfile: {path: /etc/app.env, line: "FLASK_DEBUG=1"}`.
fn line_in_file(reader: &mut Reader<'_>, file: &Arc<File>, node: Node<'_>, scope: &Scope) {
    let Some(scalar) = node.get("line").and_then(Node::scalar) else {
        return;
    };
    let text = scalar.value.as_str();
    let body = text.strip_prefix("export ").unwrap_or(text);
    let Some((name, value)) = body.split_once('=') else {
        return;
    };
    if !yaml_env::is_variable_name(name.trim()) {
        return;
    }
    let bare = value.trim_matches(['"', '\'']);
    let lead = value.len() - value.trim_start_matches(['"', '\'']).len();
    let start = text.len() - value.len() + lead;
    let place = |span| Location::new(&file.path, scalar.value.source(span));
    let setting = scope.setting(
        name.trim(),
        values::expanded(bare),
        place(Span::new(start, start + bare.len())),
        place(Span::new(text.len() - body.len(), text.len())),
    );
    reader.set(setting);
}
