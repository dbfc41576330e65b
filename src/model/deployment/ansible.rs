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

const MAX_DEPTH: usize = 12;
/// Variables that are made of variables that are made of variables: nobody writes more.
const MAX_CHAIN: usize = 3;

pub(super) fn read(reader: &mut Reader<'_>, file: &Arc<File>) {
    let yaml = Yaml::parse(file.text.as_str());
    let judged = files::judge_plain(file, "Ansible sets it up");
    let scope = Scope::checkout(file, Surface::Ansible, judged, "");
    for document in yaml.documents() {
        visit(reader, file, document, &scope, 0);
    }
}

/// Ansible's own variables that become environment variables: `FLASK_DEBUG={{ debug }}` in a
/// template or a task, with `debug: true` in a file of variables.
pub(super) fn variables(reader: &mut Reader<'_>, files: &[Arc<File>]) {
    let mut references = references(reader);
    if references.is_empty() {
        return;
    }
    // A variable may take its value from another: `key: "{{ vault_key }}"`.
    for _ in 0..MAX_CHAIN {
        let mut found = Vec::new();
        for file in files {
            let yaml = Yaml::parse(file.text.as_str());
            for document in yaml.documents() {
                defined(reader, file, document, &references, &mut found, 0);
            }
        }
        if found.is_empty() {
            return;
        }
        references = found;
    }
}

/// The names that values of environment variables refer to, each with the variable's.
fn references(reader: &Reader<'_>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for setting in &reader.out.environment {
        let Some(file) = reader.repo.file(&setting.location.path) else {
            continue;
        };
        let written = file.text.slice(setting.location.span);
        let named = yaml_env::is_variable_name(&setting.name);
        if let Some(name) = referred(written).filter(|_| named) {
            found.push((name.to_owned(), setting.name.clone()));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The variable in `{{ name }}` and `{{ name | default('x') }}`.
fn referred(text: &str) -> Option<&str> {
    let inner = text.trim().trim_matches(['"', '\'']).strip_prefix("{{")?;
    let inner = inner.strip_suffix("}}")?.trim();
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let (name, rest) = inner.split_at(end.unwrap_or(inner.len()));
    let rest = rest.trim_start();
    let is_plain = rest.is_empty() || rest.starts_with('|');
    (is_plain && !name.is_empty()).then_some(name)
}

/// Notes the definitions of what is referred to; those that refer further go into `further`.
fn defined(
    reader: &mut Reader<'_>,
    file: &Arc<File>,
    node: Node<'_>,
    references: &[(String, String)],
    further: &mut Vec<(String, String)>,
    depth: usize,
) {
    if depth > MAX_DEPTH {
        return;
    }
    for item in node.items() {
        defined(reader, file, item, references, further, depth + 1);
    }
    for entry in node.own_entries() {
        if entry.value.scalar().is_none() {
            defined(reader, file, entry.value, references, further, depth + 1);
            continue;
        }
        let key = entry.key.as_str().unwrap_or_default();
        for (_, variable) in references.iter().filter(|(name, _)| name == key) {
            let judged = files::judge_plain(file, "Ansible sets it up");
            let scope = Scope::checkout(file, Surface::Ansible, judged, "");
            let setting = yaml_env::of_entry(entry, &file.path, &scope, Expansion::Templates);
            let Some(mut setting) = setting else {
                continue;
            };
            if let Some(next) = entry.value.as_str().and_then(referred) {
                further.push((next.to_owned(), variable.clone()));
            }
            setting.name.clone_from(variable);
            reader.set(setting);
        }
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
