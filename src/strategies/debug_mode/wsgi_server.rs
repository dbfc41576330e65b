//! `wsgi-server`: production starts a WSGI server that loads an existing application.

use super::reach::place;
use super::{address, target};
use crate::edit::{command, image_user};
use crate::finding::{Confidence, Edit, Evidence, Finding, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::model::deployment::{FlagKind, Process, Server, Surface, Target, User};
use crate::model::modules::ModuleId;
use crate::strategies::strategy::DEBUG_MODE;
use crate::strategies::{About, Answers, Control};

pub struct WsgiServer;

static ABOUT: About = About {
    id: "wsgi-server",
    title: "Production starts a WSGI server",
    strategy: &DEBUG_MODE,
    threats: &["remote-code-execution", "denial-of-service"],
    severity: Severity::High,
    page: include_str!("../../../assets/controls/wsgi-server.md"),
};

/// The subject of the finding that starting gunicorn mends.
pub(super) const DEVELOPMENT_SERVER: &str = "development server";

/// What may be wrong with a process; the word is the finding's subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    DevelopmentServer,
    Reload,
    CatchExceptions,
    Target,
    Root,
}

impl Fault {
    const ALL: [Self; 5] = [
        Self::DevelopmentServer,
        Self::Reload,
        Self::CatchExceptions,
        Self::Target,
        Self::Root,
    ];

    const fn subject(self) -> &'static str {
        match self {
            Self::DevelopmentServer => DEVELOPMENT_SERVER,
            Self::Reload => "reload",
            Self::CatchExceptions => "catch-exceptions",
            Self::Target => "target",
            Self::Root => "root",
        }
    }
}

impl Control for WsgiServer {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let mut processes = processes(model);
        processes.extend(scripts_with_servers(model));
        if processes.is_empty() {
            return Verdict::not_applicable("nothing here says what production starts");
        }
        let mut findings: Vec<Finding> = Vec::new();
        let mut evidence = Vec::new();
        for process in processes {
            let faults: Vec<Finding> = Fault::ALL
                .iter()
                .filter(|fault| has(model, process, **fault))
                .map(|fault| finding(model, process, *fault))
                .collect();
            if faults.is_empty() {
                let note = format!("starts {}", process.server.label());
                evidence.push(Evidence::new(process.location.clone(), note));
            }
            for fault in faults {
                let is_known = findings
                    .iter()
                    .any(|it| it.location == fault.location && it.subject == fault.subject);
                if !is_known {
                    findings.push(fault);
                }
            }
        }
        Verdict::from_findings(findings, evidence)
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        let fault = Fault::ALL
            .into_iter()
            .find(|fault| fault.subject() == finding.subject);
        let process = processes(model)
            .into_iter()
            .chain(scripts_with_servers(model))
            .find(|process| process.location == finding.location);
        match (fault, process) {
            (Some(fault), Some(process)) => patch(model, process, fault),
            _ => Patch::manual("Start a WSGI server", Vec::new()),
        }
    }
}

/// What production starts to serve this application.
pub(super) fn processes(model: &Model) -> Vec<&Process> {
    let production = model.deployment.production();
    production
        .filter(|process| {
            process.server.is_production_server() || is_development_server(model, process)
        })
        .collect()
}

/// Servers that a script starts by itself.
const IN_SCRIPTS: &[&str] = &[
    "waitress.serve",
    "waitress.server.create_server",
    "gevent.pywsgi.WSGIServer",
    "gevent.wsgi.WSGIServer",
    "eventlet.wsgi.server",
    "tornado.httpserver.HTTPServer",
    "tornado.wsgi.WSGIContainer",
    "cheroot.wsgi.Server",
    "cheroot.wsgi.WSGIServer",
    "bjoern.run",
    "meinheld.server.run",
    "hypercorn.asyncio.serve",
    "uvicorn.run",
    "twisted.web.wsgi.WSGIResource",
];

/// `python serve.py`, where the script starts a server that is none of Flask's.
fn scripts_with_servers(model: &Model) -> Vec<&Process> {
    let starts_one = |path: &str| {
        let mut sites = IN_SCRIPTS.iter().flat_map(|name| model.calls.of(name));
        sites.any(|site| *site.location.path == *path)
    };
    let production = model.deployment.production();
    production
        .filter(|process| match &process.server {
            Server::PythonScript { path } => {
                starts_one(path) && !is_development_server(model, process)
            }
            _ => false,
        })
        .collect()
}

/// `flask run`, or a script that calls `app.run()`.
fn is_development_server(model: &Model, process: &Process) -> bool {
    match &process.server {
        Server::FlaskRun => true,
        Server::PythonScript { path } => {
            let calls = model.calls.of("flask.Flask.run").iter();
            calls.into_iter().any(|site| *site.location.path == **path)
        }
        _ => false,
    }
}

fn has(model: &Model, process: &Process, fault: Fault) -> bool {
    match fault {
        Fault::DevelopmentServer => is_development_server(model, process),
        Fault::Reload => process.switched_on(FlagKind::Reload),
        Fault::CatchExceptions => process.switched_on(FlagKind::CatchExceptions),
        Fault::Target => is_lost(model, process),
        Fault::Root => process.user == User::Root,
    }
}

/// Whether the target's package is the repository's, but its module is not there, or has nothing
/// of the name that is asked for.
fn is_lost(model: &Model, process: &Process) -> bool {
    let Some(target) = &process.target else {
        return false;
    };
    if let Some(home) = model.modules.find(&process.folder, &target.module) {
        return process.server == Server::Gunicorn && lacks(model, home, asked_for(target));
    }
    let top = target.module.split('.').next().unwrap_or(&target.module);
    let is_plain = target
        .module
        .chars()
        .all(|it| it.is_alphanumeric() || "._".contains(it));
    is_plain && target.module.contains('.') && model.modules.find(&process.folder, top).is_some()
}

/// The name that gunicorn looks for in the module.
fn asked_for(target: &Target) -> &str {
    target.name().unwrap_or("application")
}

/// Whether nothing in the module can be bound to `name`: it is not written, not even in a text.
fn lacks(model: &Model, home: ModuleId, name: &str) -> bool {
    let text = model.modules.get(home).file.text.as_str();
    let is_open = text.contains("import *") || text.contains("__getattr__");
    let is_bound = model
        .names
        .scopes(home)
        .module()
        .bindings
        .contains_key(name);
    !is_bound && !is_open && !text.contains("globals()")
}

fn finding(model: &Model, process: &Process, fault: Fault) -> Finding {
    let server = process.server.label();
    let target = process.target.as_ref();
    let is_there = target
        .and_then(|it| model.modules.find(&process.folder, &it.module))
        .is_some();
    let (severity, message) = match fault {
        Fault::DevelopmentServer => (
            Severity::High,
            format!(
                "Production starts the development server ({server}): a few slow connections stop \
                 it, and one variable brings the debugger, whose console runs any command."
            ),
        ),
        Fault::Reload => (
            Severity::Low,
            format!(
                "{server} watches the code and reloads it in production: whoever can write a \
                     file runs it."
            ),
        ),
        Fault::CatchExceptions => (
            Severity::Medium,
            "uWSGI sends tracebacks to the client (catch-exceptions).".to_owned(),
        ),
        Fault::Target => {
            let module = target.map_or("", |it| it.module.as_str());
            let message = match target.filter(|_| is_there) {
                Some(target) => format!(
                    "{server} is to load \"{}\" from {module}, which has no such name.",
                    asked_for(target)
                ),
                None => format!("{server} is to load {module}, which is not in the repository."),
            };
            (Severity::Low, message)
        }
        Fault::Root => (Severity::Low, as_root(process)),
    };
    let finding = Finding::new(ABOUT.id, process.location.clone(), severity, message)
        .subject(fault.subject());
    match fault {
        Fault::Target | Fault::Root => finding.confidence(Confidence::Medium),
        _ => finding,
    }
}

fn patch(model: &Model, process: &Process, fault: Fault) -> Patch {
    let at = place(model, &process.location);
    match fault {
        Fault::DevelopmentServer => with_gunicorn(model, process),
        Fault::Reload => without(
            model,
            process,
            FlagKind::Reload,
            "Do not reload in production",
        ),
        Fault::CatchExceptions => without(
            model,
            process,
            FlagKind::CatchExceptions,
            "Keep tracebacks from the client",
        ),
        Fault::Target => Patch::manual(
            "Name the module that holds the app",
            vec![format!("Correct the target in {at}.")],
        ),
        Fault::Root => with_user(model, process),
    }
}

fn as_root(process: &Process) -> String {
    let server = process.server.label();
    match process.surface {
        Surface::Unit => format!("{server} runs as root: a hole in the app gives all of the host."),
        _ => format!("{server} runs as root in the container: a hole in the app gives all of it."),
    }
}

/// A number needs no account in the image.
const USER: &str = "1000:1000";

fn with_user(model: &Model, process: &Process) -> Patch {
    let title = "Run as a user without root's rights";
    let at = place(model, &process.location);
    let edits = image_user::run_as(&model.repo, process, USER);
    if edits.is_empty() {
        let how = match process.surface {
            Surface::Unit => format!("Name a user of its own in {at}: `User=`."),
            _ => {
                format!("Add a user to the image, and switch to it before {at} starts the server.")
            }
        };
        let rights = "Folders that the app writes to have to belong to that user.".to_owned();
        return Patch::manual(title, vec![how, rights]);
    }
    Patch::new(
        PatchKind::Review,
        title,
        "What takes over the app has no rights of root in the container",
    )
    .edits(edits)
    .may_break(
        "What the app writes to (uploads, an SQLite file, logs, volumes) has to belong to this \
         user: `COPY --chown=1000:1000`, or `chown` on the host.",
    )
}

fn without(model: &Model, process: &Process, kind: FlagKind, title: &str) -> Patch {
    let edits = command::remove_flag(&model.repo, process, kind);
    if edits.is_empty() {
        let at = place(model, &process.location);
        return Patch::manual(title, vec![format!("Take the flag out of {at}.")]);
    }
    Patch::new(PatchKind::Safe, title, "The flag is not given").edits(edits)
}

fn with_gunicorn(model: &Model, process: &Process) -> Patch {
    let title = "Start the app with gunicorn";
    let loaded = target::of_process(model, process);
    let edits = loaded.as_ref().map(|loaded| {
        let bind = address::bind(model, process);
        command::start_command_on(&model.repo, process, &loaded.target(), &bind)
    });
    let edits = edits.unwrap_or_default();
    if edits.is_empty() {
        let target = loaded.map_or_else(|| "module:app".into(), |loaded| loaded.target());
        let at = place(model, &process.location);
        return Patch::manual(
            title,
            vec![format!(
                "Start `gunicorn --workers 2 --bind 0.0.0.0:8000 '{target}'` in {at}."
            )],
        );
    }
    let patch = Patch::new(
        PatchKind::Review,
        title,
        "Production starts a server that has no debugger, with two workers",
    )
    .edits(edits)
    .may_break("Two processes serve: what the app keeps in memory is not shared between them.")
    .covering("debug-run", &process.location);
    with_dependency(model, process, covering_starts(model, process, patch))
}

/// A start that is not made any more needs no word less on its command line.
pub(super) fn covering_starts(model: &Model, process: &Process, patch: Patch) -> Patch {
    let starts = super::run::asked_for_by(model, process).into_iter();
    starts.fold(patch, |patch, at| patch.covering("debug-run", &at))
}

/// gunicorn in the manifest that serves the folder whose application `process` starts.
pub(super) fn with_dependency(model: &Model, process: &Process, patch: Patch) -> Patch {
    let folder = process.folder.as_str();
    let serving = model.dependencies.serving(Some(folder));
    let mut declared = model.dependencies.declarations("gunicorn").into_iter();
    match declared.any(|(manifest, _)| serving.has(manifest)) {
        true => patch,
        false => patch.edit(Edit::dependency_of(folder, "gunicorn>=23.0.0")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing;

    const APP: (&str, &str) = (
        "app.py",
        "from flask import Flask\napp = Flask(__name__)\nif __name__ == '__main__':\n    app.run()\n",
    );

    fn docker(command: &str) -> String {
        format!("FROM python\nUSER web\nCMD {command}\n")
    }

    #[test]
    fn the_development_server_is_replaced() {
        for (command, after) in [
            (
                "[\"flask\", \"run\", \"--host\", \"0.0.0.0\"]",
                "\"app:app\"]",
            ),
            ("[\"python\", \"app.py\"]", "\"app:app\"]"),
        ] {
            let text = docker(command);
            let texts = [APP, ("Dockerfile", text.as_str())];
            let patched = testing::apply(&WsgiServer, &texts, "Dockerfile");
            assert!(
                patched.contains("CMD [\"gunicorn\", \"--workers\", \"2\""),
                "{patched}"
            );
            assert!(patched.contains(after), "{patched}");
        }
    }

    #[test]
    fn the_target_is_what_an_import_gives() {
        let factory = "from flask import Flask\n\n\ndef create_app():\n    app = Flask(__name__)\n    return app\n";
        let guarded = "\n\nif __name__ == '__main__':\n    app = create_app()\n    app.run()\n";
        let own = format!("{factory}{guarded}");
        let imported = "from shop import app\n\nif __name__ == '__main__':\n    app.run()\n";
        let made = "from shop import create_app\n\napp = create_app()\n\nif __name__ == '__main__':\n    app.run()\n";
        let module = "from flask import Flask\n\napp = Flask(__name__)\n";
        let text = docker("[\"python\", \"run.py\"]");
        for (run, shop, target) in [
            (own.as_str(), "", "run:create_app()"),
            (imported, module, "run:app"),
            (made, factory, "run:app"),
        ] {
            let texts = [
                ("run.py", run),
                ("shop/__init__.py", shop),
                ("Dockerfile", text.as_str()),
            ];
            let patched = testing::apply(&WsgiServer, &texts, "Dockerfile");
            assert!(patched.contains(target), "{patched}");
        }
        let only = "from flask import Flask\n\nif __name__ == '__main__':\n    app = Flask(__name__)\n    app.run()\n";
        let texts = [("run.py", only), ("Dockerfile", text.as_str())];
        assert_eq!(testing::apply(&WsgiServer, &texts, "Dockerfile"), text);
    }

    #[test]
    fn a_name_that_the_module_lacks_is_found() {
        let found = |command: &str, app: &str| {
            let text = docker(command);
            let texts = [("app.py", app), ("Dockerfile", text.as_str())];
            testing::findings(&WsgiServer, &texts).len()
        };
        let gunicorn = |target: &str| format!("[\"gunicorn\", \"{target}\"]");
        assert_eq!(found(&gunicorn("app:app"), APP.1), 0);
        assert_eq!(found(&gunicorn("app"), APP.1), 1);
        assert_eq!(found(&gunicorn("app:server"), APP.1), 1);
        let open = format!("from shop import *\n{}", APP.1);
        assert_eq!(found(&gunicorn("app"), &open), 0);
        let factory = "def create_app():\n    from flask import Flask\n    return Flask('a')\n";
        assert_eq!(found(&gunicorn("app:create_app()"), factory), 0);
    }

    #[test]
    fn a_script_that_serves_as_root_is_found() {
        let serve =
            "from flask import Flask\nfrom waitress import serve\napp = Flask('a')\nserve(app)\n";
        let gevent = "from flask import Flask\nfrom gevent.pywsgi import WSGIServer\napp = Flask('a')\n\
                      WSGIServer(('', 80), app).serve_forever()\n";
        for app in [serve, gevent] {
            for (user, found) in [("", 1), ("USER web\n", 0)] {
                let text = format!("FROM python\n{user}CMD [\"python\", \"app.py\"]\n");
                let texts = [("app.py", app), ("Dockerfile", text.as_str())];
                assert_eq!(
                    testing::findings(&WsgiServer, &texts).len(),
                    found,
                    "{text}{app}"
                );
            }
        }
    }

    #[test]
    fn root_gives_way_to_a_user() {
        let root = |rest: &str| {
            let text = format!("FROM python\nCOPY . .\n{rest}");
            let texts = [APP, ("Dockerfile", text.as_str())];
            let patched = testing::apply(&WsgiServer, &texts, "Dockerfile");
            patched
                .strip_prefix("FROM python\nCOPY . .\n")
                .map(str::to_owned)
        };
        let patched = |rest: &str, expected: &str| {
            assert_eq!(root(rest).as_deref(), Some(expected));
        };
        patched(
            "EXPOSE 8000\n# serve\nCMD [\"gunicorn\", \"app:app\"]\n",
            "EXPOSE 8000\nUSER 1000:1000\n# serve\nCMD [\"gunicorn\", \"app:app\"]\n",
        );
        patched(
            "ENTRYPOINT [\"gunicorn\"]\nCMD [\"app:app\"]\n",
            "USER 1000:1000\nENTRYPOINT [\"gunicorn\"]\nCMD [\"app:app\"]\n",
        );
        for manual in [
            "EXPOSE 80\nCMD [\"gunicorn\", \"app:app\"]\n",
            "VOLUME /data\nCMD [\"gunicorn\", \"app:app\"]\n",
            "USER root\nCMD [\"gunicorn\", \"app:app\"]\n",
            "CMD [\"gunicorn\", \"app:app\"]\nRUN chmod +x app.py\n",
        ] {
            patched(manual, manual);
        }
    }

    #[test]
    fn a_wsgi_server_is_left_alone() {
        for command in ["[\"gunicorn\", \"app:app\"]", "[\"python\", \"worker.py\"]"] {
            let text = docker(command);
            let texts = [
                APP,
                ("Dockerfile", text.as_str()),
                ("worker.py", "import flask\n"),
            ];
            assert!(
                testing::findings(&WsgiServer, &texts).is_empty(),
                "{command}"
            );
        }
        let text = docker("[\"gunicorn\", \"--reload\", \"app:app\"]");
        let patched = testing::apply(
            &WsgiServer,
            &[APP, ("Dockerfile", text.as_str())],
            "Dockerfile",
        );
        assert!(!patched.contains("--reload"), "{patched}");
    }
}
