//! What the project declares to depend on, and which versions an installation gets.

mod advisories;
mod conda;
mod exposure;
mod locks;
mod manifest;
mod pyproject;
mod python;
mod releases;
mod removed;
mod requirements;
mod resolve;
mod serving;
mod setup;
mod specifier;
mod upgrade;

pub use advisories::{Advisories, Advisory, AffectedRange, RangeEnd};
pub use exposure::{Exposure, Judged};
pub use manifest::{Declared, Format, Manifest, Role, normalised};
pub use python::PythonRequires;
pub use releases::{Release, Releases};
pub use removed::Removed;
pub use resolve::{FlaskInUse, How, Resolved};
pub use serving::Serving;
pub use specifier::{Notation, Specifier};
pub use upgrade::{LeftOpen, Move, Step, Upgrade, Why};

use std::sync::Arc;

use crate::discover::{File, FileKind, Purpose, Repository, Skipped};
use crate::text::Location;

/// Every manifest and lock of a repository.
#[derive(Debug, Clone, Default)]
pub struct Dependencies {
    /// Those nearest the root first, then in the order of their paths.
    pub manifests: Vec<Manifest>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    python: Option<PythonRequires>,
    skipped: Vec<Skipped>,
}

/// A line of a manifest that was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub location: Location,
    /// Half a sentence.
    pub reason: String,
}

impl Dependencies {
    /// Reads the manifests below the whole repository. Copied-in code is left out.
    pub fn read(repo: &Repository) -> Self {
        let mut files: Vec<&Arc<File>> = repo
            .files()
            .filter(|file| file.purpose != Purpose::Vendored)
            .collect();
        files.sort_by_key(|file| file.path.matches('/').count());
        let mut all = Self::default();
        let mut promised = Vec::new();
        for file in files {
            promised.extend(all.read_file(repo, file));
        }
        all.spread_runtime();
        all.python = promised
            .into_iter()
            .next()
            .or_else(|| python::of_deployment(repo));
        all.skipped = all.problems.iter().map(|one| skipped(repo, one)).collect();
        all
    }

    /// The problems in the form in which everything unread is reported.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The same, as seen from the application in `root` ("" or "services/shop"): manifests in
    /// folders beside the way to it are left out.
    #[must_use]
    pub fn near(&self, root: &str) -> Self {
        let belongs = |path: &str| {
            let home = folder(path);
            within(home, root) || within(root, home)
        };
        let mut near = self.clone();
        near.manifests.retain(|manifest| belongs(&manifest.path));
        near.problems
            .retain(|problem| belongs(&problem.location.path));
        near.manifests.sort_by_key(|manifest| {
            let home = folder(&manifest.path);
            (!within(home, root), home.len().abs_diff(root.len()))
        });
        near
    }

    fn read_file(&mut self, repo: &Repository, file: &Arc<File>) -> Option<PythonRequires> {
        let found = match file.kind {
            FileKind::Requirements => {
                let manifest = requirements::read(repo, file, &mut self.problems);
                self.manifests.push(manifest);
                return None;
            }
            FileKind::Lock => {
                let format = locks::format(&file.path)?;
                self.manifests.extend(locks::read(file, format));
                return None;
            }
            FileKind::Toml if is_named(file, "pyproject.toml") => pyproject::read_pyproject(file),
            FileKind::Toml if is_named(file, "Pipfile") => pyproject::read_pipfile(file),
            FileKind::Ini if is_named(file, "setup.cfg") => setup::read_cfg(file),
            FileKind::Python if is_named(file, "setup.py") => setup::read_py(file),
            FileKind::Yaml if conda::is_environment(&file.path) => conda::read(file),
            _ => return None,
        };
        let elsewhere = match file.purpose {
            Purpose::Test => Some(Role::Test),
            Purpose::Example => Some(Role::Docs),
            _ => None,
        };
        self.problems.extend(found.problems);
        self.manifests
            .extend(found.manifests.into_iter().map(|manifest| Manifest {
                role: elsewhere.unwrap_or(manifest.role),
                ..manifest
            }));
        found.python.filter(|_| elsewhere.is_none())
    }

    /// What a runtime file includes is runtime too, whatever its name suggests.
    fn spread_runtime(&mut self) {
        loop {
            let reached: Vec<Arc<str>> = self
                .runtime()
                .flat_map(|manifest| manifest.includes.iter().cloned())
                .collect();
            let mut changed = false;
            for manifest in &mut self.manifests {
                let misjudged =
                    matches!(manifest.role, Role::Development | Role::Test | Role::Docs);
                if misjudged && reached.contains(&manifest.path) {
                    manifest.role = Role::Runtime;
                    changed = true;
                }
            }
            if !changed {
                return;
            }
        }
    }

    /// What production installs: required lists before extras, as `manifests` is ordered.
    pub fn runtime(&self) -> impl Iterator<Item = &Manifest> {
        let of_role = |manifest: &&Manifest| manifest.role == Role::Runtime;
        let required = self
            .manifests
            .iter()
            .filter(of_role)
            .filter(|m| !m.optional);
        let extras = self.manifests.iter().filter(of_role).filter(|m| m.optional);
        required.chain(extras)
    }

    /// The Python versions that the project promises to run on: `requires-python` and its like,
    /// else the Python of its Dockerfile.
    pub const fn python_requires(&self) -> Option<&PythonRequires> {
        self.python.as_ref()
    }
}

fn skipped(repo: &Repository, problem: &Problem) -> Skipped {
    let Location { path, span } = &problem.location;
    let line = repo
        .file(path)
        .map_or(1, |file| file.text.line_of(span.start));
    Skipped {
        path: path.to_string(),
        reason: format!("line {line} is left out: {}", problem.reason),
    }
}

fn is_named(file: &File, name: &str) -> bool {
    file.path.rsplit('/').next() == Some(name)
}

/// The folder part of a path, without the slash; empty at the root.
fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn within(inner: &str, outer: &str) -> bool {
    outer.is_empty()
        || inner == outer
        || inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.starts_with('/'))
}

/// `target` as seen from `folder`, both inside the repository; None when it leads out.
fn relative_to(folder: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests;
