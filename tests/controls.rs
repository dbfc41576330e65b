//! Before and after, per control: `fixtures/controls/<control>/{before,after}`.
//!
//! Each `before` is scanned, the patches of the control's findings are applied, and the result
//! is compared with `after` byte for byte; in `after` the control finds nothing any more, unless
//! a person has to mend it. `WRITE_FIXTURES=1 cargo test --test controls` writes `after` anew.
#![expect(
    clippy::unwrap_used,
    reason = "outside of #[test] functions, and still a test"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flask_harden::discover::Repository;
use flask_harden::finding::{Patch, PatchKind};
use flask_harden::model::Model;
use flask_harden::patch::compose;
use flask_harden::strategies::{Answers, Control, registry};

#[test]
fn patches_make_after_of_before() {
    let mut failures = Vec::new();
    for folder in folders(&root()) {
        let id = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(control) = registry::by_id(&id) else {
            failures.push(format!("{id}: no such control"));
            continue;
        };
        failures.extend(check(control, &folder).map(|failure| format!("{id}: {failure}")));
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
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn check(control: &dyn Control, folder: &Path) -> Option<String> {
    let (before, after) = (folder.join("before"), folder.join("after"));
    let model = model(&before);
    let verdict = control.check(&model);
    if verdict.findings().is_empty() {
        return Some("`before` has no finding".into());
    }
    let remedies = verdict.findings().iter();
    let patches: Vec<Patch> = remedies
        .map(|finding| control.remedy(&model, finding, &Answers::default()))
        .collect();
    let composed = match compose(&model, &patches.iter().collect::<Vec<_>>()) {
        Ok(composed) => composed,
        Err(conflicts) => return Some(format!("conflicts: {conflicts:?}")),
    };
    let mut texts = read(&before);
    for (path, new) in &composed.texts {
        texts.insert(path.to_string(), new.text.clone());
    }
    if std::env::var_os("WRITE_FIXTURES").is_some() {
        write(&after, &texts);
    }
    let expected = read(&after);
    let paths = texts.keys().chain(expected.keys());
    let mut different = paths.filter(|path| texts.get(*path) != expected.get(*path));
    if let Some(path) = different.next() {
        return Some(format!(
            "{path} is not as in `after`:\n{}",
            texts.get(path).map_or("(missing)", String::as_str)
        ));
    }
    let by_hand = patches.iter().filter(|it| it.kind == PatchKind::Manual);
    let left = control.check(&self::model(&after)).findings().len();
    (left != by_hand.count()).then(|| format!("`after` has {left} findings"))
}

fn model(folder: &Path) -> Model {
    Model::build(Arc::new(Repository::discover(folder).unwrap()))
}

fn read(folder: &Path) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        let Ok(entries) = fs::read_dir(&next) else {
            continue;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
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

fn write(folder: &Path, texts: &BTreeMap<String, String>) {
    for (path, text) in texts {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}
