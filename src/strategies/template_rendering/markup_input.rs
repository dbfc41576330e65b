//! `markup-input`: no request value is marked as safe HTML.

use ruff_python_ast::{Expr, ExprCall, FStringPart, InterpolatedStringElement, Operator};
use ruff_text_size::Ranged as _;

use super::marked_safe;
use crate::edit::imports::name_for;
use crate::finding::{Edit, Finding, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::model::flow::{Sink, SinkCall};
use crate::model::modules::ModuleId;
use crate::parse::python::Module;
use crate::strategies::strategy::TEMPLATE_RENDERING;
use crate::strategies::template_rendering::html_response;
use crate::strategies::{About, Answers, Control, flowing};
use crate::text::Span;

pub struct MarkupInput;

static ABOUT: About = About {
    id: "markup-input",
    title: "No request value is marked as safe HTML",
    strategy: &TEMPLATE_RENDERING,
    threats: &["cross-site-scripting"],
    severity: Severity::High,
    page: include_str!("../../../assets/controls/markup-input.md"),
};

impl Control for MarkupInput {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let calls = model.flows.of_sink(|sink| *sink == Sink::Markup);
        let in_code = flowing::verdict(calls, "nothing is marked as safe HTML", |call| {
            let message = format!(
                "A client's value ({}) is marked as safe HTML: templates no longer escape it, and \
                 a script in it runs in the visitor's browser.",
                flowing::sources(call)
            );
            Some(flowing::finding(ABOUT.id, call, Severity::High, message))
        });
        let in_templates = marked_safe::findings(ABOUT.id, model);
        if in_templates.is_empty() {
            return match in_code {
                Verdict::NotApplicable { .. } if marked_safe::concerns(model) => {
                    Verdict::from_findings(Vec::new(), Vec::new())
                }
                verdict => verdict,
            };
        }
        let mut findings = in_code.findings().to_vec();
        findings.extend(in_templates);
        Verdict::from_findings(findings, in_code.evidence().to_vec())
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        if let Some(patch) = marked_safe::remedy(model, finding) {
            return patch;
        }
        let wanted = |call: &SinkCall| call.sink == Sink::Markup;
        flowing::call_of(model, finding, wanted)
            .and_then(|sink| escape_value(model, sink))
            .unwrap_or_else(by_hand)
    }
}

fn escape_value(model: &Model, sink: &SinkCall) -> Option<Patch> {
    let file = model.modules.by_path(&sink.call.path)?;
    let call = model.modules.get(file).call_at(sink.call.span)?;
    let [argument] = &*call.arguments.args else {
        return None;
    };
    let places = html_response::places_in_html(model, sink);
    let here = places.iter().filter(|at| at.path == sink.call.path);
    let values: Vec<Span> = here.map(|at| at.span).collect();
    let whole = Span::from(argument.range());
    if values.is_empty() || values.contains(&whole) && values.len() == 1 {
        let patch = Patch::new(
            PatchKind::Review,
            "Escape the value instead of marking it as safe",
            "The value reaches the browser as text, not as markup",
        )
        .may_break(
            "If clients are meant to send HTML, it is shown as text: clean it with nh3 then.",
        );
        return Some(patch.edits(escaped(model, file, call)));
    }
    let patch = Patch::new(
        PatchKind::Safe,
        "Let Markup escape the value",
        "Only the constant part is trusted as HTML; the value is escaped",
    );
    if is_all_of(argument, &values)
        && let Some(edits) = escape_arguments(model, file, call)
    {
        return Some(patch.edits(edits));
    }
    let mut edits = Vec::new();
    for at in &places {
        let file = model.modules.by_path(&at.path)?;
        edits.extend(html_response::escaped(model, file, at.span)?);
    }
    Some(patch.edits(edits))
}

/// Whether every value that enters the argument's text is a client's: what the server itself
/// puts in may be HTML on purpose and must not be escaped.
fn is_all_of(argument: &Expr, values: &[Span]) -> bool {
    let tainted = |span: Span| values.iter().any(|value| span.contains(*value));
    match argument {
        Expr::FString(string) => string.value.elements().all(|element| match element {
            InterpolatedStringElement::Interpolation(value) => tainted(value.range.into()),
            InterpolatedStringElement::Literal(_) => true,
        }),
        Expr::BinOp(operation) => match &*operation.right {
            Expr::Tuple(tuple) => tuple.elts.iter().all(|elt| tainted(elt.range().into())),
            operand => tainted(operand.range().into()),
        },
        Expr::Call(call) => {
            let args = call.arguments.args.iter().map(|arg| arg.range());
            let keywords = call
                .arguments
                .keywords
                .iter()
                .map(|keyword| keyword.value.range());
            args.chain(keywords).all(|range| tainted(range.into()))
        }
        _ => false,
    }
}

fn by_hand() -> Patch {
    Patch::manual(
        "Mark only constant text as safe",
        vec![
            "Give Markup the constant part and let it escape the rest: \
             `Markup(\"<b>{}</b>\").format(value)`. If the value must hold HTML, clean it with a \
             sanitizer such as nh3 first."
                .into(),
        ],
    )
}

fn escape_arguments(model: &Model, file: ModuleId, call: &ExprCall) -> Option<Vec<Edit>> {
    let module = model.modules.get(file);
    let [argument] = &*call.arguments.args else {
        return None;
    };
    let close = call.range().end().to_usize() - 1;
    let argument_end = argument.range().end().to_usize();
    let tail = Span::new(argument_end, close + 1);
    match argument {
        // Markup("…%s" % v) → Markup("…%s") % v
        Expr::BinOp(operation) if operation.op == Operator::Mod && is_text(&operation.left) => {
            let at = operation.left.range().end().to_usize();
            Some(vec![
                Edit::insert(module.path(), at, ")"),
                Edit::replace(module.path(), tail, ""),
            ])
        }
        // Markup("…{}".format(v)) → Markup("…{}").format(v)
        Expr::Call(inner) => match &*inner.func {
            Expr::Attribute(method)
                if method.attr.as_str() == "format" && is_text(&method.value) =>
            {
                let at = method.value.range().end().to_usize();
                Some(vec![
                    Edit::insert(module.path(), at, ")"),
                    Edit::replace(module.path(), tail, ""),
                ])
            }
            _ => None,
        },
        Expr::FString(string) => {
            let [FStringPart::FString(part)] = string.value.as_slice() else {
                return None;
            };
            format_call(module, part, tail)
        }
        _ => None,
    }
}

fn is_text(expr: &Expr) -> bool {
    expr.is_string_literal_expr()
}

/// `Markup(value)` → `escape(value)`: the result is a Markup as before.
fn escaped(model: &Model, file: ModuleId, call: &ExprCall) -> Vec<Edit> {
    let path = model.modules.get(file).path();
    let offset = call.range().start().to_usize();
    let (escape, import) = name_for(model, file, offset, "markupsafe", "escape");
    let mut edits: Vec<Edit> = import.into_iter().collect();
    edits.push(Edit::replace(path, call.func.range(), escape));
    if matches!(&*call.func, Expr::Name(name) if name.id.as_str() == "Markup") {
        edits.push(Edit::drop_import_from(path, "markupsafe", "Markup"));
    }
    edits
}

/// `Markup(f"<b>{v}</b>")` → `Markup("<b>{}</b>").format(v)`.
fn format_call(
    module: &Module,
    string: &ruff_python_ast::FString,
    tail: Span,
) -> Option<Vec<Edit>> {
    let source = module.source(string.range);
    let prefix = source.find(['f', 'F'])?;
    let start = string.range.start().to_usize() + prefix;
    let mut edits = vec![Edit::replace(
        module.path(),
        Span::new(start, start + 1),
        "",
    )];
    let mut values = Vec::new();
    for element in &string.elements {
        let InterpolatedStringElement::Interpolation(value) = element else {
            continue;
        };
        values.push(module.source(value.expression.range()));
        let whole = module.source(value.range);
        let expression = value.expression.range();
        let from = value.range.start().to_usize();
        let rest = &whole[expression.end().to_usize() - from..];
        let rest = rest.trim_start_matches([' ', ')']);
        edits.push(Edit::replace(
            module.path(),
            value.range,
            format!("{{{rest}"),
        ));
    }
    edits.push(Edit::replace(
        module.path(),
        tail,
        format!(").format({})", values.join(", ")),
    ));
    Some(edits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{apply, findings};

    const HEAD: &str = "from flask import Flask, render_template, request\nfrom markupsafe import Markup\n\napp = Flask(__name__)\n\n\n@app.route('/hi')\ndef hi():\n    name = request.args.get('name', '')\n";

    fn after(line: &str) -> String {
        let source =
            format!("{HEAD}    html = {line}\n    return render_template('a.html', html=html)\n");
        assert_eq!(
            findings(&MarkupInput, &[("app.py", &source)]).len(),
            1,
            "{source}"
        );
        let text = apply(&MarkupInput, &[("app.py", &source)], "app.py");
        assert_eq!(
            findings(&MarkupInput, &[("app.py", &text)]),
            [""; 0],
            "{text}"
        );
        let start = text.find("html = ").unwrap() + 7;
        text[start..].lines().next().unwrap().to_owned()
    }

    #[test]
    fn html_of_the_server_is_not_escaped() {
        assert_eq!(
            after("Markup(f\"{HEAD}<b>{name}</b>\")"),
            "Markup(f\"{HEAD}<b>{escape(name)}</b>\")"
        );
    }

    #[test]
    fn html_that_the_code_builds_is_not_escaped() {
        let source = format!(
            "{HEAD}    rows = f\"<li>{{name}}</li>\"\n    html = Markup(\"<ul>%s</ul>\" % rows)\n    return render_template('a.html', html=html)\n"
        );
        let text = apply(&MarkupInput, &[("app.py", &source)], "app.py");
        assert!(
            text.contains("    rows = f\"<li>{escape(name)}</li>\"\n    html = Markup(\"<ul>%s</ul>\" % rows)\n"),
            "{text}"
        );
    }

    #[test]
    fn only_constant_text_stays_markup() {
        for (before, expected) in [
            (
                "Markup(f\"<b>{name}</b>\")",
                "Markup(\"<b>{}</b>\").format(name)",
            ),
            (
                "Markup(f\"<b>{name!r}</b>\")",
                "Markup(\"<b>{!r}</b>\").format(name)",
            ),
            (
                "Markup(\"<b>%s</b>\" % name)",
                "Markup(\"<b>%s</b>\") % name",
            ),
            (
                "Markup(\"<b>{}</b>\".format(name))",
                "Markup(\"<b>{}</b>\").format(name)",
            ),
            ("Markup(name)", "escape(name)"),
        ] {
            assert_eq!(after(before), expected);
        }
    }

    #[test]
    fn a_searched_pattern_is_no_part_of_what_it_replaces() {
        for module in ["re", "regex"] {
            let of = |text: &str| {
                format!(
                    "import {module}\n{HEAD}    pattern = {module}.compile('(' + {module}.escape(name) + ')')\n    html = pattern.sub('<b>x</b>', {text})\n    return render_template('a.html', html=Markup(html))\n"
                )
            };
            let fixed = of("'text'");
            assert_eq!(findings(&MarkupInput, &[("app.py", &fixed)]), [""; 0]);
            let own = of("name");
            assert_eq!(findings(&MarkupInput, &[("app.py", &own)]).len(), 1);
        }
    }

    #[test]
    fn a_table_in_a_template_is_read_by_its_columns() {
        let source = format!("{HEAD}    return render_template('a.html', name=name)\n");
        for (marked, count) in [("note", 0), ("value", 1)] {
            let page = format!(
                "{{% for value, note in [(name, 'a <b>note</b>'), (1, '')] %}}<i>{{{{ {marked}|safe }}}}</i>{{% endfor %}}"
            );
            let files = [
                ("app.py", source.as_str()),
                ("templates/a.html", page.as_str()),
            ];
            assert_eq!(findings(&MarkupInput, &files).len(), count, "{marked}");
        }
    }

    #[test]
    fn highlighted_code_is_escaped() {
        for (import, count) in [("pygments", 0), ("mine", 1)] {
            let source = format!(
                "from {import} import highlight\n{HEAD}    html = highlight(name, LEXER, FORMATTER)\n    return render_template('a.html', html=Markup(html))\n"
            );
            let found = findings(&MarkupInput, &[("app.py", &source)]);
            assert_eq!(found.len(), count, "{import}");
        }
    }
}
