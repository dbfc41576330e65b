//! `html-response`: no view returns HTML built from request values without escaping.

use ruff_python_ast::{AnyNodeRef, Expr};
use ruff_text_size::Ranged as _;

use crate::edit::imports::name_for;
use crate::edit::insertion::Insertion;
use crate::finding::{Edit, Finding, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::model::flow::{HtmlContext, Sink, SinkCall};
use crate::model::modules::ModuleId;
use crate::strategies::strategy::TEMPLATE_RENDERING;
use crate::strategies::{About, Answers, Control, flowing};
use crate::text::{Location, Span};

pub struct HtmlResponse;

static ABOUT: About = About {
    id: "html-response",
    title: "No view returns HTML built from request values without escaping",
    strategy: &TEMPLATE_RENDERING,
    threats: &["cross-site-scripting"],
    severity: Severity::High,
    page: include_str!("../../../assets/controls/html-response.md"),
};

impl Control for HtmlResponse {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let calls = model.flows.of_sink(|sink| *sink == Sink::HtmlResponse);
        let absence = "no view builds its response from text";
        flowing::verdict(calls, absence, |call| {
            let place = place(call.html_context);
            let message = format!(
                "A client's value ({}) is sent as HTML{place} without escaping: a link can run a \
                 script in the visitor's browser.",
                flowing::sources(call)
            );
            Some(flowing::finding(ABOUT.id, call, Severity::High, message))
        })
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        let wanted = |call: &SinkCall| call.sink == Sink::HtmlResponse;
        flowing::call_of(model, finding, wanted)
            .and_then(|call| escape_values(model, call))
            .unwrap_or_else(by_hand)
    }
}

const fn place(context: Option<HtmlContext>) -> &'static str {
    match context {
        None | Some(HtmlContext::Text) => "",
        Some(HtmlContext::QuotedAttribute) => " inside an attribute",
        Some(HtmlContext::UrlAttribute) => " as a link's target",
        Some(HtmlContext::UnquotedAttribute) => " in an attribute without quotes",
        Some(HtmlContext::Script) => " inside a script",
        Some(HtmlContext::Handler) => " as code in an attribute",
    }
}

fn by_hand() -> Patch {
    Patch::manual(
        "Render the response with a template",
        vec![
            "Move the HTML to a template and pass the value as a variable: Jinja escapes it. \
             Inside a script use `{{ value|tojson }}`, put quotes around attributes, and check \
             that links start with http:// or https://."
                .into(),
        ],
    )
}

fn escape_values(model: &Model, sink: &SinkCall) -> Option<Patch> {
    // Escaping does not help in these places.
    if matches!(
        sink.html_context,
        Some(
            HtmlContext::Script
                | HtmlContext::Handler
                | HtmlContext::UnquotedAttribute
                | HtmlContext::UrlAttribute
        )
    ) {
        return None;
    }
    let mut patch = Patch::new(
        PatchKind::Safe,
        "Escape the value",
        "The value reaches the browser as text, not as markup",
    );
    for place in places_in_html(model, sink) {
        let file = model.modules.by_path(&place.path)?;
        patch = patch.edits(escaped(model, file, place.span)?);
    }
    Some(patch)
}

/// Where each client's value enters the HTML: the first text with a tag that takes it up. What
/// is made of that text later on holds HTML of the application as well.
pub(super) fn places_in_html(model: &Model, sink: &SinkCall) -> Vec<Location> {
    let mut places: Vec<Location> = Vec::new();
    for piece in flowing::pieces(sink) {
        let mut insertions = piece.insertions.iter();
        let first = insertions.find(|at| is_in_html(model, at));
        let place = match (first.or(piece.inserted.as_ref()), piece.span) {
            (Some(at), _) => at.clone(),
            (None, Some(span)) => Location::new(&sink.call.path, span),
            (None, None) => Location::new(&sink.call.path, sink.argument),
        };
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

/// Whether the text that the expression at `at` is put into has a tag in it.
fn is_in_html(model: &Model, at: &Location) -> bool {
    let Some(file) = model.modules.by_path(&at.path) else {
        return false;
    };
    let module = model.modules.get(file);
    let path = module.ancestors(at.span);
    let around = path.iter().rev().skip_while(|node| {
        let span = Span::from(node.range());
        at.span.contains(span)
    });
    for node in around {
        let composes = match node {
            AnyNodeRef::ExprBinOp(_)
            | AnyNodeRef::ExprFString(_)
            | AnyNodeRef::FString(_)
            | AnyNodeRef::InterpolatedElement(_)
            | AnyNodeRef::ExprTuple(_)
            | AnyNodeRef::ExprIf(_)
            | AnyNodeRef::ExprBoolOp(_)
            | AnyNodeRef::Arguments(_)
            | AnyNodeRef::Keyword(_)
            | AnyNodeRef::ExprStarred(_) => true,
            AnyNodeRef::ExprCall(call) => {
                matches!(&*call.func, Expr::Attribute(method) if method.attr.as_str() == "format")
            }
            _ => false,
        };
        if !composes {
            return false;
        }
        if module.source(node.range()).contains('<') {
            return true;
        }
    }
    false
}

/// The text in `text.replace("\n", "<br>")`, also on one side of a conditional: what has to be
/// escaped before the application's own tags come in.
fn before_tags(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::If(choice) => match (&*choice.body, &*choice.orelse) {
            (value, Expr::StringLiteral(_)) | (Expr::StringLiteral(_), value) => before_tags(value),
            _ => None,
        },
        Expr::Call(call) => {
            let Expr::Attribute(method) = &*call.func else {
                return None;
            };
            let [Expr::StringLiteral(_), Expr::StringLiteral(new)] = &*call.arguments.args else {
                return None;
            };
            let adds_tags = method.attr.as_str() == "replace" && new.value.to_str().contains('<');
            adds_tags.then(|| before_tags(&method.value).unwrap_or(&method.value))
        }
        _ => None,
    }
}

/// `value` → `escape(value)`, in the form that its place needs.
pub(super) fn escaped(model: &Model, file: ModuleId, span: Span) -> Option<Vec<Edit>> {
    let module = model.modules.get(file);
    let expr = module.expression_at(span)?;
    let text = module.source(span);
    let (escape, import) = name_for(model, file, span.start, "markupsafe", "escape");
    let mut edits: Vec<Edit> = import.into_iter().collect();
    if let Some(plain) = before_tags(expr) {
        // `Markup.replace` would escape the tags that it puts in.
        let text = module.source(plain.range());
        let wrapped = format!("str({escape}({text}))");
        edits.push(Edit::replace(module.path(), plain.range(), wrapped));
        return Some(edits);
    }
    let insertion = Insertion::of(module, span);
    match insertion {
        Insertion::FString { element, .. } => {
            let value = match element.conversion.to_char() {
                Some('r') => format!("{escape}(repr({text}))"),
                Some('a') => format!("{escape}(ascii({text}))"),
                _ => format!("{escape}({text})"),
            };
            let spec = element.format_spec.as_ref();
            let end = spec.map_or(element.range.end().to_usize() - 1, |spec| {
                spec.range.start().to_usize() - 1
            });
            edits.push(Edit::replace(
                module.path(),
                Span::new(span.start, end),
                value,
            ));
        }
        // A Markup escapes the text that it is added to, so it must not stay one.
        Insertion::Plus { .. } => {
            edits.push(Edit::replace(
                module.path(),
                span,
                format!("str({escape}({text}))"),
            ));
        }
        _ if matches!(expr, Expr::Starred(_) | Expr::Generator(_)) => return None,
        _ => edits.push(Edit::replace(
            module.path(),
            expr.range(),
            format!("{escape}({text})"),
        )),
    }
    Some(edits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{apply, findings};

    const HEAD: &str = "import re\nfrom flask import Flask, make_response, request\nfrom markupsafe import escape\n\napp = Flask(__name__)\n\n\n@app.route('/hi')\ndef hi():\n    name = request.args.get('name', '')\n";

    fn after(body: &str) -> String {
        let source = format!("{HEAD}{body}");
        assert_eq!(
            findings(&HtmlResponse, &[("app.py", &source)]).len(),
            1,
            "{source}"
        );
        let text = apply(&HtmlResponse, &[("app.py", &source)], "app.py");
        assert_eq!(
            findings(&HtmlResponse, &[("app.py", &text)]),
            [""; 0],
            "{text}"
        );
        text.strip_prefix(HEAD).unwrap_or(&text).to_owned()
    }

    #[test]
    fn values_are_escaped_where_they_enter() {
        for (before, expected) in [
            (
                "    return f\"<b>{name}</b>\"\n",
                "    return f\"<b>{escape(name)}</b>\"\n",
            ),
            (
                "    return f\"<b>{name!r:>9}</b>\"\n",
                "    return f\"<b>{escape(repr(name)):>9}</b>\"\n",
            ),
            (
                "    return \"<b>%s</b>\" % name\n",
                "    return \"<b>%s</b>\" % escape(name)\n",
            ),
            (
                "    return \"<b>{}</b>\".format(name)\n",
                "    return \"<b>{}</b>\".format(escape(name))\n",
            ),
            (
                "    return \"<p>\" + (name.replace('\\n', '<br>') if name else \"\") + \"</p>\"\n",
                "    return \"<p>\" + (str(escape(name)).replace('\\n', '<br>') if name else \"\") + \"</p>\"\n",
            ),
            (
                "    page = open('page.html').read()\n    return re.sub('@name', name, page)\n",
                "    page = open('page.html').read()\n    return re.sub('@name', escape(name), page)\n",
            ),
            (
                "    return \"<b>\" + name\n",
                "    return \"<b>\" + str(escape(name))\n",
            ),
            (
                "    row = f\"<li>{name}</li>\"\n    return \"<ul>\" + row + \"</ul>\"\n",
                "    row = f\"<li>{escape(name)}</li>\"\n    return \"<ul>\" + row + \"</ul>\"\n",
            ),
            (
                "    rows = ''.join('<td>{}</td>'.format(it) for it in name.split())\n    return f\"<tr>{rows}</tr>\"\n",
                "    rows = ''.join('<td>{}</td>'.format(escape(it)) for it in name.split())\n    return f\"<tr>{rows}</tr>\"\n",
            ),
            (
                "    html = '<ul>'\n    for it in name.split():\n        html += '<li>%s</li>' % it\n    return html\n",
                "    html = '<ul>'\n    for it in name.split():\n        html += '<li>%s</li>' % escape(it)\n    return html\n",
            ),
            (
                "    greeting = 'Hello ' + name\n    return f\"<p>{greeting}</p>\"\n",
                "    greeting = 'Hello ' + name\n    return f\"<p>{escape(greeting)}</p>\"\n",
            ),
            (
                "    return make_response(name)\n",
                "    return make_response(escape(name))\n",
            ),
            (
                "    html = \"<b>%s</b>\" % name\n    return html, 400\n",
                "    html = \"<b>%s</b>\" % escape(name)\n    return html, 400\n",
            ),
        ] {
            assert_eq!(after(before), expected);
        }
    }

    #[test]
    fn answers_that_foreign_code_makes_are_no_text() {
        for body in [
            "    return server.handle_error_response(request, name)\n",
            "    return backend.go(name)(name)\n",
        ] {
            let source = format!("{HEAD}{body}");
            assert_eq!(findings(&HtmlResponse, &[("app.py", &source)]), [""; 0]);
        }
        let text = format!("{HEAD}    return backend.render_page(name)\n");
        assert_eq!(findings(&HtmlResponse, &[("app.py", &text)]).len(), 1);
    }

    #[test]
    fn a_macro_that_python_calls_escapes() {
        let body = "    page = app.jinja_env.get_template('form.html')\n    return make_response(page.module.render_field(name))\n";
        let source = format!("{HEAD}{body}");
        assert_eq!(findings(&HtmlResponse, &[("app.py", &source)]), [""; 0]);
    }

    #[test]
    fn a_circle_of_imports_keeps_the_routes_converters() {
        let app = "from flask import Flask\nfrom shop.views import *\napp = Flask(__name__)\n";
        let views = "from flask.views import MethodView\nfrom shop.app import app\n\n\nclass One(MethodView):\n    def get(self, number):\n        return f'<b>{number}</b>'\n\n\napp.add_url_rule('/<int:number>', view_func=One.as_view('one'))\n";
        let files = |views| {
            [
                ("shop/__init__.py", ""),
                ("shop/app.py", app),
                ("shop/views.py", views),
            ]
        };
        assert_eq!(findings(&HtmlResponse, &files(views)), [""; 0]);
        let text = views.replace("int:", "");
        assert_eq!(findings(&HtmlResponse, &files(&text)).len(), 1);
    }

    #[test]
    fn json_and_escaped_values_are_fine() {
        for body in [
            "    return {'name': name}\n",
            "    return f\"<b>{escape(name)}</b>\"\n",
            "    return 'constant'\n",
        ] {
            let source = format!("{HEAD}{body}");
            assert_eq!(findings(&HtmlResponse, &[("app.py", &source)]), [""; 0]);
        }
    }
}
