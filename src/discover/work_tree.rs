//! The git working tree around a folder, and every reason why there is none to use.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use git2::{ErrorCode, Repository, RepositoryOpenFlags};

use crate::error::GitError;

/// A git repository with files, and where in it the scanned folder lies.
pub(crate) struct WorkTree {
    pub repository: Repository,
    /// The top folder, without links in its path.
    pub folder: PathBuf,
    /// The scanned folder, relative to the top one: empty, or ending in `/`.
    prefix: String,
}

impl WorkTree {
    /// Finds the repository that `path` (a folder, or a file in one) lies in.
    ///
    /// As git does, the search goes up until the file system ends. Linked working trees and
    /// checkouts of submodules are repositories like any other.
    pub fn open(path: &Path) -> Result<Self, GitError> {
        let missing = || GitError::NotARepository { path: path.into() };
        let real = path.canonicalize().map_err(|_| missing())?;
        let scanned = match real.is_file() {
            true => real.parent().unwrap_or(&real),
            false => &real,
        };
        let none: [&OsStr; 0] = [];
        let repository = Repository::open_ext(scanned, RepositoryOpenFlags::empty(), none)
            .map_err(|error| refusal(&error, scanned))?;
        let Some(folder) = repository.workdir() else {
            return Err(GitError::Bare { path: path.into() });
        };
        let folder = folder.canonicalize().map_err(|_| missing())?;
        let Ok(inside) = scanned.strip_prefix(&folder) else {
            let what = "a working tree in another place (core.worktree)".into();
            return Err(GitError::Unsupported { what });
        };
        Ok(Self {
            prefix: prefix(inside),
            folder,
            repository,
        })
    }

    /// The path in the repository of a file whose path is relative to the scanned folder.
    pub fn in_repository(&self, path: &str) -> Result<String, GitError> {
        if !is_inside(path) {
            return Err(GitError::BadPath { path: path.into() });
        }
        Ok(format!("{}{path}", self.prefix))
    }
}

/// Whether a relative path names a file below its folder, and none of git's own.
pub(crate) fn is_inside(path: &str) -> bool {
    let plain = |part: Component<'_>| match part {
        Component::Normal(name) => !name.eq_ignore_ascii_case(".git"),
        _ => false,
    };
    let malformed = path.is_empty() || path.ends_with('/') || path.contains('\0');
    !malformed && Path::new(path).components().all(plain)
}

fn prefix(inside: &Path) -> String {
    let parts = inside.components().map(|part| part.as_os_str());
    parts
        .map(|part| format!("{}/", part.to_string_lossy()))
        .collect()
}

/// What libgit2's refusal to open a repository means to a person.
fn refusal(error: &git2::Error, scanned: &Path) -> GitError {
    let message = error.message();
    match error.code() {
        ErrorCode::NotFound => GitError::NotARepository {
            path: scanned.into(),
        },
        ErrorCode::Owner => GitError::ForeignOwner {
            path: top_folder(scanned),
        },
        // libgit2 has no code for these, only words (repository.c, check_valid_extension,
        // load_objectformat, check_repositoryformatversion).
        _ if message.contains("object format") => GitError::Unsupported {
            what: "SHA-256 object names".into(),
        },
        _ if message.contains("unsupported extension") => {
            let name = message.rsplit(' ').next().unwrap_or(message);
            GitError::Unsupported {
                what: format!("an extension ({name})"),
            }
        }
        _ if message.contains("repository version") => GitError::Unsupported {
            what: "a newer repository format".into(),
        },
        _ => GitError::from_git("opening the repository", error),
    }
}

/// The folder that git's safe.directory must name.
fn top_folder(scanned: &Path) -> PathBuf {
    let none: [&OsStr; 0] = [];
    let found = Repository::discover_path(scanned, none).ok();
    let top = found.as_deref().and_then(Path::parent);
    top.unwrap_or(scanned).to_path_buf()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::discover::scratch::{git, init, repository};

    fn refused(path: &Path) -> GitError {
        WorkTree::open(path).err().unwrap()
    }

    #[test]
    fn a_subfolder_and_a_file_know_their_place() {
        let (folder, _) = repository(&[("web/shop/app.py", "")]);
        let open = |path| WorkTree::open(&folder.path().join(path)).unwrap();
        let placed = |path, file| open(path).in_repository(file).unwrap();
        assert_eq!(placed("", "web/shop/app.py"), "web/shop/app.py");
        assert_eq!(placed("web", "shop/app.py"), "web/shop/app.py");
        assert_eq!(placed("web/shop/app.py", "app.py"), "web/shop/app.py");
    }

    #[test]
    fn paths_cannot_leave_the_tree_or_enter_git() {
        let (folder, _) = repository(&[("app.py", "")]);
        let tree = WorkTree::open(folder.path()).unwrap();
        for bad in [
            "",
            "../x",
            "/etc/x",
            "a/../b",
            "./a",
            "a/",
            ".git/config",
            "a/.GIT/x",
        ] {
            let answer = tree.in_repository(bad);
            assert!(matches!(answer, Err(GitError::BadPath { .. })), "{bad}");
        }
        assert!(tree.in_repository(".gitignore").is_ok());
    }

    #[test]
    fn each_refusal_has_its_own_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        assert!(matches!(refused(path), GitError::NotARepository { .. }));
        let gone = path.join("gone");
        assert!(matches!(refused(&gone), GitError::NotARepository { .. }));
        let bare = path.join("bare");
        Repository::init_bare(&bare).unwrap();
        assert!(matches!(refused(&bare), GitError::Bare { .. }));
    }

    #[test]
    fn what_libgit2_cannot_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for (extension, words) in [
            ("objectformat = sha256", "SHA-256"),
            ("refstorage = reftable", "extensions.refstorage"),
        ] {
            let path = folder.path().join(words);
            init(&path);
            let config =
                format!("[core]\n\trepositoryformatversion = 1\n[extensions]\n\t{extension}\n");
            fs::write(path.join(".git/config"), config).unwrap();
            let error = refused(&path).to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    /// Needs the right to give files away, which test machines have and people do not.
    #[cfg(unix)]
    #[test]
    fn a_repository_of_somebody_else_is_refused() {
        let (folder, _) = repository(&[("web/app.py", "")]);
        let top = folder.path().canonicalize().unwrap();
        let somebody = Some(4242);
        if std::os::unix::fs::chown(&top, somebody, None).is_err() {
            return;
        }
        let GitError::ForeignOwner { path } = refused(&top.join("web")) else {
            panic!("a repository of somebody else was opened");
        };
        assert_eq!(path, top, "safe.directory needs the top folder");
    }

    #[test]
    fn linked_working_trees_and_submodules_open() {
        let (folder, _) = repository(&[("web/app.py", "")]);
        let linked = folder.path().join("linked");
        git(folder.path(), &["worktree", "add", "-q", "linked"]);
        let tree = WorkTree::open(&linked.join("web")).unwrap();
        assert_eq!(tree.folder, linked.canonicalize().unwrap());
        assert_eq!(tree.in_repository("app.py").unwrap(), "web/app.py");

        let (outer, _) = repository(&[("readme", "")]);
        let source = folder.path().to_str().unwrap();
        let add = [
            "-c",
            "protocol.file.allow=always",
            "submodule",
            "--quiet",
            "add",
            source,
            "sub",
        ];
        git(outer.path(), &add);
        let tree = WorkTree::open(&outer.path().join("sub/web")).unwrap();
        assert_eq!(tree.in_repository("app.py").unwrap(), "web/app.py");
    }
}
