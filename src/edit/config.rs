//! Edits of configuration: a key set at a [`Placement`], a value replaced, in the form of the
//! code around it.

use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{Expr, Stmt, StmtClassDef};
use ruff_text_size::Ranged as _;

use super::arguments::add_keyword;
use crate::finding::Edit;
use crate::model::config::{Container, Form, Placement, Write};
use crate::model::modules::Modules;
use crate::parse::python::Module;
use crate::text::Span;

/// Lines longer than this are wrapped, as black and ruff do.
const LINE_LENGTH: usize = 88;

/// Sets `key` to the Python `expression` (double quotes are turned into the file's own) at
/// `place`. Names that the expression uses have to be imported by the caller.
pub fn set(modules: &Modules, place: &Placement, key: &str, expression: &str) -> Vec<Edit> {
    let module = modules.get(place.module);
    let expression = requoted(module, expression);
    match &place.container {
        Container::Class(span) => in_class(module, *span, key, &expression),
        Container::Module { after } => vec![in_module(module, *after, key, &expression)],
        Container::Dict(span) => in_dict(module, *span, key, &expression),
        Container::Call(span) => module
            .call_at(*span)
            .map(|call| add_keyword(module, call, key, &expression))
            .unwrap_or_default(),
        Container::Statement {
            receiver,
            offset,
            indentation,
        } => {
            let quote = quote_of(module);
            let mut line = format!("{receiver}[{quote}{key}{quote}] = {expression}");
            if indentation.len() + line.chars().count() > LINE_LENGTH && !expression.contains('\n')
            {
                let newline = module.file.text.newline();
                line = format!(
                    "{receiver}[{quote}{key}{quote}] = ({newline}{indentation}    {expression}\
                     {newline}{indentation})"
                );
            }
            vec![line_at(module, *offset, indentation, &line)]
        }
    }
}

/// Puts `expression` where the value of `write` stands. Nothing where the value is not an
/// expression of its own (a setting read by pydantic, an import, a property).
pub fn replace_value(modules: &Modules, write: &Write, expression: &str) -> Vec<Edit> {
    let module = modules.get(write.module);
    let replaceable = !matches!(write.form, Form::Other)
        && write.value_at.path == write.key_at.path
        && module.expression_at(write.value_at.span).is_some();
    if !replaceable || !module.is_valid() {
        return Vec::new();
    }
    let expression = requoted(module, expression);
    if let Some(edits) = split_chain(module, write, &expression) {
        return edits;
    }
    vec![Edit::replace(
        module.path(),
        write.value_at.span,
        expression,
    )]
}

/// `DEBUG = OTHER = value`: only one of the targets changes, on a line of its own.
fn split_chain(module: &Module, write: &Write, expression: &str) -> Option<Vec<Edit>> {
    let Stmt::Assign(assign) = module.statement_at(write.key_at.span)? else {
        return None;
    };
    if assign.targets.len() < 2 {
        return None;
    }
    let is_it = |target: &Expr| Span::from(target.range()).contains(write.key_at.span);
    let index = assign.targets.iter().position(is_it)?;
    let target = Span::from(assign.targets[index].range());
    let next = assign.targets.get(index + 1).map_or_else(
        || assign.value.range().start().to_usize(),
        |next| next.range().start().to_usize(),
    );
    let text = &module.file.text;
    let end = text.next_line_start(assign.range.end().to_usize().saturating_sub(1));
    let indentation = text.indentation(assign.range.start().to_usize());
    let line = format!("{} = {expression}", module.source(target));
    Some(vec![
        Edit::replace(module.path(), Span::new(target.start, next), ""),
        line_at(module, end, indentation, &line),
    ])
}

fn in_class(module: &Module, span: Span, key: &str, expression: &str) -> Vec<Edit> {
    let Some(Stmt::ClassDef(class)) = module.statement_exactly(span) else {
        return Vec::new();
    };
    let text = &module.file.text;
    let line = format!("{key} = {expression}");
    let (Some(first), Some(last)) = (class.body.first(), class.body.last()) else {
        return Vec::new();
    };
    let start = first.range().start().to_usize();
    let head = module.source(Span::new(text.line_start(text.line_of(start)), start));
    let one_line = !head.trim().is_empty();
    let filler = class.body.len() == 1 && is_filler(first);
    if one_line {
        return in_one_line_class(module, class, filler, &line);
    }
    let indentation = text.indentation(start);
    if filler {
        let whole = Span::new(
            text.line_start(text.line_of(start)),
            text.next_line_start(first.range().end().to_usize().saturating_sub(1)),
        );
        // The line goes by an edit of its own: two keys may take its place.
        return vec![
            line_at(module, whole.start, indentation, &line),
            Edit::replace(module.path(), whole, ""),
        ];
    }
    let is_constant = |stmt: &&Stmt| match stmt {
        Stmt::Assign(assign) => assign.targets.iter().any(is_key),
        Stmt::AnnAssign(assign) => is_key(&assign.target),
        _ => false,
    };
    let docstring = class.body.first().filter(|stmt| is_docstring(stmt));
    let anchor = class.body.iter().rfind(is_constant).or(docstring);
    let Some(anchor) = anchor else {
        // Only methods and branches: in front of them.
        let decorators = match first {
            Stmt::FunctionDef(function) => function.decorator_list.first(),
            Stmt::ClassDef(class) => class.decorator_list.first(),
            _ => None,
        };
        let first = decorators.map_or(start, |it| it.range.start().to_usize());
        let offset = text.line_start(text.line_of(first));
        return vec![line_at(module, offset, indentation, &line)];
    };
    let end = anchor.range().end().to_usize();
    debug_assert!(
        end <= last.range().end().to_usize(),
        "the anchor is in the body"
    );
    let offset = text.next_line_start(end.saturating_sub(1));
    vec![line_at(module, offset, indentation, &line)]
}

/// `class Config(Base): pass`, `class Config: A = 1`.
fn in_one_line_class(module: &Module, class: &StmtClassDef, filler: bool, line: &str) -> Vec<Edit> {
    let text = &module.file.text;
    let (Some(first), Some(last)) = (class.body.first(), class.body.last()) else {
        return Vec::new();
    };
    let end = last.range().end().to_usize();
    if !filler {
        return vec![Edit::insert(module.path(), end, format!("; {line}"))];
    }
    let outer = text.indentation(class.range.start().to_usize());
    let step = if outer.contains('\t') { "\t" } else { "    " };
    let start = first.range().start().to_usize();
    let before = module.source(Span::new(0, start));
    let colon = before.trim_end().len();
    let newline = text.newline();
    vec![
        Edit::replace(module.path(), Span::new(colon, end), ""),
        Edit::insert(module.path(), end, format!("{newline}{outer}{step}{line}")),
    ]
}

fn in_module(module: &Module, after: Option<Span>, key: &str, expression: &str) -> Edit {
    let text = &module.file.text;
    let line = format!("{key} = {expression}");
    let offset = match after {
        Some(span) => text.next_line_start(span.end.saturating_sub(1)),
        None => {
            let is_head = |stmt: &&Stmt| {
                matches!(stmt, Stmt::Import(_) | Stmt::ImportFrom(_)) || is_docstring(stmt)
            };
            let head = module.body().iter().take_while(is_head).last();
            head.map_or(0, |stmt| {
                text.next_line_start(stmt.range().end().to_usize().saturating_sub(1))
            })
        }
    };
    line_at(module, offset, "", &line)
}

fn in_dict(module: &Module, span: Span, key: &str, expression: &str) -> Vec<Edit> {
    let Some(Expr::Dict(dict)) = module.expression_at(span) else {
        return Vec::new();
    };
    let text = &module.file.text;
    let quote = quote_of(module);
    let entry = format!("{quote}{key}{quote}: {expression}");
    let close = span.end - 1;
    let Some(last) = dict.items.last() else {
        return vec![Edit::insert(module.path(), close, entry)];
    };
    let value_end = last.value.range().end().to_usize();
    let end = behind_parentheses(module, value_end, close);
    let start = last.key.as_ref().map_or_else(
        || last.value.range().start().to_usize(),
        |key| key.range().start().to_usize(),
    );
    let comma = trailing_comma(module, end, close);
    let own_line = text.line_of(close) != text.line_of(end);
    if !own_line {
        let insertion = match comma {
            Some(at) => return vec![Edit::insert(module.path(), at + 1, format!(" {entry},"))],
            None => format!(", {entry}"),
        };
        return vec![Edit::insert(module.path(), end, insertion)];
    }
    let indentation = text.indentation(start);
    let offset = text.next_line_start(end);
    let line = line_at(module, offset, indentation, &format!("{entry},"));
    match comma {
        Some(_) => vec![line],
        None => vec![Edit::insert(module.path(), end, ","), line],
    }
}

/// The end of a value with the parentheses around it.
fn behind_parentheses(module: &Module, end: usize, close: usize) -> usize {
    let mut behind = end;
    for token in module.tokens().iter() {
        let start = token.range().start().to_usize();
        if start < end || start >= close {
            continue;
        }
        match module.source(token.range()) {
            ")" => behind = token.range().end().to_usize(),
            "," => break,
            _ => {}
        }
    }
    behind
}

fn trailing_comma(module: &Module, end: usize, close: usize) -> Option<usize> {
    let tokens = module.tokens().iter();
    tokens
        .map(|token| Span::from(token.range()))
        .find(|span| span.start >= end && span.end <= close && module.source(*span) == ",")
        .map(|span| span.start)
}

/// `line` with `indentation` as a line of its own at `offset`, the start of a line or the end
/// of a text that may lack its last newline.
fn line_at(module: &Module, offset: usize, indentation: &str, line: &str) -> Edit {
    let text = &module.file.text;
    let newline = text.newline();
    let open = offset == text.len() && !text.is_empty() && !text.as_str().ends_with('\n');
    let insertion = if open {
        format!("{newline}{indentation}{line}")
    } else {
        format!("{indentation}{line}{newline}")
    };
    Edit::insert(module.path(), offset, insertion)
}

fn is_filler(stmt: &Stmt) -> bool {
    match stmt {
        Stmt::Pass(_) => true,
        Stmt::Expr(expr) => matches!(&*expr.value, Expr::EllipsisLiteral(_)),
        _ => false,
    }
}

fn is_docstring(stmt: &Stmt) -> bool {
    matches!(stmt, Stmt::Expr(expr) if expr.value.is_string_literal_expr())
}

fn is_key(target: &Expr) -> bool {
    matches!(target, Expr::Name(name) if !name.id.bytes().any(|byte| byte.is_ascii_lowercase()))
}

/// After so many strings, it is clear which quotes a file prefers.
const ENOUGH_STRINGS: usize = 500;

/// The quote that most of the file's one-line strings use.
fn quote_of(module: &Module) -> char {
    let (mut single, mut double) = (0usize, 0usize);
    let tokens = module.tokens().iter();
    let strings = tokens.filter(|token| token.kind() == TokenKind::String);
    for token in strings.take(ENOUGH_STRINGS) {
        let source = module.source(token.range());
        let body = source.trim_start_matches(|character: char| character.is_ascii_alphabetic());
        match body.as_bytes() {
            [b'\'', b'\'', b'\'', ..] | [b'"', b'"', b'"', ..] => {}
            [b'\'', ..] => single += 1,
            [b'"', ..] => double += 1,
            _ => {}
        }
    }
    if single > double { '\'' } else { '"' }
}

/// The expression with the file's own quotes, where that is only a matter of taste.
pub fn requoted(module: &Module, expression: &str) -> String {
    let (own, other) = match quote_of(module) {
        '"' => ('"', '\''),
        own => (own, '"'),
    };
    if expression.contains([own, '\\']) {
        return expression.to_owned();
    }
    expression.replace(other, &own.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::Repository;
    use crate::model::Model;
    use std::sync::Arc;

    const KEY: &str = "SESSION_COOKIE_SECURE";

    fn model(texts: &[(&str, &str)]) -> Model {
        Model::build(Arc::new(Repository::from_texts(texts.iter().copied())))
    }

    fn applied(model: &Model, path: &str, edits: &[Edit]) -> String {
        let mut text = model.repo.file(path).unwrap().text.as_str().to_owned();
        let mut replacements: Vec<_> = edits
            .iter()
            .filter_map(|edit| match edit {
                Edit::Replace {
                    path: at,
                    span,
                    text,
                } if **at == *path => Some((*span, text)),
                _ => None,
            })
            .collect();
        replacements.sort();
        for (span, new) in replacements.into_iter().rev() {
            text.replace_range(span.start..span.end, new);
        }
        assert!(crate::parse::python::parses(&text), "{text}");
        text
    }

    /// The file that takes the key, and its text afterwards.
    fn with_key(texts: &[(&str, &str)]) -> (String, String) {
        let model = model(texts);
        let (app, _) = model.apps.primary().unwrap();
        let place = model
            .configuration
            .best_place(&model.modules, &model.apps, app, KEY)
            .unwrap();
        let edits = set(&model.modules, &place, KEY, "True");
        let path = place.path.to_string();
        let text = applied(&model, &path, &edits);
        (path, text)
    }

    fn added(source: &str) -> String {
        let app = "from flask import Flask\nfrom settings import Config\napp = Flask('x')\napp.config.from_object(Config)\n";
        let (path, text) = with_key(&[("app.py", app), ("settings.py", source)]);
        assert_eq!(path, "settings.py", "{source}");
        text
    }

    #[test]
    fn class_bodies_take_a_key() {
        for (before, after) in [
            (
                "class Config:\n    DEBUG = False\n\n    def f(self):\n        X = 1\n",
                "class Config:\n    DEBUG = False\n    SESSION_COOKIE_SECURE = True\n\n    def f(self):\n        X = 1\n",
            ),
            (
                "class Config:\r\n\tDEBUG = False",
                "class Config:\r\n\tDEBUG = False\r\n\tSESSION_COOKIE_SECURE = True",
            ),
            (
                "class Config:\n    pass\nDEBUG = 1\n",
                "class Config:\n    SESSION_COOKIE_SECURE = True\nDEBUG = 1\n",
            ),
            (
                "class Config(object): pass  # DEBUG\n",
                "class Config(object):\n    SESSION_COOKIE_SECURE = True  # DEBUG\n",
            ),
            (
                "class Config: DEBUG = 1; X = 2\n",
                "class Config: DEBUG = 1; X = 2; SESSION_COOKIE_SECURE = True\n",
            ),
            (
                "class Config:\n    \"\"\"Docs, DEBUG.\"\"\"\n    @property\n    def f(self): return 1\n",
                "class Config:\n    \"\"\"Docs, DEBUG.\"\"\"\n    SESSION_COOKIE_SECURE = True\n    @property\n    def f(self): return 1\n",
            ),
            (
                "class Config:\n    DEBUG = (\n        1\n    )  # note\n    if DEBUG:\n        X = 1\n",
                "class Config:\n    DEBUG = (\n        1\n    )  # note\n    SESSION_COOKIE_SECURE = True\n    if DEBUG:\n        X = 1\n",
            ),
        ] {
            assert_eq!(added(before), after);
        }
    }

    #[test]
    fn the_production_class_is_preferred_to_its_base() {
        let settings = "class Base:\n    DEBUG = False\nclass Dev(Base):\n    DEBUG = True\nclass Prod(Base):\n    pass\nconfigs = {'dev': Dev, 'prod': Prod}\n";
        let app = "import os\nfrom flask import Flask\nfrom settings import configs\napp = Flask('x')\napp.config.from_object(configs[os.environ['ENV']])\n";
        let (path, text) = with_key(&[("app.py", app), ("settings.py", settings)]);
        assert_eq!(path, "settings.py");
        assert!(text.contains("class Prod(Base):\n    SESSION_COOKIE_SECURE = True\nconfigs"));
    }

    #[test]
    fn modules_mappings_and_statements_take_a_key() {
        let settings = "\"\"\"Docs.\"\"\"\nimport os\n\nDEBUG = SHOUT = False\nA = [\n    1,\n]\nif os.environ.get('Q'):\n    B = 1\n\ndef f(): pass\n";
        let app = "from flask import Flask\napp = Flask('x')\napp.config.from_object('settings')\n";
        let (path, text) = with_key(&[("app.py", app), ("settings.py", settings)]);
        assert_eq!(path, "settings.py");
        assert!(
            text.contains("]\nSESSION_COOKIE_SECURE = True\nif os"),
            "{text}"
        );
        for (before, after) in [
            (
                "app.config.update(A=1)",
                "app.config.update(A=1, SESSION_COOKIE_SECURE=True)",
            ),
            (
                "app.config.update({'A': 1})",
                "app.config.update({'A': 1, 'SESSION_COOKIE_SECURE': True})",
            ),
            (
                "app.config.from_mapping({\n    \"A\": 1,  # one\n})",
                "app.config.from_mapping({\n    \"A\": 1,  # one\n    \"SESSION_COOKIE_SECURE\": True,\n})",
            ),
            (
                "app.config.from_mapping({\n    \"A\": (1)  # one\n})",
                "app.config.from_mapping({\n    \"A\": (1),  # one\n    \"SESSION_COOKIE_SECURE\": True,\n})",
            ),
            (
                "app.config['A'] = 1  # one\n@app.route('/')\ndef f(): pass",
                "app.config['A'] = 1  # one\napp.config['SESSION_COOKIE_SECURE'] = True\n@app.route('/')\ndef f(): pass",
            ),
            (
                "app.secret_key = k",
                "app.secret_key = k\napp.config[\"SESSION_COOKIE_SECURE\"] = True",
            ),
            (
                "A = 1\napp.config.from_object(__name__)\nC = 1",
                "A = 1\nSESSION_COOKIE_SECURE = True\napp.config.from_object(__name__)\nC = 1",
            ),
            (
                "x = 1",
                "app.config[\"SESSION_COOKIE_SECURE\"] = True\nx = 1",
            ),
        ] {
            let head = "from flask import Flask\napp = Flask(__name__)\n";
            let (_, text) = with_key(&[("app.py", &format!("{head}{before}"))]);
            assert_eq!(text, format!("{head}{after}"));
        }
    }

    #[test]
    fn factories_take_a_key_in_front_of_their_return() {
        let source = "from flask import Flask\ndef create_app():\n    app = Flask('x')\n    register(app)\n    return app\ndef register(app):\n    pass\n";
        let (_, text) = with_key(&[("app.py", source)]);
        assert!(
            text.contains("    app.config['SESSION_COOKIE_SECURE'] = True\n    return app\n"),
            "{text}"
        );
    }

    #[test]
    fn a_write_that_comes_later_is_not_preceded() {
        let settings = "SESSION_COOKIE_SECURE = False\n";
        let app = "from flask import Flask\napp = Flask('x')\napp.config.from_object('settings')\napp.config['SESSION_COOKIE_SECURE'] = False\n";
        let (path, text) = with_key(&[("app.py", app), ("settings.py", settings)]);
        assert_eq!(path, "app.py");
        assert!(
            text.ends_with("= False\napp.config['SESSION_COOKIE_SECURE'] = True\n"),
            "{text}"
        );
    }

    #[test]
    fn values_are_replaced_in_place() {
        for (before, after) in [
            (
                "app.config['DEBUG'] = True  # x\n",
                "app.config['DEBUG'] = False  # x\n",
            ),
            ("app.debug = (True)\n", "app.debug = (False)\n"),
            (
                "app.config.update(DEBUG=True)\n",
                "app.config.update(DEBUG=False)\n",
            ),
            (
                "DEBUG = X = True\napp.config.from_object(__name__)\n",
                "X = True\nDEBUG = False\napp.config.from_object(__name__)\n",
            ),
            (
                "X = DEBUG = True\napp.config.from_object(__name__)\n",
                "X = True\nDEBUG = False\napp.config.from_object(__name__)\n",
            ),
        ] {
            let head = "from flask import Flask\napp = Flask('x')\n";
            let model = model(&[("app.py", &format!("{head}{before}"))]);
            let write = model.configuration.writes("DEBUG").next().unwrap();
            let edits = replace_value(&model.modules, write, "False");
            let text = applied(&model, "app.py", &edits);
            assert_eq!(text, format!("{head}{after}"));
        }
    }

    #[test]
    fn quotes_follow_the_file() {
        let source = "from flask import Flask\napp = Flask('x')\napp.config['SECRET_KEY'] = 'y'\n";
        let model = model(&[("app.py", source)]);
        let write = model.configuration.writes("SECRET_KEY").next().unwrap();
        let edits = replace_value(&model.modules, write, "os.environ[\"SECRET_KEY\"]");
        let text = applied(&model, "app.py", &edits);
        assert!(text.ends_with("= os.environ['SECRET_KEY']\n"));
    }
}
