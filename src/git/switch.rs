//! Switching the working tree to the branch that was made, when a person asks for it.

use git2::build::CheckoutBuilder;
use git2::{CheckoutNotificationType, ErrorCode};

use super::Repo;
use crate::error::GitError;

impl Repo {
    /// Checks `branch` out, as `git switch` does: uncommitted work stays, and where it is in
    /// the way nothing happens and the error names the files.
    pub fn switch_to(&self, branch: &str) -> Result<(), GitError> {
        self.check_locks(branch)?;
        self.check_unused(branch)?;
        let Some(tip) = self.branch_tip(branch)? else {
            return Err(GitError::NoSuchBranch {
                name: branch.into(),
            });
        };
        let reading = |error| GitError::from_git("reading the branch", &error);
        let tree = self.git().find_object(tip, None).map_err(reading)?;
        let mut conflicts = Vec::new();
        let mut checkout = CheckoutBuilder::new();
        checkout
            .safe()
            .overwrite_ignored(false)
            .notify_on(CheckoutNotificationType::CONFLICT)
            .notify(|_, path, _, _, _| {
                conflicts.extend(path.map(|path| path.to_string_lossy().into_owned()));
                true
            });
        let done = self.git().checkout_tree(&tree, Some(&mut checkout));
        drop(checkout);
        if let Err(error) = done {
            return Err(match error.code() {
                ErrorCode::Conflict => GitError::Uncommitted { paths: conflicts },
                _ => GitError::from_write("switching to the branch", &error),
            });
        }
        self.git()
            .set_head(&format!("refs/heads/{branch}"))
            .map_err(|error| GitError::from_write("switching to the branch", &error))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use super::*;
    use crate::diff::FileChange;
    use crate::discover::scratch::{everything, git, repository};
    use crate::git::NewCommit;

    fn hardened(repo: &Repo) {
        let changes = vec![
            FileChange::new(&Arc::from("app.py"), Some("a\n"), "b\n"),
            FileChange::new(&Arc::from("new.py"), None, "n\n"),
        ];
        let message = "fix: harden".to_owned();
        repo.commit_branch("hardening", &[NewCommit { message, changes }])
            .unwrap();
    }

    #[test]
    fn uncommitted_work_comes_along() {
        let files = [
            ("app.py", "a\n"),
            ("staged.py", "a\n"),
            ("edited.py", "a\n"),
        ];
        let (folder, _) = repository(&files);
        let path = folder.path();
        let repo = Repo::open(path).unwrap();
        hardened(&repo);
        fs::write(path.join("staged.py"), "mine\n").unwrap();
        git(path, &["add", "staged.py"]);
        fs::write(path.join("edited.py"), "mine\n").unwrap();
        fs::write(path.join("untracked"), "mine\n").unwrap();
        let before = git(path, &["status", "--porcelain"]);
        repo.switch_to("hardening").unwrap();
        assert_eq!(git(path, &["status", "--porcelain"]), before);
        assert_eq!(git(path, &["branch", "--show-current"]), "hardening\n");
        assert_eq!(fs::read_to_string(path.join("app.py")).unwrap(), "b\n");
        assert_eq!(fs::read_to_string(path.join("new.py")).unwrap(), "n\n");
    }

    #[test]
    fn work_in_the_way_is_not_overwritten() {
        let (folder, _) = repository(&[("app.py", "a\n")]);
        let path = folder.path();
        let repo = Repo::open(path).unwrap();
        hardened(&repo);
        fs::write(path.join("app.py"), "mine\n").unwrap();
        fs::write(path.join("new.py"), "mine\n").unwrap();
        let before = everything(path);
        let Err(GitError::Uncommitted { paths }) = repo.switch_to("hardening") else {
            panic!("work was overwritten");
        };
        assert_eq!(paths, ["app.py", "new.py"]);
        assert_eq!(everything(path), before);
        let missing = repo.switch_to("gone");
        assert!(
            matches!(missing, Err(GitError::NoSuchBranch { .. })),
            "{missing:?}"
        );
        fs::write(path.join(".git/index.lock"), "").unwrap();
        let held = repo.switch_to("hardening");
        assert!(matches!(held, Err(GitError::Locked { .. })), "{held:?}");
    }
}
