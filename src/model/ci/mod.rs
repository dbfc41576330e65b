//! What continuous integration does about dependencies: which systems are in use, where known
//! vulnerabilities are looked for, and who proposes updates.

mod audits;
mod bots;
mod runs;

use std::sync::Arc;

pub use audits::{Audit, Tool};
pub use bots::{Bot, BotKind, dependabot_path};

use crate::discover::{File, Purpose, Repository};
use crate::text::Location;

/// Everything that runs without a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ci {
    /// In the order of their paths.
    pub files: Vec<CiFile>,
    pub audits: Vec<Audit>,
    pub bots: Vec<Bot>,
}

/// One file that a system of continuous integration reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CiFile {
    pub system: System,
    pub path: Arc<str>,
    pub triggers: Triggers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum System {
    GitHub,
    GitLab,
    Jenkins,
    CircleCi,
    Azure,
    Travis,
    Bitbucket,
    /// Runs on the developer's machine, and in CI where CI calls it.
    PreCommit,
}

/// When a file's jobs run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Triggers {
    pub on_commit: bool,
    pub scheduled: bool,
}

impl System {
    /// The system that reads the file at `path`, if one does.
    pub fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let is_yaml = name.ends_with(".yml") || name.ends_with(".yaml");
        let found = match name {
            _ if path.starts_with(".github/workflows/") && is_yaml => Self::GitHub,
            ".gitlab-ci.yml" | ".gitlab-ci.yaml" => Self::GitLab,
            _ if path.starts_with(".gitlab/") && is_yaml => Self::GitLab,
            _ if name.to_ascii_lowercase().starts_with("jenkinsfile") => Self::Jenkins,
            _ if path.starts_with(".circleci/") && is_yaml => Self::CircleCi,
            _ if name.starts_with("azure-pipelines") && is_yaml => Self::Azure,
            ".travis.yml" => Self::Travis,
            "bitbucket-pipelines.yml" => Self::Bitbucket,
            ".pre-commit-config.yaml" | ".pre-commit-config.yml" => Self::PreCommit,
            _ => return None,
        };
        Some(found)
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::GitHub => "GitHub Actions",
            Self::GitLab => "GitLab CI",
            Self::Jenkins => "Jenkins",
            Self::CircleCi => "CircleCI",
            Self::Azure => "Azure Pipelines",
            Self::Travis => "Travis CI",
            Self::Bitbucket => "Bitbucket Pipelines",
            Self::PreCommit => "pre-commit",
        }
    }
}

impl Ci {
    pub fn read(repo: &Repository) -> Self {
        let mut ci = Self::default();
        for file in repo.files().filter(|file| is_own(file)) {
            let Some(system) = System::of(&file.path) else {
                continue;
            };
            ci.files.push(CiFile {
                system,
                path: Arc::clone(&file.path),
                triggers: runs::triggers(file, system),
            });
        }
        ci.audits = audits::find(repo, &ci.files);
        ci.bots = bots::find(repo, &ci.files);
        ci
    }

    /// The system that a new job goes to: the one in use, GitHub Actions before others.
    pub fn main_system(&self) -> Option<&CiFile> {
        self.files
            .iter()
            .filter(|file| file.system != System::PreCommit)
            .min_by_key(|file| (file.system, !file.triggers.on_commit))
    }

    /// Audits that look at every commit and fail when something is found.
    pub fn effective(&self) -> impl Iterator<Item = &Audit> {
        self.audits
            .iter()
            .filter(|audit| audit.on_commit && audit.may_pass.is_none())
    }

    /// Something that looks without a commit.
    pub fn scheduled(&self) -> Option<&Audit> {
        self.audits.iter().find(|audit| audit.scheduled)
    }
}

fn is_own(file: &File) -> bool {
    matches!(file.purpose, Purpose::Application | Purpose::Test)
}

/// A policy that says how to report a vulnerability.
pub fn security_policy(repo: &Repository) -> Option<Location> {
    let names = ["security.md", "security.rst"];
    repo.files()
        .filter(|file| {
            let path = file.path.to_ascii_lowercase();
            let name = path.rsplit('/').next().unwrap_or(&path);
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            names.contains(&name) && matches!(folder, "" | ".github" | "docs" | ".gitlab")
        })
        .map(|file| Location::new(&file.path, file.text.line_span(1)))
        .next()
}

#[cfg(test)]
mod tests;
