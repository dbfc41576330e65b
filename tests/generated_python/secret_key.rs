//! Keys: read and checked at start, rotated, loaded from stores.

use crate::support::python::{Flask, Python};
use crate::support::site::Site;

const APP: &str = "\
from flask import Flask, session

app = Flask(__name__)
app.secret_key = \"changeme\"


@app.route(\"/\")
def count():
    session[\"seen\"] = session.get(\"seen\", 0) + 1
    return str(session[\"seen\"])
";

/// Loads `app.py` and visits it once; the exit status tells whether it started.
const VISIT: &str = "import app; assert app.app.test_client().get('/').data == b'1'";

fn starts(python: &Python, site: &Site, key: Option<&str>) -> bool {
    let mut command = python.program("python");
    command.args(["-c", VISIT]).current_dir(site.path());
    command.envs(key.map(|key| ("SECRET_KEY", key)));
    command
        .output()
        .expect("python does not start")
        .status
        .success()
}

#[test]
fn a_key_is_read_and_checked() {
    let good = "not a secret ".repeat(4);
    for flask in [Flask::V2_2, Flask::V3_1] {
        let python = Python::with(flask);
        let site = Site::new([("app.py", APP)]);
        assert!(starts(&python, &site, None), "the literal is a key");
        let patched = site.patched(&["secret-key-hardcoded"]);
        assert!(starts(&python, &patched, Some(&good)));
        assert!(!starts(&python, &patched, None));
        assert!(!starts(&python, &patched, Some("")));
        assert!(!starts(&python, &patched, Some("short")));
    }
}

/// The code that takes the key out of a file, the file, and what it holds.
type Held = (&'static str, &'static str, &'static str);

const HELD: &[Held] = &[
    (
        "import json\nwith open('conf.json') as f:\n    app.config.update(json.load(f))\n",
        "conf.json",
        "{\"SECRET_KEY\": \"a-key-and-no-secret\", \"A\": 1}\n",
    ),
    (
        "import json\napp.config.from_file('conf.json', load=json.load)\n",
        "conf.json",
        "{\n  \"A\": 1,\n  \"SECRET_KEY\": \"a-key-and-no-secret\"\n}\n",
    ),
    (
        "import tomllib\nwith open('c.toml', 'rb') as f:\n    app.config.update(tomllib.load(f))\n",
        "c.toml",
        "SECRET_KEY = \"a-key-and-no-secret\"\nA = 1\n",
    ),
    (
        "from configparser import ConfigParser\nini = ConfigParser()\nini.read('c.ini')\n\
         app.secret_key = ini['flask']['key']\n",
        "c.ini",
        "[flask]\nkey = a-key-and-no-secret\n",
    ),
];

/// An application that is configured by `code` from a file, before and after its patch.
fn leaves_its_file(python: &Python, variable: &str, (code, path, text): Held) {
    let app = APP.replace("app.secret_key = \"changeme\"\n", code);
    let site = Site::new([("app.py", app.as_str()), (path, text)]);
    let starts_with = |site: &Site, value: Option<&str>| {
        let mut command = python.program("python");
        command.args(["-c", VISIT]).current_dir(site.path());
        command.envs(value.map(|value| (variable, value)));
        let output = command.output().expect("python does not start");
        output.status.success()
    };
    assert!(starts_with(&site, None), "the file holds a key: {code}");
    for controls in [
        &["secret-key-hardcoded"][..],
        &["secret-key-hardcoded", "secret-key-store"],
    ] {
        let patched = site.patched(controls);
        assert!(!patched.read(path).contains("no-secret"), "{code}");
        assert!(!starts_with(&patched, None), "{code}");
        // A store asks for the key by its own name.
        let is_store = controls.len() > 1;
        if !is_store || variable == "SECRET_KEY" {
            let good = "not a secret ".repeat(4);
            assert!(starts_with(&patched, Some(&good)), "{code}");
        }
    }
}

#[test]
fn keys_leave_their_configuration_files() {
    for flask in [Flask::V2_2, Flask::V3_1] {
        let python = Python::with(flask);
        for held in HELD {
            leaves_its_file(&python, "SECRET_KEY", *held);
        }
    }
}

#[test]
#[ignore = "slow: installs what reads the files"]
fn keys_leave_the_files_of_libraries() {
    let python = Python::with_packages(Flask::V3_1, &["PyYAML==6.0.2", "dynaconf==3.2.6"]);
    let yaml = (
        "import yaml\nwith open('c.yml') as f:\n    config = yaml.safe_load(f)\n\
         app.config.update(config['flask'])\n",
        "c.yml",
        "flask:\n  SECRET_KEY: a-key-and-no-secret\n  A: 1\n",
    );
    leaves_its_file(&python, "SECRET_KEY", yaml);
    let dynaconf = (
        "from dynaconf import FlaskDynaconf\nFlaskDynaconf(app, env='production')\n",
        "settings.toml",
        "[default]\nA = 1\n\n[production]\nsecret_key = \"a-key-and-no-secret\"\n",
    );
    leaves_its_file(&python, "FLASK_SECRET_KEY", dynaconf);
}

#[test]
fn signers_read_their_key() {
    let python = Python::with(Flask::V3_1);
    let app = "import os\nfrom flask import Flask\nfrom itsdangerous import URLSafeSerializer\n\n\
               app = Flask(__name__)\nlinks = URLSafeSerializer(\"a-key-and-no-secret\")\n\n\n\
               @app.route(\"/\")\ndef one():\n    return str(links.loads(links.dumps(1)))\n";
    let patched = Site::new([("app.py", app)]).patched(&["secret-key-hardcoded"]);
    assert!(!python.run(patched.path(), VISIT).status.success());
    let mut command = python.program("python");
    command.args(["-c", VISIT]).current_dir(patched.path());
    command.env("TOKEN_SECRET_KEY", "not a secret");
    assert!(command.output().expect("it runs").status.success());
}

#[test]
fn the_projects_tests_keep_a_key() {
    let python = Python::with(Flask::V3_1);
    let test = "import pytest\nfrom app import app\n\n\ndef test_count():\n    \
                assert app.test_client().get(\"/\").data == b\"1\"\n";
    let site = Site::new([("app.py", APP), ("tests/test_app.py", test)]);
    let patched = site.patched(&["secret-key-hardcoded"]);
    let mut command = python.program("pytest");
    command.args(["-q", "-p", "no:cacheprovider"]);
    let output = command
        .current_dir(patched.path())
        .output()
        .expect("it runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

/// Makes a session with the old key, reads it with the new one, with and without the fallback.
const ROTATE: &str = r#"
import importlib, os, sys

def load(key, retired):
    os.environ["SECRET_KEY"] = key
    os.environ["SECRET_KEY_FALLBACKS"] = retired
    sys.modules.pop("app", None)
    return importlib.import_module("app").app

def visit(app, cookie):
    headers = {"Cookie": cookie} if cookie else {}
    response = app.test_client(use_cookies=False).get("/", headers=headers)
    return response.data, response.headers["Set-Cookie"].split(";")[0]

old, new = "old-and-no-secret-" * 3, "new-and-no-secret-" * 3
seen, cookie = visit(load(old, ""), None)
assert seen == b"1"
seen, renewed = visit(load(new, old), cookie)
assert seen == b"2", "the old session is not read"
seen, _ = visit(load(new, ""), renewed)
assert seen == b"3", "it was not signed with the new key"
seen, _ = visit(load(new, ""), cookie)
assert seen == b"1", "the old key still works after the window"
"#;

fn rotation_keeps_sessions(flask: Flask) {
    let python = Python::with(flask);
    let pin = format!("flask=={}\n", flask.version());
    let site = Site::new([("app.py", APP), ("requirements.txt", pin.as_str())]);
    let patched = site.patched(&["secret-key-hardcoded", "secret-key-rotation"]);
    let output = python.run(patched.path(), ROTATE);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{flask:?}: {text}\n{}",
        patched.read("app.py")
    );
}

#[test]
fn rotation_keeps_sessions_on_both() {
    rotation_keeps_sessions(Flask::V2_2);
    rotation_keeps_sessions(Flask::V3_1);
}

#[test]
#[ignore = "slow: the other releases"]
fn rotation_keeps_sessions_on_the_other_releases() {
    for flask in [Flask::V2_0, Flask::V2_3, Flask::V3_0] {
        rotation_keeps_sessions(flask);
    }
}

const STORED: &str = "\
import os

from flask import Flask

app = Flask(__name__)
app.secret_key = os.environ[\"SECRET_KEY\"]
";

#[test]
fn a_mounted_file_wins_over_the_variable() {
    let python = Python::with(Flask::V3_1);
    let patched = Site::new([("app.py", STORED)]).patched(&["secret-key-store"]);
    patched.write("mounted", "from a file and no secret, truly\n");
    let code = "import app; print(app.app.secret_key)";
    let mut command = python.program("python");
    command.args(["-c", code]).current_dir(patched.path());
    command.env("SECRET_KEY_FILE", "mounted");
    let output = command.output().expect("it runs");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(printed.trim(), "from a file and no secret, truly");
    assert!(!python.run(patched.path(), code).status.success());
}

/// Vault's HTTP interface as far as the loader uses it.
const VAULT: &str = r#"
import http.server, json, os, threading

class Vault(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = self.headers.get("X-Vault-Token") == "token"
        if self.path.startswith("/v1/auth/token/lookup-self"):
            body = {"data": {}}
        elif self.path.startswith("/v1/secret/data/shop"):
            body = {"data": {"data": {"SECRET_KEY": "v" * 40}, "metadata": {}}}
        else:
            known, body = False, {}
        data = json.dumps(body).encode()
        self.send_response(200 if known else 403)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Vault)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["VAULT_ADDR"] = "http://127.0.0.1:%d" % server.server_port
os.environ["VAULT_SECRET_PATH"] = "shop"
os.environ["VAULT_TOKEN"] = "wrong"
try:
    import app
except Exception:
    pass
else:
    raise SystemExit("a wrong token is accepted")
os.environ["VAULT_TOKEN"] = "token"
import app
assert app.app.secret_key == "v" * 40
"#;

const AWS: &str = r#"
import json, os
import boto3
from botocore.stub import Stubber

os.environ["AWS_SECRET_ID"] = "shop"
import secret_store

client = boto3.client("secretsmanager", region_name="eu-central-1",
                      aws_access_key_id="x", aws_secret_access_key="x")
for value, good in (("a" * 40, True), ("short", False)):
    with Stubber(client) as stub:
        answer = {"SecretString": json.dumps({"SECRET_KEY": value})}
        stub.add_response("get_secret_value", answer, {"SecretId": "shop"})
        try:
            assert secret_store.load_secret("SECRET_KEY", client) == value and good
        except RuntimeError:
            assert not good
"#;

#[test]
#[ignore = "slow: installs the clients of the stores"]
fn loaders_talk_to_their_stores() {
    let python = Python::with_packages(Flask::V3_1, &["hvac==2.3.0", "boto3==1.35.99"]);
    for (kind, code) in [("vault", VAULT), ("aws", AWS)] {
        let site = Site::new([("app.py", STORED), ("requirements.txt", "flask==3.1.3\n")]);
        let answers = [("secret-key-store.kind", kind)];
        let patched = site.patched_with(&["secret-key-store"], &answers);
        assert!(
            patched.read("requirements.txt").lines().count() > 1,
            "no dependency"
        );
        let output = python.run(patched.path(), code);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{kind}: {text}");
    }
}
