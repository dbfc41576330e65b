//! `setup.cfg` and the literal lists of `setup.py`.

use std::sync::Arc;

use ruff_python_ast::{Expr, ExprCall, Stmt};
use ruff_text_size::Ranged as _;

use super::manifest::{Declared, Format, Manifest, Role};
use super::pyproject::Found;
use super::requirements::declared;
use super::specifier::{Notation, Specifier};
use super::{Problem, PythonRequires};
use crate::discover::File;
use crate::parse::ini::{Dialect, Ini};
use crate::parse::python::Module;
use crate::parse::requirements::{Piece, Requirement};
use crate::text::{Location, Span};

pub(super) fn read_cfg(file: &File) -> Found {
    let mut found = Found::default();
    let ini = Ini::parse(file.text.as_str(), Dialect::Indented);
    for entry in &ini.entries {
        let section = entry.section.and_then(|at| ini.sections.get(at));
        let section = section.map_or("", |section| section.name.as_str());
        let lines = lines(file, entry.value_span);
        let role = match (section, entry.key.as_str()) {
            ("options", "install_requires") => (Role::Runtime, false),
            ("options", "tests_require") => (Role::Test, true),
            ("options.extras_require", extra) => (Role::of_name(extra), true),
            ("options", "python_requires") => {
                found.python = lines.into_iter().next().map(|piece| PythonRequires {
                    specifier: Specifier::parse(&piece.text, Notation::Pep440),
                    from: Location::new(&file.path, piece.span),
                    notation: Some(Notation::Pep440),
                });
                continue;
            }
            _ => continue,
        };
        let section = format!("{section}.{}", entry.key);
        let manifest = list(file, Format::SetupCfg, &section, role, lines, &mut found);
        found.manifests.push(manifest);
    }
    found
}

/// The lines of a value that say something, without comments.
fn lines(file: &File, value: Span) -> Vec<Piece> {
    let mut found = Vec::new();
    let mut offset = value.start;
    for raw in file.text.slice(value).split_inclusive('\n') {
        let lead = raw.len() - raw.trim_start().len();
        let body = raw.trim();
        let cut = body.find(" #").unwrap_or(body.len());
        let text = body[..cut].trim_end();
        if !text.is_empty() && !text.starts_with(['#', ';']) {
            found.push(Piece {
                text: text.to_owned(),
                span: Span::new(offset + lead, offset + lead + text.len()),
            });
        }
        offset += raw.len();
    }
    found
}

pub(super) fn read_py(file: &Arc<File>) -> Found {
    let mut found = Found::default();
    let Ok(module) = Module::parse(Arc::clone(file)) else {
        return found;
    };
    let Some(call) = setup_call(&module) else {
        return found;
    };
    for keyword in &call.arguments.keywords {
        let Some(name) = keyword.arg.as_ref() else {
            continue;
        };
        match name.as_str() {
            "install_requires" | "tests_require" => {
                let role = if name.as_str() == "install_requires" {
                    (Role::Runtime, false)
                } else {
                    (Role::Test, true)
                };
                if let Some(pieces) = strings(&module, &keyword.value) {
                    let manifest = list(
                        file,
                        Format::SetupPy,
                        name.as_str(),
                        role,
                        pieces,
                        &mut found,
                    );
                    found.manifests.push(manifest);
                }
            }
            "extras_require" => extras(file, &module, &keyword.value, &mut found),
            "python_requires" => {
                let piece = literal(&module, &keyword.value);
                found.python = piece.map(|piece| PythonRequires {
                    specifier: Specifier::parse(&piece.text, Notation::Pep440),
                    from: Location::new(&file.path, piece.span),
                    notation: Some(Notation::Pep440),
                });
            }
            _ => {}
        }
    }
    found
}

fn extras(file: &File, module: &Module, value: &Expr, found: &mut Found) {
    let Some(Expr::Dict(dict)) = resolved(module, value) else {
        return;
    };
    for item in &dict.items {
        let Some(key) = item.key.as_ref().and_then(|key| literal(module, key)) else {
            continue;
        };
        if let Some(pieces) = strings(module, &item.value) {
            let section = format!("extras_require.{}", key.text);
            let role = (Role::of_name(&key.text), true);
            let manifest = list(file, Format::SetupPy, &section, role, pieces, found);
            found.manifests.push(manifest);
        }
    }
}

/// The `setup(…)` of the module level, also under `if __name__ == "__main__":`.
fn setup_call(module: &Module) -> Option<&ExprCall> {
    fn find(body: &[Stmt]) -> Option<&ExprCall> {
        body.iter().find_map(|statement| match statement {
            Stmt::Expr(expression) => {
                expression
                    .value
                    .as_call_expr()
                    .filter(|call| match call.func.as_ref() {
                        Expr::Name(name) => name.id.as_str() == "setup",
                        Expr::Attribute(attribute) => attribute.attr.as_str() == "setup",
                        _ => false,
                    })
            }
            Stmt::If(branch) => find(&branch.body),
            _ => None,
        })
    }
    find(module.body())
}

/// The literal that an expression stands for: itself, or what a name was set to once.
fn resolved<'a>(module: &'a Module, value: &'a Expr) -> Option<&'a Expr> {
    let Expr::Name(name) = value else {
        return Some(value);
    };
    let mut found = None;
    for statement in module.body() {
        let Stmt::Assign(assign) = statement else {
            continue;
        };
        let sets = assign
            .targets
            .iter()
            .any(|target| matches!(target, Expr::Name(target) if target.id == name.id));
        if sets && found.replace(assign.value.as_ref()).is_some() {
            return None;
        }
    }
    found
}

/// The strings of a list that holds nothing else.
fn strings(module: &Module, value: &Expr) -> Option<Vec<Piece>> {
    let elements = match resolved(module, value)? {
        Expr::List(list) => &list.elts,
        Expr::Tuple(tuple) => &tuple.elts,
        _ => return None,
    };
    elements
        .iter()
        .map(|element| literal(module, element))
        .collect()
}

/// A string in one piece, and the span between its quotes.
fn literal(module: &Module, value: &Expr) -> Option<Piece> {
    let string = value.as_string_literal_expr()?.as_single_part_string()?;
    let span = Span::from(string.range());
    let source = module.source(span);
    let text = string.value.to_string();
    let start = span.start + source.find(&text).filter(|at| *at > 0 && *at <= 4)?;
    let inner = Span::new(start, start + text.len());
    (module.source(inner) == text && inner.end < span.end).then_some(Piece { text, span: inner })
}

fn list(
    file: &File,
    format: Format,
    section: &str,
    (role, optional): (Role, bool),
    pieces: Vec<Piece>,
    found: &mut Found,
) -> Manifest {
    let mut requirements: Vec<Declared> = Vec::new();
    for piece in pieces {
        match Requirement::parse(&piece.text, piece.span.start) {
            Ok(requirement) => {
                requirements.push(declared(&file.path, &file.text, &requirement));
            }
            Err(reason) => found.problems.push(Problem {
                location: Location::new(&file.path, piece.span),
                reason,
            }),
        }
    }
    Manifest {
        path: Arc::clone(&file.path),
        format,
        section: section.to_owned(),
        role,
        optional,
        hand_written: true,
        hashed: false,
        generated: None,
        includes: Vec::new(),
        requirements,
    }
}
