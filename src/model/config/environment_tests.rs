//! Which environment gets what: choices, branches, hand-overs.

use super::tests::world;
use super::*;

const CLASSES: &str = "\
import os
class Base:
    SECRET_KEY = 'base'
class DevelopmentConfig(Base):
    DEBUG = True
class TestingConfig(Base):
    TESTING = True
class ProductionConfig(Base):
    SECRET_KEY = os.environ['SECRET_KEY']
config = {
    'development': DevelopmentConfig,
    'testing': TestingConfig,
    'production': ProductionConfig,
    'default': DevelopmentConfig,
}
";

#[test]
fn a_dictionary_of_configurations_is_chosen_by_the_caller() {
    let factory = "\
from flask import Flask
from config import config
def create_app(config_name):
    app = Flask(__name__)
    app.config.from_object(config[config_name])
    return app
";
    for (caller, debug) in [
        ("app = create_app('production')\n", "unset"),
        ("app = create_app('development')\n", "True"),
        (
            "import os\napp = create_app(os.getenv('FLASK_CONFIG') or 'default')\n",
            "unset",
        ),
        (
            "import os\napp = create_app(os.getenv('FLASK_CONFIG', 'production'))\n",
            "unset",
        ),
    ] {
        let main = format!("from shop import create_app\n{caller}");
        let world = world(&[
            ("config.py", CLASSES),
            ("shop/__init__.py", factory),
            ("wsgi.py", &main),
        ]);
        assert_eq!(world.production("DEBUG"), debug, "{caller}");
    }
    let world = world(&[("config.py", CLASSES), ("shop/__init__.py", factory)]);
    assert_eq!(world.production("SECRET_KEY"), "env SECRET_KEY!");
    assert_eq!(world.shown("DEBUG", Environment::Development), "True");
    assert_eq!(world.shown("TESTING", Environment::Testing), "True");
    assert_eq!(world.shown("SECRET_KEY", Environment::Testing), "\"base\"");
}

#[test]
fn configurations_without_telling_names_are_undecided() {
    let source = "\
from flask import Flask
class Alpha:
    DEBUG = True
class Beta:
    DEBUG = False
configs = {'a': Alpha, 'b': Beta}
def create_app(name):
    app = Flask(__name__)
    app.config.from_object(configs[name])
    return app
";
    assert_eq!(world(&[("app.py", source)]).production("DEBUG"), "?");
    let same = source.replace("DEBUG = True", "DEBUG = False");
    assert_eq!(world(&[("app.py", &same)]).production("DEBUG"), "False");
}

#[test]
fn computed_names_are_followed() {
    for load in [
        "'config.%sConfig' % os.environ.get('ENV', 'Production')",
        "f\"config.{os.environ.get('ENV', 'Production')}Config\"",
        "'config.{}Config'.format(os.getenv('ENV', 'Production'))",
        "'config.' + os.getenv('ENV', 'Production') + 'Config'",
        "os.environ.get('ENV', 'config.ProductionConfig')",
        "import_string('config.ProductionConfig')()",
        "getattr(config, os.getenv('ENV', 'Production') + 'Config')",
    ] {
        let source = format!(
            "import os\nimport config\nfrom werkzeug.utils import import_string\nfrom flask import Flask\napp = Flask('x')\napp.config.from_object({load})\n"
        );
        let world = world(&[("config.py", CLASSES), ("app.py", &source)]);
        assert_eq!(world.production("SECRET_KEY"), "env SECRET_KEY!", "{load}");
    }
}

#[test]
fn helpers_extensions_and_subclasses_are_followed() {
    let helper = "\
from flask import Flask
from settings import configure, Ext
def create_app():
    app = Flask(__name__)
    configure(app)
    Ext().init_app(app)
    load(app.config)
    def inner():
        app.config['C'] = 3
    inner()
    return app
def load(cfg):
    cfg['B'] = 2
";
    let settings = "\
def configure(flask_application):
    flask_application.config['A'] = 1
class Ext:
    def init_app(self, app):
        app.config.setdefault('D', 4)
# flask .config
";
    let found = world(&[("app.py", helper), ("settings.py", settings)]);
    for (key, value) in [("A", "1"), ("B", "2"), ("C", "3"), ("D", "4")] {
        assert_eq!(found.production(key), value, "{key}");
    }
    let subclass = "\
import flask
class Mine(flask.Flask):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.config['DEBUG'] = True
app = Mine('x')
";
    assert_eq!(world(&[("app.py", subclass)]).production("DEBUG"), "True");
    let attribute = "\
import flask
class Server:
    def __init__(self):
        self.app = flask.Flask('x')
        self.setup()
    def setup(self):
        self.app.config['DEBUG'] = True
";
    assert_eq!(world(&[("app.py", attribute)]).production("DEBUG"), "True");
}

#[test]
fn branches_follow_the_environment() {
    for (source, production, development) in [
        (
            "if os.environ.get('FLASK_ENV') == 'development':\n    app.debug = True",
            "unset",
            "True",
        ),
        (
            "if app.env != 'production':\n    app.config['DEBUG'] = True",
            "unset",
            "True",
        ),
        (
            "env = os.getenv('APP_ENV')\nif env in ('production', 'prod'):\n    app.debug = False\nelse:\n    app.debug = True",
            "False",
            "True",
        ),
        (
            "if os.environ.get('SWITCH'):\n    app.debug = True",
            "True",
            "True",
        ),
    ] {
        let source = format!("import os\nfrom flask import Flask\napp = Flask('x')\n{source}\n");
        let world = world(&[("app.py", &source)]);
        assert_eq!(world.production("DEBUG"), production, "{source}");
        let found = world.shown("DEBUG", Environment::Development);
        assert_eq!(found, development, "{source}");
    }
}

#[test]
fn deployment_files_choose_the_configuration() {
    let factory = "\
import os
from flask import Flask
from config import config
def create_app():
    app = Flask(__name__)
    app.config.from_object(config[os.environ.get('APP_SETTINGS', 'development')])
    return app
";
    let texts = [("config.py", CLASSES), ("app.py", factory)];
    let set = world(&[texts[0], texts[1], (".env", "APP_SETTINGS=development\n")]);
    assert_eq!(set.production("DEBUG"), "True");
    let (app, _) = set.apps.primary().unwrap();
    let switch = set.configuration.switches(app).next().unwrap();
    let chosen = switch.chosen[Environment::Production.index()]
        .as_ref()
        .unwrap();
    assert_eq!(chosen.because, "APP_SETTINGS is development in .env");
    assert_eq!(world(&texts).production("DEBUG"), "unset");
    let dotted = factory.replace(
        "config[os.environ.get('APP_SETTINGS', 'development')]",
        "os.environ['APP_SETTINGS']",
    );
    let dotted = [("config.py", CLASSES), ("app.py", dotted.as_str())];
    assert_eq!(world(&dotted).production("SECRET_KEY"), "env SECRET_KEY!");
    let set = (".env", "APP_SETTINGS=config.DevelopmentConfig\n");
    assert_eq!(
        world(&[dotted[0], dotted[1], set]).production("DEBUG"),
        "True"
    );
}

#[test]
fn tests_do_not_configure_production() {
    let world = world(&[
        (
            "app.py",
            "from flask import Flask\ndef create_app(config=None):\n    app = Flask('x')\n    if config is not None:\n        app.config.from_object(config)\n    return app\n",
        ),
        (
            "tests/conftest.py",
            "from app import create_app\nclass TestConfig:\n    TESTING = True\n    SECRET_KEY = 'test'\napp = create_app(TestConfig)\napp.config['WTF_CSRF_ENABLED'] = False\n",
        ),
        (
            "wsgi.py",
            "from app import create_app\napp = create_app()\n",
        ),
    ]);
    assert_eq!(world.production("SECRET_KEY"), "unset");
    assert_eq!(world.production("WTF_CSRF_ENABLED"), "unset");
    assert_eq!(world.shown("SECRET_KEY", Environment::Testing), "\"test\"");
    assert_eq!(
        world.shown("WTF_CSRF_ENABLED", Environment::Testing),
        "False"
    );
}

#[test]
fn a_base_class_is_one_place_that_all_environments_share() {
    let app = "from flask import Flask\nfrom config import config\ndef create_app(name):\n    app = Flask('x')\n    app.config.from_object(config[name])\n    return app\n";
    let world = world(&[("config.py", CLASSES), ("app.py", app)]);
    let (app, _) = world.apps.primary().unwrap();
    let keys: Vec<_> = world.configuration.writes("SECRET_KEY").collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0].environments, Environment::ALL);
    assert!(!world.configuration.is_production_only(keys[0]));
    assert!(world.configuration.is_production_only(keys[1]));
    let debug = world
        .configuration
        .resolved(app, "DEBUG", Environment::Development);
    assert_eq!(
        debug.write().unwrap().environments,
        [Environment::Development]
    );
}

#[test]
fn an_application_that_is_handed_over_is_followed() {
    let world = world(&[
        (
            "app/__init__.py",
            "import os\ndef create_app(application):\n    from app.config import Config, configs\n    name = os.environ['STAGE']\n    if name in configs:\n        application.config.from_object(configs[name])\n    else:\n        application.config.from_object(Config)\n",
        ),
        (
            "app/config.py",
            "class Config:\n    DEBUG = True\nclass Live(Config):\n    DEBUG = False\nconfigs = {'production': Live}\n",
        ),
        (
            "application.py",
            "import flask\nfrom app import create_app\nclass Mine(flask.Flask):\n    pass\napplication = Mine('x')\ncreate_app(application)\n",
        ),
    ]);
    assert_eq!(world.production("DEBUG"), "False");
}
