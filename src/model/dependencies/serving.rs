//! Which manifests serve a folder, where a repository holds several applications.

use super::{Dependencies, Manifest, Role, folder, within};

/// The manifests of one application, and those that belong to no other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Serving {
    /// The folders of the other applications' manifests.
    foreign: Vec<String>,
}

impl Serving {
    pub fn has(&self, manifest: &Manifest) -> bool {
        !self.foreign.iter().any(|other| other == home(manifest))
    }
}

impl Dependencies {
    /// The manifests that serve the folder `code`: of those that name Flask the nearest one
    /// above it, and all that stand beside no other application's. Every manifest where none
    /// is above it, or where no folder is asked for.
    pub fn serving(&self, code: Option<&str>) -> Serving {
        let Some(code) = code else {
            return Serving::default();
        };
        let mut homes: Vec<&str> = self
            .manifests
            .iter()
            .filter(|manifest| manifest.role == Role::Runtime)
            .filter(|manifest| manifest.declared("flask").is_some())
            .map(home)
            .collect();
        homes.sort_unstable();
        homes.dedup();
        let above = homes.iter().filter(|home| within(code, home));
        let Some(own) = above.max_by_key(|home| home.len()).copied() else {
            return Serving::default();
        };
        let foreign = homes.iter().filter(|home| **home != own);
        Serving {
            foreign: foreign.map(|home| (*home).to_owned()).collect(),
        }
    }
}

/// The folder that a manifest speaks for: `requirements/prod.txt` speaks for the one above.
fn home(manifest: &Manifest) -> &str {
    let folder = folder(&manifest.path);
    match folder.rsplit_once('/') {
        Some((above, "requirements")) => above,
        None if folder == "requirements" => "",
        _ => folder,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::Repository;

    fn serving(folder: &str, manifests: &[(&str, &str)]) -> Vec<String> {
        let repo = Repository::from_texts(manifests.iter().copied());
        let deps = Dependencies::read(&repo);
        let serving = deps.serving(Some(folder));
        let mut paths: Vec<String> = deps
            .manifests
            .iter()
            .filter(|manifest| serving.has(manifest))
            .map(|manifest| manifest.path.to_string())
            .collect();
        paths.sort();
        paths
    }

    #[test]
    fn each_application_has_its_own_manifest() {
        let two = [
            ("admin/requirements.txt", "flask==3.1.3\n"),
            ("shop/requirements/prod.txt", "Flask==3.1.3\n"),
            ("tools/requirements.txt", "requests\n"),
        ];
        let admin = ["admin/requirements.txt", "tools/requirements.txt"];
        assert_eq!(serving("admin", &two), admin);
        assert_eq!(serving("admin/views", &two), admin);
        assert_eq!(
            serving("shop", &two),
            ["shop/requirements/prod.txt", "tools/requirements.txt"]
        );
        assert_eq!(serving("administration", &two).len(), 3);
    }

    #[test]
    fn one_manifest_serves_the_whole_repository() {
        let one = [
            ("requirements.txt", "flask==3.1.3\n"),
            ("deploy/requirements.txt", "gunicorn==23.0.0\n"),
        ];
        for folder in ["", "app", "app/views"] {
            assert_eq!(serving(folder, &one).len(), 2, "{folder}");
        }
    }
}
