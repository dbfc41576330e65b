use std::sync::Arc;

use super::*;
use crate::model::Model;

const APP: &str = "from flask import Flask, render_template, render_template_string, request\n\
app = Flask(__name__)\n\
@app.route('/')\ndef index():\n    q = request.args.get('q')\n    \
return render_template('page.html', q=q, n=len(q), static='x')\n";

fn model(texts: &[(&str, &str)]) -> Model {
    Model::build(Arc::new(Repository::from_texts(texts.iter().copied())))
}

/// Every output that a client's value reaches: `expression: place[, raw][, json]`.
fn clients(texts: &[(&str, &str)]) -> Vec<String> {
    let model = model(texts);
    let templates = &model.templates;
    let mut shown = Vec::new();
    for (id, template) in templates.iter() {
        for output in &template.outputs {
            for part in &output.parts {
                for (part, _) in templates.clients(id, part) {
                    let place = match &output.place {
                        Place::Attribute(value) => format!("{}={:?}", value.attribute, value.quote),
                        other => format!("{other:?}"),
                    };
                    let raw = if part.raw.is_some() { ", raw" } else { "" };
                    let json = if part.encoding == Encoding::Json {
                        ", json"
                    } else {
                        ""
                    };
                    let off = if output.escaping == Escaping::On {
                        ""
                    } else {
                        ", off"
                    };
                    let expr = template.source(output.expr);
                    shown.push(format!("{expr}: {place}{raw}{json}{off}"));
                }
            }
        }
    }
    shown
}

fn page(template: &str) -> Vec<String> {
    clients(&[("app.py", APP), ("templates/page.html", template)])
}

#[test]
fn clients_values_are_followed_to_their_place() {
    for (template, expected) in [
        (
            "<p>{{ q }} {{ n }} {{ static }} {{ other }}</p>",
            vec!["q: Text"],
        ),
        ("<a href={{ q }}>", vec!["q: href=None"]),
        ("{{ q|safe }}", vec!["q|safe: Text, raw"]),
        (
            "{{ q|length }}{{ q == 1 }}{{ url_for('x', q=q) }}{{ q|urlencode }}",
            vec![],
        ),
        (
            "{{ q if q else '' | safe }}",
            vec!["q if q else '' | safe: Text"],
        ),
        (
            "{{ ('<b>' ~ q)|safe }}",
            vec!["('<b>' ~ q)|safe: Text, raw"],
        ),
        (
            "{% set x = q|upper %}{{ x|safe }}",
            vec!["x|safe: Text, raw"],
        ),
        ("{% set x = q|safe %}{{ x }}", vec!["x: Text, raw"]),
        (
            "{% for c in q %}{{ c }}{{ loop.index }}{% endfor %}",
            vec!["c: Text"],
        ),
        ("{% with y=q %}{{ y }}{% endwith %}{{ y }}", vec!["y: Text"]),
        (
            "{% autoescape false %}{{ q }}{{ q|e }}{% endautoescape %}{{ q }}",
            vec!["q: Text, off", "q|e: Text, off", "q: Text"],
        ),
        (
            "<script>var x = {{ q|tojson|safe }};</script>",
            vec!["q|tojson|safe: Script(Code), raw, json"],
        ),
        (
            "{{ request.args.x }}{{ request.method }}{{ request.args.get('y') }}",
            vec!["request.args.x: Text", "request.args.get('y'): Text"],
        ),
        (
            "{% macro m(v) %}<i title={{ v }}>{% endmacro %}{{ m(q) }}{{ m('x') }}",
            vec!["v: title=None"],
        ),
        (
            "{{ _('x %(q)s', q=q) }}{{ render(q) }}{{ q.count('x') }}",
            vec![],
        ),
        (
            "{% if a %}<b class=\"{% else %}<b id=\"{% endif %}{{ q }}\">",
            vec!["q: id=Some('\"')"],
        ),
        (
            "{% if a %}<b>{% else %}<b {{ q }}>{% endif %}{{ q }}",
            vec!["q: Tag", "q: Text"],
        ),
    ] {
        assert_eq!(page(template), expected, "{template}");
    }
}

#[test]
fn inheritance_includes_and_macros_are_followed() {
    let base = "<script>{% block js %}{% endblock %}</script>{% block body %}{% endblock %}{{ q }}";
    let texts = [
        ("app.py", APP),
        ("templates/base.html", base),
        (
            "templates/macros.html",
            "{% macro link(to, text='') %}<a href=\"{{ to }}\">{{ text }}</a>{% endmacro %}",
        ),
        ("templates/row.html", "<td>{{ item.name|safe }}</td>"),
        ("templates/part.js", "f({{ q }})"),
        (
            "templates/page.html",
            "{% extends 'base.html' %}{% import 'macros.html' as m %}{{ q|safe }}\
             {% block js %}{{ q }}{% include 'part.js' %}{% endblock %}\
             {% block body %}{% for item in q %}{% include 'row.html' %}{% endfor %}{{ m.link(q, text='x') }}{% endblock %}",
        ),
    ];
    assert_eq!(
        clients(&texts),
        [
            "q: Text",
            "to: href=Some('\"')",
            "q: Script(Code)",
            "q: Script(Code), off",
            "item.name|safe: Text, raw",
        ]
    );
}

#[test]
fn constants_in_the_code_are_templates() {
    let source = "from flask import Flask, render_template_string as r, request\napp = Flask('x')\n\
                  PAGE = '<a href={{ u }}>'\n@app.route('/')\ndef f():\n    u = request.args['u']\n    \
                  r('<b>{{ v|safe }}', v=u)\n    return r(PAGE, u=u)\n";
    assert_eq!(
        clients(&[("app.py", source)]),
        ["v|safe: Text, raw", "u: href=None"]
    );
    let model = model(&[("app.py", source)]);
    let (_, template) = model.templates.iter().next().unwrap();
    let place = template.location(template.outputs[0].span);
    assert_eq!(&source[place.span.start..place.span.end], "{{ v|safe }}");
}

#[test]
fn applications_turn_escaping_off_and_choose_delimiters() {
    let off = |line: &str| {
        let app = format!("{APP}{line}\n");
        clients(&[("app.py", &app), ("templates/page.html", "{{ q }}")])
    };
    for line in [
        "app.jinja_env.autoescape = False",
        "app.jinja_options = {'autoescape': False}",
        "app.jinja_options['autoescape'] = False",
        "app.jinja_options.update(autoescape=lambda name: False)",
        "app.select_jinja_autoescape = lambda name: False",
        "class A(Flask):\n    def select_jinja_autoescape(self, filename):\n        return False",
        "class A(Flask):\n    jinja_options = dict(Flask.jinja_options, autoescape=False)",
    ] {
        assert_eq!(off(line), ["q: Text, off"], "{line}");
    }
    for line in [
        "app.jinja_env.autoescape = True",
        "app.jinja_options = {'autoescape': select_autoescape()}",
        "env.autoescape = False",
    ] {
        assert_eq!(off(line), ["q: Text"], "{line}");
    }
    let vue = format!(
        "{APP}app.jinja_env.variable_start_string = '[['\napp.jinja_env.variable_end_string = ']]'\n"
    );
    let texts = [
        ("app.py", vue.as_str()),
        ("templates/page.html", "{{ q }} [[ q ]]"),
    ];
    assert_eq!(clients(&texts).len(), 1);
}

#[test]
fn names_decide_over_escaping() {
    let app = APP.replace("page.html", "page.html.j2");
    let texts = [
        ("app.py", app.as_str()),
        ("templates/page.html.j2", "{{ q }}"),
    ];
    assert_eq!(clients(&texts), ["q: Text, off"]);
    let model = model(&texts);
    let (id, template) = model.templates.iter().next().unwrap();
    assert!(template.is_html());
    assert!(model.templates.is_rendered(id));
}

#[test]
fn without_flask_there_are_no_templates() {
    let texts = [
        ("app.py", "import werkzeug\n"),
        ("templates/page.html", "{{ q }}"),
    ];
    assert!(model(&texts).templates.is_empty());
}

#[test]
fn cycles_end() {
    let texts = [
        ("app.py", APP),
        (
            "templates/page.html",
            "{% extends 'b.html' %}{% block x %}{% include 'page.html' %}{{ q }}{% endblock %}",
        ),
        (
            "templates/b.html",
            "{% extends 'page.html' %}{% set q = q %}{% macro m(v) %}{{ m(v) }}{{ v }}{% endmacro %}",
        ),
    ];
    clients(&texts);
}
