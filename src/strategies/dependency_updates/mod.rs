//! Keep Flask and Werkzeug updated: declared, free of known vulnerabilities, watched.

pub mod advisories;
pub mod audit_ci;
pub mod automated;
pub mod declared;
pub mod vulnerable;

mod audit_run;
mod breakage;
mod condition;
mod jobs;
mod moves;

use crate::edit::dependency::{Wanted, ensure};
use crate::finding::{Edit, Patch, PatchKind, Severity};
use crate::model::Model;
use crate::model::dependencies::Dependencies;
use crate::text::{Location, Span};

/// The threat that every control here bears on.
const THREATS: &[&str] = &["known-vulnerabilities"];

/// Whether the application's own code imports `package`.
fn imports(model: &Model, package: &str) -> bool {
    first_import(model, package).is_some()
}

/// Where the application first imports `package`.
fn first_import(model: &Model, package: &str) -> Option<Location> {
    use ruff_python_ast::Stmt;
    let names_it = |dotted: &str| {
        dotted == package
            || dotted
                .strip_prefix(package)
                .is_some_and(|rest| rest.starts_with('.'))
    };
    let application = |module: &crate::parse::python::Module| module.file.purpose.is_application();
    let modules = model
        .modules
        .iter()
        .filter(|(_, module)| application(module));
    modules
        .flat_map(|(_, module)| module.body().iter().map(move |stmt| (module, stmt)))
        .find_map(|(module, stmt)| match stmt {
            Stmt::Import(import) => {
                let alias = import.names.iter().find(|alias| names_it(&alias.name))?;
                Some(module.location(alias.range))
            }
            Stmt::ImportFrom(import) if import.level == 0 => {
                let from = import.module.as_ref().filter(|from| names_it(from))?;
                Some(module.location(from.range))
            }
            _ => None,
        })
}

/// The best place to speak of dependencies as a whole: Flask's line in the manifest that
/// production installs from, a hand-written one before a lock, else the first line of some
/// manifest.
fn manifest_place(model: &Model) -> Option<Location> {
    let deps = &model.dependencies;
    let mut manifests: Vec<_> = deps.runtime().collect();
    manifests.sort_by_key(|manifest| !manifest.hand_written);
    let named = ["flask", "werkzeug"].iter().find_map(|name| {
        let mut declared = manifests
            .iter()
            .filter_map(|manifest| manifest.declared(name));
        declared.next()
    });
    match named {
        Some(declared) => Some(declared.location.clone()),
        None => manifests
            .first()
            .map(|manifest| Location::new(&manifest.path, Span::at(0))),
    }
}

/// [`manifest_place`], and without any manifest the first import of Flask or Werkzeug.
fn dependency_place(model: &Model) -> Option<Location> {
    manifest_place(model)
        .or_else(|| first_import(model, "flask"))
        .or_else(|| first_import(model, "werkzeug"))
}

/// The first manifest of a repository that has none: what a job or a bot is to read must be there
/// when it comes.
struct FirstManifest {
    /// What declares Flask and Werkzeug, as `dependencies-declared` does it.
    edits: Vec<Edit>,
    may_break: Vec<String>,
    /// The dependencies as they are with it.
    dependencies: Dependencies,
}

impl FirstManifest {
    /// Nothing where production has a manifest already, or where none can be written.
    fn of(model: &Model) -> Option<Self> {
        if model.dependencies.runtime().next().is_some() {
            return None;
        }
        let patch = declared::first(model)?;
        let wanted: Vec<Wanted<'_>> = patch.edits.iter().filter_map(wanted).collect();
        let change = ensure(&model.repo, &model.dependencies, &wanted).ok()?;
        let new = change.edits.into_iter().filter_map(|edit| match edit {
            Edit::Create { path, text, .. } => Some((path, text)),
            _ => None,
        });
        let dependencies = Dependencies::read(&model.repo.with_texts(new));
        dependencies.runtime().next()?;
        Some(Self {
            edits: patch.edits,
            may_break: patch.may_break,
            dependencies,
        })
    }

    /// The patch that needs the manifest, with it.
    fn within(self, patch: Patch) -> Patch {
        if patch.edits.is_empty() {
            return patch;
        }
        let mut patch = patch.edits(self.edits);
        patch.kind = patch.kind.max(PatchKind::Review);
        patch.may_break.extend(self.may_break);
        patch
    }
}

fn wanted(edit: &Edit) -> Option<Wanted<'_>> {
    let Edit::Dependency {
        folder,
        requirement,
    } = edit
    else {
        return None;
    };
    Some(Wanted {
        folder: folder.as_deref(),
        requirement,
    })
}

/// "3 known vulnerabilities".
fn counted(count: usize) -> String {
    match count {
        1 => "one known vulnerability".to_owned(),
        count => format!("{count} known vulnerabilities"),
    }
}

/// "a, b and c".
fn listed<T: AsRef<str>>(items: &[T]) -> String {
    match items {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [rest @ .., last] => {
            let rest: Vec<&str> = rest.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", rest.join(", "), last.as_ref())
        }
    }
}

/// The name as its own project writes it.
fn spelled(name: &str) -> &str {
    match name {
        "flask" => "Flask",
        "werkzeug" => "Werkzeug",
        "jinja2" => "Jinja2",
        "markupsafe" => "MarkupSafe",
        "pyjwt" => "PyJWT",
        "flask-cors" => "Flask-Cors",
        name => name,
    }
}

/// Unpinned is a risk of its own, whatever is known today.
const UNPINNED: Severity = Severity::Low;
