//! `autoescape`: escaping is on wherever HTML is made.

use super::environments::{self, Autoescape as Setting, Environment, Uses};
use super::values;
use crate::edit::arguments::add_keyword;
use crate::edit::imports::name_for;
use crate::finding::{Confidence, Edit, Evidence, Finding, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::model::templates::{
    Encoding, Escaping, Output, Override, OverrideKind, Template, TemplateId, is_escaped_name,
};
use crate::parse::html::Place;
use crate::parse::jinja::{Piece, StatementKind};
use crate::strategies::strategy::TEMPLATE_RENDERING;
use crate::strategies::{About, Answers, Control};
use crate::text::Span;

pub struct Autoescape;

static ABOUT: About = About {
    id: "autoescape",
    title: "Escaping is on wherever HTML is made",
    strategy: &TEMPLATE_RENDERING,
    threats: &["cross-site-scripting"],
    severity: Severity::High,
    page: include_str!("../../../assets/controls/autoescape.md"),
};

impl Control for Autoescape {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let mut findings = Vec::new();
        let mut evidence = Vec::new();
        for change in &model.templates.overrides {
            match change.kind {
                OverrideKind::Off => findings.push(turned_off(change)),
                OverrideKind::On | OverrideKind::Extensions(_) => evidence.push(Evidence::new(
                    change.statement.clone(),
                    "sets what is escaped",
                )),
                OverrideKind::Unknown => {}
            }
        }
        let mut escaped = 0usize;
        let mut first = None;
        for (id, template) in model.templates.iter() {
            match template.escaping {
                Escaping::OffByName => findings.extend(raw_page(model, id, template)),
                Escaping::On if !template.outputs.is_empty() => {
                    escaped += 1;
                    first = first.or(Some(template));
                }
                _ => {}
            }
        }
        if let Some(first) = first {
            evidence.push(Evidence::new(
                first.location(Span::at(0)),
                format!("is escaped by Flask, as {escaped} templates are"),
            ));
        }
        for environment in environments::find(model) {
            if let Setting::On = environment.autoescape {
                evidence.push(Evidence::new(
                    environment.location.clone(),
                    "sets autoescape",
                ));
            }
            findings.extend(judge(model, &environment));
        }
        if findings.is_empty() && evidence.is_empty() {
            return Verdict::not_applicable("nothing renders templates as HTML");
        }
        Verdict::from_findings(findings, evidence)
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        let overrides = model.templates.overrides.iter();
        if let Some(change) = overrides
            .filter(|it| it.kind == OverrideKind::Off)
            .find(|it| it.statement == finding.location)
        {
            return turn_on(model, change);
        }
        if let Some(environment) = environments::find(model)
            .into_iter()
            .find(|it| it.location == finding.location)
        {
            return escape_environment(model, &environment);
        }
        match values::place_of(model, finding) {
            Some((_, template, _)) => escape_template(template),
            None => by_hand(),
        }
    }
}

fn by_hand() -> Patch {
    Patch::manual(
        "Turn escaping on",
        vec!["Let the function return True for every template that makes HTML.".into()],
    )
}

fn turned_off(change: &Override) -> Finding {
    let message = "The application turns Jinja's escaping off: every value in every template \
                   reaches the page as HTML, a client's too.";
    Finding::new(ABOUT.id, change.statement.clone(), Severity::High, message).subject("autoescape")
}

fn turn_on(model: &Model, change: &Override) -> Patch {
    let source = |place: &crate::text::Location| {
        let file = model.repo.file(&place.path);
        file.map_or("", |file| file.text.slice(place.span))
            .to_owned()
    };
    let statement = source(&change.statement);
    let patch = Patch::new(
        PatchKind::Review,
        "Leave escaping to Flask",
        "Values in .html, .htm, .xml, .xhtml and .svg templates are escaped",
    )
    .may_break("values that hold HTML on purpose are shown as text until they are marked as safe");
    let value = &change.value;
    let replacement = match statement.split_once(".jinja_env.autoescape") {
        Some((owner, _)) => format!("{}.select_jinja_autoescape", owner.trim()),
        None if statement.starts_with("def ") => return by_hand(),
        None => "True".to_owned(),
    };
    let replacement = match source(value).starts_with("lambda") {
        true => "lambda name: True".to_owned(),
        false => replacement,
    };
    patch.edit(Edit::replace(&value.path, value.span, replacement))
}

/// A page that Flask does not escape because of its file's name, where it puts out text.
fn raw_page(model: &Model, id: TemplateId, template: &Template) -> Option<Finding> {
    if !template.is_html() || !model.templates.is_rendered(id) {
        return None;
    }
    let name = template.path().rsplit('/').next().unwrap_or_default();
    let why = format!(
        "{name} is not escaped: Flask escapes .html, .htm, .xml, .xhtml and .svg only, as written"
    );
    let open: Vec<&Output> = template.outputs.iter().filter(|it| is_open(it)).collect();
    for output in &open {
        let arrival = values::arrival(model, id, output, |part, _| {
            part.encoding == Encoding::None && part.raw.is_none() && !part.transformed
        });
        if let Some(arrival) = arrival {
            let message = format!(
                "{why}. A client's value ({}) in {} reaches the page as HTML.",
                arrival.client.source,
                values::short(template, output)
            );
            let finding = values::finding(
                ABOUT.id,
                template,
                output,
                &arrival,
                Severity::High,
                message,
            );
            return Some(finding.subject(name));
        }
    }
    let doubtful = open.into_iter().find(|output| {
        let mut parts = output.parts.iter();
        parts.any(|part| values::is_unknown_text(part) && !model.templates.is_harmless(id, part))
    })?;
    let message = format!(
        "{why}. {} reaches the page as HTML.",
        values::short(template, doubtful)
    );
    let place = template.location(doubtful.span);
    Some(
        Finding::new(ABOUT.id, place, Severity::Medium, message)
            .confidence(Confidence::Medium)
            .subject(name),
    )
}

/// Whether an output is HTML and nothing escapes it.
fn is_open(output: &Output) -> bool {
    output.escaping == Escaping::OffByName
        && matches!(
            output.place,
            Place::Text | Place::Attribute(_) | Place::Tag | Place::Data
        )
        && output.parts.iter().any(|part| part.raw.is_none())
}

/// `{% autoescape true %}` around the template, and inside each of its blocks, which Jinja
/// compiles by themselves.
fn escape_template(template: &Template) -> Patch {
    const BEGIN: &str = "{% autoescape true %}";
    const END: &str = "{% endautoescape %}";
    let name = template.path().rsplit('/').next().unwrap_or_default();
    let mut patch = Patch::new(
        PatchKind::Review,
        format!("Turn escaping on in {name}"),
        "Values are escaped, whatever the file is called",
    )
    .may_break("values that hold HTML on purpose are shown as text until they are marked as safe")
    .follow_up(format!(
        "Better still: rename {name} so that it ends in .html, and change the calls that render it."
    ));
    let path = template.path();
    let mut is_child = false;
    let mut depth = Vec::new();
    for piece in &template.parsed.pieces {
        let Piece::Statement(statement) = piece else {
            continue;
        };
        match &statement.kind {
            StatementKind::Extends(_) => is_child = true,
            StatementKind::Block(_) => depth.push(statement.span.end),
            StatementKind::End(kind) if kind == "block" => {
                let inside = |start: &usize| puts_out(template, *start, statement.span.start);
                if let Some(start) = depth.pop().filter(inside) {
                    patch = patch
                        .edit(Edit::insert(path, start, BEGIN))
                        .edit(Edit::insert(path, statement.span.start, END));
                }
            }
            _ => {}
        }
    }
    if is_child {
        return patch;
    }
    let end = template.text().trim_end().len();
    let start = template.text().len() - template.text().trim_start_matches('\u{feff}').len();
    patch
        .edit(Edit::insert(path, start, BEGIN))
        .edit(Edit::insert(path, end, END))
}

/// Whether values are put out between two places.
fn puts_out(template: &Template, start: usize, end: usize) -> bool {
    let span = Span::new(start, end.max(start));
    let mut outputs = template.parsed.outputs();
    outputs.any(|output| span.contains(output.span))
}

fn judge(model: &Model, environment: &Environment<'_>) -> Option<Finding> {
    if matches!(environment.autoescape, Setting::On | Setting::Unknown) {
        return None;
    }
    let uses = environments::uses(model, environment);
    if !uses.html && !uses.in_view {
        return None;
    }
    let class = environment.class.rsplit('.').next().unwrap_or_default();
    let (severity, place) = match uses.in_view {
        true => (Severity::High, "a view sends what it makes"),
        false => (Severity::Medium, "it renders HTML"),
    };
    let message = format!(
        "{class}() does not escape unless it is told to, and {place}: values in its templates \
         become HTML."
    );
    let confidence = match uses.html {
        true => Confidence::High,
        false => Confidence::Medium,
    };
    Some(
        Finding::new(ABOUT.id, environment.location.clone(), severity, message)
            .confidence(confidence)
            .subject(environment.class),
    )
}

fn escape_environment(model: &Model, environment: &Environment<'_>) -> Patch {
    let module = model.modules.get(environment.module);
    let uses = environments::uses(model, environment);
    let mut patch = Patch::new(
        PatchKind::Review,
        "Turn escaping on",
        "Values in HTML are escaped",
    )
    .may_break("values that hold HTML on purpose are shown as text until they are marked as safe");
    let value = match selects(environment, &uses) {
        true => {
            let at = environment.location.span.start;
            let (name, import) =
                name_for(model, environment.module, at, "jinja2", "select_autoescape");
            patch = patch.edits(import);
            format!("{name}()")
        }
        false => "True".to_owned(),
    };
    patch.edits(match environment.autoescape {
        Setting::Off(span) => vec![Edit::replace(module.path(), span, value)],
        _ => add_keyword(module, environment.call, "autoescape", &value),
    })
}

/// Whether names decide: `select_autoescape()` escapes .html, .htm, .xml and strings.
fn selects(environment: &Environment<'_>, uses: &Uses) -> bool {
    environment.class != "jinja2.Template"
        && uses.names.iter().all(|name| {
            let is_page = is_escaped_name(name, false) && !name.ends_with(".xhtml");
            is_page || !crate::model::templates::is_html_name(name)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{apply, findings};

    const APP: &str = "from flask import Flask, render_template, request\n\napp = Flask(__name__)\n\n\n\
        @app.route('/')\ndef index():\n    q = request.args.get('q', '')\n    \
        return render_template('NAME', q=q)\n";

    fn of_page(name: &str, page: &str) -> Vec<String> {
        let app = APP.replace("NAME", name);
        let path = format!("templates/{name}");
        findings(&Autoescape, &[("app.py", &app), (&path, page)])
    }

    #[test]
    fn pages_of_other_names_are_raw() {
        let page = "<p>{{ q }}</p>\n";
        for name in [
            "page.j2",
            "page.html.j2",
            "page.tpl",
            "PAGE.HTML",
            "page.jinja2",
        ] {
            let found = of_page(name, page);
            assert_eq!(found, [format!("templates/{name}:1")], "{name}");
        }
        for (name, page) in [
            ("page.html", page),
            ("page.xml", page),
            ("mail.txt", "Hi {{ q }} <https://x.example>\n"),
            (
                "page.j2",
                "<p>{{ q|e }} {{ q|length }} {{ url_for('x') }}</p>",
            ),
            ("nginx.conf.j2", "server_name {{ q }};"),
        ] {
            assert_eq!(of_page(name, page), [""; 0], "{name}");
        }
    }

    #[test]
    fn raw_pages_are_escaped_in_place() {
        for (before, after) in [
            (
                "<p>{{ q }}</p>\n",
                "{% autoescape true %}<p>{{ q }}</p>{% endautoescape %}\n",
            ),
            (
                "{% extends 'base.j2' %}{% block a %}<p>{{ q }}</p>{% endblock %}",
                "{% extends 'base.j2' %}{% block a %}{% autoescape true %}<p>{{ q }}</p>{% endautoescape %}{% endblock %}",
            ),
        ] {
            let app = APP.replace("NAME", "page.j2");
            let texts = [("app.py", app.as_str()), ("templates/page.j2", before)];
            let text = apply(&Autoescape, &texts, "templates/page.j2");
            assert_eq!(text, after);
            assert_eq!(of_page("page.j2", &text), [""; 0]);
        }
    }

    #[test]
    fn environments_escape_html() {
        let cases = [
            (
                "from jinja2 import Environment, FileSystemLoader\nenv = Environment(loader=FileSystemLoader('t'))\nenv.get_template('a.html').render()\n",
                Some(
                    "env = Environment(loader=FileSystemLoader('t'), autoescape=select_autoescape())",
                ),
            ),
            (
                "from jinja2 import Environment\nenv = Environment(autoescape=False)\nenv.get_template('a.html.j2').render()\n",
                Some("env = Environment(autoescape=True)"),
            ),
            (
                "import jinja2\ndef make():\n    return jinja2.Environment()\n\n\nclass A:\n    def __init__(self):\n        self.env = make()\n    def f(self):\n        return self.env.from_string('<p>{{ x }}</p>').render()\n",
                Some("    return jinja2.Environment(autoescape=jinja2.select_autoescape())"),
            ),
            (
                "from jinja2 import Template\nPAGE = '<b>{{ x }}</b>'\nTemplate(PAGE).render(x=1)\n",
                Some("Template(PAGE, autoescape=True).render(x=1)"),
            ),
            (
                "from jinja2 import Environment\nenv = Environment()\nenv.get_template('a.cfg').render()\n",
                None,
            ),
            (
                "from jinja2 import Environment\nenv = Environment(autoescape=True)\nenv.get_template('a.html').render()\n",
                None,
            ),
            (
                "from jinja2 import Environment\nenv = Environment(**options)\nenv.get_template('a.html').render()\n",
                None,
            ),
            (
                "from jinja2 import Template\nTemplate('{{ x }} items').render(x=1)\n",
                None,
            ),
            (
                "from string import Template\nTemplate('<b>$x</b>').substitute(x=1)\n",
                None,
            ),
        ];
        for (source, expected) in cases {
            let found = findings(&Autoescape, &[("make.py", source)]);
            assert_eq!(found.is_empty(), expected.is_none(), "{source}");
            if let Some(expected) = expected {
                let text = apply(&Autoescape, &[("make.py", source)], "make.py");
                assert!(text.contains(expected), "{text}");
                assert_eq!(
                    findings(&Autoescape, &[("make.py", &text)]),
                    [""; 0],
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn escaping_is_left_to_flask() {
        let source =
            "from flask import Flask\napp = Flask('x')\napp.jinja_env.autoescape = False\n";
        let after = source.replace("= False", "= app.select_jinja_autoescape");
        assert_eq!(findings(&Autoescape, &[("app.py", source)]), ["app.py:3"]);
        assert_eq!(apply(&Autoescape, &[("app.py", source)], "app.py"), after);
        assert_eq!(findings(&Autoescape, &[("app.py", &after)]), [""; 0]);
    }
}
