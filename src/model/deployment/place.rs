//! Where a path of the running system lies in the repository.

use std::sync::Arc;

use super::files;
use crate::discover::{File, Repository};
use crate::text::Span;

/// Which files of the repository stand where the command runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Container path → path in the repository; later ones win.
    copies: Vec<(String, String)>,
    /// Files that the Dockerfile itself holds, as here-documents.
    inline: Vec<(String, Arc<str>, Span)>,
    /// The folder that stands for the working folder where no copy says otherwise.
    base: String,
    container: bool,
}

/// A file that was found.
#[derive(Debug, Clone)]
pub(super) enum Found<'a> {
    File(&'a Arc<File>),
    /// Text inside another file.
    Inline(Arc<str>, Span),
}

impl Place {
    /// Commands that run in a checkout, from `folder`.
    pub fn checkout(folder: &str) -> Self {
        Self {
            base: folder.to_owned(),
            ..Self::default()
        }
    }

    /// Commands that run in a container built from `folder`.
    pub fn container(folder: &str) -> Self {
        Self {
            base: folder.to_owned(),
            container: true,
            ..Self::default()
        }
    }

    pub const fn is_container(&self) -> bool {
        self.container
    }

    pub fn copy(&mut self, target: &str, source: &str) {
        self.copies.push((clean(target), clean_relative(source)));
    }

    pub fn inline(&mut self, target: &str, path: &Arc<str>, body: Span) {
        self.inline.push((clean(target), Arc::clone(path), body));
    }

    /// The copies of another build stage that lie below `source` appear below `target`.
    pub fn copy_from(&mut self, other: &Self, source: &str, target: &str) {
        let (source, target) = (clean(source), clean(target));
        for (path, repo_path) in &other.copies {
            if let Some(rest) = below(path, &source) {
                self.copies.push((join(&target, rest), repo_path.clone()));
            } else if let Some(rest) = below(&source, path) {
                self.copies
                    .push((target.clone(), join_relative(repo_path, rest)));
            }
        }
    }

    /// The file at `path`, seen from the working folder `cwd`.
    pub fn file<'a>(&self, repo: &'a Repository, path: &str, cwd: &str) -> Option<Found<'a>> {
        let absolute = if path.starts_with('/') {
            clean(path)
        } else {
            join(cwd, path)
        };
        let inline = self.inline.iter().rev();
        if let Some((_, file, body)) = inline.clone().find(|(target, ..)| *target == absolute) {
            return Some(Found::Inline(Arc::clone(file), *body));
        }
        for (target, source) in self.copies.iter().rev() {
            let Some(rest) = below(&absolute, target) else {
                continue;
            };
            if let Some(file) = repo.file(&join_relative(source, rest)) {
                return Some(Found::File(file));
            }
        }
        if !path.starts_with('/') {
            let seen = join_relative(&self.folder(repo, cwd), path);
            if let Some(file) = repo.file(&seen) {
                return Some(Found::File(file));
            }
        }
        let name = files::base_name(path);
        if !path.contains('/')
            && let Some((_, file, body)) = inline
                .clone()
                .find(|(target, ..)| files::base_name(target) == name)
        {
            return Some(Found::Inline(Arc::clone(file), *body));
        }
        self.by_name(repo, path).map(Found::File)
    }

    /// The files of the repository that copies put below `folder`.
    pub fn copied<'a>(&self, repo: &'a Repository, folder: &str) -> Vec<&'a Arc<File>> {
        let folder = clean(folder);
        let inside = self
            .copies
            .iter()
            .filter(|(target, _)| below(target, &folder).is_some());
        inside.filter_map(|(_, source)| repo.file(source)).collect()
    }

    /// A file that no copy explains (a glob, a volume, `$PATH`): one whose path ends the same
    /// way, if there is only one, or only one as near to the base folder.
    fn by_name<'a>(&self, repo: &'a Repository, path: &str) -> Option<&'a Arc<File>> {
        let relative = path.trim_start_matches(['/', '.']);
        let tails =
            std::iter::successors(Some(relative), |tail| tail.split_once('/').map(|it| it.1));
        for tail in tails {
            let ends = |file: &&Arc<File>| {
                let path = file.path.strip_suffix(".j2").unwrap_or(&file.path);
                let rest = path.strip_suffix(tail);
                !tail.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
            };
            let mut found: Vec<_> = repo.files().filter(ends).collect();
            let near = |file: &Arc<File>| below_relative(&file.path, &self.base).is_some();
            if found.len() > 1 && found.iter().any(|file| near(file)) {
                found.retain(|file| near(file));
            }
            found.sort_by_key(|file| file.path.matches('/').count());
            match found.as_slice() {
                [only] => return Some(only),
                [first, second, ..]
                    if first.path.matches('/').count() < second.path.matches('/').count() =>
                {
                    return Some(first);
                }
                [_, ..] => return None,
                [] => {}
            }
        }
        None
    }

    /// The folder of the repository that stands at `cwd`; the base folder where nothing tells.
    pub fn folder(&self, repo: &Repository, cwd: &str) -> String {
        let cwd = clean(cwd);
        if !self.container {
            let folder = join_relative(&self.base, cwd.trim_start_matches('/'));
            return if has_folder(repo, &folder) {
                folder
            } else {
                self.base.clone()
            };
        }
        for (target, source) in self.copies.iter().rev() {
            let Some(rest) = below(&cwd, target) else {
                continue;
            };
            let folder = join_relative(source, rest);
            if has_folder(repo, &folder) && repo.file(&folder).is_none() {
                return folder;
            }
        }
        self.base.clone()
    }
}

/// Whether a file of the repository lies below `folder`.
pub(super) fn has_folder(repo: &Repository, folder: &str) -> bool {
    folder.is_empty()
        || repo
            .files()
            .any(|file| below_relative(&file.path, folder).is_some_and(|rest| !rest.is_empty()))
}

/// `path` without `base` in front, if it lies there or is it. Both absolute.
fn below<'a>(path: &'a str, base: &str) -> Option<&'a str> {
    if base == "/" {
        return Some(path.trim_start_matches('/'));
    }
    let rest = path.strip_prefix(base)?;
    match rest {
        "" => Some(""),
        _ => rest.strip_prefix('/'),
    }
}

fn below_relative<'a>(path: &'a str, base: &str) -> Option<&'a str> {
    if base.is_empty() {
        return Some(path);
    }
    let rest = path.strip_prefix(base)?;
    match rest {
        "" => Some(""),
        _ => rest.strip_prefix('/'),
    }
}

/// An absolute path without `.`, `..` and doubled slashes.
pub(super) fn clean(path: &str) -> String {
    format!("/{}", clean_relative(path))
}

/// A path relative to the repository without `.`, `..` and doubled slashes.
pub(super) fn clean_relative(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

pub(super) fn join(base: &str, path: &str) -> String {
    if path.starts_with('/') {
        return clean(path);
    }
    clean(&format!("{base}/{path}"))
}

pub(super) fn join_relative(base: &str, path: &str) -> String {
    clean_relative(&format!("{base}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_of(found: Option<Found<'_>>) -> Option<String> {
        match found? {
            Found::File(file) => Some(file.path.to_string()),
            Found::Inline(..) => None,
        }
    }

    #[test]
    fn copies_lead_back_to_the_repository() {
        let repo = Repository::from_texts([
            ("backend/app.py", ""),
            ("backend/shop/wsgi.py", ""),
            ("docker/entrypoint.sh", ""),
            ("other/entrypoint.sh", ""),
        ]);
        let mut place = Place::container("");
        place.copy("/app", "backend");
        place.copy("/entrypoint.sh", "docker/entrypoint.sh");
        let find = |path, cwd| path_of(place.file(&repo, path, cwd));
        assert_eq!(
            find("/entrypoint.sh", "/").as_deref(),
            Some("docker/entrypoint.sh")
        );
        assert_eq!(find("app.py", "/app").as_deref(), Some("backend/app.py"));
        assert_eq!(
            find("./wsgi.py", "/app/shop").as_deref(),
            Some("backend/shop/wsgi.py")
        );
        assert_eq!(
            find("entrypoint.sh", "/").as_deref(),
            Some("docker/entrypoint.sh")
        );
        assert_eq!(find("/missing.sh", "/"), None);
        assert_eq!(place.folder(&repo, "/app"), "backend");
        assert_eq!(place.folder(&repo, "/app/shop"), "backend/shop");
        assert_eq!(place.folder(&repo, "/srv"), "");
    }

    #[test]
    fn an_ambiguous_name_is_not_guessed() {
        let repo = Repository::from_texts([("a/run.sh", ""), ("b/run.sh", ""), ("c/d/go.sh", "")]);
        let place = Place::container("");
        assert_eq!(path_of(place.file(&repo, "/run.sh", "/")), None);
        assert_eq!(
            path_of(place.file(&repo, "/x/d/go.sh", "/")).as_deref(),
            Some("c/d/go.sh")
        );
        let near = Place::container("b");
        assert_eq!(
            path_of(near.file(&repo, "/run.sh", "/")).as_deref(),
            Some("b/run.sh")
        );
    }

    #[test]
    fn stages_hand_their_files_on() {
        let repo = Repository::from_texts([("src/app.py", "")]);
        let mut build = Place::container("");
        build.copy("/build", "src");
        let mut last = Place::container("");
        last.copy_from(&build, "/build", "/app");
        assert_eq!(
            path_of(last.file(&repo, "app.py", "/app")).as_deref(),
            Some("src/app.py")
        );
    }

    #[test]
    fn a_checkout_is_the_repository() {
        let repo = Repository::from_texts([("web/app.py", ""), ("app.py", "")]);
        let place = Place::checkout("");
        assert_eq!(place.folder(&repo, "web"), "web");
        assert_eq!(place.folder(&repo, "/srv/shop"), "");
        assert_eq!(
            path_of(place.file(&repo, "app.py", "web")).as_deref(),
            Some("web/app.py")
        );
    }
}
