//! What a configuration that nobody chooses does: `configs[os.getenv("FLASK_CONFIG", "dev")]`.

use super::reach::place;
use crate::edit::environment;
use crate::finding::{Confidence, Finding, Patch, PatchKind, Severity};
use crate::model::Model;
use crate::model::app::AppId;
use crate::model::config::{Environment, Switch, Value, Write};
use crate::model::deployment::Process;

pub(super) const SUBJECT: &str = "default configuration";

/// A switch whose default turns debug on, and what production starts without choosing.
struct Unchosen<'m> {
    switch: &'m Switch,
    variable: &'m str,
    /// The name of the default, and the one that is production's.
    default: &'m str,
    production: &'m str,
    write: &'m Write,
    /// What production starts; nothing where the repository does not say it.
    process: Option<&'m Process>,
}

pub(super) fn findings(model: &Model, app: AppId, severity: Severity) -> Vec<Finding> {
    unchosen(model, app)
        .map(|it| finding(model, &it, severity))
        .collect()
}

fn finding(model: &Model, it: &Unchosen<'_>, severity: Severity) -> Finding {
    let (variable, default) = (it.variable, it.default);
    let write = place(model, &it.write.statement);
    let (message, severity) = match it.process {
        Some(process) => (
            format!(
                "Nothing here sets {variable} for {} ({}): without it the default \"{default}\" is \
                 loaded, which turns DEBUG on ({write}).",
                process.server.label(),
                place(model, &process.location),
            ),
            severity.lowered(),
        ),
        None => (
            format!(
                "Whoever starts the app without {variable} gets the default \"{default}\", which \
                 turns DEBUG on ({write}); nothing here says how production starts."
            ),
            Severity::Low,
        ),
    };
    let at = it.switch.default.as_ref().map(|(_, at)| at.clone());
    let at = at.unwrap_or_else(|| it.switch.location.clone());
    Finding::new("debug-config", at, severity, message)
        .subject(SUBJECT)
        .confidence(Confidence::Medium)
}

pub(super) fn remedy(model: &Model, finding: &Finding) -> Patch {
    let mut all = model
        .apps
        .production()
        .flat_map(|(app, _)| unchosen(model, app));
    let found = all.find(|it| {
        let default = it.switch.default.as_ref();
        default.is_some_and(|(_, at)| *at == finding.location)
    });
    let Some(found) = found else {
        return Patch::manual("Choose production's configuration", Vec::new());
    };
    let (variable, value) = (found.variable, found.production);
    let Some(process) = found.process else {
        let title = format!("Let production be what {variable} defaults to");
        return Patch::manual(
            title,
            vec![format!(
                "Make \"{value}\" the default, and put {variable}={} into your untracked .env for \
                 local work; or set {variable}={value} wherever production starts.",
                found.default
            )],
        );
    };
    let path = &process.location.path;
    let title = format!("Set {variable}={value} in {path}");
    let edits = environment::set_environment(&model.repo, &model.deployment, path, variable, value);
    if edits.is_empty() {
        return Patch::manual(title, vec![format!("Set {variable}={value} in {path}.")]);
    }
    let guarantees = format!("What {path} starts loads production's configuration");
    Patch::new(PatchKind::Review, title, guarantees)
        .edits(edits)
        .may_break("Production's configuration may ask for more than the one that was loaded.")
}

fn unchosen<'m>(model: &'m Model, app: AppId) -> impl Iterator<Item = Unchosen<'m>> {
    let switches = model.configuration.switches(app);
    switches.filter_map(move |switch| {
        let variable = switch.variable.as_deref()?;
        let (default, _) = switch.default.as_ref()?;
        let chosen = switch.chosen_in(Environment::Production)?;
        let candidate = switch.candidates.get(*default)?;
        let is_same = candidate.location == switch.candidates.get(chosen.candidate)?.location;
        let is_set = model
            .deployment
            .production_settings(variable)
            .next()
            .is_some();
        if is_same || is_set {
            return None;
        }
        let process = model.deployment.production().find(|it| it.serves());
        let environments = [Environment::Development, Environment::Testing];
        let write = environments.into_iter().find_map(|environment| {
            let mut writes = model.configuration.in_order(app, environment);
            writes.rfind(|write| {
                let is_its = write.via.contains(&candidate.location);
                let is_on = matches!(&write.value, Value::Known(literal) if literal.is_truthy());
                &*write.key == "DEBUG" && is_its && is_on
            })
        })?;
        Some(Unchosen {
            switch,
            variable,
            default: &candidate.name,
            production: &switch.candidates.get(chosen.candidate)?.name,
            write,
            process,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::config::DebugConfig;
    use crate::strategies::testing;

    const APP: &str = "import os\nfrom flask import Flask\nclass Config:\n    DEBUG = False\n\
                       class DevelopmentConfig(Config):\n    DEBUG = True\n\
                       class ProductionConfig(Config):\n    pass\n\
                       configs = {'production': ProductionConfig, 'default': DevelopmentConfig}\n\
                       def create_app(name=None):\n    app = Flask(__name__)\n    \
                       app.config.from_object(configs[name or os.getenv('STAGE', 'default')])\n    \
                       return app\n";
    const DOCKER: &str = "FROM python\nCMD [\"gunicorn\", \"app:create_app()\"]\n";

    #[test]
    fn a_default_that_debugs_is_found_where_nothing_chooses() {
        let found = |docker: &str| {
            testing::findings(&DebugConfig, &[("app.py", APP), ("Dockerfile", docker)])
        };
        assert_eq!(found(DOCKER), ["app.py:12"]);
        let set = DOCKER.replace("CMD", "ENV STAGE=production\nCMD");
        assert_eq!(found(&set), Vec::<String>::new());
        let alone = testing::findings(&DebugConfig, &[("app.py", APP)]);
        assert_eq!(alone, ["app.py:12"]);
        let safe = APP.replace("'default': Dev", "'default': ProductionConfig, 'x': Dev");
        let texts = [("app.py", safe.as_str()), ("Dockerfile", DOCKER)];
        assert_eq!(
            testing::findings(&DebugConfig, &texts),
            Vec::<String>::new()
        );
    }

    #[test]
    fn the_deployment_chooses() {
        let texts = [("app.py", APP), ("Dockerfile", DOCKER)];
        let after = testing::apply(&DebugConfig, &texts, "Dockerfile");
        assert!(after.contains("ENV STAGE=production\n"), "{after}");
        let again = [("app.py", APP), ("Dockerfile", after.as_str())];
        assert_eq!(
            testing::findings(&DebugConfig, &again),
            Vec::<String>::new()
        );
    }
}
