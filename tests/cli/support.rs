//! Running the real program with nothing of this machine in its output.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A small application with one finding of `debug-run` that a safe patch mends.
pub const APP: &str = "\
from flask import Flask

app = Flask(__name__)


@app.route(\"/\")
def index():
    return \"Hello\"


if __name__ == \"__main__\":
    app.run(debug=True)
";

/// The program, in `folder`, with an environment that is the same everywhere.
pub fn flask_harden(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flask-harden"));
    command.current_dir(folder).args(arguments);
    isolate(&mut command);
    command
}

fn isolate(command: &mut Command) {
    for name in [
        "NO_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "CI",
        "TERM",
        "COLUMNS",
        "RUST_BACKTRACE",
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "EMAIL",
    ] {
        command.env_remove(name);
    }
    command
        .env("HOME", "/nonexistent")
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1");
}

/// Exit code and both streams, as one text to compare.
pub fn transcript(folder: &Path, arguments: &[&str]) -> String {
    let output = flask_harden(folder, arguments).output().unwrap();
    render(folder, arguments, &output)
}

fn render(folder: &Path, arguments: &[&str], output: &Output) -> String {
    let shown = |bytes: &[u8]| scrub(folder, &String::from_utf8_lossy(bytes));
    format!(
        "$ flask-harden {}\nexit code: {}\n----- stdout -----\n{}----- stderr -----\n{}",
        arguments.join(" "),
        code(output),
        shown(&output.stdout),
        shown(&output.stderr)
    )
}

/// What differs from machine to machine and from release to release.
fn scrub(folder: &Path, text: &str) -> String {
    let real = folder.canonicalize().unwrap();
    text.replace(&*real.to_string_lossy(), "[FOLDER]")
        .replace(&*folder.to_string_lossy(), "[FOLDER]")
        .replace(
            &format!("flask-harden {}", env!("CARGO_PKG_VERSION")),
            "flask-harden [VERSION]",
        )
        .replace(
            &format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION")),
            "\"version\": \"[VERSION]\"",
        )
}

pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

pub fn exit_code(folder: &Path, arguments: &[&str]) -> i32 {
    code(&flask_harden(folder, arguments).output().unwrap())
}

pub fn stdout(folder: &Path, arguments: &[&str]) -> String {
    let output = flask_harden(folder, arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

pub fn stderr(folder: &Path, arguments: &[&str]) -> String {
    let output = flask_harden(folder, arguments).output().unwrap();
    String::from_utf8(output.stderr).unwrap()
}

/// A folder with these files.
pub fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        write(folder.path(), path, text);
    }
    folder
}

pub fn write(folder: &Path, path: &str, text: impl AsRef<[u8]>) {
    let file = folder.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

/// A git repository with these files in its first commit.
pub fn repository(files: &[(&str, &str)]) -> TempDir {
    let folder = folder(files);
    git(folder.path(), &["init", "-q", "-b", "main"]);
    git(folder.path(), &["config", "user.name", "Ada Example"]);
    git(folder.path(), &["config", "user.email", "ada@example.org"]);
    git(folder.path(), &["add", "-A"]);
    git(folder.path(), &["commit", "-q", "-m", "first"]);
    folder
}

#[track_caller]
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(folder).args(arguments);
    isolate(&mut command);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// The bundled sample application, copied.
pub fn sample() -> TempDir {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sample");
    let folder = tempfile::tempdir().unwrap();
    copy(&from, folder.path());
    folder
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
