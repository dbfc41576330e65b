//! `session-migration`: users survive the move to sessions on the server.

use crate::finding::{Evidence, Finding, Patch, Severity, Verdict};
use crate::model::Model;
use crate::model::modules::Modules;
use crate::model::names::{BindingKind, Names};
use crate::strategies::strategy::SESSION_MANAGEMENT;
use crate::strategies::{About, Answers, Control};
use crate::text::Location;

pub struct SessionMigration;

static ABOUT: About = About {
    id: "session-migration",
    title: "Visitors keep their session when it moves to the server",
    strategy: &SESSION_MANAGEMENT,
    threats: &["session-data-exposure"],
    severity: Severity::Negligible,
    page: include_str!("../../../assets/controls/session-migration.md"),
};

impl Control for SessionMigration {
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
            return Verdict::not_applicable("sessions are not kept on the server yet");
        };
        if let Some(location) = migrating_class(&model.modules, &model.names) {
            let note = "carries sessions over from the signed cookie";
            return Verdict::Implemented {
                evidence: vec![Evidence::new(location, note)],
            };
        }
        Verdict::Undecided {
            question: "Did production use Flask's signed cookies before Flask-Session? Then \
                       every visitor was, or will be, logged out once."
                .into(),
            evidence: vec![Evidence::new(
                session.location.clone(),
                "Flask-Session is set up here",
            )],
        }
    }

    fn remedy(&self, _model: &Model, _finding: &Finding, _answers: &Answers) -> Patch {
        Patch::manual(
            "Carry sessions over",
            vec!["Wrap app.session_interface in one that reads the old signed cookie.".into()],
        )
    }
}

/// A session interface of the project that reads Flask's own signed cookie as well.
fn migrating_class(modules: &Modules, names: &Names) -> Option<Location> {
    modules.iter().find_map(|(id, module)| {
        let text = module.file.text.as_str();
        let reads_both = [
            "SecureCookieSessionInterface",
            "get_signing_serializer",
            "open_session",
        ];
        if !reads_both.iter().all(|word| text.contains(word)) {
            return None;
        }
        let bindings = &names.scopes(id).module().bindings;
        let mut classes = bindings
            .values()
            .flatten()
            .filter(|binding| binding.kind == BindingKind::Class);
        classes.next().map(|class| module.location(class.span))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::verdict;

    #[test]
    fn signed_cookies_need_no_migration_yet() {
        let app = "from flask import Flask, session\napp = Flask(__name__)\n";
        let verdict = verdict(&SessionMigration, &[("app.py", app)]);
        assert_eq!(verdict.word(), "not-applicable");
    }

    #[test]
    fn a_store_without_a_migration_is_a_question() {
        let app = "from flask import Flask, session\nfrom flask_session import Session\napp = Flask(__name__)\napp.config['SESSION_TYPE'] = 'redis'\nSession(app)\n";
        assert_eq!(
            verdict(&SessionMigration, &[("app.py", app)]).word(),
            "undecided"
        );
        let migration = include_str!("../../../assets/snippets/session_migration.py");
        let app = format!("{app}from session_migration import MigratingSessionInterface\n");
        let texts = [
            ("app.py", app.as_str()),
            ("session_migration.py", migration),
        ];
        assert_eq!(verdict(&SessionMigration, &texts).word(), "implemented");
    }
}
