//! Whether production gets to a start of the development server.

use ruff_python_ast::AnyNodeRef;

use crate::model::Model;
use crate::model::calls::CallSite;
use crate::model::deployment::{Process, Server, Stage, rules};
use crate::model::modules::ModuleId;
use crate::parse::python::is_main_test;
use crate::text::Location;

/// What production does about one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reach {
    /// It starts the file, or imports the module whose body makes the call; how.
    Started(String),
    /// Nothing in the repository says what production starts.
    Open,
    /// It does not get here; why.
    Not(String),
}

pub(super) fn reach(model: &Model, site: &CallSite) -> Reach {
    of_location(model, site.module, &site.location)
}

/// What production does about the code at a place.
pub(super) fn of_location(model: &Model, module: ModuleId, at: &Location) -> Reach {
    let mut production = model
        .deployment
        .production()
        .filter(|it| serves(it))
        .peekable();
    if production.peek().is_none() {
        let path = &*at.path;
        return match rules::stage_of_path(path) {
            Some((Stage::Development | Stage::Test, word)) => Reach::Not(format!(
                "Nothing declares that production starts {path}, and \"{word}\" says that it is \
                 for development."
            )),
            _ => Reach::Open,
        };
    }
    let on_import = runs_on_import(model, module, at);
    let mut other: Option<&Process> = None;
    for process in production {
        if starts(process, &at.path) {
            return Reach::Started(format!(
                "Production starts it: {} ({}).",
                process.server.label(),
                place(model, &process.location)
            ));
        }
        if on_import && process.server.is_production_server() {
            return Reach::Started(format!(
                "It stands in the module's body, so that {} runs it on import ({}).",
                process.server.label(),
                place(model, &process.location)
            ));
        }
        other.get_or_insert(process);
    }
    other.map_or(Reach::Open, |process| {
        Reach::Not(format!(
            "Production does not get here, because it starts {} ({}).",
            process.server.label(),
            place(model, &process.location)
        ))
    })
}

/// `path:line`.
pub(super) fn place(model: &Model, location: &Location) -> String {
    let file = model.repo.file(&location.path);
    let line = file.map_or(1, |file| file.text.line_of(location.span.start));
    format!("{}:{line}", location.path)
}

fn serves(process: &Process) -> bool {
    process.may_be_dev_server()
        || process.server.is_production_server()
        || matches!(process.server, Server::ConsoleScript { .. })
}

fn starts(process: &Process, path: &str) -> bool {
    match &process.server {
        Server::PythonScript { path: script } => script == path,
        Server::PythonModule { name } => {
            let relative = name.replace('.', "/");
            [format!("{relative}.py"), format!("{relative}/__main__.py")]
                .iter()
                .any(|file| path == file || path.ends_with(&format!("/{file}")))
        }
        // Which function the script calls is not known here: it may be this one.
        Server::ConsoleScript { .. } => true,
        _ => false,
    }
}

/// Whether the call is made when its module is imported: not inside a function, and not under
/// `if __name__ == "__main__"`.
pub(super) fn runs_on_import(model: &Model, module: ModuleId, at: &Location) -> bool {
    let module = model.modules.get(module);
    let ancestors = module.ancestors(at.span);
    !ancestors.iter().any(|node| match node {
        AnyNodeRef::StmtFunctionDef(_) | AnyNodeRef::ExprLambda(_) => true,
        AnyNodeRef::StmtIf(stmt) => is_main_test(&stmt.test),
        _ => false,
    })
}
