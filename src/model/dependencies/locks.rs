//! Lock files: exact versions, and which of them production installs.
//!
//! They are written by machines in one layout each, and long, so they are read line by line.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr as _;
use std::sync::Arc;

use pep440_rs::Version;

use super::manifest::{Declared, Format, Manifest, Role, normalised};
use super::specifier::{Notation, Specifier};
use crate::discover::File;
use crate::text::{Location, Span};

/// One `[[package]]`.
#[derive(Debug, Default)]
struct Package<'a> {
    name: &'a str,
    version: Option<(&'a str, Span)>,
    start: usize,
    end: usize,
    /// The names of what it needs at run time (uv only).
    needs: Vec<&'a str>,
    groups: Vec<&'a str>,
    category: Option<&'a str>,
    /// The project itself, not something that is installed from an index.
    is_project: bool,
}

/// The kind of the lock at `path`, by its name.
pub(super) fn format(path: &str) -> Option<Format> {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    match name.as_str() {
        "pipfile.lock" => Some(Format::PipfileLock),
        "poetry.lock" => Some(Format::PoetryLock),
        "uv.lock" => Some(Format::UvLock),
        "pdm.lock" => Some(Format::PdmLock),
        name if name.starts_with("pylock.") => Some(Format::PyLock),
        _ => None,
    }
}

/// The lock as two manifests: what production installs, and what only development does.
pub(super) fn read(file: &File, format: Format) -> Vec<Manifest> {
    let packages = match format {
        Format::PipfileLock => pipfile_packages(file.text.as_str()),
        _ => toml_packages(file.text.as_str()),
    };
    let runtime = runtime_names(format, &packages);
    let of = |role: Role| {
        let wanted = packages.iter().filter(|package| !package.is_project);
        let wanted = wanted.filter(|package| {
            (role == Role::Runtime) == runtime.contains(&normalised(package.name))
        });
        Manifest {
            path: Arc::clone(&file.path),
            format,
            section: String::new(),
            role,
            optional: false,
            hand_written: false,
            hashed: true,
            generated: None,
            includes: Vec::new(),
            requirements: wanted
                .filter_map(|package| declared(file, package))
                .collect(),
        }
    };
    let both = [of(Role::Runtime), of(Role::Development)];
    both.into_iter()
        .filter(|manifest| !manifest.requirements.is_empty())
        .collect()
}

fn declared(file: &File, package: &Package<'_>) -> Option<Declared> {
    let (text, span) = package.version?;
    let version = Version::from_str(text).ok()?;
    Some(Declared {
        name: normalised(package.name),
        written: package.name.to_owned(),
        head: String::new(),
        extras: Vec::new(),
        specifier: Specifier::exactly(&version),
        specifier_text: text.to_owned(),
        notation: Notation::Pep440,
        location: Location::new(&file.path, Span::new(package.start, package.end)),
        version: Some(span),
        version_goes: None,
        marker: None,
        line: file.text.line_of(package.start),
        hashes: 0,
    })
}

fn runtime_names(format: Format, packages: &[Package<'_>]) -> BTreeSet<String> {
    let is_runtime: Box<dyn Fn(&Package<'_>) -> bool> = match format {
        Format::UvLock => return reachable_from_projects(packages),
        Format::PoetryLock | Format::PdmLock | Format::PipfileLock => {
            Box::new(|package: &Package<'_>| {
                let grouped = package.groups.iter().any(|group| {
                    matches!(*group, "main" | "default") || Role::of_name(group) == Role::Runtime
                });
                let untold = package.groups.is_empty();
                (untold || grouped) && package.category.is_none_or(|category| category != "dev")
            })
        }
        _ => Box::new(|_: &Package<'_>| true),
    };
    packages
        .iter()
        .filter(|package| is_runtime(package))
        .map(|package| normalised(package.name))
        .collect()
}

/// uv's lock tells no groups, but the graph: what the projects need, and what that needs.
fn reachable_from_projects(packages: &[Package<'_>]) -> BTreeSet<String> {
    let by_name: BTreeMap<String, &Package<'_>> = packages
        .iter()
        .map(|package| (normalised(package.name), package))
        .collect();
    let projects = packages.iter().filter(|package| package.is_project);
    let mut open: Vec<String> = projects
        .flat_map(|package| package.needs.iter().map(|name| normalised(name)))
        .collect();
    if open.is_empty() {
        return by_name.into_keys().collect();
    }
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let needs = by_name.get(&name).map(|package| package.needs.as_slice());
        open.extend(
            needs
                .unwrap_or_default()
                .iter()
                .map(|name| normalised(name)),
        );
    }
    seen
}

/// What the lines of a TOML lock are about.
#[derive(PartialEq, Eq)]
enum Part {
    Head,
    /// Inside `dependencies = [` of a package, or of one of its extras.
    Needs,
    Other,
}

fn toml_packages(source: &str) -> Vec<Package<'_>> {
    let mut packages: Vec<Package<'_>> = Vec::new();
    let (mut part, mut in_extras) = (Part::Other, false);
    let mut offset = 0;
    for raw in source.split_inclusive('\n') {
        let at = offset;
        offset += raw.len();
        let line = raw.trim_end();
        if line.starts_with("[[") {
            let opens = matches!(line, "[[package]]" | "[[packages]]");
            part = if opens { Part::Head } else { Part::Other };
            in_extras = false;
            if opens {
                packages.push(Package {
                    start: at,
                    end: at + line.len(),
                    ..Package::default()
                });
            }
            continue;
        }
        if line.starts_with('[') {
            in_extras = line == "[package.optional-dependencies]";
            part = Part::Other;
            continue;
        }
        let Some(package) = packages.last_mut() else {
            continue;
        };
        match part {
            Part::Needs if line.starts_with(']') => {
                part = if in_extras { Part::Other } else { Part::Head };
            }
            Part::Needs => package.needs.extend(inline_name(line)),
            Part::Other if in_extras && line.ends_with("= [") => part = Part::Needs,
            Part::Head if line == "dependencies = [" => part = Part::Needs,
            Part::Head => head_line(package, line, at),
            Part::Other => {}
        }
    }
    packages
}

/// `{ name = "click", … },`
fn inline_name(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("{ name = \"")?;
    rest.split('"').next()
}

fn head_line<'a>(package: &mut Package<'a>, line: &'a str, at: usize) {
    let Some((key, value)) = line.split_once(" = ") else {
        return;
    };
    let plain = value.trim_matches('"');
    match key {
        "name" => {
            package.name = plain;
            package.end = at + line.len();
        }
        "version" => {
            let start = at + line.len() - value.len() + 1;
            package.version = Some((plain, Span::new(start, start + plain.len())));
            package.end = at + line.len();
        }
        "category" => package.category = Some(plain),
        "groups" => package.groups = strings(value),
        "source" => {
            package.is_project = ["editable", "virtual"]
                .iter()
                .any(|kind| value.contains(kind));
        }
        _ => {}
    }
}

/// The strings of a one-line array.
fn strings(value: &str) -> Vec<&str> {
    value.split('"').skip(1).step_by(2).collect()
}

/// `Pipfile.lock` is JSON as `json.dumps(indent=4, sort_keys=True)` writes it.
fn pipfile_packages(source: &str) -> Vec<Package<'_>> {
    let mut packages: Vec<Package<'_>> = Vec::new();
    let mut section = "";
    let mut offset = 0;
    for raw in source.split_inclusive('\n') {
        let at = offset;
        offset += raw.len();
        let line = raw.trim_end();
        let body = line.trim_start();
        let depth = (line.len() - body.len()) / 4;
        let Some((key, value)) = body
            .strip_prefix('"')
            .and_then(|rest| rest.split_once("\": "))
        else {
            continue;
        };
        match (depth, key) {
            (1, _) => section = key,
            (2, name) if matches!(section, "default" | "develop") && value == "{" => {
                packages.push(Package {
                    name,
                    start: at + line.len() - body.len(),
                    end: at + line.len(),
                    groups: vec![if section == "default" {
                        "default"
                    } else {
                        "dev"
                    }],
                    ..Package::default()
                });
            }
            (3, "version") => {
                let text = value.trim_matches([',', '"']);
                let version = text.trim_start_matches('=');
                let start = at + line.find(text).unwrap_or(0) + text.len() - version.len();
                if let Some(package) = packages.last_mut() {
                    package.version = Some((version, Span::new(start, start + version.len())));
                }
            }
            _ => {}
        }
    }
    packages
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::Repository;

    fn names(path: &str, source: &str) -> Vec<(Role, Vec<String>)> {
        let repo = Repository::from_texts([(path, source)]);
        let file = repo.file(path).unwrap();
        read(file, format(path).unwrap())
            .iter()
            .map(|manifest| {
                let shown = manifest.requirements.iter().map(|declared| {
                    let version = file.text.slice(declared.version.unwrap());
                    format!("{}=={version}", declared.name)
                });
                (manifest.role, shown.collect())
            })
            .collect()
    }

    #[test]
    fn uv_tells_runtime_by_its_graph() {
        let source = r#"version = 1

[[package]]
name = "shop"
version = "0.1.0"
source = { virtual = "." }
dependencies = [
    { name = "flask" },
]

[package.dev-dependencies]
dev = [
    { name = "pytest" },
]

[package.metadata]
requires-dist = [{ name = "flask", specifier = ">=2" }]

[[package]]
name = "flask"
version = "2.2.5"
source = { registry = "https://packages.example/simple" }
dependencies = [
    { name = "Werkzeug" },
]

[[package]]
name = "werkzeug"
version = "2.2.3"

[[package]]
name = "pytest"
version = "8.0.0"
"#;
        assert_eq!(
            names("uv.lock", source),
            [
                (
                    Role::Runtime,
                    vec!["flask==2.2.5".to_owned(), "werkzeug==2.2.3".to_owned()]
                ),
                (Role::Development, vec!["pytest==8.0.0".to_owned()]),
            ]
        );
    }

    #[test]
    fn poetry_tells_it_by_category_or_groups() {
        let source = "[[package]]\nname = \"Flask\"\nversion = \"2.2.5\"\ncategory = \"main\"\n\n[package.dependencies]\nname = \"x\"\n\n[[package]]\nname = \"pytest\"\nversion = \"8.0\"\ngroups = [\"dev\"]\n";
        let found = names("poetry.lock", source);
        assert_eq!(found[0], (Role::Runtime, vec!["flask==2.2.5".to_owned()]));
        assert_eq!(
            found[1],
            (Role::Development, vec!["pytest==8.0".to_owned()])
        );
    }

    #[test]
    fn pipenv_tells_it_by_section() {
        let source = "{\n    \"_meta\": {\n        \"sources\": []\n    },\n    \"default\": {\n        \"flask\": {\n            \"hashes\": [\n            ],\n            \"version\": \"==2.2.5\"\n        }\n    },\n    \"develop\": {\n        \"pytest\": {\n            \"version\": \"==8.0\"\n        }\n    }\n}\n";
        let found = names("Pipfile.lock", source);
        assert_eq!(found[0], (Role::Runtime, vec!["flask==2.2.5".to_owned()]));
        assert_eq!(found[1].0, Role::Development);
    }
}
