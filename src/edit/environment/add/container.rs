//! Dockerfiles and compose files.

use super::super::Place;
use super::super::in_place::is_simple;
use super::super::yaml::{self, Style};
use crate::edit::image_user::above_comments;
use crate::finding::Edit;
use crate::model::deployment::Stage;
use crate::parse::dockerfile::{Dockerfile, Instruction};
use crate::parse::yaml::{Node, Yaml};

/// `ENV NAME=value` behind the last `ENV` of the stage that production runs, else in front of
/// its `CMD` or `ENTRYPOINT`.
pub(super) fn dockerfile(place: &Place<'_>, (name, value): (&str, &str)) -> Vec<Edit> {
    let file = place.file;
    let parsed = Dockerfile::parse(file.text.as_str());
    let stage = production_stage(place, &parsed);
    let Some(stage) = stage.and_then(|stage| parsed.stages.get(stage)) else {
        return Vec::new();
    };
    let instructions = &parsed.instructions[stage.instructions.clone()];
    let shown = match is_simple(value) {
        true => value.to_owned(),
        false if value.contains(['"', '\\', '$', '\n']) => return Vec::new(),
        false => format!("\"{value}\""),
    };
    let line = format!("ENV {name}={shown}{}", file.text.newline());
    let last_env = instructions.iter().rfind(|it| it.keyword == "ENV");
    if let Some(env) = last_env {
        return vec![yaml::behind_line(file, env.span.end, &line)];
    }
    let start = instructions
        .iter()
        .find(|it| matches!(it.keyword.as_str(), "CMD" | "ENTRYPOINT"));
    match start {
        Some(start) => vec![Edit::insert(
            &file.path,
            above_comments(&file.text, start),
            line,
        )],
        None => {
            let end = instructions.last().map_or(0, |it| it.span.end);
            vec![yaml::behind_line(file, end, &line)]
        }
    }
}

/// The stage with a process of production, else the last one.
fn production_stage(place: &Place<'_>, parsed: &Dockerfile) -> Option<usize> {
    let here = |offset: usize| {
        let at = |it: &&Instruction| it.span.contains_offset(offset);
        parsed.instructions.iter().find(at)?.stage
    };
    let mut production = place.deployment.production();
    let found = production.find_map(|process| {
        let places = [&process.location].into_iter().chain(&process.via);
        places
            .filter(|it| *it.path == *place.file.path)
            .find_map(|it| here(it.span.start))
    });
    found.or_else(|| parsed.stages.len().checked_sub(1))
}

/// `environment:` of every service that starts a server.
pub(super) fn compose(place: &Place<'_>, variable: (&str, &str)) -> Vec<Edit> {
    let yaml = Yaml::parse(place.file.text.as_str());
    let Some(services) = yaml.root().and_then(|root| root.get("services")) else {
        return Vec::new();
    };
    let names = place.servers();
    let wanted = |name: &str, service: Node<'_>| match names.is_empty() {
        true => service.get("build").is_some(),
        false => names.contains(&name),
    };
    let mut edits: Vec<Edit> = services
        .own_entries()
        .filter(|entry| wanted(entry.key.as_str().unwrap_or_default(), entry.value))
        .filter_map(|entry| {
            let behind = ["env_file", "command", "build", "image"];
            yaml::add_under(
                place.file,
                entry.value,
                "environment",
                Style::Map,
                &behind,
                variable,
            )
        })
        .collect();
    // Two services may share one anchored map.
    edits.sort();
    edits.dedup();
    edits
}

/// Whether the stage of any process in this file is production's.
pub(super) fn serves_production(place: &Place<'_>, start: usize, end: usize) -> bool {
    let inside =
        |path: &str, offset: usize| path == &*place.file.path && (start..end).contains(&offset);
    let process = place
        .deployment
        .production()
        .any(|it| inside(&it.location.path, it.location.span.start));
    process
        || place.deployment.environment.iter().any(|it| {
            it.stage == Stage::Production && inside(&it.statement.path, it.statement.span.start)
        })
}
