use super::support::{APP, exit_code, folder, git, stdout, transcript, write};

#[test]
fn paths_that_hold_no_application() {
    let empty = folder(&[]);
    insta::assert_snapshot!("no-python", transcript(empty.path(), &["scan"]));
    insta::assert_snapshot!("no-path", transcript(empty.path(), &["scan", "gone"]));
    let bare = folder(&[]);
    git(bare.path(), &["init", "-q", "--bare", "."]);
    assert_eq!(exit_code(bare.path(), &["scan"]), 2);
}

#[test]
fn a_file_is_scanned_alone() {
    let app = folder(&[("app.py", APP), ("other.py", APP)]);
    let report = stdout(
        app.path(),
        &[
            "scan",
            "app.py",
            "--control",
            "debug-run",
            "--format",
            "json",
        ],
    );
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["findings"].as_array().unwrap().len(), 1);
}

#[test]
fn files_that_cannot_be_read_are_named_and_the_rest_is_scanned() {
    let app = folder(&[("app.py", APP)]);
    write(app.path(), "binary.py", b"import os\0\0\0");
    write(app.path(), "latin.py", b"# caf\xe9\n");
    write(app.path(), "huge.py", "x = 1\n".repeat(800_000));
    let bodies = [
        ("deep.py", "(".repeat(5_000) + &")".repeat(5_000)),
        ("not.py", format!("x = {}1\n", "not ".repeat(900_000))),
        ("lambda.py", format!("x = {}1\n", "lambda:".repeat(500_000))),
        (
            "else.py",
            format!("x = {}1\n", "1 if x else ".repeat(300_000)),
        ),
        ("plus.py", format!("x = {}1\n", "1+".repeat(70_000))),
        ("long.py", format!("x = {}1\n", "not ".repeat(9_000))),
        ("indented.py", indented(150)),
    ];
    for (name, body) in bodies {
        write(app.path(), name, format!("import flask\n{body}"));
    }
    let arguments = ["scan", "--control", "debug-run"];
    insta::with_settings!({filters => vec![(r"\d{4}-\d\d-\d\d", "[DATE]")]}, {
        insta::assert_snapshot!("unreadable-files", transcript(app.path(), &arguments));
    });
}

fn indented(levels: usize) -> String {
    (0..levels)
        .map(|level| format!("{}if x:\n", " ".repeat(level)))
        .chain([format!("{}pass\n", " ".repeat(levels))])
        .collect()
}

#[test]
fn python_of_the_past_is_read_as_far_as_it_goes() {
    let old = format!("print 'hello'\n{APP}");
    let app = folder(&[("app.py", &old)]);
    let report = stdout(app.path(), &["scan", "--control", "debug-run"]);
    assert!(report.contains("[debug-run]"), "{report}");
    assert_eq!(
        stdout(app.path(), &["fix", "--diff", "--control", "debug-run"]),
        ""
    );
    assert_eq!(
        exit_code(app.path(), &["fix", "--diff", "--control", "debug-run"]),
        1
    );
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    use std::os::unix::fs::symlink;

    let outside = folder(&[("secret.py", APP)]);
    let app = folder(&[("app.py", &APP.replace("True", "False")), ("a/x.py", "")]);
    symlink("..", app.path().join("a/up")).unwrap();
    symlink("loop", app.path().join("loop")).unwrap();
    symlink(outside.path(), app.path().join("outside")).unwrap();
    symlink(outside.path().join("secret.py"), app.path().join("link.py")).unwrap();
    assert_eq!(
        exit_code(app.path(), &["scan", "--control", "debug-run"]),
        0
    );
}

#[cfg(unix)]
#[test]
fn names_cannot_steer_the_terminal() {
    let app = folder(&[("app.py", "x = 1\n")]);
    write(app.path(), "a\u{1b}[31m\u{202e}.py", APP);
    let report = stdout(app.path(), &["scan", "--control", "debug-run"]);
    assert!(
        !report.contains('\u{1b}') && !report.contains('\u{202e}'),
        "{report}"
    );
    assert!(report.contains("a␛[31m<U+202E>.py:12"), "{report}");
}
