//! Writing files where they lie (`fix --write`), all of them or none.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::diff::FileChange;
use crate::discover::is_inside;
use crate::error::{Error, GitError};

/// Writes `changes` below `root`.
///
/// A `root` that is a file stands for its folder, as it does in a scan. First every file must still be as the change says it was, and no path may lead out of
/// `root`. Then each new text is written beside its file, and only when all of them are on
/// disk do they take their places, one by one. When that fails midway, those that have taken
/// theirs are put back. Permissions stay.
pub fn write_files(root: &Path, changes: &[FileChange]) -> Result<(), Error> {
    let real = root
        .canonicalize()
        .map_err(|error| unreadable(root, error))?;
    let root = match real.is_file() {
        true => real.parent().unwrap_or(&real),
        false => &real,
    };
    let mut steps = Vec::new();
    for change in changes.iter().filter(|change| !change.is_unchanged()) {
        steps.push((change, target(root, change)?));
    }
    let mut writing = Writing::default();
    for (change, target) in steps {
        writing.prepare(change, target)?;
    }
    writing.finish()
}

/// The real file that a change is for, if the file is as the change expects it.
fn target(root: &Path, change: &FileChange) -> Result<PathBuf, Error> {
    let path = &*change.path;
    if !is_inside(path) {
        return Err(GitError::BadPath { path: path.into() }.into());
    }
    let named = root.join(path);
    let inside = |real: &Path| match real.starts_with(root) {
        true => Ok(()),
        false => Err(GitError::Link { path: path.into() }),
    };
    let Some(before) = &change.before else {
        let real = real_parent(&named)?;
        inside(&real)?;
        return match named.symlink_metadata() {
            Ok(_) => Err(GitError::Exists { path: path.into() }.into()),
            Err(_) => Ok(named),
        };
    };
    let stale = || Error::from(GitError::Stale { path: path.into() });
    let real = match named.canonicalize() {
        Ok(real) => real,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(stale()),
        Err(error) => return Err(unreadable(&named, error)),
    };
    inside(&real)?;
    let bytes = fs::read(&real).map_err(|error| unreadable(&named, error))?;
    match bytes == before.as_bytes() {
        true => Ok(real),
        false => Err(stale()),
    }
}

/// Where the deepest folder of `path` that exists really lies.
fn real_parent(path: &Path) -> Result<PathBuf, Error> {
    let folders = path.ancestors().skip(1);
    for folder in folders {
        // A link that leads nowhere exists as well: a file must not be made through it.
        if folder.symlink_metadata().is_ok() {
            return folder
                .canonicalize()
                .map_err(|error| unreadable(folder, error));
        }
    }
    Err(unreadable(path, io::ErrorKind::NotFound.into()))
}

fn unreadable(path: &Path, source: io::Error) -> Error {
    Error::Unreadable {
        path: path.into(),
        source,
    }
}

fn unwritable(path: &Path, source: io::Error) -> Error {
    Error::Unwritable {
        path: path.into(),
        source,
    }
}

/// One file on its way.
#[derive(Debug)]
struct Step {
    target: PathBuf,
    /// The new text, beside the target; nothing for a file that goes.
    new: Option<PathBuf>,
    /// A copy of the old file, beside the target; nothing for a file that comes.
    old: Option<PathBuf>,
}

/// Everything that exists on disk only while files are written. Dropped before its end, it
/// puts everything back and cleans up.
#[derive(Debug, Default)]
struct Writing {
    steps: Vec<Step>,
    /// How many steps have taken their places.
    placed: usize,
    /// Folders made for new files, the outer ones first.
    folders: Vec<PathBuf>,
    done: bool,
}

impl Writing {
    fn prepare(&mut self, change: &FileChange, target: PathBuf) -> Result<(), Error> {
        let failed = |error| unwritable(&target, error);
        self.make_folders(&target)?;
        // Known from the start, so that whatever exists of it is cleaned up.
        let step = self.steps.len();
        self.steps.push(Step {
            target: target.clone(),
            new: None,
            old: None,
        });
        if change.before.is_some() {
            let old = beside(&target);
            self.steps[step].old = Some(old.clone());
            fs::copy(&target, &old).map_err(failed)?;
            keep_owner(&target, &old).map_err(failed)?;
        }
        if let Some(text) = &change.after {
            let new = beside(&target);
            self.steps[step].new = Some(new.clone());
            write_new(&new, text).map_err(failed)?;
            match &self.steps[step].old {
                Some(_) => keep_permissions(&target, &new).map_err(failed)?,
                None if change.executable => make_executable(&new).map_err(failed)?,
                None => {}
            }
        }
        Ok(())
    }

    fn make_folders(&mut self, target: &Path) -> Result<(), Error> {
        let folders = target.ancestors().skip(1);
        let missing: Vec<_> = folders.take_while(|folder| !folder.exists()).collect();
        for folder in missing.into_iter().rev() {
            fs::create_dir(folder).map_err(|error| unwritable(folder, error))?;
            self.folders.push(folder.to_path_buf());
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), Error> {
        for step in &self.steps {
            match &step.new {
                Some(new) => fs::rename(new, &step.target),
                None => fs::remove_file(&step.target),
            }
            .map_err(|error| unwritable(&step.target, error))?;
            self.placed += 1;
        }
        self.done = true;
        Ok(())
    }
}

impl Drop for Writing {
    /// Does what it can: there is nobody left to tell of a failure that the first one hides.
    fn drop(&mut self) {
        let placed = if self.done { 0 } else { self.placed };
        for step in self.steps[..placed].iter().rev() {
            drop(match &step.old {
                Some(old) => fs::rename(old, &step.target),
                None => fs::remove_file(&step.target),
            });
        }
        let helpers = self.steps.iter().flat_map(|step| [&step.new, &step.old]);
        for helper in helpers.flatten() {
            drop(fs::remove_file(helper));
        }
        if !self.done {
            for folder in self.folders.iter().rev() {
                drop(fs::remove_dir(folder));
            }
        }
    }
}

/// A name in the same folder, so that taking the target's place is one step.
fn beside(target: &Path) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!(".flask-harden-{}-{count}.tmp", std::process::id());
    target.with_file_name(name)
}

/// The text is on disk, not only in a cache, before the file takes its place.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn keep_permissions(from: &Path, to: &Path) -> io::Result<()> {
    fs::set_permissions(to, from.metadata()?.permissions())?;
    keep_owner(from, to)
}

#[cfg(unix)]
fn keep_owner(from: &Path, to: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let (old, new) = (from.metadata()?, to.metadata()?);
    if (old.uid(), old.gid()) == (new.uid(), new.gid()) {
        return Ok(());
    }
    match chown(to, Some(old.uid()), Some(old.gid())) {
        // Only root may give a file away; else it belongs to who writes it, as with an editor.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        answer => answer,
    }
}

#[cfg(not(unix))]
fn keep_owner(_from: &Path, _to: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether `path` is a file that somebody may run.
#[cfg(unix)]
pub fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
pub fn is_executable(path: &Path) -> bool {
    path.is_file()
}

/// Everybody who may read the file may run it, as git does it.
#[cfg(unix)]
fn make_executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = path.metadata()?.permissions().mode();
    let runs = (mode & 0o444) >> 2;
    fs::set_permissions(path, fs::Permissions::from_mode(mode | runs))
}

#[cfg(not(unix))]
fn make_executable(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::discover::scratch::everything;

    fn change(path: &str, before: Option<&str>, after: Option<&str>) -> FileChange {
        FileChange {
            path: Arc::from(path),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
            executable: false,
        }
    }

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let target = folder.path().join(path);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::write(target, text).unwrap();
        }
        folder
    }

    #[track_caller]
    fn refused(root: &Path, changes: &[FileChange], words: &str) {
        let before = everything(root);
        let error = write_files(root, changes).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert!(everything(root) == before, "something changed");
    }

    fn texts(root: &Path) -> Vec<(String, String)> {
        let text = |(path, bytes): (PathBuf, Vec<u8>)| {
            let path = path.strip_prefix(root).unwrap().to_owned();
            let text = String::from_utf8(bytes).unwrap();
            (path.into_os_string().into_string().unwrap(), text)
        };
        everything(root).into_iter().map(text).collect()
    }

    #[test]
    fn files_are_changed_made_and_removed() {
        let folder = folder(&[("a.py", "a\r\n"), ("gone", "x\n"), ("same", "s\n")]);
        let changes = [
            change("a.py", Some("a\r\n"), Some("b\r\n")),
            change("gone", Some("x\n"), None),
            change("new/deep/n.py", None, Some("n")),
            change("same", Some("s\n"), Some("s\n")),
        ];
        write_files(folder.path(), &changes).unwrap();
        let expected = [("a.py", "b\r\n"), ("new/deep/n.py", "n"), ("same", "s\n")];
        let expected = expected.map(|(path, text)| (path.to_owned(), text.to_owned()));
        assert_eq!(texts(folder.path()), expected);
    }

    #[test]
    fn a_scanned_file_is_changed_in_its_folder() {
        let folder = folder(&[("a.py", "a\n")]);
        let changes = [change("a.py", Some("a\n"), Some("b\n"))];
        write_files(&folder.path().join("a.py"), &changes).unwrap();
        assert_eq!(
            texts(folder.path()),
            [("a.py".to_owned(), "b\n".to_owned())]
        );
    }

    #[test]
    fn nothing_is_written_when_one_file_is_not_as_it_was() {
        let folder = folder(&[("a.py", "a\n"), ("b.py", "changed\n")]);
        let good = change("a.py", Some("a\n"), Some("b\n"));
        for (bad, words) in [
            (
                change("b.py", Some("a\n"), Some("b\n")),
                "has changed since",
            ),
            (
                change("gone.py", Some("a\n"), Some("b\n")),
                "has changed since",
            ),
            (change("b.py", None, Some("b\n")), "exists already"),
            (change("b.py/x", None, Some("b\n")), "b.py"),
        ] {
            refused(folder.path(), &[good.clone(), bad], words);
        }
    }

    /// The second file cannot take its place: a folder appeared there after the check.
    #[test]
    fn a_failure_midway_puts_everything_back() {
        let folder = folder(&[("a.py", "a\n"), ("b.py", "b\n")]);
        let root = folder.path().canonicalize().unwrap();
        let before = everything(&root);
        let mut writing = Writing::default();
        for changed in [
            change("a.py", Some("a\n"), Some("A\n")),
            change("made/by/us.py", None, Some("x\n")),
            change("b.py", Some("b\n"), None),
            change("late", None, Some("x\n")),
        ] {
            let target = target(&root, &changed).unwrap();
            writing.prepare(&changed, target).unwrap();
        }
        fs::create_dir(root.join("late")).unwrap();
        let error = writing.finish().unwrap_err();
        assert!(matches!(error, Error::Unwritable { .. }), "{error}");
        assert_eq!(everything(&root), before);
        assert!(!root.join("made").exists());
    }

    #[cfg(unix)]
    #[test]
    fn permissions_stay() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = folder(&[("run", "a\n"), ("closed", "a\n")]);
        let set = |name: &str, mode| {
            let permissions = fs::Permissions::from_mode(mode);
            fs::set_permissions(folder.path().join(name), permissions).unwrap();
        };
        let mode = |name: &str| {
            let metadata = folder.path().join(name).metadata().unwrap();
            metadata.permissions().mode() & 0o777
        };
        set("run", 0o750);
        set("closed", 0o600);
        let script = FileChange {
            executable: true,
            ..change("new", None, Some("x\n"))
        };
        let changes = [
            change("run", Some("a\n"), Some("b\n")),
            change("closed", Some("a\n"), Some("b\n")),
            script,
            change("plain", None, Some("x\n")),
        ];
        write_files(folder.path(), &changes).unwrap();
        assert_eq!((mode("run"), mode("closed")), (0o750, 0o600));
        assert_eq!(mode("new"), mode("plain") | (mode("plain") & 0o444) >> 2);
    }

    #[cfg(unix)]
    #[test]
    fn links_inside_are_followed_and_links_out_are_refused() {
        use std::os::unix::fs::symlink;
        let outside = folder(&[("o.py", "a\n")]);
        let inside = folder(&[("real/a.py", "a\n")]);
        let root = inside.path();
        symlink(outside.path(), root.join("out")).unwrap();
        symlink(outside.path().join("o.py"), root.join("o.py")).unwrap();
        symlink("nowhere", root.join("dangling")).unwrap();
        symlink("real/a.py", root.join("a.py")).unwrap();
        let edit = |path| [change(path, Some("a\n"), Some("b\n"))];
        refused(root, &edit("o.py"), "symbolic link");
        refused(root, &edit("out/o.py"), "symbolic link");
        refused(
            root,
            &[change("out/new.py", None, Some("x"))],
            "symbolic link",
        );
        refused(
            root,
            &[change("out/new/x.py", None, Some("x"))],
            "symbolic link",
        );
        refused(
            root,
            &[change("dangling", None, Some("x"))],
            "exists already",
        );
        refused(root, &[change("dangling/x", None, Some("x"))], "dangling");
        refused(
            root,
            &[change("../new.py", None, Some("x"))],
            "does not name a file",
        );
        assert_eq!(
            fs::read_to_string(outside.path().join("o.py")).unwrap(),
            "a\n"
        );

        write_files(root, &edit("a.py")).unwrap();
        assert_eq!(fs::read_to_string(root.join("real/a.py")).unwrap(), "b\n");
        assert!(root.join("a.py").is_symlink());
    }
}
