//! What the project's own tests need to be told, so that they run as before.

use std::sync::Arc;

use ruff_python_ast::Stmt;
use ruff_text_size::Ranged as _;

use crate::discover::{File, FileKind, Purpose};
use crate::edit::config;
use crate::finding::Edit;
use crate::model::Model;
use crate::model::app::AppId;
use crate::text::Text;

/// Lines longer than this are wrapped, as black and ruff do.
const LINE_LENGTH: usize = 88;
/// Test modules that get a variable each; where there are more, somebody has to find one place.
const MAX_MODULES: usize = 6;

const CONFTEST: &str = "conftest.py";
const HEAD: &str = "\"\"\"Settings of the test run, made before the tests import the application.\"\"\"\n\nimport os\n\n";

/// What runs the project's tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runner {
    Pytest,
    /// It does not read `conftest.py`.
    Unittest,
}

/// The runner of the project's tests; `None` where it has none. Tests that are plain functions
/// are pytest's, whether they import it or not.
pub(super) fn runner(model: &Model) -> Option<Runner> {
    let is_pytest = |file: &&Arc<File>| {
        let text = file.text.as_str();
        text.contains("pytest") || text.lines().any(|line| line.starts_with("def test_"))
    };
    if test_files(model).any(|file| is_pytest(&file)) {
        return Some(Runner::Pytest);
    }
    let mut rest = test_files(model);
    let is_unittest = rest.any(|file| file.text.as_str().contains("TestCase"));
    is_unittest.then_some(Runner::Unittest)
}

fn test_files(model: &Model) -> impl Iterator<Item = &Arc<File>> {
    let files = model.repo.of_kind(FileKind::Python);
    files.filter(|file| file.purpose == Purpose::Test)
}

pub(super) fn has_conftest(model: &Model) -> bool {
    model.repo.file(CONFTEST).is_some()
}

/// `os.environ.setdefault("NAME", "value")` for each of the variables in `conftest.py`, unless
/// that has `wanted` already.
pub(super) fn in_conftest(
    model: &Model,
    wanted: &str,
    variables: &[(String, String)],
) -> Vec<Edit> {
    let Some(conftest) = model.repo.file(CONFTEST) else {
        // The patches of two variables share the file.
        let mut edits = vec![Edit::create(CONFTEST, HEAD)];
        edits.extend(variables.iter().map(|variable| Edit::Line {
            path: Arc::from(CONFTEST),
            line: default_of(variable),
        }));
        return edits;
    };
    if conftest.text.as_str().contains(&format!("\"{wanted}\"")) {
        return Vec::new();
    }
    let lines: Vec<String> = variables.iter().map(default_of).collect();
    before_imports(model, &conftest.path, &lines.join("\n"))
}

fn default_of((name, value): &(String, String)) -> String {
    let arguments = format!("\"{name}\", \"{value}\"");
    let line = format!("os.environ.setdefault({arguments})");
    match line.len() <= LINE_LENGTH {
        true => line,
        false => format!("os.environ.setdefault(\n    {arguments}\n)"),
    }
}

/// The key in the class that only the tests load.
pub(super) fn in_class(model: &Model, app: AppId, key: &str, value: &str) -> Option<Vec<Edit>> {
    let configuration = &model.configuration;
    let place = configuration.place_for_tests(&model.modules, app, key)?;
    let edits = config::set(&model.modules, &place, key, &format!("\"{value}\""));
    (!edits.is_empty()).then_some(edits)
}

/// The variable in every test module that imports something of the repository.
pub(super) fn in_modules(model: &Model, variable: &(String, String)) -> Vec<Edit> {
    let quoted = format!("\"{}\"", variable.0);
    let modules: Vec<&Arc<File>> = test_files(model)
        .filter(|file| file.text.as_str().contains("TestCase"))
        .collect();
    let is_set = |file: &&Arc<File>| file.text.as_str().contains(&quoted);
    if modules.len() > MAX_MODULES || modules.iter().any(is_set) {
        return Vec::new();
    }
    let edits = modules
        .iter()
        .map(|file| before_imports(model, &file.path, &default_of(variable)));
    edits.flatten().collect()
}

/// `line` behind `import os`, which is added on top where it is missing: from the next import on
/// the application may be loaded.
fn before_imports(model: &Model, path: &Arc<str>, line: &str) -> Vec<Edit> {
    let Some(id) = model.modules.by_path(path) else {
        return Vec::new();
    };
    let module = model.modules.get(id);
    let text = &module.file.text;
    let newline = text.newline();
    let line = line.replace('\n', newline);
    let body = module.body();
    if let Some(os) = body.iter().find(|stmt| is_import_of_os(stmt)) {
        let lines = format!("{newline}{line}{newline}{newline}");
        return vec![Edit::insert(path, behind(text, os), lines)];
    }
    let leading = body
        .iter()
        .take_while(|stmt| is_docstring(stmt) || is_future(stmt));
    let (offset, gap) = match (leading.last(), body.first()) {
        (Some(last), _) => (behind(text, last), newline),
        (None, Some(first)) => {
            let start = first.range().start().to_usize();
            (text.line_start(text.line_of(start)), "")
        }
        (None, None) => (text.len(), ""),
    };
    let lines = format!("{gap}import os{newline}{newline}{line}{newline}{newline}");
    vec![Edit::insert(path, offset, lines)]
}

fn behind(text: &Text, stmt: &Stmt) -> usize {
    text.next_line_start(stmt.range().end().to_usize().saturating_sub(1))
}

fn is_import_of_os(stmt: &Stmt) -> bool {
    let Stmt::Import(import) = stmt else {
        return false;
    };
    let mut names = import.names.iter();
    names.any(|alias| alias.name.as_str() == "os" && alias.asname.is_none())
}

fn is_docstring(stmt: &Stmt) -> bool {
    matches!(stmt, Stmt::Expr(expr) if expr.value.is_string_literal_expr())
}

fn is_future(stmt: &Stmt) -> bool {
    let Stmt::ImportFrom(import) = stmt else {
        return false;
    };
    let module = import.module.as_ref();
    module.is_some_and(|module| module.as_str() == "__future__")
}

#[cfg(test)]
mod tests {
    use crate::strategies::secret_key::fallback::SecretKeyFallback;
    use crate::strategies::session_management::session_backend::SessionBackend;
    use crate::strategies::testing::apply;

    const APP: &str = "import os\nfrom flask import Flask, session\n\n\nclass Config:\n    SECRET_KEY = os.environ.get('SECRET_KEY', 'x7')\n\n\nclass TestingConfig(Config):\n    TESTING = True\n\n\ndef create_app(config=Config):\n    app = Flask(__name__)\n    app.config.from_object(config)\n\n    @app.route('/')\n    def index():\n        session['a'] = 1\n        return ''\n\n    return app\n";
    const CASE: &str = "import unittest\nfrom app import create_app, TestingConfig\n\n\nclass Case(unittest.TestCase):\n    def test_it(self):\n        assert create_app(TestingConfig)\n";

    #[test]
    fn the_class_of_the_tests_gets_a_key_where_pytest_does_not_run_them() {
        let files = [("app.py", APP), ("tests/test_app.py", CASE)];
        let text = apply(&SecretKeyFallback, &files, "app.py");
        let (_, class) = text.split_once("class TestingConfig").unwrap();
        assert!(
            class.starts_with(
                "(Config):\n    TESTING = True\n    SECRET_KEY = 'only-for-the-tests-"
            ),
            "{text}"
        );
    }

    #[test]
    fn test_modules_get_the_variable_where_no_class_is_theirs() {
        let app = APP.replace(
            "create_app(config=Config)",
            "create_app(config=Config, test=0)",
        );
        let case = CASE.replace("(TestingConfig)", "()");
        let files = [
            ("app.py", app.as_str()),
            ("tests/test_app.py", case.as_str()),
        ];
        let text = apply(&SecretKeyFallback, &files, "tests/test_app.py");
        let head = "import os\n\nos.environ.setdefault(\"SECRET_KEY\", \"only-for-the-tests-";
        assert!(text.starts_with(head), "{text}");
        assert!(text.ends_with(&case), "{text}");
    }

    #[test]
    fn tests_that_are_no_testing_environment_go_without_the_store() {
        let case = "from app import create_app\n\n\ndef test_it():\n    app = create_app()\n    app.config['TESTING'] = True\n";
        let files = [("app.py", APP), ("tests/test_app.py", case)];
        let text = apply(&SessionBackend, &files, "app.py");
        let expected = "    session_store = os.environ.get('SESSION_REDIS_URL', 'redis://localhost:6379/0')\n    if session_store:\n        app.config['SESSION_TYPE'] = 'redis'\n        app.config['SESSION_REDIS'] = Redis.from_url(session_store)\n        Session(app)\n";
        assert!(text.contains(expected), "{text}");
        let conftest = apply(&SessionBackend, &files, "conftest.py");
        assert!(
            conftest.ends_with("import os\n\nos.environ.setdefault(\"SESSION_REDIS_URL\", \"\")\n"),
            "{conftest}"
        );
        let testing = case
            .replace("create_app()", "create_app(TestingConfig)")
            .replace("import create_app", "import TestingConfig, create_app")
            .replace("    app.config['TESTING'] = True\n", "");
        let files = [("app.py", APP), ("tests/test_app.py", testing.as_str())];
        let text = apply(&SessionBackend, &files, "app.py");
        assert!(text.contains("    if not app.testing:\n"), "{text}");
    }
}
