//! Constant templates in Python code: `render_template_string("…")`.

use std::sync::Arc;

use ruff_python_ast::{Expr, ExprStringLiteral, StringLiteral};
use ruff_text_size::Ranged as _;

use crate::discover::File;
use crate::model::calls::Calls;
use crate::model::modules::{ModuleId, Modules};
use crate::model::names::{BindingKind, Names};
use crate::parse::python::{Module, argument};
use crate::text::{Location, Span};

/// A constant source, and the calls that render it.
#[derive(Debug)]
pub(super) struct Inline {
    pub file: Arc<File>,
    /// The literal's inside with escapes taken out, byte for byte as long as in the file.
    pub text: String,
    /// Where the inside begins in the file.
    pub base: usize,
    /// The literal.
    pub literal: Span,
    /// The arguments that name it.
    pub arguments: Vec<Location>,
}

const RENDERERS: [&str; 2] = [
    "flask.render_template_string",
    "flask.stream_template_string",
];

pub(super) fn find(modules: &Modules, names: &Names, calls: &Calls) -> Vec<Inline> {
    let mut found: Vec<Inline> = Vec::new();
    for site in RENDERERS.iter().flat_map(|name| calls.of(name)) {
        let module = modules.get(site.module);
        let source = site
            .call(modules)
            .and_then(|call| argument(call, "source", Some(0)));
        let Some(source) = source else {
            continue;
        };
        let Some((file, literal)) = constant(modules, names, site.module, source) else {
            continue;
        };
        let home = modules.get(file);
        let span = Span::from(literal.range);
        let place = module.location(source.range());
        let known = found
            .iter_mut()
            .find(|it| it.literal == span && it.file.path == *home.path());
        if let Some(known) = known {
            known.arguments.push(place);
            continue;
        }
        if let Some((base, text)) = inside(home, literal) {
            found.push(Inline {
                file: Arc::clone(&home.file),
                text,
                base,
                literal: span,
                arguments: vec![place],
            });
        }
    }
    found
}

/// The literal that an expression is, directly or through a name that is bound once.
pub fn constant<'m>(
    modules: &'m Modules,
    names: &Names,
    module: ModuleId,
    expr: &'m Expr,
) -> Option<(ModuleId, &'m ExprStringLiteral)> {
    match expr {
        Expr::StringLiteral(literal) => Some((module, literal)),
        Expr::Name(name) => {
            let offset = name.range.start().to_usize();
            let (_, bindings) = names.scopes(module).lookup(&name.id, offset)?;
            let [binding] = bindings else {
                return None;
            };
            let (home, value) = match &binding.kind {
                BindingKind::Value(span) => (module, *span),
                BindingKind::Import(_) => {
                    let name = names.resolve_name(modules, module, &name.id, offset)?;
                    let found = names.definition(&name)?;
                    match found.binding.kind {
                        BindingKind::Value(span) => (found.module, span),
                        _ => return None,
                    }
                }
                _ => return None,
            };
            match modules.get(home).expression_at(value)? {
                Expr::StringLiteral(literal) => Some((home, literal)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Where the inside of the literal begins, and its text: what is not the template's own (an
/// escape's backslash, the quotes between joined parts) becomes spaces.
fn inside(module: &Module, literal: &ExprStringLiteral) -> Option<(usize, String)> {
    let parts = literal.value.as_slice();
    let base = content(module, parts.first()?)?.start;
    let mut text: Vec<u8> = Vec::new();
    for part in parts {
        let span = content(module, part)?;
        text.resize(span.start - base, b' ');
        let source = module.source(span).as_bytes();
        match part.flags.prefix().is_raw() {
            true => text.extend(source),
            false => unescape(source, &mut text),
        }
    }
    Some((base, String::from_utf8(text).ok()?))
}

/// The span between the quotes.
fn content(module: &Module, part: &StringLiteral) -> Option<Span> {
    let source = module.source(part.range);
    let body = source.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let quotes = match body.starts_with("\"\"\"") || body.starts_with("'''") {
        true => 3,
        false => 1,
    };
    let start = part.range.start().to_usize() + source.len() - body.len() + quotes;
    let end = part.range.end().to_usize().checked_sub(quotes)?;
    (start <= end).then(|| Span::new(start, end))
}

fn unescape(source: &[u8], text: &mut Vec<u8>) {
    let mut bytes = source.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            text.push(byte);
            continue;
        }
        text.push(b' ');
        match bytes.next() {
            Some(b'n' | b'r') => text.push(b'\n'),
            Some(b't') => text.push(b'\t'),
            Some(escaped) => text.push(escaped),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::Repository;

    #[test]
    fn escapes_keep_every_offset() {
        let source = "from flask import render_template_string as r\nr(\"<a b=\\\"{{ x }}\\\">\\n\"\n  'é{{ y }}')\n";
        let modules = Modules::parse(&Repository::from_texts([("app.py", source)]));
        let names = Names::collect(&modules);
        let calls = Calls::index(&modules, &names);
        let found = find(&modules, &names, &calls);
        let inline = &found[0];
        assert_eq!(
            inline.text,
            "<a b= \"{{ x }} \"> \n    'é{{ y }}".replace("'é", " é")
        );
        for hole in ["{{ x }}", "{{ y }}"] {
            let at = inline.text.find(hole).unwrap();
            assert!(source[inline.base + at..].starts_with(hole));
        }
    }
}
