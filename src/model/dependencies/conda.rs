//! `environment.yml` of conda: its own list, and pip's list inside it.

use std::sync::Arc;

use super::Problem;
use super::manifest::{Declared, Format, Manifest, Role, normalised};
use super::pyproject::Found;
use super::requirements::declared;
use super::specifier::{Notation, Specifier};
use crate::discover::File;
use crate::parse::requirements::Requirement;
use crate::text::{Location, Span};

/// Whether a YAML file is one of conda's environments, by its name.
pub(super) fn is_environment(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    stem.starts_with("environment") || stem.ends_with("environment") && !stem.starts_with('.')
}

pub(super) fn read(file: &File) -> Found {
    let mut found = Found::default();
    let mut requirements = Vec::new();
    let (mut inside, mut pip_indent) = (false, None);
    let mut offset = 0;
    for raw in file.text.as_str().split_inclusive('\n') {
        let at = offset;
        offset += raw.len();
        let line = without_comment(raw.trim_end());
        let body = line.trim_start();
        let indent = line.len() - body.len();
        if body.is_empty() {
            continue;
        }
        let Some(item) = body.strip_prefix("- ") else {
            inside = body == "dependencies:" && indent == 0;
            continue;
        };
        if !inside {
            continue;
        }
        let item = item.trim();
        if item == "pip:" {
            pip_indent = Some(indent);
            continue;
        }
        let in_pip = pip_indent.is_some_and(|pip| indent > pip);
        if !in_pip {
            pip_indent = None;
        }
        let text = item.trim_matches(['"', '\'']);
        let start = at + line.find(text).unwrap_or(indent);
        if in_pip {
            pip_item(file, text, start, &mut requirements, &mut found);
        } else {
            requirements.extend(conda_item(file, text, start));
        }
    }
    if !requirements.is_empty() {
        found.manifests.push(Manifest {
            path: Arc::clone(&file.path),
            format: Format::Conda,
            section: String::new(),
            role: Role::of_name(file.path.rsplit('/').next().unwrap_or_default()),
            optional: false,
            hand_written: true,
            hashed: false,
            generated: None,
            includes: Vec::new(),
            requirements,
        });
    }
    found
}

fn without_comment(line: &str) -> &str {
    let cut = if line.trim_start().starts_with('#') {
        0
    } else {
        line.find(" #").unwrap_or(line.len())
    };
    line[..cut].trim_end()
}

fn pip_item(
    file: &File,
    text: &str,
    start: usize,
    requirements: &mut Vec<Declared>,
    found: &mut Found,
) {
    if text.starts_with('-') || text.contains("://") {
        return;
    }
    match Requirement::parse(text, start) {
        Ok(requirement) => requirements.push(declared(&file.path, &file.text, &requirement)),
        Err(reason) => found.problems.push(Problem {
            location: Location::new(&file.path, Span::new(start, start + text.len())),
            reason,
        }),
    }
}

/// `channel::name=version=build`.
fn conda_item(file: &File, text: &str, start: usize) -> Option<Declared> {
    let channel = text.find("::").map_or(0, |at| at + 2);
    let bare = &text[channel..];
    let name_end = bare
        .find(['=', '<', '>', '!', '~', ' '])
        .unwrap_or(bare.len());
    let name = &bare[..name_end];
    if name.is_empty() || name == "python" || name == "pip" {
        return None;
    }
    let version = bare[name_end..].trim();
    let version_start = start + text.len() - bare[name_end..].trim_start().len();
    Some(Declared {
        name: normalised(name),
        written: name.to_owned(),
        head: text[..channel + name_end].to_owned(),
        extras: Vec::new(),
        specifier: Specifier::parse(version, Notation::Conda),
        specifier_text: version.to_owned(),
        notation: Notation::Conda,
        location: Location::new(&file.path, Span::new(start, start + text.len())),
        version: (!version.is_empty())
            .then(|| Span::new(version_start, version_start + version.len())),
        version_goes: Some(start + channel + name_end),
        marker: None,
        line: file.text.line_of(start),
        hashes: 0,
    })
}
