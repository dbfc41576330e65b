use std::fs;
use std::path::Path;

use super::support::{
    APP, exit_code, flask_harden, folder, git, repository, sample, stderr, stdout, transcript,
    write,
};

const DIFF: [&str; 4] = ["fix", "--diff", "--control", "debug-run"];
const WRITE: [&str; 4] = ["fix", "--write", "--control", "debug-run"];
const BRANCH: [&str; 5] = ["fix", "--branch", "harden", "--control", "debug-run"];

fn app(folder: &Path) -> String {
    fs::read_to_string(folder.join("app.py")).unwrap()
}

#[test]
fn the_diff_is_what_git_applies() {
    let repo = repository(&[("app.py", APP)]);
    insta::assert_snapshot!("fix-diff", transcript(repo.path(), &DIFF));
    write(repo.path(), "fix.patch", stdout(repo.path(), &DIFF));
    git(repo.path(), &["apply", "fix.patch"]);
    assert_eq!(app(repo.path()), APP.replace("debug=True", "debug=False"));
    assert_eq!(app(repo.path()).lines().count(), APP.lines().count());
}

#[test]
fn writing_twice_changes_nothing_more() {
    let folder = folder(&[("app.py", APP)]);
    insta::assert_snapshot!("fix-write", transcript(folder.path(), &WRITE));
    let fixed = app(folder.path());
    insta::assert_snapshot!("fix-nothing", transcript(folder.path(), &WRITE));
    assert_eq!(app(folder.path()), fixed);
}

#[test]
fn a_branch_leaves_everything_else_alone() {
    let repo = repository(&[("app.py", APP)]);
    write(repo.path(), "notes.txt", "not committed");
    let head = git(repo.path(), &["rev-parse", "HEAD"]);
    insta::with_settings!({filters => vec![(r"  [0-9a-f]{7,} ", "  [COMMIT] ")]}, {
        insta::assert_snapshot!("fix-branch", transcript(repo.path(), &BRANCH));
    });
    assert_eq!(git(repo.path(), &["rev-parse", "HEAD"]), head);
    assert_eq!(git(repo.path(), &["status", "--short"]), "?? notes.txt\n");
    assert_eq!(app(repo.path()), APP);
    let made = git(repo.path(), &["show", "harden:app.py"]);
    assert!(made.contains("app.run(debug=False)"));
    let message = git(repo.path(), &["log", "-1", "--format=%s", "harden"]);
    assert_eq!(
        message,
        "fix(security): keep debug mode out of production\n"
    );
    insta::assert_snapshot!("fix-branch-exists", transcript(repo.path(), &BRANCH));
}

#[test]
fn every_obstacle_to_a_branch_has_its_message() {
    let plain = folder(&[("app.py", APP)]);
    insta::assert_snapshot!("branch-no-repository", transcript(plain.path(), &BRANCH));

    let unborn = folder(&[("app.py", APP)]);
    git(unborn.path(), &["init", "-q", "-b", "main"]);
    git(unborn.path(), &["config", "user.name", "Ada Example"]);
    git(unborn.path(), &["config", "user.email", "ada@example.org"]);
    insta::assert_snapshot!("branch-no-commit", transcript(unborn.path(), &BRANCH));

    let changed = repository(&[("app.py", APP)]);
    write(changed.path(), "app.py", format!("# changed\n{APP}"));
    insta::assert_snapshot!("branch-uncommitted", transcript(changed.path(), &BRANCH));

    let nobody = repository(&[("app.py", APP)]);
    git(nobody.path(), &["config", "--unset", "user.name"]);
    git(nobody.path(), &["config", "user.useConfigOnly", "true"]);
    insta::assert_snapshot!("branch-no-identity", transcript(nobody.path(), &BRANCH));

    let named = repository(&[("app.py", APP)]);
    let bad = ["fix", "--branch", "no such..name", "--control", "debug-run"];
    insta::assert_snapshot!("branch-bad-name", transcript(named.path(), &bad));

    let locked = repository(&[("app.py", APP)]);
    write(locked.path(), ".git/index.lock", "");
    assert_eq!(
        exit_code(locked.path(), &BRANCH),
        2,
        "{}",
        stderr(locked.path(), &BRANCH)
    );
}

#[test]
fn a_detached_head_is_as_good_as_a_branch() {
    let repo = repository(&[("app.py", APP)]);
    git(repo.path(), &["checkout", "-q", "--detach"]);
    assert_eq!(exit_code(repo.path(), &BRANCH), 0);
    assert!(git(repo.path(), &["branch", "--list", "harden"]).contains("harden"));
}

#[test]
fn one_finding_can_be_named() {
    let folder = folder(&[("app.py", APP)]);
    let report = stdout(
        folder.path(),
        &["scan", "--control", "debug-run", "--format", "json"],
    );
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let fingerprint = report["findings"][0]["fingerprint"].as_str().unwrap();
    let patch = stdout(folder.path(), &["fix", "--diff", "--finding", fingerprint]);
    assert!(patch.contains("+    app.run(debug=False)"));
    let unknown = ["fix", "--diff", "--finding", "0000000000000000"];
    insta::assert_snapshot!("fix-unknown-finding", transcript(folder.path(), &unknown));
}

/// The whole sample application: what `--review` does is complete, applies, and stays.
#[test]
fn a_second_fix_of_the_sample_changes_nothing() {
    let app = sample();
    git(app.path(), &["init", "-q"]);
    let diff = stdout(app.path(), &["fix", "--diff", "--review"]);
    write(app.path(), "fix.patch", &diff);
    git(app.path(), &["apply", "--check", "fix.patch"]);
    fs::remove_file(app.path().join("fix.patch")).unwrap();
    let first = flask_harden(app.path(), &["fix", "--write", "--review"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&first.stderr).into_owned();
    assert!(matches!(first.status.code(), Some(0 | 1)), "{said}");
    let after = stdout(app.path(), &["fix", "--diff", "--review"]);
    assert_eq!(after, "");
}

#[test]
fn a_fresh_key_is_written_to_the_ignored_file_and_shown_nowhere() {
    let source = "import os\nfrom flask import Flask\napp = Flask(__name__)\n\
                  app.secret_key = os.environ[\"SHOP_KEY\"]\n";
    let repo = repository(&[
        ("app.py", source),
        ("requirements.txt", "flask==3.1.3\npython-dotenv==1.0.1\n"),
        (".gitignore", ".env\n"),
    ]);
    let fresh = ["fix", "--write", "--control", "secret-key-strength"];
    let said = transcript(repo.path(), &fresh);
    let dotenv = fs::read_to_string(repo.path().join(".env")).unwrap();
    let key = dotenv
        .trim_end()
        .strip_prefix("SHOP_KEY=")
        .unwrap()
        .to_owned();
    assert_eq!(key.len(), 86);
    assert!(said.contains("SHOP_KEY") && !said.contains(&key), "{said}");
    assert_eq!(git(repo.path(), &["status", "--short"]), "");
    // What is there stays, unless it can be guessed and a review is asked for.
    transcript(repo.path(), &fresh);
    assert_eq!(
        fs::read_to_string(repo.path().join(".env")).unwrap(),
        dotenv
    );
    write(repo.path(), ".env", "SHOP_KEY=dev\nOTHER=1\n");
    transcript(repo.path(), &fresh);
    let left = fs::read_to_string(repo.path().join(".env")).unwrap();
    assert_eq!(left, "SHOP_KEY=dev\nOTHER=1\n");
    let review = [&fresh[..], &["--review"]].concat();
    assert!(!transcript(repo.path(), &review).contains("for a person"));
    let replaced = fs::read_to_string(repo.path().join(".env")).unwrap();
    assert!(replaced.ends_with("\nOTHER=1\n") && !replaced.contains("dev\n"));
    assert_ne!(replaced.lines().next(), dotenv.lines().next());
}

#[test]
fn a_key_in_two_files_is_taken_out_of_one_at_least() {
    let key = "7".repeat(20) + "-not-a-secret";
    let source =
        format!("from flask import Flask\napp = Flask(__name__)\napp.secret_key = \"{key}\"\n");
    let docker =
        format!("FROM python:3.12\nENV SECRET_KEY={key}\nCMD [\"gunicorn\", \"app:app\"]\n");
    let repo = repository(&[("app.py", &source), ("Dockerfile", &docker)]);
    let fix = [
        "fix",
        "--write",
        "--review",
        "--control",
        "secret-key-hardcoded",
    ];
    transcript(repo.path(), &fix);
    assert!(app(repo.path()).contains("os.environ"));
}
