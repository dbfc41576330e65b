//! `cookie-flags`: cookies that the application sets itself carry the flags.

use ruff_python_ast::{Expr, ExprCall};
use ruff_text_size::Ranged as _;

use super::cookie_setting::{self, Setting};
use crate::edit::arguments::add_keywords;
use crate::edit::config::requoted;
use crate::finding::{Edit, Evidence, Finding, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::model::calls::CallSite;
use crate::model::config::Literal;
use crate::model::modules::ModuleId;
use crate::model::names::{BindingKind, ScopeKind};
use crate::parse::python::argument;
use crate::strategies::strategy::SESSION_MANAGEMENT;
use crate::strategies::{About, Answers, Control};
use crate::text::Span;

pub struct CookieFlags;

static ABOUT: About = About {
    id: "cookie-flags",
    title: "The application's own cookies carry Secure, HttpOnly and SameSite",
    strategy: &SESSION_MANAGEMENT,
    threats: &["session-hijacking", "csrf"],
    severity: Severity::Medium,
    page: include_str!("../../../assets/controls/cookie-flags.md"),
};

/// A parameter of `Response.set_cookie` with its position (Werkzeug 1.0 to 3.1, `self` aside),
/// and what to set it to.
const FLAGS: &[(&str, usize, &str)] = &[
    ("secure", 6, "True"),
    ("httponly", 7, "True"),
    ("samesite", 9, "\"Lax\""),
];

/// The flags of the cookie by which Flask-Login remembers a visitor (defaults of 0.5 and later).
static REMEMBER: [Setting; 3] = [
    Setting {
        key: "REMEMBER_COOKIE_SECURE",
        default_is_good: false,
        is_good: Literal::is_truthy,
        severity: Severity::Medium,
        talisman: None,
        gain: |_| "one request over plain http gives the login to whoever listens".to_owned(),
    },
    Setting {
        key: "REMEMBER_COOKIE_HTTPONLY",
        default_is_good: true,
        is_good: Literal::is_truthy,
        severity: Severity::Medium,
        talisman: None,
        gain: |_| "any script on a page reads the cookie that logs the visitor in".to_owned(),
    },
    Setting {
        key: "REMEMBER_COOKIE_SAMESITE",
        default_is_good: false,
        is_good: |value| {
            let text = value.as_str().unwrap_or_default();
            text.eq_ignore_ascii_case("lax") || text.eq_ignore_ascii_case("strict")
        },
        severity: Severity::Low,
        talisman: None,
        gain: |_| "other sites' requests log the visitor in".to_owned(),
    },
];

/// Whether a login can be remembered: `login_user(user, remember=…)`.
fn remembers(model: &Model) -> bool {
    model.calls.of("flask_login.login_user").iter().any(|site| {
        let file = &model.modules.get(site.module).file;
        let call = site.call(&model.modules);
        let remember = call.and_then(|call| argument(call, "remember", Some(1)));
        let is_off =
            |value: &Expr| matches!(value, Expr::BooleanLiteral(literal) if !literal.value);
        file.purpose.is_application() && remember.is_some_and(|value| !is_off(value))
    })
}

fn set_for_remembering(model: &Model, finding: &Finding, setting: &Setting) -> Patch {
    let patch = cookie_setting::patch(
        "Set the flags of the cookie that remembers a login",
        "The cookie that logs a visitor in is sent over HTTPS only, not to scripts, and not with \
         other sites' requests",
    );
    let patch = cookie_setting::on_purpose(
        patch,
        finding,
        "what reads or sends this cookie otherwise stops working",
    );
    match setting.key {
        "REMEMBER_COOKIE_SECURE" => cookie_setting::set_over_https(model, finding, setting, patch),
        "REMEMBER_COOKIE_SAMESITE" => {
            cookie_setting::set(model, finding, setting, "\"Lax\"", patch)
        }
        _ => cookie_setting::set(model, finding, setting, "True", patch),
    }
}

impl Control for CookieFlags {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let mut findings = Vec::new();
        let mut evidence = Vec::new();
        for site in cookies(model) {
            let Some(call) = site.call(&model.modules) else {
                continue;
            };
            // Deleting a cookie, and flags that nobody can see, are not ours to judge.
            let Some(given) = unpacked(model, site.module, call) else {
                continue;
            };
            if deletes(call) {
                continue;
            }
            let missing: Vec<&str> = open_flags(call, &given).map(|(name, ..)| *name).collect();
            if missing.is_empty() {
                evidence.push(Evidence::new(site.location.clone(), "sets all three flags"));
                continue;
            }
            findings.push(finding(site, call, &missing));
        }
        if remembers(model) {
            for setting in &REMEMBER {
                let (open, good, _) = cookie_setting::judge_all(&ABOUT, setting, model);
                findings.extend(open);
                evidence.extend(good);
            }
        }
        if findings.is_empty() && evidence.is_empty() {
            return Verdict::not_applicable("the application sets no cookie itself");
        }
        Verdict::from_findings(findings, evidence)
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        if let Some(setting) = REMEMBER.iter().find(|it| it.key == finding.subject) {
            return set_for_remembering(model, finding, setting);
        }
        let patch = Patch::new(
            PatchKind::Review,
            "Set the cookie's flags",
            "The cookie is sent over HTTPS only, not to scripts, and not with other sites' requests",
        )
        .may_break("A script that reads this cookie no longer can (httponly).")
        .may_break("Over plain http on another machine the cookie is not sent (secure).");
        let Some(id) = model.modules.by_path(finding.path()) else {
            return patch;
        };
        let module = model.modules.get(id);
        let Some(call) = module.call_at(finding.span()) else {
            return patch;
        };
        let mut added = Vec::new();
        let mut edits = Vec::new();
        let given = unpacked(model, id, call).unwrap_or_default();
        for (name, position, value) in open_flags(call, &given) {
            if given.iter().any(|(known, _)| known == name) {
                // Set where the mapping is written, for other cookies as well.
                continue;
            }
            match argument(call, name, Some(*position)) {
                Some(present) => {
                    edits.push(Edit::replace(
                        module.path(),
                        Span::from(present.range()),
                        requoted(module, value),
                    ));
                }
                None => added.push((*name, requoted(module, value))),
            }
        }
        if edits.is_empty() && added.is_empty() {
            return Patch::manual(
                "Set the flags where the mapping is written",
                vec!["The mapping that is unpacked here clears the flags, perhaps for other cookies as well.".into()],
            );
        }
        let added: Vec<(&str, &str)> = added
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        edits.extend(add_keywords(module, call, &added));
        patch.edits(edits)
    }
}

/// Calls of `set_cookie` on anything: a response has many types, but the method one meaning.
fn cookies(model: &Model) -> impl Iterator<Item = &CallSite> {
    model.calls.of_method("set_cookie")
}

fn deletes(call: &ExprCall) -> bool {
    let zero = |name: &str, position: usize| {
        argument(call, name, Some(position)).is_some_and(|value| {
            matches!(value, Expr::NumberLiteral(number)
                if matches!(&number.value, ruff_python_ast::Number::Int(int) if *int == ruff_python_ast::Int::ZERO))
        })
    };
    zero("max_age", 2) || zero("expires", 3)
}

/// The arguments that `**mapping` gives to a call, where what it holds is visible; none without
/// any.
fn unpacked<'m>(
    model: &'m Model,
    module: ModuleId,
    call: &'m ExprCall,
) -> Option<Vec<(&'m str, &'m Expr)>> {
    if call.arguments.args.iter().any(Expr::is_starred_expr) {
        return None;
    }
    let mut given = Vec::new();
    let keywords = call.arguments.keywords.iter();
    for keyword in keywords.filter(|keyword| keyword.arg.is_none()) {
        given.extend(entries(mapping(model, module, &keyword.value)?)?);
    }
    Some(given)
}

/// The mapping that an expression is: itself, or through a name or a class attribute that is
/// bound once.
fn mapping<'m>(model: &'m Model, module: ModuleId, expr: &'m Expr) -> Option<&'m Expr> {
    let scopes = model.names.scopes(module);
    let bindings = match expr {
        Expr::Name(name) => scopes.lookup(&name.id, name.range.start().to_usize())?.1,
        Expr::Attribute(attribute) => {
            let classes = scopes.iter().filter(|it| it.kind == ScopeKind::Class);
            let mut holders = classes.filter_map(|it| it.bindings.get(attribute.attr.as_str()));
            let first = holders.next()?;
            if holders.next().is_some() {
                return None;
            }
            first
        }
        _ => return Some(expr),
    };
    match bindings {
        [binding] => match binding.kind {
            BindingKind::Value(span) => model.modules.get(module).expression_at(span),
            _ => None,
        },
        _ => None,
    }
}

/// The entries of `{"name": value}` and `dict(name=value)`, where all their names are visible.
fn entries(mapping: &Expr) -> Option<Vec<(&str, &Expr)>> {
    match mapping {
        Expr::Dict(dict) => {
            let entries = dict.items.iter().map(|item| match &item.key {
                Some(Expr::StringLiteral(key)) => Some((key.value.to_str(), &item.value)),
                _ => None,
            });
            entries.collect()
        }
        Expr::Call(call) => {
            let is_dict = matches!(&*call.func, Expr::Name(name) if name.id.as_str() == "dict");
            let keywords = call.arguments.keywords.iter();
            let entries = keywords.map(|keyword| Some((keyword.arg.as_deref()?, &keyword.value)));
            entries
                .collect::<Option<_>>()
                .filter(|_| is_dict && call.arguments.args.is_empty())
        }
        _ => None,
    }
}

/// The flags that are absent, or set to something that clears them.
fn open_flags<'g>(
    call: &'g ExprCall,
    given: &'g [(&str, &Expr)],
) -> impl Iterator<Item = &'static (&'static str, usize, &'static str)> + 'g {
    FLAGS.iter().filter(|(name, position, _)| {
        let unpacked = given.iter().find(|(known, _)| known == name);
        let value = argument(call, name, Some(*position)).or(unpacked.map(|(_, value)| *value));
        value.is_none_or(|value| match value {
            Expr::BooleanLiteral(literal) => !literal.value,
            Expr::NoneLiteral(_) => true,
            _ => false,
        })
    })
}

fn finding(site: &CallSite, call: &ExprCall, missing: &[&str]) -> Finding {
    let name = argument(call, "key", Some(0)).and_then(|key| match key {
        Expr::StringLiteral(text) => Some(format!(" `{}`", text.value.to_str())),
        _ => None,
    });
    let message = format!(
        "The cookie{} is set without {}: {}.",
        name.unwrap_or_default(),
        missing.join(", "),
        gains(missing)
    );
    let severity = if missing.contains(&"secure") || missing.contains(&"httponly") {
        Severity::Medium
    } else {
        Severity::Low
    };
    Finding::new(ABOUT.id, site.location.clone(), severity, message).subject("set_cookie")
}

fn gains(missing: &[&str]) -> &'static str {
    if missing.contains(&"secure") {
        return "whoever listens to one plain-http request reads it";
    }
    if missing.contains(&"httponly") {
        return "any script on the page reads it";
    }
    "other sites' requests carry it"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{apply, findings};

    #[test]
    fn missing_flags_are_found_and_added() {
        let source = "from flask import make_response\ndef f():\n    r = make_response('x')\n    r.set_cookie('a', 'b')\n    return r\n";
        assert_eq!(findings(&CookieFlags, &[("app.py", source)]), ["app.py:4"]);
        let after = apply(&CookieFlags, &[("app.py", source)], "app.py");
        assert!(
            after.contains("r.set_cookie('a', 'b', secure=True, httponly=True, samesite='Lax')"),
            "{after}"
        );
        assert_eq!(findings(&CookieFlags, &[("app.py", &after)]), [""; 0]);
    }

    #[test]
    fn false_is_replaced() {
        let source = "import flask\ndef f(r):\n    r.set_cookie('a', 'b', httponly=False, secure=True, samesite='Lax')\n";
        let after = apply(&CookieFlags, &[("app.py", source)], "app.py");
        assert!(after.contains("httponly=True"), "{after}");
    }

    #[test]
    fn deletions_and_unpacked_flags_are_left_alone() {
        for line in [
            "r.set_cookie('a', '', expires=0)",
            "r.set_cookie('a', 'b', **FLAGS)",
        ] {
            let source = format!("import flask\ndef f(r):\n    {line}\n");
            assert_eq!(findings(&CookieFlags, &[("app.py", &source)]), [""; 0]);
        }
    }

    #[test]
    fn flags_from_a_mapping_count_where_it_is_visible() {
        let source = |mapping: &str, given: &str| {
            format!("import flask\n{mapping}\ndef f(r):\n    r.set_cookie('a', 'b', **{given})\n")
        };
        let good = "dict(secure=True, httponly=True, samesite='Lax')";
        for (mapping, given, count) in [
            (format!("FLAGS = {good}"), "FLAGS", 0),
            (
                "FLAGS = {'httponly': True, 'samesite': 'Lax'}".to_owned(),
                "FLAGS",
                1,
            ),
            (format!("class C:\n    flags = {good}"), "C.flags", 0),
            (
                "class C:\n    flags = {'secure': True}".to_owned(),
                "C.flags",
                1,
            ),
            ("FLAGS = load()".to_owned(), "FLAGS", 0),
        ] {
            let source = source(&mapping, given);
            assert_eq!(
                findings(&CookieFlags, &[("app.py", &source)]).len(),
                count,
                "{source}"
            );
        }
        let source = source("FLAGS = {'httponly': True}", "FLAGS");
        let after = apply(&CookieFlags, &[("app.py", &source)], "app.py");
        assert!(
            after.contains("secure=True, samesite='Lax', **FLAGS)"),
            "{after}"
        );
    }

    #[test]
    fn remembered_logins_have_flags_of_their_own() {
        let app = "from flask import Flask\nfrom flask_login import LoginManager, login_user\n\napp = Flask(__name__)\nLoginManager(app)\napp.config[\"REMEMBER_COOKIE_HTTPONLY\"] = False\n\n\n@app.route(\"/login\", methods=[\"POST\"])\ndef login():\n    login_user(load(), remember=True)\n    return \"\"\n";
        let texts = [("app.py", app)];
        assert_eq!(findings(&CookieFlags, &texts).len(), 3);
        let after = apply(&CookieFlags, &texts, "app.py");
        for line in [
            "app.config[\"REMEMBER_COOKIE_HTTPONLY\"] = True\n",
            "app.config[\"REMEMBER_COOKIE_SAMESITE\"] = \"Lax\"\n",
            "app.config[\"REMEMBER_COOKIE_SECURE\"] = os.environ.get(\"FLASK_ENV\") != \"development\"\n",
        ] {
            assert!(after.contains(line), "{after}");
        }
        assert_eq!(findings(&CookieFlags, &[("app.py", &after)]), [""; 0]);
        let forgets = app.replace("remember=True", "remember=False");
        assert_eq!(findings(&CookieFlags, &[("app.py", &forgets)]), [""; 0]);
    }
}
