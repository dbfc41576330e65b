//! Whole dialogues from typed lines.

use std::cell::RefCell;
use std::io::{self, Cursor, Write};
use std::process::Command;
use std::rc::Rc;

use super::*;

/// A sink that can be read afterwards.
#[derive(Clone, Default)]
struct Paper(Rc<RefCell<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const APP: &str = "from flask import Flask, request\n\napp = Flask(__name__)\n\n\n@app.route(\"/\")\ndef hello():\n    return f\"<h1>{request.args['name']}</h1>\"\n\n\nif __name__ == \"__main__\":\n    app.run(debug=True)\n";

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

fn play(folder: &Path, typed: &str) -> (String, Outcome) {
    let paper = Paper::default();
    let input = Cursor::new(typed.to_owned());
    let lines = Lines::new(input, paper.clone(), Some(paper.clone()));
    let outcome = hold(folder, Settings::default(), paper.clone(), lines).unwrap();
    let written = String::from_utf8(paper.0.borrow().clone()).unwrap();
    (written, outcome)
}

#[test]
fn the_whole_way_to_a_branch() {
    let folder = repository();
    let (text, outcome) = play(folder.path(), "1\n1\nb\nb\na\nn\nfix/all\ny\n");
    assert!(text.is_ascii(), "{text}");
    assert!(text.contains("app.run(debug=True)"), "{text}");
    assert!(text.contains("+     app.run(debug=False)"), "{text}");
    let Outcome::Applied { summary } = outcome else {
        panic!("{text}");
    };
    assert!(summary.contains("git switch fix/all"), "{summary}");
    let patched = git(folder.path(), &["show", "fix/all:app.py"]);
    assert!(patched.contains("app.run(debug=False)"));
    assert_eq!(git(folder.path(), &["status", "--porcelain"]), "");
}

#[test]
fn a_refused_branch_name_is_explained_and_nothing_is_lost() {
    let folder = repository();
    let (text, outcome) = play(folder.path(), "a\nn\nmain\nn\na..b\nb\nq\n");
    assert!(text.contains("the branch `main` exists already"), "{text}");
    assert!(text.contains("`a..b` is not a valid branch name"), "{text}");
    assert_eq!(outcome, Outcome::nothing());
    assert_eq!(git(folder.path(), &["branch", "--list"]).trim(), "* main");
}

#[test]
fn quitting_with_ticks_of_ones_own_asks() {
    let folder = repository();
    let (text, outcome) = play(folder.path(), "4\nX\nq\nno\nb\nq\ny\n");
    assert!(text.contains("ticked and not applied"), "{text}");
    let Outcome::Left { ticked, .. } = outcome else {
        panic!("{text}");
    };
    assert!(!ticked.is_empty());
}

#[test]
fn no_more_answers_is_leaving() {
    let folder = repository();
    let (_, outcome) = play(folder.path(), "");
    assert_eq!(outcome, Outcome::nothing());
    let (text, _) = play(folder.path(), "7\n\n1\n99\n");
    assert!(text.contains("\"7\" is not one of the choices"), "{text}");
}

#[test]
fn without_git_everything_but_the_branch_works() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app.py"), APP).unwrap();
    let (text, outcome) = play(folder.path(), "a\ny\nb\nq\n");
    assert!(text.contains("is not inside a git repository"), "{text}");
    assert!(text.contains("No branch was made."), "{text}");
    assert_eq!(outcome, Outcome::nothing());
}
