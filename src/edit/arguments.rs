//! Arguments of calls: added in the form that the call already has.

use ruff_python_ast::ExprCall;
use ruff_text_size::Ranged as _;

use crate::finding::Edit;
use crate::parse::python::Module;

/// Adds `name=value` behind the last argument: on a line of its own where the arguments stand
/// so, and in front of a trailing comma's line end. Keywords stay before `**options`.
pub fn add_keyword(module: &Module, call: &ExprCall, name: &str, value: &str) -> Edit {
    let text = &module.file.text;
    let arguments = &call.arguments;
    let close = arguments.range.end().to_usize() - 1;
    let unpacked = arguments
        .keywords
        .iter()
        .find(|keyword| keyword.arg.is_none());
    if let Some(options) = unpacked {
        let start = options.range.start().to_usize();
        return Edit::insert(module.path(), start, format!("{name}={value}, "));
    }
    let ends = arguments.args.iter().map(|arg| arg.range().end());
    let keyword_ends = arguments.keywords.iter().map(|keyword| keyword.range.end());
    let Some(last) = ends.chain(keyword_ends).max() else {
        return Edit::insert(module.path(), close, format!("{name}={value}"));
    };
    let last = parenthesised_end(text.as_str(), last.to_usize(), close);
    let starts = arguments.args.iter().map(|arg| arg.range().start());
    let keyword_starts = arguments
        .keywords
        .iter()
        .map(|keyword| keyword.range.start());
    let last_start = starts
        .chain(keyword_starts)
        .max()
        .map_or(last, |at| at.to_usize());
    let own_line = text.line(text.line_of(last_start)).trim_start().len()
        == text.line_span(text.line_of(last_start)).end - last_start;
    let open = arguments.range.start().to_usize();
    let stacked = own_line && text.line_of(last_start) != text.line_of(open);
    let insertion = if stacked {
        let indentation = text.indentation(last_start);
        format!(",{}{indentation}{name}={value}", text.newline())
    } else {
        format!(", {name}={value}")
    };
    Edit::insert(module.path(), last, insertion)
}

/// The end of an argument including the parentheses around it, which are not in its range.
fn parenthesised_end(source: &str, argument_end: usize, close: usize) -> usize {
    let between = source.get(argument_end..close).unwrap_or_default();
    let tail = between
        .char_indices()
        .take_while(|(_, character)| *character == ')' || character.is_whitespace());
    let last = tail.filter(|(_, character)| *character == ')').last();
    last.map_or(argument_end, |(at, _)| argument_end + at + 1)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::discover::Repository;
    use ruff_python_ast::{Expr, Stmt};

    fn add(source: &str) -> String {
        let repo = Repository::from_texts([("app.py", source)]);
        let module = Module::parse(Arc::clone(repo.file("app.py").unwrap())).unwrap();
        let Some(Stmt::Expr(stmt)) = module.body().first() else {
            panic!("no expression")
        };
        let Expr::Call(call) = &*stmt.value else {
            panic!("no call")
        };
        let Edit::Replace { span, text, .. } = add_keyword(&module, call, "secure", "True") else {
            panic!("no replacement")
        };
        let mut result = source.to_owned();
        result.replace_range(span.start..span.end, &text);
        result
    }

    #[test]
    fn keywords_are_added_in_the_calls_own_form() {
        for (before, after) in [
            ("f()\n", "f(secure=True)\n"),
            ("f(a)\n", "f(a, secure=True)\n"),
            ("f(a, b=1)\n", "f(a, b=1, secure=True)\n"),
            ("f(a, **o)\n", "f(a, secure=True, **o)\n"),
            ("f((a))\n", "f((a), secure=True)\n"),
            (
                "f(\n    a,\n    b,\n)\n",
                "f(\n    a,\n    b,\n    secure=True,\n)\n",
            ),
            (
                "f(\n    a,\n    b)\n",
                "f(\n    a,\n    b,\n    secure=True)\n",
            ),
            ("f(a,  # one\n  b)\n", "f(a,  # one\n  b,\n  secure=True)\n"),
        ] {
            assert_eq!(add(before), after);
        }
    }
}
