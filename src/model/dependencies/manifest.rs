//! What a manifest is and what it declares.

use std::sync::Arc;

use super::specifier::{Notation, Specifier};
use crate::parse::requirements::Generated;
use crate::text::{Location, Span};

/// One list of requirements in one file. A `pyproject.toml` gives one per list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    pub path: Arc<str>,
    pub format: Format,
    /// Which list of the file it is, as a person would name it ("project.dependencies").
    /// Empty where the file is one list.
    pub section: String,
    pub role: Role,
    /// Installed on request only (an extra).
    pub optional: bool,
    /// Whether a person edits it: no lock, no output of a tool.
    pub hand_written: bool,
    /// Whether installation demands a hash for every package.
    pub hashed: bool,
    pub generated: Option<Generated>,
    /// The files of the repository that it includes with `-r`.
    pub includes: Vec<Arc<str>>,
    pub requirements: Vec<Declared>,
}

/// One package in a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// Normalised as PEP 503 says.
    pub name: String,
    /// As written.
    pub written: String,
    /// What stands in front of `version_goes`: the name with its extras, as written.
    pub head: String,
    pub extras: Vec<String>,
    pub specifier: Specifier,
    /// As written; empty where no version is.
    pub specifier_text: String,
    pub notation: Notation,
    /// The whole requirement, without quotes, options and comments.
    pub location: Location,
    /// The version part; absent where none is written, or not in one piece.
    pub version: Option<Span>,
    /// Where a version part would go, where the form allows one.
    pub version_goes: Option<usize>,
    pub marker: Option<String>,
    /// 1-based.
    pub line: usize,
    /// Hashes that go with this very version.
    pub hashes: usize,
}

/// The families of manifests and locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    Requirements,
    RequirementsIn,
    /// `[project]` of `pyproject.toml`.
    Pep621,
    /// `[dependency-groups]` of `pyproject.toml` (PEP 735).
    DependencyGroups,
    Poetry,
    /// `[tool.pdm.dev-dependencies]`, `[tool.uv] dev-dependencies`.
    Pdm,
    Pipfile,
    SetupCfg,
    SetupPy,
    Conda,
    PipfileLock,
    PoetryLock,
    UvLock,
    PdmLock,
    /// `pylock.toml` (PEP 751).
    PyLock,
}

impl Format {
    /// Whether the file holds what an installer resolved, not what a person asked for.
    pub const fn is_lock(self) -> bool {
        matches!(
            self,
            Self::PipfileLock | Self::PoetryLock | Self::UvLock | Self::PdmLock | Self::PyLock
        )
    }
}

/// What a list of requirements is installed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    Runtime,
    Development,
    Test,
    Docs,
    /// Limits versions without asking for a package.
    Constraints,
}

impl Role {
    /// The role that the name of a group, an extra or a file's stem suggests.
    pub fn of_name(name: &str) -> Self {
        let lower = name.to_ascii_lowercase();
        let has = |wanted: &[&str]| {
            let mut words = lower.split(|character: char| !character.is_ascii_alphanumeric());
            words.any(|word| wanted.contains(&word))
        };
        if has(&["constraints", "constraint"]) {
            return Self::Constraints;
        }
        if has(&["test", "tests", "testing", "pytest"]) {
            return Self::Test;
        }
        if has(&["doc", "docs", "documentation", "sphinx"]) {
            return Self::Docs;
        }
        if has(&[
            "dev",
            "develop",
            "development",
            "lint",
            "linting",
            "linter",
            "format",
            "typing",
            "types",
            "mypy",
            "ci",
            "local",
            "debug",
            "build",
            "tools",
            "style",
            "quality",
            "release",
            "coverage",
            "precommit",
            "examples",
            "example",
        ]) {
            return Self::Development;
        }
        Self::Runtime
    }
}

impl Manifest {
    /// "pyproject.toml (project.dependencies)".
    pub fn label(&self) -> String {
        if self.section.is_empty() {
            return self.path.to_string();
        }
        format!("{} ({})", self.path, self.section)
    }

    /// The first declaration of the package with the normalised `name`.
    pub fn declared(&self, name: &str) -> Option<&Declared> {
        self.requirements
            .iter()
            .find(|declared| declared.name == name)
    }

    /// Whether versions here are what an installation gets, whatever other files say.
    pub const fn is_locked(&self) -> bool {
        self.format.is_lock() || self.generated.is_some()
    }
}

/// The form under which indexes compare names: lower case, runs of `-`, `_` and `.` as one `-`.
pub fn normalised(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '-' | '_' | '.' if out.ends_with('-') => {}
            '-' | '_' | '.' => out.push('-'),
            _ => out.push(character.to_ascii_lowercase()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_indexes_do() {
        assert_eq!(normalised("Flask_Caching"), "flask-caching");
        assert_eq!(normalised("ruamel.-_yaml"), "ruamel-yaml");
    }

    #[test]
    fn roles_come_from_whole_words() {
        assert_eq!(Role::of_name("requirements-dev"), Role::Development);
        assert_eq!(Role::of_name("test_requirements"), Role::Test);
        assert_eq!(Role::of_name("devices"), Role::Runtime);
        assert_eq!(Role::of_name("requirements"), Role::Runtime);
        assert_eq!(Role::of_name("contest"), Role::Runtime);
        assert_eq!(Role::of_name("constraints"), Role::Constraints);
    }
}
