//! `session-lifetime`: sessions end after a time that fits.

use super::cookie_setting::{self, Setting};
use crate::finding::{Finding, Patch, PatchKind, RemedyOption, Severity, Verdict};
use crate::model::Model;
use crate::model::config::Literal;
use crate::strategies::strategy::SESSION_MANAGEMENT;
use crate::strategies::{About, Answers, Control};

pub struct SessionLifetime;

static ABOUT: About = About {
    id: "session-lifetime",
    title: "Sessions end after a time that fits",
    strategy: &SESSION_MANAGEMENT,
    threats: &["session-hijacking"],
    severity: Severity::Low,
    page: include_str!("../../../assets/controls/session-lifetime.md"),
};

static SETTING: Setting = Setting {
    key: "PERMANENT_SESSION_LIFETIME",
    default_is_good: false,
    is_good: is_short,
    severity: Severity::Low,
    talisman: None,
    gain: lives,
};

impl Control for SessionLifetime {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        cookie_setting::check(&ABOUT, &SETTING, model)
    }

    fn remedy(&self, model: &Model, finding: &Finding, answers: &Answers) -> Patch {
        let minutes = answers.or("session-lifetime.minutes", "720");
        let minutes = minutes.parse::<u32>().unwrap_or(720);
        let patch = Patch {
            kind: PatchKind::Review,
            ..cookie_setting::patch(
                "Let sessions end sooner",
                "A permanent session ends after the time that is set",
            )
        }
        .may_break(format!(
            "Permanent sessions end after {minutes} minutes without a request: users log in again."
        ))
        .option(RemedyOption {
            key: "session-lifetime.minutes",
            question: "After how many minutes without a request does a session end?".into(),
            choices: Vec::new(),
            value: minutes.to_string(),
        });
        let value = duration(model, finding, minutes);
        cookie_setting::set(model, finding, &SETTING, &value, patch)
    }
}

/// Flask's default, in days.
const DEFAULT_DAYS: f64 = 31.0;

fn lives(value: Option<&Literal>) -> String {
    let days = match value {
        None => Some(DEFAULT_DAYS),
        Some(value) => value.as_seconds().map(|seconds| seconds / 86_400.0),
    };
    match days {
        Some(days) => format!(
            "a permanent session lives {} days, and so does a stolen cookie",
            (days * 10.0).round() / 10.0
        ),
        None => "that is no time, so that Flask fails when it sets the cookie".into(),
    }
}

/// `timedelta(…)` where the file says it so already, else seconds.
fn duration(model: &Model, finding: &Finding, minutes: u32) -> String {
    let file = model.repo.file(finding.path());
    let present = file.map_or("", |file| file.text.slice(finding.span()));
    match present.split_once('(') {
        Some((callee, _)) if !finding.absent && callee.ends_with("timedelta") => {
            match minutes % 60 {
                0 => format!("{callee}(hours={})", minutes / 60),
                _ => format!("{callee}(minutes={minutes})"),
            }
        }
        _ => (u64::from(minutes) * 60).to_string(),
    }
}

/// The longest lifetime that is not worth a word: a week.
const LONGEST: f64 = 7.0 * 24.0 * 3600.0;

fn is_short(value: &Literal) -> bool {
    value.as_seconds().is_some_and(|seconds| seconds <= LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{apply, findings, verdict};

    const APP: &str = "from flask import Flask, session\nfrom datetime import timedelta\n\napp = Flask(__name__)\n";

    #[test]
    fn the_default_is_too_long() {
        assert_eq!(findings(&SessionLifetime, &[("app.py", APP)]).len(), 1);
        let text = apply(&SessionLifetime, &[("app.py", APP)], "app.py");
        assert!(
            text.ends_with("app.config[\"PERMANENT_SESSION_LIFETIME\"] = 43200\n"),
            "{text}"
        );
        assert_eq!(findings(&SessionLifetime, &[("app.py", &text)]), [""; 0]);
    }

    #[test]
    fn a_fitting_time_is_fine() {
        let source =
            format!("{APP}app.config['PERMANENT_SESSION_LIFETIME'] = timedelta(hours=2)\n");
        assert_eq!(findings(&SessionLifetime, &[("app.py", &source)]), [""; 0]);
        let source = format!("{APP}app.permanent_session_lifetime = timedelta(days=365)\n");
        let verdict = verdict(&SessionLifetime, &[("app.py", &source)]);
        let message = &verdict.findings()[0].message;
        assert!(message.contains("lives 365 days"), "{message}");
        let text = apply(&SessionLifetime, &[("app.py", &source)], "app.py");
        assert!(text.ends_with("lifetime = timedelta(hours=12)\n"), "{text}");
    }
}
