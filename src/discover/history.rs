//! What git remembers: which commits held a value, and what is tracked or ignored.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use git2::{Oid, Repository};

use super::civil;
use super::search::{self, Found, Looked};
use super::work_tree::WorkTree;
use crate::error::GitError;

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
}

/// A value to be looked for, with at least one character.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub value: &'a str,
    /// The files that hold it now.
    pub files: &'a [&'a str],
    /// Other files are looked at as well.
    pub everywhere: bool,
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

    /// Looks for every value, on all branches and tags, the newest commits first, for at most
    /// `budget` all in all: first along its own files, also under the names that they had before
    /// a renaming, then, where that is asked for, in everything that commits changed, for a part
    /// of the time that is left.
    ///
    /// Only what a commit changed is read, so the cost is that of `git log`, not of reading
    /// every tree. Files above the size that a scan reads are left out. What cannot be read,
    /// as in a shallow or damaged repository, leaves the search incomplete.
    ///
    /// One answer for each of `wanted`, in their order.
    pub fn search(&self, wanted: &[Wanted<'_>], budget: Duration) -> Vec<Search> {
        let deadline = Instant::now().checked_add(budget);
        let tree = self.tree();
        let looked: Vec<Looked> = wanted
            .iter()
            .map(|wanted| {
                let files = wanted.files.iter().map(|path| tree.in_repository(path));
                Looked {
                    value: wanted.value.to_owned(),
                    files: files.filter_map(Result::ok).collect(),
                    everywhere: wanted.everywhere,
                }
            })
            .collect();
        let found = search::search(&tree.repository, &looked, deadline);
        found
            .into_iter()
            .map(|found| Search {
                occurrences: occurrences(&tree.repository, &found),
                complete: found.complete,
            })
            .collect()
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

fn occurrences(git: &Repository, found: &Found) -> Option<Occurrences> {
    let span = found.span?;
    Some(Occurrences {
        first: describe(git, span.first.1)?,
        last: describe(git, span.last.1)?,
        commits: span.commits,
        complete: found.complete,
    })
}

fn describe(git: &Repository, id: Oid) -> Option<CommitRef> {
    let commit = git.find_commit(id).ok()?;
    let short = commit.as_object().short_id().ok()?;
    let when = commit.author().when();
    let local = when.seconds() + i64::from(when.offset_minutes()) * 60;
    Some(CommitRef {
        id: String::from_utf8_lossy(&short).into_owned(),
        date: civil::date(local),
    })
}

fn is_tracked(tree: &WorkTree, path: &str) -> Result<bool, GitError> {
    let reading = |error| GitError::from_git("reading the index", &error);
    let file = tree.in_repository(path)?;
    let mut index = tree.repository.index().map_err(reading)?;
    index.read(false).map_err(reading)?;
    // The stages behind 0 are those of a conflict.
    Ok((0..=3).any(|stage| index.get_path(Path::new(&file), stage).is_some()))
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
        search(folder, &value(), paths, AMPLE).occurrences
    }

    /// Along `paths`, or everywhere without any.
    fn search(folder: &Path, value: &str, paths: &[&str], budget: Duration) -> Search {
        let wanted = Wanted {
            value,
            files: paths,
            everywhere: paths.is_empty(),
        };
        let history = History::open(folder).unwrap();
        history.search(&[wanted], budget).remove(0)
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
        }
        assert_eq!(find(folder.path(), &["other.py"]), None);
        commit(&raw, &[("deep/er/conf.py", &held)]);
        let found = find(folder.path(), &[]).unwrap();
        assert_eq!(found.commits, 3);
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
        commit(&raw, &[("app.py", "x = 2\n")]);
        git(path, &["merge", "-q", "--no-edit", "side"]);
        assert_eq!(find(path, &[]).unwrap().commits, 1);
        git(path, &["pack-refs", "--all"]);
        git(path, &["gc", "-q"]);
        assert_eq!(find(path, &[]).unwrap().commits, 1);
    }

    /// A value that moved with its file is followed to where it began, without reading anything
    /// else.
    #[test]
    fn names_before_a_renaming_are_followed() {
        let held = format!("KEY = '{}'\n", value());
        let (folder, raw) = repository(&[("config.py", &held), ("other.py", "x = 1\n")]);
        let path = folder.path();
        let first = git(path, &["log", "-1", "--format=%h"]);
        commit(&raw, &[("config.py", &format!("{held}A = 1\n"))]);
        git(path, &["mv", "config.py", "settings.py"]);
        commit(&raw, &[("other.py", "x = 2\n")]);
        commit(&raw, &[("settings.py", &format!("{held}B = 1\n"))]);
        let last = git(path, &["log", "-1", "--format=%h"]);
        let found = find(path, &["settings.py"]).unwrap();
        assert_eq!((found.commits, found.complete), (4, true));
        assert_eq!(found.first.id, first.trim());
        assert_eq!(found.last.id, last.trim());
    }

    /// Several values take one walk; each keeps to its own files.
    #[test]
    fn values_are_looked_for_together() {
        let (folder, raw) = repository(&[("a.py", "first-value"), ("b.py", "first-value")]);
        commit(&raw, &[("b.py", "first-value second-value")]);
        let history = History::open(folder.path()).unwrap();
        let wanted = |value, files, everywhere| Wanted {
            value,
            files,
            everywhere,
        };
        let found = history.search(
            &[
                wanted("first-value", &["a.py"], false),
                wanted("second-value", &["b.py"], true),
                wanted("third-value", &[], true),
            ],
            AMPLE,
        );
        let commits = found
            .iter()
            .map(|it| it.occurrences.as_ref().map_or(0, |it| it.commits));
        assert_eq!(commits.collect::<Vec<_>>(), [1, 1, 0]);
        assert!(found.iter().all(|it| it.complete));
    }

    /// A packed history of 1,200 commits with merges, long enough for several threads: the value
    /// comes early, moves with its file, is touched and goes late.
    #[test]
    fn a_long_history_is_searched_from_end_to_end() {
        use std::fmt::Write as _;
        use std::io::Write as _;

        let held = format!("KEY = '{}'", value());
        let mut stream = String::new();
        for number in 1..=1200u32 {
            let text = match number {
                100 | 300 | 500 => format!("{held}\nX = {number}\n"),
                _ => String::new(),
            };
            let file = format!("m{}/f{}.py", number % 20, number % 7);
            let other = format!("V = {number}\n");
            write!(
                stream,
                "commit refs/heads/main\nmark :{number}\ncommitter T <t@example.org> {} +0000\n\
                 data 1\nx\n",
                1_500_000_000 + u64::from(number) * 60
            )
            .unwrap();
            if number > 1 {
                writeln!(stream, "from :{}", number - 1).unwrap();
            }
            // Merges of an older commit bring nothing.
            if number % 90 == 0 {
                writeln!(stream, "merge :{}", number - 5).unwrap();
            }
            write!(
                stream,
                "M 100644 inline {file}\ndata {}\n{other}\n",
                other.len()
            )
            .unwrap();
            if !text.is_empty() {
                write!(
                    stream,
                    "M 100644 inline a/conf.py\ndata {}\n{text}\n",
                    text.len()
                )
                .unwrap();
            }
            match number {
                400 => stream.push_str("R a/conf.py b/settings.py\n"),
                1100 => stream.push_str("D b/settings.py\nD a/conf.py\n"),
                _ => {}
            }
        }
        let folder = tempfile::tempdir().unwrap();
        init(folder.path());
        let mut import = std::process::Command::new("git")
            .args(["fast-import", "--quiet"])
            .current_dir(folder.path())
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        import
            .stdin
            .take()
            .unwrap()
            .write_all(stream.as_bytes())
            .unwrap();
        assert!(import.wait().unwrap().success());
        git(folder.path(), &["pack-refs", "--all"]);
        let at = |number: u32| {
            let back = format!("main~{}", 1200 - number);
            git(folder.path(), &["log", "-1", "--format=%h", &back])
                .trim()
                .to_owned()
        };
        let found = find(folder.path(), &[]).unwrap();
        assert_eq!((found.commits, found.complete), (4, true));
        assert_eq!((found.first.id, found.last.id), (at(100), at(500)));
        // Along the file's own name, from where it was called otherwise.
        let found = find(folder.path(), &["b/settings.py"]).unwrap();
        assert_eq!((found.commits, found.first.id), (3, at(100)));
    }

    #[test]
    fn a_search_without_time_says_so() {
        let (folder, _) = repository(&[("app.py", &value())]);
        let path = folder.path();
        assert_eq!(
            search(path, &value(), &[], Duration::ZERO),
            Search {
                occurrences: None,
                complete: false
            }
        );
        assert_eq!(
            search(path, "never written", &[], AMPLE),
            Search {
                occurrences: None,
                complete: true
            }
        );
    }

    #[test]
    fn shallow_and_damaged_repositories_are_searched_as_far_as_they_go() {
        let (folder, raw) = repository(&[("app.py", &value())]);
        commit(&raw, &[("app.py", "x = 1\n")]);
        commit(&raw, &[("app.py", "x = 2\n")]);
        let clone = tempfile::tempdir().unwrap();
        let url = format!("file://{}", folder.path().display());
        git(clone.path(), &["clone", "-q", "--depth=2", &url, "here"]);
        for paths in [&["app.py"][..], &[]] {
            assert_eq!(
                search(&clone.path().join("here"), &value(), paths, AMPLE),
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
        assert_eq!(
            search(folder.path(), &value(), &[], AMPLE),
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
        assert_eq!(search(folder.path(), "x", &[], AMPLE).occurrences, None);
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
