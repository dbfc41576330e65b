//! One walk through the history for several values at once, bounded in time.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use aho_corasick::AhoCorasick;
use git2::{Commit, Delta, ObjectType, Odb, Oid, Repository, Tree};

use super::MAX_FILE_BYTES;

/// The branches and tags whose commits others may have.
const REFERENCES: [&str; 3] = ["refs/heads/*", "refs/remotes/*", "refs/tags/*"];

/// Commits that one thread takes at a time.
const CHUNK: usize = 64;

/// Which part of the time that is left goes to files that do not hold the values now.
const ELSEWHERE: u32 = 4;

/// More threads wait for the disk.
const MAX_THREADS: usize = 4;

/// One value to be looked for.
#[derive(Debug, Clone)]
pub(super) struct Looked {
    pub value: String,
    /// Paths in the repository whose history is looked through first.
    pub files: Vec<String>,
    /// All other files as well, as far as time allows.
    pub everywhere: bool,
}

/// The oldest and the newest commit with a value, with their times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub first: (i64, Oid),
    pub last: (i64, Oid),
    pub commits: usize,
}

/// What was found of one value.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Found {
    pub span: Option<Span>,
    /// All of the history was searched.
    pub complete: bool,
}

/// Looks for every value, the newest commits first, until `deadline`.
pub(super) fn search(git: &Repository, looked: &[Looked], deadline: Option<Instant>) -> Vec<Found> {
    // An empty text would be everywhere; no file holds this one.
    let value = |it: &'_ Looked| match it.value.is_empty() {
        true => "\0\0".to_owned(),
        false => it.value.clone(),
    };
    let values: Vec<String> = looked.iter().map(value).collect();
    let nothing = |complete| {
        vec![
            Found {
                span: None,
                complete
            };
            looked.len()
        ]
    };
    let Ok(finder) = AhoCorasick::new(values) else {
        return nothing(false);
    };
    let mut hits = Hits::new(looked.len());
    let whole = !git.is_shallow();
    let Ok((commits, walked)) = commits(git, deadline) else {
        return nothing(false);
    };
    let shared = Shared {
        looked,
        finder: &finder,
        deadline,
    };
    let along_files = along_files(git, &shared, &commits, &mut hits);
    let elsewhere = looked.iter().any(|it| it.everywhere);
    // What is left is large, and seldom tells more.
    let shared = Shared {
        deadline: deadline.map(|it| {
            let now = Instant::now();
            now + it.saturating_duration_since(now) / ELSEWHERE
        }),
        ..shared
    };
    let all = !elsewhere || everywhere(git, &shared, &commits, &mut hits);
    looked
        .iter()
        .zip(hits.of)
        .map(|(looked, commits)| Found {
            span: span(&commits),
            complete: whole && walked && along_files && (all || !looked.everywhere),
        })
        .collect()
}

struct Shared<'a> {
    looked: &'a [Looked],
    finder: &'a AhoCorasick,
    deadline: Option<Instant>,
}

impl Shared<'_> {
    fn is_late(&self) -> bool {
        self.deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// The commits that hold each value, by their names, with the order of the walk and their time.
struct Hits {
    of: Vec<HashMap<Oid, (usize, i64)>>,
}

impl Hits {
    fn new(values: usize) -> Self {
        Self {
            of: vec![HashMap::new(); values],
        }
    }
}

fn span(commits: &HashMap<Oid, (usize, i64)>) -> Option<Span> {
    // Where clocks say the same, the walk itself goes from new to old.
    let key = |(_, (order, time)): &(&Oid, &(usize, i64))| (*time, std::cmp::Reverse(*order));
    let first = commits.iter().min_by_key(key)?;
    let last = commits.iter().max_by_key(key)?;
    Some(Span {
        first: (first.1.1, *first.0),
        last: (last.1.1, *last.0),
        commits: commits.len(),
    })
}

/// Every commit, the newest first; whether that is all of them.
fn commits(git: &Repository, deadline: Option<Instant>) -> Result<(Vec<Oid>, bool), git2::Error> {
    // Unsorted means newest first and children before parents, found while walking; every other
    // order makes libgit2 read all commits before it gives the first one.
    let mut walk = git.revwalk()?;
    // A repository without a commit has a HEAD that leads nowhere.
    if git.head().is_ok() {
        walk.push_head()?;
    }
    for references in REFERENCES {
        walk.push_glob(references)?;
    }
    let mut found = Vec::new();
    for id in walk {
        let Ok(id) = id else {
            return Ok((found, false));
        };
        found.push(id);
        let is_late = found.len() % CHUNK == 0 && deadline.is_some_and(|it| Instant::now() >= it);
        if is_late {
            return Ok((found, false));
        }
    }
    Ok((found, true))
}

/// The blobs that hold values, by the numbers of those.
struct Blobs<'a> {
    odb: Odb<'a>,
    finder: &'a AhoCorasick,
    known: HashMap<Oid, Rc<[usize]>>,
    complete: bool,
}

impl<'a> Blobs<'a> {
    fn of(git: &'a Repository, finder: &'a AhoCorasick) -> Option<Self> {
        Some(Self {
            odb: git.odb().ok()?,
            finder,
            known: HashMap::new(),
            complete: true,
        })
    }

    fn held(&mut self, blob: Oid) -> Rc<[usize]> {
        if let Some(known) = self.known.get(&blob) {
            return Rc::clone(known);
        }
        let held: Rc<[usize]> = self.read(blob).into();
        self.known.insert(blob, Rc::clone(&held));
        held
    }

    fn read(&mut self, blob: Oid) -> Vec<usize> {
        let read = match self.odb.read_header(blob) {
            Ok((size, _)) if size as u64 > MAX_FILE_BYTES => return Vec::new(),
            Ok(_) => self.odb.read(blob),
            Err(error) => Err(error),
        };
        let Ok(object) = read else {
            self.complete = false;
            return Vec::new();
        };
        let matches = self.finder.find_overlapping_iter(object.data());
        let mut held: Vec<usize> = matches.map(|it| it.pattern().as_usize()).collect();
        held.sort_unstable();
        held.dedup();
        held
    }
}

/// Looks along the values' own files, and along the files that they were before a renaming.
/// Says whether nothing was missing.
fn along_files(git: &Repository, shared: &Shared<'_>, commits: &[Oid], hits: &mut Hits) -> bool {
    let mut files: Vec<String> = Vec::new();
    for file in shared.looked.iter().flat_map(|it| &it.files) {
        if !files.contains(file) {
            files.push(file.clone());
        }
    }
    let Some(blobs) = Blobs::of(git, shared.finder).filter(|_| !files.is_empty()) else {
        return files.is_empty();
    };
    let mut walk = AlongFiles {
        git,
        blobs,
        given: files.len(),
        files,
        at: HashMap::new(),
        complete: true,
    };
    for (order, id) in commits.iter().enumerate() {
        if shared.is_late() {
            return false;
        }
        match git.find_commit(*id) {
            Ok(commit) => walk.commit(order, &commit, shared.looked, hits),
            Err(_) => walk.complete = false,
        }
    }
    walk.complete && walk.blobs.complete
}

struct AlongFiles<'a> {
    git: &'a Repository,
    blobs: Blobs<'a>,
    /// Grows with the names that files had before.
    files: Vec<String>,
    /// How many of them were given.
    given: usize,
    /// The blobs at `files` in each top tree that was looked at.
    at: HashMap<Oid, Vec<Option<Oid>>>,
    complete: bool,
}

impl AlongFiles<'_> {
    fn commit(&mut self, order: usize, commit: &Commit<'_>, looked: &[Looked], hits: &mut Hits) {
        let mut parents = Vec::new();
        for parent in commit.parent_ids() {
            let tree = self.git.find_commit(parent).map(|it| it.tree_id());
            match tree {
                Ok(tree) => parents.push(tree),
                Err(_) => self.complete = false,
            }
        }
        let own = commit.tree_id();
        for index in 0..self.files.len() {
            let Some(blob) = self.blob(own, index) else {
                continue;
            };
            let before: Vec<Option<Oid>> =
                parents.iter().map(|tree| self.blob(*tree, index)).collect();
            if before.contains(&Some(blob)) {
                continue;
            }
            let held = self.blobs.held(blob);
            for value in held.iter() {
                if looked[*value].everywhere || self.is_own(index, &looked[*value]) {
                    let at = (order, commit.time().seconds());
                    hits.of[*value].entry(commit.id()).or_insert(at);
                }
            }
            let is_new = !before.is_empty() && before.iter().all(Option::is_none);
            if is_new && !held.is_empty() {
                self.earlier_names(own, &parents);
            }
        }
    }

    /// Names that a file had before count for every value.
    fn is_own(&self, index: usize, looked: &Looked) -> bool {
        looked.files.contains(&self.files[index]) || index >= self.given
    }

    /// The blob at the file with that number.
    fn blob(&mut self, tree: Oid, index: usize) -> Option<Oid> {
        let (git, files) = (self.git, &self.files);
        let known = self.at.entry(tree).or_default();
        if known.len() <= index {
            let Ok(tree) = git.find_tree(tree) else {
                self.complete = false;
                return None;
            };
            let more = files[known.len()..].iter().map(|file| {
                let entry = tree.get_path(Path::new(file)).ok()?;
                (entry.kind() == Some(ObjectType::Blob)).then(|| entry.id())
            });
            let more: Vec<Option<Oid>> = more.collect();
            known.extend(more);
        }
        known[index]
    }

    /// A file that appears with a value may have had another name: one that goes away in the
    /// same commit and held a value.
    fn earlier_names(&mut self, own: Oid, parents: &[Oid]) {
        let Ok(own) = self.git.find_tree(own) else {
            return;
        };
        for parent in parents {
            let Ok(parent) = self.git.find_tree(*parent) else {
                continue;
            };
            let Ok(diff) = self.git.diff_tree_to_tree(Some(&parent), Some(&own), None) else {
                continue;
            };
            for delta in diff.deltas().filter(|it| it.status() == Delta::Deleted) {
                let old = delta.old_file();
                let Some(path) = old.path().and_then(Path::to_str) else {
                    continue;
                };
                let is_known = self.files.iter().any(|known| known == path);
                if !is_known && !self.blobs.held(old.id()).is_empty() {
                    self.files.push(path.to_owned());
                }
            }
        }
    }
}

/// Looks through everything that commits changed, on several threads. Says whether that was all.
fn everywhere(git: &Repository, shared: &Shared<'_>, commits: &[Oid], hits: &mut Hits) -> bool {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = match commits.len() < CHUNK * 4 {
        true => 1,
        false => threads.min(MAX_THREADS),
    };
    let next = AtomicUsize::new(0);
    let path = git.path();
    let parts: Vec<Option<(Hits, bool)>> = std::thread::scope(|scope| {
        let started: Vec<_> = (1..threads)
            .map(|_| {
                scope.spawn(|| {
                    let git = Repository::open(path).ok()?;
                    Some(part(&git, shared, commits, &next))
                })
            })
            .collect();
        let own = part(git, shared, commits, &next);
        let others = started.into_iter().map(|it| it.join().ok().flatten());
        others.chain([Some(own)]).collect()
    });
    let mut complete = next.load(Ordering::Relaxed) >= commits.len();
    for part in parts {
        let Some((found, whole)) = part else {
            complete = false;
            continue;
        };
        complete &= whole;
        for (all, found) in hits.of.iter_mut().zip(found.of) {
            for (commit, at) in found {
                all.entry(commit).or_insert(at);
            }
        }
    }
    complete
}

fn part(
    git: &Repository,
    shared: &Shared<'_>,
    commits: &[Oid],
    next: &AtomicUsize,
) -> (Hits, bool) {
    let mut hits = Hits::new(shared.looked.len());
    let Some(blobs) = Blobs::of(git, shared.finder) else {
        return (hits, false);
    };
    let mut walk = Everywhere {
        git,
        blobs,
        shared,
        late: false,
        complete: true,
    };
    loop {
        let start = next.fetch_add(CHUNK, Ordering::Relaxed);
        if start >= commits.len() {
            break;
        }
        let end = (start + CHUNK).min(commits.len());
        for (order, id) in (start..end).zip(&commits[start..end]) {
            walk.late = walk.late || shared.is_late();
            if walk.late {
                return (hits, false);
            }
            walk.commit(order, *id, &mut hits);
        }
    }
    let complete = walk.complete && walk.blobs.complete && !walk.late;
    (hits, complete)
}

struct Everywhere<'a> {
    git: &'a Repository,
    blobs: Blobs<'a>,
    shared: &'a Shared<'a>,
    late: bool,
    complete: bool,
}

impl Everywhere<'_> {
    fn commit(&mut self, order: usize, id: Oid, hits: &mut Hits) {
        let Some(commit) = self.known(self.git.find_commit(id)) else {
            return;
        };
        let parents: Vec<_> = commit.parents().map(|parent| parent.tree()).collect();
        let parents: Vec<_> = parents
            .into_iter()
            .filter_map(|tree| self.known(tree))
            .collect();
        let Some(tree) = self.known(commit.tree()) else {
            return;
        };
        let mut held = HashSet::new();
        self.changed(&tree, &parents, &mut held);
        for value in held {
            if self.shared.looked[value].everywhere {
                let at = (order, commit.time().seconds());
                hits.of[value].insert(id, at);
            }
        }
    }

    /// The object, if the repository has it.
    fn known<T>(&mut self, found: Result<T, git2::Error>) -> Option<T> {
        self.complete &= found.is_ok();
        found.ok()
    }

    /// The values in every file below `tree` that is not the same in one of `parents`. Folders
    /// that are the same are not entered.
    fn changed(&mut self, tree: &Tree<'_>, parents: &[Tree<'_>], held: &mut HashSet<usize>) {
        for entry in tree {
            let name = entry.name_bytes();
            let before: Vec<_> = parents
                .iter()
                .filter_map(|parent| parent.get_name_bytes(name))
                .collect();
            if before.iter().any(|old| old.id() == entry.id()) || self.late {
                continue;
            }
            match entry.kind() {
                Some(ObjectType::Blob) => {
                    self.late = self.shared.is_late();
                    held.extend(self.blobs.held(entry.id()).iter().copied());
                }
                Some(ObjectType::Tree) => {
                    let before = before.iter().map(|old| self.git.find_tree(old.id()).ok());
                    let before: Vec<_> = before.flatten().collect();
                    if let Some(folder) = self.known(self.git.find_tree(entry.id())) {
                        self.changed(&folder, &before, held);
                    }
                }
                _ => {}
            }
        }
    }
}
