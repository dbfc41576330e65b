//! The debugger before and after; the guard, the preflight and the generated tests.

use crate::support::python::{Flask, Python};
use crate::support::server::{Server, free_port};
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
