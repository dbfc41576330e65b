//! The debugger before and after; the guard, the preflight and the generated tests.

use crate::support::python::{Flask, Python};
use crate::support::server::{Server, Start, free_port};
use crate::support::site::Site;

const APP: &str = "\
from flask import Flask

app = Flask(__name__)


@app.route(\"/\")
def index():
    return \"hello\"


if __name__ == \"__main__\":
    app.run(port=PORT, debug=True, use_reloader=False)
";

/// Starts `python app.py` and sends what an attacker sends: an expression for the console.
fn console_answers(python: &Python, site: &Site, port: u16) -> Option<String> {
    let mut command = python.program("python");
    command.arg("app.py").current_dir(site.path());
    command.env("WERKZEUG_DEBUG_PIN", "off");
    let server = Server::start(command, port).up();
    assert_eq!(server.get("/").body, "hello");
    let console = server.get("/console");
    let (_, rest) = console.body.split_once("SECRET = \"")?;
    let (secret, _) = rest.split_once('"')?;
    let evaluate = format!("/console?__debugger__=yes&cmd=7*191&frm=0&s={secret}");
    Some(server.get(&evaluate).body)
}

#[test]
fn the_debugger_executes_code_before_and_not_after() {
    for flask in [Flask::V2_2, Flask::V3_1] {
        let python = Python::with(flask);
        let port = free_port();
        let site = Site::new([("app.py", APP.replace("PORT", &port.to_string()).as_str())]);
        let answer = console_answers(&python, &site, port).expect("there is a console");
        assert!(answer.contains("1337"), "{answer}");
        let patched = site.patched(&["debug-run"]);
        assert_eq!(console_answers(&python, &patched, port), None);
    }
}

const SAFE: &str = "\
import os

from flask import Flask
from werkzeug.debug import DebuggedApplication
from werkzeug.middleware.proxy_fix import ProxyFix


def create_app():
    app = Flask(__name__)
    app.config[\"SECRET_KEY\"] = os.environ[\"SECRET_KEY\"]
    app.debug = os.environ.get(\"MAKE_DEBUG\") == \"1\"
    app.testing = os.environ.get(\"MAKE_TESTING\") == \"1\"
    shape = os.environ.get(\"SHAPE\")
    if shape == \"inside\":
        app.wsgi_app = DebuggedApplication(app.wsgi_app, True)
    if shape == \"proxied\":
        app.wsgi_app = ProxyFix(app.wsgi_app)
    if shape == \"broken\":
        raise ValueError(shape)
    return DebuggedApplication(app, True) if shape == \"outside\" else app
";

fn factory() -> Site {
    Site::new([
        ("shop.py", SAFE),
        (
            "Procfile",
            "web: gunicorn --bind 127.0.0.1:$PORT 'shop:create_app()'\n",
        ),
        ("tests/test_shop.py", "import pytest\n"),
    ])
}

#[test]
fn the_generated_tests_pass_with_the_guard_and_fail_without() {
    for flask in [Flask::V2_2, Flask::V3_1] {
        let python = Python::with(flask);
        let patched = factory().patched(&["debug-tests", "debug-guard"]);
        let pytest = |site: &Site| {
            let mut command = python.program("pytest");
            command.args(["-q", "-p", "no:cacheprovider"]);
            command.current_dir(site.path());
            command.output().expect("pytest does not start")
        };
        let output = pytest(&patched);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}");
        patched.write("shop.py", SAFE);
        let output = pytest(&patched);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success(), "{text}");
        assert!(
            text.contains("test_flask_debug_is_refused_in_production"),
            "{text}"
        );
    }
}

#[test]
fn the_preflight_starts_only_a_safe_app() {
    let key = "not a secret ".repeat(4);
    for flask in [Flask::V2_2, Flask::V3_1] {
        let python = Python::with(flask);
        let patched = factory().patched(&["deploy-verification"]);
        let line = patched.read("Procfile");
        let (_, start) = line.trim().split_once("web: ").expect("a web process");
        for (variables, is_safe) in [
            (&[][..], true),
            (&[("MAKE_DEBUG", "1")][..], false),
            (&[("FLASK_DEBUG", "1")][..], false),
            (&[("FLASK_ENV", "development")][..], false),
            (&[("SECRET_KEY", "")][..], false),
            (&[("FLASK_DEBUG", "0")][..], true),
            (&[("FLASK_ENV", "production")][..], true),
            (&[("SHAPE", "proxied")][..], true),
            (&[("MAKE_TESTING", "1")][..], false),
            (&[("SHAPE", "inside")][..], false),
            (&[("SHAPE", "outside")][..], false),
            (&[("SHAPE", "broken")][..], false),
        ] {
            let port = free_port();
            let mut command = python.program("sh");
            command.args(["-c", start]).current_dir(patched.path());
            command
                .env("PORT", port.to_string())
                .env("SECRET_KEY", &key);
            command.envs(variables.iter().copied());
            let is_up = matches!(Server::start(command, port), Start::Up(_));
            assert_eq!(is_up, is_safe, "{variables:?}");
        }
        let mut command = python.program("python");
        command.args(["preflight.py", "shop:nothing"]);
        let status = command
            .current_dir(patched.path())
            .output()
            .expect("it runs");
        assert_eq!(status.status.code(), Some(2));
    }
}
