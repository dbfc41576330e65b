//! What an audit of this project's own dependencies runs.
//!
//! pip-audit reads requirement files and `[project]` of a `pyproject.toml`; a lock is exported
//! first, everything else is resolved first (run with pip-audit 2.10.1 and uv 0.13.9).

use crate::model::dependencies::{Dependencies, Format, Manifest};

const PIP_AUDIT: &str = "pip-audit==2.10.1";
const UV: &str = "uv==0.13.9";
/// The file that exports go to; it exists in CI only.
const EXPORTED: &str = "audited.txt";

/// Shell commands for a clean machine with Python.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AuditRun {
    /// What pip installs first, with versions.
    pub install: Vec<&'static str>,
    pub commands: Vec<String>,
}

impl AuditRun {
    /// None when production installs from nothing that an audit can read.
    pub(super) fn of(deps: &Dependencies) -> Option<Self> {
        let all = || deps.runtime().filter(|manifest| !manifest.optional);
        let depth = |manifest: &&Manifest| manifest.path.matches('/').count();
        let top = all().map(|manifest| depth(&manifest)).min()?;
        let nearest = || all().filter(|manifest| depth(manifest) == top);
        let lock = nearest().find(|manifest| manifest.format.is_lock());
        if let Some(run) = lock.and_then(of_lock) {
            return Some(run);
        }
        let files = requirement_files(deps);
        if !files.is_empty() && nearest().any(is_requirements) {
            return Some(Self {
                install: vec![PIP_AUDIT],
                commands: by_folder(&files),
            });
        }
        of_project(nearest().next()?)
    }

    /// The tools in one line, as pip takes them.
    pub(super) fn installed(&self) -> String {
        self.install.join(" ")
    }
}

fn folder(manifest: &Manifest) -> &str {
    manifest
        .path
        .rsplit_once('/')
        .map_or("", |(folder, _)| folder)
}

/// `command`, run where the manifest is.
fn inside(manifest: &Manifest, command: String) -> String {
    match folder(manifest) {
        "" => command,
        folder => format!("cd {folder} && {command}"),
    }
}

fn of_lock(lock: &Manifest) -> Option<AuditRun> {
    let (tool, export) = match lock.format {
        Format::UvLock => (
            Some(UV),
            format!("uv export --frozen --no-dev --no-emit-project --output-file {EXPORTED}"),
        ),
        Format::PoetryLock => (
            Some("poetry-plugin-export==1.10.1"),
            format!("poetry export --output {EXPORTED}"),
        ),
        Format::PdmLock => (
            Some("pdm==2.29.4"),
            format!("pdm export --prod --output {EXPORTED}"),
        ),
        Format::PipfileLock => (
            Some("pipenv==2026.10.3"),
            format!("pipenv requirements > {EXPORTED}"),
        ),
        Format::PyLock => {
            return Some(AuditRun {
                install: vec![PIP_AUDIT],
                commands: vec![inside(lock, "pip-audit --strict --locked .".to_owned())],
            });
        }
        _ => return None,
    };
    Some(AuditRun {
        install: std::iter::once(PIP_AUDIT).chain(tool).collect(),
        commands: vec![
            inside(lock, export),
            inside(lock, format!("pip-audit --strict -r {EXPORTED}")),
        ],
    })
}

fn is_requirements(manifest: &Manifest) -> bool {
    manifest.format == Format::Requirements
}

/// The runtime requirement files that no other one includes.
fn requirement_files(deps: &Dependencies) -> Vec<&Manifest> {
    let files: Vec<&Manifest> = deps.runtime().filter(|one| is_requirements(one)).collect();
    let is_included = |path: &str| {
        let mut includes = files.iter().flat_map(|file| &file.includes);
        includes.any(|included| **included == *path)
    };
    let apart = files.iter().filter(|file| !is_included(&file.path));
    apart.copied().collect()
}

/// Files of one folder are installed together; files of different folders may contradict each
/// other.
fn by_folder(files: &[&Manifest]) -> Vec<String> {
    let mut folders: Vec<&str> = files.iter().map(|file| folder(file)).collect();
    folders.dedup();
    let command = |wanted: &str| {
        let own = files.iter().filter(|file| folder(file) == wanted);
        let inputs: Vec<String> = own.map(|file| format!("-r {}", file.path)).collect();
        format!("pip-audit --strict {}", inputs.join(" "))
    };
    folders.into_iter().map(command).collect()
}

fn of_project(manifest: &Manifest) -> Option<AuditRun> {
    let source = match manifest.format {
        Format::Pep621 => {
            let folder = match folder(manifest) {
                "" => ".",
                folder => folder,
            };
            return Some(AuditRun {
                install: vec![PIP_AUDIT],
                commands: vec![format!("pip-audit --strict {folder}")],
            });
        }
        Format::Poetry => "pyproject.toml",
        Format::SetupCfg => "setup.cfg",
        Format::SetupPy => "setup.py",
        Format::RequirementsIn => manifest.path.rsplit('/').next().unwrap_or_default(),
        _ => return None,
    };
    Some(AuditRun {
        install: vec![PIP_AUDIT, UV],
        commands: vec![
            inside(
                manifest,
                format!("uv pip compile {source} --output-file {EXPORTED}"),
            ),
            inside(
                manifest,
                format!("pip-audit --strict --no-deps --disable-pip -r {EXPORTED}"),
            ),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::Repository;

    fn commands(texts: &[(&str, &str)]) -> Vec<String> {
        let repo = Repository::from_texts(texts.iter().copied());
        let run = AuditRun::of(&Dependencies::read(&repo));
        run.map_or_else(Vec::new, |run| run.commands)
    }

    #[test]
    fn the_real_manifest_is_audited() {
        let project = ("pyproject.toml", "[project]\ndependencies = ['flask']\n");
        assert_eq!(commands(&[project]), ["pip-audit --strict ."]);
        let locked = (
            "uv.lock",
            "[[package]]\nname = \"flask\"\nversion = \"3.1.3\"\n",
        );
        assert!(commands(&[project, locked])[0].starts_with("uv export"));
        assert_eq!(
            commands(&[
                ("requirements.txt", "-r requirements/base.txt\nflask\n"),
                ("requirements/base.txt", "click\n"),
                ("worker-requirements.txt", "redis\n"),
                ("requirements-dev.txt", "pytest\n"),
            ]),
            ["pip-audit --strict -r requirements.txt -r worker-requirements.txt"]
        );
        assert_eq!(
            commands(&[
                ("a/requirements.txt", "flask\n"),
                ("b/requirements.txt", "flask\n")
            ]),
            [
                "pip-audit --strict -r a/requirements.txt",
                "pip-audit --strict -r b/requirements.txt"
            ]
        );
        assert_eq!(
            commands(&[("setup.cfg", "[options]\ninstall_requires = flask\n")])[0],
            "uv pip compile setup.cfg --output-file audited.txt"
        );
        assert!(commands(&[("app.py", "")]).is_empty());
    }
}
