//! Patched deployment files, read by parsers that are not ours: every `after` of the fixtures.

use std::path::Path;

use crate::support::python::{Flask, Python};

/// Prints how many files of each kind were read; a file that is refused ends it.
const READ: &str = r#"
import configparser, json, pathlib, subprocess
from collections import Counter

import yaml
from dockerfile_parse import DockerfileParser

read = Counter()
for path in sorted(pathlib.Path(".").glob("**/after/**/*")):
    if not path.is_file():
        continue
    name, text = path.name, path.read_text()
    if path.suffix in (".yml", ".yaml") and "{{ ." not in text and "{{-" not in text:
        assert list(yaml.safe_load_all(text)), path
        read["yaml"] += 1
    elif name.startswith("Dockerfile"):
        steps = DockerfileParser(fileobj=path.open("rb+")).structure
        assert steps and steps[0]["instruction"] in ("FROM", "ARG", "COMMENT"), path
        for step in steps:
            assert step["instruction"].isalpha(), (path, step)
            if step["instruction"] == "CMD" and step["value"].startswith("["):
                assert all(isinstance(word, str) for word in json.loads(step["value"])), path
        read["dockerfile"] += 1
    elif path.suffix == ".sh":
        subprocess.run(["bash", "-n", path], check=True)
        read["shell"] += 1
    elif path.suffix in (".service", ".ini", ".conf"):
        parser = configparser.RawConfigParser(strict=False)
        parser.optionxform = str
        parser.read_string(text)
        assert parser.sections(), path
        read["ini"] += 1
    elif path.suffix == ".json":
        json.loads(text)
        read["json"] += 1
print(*(f"{kind} {count}" for kind, count in sorted(read.items())), sep="\n")
"#;

#[test]
fn other_parsers_read_what_patches_leave() {
    let packages = ["PyYAML==6.0.2", "dockerfile-parse==2.0.1"];
    let python = Python::with_packages(Flask::V3_1, &packages);
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/controls");
    // Its Dockerfile parser opens for writing: a copy, so that the fixtures stay as they are.
    let copy = tempfile::tempdir().unwrap();
    let copied = std::process::Command::new("cp")
        .arg("-R")
        .arg(&fixtures)
        .arg(copy.path())
        .status();
    assert!(copied.unwrap().success());
    let output = python.run(copy.path(), READ);
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let kinds: Vec<&str> = printed
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(
        kinds,
        ["dockerfile", "ini", "json", "shell", "yaml"],
        "{printed}{errors}"
    );
}
