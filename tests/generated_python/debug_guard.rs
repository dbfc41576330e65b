//! The guard against every way of starting: server × declared environment × what turned
//! debug on. The full form is right in all of them, the short one in those that its page names.

use std::process::Command;

use crate::support::python::{Flask, Python};
use crate::support::server::{Server, Start, free_port};
use crate::support::site::Site;

/// One app at module level, one from a factory; what they do is chosen by the environment, as
/// nothing static could know it.
const APP: &str = r#"
import os
from flask import Flask

app = Flask(__name__)
app.config["SECRET_KEY"] = os.environ["SECRET_KEY"]
if os.environ.get("SHAPE") in ("attr", "testing"):
    app.debug = True
if os.environ.get("SHAPE") == "testing":
    app.config["TESTING"] = True
"#;

const FACTORY: &str = r#"
import os
from flask import Flask


def create_app():
    app = Flask(__name__)
    app.config["SECRET_KEY"] = os.environ["SECRET_KEY"]

    @app.route("/")
    def state():
        return "debug" if app.debug else "serve"

    return app
"#;

const STATE: &str = r#"

@app.route("/")
def state():
    return "debug" if app.debug else "serve"
"#;

const RUN: &str = r#"

if __name__ == "__main__":
    options = {"use_reloader": os.environ.get("RELOAD") == "1"}
    if "RUN" in os.environ:
        options["debug"] = os.environ["RUN"] == "T"
    if os.environ.get("USEDBG"):
        options["use_debugger"] = True
    app.run(port=int(os.environ["PORT"]), **options)
"#;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Gunicorn,
    /// `python app.py`.
    Run,
    /// `flask run`.
    Flask,
    /// `flask --debug run`.
    FlaskDebug,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// It answers, with debug off.
    Serve,
    /// It answers, with debug on.
    DebugOn,
    /// It ends before it serves.
    Refuse,
}

use Wanted::{DebugOn, Refuse, Serve};

/// How it is started, whether by the factory, with which variables, and what has to happen.
type Case = (By, bool, &'static str, Wanted);

const CASES: &[Case] = &[
    (By::Gunicorn, false, "", Serve),
    (By::Gunicorn, false, "FLASK_ENV=production", Serve),
    (By::Gunicorn, false, "FLASK_DEBUG=1", Refuse),
    (By::Gunicorn, false, "FLASK_DEBUG=0", Serve),
    (By::Gunicorn, false, "SHAPE=attr", Refuse),
    (By::Gunicorn, false, "SHAPE=testing", Refuse),
    (By::Gunicorn, false, "FLASK_ENV=development", Refuse),
    (By::Gunicorn, true, "", Serve),
    (By::Gunicorn, true, "FLASK_DEBUG=1", Refuse),
    (By::Run, false, "", Serve),
    (By::Run, false, "RUN=T", Refuse),
    (By::Run, false, "FLASK_DEBUG=1", Refuse),
    (By::Run, false, "USEDBG=1", Refuse),
    (By::Run, false, "SHAPE=attr", Refuse),
    (By::Run, false, "SHAPE=testing", Refuse),
    (By::Run, false, "FLASK_ENV=development RUN=T", DebugOn),
    (
        By::Run,
        false,
        "FLASK_ENV=development RUN=T RELOAD=1",
        DebugOn,
    ),
    (By::Run, false, "FLASK_ENV=development RUN=F", Serve),
    (
        By::Run,
        false,
        "FLASK_ENV=development SHAPE=attr FLASK_DEBUG=1",
        DebugOn,
    ),
    (By::Run, true, "RUN=T", Refuse),
    (By::Run, true, "RUN=T FLASK_ENV=development", DebugOn),
    (By::Flask, false, "", Serve),
    (By::Flask, false, "FLASK_DEBUG=1", Refuse),
    (By::Flask, false, "SHAPE=attr", Refuse),
    (By::FlaskDebug, false, "", Refuse),
    (By::FlaskDebug, false, "FLASK_ENV=development", DebugOn),
    (
        By::Flask,
        false,
        "FLASK_DEBUG=1 FLASK_ENV=development",
        DebugOn,
    ),
    (
        By::Flask,
        false,
        "FLASK_ENV=development FLASK_DEBUG=0",
        Serve,
    ),
    (By::Flask, true, "", Serve),
    (By::Flask, true, "FLASK_DEBUG=1", Refuse),
    (By::FlaskDebug, true, "FLASK_ENV=development", DebugOn),
];

/// What the short form cannot see, as its page says: debug that the code switches on with
/// `app.run()` itself, after the guard.
fn only_full((by, _, variables, wanted): Case) -> bool {
    by == By::Run && wanted == Refuse && (variables == "RUN=T" || variables == "USEDBG=1")
}

fn site() -> Site {
    let module = format!("{APP}{STATE}{RUN}");
    let main = format!("import os\n\nfrom shop import create_app\n\napp = create_app()\n{RUN}");
    Site::new([
        ("module/app.py", module.as_str()),
        ("factory/shop.py", FACTORY),
        ("factory/app.py", main.as_str()),
    ])
}

fn command(python: &Python, site: &Site, case: Case, port: u16) -> Command {
    let (by, factory, variables, _) = case;
    let port = port.to_string();
    let mut command = match by {
        By::Gunicorn => {
            let mut command = python.program("gunicorn");
            let target = if factory {
                "shop:create_app()"
            } else {
                "app:app"
            };
            command.args(["--bind", &format!("127.0.0.1:{port}"), "--workers", "1"]);
            command.arg(target);
            command
        }
        By::Run => {
            let mut command = python.program("python");
            command.arg("app.py").env("PORT", &port);
            command
        }
        By::Flask | By::FlaskDebug => {
            let mut command = python.program("flask");
            command.env("FLASK_APP", if factory { "shop" } else { "app" });
            if by == By::FlaskDebug {
                command.arg("--debug");
            }
            command.args(["run", "--port", &port]);
            command
        }
    };
    let folder = if factory { "factory" } else { "module" };
    command.current_dir(site.path().join(folder));
    command.env("SECRET_KEY", "not a secret ".repeat(4));
    command.envs(variables.split(' ').filter_map(|pair| pair.split_once('=')));
    command
}

fn outcome(python: &Python, site: &Site, case: Case) -> Wanted {
    let port = free_port();
    let server = match Server::start(command(python, site, case, port), port) {
        Start::Ended(..) => return Refuse,
        Start::Up(server) => server,
    };
    match server.get("/").body.as_str() {
        "debug" => DebugOn,
        "serve" => Serve,
        other => panic!("{case:?}: {other}\n{}", server.output()),
    }
}

/// The cases that do not end as they should.
fn wrong(flask: Flask, form: &str) -> Vec<(Case, Wanted)> {
    let python = Python::with(flask);
    let guarded = site().patched_with(&["debug-guard"], &[("debug-guard.form", form)]);
    let cases = CASES.iter().copied();
    let possible = cases.filter(|case| case.0 != By::FlaskDebug || flask.has_debug_option());
    let list: Vec<Case> = possible.collect();
    // Most of a case is waiting for a server.
    let run = |cases: &[Case]| -> Vec<(Case, Wanted)> {
        let results = cases
            .iter()
            .map(|case| (*case, outcome(&python, &guarded, *case)));
        results.filter(|(case, got)| case.3 != *got).collect()
    };
    std::thread::scope(|scope| {
        let chunks = list.chunks(list.len().div_ceil(3));
        let threads: Vec<_> = chunks.map(|chunk| scope.spawn(|| run(chunk))).collect();
        let joined = threads
            .into_iter()
            .map(|thread| thread.join().expect("a case panics"));
        joined.flatten().collect()
    })
}

fn full_form_is_right_in_all(flask: Flask) {
    assert_eq!(wrong(flask, "full"), []);
}

fn short_form_is_right_in_those_it_claims(flask: Flask) {
    let missed: Vec<Case> = wrong(flask, "short")
        .into_iter()
        .map(|(case, _)| case)
        .collect();
    let expected: Vec<Case> = CASES
        .iter()
        .copied()
        .filter(|case| only_full(*case))
        .collect();
    assert_eq!(missed, expected);
}

#[test]
fn full_form_on_flask_3_1() {
    full_form_is_right_in_all(Flask::V3_1);
}

#[test]
fn short_form_on_flask_3_1() {
    short_form_is_right_in_those_it_claims(Flask::V3_1);
}

#[test]
fn full_form_on_flask_2_2() {
    full_form_is_right_in_all(Flask::V2_2);
}

#[test]
fn short_form_on_flask_2_2() {
    short_form_is_right_in_those_it_claims(Flask::V2_2);
}

#[test]
#[ignore = "slow: the other releases"]
fn full_form_on_the_other_releases() {
    for flask in [Flask::V1_1, Flask::V2_0, Flask::V2_3, Flask::V3_0] {
        full_form_is_right_in_all(flask);
    }
}

#[test]
#[ignore = "slow: the other releases"]
fn short_form_on_the_other_releases() {
    for flask in [Flask::V2_0, Flask::V2_3, Flask::V3_0] {
        short_form_is_right_in_those_it_claims(flask);
    }
}
