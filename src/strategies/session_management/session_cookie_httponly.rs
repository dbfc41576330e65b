//! `session-cookie-httponly`: scripts cannot read the session cookie.

use super::cookie_setting::{self, Setting};
use crate::finding::{Finding, Patch, Severity, Verdict};
use crate::model::Model;
use crate::model::config::Literal;
use crate::strategies::strategy::SESSION_MANAGEMENT;
use crate::strategies::{About, Answers, Control};

pub struct SessionCookieHttponly;

static ABOUT: About = About {
    id: "session-cookie-httponly",
    title: "Scripts cannot read the session cookie",
    strategy: &SESSION_MANAGEMENT,
    threats: &["session-hijacking"],
    severity: Severity::High,
    page: include_str!("../../../assets/controls/session-cookie-httponly.md"),
};

static SETTING: Setting = Setting {
    key: "SESSION_COOKIE_HTTPONLY",
    default_is_good: true,
    is_good: Literal::is_truthy,
    severity: Severity::High,
    talisman: Some(("session_cookie_http_only", true)),
    gain: |_| "any script on a page reads the session".to_owned(),
};

impl Control for SessionCookieHttponly {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        cookie_setting::check(&ABOUT, &SETTING, model)
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        let patch = cookie_setting::patch(
            "Keep the session cookie from scripts",
            "Scripts cannot read the session cookie",
        );
        let patch = cookie_setting::on_purpose(
            patch,
            finding,
            "scripts of the application that read the session cookie no longer see it",
        );
        cookie_setting::set(model, finding, &SETTING, "True", patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{apply, findings};

    const APP: &str = "from flask import Flask, session\n\napp = Flask(__name__)\n";

    #[test]
    fn the_default_is_good() {
        assert_eq!(
            findings(&SessionCookieHttponly, &[("app.py", APP)]),
            [""; 0]
        );
    }

    #[test]
    fn what_clears_it_is_mended() {
        let source = format!("{APP}app.config[\"SESSION_COOKIE_HTTPONLY\"] = False\n");
        assert_eq!(
            findings(&SessionCookieHttponly, &[("app.py", &source)]),
            ["app.py:4"]
        );
        let text = apply(&SessionCookieHttponly, &[("app.py", &source)], "app.py");
        assert!(
            text.ends_with("app.config[\"SESSION_COOKIE_HTTPONLY\"] = True\n"),
            "{text}"
        );
    }
}
