//! Which folders templates are loaded from, and under which names.

use ruff_python_ast::Expr;
use ruff_text_size::Ranged as _;

use crate::model::app::Apps;
use crate::model::modules::{ModuleId, Modules};
use crate::parse::python::{argument, keyword_literals};

/// The template folders of every application, without repetition.
pub(super) fn of_apps(modules: &Modules, apps: &Apps) -> Vec<String> {
    let mut folders = Vec::new();
    for (_, app) in apps.iter() {
        let given = app.arguments.template_folder;
        let given = given.and_then(|span| modules.get(app.module).expression_at(span));
        let folder = match given {
            Some(expr) => constant_folder(modules, app.module, expr),
            None => Some("templates".to_owned()),
        };
        folders.extend(folder.and_then(|folder| join(&app.root, &folder)));
    }
    // A subclass of Flask names its folder where it calls Flask's own constructor.
    for (_, module) in modules.iter() {
        let root = module.path().rsplit_once('/').map_or("", |(root, _)| root);
        let named = keyword_literals(module.file.text.as_str(), "template_folder");
        folders.extend(named.filter_map(|folder| join(root, folder)));
    }
    sorted(folders)
}

/// The template folders that blueprints bring along, without repetition.
pub(super) fn of_blueprints(modules: &Modules, apps: &Apps) -> Vec<String> {
    let mut folders = Vec::new();
    for blueprint in &apps.blueprints {
        let module = modules.get(blueprint.module);
        let call = module.call_at(blueprint.construction.span);
        let given = call.and_then(|call| argument(call, "template_folder", Some(4)));
        let folder = given.and_then(|expr| constant_folder(modules, blueprint.module, expr));
        let root = module.path().rsplit_once('/').map_or("", |(root, _)| root);
        folders.extend(folder.and_then(|folder| join(root, &folder)));
    }
    sorted(folders)
}

fn sorted(mut folders: Vec<String>) -> Vec<String> {
    folders.sort();
    folders.dedup();
    folders
}

/// The folder that an expression names relative to its module: a literal, or literals joined
/// behind something that is the module's own folder.
fn constant_folder(modules: &Modules, module: ModuleId, expr: &Expr) -> Option<String> {
    match expr {
        Expr::StringLiteral(literal) => Some(literal.value.to_str().to_owned()),
        Expr::Call(call) => {
            let source = modules.get(module).source(call.range());
            if !source.contains("join") {
                return source.contains("__file__").then(String::new);
            }
            let parts = call.arguments.args.iter();
            let parts: Option<Vec<String>> = parts
                .enumerate()
                .map(|(at, part)| match part {
                    Expr::StringLiteral(literal) => Some(literal.value.to_str().to_owned()),
                    // The base: `HERE`, `os.path.dirname(__file__)`, `app.root_path`.
                    _ if at == 0 => Some(String::new()),
                    _ => None,
                })
                .collect();
            Some(parts?.join("/"))
        }
        _ => None,
    }
}

/// `folder` as seen from `root`, both inside the repository.
fn join(root: &str, folder: &str) -> Option<String> {
    let mut parts: Vec<&str> = root.split('/').filter(|part| !part.is_empty()).collect();
    for part in folder.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The names under which the file at `path` can be loaded; none when it is no template.
pub(super) fn names(folders: &[String], path: &str) -> Vec<String> {
    let mut names: Vec<String> = folders
        .iter()
        .filter_map(|folder| match folder.as_str() {
            "" => Some(path),
            folder => path.strip_prefix(folder)?.strip_prefix('/'),
        })
        .map(str::to_owned)
        .collect();
    // Themes, plugins and applications whose folder is computed.
    if !is_foreign(path)
        && let Some((_, name)) = path.rsplit_once("templates/")
        && (path.starts_with("templates/") || path.contains("/templates/"))
    {
        names.push(name.to_owned());
    }
    names.sort_by_key(String::len);
    names.dedup();
    names
}

/// Whether a `templates` folder there is another tool's.
fn is_foreign(path: &str) -> bool {
    path.split('/').any(|part| {
        matches!(
            part.to_ascii_lowercase().as_str(),
            "static"
                | "roles"
                | "ansible"
                | "playbooks"
                | "helm"
                | "charts"
                | "chart"
                | "salt"
                | "node_modules"
                | "cookiecutter"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_relative_to_the_folders() {
        let folders = ["shop/templates".to_owned(), "shop/admin/pages".to_owned()];
        assert_eq!(names(&folders, "shop/templates/a/b.html"), ["a/b.html"]);
        assert_eq!(names(&folders, "shop/admin/pages/x.html"), ["x.html"]);
        assert_eq!(
            names(&folders, "shop/themes/t/templates/x.html"),
            ["x.html"]
        );
        assert_eq!(names(&folders, "roles/web/templates/x.html"), [""; 0]);
        assert_eq!(names(&folders, "shop/static/templates/x.html"), [""; 0]);
        assert_eq!(names(&folders, "frontend/index.html"), [""; 0]);
    }

    #[test]
    fn folders_stay_in_the_repository() {
        assert_eq!(join("a/b", "../c"), Some("a/c".into()));
        assert_eq!(join("a", "../../c"), None);
    }
}
