//! The half of `markup-input` that looks at templates: `|safe` and `{% autoescape false %}`.

use super::values::{self, Arrival};
use crate::finding::{Confidence, Edit, Finding, Patch, PatchKind, Severity};
use crate::model::Model;
use crate::model::flow::Facts;
use crate::model::templates::{Encoding, Escaping, Output, Part, Template, TemplateId};
use crate::parse::html::Place;
use crate::parse::jinja::{Expr, ExprKind};
use crate::text::Location;

/// Findings in templates: clients' values that are not escaped, and text of users that is
/// marked as safe, once per template.
pub(super) fn findings(control: &'static str, model: &Model) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, template) in model.templates.iter() {
        if !template.is_html() {
            continue;
        }
        let mut user_text: Option<Finding> = None;
        for output in &template.outputs {
            if let Some(arrival) = raw_arrival(model, id, output) {
                let message = message(template, output, &arrival);
                findings.push(values::finding(
                    control,
                    template,
                    output,
                    &arrival,
                    Severity::High,
                    message,
                ));
            } else if user_text.is_none() && is_raw_user_text(output) {
                user_text = Some(about_user_text(control, template, output));
            }
        }
        findings.extend(user_text);
    }
    findings
}

/// Whether anything in templates is marked as safe, or not escaped.
pub(super) fn concerns(model: &Model) -> bool {
    model.templates.iter().any(|(_, template)| {
        template.outputs.iter().any(|output| {
            let marked = output.parts.iter().any(|part| part.raw.is_some());
            marked || matches!(output.escaping, Escaping::OffByBlock(_))
        })
    })
}

/// A client's value that is put out as it is. What stands in scripts and event handlers is
/// `template-attribute`'s; templates that are not escaped at all are `autoescape`'s.
fn raw_arrival(model: &Model, id: TemplateId, output: &Output) -> Option<Arrival> {
    let is_block = matches!(output.escaping, Escaping::OffByBlock(_));
    let is_marked = output.parts.iter().any(|part| part.raw.is_some());
    if is_script(&output.place) || !(is_block || is_marked || may_be_marked(output)) {
        return None;
    }
    values::arrival(model, id, output, |part, client| {
        (part.raw.is_some() || is_block)
            && part.encoding == Encoding::None
            && !part.transformed
            && !client.has.contains(Facts::NO_MARKUP)
    })
}

/// What comes through an include or a macro may have been marked there.
fn may_be_marked(output: &Output) -> bool {
    output.escaping == Escaping::On && !output.parts.is_empty()
}

fn is_script(place: &Place) -> bool {
    match place {
        Place::Script(_) => true,
        Place::Attribute(value) => value.attribute.starts_with("on"),
        _ => false,
    }
}

fn is_raw_user_text(output: &Output) -> bool {
    !is_script(&output.place) && output.parts.iter().any(is_marked_user_text)
}

fn is_marked_user_text(part: &Part) -> bool {
    part.raw.is_some()
        && part.encoding == Encoding::None
        && !part.transformed
        && values::is_user_text_by_name(part)
}

fn message(template: &Template, output: &Output, arrival: &Arrival) -> String {
    let why = match arrival.part.raw {
        Some(_) => "marked as safe HTML",
        None => "put out without escaping",
    };
    format!(
        "A client's value ({}) is {why} by {}: a script in it runs in the visitor's browser.",
        arrival.client.source,
        values::short(template, output)
    )
}

fn about_user_text(control: &'static str, template: &Template, output: &Output) -> Finding {
    let message = format!(
        "{} marks text that users write as safe HTML: unless it is cleaned before it is stored, a \
         user can place a script on a page that others see.",
        values::short(template, output)
    );
    let place = template.location(output.span);
    Finding::new(control, place, Severity::Medium, message)
        .confidence(Confidence::Low)
        .subject(template.source(output.expr))
}

/// What to do about a finding in a template; nothing for findings in code.
pub(super) fn remedy(model: &Model, finding: &Finding) -> Option<Patch> {
    let (id, template, output) = values::place_of(model, finding)?;
    let arrival = raw_arrival(model, id, output);
    let marked = match &arrival {
        Some(arrival) => arrival.part.raw.clone(),
        None => {
            let part = output.parts.iter().find(|part| is_marked_user_text(part));
            part.and_then(|part| part.raw.clone())
        }
    };
    let edits = match &marked {
        Some(filter) => unmarked(model, filter)?,
        None => values::filtered(template, template.expression(output)?, "e"),
    };
    // What the code puts together may hold HTML of its own beside the client's text.
    let kind = match &arrival {
        Some(arrival) if arrival.client.is_plain => PatchKind::Safe,
        _ => PatchKind::Review,
    };
    let patch = Patch::new(
        kind,
        "Let Jinja escape the value",
        "The value reaches the browser as text, not as markup",
    )
    .edits(edits);
    let source = template.source(output.expr);
    Some(match (kind, arrival) {
        (PatchKind::Safe, _) => patch,
        (_, Some(_)) => patch.may_break(format!(
            "if the code puts HTML of its own into {source}, its tags will be shown as text: \
             escape the client's part where it is put in then"
        )),
        (_, None) => patch.may_break(format!(
            "if {source} holds HTML that was cleaned before, its tags will be shown as text"
        )),
    })
}

/// Takes `|safe` away; where constant HTML stands beside the value, it marks only that.
fn unmarked(model: &Model, filter: &Location) -> Option<Vec<Edit>> {
    let mut edits = vec![values::without_filter(model, filter)?];
    let (_, template) = model.templates.at(filter)?;
    let value = filtered_value(template, filter)?;
    value.walk(&mut |inner| {
        if let ExprKind::String(text) = &inner.kind
            && text.contains('<')
        {
            let at = template.location(inner.span);
            edits.push(Edit::insert(&at.path, at.span.end, "|safe"));
        }
    });
    Some(edits)
}

/// The value in front of the filter at a place.
fn filtered_value<'t>(template: &'t Template, filter: &Location) -> Option<&'t Expr> {
    let mut found = None;
    for expr in template.expressions() {
        expr.walk(&mut |inner| {
            if let ExprKind::Filter {
                value, filter: at, ..
            } = &inner.kind
                && template.location(*at) == *filter
            {
                found = Some(&**value);
            }
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::markup_input::MarkupInput;
    use crate::finding::PatchKind;
    use crate::strategies::testing::{apply, findings, patch};

    const APP: &str = "from flask import Flask, render_template, request\n\napp = Flask(__name__)\n\n\n\
        @app.route('/')\ndef index():\n    q = request.args.get('q', '')\n    \
        return render_template('page.html', q=q, rows=load())\n";

    fn mended(page: &str) -> Option<String> {
        let texts = [("app.py", APP), ("templates/page.html", page)];
        let found = findings(&MarkupInput, &texts);
        if found.is_empty() {
            return None;
        }
        assert_eq!(found.len(), 1, "{page}: {found:?}");
        let text = apply(&MarkupInput, &texts, "templates/page.html");
        let again = [("app.py", APP), ("templates/page.html", text.as_str())];
        assert_eq!(findings(&MarkupInput, &again), [""; 0], "{text}");
        Some(text)
    }

    #[test]
    fn values_are_escaped_again() {
        for (before, after) in [
            ("<p>{{ q|safe }}</p>", "<p>{{ q }}</p>"),
            ("<p>{{ q | upper | safe }}</p>", "<p>{{ q | upper }}</p>"),
            (
                "{{ ('<b>' ~ q ~ '</b>')|safe }}",
                "{{ ('<b>'|safe ~ q ~ '</b>'|safe) }}",
            ),
            ("{% set x = q|safe %}{{ x }}", "{% set x = q %}{{ x }}"),
            (
                "{% autoescape false %}{{ q }}{% endautoescape %}",
                "{% autoescape false %}{{ q|e }}{% endautoescape %}",
            ),
            (
                "{% autoescape false %}{{ 'x' ~ q }}{% endautoescape %}",
                "{% autoescape false %}{{ ('x' ~ q)|e }}{% endautoescape %}",
            ),
            ("{{ request.args.x|safe }}", "{{ request.args.x }}"),
        ] {
            assert_eq!(mended(before).as_deref(), Some(after), "{before}");
        }
    }

    #[test]
    fn only_what_the_client_sent_alone_is_safe_to_escape() {
        let page = "<p>{{ q|safe }}</p>";
        for (value, kind) in [
            ("request.args.get('q', '')", PatchKind::Safe),
            ("request.args['q'].strip()", PatchKind::Safe),
            ("'<b>' + request.args['q'] + '</b>'", PatchKind::Review),
            ("f\"<b>{request.args['q']}</b>\"", PatchKind::Review),
            ("markdown(request.args['q'])", PatchKind::Review),
        ] {
            let app = APP.replace("request.args.get('q', '')", value);
            let texts = [("app.py", app.as_str()), ("templates/page.html", page)];
            assert_eq!(patch(&MarkupInput, &texts).kind, kind, "{value}");
        }
    }

    #[test]
    fn legitimate_markup_is_left_alone() {
        for page in [
            "{{ q }}",
            "{{ q|tojson|safe }}",
            "{{ q|e|safe }}",
            "{{ q|length|safe }}",
            "{{ q if q else '' | safe }}",
            "{{ rows|safe }}",
            "{{ rows[0].body_html|safe }}",
            "{{ rows[0].body|markdown|safe }}",
            "{{ q|clean|safe }}",
            "{{ caption(q)|safe }}",
            "{{ form.name(class=q)|safe }}",
            "{{ _('Hello <b>%(name)s</b>', name=q)|safe }}",
            "{{ icon('x.svg')|safe }}",
            "{% autoescape false %}{{ rows }}{{ q|e }}{% endautoescape %}",
            "{{ user.username }}",
        ] {
            assert_eq!(mended(page), None, "{page}");
        }
    }

    #[test]
    fn text_of_users_is_named_once_per_template() {
        let page =
            "{% for r in rows %}{{ r.user.username|safe }}{{ r.comment.body|safe }}{% endfor %}";
        let after = "{% for r in rows %}{{ r.user.username }}{{ r.comment.body|safe }}{% endfor %}";
        let texts = [("app.py", APP), ("templates/page.html", page)];
        assert_eq!(findings(&MarkupInput, &texts).len(), 1);
        assert_eq!(apply(&MarkupInput, &texts, "templates/page.html"), after);
    }

    #[test]
    fn text_mails_are_no_pages() {
        let app = APP.replace("page.html", "mail.txt");
        let texts = [
            ("app.py", app.as_str()),
            ("templates/mail.txt", "Hi {{ q|safe }}"),
        ];
        assert_eq!(findings(&MarkupInput, &texts), [""; 0]);
    }

    #[test]
    fn constants_in_the_code_are_mended_in_place() {
        let source = "from flask import Flask, render_template_string, request\napp = Flask('x')\n\n@app.route('/')\n\
                      def f():\n    return render_template_string(\"<p>{{ q|safe }}</p>\", q=request.args['q'])\n";
        let texts = [("app.py", source)];
        assert_eq!(findings(&MarkupInput, &texts), ["app.py:6"]);
        let text = apply(&MarkupInput, &texts, "app.py");
        assert!(text.contains("\"<p>{{ q }}</p>\""), "{text}");
    }
}
