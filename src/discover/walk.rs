//! Walking the tree on all cores, `.gitignore` honoured, links not followed.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;

use ignore::gitignore::Gitignore;
use ignore::{DirEntry, WalkBuilder, WalkState};

use super::{File, FileKind, Purpose, Skipped, named, read};
use crate::error::Error;
use crate::text::Text;

/// What a walk brings home.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub files: Vec<File>,
    pub skipped: Vec<Skipped>,
    /// What is not read, since its name tells nothing.
    pub others: Vec<String>,
}

/// Configuration is short; a longer file that the code loads is data.
const MAX_NAMED_BYTES: usize = 256 * 1024;

/// What a named file may name in turn.
const ROUNDS: usize = 3;

/// Reads the files that another file gives a meaning, whatever they are called.
pub(super) fn read_named(root: &Path, walked: &mut Walked) {
    let mut from = 0;
    for _ in 0..ROUNDS {
        let others: HashSet<&str> = walked.others.iter().map(String::as_str).collect();
        let found = named::named(walked.files[from..].iter(), &others);
        from = walked.files.len();
        for (path, kind) in found {
            walked.others.retain(|other| *other != path);
            // One that cannot be read is data, or nobody's: its name alone says little.
            let text = read::read(&root.join(&path)).ok();
            if let Some(text) = text.filter(|text| text.len() <= MAX_NAMED_BYTES) {
                let kinded = file(&path, text, false);
                walked.files.push(File { kind, ..kinded });
            }
        }
        if walked.files.len() == from {
            return;
        }
    }
}

/// Folders that never hold a project's own code.
const NEVER: &[&str] = &[
    ".git",
    ".hg",
    ".svn",
    ".tox",
    ".nox",
    ".venv",
    "venv",
    "node_modules",
    "__pycache__",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    "site-packages",
];

/// Ignored files that are read all the same: they decide what runs on this machine.
const IGNORED_BUT_READ: &[&str] = &[".env", ".flaskenv"];

pub(super) fn walk(root: &Path, excluded: &Gitignore) -> Result<Walked, Error> {
    if root.is_file() {
        return walk_file(root);
    }
    std::fs::read_dir(root).map_err(|source| Error::Unreadable {
        path: root.into(),
        source,
    })?;
    let found = Mutex::new(Walked::default());
    let filter = excluded.clone();
    let walker = WalkBuilder::new(root)
        .hidden(false)
        .follow_links(false)
        .require_git(false)
        .git_global(false)
        .filter_entry(move |entry| enters(entry) && !is_excluded(entry, &filter))
        .threads(rayon::current_num_threads())
        .build_parallel();
    walker.run(|| {
        let mut batch = Batch {
            found: &found,
            local: Walked::default(),
        };
        Box::new(move |entry| {
            match entry {
                Ok(entry) => take(root, &entry, &mut batch.local),
                Err(error) => batch.local.skipped.push(unreadable(root, &error)),
            }
            WalkState::Continue
        })
    });
    let mut walked = found
        .into_inner()
        .unwrap_or_else(|broken| broken.into_inner());
    for name in IGNORED_BUT_READ {
        let seen = walked.files.iter().any(|file| &*file.path == *name);
        let seen = seen || excluded.matched(name, false).is_ignore();
        if let (false, Ok(text)) = (seen, read::read(&root.join(name))) {
            walked.files.push(file(name, text, true));
        }
    }
    Ok(walked)
}

/// What one thread found; handed over when the thread ends.
struct Batch<'a> {
    found: &'a Mutex<Walked>,
    local: Walked,
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        let mut found = self
            .found
            .lock()
            .unwrap_or_else(|broken| broken.into_inner());
        found.files.append(&mut self.local.files);
        found.skipped.append(&mut self.local.skipped);
        found.others.append(&mut self.local.others);
    }
}

/// A path that names a file: that file alone.
fn walk_file(root: &Path) -> Result<Walked, Error> {
    let name = root.file_name().unwrap_or_default().to_string_lossy();
    let text = read::read(root).map_err(|reason| Error::Unreadable {
        path: root.into(),
        source: std::io::Error::other(reason),
    })?;
    Ok(Walked {
        files: vec![file(&name, text, false)],
        ..Walked::default()
    })
}

fn enters(entry: &DirEntry) -> bool {
    let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
    !is_folder || !NEVER.iter().any(|name| entry.file_name() == *name)
}

fn is_excluded(entry: &DirEntry, excluded: &Gitignore) -> bool {
    let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
    // The root has no path of its own below itself, and cannot be excluded.
    entry.depth() > 0 && excluded.matched(entry.path(), is_folder).is_ignore()
}

fn take(root: &Path, entry: &DirEntry, walked: &mut Walked) {
    if !entry.file_type().is_some_and(|kind| kind.is_file()) {
        return;
    }
    let path = relative(root, entry.path());
    let Some(wanted) = wants(&path, entry.path()) else {
        walked.others.push(path);
        return;
    };
    match read::read(entry.path()) {
        Ok(text) => {
            let taken = file(&path, text, false);
            match wanted == Wanted::ByPath || taken.kind != FileKind::Lines {
                true => walked.files.push(taken),
                false => walked.others.push(path),
            }
        }
        // A file that only a shebang could have made interesting is not worth a word.
        Err(reason) if wanted == Wanted::ByPath => walked.skipped.push(Skipped { path, reason }),
        Err(_) => {}
    }
}

#[derive(PartialEq, Eq)]
enum Wanted {
    ByPath,
    ForItsShebang,
}

fn wants(path: &str, full: &Path) -> Option<Wanted> {
    if FileKind::from_path(path).is_some() {
        return Some(Wanted::ByPath);
    }
    let scripted = full.extension().is_none() && is_executable(full);
    scripted.then_some(Wanted::ForItsShebang)
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(_path: &Path) -> bool {
    false
}

fn file(path: &str, text: String, ignored: bool) -> File {
    File {
        path: Arc::from(path),
        kind: FileKind::of(path, text.as_bytes()),
        purpose: Purpose::of(path),
        ignored,
        text: Text::new(text),
    }
}

fn relative(root: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = relative
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts.join("/")
}

fn unreadable(root: &Path, error: &ignore::Error) -> Skipped {
    let text = error.to_string();
    let shown = format!("{}/", root.display());
    Skipped {
        path: String::new(),
        reason: text.replace(&shown, ""),
    }
}
