//! Which Python versions the project promises to run on.

use std::str::FromStr as _;
use std::sync::Arc;

use pep440_rs::Version;

use super::specifier::{Notation, Specifier};
use crate::discover::{File, FileKind, Repository};
use crate::text::{Location, Span};

/// `requires-python` in whatever form the project says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonRequires {
    pub specifier: Specifier,
    /// The version part where the project promises it; the line where it only shows (an image).
    pub from: Location,
    /// How the version part is written; none where it is no promise that an edit could raise.
    pub notation: Option<Notation>,
}

impl PythonRequires {
    /// The lowest Python that has to work, where the project names one.
    pub fn floor(&self) -> Option<Version> {
        self.specifier.lowest()
    }
}

/// The Python of the production image or of `.python-version`, for projects that promise none.
pub(super) fn of_deployment(repo: &Repository) -> Option<PythonRequires> {
    let images = repo.of_kind(FileKind::Dockerfile).flat_map(images);
    let pinned = repo
        .files()
        .filter(|file| matches!(&*file.path, ".python-version" | "runtime.txt"))
        .filter_map(first_line);
    let mut found: Vec<PythonRequires> = images.chain(pinned).collect();
    found.sort_by_key(PythonRequires::floor);
    found.into_iter().next()
}

/// `FROM python:3.9-slim`.
fn images(file: &Arc<File>) -> Vec<PythonRequires> {
    let mut found = Vec::new();
    for line in 1..=file.text.line_count() {
        let text = file.text.line(line);
        let mut words = text.split_whitespace();
        if !words
            .next()
            .is_some_and(|word| word.eq_ignore_ascii_case("from"))
        {
            continue;
        }
        let image = words.find(|word| !word.starts_with("--"));
        let Some((name, tag)) = image.and_then(|image| image.split_once(':')) else {
            continue;
        };
        if name.rsplit('/').next() == Some("python") {
            found.extend(minor(file, line, tag));
        }
    }
    found
}

fn first_line(file: &Arc<File>) -> Option<PythonRequires> {
    let text = file.text.line(1).trim();
    minor(file, 1, text.strip_prefix("python-").unwrap_or(text))
}

/// `3.9.18-slim` as "any 3.9".
fn minor(file: &Arc<File>, line: usize, tag: &str) -> Option<PythonRequires> {
    let digits = tag.split(|character: char| !(character.is_ascii_digit() || character == '.'));
    let version = Version::from_str(digits.clone().next()?.trim_end_matches('.')).ok()?;
    let [major, minor, ..] = version.release() else {
        return None;
    };
    let span: Span = file.text.line_span(line);
    Some(PythonRequires {
        specifier: Specifier::parse(&format!("=={major}.{minor}.*"), Notation::Pep440),
        from: Location::new(&file.path, span),
        notation: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_name_their_python() {
        let repo = Repository::from_texts([
            (
                "Dockerfile",
                "FROM --platform=linux/amd64 docker.io/library/python:3.9-slim AS run\n",
            ),
            ("web/Dockerfile", "FROM node:20\nFROM python:3.12.1\n"),
        ]);
        let found = of_deployment(&repo).unwrap();
        assert_eq!(found.floor().unwrap().to_string(), "3.9");
        let none =
            Repository::from_texts([("Dockerfile", "FROM python:latest\nFROM ubuntu:22.04\n")]);
        assert_eq!(of_deployment(&none), None);
    }
}
