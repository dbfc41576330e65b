//! `template-attribute`: values stand in quoted attributes, none chooses a link's scheme or
//! enters a script unencoded. Autoescaping helps in none of these places.

use super::encode;
use super::values::{self, Arrival};
use crate::finding::{Confidence, Evidence, Finding, Patch, Severity, Verdict};
use crate::model::Model;
use crate::model::flow::Facts;
use crate::model::templates::{Encoding, Origin, Output, Part, Template, TemplateId};
use crate::parse::html::{Js, Place, Value};
use crate::strategies::strategy::TEMPLATE_RENDERING;
use crate::strategies::{About, Answers, Control};
use crate::text::Span;

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
pub(super) enum Weakness {
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
            encode::mend(model, template, output, weakness, arrival.as_ref())
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
            Some(_) if is_in_script_link(template, output, value) => Some(Weakness::Handler),
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

/// Whether the output stands behind `javascript:` in a link.
fn is_in_script_link(template: &Template, output: &Output, value: &Value) -> bool {
    let before = template.source(Span::new(value.start, output.span.start.max(value.start)));
    let start = before.trim_start().get(..SCRIPT_SCHEME.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(SCRIPT_SCHEME))
}

const SCRIPT_SCHEME: &str = "javascript:";

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
                && !client.has.contains(Facts::LINK)
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
        Weakness::Link => parts.any(|part| !part.is_checked && values::is_user_link_by_name(part)),
        Weakness::Text(_) | Weakness::Handler => parts.any(values::is_user_text_by_name),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::PatchKind;
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
            "{% for r in rows['x'] %}<a href=\"{{ r.user.website if (r.user.website or '').startswith(('https://', '/')) else '#' }}\">{% endfor %}",
            "{% for r in rows %}{% if r.user.website.startswith('https://') %}<a href=\"{{ r.user.website }}\">{% endif %}{% endfor %}",
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
    #[test]
    fn a_stored_link_is_mended() {
        let files = |page| {
            let view = "from flask import Flask, render_template\napp = Flask('x')\n\n@app.route('/')\n\
                        def f():\n    return render_template('p.html', post=load())\n";
            [("app.py", view), ("templates/p.html", page)]
        };
        let before = files("<a href=\"{{ post.user.website }}\">w</a>\n");
        assert_eq!(findings(&TemplateAttribute, &before).len(), 1);
        let after = apply(&TemplateAttribute, &before, "templates/p.html");
        assert_eq!(
            findings(&TemplateAttribute, &files(&after)),
            [""; 0],
            "{after}"
        );
    }
}
