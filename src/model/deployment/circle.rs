//! CircleCI: `environment:` of jobs, of their images and of their steps, and which jobs deploy.

use std::sync::Arc;

use super::ci::{judge_job, script, shipping_command, take};
use super::files::Judged;
use super::reader::Reader;
use super::scope::Scope;
use super::{Stage, Surface};
use crate::discover::File;
use crate::parse::yaml::{Node, Yaml};

/// Steps below `when:` and `unless:` nest; nobody nests them deeper.
const MAX_DEPTH: usize = 6;

pub(super) fn read(reader: &mut Reader<'_>, file: &Arc<File>) {
    let yaml = Yaml::parse(file.text.as_str());
    let Some(root) = yaml.root() else {
        return;
    };
    let mut whole = None;
    for job in root.get("jobs").map_or(Vec::new(), Node::entries) {
        let id = job.key.as_str().unwrap_or_default();
        let judged = judge(id, job.value);
        if judged.stage == Stage::Production {
            whole = whole.or_else(|| Some(judged.clone()));
        }
        let scope = Scope::checkout(file, Surface::CircleCi, judged, "").named(id);
        place(reader, file, job.value, &scope);
    }
    // What an executor or a command sets, whichever job uses it sees: one that deploys decides.
    let shared = whole.unwrap_or_else(|| judge_job(&[], None));
    for key in ["executors", "commands"] {
        for entry in root.get(key).map_or(Vec::new(), Node::entries) {
            let name = entry.key.as_str().unwrap_or_default();
            let scope = Scope::checkout(file, Surface::CircleCi, shared.clone(), "").named(name);
            place(reader, file, entry.value, &scope);
        }
    }
}

/// A job, an executor or a command: its images, its own variables, its steps.
fn place(reader: &mut Reader<'_>, file: &Arc<File>, node: Node<'_>, scope: &Scope) {
    let mut scope = scope.clone();
    for image in node.get("docker").into_iter().flat_map(Node::items) {
        take(reader, file, image.get("environment"), &mut scope);
    }
    take(reader, file, node.get("environment"), &mut scope);
    if let Some(all) = node.get("steps") {
        steps(reader, file, all, &scope, 0);
    }
}

fn steps(reader: &mut Reader<'_>, file: &Arc<File>, node: Node<'_>, scope: &Scope, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    for step in node.items() {
        if let Some(run) = step.get("run") {
            let mut own = scope.clone();
            take(reader, file, run.get("environment"), &mut own);
            script(reader, file, run.get("command").unwrap_or(run), &own);
        }
        for key in ["when", "unless"] {
            if let Some(inner) = step.at(&[key, "steps"]) {
                steps(reader, file, inner, scope, depth + 1);
            }
        }
    }
}

/// A job deploys by its name or by what it runs; orbs say it in the names of their steps.
fn judge(id: &str, job: Node<'_>) -> Judged {
    let mut names = vec![id];
    let mut ships = None;
    for step in job.get("steps").into_iter().flat_map(Node::items) {
        names.extend(step.as_str());
        let Some(run) = step.get("run") else {
            names.extend(step.entries().iter().filter_map(|entry| entry.key.as_str()));
            continue;
        };
        names.extend(run.text("name"));
        let command = run.as_str().or_else(|| run.text("command"));
        ships = ships.or_else(|| shipping_command(command?));
    }
    judge_job(&names, ships)
}
