//! Every configuration key as it resolves for each environment that the project distinguishes.
//!
//! [`Tracer`](trace) walks what runs when an application is built, in execution order, once per
//! [`Environment`]: it follows factories, helpers, `init_app`, configuration classes, modules
//! and files, and takes the branches that this environment takes.

mod call;
mod document;
mod evaluate;
mod fold;
mod library;
mod load;
mod place;
mod resolve;
mod roots;
mod select;
mod stray;
mod trace;
mod value;
mod write;

pub use place::{Container, Placement};
pub use resolve::Resolved;
pub use value::{Conversion, EnvRead, FileEntry, Literal, Value};

use super::app::{AppId, Apps};
use super::deployment::Deployment;
use super::modules::{ModuleId, Modules};
use super::names::Names;
use crate::text::{Location, Span};

/// What a configuration is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Environment {
    Production,
    Development,
    Testing,
}

impl Environment {
    pub const ALL: [Self; 3] = [Self::Production, Self::Development, Self::Testing];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Development => "development",
            Self::Testing => "testing",
        }
    }

    pub(super) const fn index(self) -> usize {
        match self {
            Self::Production => 0,
            Self::Development => 1,
            Self::Testing => 2,
        }
    }
}

/// The configuration of every application.
#[derive(Debug, Clone, Default)]
pub struct Configuration {
    /// Every write of every key, in no order that means anything: ask [`Configuration::resolved`].
    writes: Vec<Write>,
    sources: Vec<Source>,
    switches: Vec<Switch>,
    /// Per application and environment, the writes in execution order.
    orders: Vec<[Vec<WriteId>; 3]>,
    /// Per application, the end of its set-up: see [`Configuration::end_of_setup`].
    ends: Vec<Option<SetupEnd>>,
}

/// One write of [`Configuration`], valid for the value that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WriteId(u32);

/// One statement, entry or keyword that gives a key a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// The application; `None` when nothing visible loads the place.
    pub app: Option<AppId>,
    pub module: ModuleId,
    /// The key as Flask knows it: `SECRET_KEY` also for `app.secret_key = …`.
    pub key: Box<str>,
    /// The key as it stands in the code (a name, a quoted text, a keyword, an attribute).
    pub key_at: Location,
    pub value: Value,
    /// The value's expression.
    pub value_at: Location,
    pub statement: Location,
    pub form: Form,
    /// How execution gets here, outermost first: calls, loads, classes. Without the write.
    pub via: Vec<Location>,
    /// The conditions that it stands under and that could not be decided, outermost first.
    pub conditions: Vec<Condition>,
    /// The environments in which it is executed.
    pub environments: Vec<Environment>,
    /// The alternatives of switches that could not be decided: (switch, candidate).
    pub alternatives: Vec<(usize, usize)>,
    /// It only sets a key that is still unset (`setdefault`).
    pub is_default: bool,
}

impl Write {
    pub fn in_environment(&self, environment: Environment) -> bool {
        self.environments.contains(&environment)
    }

    /// What a finding points at: the entry, where many stand in one statement.
    pub fn place(&self) -> Location {
        let is_entry = matches!(self.form, Form::DictEntry | Form::Keyword);
        let (key, value) = (self.key_at.span, self.value_at.span);
        match is_entry && self.key_at.path == self.value_at.path && key.start < value.end {
            true => Location::new(&self.key_at.path, Span::new(key.start, value.end)),
            false => self.statement.clone(),
        }
    }

    /// Whether it is executed whatever happens.
    pub fn is_certain(&self) -> bool {
        self.conditions.is_empty() && self.alternatives.is_empty()
    }

    /// Whether application code loads it: `false` for settings that nothing visible loads.
    pub const fn is_loaded(&self) -> bool {
        self.app.is_some()
    }
}

/// How a write stands in the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// `KEY = value` in a module or a file that is loaded as one.
    ModuleConstant,
    /// `KEY = value` in a class body.
    ClassAttribute,
    /// `self.KEY = value` in a class's `__init__`.
    InstanceAttribute,
    /// `app.config["KEY"] = value`, `config.setdefault("KEY", value)`.
    Subscript,
    /// `app.secret_key = value`.
    Attribute,
    /// `"KEY": value` in a dictionary.
    DictEntry,
    /// `update(KEY=value)`.
    Keyword,
    /// A computed key, or a file that is not Python.
    Other,
}

/// A test that decides whether a write is executed, and that static reading cannot decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The test's expression.
    pub location: Location,
    pub text: String,
    /// The write is executed when the test is true, or when it is false.
    pub holds: bool,
    pub kind: ConditionKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConditionKind {
    Test,
    /// `if __name__ == "__main__":`.
    Main,
    /// An exception was, or was not, raised before it.
    Exception,
    /// A loop that may run any number of times.
    Loop,
    /// The body of a function that nothing visible calls while the application is built.
    Function,
}

/// Something that is loaded into the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    pub app: AppId,
    pub kind: SourceKind,
    /// The loading call.
    pub location: Location,
    /// What is loaded, as far as it is known: a dotted name, a path, a variable.
    pub name: Option<String>,
    /// The file of the repository that it is; `None`: its content is not in the repository.
    pub path: Option<String>,
    /// The class or module of the repository that it is.
    pub home: Option<Home>,
    pub silent: bool,
    /// What of a file that is not Python is loaded: the keys that lead to it, outermost first.
    pub section: Vec<String>,
    /// The library that loads it turns its names into upper case, and reads the environment
    /// behind the file with this prefix (dynaconf).
    pub prefix: Option<String>,
    pub environments: Vec<Environment>,
    pub conditions: Vec<Condition>,
    /// How many writes of the application stand before it, per environment.
    position: [Option<usize>; 3],
}

/// What of the repository is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Home {
    /// The whole definition of the class.
    Class(ModuleId, Span),
    Module(ModuleId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SourceKind {
    Object,
    PyFile,
    File,
    EnvVar,
    PrefixedEnv,
    Mapping,
    /// A loop over the environment's variables, a helper that is not followed.
    Dynamic,
}

/// A place where the project chooses one of several configurations.
#[derive(Debug, Clone, PartialEq)]
pub struct Switch {
    pub app: AppId,
    /// The expression that chooses (`config[config_name]`).
    pub location: Location,
    pub candidates: Vec<Candidate>,
    /// The variable that chooses, where it is one.
    pub variable: Option<String>,
    /// The candidate where the variable is not set, and where that is written.
    pub default: Option<(usize, Location)>,
    /// Per environment, the chosen candidate and why.
    pub chosen: [Option<Chosen>; 3],
}

/// One of the configurations of a [`Switch`].
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The key of the dictionary, or the class's or module's name.
    pub name: String,
    /// What its name says it is for; `None`: it does not say ("default", "base").
    pub environment: Option<Environment>,
    /// The class, module or entry.
    pub location: Location,
}

impl Switch {
    /// What `environment` loads, and why; `None`: it cannot be told.
    pub fn chosen_in(&self, environment: Environment) -> Option<&Chosen> {
        self.chosen[environment.index()].as_ref()
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    pub candidate: usize,
    /// As half a sentence ("FLASK_CONFIG is production in Dockerfile").
    pub because: String,
    pub at: Option<Location>,
}

/// Where an application is complete: the guard's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupEnd {
    pub path: std::sync::Arc<str>,
    /// The name that holds the application there (`app`, `self.app`).
    pub name: String,
    /// New statements go here: behind the line end of the last statement of the set-up, or in
    /// front of `return app`. Always the start of a line, or the end of the text.
    pub offset: usize,
    /// The indentation of statements there.
    pub indentation: String,
    /// The last write or load of the scope that holds the application.
    pub last: Span,
}

impl Configuration {
    /// Follows every application of `apps`.
    pub fn resolve(modules: &Modules, names: &Names, apps: &Apps, deployment: &Deployment) -> Self {
        resolve::resolve(modules, names, apps, deployment)
    }

    pub fn get(&self, id: WriteId) -> &Write {
        &self.writes[id.0 as usize]
    }

    /// Every write of `key`, loaded or not, in the order of files and lines.
    pub fn writes<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Write> {
        self.writes.iter().filter(move |write| &*write.key == key)
    }

    /// Every write of every key, in the order of files and lines.
    pub fn all(&self) -> impl Iterator<Item = &Write> {
        self.writes.iter()
    }

    /// Everything that is loaded into the configuration of `app`, in the order of the code.
    pub fn sources(&self, app: AppId) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(move |source| source.app == app)
    }

    /// The places where `app` chooses one of several configurations.
    pub fn switches(&self, app: AppId) -> impl Iterator<Item = &Switch> {
        self.switches.iter().filter(move |switch| switch.app == app)
    }

    /// The writes of `app` in execution order.
    pub fn in_order(
        &self,
        app: AppId,
        environment: Environment,
    ) -> impl DoubleEndedIterator<Item = &Write> {
        let order = self.orders.get(app.index());
        let ids = order.map_or(&[][..], |orders| &orders[environment.index()]);
        ids.iter().map(|id| self.get(*id))
    }

    /// Where the set-up of `app` is complete: behind the last configuration write at module
    /// level, in front of `return app` in a factory.
    pub fn end_of_setup(&self, app: AppId) -> Option<&SetupEnd> {
        self.ends.get(app.index())?.as_ref()
    }
}

#[cfg(test)]
mod environment_tests;
#[cfg(test)]
mod tests;
