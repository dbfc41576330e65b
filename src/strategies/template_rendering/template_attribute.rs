//! `template-attribute`: values stand in quoted attributes, none chooses a link's scheme or
//! enters a script unencoded. Autoescaping helps in none of these places.

use super::values::{self, Arrival};
use crate::finding::{Confidence, Edit, Evidence, Finding, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::model::flow::Facts;
use crate::model::templates::{Encoding, Origin, Output, Part, Template, TemplateId};
use crate::parse::html::{Js, Place, Value};
use crate::parse::jinja::{Expr, ExprKind};
use crate::strategies::strategy::TEMPLATE_RENDERING;
use crate::strategies::{About, Answers, Control};
use crate::text::{Location, Span};

pub struct TemplateAttribute;

static ABOUT: About = About {
    id: "template-attribute",
    title: "Values in templates are quoted and encoded for their place",
    strategy: &TEMPLATE_RENDERING,
    threats: &["cross-site-scripting"],
    severity: Severity::High,
    page: include_str!("../../../assets/controls/template-attribute.md"),
};

/// A place where escaping does not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weakness {
    /// Between the attributes of a tag.
    Tag,
    /// An attribute value without quotes.
    Unquoted,
    /// The begin of a link.
    Link,
    /// `|tojson` inside double quotes.
    JsonInQuotes,
    /// An event handler's code.
    Handler,
    /// A script's code.
    Code,
    /// A string of a script, by its quote.
    Text(char),
    /// A comment of a script.
    Comment,
}

impl Control for TemplateAttribute {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let mut findings = Vec::new();
        let mut evidence = Vec::new();
        for (id, template) in model.templates.iter() {
            if !template.is_html() && !template.path().ends_with(".js") {
                continue;
            }
            let mut unknown: Option<Finding> = None;
            for output in &template.outputs {
                let Some(weakness) = weakness_of(template, output) else {
                    continue;
                };
                if let Some(arrival) = arrival(model, id, output, weakness) {
                    findings.push(found(template, output, weakness, &arrival));
                } else if unknown.is_none() && is_doubtful(model, id, output, weakness) {
                    unknown = Some(doubt(template, output, weakness));
                }
            }
            if unknown.is_none() && findings.is_empty() && !template.outputs.is_empty() {
                evidence.push(Evidence::new(
                    template.location(Span::at(0)),
                    format!(
                        "{} values stand where escaping holds",
                        template.outputs.len()
                    ),
                ));
            }
            findings.extend(unknown);
        }
        if findings.is_empty() && evidence.is_empty() {
            return Verdict::not_applicable("no template puts out values");
        }
        Verdict::from_findings(findings, evidence)
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        let patch = values::place_of(model, finding).and_then(|(id, template, output)| {
            let weakness = weakness_of(template, output)?;
            let arrival = arrival(model, id, output, weakness);
            mend(model, template, output, weakness, arrival.as_ref())
        });
        patch.unwrap_or_else(by_hand)
    }
}

/// What is weak about the place of an output that can hold text.
fn weakness_of(template: &Template, output: &Output) -> Option<Weakness> {
    if output.parts.is_empty() {
        return None;
    }
    let all_json = output.parts.iter().all(is_json);
    let has_quotes = |part: &Part| part.encoding == Encoding::Json;
    match &output.place {
        Place::Tag => Some(Weakness::Tag),
        Place::Attribute(value) => match value.quote {
            None => Some(Weakness::Unquoted),
            Some('"') if all_json && output.parts.iter().any(has_quotes) => {
                Some(Weakness::JsonInQuotes)
            }
            _ if all_json => None,
            Some(_) if value.attribute.starts_with("on") => Some(Weakness::Handler),
            Some(_) if starts_link(template, output, value) => Some(Weakness::Link),
            Some(_) => None,
        },
        Place::Script(_) if all_json => None,
        Place::Script(Js::Code) => Some(Weakness::Code),
        Place::Script(Js::Text(quote)) => Some(Weakness::Text(*quote)),
        Place::Script(Js::Comment) => Some(Weakness::Comment),
        Place::Text | Place::Style | Place::Comment | Place::Data => None,
    }
}

const fn is_json(part: &Part) -> bool {
    matches!(part.encoding, Encoding::Json | Encoding::EscapedJson)
}

/// Whether the output begins a link that a browser follows as code or as a page.
fn starts_link(template: &Template, output: &Output, value: &Value) -> bool {
    let follows = match value.attribute.as_str() {
        "href" | "xlink:href" => matches!(value.element.as_str(), "a" | "area" | "base" | ""),
        "src" => matches!(
            value.element.as_str(),
            "iframe" | "frame" | "script" | "embed"
        ),
        "action" | "formaction" => true,
        "data" => value.element == "object",
        _ => false,
    };
    let before = template.source(Span::new(value.start, output.span.start.max(value.start)));
    follows
        && before
            .split("%}")
            .all(|text| text.split("{%").next().unwrap_or("").trim().is_empty())
}

/// The client's value for which the place is weak.
fn arrival(model: &Model, id: TemplateId, output: &Output, weakness: Weakness) -> Option<Arrival> {
    values::arrival(model, id, output, |part, client| match weakness {
        Weakness::JsonInQuotes => part.encoding == Encoding::Json,
        _ if is_json(part) => false,
        Weakness::Tag => true,
        Weakness::Unquoted => !client.has.contains(Facts::NO_QUOTE | Facts::ONE_WORD),
        Weakness::Link => {
            !part.transformed
                && part.at_start
                && !part.is_checked
                && !client.has_prefix
                && !is_own_address(part)
        }
        Weakness::Handler | Weakness::Code | Weakness::Text(_) | Weakness::Comment => {
            !part.transformed
        }
    })
}

/// Addresses of the request itself begin with the server's scheme, or with a slash.
fn is_own_address(part: &Part) -> bool {
    const OWN: &[&str] = &[
        "request.url",
        "request.base_url",
        "request.path",
        "request.full_path",
        "request.host_url",
        "request.url_root",
        "request.referrer",
    ];
    matches!(&part.origin, Origin::Request(path) if OWN.contains(&path.as_str()))
}

/// Whether a value that nobody knows is likely text there.
fn is_doubtful(model: &Model, id: TemplateId, output: &Output, weakness: Weakness) -> bool {
    let known = |part: &&Part| !model.templates.is_harmless(id, part);
    let mut parts = output.parts.iter().filter(known);
    match weakness {
        Weakness::Unquoted => parts.any(values::is_unknown_text),
        Weakness::Link => parts.any(values::is_user_link_by_name),
        Weakness::Text(_) | Weakness::Handler => {
            parts.any(|part| values::is_user_text_by_name(part))
        }
        Weakness::JsonInQuotes => parts.next().is_some(),
        Weakness::Tag | Weakness::Code | Weakness::Comment => false,
    }
}

fn found(template: &Template, output: &Output, weakness: Weakness, arrival: &Arrival) -> Finding {
    let source = &arrival.client.source;
    let shown = values::short(template, output);
    let (severity, what) = match weakness {
        Weakness::Tag => (
            Severity::High,
            "stands between the attributes of a tag: a client can add an event handler",
        ),
        Weakness::Unquoted => (
            Severity::High,
            "stands in an attribute without quotes: a space in it starts the next attribute, such \
             as an event handler",
        ),
        Weakness::Link => (
            Severity::High,
            "begins a link: a client can make it a javascript: URL",
        ),
        Weakness::JsonInQuotes => (
            Severity::High,
            "is JSON in double quotes: its own quotes end the attribute, and a client can add an \
             event handler",
        ),
        Weakness::Handler => (
            Severity::High,
            "stands in an event handler: the browser decodes HTML escapes before it runs the code",
        ),
        Weakness::Code => (
            Severity::High,
            "stands in a script as code: HTML escaping does not make it a value",
        ),
        Weakness::Comment => (
            Severity::High,
            "stands in a script's comment: a line break in it ends the comment",
        ),
        Weakness::Text('`') => (
            Severity::High,
            "stands in a template string of a script, where ${…} is run",
        ),
        Weakness::Text(_) if arrival.part.raw.is_some() => (
            Severity::High,
            "stands in a script's string without encoding: a quote in it ends the string",
        ),
        Weakness::Text(_) => (
            Severity::Medium,
            "stands in a script's string with HTML escaping only: a backslash in it takes the \
             closing quote away",
        ),
    };
    let message = format!("A client's value ({source}) in {shown} {what}.");
    values::finding(ABOUT.id, template, output, arrival, severity, message)
}

fn doubt(template: &Template, output: &Output, weakness: Weakness) -> Finding {
    let what = match weakness {
        Weakness::Unquoted => {
            "stands in an attribute without quotes: if the text can hold a space, it can add an event handler"
        }
        Weakness::Link => {
            "begins a link that users choose: a javascript: URL runs in the visitor's browser"
        }
        Weakness::JsonInQuotes => "is JSON in double quotes: its own quotes end the attribute",
        _ => "is text of a user inside a script: HTML escaping does not fit there",
    };
    let message = format!("{} {what}.", values::short(template, output));
    let place = template.location(output.span);
    Finding::new(ABOUT.id, place, Severity::Low, message)
        .confidence(Confidence::Low)
        .subject(template.source(output.expr))
}

fn by_hand() -> Patch {
    Patch::manual(
        "Encode the value for its place",
        vec![
            "Put quotes around attribute values, hand values to scripts with `|tojson`, and let \
             links begin with a constant or check their scheme."
                .into(),
        ],
    )
}

fn mend(
    model: &Model,
    template: &Template,
    output: &Output,
    weakness: Weakness,
    arrival: Option<&Arrival>,
) -> Option<Patch> {
    let expr = template.expression(output)?;
    let is_raw = output.parts.iter().any(|part| part.raw.is_some());
    let safe = |title: &str, guarantees: &str| Patch::new(PatchKind::Safe, title, guarantees);
    Some(match weakness {
        Weakness::Unquoted => safe(
            "Put quotes around the attribute's value",
            "The value cannot leave its attribute",
        )
        .edits(quoted(template, output)?),
        Weakness::JsonInQuotes => safe(
            "Escape the JSON for the attribute",
            "The quotes of the JSON do not end the attribute",
        )
        .edits(values::filtered(template, expr, "forceescape")),
        Weakness::Link => check_scheme(template, output, expr, arrival)?,
        Weakness::Handler => {
            let edits = handler(model, template, output, expr)?;
            safe(
                "Hand the value to the event handler as JSON",
                "The value is a string of the script, whatever it holds",
            )
            .edits(edits)
        }
        Weakness::Code => Patch::new(
            PatchKind::Review,
            "Hand the value to the script as JSON",
            "The value is a value of the script, whatever it holds",
        )
        .edits(json(model, template, expr, "tojson")?)
        .may_break(match is_raw {
            true => {
                "a value that is JSON text already becomes a string: hand the object itself \
                     to the template"
            }
            false => "a number that is kept as text becomes a string of the script",
        }),
        Weakness::Text(quote) => in_text(model, template, output, expr, quote)?,
        Weakness::Tag | Weakness::Comment => return None,
    })
}

/// Quotes around the whole value that the output is part of.
fn quoted(template: &Template, output: &Output) -> Option<Vec<Edit>> {
    let Place::Attribute(value) = &output.place else {
        return None;
    };
    let attributes = template.tags.iter().flat_map(|tag| &tag.attributes);
    let mut spans = attributes.filter_map(|attribute| attribute.value);
    let span = spans.find(|span| span.start == value.start)?;
    let quote = template.quote();
    let at = template.location(span);
    if template.source(span).contains(quote) && template.is_inline() {
        return None;
    }
    Some(vec![
        Edit::insert(&at.path, at.span.start, quote.to_string()),
        Edit::insert(&at.path, at.span.end, quote.to_string()),
    ])
}

/// Replaces what escapes `expr`, or marks it as safe, by `filter`.
fn json(model: &Model, template: &Template, expr: &Expr, filter: &str) -> Option<Vec<Edit>> {
    let mut edits = Vec::new();
    let mut inner = expr;
    while let ExprKind::Filter {
        value,
        name,
        filter: at,
        ..
    } = &inner.kind
        && matches!(name.as_str(), "safe" | "e" | "escape" | "string")
    {
        edits.push(values::without_filter(model, &template.location(*at))?);
        inner = value;
    }
    let at = template.location(inner.span);
    let end = template.location(expr.span).span.end;
    match values::filtered(template, inner, filter).as_slice() {
        [_] if edits.is_empty() => edits.push(Edit::insert(&at.path, end, format!("|{filter}"))),
        [_] => {
            // The insertion takes the place of the first filter that goes.
            let span = Span::new(at.span.end, end);
            edits = vec![Edit::replace(&at.path, span, format!("|{filter}"))];
        }
        more if edits.is_empty() => edits.extend(more.iter().cloned()),
        [open, _] => {
            let span = Span::new(at.span.end, end);
            edits = vec![
                open.clone(),
                Edit::replace(&at.path, span, format!(")|{filter}")),
            ];
        }
        _ => return None,
    }
    Some(edits)
}

/// `onclick="go('{{ x }}')"` → `onclick="go({{ x|tojson|forceescape }})"`.
fn handler(model: &Model, template: &Template, output: &Output, expr: &Expr) -> Option<Vec<Edit>> {
    let mut edits = json(model, template, expr, "tojson|forceescape")?;
    let Place::Attribute(value) = &output.place else {
        return None;
    };
    let before = template.source(Span::new(value.start, output.span.start));
    let quotes = ['\'', '"', '`'];
    let opened = quotes
        .iter()
        .find(|quote| Some(**quote) != value.quote && before.matches(**quote).count() % 2 == 1);
    let Some(quote) = opened else {
        return Some(edits);
    };
    // Only a string that is nothing but the value can go as a whole.
    edits.extend(bare(template, output, *quote)?);
    Some(edits)
}

/// The edits that take the quotes away which directly enclose the output.
fn bare(template: &Template, output: &Output, quote: char) -> Option<[Edit; 2]> {
    let text = template.text();
    let encloses =
        text[..output.span.start].ends_with(quote) && text[output.span.end..].starts_with(quote);
    if !encloses {
        return None;
    }
    let at: Location = template.location(output.span);
    Some([
        Edit::replace(&at.path, Span::new(at.span.start - 1, at.span.start), ""),
        Edit::replace(&at.path, Span::new(at.span.end, at.span.end + 1), ""),
    ])
}

/// `"{{ x }}"` → `{{ x|tojson }}`, `"/a/{{ x }}"` → `"/a/" + {{ x|tojson }}`.
fn in_text(
    model: &Model,
    template: &Template,
    output: &Output,
    expr: &Expr,
    quote: char,
) -> Option<Patch> {
    let mut edits = json(model, template, expr, "tojson")?;
    let guarantees = "The value is a string of the script, whatever it holds";
    let title = "Hand the value to the script as JSON";
    let at = template.location(output.span);
    if quote == '`' {
        edits.push(Edit::insert(&at.path, at.span.start, "${ "));
        edits.push(Edit::insert(&at.path, at.span.end, " }"));
        return Some(Patch::new(PatchKind::Safe, title, guarantees).edits(edits));
    }
    if let Some(bare) = bare(template, output, quote) {
        return Some(
            Patch::new(PatchKind::Safe, title, guarantees)
                .edits(edits)
                .edits(bare),
        );
    }
    let text = template.text();
    let first = text[..output.span.start].ends_with(quote);
    let last = text[output.span.end..].starts_with(quote);
    let (start, end) = (at.span.start, at.span.end);
    edits.push(match first {
        true => Edit::replace(&at.path, Span::new(start - 1, start), ""),
        false => Edit::insert(&at.path, start, format!("{quote} + ")),
    });
    edits.push(match last {
        true => Edit::replace(&at.path, Span::new(end, end + 1), ""),
        false => Edit::insert(&at.path, end, format!(" + {quote}")),
    });
    Some(
        Patch::new(PatchKind::Review, title, guarantees)
            .edits(edits)
            .may_break(
                "the string becomes a sum: it must not be a key of an object or a directive",
            ),
    )
}

/// A link that is kept only when it begins as links do.
fn check_scheme(
    template: &Template,
    output: &Output,
    expr: &Expr,
    arrival: Option<&Arrival>,
) -> Option<Patch> {
    let Place::Attribute(value) = &output.place else {
        return None;
    };
    // A script or a frame from anywhere is no better than one of a bad scheme.
    if matches!(
        value.element.as_str(),
        "script" | "iframe" | "embed" | "object" | "base"
    ) {
        return None;
    }
    let simple = matches!(
        expr.kind,
        ExprKind::Name(_) | ExprKind::Attribute { .. } | ExprKind::Index { .. }
    );
    // Inside a literal of the code, quotes of one kind are taken.
    if !simple || template.is_inline() {
        return None;
    }
    let source = template.source(expr.span);
    let at = template.location(expr.span);
    let check =
        format!("{source} if ({source} or '').startswith(('https://', 'http://', '/')) else '#'");
    let patch = Patch::new(
        PatchKind::Review,
        "Follow only links to http and https",
        "The link runs no script",
    )
    .edit(Edit::replace(&at.path, at.span, check))
    .may_break("relative links without a leading slash and mailto: links become \"#\"");
    Some(match arrival {
        Some(_) => patch.follow_up(
            "A link of a client's choice can still lead to another site; compare its host if it \
             must not.",
        ),
        None => patch,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{apply, findings};

    const APP: &str = "from flask import Flask, render_template, request\n\napp = Flask(__name__)\n\n\n\
        @app.route('/')\ndef index():\n    q = request.args.get('q', '')\n    \
        return render_template('page.html', q=q, n=request.args.get('n', type=int), to='/x?' + q)\n";

    fn mended(page: &str) -> Option<String> {
        let texts = [("app.py", APP), ("templates/page.html", page)];
        let found = findings(&TemplateAttribute, &texts);
        if found.is_empty() {
            return None;
        }
        assert_eq!(found.len(), 1, "{page}: {found:?}");
        let text = apply(&TemplateAttribute, &texts, "templates/page.html");
        let again = [("app.py", APP), ("templates/page.html", text.as_str())];
        assert_eq!(findings(&TemplateAttribute, &again), [""; 0], "{text}");
        Some(text)
    }

    #[test]
    fn values_are_quoted_and_encoded() {
        for (before, after) in [
            ("<input value={{ q }}>", "<input value=\"{{ q }}\">"),
            ("<a href=/s?q={{ q }}&x=1>", "<a href=\"/s?q={{ q }}&x=1\">"),
            (
                "<option value={{ row.name }} selected>",
                "<option value=\"{{ row.name }}\" selected>",
            ),
            (
                "<a href=\"{{ q }}\">",
                "<a href=\"{{ q if (q or '').startswith(('https://', 'http://', '/')) else '#' }}\">",
            ),
            (
                "<script>var q = {{ q }};</script>",
                "<script>var q = {{ q|tojson }};</script>",
            ),
            (
                "<script>var q = {{ q|safe }};</script>",
                "<script>var q = {{ q|tojson }};</script>",
            ),
            (
                "<script>var q = {{ (q ~ 'x') | safe }};</script>",
                "<script>var q = {{ (q ~ 'x')|tojson }};</script>",
            ),
            (
                "<script>f('{{ q }}');</script>",
                "<script>f({{ q|tojson }});</script>",
            ),
            (
                "<script>f('/s/{{ q }}/x');</script>",
                "<script>f('/s/' + {{ q|tojson }} + '/x');</script>",
            ),
            (
                "<script>f('/s/{{ q }}');</script>",
                "<script>f('/s/' + {{ q|tojson }});</script>",
            ),
            (
                "<script>f(`/{{ q }}`);</script>",
                "<script>f(`/${ {{ q|tojson }} }`);</script>",
            ),
            (
                "<a onclick=\"f('{{ q }}')\">",
                "<a onclick=\"f({{ q|tojson|forceescape }})\">",
            ),
            (
                "<a onclick='f(\"{{ q }}\")'>",
                "<a onclick='f({{ q|tojson|forceescape }})'>",
            ),
            (
                "<a data-x=\"{{ q|tojson }}\">",
                "<a data-x=\"{{ q|tojson|forceescape }}\">",
            ),
        ] {
            assert_eq!(mended(before).as_deref(), Some(after), "{before}");
        }
    }

    #[test]
    fn harmless_places_and_values_are_left_alone() {
        for page in [
            "<input value=\"{{ q }}\">",
            "<a href=/x/{{ n }} id={{ loop.index }} class={{ 'a' if q else 'b' }}>",
            "<a href={{ url_for('index', q=q) }}>",
            "<option value={{ row.id }}>",
            "<a href=\"/s?q={{ q }}\">",
            "<a href=\"{{ to }}\">",
            "<a href=\"{{ url_for('x') }}{{ q }}\">",
            "<a href=\"{{ request.url }}\">",
            "<img src=\"{{ q }}\">",
            "<a href=\"{{ q if q.startswith('https://') else '/' }}\">",
            "{% if q.startswith('https://') %}<a href=\"{{ q }}\">{% endif %}",
            "<script>var q = {{ q|tojson }}, n = {{ n }}, c = {{ config_data|safe }};</script>",
            "<script>// {{ n }}\n/* {{ rows }} */</script>",
            "<script type=\"text/template\">{{ q }}</script>",
            "<a data-x='{{ q|tojson }}' onclick='f({{ q|tojson }})'>",
            "<p>{{ q }}</p><!-- {{ q }} -->",
            "<a href=\"{{ item.url }}\">",
        ] {
            assert_eq!(mended(page), None, "{page}");
        }
    }

    #[test]
    fn some_places_are_left_to_a_person() {
        for page in [
            "<script>// {{ q }}\n</script>",
            "<p {{ q }}>",
            "<iframe src=\"{{ q }}\">",
        ] {
            let texts = [("app.py", APP), ("templates/page.html", page)];
            assert_eq!(findings(&TemplateAttribute, &texts).len(), 1, "{page}");
            let patch = crate::strategies::testing::patch(&TemplateAttribute, &texts);
            assert_eq!(patch.kind, PatchKind::Manual, "{page}");
        }
    }

    #[test]
    fn quotes_fit_the_literal_around_them() {
        let source = |page: &str| {
            format!(
                "from flask import Flask, render_template_string, request\napp = Flask('x')\n\n@app.route('/')\n\
                      def f():\n    return render_template_string({page}, q=request.args['q'])\n"
            )
        };
        for (before, after) in [
            ("\"<a b={{ q }}>\"", "\"<a b='{{ q }}'>\""),
            ("'<a b={{ q }}>'", "'<a b=\"{{ q }}\">'"),
            ("'''<a b={{ q }}>'''", "'''<a b=\"{{ q }}\">'''"),
        ] {
            let text = source(before);
            assert_eq!(
                apply(&TemplateAttribute, &[("app.py", &text)], "app.py"),
                source(after)
            );
        }
    }
}
