use std::fs;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::discover::scratch::git;

fn change(path: &str, before: Option<&str>, after: Option<&str>) -> FileChange {
    FileChange {
        path: Arc::from(path),
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
        executable: false,
    }
}

fn put(folder: &Path, path: &str, text: Option<&str>) {
    let target = folder.join(path);
    let Some(text) = text else {
        return drop(fs::remove_file(target));
    };
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    fs::write(target, text).unwrap();
}

/// Lets git apply the patch of `changes`, and sees that it gives exactly the texts after.
fn applies(changes: &[FileChange]) {
    let folder = tempfile::tempdir().unwrap();
    for change in changes {
        put(folder.path(), &change.path, change.before.as_deref());
    }
    let patch = patch_text(changes);
    fs::write(folder.path().join("the.patch"), &patch).unwrap();
    git(folder.path(), &["init", "-q"]);
    git(folder.path(), &["apply", "--check", "the.patch"]);
    git(folder.path(), &["apply", "the.patch"]);
    for change in changes {
        let text = fs::read_to_string(folder.path().join(&*change.path)).ok();
        assert_eq!(text, change.after, "{}\n{patch}", change.path);
    }
}

fn cases() -> Vec<FileChange> {
    let long: String = (1..=40).map(|n| format!("line {n}\n")).collect();
    let far = long.replace("line 4\n", "four\n") + "more\n";
    let python = "class Shop:\n    def open(self):\n        a = 1\n        b = 2\n        c = 3\n        d = 4\n        e = 5\n";
    let changed_python = python.replace("e = 5", "e = 6");
    let functions = "def a():\n    x()\n    return 1\n\n\ndef b():\n    y()\n    return 1\n";
    let between = functions.replace("def b", "def c():\n    return 1\n\n\ndef b");
    let guarded = functions.replace(
        "    y()\n",
        "    y()\n\n    if not z:\n        return 1\n\n",
    );
    let behind = functions.to_owned() + "\n\ndef c():\n    return 1\n";
    let lists = "A = [\n    1,\n]\nB = [\n    2,\n]\n";
    let list = lists.replace("B =", "C = [\n    3,\n]\nB =");
    vec![
        change("between.py", Some(functions), Some(&between)),
        change("guarded.py", Some(functions), Some(&guarded)),
        change("behind.py", Some(functions), Some(&behind)),
        change("lists.py", Some(lists), Some(&list)),
        change("unlisted.py", Some(&list), Some(lists)),
        change("plain.py", Some("a\nb\nc\n"), Some("a\nB\nc\n")),
        change("far.txt", Some(&long), Some(&far)),
        change("shop.py", Some(python), Some(&changed_python)),
        change("crlf.py", Some("a\r\nb\r\n"), Some("a\r\nB\r\n")),
        change("to_lf.py", Some("a\r\nb\r\n"), Some("a\nb\n")),
        change(
            "mixed.py",
            Some("a\r\nb\nc\r\n"),
            Some("a\r\nb\nx\r\nc\r\n"),
        ),
        change("lone_cr.py", Some("a\rb\nc\n"), Some("a\rb\nd\n")),
        change("cr_at_end.py", Some("a\nb\r"), Some("a\nb\r\n")),
        change("no_end.py", Some("a\nb"), Some("a\nB")),
        change("end_added.py", Some("a\nb"), Some("a\nb\n")),
        change("end_lost.py", Some("a\nb\n"), Some("a\nb")),
        change("end_kept.py", Some("a\nb\nc"), Some("A\nb\nc")),
        change("end_behind.py", Some("a\nb"), Some("a\nb\nc\n")),
        change("bom.py", Some("\u{feff}a\nb\n"), Some("\u{feff}A\nb\n")),
        change("tabs.py", Some("\ta\n\t b \n"), Some("\ta\n\t c \n")),
        change("filled.py", Some(""), Some("a\n")),
        change("emptied.py", Some("a\nb\n"), Some("")),
        change("new/deep/file.py", None, Some("a\nb\n")),
        change("new/no_end", None, Some("a")),
        change("new/empty.py", None, Some("")),
        change("gone.py", Some("a\n"), None),
        change("gone_empty.py", Some(""), None),
        change("with space.py", Some("a\n"), Some("b\n")),
        change("new with space.py", None, Some("b\n")),
        change("grüße/ä b.py", Some("a\n"), Some("b\n")),
        change("quo\"te.py", Some("a\n"), Some("b\n")),
        change("back\\slash.py", None, Some("b\n")),
        change("tab\tnew\nline.py", Some("a\n"), Some("b\n")),
        change("wide.txt", Some("größe = 'ä'\n"), Some("größe = 'ö'\n")),
        change(
            "signs.txt",
            Some("--- a\n+++ b\n"),
            Some("--- a\n@@ -1 +1 @@\n"),
        ),
        change("same.py", Some("a\n"), Some("a\n")),
    ]
}

#[test]
fn git_applies_every_case() {
    applies(&cases());
}

/// The text is git's own, header and section included, wherever there is only one shortest diff.
#[test]
fn the_text_is_what_git_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    git(path, &["init", "-q"]);
    fs::write(path.join(".git/info/attributes"), "*.py diff=python\n").unwrap();
    let mut changes = cases();
    changes.retain(|change| !change.is_unchanged());
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    for change in &changes {
        put(path, &change.path, change.before.as_deref());
    }
    let before = tree(path);
    for change in &changes {
        put(path, &change.path, change.after.as_deref());
    }
    let (abbreviate, after) = ("core.abbrev=7", tree(path));
    let compare = ["-c", abbreviate, "diff", "--no-renames", &before, &after];
    let real = git(path, &compare);
    let ours = patch_text(&changes);
    let difference = similar::TextDiff::from_lines(&real, &ours);
    let shown = difference.unified_diff().header("git", "ours").to_string();
    assert!(real == ours, "{shown}");
}

/// The name of the tree that the folder's files make.
fn tree(folder: &Path) -> String {
    git(folder, &["add", "-A"]);
    git(folder, &["write-tree"]).trim().to_owned()
}

#[test]
fn an_executable_file_is_created_executable() {
    let script = FileChange {
        executable: true,
        ..change("bin/start", None, Some("#!/bin/sh\n"))
    };
    assert!(patch_text(&[script]).contains("new file mode 100755\nindex 0000000.."));
}

#[test]
fn an_unchanged_file_leaves_no_trace() {
    let same = change("a.py", Some("a\n"), Some("a\n"));
    assert!(diff(&same, CONTEXT).is_empty());
    assert_eq!(patch_text(&[same]), "");
}

#[test]
fn changed_words_are_marked() {
    let before = "app.run(debug=True)\r\n";
    let diff = diff(
        &change("a.py", Some(before), Some("app.run(debug=False)\r\n")),
        CONTEXT,
    );
    let [removed, added] = &diff.hunks[0].lines[..] else {
        panic!("{diff:?}");
    };
    assert_eq!(&removed.text[removed.emphasis[0].clone()], "True");
    assert_eq!(&added.text[added.emphasis[0].clone()], "False");
    assert_eq!((removed.emphasis.len(), added.emphasis.len()), (1, 1));
    assert!(removed.carriage_return && added.carriage_return);
    assert_eq!((removed.old_number, removed.new_number), (Some(1), None));
    assert_eq!((added.old_number, added.new_number), (None, Some(1)));
}

#[test]
fn hunks_count_lines_as_git_does() {
    let long: String = (1..=30).map(|n| format!("{n}\n")).collect();
    let changed = long.replace("10\n", "ten\n").replace("25\n", "");
    let diff = diff(&change("n.txt", Some(&long), Some(&changed)), CONTEXT);
    let ranges: Vec<_> = diff.hunks.iter().map(|hunk| (hunk.old, hunk.new)).collect();
    let range = |start, count| LineRange { start, count };
    assert_eq!(
        ranges,
        [(range(7, 7), range(7, 7)), (range(22, 7), range(22, 6))]
    );
    assert_eq!(diff.stat().to_string(), "+1 −2");
}

/// A new function between two others comes as one block, not as the end of one and the
/// beginning of the next.
#[test]
fn whole_blocks_are_added() {
    let before = "def a():\n    return 1\n\n\ndef b():\n    return 1\n";
    let after = "def a():\n    return 1\n\n\ndef c():\n    return 1\n\n\ndef b():\n    return 1\n";
    let diff = diff(&change("a.py", Some(before), Some(after)), CONTEXT);
    let added: Vec<_> = diff.hunks[0]
        .lines
        .iter()
        .filter(|line| line.kind == LineKind::Added)
        .map(|line| line.text.as_str())
        .collect();
    assert_eq!(added, ["def c():", "    return 1", "", ""]);
}

fn text() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "a",
        "b",
        "a = 1",
        "    return x",
        "\tif y:",
        "",
        "}",
        "größe",
        "\u{feff}",
        "\\ No",
        "x\ry",
    ]);
    let end = prop::sample::select(vec!["\n", "\n", "\n", "\r\n"]);
    let lines = prop::collection::vec((line, end), 0..24);
    (lines, any::<bool>()).prop_map(|(lines, ended)| {
        let mut text: String = lines
            .into_iter()
            .flat_map(|(line, end)| [line, end])
            .collect();
        if !ended {
            text.truncate(text.trim_end_matches(['\r', '\n']).len());
        }
        text
    })
}

/// A text and the same with some lines dropped, doubled or replaced.
fn edited() -> impl Strategy<Value = (String, String)> {
    let edits = prop::collection::vec((0..24_usize, 0..3_u8, text()), 0..4);
    (text(), edits).prop_map(|(before, edits)| {
        let mut lines: Vec<String> = before.split_inclusive('\n').map(str::to_owned).collect();
        for (at, kind, new) in edits {
            let at = at.min(lines.len());
            match kind {
                0 => drop(lines.drain(at..(at + 2).min(lines.len()))),
                1 => drop(lines.splice(at..at, new.split_inclusive('\n').map(str::to_owned))),
                _ => drop(lines.splice(at..(at + 1).min(lines.len()), [new])),
            }
        }
        (before, lines.concat())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every text round-trips through real git, several files at once to save processes.
    #[test]
    fn git_applies_random_edits(pairs in prop::collection::vec(edited(), 1..16)) {
        let changes: Vec<_> = pairs
            .iter()
            .enumerate()
            .map(|(n, (before, after))| change(&format!("f{n}"), Some(before), Some(after)))
            .filter(|change| !change.is_unchanged())
            .collect();
        if !changes.is_empty() {
            applies(&changes);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// The lines of all hunks, whatever the context, hold both texts in order.
    #[test]
    fn lines_give_both_texts_back((before, after) in edited(), secret in "[ab =]{1,4}") {
        let whole = diff(&change("f", Some(&before), Some(&after)), usize::MAX);
        let text = |leave_out: LineKind| -> String {
            let lines = whole.hunks.iter().flat_map(|hunk| &hunk.lines);
            lines
                .filter(|line| line.kind != leave_out)
                .map(|line| {
                    let carriage_return = if line.carriage_return { "\r" } else { "" };
                    let newline = if line.missing_newline { "" } else { "\n" };
                    format!("{}{carriage_return}{newline}", line.text)
                })
                .collect()
        };
        if before != after {
            prop_assert_eq!(text(LineKind::Added), before.as_str());
            prop_assert_eq!(text(LineKind::Removed), after.as_str());
        }
        let narrow = diff(&change("f", Some(&before), Some(&after)), 0);
        prop_assert_eq!(narrow.stat(), whole.stat());
        let masked = whole.masked(&Secrets::new([secret.as_str()]));
        for line in whole.hunks.iter().chain(&masked.hunks).flat_map(|hunk| &hunk.lines) {
            for word in &line.emphasis {
                prop_assert!(line.text.get(word.clone()).is_some_and(|word| !word.is_empty()));
            }
        }
    }
}
