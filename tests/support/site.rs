//! Small applications in temporary folders, and what the library's patches make of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use flask_harden::session::Session;
use flask_harden::strategies::Answers;
use tempfile::TempDir;

/// A repository in a folder that goes away with it.
#[derive(Debug)]
pub struct Site {
    folder: TempDir,
}

impl Site {
    /// A repository of `(path, text)` pairs.
    pub fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let site = Self {
            folder: tempfile::tempdir().expect("no temporary folder"),
        };
        for (path, text) in files {
            site.write(path, text);
        }
        site
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        let parent = path.parent().expect("a file has a folder");
        fs::create_dir_all(parent).expect("the folder cannot be made");
        fs::write(path, text).expect("the file cannot be written");
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).expect("the file cannot be read")
    }

    /// A copy to which the patches of every finding of `controls` are applied.
    pub fn patched(&self, controls: &[&str]) -> Self {
        self.patched_with(controls, &[])
    }

    /// Like [`Site::patched`], with answers to the remedies' options.
    pub fn patched_with(&self, controls: &[&str], answers: &[(&str, &str)]) -> Self {
        let mut given = Answers::default();
        for (key, value) in answers {
            given.set(*key, *value);
        }
        let session = Session::scan(self.path(), given, |_| {}).expect("the scan fails");
        let findings = session.assessment.findings.iter();
        let chosen: BTreeSet<String> = findings
            .filter(|found| controls.contains(&found.about.id))
            .map(|found| found.fingerprint.clone())
            .collect();
        assert!(!chosen.is_empty(), "no finding of {controls:?}");
        let preview = session.preview(&chosen);
        assert_eq!(preview.refused, [], "a patch is refused");
        let patched = Self::new([]);
        copy(self.path(), patched.path());
        for (path, new) in &preview.composition.texts {
            patched.write(path, &new.text);
        }
        patched
    }

    /// The ids of the controls that have findings.
    pub fn controls_with_findings(&self) -> BTreeSet<&'static str> {
        let session = Session::scan(self.path(), Answers::default(), |_| {});
        let session = session.expect("the scan fails");
        let findings = session.assessment.findings.iter();
        findings.map(|found| found.about.id).collect()
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("the folder cannot be read") {
        let entry = entry.expect("the folder cannot be read");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("no file type").is_dir() {
            fs::create_dir_all(&target).expect("the folder cannot be made");
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("the file cannot be copied");
        }
    }
}
