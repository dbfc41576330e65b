//! Before and after, per control: `fixtures/controls/<control>/`, or a folder of it per variant.
//!
//! - `before` is a small project. It is committed to a repository of its own and scanned.
//! - `after` is the same project with the patches of the control's findings, byte for byte. It is
//!   left out where no patch changes a file, because a person has to do it all.
//! - `outcome.txt` says what the control finds in both, and what kind of patch it offers.
//! - `answers.txt`, in variants, answers the options: `key = value` per line.
//!
//! `WRITE_FIXTURES=1 cargo test --test controls` writes `after` and `outcome.txt` anew: read them
//! as the maintainer who gets the patch.
#![expect(
    clippy::unwrap_used,
    reason = "outside of #[test] functions, and still a test"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flask_harden::discover::Repository;
use flask_harden::finding::{Finding, Patch, PatchKind, Verdict};
use flask_harden::model::Model;
use flask_harden::parse::python::parses;
use flask_harden::patch::compose;
use flask_harden::strategies::{Answers, Control, registry};

type Texts = BTreeMap<String, String>;

#[test]
fn patches_make_after_of_before() {
    let mut failures = Vec::new();
    for folder in folders(&root()) {
        let id = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(control) = registry::by_id(&id) else {
            failures.push(format!("{id}: no such control"));
            continue;
        };
        for pair in pairs(&folder) {
            let failure = check(control, &pair);
            failures.extend(failure.map(|failure| format!("{}: {failure}", pair.display())));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/controls")
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_hidden = |path: &Path| path.file_name().unwrap().as_encoded_bytes()[0] == b'.';
    let mut folders: Vec<PathBuf> = entries
        .filter(|path| path.is_dir() && !is_hidden(path))
        .collect();
    folders.sort();
    folders
}

/// The control's own pair, and its variants.
fn pairs(folder: &Path) -> Vec<PathBuf> {
    let variants = folders(folder).into_iter();
    let all = std::iter::once(folder.to_path_buf()).chain(variants);
    all.filter(|folder| folder.join("before").is_dir())
        .collect()
}

fn check(control: &dyn Control, pair: &Path) -> Option<String> {
    let before = read(&pair.join("before"));
    let answers = answers(pair);
    let repository = committed(&before);
    let model = model(repository.path());
    let verdict = control.check(&model);
    if matches!(
        verdict,
        Verdict::Implemented { .. } | Verdict::NotApplicable { .. }
    ) {
        return Some(format!("nothing is missing in `before`: {verdict:?}"));
    }
    let findings = verdict.findings();
    let patches: Vec<Patch> = findings
        .iter()
        .map(|finding| control.remedy(&model, finding, &answers))
        .collect();
    let composed = match compose(&model, &patches.iter().collect::<Vec<_>>()) {
        Ok(composed) => composed,
        Err(conflicts) => return Some(format!("conflicts: {conflicts:?}")),
    };
    let mut after = before.clone();
    for (path, new) in &composed.texts {
        after.insert(path.to_string(), new.text.clone());
    }
    let mended = committed(&after);
    let second = self::model(mended.path());
    let left = control.check(&second);
    let outcome = format!(
        "before: {}\n{}after: {}\n{}",
        verdict.word(),
        listed(&model, findings, &patches),
        left.word(),
        listed(&second, left.findings(), &[]),
    );
    if std::env::var_os("WRITE_FIXTURES").is_some() {
        write(pair, &before, &after, &outcome);
    }
    let by_hand = patches.iter().filter(|it| it.kind == PatchKind::Manual);
    if left.findings().len() != by_hand.count() {
        return Some(format!("the patches leave findings:\n{outcome}"));
    }
    let unparsed = after
        .iter()
        .find(|(path, text)| path.ends_with(".py") && !parses(text));
    if let Some((path, text)) = unparsed {
        return Some(format!("{path} is no Python:\n{text}"));
    }
    let expected = match pair.join("after") {
        folder if folder.is_dir() => read(&folder),
        _ => before,
    };
    different(&after, &expected).or_else(|| {
        let known = fs::read_to_string(pair.join("outcome.txt")).unwrap_or_default();
        (known != outcome).then(|| format!("outcome.txt is not:\n{outcome}"))
    })
}

fn different(texts: &Texts, expected: &Texts) -> Option<String> {
    let mut paths = texts.keys().chain(expected.keys());
    let path = paths.find(|path| texts.get(*path) != expected.get(*path))?;
    let text = texts.get(path).map_or("(missing)", String::as_str);
    Some(format!("{path} is not as in `after`:\n{text}"))
}

/// One line per finding. Messages are left out: they may name commits and days.
fn listed(model: &Model, findings: &[Finding], patches: &[Patch]) -> String {
    let mut text = String::new();
    for (index, finding) in findings.iter().enumerate() {
        let file = model.repo.file(finding.path());
        let line = file.map_or(1, |file| file.text.line_of(finding.span().start));
        let severity = finding.severity.label().to_lowercase();
        write!(text, "  {}:{line} {severity}", finding.path()).unwrap();
        if let Some(patch) = patches.get(index) {
            write!(text, ", {}: {}", patch.kind.word(), patch.title).unwrap();
        }
        text.push('\n');
    }
    text
}

fn answers(pair: &Path) -> Answers {
    let mut answers = Answers::default();
    let text = fs::read_to_string(pair.join("answers.txt")).unwrap_or_default();
    for line in text.lines() {
        let (key, value) = line.split_once('=').unwrap();
        answers.set(key.trim(), value.trim());
    }
    answers
}

fn model(folder: &Path) -> Model {
    Model::build(Arc::new(Repository::discover(folder).unwrap()))
}

/// The files in a repository of their own, committed as far as `.gitignore` lets them.
fn committed(texts: &Texts) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), texts);
    let repository = git2::Repository::init(folder.path()).unwrap();
    let mut index = repository.index().unwrap();
    index
        .add_all(["*"], git2::IndexAddOption::DEFAULT, None)
        .unwrap();
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    index.write().unwrap();
    let author = git2::Signature::now("A Developer", "developer@example.com").unwrap();
    repository
        .commit(Some("HEAD"), &author, &author, "Begin", &tree, &[])
        .unwrap();
    folder
}

fn read(folder: &Path) -> Texts {
    let mut texts = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for path in fs::read_dir(&next)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
                texts.insert(name.replace('\\', "/"), fs::read_to_string(&path).unwrap());
            }
        }
    }
    texts
}

fn write(pair: &Path, before: &Texts, after: &Texts, outcome: &str) {
    let folder = pair.join("after");
    if folder.is_dir() {
        fs::remove_dir_all(&folder).unwrap();
    }
    if before != after {
        put(&folder, after);
    }
    fs::write(pair.join("outcome.txt"), outcome).unwrap();
}

fn put(folder: &Path, texts: &Texts) {
    for (path, text) in texts {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}
