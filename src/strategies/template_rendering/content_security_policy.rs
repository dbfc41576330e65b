//! `content-security-policy`: a policy is sent with every page.

use std::sync::Arc;

use super::pages::{self, Pages};
use super::policy;
use crate::edit::imports::name_for;
use crate::edit::module_file::NewModule;
use crate::finding::{
    Confidence, Edit, Evidence, Finding, Patch, PatchKind, RemedyOption, Severity, Verdict,
};
use crate::model::Model;
use crate::model::app::{App, AppId};
use crate::model::config::SetupEnd;
use crate::model::flow::Sink;
use crate::strategies::strategy::TEMPLATE_RENDERING;
use crate::strategies::{About, Answers, Control};
use crate::text::Location;

pub struct ContentSecurityPolicy;

static ABOUT: About = About {
    id: "content-security-policy",
    title: "A Content Security Policy is sent with every page",
    strategy: &TEMPLATE_RENDERING,
    threats: &["cross-site-scripting"],
    severity: Severity::Medium,
    page: include_str!("../../../assets/controls/content-security-policy.md"),
};

const MODULE: &str = include_str!("../../../assets/snippets/security_headers.py");
const VIA: &str = "content-security-policy.via";
const MODE: &str = "content-security-policy.mode";

impl Control for ContentSecurityPolicy {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let mut findings = Vec::new();
        let mut evidence = Vec::new();
        for (id, app) in model.apps.production() {
            let pages = pages::of_app(model, id);
            if !serves_html(model, id, &pages) {
                continue;
            }
            let policies = policy::find(model, id, app, &pages);
            let (partial, whole): (Vec<_>, Vec<_>) =
                policies.into_iter().partition(|it| it.is_partial);
            if whole.is_empty() {
                findings.push(absent(model, id, app, &pages, !partial.is_empty()));
            }
            evidence.extend(whole.into_iter().map(|it| {
                let note = match it.is_report_only {
                    true => "sends a policy that browsers only report on",
                    false => "sends a policy",
                };
                Evidence::new(it.location, note)
            }));
        }
        if findings.is_empty() && evidence.is_empty() {
            return Verdict::not_applicable("no application serves HTML pages");
        }
        Verdict::from_findings(findings, evidence)
    }

    fn remedy(&self, model: &Model, finding: &Finding, answers: &Answers) -> Patch {
        let found = model
            .apps
            .production()
            .find(|(id, app)| place_of(model, *id, app) == finding.location);
        let patch = found.and_then(|(id, _)| {
            let end = model.configuration.end_of_setup(id)?;
            let pages = pages::of_app(model, id);
            match answers.or(VIA, "headers") {
                "talisman" => with_talisman(model, end, &pages),
                _ => with_headers(model, end, &pages, answers.or(MODE, "report-only")),
            }
        });
        patch.unwrap_or_else(by_hand)
    }
}

fn serves_html(model: &Model, id: AppId, pages: &Pages) -> bool {
    let nearest = |path: &str| model.apps.nearest(path) == Some(id);
    let renders = model
        .templates
        .renders
        .iter()
        .any(|it| nearest(&it.call.path));
    let inline = model
        .templates
        .iter()
        .any(|(_, it)| it.is_inline() && nearest(it.path()));
    let mut responses = model
        .flows
        .of_sink(|sink| matches!(sink, Sink::TemplateVariable { .. } | Sink::HtmlResponse));
    let is_page = |call: &crate::model::flow::SinkCall| {
        !matches!(call.sink, Sink::HtmlResponse) || call.is_tainted()
    };
    (pages.count > 0 && renders)
        || inline
        || responses.any(|call| nearest(&call.call.path) && is_page(call))
}

fn place_of(model: &Model, id: AppId, app: &App) -> Location {
    match model.configuration.end_of_setup(id) {
        Some(end) => Location::new(&end.path, end.last),
        None => app.statement.clone(),
    }
}

fn absent(model: &Model, id: AppId, app: &App, pages: &Pages, is_partial: bool) -> Finding {
    let what = match is_partial {
        true => "Only some views send a Content Security Policy",
        false => "No page carries a Content Security Policy",
    };
    let (pages, confidence) = match pages.count {
        0 => (
            "they are not in this repository".to_owned(),
            Confidence::Low,
        ),
        count => (format!("{count} templates make them"), Confidence::High),
    };
    let message = format!(
        "{what}: where escaping is forgotten once, nothing keeps an injected script from running. \
         The pages: {pages}."
    );
    Finding::new(ABOUT.id, place_of(model, id, app), ABOUT.severity, message)
        .absent()
        .confidence(confidence)
        .subject("policy")
}

fn by_hand() -> Patch {
    Patch::manual(
        "Send a Content Security Policy",
        vec![
            "Add an after_request function that sets Content-Security-Policy-Report-Only, read the \
             reports for a while, then rename the header."
                .into(),
        ],
    )
}

fn option(via: &str) -> RemedyOption {
    RemedyOption {
        key: VIA,
        question: "Send the policy by a small module of your own, or by Flask-Talisman?".into(),
        choices: vec!["headers".into(), "talisman".into()],
        value: via.to_owned(),
    }
}

fn with_headers(model: &Model, end: &SetupEnd, pages: &Pages, mode: &str) -> Option<Patch> {
    let module = model.modules.by_path(&end.path)?;
    let file = NewModule::beside(model, module, "security_headers");
    let patch = Patch::new(
        PatchKind::Review,
        "Send a Content Security Policy with every response",
        match mode {
            "enforce" => {
                "Browsers run only scripts that the application names; nosniff and a referrer \
                 policy are sent as well"
            }
            _ => {
                "Browsers report every script that the application does not name; nosniff and a \
                 referrer policy are sent as well"
            }
        },
    )
    .option(option("headers"))
    .option(RemedyOption {
        key: MODE,
        question: "Only report what the policy would block, or block it at once?".into(),
        choices: vec!["report-only".into(), "enforce".into()],
        value: mode.to_owned(),
    })
    .edit(Edit::create(
        Arc::clone(&file.path),
        module_text(pages, mode),
    ))
    .edit(file.imported(&end.path, "init_security_headers"))
    .edits(call(
        model,
        end,
        &format!("init_security_headers({})", end.name),
    ))
    .edits(pages.nonces(model));
    let patch = match mode {
        "enforce" => patch,
        _ => patch.follow_up(
            "When the browsers' consoles report nothing of your own any more, set HEADER in \
             security_headers.py to \"Content-Security-Policy\".",
        ),
    };
    Some(consequences(model, patch, pages))
}

/// The module with the policy that these pages need.
fn module_text(pages: &Pages, mode: &str) -> String {
    let mut text = MODULE.to_owned();
    if let (Some(start), Some(end)) = (text.find("POLICY = {\n"), text.find("}\n\n\ndef")) {
        let lines: String = pages
            .directives()
            .iter()
            .map(|(name, value)| entry(name, value, "    "))
            .collect();
        text.replace_range(start..end, &format!("POLICY = {{\n{lines}"));
    }
    if mode == "enforce"
        && let (Some(start), Some(end)) = (text.find("# Browsers only"), text.find("POLICY = {"))
    {
        text.replace_range(start..end, "HEADER = \"Content-Security-Policy\"\n\n");
    }
    text
}

/// Lines longer than this are wrapped, as black and ruff do.
const LINE_LENGTH: usize = 88;

/// One entry of the dictionary; long values are wrapped.
fn entry(name: &str, value: &str, indentation: &str) -> String {
    let line = format!("{indentation}\"{name}\": \"{value}\",\n");
    if line.len() <= LINE_LENGTH + 1 {
        return line;
    }
    let mut lines = String::new();
    let mut line = String::new();
    for word in value.split(' ') {
        // A step of indentation, the quotes, the blank at the end.
        if !line.is_empty() && indentation.len() + line.len() + word.len() + 8 > LINE_LENGTH {
            lines.push_str(&format!("{indentation}    \"{line} \"\n"));
            line.clear();
        }
        let blank = if line.is_empty() { "" } else { " " };
        line = format!("{line}{blank}{word}");
    }
    lines.push_str(&format!("{indentation}    \"{line}\"\n"));
    format!("{indentation}\"{name}\": (\n{lines}{indentation}),\n")
}

fn with_talisman(model: &Model, end: &SetupEnd, pages: &Pages) -> Option<Patch> {
    let module = model.modules.by_path(&end.path)?;
    let (talisman, import) = name_for(model, module, end.offset, "flask_talisman", "Talisman");
    let inner = format!("{}    ", end.indentation);
    let newline = model.repo.file(&end.path)?.text.newline();
    let entries: String = pages
        .directives()
        .iter()
        .map(|(name, value)| entry(name, value, &format!("{inner}    ")).replace('\n', newline))
        .collect();
    let statement = format!(
        "{talisman}({newline}{inner}{},{newline}{inner}force_https=False,{newline}\
         {inner}content_security_policy={{{newline}{entries}{inner}}},{newline}\
         {inner}content_security_policy_nonce_in=[\"script-src\"],{newline}{})",
        end.name, end.indentation
    );
    let patch = Patch::new(
        PatchKind::Review,
        "Send a Content Security Policy by Flask-Talisman",
        "Browsers run only scripts that the application names",
    )
    .option(option("talisman"))
    .edits(import)
    .edits(call(model, end, &statement))
    .edits(pages.nonces(model))
    .edit(Edit::dependency_beside(&end.path, "flask-talisman>=1.1.0"))
    .may_break("the session's cookie is sent over https only, unless debug is on")
    .may_break("browsers remember for a year to use https for this host and its subdomains")
    .follow_up("Flask-Talisman's last release is of August 2023.");
    Some(consequences(model, patch, pages))
}

/// What the policy does to these pages.
fn consequences(model: &Model, mut patch: Patch, pages: &Pages) -> Patch {
    if pages.count == 0 {
        patch = patch.may_break(
            "the pages are not in this repository: what they load from elsewhere is unknown",
        );
    }
    if !pages.handlers.is_empty() {
        patch = patch.may_break(format!(
            "once the policy is enforced, {} event handlers in attributes stop working ({}): \
             move them to scripts with addEventListener",
            pages.handlers.len(),
            pages.shown_handlers(model)
        ));
    }
    let hosts = pages.hosts();
    if !hosts.is_empty() {
        let list: Vec<&str> = hosts.into_iter().collect();
        patch = patch.may_break(format!(
            "pages may load from {} as they do now; what scripts load from elsewhere is blocked \
             once the policy is enforced",
            list.join(", ")
        ));
    }
    if pages.has_inline_styles {
        patch = patch.follow_up(
            "The policy allows styles in the pages, since templates have some: a stylesheet in \
             static/ would allow to drop 'unsafe-inline' from style-src.",
        );
    }
    patch
}

/// `statement` as the last step of the set-up.
fn call(model: &Model, end: &SetupEnd, statement: &str) -> Option<Edit> {
    let text = &model.repo.file(&end.path)?.text;
    let newline = text.newline();
    let is_open = end.offset >= text.len() && !text.is_empty() && !text.as_str().ends_with('\n');
    let open = if is_open { newline } else { "" };
    let line = format!("{open}{}{statement}{newline}", end.indentation);
    Some(Edit::insert(&end.path, end.offset, line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{apply, findings, model, patch};

    const APP: &str = "from flask import Flask, render_template\n\napp = Flask(__name__)\n\n\n\
        @app.route('/')\ndef index():\n    return render_template('page.html')\n";
    const PAGE: &str = "<script src=\"https://cdn.example.org/a.js\"></script>\n<script>go()</script>\n\
        <p style=\"color: red\" onclick=\"go()\">x</p>\n<link rel=\"stylesheet\" href=\"//fonts.googleapis.com/css\">\n";

    #[test]
    fn pages_without_a_policy_get_one() {
        let texts = [("app.py", APP), ("templates/page.html", PAGE)];
        assert_eq!(findings(&ContentSecurityPolicy, &texts).len(), 1);
        let page = apply(&ContentSecurityPolicy, &texts, "templates/page.html");
        assert!(
            page.contains("<script nonce=\"{{ csp_nonce() }}\">go()"),
            "{page}"
        );
        assert_eq!(page.matches("nonce").count(), 2);
        let app = apply(&ContentSecurityPolicy, &texts, "app.py");
        assert!(
            app.contains("from security_headers import init_security_headers\n"),
            "{app}"
        );
        assert!(app.contains("init_security_headers(app)\n"), "{app}");
        let patch = patch(&ContentSecurityPolicy, &texts);
        let text = patch.edits.iter().find_map(|edit| match edit {
            Edit::Create { text, .. } => Some(text.clone()),
            _ => None,
        });
        let text = text.unwrap();
        for expected in [
            "    \"script-src\": \"'self' https://cdn.example.org\",\n",
            "    \"style-src\": \"'self' https://fonts.googleapis.com 'unsafe-inline'\",\n",
            "    \"font-src\": \"'self' https://fonts.gstatic.com\",\n",
            "    \"frame-ancestors\": \"'self'\",\n}\n\n\ndef csp_nonce",
            "HEADER = \"Content-Security-Policy-Report-Only\"",
        ] {
            assert!(text.contains(expected), "{text}");
        }
        assert!(crate::parse::python::parses(&text));
        assert!(
            patch.may_break[0].contains("templates/page.html:3"),
            "{:?}",
            patch.may_break
        );
        let after = [
            ("app.py", app.as_str()),
            ("security_headers.py", text.as_str()),
            ("templates/page.html", page.as_str()),
        ];
        assert_eq!(findings(&ContentSecurityPolicy, &after), [""; 0]);
    }

    #[test]
    fn templates_of_blueprints_serve_other_applications_too() {
        let app = format!(
            "{APP}from flask import Blueprint\nbp = Blueprint('b', __name__, template_folder='pages')\napp.register_blueprint(bp)\n"
        );
        let texts = [
            ("app.py", app.as_str()),
            ("templates/page.html", "<p>x</p>"),
            ("pages/b.html", "<script>go()</script>"),
        ];
        let page = apply(&ContentSecurityPolicy, &texts, "pages/b.html");
        let expected = "<script{% if csp_nonce is defined %} nonce=\"{{ csp_nonce() }}\"{% endif %}>go()</script>";
        assert_eq!(page, expected);
    }

    #[test]
    fn any_way_to_send_one_counts() {
        let hook = |line: &str| {
            format!(
                "{APP}\n\n@app.after_request\ndef headers(response):\n    {line}\n    return response\n"
            )
        };
        for app in [
            hook("response.headers['Content-Security-Policy'] = \"default-src 'self'\""),
            hook("response.headers.setdefault('Content-Security-Policy-Report-Only', POLICY)"),
            hook("response.headers.update({'Content-Security-Policy': POLICY})"),
            format!("{APP}from flask_talisman import Talisman\nTalisman(app)\n"),
            format!(
                "{APP}from flask_talisman import Talisman\nt = Talisman()\nt.init_app(app, content_security_policy=CSP)\n"
            ),
            format!("import secure\n{APP}"),
        ] {
            assert_eq!(
                findings(
                    &ContentSecurityPolicy,
                    &[("app.py", &app), ("templates/page.html", PAGE)]
                ),
                [""; 0],
                "{app}"
            );
        }
        let nginx = [
            ("app.py", APP),
            ("templates/page.html", PAGE),
            (
                "nginx.conf",
                "  add_header Content-Security-Policy \"default-src 'self'\";\n",
            ),
        ];
        assert_eq!(findings(&ContentSecurityPolicy, &nginx), [""; 0]);
        let meta = format!(
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'self'\">{PAGE}"
        );
        assert_eq!(
            findings(
                &ContentSecurityPolicy,
                &[("app.py", APP), ("templates/page.html", &meta)]
            ),
            [""; 0]
        );
    }

    #[test]
    fn one_view_is_not_every_page() {
        let app = APP.replace("    return", "    r = response()\n    r.headers['Content-Security-Policy'] = \"default-src 'self'\"\n    return");
        let off = format!(
            "{APP}from flask_talisman import Talisman\nTalisman(app, content_security_policy=None)\n"
        );
        for app in [app, off] {
            assert_eq!(
                findings(
                    &ContentSecurityPolicy,
                    &[("app.py", &app), ("templates/page.html", PAGE)]
                )
                .len(),
                1
            );
        }
    }

    #[test]
    fn services_without_pages_need_none() {
        let app = "from flask import Flask, jsonify\napp = Flask('x')\n@app.route('/')\ndef f():\n    return jsonify(a=1)\n";
        let verdict = ContentSecurityPolicy.check(&model(&[("app.py", app)]));
        assert_eq!(verdict.word(), "not-applicable");
    }
}
