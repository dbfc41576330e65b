//! `inline-template`: templates live in files.

use ruff_python_ast::{Expr, ExprCall, ExprStringLiteral, Stmt};
use ruff_text_size::Ranged as _;

use crate::edit::imports::name_for;
use crate::finding::{Edit, Evidence, Finding, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::model::calls::CallSite;
use crate::model::modules::ModuleId;
use crate::parse::python::{Module, argument};
use crate::strategies::strategy::TEMPLATE_RENDERING;
use crate::strategies::{About, Answers, Control};
use crate::text::{Span, join_path};

pub struct InlineTemplate;

static ABOUT: About = About {
    id: "inline-template",
    title: "Templates live in files",
    strategy: &TEMPLATE_RENDERING,
    threats: &["template-injection"],
    severity: Severity::Low,
    page: include_str!("../../../assets/controls/inline-template.md"),
};

const RENDERERS: [(&str, &str); 2] = [
    ("flask.render_template_string", "render_template"),
    ("flask.stream_template_string", "stream_template"),
];

impl Control for InlineTemplate {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let findings: Vec<Finding> = constants(model).iter().map(finding).collect();
        let is_file =
            |(_, it): &(_, &crate::model::templates::Template)| !it.is_inline() && it.is_html();
        let first = model.templates.iter().find(is_file);
        let evidence: Vec<Evidence> = first
            .map(|(_, template)| {
                let place = template.location(Span::at(0));
                Evidence::new(place, "is a template in a file")
            })
            .into_iter()
            .collect();
        if findings.is_empty() && evidence.is_empty() {
            return Verdict::not_applicable("the application renders no templates");
        }
        Verdict::from_findings(findings, evidence)
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        let found = constants(model).into_iter();
        let mut found = found.filter(|it| it.site.location == finding.location);
        let patch = found.next().and_then(|it| to_file(model, &it));
        patch.unwrap_or_else(by_hand)
    }
}

/// One `render_template_string` of a constant.
struct Constant<'m> {
    site: &'m CallSite,
    call: &'m ExprCall,
    source: &'m Expr,
    home: ModuleId,
    literal: &'m ExprStringLiteral,
    /// What renders a file in its place.
    renderer: &'static str,
}

fn constants(model: &Model) -> Vec<Constant<'_>> {
    let mut found = Vec::new();
    for (callee, renderer) in RENDERERS {
        for site in model.calls.of(callee) {
            let constant = site.call(&model.modules).and_then(|call| {
                let source = argument(call, "source", Some(0))?;
                let (home, literal) =
                    model
                        .templates
                        .literal(&model.modules, &model.names, site.module, source)?;
                Some(Constant {
                    site,
                    call,
                    source,
                    home,
                    literal,
                    renderer,
                })
            });
            found.extend(constant);
        }
    }
    found.sort_by(|a, b| a.site.location.cmp(&b.site.location));
    found
}

fn finding(constant: &Constant<'_>) -> Finding {
    let message = "A template stands in the code. It is safe as it is; the next change that pastes \
                   a value into it lets clients run code on the server.";
    let place = constant.site.location.clone();
    Finding::new(ABOUT.id, place, Severity::Low, message).subject(constant.renderer)
}

fn by_hand() -> Patch {
    Patch::manual(
        "Move the template to a file",
        vec![
            "Put the text into a file below the application's templates folder and call \
             render_template with its name."
                .into(),
        ],
    )
}

fn to_file(model: &Model, constant: &Constant<'_>) -> Option<Patch> {
    let module = model.modules.get(constant.site.module);
    let folder = model.templates.folder_for(module.path())?;
    let (path, name) = free_name(model, constant, folder)?;
    let text = dedented(constant.literal.value.to_str());
    let offset = constant.call.range().start().to_usize();
    let (render, import) = name_for(
        model,
        constant.site.module,
        offset,
        "flask",
        constant.renderer,
    );
    let path_of = module.path();
    let mut patch = Patch::new(
        PatchKind::Review,
        format!("Move the template to {path}"),
        "The template is a file that nothing is pasted into",
    )
    .edits(import)
    .edit(Edit::create(path.as_str(), text))
    .edit(Edit::replace(path_of, constant.call.func.range(), render))
    .edit(Edit::replace(
        path_of,
        constant.source.range(),
        format!("\"{name}\""),
    ))
    .edit(Edit::drop_import_from(
        path_of,
        "flask",
        &format!("{}_string", constant.renderer),
    ))
    .may_break(
        "the first and last blank lines and the common indentation of the text are left out",
    );
    if let Some(edit) = without_constant(model, constant) {
        patch = patch.edit(edit);
    }
    Some(patch)
}

/// A name for the file: of the constant, else of the function around the call.
fn free_name(model: &Model, constant: &Constant<'_>, folder: &str) -> Option<(String, String)> {
    let module = model.modules.get(constant.site.module);
    let stem = match constant.source {
        Expr::Name(name) => name.id.to_lowercase(),
        _ => function_around(module, constant.site.location.span)?,
    };
    let stem = stem.trim_matches('_').to_owned();
    let stem = ["_template", "_html", "_page"]
        .iter()
        .find_map(|ending| stem.strip_suffix(ending))
        .map_or_else(|| stem.clone(), str::to_owned);
    let numbered = (2..20).map(|number| format!("{stem}_{number}"));
    // Another call of the same function may take the plain name: the place decides.
    let earlier = constants(model)
        .iter()
        .filter(|it| it.site.location < constant.site.location)
        .filter(|it| it.literal.range != constant.literal.range)
        .filter(|it| {
            let module = model.modules.get(it.site.module);
            function_around(module, it.site.location.span).is_some_and(|name| name == stem)
        })
        .count();
    let mut names = std::iter::once(stem.clone())
        .chain(numbered)
        .map(|stem| format!("{stem}.html"));
    let is_free = |name: &String| model.repo.file(&join_path(folder, name)).is_none();
    let name = names.by_ref().filter(is_free).nth(earlier)?;
    Some((join_path(folder, &name), name))
}

fn function_around(module: &Module, span: Span) -> Option<String> {
    let nodes = module.ancestors(span);
    nodes.into_iter().rev().find_map(|node| match node {
        ruff_python_ast::AnyNodeRef::StmtFunctionDef(function) => Some(function.name.to_string()),
        _ => None,
    })
}

/// The text without the indentation that its place in the code gives it, and with one newline
/// at its end.
fn dedented(text: &str) -> String {
    let body = text.trim_start_matches(['\r', '\n']).trim_end();
    let lines = || body.split('\n');
    let indent = lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start_matches([' ', '\t']).len())
        .min()
        .unwrap_or(0);
    let mut out: String = lines()
        .map(|line| line.get(indent..).unwrap_or("").trim_end())
        .collect::<Vec<_>>()
        .join("\n");
    out.push('\n');
    out
}

/// Takes the constant away that nothing uses any more.
fn without_constant(model: &Model, constant: &Constant<'_>) -> Option<Edit> {
    let Expr::Name(name) = constant.source else {
        return None;
    };
    if constant.home != constant.site.module {
        return None;
    }
    let module = model.modules.get(constant.home);
    let source = module.file.text.as_str();
    let is_name = |span: Span| source.get(span.start..span.end) == Some(name.id.as_str());
    let uses = module
        .tokens()
        .iter()
        .filter(|token| is_name(Span::from(token.range())))
        .count();
    let statement = module.statement_at(constant.literal.range.into())?;
    let Stmt::Assign(assign) = statement else {
        return None;
    };
    let is_plain = assign.targets.len() == 1 && assign.value.is_string_literal_expr();
    if uses != 2 || !is_plain {
        return None;
    }
    Some(Edit::replace(
        module.path(),
        with_blank_lines(module, statement.range().into()),
        "",
    ))
}

/// The lines of a statement, and the blank lines behind it.
fn with_blank_lines(module: &Module, span: Span) -> Span {
    let text = &module.file.text;
    let mut line = text.line_of(span.end) + 1;
    while line <= text.line_count() && text.line(line).trim().is_empty() {
        line += 1;
    }
    Span::new(
        text.line_start(text.line_of(span.start)),
        text.line_start(line),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{apply, findings, patch};

    fn app(body: &str) -> String {
        format!(
            "from flask import Flask, render_template_string, request\n\napp = Flask(__name__)\n\n{body}"
        )
    }

    #[test]
    fn constants_move_to_files() {
        let source = app(
            "\n@app.route('/')\ndef index():\n    return render_template_string(\"\"\"\n        <p>{{ x }}</p>\n          <b>y</b>\n    \"\"\", x=1)\n",
        );
        let texts = [("app.py", source.as_str())];
        assert_eq!(findings(&InlineTemplate, &texts), ["app.py:8"]);
        let after = app(
            "\n@app.route('/')\ndef index():\n    return render_template(\"index.html\", x=1)\n",
        )
        .replace(
            "render_template_string, request",
            "render_template, request",
        );
        assert_eq!(apply(&InlineTemplate, &texts, "app.py"), after);
        let patch = patch(&InlineTemplate, &texts);
        let created = patch.edits.iter().find_map(|edit| match edit {
            Edit::Create { path, text, .. } => Some((path.to_string(), text.clone())),
            _ => None,
        });
        let expected = (
            "templates/index.html".to_owned(),
            "<p>{{ x }}</p>\n  <b>y</b>\n".to_owned(),
        );
        assert_eq!(created, Some(expected));
    }

    #[test]
    fn a_constant_that_is_used_once_goes() {
        let source = app(
            "PAGE_HTML = '<p>{{ x }}</p>'\n\n\n@app.route('/')\ndef index():\n    return render_template_string(PAGE_HTML, x=1)\n",
        );
        let text = apply(&InlineTemplate, &[("app.py", &source)], "app.py");
        assert!(!text.contains("PAGE_HTML"), "{text}");
        assert!(
            text.contains("render_template(\"page.html\", x=1)"),
            "{text}"
        );
    }

    #[test]
    fn values_in_the_source_are_another_finding() {
        for body in [
            "def f(x):\n    return render_template_string(x)\n",
            "def f(x):\n    return render_template_string('<p>%s</p>' % x)\n",
            "def f(x):\n    return render_template_string(f'<p>{x}</p>')\n",
        ] {
            assert_eq!(
                findings(&InlineTemplate, &[("app.py", &app(body))]),
                [""; 0]
            );
        }
    }
}
