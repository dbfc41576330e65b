//! Where a file of a plan lies: in HEAD and on disk, and what forbids writing it.

use std::fs::Metadata;
use std::io;
use std::path::Path;

use git2::{AttrCheckFlags, AttrValue, ObjectType, Oid, Tree};

use super::Repo;
use crate::error::GitError;

/// Modes in a tree (`git help fast-import`, "filemodify").
pub(super) const FOLDER: i32 = 0o040000;
pub(super) const FILE: i32 = 0o100644;
pub(super) const EXECUTABLE: i32 = 0o100755;
const LINK: i32 = 0o120000;

/// What HEAD has at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    File { blob: Oid, mode: i32 },
    Nothing,
}

impl Repo {
    /// What `head` has at `file`, a path in the repository. Links and other repositories on
    /// the way, and anything but a file at its end, are errors that name the path `shown`.
    pub(super) fn place(
        &self,
        head: &Tree<'_>,
        file: &str,
        shown: &str,
    ) -> Result<Place, GitError> {
        let mut tree = head.clone();
        let (folders, name) = file.rsplit_once('/').unwrap_or(("", file));
        for folder in folders.split('/').filter(|folder| !folder.is_empty()) {
            let id = match tree.get_name(folder) {
                None => return Ok(Place::Nothing),
                Some(entry) if entry.kind() == Some(ObjectType::Tree) => entry.id(),
                Some(entry) => return Err(in_the_way(&entry, shown)),
            };
            let found = self.git().find_tree(id);
            tree = found.map_err(|error| GitError::from_git("reading HEAD's files", &error))?;
        }
        match tree.get_name(name) {
            None => Ok(Place::Nothing),
            Some(entry) if matches!(entry.filemode(), FILE | EXECUTABLE) => Ok(Place::File {
                blob: entry.id(),
                mode: entry.filemode(),
            }),
            Some(entry) => Err(in_the_way(&entry, shown)),
        }
    }

    /// What is on disk at `file`, or nothing. No folder on the way may be a link, a file, or
    /// the top of another repository.
    pub(super) fn on_disk(&self, file: &str, shown: &str) -> Result<Option<Metadata>, GitError> {
        let mut at = self.tree.folder.clone();
        let (folders, name) = file.rsplit_once('/').unwrap_or(("", file));
        for folder in folders.split('/').filter(|folder| !folder.is_empty()) {
            at.push(folder);
            let Some(metadata) = metadata(&at, shown)? else {
                return Ok(None);
            };
            if metadata.is_symlink() {
                return Err(GitError::Link { path: shown.into() });
            }
            if !metadata.is_dir() {
                return Err(GitError::Exists { path: shown.into() });
            }
            if at.join(".git").symlink_metadata().is_ok() {
                return Err(GitError::Submodule { path: shown.into() });
            }
        }
        metadata(&at.join(name), shown)
    }

    /// Refuses a file that git would pass through a program or another encoding on its way
    /// into the repository: libgit2 would store what only that program may see (git-crypt).
    pub(super) fn check_filters(&self, file: &str, shown: &str) -> Result<(), GitError> {
        let attribute = |name| {
            let flags = AttrCheckFlags::FILE_THEN_INDEX;
            let value = self.git().get_attr(Path::new(file), name, flags);
            value.map_err(|error| GitError::from_git("reading git's attributes", &error))
        };
        let refused = |filter: &str| GitError::Filtered {
            path: shown.into(),
            filter: filter.into(),
        };
        if let AttrValue::String(name) = AttrValue::from_string(attribute("filter")?)
            && self.runs_filter(name)
        {
            return Err(refused(name));
        }
        match AttrValue::from_string(attribute("working-tree-encoding")?) {
            AttrValue::String(name) if !name.eq_ignore_ascii_case("utf-8") => Err(refused(name)),
            _ => Ok(()),
        }
    }

    fn runs_filter(&self, name: &str) -> bool {
        let keys = ["clean", "process", "required"];
        let config = self.git().config();
        config.is_ok_and(|config| {
            let set = |key| config.get_entry(&format!("filter.{name}.{key}")).is_ok();
            keys.into_iter().any(set)
        })
    }
}

fn in_the_way(entry: &git2::TreeEntry<'_>, shown: &str) -> GitError {
    let path = shown.to_owned();
    match entry.filemode() {
        LINK => GitError::Link { path },
        _ if entry.kind() == Some(ObjectType::Commit) => GitError::Submodule { path },
        _ => GitError::Exists { path },
    }
}

fn metadata(at: &Path, shown: &str) -> Result<Option<Metadata>, GitError> {
    match at.symlink_metadata() {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(GitError::Other {
            doing: "looking at the files",
            message: format!("{shown}: {error}"),
        }),
    }
}
