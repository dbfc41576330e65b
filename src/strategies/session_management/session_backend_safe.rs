//! `session-backend-safe`: no fixation in the session extension, and no password in its URL.

use pep440_rs::Version;

use crate::edit::dependency::bump;
use crate::finding::{Evidence, Finding, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::model::config::Write;
use crate::model::dependencies::How;
use crate::strategies::strategy::SESSION_MANAGEMENT;
use crate::strategies::{About, Answers, Control};
use crate::text::Location;

pub struct SessionBackendSafe;

static ABOUT: About = About {
    id: "session-backend-safe",
    title: "The session extension has no fixation and its store is private",
    strategy: &SESSION_MANAGEMENT,
    threats: &["session-hijacking"],
    severity: Severity::High,
    page: include_str!("../../../assets/controls/session-backend-safe.md"),
};

/// Keys of Flask-Session that take a client.
const CLIENTS: &[&str] = &["SESSION_REDIS", "SESSION_MONGODB", "SESSION_MEMCACHED"];

impl Control for SessionBackendSafe {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let mut extensions = model
            .apps
            .production()
            .flat_map(|(_, app)| &app.extensions)
            .filter(|extension| extension.class.starts_with("flask_session."));
        let Some(session) = extensions.next() else {
            return Verdict::not_applicable("Flask-Session is not in use");
        };
        let mut findings: Vec<Finding> = passwords(model).collect();
        match model.dependencies.resolved("flask-session") {
            Some(resolved) => match resolved.version.as_ref() {
                // A range gets the newest release, which has no fixation.
                Some(version)
                    if has_fixation(version)
                        && matches!(resolved.how, How::Locked | How::Pinned) =>
                {
                    findings.push(fixation(resolved.from.clone(), &version.to_string()));
                }
                _ => {}
            },
            None if findings.is_empty() => {
                return Verdict::Undecided {
                    question: "Which Flask-Session is installed? No manifest names it; below \
                               0.7 it accepts a session id that an attacker chose."
                        .into(),
                    evidence: vec![Evidence::new(session.location.clone(), "set up here")],
                };
            }
            None => {}
        }
        let evidence = vec![Evidence::new(
            session.location.clone(),
            "Flask-Session is set up here",
        )];
        Verdict::from_findings(findings, evidence)
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        if finding.subject == "flask-session" {
            return raise(model);
        }
        Patch::manual(
            "Read the store's address from the environment",
            vec![
                "Move the URL to a variable (SESSION_REDIS_URL), read it with os.environ, and \
                 change the password: it stays in the history."
                    .into(),
            ],
        )
    }
}

/// 0.4 to 0.6 take over the id that the client sends (facts 5.6).
fn has_fixation(version: &Version) -> bool {
    version.release().iter().take(2).lt([0, 7].iter())
}

fn fixation(location: Location, version: &str) -> Finding {
    let message = format!(
        "Flask-Session {version} takes over a session id that the client sends: an attacker \
         plants one, waits for the login, and is logged in too (session fixation)."
    );
    Finding::new(ABOUT.id, location, Severity::High, message).subject("flask-session")
}

fn raise(model: &Model) -> Patch {
    let version = Version::new([0, 8, 0]);
    match bump(&model.dependencies, "flask-session", &version) {
        Ok(change) => Patch {
            follow_ups: change.follow_ups,
            ..Patch::new(
                PatchKind::Review,
                "Move to Flask-Session 0.8.0",
                "A session id that the server did not make is never used",
            )
        }
        .may_break(
            "With Redis, 0.7 and newer store sessions as msgpack: tuples and sets come back as \
             lists, and a Markup in flash() raises.",
        )
        .edits(change.edits),
        Err(manual) => Patch::manual("Move to Flask-Session 0.8.0", manual.sentences()),
    }
}

/// A client made from a URL that has a password in it.
fn passwords(model: &Model) -> impl Iterator<Item = Finding> {
    CLIENTS.iter().flat_map(|key| {
        model.configuration.writes(key).filter_map(|write| {
            let text = model
                .repo
                .file(&write.value_at.path)?
                .text
                .slice(write.value_at.span);
            has_password(text).then(|| in_code(write, key))
        })
    })
}

/// `scheme://user:password@host` with a literal password.
fn has_password(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '"', '\'']).next().unwrap_or_default();
    let Some((credentials, _)) = authority.rsplit_once('@') else {
        return false;
    };
    let password = credentials
        .split_once(':')
        .map_or("", |(_, password)| password);
    !password.is_empty() && !password.starts_with(['{', '%', '$'])
}

fn in_code(write: &Write, key: &str) -> Finding {
    let message = format!(
        "{key} holds the store's password: whoever reads the code reads and writes every session."
    );
    Finding::new(ABOUT.id, write.value_at.clone(), Severity::High, message)
        .subject(key)
        .secret(write.value_at.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{findings, verdict};

    const APP: &str = "from flask import Flask, session\nfrom flask_session import Session\napp = Flask(__name__)\napp.config['SESSION_TYPE'] = 'redis'\n";

    #[test]
    fn versions_decide() {
        let app = format!("{APP}Session(app)\n");
        let with = |line: &str| {
            let texts = [("app.py", app.as_str()), ("requirements.txt", line)];
            verdict(&SessionBackendSafe, &texts).word()
        };
        assert_eq!(with("flask\nflask-session==0.5.0\n"), "missing");
        assert_eq!(with("flask\nflask-session==0.8.0\n"), "implemented");
        assert_eq!(with("flask\n"), "undecided");
    }

    #[test]
    fn a_password_in_the_url_is_found() {
        let url = format!("redis://:{}@cache:6379", "x".repeat(12));
        let app =
            format!("{APP}app.config['SESSION_REDIS'] = Redis.from_url('{url}')\nSession(app)\n");
        let texts = [
            ("app.py", app.as_str()),
            ("requirements.txt", "flask-session==0.8.0\n"),
        ];
        assert_eq!(findings(&SessionBackendSafe, &texts), ["app.py:5"]);
        assert!(!has_password("Redis.from_url('redis://cache:6379')"));
        assert!(!has_password("f'redis://:{PASSWORD}@cache'"));
    }
}
