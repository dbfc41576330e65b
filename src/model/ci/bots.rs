//! Who proposes updates.

use std::sync::Arc;

use super::{CiFile, System};
use crate::discover::Repository;
use crate::parse::yaml::{Node, Yaml};
use crate::text::{Location, Span};

/// One bot that watches the Python dependencies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bot {
    pub kind: BotKind,
    pub location: Location,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BotKind {
    Dependabot,
    Renovate,
    PyUp,
}

impl BotKind {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Dependabot => "Dependabot",
            Self::Renovate => "Renovate",
            Self::PyUp => "PyUp",
        }
    }
}

/// Dependabot's ecosystems that read Python manifests.
const PYTHON: &[&str] = &["pip", "uv", "pipenv", "poetry", "conda"];

pub(super) fn find(repo: &Repository, files: &[CiFile]) -> Vec<Bot> {
    let mut found: Vec<Bot> = dependabot(repo).into_iter().collect();
    for file in repo.files() {
        let name = file.path.rsplit('/').next().unwrap_or(&file.path);
        let kind = match name {
            "renovate.json" | "renovate.json5" | ".renovaterc" | ".renovaterc.json"
            | ".renovaterc.json5" => BotKind::Renovate,
            ".pyup.yml" | ".pyup.yaml" => BotKind::PyUp,
            _ => continue,
        };
        let text = file.text.as_str();
        let off = ["\"enabled\": false", "\"enabled\":false", "schedule: \"\""];
        if !off.iter().any(|off| text.contains(off)) {
            found.push(Bot {
                kind,
                location: Location::new(&file.path, file.text.line_span(1)),
            });
        }
    }
    found.extend(renovate_in_ci(repo, files));
    found
}

/// Renovate as a job of one's own CI.
fn renovate_in_ci(repo: &Repository, files: &[CiFile]) -> Option<Bot> {
    let marks = [
        "renovatebot/github-action",
        "renovate/renovate",
        "renovate-runner",
    ];
    files
        .iter()
        .filter(|ci| ci.system != System::PreCommit)
        .filter_map(|ci| repo.file(&ci.path))
        .find_map(|file| {
            let text = file.text.as_str();
            let (at, mark) = marks
                .iter()
                .find_map(|mark| text.find(mark).map(|at| (at, mark)))?;
            Some(Bot {
                kind: BotKind::Renovate,
                location: Location::new(&file.path, Span::new(at, at + mark.len())),
            })
        })
}

/// Dependabot's configuration, wherever it stands.
pub fn dependabot_path(repo: &Repository) -> Option<Arc<str>> {
    [".github/dependabot.yml", ".github/dependabot.yaml"]
        .iter()
        .find_map(|path| repo.file(path))
        .map(|file| Arc::clone(&file.path))
}

fn dependabot(repo: &Repository) -> Option<Bot> {
    let file = repo.file(&dependabot_path(repo)?)?;
    let yaml = Yaml::parse(file.text.as_str());
    let updates = yaml.root()?.get("updates")?;
    let ecosystem = updates
        .items()
        .filter_map(|update| update.get("package-ecosystem"))
        .find(|ecosystem| watches_python(*ecosystem))?;
    Some(Bot {
        kind: BotKind::Dependabot,
        location: Location::new(&file.path, ecosystem.span()),
    })
}

fn watches_python(ecosystem: Node<'_>) -> bool {
    ecosystem
        .as_str()
        .is_some_and(|name| PYTHON.contains(&name))
}
