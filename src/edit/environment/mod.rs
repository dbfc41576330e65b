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
use crate::model::deployment::{Deployment, EnvSetting, Surface};

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
    let present: Vec<&EnvSetting> = deployment
        .settings(name)
        .filter(|it| *it.location.path == *path && !it.build_only)
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
        let own = |path: &Arc<str>| **path == *self.file.path;
        let mut names: Vec<&str> = Vec::new();
        for process in self.deployment.servers() {
            let here = own(&process.location.path) || process.via.iter().any(|it| own(&it.path));
            if here && !names.contains(&process.name.as_str()) {
                names.push(&process.name);
            }
        }
        names
    }
}

/// What a file is, told from what was read in it, else from its name.
fn surface_of(deployment: &Deployment, path: &str) -> Option<Surface> {
    deployment.surfaces.get(path).copied()
}

#[cfg(test)]
mod tests;
