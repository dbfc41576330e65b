//! `deploy-verification`: the deployment loads the app, verifies that debug is off, and stops
//! when it is not.

use super::wsgi_server;
use super::{address, target};
use crate::discover::Purpose;
use crate::edit::command;
use crate::finding::{Edit, Evidence, Finding, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::model::config::{Environment, Resolved};
use crate::model::deployment::{Process, Surface};
use crate::strategies::strategy::DEBUG_MODE;
use crate::strategies::{About, Answers, Control};

pub struct DeployVerification;

static ABOUT: About = About {
    id: "deploy-verification",
    title: "The deployment verifies that debug is off before it serves",
    strategy: &DEBUG_MODE,
    threats: &["information-disclosure", "remote-code-execution"],
    severity: Severity::Low,
    page: include_str!("../../../assets/controls/deploy-verification.md"),
};

const SCRIPT: &str = include_str!("../../../assets/snippets/preflight.py");

impl Control for DeployVerification {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        if model.apps.is_empty() {
            return Verdict::not_applicable("no Flask application is constructed here");
        }
        let processes = wsgi_server::processes(model);
        if processes.is_empty() {
            return Verdict::not_applicable("nothing here says what production starts");
        }
        let mut findings: Vec<Finding> = Vec::new();
        let mut evidence = Vec::new();
        // A configuration file says how a server runs; what starts it stands elsewhere.
        let starts = processes
            .into_iter()
            .filter(|it| !matches!(it.surface, Surface::GunicornConfig | Surface::UwsgiConfig));
        for process in starts {
            if is_verified(model, process) {
                let note = "verifies the app before the server starts";
                evidence.push(Evidence::new(process.location.clone(), note));
            } else if !findings.iter().any(|it| it.location == process.location) {
                findings.push(finding(process));
            }
        }
        if findings.is_empty() && evidence.is_empty() {
            return Verdict::not_applicable("nothing here starts the server");
        }
        Verdict::from_findings(findings, evidence)
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        let mut processes = wsgi_server::processes(model).into_iter();
        match processes.find(|process| process.location == finding.location) {
            Some(process) => patch(model, process),
            None => by_hand(),
        }
    }
}

fn finding(process: &Process) -> Finding {
    let message = format!(
        "Nothing looks at the loaded app before {} serves: a wrong setting is noticed by whoever \
         sees a traceback first.",
        process.server.label()
    );
    Finding::new(ABOUT.id, process.location.clone(), ABOUT.severity, message)
        .absent()
        .subject("preflight")
}

/// Whether a file on the way to the server runs a check of the loaded app.
fn is_verified(model: &Model, process: &Process) -> bool {
    let places = process.via.iter().chain([&process.location]);
    let mut files = places.filter_map(|place| model.repo.file(&place.path));
    files.any(|file| {
        file.text.as_str().lines().any(|line| {
            let line = line.trim();
            let runs = line.contains("python") || line.contains("flask ");
            let looks = line.contains("preflight")
                || line.contains("check_debug")
                || (line.contains(".debug") && line.contains("assert"));
            runs && looks && !line.starts_with('#')
        })
    })
}

fn by_hand() -> Patch {
    Patch::manual(
        "Verify the app before it serves",
        vec![
            "Load the app in the deployment before the server starts, and stop if app.debug is \
             true; `explain deploy-verification` says what to look at."
                .into(),
        ],
    )
}

/// The check, without its question for a key where nothing sets or uses one.
fn script(model: &Model) -> String {
    let asks = "    if not flask_app.secret_key:\n        yield \"SECRET_KEY is empty\"\n";
    match is_keyless(model) {
        true => SCRIPT.replace(asks, ""),
        false => SCRIPT.to_owned(),
    }
}

fn is_keyless(model: &Model) -> bool {
    const USES: [&str; 6] = [
        "secret_key",
        "SECRET_KEY",
        "session",
        "flash(",
        "login_user(",
        "CSRFProtect",
    ];
    let unset = model.apps.production().all(|(app, _)| {
        let resolved = model
            .configuration
            .resolved(app, "SECRET_KEY", Environment::Production);
        matches!(resolved, Resolved::Unset { open } if open.is_empty())
    });
    let mut own = model
        .modules
        .iter()
        .filter(|(_, module)| module.file.purpose == Purpose::Application);
    let uses = own.any(|(_, module)| {
        let text = module.file.text.as_str();
        USES.iter().any(|word| text.contains(word))
    });
    unset && !uses && model.deployment.settings("SECRET_KEY").next().is_none()
}

fn patch(model: &Model, process: &Process) -> Patch {
    // What a template makes is installed somewhere else.
    let is_template = process.location.path.ends_with(".j2");
    let loaded = target::of_process(model, process).filter(|_| !is_template);
    let Some(loaded) = loaded else {
        return by_hand();
    };
    let path = match process.folder.is_empty() {
        true => "preflight.py".to_owned(),
        false => format!("{}/preflight.py", process.folder),
    };
    let target = loaded.target();
    let words = ["python", "preflight.py", target.as_str()];
    let is_served = process.server.is_production_server();
    let edits = match is_served {
        true => command::insert_before_start(&model.repo, process, &words),
        // The same command gets the server that the check is made for.
        false => {
            let bind = address::bind(model, process);
            command::start_command_after(&model.repo, process, (&target, &bind), &words)
        }
    };
    if edits.is_empty()
        || model
            .repo
            .file(&path)
            .is_some_and(|it| it.text.as_str() != script(model))
    {
        return by_hand();
    }
    let title = match is_served {
        true => "Verify the app before the server starts",
        false => "Verify the app before the server, gunicorn, starts",
    };
    let patch = Patch::new(
        PatchKind::Review,
        title,
        "The server starts only when the loaded app has debug off, no debugger around it, and a key",
    )
    .edit(Edit::create(path, script(model)))
    .edits(edits)
    .may_break(
        "The app is loaded once more at start, which takes that long and needs the same variables; \
         a start with debug on, or without a key, fails.",
    )
    .follow_up("Make sure that preflight.py reaches the server: it has to lie beside the app.");
    match is_served {
        true => patch,
        false => wsgi_server::covering_starts(
            model,
            process,
            wsgi_server::with_dependency(model, process, patch),
        )
        .covering_one(
            "wsgi-server",
            wsgi_server::DEVELOPMENT_SERVER,
            &process.location,
        )
        .covering("debug-run", &process.location),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing;

    #[test]
    fn an_application_without_a_key_is_asked_for_none() {
        let procfile = ("Procfile", "web: gunicorn app:app\n");
        let asks = |app: &str| {
            let texts = [("app.py", app), procfile];
            let made = testing::apply(&DeployVerification, &texts, "preflight.py");
            made.contains("SECRET_KEY")
        };
        let keyless = "from flask import Flask\napp = Flask(__name__)\n";
        assert!(!asks(keyless));
        assert!(asks(&format!("{keyless}app.config.from_envvar('X')\n")));
        assert!(asks(&format!("{keyless}from flask import session\n")));
        let texts = [("app.py", "def app(environ, start):\n    pass\n"), procfile];
        assert!(testing::findings(&DeployVerification, &texts).is_empty());
    }

    const APP: (&str, &str) = ("app.py", "from flask import Flask\napp = Flask(__name__)\n");

    #[test]
    fn the_development_server_goes_and_the_check_comes_at_once() {
        for (path, text, after) in [
            (
                "Dockerfile",
                "FROM python\nUSER web\nCMD [\"flask\", \"run\", \"--debug\"]\n",
                "CMD [\"sh\", \"-c\", \"python preflight.py app:app && exec gunicorn --workers 2 --bind \
                 0.0.0.0:5000 app:app\"]\n",
            ),
            (
                "Procfile",
                "web: flask run\n",
                "web: python preflight.py app:app && exec gunicorn --workers 2 --bind \
                 0.0.0.0:${PORT:-5000} app:app\n",
            ),
        ] {
            let patched = testing::apply(&DeployVerification, &[APP, (path, text)], path);
            assert!(patched.ends_with(after), "{patched}");
            let again = [APP, (path, patched.as_str())];
            assert!(testing::findings(&DeployVerification, &again).is_empty());
            assert!(testing::findings(&wsgi_server::WsgiServer, &again).is_empty());
        }
    }

    #[test]
    fn the_server_waits_for_the_check() {
        for (path, text, start) in [
            (
                "Procfile",
                "web: gunicorn app:app\n",
                "web: python preflight.py app:app && ",
            ),
            (
                "start.sh",
                "#!/bin/sh\nset -e\nexec gunicorn app:app\n",
                "#!/bin/sh\nset -e\npython preflight.py app:app",
            ),
        ] {
            let texts = [APP, (path, text)];
            let patched = testing::apply(&DeployVerification, &texts, path);
            assert!(patched.starts_with(start), "{patched}");
            let again = [APP, (path, patched.as_str())];
            assert!(testing::findings(&DeployVerification, &again).is_empty());
        }
    }
}
