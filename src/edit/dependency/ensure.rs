//! "Make sure that the application's manifest names this package."

use std::collections::BTreeMap;
use std::sync::Arc;

use pep440_rs::Version;

use super::commands::renewals;
use super::list::{Bracketed, Changes};
use super::respecify::respecify;
use super::style::{Style, key};
use super::{Change, Manual};
use crate::discover::{File, Repository};
use crate::finding::Edit;
use crate::model::dependencies::{
    Declared, Dependencies, Format, Manifest, Notation, Role, Serving, Specifier,
};
use crate::parse::requirements::Requirement;
use crate::parse::toml::Toml;
use crate::text::{Span, Text};

/// A package that code of the plan needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The folder of the code that needs it, or `None` for the whole repository.
    pub folder: Option<&'a str>,
    /// "gunicorn>=23.0.0"
    pub requirement: &'a str,
}

/// Names every wanted package in the manifest that production installs from: pinned where its
/// neighbours are, in alphabetical place where the list is sorted. What is named already gets
/// the missing extras, and a newer version where it does not admit the wanted one.
///
/// Where the repository has no manifest at all, a `requirements.txt` is made.
pub fn ensure(
    repo: &Repository,
    deps: &Dependencies,
    wanted: &[Wanted<'_>],
) -> Result<Change, Manual> {
    let mut change = Change::default();
    let mut missing: BTreeMap<usize, Vec<Requirement>> = BTreeMap::new();
    let mut homeless: Vec<Requirement> = Vec::new();
    for want in wanted {
        let requirement = parse(want.requirement)?;
        let serving = deps.serving(want.folder);
        if let Some((manifest, declared)) = named(deps, &serving, &requirement) {
            change
                .edits
                .extend(adapted(manifest, declared, &requirement)?);
            continue;
        }
        let list = match home(deps, &serving) {
            Some(index) => missing.entry(index).or_default(),
            None => &mut homeless,
        };
        if !list
            .iter()
            .any(|other| other.name.text == requirement.name.text)
        {
            list.push(requirement);
        }
    }
    for (index, requirements) in missing {
        let Some(manifest) = deps.manifests.get(index) else {
            continue;
        };
        let names: Vec<&str> = requirements
            .iter()
            .map(|one| one.name.text.as_str())
            .collect();
        change.follow_ups.extend(renewals(deps, &names));
        change.edits.extend(added(repo, manifest, &requirements)?);
    }
    if !homeless.is_empty() {
        change.edits.push(new_file(deps, homeless)?);
    }
    Ok(change)
}

fn parse(text: &str) -> Result<Requirement, Manual> {
    Requirement::parse(text, 0).map_err(|reason| Manual {
        reason: format!("`{text}` cannot be added to a manifest: {reason}."),
        follow_ups: Vec::new(),
    })
}

/// A hand-written runtime declaration of the package.
fn named<'a>(
    deps: &'a Dependencies,
    serving: &Serving,
    requirement: &Requirement,
) -> Option<(&'a Manifest, &'a Declared)> {
    let all = deps.declarations(&requirement.name.text).into_iter();
    all.filter(|(manifest, _)| manifest.role == Role::Runtime && serving.has(manifest))
        .min_by_key(|(manifest, _)| manifest.optional)
}

/// The index of the manifest that takes new packages: hand-written, for production, naming
/// Flask if one does.
fn home(deps: &Dependencies, serving: &Serving) -> Option<usize> {
    let fits = |manifest: &Manifest| {
        manifest.hand_written
            && manifest.role == Role::Runtime
            && !manifest.format.is_lock()
            && serving.has(manifest)
    };
    let candidates = || {
        let all = deps.manifests.iter().enumerate();
        all.filter(|(_, manifest)| fits(manifest))
    };
    let rank = |manifest: &Manifest| {
        let names_flask = manifest.declared("flask").is_some();
        (!names_flask, manifest.optional)
    };
    candidates()
        .min_by_key(|(_, manifest)| rank(manifest))
        .map(|(index, _)| index)
}

/// The edits that make an existing declaration admit what is wanted.
fn adapted(
    manifest: &Manifest,
    declared: &Declared,
    wanted: &Requirement,
) -> Result<Vec<Edit>, Manual> {
    let manual = |what: &str| Manual {
        reason: format!("{}: {} {what}.", manifest.path, declared.name),
        follow_ups: Vec::new(),
    };
    let mut edits = Vec::new();
    let lacking: Vec<&String> = wanted
        .extras
        .iter()
        .filter(|extra| !declared.extras.contains(extra))
        .collect();
    if !lacking.is_empty() {
        let edit = with_extras(manifest, declared, &lacking);
        edits.push(edit.ok_or_else(|| manual(&format!("needs the extra {}", lacking[0])))?);
    }
    let specifier = wanted
        .specifier
        .as_ref()
        .map(|piece| Specifier::parse(&piece.text, Notation::Pep440));
    let Some(lowest) = specifier.and_then(|specifier| specifier.lowest()) else {
        return Ok(edits);
    };
    if declared.specifier.admits(&lowest) || is_newer(declared, &lowest) {
        return Ok(edits);
    }
    if declared.hashes > 0 || manifest.hashed {
        return Err(manual(&format!(
            "is pinned by hash and has to become {lowest}"
        )));
    }
    let raised = declared.version.zip(respecify(
        &declared.specifier_text,
        declared.notation,
        &lowest,
    ));
    let (span, text) = raised.ok_or_else(|| manual(&format!("has to become {lowest}")))?;
    edits.push(Edit::replace(&manifest.path, span, text));
    Ok(edits)
}

/// A pin or a bound above what is wanted is as good.
fn is_newer(declared: &Declared, wanted: &Version) -> bool {
    let lowest = declared.specifier.lowest();
    lowest.is_some_and(|lowest| lowest >= *wanted) || !declared.specifier.is_bounded()
}

fn with_extras(manifest: &Manifest, declared: &Declared, lacking: &[&String]) -> Option<Edit> {
    let end = declared.version_goes?;
    let head = Span::new(declared.location.span.start, end);
    let written = declared.head.as_str();
    let new: Vec<&str> = lacking.iter().map(|extra| extra.as_str()).collect();
    let new = new.join(",");
    let text = match written.strip_suffix(']') {
        Some(open) => format!("{open},{new}]"),
        None => format!("{written}[{new}]"),
    };
    Some(Edit::replace(&manifest.path, head, text))
}

/// The edits that add packages to one list.
fn added(
    repo: &Repository,
    manifest: &Manifest,
    requirements: &[Requirement],
) -> Result<Vec<Edit>, Manual> {
    let by_hand = || {
        let names: Vec<String> = requirements.iter().map(written).collect();
        Manual {
            reason: format!("Add {} to {}.", names.join(", "), manifest.label()),
            follow_ups: Vec::new(),
        }
    };
    if manifest.hashed {
        return Err(by_hand());
    }
    let file = repo.file(&manifest.path).ok_or_else(by_hand)?;
    let style = Style::of(manifest);
    let mut sorted: Vec<&Requirement> = requirements.iter().collect();
    sorted.sort_by_key(|requirement| key(&requirement.name.text));
    let mut edits = Vec::new();
    for group in by_place(manifest, style, &sorted) {
        let changes = match manifest.format {
            Format::Requirements | Format::RequirementsIn => {
                line_changes(file, manifest, &group, style)
            }
            Format::Poetry | Format::Pipfile => table_changes(file, manifest, &group, style),
            Format::SetupCfg => cfg_changes(file, manifest, &group, style),
            Format::Conda => conda_changes(file, manifest, &group, style),
            _ => list_changes(file, manifest, &group, style),
        };
        let changes = changes.ok_or_else(by_hand)?;
        edits.extend(
            changes
                .into_iter()
                .map(|(span, text)| Edit::replace(&manifest.path, span, text)),
        );
    }
    Ok(edits)
}

fn written(requirement: &Requirement) -> String {
    let specifier = requirement.specifier.as_ref();
    let specifier = specifier.map_or("", |piece| piece.text.as_str());
    format!("`{}{specifier}`", requirement.name.text)
}

/// Packages that go to one place, and the declared neighbour they go in front of.
struct Group<'a> {
    before: Option<usize>,
    requirements: Vec<&'a Requirement>,
}

/// In a sorted list each package goes in front of the first name behind it.
fn by_place<'a>(manifest: &Manifest, style: Style, sorted: &[&'a Requirement]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for requirement in sorted {
        let own = key(&requirement.name.text);
        let before = style.sorted.then(|| {
            let mut names = manifest.requirements.iter();
            names.position(|declared| key(&declared.name) > own)
        });
        let before = before.flatten();
        match groups.last_mut().filter(|group| group.before == before) {
            Some(group) => group.requirements.push(requirement),
            None => groups.push(Group {
                before,
                requirements: vec![requirement],
            }),
        }
    }
    groups
}

impl Group<'_> {
    fn neighbour<'m>(&self, manifest: &'m Manifest) -> Option<&'m Declared> {
        manifest.requirements.get(self.before?)
    }

    fn spelled(&self, style: Style) -> Vec<String> {
        self.requirements
            .iter()
            .map(|requirement| style.spell(requirement))
            .collect()
    }
}

/// Whole lines in a file of lines: in front of the neighbour, or behind the last package.
fn line_changes(
    file: &File,
    manifest: &Manifest,
    group: &Group<'_>,
    style: Style,
) -> Option<Changes> {
    Some(lines(
        &file.text,
        manifest,
        group,
        &group.spelled(style),
        "",
    ))
}

fn lines(
    text: &Text,
    manifest: &Manifest,
    group: &Group<'_>,
    new: &[String],
    indent: &str,
) -> Changes {
    let newline = text.newline();
    if let Some(neighbour) = group.neighbour(manifest) {
        let at = text.line_start(neighbour.line);
        let lines: String = new
            .iter()
            .map(|line| format!("{indent}{line}{newline}"))
            .collect();
        return vec![(Span::at(at), lines)];
    }
    let behind = manifest.requirements.last();
    let end = behind.map(|last| text.line_span(text.line_of(last.location.span.end)).end);
    let Some(end) = end else {
        let open = !text.is_empty() && !text.as_str().ends_with('\n');
        let lead = if open { newline } else { "" };
        return vec![(
            Span::at(text.len()),
            format!("{lead}{}{newline}", new.join(newline)),
        )];
    };
    let lines: String = new
        .iter()
        .map(|line| format!("{newline}{indent}{line}"))
        .collect();
    vec![(Span::at(end), lines)]
}

/// `name = "version"` lines of Poetry and Pipenv.
fn table_changes(
    file: &File,
    manifest: &Manifest,
    group: &Group<'_>,
    style: Style,
) -> Option<Changes> {
    let text = &file.text;
    // A table of tables, or an inline one, has no lines to add to.
    let first = manifest.requirements.first()?;
    let line = text.line(first.line);
    if !line
        .trim_start()
        .starts_with(|character: char| character.is_alphanumeric() || "\"'".contains(character))
    {
        return None;
    }
    let quote = if line.contains('"') { '"' } else { '\'' };
    let entry = |requirement: &&Requirement| {
        let specifier = requirement
            .specifier
            .as_ref()
            .map(|piece| piece.text.as_str());
        let version = match specifier {
            None => "*".to_owned(),
            Some(text) => match text.strip_prefix(">=") {
                Some(version) if manifest.format == Format::Pipfile => {
                    pipfile_version(manifest, version)
                }
                Some(version) => style.version_part(version, Notation::Poetry),
                None => text.to_owned(),
            },
        };
        let name = style.name(requirement);
        if requirement.extras.is_empty() {
            return format!("{name} = {quote}{version}{quote}");
        }
        let extras: Vec<String> = requirement
            .extras
            .iter()
            .map(|extra| format!("{quote}{extra}{quote}"))
            .collect();
        format!(
            "{name} = {{version = {quote}{version}{quote}, extras = [{}]}}",
            extras.join(", ")
        )
    };
    let new: Vec<String> = group.requirements.iter().map(entry).collect();
    Some(lines(text, manifest, group, &new, ""))
}

/// Pipenv pins in the lock: a bound is enough unless the neighbours are pinned.
fn pipfile_version(manifest: &Manifest, version: &str) -> String {
    let pinned = manifest.requirements.iter();
    let pinned = pinned.filter(|declared| declared.specifier_text.starts_with("=="));
    let sign = if pinned.count() * 2 > manifest.requirements.len() {
        "=="
    } else {
        ">="
    };
    format!("{sign}{version}")
}

/// The lines of an `install_requires` value.
fn cfg_changes(
    file: &File,
    manifest: &Manifest,
    group: &Group<'_>,
    style: Style,
) -> Option<Changes> {
    let first = manifest.requirements.first()?;
    let text = &file.text;
    let own_line = text.line(first.line).trim_start();
    let starts_line = text.slice(first.location.span);
    if own_line.starts_with(starts_line) {
        let indent = text.indentation(first.location.span.start).to_owned();
        return Some(lines(text, manifest, group, &group.spelled(style), &indent));
    }
    // `install_requires = flask`: the rest goes below, indented.
    let end = manifest.requirements.last()?.location.span.end;
    let end = text.line_span(text.line_of(end)).end;
    let new: String = group
        .spelled(style)
        .iter()
        .map(|line| format!("{}    {line}", text.newline()))
        .collect();
    Some(vec![(Span::at(end), new)])
}

/// Items of conda's own list, or of pip's list in it where that holds the last package.
fn conda_changes(
    file: &File,
    manifest: &Manifest,
    group: &Group<'_>,
    style: Style,
) -> Option<Changes> {
    let last = manifest.requirements.last()?;
    let text = &file.text;
    let line = text.line_span(text.line_of(last.location.span.end));
    let indent = text.indentation(last.location.span.start);
    let new: String = group
        .spelled(style)
        .iter()
        .map(|item| format!("{}{indent}- {item}", text.newline()))
        .collect();
    Some(vec![(Span::at(line.end), new)])
}

/// TOML arrays and Python lists.
fn list_changes(
    file: &File,
    manifest: &Manifest,
    group: &Group<'_>,
    style: Style,
) -> Option<Changes> {
    let list = match manifest.format {
        Format::SetupPy => python_list(file, manifest)?,
        _ => toml_list(file, manifest)?,
    };
    let before = group.neighbour(manifest).and_then(|neighbour| {
        let span = neighbour.location.span;
        list.items.iter().position(|item| item.contains(span))
    });
    Some(list.insert(&file.text, &group.spelled(style), before))
}

fn toml_list(file: &File, manifest: &Manifest) -> Option<Bracketed> {
    let toml = Toml::parse(&file.text).ok()?;
    let path: Vec<&str> = manifest.section.split('.').collect();
    let array = toml.get(&path)?.as_array()?;
    let span = Span::from(array.span()?);
    Some(Bracketed {
        open: span.start + 1,
        close: span.end.checked_sub(1)?,
        items: array
            .iter()
            .filter_map(|value| value.span().map(Span::from))
            .collect(),
    })
}

/// The list around the declared strings: what closes it comes after blanks, commas, comments.
fn python_list(file: &File, manifest: &Manifest) -> Option<Bracketed> {
    let source = file.text.as_str();
    let with_quotes = |declared: &Declared| {
        let span = declared.location.span;
        Span::new(span.start.saturating_sub(1), span.end + 1)
    };
    let items: Vec<Span> = manifest.requirements.iter().map(with_quotes).collect();
    let (first, last) = (items.first()?, items.last()?);
    let open = source[..first.start].rfind(['[', '('])? + 1;
    let mut close = last.end;
    loop {
        match source[close..].chars().next()? {
            ']' | ')' => break,
            '#' => close += source[close..].find('\n')?,
            character if character.is_whitespace() || character == ',' => {
                close += character.len_utf8();
            }
            _ => return None,
        }
    }
    Some(Bracketed { open, close, items })
}

/// A `requirements.txt` for a repository that declares nothing: Flask and what is wanted.
fn new_file(deps: &Dependencies, mut requirements: Vec<Requirement>) -> Result<Edit, Manual> {
    let path: Arc<str> = "requirements.txt".into();
    if deps.manifests.iter().any(|manifest| manifest.path == path) {
        return Err(Manual {
            reason: "No hand-written manifest is installed in production.".into(),
            follow_ups: vec!["Add the package to what production installs.".into()],
        });
    }
    requirements.sort_by_key(|requirement| key(&requirement.name.text));
    let lines = requirements.iter().map(|requirement| {
        let specifier = requirement.specifier.as_ref();
        let specifier = specifier.map_or("", |piece| piece.text.as_str());
        let extras = match requirement.extras.as_slice() {
            [] => String::new(),
            extras => format!("[{}]", extras.join(",")),
        };
        format!("{}{extras}{specifier}\n", requirement.name.text)
    });
    Ok(Edit::create(path, lines.collect::<String>()))
}
