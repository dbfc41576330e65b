//! Branches: which names can be had, making one at the end of everything, and undoing that.

use std::fs;
use std::path::PathBuf;

use git2::{Branch, ErrorCode, Oid};

use super::Repo;
use crate::error::GitError;

/// The names to propose, best first: the second where a branch `flask-harden` is in the way.
const PROPOSALS: [&str; 2] = ["flask-harden/hardening", "flask-harden-hardening"];

const MOST_PROPOSALS: usize = 1000;

impl Repo {
    /// A branch name that is free, as long as one of a thousand is.
    pub fn default_branch_name(&self) -> String {
        let numbered = |base: &str, n| match n {
            1 => base.to_owned(),
            n => format!("{base}-{n}"),
        };
        PROPOSALS
            .iter()
            .flat_map(|base| (1..=MOST_PROPOSALS).map(move |n| numbered(base, n)))
            .find(|name| self.check_branch_name(name).is_ok())
            .unwrap_or_else(|| PROPOSALS[0].to_owned())
    }

    /// Whether a branch of this name can be made: the name is valid and free, and no branch is
    /// a folder of the other. Git keeps `a` and `a/b` as files, so they exclude each other.
    pub fn check_branch_name(&self, name: &str) -> Result<(), GitError> {
        // `@` alone is another word for HEAD wherever git reads a name.
        if name == "@" || !Branch::name_is_valid(name).unwrap_or(false) {
            return Err(GitError::BadBranchName { name: name.into() });
        }
        if self.branch_tip(name)?.is_some() {
            return Err(GitError::BranchExists { name: name.into() });
        }
        let Some(existing) = self.neighbour(name)? else {
            return Ok(());
        };
        let name = name.to_owned();
        match existing.to_lowercase() == name.to_lowercase() {
            true => Err(GitError::BranchExists { name: existing }),
            false => Err(GitError::BranchConflict { name, existing }),
        }
    }

    /// A branch that cannot stand beside `name`.
    fn neighbour(&self, name: &str) -> Result<Option<String>, GitError> {
        let mut folders = name.match_indices('/').map(|(at, _)| &name[..at]);
        for folder in folders.by_ref() {
            if self.branch_tip(folder)?.is_some() {
                return Ok(Some(folder.to_owned()));
            }
        }
        let reading = |error| GitError::from_git("reading the branches", &error);
        let below = format!("refs/heads/{name}/*");
        // Where names differ in case only, they are one file; then all branches are compared.
        let pattern = match self.ignores_case() {
            true => "refs/heads/*",
            false => &below,
        };
        let mut branches = self.git().references_glob(pattern).map_err(reading)?;
        let folder = format!("{}/", name.to_lowercase());
        for branch in branches.names() {
            let branch = branch.map_err(reading)?;
            let branch = branch.strip_prefix("refs/heads/").unwrap_or(branch);
            let lower = branch.to_lowercase();
            let above = folder.starts_with(&format!("{lower}/"));
            if above || lower.starts_with(&folder) {
                return Ok(Some(branch.to_owned()));
            }
        }
        Ok(None)
    }

    fn ignores_case(&self) -> bool {
        let config = self.git().config();
        config.is_ok_and(|config| config.get_bool("core.ignorecase").unwrap_or(false))
    }

    /// The commit a local branch points to, or nothing where there is no such branch.
    pub(super) fn branch_tip(&self, name: &str) -> Result<Option<Oid>, GitError> {
        match self.git().refname_to_id(&reference(name)) {
            Ok(tip) => Ok(Some(tip)),
            Err(error) => match error.code() {
                ErrorCode::NotFound => Ok(None),
                ErrorCode::InvalidSpec => Err(GitError::BadBranchName { name: name.into() }),
                _ => Err(GitError::from_git("reading the branches", &error)),
            },
        }
    }

    /// Refuses while another git process is at work on the index or on the branch to be made.
    pub(super) fn check_locks(&self, name: &str) -> Result<(), GitError> {
        let index = self.git().path().join("index.lock");
        match [index, self.branch_lock(name)]
            .into_iter()
            .find(|lock| lock.symlink_metadata().is_ok())
        {
            Some(lock) => Err(GitError::Locked { lock }),
            None => Ok(()),
        }
    }

    fn branch_lock(&self, name: &str) -> PathBuf {
        let file = format!("{}.lock", reference(name));
        self.git().commondir().join(file)
    }

    /// Makes the branch, in one step: under git's lock on its name, and only if it is still
    /// free then. A branch that exists is never moved.
    pub(super) fn create_branch(&self, name: &str, tip: Oid) -> Result<(), GitError> {
        let nothing = Oid::ZERO_SHA1;
        let log = "branch: Created by flask-harden";
        let made = self
            .git()
            .reference_matching(&reference(name), tip, false, nothing, log);
        let Err(error) = made else { return Ok(()) };
        Err(match error.code() {
            ErrorCode::Exists | ErrorCode::Modified => GitError::BranchExists { name: name.into() },
            ErrorCode::Locked => GitError::Locked {
                lock: self.branch_lock(name),
            },
            _ => GitError::from_write("writing the branch", &error),
        })
    }

    /// Deletes a branch that [`Repo::commit_branch`] made, as long as it still points to
    /// `expected_tip` (the full name of a commit) and is checked out nowhere.
    pub fn delete_branch(&self, name: &str, expected_tip: &str) -> Result<(), GitError> {
        let doing = "deleting the branch";
        let failed = |error| GitError::from_write(doing, &error);
        self.check_unused(name)?;
        let mut transaction = self.git().transaction().map_err(failed)?;
        let reference = reference(name);
        transaction
            .lock_ref(&reference)
            .map_err(|error| match error.code() {
                ErrorCode::Locked => GitError::Locked {
                    lock: self.branch_lock(name),
                },
                ErrorCode::InvalidSpec => GitError::BadBranchName { name: name.into() },
                _ => failed(error),
            })?;
        let Some(tip) = self.branch_tip(name)? else {
            return Err(GitError::NoSuchBranch { name: name.into() });
        };
        if tip.to_string() != expected_tip {
            return Err(GitError::BranchMoved { name: name.into() });
        }
        transaction.remove(&reference).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        // The branch is gone; a log of it that stays behind does no harm.
        drop(self.git().reflog_delete(&reference));
        Ok(())
    }

    /// Refuses when the branch is the HEAD of the main or of a linked working tree.
    pub(super) fn check_unused(&self, name: &str) -> Result<(), GitError> {
        let common = self.git().commondir();
        let linked = fs::read_dir(common.join("worktrees")).into_iter().flatten();
        let folders = linked.flatten().map(|entry| entry.path());
        let wanted = format!("ref: {}", reference(name));
        for folder in folders.chain([common.to_path_buf()]) {
            let head = fs::read_to_string(folder.join("HEAD")).unwrap_or_default();
            if head.trim_end() != wanted {
                continue;
            }
            let link = fs::read_to_string(folder.join("gitdir")).ok();
            let top = link.as_deref().map(|link| PathBuf::from(link.trim_end()));
            let top = top.as_deref().and_then(|link| link.parent());
            return Err(GitError::BranchInUse {
                name: name.into(),
                path: top.unwrap_or(self.folder()).to_path_buf(),
            });
        }
        Ok(())
    }
}

fn reference(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::scratch::{everything, git, repository};

    fn at_head(repo: &Repo, name: &str) -> String {
        let tip = repo.head_commit().unwrap().id();
        repo.create_branch(name, tip).unwrap();
        tip.to_string()
    }

    #[test]
    fn names_are_judged_as_git_judges_them() {
        let (folder, _) = repository(&[("app.py", "")]);
        let repo = Repo::open(folder.path()).unwrap();
        for name in ["x", "fix/debug-2", "größe"] {
            assert!(repo.check_branch_name(name).is_ok(), "{name}");
        }
        for name in [
            "", "-x", "HEAD", "a b", "a..b", "a~1", "a^", "a:b", "a?", "a*", "a[", "/a", "a/",
            "a//b", ".a", "a/.b", "a.lock", "a.lock/b", "a.", "@", "a@{b", "a\\b", "a\0b", "a\nb",
        ] {
            let answer = repo.check_branch_name(name);
            assert!(
                matches!(answer, Err(GitError::BadBranchName { .. })),
                "{name:?}"
            );
        }
    }

    #[test]
    fn taken_names_and_folders_of_them_are_refused() {
        let (folder, _) = repository(&[("app.py", "")]);
        let repo = Repo::open(folder.path()).unwrap();
        at_head(&repo, "a/b");
        let refusals = || {
            for (name, words) in [
                ("main", "`main` exists"),
                ("a/b", "`a/b` exists"),
                ("a", "beside `a/b`"),
                ("a/b/c", "beside `a/b`"),
                ("main/x", "beside `main`"),
            ] {
                let error = repo.check_branch_name(name).unwrap_err().to_string();
                assert!(error.contains(words), "{error}");
            }
            assert!(repo.check_branch_name("a/c").is_ok());
            assert!(repo.check_branch_name("a/bc").is_ok());
        };
        refusals();
        git(folder.path(), &["pack-refs", "--all"]);
        refusals();
    }

    #[test]
    fn names_that_differ_in_case_are_one_where_the_disk_says_so() {
        let (folder, raw) = repository(&[("app.py", "")]);
        let repo = Repo::open(folder.path()).unwrap();
        at_head(&repo, "Fix/Debug");
        assert!(repo.check_branch_name("fix/debug").is_ok());
        raw.config()
            .unwrap()
            .set_bool("core.ignorecase", true)
            .unwrap();
        let repo = Repo::open(folder.path()).unwrap();
        let taken = repo.check_branch_name("fix/debug");
        assert!(
            matches!(taken, Err(GitError::BranchExists { .. })),
            "{taken:?}"
        );
        let inside = repo.check_branch_name("FIX");
        assert!(
            matches!(inside, Err(GitError::BranchConflict { .. })),
            "{inside:?}"
        );
    }

    #[test]
    fn a_free_name_is_proposed() {
        let (folder, _) = repository(&[("app.py", "")]);
        let repo = Repo::open(folder.path()).unwrap();
        assert_eq!(repo.default_branch_name(), "flask-harden/hardening");
        at_head(&repo, "flask-harden/hardening");
        assert_eq!(repo.default_branch_name(), "flask-harden/hardening-2");
        at_head(&repo, "flask-harden/hardening-2");
        assert_eq!(repo.default_branch_name(), "flask-harden/hardening-3");

        let (folder, _) = repository(&[("app.py", "")]);
        let repo = Repo::open(folder.path()).unwrap();
        at_head(&repo, "flask-harden");
        assert_eq!(repo.default_branch_name(), "flask-harden-hardening");
    }

    #[test]
    fn a_branch_is_never_moved() {
        let (folder, raw) = repository(&[("app.py", "")]);
        let repo = Repo::open(folder.path()).unwrap();
        let tip = at_head(&repo, "hardening");
        let other = crate::discover::scratch::commit(&raw, &[("app.py", "x = 1\n")]);
        let again = repo.create_branch("hardening", other);
        assert!(
            matches!(again, Err(GitError::BranchExists { .. })),
            "{again:?}"
        );
        assert_eq!(
            repo.branch_tip("hardening").unwrap().unwrap().to_string(),
            tip
        );
    }

    #[test]
    fn undoing_leaves_nothing_behind() {
        let (folder, _) = repository(&[("app.py", "")]);
        let repo = Repo::open(folder.path()).unwrap();
        let before = everything(folder.path());
        let tip = at_head(&repo, "flask-harden/hardening");
        repo.delete_branch("flask-harden/hardening", &tip).unwrap();
        assert_eq!(everything(folder.path()), before);
        assert!(!folder.path().join(".git/refs/heads/flask-harden").exists());

        let tip = at_head(&repo, "hardening");
        git(folder.path(), &["pack-refs", "--all"]);
        repo.delete_branch("hardening", &tip).unwrap();
        assert_eq!(git(folder.path(), &["branch", "--list", "hardening"]), "");
    }

    #[test]
    fn only_the_untouched_branch_is_deleted() {
        let (folder, raw) = repository(&[("app.py", "")]);
        let path = folder.path();
        let repo = Repo::open(path).unwrap();
        let tip = at_head(&repo, "hardening");
        let missing = repo.delete_branch("gone", &tip);
        assert!(
            matches!(missing, Err(GitError::NoSuchBranch { .. })),
            "{missing:?}"
        );

        git(path, &["worktree", "add", "-q", "linked", "hardening"]);
        let used = repo.delete_branch("hardening", &tip);
        let Err(GitError::BranchInUse { path: place, .. }) = used else {
            panic!("{used:?}");
        };
        assert_eq!(place.file_name().unwrap(), "linked");
        git(path, &["worktree", "remove", "linked"]);
        let head = repo.delete_branch("main", &tip);
        assert!(
            matches!(head, Err(GitError::BranchInUse { .. })),
            "{head:?}"
        );

        crate::discover::scratch::commit(&raw, &[("app.py", "x = 1\n")]);
        git(path, &["branch", "--force", "hardening", "main"]);
        let before = everything(path);
        let moved = repo.delete_branch("hardening", &tip);
        assert!(
            matches!(moved, Err(GitError::BranchMoved { .. })),
            "{moved:?}"
        );
        assert_eq!(everything(path), before);

        let lock = path.join(".git/refs/heads/hardening.lock");
        fs::write(&lock, "").unwrap();
        let held = repo.delete_branch("hardening", &tip);
        assert!(matches!(held, Err(GitError::Locked { .. })), "{held:?}");
    }
}
