//! Repositories in temporary folders, for tests.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use git2::{IndexAddOption, Oid, Repository, RepositoryInitOptions};
use tempfile::TempDir;

/// A new repository that ignores this machine's settings where they could matter.
pub(crate) fn init(folder: &Path) -> Repository {
    let mut options = RepositoryInitOptions::new();
    options.initial_head("main").external_template(false);
    let repository = Repository::init_opts(folder, &options).unwrap();
    let mut config = repository.config().unwrap();
    for (name, value) in [
        ("user.name", "Ada Example"),
        ("user.email", "ada@example.org"),
        ("core.autocrlf", "false"),
        ("core.hooksPath", ".git/hooks"),
        ("core.excludesFile", ""),
        ("core.attributesFile", ""),
        ("commit.gpgSign", "false"),
    ] {
        config.set_str(name, value).unwrap();
    }
    drop(config);
    repository
}

/// A repository in a temporary folder with `files` in its first commit.
pub(crate) fn repository(files: &[(&str, &str)]) -> (TempDir, Repository) {
    let folder = tempfile::tempdir().unwrap();
    let repository = init(folder.path());
    commit(&repository, files);
    (folder, repository)
}

/// Writes `files`, adds everything and commits it on HEAD.
pub(crate) fn commit(repository: &Repository, files: &[(&str, &str)]) -> Oid {
    let top = repository.workdir().unwrap();
    for (path, text) in files {
        let target = top.join(path);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(target, text).unwrap();
    }
    let mut index = repository.index().unwrap();
    index.add_all(["*"], IndexAddOption::DEFAULT, None).unwrap();
    index.update_all(["*"], None).unwrap();
    index.write().unwrap();
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    let parent = repository
        .head()
        .ok()
        .map(|head| head.peel_to_commit().unwrap());
    let author = repository.signature().unwrap();
    let parents: Vec<_> = parent.iter().collect();
    repository
        .commit(Some("HEAD"), &author, &author, "work\n", &tree, &parents)
        .unwrap()
}

/// Real git in `folder`, deaf to this machine's configuration.
#[track_caller]
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Every file below `folder` with its bytes, git's objects left out: references, their logs,
/// HEAD, the index, the configuration and the working tree.
pub(crate) fn everything(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_symlink() {
                let target = fs::read_link(&path).unwrap();
                found.insert(path, target.into_os_string().into_encoded_bytes());
            } else if path.is_file() {
                let bytes = fs::read(&path).unwrap();
                found.insert(path, bytes);
            } else if !path.ends_with(".git/objects") {
                folders.push(path);
            }
        }
    }
    found
}
