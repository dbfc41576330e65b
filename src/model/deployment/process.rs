//! A command that a deployment file starts.

use super::{EnvSetting, Stage, Surface};
use crate::text::Location;

/// One command that a deployment file starts, with everything the repository says about it.
///
/// A command that several files make up (`ENTRYPOINT` and `CMD`, a Dockerfile that calls a shell
/// script, a compose service that overrides an image's command) is one process.
#[derive(Debug, Clone, PartialEq)]
pub struct Process {
    /// The service, program, unit, job or target that it belongs to; empty where it has no name.
    pub name: String,
    /// The command: the one that names the program, where several places make it up.
    pub location: Location,
    /// How the command stands in its file.
    pub form: Form,
    /// Its words as the program receives them, each with its place. May lie in several files.
    pub words: Vec<Word>,
    pub surface: Surface,
    pub server: Server,
    /// The application that the server loads.
    pub target: Option<Target>,
    pub flags: Vec<Flag>,
    /// The working folder, as the deployment file writes it (`/app`, `backend`).
    pub chdir: Option<String>,
    /// The folder of the repository that stands at the working folder; empty for the root.
    /// Modules are looked up from here.
    pub folder: String,
    /// It runs in a container, where nothing but its own files exists.
    pub in_container: bool,
    pub user: User,
    /// What is set for it, lowest precedence first: the last one of a name wins.
    pub environment: Vec<EnvSetting>,
    /// It ends by itself: a migration, a Kubernetes Job, `python manage.py cleanup`.
    pub one_shot: bool,
    pub stage: Stage,
    /// Why it is held to be of that stage, as half a sentence ("the final stage of Dockerfile").
    pub because: String,
    /// The places that lead to it, outermost first: a compose service, a Dockerfile's
    /// `ENTRYPOINT`, the command of a script that calls another script.
    pub via: Vec<Location>,
    /// The configuration files that it reads (`gunicorn.conf.py`, `uwsgi.ini`).
    pub configs: Vec<Location>,
}

impl Process {
    /// The setting in force for `name`.
    pub fn setting(&self, name: &str) -> Option<&EnvSetting> {
        self.environment.iter().rev().find(|it| it.name == name)
    }

    /// The flag in force: the last one wins, as on every command line.
    pub fn flag(&self, kind: FlagKind) -> Option<&Flag> {
        self.flags.iter().rev().find(|flag| flag.kind == kind)
    }

    /// Whether a switch (`--debug`, `reload = True`) is turned on.
    pub fn switched_on(&self, kind: FlagKind) -> bool {
        self.flag(kind).is_some_and(|flag| flag.on)
    }

    /// Whether it serves an application, as far as the command tells.
    pub const fn serves(&self) -> bool {
        let loads =
            self.may_be_dev_server() || self.server.is_production_server() || self.target.is_some();
        loads && !self.one_shot
    }

    /// Whether it starts Flask's development server, as far as the command tells.
    /// `python app.py` counts unless it is a chore: what the script does is for the reader of
    /// the script.
    pub const fn may_be_dev_server(&self) -> bool {
        !self.one_shot
            && matches!(
                self.server,
                Server::FlaskRun | Server::PythonScript { .. } | Server::PythonModule { .. }
            )
    }

    /// Whether python-dotenv's files are read for it: `flask` and `app.run()` read them, WSGI
    /// servers do not (facts 1.6).
    pub const fn reads_dotenv(&self) -> bool {
        self.may_be_dev_server()
    }

    /// The files that it goes through, without repetition:
    /// "Dockerfile → entrypoint.sh → gunicorn.conf.py".
    pub fn route(&self) -> String {
        let places = self.via.iter().chain([&self.location]).chain(&self.configs);
        let mut names: Vec<&str> = Vec::new();
        for place in places {
            if !names.contains(&&*place.path) {
                names.push(&place.path);
            }
        }
        names.join(" → ")
    }
}

/// How a command stands in its file: what an edit has to write in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// `["gunicorn", "app:app"]`, in a Dockerfile or in YAML; no shell reads it.
    Array,
    /// The items of a YAML block sequence, one per line; no shell reads them.
    Items,
    /// Text that a shell reads: `&&`, variables and quotes work.
    Shell(Quoting),
    /// Text that is split into words without a shell (`ExecStart=`, compose's `command:`).
    Words(Quoting),
    /// Text inside text inside text (`bash -c` in a script, in quotes with escapes): it is read,
    /// but no edit can be made in place.
    Nested,
    /// Not a command but the keys of a configuration file (`uwsgi.ini`, `gunicorn.conf.py`).
    Keys,
}

/// What the file puts around a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quoting {
    /// The file's own text: a line of a script, of a Procfile, of a unit.
    Bare,
    /// A JSON string inside a Dockerfile's exec form.
    Json,
    YamlPlain,
    YamlSingle,
    YamlDouble,
    /// `|` or `>`.
    YamlBlock,
    /// A word of a shell command in these quotes: `sh -c "…"`.
    Word(char),
    /// A word of a shell command inside a quoted YAML scalar: the scalar's quote, the word's.
    Within(char, char),
    /// A Groovy string in a Jenkinsfile, in these quotes, once or three times.
    Groovy(char),
    /// A string of Python, in these quotes, once or three times.
    Python(char),
}

/// One word of a command, unquoted, and the place where it is written (quotes included).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    pub location: Location,
}

/// The program that serves.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Server {
    Gunicorn,
    Uwsgi,
    ModWsgi,
    Waitress,
    Hypercorn,
    Uvicorn,
    /// `flask run`, `python -m flask run`, `quart run`.
    FlaskRun,
    /// `python app.py`: relative to the repository's root where that file is found.
    PythonScript {
        path: String,
    },
    /// `python -m package`.
    PythonModule {
        name: String,
    },
    /// A command that the project itself installs (`[project.scripts]`).
    ConsoleScript {
        name: String,
    },
    /// Anything else, by the name of its program (`nginx`, `celery`).
    Other {
        program: String,
    },
}

impl Server {
    /// The name to show a person.
    pub fn label(&self) -> String {
        match self {
            Self::Gunicorn => "gunicorn".into(),
            Self::Uwsgi => "uWSGI".into(),
            Self::ModWsgi => "mod_wsgi".into(),
            Self::Waitress => "waitress".into(),
            Self::Hypercorn => "hypercorn".into(),
            Self::Uvicorn => "uvicorn".into(),
            Self::FlaskRun => "flask run".into(),
            Self::PythonScript { path } => format!("python {path}"),
            Self::PythonModule { name } => format!("python -m {name}"),
            Self::ConsoleScript { name } | Self::Other { program: name } => name.clone(),
        }
    }

    /// Whether it is a server made for production.
    pub const fn is_production_server(&self) -> bool {
        matches!(
            self,
            Self::Gunicorn
                | Self::Uwsgi
                | Self::ModWsgi
                | Self::Waitress
                | Self::Hypercorn
                | Self::Uvicorn
        )
    }
}

/// The application that a server loads: `package.module:expression`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Dotted, as seen from the working folder (`shop.wsgi`).
    pub module: String,
    /// The object or the call in it (`app`, `create_app("prod")`). `None` lets Flask search:
    /// `app`, `application`, the only Flask object, `create_app`, `make_app`.
    pub expression: Option<String>,
    /// Whether the expression is a factory that the server calls.
    pub factory: bool,
    /// Where it is written.
    pub location: Location,
}

impl Target {
    /// The name in the module: `create_app` for `create_app("prod")`.
    pub fn name(&self) -> Option<&str> {
        let expression = self.expression.as_deref()?;
        Some(expression.split('(').next().unwrap_or(expression).trim())
    }
}

/// What a flag is about, whatever the server calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FlagKind {
    /// `--debug`, `--no-debug`.
    Debug,
    /// `--debugger`, `--no-debugger`: the interactive one, with or without debug mode.
    Debugger,
    /// `--reload`, `py-autoreload`.
    Reload,
    /// uWSGI's `catch-exceptions`: tracebacks go to the client.
    CatchExceptions,
    /// An address without its port (`flask run --host`).
    Host,
    Port,
    /// An address with its port, or a socket (`gunicorn --bind`, uWSGI's `http`).
    Bind,
    Workers,
    Threads,
    /// The server's configuration file.
    Config,
}

/// One flag or configuration key of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    pub kind: FlagKind,
    /// For switches: turned on or off. True for flags with a value.
    pub on: bool,
    /// The value; empty for switches.
    pub value: String,
    /// The flag with its value, or the whole line of a configuration file.
    pub location: Location,
}

/// Who runs it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum User {
    Root,
    Named(String),
    Unknown,
}
