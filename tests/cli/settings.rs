use super::support::{APP, exit_code, folder, stderr, stdout, transcript, write};

fn with_settings(settings: &str) -> tempfile::TempDir {
    folder(&[("app.py", APP), ("pyproject.toml", settings)])
}

#[test]
fn mistakes_are_named() {
    for (name, settings) in [
        ("key", "[tool.flask-harden]\nexclud = []\n"),
        ("fail-on", "[tool.flask-harden]\nfail-on = \"worst\"\n"),
        (
            "control",
            "[tool.flask-harden.disabled]\ndebug-rnu = \"x\"\n",
        ),
        ("reason", "[tool.flask-harden.disabled]\ndebug-run = \"\"\n"),
        ("glob", "[tool.flask-harden]\nexclude = [\"a[\"]\n"),
        ("syntax", "[tool.flask-harden\n"),
    ] {
        let shown = transcript(with_settings(settings).path(), &["scan"]);
        insta::assert_snapshot!(format!("settings-{name}"), shown);
    }
}

#[test]
fn the_project_decides_and_the_flag_decides_before_it() {
    let app = with_settings("[tool.flask-harden]\nfail-on = \"none\"\n");
    assert_eq!(exit_code(app.path(), &["scan"]), 0);
    assert_eq!(exit_code(app.path(), &["scan", "--fail-on", "low"]), 1);
}

#[test]
fn disabled_controls_say_why() {
    let app = with_settings("[tool.flask-harden.disabled]\ndebug-run = \"a tool for one desk\"\n");
    let arguments = ["scan", "--control", "debug-run"];
    assert_eq!(exit_code(app.path(), &arguments), 0);
    assert!(stdout(app.path(), &arguments).contains("switched off: a tool for one desk"));
}

#[test]
fn excluded_files_are_not_read() {
    let app = folder(&[
        ("app.py", &APP.replace("True", "False")),
        ("old/app.py", APP),
        (
            "pyproject.toml",
            "[tool.flask-harden]\nexclude = [\"/old/\"]\n",
        ),
    ]);
    assert_eq!(
        exit_code(app.path(), &["scan", "--control", "debug-run"]),
        0
    );
}

#[test]
fn comments_accept_and_stale_ones_are_reported() {
    let comment = "# flask-harden: ignore[debug-run] one desk only";
    let run = "app.run(debug=True)";
    let app = folder(&[("app.py", &APP.replace(run, &format!("{run}  {comment}")))]);
    let arguments = ["scan", "--control", "debug-run"];
    assert_eq!(exit_code(app.path(), &arguments), 0);
    assert!(
        stdout(app.path(), &arguments).contains("Accepted: app.py:12 debug-run: one desk only")
    );
    write(
        app.path(),
        "app.py",
        APP.replace(run, &format!("app.run()  {comment}")),
    );
    let said = stderr(app.path(), &arguments);
    assert!(
        said.contains("warning: app.py:12: there is nothing to ignore here"),
        "{said}"
    );
}

#[test]
fn answers_are_read_from_a_file() {
    let app = folder(&[
        ("app.py", APP),
        ("answers.toml", "[answers]\ndebug-rnu.value = \"x\"\n"),
    ]);
    let arguments = ["fix", "--diff", "--answers", "answers.toml"];
    insta::assert_snapshot!("answers-unknown", transcript(app.path(), &arguments));
    let missing = ["fix", "--diff", "--answers", "gone.toml"];
    insta::assert_snapshot!("answers-missing", transcript(app.path(), &missing));
}

#[test]
fn an_answer_has_to_be_one_of_the_choices() {
    let app = folder(&[
        ("app.py", APP),
        ("answers.toml", "[answers]\ndebug-run.value = \"ofd\"\n"),
    ]);
    let arguments = [
        "fix",
        "--diff",
        "--control",
        "debug-run",
        "--answers",
        "answers.toml",
    ];
    insta::assert_snapshot!("answers-choice", transcript(app.path(), &arguments));
    write(
        app.path(),
        "answers.toml",
        "[answers]\ndebug-run.value = \"environment\"\n",
    );
    assert!(stdout(app.path(), &arguments).contains("FLASK_ENV"));
}
