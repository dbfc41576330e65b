//! ① The repository: which files there are, what each is, and its text.
//!
//! Reading is harmless: nothing is run, no link is followed, hidden and ignored files are left
//! out unless a control needs them (`.env` is read even where git ignores it).

mod civil;
mod history;
mod kind;
mod named;
mod read;
#[cfg(test)]
pub(crate) mod scratch;
mod search;
mod walk;
mod work_tree;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use history::{CommitRef, History, Occurrences, Search, Wanted};
pub use kind::{FileKind, Purpose};
pub use read::MAX_FILE_BYTES;
pub(crate) use work_tree::{WorkTree, is_inside};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::error::Error;
use crate::text::Text;

/// A repository as text: every file that any control may want to read.
#[derive(Debug, Clone)]
pub struct Repository {
    root: PathBuf,
    files: BTreeMap<Arc<str>, Arc<File>>,
    skipped: Vec<Skipped>,
}

/// One file that was read.
#[derive(Debug, Clone)]
pub struct File {
    /// Relative to the root, with `/`.
    pub path: Arc<str>,
    pub kind: FileKind,
    pub purpose: Purpose,
    /// Git ignores it: it never leaves this machine, and no commit may hold it.
    pub ignored: bool,
    pub text: Text,
}

/// One file that was not read, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    pub path: String,
    pub reason: String,
}

impl Repository {
    /// Reads the repository below `root`, on all cores.
    pub fn discover(root: &Path) -> Result<Self, Error> {
        Self::discover_without(root, &[])
    }

    /// Reads the repository below `root` except what `globs`, written as in `.gitignore` and
    /// relative to `root`, name.
    pub fn discover_without(root: &Path, globs: &[String]) -> Result<Self, Error> {
        let root = root.canonicalize().map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => Error::NoSuchPath { path: root.into() },
            _ => Error::Unreadable {
                path: root.into(),
                source,
            },
        })?;
        let mut walked = walk::walk(&root, &excluded(&root, globs)?)?;
        walk::read_named(&root, &mut walked);
        walked.skipped.sort_by(|a, b| a.path.cmp(&b.path));
        let files = walked.files.into_iter();
        Ok(Self {
            root,
            files: files
                .map(|file| (Arc::clone(&file.path), Arc::new(file)))
                .collect(),
            skipped: walked.skipped,
        })
    }

    /// A repository that exists in memory only: `(path, text)` pairs.
    pub fn from_texts<'a>(texts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let empty = Self {
            root: PathBuf::from("/"),
            files: BTreeMap::new(),
            skipped: Vec::new(),
        };
        empty.with_texts(
            texts
                .into_iter()
                .map(|(path, text)| (Arc::from(path), text.to_owned())),
        )
    }

    /// The same repository with other texts: what it would be after a plan.
    #[must_use]
    pub fn with_texts(&self, texts: impl IntoIterator<Item = (Arc<str>, String)>) -> Self {
        let mut edited = self.clone();
        let mut unclear = Vec::new();
        for (path, text) in texts {
            let old = edited.files.get(&path);
            let kind = FileKind::of(&path, text.as_bytes());
            if old.is_none() && kind == FileKind::Lines && FileKind::from_path(&path).is_none() {
                unclear.push(Arc::clone(&path));
            }
            let file = File {
                kind: old.map_or(kind, |old| old.kind),
                purpose: Purpose::of(&path),
                ignored: old.is_some_and(|old| old.ignored),
                text: Text::new(text),
                path: Arc::clone(&path),
            };
            edited.files.insert(path, Arc::new(file));
        }
        edited.clear_up(&unclear);
        edited
    }

    /// Gives the files whose names tell nothing the kind that other files say they are.
    fn clear_up(&mut self, unclear: &[Arc<str>]) {
        if unclear.is_empty() {
            return;
        }
        let others: HashSet<&str> = unclear.iter().map(|path| &**path).collect();
        let named = named::named(self.files.values().map(|file| &**file), &others);
        for (path, kind) in named {
            if let Some(file) = self.files.get_mut(path.as_str()) {
                Arc::make_mut(file).kind = kind;
            }
        }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// All files in the order of their paths.
    pub fn files(&self) -> impl Iterator<Item = &Arc<File>> {
        self.files.values()
    }

    pub fn file(&self, path: &str) -> Option<&Arc<File>> {
        self.files.get(path)
    }

    pub fn of_kind(&self, kind: FileKind) -> impl Iterator<Item = &Arc<File>> {
        self.files.values().filter(move |file| file.kind == kind)
    }

    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }
}

/// The text of one file outside of any repository walk, read with the same care, or why it
/// has none.
pub fn read_text(path: &Path) -> Result<String, String> {
    read::read(path)
}

fn excluded(root: &Path, globs: &[String]) -> Result<Gitignore, Error> {
    let wrong = |error: ignore::Error| Error::Settings {
        path: "exclude".into(),
        message: error.to_string(),
    };
    let mut builder = GitignoreBuilder::new(root);
    builder.allow_unclosed_class(false);
    for glob in globs {
        builder.add_line(None, glob).map_err(wrong)?;
    }
    builder.build().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excluded_files_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["app.py", "old/app.py", "old/keep.py", ".env"] {
            let file = folder.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        }
        let globs = ["old/*", "!old/keep.py", ".env"].map(str::to_owned);
        let repo = Repository::discover_without(folder.path(), &globs).unwrap();
        let paths: Vec<_> = repo.files().map(|file| &*file.path).collect();
        assert_eq!(paths, ["app.py", "old/keep.py"]);
        let bad = ["a[".to_owned()];
        assert!(Repository::discover_without(folder.path(), &bad).is_err());
    }

    #[test]
    fn an_overlay_replaces_and_adds() {
        let repo = Repository::from_texts([("app.py", "x = 1\n")]);
        let edited = repo.with_texts([
            (Arc::from("app.py"), "x = 2\n".to_owned()),
            (Arc::from("new.py"), String::new()),
        ]);
        assert_eq!(edited.file("app.py").unwrap().text.as_str(), "x = 2\n");
        assert_eq!(edited.files().count(), 2);
        assert_eq!(repo.files().count(), 1);
    }
}
