//! GitHub Actions, GitLab CI and Jenkins: the jobs that deploy.

use super::super::Place;
use super::super::yaml::{self, Style};
use super::container::serves_production;
use crate::finding::Edit;
use crate::parse::jenkinsfile::{Block, Jenkinsfile};
use crate::parse::yaml::{Entry, Node, Yaml};

/// `env:` of every job that brings something to production.
pub(super) fn github(place: &Place<'_>, variable: (&str, &str)) -> Vec<Edit> {
    let yaml = Yaml::parse(place.file.text.as_str());
    let jobs = yaml.root().and_then(|root| root.get("jobs"));
    let behind = ["environment", "runs-on", "name"];
    of_jobs(place, jobs, "env", &behind, variable)
}

/// `variables:` of every job that brings something to production.
pub(super) fn gitlab(place: &Place<'_>, variable: (&str, &str)) -> Vec<Edit> {
    let yaml = Yaml::parse(place.file.text.as_str());
    let behind = ["stage", "environment", "image"];
    of_jobs(place, yaml.root(), "variables", &behind, variable)
}

fn of_jobs(
    place: &Place<'_>,
    jobs: Option<Node<'_>>,
    key: &str,
    behind: &[&str],
    variable: (&str, &str),
) -> Vec<Edit> {
    let deploys = |entry: &Entry<'_>| {
        let span = entry.span();
        entry.value.is_mapping() && serves_production(place, span.start, span.end)
    };
    let jobs = jobs.into_iter().flat_map(Node::own_entries).filter(deploys);
    jobs.filter(|job| job.key.as_str() != Some("variables"))
        .filter_map(|job| yaml::add_under(place.file, job.value, key, Style::Map, behind, variable))
        .collect()
}

/// `environment { NAME = 'value' }` of the pipeline.
pub(super) fn jenkins(place: &Place<'_>, (name, value): (&str, &str)) -> Vec<Edit> {
    if value.contains(['\'', '\\', '\n']) {
        return Vec::new();
    }
    let file = place.file;
    let text = &file.text;
    let parsed = Jenkinsfile::parse(text.as_str());
    let is_pipeline = |block: &Block| block.name == "pipeline";
    let Some(pipeline) = parsed.blocks.iter().position(is_pipeline) else {
        return Vec::new();
    };
    let newline = text.newline();
    let environment = parsed
        .blocks
        .iter()
        .find(|block| block.name == "environment" && block.parent == Some(pipeline));
    let inner = |offset: usize| {
        let behind = text.line_of(offset) + 1;
        text.indentation(text.line_start(behind)).to_owned()
    };
    if let Some(block) = environment {
        let one_line =
            text.line_of(block.span.start) == text.line_of(block.span.end.saturating_sub(1));
        if one_line {
            return vec![Edit::insert(
                &file.path,
                block.span.start + 1,
                format!(" {name} = '{value}';"),
            )];
        }
        let line = format!("{}{name} = '{value}'{newline}", inner(block.span.start));
        let last = parsed
            .variables
            .iter()
            .rfind(|it| block.span.contains(it.span));
        let at = last.map_or(block.span.start, |it| it.span.end);
        return vec![yaml::behind_line(file, at, &line)];
    }
    let start = parsed.blocks[pipeline].span.start;
    let indent = inner(start);
    let block = format!(
        "{indent}environment {{{newline}{indent}{}{name} = '{value}'{newline}{indent}}}{newline}",
        if indent.is_empty() {
            "    "
        } else {
            indent.as_str()
        }
    );
    vec![yaml::behind_line(file, behind_agent(place, start), &block)]
}

/// Behind `agent any`, where that stands first; else behind the brace of the pipeline.
fn behind_agent(place: &Place<'_>, start: usize) -> usize {
    let text = &place.file.text;
    let next = text.line_start(text.line_of(start) + 1);
    let line = text.line(text.line_of(start) + 1).trim();
    let alone = line.starts_with("agent ") && !line.ends_with('{');
    if alone { next } else { start }
}
