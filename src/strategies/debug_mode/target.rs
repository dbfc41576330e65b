//! What a server has to load: `module:app`, as seen from its working folder.

use super::reach;
use crate::model::Model;
use crate::model::app::{App, AppKind};
use crate::model::deployment::{Process, Stage};
use crate::model::modules::ModuleId;
use crate::model::names::BindingKind;
use crate::text::Span;

/// How the application is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Loaded {
    /// Dotted, as seen from the folder.
    pub module: String,
    /// `app` or `create_app()`.
    pub expression: String,
}

impl Loaded {
    /// As a WSGI server takes it.
    pub fn target(&self) -> String {
        format!("{}:{}", self.module, self.expression)
    }

    /// Python statements that leave the application in `app`.
    pub fn statements(&self) -> String {
        let Self { module, expression } = self;
        if !module.split('.').all(is_identifier) {
            return format!(
                "import importlib; app = importlib.import_module('{module}').{expression}"
            );
        }
        match expression.split_once('(') {
            Some((factory, _)) => format!("from {module} import {factory}; app = {expression}"),
            None if expression == "app" => format!("from {module} import app"),
            None => format!("from {module} import {expression} as app"),
        }
    }
}

/// The folder to start from, and how the application is loaded there: as production does it,
/// else by an entry at the root, else from the folder that Python finds its module in.
pub(super) fn anywhere(model: &Model) -> Option<(String, Loaded)> {
    let quotes = |loaded: &Loaded| loaded.expression.contains('"');
    let mut servers = model
        .deployment
        .servers()
        .filter(|it| it.stage == Stage::Production);
    let served = servers.find_map(|process| {
        let loaded = of_process(model, process).filter(|it| !quotes(it))?;
        Some((process.folder.clone(), loaded))
    });
    served
        .or_else(|| Some((String::new(), by_entry(model, "")?)))
        .or_else(|| {
            let (_, app) = model.apps.production().next()?;
            let folder = import_root(model, model.modules.get(app.module).path());
            let loaded = of_app(model, app, &folder)?;
            Some((folder, loaded))
        })
}

/// The nearest folder above a module that is no package.
fn import_root(model: &Model, path: &str) -> String {
    let mut folder = path;
    loop {
        folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
        let package = format!("{folder}/__init__.py");
        if folder.is_empty() || model.repo.file(&package).is_none() {
            return folder.to_owned();
        }
    }
}

fn is_identifier(text: &str) -> bool {
    !text.starts_with(|first: char| first.is_ascii_digit())
        && text.chars().all(|it| it.is_alphanumeric() || it == '_')
}

/// What `process` loads, or should load.
pub(super) fn of_process(model: &Model, process: &Process) -> Option<Loaded> {
    if let Some(target) = &process.target {
        let home = model.modules.find(&process.folder, &target.module);
        let expression = match (&target.expression, home) {
            (Some(expression), _) => Some(expression.clone()),
            (None, Some(home)) => expression_in(model, home),
            (None, None) => None,
        };
        return Some(Loaded {
            module: target.module.clone(),
            expression: expression?,
        });
    }
    if let crate::model::deployment::Server::PythonScript { path } = &process.server {
        let home = model.modules.by_path(path)?;
        return in_module(model, home, &process.folder);
    }
    primary(model, &process.folder)
}

/// How the application is loaded from `folder` where no process says it.
fn primary(model: &Model, folder: &str) -> Option<Loaded> {
    by_entry(model, folder).or_else(|| {
        let (_, app) = model.apps.production().next()?;
        of_app(model, app, folder)
    })
}

/// The application in a module of a usual name.
fn by_entry(model: &Model, folder: &str) -> Option<Loaded> {
    let entry = ["wsgi.py", "app.py", "main.py", "run.py"];
    let place = |name: &str| match folder.is_empty() {
        true => name.to_owned(),
        false => format!("{folder}/{name}"),
    };
    entry.iter().find_map(|name| {
        let home = model.modules.by_path(&place(name))?;
        in_module(model, home, folder)
    })
}

fn in_module(model: &Model, home: ModuleId, folder: &str) -> Option<Loaded> {
    Some(Loaded {
        module: dotted(model.modules.get(home).path(), folder)?,
        expression: expression_in(model, home)?,
    })
}

fn of_app(model: &Model, app: &App, folder: &str) -> Option<Loaded> {
    in_module(model, app.module, folder)
}

/// The application or the factory that a module offers.
fn expression_in(model: &Model, home: ModuleId) -> Option<String> {
    let scope = model.names.scopes(home).module();
    let tree = model.modules.get(home);
    let mut names: Vec<&str> = scope.bindings.keys().map(|name| &**name).collect();
    names.sort_by_key(|name| (!matches!(*name, "app" | "application"), *name));
    let app = names.into_iter().find(|name| {
        scope.bindings[*name]
            .iter()
            .any(|binding| match binding.kind {
                BindingKind::Value(span) => makes_app(model, home, span),
                BindingKind::Import(_) => {
                    let found = model.names.resolve_member(&model.modules, home, name);
                    let definition = found.and_then(|it| model.names.definition(&it));
                    definition.is_some_and(|it| match it.binding.kind {
                        BindingKind::Value(span) => makes_app(model, it.module, span),
                        _ => false,
                    })
                }
                _ => false,
            })
    });
    if let Some(app) = app {
        return Some(app.to_owned());
    }
    let mut apps = model.apps.iter();
    apps.find_map(|(_, app)| match &app.kind {
        AppKind::Factory {
            name,
            function,
            returns_app: true,
        } if app.module == home && !name.contains('.') => {
            let function = tree.statement_exactly(*function)?.as_function_def_stmt()?;
            let mut parameters = function.parameters.iter_non_variadic_params();
            parameters
                .all(|parameter| parameter.default().is_some())
                .then(|| format!("{name}()"))
        }
        _ => None,
    })
}

/// Whether the value at `span` is a new application that whoever imports the module gets: what
/// is made under `if __name__ == "__main__"` is not there for a server.
fn makes_app(model: &Model, home: ModuleId, span: Span) -> bool {
    let tree = model.modules.get(home);
    let is_app = tree.expression_at(span).is_some_and(|value| {
        let app = model.apps.of(&model.modules, &model.names, home, value);
        value.is_call_expr() && app.is_some()
    });
    is_app && reach::runs_on_import(model, home, &tree.location(span))
}

/// `shop/wsgi.py` seen from the root is `shop.wsgi`.
fn dotted(path: &str, folder: &str) -> Option<String> {
    let relative = match folder.is_empty() {
        true => path,
        false => path.strip_prefix(folder)?.strip_prefix('/')?,
    };
    let relative = relative.strip_prefix("src/").unwrap_or(relative);
    let stem = relative.strip_suffix(".py")?;
    let stem = stem.strip_suffix("/__init__").unwrap_or(stem);
    Some(stem.replace('/', "."))
}
