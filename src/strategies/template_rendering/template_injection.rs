//! `template-injection`: no request value is part of a template's source.

use std::collections::BTreeMap;

use ruff_python_ast::{AnyNodeRef, Expr, ExprCall};
use ruff_text_size::Ranged as _;

use crate::edit::arguments::add_keywords_beside;
use crate::edit::imports::name_for;
use crate::edit::insertion;
use crate::finding::{Edit, Finding, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::model::flow::{Sink, SinkCall};
use crate::model::modules::ModuleId;
use crate::parse::python::Module;
use crate::strategies::strategy::TEMPLATE_RENDERING;
use crate::strategies::template_rendering::html_response;
use crate::strategies::{About, Answers, Control, flowing};
use crate::text::Span;

pub struct TemplateInjection;

static ABOUT: About = About {
    id: "template-injection",
    title: "No request value is part of a template's source",
    strategy: &TEMPLATE_RENDERING,
    threats: &["template-injection", "cross-site-scripting"],
    severity: Severity::Critical,
    page: include_str!("../../../assets/controls/template-injection.md"),
};

impl Control for TemplateInjection {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let calls = model.flows.of_sink(|sink| *sink == Sink::TemplateSource);
        let absence = "no template is made from a string";
        flowing::verdict(calls, absence, |call| {
            if call.name.contains("Sandboxed") {
                return Some(in_a_sandbox(call));
            }
            let message = format!(
                "A client's value ({}) becomes part of the template that {}() compiles: \
                 `{{{{ … }}}}` in it runs on the server. Escaping it first does not help.",
                flowing::sources(call),
                flowing::short(&call.name)
            );
            Some(flowing::finding(
                ABOUT.id,
                call,
                Severity::Critical,
                message,
            ))
        })
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        let wanted = |call: &SinkCall| call.sink == Sink::TemplateSource;
        flowing::call_of(model, finding, wanted)
            .and_then(|call| pass_as_context(model, call))
            .unwrap_or_else(by_hand)
    }
}

/// Jinja's sandbox is made for templates of others: what is left is what it is handed, time
/// and memory.
fn in_a_sandbox(call: &SinkCall) -> Finding {
    let message = format!(
        "A client's value ({}) becomes a template in Jinja's sandbox: it cannot reach Python, but \
         it reads whatever it is handed and can use up time and memory, and sandboxes have had \
         ways out. Keep Jinja updated.",
        flowing::sources(call)
    );
    flowing::finding(ABOUT.id, call, Severity::Low, message)
}

fn by_hand() -> Patch {
    Patch::manual(
        "Make the template constant and pass the value as a variable",
        vec![
            "Write the template without the value, with `{{ name }}` in its place, and pass \
             name=value where it is rendered. How this template is put together is more than \
             the tool can rewrite."
                .into(),
        ],
    )
}

/// A value that leaves the template's source: where it stands, its text, its variable.
struct Moved {
    span: Span,
    text: String,
    variable: String,
}

fn pass_as_context(model: &Model, sink: &SinkCall) -> Option<Patch> {
    let file = model.modules.by_path(&sink.call.path)?;
    let module = model.modules.get(file);
    let call = module.call_at(sink.call.span)?;
    let render = rendering_call(model, module, file, call)?;
    let spans = inserted_here(model, sink)?;
    let cannot = |span: &Span| repeats(module, *span, sink.call.span) || is_raw(module, *span);
    if spans.iter().any(cannot) {
        return None;
    }
    let mut moved = name_values(model, file, render, &spans, sink.call.span)?;
    let holes: Vec<(Span, String)> = moved
        .iter()
        .map(|value| (value.span, format!("{{{{ {} }}}}", value.variable)))
        .collect();
    let is_whole = spans.len() == 1 && spans[0] == sink.argument;
    let changes = if is_whole {
        vec![(sink.argument, format!("\"{}\"", holes[0].1))]
    } else {
        insertion::to_jinja(module, &holes)?
    };
    let mut patch = if is_whole {
        Patch::new(
            PatchKind::Review,
            "Show the value as text instead of compiling it",
            "No client can choose a template; what it sends is shown as text",
        )
        .may_break("Clients can no longer send templates of their own, if that was meant.")
    } else {
        Patch::new(
            PatchKind::Safe,
            "Pass the value to the template as a variable",
            "The template's source is constant; the value is escaped and never run",
        )
    };
    // Flask's environment escapes what `render_template_string` renders; a bare
    // `jinja2.Template` or `Environment` does not.
    if !sink.name.starts_with("flask.") {
        let (escape, import) = name_for(model, file, sink.call.span.start, "markupsafe", "escape");
        for value in &mut moved {
            value.text = format!("{escape}({})", value.text);
        }
        patch = patch.edits(import);
    }
    patch = patch.edits(
        changes
            .iter()
            .map(|(span, text)| Edit::replace(module.path(), *span, text.as_str())),
    );
    let mut variables: BTreeMap<&str, &str> = BTreeMap::new();
    for value in &moved {
        variables.insert(&value.variable, &value.text);
    }
    let arguments: Vec<(&str, &str)> = moved
        .iter()
        .filter(|value| variables.remove(value.variable.as_str()).is_some())
        .map(|value| (value.variable.as_str(), value.text.as_str()))
        .collect();
    if arguments.is_empty() {
        return None;
    }
    patch = patch.edits(add_keywords_beside(module, render, &arguments, &changes));
    Some(patch)
}

/// Whether a variable may not be rendered where the value at `span` enters: `{% raw %}` shows
/// its braces.
fn is_raw(module: &Module, span: Span) -> bool {
    let statement = module.statement_at(span);
    let text = statement.map_or("", |it| module.source(it.range()));
    ["raw %}", "raw -%}", "{%raw%}"]
        .iter()
        .any(|tag| text.contains(tag))
}

/// Whether the value at `span` may be another one each time, and the template at `sink` takes
/// them all: one variable cannot stand for them.
fn repeats(module: &Module, span: Span, sink: Span) -> bool {
    module.ancestors(span).into_iter().any(|node| {
        let is_loop = matches!(
            node,
            AnyNodeRef::StmtFor(_)
                | AnyNodeRef::StmtWhile(_)
                | AnyNodeRef::ExprListComp(_)
                | AnyNodeRef::ExprSetComp(_)
                | AnyNodeRef::ExprDictComp(_)
                | AnyNodeRef::ExprGenerator(_)
                | AnyNodeRef::ExprLambda(_)
        );
        is_loop && !Span::from(node.range()).contains(sink)
    })
}

/// The expressions through which the values enter the source, all in the sink's own function.
fn inserted_here(model: &Model, sink: &SinkCall) -> Option<Vec<Span>> {
    let function = sink.function?;
    let mut pieces = flowing::pieces(sink).iter();
    if pieces.any(|piece| piece.inserted.is_none() && piece.span.is_none()) {
        return None;
    }
    let mut spans = Vec::new();
    for at in html_response::places_in_html(model, sink) {
        if at.path != sink.call.path || !function.contains(at.span) {
            return None;
        }
        spans.push(at.span);
    }
    spans.sort();
    Some(spans)
}

/// The call that takes the context: `render_template_string` itself, or the `.render(…)` of
/// `Template(source)` and `from_string(source)`.
fn rendering_call<'m>(
    model: &Model,
    module: &'m Module,
    file: ModuleId,
    call: &'m ExprCall,
) -> Option<&'m ExprCall> {
    let span = Span::from(call.range());
    let callee = model.names.callee(&model.modules, file, &call.func);
    let takes_context = callee.as_ref().and_then(|callee| callee.external());
    if takes_context.is_some_and(|name| name.ends_with("_template_string")) {
        return Some(call);
    }
    let path = module.ancestors(span);
    let mut outer = path.iter().rev().skip(1);
    let (Some(AnyNodeRef::ExprAttribute(method)), Some(AnyNodeRef::ExprCall(render))) =
        (outer.next(), outer.next())
    else {
        return None;
    };
    (method.attr.as_str() == "render").then_some(*render)
}

/// Gives each value a context variable that the rendering call does not use for another one.
fn name_values(
    model: &Model,
    file: ModuleId,
    render: &ExprCall,
    spans: &[Span],
    sink: Span,
) -> Option<Vec<Moved>> {
    let module = model.modules.get(file);
    let keywords = render.arguments.keywords.iter();
    let mut taken: BTreeMap<String, String> = keywords
        .filter_map(|keyword| {
            let name = keyword.arg.as_ref()?.to_string();
            Some((name, module.source(keyword.value.range()).to_owned()))
        })
        .collect();
    let mut moved = Vec::new();
    for span in spans {
        let expr = unescaped(model, file, module.expression_at(*span)?);
        if !still_means_the_same(model, file, expr, *span, sink) {
            return None;
        }
        let text = module.source(expr.range()).to_owned();
        let base = variable_for(expr);
        let mut names = std::iter::once(base.clone()).chain((2..).map(|n| format!("{base}_{n}")));
        let variable = names.find(|name| taken.get(name).is_none_or(|known| *known == text))?;
        taken.insert(variable.clone(), text.clone());
        moved.push(Moved {
            span: *span,
            text,
            variable,
        });
    }
    Some(moved)
}

/// `escape(value)` → `value`: Jinja escapes it now, and twice would be wrong.
fn unescaped<'m>(model: &Model, file: ModuleId, expr: &'m Expr) -> &'m Expr {
    let Expr::Call(call) = expr else {
        return expr;
    };
    let callee = model.names.callee(&model.modules, file, &call.func);
    let name = callee.as_ref().and_then(|callee| callee.external());
    match (name, &*call.arguments.args) {
        (Some("markupsafe.escape" | "html.escape" | "cgi.escape"), [value]) => value,
        (_, _) if matches!(&*call.func, Expr::Name(name) if name.id.as_str() == "str") => {
            match &*call.arguments.args {
                [Expr::Call(_)] => unescaped(model, file, &call.arguments.args[0]),
                _ => expr,
            }
        }
        _ => expr,
    }
}

/// Whether no name in `expr` is bound again between the place where the value entered the text
/// and the call that now takes it.
fn still_means_the_same(
    model: &Model,
    file: ModuleId,
    expr: &Expr,
    from: Span,
    sink: Span,
) -> bool {
    if from.start >= sink.start {
        return true;
    }
    let module = model.modules.get(file);
    let text = module.source(expr.range());
    let words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .collect();
    let scope = model.names.scopes(file).at(sink.start);
    !scope.bindings.iter().any(|(name, bindings)| {
        words.contains(&&**name)
            && bindings
                .iter()
                .any(|binding| from.end <= binding.span.start && binding.span.start < sink.start)
    })
}

/// A name for the context: that of the variable, the attribute, or the request's key.
fn variable_for(expr: &Expr) -> String {
    let name = match expr {
        Expr::Name(name) => name.id.to_string(),
        Expr::Attribute(attribute) => attribute.attr.to_string(),
        Expr::Subscript(subscript) => constant(&subscript.slice),
        Expr::Call(call) => call
            .arguments
            .args
            .first()
            .map_or_else(String::new, constant),
        _ => String::new(),
    };
    let is_identifier = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    // Flask puts these into every context, and Python and Jinja have words of their own.
    let is_taken = matches!(
        name.as_str(),
        "request"
            | "session"
            | "g"
            | "config"
            | "self"
            | "loop"
            | "source"
            | "class"
            | "from"
            | "import"
            | "in"
            | "is"
            | "not"
            | "and"
            | "or"
            | "if"
            | "else"
            | "for"
            | "true"
            | "false"
            | "none"
            | "True"
            | "False"
            | "None"
            | "def"
            | "return"
            | "lambda"
            | "pass"
    );
    if is_identifier && !is_taken {
        name
    } else {
        "value".to_owned()
    }
}

fn constant(expr: &Expr) -> String {
    match expr {
        Expr::StringLiteral(literal) => literal.value.to_str().replace('-', "_"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{apply, findings, patch};

    const HEAD: &str = "from flask import Flask, render_template_string, request\nfrom jinja2 import Template\nfrom markupsafe import escape\n\napp = Flask(__name__)\n\n\n@app.route('/hi')\ndef hi():\n    name = request.args.get('name', '')\n";

    fn after(body: &str) -> String {
        let source = format!("{HEAD}{body}");
        assert_eq!(
            findings(&TemplateInjection, &[("app.py", &source)]).len(),
            1,
            "{source}"
        );
        let text = apply(&TemplateInjection, &[("app.py", &source)], "app.py");
        assert_eq!(
            findings(&TemplateInjection, &[("app.py", &text)]),
            [""; 0],
            "{text}"
        );
        text.strip_prefix(HEAD).unwrap_or(&text).to_owned()
    }

    #[test]
    fn values_become_variables() {
        for (before, expected) in [
            (
                "    return render_template_string(f\"<h1>{name}</h1>\")\n",
                "    return render_template_string(\"<h1>{{ name }}</h1>\", name=name)\n",
            ),
            (
                "    return render_template_string(\"<h1>%s</h1>\" % escape(name))\n",
                "    return render_template_string(\"<h1>{{ name }}</h1>\", name=name)\n",
            ),
            (
                "    return render_template_string(\"<h1>\" + request.args['q'] + \"</h1>\")\n",
                "    return render_template_string(\"<h1>{{ q }}</h1>\", q=request.args['q'])\n",
            ),
            (
                "    template = \"<h1>{}</h1>\".format(name)\n    return render_template_string(template)\n",
                "    template = \"<h1>{{ name }}</h1>\"\n    return render_template_string(template, name=name)\n",
            ),
            (
                "    return Template(\"Hi \" + name).render()\n",
                "    return Template(\"Hi {{ name }}\").render(name=escape(name))\n",
            ),
        ] {
            assert_eq!(after(before), expected);
        }
    }

    #[test]
    fn values_of_a_loop_are_more_than_one_variable() {
        for body in [
            "    page = ''\n    for part in name.split():\n        page += f'<p>{part}</p>'\n    return render_template_string(page)\n",
            "    page = ''.join(f'<p>{part}</p>' for part in name.split())\n    return render_template_string(page)\n",
            "    page = '{{% raw %}}<p>{}</p>{{% endraw %}}'.format(name)\n    return render_template_string(page)\n",
        ] {
            let source = format!("{HEAD}{body}");
            let patch = patch(&TemplateInjection, &[("app.py", &source)]);
            assert_eq!(patch.kind, PatchKind::Manual, "{body}");
        }
        let each = "    pages = []\n    for part in name.split():\n        pages.append(render_template_string(f'<p>{part}</p>'))\n    return ''.join(pages)\n";
        assert!(after(each).contains("'<p>{{ part }}</p>', part=part"));
    }

    #[test]
    fn a_whole_template_needs_a_review() {
        let source = format!("{HEAD}    return render_template_string(name)\n");
        let patch = patch(&TemplateInjection, &[("app.py", &source)]);
        assert_eq!(patch.kind, PatchKind::Review);
    }

    #[test]
    fn context_variables_are_fine() {
        let source = format!(
            "{HEAD}    return render_template_string('<h1>{{{{ name }}}}</h1>', name=name)\n"
        );
        assert_eq!(
            findings(&TemplateInjection, &[("app.py", &source)]),
            [""; 0]
        );
    }
}
