//! Statements put in front of or behind others, in their indentation.

use ruff_python_ast::{AnyNodeRef, Stmt};
use ruff_text_size::Ranged as _;

use crate::finding::Edit;
use crate::parse::python::Module;
use crate::text::Span;

/// The innermost statement around `span`, if lines can be put in front of it: it starts its
/// line, and `span` is evaluated first (not in an `elif` or a loop's condition, which run
/// after or more often than what stands in front).
pub fn statement_of(module: &Module, span: Span) -> Option<&Stmt> {
    let statement = module.statement_at(span)?;
    let start = statement.range().start().to_usize();
    let starts_line = module.file.text.indentation(start).len()
        == start - module.file.text.line_start(module.file.text.line_of(start));
    if !starts_line || is_inside_deferred(module, span, statement) {
        return None;
    }
    let evaluated_first = match statement {
        Stmt::If(stmt) => Span::from(stmt.test.range()).contains(span),
        Stmt::While(_) | Stmt::FunctionDef(_) | Stmt::ClassDef(_) | Stmt::Match(_) => false,
        Stmt::For(stmt) => Span::from(stmt.iter.range()).contains(span),
        Stmt::Try(_) => false,
        _ => true,
    };
    evaluated_first.then_some(statement)
}

/// Whether a lambda or a comprehension stands between: its body runs later, with other names.
fn is_inside_deferred(module: &Module, span: Span, statement: &Stmt) -> bool {
    let outer = Span::from(statement.range());
    module.ancestors(span).into_iter().any(|node| {
        let is_deferred = matches!(
            node,
            AnyNodeRef::ExprLambda(_)
                | AnyNodeRef::ExprListComp(_)
                | AnyNodeRef::ExprSetComp(_)
                | AnyNodeRef::ExprDictComp(_)
                | AnyNodeRef::ExprGenerator(_)
        );
        is_deferred && outer.contains(node.range().into())
    })
}

/// `lines` in front of `statement`; a line's own leading spaces are relative to it.
pub fn before(module: &Module, statement: &Stmt, lines: &[String]) -> Edit {
    let text = &module.file.text;
    let start = statement.range().start().to_usize();
    let at = text.line_start(text.line_of(start));
    Edit::insert(
        module.path(),
        at,
        block(module, text.indentation(start), lines),
    )
}

/// `lines` behind `statement`, which must end its line.
pub fn after(module: &Module, statement: &Stmt, lines: &[String]) -> Edit {
    let text = &module.file.text;
    let range = Span::from(statement.range());
    let at = text.next_line_start(range.end);
    let indentation = text.indentation(range.start);
    let mut block = block(module, indentation, lines);
    if at == text.len() && !text.as_str().ends_with('\n') {
        let newline = text.newline();
        block = format!("{newline}{}", block.trim_end_matches(newline));
    }
    Edit::insert(module.path(), at, block)
}

/// Whether nothing but a comment follows `statement` on its last line.
pub fn ends_its_line(module: &Module, statement: &Stmt) -> bool {
    let text = &module.file.text;
    let end = statement.range().end().to_usize();
    let rest = text.slice(Span::new(
        end,
        text.line_span(text.line_of(end)).end.max(end),
    ));
    let rest = rest.trim_start();
    rest.is_empty() || rest.starts_with('#')
}

fn block(module: &Module, indentation: &str, lines: &[String]) -> String {
    let newline = module.file.text.newline();
    let unit = if indentation.starts_with('\t') {
        "\t"
    } else {
        "    "
    };
    lines
        .iter()
        .map(|line| {
            let body = line.trim_start_matches("    ");
            let depth = (line.len() - body.len()) / 4;
            format!("{indentation}{}{body}{newline}", unit.repeat(depth))
        })
        .collect()
}

/// The lines of `statement`, its line end included: what is cut when it is no longer needed.
pub fn lines_of(module: &Module, statement: &Stmt) -> Span {
    let text = &module.file.text;
    let range = Span::from(statement.range());
    Span::new(
        text.line_start(text.line_of(range.start)),
        text.next_line_start(range.end),
    )
}
