//! Any subset of patches to the texts it gives.
//!
//! Edits are stated against the original text. Equal edits merge, insertions at one place keep
//! the order of the patches, and overlaps that disagree are conflicts: reported, never guessed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::edit::{dependency, imports};
use crate::finding::{Edit, Import, Patch};
use crate::model::Model;
use crate::text::Span;

/// The new texts of a set of patches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Composition {
    pub texts: BTreeMap<Arc<str>, NewText>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewText {
    pub text: String,
    /// Only for new files: whether they are scripts.
    pub executable: bool,
}

/// Two patches that want different things of the same place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Indexes into the patches that were given; equal when a patch contradicts the files.
    pub patches: (usize, usize),
    pub path: Arc<str>,
    pub reason: String,
}

/// Everything that is wanted of one file.
#[derive(Default)]
struct Wanted<'a> {
    /// `(span, text, index of the patch)`.
    replace: Vec<(Span, &'a str, usize)>,
    add: Vec<Import>,
    drop: Vec<Import>,
    lines: Vec<&'a str>,
    create: Option<(&'a str, bool, usize)>,
}

/// Composes `patches` in their order.
pub fn compose(model: &Model, patches: &[&Patch]) -> Result<Composition, Vec<Conflict>> {
    let mut conflicts = Vec::new();
    let packages = dependency_edits(model, patches, &mut conflicts);
    let mut wanted: BTreeMap<&Arc<str>, Wanted<'_>> = BTreeMap::new();
    for (edit, index) in &packages {
        collect(&mut wanted, edit, *index, &mut conflicts);
    }
    for (index, patch) in patches.iter().enumerate() {
        for edit in &patch.edits {
            collect(&mut wanted, edit, index, &mut conflicts);
        }
    }
    let mut composition = Composition::default();
    let created: Vec<Arc<str>> = wanted
        .iter()
        .filter(|(_, wanted)| wanted.create.is_some())
        .map(|(path, _)| Arc::clone(path))
        .collect();
    for (path, wanted) in wanted {
        match compose_file(model, path, wanted, &created) {
            Ok(Some(new)) => {
                composition.texts.insert(Arc::clone(path), new);
            }
            Ok(None) => {}
            Err(conflict) => conflicts.push(conflict),
        }
    }
    if conflicts.is_empty() {
        Ok(composition)
    } else {
        Err(conflicts)
    }
}

/// What the patches want of manifests, lowered as one: two patches that add packages in one
/// place give one insertion.
fn dependency_edits(
    model: &Model,
    patches: &[&Patch],
    conflicts: &mut Vec<Conflict>,
) -> Vec<(Edit, usize)> {
    let mut packages = Vec::new();
    let mut first = None;
    for (index, patch) in patches.iter().enumerate() {
        for edit in &patch.edits {
            if let Edit::Dependency {
                folder,
                requirement,
            } = edit
            {
                first.get_or_insert(index);
                packages.push(dependency::Wanted {
                    folder: folder.as_deref(),
                    requirement,
                });
            }
        }
    }
    let Some(index) = first else {
        return Vec::new();
    };
    match dependency::ensure(&model.repo, &model.dependencies, &packages) {
        Ok(change) => change.edits.into_iter().map(|edit| (edit, index)).collect(),
        Err(manual) => {
            conflicts.push(Conflict {
                patches: (index, index),
                path: "the manifest".into(),
                reason: manual.reason,
            });
            Vec::new()
        }
    }
}

fn collect<'a>(
    wanted: &mut BTreeMap<&'a Arc<str>, Wanted<'a>>,
    edit: &'a Edit,
    index: usize,
    conflicts: &mut Vec<Conflict>,
) {
    match edit {
        Edit::Replace { path, span, text } => {
            let file = wanted.entry(path).or_default();
            file.replace.push((*span, text, index));
        }
        Edit::Import { path, import } => {
            wanted.entry(path).or_default().add.push(import.clone());
        }
        Edit::DropImport { path, import } => {
            wanted.entry(path).or_default().drop.push(import.clone());
        }
        Edit::Line { path, line } => wanted.entry(path).or_default().lines.push(line),
        Edit::Create {
            path,
            text,
            executable,
        } => {
            let file = wanted.entry(path).or_default();
            match file.create {
                Some((other, _, first)) if other != text => conflicts.push(Conflict {
                    patches: (first, index),
                    path: Arc::clone(path),
                    reason: "both create this file, with different texts".into(),
                }),
                _ => file.create = Some((text, *executable, index)),
            }
        }
        // Lowered before; see `dependency_edits`.
        Edit::Dependency { .. } => {}
    }
}

/// The new text of one file, or nothing when it stays as it is.
fn compose_file(
    model: &Model,
    path: &Arc<str>,
    mut wanted: Wanted<'_>,
    created: &[Arc<str>],
) -> Result<Option<NewText>, Conflict> {
    let file = model.repo.file(path);
    if let Some((text, executable, index)) = wanted.create {
        if file.is_some_and(|file| file.text.as_str() != text) {
            return Err(Conflict {
                patches: (index, index),
                path: Arc::clone(path),
                reason: "the file to be created exists already".into(),
            });
        }
        let more = line_changes(text, &wanted.lines);
        return Ok(file.is_none().then(|| NewText {
            text: splice(text, more.as_slice()),
            executable,
        }));
    }
    let original = file.map_or("", |file| file.text.as_str());
    let mut seen = BTreeSet::new();
    wanted
        .replace
        .retain(|(span, text, _)| seen.insert((*span, *text)));
    wanted.replace.sort_by_key(|(span, text, index)| {
        (
            span.start,
            span.end,
            outer(path, original, *span, text),
            !is_setting(path, *span, text),
            *index,
        )
    });
    refuse_overlaps(path, &wanted.replace)?;
    let mut changes: Vec<(Span, String)> = wanted
        .replace
        .iter()
        .map(|(span, text, _)| (*span, (*text).to_owned()))
        .collect();
    changes.extend(import_changes(model, path, &wanted, created));
    changes.extend(line_changes(original, &wanted.lines));
    changes.sort_by_key(|(span, _)| (span.start, span.end));
    let text = splice(original, &changes);
    Ok((text != original).then_some(NewText {
        text,
        executable: false,
    }))
}

/// New lines of Python at one place: what belongs into a block that ends there comes before
/// what follows the block.
fn outer(path: &str, original: &str, span: Span, text: &str) -> std::cmp::Reverse<usize> {
    let starts_line = span.start == 0 || original[..span.start].ends_with('\n');
    let is_lines = span.is_empty() && starts_line && path.ends_with(".py") && text.ends_with('\n');
    let first = text.trim_start_matches(['\n', '\r']).lines().next();
    let indentation = first.map_or(0, |line| line.len() - line.trim_start().len());
    std::cmp::Reverse(if is_lines { indentation } else { 0 })
}

/// Settings come before what reads them: `app.config["KEY"] = …` among new lines at one place.
fn is_setting(path: &str, span: Span, text: &str) -> bool {
    let first = text.trim_start().lines().next().unwrap_or_default();
    let target = first.split_once(".config[").map(|(app, _)| app);
    let is_name = |app: &str| {
        app.chars()
            .all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '.'))
    };
    span.is_empty() && path.ends_with(".py") && target.is_some_and(is_name)
}

fn refuse_overlaps(path: &Arc<str>, edits: &[(Span, &str, usize)]) -> Result<(), Conflict> {
    for pair in edits.windows(2) {
        let ((first, _, a), (second, _, b)) = (&pair[0], &pair[1]);
        let inside = second.is_empty() && first.start < second.start && second.start < first.end;
        if first.overlaps(*second) || inside {
            return Err(Conflict {
                patches: (*a, *b),
                path: Arc::clone(path),
                reason: "both change the same text, in different ways".into(),
            });
        }
    }
    Ok(())
}

fn import_changes(
    model: &Model,
    path: &Arc<str>,
    wanted: &Wanted<'_>,
    created: &[Arc<str>],
) -> Vec<(Span, String)> {
    if wanted.add.is_empty() && wanted.drop.is_empty() {
        return Vec::new();
    }
    let Some(id) = model.modules.by_path(path) else {
        return Vec::new();
    };
    let replaced: Vec<(Span, &str)> = wanted
        .replace
        .iter()
        .map(|(span, text, _)| (*span, *text))
        .collect();
    let is_local = |top: &str| {
        let files = model.repo.files().map(|file| &*file.path);
        let mut files = files.chain(created.iter().map(|path| &**path));
        files.any(|file| is_top_level(file, path, top))
    };
    let module = model.modules.get(id);
    imports::lower(module, &replaced, &wanted.add, &wanted.drop, &is_local)
}

/// Whether the Python file is the module `top`, or one of the package `top`, as `importer` sees
/// it: beside it, at the root, or below `src`.
fn is_top_level(file: &str, importer: &str, top: &str) -> bool {
    let folder = importer.rsplit_once('/').map_or("", |(folder, _)| folder);
    [folder, "", "src"].iter().any(|start| {
        let below = match start.is_empty() {
            true => Some(file),
            false => file
                .strip_prefix(start)
                .and_then(|rest| rest.strip_prefix('/')),
        };
        let rest = below.and_then(|below| below.strip_prefix(top));
        rest.is_some_and(|rest| rest == ".py" || rest == "/__init__.py")
    })
}

/// Lines that a line-based file lacks, at its end.
fn line_changes(original: &str, lines: &[&str]) -> Option<(Span, String)> {
    let newline = if original.contains("\r\n") {
        "\r\n"
    } else {
        "\n"
    };
    let present: BTreeSet<&str> = original.lines().map(str::trim).collect();
    let mut missing: Vec<&str> = Vec::new();
    for line in lines {
        if !present.contains(line.trim()) && !missing.contains(line) {
            missing.push(line);
        }
    }
    if missing.is_empty() {
        return None;
    }
    let is_open = !original.is_empty() && !original.ends_with('\n');
    let mut text = String::from(if is_open { newline } else { "" });
    for line in missing {
        text.push_str(line);
        text.push_str(newline);
    }
    Some((Span::at(original.len()), text))
}

/// `original` with sorted, disjoint changes.
fn splice(original: &str, changes: &[(Span, String)]) -> String {
    let mut text = String::with_capacity(original.len() + 256);
    let mut at = 0;
    for (span, new) in changes {
        text.push_str(original.get(at..span.start).unwrap_or_default());
        text.push_str(new);
        at = span.end.max(at);
    }
    text.push_str(original.get(at..).unwrap_or_default());
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::Repository;
    use crate::finding::PatchKind;

    fn model(source: &str) -> (Model, Arc<str>) {
        let repo = Arc::new(Repository::from_texts([("app.py", source)]));
        let path = Arc::clone(&repo.file("app.py").unwrap().path);
        (Model::build(repo), path)
    }

    fn patch(edits: Vec<Edit>) -> Patch {
        Patch::new(PatchKind::Safe, "t", "g").edits(edits)
    }

    #[test]
    fn equal_edits_merge_and_insertions_keep_their_order() {
        let (model, path) = model("import flask\na = 1\n");
        let first = patch(vec![
            Edit::replace(&path, Span::new(13, 14), "b"),
            Edit::insert(&path, 19, "x\n"),
        ]);
        let second = patch(vec![
            Edit::replace(&path, Span::new(13, 14), "b"),
            Edit::insert(&path, 19, "y\n"),
        ]);
        let composed = compose(&model, &[&first, &second]).unwrap();
        assert_eq!(composed.texts[&path].text, "import flask\nb = 1\nx\ny\n");
    }

    #[test]
    fn what_belongs_into_a_block_comes_before_what_follows_it() {
        let (model, path) = model("if a:\n    b = 1\n");
        let behind = patch(vec![Edit::insert(&path, 16, "c = 1\n")]);
        let inside = patch(vec![Edit::insert(&path, 16, "    d = 1\n")]);
        let composed = compose(&model, &[&behind, &inside]).unwrap();
        let text = &composed.texts[&path].text;
        assert_eq!(text, "if a:\n    b = 1\n    d = 1\nc = 1\n");
    }

    #[test]
    fn contradictions_are_conflicts() {
        let (model, path) = model("import flask\na = 1\n");
        let first = patch(vec![Edit::replace(&path, Span::new(13, 18), "b = 2")]);
        let second = patch(vec![Edit::replace(&path, Span::new(17, 18), "3")]);
        let conflicts = compose(&model, &[&first, &second]).unwrap_err();
        assert_eq!(conflicts[0].patches, (0, 1));
    }

    #[test]
    fn lines_are_added_once() {
        let (model, _) = model("import flask\n");
        let path: Arc<str> = ".gitignore".into();
        let line = |text: &str| Edit::Line {
            path: Arc::clone(&path),
            line: text.into(),
        };
        let patch = patch(vec![line(".env"), line("*.pyc"), line(".env")]);
        let composed = compose(&model, &[&patch]).unwrap();
        assert_eq!(composed.texts[&path].text, ".env\n*.pyc\n");
    }

    #[test]
    fn packages_of_two_patches_share_a_place() {
        let texts = [
            ("app.py", ""),
            ("requirements.txt", "click==8.1.8\nflask==3.1.3\n"),
        ];
        let model = Model::build(Arc::new(Repository::from_texts(texts)));
        let first = patch(vec![Edit::dependency("redis>=5.0.0")]);
        let second = patch(vec![
            Edit::dependency("gunicorn>=23.0.0"),
            Edit::dependency("redis>=5.0.0"),
        ]);
        let composed = compose(&model, &[&first, &second]).unwrap();
        assert_eq!(
            composed.texts["requirements.txt"].text,
            "click==8.1.8\nflask==3.1.3\ngunicorn==23.0.0\nredis==5.0.0\n"
        );
    }

    #[test]
    fn a_raised_name_and_a_line_behind_it_stay_apart() {
        let texts = [("app.py", ""), ("requirements.txt", "flask\ngunicorn\n")];
        let model = Model::build(Arc::new(Repository::from_texts(texts)));
        let version = pep440_rs::Version::new([23, 0, 0]);
        let raised = dependency::bump(&model.dependencies, "gunicorn", &version);
        let first = patch(raised.unwrap().edits);
        let second = patch(vec![Edit::dependency("redis>=5.0")]);
        let composed = compose(&model, &[&first, &second]).unwrap();
        assert_eq!(
            composed.texts["requirements.txt"].text,
            "flask\ngunicorn>=23.0.0\nredis>=5.0\n"
        );
    }

    #[test]
    fn keywords_of_two_patches_share_a_call() {
        let long = "v".repeat(40);
        let source = format!("app.config.update(SECRET_KEY=\"{long}\")\n");
        let (model, path) = model(&source);
        let module = model.modules.get(model.modules.by_path(&path).unwrap());
        let call = module.call_at(Span::new(0, source.len() - 1)).unwrap();
        let added = |name: &str, value: &str| {
            patch(crate::edit::arguments::add_keyword(
                module, call, name, value,
            ))
        };
        let first = added("DEBUG", &"a".repeat(40));
        let second = added("OTHER", &"b".repeat(40));
        let composed = compose(&model, &[&first, &second]).unwrap();
        let text = &composed.texts[&path].text;
        let lines: Vec<&str> = text
            .lines()
            .map(|line| &line[..line.len().min(10)])
            .collect();
        assert_eq!(
            lines,
            ["app.config", "    SECRET", "    DEBUG=", "    OTHER=", ")"],
            "{text}"
        );
        assert!(crate::parse::python::parses(text), "{text}");
    }

    #[test]
    fn imports_of_two_patches_share_a_statement() {
        let (model, path) = model("from flask import Flask\n");
        let first = patch(vec![Edit::import_from(&path, "flask", "abort")]);
        let second = patch(vec![Edit::import_from(&path, "flask", "g")]);
        let composed = compose(&model, &[&first, &second]).unwrap();
        assert_eq!(
            composed.texts[&path].text,
            "from flask import Flask, abort, g\n"
        );
    }

    #[test]
    fn settings_come_before_what_reads_them() {
        let (model, path) = model("from flask import Flask\napp = Flask('x')\n");
        let end = model.repo.file("app.py").unwrap().text.len();
        let check = patch(vec![Edit::insert(&path, end, "check(app)\n")]);
        let setting = patch(vec![Edit::insert(&path, end, "app.config['A'] = 1\n")]);
        let composed = compose(&model, &[&check, &setting]).unwrap();
        let text = &composed.texts[&path].text;
        assert!(
            text.ends_with("app.config['A'] = 1\ncheck(app)\n"),
            "{text}"
        );
    }
}
