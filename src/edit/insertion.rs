//! How a value becomes part of a larger text, and how it is taken out again.

use ruff_python_ast::{
    AnyNodeRef, Expr, ExprBinOp, ExprCall, ExprStringLiteral, FString, InterpolatedElement,
    InterpolatedStringElement, Operator,
};
use ruff_text_size::Ranged as _;

use crate::parse::python::Module;
use crate::text::Span;

/// The construct through which an expression enters a text.
#[derive(Debug, Clone, Copy)]
pub enum Insertion<'a> {
    /// `f"…{value}…"`.
    FString {
        string: &'a FString,
        element: &'a InterpolatedElement,
    },
    /// `"…%s…" % value`, `"…%s…" % (a, value)`.
    Percent {
        operation: &'a ExprBinOp,
        template: &'a ExprStringLiteral,
        index: usize,
    },
    /// `"…{}…".format(value)`.
    Format {
        call: &'a ExprCall,
        template: &'a ExprStringLiteral,
        argument: Argument<'a>,
    },
    /// `"…" + value`: the outermost addition.
    Plus { chain: &'a ExprBinOp },
    /// The value is the whole text, or enters it through something else (`join`, `replace`).
    Other,
}

#[derive(Debug, Clone, Copy)]
pub enum Argument<'a> {
    Position(usize),
    Keyword(&'a str),
}

impl<'a> Insertion<'a> {
    /// The construct directly around the expression at `span`.
    pub fn of(module: &'a Module, span: Span) -> Self {
        let path = module.ancestors(span);
        let mut parents = path
            .iter()
            .rev()
            .skip_while(|node| Span::from(node.range()) == span);
        match parents.next() {
            Some(AnyNodeRef::InterpolatedElement(element)) => {
                let string = path.iter().rev().find_map(|node| match node {
                    AnyNodeRef::FString(string) => Some(*string),
                    _ => None,
                });
                string.map_or(Self::Other, |string| Self::FString { string, element })
            }
            Some(AnyNodeRef::ExprBinOp(operation)) => Self::of_operation(operation, &path, span),
            Some(AnyNodeRef::ExprTuple(tuple)) => match parents.next() {
                Some(AnyNodeRef::ExprBinOp(operation)) if operation.op == Operator::Mod => {
                    let index = tuple
                        .elts
                        .iter()
                        .position(|elt| Span::from(elt.range()) == span);
                    Self::percent(operation, index.unwrap_or(0))
                }
                _ => Self::Other,
            },
            Some(AnyNodeRef::Arguments(_)) => match parents.next() {
                Some(AnyNodeRef::ExprCall(call)) => Self::of_format(call, span),
                _ => Self::Other,
            },
            Some(AnyNodeRef::Keyword(_)) => match parents.nth(1) {
                Some(AnyNodeRef::ExprCall(call)) => Self::of_format(call, span),
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }

    fn of_operation(operation: &'a ExprBinOp, path: &[AnyNodeRef<'a>], span: Span) -> Self {
        match operation.op {
            Operator::Mod if Span::from(operation.right.range()) == span => {
                Self::percent(operation, 0)
            }
            Operator::Add => {
                let additions = path
                    .iter()
                    .rev()
                    .skip_while(|node| Span::from(node.range()) != Span::from(operation.range));
                let chain = additions
                    .map_while(|node| match node {
                        AnyNodeRef::ExprBinOp(outer) if outer.op == Operator::Add => Some(*outer),
                        _ => None,
                    })
                    .last();
                Self::Plus {
                    chain: chain.unwrap_or(operation),
                }
            }
            _ => Self::Other,
        }
    }

    fn percent(operation: &'a ExprBinOp, index: usize) -> Self {
        match &*operation.left {
            Expr::StringLiteral(template) => Self::Percent {
                operation,
                template,
                index,
            },
            _ => Self::Other,
        }
    }

    fn of_format(call: &'a ExprCall, span: Span) -> Self {
        let Expr::Attribute(method) = &*call.func else {
            return Self::Other;
        };
        let (Expr::StringLiteral(template), "format") = (&*method.value, method.attr.as_str())
        else {
            return Self::Other;
        };
        let is_here = |expr: &Expr| Span::from(expr.range()) == span;
        let by_position = call.arguments.args.iter().position(is_here);
        let mut keywords = call.arguments.keywords.iter();
        let by_name = keywords.find(|keyword| is_here(&keyword.value));
        let argument = match (
            by_position,
            by_name.and_then(|keyword| keyword.arg.as_ref()),
        ) {
            (Some(index), _) => Argument::Position(index),
            (None, Some(name)) => Argument::Keyword(name),
            (None, None) => return Self::Other,
        };
        Self::Format {
            call,
            template,
            argument,
        }
    }
}

/// Replaces the values at `spans`, which enter texts of one file, by Jinja expressions:
/// `holes[i]` is what stands for `spans[i]` ("{{ name }}"). The result are changes of the text.
/// Nothing when a shape cannot be taken apart.
pub fn to_jinja(module: &Module, values: &[(Span, String)]) -> Option<Vec<(Span, String)>> {
    let mut changes = Vec::new();
    let mut strings: Vec<Span> = Vec::new();
    for (span, hole) in values {
        let insertion = Insertion::of(module, *span);
        match insertion {
            Insertion::FString { string, .. } => {
                let range = Span::from(string.range);
                if !strings.contains(&range) {
                    strings.push(range);
                    changes.extend(fstring_to_jinja(module, string, values)?);
                }
            }
            Insertion::Percent {
                operation,
                template,
                ..
            } => {
                let range = Span::from(operation.range);
                if !strings.contains(&range) {
                    strings.push(range);
                    changes.extend(percent_to_jinja(module, operation, template, values)?);
                }
            }
            Insertion::Format { call, template, .. } => {
                let range = Span::from(call.range());
                if !strings.contains(&range) {
                    strings.push(range);
                    changes.extend(format_to_jinja(module, call, template, values)?);
                }
            }
            Insertion::Plus { chain } => changes.push(plus_to_jinja(module, chain, *span, hole)),
            Insertion::Other => return None,
        }
    }
    Some(changes)
}

fn hole_for(values: &[(Span, String)], span: Span) -> Option<&str> {
    let mut found = values.iter().filter(|(value, _)| span.contains(*value));
    found.next().map(|(_, hole)| hole.as_str())
}

/// An f-string that keeps other values doubles the braces of Jinja's; one that keeps none
/// loses its prefix, and its own doubled braces become single.
fn fstring_to_jinja(
    module: &Module,
    string: &FString,
    values: &[(Span, String)],
) -> Option<Vec<(Span, String)>> {
    let is_kept = |element: &InterpolatedStringElement| match element {
        InterpolatedStringElement::Interpolation(value) => {
            hole_for(values, value.range.into()).is_none()
        }
        InterpolatedStringElement::Literal(_) => false,
    };
    let keeps = string.elements.iter().any(is_kept);
    let mut changes = Vec::new();
    for element in &string.elements {
        match element {
            InterpolatedStringElement::Interpolation(value) => {
                let span = Span::from(value.range);
                if let Some(hole) = hole_for(values, span) {
                    let hole = if keeps {
                        doubled(hole)
                    } else {
                        hole.to_owned()
                    };
                    changes.push((span, hole));
                }
            }
            InterpolatedStringElement::Literal(literal) if !keeps => {
                let raw = module.source(literal.range);
                let single = raw.replace("{{", "{").replace("}}", "}");
                if single != raw {
                    changes.push((literal.range.into(), single));
                }
            }
            InterpolatedStringElement::Literal(_) => {}
        }
    }
    if !keeps {
        let source = module.source(string.range);
        let at = source.find(['f', 'F'])?;
        let start = string.range.start().to_usize() + at;
        changes.push((Span::new(start, start + 1), String::new()));
    }
    Some(changes)
}

fn doubled(hole: &str) -> String {
    hole.replace('{', "{{").replace('}', "}}")
}

/// The spans of `%s`, `%d`, … in a literal's source; `%%` is none, `%(name)s` is refused.
fn percent_holes(source: &str) -> Option<Vec<Span>> {
    let mut holes = Vec::new();
    let mut rest = 0;
    while let Some(found) = source[rest..].find('%') {
        let start = rest + found;
        let body = &source[start + 1..];
        if body.starts_with('%') {
            rest = start + 2;
            continue;
        }
        let flags = body.len()
            - body
                .trim_start_matches(|c: char| c.is_ascii_digit() || "#0- +.".contains(c))
                .len();
        let kind = body[flags..].chars().next()?;
        if !kind.is_ascii_alphabetic() {
            return None;
        }
        rest = start + 1 + flags + 1;
        holes.push(Span::new(start, rest));
    }
    Some(holes)
}

fn percent_to_jinja(
    module: &Module,
    operation: &ExprBinOp,
    template: &ExprStringLiteral,
    values: &[(Span, String)],
) -> Option<Vec<(Span, String)>> {
    let operands: Vec<&Expr> = match &*operation.right {
        Expr::Tuple(tuple) => tuple.elts.iter().collect(),
        Expr::Dict(_) => return None,
        single => vec![single],
    };
    let source = module.source(template.range);
    let holes = percent_holes(source)?;
    if holes.len() != operands.len() {
        return None;
    }
    let start = template.range.start().to_usize();
    let mut changes = Vec::new();
    let mut kept = Vec::new();
    for (operand, hole) in operands.iter().zip(&holes) {
        match hole_for(values, operand.range().into()) {
            Some(jinja) => changes.push((
                Span::new(start + hole.start, start + hole.end),
                jinja.to_owned(),
            )),
            None => kept.push(module.source(operand.range())),
        }
    }
    let right = Span::new(
        template.range.end().to_usize(),
        operation.range.end().to_usize(),
    );
    if kept.is_empty() {
        changes.push((right, String::new()));
        changes.extend(undoubled(source, start, "%%", "%"));
    } else {
        let comma = if kept.len() == 1 { "," } else { "" };
        changes.push((right, format!(" % ({}{comma})", kept.join(", "))));
    }
    Some(changes)
}

fn undoubled(source: &str, start: usize, double: &str, single: &str) -> Vec<(Span, String)> {
    source
        .match_indices(double)
        .map(|(at, _)| {
            let at = start + at;
            (Span::new(at, at + double.len()), single.to_owned())
        })
        .collect()
}

fn format_to_jinja(
    module: &Module,
    call: &ExprCall,
    template: &ExprStringLiteral,
    values: &[(Span, String)],
) -> Option<Vec<(Span, String)>> {
    let source = module.source(template.range);
    let start = template.range.start().to_usize();
    let mut changes = Vec::new();
    let mut kept = Vec::new();
    let mut next = 0;
    let mut rest = 0;
    while let Some(found) = source[rest..].find(['{', '}']) {
        let at = rest + found;
        if source[at..].starts_with("{{") || source[at..].starts_with("}}") {
            rest = at + 2;
            continue;
        }
        let close = at + source[at..].find('}')?;
        let field = source[at + 1..close].split([':', '!', '.', '[']).next()?;
        let argument = match field {
            "" => {
                next += 1;
                call.arguments.args.get(next - 1)?
            }
            number if number.chars().all(|c| c.is_ascii_digit()) => {
                call.arguments.args.get(number.parse::<usize>().ok()?)?
            }
            name => crate::parse::python::argument(call, name, None)?,
        };
        let hole = Span::new(start + at, start + close + 1);
        match hole_for(values, argument.range().into()) {
            Some(jinja) => changes.push((hole, jinja.to_owned())),
            None => kept.push(argument.range()),
        }
        rest = close + 1;
    }
    if kept.is_empty() {
        changes.extend(undoubled(source, start, "{{", "{"));
        changes.extend(undoubled(source, start, "}}", "}"));
        let tail = Span::new(
            template.range.end().to_usize(),
            call.range().end().to_usize(),
        );
        changes.push((tail, String::new()));
        return Some(changes);
    }
    for (_, hole) in &mut changes {
        *hole = doubled(hole);
    }
    // Only automatic numbering would be upset by arguments that nothing names any more.
    if next > 0 {
        changes.extend(without_arguments(call, values));
    }
    Some(changes)
}

/// Takes the positional arguments that have become Jinja variables out of a call.
fn without_arguments(call: &ExprCall, values: &[(Span, String)]) -> Vec<(Span, String)> {
    let args = &call.arguments.args;
    let mut changes = Vec::new();
    for (index, arg) in args.iter().enumerate() {
        if hole_for(values, arg.range().into()).is_none() {
            continue;
        }
        let start = arg.range().start().to_usize();
        let end = arg.range().end().to_usize();
        let next = args
            .get(index + 1)
            .map(|next| next.range().start().to_usize());
        let before = index
            .checked_sub(1)
            .map(|at| args[at].range().end().to_usize());
        let span = match (next, before) {
            (Some(next), _) => Span::new(start, next),
            (None, Some(before)) => Span::new(before, end),
            (None, None) => Span::new(start, end),
        };
        changes.push((span, String::new()));
    }
    changes
}

/// `"<b>" + value + "</b>"`: the value goes into the literals beside it.
fn plus_to_jinja(module: &Module, chain: &ExprBinOp, span: Span, hole: &str) -> (Span, String) {
    let mut parts = Vec::new();
    additions(chain, &mut parts);
    let at = parts
        .iter()
        .position(|part| Span::from(part.range()) == span);
    let at = at.unwrap_or(0);
    let before = at
        .checked_sub(1)
        .and_then(|index| quoted(module, parts[index]));
    let after = parts.get(at + 1).and_then(|part| quoted(module, part));
    match (before, after) {
        (Some((left, quote)), Some((right, other))) if quote == other => {
            let inner = Span::new(left.end - quote.len(), right.start + quote.len());
            (inner, hole.to_owned())
        }
        (Some((left, quote)), _) => {
            let inner = Span::new(left.end - quote.len(), span.end);
            (inner, format!("{hole}{quote}"))
        }
        (None, Some((right, quote))) => {
            let inner = Span::new(span.start, right.start + quote.len());
            (inner, format!("{quote}{hole}"))
        }
        (None, None) => (span, format!("\"{hole}\"")),
    }
}

/// The parts of `a + b + c`, in order.
pub fn additions<'a>(chain: &'a ExprBinOp, parts: &mut Vec<&'a Expr>) {
    match &*chain.left {
        Expr::BinOp(inner) if inner.op == Operator::Add => additions(inner, parts),
        left => parts.push(left),
    }
    parts.push(&chain.right);
}

/// A plain string literal of one part without a prefix, and its quotes.
fn quoted<'m>(module: &'m Module, expr: &Expr) -> Option<(Span, &'m str)> {
    let Expr::StringLiteral(literal) = expr else {
        return None;
    };
    let source = module.source(literal.range);
    let is_one = literal.value.as_slice().len() == 1;
    for quote in ["\"\"\"", "'''", "\"", "'"] {
        if is_one && source.starts_with(quote) {
            return Some((literal.range.into(), &source[..quote.len()]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::discover::Repository;

    /// `source` with every `v` as a value that becomes `{{ v }}`.
    fn convert(source: &str) -> Option<String> {
        let repo = Repository::from_texts([("app.py", source)]);
        let module = Module::parse(Arc::clone(repo.file("app.py").unwrap())).unwrap();
        let values: Vec<(Span, String)> = module
            .tokens()
            .iter()
            .map(|token| Span::from(token.range()))
            .filter(|span| &source[span.start..span.end] == "v")
            .map(|span| (span, "{{ v }}".to_owned()))
            .collect();
        let mut changes = to_jinja(&module, &values)?;
        changes.sort_by_key(|(span, _)| std::cmp::Reverse((span.start, span.end)));
        let mut text = source.to_owned();
        for (span, new) in changes {
            text.replace_range(span.start..span.end, &new);
        }
        Some(text)
    }

    #[test]
    fn values_become_context_variables() {
        for (before, after) in [
            ("f\"<h1>{v}</h1>\"", "\"<h1>{{ v }}</h1>\""),
            ("f'{v} {v:>3}'", "'{{ v }} {{ v }}'"),
            ("f\"<h1>{v}</h1>{x}\"", "f\"<h1>{{{{ v }}}}</h1>{x}\""),
            ("f\"{{% if x %}}{v}\"", "\"{% if x %}{{ v }}\""),
            ("\"<h1>%s</h1>\" % v", "\"<h1>{{ v }}</h1>\""),
            ("\"%s 5%% %s\" % (v, x)", "\"{{ v }} 5%% %s\" % (x,)"),
            ("\"5%% %s\" % (v,)", "\"5% {{ v }}\""),
            ("\"<b>{}</b>\".format(v)", "\"<b>{{ v }}</b>\""),
            (
                "\"<b>{}{}</b>\".format(v, x)",
                "\"<b>{{{{ v }}}}{}</b>\".format(x)",
            ),
            ("\"<b>{a}</b>\".format(a=v)", "\"<b>{{ v }}</b>\""),
            ("\"<b>\" + v + \"</b>\"", "\"<b>{{ v }}</b>\""),
            ("\"<b>\" + v", "\"<b>{{ v }}\""),
            ("v + '</b>' + x", "'{{ v }}</b>' + x"),
            ("\"<b>\" + v + x", "\"<b>{{ v }}\" + x"),
        ] {
            assert_eq!(convert(&format!("{before}\n")), Some(format!("{after}\n")));
        }
    }

    #[test]
    fn other_shapes_are_left_to_a_person() {
        for source in ["v\n", "\"\".join([v])\n", "\"%(a)s\" % {\"a\": v}\n"] {
            assert_eq!(convert(source), None, "{source}");
        }
    }
}
