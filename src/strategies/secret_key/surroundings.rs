//! What has to go along when a key leaves the code: a value for the tests, the names in
//! `.env.example`, `.env` in `.gitignore`.

use std::sync::Arc;

use super::keys;
use crate::discover::{FileKind, Purpose};
use crate::finding::Edit;
use crate::model::Model;
use crate::model::app::AppId;
use crate::model::config::{Environment, Value};
use crate::text::Span;

/// Lines longer than this are wrapped, as black and ruff do.
const LINE_LENGTH: usize = 88;

/// Long enough for every check, and plainly no secret.
fn value_for_tests(variable: &str) -> String {
    let name = variable.to_ascii_lowercase().replace('_', "-");
    format!("only-for-the-tests-not-a-secret-{name}")
}

/// The tests' own value of the variable, where they would be left without a key.
pub(super) fn for_tests(model: &Model, app: Option<AppId>, key: &str, variable: &str) -> Vec<Edit> {
    let has_tests = uses_pytest(model);
    let own = app.and_then(|app| {
        let configuration = &model.configuration;
        let own = configuration.resolved(app, key, Environment::Testing);
        let own = own.write()?;
        let is_shared = configuration.is_shared_with(own, Environment::Production);
        matches!(own.value, Value::Known(_)).then_some(!is_shared)
    });
    if !has_tests || own == Some(true) {
        return Vec::new();
    }
    // All keys at once: the patches of two keys then make the same file.
    let mut variables = all_variables(model);
    if !variables.iter().any(|it| it == variable) {
        variables.push(variable.to_owned());
    }
    let lines: String = variables
        .iter()
        .map(|it| {
            let arguments = format!("\"{it}\", \"{}\"", value_for_tests(it));
            let line = format!("os.environ.setdefault({arguments})\n");
            match line.len() <= LINE_LENGTH + 1 {
                true => line,
                false => format!("os.environ.setdefault(\n    {arguments}\n)\n"),
            }
        })
        .collect();
    let Some(conftest) = model.repo.file("conftest.py") else {
        let text = format!(
            "\"\"\"Settings of the test run, made before the tests import the application.\"\"\"\n\n\
             import os\n\n{lines}"
        );
        return vec![Edit::create("conftest.py", text)];
    };
    if conftest.text.as_str().contains(&format!("\"{variable}\"")) {
        return Vec::new();
    }
    in_conftest(model, &conftest.path, &lines)
}

/// The variables that the application's keys are, or will be, read from.
fn all_variables(model: &Model) -> Vec<String> {
    let mut variables: Vec<String> = Vec::new();
    for key in keys::names() {
        for write in model.configuration.writes(key) {
            let module = model.modules.get(write.module);
            let counts = write.in_environment(Environment::Production) || !write.is_loaded();
            if !module.file.purpose.is_application() || !counts {
                continue;
            }
            let leaves = write.value.leaves();
            let read = leaves.iter().find_map(|leaf| leaf.env());
            let name = read.map_or(key, |read| &read.name);
            if !variables.iter().any(|known| known == name) {
                variables.push(name.to_owned());
            }
        }
    }
    variables
}

/// In front of the first import of something that is not of the standard library: from there on
/// the application may be loaded.
fn in_conftest(model: &Model, path: &Arc<str>, line: &str) -> Vec<Edit> {
    use ruff_python_ast::Stmt;
    use ruff_text_size::Ranged as _;

    let Some(id) = model.modules.by_path(path) else {
        return Vec::new();
    };
    let module = model.modules.get(id);
    let text = &module.file.text;
    let is_os = |stmt: &Stmt| {
        matches!(stmt, Stmt::Import(import)
        if import.names.iter().any(|alias| alias.name.as_str() == "os" && alias.asname.is_none()))
    };
    let newline = text.newline();
    let line = line.replace('\n', newline);
    let body = module.body();
    let os = body.iter().find(|stmt| is_os(stmt));
    let at = |stmt: &Stmt| text.next_line_start(stmt.range().end().to_usize().saturating_sub(1));
    match os {
        Some(os) => vec![Edit::insert(
            path,
            at(os),
            format!("{newline}{line}{newline}"),
        )],
        None => {
            let docstring = body.first().filter(
                |stmt| matches!(stmt, Stmt::Expr(expr) if expr.value.is_string_literal_expr()),
            );
            let offset = docstring.map_or(0, at);
            let gap = if docstring.is_some() { newline } else { "" };
            let lines = format!("{gap}import os{newline}{newline}{line}{newline}");
            vec![Edit::insert(path, offset, lines)]
        }
    }
}

/// Tests that are plain functions are pytest's, whether they import it or not.
fn uses_pytest(model: &Model) -> bool {
    let tests = model.repo.of_kind(FileKind::Python);
    let mut tests = tests.filter(|file| file.purpose == Purpose::Test);
    tests.any(|file| {
        let text = file.text.as_str();
        text.contains("pytest") || text.lines().any(|line| line.starts_with("def test_"))
    })
}

/// Whether the project works with `.env` files.
pub(super) fn uses_dotenv(model: &Model) -> bool {
    model.deployment.code_loads_dotenv
        || !model.dependencies.declarations("python-dotenv").is_empty()
        || model.repo.of_kind(FileKind::Dotenv).next().is_some()
}

/// The name in `.env.example` and `.env` in `.gitignore`, where the project works with them.
pub(super) fn for_dotenv(model: &Model, variable: &str) -> Vec<Edit> {
    if !uses_dotenv(model) {
        return Vec::new();
    }
    let mut edits = ignored(model);
    let known = [
        ".env.example",
        "env.example",
        ".env.sample",
        "env.sample",
        ".env.template",
    ];
    let existing = known.iter().find_map(|name| model.repo.file(name));
    let names_it = existing.is_some_and(|file| {
        let start = format!("{variable}=");
        file.text
            .as_str()
            .lines()
            .any(|line| line.trim_start().starts_with(&start))
    });
    if !names_it {
        edits.push(Edit::Line {
            path: existing.map_or_else(|| Arc::from(".env.example"), |file| Arc::clone(&file.path)),
            line: format!("{variable}="),
        });
    }
    edits
}

/// `.env` in `.gitignore`, if it is not ignored.
pub(super) fn ignored(model: &Model) -> Vec<Edit> {
    let file = model.repo.file(".gitignore");
    let covers = |line: &str| {
        let line = line.trim().trim_start_matches('/');
        matches!(line, ".env" | ".env*" | "*.env" | ".env.*" | "**/.env")
    };
    if file.is_some_and(|file| file.text.as_str().lines().any(covers)) {
        return Vec::new();
    }
    vec![Edit::Line {
        path: file.map_or_else(|| Arc::from(".gitignore"), |file| Arc::clone(&file.path)),
        line: ".env".into(),
    }]
}

/// The span from the end of the operand or argument before `default` to the default's end.
pub(super) fn default_with_comma(
    module: &crate::parse::python::Module,
    default: Span,
) -> Option<Span> {
    use ruff_python_ast::{AnyNodeRef, Expr};
    use ruff_text_size::Ranged as _;

    let ancestors = module.ancestors(default);
    ancestors.iter().rev().find_map(|node| match node {
        AnyNodeRef::ExprCall(call) => {
            let arguments = &call.arguments;
            let of = |expr: &Expr| Span::from(expr.range());
            let keyword = arguments
                .keywords
                .iter()
                .find(|keyword| of(&keyword.value) == default);
            let start = keyword.map_or(default.start, |it| it.range.start().to_usize());
            let is_argument =
                keyword.is_some() || arguments.args.iter().any(|it| of(it) == default);
            let before = arguments
                .args
                .iter()
                .map(of)
                .chain(arguments.keywords.iter().map(|it| Span::from(it.range)))
                .filter(|span| span.end <= start)
                .map(|span| span.end)
                .max();
            let span = Span::new(before?, default.end);
            is_argument.then_some(span)
        }
        AnyNodeRef::ExprBoolOp(operation) => {
            let index = operation
                .values
                .iter()
                .position(|value| Span::from(value.range()) == default)?;
            let before = operation.values.get(index.checked_sub(1)?)?;
            Some(Span::new(before.range().end().to_usize(), default.end))
        }
        _ => None,
    })
}
