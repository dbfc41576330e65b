use super::*;

/// The expression in a compact notation that shows what binds to what.
fn show(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Name(name) => name.clone(),
        ExprKind::String(text) => format!("'{text}'"),
        ExprKind::Integer(text) | ExprKind::Float(text) | ExprKind::Constant(text) => text.clone(),
        ExprKind::Attribute { value, name } => format!("{}.{name}", show(value)),
        ExprKind::Index { value, index } => {
            let index = index.as_ref().map_or(":".to_owned(), |index| show(index));
            format!("{}[{index}]", show(value))
        }
        ExprKind::Call {
            function,
            arguments,
        } => format!("{}({})", show(function), show_arguments(arguments)),
        ExprKind::Filter {
            value,
            name,
            arguments,
            ..
        } => match arguments.is_empty() {
            true => format!("<{}|{name}>", show(value)),
            false => format!("<{}|{name}({})>", show(value), show_arguments(arguments)),
        },
        ExprKind::Test { value, name } => format!("<{} is {name}>", show(value)),
        ExprKind::List(items) => {
            let items: Vec<_> = items.iter().map(show).collect();
            format!("[{}]", items.join(", "))
        }
        ExprKind::Dict(items) => {
            let pair = |(key, value): &(Expr, Expr)| format!("{}: {}", show(key), show(value));
            let items: Vec<_> = items.iter().map(pair).collect();
            format!("{{{}}}", items.join(", "))
        }
        ExprKind::Unary { operator, value } => format!("({operator:?} {})", show(value)),
        ExprKind::Binary {
            operator,
            left,
            right,
        } => format!("({} {operator:?} {})", show(left), show(right)),
        ExprKind::Conditional { test, then, other } => {
            let other = other.as_ref().map_or("-".to_owned(), |other| show(other));
            format!("(if {} then {} else {other})", show(test), show(then))
        }
        ExprKind::Unknown => "?".to_owned(),
    }
}

fn show_arguments(arguments: &[Argument]) -> String {
    let shown = arguments.iter().map(|argument| match &argument.name {
        Some(name) if name.starts_with('*') => format!("{name}{}", show(&argument.value)),
        Some(name) => format!("{name}={}", show(&argument.value)),
        None => show(&argument.value),
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn expression(source: &str) -> String {
    let template = Template::parse(source);
    let output = template.outputs().next().expect("an output");
    show(&output.expr)
}

#[test]
fn filters_bind_tighter_than_operators() {
    for (source, expected) in [
        (
            "{{ x if x else '' | safe }}",
            "(if x then x else <''|safe>)",
        ),
        (
            "{{ (x if x else '') | safe }}",
            "<(if x then x else '')|safe>",
        ),
        ("{{ a ~ b|safe }}", "(a Concat <b|safe>)"),
        ("{{ a + b * c|int }}", "(a Add (b Multiply <c|int>))"),
        ("{{ -x|abs }}", "<(Arithmetic x)|abs>"),
        ("{{ x|tojson|safe }}", "<<x|tojson>|safe>"),
        (
            "{{ x|d('a}}b')|truncate(9, end='…') }}",
            "<<x|d('a}}b')>|truncate(9, end='…')>",
        ),
        ("{{ not a and b or c }}", "(((Not a) And b) Or c)"),
        ("{{ a not in b }}", "(a Compare b)"),
        (
            "{{ a is not defined and b is divisibleby 3 }}",
            "(<a is defined> And <b is divisibleby>)",
        ),
        (
            "{{ f(1, *a, k=v, **o).b['c'].0[1:2] }}",
            "f(1, *a, k=v, **o).b['c'][0][:]",
        ),
        ("{{ {'a': {'b': 1}} }}", "{'a': {'b': 1}}"),
        ("{{ a, b }}", "[a, b]"),
        ("{{ ('a' 'b') if c }}", "(if c then 'ab' else -)"),
        ("{{- x -}}", "x"),
        ("{{ }}", "?"),
        (
            "{{ a.strip().b|map(attribute='x')|join(', ') }}",
            "<<a.strip().b|map(attribute='x')>|join(', ')>",
        ),
    ] {
        assert_eq!(expression(source), expected, "{source}");
    }
}

#[test]
fn pieces_cover_the_text() {
    let source =
        "a{{ x }}b{% if y -%} c {# {{ no }} #}{% raw %}{{ v }}{% x %}{%- endraw %}{% endif %}\n";
    let template = Template::parse(source);
    let mut at = 0;
    let mut shown = Vec::new();
    for piece in &template.pieces {
        let (kind, span) = match piece {
            Piece::Text(span) => ("text", *span),
            Piece::Comment(span) => ("comment", *span),
            Piece::Output(output) => ("output", output.span),
            Piece::Statement(statement) => ("statement", statement.span),
        };
        assert_eq!(span.start, at);
        at = span.end;
        shown.push(format!("{kind} {}", &source[span.start..span.end]));
    }
    assert_eq!(at, source.len());
    assert!(shown.contains(&"text {{ v }}{% x %}".to_owned()));
    assert_eq!(template.outputs().count(), 1);
    assert_eq!(template.broken, None);
}

#[test]
fn statements_are_read() {
    let kinds = |source: &str| -> Vec<StatementKind> {
        let template = Template::parse(source);
        template.statements().map(|it| it.kind.clone()).collect()
    };
    let [StatementKind::FromImport { names, .. }] =
        &kinds("{% from 'f' import a, b as c with context %}")[..]
    else {
        panic!("no import")
    };
    assert_eq!(names, &[("a".into(), "a".into()), ("b".into(), "c".into())]);
    let [StatementKind::Macro { name, parameters }] =
        &kinds("{%- macro input(name, value='', **kw) %}")[..]
    else {
        panic!("no macro")
    };
    assert_eq!((name.as_str(), parameters.len()), ("input", 2));
    let [StatementKind::For { targets, iterable }] = &kinds("{% for k, v in d.items() if v %}")[..]
    else {
        panic!("no loop")
    };
    assert_eq!((targets.len(), show(iterable)), (2, "d.items()".to_owned()));
    let [StatementKind::Set { targets, value }] = &kinds("{% set a = b|e if c else d %}")[..]
    else {
        panic!("no assignment")
    };
    assert_eq!(
        (targets[0].as_str(), show(value)),
        ("a", "(if c then <b|e> else d)".to_owned())
    );
    assert!(matches!(&kinds("{% set a %}")[..], [StatementKind::SetBlock(name)] if name == "a"));
    assert!(
        matches!(&kinds("{% cache 'x', 3 %}")[..], [StatementKind::Other(name)] if name == "cache")
    );
}

#[test]
fn what_is_never_closed_is_text() {
    for source in [
        "a {{ b",
        "{{ 'x }} {{ y }}",
        "{% raw %} {{ x }}",
        "{# x",
        "{{",
        "{%-",
        "é{{'",
    ] {
        let template = Template::parse(source);
        assert!(template.broken.is_some(), "{source}");
        assert_eq!(template.outputs().count(), 0, "{source}");
    }
}

#[test]
fn other_delimiters_leave_braces_alone() {
    let pair = |start: &str, end: &str| (start.to_owned(), end.to_owned());
    let syntax = Syntax {
        variable: pair("[[", "]]"),
        ..Syntax::default()
    };
    let template = Template::parse_with("{{ vue }} [[ x ]]", &syntax);
    let outputs: Vec<_> = template.outputs().map(|it| show(&it.expr)).collect();
    assert_eq!(outputs, ["x"]);
}

#[test]
fn hostile_nesting_ends() {
    for unit in [
        "(", "[", "not ", "-", "a.b(", "{'a':", "a~", "a if ", "a|f(",
    ] {
        let source = format!("{{{{ {} }}}}", unit.repeat(50_000));
        Template::parse(&source);
        let source = format!("{{{{ {} }}}}", unit.repeat(600));
        Template::parse(&source);
    }
    Template::parse(&"{{{%{#".repeat(100_000));
    Template::parse(&"{{ x }}{% if".repeat(10_000));
}
