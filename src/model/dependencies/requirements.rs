//! Requirement files as manifests.

use std::sync::Arc;

use super::manifest::{Declared, Format, Manifest, Role, normalised};
use super::specifier::{Notation, Specifier};
use super::{Problem, folder, relative_to};
use crate::discover::{File, Purpose, Repository};
use crate::parse::requirements::{EntryKind, Piece, Requirement, RequirementsFile};
use crate::text::{Location, Span, Text};

/// Reads one requirement file. What it includes is named, not read: discovery has found it too.
pub(super) fn read(repo: &Repository, file: &File, problems: &mut Vec<Problem>) -> Manifest {
    let parsed = RequirementsFile::parse(&file.text);
    let is_input = file.path.ends_with(".in");
    let mut manifest = Manifest {
        path: Arc::clone(&file.path),
        format: if is_input {
            Format::RequirementsIn
        } else {
            Format::Requirements
        },
        section: String::new(),
        role: role(file),
        optional: false,
        hand_written: parsed.generated.is_none(),
        hashed: parsed.is_hashed(),
        generated: None,
        includes: Vec::new(),
        requirements: Vec::new(),
    };
    for entry in &parsed.entries {
        match &entry.kind {
            EntryKind::Requirement {
                requirement,
                hashes,
            } => {
                let declared = declared(&file.path, &file.text, requirement);
                manifest.requirements.push(Declared {
                    hashes: *hashes,
                    ..declared
                });
            }
            EntryKind::Include(target) | EntryKind::Constraint(target) => {
                match included(repo, &file.path, target) {
                    Some(path) => manifest.includes.push(path),
                    None => problems.push(Problem {
                        location: Location::new(&file.path, entry.span),
                        reason: format!("`{target}` is not in this repository"),
                    }),
                }
            }
            EntryKind::Unknown(reason) => problems.push(Problem {
                location: Location::new(&file.path, entry.span),
                reason: reason.clone(),
            }),
            EntryKind::Source(address) => manifest.requirements.extend(named_source(
                &file.path,
                &file.text,
                address,
                entry.span.start,
            )),
            EntryKind::Editable(_) | EntryKind::Option(_) => {}
        }
    }
    manifest.generated = parsed.generated;
    manifest
}

/// A requirement of PEP 508's grammar as a declaration.
pub(super) fn declared(path: &Arc<str>, text: &Text, requirement: &Requirement) -> Declared {
    let specifier = match (&requirement.url, &requirement.specifier) {
        (Some(url), _) => Specifier::Source(url.text.clone()),
        (None, Some(piece)) => Specifier::parse(&piece.text, Notation::Pep440),
        (None, None) => Specifier::Any,
    };
    Declared {
        name: normalised(&requirement.name.text),
        written: requirement.name.text.clone(),
        head: text
            .slice(Span::new(requirement.span.start, requirement.head_end))
            .to_owned(),
        extras: requirement.extras.clone(),
        specifier,
        specifier_text: text_of(&requirement.specifier),
        notation: Notation::Pep440,
        location: Location::new(path, requirement.span),
        version: requirement.specifier.as_ref().map(|piece| piece.span),
        version_goes: requirement.url.is_none().then_some(requirement.head_end),
        marker: requirement.marker.as_ref().map(|piece| piece.text.clone()),
        line: text.line_of(requirement.span.start),
        hashes: 0,
    }
}

fn text_of(piece: &Option<Piece>) -> String {
    piece
        .as_ref()
        .map_or_else(String::new, |piece| piece.text.clone())
}

/// `git+https://…#egg=flask` names its package at the end.
fn named_source(path: &Arc<str>, text: &Text, address: &str, start: usize) -> Option<Declared> {
    let name = address.split_once("#egg=")?.1;
    let name = name.split(['&', '[', ' ', ';']).next()?;
    Some(Declared {
        name: normalised(name),
        written: name.to_owned(),
        head: String::new(),
        extras: Vec::new(),
        specifier: Specifier::Source(address.to_owned()),
        specifier_text: String::new(),
        notation: Notation::Pep440,
        location: Location::new(path, Span::new(start, start + address.len())),
        version: None,
        version_goes: None,
        marker: None,
        line: text.line_of(start),
        hashes: 0,
    })
}

fn included(repo: &Repository, from: &str, target: &str) -> Option<Arc<str>> {
    let path = relative_to(folder(from), target)?;
    repo.file(&path).map(|file| Arc::clone(&file.path))
}

fn role(file: &File) -> Role {
    let name = file.path.rsplit('/').next().unwrap_or(&file.path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    match Role::of_name(stem) {
        Role::Runtime => match file.purpose {
            Purpose::Test => Role::Test,
            Purpose::Example => Role::Docs,
            _ => Role::of_name(folder(&file.path).rsplit('/').next().unwrap_or_default()),
        },
        told => told,
    }
}
