//! Branches made from plans, judged by real git; and for each refusal, that nothing changed.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use git2::Repository;
use tempfile::TempDir;

use super::*;
use crate::diff::FileChange;
use crate::discover::scratch::{commit, everything, git, init, repository};
use crate::error::GitError;

const BRANCH: &str = "flask-harden/hardening";

fn change(path: &str, before: Option<&str>, after: Option<&str>) -> FileChange {
    FileChange {
        path: Arc::from(path),
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
        executable: false,
    }
}

fn one(changes: Vec<FileChange>) -> [NewCommit; 1] {
    let message = "fix: harden\n\nBecause.".to_owned();
    [NewCommit { message, changes }]
}

fn edit(path: &str) -> [NewCommit; 1] {
    one(vec![change(path, Some("a\n"), Some("b\n"))])
}

fn make(folder: &Path, commits: &[NewCommit]) -> Result<Created, GitError> {
    Repo::open(folder)?.commit_branch(BRANCH, commits)
}

/// The branch's text of a file, as `git show` gives it.
fn show(folder: &Path, path: &str) -> String {
    git(folder, &["show", &format!("{BRANCH}:{path}")])
}

/// Sees that `commits` are refused with words in the message, and that nothing changed.
#[track_caller]
fn refused(folder: &Path, commits: &[NewCommit], words: &str) {
    let before = everything(folder);
    let Err(error) = make(folder, commits) else {
        panic!("a branch was made");
    };
    let said = format!("{error} {}", error.hint().unwrap_or_default());
    assert!(said.contains(words), "{said}");
    assert!(everything(folder) == before, "something changed");
}

#[test]
fn commits_stand_on_head_and_nothing_else_moves() {
    let files = [
        ("app.py", "a\n"),
        ("web/views.py", "a\n"),
        ("other.py", "a\n"),
    ];
    let (folder, _) = repository(&files);
    let path = folder.path();
    fs::write(path.join("other.py"), "not committed\n").unwrap();
    git(path, &["add", "other.py"]);
    fs::write(path.join("notes"), "untracked\n").unwrap();
    let before = everything(path);
    let commits = [
        NewCommit {
            message: "fix: first  \n\nBody.\n\n\n".into(),
            changes: vec![
                change("app.py", Some("a\n"), Some("b\n")),
                change("new/deep/x.py", None, Some("x\n")),
            ],
        },
        NewCommit {
            message: "fix: empty".into(),
            changes: vec![change("app.py", Some("a\n"), Some("b\n"))],
        },
        NewCommit {
            message: "fix: second".into(),
            changes: vec![
                change("app.py", Some("a\n"), Some("c\n")),
                change("web/views.py", Some("a\n"), None),
            ],
        },
    ];
    let created = make(path, &commits).unwrap();
    let log = git(
        path,
        &["log", "--format=%h %s|%an <%ae>|%cn", "--reverse", BRANCH],
    );
    let log: Vec<_> = log.lines().skip(1).collect();
    let [(first, _), (second, _)] = &created.commits[..] else {
        panic!("{created:?}");
    };
    let by = "|Ada Example <ada@example.org>|Ada Example";
    assert_eq!(
        log,
        [
            format!("{first} fix: first{by}"),
            format!("{second} fix: second{by}")
        ]
    );
    assert_eq!(git(path, &["rev-parse", BRANCH]).trim(), created.tip);
    let message = git(path, &["log", "-1", "--format=%B", &format!("{BRANCH}~1")]);
    assert_eq!(message, "fix: first\n\nBody.\n\n");
    assert_eq!(show(path, "app.py"), "c\n");
    let changed = git(path, &["diff", "--name-status", "main", BRANCH]);
    assert_eq!(changed, "M\tapp.py\nA\tnew/deep/x.py\nD\tweb/views.py\n");
    git(path, &["fsck", "--strict"]);

    let mut after = everything(path);
    let git_folder = path.join(".git");
    for made in ["refs/heads", "logs/refs/heads"] {
        after.remove(&git_folder.join(made).join(BRANCH)).unwrap();
    }
    assert!(after == before, "more than the branch has changed");
    Repo::open(path)
        .unwrap()
        .delete_branch(BRANCH, &created.tip)
        .unwrap();
    assert!(everything(path) == before, "undoing leaves something");
}

#[test]
fn the_commit_shows_as_the_diff_shows() {
    let text = "a\r\nb\r\nc";
    let (folder, _) = repository(&[("app.py", text)]);
    let changes = vec![
        change("app.py", Some(text), Some("a\r\nB\r\nc")),
        change("new file.py", None, Some("\u{feff}x\n")),
    ];
    let patch = crate::diff::patch_text(&changes);
    make(folder.path(), &one(changes)).unwrap();
    let compare = ["-c", "core.abbrev=7", "diff", "main", BRANCH];
    assert_eq!(git(folder.path(), &compare), patch);
}

#[cfg(unix)]
#[test]
fn modes_are_kept() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, raw) = repository(&[("run", "a\n"), ("plain", "a\n")]);
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(folder.path().join("run"), executable).unwrap();
    commit(&raw, &[]);
    let script = FileChange {
        executable: true,
        ..change("new", None, Some("x\n"))
    };
    let claimed = FileChange {
        executable: true,
        ..change("plain", Some("a\n"), Some("b\n"))
    };
    let changes = vec![change("run", Some("a\n"), Some("b\n")), script, claimed];
    make(folder.path(), &one(changes)).unwrap();
    let modes = git(
        folder.path(),
        &["ls-tree", "--format=%(objectmode) %(path)", BRANCH],
    );
    assert_eq!(modes, "100755 new\n100644 plain\n100755 run\n");
}

#[test]
fn a_subfolder_commits_below_itself() {
    let (folder, _) = repository(&[("web/app.py", "a\n"), ("app.py", "a\n")]);
    make(&folder.path().join("web"), &edit("app.py")).unwrap();
    assert_eq!(show(folder.path(), "web/app.py"), "b\n");
    assert_eq!(show(folder.path(), "app.py"), "a\n");
}

#[test]
fn a_detached_head_is_a_start_like_any_other() {
    let (folder, raw) = repository(&[("app.py", "a\n")]);
    let first = raw.head().unwrap().target().unwrap();
    commit(&raw, &[("app.py", "later\n")]);
    git(folder.path(), &["checkout", "-q", &first.to_string()]);
    make(folder.path(), &edit("app.py")).unwrap();
    let parent = git(folder.path(), &["rev-parse", &format!("{BRANCH}~1")]);
    assert_eq!(parent.trim(), first.to_string());
    assert!(raw.head_detached().unwrap());
}

#[test]
fn linked_working_trees_share_the_branch() {
    let (folder, raw) = repository(&[("app.py", "a\n")]);
    let linked = folder.path().join("linked");
    git(
        folder.path(),
        &["worktree", "add", "-q", "-b", "side", "linked"],
    );
    let linked_raw = Repository::open(&linked).unwrap();
    commit(&linked_raw, &[("side.py", "a\n")]);
    make(&linked, &edit("side.py")).unwrap();
    assert_eq!(show(folder.path(), "side.py"), "b\n");
    fs::write(raw.path().join("worktrees/linked/index.lock"), "").unwrap();
    git(folder.path(), &["branch", "-D", "--quiet", BRANCH]);
    refused(&linked, &edit("side.py"), "worktrees/linked/index.lock");
    make(folder.path(), &edit("app.py")).unwrap();
}

/// The text on disk has CRLF, the repository LF: so does the new commit, and a checkout of it
/// is clean and ends its lines as before.
#[test]
fn line_ends_are_converted_as_git_converts_them() {
    for (settings, attributes) in [
        (Some("true"), "\n"),
        (None, "* text=auto eol=crlf\n"),
        (None, "*.py text eol=crlf\n"),
    ] {
        let (folder, raw) = repository(&[(".gitattributes", attributes), ("app.py", "a\nb\n")]);
        let path = folder.path();
        if let Some(value) = settings {
            raw.config()
                .unwrap()
                .set_str("core.autocrlf", value)
                .unwrap();
        }
        fs::remove_file(path.join("app.py")).unwrap();
        git(path, &["checkout", "-q", "--", "app.py"]);
        assert_eq!(
            fs::read_to_string(path.join("app.py")).unwrap(),
            "a\r\nb\r\n"
        );
        let changes = vec![
            change("app.py", Some("a\r\nb\r\n"), Some("a\r\nB\r\n")),
            change("new.py", None, Some("x\r\n")),
        ];
        make(path, &one(changes)).unwrap();
        assert_eq!(show(path, "app.py"), "a\nB\n");
        assert_eq!(show(path, "new.py"), "x\n");
        assert_eq!(
            git(path, &["diff", "--stat", "main", BRANCH, "--", "app.py"])
                .matches(" | 2 +-")
                .count(),
            1
        );
        git(path, &["checkout", "-q", BRANCH]);
        assert_eq!(git(path, &["status", "--porcelain"]), "");
        assert_eq!(
            fs::read_to_string(path.join("app.py")).unwrap(),
            "a\r\nB\r\n"
        );
    }
}

/// Where the repository itself holds CRLF, `autocrlf` leaves it alone, and so do we.
#[test]
fn carriage_returns_in_the_repository_stay() {
    let (folder, raw) = repository(&[("app.py", "a\r\nb\r\n")]);
    raw.config()
        .unwrap()
        .set_str("core.autocrlf", "true")
        .unwrap();
    let changes = vec![change("app.py", Some("a\r\nb\r\n"), Some("a\r\nB\r\n"))];
    make(folder.path(), &one(changes)).unwrap();
    assert_eq!(show(folder.path(), "app.py"), "a\r\nB\r\n");
}

#[test]
fn uncommitted_files_are_not_patched() {
    let (folder, _) = repository(&[("app.py", "a\n"), ("web.py", "a\n")]);
    let path = folder.path();
    fs::write(path.join("app.py"), "mine\n").unwrap();
    let mine = one(vec![
        change("app.py", Some("mine\n"), Some("b\n")),
        change("web.py", Some("a\n"), Some("b\n")),
    ]);
    refused(path, &mine, "uncommitted changes in app.py");
    git(path, &["add", "app.py"]);
    refused(path, &mine, "uncommitted changes in app.py");
    fs::write(path.join("app.py"), "a\n").unwrap();
    refused(path, &edit("app.py"), "uncommitted changes in app.py");
    git(path, &["reset", "-q"]);
    make(path, &edit("app.py")).unwrap();
}

#[test]
fn files_that_git_does_not_know_are_refused() {
    let (folder, _) = repository(&[("app.py", "a\n"), (".gitignore", ".env\n")]);
    let path = folder.path();
    fs::write(path.join("new.py"), "a\n").unwrap();
    refused(path, &edit("new.py"), "new.py is not tracked");
    let add = one(vec![change("new.py", None, Some("b\n"))]);
    refused(path, &add, "new.py exists already");
    let folder_in_the_way = one(vec![change("new.py/x", None, Some("b\n"))]);
    refused(path, &folder_in_the_way, "new.py/x exists already");
    git(path, &["add", "new.py"]);
    refused(path, &edit("new.py"), "uncommitted changes in new.py");
    let known = one(vec![change("app.py", None, Some("b\n"))]);
    refused(path, &known, "app.py exists already");
    let ignored = one(vec![change(".env", None, Some("KEY=x\n"))]);
    refused(path, &ignored, ".env is ignored");
    let outside = one(vec![change("../x", None, Some("b\n"))]);
    refused(path, &outside, "does not name a file");
}

#[test]
fn a_scan_that_is_too_old_is_refused() {
    let (folder, raw) = repository(&[("app.py", "a\n")]);
    commit(&raw, &[("app.py", "newer\n")]);
    refused(
        folder.path(),
        &edit("app.py"),
        "app.py has changed since it was read",
    );
    fs::remove_file(folder.path().join("app.py")).unwrap();
    refused(
        folder.path(),
        &edit("app.py"),
        "uncommitted changes in app.py",
    );
}

#[cfg(unix)]
#[test]
fn links_are_not_written_through() {
    use std::os::unix::fs::symlink;
    let (folder, raw) = repository(&[("real/app.py", "a\n")]);
    let path = folder.path();
    symlink("real/app.py", path.join("app.py")).unwrap();
    symlink("real", path.join("linked")).unwrap();
    commit(&raw, &[]);
    refused(path, &edit("app.py"), "symbolic link");
    refused(path, &edit("linked/app.py"), "symbolic link");
    let through = one(vec![change("linked/new.py", None, Some("x\n"))]);
    refused(path, &through, "symbolic link");
    symlink("real", path.join("unknown")).unwrap();
    let through = one(vec![change("unknown/new.py", None, Some("x\n"))]);
    refused(path, &through, "symbolic link");
    let (folder, _) = repository(&[("app.py", "a\n")]);
    fs::rename(folder.path().join("app.py"), folder.path().join("moved")).unwrap();
    symlink("moved", folder.path().join("app.py")).unwrap();
    refused(folder.path(), &edit("app.py"), "symbolic link");
}

#[test]
fn other_repositories_inside_are_left_alone() {
    let (source, _) = repository(&[("app.py", "a\n")]);
    let (folder, _) = repository(&[("readme", "a\n")]);
    let from = source.path().to_str().unwrap();
    let allow = "protocol.file.allow=always";
    git(
        folder.path(),
        &["-c", allow, "submodule", "--quiet", "add", from, "sub"],
    );
    git(folder.path(), &["commit", "-q", "-m", "Add a submodule"]);
    refused(
        folder.path(),
        &edit("sub/app.py"),
        "a repository of its own",
    );
    init(&folder.path().join("nested"));
    let inside = one(vec![change("nested/new.py", None, Some("x\n"))]);
    refused(folder.path(), &inside, "a repository of its own");
    let sub = folder.path().join("sub");
    git(&sub, &["config", "user.name", "Ada Example"]);
    git(&sub, &["config", "user.email", "ada@example.org"]);
    make(&sub, &edit("app.py")).unwrap();
    assert_eq!(show(&sub, "app.py"), "b\n");
}

/// git-crypt and the like: what libgit2 stored would be the clear text.
#[test]
fn filters_that_only_git_runs_are_refused() {
    let attributes =
        "secret.py filter=crypt\nlarge.py filter=unknown\nutf16.py working-tree-encoding=UTF-16\n";
    let files = ["secret.py", "large.py", "utf16.py"].map(|name| (name, "a\n"));
    let (folder, raw) = repository(&files);
    fs::write(folder.path().join(".gitattributes"), attributes).unwrap();
    let mut config = raw.config().unwrap();
    config
        .set_str("filter.crypt.clean", "git-crypt clean")
        .unwrap();
    refused(folder.path(), &edit("secret.py"), "`crypt`");
    refused(folder.path(), &edit("utf16.py"), "`UTF-16`");
    make(folder.path(), &edit("large.py")).unwrap();
}

#[test]
fn locks_names_and_nobody_are_refused() {
    let (folder, raw) = repository(&[("app.py", "a\n")]);
    let path = folder.path();
    let index_lock = path.join(".git/index.lock");
    fs::write(&index_lock, "").unwrap();
    refused(path, &edit("app.py"), "index.lock");
    fs::remove_file(index_lock).unwrap();

    let mut config = raw.config().unwrap();
    config.set_str("user.email", "").unwrap();
    if std::env::var_os("GIT_AUTHOR_EMAIL").is_none() && std::env::var_os("EMAIL").is_none() {
        refused(path, &edit("app.py"), "git does not know who you are");
    }
    config.set_str("user.email", "ada@example.org").unwrap();

    let mut silent = edit("app.py");
    silent[0].message = " \n".into();
    refused(path, &silent, "a commit needs a message");
    refused(path, &[], "nothing to commit");
    refused(path, &one(vec![]), "nothing to commit");
    let same = one(vec![change("app.py", Some("a\n"), Some("a\n"))]);
    refused(path, &same, "nothing to commit");

    git(path, &["branch", BRANCH]);
    refused(path, &edit("app.py"), "exists already");
    git(path, &["branch", "-D", "--quiet", BRANCH]);
    git(path, &["branch", "flask-harden"]);
    refused(path, &edit("app.py"), "beside `flask-harden`");
}

/// The reference comes last: when git's lock on it is held, the objects are there, and no
/// reference has changed.
#[test]
fn without_the_reference_nothing_has_happened() {
    let (folder, raw) = repository(&[("app.py", "a\n")]);
    let path = folder.path();
    let lock = path.join(".git/refs/heads").join(format!("{BRANCH}.lock"));
    fs::create_dir_all(lock.parent().unwrap()).unwrap();
    fs::write(&lock, "").unwrap();
    refused(path, &edit("app.py"), "hardening.lock");

    let before = everything(path);
    let repo = Repo::open(path).unwrap();
    let blob = raw.blob(b"b\n").unwrap();
    let failed = repo.create_branch(BRANCH, repo.head_commit().unwrap().id());
    assert!(matches!(failed, Err(GitError::Locked { .. })), "{failed:?}");
    assert!(raw.find_blob(blob).is_ok());
    assert!(everything(path) == before, "something changed");
}

/// No new folder can be made among the objects, whoever runs the test.
#[test]
fn a_store_that_cannot_be_written_is_refused() {
    let (folder, _) = repository(&[("app.py", "a\n")]);
    let objects = folder.path().join(".git/objects");
    for n in 0..=255 {
        let fan_out = objects.join(format!("{n:02x}"));
        if !fan_out.exists() {
            fs::write(fan_out, "").unwrap();
        }
    }
    refused(folder.path(), &edit("app.py"), "cannot be written");
}

#[test]
fn shallow_clones_can_be_hardened() {
    let (folder, raw) = repository(&[("app.py", "first\n")]);
    commit(&raw, &[("app.py", "a\n")]);
    let clone = TempDir::new().unwrap();
    let url = format!("file://{}", folder.path().display());
    git(clone.path(), &["clone", "-q", "--depth=1", &url, "here"]);
    let here = clone.path().join("here");
    git(&here, &["config", "user.name", "Ada Example"]);
    git(&here, &["config", "user.email", "ada@example.org"]);
    make(&here, &edit("app.py")).unwrap();
    git(&here, &["fsck", "--strict"]);
    assert_eq!(show(&here, "app.py"), "b\n");
}
