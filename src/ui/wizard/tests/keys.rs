//! Whole sessions on real repositories: keys in, commits out.

use std::path::Path;
use std::process::Command;

use super::Play;
use crate::ui::Outcome;
use crate::ui::wizard::action::Effect;

const APP: &str = "from flask import Flask\n\napp = Flask(__name__)\n\nif __name__ == \"__main__\":\n    app.run(debug=True)\n";

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app.py"), APP).unwrap();
    git(folder.path(), &["init", "-q", "-b", "main"]);
    git(folder.path(), &["config", "user.name", "Tester"]);
    git(folder.path(), &["config", "user.email", "t@example.org"]);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "-qm", "start"]);
    folder
}

#[test]
fn from_the_scan_to_the_branch() {
    let folder = repository();
    let mut play = Play::open(folder.path());
    play.until("Disable debug mode in production");
    play.press(&["X", "enter", "/", "=debug-run", "enter", "space"]);
    play.until("judged");
    play.press(&["enter"]);
    let shown = play.until("+     app.run(debug=False)");
    assert!(shown.contains("-     app.run(debug=True)"), "{shown}");
    play.press(&["a"]);
    play.until("on top of main");
    play.until("1 finding, 1 file, +1 −1");
    play.press(&["b", "ctrl-u", "=main"]);
    play.until("the branch `main` exists already");
    play.press(&["ctrl-u", "=fix/debug", "enter"]);
    play.until("y makes the branch fix/debug");
    play.press(&["enter", "enter", "enter", "esc"]);
    assert_eq!(git(folder.path(), &["branch", "--list", "fix/*"]), "");
    play.press(&["y"]);
    let shown = play.until("The branch fix/debug is made");
    assert!(shown.contains("git switch fix/debug"), "{shown}");
    play.press(&["q"]);
    assert!(matches!(play.effects.last(), Some(Effect::Quit)));
    let Some(Outcome::Applied { summary }) = play.state.ended.take() else {
        panic!("no outcome");
    };
    assert!(summary.contains("git branch -D fix/debug"), "{summary}");
    let patched = git(folder.path(), &["show", "fix/debug:app.py"]);
    assert_eq!(patched, APP.replace("True", "False"));
    assert_eq!(git(folder.path(), &["status", "--porcelain"]), "");
    assert_eq!(git(folder.path(), &["branch", "--show-current"]), "main\n");
}

#[test]
fn uncommitted_work_is_told_and_kept() {
    let folder = repository();
    let changed = format!("{APP}# more\n");
    std::fs::write(folder.path().join("app.py"), &changed).unwrap();
    let mut play = Play::open(folder.path());
    play.until("1 file uncommitted");
    play.until("Disable debug mode in production");
    play.press(&["X", "enter", "/", "=debug-run", "enter", "space", "a"]);
    play.until("app.py has uncommitted changes");
    play.press(&["y"]);
    play.until("Commit or stash them");
    play.press(&["esc", "space"]);
    let text = std::fs::read_to_string(folder.path().join("app.py")).unwrap();
    assert_eq!(text, changed);
    assert_eq!(git(folder.path(), &["branch", "--list"]).trim(), "* main");
}

#[test]
fn without_git_everything_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app.py"), APP).unwrap();
    let mut play = Play::open(folder.path());
    play.until("no git");
    play.until("Disable debug mode in production");
    play.press(&["enter"]);
    play.until("judged");
    play.press(&["a"]);
    play.until("is not inside a git repository");
    play.until("y makes the branch");
    play.press(&["y"]);
    play.until("No branch was made");
}

#[test]
fn what_cannot_be_scanned_can_be_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut play = Play::open(folder.path());
    play.until("no Python file found");
    std::fs::write(folder.path().join("app.py"), APP).unwrap();
    play.press(&["r"]);
    play.until("Disable debug mode in production");
}
