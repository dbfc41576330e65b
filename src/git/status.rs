//! What the working tree holds that no commit holds yet, and what libgit2 leaves undone.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use git2::{DiffOptions, RepositoryState, StatusOptions};

use super::Repo;
use super::place::Place;
use super::worktree::is_executable;
use crate::error::GitError;

/// Above this many tracked files nobody waits for a count of the changed ones.
const MOST_FILES_COUNTED: usize = 50_000;

/// Hooks that `git commit` would run.
const HOOKS: [&str; 4] = [
    "pre-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
];

/// The repository in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The branch, or `None` when HEAD is detached.
    pub branch: Option<String>,
    /// The abbreviated name of HEAD's commit.
    pub commit: String,
    /// How many files and untracked folders differ from HEAD; `None` where counting them
    /// would take too long.
    pub uncommitted: Option<usize>,
}

/// Something that `git commit` would do and flask-harden does not, or that is worth knowing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// Active hooks, which are not run.
    Hooks(Vec<&'static str>),
    /// `commit.gpgSign` is set.
    Unsigned,
    /// A merge, rebase or the like has not ended.
    InProgress(&'static str),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hooks(names) => match &names[..] {
                [name] => write!(f, "The hook {name} is not run."),
                names => write!(f, "The hooks {} are not run.", names.join(", ")),
            },
            Self::Unsigned => f.write_str("The commits are not signed (commit.gpgSign is set)."),
            Self::InProgress(what) => write!(f, "{what} is in progress in the working tree."),
        }
    }
}

impl Repo {
    /// Those of `paths` whose text on disk, filtered as `git add` does it, or whose entry in
    /// the index differs from HEAD: changed, staged, deleted, or not tracked.
    pub fn uncommitted(&self, paths: &[&str]) -> Result<Vec<String>, GitError> {
        let reading = |error| GitError::from_git("comparing the files with HEAD", &error);
        let head = self.head_commit()?.tree().map_err(reading)?;
        let mut index = self.git().index().map_err(reading)?;
        index.read(false).map_err(reading)?;
        let mut compare = DiffOptions::new();
        compare
            .disable_pathspec_match(true)
            .include_typechange(true)
            .ignore_submodules(true);
        let mut dirty = BTreeSet::new();
        let mut files = Vec::new();
        for path in paths {
            let file = self.tree.in_repository(path)?;
            let staged = index.get_path(Path::new(&file), 0);
            let same = match (self.place(&head, &file, path)?, staged) {
                (Place::File { blob, mode }, Some(entry)) => {
                    files.push((file.clone(), *path));
                    compare.pathspec(&file);
                    entry.id == blob && i64::from(entry.mode) == i64::from(mode)
                }
                (Place::Nothing, None) => self.on_disk(&file, path)?.is_none(),
                _ => false,
            };
            if !same {
                dirty.insert(*path);
            }
        }
        // Without a path the comparison would take in the whole tree.
        if !files.is_empty() {
            let diff = self
                .git()
                .diff_tree_to_workdir(Some(&head), Some(&mut compare));
            let diff = diff.map_err(reading)?;
            let changed: BTreeSet<_> = diff
                .deltas()
                .filter_map(|delta| delta.old_file().path_bytes())
                .collect();
            let differs = |file: &String| changed.contains(file.as_bytes());
            let changed = files.iter().filter(|(file, _)| differs(file));
            dirty.extend(changed.map(|(_, path)| *path));
        }
        Ok(dirty.into_iter().map(str::to_owned).collect())
    }

    /// The branch and how much is uncommitted, for a header. Folders that are untracked as a
    /// whole count once; what is ignored does not count.
    pub fn summary(&self) -> Result<Summary, GitError> {
        let head = self.head()?;
        Ok(Summary {
            branch: head.branch,
            commit: head.commit,
            uncommitted: self.count_uncommitted()?,
        })
    }

    fn count_uncommitted(&self) -> Result<Option<usize>, GitError> {
        let reading = |error| GitError::from_git("reading the state of the files", &error);
        if self.git().index().map_err(reading)?.len() > MOST_FILES_COUNTED {
            return Ok(None);
        }
        let mut options = StatusOptions::new();
        options
            .include_untracked(true)
            .recurse_untracked_dirs(false)
            .include_ignored(false)
            .exclude_submodules(true)
            .update_index(false);
        let statuses = self.git().statuses(Some(&mut options)).map_err(reading)?;
        Ok(Some(statuses.len()))
    }

    /// What a commit by `git commit` would have had besides.
    pub fn notes(&self) -> Result<Vec<Note>, GitError> {
        let config = self.git().config();
        let config =
            config.map_err(|error| GitError::from_git("reading git's configuration", &error))?;
        let folder = match config.get_path("core.hooksPath") {
            // Relative to where hooks run (`git help config`), which is the top folder.
            Ok(path) => self.tree.folder.join(path),
            Err(_) => self.git().commondir().join("hooks"),
        };
        let mut notes = Vec::new();
        let active: Vec<_> = HOOKS
            .into_iter()
            .filter(|name| is_executable(&folder.join(name)))
            .collect();
        if !active.is_empty() {
            notes.push(Note::Hooks(active));
        }
        if config.get_bool("commit.gpgSign").unwrap_or(false) {
            notes.push(Note::Unsigned);
        }
        notes.extend(in_progress(self.git().state()).map(Note::InProgress));
        Ok(notes)
    }
}

fn in_progress(state: RepositoryState) -> Option<&'static str> {
    match state {
        RepositoryState::Clean => None,
        RepositoryState::Merge => Some("A merge"),
        RepositoryState::Revert | RepositoryState::RevertSequence => Some("A revert"),
        RepositoryState::CherryPick | RepositoryState::CherryPickSequence => Some("A cherry-pick"),
        RepositoryState::Bisect => Some("A bisection"),
        RepositoryState::Rebase
        | RepositoryState::RebaseInteractive
        | RepositoryState::RebaseMerge => Some("A rebase"),
        RepositoryState::ApplyMailbox | RepositoryState::ApplyMailboxOrRebase => {
            Some("Applying a mailbox")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::discover::scratch::{commit, everything, git, repository};

    #[test]
    fn what_differs_from_head_is_uncommitted() {
        let files = ["clean", "changed", "staged", "undone", "deleted", "moded"];
        let (folder, _) = repository(&files.map(|name| (name, "a\n")));
        let path = folder.path();
        fs::write(path.join(".gitignore"), "ignored\n").unwrap();
        for name in [
            "changed",
            "staged",
            "undone",
            "untracked",
            "ignored",
            "added",
        ] {
            fs::write(path.join(name), "b\n").unwrap();
        }
        git(path, &["add", "staged", "undone", "added"]);
        fs::write(path.join("undone"), "a\n").unwrap();
        fs::remove_file(path.join("deleted")).unwrap();
        git(path, &["update-index", "--chmod=+x", "moded"]);
        let before = everything(path);
        let repo = Repo::open(path).unwrap();
        let asked = [
            &files[..],
            &["untracked", "ignored", "added", "nowhere", "no/where"],
        ]
        .concat();
        assert_eq!(
            repo.uncommitted(&asked).unwrap(),
            [
                "added",
                "changed",
                "deleted",
                "ignored",
                "moded",
                "staged",
                "undone",
                "untracked"
            ]
        );
        assert_eq!(repo.uncommitted(&[]).unwrap(), [""; 0]);
        assert_eq!(everything(path), before, "looking changes nothing");
    }

    #[test]
    fn line_ends_that_git_converts_are_no_change() {
        let (folder, raw) = repository(&[(".gitattributes", "*.bat eol=crlf\n"), ("a.bat", "x\n")]);
        fs::write(folder.path().join("a.bat"), "x\r\n").unwrap();
        let repo = Repo::open(folder.path()).unwrap();
        assert_eq!(repo.uncommitted(&["a.bat"]).unwrap(), [""; 0]);

        commit(&raw, &[("app.py", "x\n")]);
        fs::write(folder.path().join("app.py"), "x\r\n").unwrap();
        assert_eq!(repo.uncommitted(&["app.py"]).unwrap(), ["app.py"]);
        raw.config()
            .unwrap()
            .set_bool("core.autocrlf", true)
            .unwrap();
        let repo = Repo::open(folder.path()).unwrap();
        assert_eq!(repo.uncommitted(&["app.py"]).unwrap(), [""; 0]);
    }

    #[test]
    fn a_subfolder_sees_its_own_paths() {
        let (folder, _) = repository(&[("web/app.py", "a\n"), ("app.py", "a\n")]);
        fs::write(folder.path().join("web/app.py"), "b\n").unwrap();
        let repo = Repo::open(&folder.path().join("web")).unwrap();
        assert_eq!(repo.uncommitted(&["app.py"]).unwrap(), ["app.py"]);
        let repo = Repo::open(folder.path()).unwrap();
        assert_eq!(repo.uncommitted(&["app.py"]).unwrap(), [""; 0]);
    }

    #[test]
    fn the_summary_counts_files_and_untracked_folders() {
        let (folder, _) = repository(&[("a", "1\n"), ("b", "1\n"), (".gitignore", "*.log\n")]);
        for (path, text) in [("a", "2\n"), ("x.log", ""), ("new/1", ""), ("new/2", "")] {
            fs::create_dir_all(folder.path().join("new")).unwrap();
            fs::write(folder.path().join(path), text).unwrap();
        }
        let before = everything(folder.path());
        let summary = Repo::open(folder.path()).unwrap().summary().unwrap();
        assert_eq!(summary.branch.as_deref(), Some("main"));
        assert_eq!(summary.uncommitted, Some(2));
        assert_eq!(everything(folder.path()), before);
    }

    #[cfg(unix)]
    #[test]
    fn hooks_and_signing_are_told() {
        use std::os::unix::fs::PermissionsExt as _;
        let (folder, raw) = repository(&[("app.py", "")]);
        let repo = Repo::open(folder.path()).unwrap();
        assert_eq!(repo.notes().unwrap(), []);
        let hooks = folder.path().join(".git/hooks");
        fs::create_dir_all(&hooks).unwrap();
        for (name, mode) in [("pre-commit", 0o755), ("commit-msg", 0o644)] {
            fs::write(hooks.join(name), "#!/bin/sh\n").unwrap();
            let permissions = fs::Permissions::from_mode(mode);
            fs::set_permissions(hooks.join(name), permissions).unwrap();
        }
        let mut config = raw.config().unwrap();
        config.set_bool("commit.gpgSign", true).unwrap();
        fs::write(folder.path().join(".git/MERGE_HEAD"), "0".repeat(40)).unwrap();
        let notes = Repo::open(folder.path()).unwrap().notes().unwrap();
        let words: Vec<_> = notes.iter().map(Note::to_string).collect();
        assert_eq!(
            words,
            [
                "The hook pre-commit is not run.",
                "The commits are not signed (commit.gpgSign is set).",
                "A merge is in progress in the working tree.",
            ]
        );
        config.set_str("core.hooksPath", "elsewhere").unwrap();
        let notes = Repo::open(folder.path()).unwrap().notes().unwrap();
        assert_eq!(notes.len(), 2);
    }
}
