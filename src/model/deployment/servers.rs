//! Which server a command starts, with which application and flags.

use super::argv::Arg;
use super::options::{self, Opt};
use super::process::{Flag, FlagKind, Server, Target, User};
use super::server_flags::{flask, gunicorn, hypercorn, mod_wsgi, uvicorn, uwsgi, waitress};
use crate::text::Location;

/// What a command starts.
#[derive(Debug, Clone)]
pub(super) struct Invocation {
    pub server: Server,
    pub target: Option<Target>,
    pub flags: Vec<Flag>,
    pub chdir: Option<String>,
    pub user: Option<User>,
    /// `NAME=value` words: gunicorn's `-e`, uWSGI's `--env`.
    pub assignments: Vec<(String, Location)>,
    pub env_files: Vec<String>,
    /// Configuration files that it names.
    pub configs: Vec<String>,
    /// It ends by itself: a migration, a build step.
    pub one_shot: bool,
    /// The first argument of a script (`runserver`, `cleanup`).
    pub argument: Option<String>,
}

impl Invocation {
    pub fn new(server: Server) -> Self {
        Self {
            server,
            target: None,
            flags: Vec::new(),
            chdir: None,
            user: None,
            assignments: Vec::new(),
            env_files: Vec::new(),
            configs: Vec::new(),
            one_shot: false,
            argument: None,
        }
    }

    pub fn switch(&mut self, kind: FlagKind, on: bool, location: Location) {
        self.flags.push(Flag {
            kind,
            on,
            value: String::new(),
            location,
        });
    }

    pub fn flag(&mut self, kind: FlagKind, option: &Opt) {
        self.flags.push(Flag {
            kind,
            on: true,
            value: option.text().to_owned(),
            location: option.location.clone(),
        });
    }

    pub fn assign(&mut self, option: &Opt) {
        if let Some(value) = &option.value {
            self.assignments
                .push((value.text.clone(), value.location.clone()));
        }
    }
}

/// Recognises the server that a peeled command starts; `None` for an empty command.
pub(super) fn recognise(args: &[Arg]) -> Option<Invocation> {
    let (first, rest) = args.split_first()?;
    let program = first.program();
    if let Some(version) = program
        .strip_prefix("python")
        .or_else(|| program.strip_prefix("pypy"))
    {
        let is_python = version.chars().all(|c| c.is_ascii_digit() || c == '.');
        if is_python || version == "w" {
            return python(rest);
        }
    }
    Some(match program {
        "-m" => return module(rest),
        "gunicorn" | "gunicorn3" => gunicorn(rest),
        "uwsgi" | "pyuwsgi" | "uwsgi-core" => uwsgi(rest),
        "waitress-serve" => waitress(rest),
        "hypercorn" => hypercorn(rest),
        "uvicorn" => uvicorn(rest),
        "flask" | "quart" => flask(program, rest),
        "mod_wsgi-express" => mod_wsgi(rest),
        // `./app.py`: its first line says who reads it.
        _ if program.ends_with(".py") => script(first),
        _ => Invocation::new(Server::Other {
            program: program.to_owned(),
        }),
    })
}

/// Modules that serve nothing.
const TOOLS: &[&str] = &[
    "pip",
    "venv",
    "virtualenv",
    "pytest",
    "unittest",
    "build",
    "compileall",
    "json.tool",
    "ensurepip",
    "black",
    "mypy",
    "ruff",
    "flake8",
    "pylint",
    "isort",
    "coverage",
    "tox",
    "nox",
    "twine",
    "alembic",
    "playwright",
    "spacy",
    "nltk.downloader",
    "pip_audit",
    "bandit",
    "site",
    "zipfile",
    "py_compile",
    "poetry",
    "uv",
    "pipenv",
    "babel",
    "smtpd",
    "http.server",
    "timeit",
    "cProfile",
    "pdb",
];

fn python(args: &[Arg]) -> Option<Invocation> {
    let mut rest = args;
    while let Some((first, behind)) = rest.split_first() {
        match first.text() {
            "-m" => return module(behind),
            "-c" | "-" | "-V" | "--version" => {
                let mut other = Invocation::new(Server::Other {
                    program: "python".into(),
                });
                other.one_shot = first.text() != "-c";
                return Some(other);
            }
            "-W" | "-X" => rest = behind.get(1..).unwrap_or_default(),
            text if text.starts_with('-') => rest = behind,
            _ => return Some(with_script_flags(script(first), behind)),
        }
    }
    Some(Invocation::new(Server::Other {
        program: "python".into(),
    }))
}

fn module(args: &[Arg]) -> Option<Invocation> {
    let (first, rest) = args.split_first()?;
    let name = first.text();
    let known = match name {
        "flask" | "quart" => flask(name, rest),
        "gunicorn" | "gunicorn.app.wsgiapp" => gunicorn(rest),
        "waitress" => waitress(rest),
        "hypercorn" => hypercorn(rest),
        "uvicorn" => uvicorn(rest),
        _ => {
            let mut own = Invocation::new(Server::PythonModule {
                name: name.to_owned(),
            });
            own.one_shot = TOOLS.contains(&name) || name.starts_with("pip.");
            own.target = Some(Target {
                module: name.to_owned(),
                expression: None,
                factory: false,
                location: options::inner(first),
            });
            with_script_flags(own, rest)
        }
    };
    Some(known)
}

fn script(arg: &Arg) -> Invocation {
    let path = arg.text();
    let mut invocation = Invocation::new(Server::PythonScript {
        path: path.to_owned(),
    });
    invocation.target = module_of_path(path).map(|module| Target {
        module,
        expression: None,
        factory: false,
        location: options::inner(arg),
    });
    invocation
}

/// Words that tell a script to serve.
pub(super) const SERVING: &[&str] = &[
    "run",
    "runserver",
    "serve",
    "server",
    "start",
    "web",
    "debug",
    "dev",
];

/// Arguments of a project's own script: the flags that scripts commonly take, and the words by
/// which they tell a server from a chore.
fn with_script_flags(mut invocation: Invocation, args: &[Arg]) -> Invocation {
    let (options, words) = options::split(args, |name| {
        matches!(
            name,
            "--host"
                | "--port"
                | "-p"
                | "-h"
                | "-H"
                | "--bind"
                | "-b"
                | "--workers"
                | "--config"
                | "-c"
        )
    });
    for option in &options {
        match option.name.as_str() {
            "--debug" | "-d" => invocation.switch(FlagKind::Debug, true, option.location.clone()),
            "--reload" => invocation.switch(FlagKind::Reload, true, option.location.clone()),
            "--host" | "-H" => invocation.flag(FlagKind::Host, option),
            "--port" | "-p" => invocation.flag(FlagKind::Port, option),
            "--bind" | "-b" => invocation.flag(FlagKind::Bind, option),
            "--workers" => invocation.flag(FlagKind::Workers, option),
            _ => {}
        }
    }
    const CHORES: &[&str] = &[
        "db",
        "migrate",
        "upgrade",
        "init",
        "initdb",
        "init-db",
        "init_db",
        "install",
        "develop",
        "shell",
        "test",
        "create",
        "seed",
        "check",
        "collectstatic",
        "compilemessages",
        "build",
        "sdist",
        "bdist_wheel",
        "export",
    ];
    invocation.argument = words.first().map(|word| word.text().to_owned());
    if let Some(word) = words.first() {
        let word = word.text();
        let is_chore = CHORES
            .iter()
            .any(|chore| word == *chore || word.starts_with("create") || word.starts_with("init"));
        invocation.one_shot |= is_chore && !SERVING.contains(&word);
    }
    let is_setup =
        matches!(&invocation.server, Server::PythonScript { path } if path.ends_with("setup.py"));
    invocation.one_shot |= is_setup;
    invocation
}

/// `shop/app.py` → `shop.app`; `None` for what no import can name.
pub(super) fn module_of_path(path: &str) -> Option<String> {
    let path = path
        .strip_suffix(".py")
        .or_else(|| path.strip_suffix(".wsgi"))
        .unwrap_or(path);
    let path = path.trim_start_matches("./").trim_matches('/');
    let named = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_alphanumeric() || c == '_' || c == '-')
    };
    let parts: Vec<&str> = path.split('/').collect();
    parts
        .iter()
        .all(|part| named(part))
        .then(|| parts.join("."))
}

/// `module:expression`; `default` is what the server takes where there is no expression.
pub(super) fn target(text: &str, location: Location, default: Option<&str>) -> Option<Target> {
    let (module, expression) = match text.split_once(':') {
        Some((module, expression)) => (module, Some(expression)),
        None => (text, None),
    };
    let module = module.trim();
    let module = match module.contains('/') || module.ends_with(".py") {
        true => module_of_path(module)?,
        false => module.to_owned(),
    };
    let named = |c: char| c.is_alphanumeric() || c == '_' || c == '.' || c == '-';
    if module.is_empty() || !module.chars().all(named) {
        return None;
    }
    let expression = expression
        .map(str::trim)
        .filter(|it| !it.is_empty())
        .or(default);
    Some(Target {
        module,
        factory: expression.is_some_and(|it| it.ends_with(')')),
        expression: expression.map(str::to_owned),
        location,
    })
}

pub(super) fn first_target(words: &[&Arg], default: Option<&str>) -> Option<Target> {
    words
        .iter()
        .filter(|word| !word.text().starts_with('$'))
        .find_map(|word| target(word.text(), options::inner(word), default))
}

pub(super) fn console_script(name: &str, args: &[Arg]) -> Invocation {
    let own = Invocation::new(Server::ConsoleScript {
        name: name.to_owned(),
    });
    with_script_flags(own, args)
}
