//! Setting an environment variable in a deployment file, in the words of that file.
//!
//! A setting that stands there is changed in place and keeps its quotes; otherwise one is added
//! where people put it. Everything else stays byte for byte. No edit means that the file says
//! nothing to which one could be added safely (a chart whose templates are not known, a value
//! that comes from a secret store).

mod add;
mod in_place;
mod yaml;

use std::sync::Arc;

use crate::discover::{File, Repository};
use crate::finding::Edit;
use crate::model::deployment::{Deployment, EnvSetting, Process, Stage, Surface};

/// Makes the file at `path` set `name` to `value` for what it starts.
pub fn set_environment(
    repo: &Repository,
    deployment: &Deployment,
    path: &str,
    name: &str,
    value: &str,
) -> Vec<Edit> {
    let Some(file) = repo.file(path) else {
        return Vec::new();
    };
    let all: Vec<&EnvSetting> = deployment
        .settings(name)
        .filter(|it| *it.location.path == *path && !it.build_only)
        .collect();
    // Services and jobs for development and tests keep what they have, unless the whole file is
    // for those.
    let spared = serves_others(deployment, path);
    let present: Vec<&EnvSetting> = all
        .into_iter()
        .filter(|it| !spared || !is_for_work(it.stage))
        .collect();
    if present.is_empty() {
        let surface = surface_of(deployment, path);
        return surface.map_or(Vec::new(), |surface| {
            let place = Place {
                deployment,
                file,
                surface,
            };
            add::add(&place, name, value)
        });
    }
    let changed = present.iter().filter(|it| it.literal() != Some(value));
    let mut edits: Vec<Edit> = changed
        .filter_map(|setting| in_place::change(file, setting, value))
        .collect();
    edits.sort();
    edits.dedup();
    edits
}

/// Changes the value of one setting in place; nothing where it cannot be done.
pub fn change_setting(repo: &Repository, setting: &EnvSetting, value: &str) -> Option<Edit> {
    in_place::change(repo.file(&setting.location.path)?, setting, value)
}

/// A file in which a variable is to be added.
struct Place<'a> {
    deployment: &'a Deployment,
    file: &'a Arc<File>,
    surface: Surface,
}

impl Place<'_> {
    /// The names of the services, containers or jobs in this file that start a Flask server.
    fn servers(&self) -> Vec<&str> {
        let spared = serves_others(self.deployment, &self.file.path);
        let mut names: Vec<&str> = Vec::new();
        for process in processes_in(self.deployment, &self.file.path) {
            let left_alone = spared && is_for_work(process.stage);
            if !left_alone && !names.contains(&process.name.as_str()) {
                names.push(&process.name);
            }
        }
        names
    }
}

const fn is_for_work(stage: Stage) -> bool {
    matches!(stage, Stage::Development | Stage::Test)
}

/// Whether anything in the file is for more than development and tests.
fn serves_others(deployment: &Deployment, path: &str) -> bool {
    let settings = deployment.environment.iter();
    let mut stages = settings
        .filter(|it| *it.location.path == *path)
        .map(|it| it.stage)
        .chain(processes_in(deployment, path).map(|it| it.stage));
    stages.any(|stage| !is_for_work(stage))
}

/// The servers that the file starts or leads to.
fn processes_in<'a>(
    deployment: &'a Deployment,
    path: &'a str,
) -> impl Iterator<Item = &'a Process> {
    deployment.servers().filter(move |process| {
        let places = process.via.iter().chain([&process.location]);
        places.into_iter().any(|place| *place.path == *path)
    })
}

/// What a file is, as it was read.
fn surface_of(deployment: &Deployment, path: &str) -> Option<Surface> {
    deployment.surfaces.get(path).copied()
}

#[cfg(test)]
mod tests;
