//! What git remembers: which commits held a value, and what is tracked or ignored.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use git2::{Commit, ObjectType, Odb, Oid, Repository, Tree};
use memchr::memmem::Finder;

use super::work_tree::WorkTree;
use super::{MAX_FILE_BYTES, civil};
use crate::error::GitError;

/// The branches and tags whose commits others may have.
const REFERENCES: [&str; 3] = ["refs/heads/*", "refs/remotes/*", "refs/tags/*"];

/// The git repository around the scanned folder, for questions about the past. All paths are
/// relative to that folder.
pub struct History {
    tree: Mutex<WorkTree>,
}

/// A commit to tell a person about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitRef {
    /// The abbreviated name.
    pub id: String,
    /// The day it was authored, where it was authored (`2024-02-29`).
    pub date: String,
}

/// The commits whose files held a value: those that brought it or touched a file with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrences {
    pub first: CommitRef,
    pub last: CommitRef,
    pub commits: usize,
    /// All of the history was searched; else there may be more, and older ones.
    pub complete: bool,
    /// The checked-out commit holds the value.
    pub still_at_head: bool,
}

/// The answer to a search, also when time was too short to find anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    pub occurrences: Option<Occurrences>,
    /// All of the history was searched: without occurrences, there are none.
    pub complete: bool,
}

impl History {
    /// Opens the repository that `root` lies in.
    pub fn open(root: &Path) -> Result<Self, GitError> {
        let tree = Mutex::new(WorkTree::open(root)?);
        Ok(Self { tree })
    }

    /// As [`Self::search`], without telling "never" from "not found in time".
    pub fn find_value(&self, value: &str, paths: &[&str], budget: Duration) -> Option<Occurrences> {
        self.search(value, paths, budget).occurrences
    }

    /// Looks for `value` in every version of the files at `paths` (of all files, if empty), on
    /// all branches and tags, the newest commits first, for at most `budget`.
    ///
    /// Only what a commit changed is read, so the cost is that of `git log`, not of reading
    /// every tree. Files above the size that a scan reads are left out. What cannot be read,
    /// as in a shallow or damaged repository, leaves the search incomplete.
    pub fn search(&self, value: &str, paths: &[&str], budget: Duration) -> Search {
        let deadline = Instant::now().checked_add(budget);
        let tree = self.tree();
        let files = paths.iter().map(|path| tree.in_repository(path));
        let (Ok(files), false) = (files.collect::<Result<Vec<_>, _>>(), value.is_empty()) else {
            return Search {
                occurrences: None,
                complete: true,
            };
        };
        let mut walk = Walk {
            git: &tree.repository,
            odb: tree.repository.odb().ok(),
            value: Finder::new(value),
            files,
            deadline,
            holds: HashMap::new(),
            at: HashMap::new(),
            complete: !tree.repository.is_shallow(),
        };
        let occurrences = walk.run();
        Search {
            occurrences,
            complete: walk.complete,
        }
    }

    /// Whether git tracks the file: a commit holds it, or the next one will.
    pub fn is_tracked(&self, path: &str) -> Result<bool, GitError> {
        is_tracked(&self.tree(), path)
    }

    /// Whether `git add` leaves the file out.
    pub fn is_ignored(&self, path: &str) -> Result<bool, GitError> {
        let tree = self.tree();
        if is_tracked(&tree, path)? {
            return Ok(false);
        }
        let ignored = tree.repository.is_path_ignored(tree.in_repository(path)?);
        ignored.map_err(|error| GitError::from_git("reading .gitignore", &error))
    }

    fn tree(&self) -> MutexGuard<'_, WorkTree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_tracked(tree: &WorkTree, path: &str) -> Result<bool, GitError> {
    let reading = |error| GitError::from_git("reading the index", &error);
    let file = tree.in_repository(path)?;
    let mut index = tree.repository.index().map_err(reading)?;
    index.read(false).map_err(reading)?;
    // The stages behind 0 are those of a conflict.
    Ok((0..=3).any(|stage| index.get_path(Path::new(&file), stage).is_some()))
}

/// One search on its way.
struct Walk<'a> {
    git: &'a Repository,
    odb: Option<Odb<'a>>,
    value: Finder<'a>,
    /// Paths in the repository; empty means all.
    files: Vec<String>,
    deadline: Option<Instant>,
    /// Blobs that were read, and whether the value stands in them.
    holds: HashMap<Oid, bool>,
    /// The blobs at `files` in each top tree that was looked at.
    at: HashMap<Oid, HashSet<Oid>>,
    complete: bool,
}

/// The oldest and the newest commit so far, with their times.
struct Span {
    first: (i64, Oid),
    last: (i64, Oid),
    commits: usize,
}

impl Walk<'_> {
    fn run(&mut self) -> Option<Occurrences> {
        let still_at_head = self.at_head();
        let span = match self.span() {
            Ok(span) => span,
            Err(_) => {
                self.complete = false;
                None
            }
        }?;
        Some(Occurrences {
            first: self.describe(span.first.1)?,
            last: self.describe(span.last.1)?,
            commits: span.commits,
            complete: self.complete,
            still_at_head,
        })
    }

    fn at_head(&mut self) -> bool {
        let head = self.git.head().and_then(|head| head.peel_to_tree());
        head.is_ok_and(|tree| self.touched(&tree, &[]))
    }

    /// Walks the history. An error means that not even the walk could go on.
    fn span(&mut self) -> Result<Option<Span>, git2::Error> {
        // Unsorted means newest first and children before parents, found while walking; every
        // other order makes libgit2 read all commits before it gives the first one.
        let mut commits = self.git.revwalk()?;
        // A repository without a commit has a HEAD that leads nowhere.
        if self.git.head().is_ok() {
            commits.push_head()?;
        }
        for references in REFERENCES {
            commits.push_glob(references)?;
        }
        let mut span: Option<Span> = None;
        for id in commits {
            if self.is_late() {
                break;
            }
            let commit = self.git.find_commit(id?)?;
            if !self.brings_value(&commit) {
                continue;
            }
            let this = (commit.time().seconds(), commit.id());
            let span = span.get_or_insert(Span {
                first: this,
                last: this,
                commits: 0,
            });
            span.commits += 1;
            // Where clocks say the same, the walk itself goes from new to old.
            if this.0 <= span.first.0 {
                span.first = this;
            }
            if this.0 > span.last.0 {
                span.last = this;
            }
        }
        Ok(span)
    }

    fn is_late(&mut self) -> bool {
        let late = self
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline);
        self.complete &= !late;
        late
    }

    /// Whether a file that the commit changed holds the value after it.
    fn brings_value(&mut self, commit: &Commit<'_>) -> bool {
        let parents = commit.parents().map(|parent| parent.tree());
        let parents: Vec<_> = parents.filter_map(|tree| self.known(tree)).collect();
        let tree = commit.tree();
        match self.known(tree) {
            Some(tree) if self.files.is_empty() => self.touched(&tree, &parents),
            Some(tree) => self.touched_files(&tree, &parents),
            None => false,
        }
    }

    /// The object, if the repository has it.
    fn known<T>(&mut self, found: Result<T, git2::Error>) -> Option<T> {
        self.complete &= found.is_ok();
        found.ok()
    }

    /// Whether one of `files` is in `tree`, other than in every one of `parents`, and holds
    /// the value.
    fn touched_files(&mut self, tree: &Tree<'_>, parents: &[Tree<'_>]) -> bool {
        let mut changed = self.blobs_at_files(tree).clone();
        for parent in parents {
            for known in self.blobs_at_files(parent).clone() {
                changed.remove(&known);
            }
        }
        changed.into_iter().any(|blob| self.holds(blob))
    }

    fn blobs_at_files(&mut self, tree: &Tree<'_>) -> &HashSet<Oid> {
        let files = &self.files;
        self.at.entry(tree.id()).or_insert_with(|| {
            let entries = files
                .iter()
                .filter_map(|file| tree.get_path(Path::new(file)).ok());
            entries
                .filter(|entry| entry.kind() == Some(ObjectType::Blob))
                .map(|entry| entry.id())
                .collect()
        })
    }

    /// Whether any file below `tree` that is not the same in one of `parents` holds the value.
    /// Folders that are the same are not entered.
    fn touched(&mut self, tree: &Tree<'_>, parents: &[Tree<'_>]) -> bool {
        if parents.is_empty() && !self.files.is_empty() {
            return self.touched_files(tree, parents);
        }
        for entry in tree {
            let name = entry.name_bytes();
            let before: Vec<_> = parents
                .iter()
                .filter_map(|parent| parent.get_name_bytes(name))
                .collect();
            if before.iter().any(|old| old.id() == entry.id()) || self.is_late() {
                continue;
            }
            let holds = match entry.kind() {
                Some(ObjectType::Blob) => self.holds(entry.id()),
                Some(ObjectType::Tree) => {
                    let before = before.iter().map(|old| self.git.find_tree(old.id()).ok());
                    let before: Vec<_> = before.flatten().collect();
                    let found = self.git.find_tree(entry.id());
                    let found = self.known(found);
                    found.is_some_and(|folder| self.touched(&folder, &before))
                }
                _ => false,
            };
            if holds {
                return true;
            }
        }
        false
    }

    fn holds(&mut self, blob: Oid) -> bool {
        if let Some(known) = self.holds.get(&blob) {
            return *known;
        }
        let holds = self.read(blob);
        self.holds.insert(blob, holds);
        holds
    }

    fn read(&mut self, blob: Oid) -> bool {
        let Some(odb) = &self.odb else {
            self.complete = false;
            return false;
        };
        let read = match odb.read_header(blob) {
            Ok((size, _)) if size as u64 > MAX_FILE_BYTES => return false,
            Ok(_) => odb.read(blob),
            Err(error) => Err(error),
        };
        match read {
            Ok(object) => self.value.find(object.data()).is_some(),
            Err(_) => {
                self.complete = false;
                false
            }
        }
    }

    fn describe(&self, id: Oid) -> Option<CommitRef> {
        let commit = self.git.find_commit(id).ok()?;
        let short = commit.as_object().short_id().ok()?;
        let when = commit.author().when();
        let local = when.seconds() + i64::from(when.offset_minutes()) * 60;
        Some(CommitRef {
            id: String::from_utf8_lossy(&short).into_owned(),
            date: civil::date(local),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::discover::scratch::{commit, git, init, repository};

    const AMPLE: Duration = Duration::from_secs(60);

    /// A made-up value, put together here so that no tool takes it for a real one.
    fn value() -> String {
        ["not", "a", "real", "key"].join("-")
    }

    fn find(folder: &Path, paths: &[&str]) -> Option<Occurrences> {
        History::open(folder)
            .unwrap()
            .find_value(&value(), paths, AMPLE)
    }

    #[test]
    fn the_commits_that_held_a_value_are_found() {
        let held = format!("KEY = '{}'\n", value());
        let (folder, raw) = repository(&[("app.py", "x = 1\n")]);
        commit(&raw, &[("app.py", &held)]);
        let first = git(folder.path(), &["log", "-1", "--format=%h %as"]);
        commit(&raw, &[("other.py", "y = 1\n")]);
        commit(&raw, &[("app.py", &format!("{held}y = 2\n"))]);
        let last = git(folder.path(), &["log", "-1", "--format=%h %as"]);
        commit(&raw, &[("app.py", "KEY = read()\n")]);
        for paths in [&["app.py"][..], &[]] {
            let found = find(folder.path(), paths).unwrap();
            let shown = |commit: &CommitRef| format!("{} {}\n", commit.id, commit.date);
            assert_eq!(
                (shown(&found.first), shown(&found.last)),
                (first.clone(), last.clone())
            );
            assert_eq!((found.commits, found.complete), (2, true));
            assert!(!found.still_at_head);
        }
        assert_eq!(find(folder.path(), &["other.py"]), None);
        commit(&raw, &[("deep/er/conf.py", &held)]);
        let found = find(folder.path(), &[]).unwrap();
        assert_eq!((found.commits, found.still_at_head), (3, true));
        assert!(!find(folder.path(), &["app.py"]).unwrap().still_at_head);
        let inside = find(&folder.path().join("deep"), &["er/conf.py"]);
        assert_eq!(inside.unwrap().commits, 1);
    }

    #[test]
    fn other_branches_and_merges_count_once() {
        let (folder, raw) = repository(&[("app.py", "x = 1\n")]);
        let path = folder.path();
        git(path, &["checkout", "-q", "-b", "side"]);
        commit(&raw, &[("conf.py", &value())]);
        git(path, &["checkout", "-q", "main"]);
        assert_eq!(find(path, &[]).unwrap().commits, 1);
        assert!(!find(path, &[]).unwrap().still_at_head);
        commit(&raw, &[("app.py", "x = 2\n")]);
        git(path, &["merge", "-q", "--no-edit", "side"]);
        let found = find(path, &[]).unwrap();
        assert_eq!((found.commits, found.still_at_head), (1, true));
    }

    #[test]
    fn a_search_without_time_says_so() {
        let (folder, _) = repository(&[("app.py", &value())]);
        let history = History::open(folder.path()).unwrap();
        let search = history.search(&value(), &[], Duration::ZERO);
        assert_eq!(
            search,
            Search {
                occurrences: None,
                complete: false
            }
        );
        let nothing = history.search("never written", &[], AMPLE);
        assert_eq!(
            nothing,
            Search {
                occurrences: None,
                complete: true
            }
        );
        assert_eq!(history.find_value("", &[], AMPLE), None);
    }

    #[test]
    fn shallow_and_damaged_repositories_are_searched_as_far_as_they_go() {
        let (folder, raw) = repository(&[("app.py", &value())]);
        commit(&raw, &[("app.py", "x = 1\n")]);
        commit(&raw, &[("app.py", "x = 2\n")]);
        let clone = tempfile::tempdir().unwrap();
        let url = format!("file://{}", folder.path().display());
        git(clone.path(), &["clone", "-q", "--depth=2", &url, "here"]);
        let history = History::open(&clone.path().join("here")).unwrap();
        for paths in [&["app.py"][..], &[]] {
            let search = history.search(&value(), paths, AMPLE);
            assert_eq!(
                search,
                Search {
                    occurrences: None,
                    complete: false
                }
            );
        }

        let first = git(folder.path(), &["rev-parse", "HEAD~2:app.py"]);
        let (fan_out, name) = first.trim().split_at(2);
        let object = folder.path().join(".git/objects").join(fan_out).join(name);
        fs::remove_file(object).unwrap();
        let history = History::open(folder.path()).unwrap();
        let search = history.search(&value(), &[], AMPLE);
        assert_eq!(
            search,
            Search {
                occurrences: None,
                complete: false
            }
        );
    }

    #[test]
    fn tracked_and_ignored_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let raw = init(folder.path());
        let history = || History::open(folder.path()).unwrap();
        assert!(!history().is_tracked(".env").unwrap());
        assert_eq!(history().find_value("x", &[], AMPLE), None);
        commit(&raw, &[(".env", "KEY=x\n")]);
        fs::write(folder.path().join(".gitignore"), ".env\n*.local\n").unwrap();
        assert!(history().is_tracked(".env").unwrap());
        assert!(
            !history().is_ignored(".env").unwrap(),
            "what is tracked is not ignored"
        );
        assert!(history().is_ignored(".env.local").unwrap());
        assert!(!history().is_ignored("app.py").unwrap());
        git(folder.path(), &["rm", "-q", "--cached", ".env"]);
        assert!(!history().is_tracked(".env").unwrap());
        assert!(history().is_ignored(".env").unwrap());
    }
}
