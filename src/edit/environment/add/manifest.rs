//! Kubernetes, Helm, Ansible, and the files of platforms.

use super::super::Place;
use super::super::in_place::yaml_text;
use super::super::yaml::{self, Style};
use crate::finding::Edit;
use crate::parse::yaml::{Node, Yaml};
use crate::text::Location;

const MAX_DEPTH: usize = 16;

/// `env:` of every container that starts a server; of the only container where none is known.
pub(super) fn kubernetes(place: &Place<'_>, variable: (&str, &str)) -> Vec<Edit> {
    let yaml = Yaml::parse(place.file.text.as_str());
    let mut containers = Vec::new();
    for document in yaml.documents() {
        collect_containers(document, &mut containers, 0);
    }
    let names = place.servers();
    if containers.len() > 1 || !names.is_empty() {
        containers.retain(|node| names.contains(&node.text("name").unwrap_or_default()));
    }
    let behind = ["args", "command", "imagePullPolicy", "image"];
    containers
        .into_iter()
        .filter_map(|node| {
            yaml::add_under(place.file, node, "env", Style::Named, &behind, variable)
        })
        .collect()
}

fn collect_containers<'a>(node: Node<'a>, found: &mut Vec<Node<'a>>, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    for entry in node.own_entries() {
        match entry.key.as_str() {
            Some("containers") => {
                found.extend(entry.value.items().filter(|item| item.is_mapping()))
            }
            _ => collect_containers(entry.value, found, depth + 1),
        }
    }
    for item in node.items() {
        collect_containers(item, found, depth + 1);
    }
}

/// A template is a manifest; `values.yaml` takes a variable where it holds some already.
pub(super) fn helm(place: &Place<'_>, variable: (&str, &str)) -> Vec<Edit> {
    if place.file.path.contains("templates/") {
        return kubernetes(place, variable);
    }
    let yaml = Yaml::parse(place.file.text.as_str());
    let found = yaml.documents().find_map(|root| variables_node(root, 0));
    let edit = found.and_then(|node| yaml::add_to(place.file, node, variable));
    edit.into_iter().collect()
}

/// The first mapping or list that holds environment variables.
fn variables_node(node: Node<'_>, depth: usize) -> Option<Node<'_>> {
    if depth > MAX_DEPTH {
        return None;
    }
    const KEYS: &[&str] = &[
        "env",
        "envs",
        "environment",
        "extraEnv",
        "extraEnvs",
        "extraEnvVars",
        "envVars",
    ];
    let filled =
        |node: Node<'_>| node.own_entries().next().is_some() || node.items().next().is_some();
    for entry in node.own_entries() {
        let key = entry.key.as_str().unwrap_or_default();
        if KEYS.contains(&key) && filled(entry.value) {
            return Some(entry.value);
        }
    }
    let mut children = node.own_entries().map(|entry| entry.value);
    children.find_map(|child| variables_node(child, depth + 1))
}

/// `environment:` of the tasks that start a server, `env:` of their containers.
pub(super) fn ansible(place: &Place<'_>, variable: (&str, &str)) -> Vec<Edit> {
    let yaml = Yaml::parse(place.file.text.as_str());
    let starts = place
        .deployment
        .servers()
        .map(|process| &process.location)
        .filter(|location| *location.path == *place.file.path);
    let mut edits: Vec<Edit> = starts
        .filter_map(|location| yaml.documents().find_map(|root| task_at(root, location, 0)))
        .filter_map(|task| {
            let container = task.own_entries().find(|entry| {
                let key = entry.key.as_str().unwrap_or_default();
                key.ends_with("docker_container") || key.ends_with("podman_container")
            });
            match container {
                Some(module) => yaml::add_under(
                    place.file,
                    module.value,
                    "env",
                    Style::Map,
                    &["image"],
                    variable,
                ),
                None => yaml::add_under(place.file, task, "environment", Style::Map, &[], variable),
            }
        })
        .collect();
    edits.sort();
    edits.dedup();
    edits
}

/// The innermost item of a list that encloses `location`: a task.
fn task_at<'a>(node: Node<'a>, location: &Location, depth: usize) -> Option<Node<'a>> {
    if depth > MAX_DEPTH || !node.span().contains(location.span) {
        return None;
    }
    for item in node.items().filter(|item| item.is_mapping()) {
        if item.span().contains(location.span) {
            return task_at(item, location, depth + 1).or(Some(item));
        }
    }
    let mut children = node.own_entries().map(|entry| entry.value);
    children.find_map(|child| task_at(child, location, depth + 1))
}

/// `"env": {"NAME": "value"}`.
pub(super) fn app_json(place: &Place<'_>, (name, value): (&str, &str)) -> Vec<Edit> {
    let file = place.file;
    let yaml = Yaml::parse(file.text.as_str());
    let Some(env) = yaml
        .root()
        .and_then(|root| root.get("env"))
        .filter(|env| env.is_mapping())
    else {
        return Vec::new();
    };
    let pair = format!("\"{name}\": {}", yaml_text(value, true));
    let edit = match env.own_entries().last() {
        None => Edit::insert(&file.path, env.span().end.saturating_sub(1), pair),
        Some(last) => {
            let end = last.span().end;
            let own_line =
                file.text.line_of(env.span().start) != file.text.line_of(last.key.span().start);
            let gap = match own_line {
                true => format!(
                    "{}{}",
                    file.text.newline(),
                    file.text.indentation(last.key.span().start)
                ),
                false => " ".to_owned(),
            };
            Edit::insert(&file.path, end, format!(",{gap}{pair}"))
        }
    };
    vec![edit]
}

/// `env_variables:` of App Engine, `envVars:` of Render, `[env]` of Fly.
pub(super) fn platform(place: &Place<'_>, variable: (&str, &str)) -> Vec<Edit> {
    let file = place.file;
    if file.path.ends_with(".toml") {
        return toml(place, variable);
    }
    let yaml = Yaml::parse(file.text.as_str());
    let Some(root) = yaml.root() else {
        return Vec::new();
    };
    if root.get("runtime").is_some() {
        let behind = ["entrypoint", "runtime"];
        let edit = yaml::add_under(file, root, "env_variables", Style::Map, &behind, variable);
        return edit.into_iter().collect();
    }
    if root.get("run").is_some() {
        let setup = root
            .get("setup")
            .and_then(|setup| yaml::add_under(file, setup, "config", Style::Map, &[], variable));
        return setup.into_iter().collect();
    }
    let services = root.get("services").into_iter().flat_map(Node::items);
    let servers = place.servers();
    services
        .filter(|service| servers.contains(&service.text("name").unwrap_or_default()))
        .filter_map(|service| service.get("envVars"))
        .filter_map(|variables| yaml::add_to(file, variables, variable))
        .collect()
}

fn toml(place: &Place<'_>, (name, value): (&str, &str)) -> Vec<Edit> {
    let file = place.file;
    let text = file.text.as_str();
    let Some(at) = text
        .find("[env]")
        .filter(|at| *at == 0 || text.as_bytes()[at - 1] == b'\n')
    else {
        return Vec::new();
    };
    let line = format!("{name} = {}{}", yaml_text(value, true), file.text.newline());
    vec![yaml::behind_line(file, at, &line)]
}
