//! `content-security-policy-strength`: the policy that is sent keeps injected scripts from
//! running.

use super::pages::{self, Pages};
use super::policy::{self, Directives, Policy, PolicyKind, Source};
use crate::edit::arguments::add_keyword;
use crate::finding::{Edit, Evidence, Finding, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::model::app::AppId;
use crate::strategies::strategy::TEMPLATE_RENDERING;
use crate::strategies::{About, Answers, Control};
use crate::text::Span;

pub struct ContentSecurityPolicyStrength;

static ABOUT: About = About {
    id: "content-security-policy-strength",
    title: "The Content Security Policy stops injected scripts",
    strategy: &TEMPLATE_RENDERING,
    threats: &["cross-site-scripting"],
    severity: Severity::Medium,
    page: include_str!("../../../assets/controls/content-security-policy-strength.md"),
};

/// What is weak about a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weakness {
    NoScriptLimit,
    UnsafeInline,
    UnsafeEval,
    AnyHost,
    DataScripts,
    /// Directives without which the others can be gone around.
    Missing,
}

impl Weakness {
    const fn subject(self) -> &'static str {
        match self {
            Self::NoScriptLimit => "script-src",
            Self::UnsafeInline => "'unsafe-inline'",
            Self::UnsafeEval => "'unsafe-eval'",
            Self::AnyHost => "wildcard",
            Self::DataScripts => "data:",
            Self::Missing => "missing directives",
        }
    }
}

/// Directives that do not fall back to `default-src`, or should not be left to it.
const NEEDED: [(&str, &str); 3] = [
    ("object-src", "'none'"),
    ("base-uri", "'self'"),
    ("frame-ancestors", "'self'"),
];

impl Control for ContentSecurityPolicyStrength {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let mut findings = Vec::new();
        let mut evidence = Vec::new();
        let mut unread = None;
        for (_, policy, _) in policies(model) {
            let Some(directives) = &policy.directives else {
                unread = Some(policy.location.clone());
                continue;
            };
            let weak = weaknesses(directives);
            if weak.is_empty() {
                evidence.push(Evidence::new(
                    policy.location.clone(),
                    "limits scripts to those that the application names",
                ));
            }
            findings.extend(weak.into_iter().map(|it| finding(&policy, directives, it)));
        }
        if findings.is_empty() && evidence.is_empty() {
            return match unread {
                Some(location) => Verdict::Undecided {
                    question: "The policy is computed: does it limit scripts to those that the \
                               application names?"
                        .into(),
                    evidence: vec![Evidence::new(location, "sends a policy")],
                },
                None => Verdict::not_applicable("no Content Security Policy is sent"),
            };
        }
        Verdict::from_findings(findings, evidence)
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        let found = policies(model).into_iter().find(|(_, policy, _)| {
            let directives = policy.directives.as_ref();
            policy.location == finding.location
                && directives.is_some_and(|it| weakness_of(it, finding).is_some())
        });
        let patch = found.and_then(|(_, policy, pages)| {
            let directives = policy.directives.as_ref()?;
            match weakness_of(directives, finding)? {
                Weakness::Missing => add_missing(model, directives, &pages),
                Weakness::UnsafeInline => without_inline(model, &policy, directives, &pages),
                _ => None,
            }
        });
        patch.unwrap_or_else(|| by_hand(finding))
    }
}

/// Every policy that all pages of an application get.
fn policies(model: &Model) -> Vec<(AppId, Policy, Pages)> {
    let mut found = Vec::new();
    for (id, app) in model.apps.production() {
        let pages = pages::of_app(model, id);
        if pages.count == 0 {
            continue;
        }
        for policy in policy::find(model, id, app, &pages) {
            if !policy.is_partial {
                found.push((id, policy, pages::of_app(model, id)));
            }
        }
    }
    found
}

fn weakness_of(directives: &Directives, finding: &Finding) -> Option<Weakness> {
    let mut weak = weaknesses(directives).into_iter();
    weak.find(|it| it.subject() == finding.subject)
}

fn weaknesses(directives: &Directives) -> Vec<Weakness> {
    let Some(scripts) = directives.scripts() else {
        return vec![Weakness::NoScriptLimit];
    };
    let has = |value: &str| scripts.iter().any(|it| it.eq_ignore_ascii_case(value));
    let mut found = Vec::new();
    // A nonce or 'strict-dynamic' makes browsers pass 'unsafe-inline' over.
    if has("'unsafe-inline'") && !directives.has_nonce && !has("'strict-dynamic'") {
        found.push(Weakness::UnsafeInline);
    }
    if has("'unsafe-eval'") {
        found.push(Weakness::UnsafeEval);
    }
    if ["*", "http:", "https:"].into_iter().any(has) && !has("'strict-dynamic'") {
        found.push(Weakness::AnyHost);
    }
    if has("data:") {
        found.push(Weakness::DataScripts);
    }
    if !missing(directives).is_empty() {
        found.push(Weakness::Missing);
    }
    found
}

fn missing(directives: &Directives) -> Vec<(&'static str, &'static str)> {
    let denies = |name: &str| {
        let values = directives.values.get(name);
        values.is_some_and(|values| values.iter().any(|it| it == "'none'"))
    };
    let needed = NEEDED.into_iter().filter(|(name, _)| {
        let is_covered = *name == "object-src" && denies("default-src");
        !directives.values.contains_key(*name) && !is_covered
    });
    needed.collect()
}

fn finding(policy: &Policy, directives: &Directives, weakness: Weakness) -> Finding {
    let (severity, message) = match weakness {
        Weakness::NoScriptLimit => (
            Severity::Medium,
            "The policy does not limit scripts: it names neither script-src nor default-src."
                .to_owned(),
        ),
        Weakness::UnsafeInline => (
            Severity::Medium,
            "The policy allows scripts in the page ('unsafe-inline'): an injected script runs as \
             if there were no policy."
                .to_owned(),
        ),
        Weakness::UnsafeEval => (
            Severity::Low,
            "The policy allows eval(): text that reaches it runs as code.".to_owned(),
        ),
        Weakness::AnyHost => (
            Severity::Medium,
            "The policy allows scripts from any host: an injected script tag loads what it likes."
                .to_owned(),
        ),
        Weakness::DataScripts => (
            Severity::Medium,
            "The policy allows data: scripts: an injected tag carries its script with it."
                .to_owned(),
        ),
        Weakness::Missing => {
            let names: Vec<&str> = missing(directives).iter().map(|(name, _)| *name).collect();
            let message = format!(
                "The policy does not name {}: {}.",
                names.join(", "),
                consequence(&names)
            );
            (Severity::Low, message)
        }
    };
    Finding::new(ABOUT.id, policy.location.clone(), severity, message).subject(weakness.subject())
}

fn consequence(names: &[&str]) -> String {
    let texts = names.iter().map(|name| match *name {
        "object-src" => "plugins may run what the site serves",
        "base-uri" => "an injected <base> redirects relative script addresses",
        _ => "any site may frame the pages",
    });
    texts.collect::<Vec<_>>().join("; ")
}

fn by_hand(finding: &Finding) -> Patch {
    let what = match finding.subject.as_str() {
        "script-src" => {
            "Add script-src with 'self' and the hosts that the pages load scripts from, and give \
             scripts in the pages a nonce."
        }
        "'unsafe-inline'" => {
            "Move event handlers in attributes to scripts with addEventListener, give every script \
             in the pages a nonce, then take 'unsafe-inline' out of script-src."
        }
        "'unsafe-eval'" => {
            "Find what needs eval() (Alpine.js and Vue have builds that do not), then take \
             'unsafe-eval' out."
        }
        "missing directives" => {
            "Add object-src 'none', base-uri 'self' and frame-ancestors 'self'."
        }
        _ => "Name the hosts that the pages load scripts from instead.",
    };
    Patch::manual("Tighten the policy", vec![what.into()])
}

fn add_missing(model: &Model, directives: &Directives, pages: &Pages) -> Option<Patch> {
    let (place, source) = directives.source.as_ref()?;
    let needed = missing(directives).into_iter();
    let needed: Vec<(&str, &str)> = needed
        .map(|(name, value)| match name {
            "object-src" if pages.has_plugins => (name, "'self'"),
            _ => (name, value),
        })
        .collect();
    let text = &model.repo.file(&place.path)?.text;
    let literal = text.slice(place.span);
    let edit = match source {
        Source::Text => {
            let quote = ["\"\"\"", "\""];
            // A literal in single quotes cannot take the policy's own.
            let body = quote.iter().find_map(|it| literal.strip_suffix(it))?;
            let end = place.span.start + body.len();
            let ends = body.trim_end().ends_with(';');
            let more: Vec<String> = needed
                .iter()
                .map(|(name, value)| format!("{name} {value}"))
                .collect();
            let separator = if ends { " " } else { "; " };
            Edit::insert(&place.path, end, format!("{separator}{}", more.join("; ")))
        }
        Source::Dictionary => {
            let body = literal.strip_suffix('}')?.trim_end();
            let end = place.span.start + body.len();
            let is_stacked = text.line_of(place.span.start) != text.line_of(end);
            let newline = text.newline();
            let comma = if body.ends_with(',') { "" } else { "," };
            let lead = match is_stacked {
                true => format!("{newline}{}", text.indentation(end)),
                false => " ".to_owned(),
            };
            let entries: Vec<String> = needed
                .iter()
                .map(|(name, value)| format!("{lead}\"{name}\": \"{value}\""))
                .collect();
            let tail = if is_stacked { "," } else { "" };
            // A comment behind the last entry ends its line, not the entry.
            if text.line(text.line_of(end)).contains('#') {
                return None;
            }
            Edit::insert(
                &place.path,
                end,
                format!("{comma}{}{tail}", entries.join(",")),
            )
        }
    };
    let frames = needed.iter().any(|(name, _)| *name == "frame-ancestors");
    let kind = match frames || pages.has_base {
        true => PatchKind::Review,
        false => PatchKind::Safe,
    };
    let mut patch = Patch::new(
        kind,
        "Add the directives that are missing",
        "Plugins, <base> and frames cannot be used to go around the policy",
    )
    .edit(edit);
    if frames {
        patch = patch.may_break("other sites can no longer show the pages in frames");
    }
    if pages.has_base {
        patch = patch.may_break("a <base> in the templates points to another host");
    }
    Some(patch)
}

/// Takes `'unsafe-inline'` away, with nonces for the scripts in the pages. Event handlers in
/// attributes cannot have one: with them the change is a person's.
fn without_inline(
    model: &Model,
    policy: &Policy,
    directives: &Directives,
    pages: &Pages,
) -> Option<Patch> {
    let handlers = pages.handlers.len();
    if handlers > 0 {
        return Some(Patch::manual(
            "Move event handlers out of the templates",
            vec![format!(
                "{handlers} event handlers stand in attributes ({}): move them to scripts with \
                 addEventListener, then take 'unsafe-inline' out of script-src.",
                pages.shown_handlers(model)
            )],
        ));
    }
    let (place, source) = directives.source.as_ref()?;
    let text = &model.repo.file(&place.path)?.text;
    let literal = text.slice(place.span);
    let start = literal
        .find("script-src")
        .or_else(|| literal.find("default-src"))?;
    let at = start + literal[start..].find("'unsafe-inline'")?;
    let span = Span::new(place.span.start + at, place.span.start + at + 15);
    let mut patch = Patch::new(
        PatchKind::Review,
        "Run only scripts in the pages that carry a nonce",
        "An injected script does not run",
    );
    if !pages.inline_scripts.is_empty() {
        if policy.kind != PolicyKind::Talisman || *source != Source::Dictionary {
            return None;
        }
        let module = model.modules.by_path(&policy.location.path)?;
        let parsed = model.modules.get(module);
        let call = parsed.call_at(policy.location.span)?;
        patch = patch
            .edits(add_keyword(
                parsed,
                call,
                "content_security_policy_nonce_in",
                "[\"script-src\"]",
            ))
            .edits(pages.nonces(model))
            .may_break("scripts that plugins or database content put into pages stop running");
    }
    Some(patch.edit(Edit::replace(&place.path, token(text.as_str(), span), "")))
}

/// The value with its own quotes and the comma or space that goes with it.
fn token(source: &str, span: Span) -> Span {
    let bytes = source.as_bytes();
    let quoted = span.start > 0
        && bytes.get(span.end) == Some(&b'"')
        && bytes.get(span.start - 1) == Some(&b'"');
    let (mut start, end) = match quoted {
        true => (span.start - 1, span.end + 1),
        false => (span.start, span.end),
    };
    let before = source[..start].trim_end_matches([' ', '\n', '\t']);
    if before.ends_with(',') {
        start = before.len() - 1;
    } else if !quoted {
        start = before.len();
    }
    Span::new(start, end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{apply, findings, patch};

    const HEAD: &str = "from flask import Flask, render_template\nfrom flask_talisman import Talisman\n\n\
        app = Flask(__name__)\n\n\n@app.route('/')\ndef index():\n    return render_template('page.html')\n\n\n";

    fn subjects(policy: &str) -> Vec<String> {
        let app = format!("{HEAD}Talisman(app, content_security_policy={policy})\n");
        let model = crate::strategies::testing::model(&[
            ("app.py", &app),
            ("templates/page.html", "<p>x</p>"),
        ]);
        let verdict = ContentSecurityPolicyStrength.check(&model);
        verdict
            .findings()
            .iter()
            .map(|it| it.subject.clone())
            .collect()
    }

    #[test]
    fn a_policy_that_grows_is_read_as_a_whole_or_asked_about() {
        const PAGE: &str = "from flask import Flask, render_template\n\napp = Flask(__name__)\n\n\n@app.route('/')\ndef index():\n    return render_template('page.html')\n\n\n@app.after_request\ndef headers(response):\n    response.headers['Content-Security-Policy'] = csp\n    return response\n\n\n";
        for (lines, question) in [
            (
                "csp = \"default-src 'self'; object-src 'none'; \"\ncsp += \"base-uri 'self'; frame-ancestors 'self'\"\n",
                false,
            ),
            (
                "csp = ''\nfor line in open('csp.txt'):\n    csp += line\n",
                true,
            ),
            (
                "csp = \"default-src 'self'; \"\nif app.debug:\n    csp += \"base-uri 'self'\"\n",
                true,
            ),
        ] {
            let app = format!("{PAGE}{lines}");
            let texts = [
                ("app.py", app.as_str()),
                ("templates/page.html", "<p>x</p>"),
            ];
            let verdict =
                crate::strategies::testing::verdict(&ContentSecurityPolicyStrength, &texts);
            match question {
                true => assert!(matches!(verdict, Verdict::Undecided { .. }), "{lines}"),
                false => assert!(
                    matches!(verdict, Verdict::Implemented { .. }),
                    "{verdict:?}"
                ),
            }
        }
    }

    #[test]
    fn what_is_missing_goes_inside_the_quotes_of_the_literal() {
        const PAGE: &str = "from flask import Flask, render_template\n\napp = Flask(__name__)\n\n\n@app.route('/')\ndef index():\n    return render_template('page.html')\n\n\n@app.after_request\ndef headers(response):\n";
        let app = format!(
            "{PAGE}    response.headers['Content-Security-Policy'] = \"default-src 'self'\"\n    return response\n"
        );
        let texts = [
            ("app.py", app.as_str()),
            ("templates/page.html", "<p>x</p>"),
        ];
        let text = apply(&ContentSecurityPolicyStrength, &texts, "app.py");
        assert!(
            text.contains(
                "\"default-src 'self'; object-src 'none'; base-uri 'self'; frame-ancestors 'self'\""
            ),
            "{text}"
        );
    }

    #[test]
    fn weak_policies_are_named() {
        for (policy, expected) in [
            (
                "{'default-src': \"'self'\", 'object-src': \"'none'\", 'base-uri': \"'self'\"}",
                vec![],
            ),
            (
                "{'default-src': \"'none'\", 'script-src': [\"'self'\", 'https://a.example'], 'base-uri': \"'self'\"}",
                vec![],
            ),
            (
                "{'default-src': \"'self' 'unsafe-inline'\", 'object-src': \"'none'\", 'base-uri': \"'self'\"}",
                vec!["'unsafe-inline'"],
            ),
            (
                "{'script-src': [\"'self'\", \"'unsafe-eval'\", '*', 'data:']}",
                vec!["'unsafe-eval'", "wildcard", "data:", "missing directives"],
            ),
            (
                "{'style-src': \"'unsafe-inline'\", 'default-src': \"'self'\"}",
                vec!["missing directives"],
            ),
            ("{'img-src': '*'}", vec!["script-src"]),
            (
                "\"default-src 'self'; script-src https:; base-uri 'self'; object-src 'none'\"",
                vec!["wildcard"],
            ),
            (
                "\"script-src 'unsafe-inline' 'nonce-{}'; base-uri 'self'; object-src 'none'\"",
                vec![],
            ),
        ] {
            assert_eq!(subjects(policy), expected, "{policy}");
        }
    }

    #[test]
    fn scripts_get_nonces_and_directives_are_added() {
        let app = format!(
            "{HEAD}Talisman(\n    app,\n    content_security_policy={{\n        \"default-src\": \"'self'\",\n        \"script-src\": [\"'self'\", \"'unsafe-inline'\"],\n        \"object-src\": \"'none'\",\n    }},\n)\n"
        );
        let page = "<script>go()</script><script src=\"/a.js\"></script>\n";
        let texts = [("app.py", app.as_str()), ("templates/page.html", page)];
        assert_eq!(findings(&ContentSecurityPolicyStrength, &texts).len(), 2);
        let after = apply(&ContentSecurityPolicyStrength, &texts, "app.py");
        let expected = app
            .replace(", \"'unsafe-inline'\"]", "]")
            .replace("\"'none'\",\n    },", "\"'none'\",\n        \"base-uri\": \"'self'\",\n    },\n    content_security_policy_nonce_in=[\"script-src\"],");
        assert_eq!(after, expected);
        let page_after = apply(
            &ContentSecurityPolicyStrength,
            &texts,
            "templates/page.html",
        );
        assert_eq!(
            page_after,
            "<script nonce=\"{{ csp_nonce() }}\">go()</script><script src=\"/a.js\"></script>\n"
        );
        let again = [
            ("app.py", after.as_str()),
            ("templates/page.html", page_after.as_str()),
        ];
        assert_eq!(findings(&ContentSecurityPolicyStrength, &again), [""; 0]);
    }

    #[test]
    fn handlers_are_left_to_a_person() {
        let app = format!(
            "{HEAD}Talisman(app, content_security_policy={{\"script-src\": \"'unsafe-inline'\", \"base-uri\": \"'self'\", \"object-src\": \"'none'\"}})\n"
        );
        let texts = [
            ("app.py", app.as_str()),
            ("templates/page.html", "<p onclick=\"go()\">x</p>"),
        ];
        let patch = patch(&ContentSecurityPolicyStrength, &texts);
        assert_eq!(patch.kind, PatchKind::Manual);
        assert!(patch.follow_ups[0].contains("templates/page.html:1"));
    }
}
