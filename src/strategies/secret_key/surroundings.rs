//! What has to go along when a key leaves the code: a value for the tests, the names in
//! `.env.example`, `.env` in `.gitignore`.

use std::sync::Arc;

use super::keys;
use crate::discover::FileKind;
use crate::finding::Edit;
use crate::model::Model;
use crate::model::app::AppId;
use crate::model::config::{Environment, Value};
use crate::strategies::test_settings::{self, Runner};
use crate::text::Span;

/// Long enough for every check, and plainly no secret.
fn value_for_tests(variable: &str) -> String {
    let name = variable.to_ascii_lowercase().replace('_', "-");
    format!("only-for-the-tests-not-a-secret-{name}")
}

/// The tests' own value of the variable, where they would be left without a key.
pub(super) fn for_tests(model: &Model, app: Option<AppId>, key: &str, variable: &str) -> Vec<Edit> {
    let own = app.and_then(|app| {
        let configuration = &model.configuration;
        let own = configuration.resolved(app, key, Environment::Testing);
        let own = own.write()?;
        let is_shared = configuration.is_shared_with(own, Environment::Production);
        matches!(own.value, Value::Known(_)).then_some(!is_shared)
    });
    if own == Some(true) {
        return Vec::new();
    }
    let with_value = |variable: String| {
        let value = value_for_tests(&variable);
        (variable, value)
    };
    match test_settings::runner(model) {
        Some(Runner::Pytest) => {
            // In a file that is there, all at once: the patches of two keys then agree.
            let mut variables = match test_settings::has_conftest(model) {
                true => all_variables(model),
                false => Vec::new(),
            };
            if !variables.iter().any(|it| it == variable) {
                variables.push(variable.to_owned());
            }
            let variables: Vec<_> = variables.into_iter().map(with_value).collect();
            test_settings::in_conftest(model, variable, &variables)
        }
        Some(Runner::Unittest) => {
            let value = value_for_tests(key);
            let in_class = app.and_then(|app| test_settings::in_class(model, app, key, &value));
            in_class.unwrap_or_else(|| {
                test_settings::in_modules(model, &with_value(variable.to_owned()))
            })
        }
        None => Vec::new(),
    }
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
