//! A new module beside an existing one: its path, and how the existing one imports it.

use std::sync::Arc;

use ruff_python_ast::Stmt;

use crate::finding::{Edit, Import};
use crate::model::Model;
use crate::model::modules::ModuleId;
use crate::text::join_path;

/// A module that a patch creates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewModule {
    /// Relative to the repository's root.
    pub path: Arc<str>,
    /// As the neighbour imports it (`.debug_guard`, `shop.debug_guard`, `debug_guard`).
    pub import: String,
}

impl NewModule {
    /// A module called `name` in the folder of `neighbour`; where that name is taken, another.
    pub fn beside(model: &Model, neighbour: ModuleId, name: &str) -> Self {
        let path = model.modules.get(neighbour).path();
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let place = |name: &str| join_path(folder, &format!("{name}.py"));
        let alternatives = (2..10).map(|number| format!("{name}_{number}"));
        let name = std::iter::once(name.to_owned())
            .chain(alternatives)
            .find(|name| model.repo.file(&place(name)).is_none())
            .unwrap_or_else(|| name.to_owned());
        Self {
            path: Arc::from(place(&name)),
            import: format!("{}{name}", prefix(model, neighbour, folder)),
        }
    }

    /// The edit by which `importer`, in the same folder, imports `name` from it.
    pub fn imported(&self, importer: &Arc<str>, name: &str) -> Edit {
        Edit::Import {
            path: Arc::clone(importer),
            import: Import {
                module: self.import.clone(),
                name: Some(name.into()),
                alias: None,
            },
        }
    }
}

/// What stands in front of the names of neighbours: as the module imports those that it has,
/// else a dot inside a package, else what a server's target says.
fn prefix(model: &Model, module: ModuleId, folder: &str) -> String {
    if let Some(known) = known_prefix(model, module, folder) {
        return known;
    }
    if is_imported_by_its_bare_name(model, module, folder) {
        return String::new();
    }
    let init = join_path(folder, "__init__.py");
    if model.repo.file(&init).is_some() && !folder.is_empty() {
        return ".".into();
    }
    let own = model.modules.get(module).path();
    let stem = own.trim_end_matches(".py").replace('/', ".");
    let targets = model.deployment.processes.iter();
    let target = targets
        .filter_map(|process| process.target.as_ref())
        .map(|target| target.module.as_str())
        .find(|target| stem == **target || stem.ends_with(&format!(".{target}")));
    match target.and_then(|target| target.rsplit_once('.')) {
        Some((package, _)) => format!("{package}."),
        None => String::new(),
    }
}

/// Whether others import the module as `config` though its folder is a package: the folder is on
/// the path of imports then, and a relative import would know no package.
fn is_imported_by_its_bare_name(model: &Model, module: ModuleId, folder: &str) -> bool {
    let path = model.modules.get(module).path();
    let file = path.rsplit_once('/').map_or(&**path, |(_, file)| file);
    let stem = file.trim_end_matches(".py");
    if folder.is_empty() || stem == "__init__" {
        return false;
    }
    model.modules.iter().any(|(importer, tree)| {
        tree.file.text.as_str().contains(stem)
            && imports_bare(tree.body(), stem)
            && model.modules.import(importer, 0, stem) == Some(module)
    })
}

/// Whether `import NAME` or `from NAME import …` stands in the body, or in a function of it.
fn imports_bare(body: &[Stmt], name: &str) -> bool {
    body.iter().any(|stmt| match stmt {
        Stmt::Import(import) => import.names.iter().any(|alias| alias.name.as_str() == name),
        Stmt::ImportFrom(from) => {
            from.level == 0 && from.module.as_ref().is_some_and(|it| it.as_str() == name)
        }
        Stmt::FunctionDef(function) => imports_bare(&function.body, name),
        Stmt::Try(attempt) => imports_bare(&attempt.body, name),
        _ => false,
    })
}

/// How the module imports others of its folder.
fn known_prefix(model: &Model, module: ModuleId, folder: &str) -> Option<String> {
    let in_folder = |found: ModuleId| {
        let path = model.modules.get(found).path();
        let (home, file) = path.rsplit_once('/').unwrap_or(("", path));
        (home == folder && file != "__init__.py")
            || path.strip_suffix("/__init__.py").is_some_and(|package| {
                package.rsplit_once('/').map_or("", |(parent, _)| parent) == folder
            })
    };
    model.modules.get(module).body().iter().find_map(|stmt| {
        let Stmt::ImportFrom(from) = stmt else {
            return None;
        };
        let name = from.module.as_ref().map_or("", |name| name.as_str());
        if from.level == 1 {
            return Some(".".into());
        }
        if from.level > 0 {
            return None;
        }
        let found = model.modules.import(module, 0, name)?;
        let package = name.rsplit_once('.').map_or("", |(package, _)| package);
        in_folder(found).then(|| match package.is_empty() {
            true => String::new(),
            false => format!("{package}."),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::Repository;

    #[test]
    fn a_neighbour_is_imported_as_the_module_itself_is() {
        for (app, expected) in [
            ("from config import Config\n", "secret_store"),
            ("from shop.config import Config\n", ".secret_store"),
            ("from .config import Config\n", ".secret_store"),
        ] {
            let app = format!("from flask import Flask\n{app}app = Flask('x')\n");
            let repo = Repository::from_texts([
                ("shop/__init__.py", ""),
                ("shop/app.py", app.as_str()),
                ("shop/config.py", "from flask import Config\n"),
            ]);
            let model = Model::build(Arc::new(repo));
            let config = model.modules.by_path("shop/config.py").unwrap();
            let found = NewModule::beside(&model, config, "secret_store");
            assert_eq!(found.import, expected, "{app}");
        }
    }
}
