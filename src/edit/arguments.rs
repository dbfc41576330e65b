//! Arguments of calls: added in the form that the call already has.

use ruff_python_ast::ExprCall;
use ruff_text_size::Ranged as _;

use crate::finding::Edit;
use crate::parse::python::Module;
use crate::text::Span;

/// Adds `name=value` behind the last argument, as [`add_keywords`] does.
pub fn add_keyword(module: &Module, call: &ExprCall, name: &str, value: &str) -> Vec<Edit> {
    add_keywords(module, call, &[(name, value)])
}

/// Lines longer than this are wrapped, as black and ruff do.
const LINE_LENGTH: usize = 88;

/// Adds keywords behind the last argument: on lines of their own where the arguments stand so,
/// and in front of a trailing comma's line end. Keywords stay before `**options`. A call on one
/// line that would grow too long gets a line for each argument.
pub fn add_keywords(module: &Module, call: &ExprCall, added: &[(&str, &str)]) -> Vec<Edit> {
    add_keywords_beside(module, call, added, &[])
}

/// [`add_keywords`] where the patch changes the call's arguments as well, which counts for how
/// long the line gets. With nothing to add, only the lines are broken where they have to be.
pub fn add_keywords_beside(
    module: &Module,
    call: &ExprCall,
    added: &[(&str, &str)],
    changes: &[(Span, String)],
) -> Vec<Edit> {
    let text = &module.file.text;
    let range = Span::from(call.range());
    let arguments = arguments_of(call);
    let line_of = |span: &Span| (text.line_of(span.start), text.line_of(span.end));
    let first_line = arguments
        .first()
        .map_or(0, |first| text.line_of(first.start));
    let in_one_line = arguments
        .iter()
        .all(|it| line_of(it) == (first_line, first_line));
    let line = text.line_of(range.start);
    let is_one_line = text.line_of(range.end) == line;
    // All arguments on a line of their own, as black writes them while they fit.
    let is_hugged = in_one_line && first_line > text.line_of(call.arguments.range.start().into());
    let written: usize = added
        .iter()
        .map(|(name, value)| name.len() + value.len() + 3)
        .sum();
    let (gone, new) = changes
        .iter()
        .filter(|(span, _)| range.contains(*span))
        .fold((0, 0), |(gone, new), (span, text)| {
            (gone + span.len(), new + text.len())
        });
    let grown_line = if is_hugged { first_line } else { line };
    let present = text.line(grown_line).chars().count();
    let grown = (present + written + new).saturating_sub(gone);
    let is_breakable = (is_one_line || is_hugged) && !arguments.is_empty();
    if !is_breakable || grown <= LINE_LENGTH {
        return match added {
            [] => Vec::new(),
            added => vec![in_place(module, call, added)],
        };
    }
    if is_hugged {
        return unhugged(module, call, added, &arguments);
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
    // What two patches that add to one call have in common is the same edit in both.
    if !tail.is_empty() {
        edits.push(Edit::insert(module.path(), end, tail));
    }
    if end < close {
        edits.push(Edit::replace(module.path(), Span::new(end, close), ""));
    }
    let bracket = Span::new(close, range.end);
    edits.push(Edit::replace(
        module.path(),
        bracket,
        format!(",{newline}{outer})"),
    ));
    edits
}

/// Arguments that share a line of their own get a line each.
fn unhugged(
    module: &Module,
    call: &ExprCall,
    added: &[(&str, &str)],
    arguments: &[Span],
) -> Vec<Edit> {
    let (Some(first), Some(last)) = (arguments.first(), arguments.last()) else {
        return Vec::new();
    };
    let text = &module.file.text;
    let own_line = format!("{}{}", text.newline(), text.indentation(first.start));
    let close = call.range().end().to_usize() - 1;
    let breaks = arguments.windows(2).map(|pair| {
        let between = text.slice(Span::new(pair[0].end, pair[1].start));
        let blanks = between.len() - between.trim_end_matches(' ').len();
        let span = Span::new(pair[1].start - blanks, pair[1].start);
        Edit::replace(module.path(), span, &*own_line)
    });
    let mut edits: Vec<Edit> = breaks.collect();
    let end = parenthesised_end(text.as_str(), last.end, close);
    let mut tail: String = added
        .iter()
        .map(|(name, value)| format!(",{own_line}{name}={value}"))
        .collect();
    if text.slice(Span::new(end, close)).trim().is_empty() {
        tail.push(',');
    }
    edits.push(Edit::insert(module.path(), end, tail));
    edits
}

/// The keywords in the form that the call has.
fn in_place(module: &Module, call: &ExprCall, added: &[(&str, &str)]) -> Edit {
    let text = &module.file.text;
    let arguments = &call.arguments;
    let close = arguments.range.end().to_usize() - 1;
    let written: Vec<String> = added
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let unpacked = arguments
        .keywords
        .iter()
        .find(|keyword| keyword.arg.is_none());
    let stands_alone = |start: usize| {
        let line = text.line_of(start);
        text.line(line).trim_start().len() == text.line_span(line).end - start
            && line != text.line_of(arguments.range.start().to_usize())
    };
    let separator = |start: usize| match stands_alone(start) {
        true => format!(",{}{}", text.newline(), text.indentation(start)),
        false => ", ".to_owned(),
    };
    if let Some(options) = unpacked {
        let start = options.range.start().to_usize();
        let separator = separator(start);
        let written = written.join(&separator);
        return Edit::insert(module.path(), start, format!("{written}{separator}"));
    }
    let args = arguments.args.iter().map(|arg| Span::from(arg.range()));
    let keywords = arguments.keywords.iter();
    let keywords = keywords.map(|keyword| Span::from(keyword.range));
    let Some(last) = args.chain(keywords).max() else {
        return Edit::insert(module.path(), close, written.join(", "));
    };
    let separator = separator(last.start);
    let at = parenthesised_end(text.as_str(), last.end, close);
    let mut written: String = written
        .iter()
        .map(|keyword| format!("{separator}{keyword}"))
        .collect();
    // One argument on a line of its own needs no comma behind it; several do.
    let rest = text.slice(Span::new(at, close));
    if stands_alone(last.start) && rest.trim().is_empty() && rest.contains('\n') {
        written.push(',');
    }
    Edit::insert(module.path(), at, written)
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
        let edits = add_keyword(&module, call, "secure", "True");
        let [Edit::Replace { span, text, .. }] = edits.as_slice() else {
            panic!("no replacement")
        };
        let mut result = source.to_owned();
        result.replace_range(span.start..span.end, text);
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
    fn arguments_that_share_a_line_are_parted_when_it_grows_too_long() {
        let value = "v".repeat(60);
        let source = format!("response.set_cookie(\n    'name', {value}, max_age=3600\n)\n");
        let repo = Repository::from_texts([("app.py", source.as_str())]);
        let module = Module::parse(Arc::clone(repo.file("app.py").unwrap())).unwrap();
        let Some(Stmt::Expr(stmt)) = module.body().first() else {
            panic!("no expression")
        };
        let Expr::Call(call) = &*stmt.value else {
            panic!("no call")
        };
        let mut result = source.clone();
        for edit in add_keyword(&module, call, "secure", "True").iter().rev() {
            let Edit::Replace { span, text, .. } = edit else {
                panic!("no replacement")
            };
            result.replace_range(span.start..span.end, text);
        }
        assert_eq!(
            result,
            format!(
                "response.set_cookie(\n    'name',\n    {value},\n    max_age=3600,\n    secure=True,\n)\n"
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
            (
                "f(\n    a,\n    **o,\n)\n",
                "f(\n    a,\n    secure=True,\n    **o,\n)\n",
            ),
            ("f(\n    a\n)\n", "f(\n    a,\n    secure=True,\n)\n"),
            ("f(a,  # one\n  b)\n", "f(a,  # one\n  b,\n  secure=True)\n"),
        ] {
            assert_eq!(add(before), after);
        }
    }
}
