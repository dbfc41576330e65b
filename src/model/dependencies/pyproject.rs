//! `pyproject.toml` and `Pipfile`: PEP 621, PEP 735, Poetry, PDM, uv, Pipenv.

use std::sync::Arc;

use toml_edit::{Item, TableLike};

use super::manifest::{Declared, Format, Manifest, Role, normalised};
use super::requirements::declared;
use super::specifier::{Notation, Specifier};
use super::{Problem, PythonRequires};
use crate::discover::File;
use crate::parse::requirements::{Piece, Requirement};
use crate::parse::toml::Toml;
use crate::text::{Location, Span};

/// What one TOML manifest gives.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub manifests: Vec<Manifest>,
    pub python: Option<PythonRequires>,
    pub problems: Vec<Problem>,
}

struct Reader<'a> {
    file: &'a File,
    toml: Toml<'a>,
    found: Found,
}

pub(super) fn read_pyproject(file: &File) -> Found {
    let Some(mut reader) = Reader::open(file) else {
        return unreadable(file);
    };
    reader.pep621();
    reader.groups();
    reader.poetry();
    reader.array(
        &["tool", "uv", "dev-dependencies"],
        Format::Pdm,
        Role::Development,
    );
    reader.lists_of(&["tool", "pdm", "dev-dependencies"], Format::Pdm, |_| {
        Role::Development
    });
    reader.python(&["project", "requires-python"], Notation::Pep440);
    reader.python(
        &["tool", "poetry", "dependencies", "python"],
        Notation::Poetry,
    );
    reader.found
}

pub(super) fn read_pipfile(file: &File) -> Found {
    let Some(mut reader) = Reader::open(file) else {
        return unreadable(file);
    };
    for (section, role) in [
        ("packages", Role::Runtime),
        ("dev-packages", Role::Development),
    ] {
        reader.table(&[section], Format::Pipfile, role, false);
    }
    reader.python(&["requires", "python_version"], Notation::Poetry);
    reader.python(&["requires", "python_full_version"], Notation::Poetry);
    reader.found
}

fn unreadable(file: &File) -> Found {
    let mut found = Found::default();
    if let Err(reason) = Toml::parse(&file.text) {
        found.problems.push(Problem {
            location: Location::new(&file.path, Span::at(0)),
            reason,
        });
    }
    found
}

impl<'a> Reader<'a> {
    fn open(file: &'a File) -> Option<Self> {
        Some(Self {
            file,
            toml: Toml::parse(&file.text).ok()?,
            found: Found::default(),
        })
    }

    fn pep621(&mut self) {
        self.array(&["project", "dependencies"], Format::Pep621, Role::Runtime);
        self.lists_of(
            &["project", "optional-dependencies"],
            Format::Pep621,
            Role::of_name,
        );
    }

    /// `[dependency-groups]`. An `{include-group = …}` needs no reading: the group it names is
    /// read by itself.
    fn groups(&mut self) {
        self.lists_of(&["dependency-groups"], Format::DependencyGroups, |name| {
            match Role::of_name(name) {
                // No group of PEP 735 is part of the published package.
                Role::Runtime if !is_production(name) => Role::Development,
                role => role,
            }
        });
    }

    fn poetry(&mut self) {
        let root = ["tool", "poetry"];
        self.table(
            &[root[0], root[1], "dependencies"],
            Format::Poetry,
            Role::Runtime,
            false,
        );
        self.table(
            &[root[0], root[1], "dev-dependencies"],
            Format::Poetry,
            Role::Development,
            false,
        );
        let names = self.keys(&["tool", "poetry", "group"]);
        for name in names {
            let path = ["tool", "poetry", "group", &name, "dependencies"];
            let role = match name.as_str() {
                "main" => Role::Runtime,
                name => Role::of_name(name),
            };
            self.table(
                &path,
                Format::Poetry,
                role,
                role == Role::Runtime && name != "main",
            );
        }
    }

    fn keys(&self, path: &[&str]) -> Vec<String> {
        let table = self.toml.table(path);
        table.map_or_else(Vec::new, |table| {
            table.iter().map(|(key, _)| key.to_owned()).collect()
        })
    }

    fn lists_of(&mut self, path: &[&str], format: Format, role: impl Fn(&str) -> Role) {
        for name in self.keys(path) {
            let mut full = path.to_vec();
            full.push(&name);
            let before = self.found.manifests.len();
            self.array(&full, format, role(&name));
            if let Some(manifest) = self.found.manifests.get_mut(before) {
                manifest.optional = true;
            }
        }
    }

    fn array(&mut self, path: &[&str], format: Format, role: Role) {
        let Some(item) = self.toml.get(path).filter(|item| item.as_array().is_some()) else {
            return;
        };
        let pieces = self.toml.strings(item);
        let mut requirements = Vec::new();
        for piece in pieces {
            match Requirement::parse(&piece.text, piece.span.start) {
                Ok(requirement) => {
                    requirements.push(declared(&self.file.path, &self.file.text, &requirement))
                }
                Err(reason) => self.found.problems.push(Problem {
                    location: Location::new(&self.file.path, piece.span),
                    reason,
                }),
            }
        }
        let manifest = self.manifest(path, format, role, requirements);
        self.found.manifests.push(manifest);
    }

    /// A table whose keys are packages: Poetry's and Pipenv's way.
    fn table(&mut self, path: &[&str], format: Format, role: Role, optional: bool) {
        let Some(table) = self.toml.table(path) else {
            return;
        };
        let mut requirements = Vec::new();
        for (name, item) in table.iter() {
            if name == "python" && format == Format::Poetry {
                continue;
            }
            let Some(span) = self.toml.entry_span(table, name) else {
                continue;
            };
            let entry = self.table_entry(name, item, span);
            requirements.push(entry);
        }
        let mut manifest = self.manifest(path, format, role, requirements);
        manifest.optional = optional;
        self.found.manifests.push(manifest);
    }

    fn table_entry(&self, name: &str, item: &Item, span: Span) -> Declared {
        let version = self.version_of(item);
        let specifier = match &version {
            Some(piece) => Specifier::parse(&piece.text, Notation::Poetry),
            None => source_of(item),
        };
        Declared {
            name: normalised(name),
            written: name.to_owned(),
            head: String::new(),
            extras: self.extras_of(item),
            specifier,
            specifier_text: version
                .as_ref()
                .map_or_else(String::new, |piece| piece.text.clone()),
            notation: Notation::Poetry,
            location: Location::new(&self.file.path, span),
            version: version.map(|piece| piece.span),
            version_goes: None,
            marker: table_string(item, "markers"),
            line: self.file.text.line_of(span.start),
            hashes: 0,
        }
    }

    fn version_of(&self, item: &Item) -> Option<Piece> {
        if let Some(value) = item.as_value().filter(|value| value.is_str()) {
            return self.toml.string(value);
        }
        let version = item.as_table_like()?.get("version")?;
        self.toml.string(version.as_value()?)
    }

    fn extras_of(&self, item: &Item) -> Vec<String> {
        let extras = item
            .as_table_like()
            .and_then(|table| table.get("extras"))
            .map(|extras| self.toml.strings(extras));
        let extras = extras.unwrap_or_default().into_iter();
        extras.map(|piece| piece.text).collect()
    }

    fn manifest(
        &self,
        path: &[&str],
        format: Format,
        role: Role,
        requirements: Vec<Declared>,
    ) -> Manifest {
        Manifest {
            path: Arc::clone(&self.file.path),
            format,
            section: path.join("."),
            role,
            optional: false,
            hand_written: true,
            hashed: false,
            generated: None,
            includes: Vec::new(),
            requirements,
        }
    }

    fn python(&mut self, path: &[&str], notation: Notation) {
        let Some(item) = self.toml.get(path) else {
            return;
        };
        let value = item.as_value().and_then(|value| self.toml.string(value));
        let Some(piece) = value else { return };
        let python = PythonRequires {
            specifier: Specifier::parse(&piece.text, notation),
            from: Location::new(&self.file.path, piece.span),
            notation: Some(notation),
        };
        self.found.python.get_or_insert(python);
    }
}

fn source_of(item: &Item) -> Specifier {
    let keys = ["git", "path", "url", "file"];
    let found = keys.iter().find_map(|key| table_string(item, key));
    found.map_or(Specifier::Any, Specifier::Source)
}

fn table_string(item: &Item, key: &str) -> Option<String> {
    let table: &dyn TableLike = item.as_table_like()?;
    table.get(key)?.as_str().map(str::to_owned)
}

fn is_production(name: &str) -> bool {
    matches!(
        name,
        "main" | "prod" | "production" | "deploy" | "deployment" | "server" | "default"
    )
}
