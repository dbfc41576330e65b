use super::support::{folder, stdout, transcript};

fn help(arguments: &[&str]) -> String {
    transcript(folder(&[]).path(), arguments)
}

#[test]
fn every_help_text() {
    insta::assert_snapshot!("help", help(&["--help"]));
    insta::assert_snapshot!("help-short", help(&["-h"]));
    insta::assert_snapshot!("help-scan", help(&["scan", "--help"]));
    insta::assert_snapshot!("help-fix", help(&["fix", "--help"]));
    insta::assert_snapshot!("help-report", help(&["report", "--help"]));
    insta::assert_snapshot!("help-explain", help(&["explain", "--help"]));
}

#[test]
fn the_version() {
    let version = stdout(folder(&[]).path(), &["--version"]);
    assert_eq!(
        version,
        format!("flask-harden {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn usage_errors_are_2() {
    let usage = |arguments: &[&str]| help(arguments);
    insta::assert_snapshot!("usage-flag", usage(&["--no-such-flag"]));
    insta::assert_snapshot!("usage-format", usage(&["scan", "--format", "yaml"]));
    insta::assert_snapshot!("usage-fail-on", usage(&["scan", "--fail-on", "worst"]));
    insta::assert_snapshot!("usage-no-mode", usage(&["fix"]));
    insta::assert_snapshot!("usage-two-modes", usage(&["fix", "--diff", "--write"]));
}
