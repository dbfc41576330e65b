//! The policy that `content-security-policy` sends, on real Flask.

use crate::support::python::{Flask, Python};
use crate::support::site::Site;

const APP: &str = "\
from flask import Flask, render_template

app = Flask(__name__)


@app.route(\"/\")
def index():
    return render_template(\"index.html\")


@app.route(\"/own\")
def own():
    response = app.make_response(\"own\")
    response.headers[\"Content-Security-Policy\"] = \"default-src 'none'\"
    return response
";

const PAGE: &str = "{% from 'macros.html' import go %}<p>x</p>{{ go() }}\n";
const MACROS: &str = "{% macro go() %}<script>go()</script>{% endmacro %}\n";

const ASK: &str = "\
from app import app

client = app.test_client()
for path in (\"/\", \"/\", \"/own\", \"/missing\"):
    response = client.get(path)
    print(response.status_code, response.headers.get(\"Content-Security-Policy\"))
    print(response.get_data(as_text=True).strip())
";

fn answers(flask: Flask) -> String {
    let python = Python::with(flask);
    let site = Site::new([
        ("app.py", APP),
        ("templates/index.html", PAGE),
        ("templates/macros.html", MACROS),
    ]);
    let answers = [("content-security-policy.mode", "enforce")];
    let patched = site.patched_with(&["content-security-policy"], &answers);
    patched.write("ask.py", ASK);
    let mut command = python.program("python");
    let output = command.arg("ask.py").current_dir(patched.path()).output();
    let output = output.expect("python does not start");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn scripts_in_pages_carry_the_nonce_of_their_policy() {
    for flask in [Flask::V2_2, Flask::V3_1] {
        let text = answers(flask);
        let lines: Vec<&str> = text.lines().collect();
        let nonces: Vec<&str> = [0, 2]
            .iter()
            .map(|at| {
                let (_, rest) = lines[*at].split_once("'nonce-").expect("a nonce");
                rest.split_once('\'').expect("an end").0
            })
            .collect();
        assert_ne!(nonces[0], nonces[1]);
        assert!(
            lines[1].contains(&format!("<script nonce=\"{}\">", nonces[0])),
            "{text}"
        );
        assert!(text.contains("200 default-src 'none'\nown"), "{text}");
        assert!(
            text.contains("404 default-src 'self'; script-src 'self'; object-src 'none'"),
            "{text}"
        );
    }
}
