//! An audit job for each system of continuous integration.

use crate::discover::File;
use crate::finding::Edit;
use crate::model::ci::System;
use crate::parse::jenkinsfile::{Block, Jenkinsfile};
use crate::parse::yaml::{Node, Yaml};
use crate::text::{Span, Text};

use super::audit_run::AuditRun;

/// Mondays before work, at a minute that few others chose.
const CRON: &str = "17 5 * * 1";

/// A new workflow for GitHub Actions.
pub(super) fn github(run: &AuditRun) -> String {
    let commands: String = run
        .commands
        .iter()
        .map(|command| format!("      - run: {command}\n"))
        .collect();
    format!(
        "name: dependency-audit
on:
  push:
  pull_request:
  schedule:
    - cron: \"{CRON}\"
permissions:
  contents: read
jobs:
  pip-audit:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: \"3.12\"
      - run: python -m pip install {install}
{commands}",
        install = run.installed()
    )
}

/// A whole file for a project that has no CI yet.
pub(super) fn new_file(system: System, run: &AuditRun) -> Option<(&'static str, String)> {
    Some(match system {
        System::GitHub => (".github/workflows/dependency-audit.yml", github(run)),
        System::GitLab => (".gitlab-ci.yml", gitlab_job(run, "test")),
        System::CircleCi => (
            ".circleci/config.yml",
            format!(
                "version: 2.1\njobs:\n{}workflows:\n  audit:\n    jobs:\n      - pip-audit\n",
                indented(&circle_job(run), "  ")
            ),
        ),
        System::Azure => (
            "azure-pipelines.yml",
            format!(
                "trigger:\n  - main\npool:\n  vmImage: ubuntu-latest\nschedules:\n  - cron: \
                 \"{CRON}\"\n    displayName: Weekly audit\n    branches:\n      include: \
                 [main]\n    always: true\nsteps:\n{}",
                azure_step(run)
            ),
        ),
        System::Jenkins => (
            "Jenkinsfile",
            format!(
                "pipeline {{\n    agent any\n    triggers {{\n        cron('{CRON}')\n    }}\n    \
                 stages {{\n{}    }}\n}}\n",
                indented(&jenkins_stage(run, "    "), "        ")
            ),
        ),
        System::Travis | System::Bitbucket | System::PreCommit => return None,
    })
}

/// The edits that add the job to a file that is there; None where its form is not understood.
pub(super) fn added(system: System, file: &File, run: &AuditRun) -> Option<Vec<Edit>> {
    match system {
        System::GitLab => gitlab(file, run),
        System::CircleCi => circle(file, run),
        System::Azure => azure(file, run),
        System::Jenkins => jenkins(file, run),
        System::Travis => sequence_line(file, &["script"], &one_line(run)),
        System::Bitbucket => bitbucket(file, run),
        System::GitHub | System::PreCommit => None,
    }
}

/// A hook for pre-commit; network is needed, so pre-commit.ci has to leave it out.
pub(super) fn hook(file: &File, run: &AuditRun) -> Option<Vec<Edit>> {
    let input = run.commands.last()?.strip_prefix("pip-audit ")?;
    let arguments: Vec<&str> = input.split(' ').collect();
    let yaml = Yaml::parse(file.text.as_str());
    let repos = yaml.root()?.get("repos")?;
    let indent = item_indent(&file.text, repos)?;
    let body = format!(
        "- repo: https://github.com/pypa/pip-audit\n  rev: v2.10.1\n  hooks:\n    - id: \
         pip-audit\n      args: [{}]\n",
        arguments.join(", ")
    );
    let mut edits = vec![appended(file, repos.span().end, &indented(&body, &indent))];
    let on_service = yaml.root()?.get("ci");
    if on_service.is_some_and(|ci| ci.get("skip").is_some()) {
        return None;
    }
    if let Some(ci) = on_service.filter(|ci| ci.is_mapping() && !ci.is_flow()) {
        let indent = file
            .text
            .indentation(ci.own_entries().next()?.key.span().start);
        let line = format!("{indent}skip: [pip-audit]\n");
        edits.push(appended(file, ci.span().end, &line));
    }
    Some(edits)
}

fn one_line(run: &AuditRun) -> String {
    let install = format!("python -m pip install {}", run.installed());
    let commands = run.commands.join(" && ");
    format!("{install} && {commands}")
}

fn script_items(run: &AuditRun) -> String {
    let install = format!("python -m pip install --quiet {}", run.installed());
    let commands = run.commands.iter().map(String::as_str);
    std::iter::once(install.as_str())
        .chain(commands)
        .map(|command| format!("- {command}\n"))
        .collect()
}

fn indented(text: &str, indent: &str) -> String {
    text.lines()
        .map(|line| format!("{indent}{line}\n"))
        .collect()
}

/// `text` on lines of its own behind the line that holds `offset`, in the file's line ends.
fn appended(file: &File, offset: usize, text: &str) -> Edit {
    let content = &file.text;
    // A block ends behind its last line break: go back to the last character that counts.
    let body = content.as_str().get(..offset).unwrap_or_default();
    let last = body.trim_end().len();
    let end = content.line_span(content.line_of(last)).end;
    let newline = content.newline();
    let lines: String = text
        .lines()
        .map(|line| format!("{newline}{line}"))
        .collect();
    Edit::insert(&file.path, end, lines)
}

fn gitlab_job(run: &AuditRun, stage: &str) -> String {
    format!(
        "pip-audit:
  stage: {stage}
  image: python:3.12-slim
  script:
{}  rules:
    - if: $CI_PIPELINE_SOURCE == \"merge_request_event\"
    - if: $CI_PIPELINE_SOURCE == \"schedule\"
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
",
        indented(&script_items(run), "    ")
    )
}

fn gitlab(file: &File, run: &AuditRun) -> Option<Vec<Edit>> {
    let yaml = Yaml::parse(file.text.as_str());
    let root = yaml.root()?;
    if root.entry("pip-audit").is_some() {
        return None;
    }
    let stages: Vec<&str> = root
        .get("stages")
        .map(|stages| stages.items().filter_map(|stage| stage.as_str()).collect())
        .unwrap_or_default();
    let fitting = ["test", "tests", "check", "lint", "security", "verify"];
    let stage = match stages.as_slice() {
        [] => "test",
        stages => fitting
            .into_iter()
            .find(|name| stages.contains(name))
            .or_else(|| stages.first().copied())?,
    };
    let text = format!("\n{}", gitlab_job(run, stage));
    Some(vec![at_end(file, &text)])
}

/// `text` behind everything else.
fn at_end(file: &File, text: &str) -> Edit {
    let newline = file.text.newline();
    let open = !file.text.is_empty() && !file.text.as_str().ends_with('\n');
    let lead = if open { newline } else { "" };
    let text = text.replace('\n', newline);
    Edit::insert(&file.path, file.text.len(), format!("{lead}{text}"))
}

fn circle_job(run: &AuditRun) -> String {
    let commands: Vec<String> =
        std::iter::once(format!("python -m pip install {}", run.installed()))
            .chain(run.commands.iter().cloned())
            .collect();
    let steps: String = commands
        .iter()
        .map(|command| format!("    - run: {command}\n"))
        .collect();
    format!(
        "pip-audit:\n  docker:\n    - image: cimg/python:3.12\n  steps:\n    - checkout\n{steps}"
    )
}

fn circle(file: &File, run: &AuditRun) -> Option<Vec<Edit>> {
    let yaml = Yaml::parse(file.text.as_str());
    let root = yaml.root()?;
    let jobs = root
        .get("jobs")
        .filter(|jobs| jobs.is_mapping() && !jobs.is_flow())?;
    let workflows = root.get("workflows")?.own_entries();
    let listed = workflows
        .filter_map(|workflow| workflow.value.get("jobs"))
        .find(|jobs| jobs.is_sequence() && !jobs.is_flow())?;
    let indent = file
        .text
        .indentation(jobs.own_entries().next()?.key.span().start);
    let item = item_indent(&file.text, listed)?;
    Some(vec![
        appended(file, jobs.span().end, &indented(&circle_job(run), indent)),
        appended(file, listed.span().end, &format!("{item}- pip-audit\n")),
    ])
}

fn azure_step(run: &AuditRun) -> String {
    let commands: String = std::iter::once(format!("python -m pip install {}", run.installed()))
        .chain(run.commands.iter().cloned())
        .map(|command| format!("      {command}\n"))
        .collect();
    format!("  - script: |\n      set -e\n{commands}    displayName: Audit dependencies\n")
}

fn azure(file: &File, run: &AuditRun) -> Option<Vec<Edit>> {
    let yaml = Yaml::parse(file.text.as_str());
    let root = yaml.root()?;
    if let Some(steps) = root.get("steps").filter(|steps| !steps.is_flow()) {
        let indent = item_indent(&file.text, steps)?;
        let step = dedented(&azure_step(run), 2);
        return Some(vec![appended(
            file,
            steps.span().end,
            &indented(&step, &indent),
        )]);
    }
    let jobs = root.get("jobs").filter(|jobs| !jobs.is_flow())?;
    let indent = item_indent(&file.text, jobs)?;
    let job = format!(
        "- job: pip_audit\n  pool:\n    vmImage: ubuntu-latest\n  steps:\n{}",
        indented(&dedented(&azure_step(run), 2), "    ")
    );
    Some(vec![appended(
        file,
        jobs.span().end,
        &indented(&job, &indent),
    )])
}

fn dedented(text: &str, by: usize) -> String {
    text.lines()
        .map(|line| format!("{}\n", line.get(by..).unwrap_or_default()))
        .collect()
}

fn bitbucket(file: &File, run: &AuditRun) -> Option<Vec<Edit>> {
    let yaml = Yaml::parse(file.text.as_str());
    let steps = yaml.root()?.at(&["pipelines", "default"])?;
    if steps.is_flow() || !steps.is_sequence() {
        return None;
    }
    let indent = item_indent(&file.text, steps)?;
    let step = format!(
        "- step:\n    name: Audit dependencies\n    image: python:3.12-slim\n    script:\n{}",
        indented(&script_items(run), "      ")
    );
    Some(vec![appended(
        file,
        steps.span().end,
        &indented(&step, &indent),
    )])
}

/// One more item in a sequence of lines.
fn sequence_line(file: &File, path: &[&str], line: &str) -> Option<Vec<Edit>> {
    let yaml = Yaml::parse(file.text.as_str());
    let list = yaml.root()?.at(path)?;
    if !list.is_sequence() || list.is_flow() {
        return None;
    }
    let indent = item_indent(&file.text, list)?;
    Some(vec![appended(
        file,
        list.span().end,
        &format!("{indent}- {line}\n"),
    )])
}

/// The blanks in front of the dashes of a sequence.
fn item_indent(text: &Text, list: Node<'_>) -> Option<String> {
    let first: Span = list.item_spans().next()?;
    Some(text.indentation(first.start).to_owned())
}

fn jenkins_stage(run: &AuditRun, step: &str) -> String {
    let tools = format!(
        "python3 -m venv .audit && .audit/bin/pip install --quiet {}",
        run.installed()
    );
    let commands = run.commands.iter().map(|command| {
        let called: Vec<String> = command.split(" && ").map(in_environment).collect();
        called.join(" && ")
    });
    let lines: String = std::iter::once(tools)
        .chain(commands)
        .map(|command| format!("{step}{step}sh '{command}'\n"))
        .collect();
    format!("stage('Dependency audit') {{\n{step}steps {{\n{lines}{step}}}\n}}\n")
}

/// A tool of the virtual environment by its path.
fn in_environment(command: &str) -> String {
    if command.starts_with("cd ") {
        return command.to_owned();
    }
    format!("\"$WORKSPACE\"/.audit/bin/{command}")
}

/// A stage behind the tests, else in front of all others: before anything is deployed.
fn jenkins(file: &File, run: &AuditRun) -> Option<Vec<Edit>> {
    let text = &file.text;
    let parsed = Jenkinsfile::parse(text.as_str());
    let stages = parsed
        .blocks
        .iter()
        .position(|block| block.name == "stages")?;
    let own: Vec<&Block> = parsed
        .blocks
        .iter()
        .filter(|block| block.parent == Some(stages) && block.name == "stage")
        .collect();
    let is_test = |block: &&&Block| {
        let label = block
            .label
            .as_deref()
            .unwrap_or_default()
            .to_ascii_lowercase();
        label.contains("test") || label.contains("lint") || label.contains("check")
    };
    let first = own.first()?;
    let indent = text
        .indentation(text.line_start(text.line_of(first.span.start)))
        .to_owned();
    let step = if indent.contains('\t') { "\t" } else { "    " };
    let stage = indented(&jenkins_stage(run, step), &indent);
    if let Some(test) = own.iter().rfind(is_test) {
        return Some(vec![appended(file, test.span.end, &stage)]);
    }
    let at = text.line_start(text.line_of(first.span.start));
    Some(vec![Edit::insert(
        &file.path,
        at,
        stage.replace('\n', text.newline()),
    )])
}
