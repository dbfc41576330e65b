//! Forms of configuration, each with its look-alike.

use super::*;
use crate::discover::Repository;

pub(super) struct World {
    pub repo: Repository,
    pub apps: Apps,
    pub configuration: Configuration,
}

pub(super) fn world(texts: &[(&str, &str)]) -> World {
    let repo = Repository::from_texts(texts.iter().copied());
    let modules = Modules::parse(&repo);
    let names = Names::collect(&modules);
    let deployment = Deployment::read(&repo);
    let apps = Apps::find(&modules, &names);
    let configuration = Configuration::resolve(&modules, &names, &apps, &deployment);
    World {
        repo,
        apps,
        configuration,
    }
}

impl World {
    /// The value of `key` as a short text: `True`, `env DEBUG or "x"`, `unset`, `?`.
    pub fn shown(&self, key: &str, environment: Environment) -> String {
        let Some((app, _)) = self.apps.primary() else {
            return "no app".into();
        };
        match self.configuration.resolved(app, key, environment) {
            Resolved::Set {
                value, conditional, ..
            } => {
                let more = if conditional.is_empty() {
                    ""
                } else {
                    " (or other)"
                };
                format!("{}{more}", show(value))
            }
            Resolved::Unset { .. } => "unset".into(),
            Resolved::Undecided { .. } => "?".into(),
        }
    }

    pub fn production(&self, key: &str) -> String {
        self.shown(key, Environment::Production)
    }

    pub fn line_of(&self, location: &Location) -> String {
        let file = self.repo.file(&location.path).unwrap();
        format!(
            "{}:{}",
            location.path,
            file.text.line_of(location.span.start)
        )
    }

    /// Where production's value is written.
    pub fn place(&self, key: &str) -> String {
        let (app, _) = self.apps.primary().unwrap();
        let resolved = self
            .configuration
            .resolved(app, key, Environment::Production);
        self.line_of(&resolved.write().unwrap().statement)
    }
}

fn show(value: &Value) -> String {
    match value {
        Value::Known(literal) => literal.to_string(),
        Value::Env(read) => {
            let default = read.default.as_ref();
            let default = default.map_or_else(String::new, |it| format!(" or {it}"));
            let conversion = match &read.conversion {
                Conversion::None => String::new(),
                other => format!(" as {other:?}"),
            };
            let not = if read.negated { "not " } else { "" };
            let required = if read.required { "!" } else { "" };
            format!("{not}env {}{required}{default}{conversion}", read.name)
        }
        Value::Random(how) => format!("random {how}"),
        Value::Store(how) => format!("store {how}"),
        Value::Entry(entry) => format!(
            "{} {}{}",
            entry.how,
            entry.files.join(" "),
            entry.keys.join(".")
        ),
        Value::Choice {
            then, otherwise, ..
        } => format!("{} | {}", show(then), show(otherwise)),
        Value::Unknown(_) => "unknown".into(),
    }
}

pub(super) fn one(source: &str, key: &str) -> String {
    let source = format!("import os\nfrom flask import Flask\napp = Flask(__name__)\n{source}\n");
    world(&[("app.py", &source)]).production(key)
}

#[test]
fn a_factory_that_the_server_calls_is_run_in_spite_of_a_main_guard() {
    let app = "from flask import Flask\n\n\ndef create_app():\n    app = Flask(__name__)\n    app.config['DEBUG'] = False\n    return app\n\n\nif __name__ == '__main__':\n    app = create_app()\n    app.config['DEBUG'] = True\n    app.run()\n";
    for (command, value) in [
        ("gunicorn -w 2 'app:create_app()'", "False"),
        ("python app.py", "True"),
    ] {
        let procfile = format!("web: {command}\n");
        let world = world(&[("app.py", app), ("Procfile", &procfile)]);
        assert_eq!(world.production("DEBUG"), value, "{command}");
    }
}

#[test]
fn module_level_writes_in_every_form() {
    for (source, key, value) in [
        (
            "app.config['SECRET_KEY'] = 'x' * 3",
            "SECRET_KEY",
            "\"xxx\"",
        ),
        ("app.secret_key = 'a' 'b'", "SECRET_KEY", "\"ab\""),
        ("app.debug = not False", "DEBUG", "True"),
        ("app.config.update(DEBUG=True, X=1)", "DEBUG", "True"),
        ("app.config.update({'DEBUG': True})", "DEBUG", "True"),
        ("app.config.update(dict(DEBUG=True))", "DEBUG", "True"),
        ("app.config.from_mapping(DEBUG=1)", "DEBUG", "1"),
        ("app.config |= {'DEBUG': True}", "DEBUG", "True"),
        ("app.config.setdefault('DEBUG', True)", "DEBUG", "True"),
        ("c = app.config\nc['DEBUG'] = True", "DEBUG", "True"),
        ("D = {'DEBUG': True}\napp.config.update(D)", "DEBUG", "True"),
        (
            "D = {'DEBUG': True}\napp.config.update(**D)",
            "DEBUG",
            "True",
        ),
        (
            "for k, v in {'DEBUG': True}.items():\n    app.config[k] = v",
            "DEBUG",
            "True",
        ),
        (
            "for k in ('A', 'DEBUG'):\n    app.config[k] = True",
            "DEBUG",
            "True",
        ),
        ("T = True\napp.config['DEBUG'] = T", "DEBUG", "True"),
        ("app.config['DEBUG'], x = True, 1", "DEBUG", "True"),
        (
            "DEBUG = True\napp.config.from_object(__name__)",
            "DEBUG",
            "True",
        ),
        (
            "class C:\n    DEBUG = True\napp.config.from_object(C)",
            "DEBUG",
            "True",
        ),
        (
            "class C:\n    DEBUG = True\napp.config.from_object(C())",
            "DEBUG",
            "True",
        ),
        (
            "class C:\n    DEBUG = True\napp.config.from_object('app.C')",
            "DEBUG",
            "True",
        ),
        (
            "class C:\n    DEBUG = True\napp.config.from_object(f'{__name__}.C')",
            "DEBUG",
            "unset",
        ),
        (
            "class B:\n    DEBUG = True\nclass C(B):\n    pass\napp.config.from_object(C)",
            "DEBUG",
            "True",
        ),
        (
            "class B:\n    DEBUG = True\nclass C(B):\n    DEBUG = False\napp.config.from_object(C)",
            "DEBUG",
            "False",
        ),
        (
            "class C:\n    def __init__(self):\n        self.DEBUG = True\napp.config.from_object(C())",
            "DEBUG",
            "True",
        ),
        (
            "class C:\n    @property\n    def DEBUG(self):\n        return True\napp.config.from_object(C())",
            "DEBUG",
            "True",
        ),
        (
            "app.permanent_session_lifetime = 60 * 30",
            "PERMANENT_SESSION_LIFETIME",
            "1800",
        ),
        (
            "from datetime import timedelta\napp.config['PERMANENT_SESSION_LIFETIME'] = timedelta(minutes=30)",
            "PERMANENT_SESSION_LIFETIME",
            "timedelta(seconds=1800)",
        ),
    ] {
        assert_eq!(one(source, key), value, "{source}");
    }
}

#[test]
fn look_alikes_are_not_configuration() {
    for source in [
        "config = {}\nconfig['DEBUG'] = True",
        "class Other:\n    pass\nother = Other()\nother.debug = True",
        "DEBUG = True",
        "class C:\n    debug = True\napp.config.from_object(C)",
        "class C:\n    DEBUG = True",
        "import logging\nlogging.DEBUG = True",
        "app.config['debug'] = True",
        "def f(config):\n    config['DEBUG'] = True",
    ] {
        assert_eq!(one(source, "DEBUG"), "unset", "{source}");
    }
}

#[test]
fn environment_reads_keep_default_and_conversion() {
    for (source, value) in [
        ("os.environ['K']", "env K!"),
        ("os.environ.get('K')", "env K"),
        ("os.getenv('K', 'dev')", "env K or \"dev\""),
        ("os.environ.get('K') or 'dev'", "env K or \"dev\""),
        ("bool(os.environ.get('K'))", "env K as Truthiness"),
        (
            "bool(int(os.environ.get('K', '0')))",
            "env K or \"0\" as Int",
        ),
        (
            "os.environ.get('K', '').lower() in ('1', 'true')",
            "env K or \"\" as Compare { to: [\"1\", \"true\"], lowered: true }",
        ),
        (
            "os.environ.get('K') == '1'",
            "env K as Compare { to: [\"1\"], lowered: false }",
        ),
        (
            "os.environ.get('K') != '1'",
            "not env K as Compare { to: [\"1\"], lowered: false }",
        ),
        ("not os.environ.get('K')", "not env K"),
        ("os.environ.get('K') is not None", "env K as Present"),
        ("os.getenv('K') is None", "not env K as Present"),
        ("'K' in os.environ", "env K as Present"),
        ("'DYNO' in os.environ", "unknown"),
        ("os.environ.get('SECRET_KEY') is not None", "unknown"),
        ("__import__('dataclasses').field(default='x')", "unknown"),
        ("os.urandom(24)", "random os.urandom"),
        ("__import__('os').urandom(24)", "unknown"),
        ("open('key').read()", "open key"),
        (
            "os.environ.get('K') or os.urandom(8)",
            "env K | random os.urandom",
        ),
        ("'a' if os.environ.get('K') else 'b'", "\"a\" | \"b\""),
        (
            "os.environ.get('K', os.environ.get('L', 'x'))",
            "env K or \"x\"",
        ),
    ] {
        let source = format!("app.config['SECRET_KEY'] = {source}");
        assert_eq!(one(&source, "SECRET_KEY"), value, "{source}");
    }
    let attempt =
        "try:\n    k = os.environ['K']\nexcept KeyError:\n    k = 'dev'\napp.secret_key = k";
    assert_eq!(one(attempt, "SECRET_KEY"), "env K! | \"dev\"");
    let branch = "if 'K' in os.environ:\n    app.secret_key = os.environ['K']\nelse:\n    app.secret_key = 'dev'";
    assert_eq!(one(branch, "SECRET_KEY"), "\"dev\" (or other)");
}

#[test]
fn later_writes_override_earlier_ones() {
    let world = world(&[
        (
            "app.py",
            "from flask import Flask\napp = Flask('x')\napp.config['DEBUG'] = True\napp.config.from_object('config')\n",
        ),
        ("config.py", "DEBUG = False\nSECRET_KEY = 'x'\n"),
    ]);
    assert_eq!(world.production("DEBUG"), "False");
    assert_eq!(world.place("DEBUG"), "config.py:1");
    let (app, _) = world.apps.primary().unwrap();
    let Resolved::Set {
        shadowed, write, ..
    } = world
        .configuration
        .resolved(app, "DEBUG", Environment::Production)
    else {
        panic!("not set");
    };
    assert_eq!(world.line_of(&shadowed[0].statement), "app.py:3");
    assert_eq!(write.form, Form::ModuleConstant);
}

#[test]
fn settings_that_nothing_loads_are_kept_apart() {
    let world = world(&[
        (
            "app.py",
            "from flask import Flask\napp = Flask('x')\napp.config.from_pyfile('/etc/shop.cfg')\n",
        ),
        ("production_config.py", "SECRET_KEY = 'x'\nDEBUG = True\n"),
        ("colours.py", "RED = 1\nDEBUG = 2\n"),
    ]);
    assert_eq!(world.production("SECRET_KEY"), "unset");
    let found: Vec<_> = world.configuration.writes("SECRET_KEY").collect();
    assert!(!found[0].is_loaded());
    assert_eq!(world.configuration.writes("RED").count(), 0);
    let (app, _) = world.apps.primary().unwrap();
    let Resolved::Unset { open } =
        world
            .configuration
            .resolved(app, "SECRET_KEY", Environment::Production)
    else {
        panic!("set");
    };
    assert_eq!(open[0].name.as_deref(), Some("/etc/shop.cfg"));
}

#[test]
fn the_end_of_setup_is_behind_the_last_load() {
    let module = world(&[(
        "app.py",
        "from flask import Flask\napp = Flask('x')\napp.config.from_object('c')\n\n@app.route('/')\ndef index():\n    return ''\n",
    )]);
    let (app, _) = module.apps.primary().unwrap();
    let end = module.configuration.end_of_setup(app).unwrap();
    let text = &module.repo.file("app.py").unwrap().text;
    assert_eq!(text.line_of(end.offset), 4);
    let factory = world(&[(
        "app.py",
        "from flask import Flask\ndef make():\n    server = Flask('x')\n    server.config['A'] = 1\n\n    return server\n",
    )]);
    let (app, _) = factory.apps.primary().unwrap();
    let end = factory.configuration.end_of_setup(app).unwrap();
    let text = &factory.repo.file("app.py").unwrap().text;
    assert_eq!((text.line_of(end.offset), end.name.as_str()), (6, "server"));
    assert_eq!(end.indentation, "    ");
}

#[test]
fn a_helper_that_hands_the_application_back_is_no_end_of_setup() {
    let world = world(&[
        (
            "app.py",
            "from flask import Flask\nfrom guard import guard\napp = Flask('x')\napp.config['A'] = 1\nguard(app)\n",
        ),
        (
            "guard.py",
            "def guard(app):\n    app.config['B'] = 1\n    app.run = None\n    return app\n",
        ),
    ]);
    let (app, _) = world.apps.primary().unwrap();
    let end = world.configuration.end_of_setup(app).unwrap();
    assert_eq!(&*end.path, "app.py");
}

/// Where `SESSION_COOKIE_SECURE` would be written: the file, and the line of what it is next to.
fn place_of_a_flag(texts: &[(&str, &str)]) -> String {
    let world = world(texts);
    let modules = Modules::parse(&world.repo);
    let (app, _) = world.apps.primary().unwrap();
    let key = "SESSION_COOKIE_SECURE";
    let place = world
        .configuration
        .best_place(&modules, &world.apps, app, key);
    world.line_of(&place.unwrap().location)
}

#[test]
fn settings_stand_where_nothing_keeps_them_from_being_made() {
    let app = "from flask import Flask\nfrom plug import init, use\ndef create_app():\n    app = Flask('x')\n    use(app)\n    init(app)\n    return app\n";
    let always = "def use(app):\n    app.config['A'] = 1\n";
    for (plug, expected) in [
        (
            "import os\ndef init(app):\n    if os.path.exists('off'):\n        return\n    app.config['B'] = 1\n",
            "plug.py:2",
        ),
        (
            "import os\ndef init(app):\n    if os.path.exists('off'):\n        raise RuntimeError\n    app.config['B'] = 1\n",
            "plug.py:7",
        ),
        ("def init(app):\n    app.config['B'] = 1\n", "plug.py:4"),
    ] {
        let plug = format!("{always}{plug}");
        let found = place_of_a_flag(&[("app.py", app), ("plug.py", &plug)]);
        assert_eq!(found, expected, "{plug}");
    }
}

#[test]
fn settings_stand_in_what_production_loads() {
    let app = "from flask import Flask\napp = Flask('x')\napp.config['A'] = 1\n";
    let profile = "from app import app\napp.config['PROFILE'] = True\napp.run()\n";
    let found = place_of_a_flag(&[("app.py", app), ("profile.py", profile)]);
    assert_eq!(found, "app.py:3");
}

#[test]
fn talisman_sets_the_cookie_flags() {
    let plain = "from flask_talisman import Talisman\nTalisman(app)";
    assert_eq!(one(plain, "SESSION_COOKIE_SECURE"), "True");
    assert_eq!(one(plain, "SESSION_COOKIE_SAMESITE"), "\"Lax\"");
    let off = "from flask_talisman import Talisman\nt = Talisman()\nt.init_app(app, session_cookie_secure=False)";
    assert_eq!(one(off, "SESSION_COOKIE_SECURE"), "unset");
    assert_eq!(one(off, "SESSION_COOKIE_HTTPONLY"), "True");
    let other = "from mine import Talisman\nTalisman(app)";
    assert_eq!(one(other, "SESSION_COOKIE_SECURE"), "unset");
}

#[test]
fn a_helpers_default_is_the_callers() {
    let helper = "\
import os
def env_or(name, default=None):
    return os.environ.get(name, default)
def env_bool(name, default=False):
    value = os.environ.get(name)
    if value is None:
        return default
    return value.lower() == 'true'
app.secret_key = env_or('KEY', 'dev')
app.debug = env_bool('DEBUG', True)
";
    assert_eq!(one(helper, "SECRET_KEY"), "env KEY or \"dev\"");
    let source = format!("import os\nfrom flask import Flask\napp = Flask('x')\n{helper}");
    let world = world(&[("app.py", &source)]);
    let write = world.configuration.writes("SECRET_KEY").next().unwrap();
    let default = write.value.env().unwrap().default_at.clone().unwrap();
    let text = &world.repo.file("app.py").unwrap().text;
    assert_eq!(text.slice(default.span), "'dev'");
    assert_eq!(text.line_of(default.span.start), 12);
}

#[test]
fn files_that_are_python_are_read() {
    let app = "from flask import Flask\napp = Flask('x')\napp.config.from_pyfile('shop.cfg')\n";
    let found = world(&[
        ("app.py", app),
        ("shop.cfg", "DEBUG = True\nSECRET_KEY = 'x'\n"),
    ]);
    assert_eq!(found.production("DEBUG"), "True");
    let ini = world(&[("app.py", app), ("shop.cfg", "[flask]\nDEBUG = True\n")]);
    assert_eq!(ini.production("DEBUG"), "unset");
    let instance = "from flask import Flask\napp = Flask('x', instance_relative_config=True)\napp.config.from_pyfile('config.py', silent=True)\n";
    let found = world(&[
        ("shop/app.py", instance),
        ("instance/config.py", "DEBUG = True\n"),
    ]);
    assert_eq!(found.production("DEBUG"), "True");
    let joined = "import os\nfrom flask import Flask\nHERE = os.path.abspath(os.path.dirname(__file__))\napp = Flask('x')\napp.config.from_pyfile(os.path.join(HERE, '..', 'conf', 'a.py'))\n";
    let found = world(&[("shop/app.py", joined), ("conf/a.py", "DEBUG = True\n")]);
    assert_eq!(found.production("DEBUG"), "True");
}

#[test]
fn settings_read_from_the_environment_by_their_type() {
    let source = "\
from pydantic_settings import BaseSettings
class Settings(BaseSettings):
    SECRET_KEY: str
    DEBUG: bool = False
app.config.from_object(Settings())
";
    assert_eq!(one(source, "SECRET_KEY"), "env SECRET_KEY!");
}

#[test]
fn a_copy_of_the_same_key_is_no_write() {
    let source = "app.config['SECRET_KEY'] = 'x'\napp.secret_key = app.config['SECRET_KEY']\napp.config['OTHER'] = app.config['SECRET_KEY']";
    assert_eq!(one(source, "SECRET_KEY"), "\"x\"");
    assert_eq!(one(source, "OTHER"), "\"x\"");
    let source = format!("from flask import Flask\napp = Flask('x')\n{source}\n");
    let world = world(&[("app.py", &source)]);
    assert_eq!(world.place("SECRET_KEY"), "app.py:3");
}

#[test]
fn helpers_that_answer_yes_or_no_are_parsers() {
    let helper = "\
def parse_boolean(text):
    text = text.strip().lower()
    if text in ('yes', 'true'):
        return True
    elif text in ('no', 'false'):
        return False
    raise ValueError(text)
app.config['SESSION_COOKIE_SECURE'] = parse_boolean(os.environ.get('SECURE') or str(True))
";
    let value = one(helper, "SESSION_COOKIE_SECURE");
    assert_eq!(value, "env SECURE or \"True\" as Bool");
}

#[test]
fn tables_of_settings_are_kept_apart_too() {
    let world = world(&[
        (
            "app.py",
            "from flask import Flask\nimport configuration\napp = Flask('x')\nconfiguration.Manager().init_app(app)\n",
        ),
        (
            "configuration.py",
            "DEFAULTS = {'SECRET_KEY': 'changeMe', 'DEBUG': False}\nCOLOURS = {'RED': 1, 'DEBUG': 2}\nclass Manager(dict):\n    def init_app(self, app):\n        app.config = self\n",
        ),
    ]);
    let (app, _) = world.apps.primary().unwrap();
    let key = world.configuration.writes("SECRET_KEY").next().unwrap();
    assert!(!key.is_loaded());
    assert_eq!(key.form, Form::DictEntry);
    assert_eq!(world.configuration.writes("RED").count(), 0);
    let resolved = world
        .configuration
        .resolved(app, "SECRET_KEY", Environment::Production);
    assert!(matches!(resolved, Resolved::Unset { open } if open.len() == 1));
}

#[test]
fn a_with_block_and_a_volatile_fallback_are_seen() {
    let source = "\
with open('key', 'a+') as secret:
    key = secret.read()
    if not key:
        key = os.urandom(64)
app.secret_key = key
";
    assert_eq!(one(source, "SECRET_KEY"), "random os.urandom | open key");
}

#[test]
fn a_table_that_a_loop_of_its_own_loads_is_kept() {
    let world = world(&[
        ("app.py", "from flask import Flask\napp = Flask('x')\n"),
        (
            "config/production.py",
            "FLASK = {'SECRET_KEY': 'x7'}\nDATABASE = {'HOST': 'db'}\n",
        ),
        ("shop/words.py", "WORDS = {'SECRET_KEY': 'the key'}\n"),
    ]);
    let places: Vec<_> = world
        .configuration
        .writes("SECRET_KEY")
        .map(|write| write.statement.path.to_string())
        .collect();
    assert_eq!(places, ["config/production.py"]);
}

#[test]
fn what_a_server_imports_is_not_built_under_main() {
    let app = "import os\nfrom flask import Flask\n\
               def create_app(name='development'):\n    app = Flask('x')\n    \
               app.config['DEBUG'] = name == 'development'\n    return app\n\
               if __name__ == '__main__':\n    create_app(os.environ['STAGE']).run()\n";
    let of = |command: &str| {
        let docker = format!("FROM python\nENV FLASK_APP=app.py\nCMD {command}\n");
        let world = world(&[("app.py", app), ("Dockerfile", docker.as_str())]);
        let (id, _) = world.apps.primary().unwrap();
        let resolved = world
            .configuration
            .resolved(id, "DEBUG", Environment::Production);
        matches!(resolved, Resolved::Set { .. })
    };
    assert!(of("[\"flask\", \"run\"]"));
    assert!(of("[\"gunicorn\", \"app:create_app()\"]"));
    assert!(of("[\"python\", \"app.py\"]"));
}

#[test]
fn what_a_function_makes_and_keeps_is_no_new_value() {
    let made = "\
def key():
    try:
        made = Meta['key'].value
    except Meta.DoesNotExist:
        made = os.urandom(64)
        Meta.create(key='key', value=made)
    return made
app.secret_key = key()
";
    assert_eq!(one(made, "SECRET_KEY"), "store key");
    let lost = made.replace("Meta.create(key='key', value=made)", "print('new key')");
    assert!(one(&lost, "SECRET_KEY").contains("random os.urandom"));
}

#[test]
fn a_factory_that_its_caller_does_not_reach_is_read_by_itself() {
    let app = "from flask import Flask\nfrom config import configs\ndef create_app(name='production'):\n    app = Flask('x')\n    app.config.from_object(configs[name])\n    return app\n";
    let config = "class Production:\n    DEBUG = False\nconfigs = {'production': Production}\n";
    let service = "from app import create_app\ndef service():\n    if True:\n        return 1\n    create_app('production')\n";
    let world = world(&[
        ("app.py", app),
        ("config.py", config),
        ("service.py", service),
    ]);
    assert_eq!(world.production("DEBUG"), "False");
    let (app, _) = world.apps.primary().unwrap();
    let end = world.configuration.end_of_setup(app).unwrap();
    assert_eq!((&*end.path, end.name.as_str()), ("app.py", "app"));
}
