//! `session-cookie-samesite`: the session cookie does not travel with other sites' requests.

use super::cookie_setting::{self, Setting};
use crate::finding::{Finding, Patch, RemedyOption, Severity, Verdict};
use crate::model::Model;
use crate::model::config::Literal;
use crate::strategies::strategy::SESSION_MANAGEMENT;
use crate::strategies::{About, Answers, Control};

pub struct SessionCookieSamesite;

static ABOUT: About = About {
    id: "session-cookie-samesite",
    title: "The session cookie does not travel with other sites' requests",
    strategy: &SESSION_MANAGEMENT,
    threats: &["csrf"],
    severity: Severity::Medium,
    page: include_str!("../../../assets/controls/session-cookie-samesite.md"),
};

static SETTING: Setting = Setting {
    key: "SESSION_COOKIE_SAMESITE",
    default_is_good: false,
    is_good: is_lax_or_strict,
    severity: Severity::Medium,
    talisman: Some(("session_cookie_samesite", true)),
    gain: |_| "a form on another site posts with the visitor's session".to_owned(),
};

impl Control for SessionCookieSamesite {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        cookie_setting::check(&ABOUT, &SETTING, model)
    }

    fn remedy(&self, model: &Model, finding: &Finding, answers: &Answers) -> Patch {
        let patch = cookie_setting::patch(
            "Keep the session cookie out of other sites' requests",
            "Requests that another site starts do not carry the session, links to pages aside",
        )
        .option(RemedyOption {
            key: "session-cookie-samesite.value",
            question: "Lax, or Strict, which also drops the session on links from other sites \
                       and when a login provider sends the visitor back?"
                .into(),
            choices: vec!["Lax".into(), "Strict".into()],
            value: answers.or("session-cookie-samesite.value", "Lax").into(),
        });
        let value = answers.or("session-cookie-samesite.value", "Lax");
        let value = if value == "Strict" {
            "\"Strict\""
        } else {
            "\"Lax\""
        };
        let patch = cookie_setting::on_purpose(
            patch,
            finding,
            "pages that other sites embed, or that post to the application, lose the session",
        );
        cookie_setting::set(model, finding, &SETTING, value, patch)
    }
}

/// `None` as a text is a browser's word for "send it always".
fn is_lax_or_strict(value: &Literal) -> bool {
    let text = value.as_str().unwrap_or_default();
    text.eq_ignore_ascii_case("lax") || text.eq_ignore_ascii_case("strict")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{apply, findings};

    const APP: &str = "from flask import Flask, session\n\napp = Flask(__name__)\n";

    #[test]
    fn an_unset_key_is_set_to_lax() {
        assert_eq!(
            findings(&SessionCookieSamesite, &[("app.py", APP)]).len(),
            1
        );
        let text = apply(&SessionCookieSamesite, &[("app.py", APP)], "app.py");
        assert!(
            text.ends_with("app.config[\"SESSION_COOKIE_SAMESITE\"] = \"Lax\"\n"),
            "{text}"
        );
        assert_eq!(
            findings(&SessionCookieSamesite, &[("app.py", &text)]),
            [""; 0]
        );
    }

    #[test]
    fn none_is_as_bad_as_nothing() {
        for (value, count) in [("None", 1), ("'None'", 1), ("'Strict'", 0), ("'lax'", 0)] {
            let source = format!("{APP}app.config['SESSION_COOKIE_SAMESITE'] = {value}\n");
            assert_eq!(
                findings(&SessionCookieSamesite, &[("app.py", &source)]).len(),
                count
            );
        }
    }
}
