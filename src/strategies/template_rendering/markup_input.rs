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
        let edits = flowing::call_of(model, finding, wanted).and_then(|sink| {
            let file = model.modules.by_path(&sink.call.path)?;
            let call = model.modules.get(file).call_at(sink.call.span)?;
            Some((call, escape_arguments(model, file, call)?))
        });
        let Some((call, edits)) = edits else {
            return by_hand();
        };
        if takes_whole_value(call) {
            return Patch::new(
                PatchKind::Review,
                "Escape the value instead of trusting it as HTML",
                "The value reaches the browser as text, not as markup",
            )
            .may_break(
                "Where the value holds markup of the application's own, that is shown as text \
                 too; then escape the client's part where the markup is put together.",
            )
            .edits(edits);
        }
        Patch::new(
            PatchKind::Safe,
            "Let Markup escape the value",
            "Only the constant part is trusted as HTML; the value is escaped",
        )
        .edits(edits)
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
            _ => Some(escaped(model, file, call)),
        },
        Expr::FString(string) => {
            let [FStringPart::FString(part)] = string.value.as_slice() else {
                return None;
            };
            format_call(module, part, tail)
        }
        Expr::Name(_) | Expr::Attribute(_) | Expr::Subscript(_) => Some(escaped(model, file, call)),
        _ => None,
    }
}

/// Whether the argument shows no constant part: it may have been put together elsewhere, of the
/// application's own markup and the client's value.
fn takes_whole_value(call: &ExprCall) -> bool {
    match call.arguments.args.first() {
        Some(Expr::Name(_) | Expr::Attribute(_) | Expr::Subscript(_)) => true,
        Some(Expr::Call(inner)) => !matches!(
            &*inner.func,
            Expr::Attribute(method) if is_text(&method.value)
        ),
        _ => false,
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
    fn a_whole_value_may_hold_the_applications_own_markup() {
        let kind = |html: &str| {
            let source = format!(
                "from flask import request\nfrom markupsafe import Markup\n@app.route('/')\n\
                 def view():\n    name = request.args['n']\n    html = \"<p>%s</p>\" % name\n    \
                 return render(Markup({html}))\n"
            );
            crate::strategies::testing::patch(&MarkupInput, &[("app.py", &source)]).kind
        };
        assert_eq!(kind("html"), PatchKind::Review);
        assert_eq!(kind("\"<b>%s</b>\" % name"), PatchKind::Safe);
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
}
