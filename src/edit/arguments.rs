//! Arguments of calls: added in the form that the call already has.

use ruff_python_ast::ExprCall;
use ruff_text_size::Ranged as _;

use crate::finding::Edit;
use crate::parse::python::Module;
use crate::text::Span;

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

/// Lines longer than this are wrapped, as black and ruff do.
const LINE_LENGTH: usize = 88;

/// Adds several keywords like [`add_keyword`]; a call on one line that would grow too long gets
/// a line for each argument.
pub fn add_keywords(module: &Module, call: &ExprCall, added: &[(&str, &str)]) -> Vec<Edit> {
    let Some(((name, value), rest)) = added.split_first() else {
        return Vec::new();
    };
    let rest: String = rest
        .iter()
        .map(|(name, value)| format!(", {name}={value}"))
        .collect();
    let text = &module.file.text;
    let range = Span::from(call.range());
    let line = text.line_of(range.start);
    let grown = text.line(line).chars().count() + name.len() + value.len() + rest.len() + 3;
    let is_one_line = text.line_of(range.end) == line;
    let arguments = arguments_of(call);
    if !is_one_line || grown <= LINE_LENGTH || arguments.is_empty() {
        return vec![add_keyword(module, call, name, &format!("{value}{rest}"))];
    }
    let outer = text.indentation(range.start);
    let unit = if outer.starts_with('\t') {
        "\t"
    } else {
        "    "
    };
    let newline = text.newline();
    let own_line = format!("{newline}{outer}{unit}");
    let open = call.arguments.range.start().to_usize() + 1;
    let close = range.end - 1;
    let mut edits = Vec::new();
    let mut at = open;
    for argument in &arguments {
        // Only the blanks in front of an argument are touched, so that patches of the
        // arguments themselves compose with this one.
        let between = text.slice(Span::new(at, argument.start));
        let blanks = between.len() - between.trim_end_matches(' ').len();
        let start = argument.start - blanks;
        edits.push(Edit::replace(
            module.path(),
            Span::new(start, argument.start),
            &*own_line,
        ));
        at = argument.end;
    }
    let tail: String = added
        .iter()
        .map(|(name, value)| format!(",{own_line}{name}={value}"))
        .collect();
    let end = parenthesised_end(text.as_str(), at, close);
    edits.push(Edit::replace(
        module.path(),
        Span::new(end, close),
        format!("{tail},{newline}{outer}"),
    ));
    edits
}

/// The spans of a call's arguments in the order of the text; empty when something is unpacked.
fn arguments_of(call: &ExprCall) -> Vec<Span> {
    if crate::parse::python::unpacks(call) {
        return Vec::new();
    }
    let args = call
        .arguments
        .args
        .iter()
        .map(|arg| Span::from(arg.range()));
    let keywords = call
        .arguments
        .keywords
        .iter()
        .map(|keyword| Span::from(keyword.range));
    let mut spans: Vec<Span> = args.chain(keywords).collect();
    spans.sort();
    spans
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
    fn a_call_that_grows_too_long_gets_a_line_for_each_argument() {
        let source = format!(
            "response.set_cookie('name', {}, max_age=3600)\n",
            "v".repeat(40)
        );
        let repo = Repository::from_texts([("app.py", source.as_str())]);
        let module = Module::parse(Arc::clone(repo.file("app.py").unwrap())).unwrap();
        let Some(Stmt::Expr(stmt)) = module.body().first() else {
            panic!("no expression")
        };
        let Expr::Call(call) = &*stmt.value else {
            panic!("no call")
        };
        let mut result = source.clone();
        for edit in add_keywords(&module, call, &[("secure", "True"), ("httponly", "True")])
            .iter()
            .rev()
        {
            let Edit::Replace { span, text, .. } = edit else {
                panic!("no replacement")
            };
            result.replace_range(span.start..span.end, text);
        }
        let value = "v".repeat(40);
        assert_eq!(
            result,
            format!(
                "response.set_cookie(\n    'name',\n    {value},\n    max_age=3600,\n    secure=True,\n    httponly=True,\n)\n"
            )
        );
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
