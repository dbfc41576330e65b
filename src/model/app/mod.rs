//! Which Flask applications the repository has, what is attached to each, and their routes.

mod attach;
mod construct;
mod origin;
mod route;

use std::sync::Arc;

pub use origin::Origin;
pub use route::{Parameter, Route, View};

use super::deployment::Deployment;
use super::modules::{ModuleId, Modules};
use super::names::Names;
use crate::discover::Purpose;
use crate::text::{Location, Span};

/// One application of [`Apps`], valid for the value that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppId(u32);

impl AppId {
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Every application, the one that production most likely serves first.
#[derive(Debug, Default)]
pub struct Apps {
    list: Vec<App>,
    /// Blueprints that are constructed somewhere, registered or not.
    pub blueprints: Vec<Blueprint>,
}

/// One construction of a Flask application.
#[derive(Debug, Clone)]
pub struct App {
    pub module: ModuleId,
    /// The call (`Flask(...)`).
    pub construction: Location,
    /// The statement that holds the call.
    pub statement: Location,
    /// What the statement binds it to: `app`, `self.app`; `None` for `return Flask(...)`.
    pub name: Option<Box<str>>,
    /// "flask.Flask", "connexion.App", or the project's own subclass ("CTFdFlask").
    pub class: String,
    pub kind: AppKind,
    /// The folder of the module that constructs it; empty for the repository's root.
    pub root: String,
    pub purpose: Purpose,
    pub arguments: AppArguments,
    /// It is constructed under `if __name__ == "__main__"` or in a function `main`.
    pub under_main: bool,
    pub routes: Vec<Route>,
    pub registrations: Vec<Registration>,
    pub extensions: Vec<Extension>,
    pub hooks: Vec<Hook>,
}

/// Where an application is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppKind {
    /// A statement of the module.
    Module,
    /// Inside a function.
    Factory {
        /// Qualified inside its module: `create_app`, `Server.create_app`.
        name: String,
        /// The whole definition.
        function: Span,
        /// Whether the function returns the application.
        returns_app: bool,
    },
    /// A method that keeps it as an attribute of `self`.
    Attribute { class: String, method: Span },
}

/// What `Flask(...)` is given; each is the span of the argument's value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppArguments {
    pub static_folder: Option<Span>,
    pub static_url_path: Option<Span>,
    pub template_folder: Option<Span>,
    pub instance_path: Option<Span>,
    /// `instance_relative_config=True`: `from_pyfile` looks in the instance folder.
    pub instance_relative: bool,
}

/// One `Blueprint(...)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blueprint {
    pub module: ModuleId,
    pub construction: Location,
    /// The variable that holds it.
    pub variable: Option<Box<str>>,
    /// `url_prefix` of the construction, where it is literal.
    pub prefix: Option<String>,
    pub routes: Vec<Route>,
}

/// One `app.register_blueprint(...)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    pub location: Location,
    /// The index in [`Apps::blueprints`], where the argument could be followed.
    pub blueprint: Option<usize>,
    /// `url_prefix` of the registration, where it is literal.
    pub prefix: Option<String>,
}

/// One extension that is initialised for an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// The extension's class ("flask_wtf.csrf.CSRFProtect").
    pub class: String,
    /// `Class(app, …)` or `object.init_app(app, …)`.
    pub location: Location,
    /// `Class()` where the object was made, if that is another place.
    pub object: Option<Location>,
}

impl Extension {
    /// The class without its module.
    pub fn name(&self) -> &str {
        self.class.rsplit('.').next().unwrap_or(&self.class)
    }
}

/// One function that is run around requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// "after_request", "before_request", "teardown_request", "errorhandler", …
    pub name: String,
    /// The decorator or the call.
    pub location: Location,
    /// The function, where it is of the repository.
    pub function: Option<(ModuleId, Span)>,
}

impl Apps {
    /// Finds every application of the repository.
    pub fn find(modules: &Modules, names: &Names) -> Self {
        let mut apps = Self {
            list: construct::find(modules, names),
            blueprints: Vec::new(),
        };
        apps.list.sort_by_key(|app| rank(modules, app));
        attach::attach(&mut apps, modules, names);
        apps
    }

    pub fn get(&self, id: AppId) -> &App {
        &self.list[id.index()]
    }

    pub fn iter(&self) -> impl Iterator<Item = (AppId, &App)> {
        (0..).map(AppId).zip(&self.list)
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The applications that production can load, best first: those of tests and examples are
    /// left out unless there is nothing else, and so are empty ones beside others (an `app`
    /// that only lends its decorators).
    pub fn production(&self) -> impl Iterator<Item = (AppId, &App)> {
        let best = self.list.iter().map(|app| importance(app.purpose)).min();
        let is_best = move |app: &App| Some(importance(app.purpose)) == best;
        let some_serve = self.list.iter().any(|app| is_best(app) && app.serves());
        self.iter()
            .filter(move |(_, app)| is_best(app) && (app.serves() || !some_serve))
    }

    /// The application that is meant where nothing tells which one.
    pub fn primary(&self) -> Option<(AppId, &App)> {
        self.production().next()
    }

    /// The application constructed at `location`.
    pub fn constructed_at(&self, location: &Location) -> Option<AppId> {
        self.iter()
            .find(|(_, app)| app.construction == *location)
            .map(|(id, _)| id)
    }

    /// Whether a file at `path` that has to do with an application, but does not say which,
    /// belongs to `id`: the application whose root is nearest above it, else the primary one.
    pub fn nearest(&self, path: &str) -> Option<AppId> {
        let above = |app: &&App| app.root.is_empty() || path.starts_with(&format!("{}/", app.root));
        let deepest = self
            .production()
            .filter(|(_, app)| above(app))
            .max_by_key(|(id, app)| (app.root.len(), std::cmp::Reverse(*id)));
        deepest.or_else(|| self.primary()).map(|(id, _)| id)
    }

    /// The application that `expr` of `module` is, if it is one.
    pub fn of(
        &self,
        modules: &Modules,
        names: &Names,
        module: ModuleId,
        expr: &ruff_python_ast::Expr,
    ) -> Option<AppId> {
        match origin::origin(self, modules, names, module, expr) {
            Origin::App(id) => Some(id),
            Origin::SomeApp => self.nearest(modules.get(module).path()),
            Origin::Other => None,
        }
    }

    /// The same applications, those that production's processes name in front.
    #[must_use]
    pub fn ranked_by(mut self, modules: &Modules, names: &Names, deployment: &Deployment) -> Self {
        let targeted: Vec<Location> = deployment
            .production()
            .filter_map(|process| {
                let id = origin::of_process(&self, modules, names, process)?;
                Some(self.get(id).construction.clone())
            })
            .collect();
        let is_behind = |app: &App| !targeted.contains(&app.construction);
        self.list.sort_by_key(is_behind);
        self
    }
}

impl App {
    /// Every route with its blueprint's prefix in front.
    pub fn all_routes<'a>(&'a self, apps: &'a Apps) -> impl Iterator<Item = (String, &'a Route)> {
        let own = self.routes.iter().map(|route| (route.rule.clone(), route));
        let registered = self.registrations.iter().flat_map(|registration| {
            let blueprint = registration.blueprint.map(|index| &apps.blueprints[index]);
            let prefix = registration.prefix.as_ref();
            let prefix = prefix.or(blueprint.and_then(|it| it.prefix.as_ref()));
            let prefix = prefix.cloned().unwrap_or_default();
            blueprint
                .into_iter()
                .flat_map(|blueprint| &blueprint.routes)
                .map(move |route| (format!("{prefix}{}", route.rule), route))
        });
        own.chain(registered)
    }

    /// Whether anything is attached that a client can reach.
    pub const fn serves(&self) -> bool {
        !self.routes.is_empty() || !self.registrations.is_empty() || !self.extensions.is_empty()
    }

    /// Whether an extension of that class name (without its module) is initialised.
    pub fn extension(&self, name: &str) -> Option<&Extension> {
        self.extensions.iter().find(|it| it.name() == name)
    }

    pub fn path(&self) -> &Arc<str> {
        &self.construction.path
    }
}

/// Application code before examples before tests; then apps with a usual place and name.
fn rank(modules: &Modules, app: &App) -> (u8, bool, bool, usize, Arc<str>, usize) {
    let path = Arc::clone(modules.get(app.module).path());
    let depth = path.matches('/').count();
    let usual = matches!(app.name.as_deref(), Some("app" | "application"));
    let start = app.construction.span.start;
    let importance = importance(app.purpose);
    (importance, app.under_main, !usual, depth, path, start)
}

const fn importance(purpose: Purpose) -> u8 {
    match purpose {
        Purpose::Application => 0,
        Purpose::Migration => 1,
        Purpose::Example => 2,
        Purpose::Test => 3,
        Purpose::Vendored => 4,
    }
}

#[cfg(test)]
mod tests;
