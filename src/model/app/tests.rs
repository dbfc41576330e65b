//! Forms of applications and of what is attached to them, each with its look-alike.

use super::*;
use crate::discover::Repository;

fn apps(texts: &[(&str, &str)]) -> Apps {
    let repo = Repository::from_texts(texts.iter().copied());
    let modules = Modules::parse(&repo);
    let names = Names::collect(&modules);
    let deployment = Deployment::read(&repo);
    Apps::find(&modules, &names).ranked_by(&modules, &names, &deployment)
}

fn kinds(source: &str) -> Vec<&'static str> {
    apps(&[("app.py", source)])
        .iter()
        .map(|(_, app)| match app.kind {
            AppKind::Module => "module",
            AppKind::Factory {
                returns_app: true, ..
            } => "factory",
            AppKind::Factory { .. } => "function",
            AppKind::Attribute { .. } => "attribute",
        })
        .collect()
}

#[test]
fn applications_are_found_in_every_form() {
    for (source, kind) in [
        ("from flask import Flask\napp = Flask(__name__)\n", "module"),
        (
            "import flask as f\nserver: f.Flask = f.Flask('x')\n",
            "module",
        ),
        (
            "from flask import Flask as F\ndef make():\n    app = F('x')\n    return app\n",
            "factory",
        ),
        (
            "from flask import Flask\ndef make():\n    return Flask('x')\n",
            "factory",
        ),
        (
            "from flask import Flask\ndef make():\n    app = Flask('x')\n    return app, 1\n",
            "factory",
        ),
        (
            "from flask import Flask\ndef main():\n    app = Flask('x')\n    app.run()\n",
            "function",
        ),
        (
            "import flask\nclass A(flask.Flask): pass\nclass B(A): pass\napp = B('x')\n",
            "module",
        ),
        (
            "import flask\nclass S:\n    def __init__(self):\n        self.app = flask.Flask('x')\n",
            "attribute",
        ),
        ("import connexion\napp = connexion.App('x')\n", "module"),
    ] {
        assert_eq!(kinds(source), [kind], "{source}");
    }
    for source in [
        "from mine import Flask\napp = Flask('x')\n",
        "class Flask: pass\napp = Flask()\n# flask\n",
        "from flask import Flask\ndef f(app: Flask): pass\n",
        "from flask import Flask\nclass Mine(Flask): pass\n",
    ] {
        assert!(kinds(source).is_empty(), "{source}");
    }
}

#[test]
fn production_comes_before_examples_and_tests() {
    let app = "from flask import Flask\napp = Flask('x')\n";
    let found = apps(&[
        ("examples/a.py", app),
        ("shop/core/server.py", app),
        ("tests/test_app.py", app),
    ]);
    let paths: Vec<_> = found
        .iter()
        .map(|(_, app)| app.path().to_string())
        .collect();
    assert_eq!(
        paths,
        ["shop/core/server.py", "examples/a.py", "tests/test_app.py"]
    );
    assert_eq!(found.production().count(), 1);
    let only_examples = apps(&[("examples/a.py", app)]);
    assert_eq!(only_examples.production().count(), 1);
}

#[test]
fn routes_have_rules_methods_and_views() {
    let source = "\
from flask import Flask, Blueprint
from flask.views import MethodView
app = Flask('x')
bp = Blueprint('bp', __name__, url_prefix='/api')
@app.route('/a/<int:id>', methods=['GET', 'post'])
@login_required
def a(id): pass
@bp.get('/b')
def b(): pass
class V(MethodView): pass
app.add_url_rule('/c/<path:rest>', view_func=V.as_view('v'))
app.add_url_rule('/d', 'd', a)
app.register_blueprint(bp, url_prefix='/v2')
class Other:
    def route(self, rule): pass
other = Other()
@other.route('/no')
def no(): pass
";
    let found = apps(&[("app.py", source)]);
    let (_, app) = found.primary().unwrap();
    let mut shown: Vec<String> = app
        .all_routes(&found)
        .map(|(rule, route)| {
            let view = route.view.as_ref().map_or("?", |view| view.name.as_str());
            format!("{rule} {} {view}", route.methods.join(","))
        })
        .collect();
    shown.sort();
    assert_eq!(
        shown,
        [
            "/a/<int:id> GET,POST a",
            "/c/<path:rest>  V",
            "/d  a",
            "/v2/b GET b"
        ]
    );
}

#[test]
fn extensions_are_found_in_one_and_two_steps() {
    let extensions = "from flask_wtf.csrf import CSRFProtect\nfrom flask_session import Session\ncsrf = CSRFProtect()\n# flask\n";
    let source = "\
from flask import Flask
from extensions import csrf, Session
import flask_login
def create_app():
    app = Flask('x')
    csrf.init_app(app)
    Session(app)
    login = flask_login.LoginManager(app)
    init(app)
    return app
def init(app):
    pass
";
    let found = apps(&[("app.py", source), ("extensions.py", extensions)]);
    let (_, app) = found.primary().unwrap();
    let mut names: Vec<_> = app.extensions.iter().map(Extension::name).collect();
    names.sort_unstable();
    assert_eq!(names, ["CSRFProtect", "LoginManager", "Session"]);
    let csrf = app.extension("CSRFProtect").unwrap();
    assert_eq!(&*csrf.object.as_ref().unwrap().path, "extensions.py");
    assert!(app.extension("Talisman").is_none());
}

#[test]
fn hooks_are_found_as_decorators_and_calls() {
    let source = "\
from flask import Flask
app = Flask('x')
@app.after_request
def headers(response): return response
def check(): pass
app.before_request(check)
";
    let found = apps(&[("app.py", source)]);
    let (_, app) = found.primary().unwrap();
    let names: Vec<_> = app.hooks.iter().map(|hook| hook.name.as_str()).collect();
    assert_eq!(names, ["after_request", "before_request"]);
    assert!(app.hooks.iter().all(|hook| hook.function.is_some()));
}

#[test]
fn an_empty_application_beside_a_serving_one_is_not_production() {
    let serving = "from flask import Flask\napp = Flask('x')\n@app.route('/')\ndef f(): pass\n";
    let lending = "from flask import Flask\napp = Flask('x')\nadd = app.template_filter\n";
    let found = apps(&[("a.py", lending), ("b.py", serving)]);
    let paths: Vec<_> = found
        .production()
        .map(|(_, app)| app.path().to_string())
        .collect();
    assert_eq!(paths, ["b.py"]);
    assert_eq!(apps(&[("a.py", lending)]).production().count(), 1);
}
