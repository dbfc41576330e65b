//! `session-cookie-secure`: the session cookie is sent over HTTPS only.

use super::cookie_setting::{self, Setting};
use crate::finding::{Finding, Patch, Severity, Verdict};
use crate::model::Model;
use crate::strategies::strategy::SESSION_MANAGEMENT;
use crate::strategies::{About, Answers, Control};

pub struct SessionCookieSecure;

static ABOUT: About = About {
    id: "session-cookie-secure",
    title: "The session cookie is sent over HTTPS only",
    strategy: &SESSION_MANAGEMENT,
    threats: &["session-hijacking"],
    severity: Severity::High,
    page: include_str!("../../../assets/controls/session-cookie-secure.md"),
};

static SETTING: Setting = Setting {
    key: "SESSION_COOKIE_SECURE",
    default_is_good: false,
    is_good: |value| value.is_truthy(),
    severity: Severity::High,
    talisman: Some(("session_cookie_secure", true)),
    gain: |_| "one request over plain http shows the session to whoever listens".to_owned(),
};

impl Control for SessionCookieSecure {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        cookie_setting::check(&ABOUT, &SETTING, model)
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        let patch = cookie_setting::patch(
            "Send the session cookie over HTTPS only",
            "In production the session cookie never travels over plain http",
        );
        cookie_setting::set_over_https(model, finding, &SETTING, patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::PatchKind;
    use crate::strategies::testing::{apply, findings, patch};

    const APP: &str = "from flask import Flask, session\n\napp = Flask(__name__)\napp.config[\"SECRET_KEY\"] = load()\n\n\n@app.route(\"/\")\ndef index():\n    session[\"seen\"] = True\n    return \"ok\"\n";

    #[test]
    fn an_unset_key_is_found_and_set() {
        assert_eq!(findings(&SessionCookieSecure, &[("app.py", APP)]).len(), 1);
        let text = apply(&SessionCookieSecure, &[("app.py", APP)], "app.py");
        assert!(text.contains("app.config[\"SESSION_COOKIE_SECURE\"] = os.environ.get(\"FLASK_ENV\") != \"development\"\n"), "{text}");
        assert_eq!(
            findings(&SessionCookieSecure, &[("app.py", &text)]),
            [""; 0],
            "{text}"
        );
        let kind = patch(&SessionCookieSecure, &[("app.py", APP)]).kind;
        assert_eq!(kind, PatchKind::Review);
    }

    #[test]
    fn the_production_class_gets_true() {
        let config = "class Config:\n    DEBUG = False\n\n\nclass DevelopmentConfig(Config):\n    DEBUG = True\n\n\nclass ProductionConfig(Config):\n    DEBUG = False\n";
        let app = "from flask import Flask, session\n\n\ndef create_app(config=\"config.ProductionConfig\"):\n    app = Flask(__name__)\n    app.config.from_object(config)\n    return app\n";
        let texts = [("config.py", config), ("app.py", app)];
        let text = apply(&SessionCookieSecure, &texts, "config.py");
        assert!(text.contains("class ProductionConfig(Config):\n    DEBUG = False\n    SESSION_COOKIE_SECURE = True\n"), "{text}");
        assert_eq!(patch(&SessionCookieSecure, &texts).kind, PatchKind::Safe);
    }

    #[test]
    fn without_a_session_there_is_nothing_to_protect() {
        let app = "from flask import Flask\napp = Flask(__name__)\n";
        assert_eq!(findings(&SessionCookieSecure, &[("app.py", app)]), [""; 0]);
    }
}
