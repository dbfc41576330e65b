//! Files of hosting platforms: `app.json`, `app.yaml`, `render.yaml`, `heroku.yml`, `fly.toml`,
//! `railway.toml`, `nixpacks.toml`, App Runner's, DigitalOcean's, Cloud Build's, Vercel's.

use std::sync::Arc;

use super::files::{self, Judged};
use super::reader::Reader;
use super::scope::Scope;
use super::yaml_env::{self, Expansion};
use super::{EnvValue, Form, Quoting, Stage, Surface, argv, rules, values};
use crate::discover::File;
use crate::parse::mapped::Mapped;
use crate::parse::yaml::{Node, Yaml};
use crate::text::{Location, Span};

/// Heroku's `app.json`. JSON is YAML as far as this goes, and so it has spans.
pub(super) fn read_app_json(reader: &mut Reader<'_>, file: &Arc<File>) {
    let yaml = Yaml::parse(file.text.as_str());
    let Some(root) = yaml.root() else {
        return;
    };
    let judged = files::judge_plain(file, "app.json sets up the deployed app");
    let scope = Scope::checkout(file, Surface::AppJson, judged, files::folder_of(&file.path));
    app_json_env(reader, file, root.get("env"), &scope);
    for entry in root.get("environments").map_or(Vec::new(), Node::entries) {
        let name = entry.key.as_str().unwrap_or_default();
        let mut own = scope.clone().named(name);
        if let Some((stage, word)) = rules::stage_of_name(name) {
            own.judged = Judged::new(stage, format!("it is for the environment \"{word}\""));
        } else {
            own.judged = Judged::new(
                Stage::Unknown,
                format!("it is for the environment \"{name}\""),
            );
        }
        app_json_env(reader, file, entry.value.get("env"), &own);
    }
    for entry in root.get("scripts").map_or(Vec::new(), Node::entries) {
        let name = entry.key.as_str().unwrap_or_default();
        let mut own = scope.clone().named(name);
        if name.contains("test") {
            own.judged = Judged::new(Stage::Test, "the platform runs it to test");
        }
        text_command(reader, file, entry.value, &own);
    }
}

/// `"NAME": "value"`, `"NAME": {"value": "…"}`, `"NAME": {"generator": "secret"}`.
fn app_json_env(reader: &mut Reader<'_>, file: &Arc<File>, node: Option<Node<'_>>, scope: &Scope) {
    for entry in node.map_or(Vec::new(), Node::entries) {
        let setting = yaml_env::of_entry(entry, &file.path, scope, Expansion::Templates);
        let setting = setting.or_else(|| {
            let name = entry.key.as_str()?;
            let end = Location::new(&file.path, Span::at(entry.value.span().end));
            Some(scope.setting(
                name,
                EnvValue::Outside,
                end,
                Location::new(&file.path, entry.span()),
            ))
        });
        if let Some(setting) = setting {
            reader.set(setting);
        }
    }
}

fn text_command(reader: &mut Reader<'_>, file: &Arc<File>, node: Node<'_>, scope: &Scope) {
    if node.is_sequence() {
        reader.command(argv::of_sequence(node, &file.path), scope);
        return;
    }
    if let Some(scalar) = node.scalar() {
        let form = Form::Shell(argv::quoting_of(scalar.style));
        reader.script(&scalar.value, &file.path, form, scope);
    }
}

/// A YAML file of a platform.
pub(super) fn read_yaml(reader: &mut Reader<'_>, file: &Arc<File>) {
    let yaml = Yaml::parse(file.text.as_str());
    let Some(root) = yaml.root() else {
        return;
    };
    let judged = files::judge_plain(file, "the platform starts it");
    let base = Scope::checkout(
        file,
        Surface::Platform,
        judged,
        files::folder_of(&file.path),
    )
    .main();
    // App Engine.
    let mut scope = base.clone();
    environment(reader, file, root.get("env_variables"), &mut scope);
    if let Some(entrypoint) = root.get("entrypoint") {
        text_command(reader, file, entrypoint, &scope);
    }
    // Heroku.
    let mut scope = base.clone();
    environment(reader, file, root.at(&["setup", "config"]), &mut scope);
    // App Runner.
    environment(reader, file, root.at(&["run", "env"]), &mut scope);
    for entry in root.get("run").map_or(Vec::new(), Node::entries) {
        if entry
            .key
            .as_str()
            .is_some_and(|key| matches!(key, "env" | "network" | "secrets"))
        {
            continue;
        }
        let own = scope.clone().named(entry.key.as_str().unwrap_or_default());
        let command = entry.value.get("command").unwrap_or(entry.value);
        text_command(reader, file, command, &own);
    }
    // Render.
    for group in root.get("envVarGroups").into_iter().flat_map(Node::items) {
        environment(reader, file, group.get("envVars"), &mut base.clone());
    }
    for service in root.get("services").into_iter().flat_map(Node::items) {
        let mut scope = base.clone().named(service.text("name").unwrap_or_default());
        if let Some(folder) = service.text("rootDir") {
            scope.change_folder(folder);
        }
        environment(reader, file, service.get("envVars"), &mut scope);
        // DigitalOcean.
        let shared = root.get("envs");
        for variables in [shared, service.get("envs")].into_iter().flatten() {
            environment(reader, file, Some(variables), &mut scope);
        }
        for key in ["startCommand", "dockerCommand", "run_command"] {
            if let Some(command) = service.get(key) {
                text_command(reader, file, command, &scope);
            }
        }
    }
}

/// Vercel: `"env"`, for what runs and for what builds it.
pub(super) fn read_vercel(reader: &mut Reader<'_>, file: &Arc<File>) {
    let yaml = Yaml::parse(file.text.as_str());
    let Some(root) = yaml.root() else {
        return;
    };
    let judged = files::judge_plain(file, "Vercel starts it");
    let folder = files::folder_of(&file.path);
    let scope = Scope::checkout(file, Surface::Platform, judged, folder);
    for variables in [root.get("env"), root.at(&["build", "env"])] {
        for mut setting in variables.map_or(Vec::new(), |it| {
            yaml_env::of_node(it, &file.path, &scope, Expansion::Templates)
        }) {
            // `@name` is a secret of Vercel's.
            if setting.literal().is_some_and(|text| text.starts_with('@')) {
                setting.value = EnvValue::Outside;
            }
            reader.set(setting);
        }
    }
}

/// Cloud Build: its steps deploy, with `gcloud` and in shells.
pub(super) fn read_cloud_build(reader: &mut Reader<'_>, file: &Arc<File>) {
    let yaml = Yaml::parse(file.text.as_str());
    let Some(root) = yaml.root() else {
        return;
    };
    let deploys = [
        " deploy",
        "\"deploy\"",
        "'deploy'",
        "- deploy",
        "kubectl",
        "helm",
    ]
    .iter()
    .any(|word| file.text.as_str().contains(word));
    let judged = files::judge_place(file).unwrap_or_else(|| match deploys {
        true => Judged::new(
            Stage::Production,
            "the build deploys, and nothing says otherwise",
        ),
        false => Judged::new(Stage::Test, "a build that deploys nothing"),
    });
    let base = Scope::checkout(file, Surface::Platform, judged, "");
    for step in root.get("steps").into_iter().flat_map(Node::items) {
        let mut scope = base.clone().named(step.text("id").unwrap_or_default());
        if let Some(folder) = step.text("dir") {
            scope.change_folder(folder);
        }
        for setting in step.get("env").map_or(Vec::new(), |env| {
            yaml_env::of_node(env, &file.path, &scope, Expansion::Templates)
        }) {
            scope.environment.push(setting);
        }
        if let Some(script) = step.get("script") {
            text_command(reader, file, script, &scope);
        }
        let program = step.get("entrypoint").or_else(|| step.get("name"));
        let mut args = program.map_or(Vec::new(), |it| argv::of_node(it, &file.path));
        args.extend(
            step.get("args")
                .map_or(Vec::new(), |it| argv::of_node(it, &file.path)),
        );
        if !reader.remote_settings(&args, &scope) {
            reader.command(args, &scope);
        }
    }
}

fn environment(
    reader: &mut Reader<'_>,
    file: &Arc<File>,
    node: Option<Node<'_>>,
    scope: &mut Scope,
) {
    let Some(node) = node else {
        return;
    };
    for setting in yaml_env::of_node(node, &file.path, scope, Expansion::Templates) {
        let setting = reader.set(setting);
        scope.environment.push(setting);
    }
}

/// A TOML file of a platform.
pub(super) fn read_toml(reader: &mut Reader<'_>, file: &Arc<File>) {
    let text = file.text.as_str();
    let Ok(document) = toml_edit::Document::parse(text) else {
        return;
    };
    let root = document.as_table();
    let judged = files::judge_plain(file, "the platform starts it");
    let mut scope = Scope::checkout(
        file,
        Surface::Platform,
        judged,
        files::folder_of(&file.path),
    )
    .main();
    for table in ["env", "variables"] {
        let Some(table) = root.get(table).and_then(toml_edit::Item::as_table_like) else {
            continue;
        };
        for (name, item) in table.iter() {
            let Some((value, inner)) = toml_text(text, item) else {
                continue;
            };
            let line = file.text.line_span(file.text.line_of(inner.start));
            let setting = scope.setting(
                name,
                values::verbatim(&value),
                Location::new(&file.path, inner),
                Location::new(&file.path, line),
            );
            let setting = reader.set(setting);
            scope.environment.push(setting);
        }
    }
    let tables = root
        .get("processes")
        .and_then(toml_edit::Item::as_table_like);
    let processes = tables.map_or(Vec::new(), |table| {
        table
            .iter()
            .map(|(name, item)| (name.to_owned(), item))
            .collect()
    });
    let single = [("deploy", "startCommand"), ("start", "cmd")]
        .into_iter()
        .filter_map(|(table, key)| Some((String::new(), root.get(table)?.get(key)?)));
    for (name, item) in processes.into_iter().chain(single) {
        let Some((value, inner)) = toml_text(text, item) else {
            continue;
        };
        if value.len() != inner.len() {
            continue;
        }
        let own = scope.clone().named(&name);
        let command = Mapped::verbatim(&value, inner.start);
        reader.script(&command, &file.path, Form::Shell(Quoting::Json), &own);
    }
}

/// The text of a TOML value, and its span inside its quotes.
fn toml_text(text: &str, item: &toml_edit::Item) -> Option<(String, Span)> {
    let range = item.span()?;
    let written = text.get(range.clone())?;
    let value = match item.as_value()? {
        toml_edit::Value::String(string) => string.value().clone(),
        _ => written.to_owned(),
    };
    let width = [r#"""""#, "'''", "\"", "'"]
        .into_iter()
        .find(|quote| written.starts_with(quote))
        .map_or(0, str::len);
    let inner = Span::new(
        range.start + width,
        range.end.saturating_sub(width).max(range.start + width),
    );
    Some((value, inner))
}
