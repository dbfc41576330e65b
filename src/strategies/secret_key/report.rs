//! Findings and patches that several controls of keys share.

use std::sync::Arc;

use super::keys::{self, Kind, Weakness};
use super::sightings::{self, Sighting, SourceOf, Weight};
use super::{checks, fresh, outside, surroundings};
use crate::edit::{config, imports};
use crate::finding::{Confidence, Edit, Finding, Patch, PatchKind, Severity};
use crate::model::Model;
use crate::model::app::AppId;
use crate::model::config::Value;
use crate::model::deployment::Surface;

/// The command that makes a key.
pub(super) const MAKE: &str = "python -c \"import secrets; print(secrets.token_urlsafe(64))\"";

/// The finding about a key's value, `what` in front of what an attacker gains.
pub(super) fn finding(control: &'static str, sighting: &Sighting<'_>, what: &str) -> Finding {
    let key = sighting.key;
    let salt = keys::kind(key) == Kind::Salt;
    let weak = Weakness::of(&sighting.value).filter(|_| !salt);
    let weak = match weak {
        Some(weakness) => format!(" It can be guessed as well: {}.", weakness.because()),
        None => String::new(),
    };
    let mark = keys::mark(&sighting.value);
    let message = format!(
        "{key} {what} (fingerprint {mark}): whoever reads it can {}.{weak}",
        keys::gain(key)
    );
    let severity = match salt {
        true => Severity::Medium,
        false => Severity::Critical,
    };
    let finding = Finding::new(control, sighting.statement.clone(), severity, message).subject(key);
    let secrets = sighting.secrets.iter().cloned();
    let finding = secrets.fold(finding, Finding::secret);
    match &sighting.weight {
        Weight::Production => finding,
        Weight::Perhaps(why) => {
            let mut finding = finding.confidence(Confidence::Medium);
            finding.severity = finding.severity.lowered();
            finding.message = format!("{} {why}", finding.message);
            finding
        }
        Weight::Overridden(why) => {
            let mut finding = finding.unreachable(why);
            finding.severity = finding.severity.min(Severity::Low);
            finding
        }
    }
}

/// The application that a sighting belongs to.
pub(super) fn app_of(model: &Model, sighting: &Sighting<'_>) -> Option<AppId> {
    match sighting.source {
        SourceOf::Code(write) => write.app,
        SourceOf::Deployment(setting) => model.apps.nearest(&setting.location.path),
    }
}

/// The key is read from the environment instead, and checked at start.
pub(super) fn read_instead(model: &Model, sighting: &Sighting<'_>) -> Patch {
    let key = sighting.key;
    let app = app_of(model, sighting);
    let end = app.and_then(|app| model.configuration.end_of_setup(app));
    let title = format!("Read {key} from the environment and check it at start");
    let Some(module) = model.modules.by_path(sighting.path()) else {
        return Patch::manual(title, follow_ups(model, sighting));
    };
    let is_loaded = matches!(sighting.source, SourceOf::Code(write) if write.is_loaded());
    let offset = sighting.literal.span.start;
    let (os, import) = imports::module_for(model, module, offset, "os");
    let variable = variable_of(model, sighting);
    // Without a check elsewhere, a missing variable has to stop right here.
    let text = match end.is_some() && is_loaded {
        true => format!("{os}.environ.get(\"{variable}\")"),
        false => format!("{os}.environ[\"{variable}\"]"),
    };
    let text = config::requoted(model.modules.get(module), &text);
    let mut edits = vec![Edit::replace(sighting.path(), sighting.literal.span, text)];
    edits.extend(import);
    with_surroundings(model, sighting, app, title, edits)
}

/// The edits of a key that leaves the code, with everything that has to go along.
pub(super) fn with_surroundings(
    model: &Model,
    sighting: &Sighting<'_>,
    app: Option<AppId>,
    title: String,
    edits: Vec<Edit>,
) -> Patch {
    let key = sighting.key;
    let variable = variable_of(model, sighting);
    let guarantees = format!(
        "No file holds {key}, and the app does not start without {}",
        match keys::kind(key) {
            Kind::Key => "one of at least 32 characters",
            Kind::Salt => "it",
        }
    );
    let mut patch = Patch::new(PatchKind::Review, title, guarantees)
        .edits(edits)
        .may_break(format!(
            "Every place that starts the app has to provide {variable} from now on{}.",
            starters(model)
        ));
    if let Some(app) = app {
        patch = patch.edits(checks::add(model, app, key));
    }
    patch = patch
        .edits(surroundings::for_tests(model, app, key, &variable))
        .edits(surroundings::for_dotenv(model, &variable));
    for follow_up in follow_ups(model, sighting) {
        patch = patch.follow_up(follow_up);
    }
    patch
}

/// The variable that the key is read from afterwards.
fn variable_of(model: &Model, sighting: &Sighting<'_>) -> String {
    match sighting.source {
        SourceOf::Code(write) => {
            let leaves = write.value.leaves();
            let read = leaves.iter().find_map(|leaf| leaf.env());
            read.map_or_else(
                || shared_name(model, sighting).to_owned(),
                |read| read.name.clone(),
            )
        }
        SourceOf::Deployment(setting) => setting.name.clone(),
    }
}

/// `app.secret_key = app.config["WTF_CSRF_SECRET_KEY"] = "…"`: one literal, one variable, called
/// after the first of the keys.
fn shared_name<'m>(model: &'m Model, sighting: &Sighting<'m>) -> &'m str {
    let all = sightings::all(model);
    let shares = |name: &str| {
        let mut same = all.iter().filter(|it| it.literal == sighting.literal);
        same.any(|it| it.key == name)
    };
    let first = keys::names().find(|name| shares(name));
    first.unwrap_or(sighting.key)
}

/// What starts the app, for a person to look after: " (Dockerfile, docker-compose.yml)".
fn starters(model: &Model) -> String {
    let files = model.deployment.server_files();
    match files.is_empty() {
        true => String::new(),
        false => format!(" ({})", files.join(", ")),
    }
}

fn for_local_work(model: &Model, key: &str) -> String {
    match surroundings::uses_dotenv(model) {
        true => format!(
            "Set {key} for local work: `{}` puts a fresh one into the ignored .env, or set it in \
             your shell.",
            fresh::COMMAND
        ),
        false => {
            format!("Set {key} for local work in an untracked .env file or in your shell.")
        }
    }
}

/// What no edit can do.
pub(super) fn follow_ups(model: &Model, sighting: &Sighting<'_>) -> Vec<String> {
    let variable = match sighting.source {
        SourceOf::Code(write) => match &write.value {
            Value::Env(read) => read.name.as_str(),
            _ => sighting.key,
        },
        SourceOf::Deployment(_) => sighting.key,
    };
    words(model, sighting.key, variable)
}

/// The same for a key that is read from `variable`.
pub(super) fn words(model: &Model, key: &str, variable: &str) -> Vec<String> {
    match keys::kind(key) {
        Kind::Key => vec![
            format!(
                "Replace {key}: the old value stays in the history of the repository, so that \
                 moving it is not enough. Make a new one with `{MAKE}`."
            ),
            for_local_work(model, variable),
        ],
        Kind::Salt => vec![format!(
            "Set {key} to the value that stood here, unchanged: with another one no stored \
             password is right any more."
        )],
    }
}

/// The value goes from a deployment file: it is to be given from outside.
pub(super) fn outside_instead(model: &Model, sighting: &Sighting<'_>) -> Patch {
    let key = sighting.key;
    let title = format!("Take {key} out of {}", sighting.path());
    let SourceOf::Deployment(setting) = sighting.source else {
        return Patch::manual(title, follow_ups(model, sighting));
    };
    let guarantees = format!("{} does not hold {key}", sighting.path());
    let Some(found) = outside::instead(model, setting) else {
        let mut words = follow_ups(model, sighting);
        words.insert(0, by_hand(setting.surface, key, sighting.path()));
        return Patch::manual(title, words);
    };
    let mut patch = Patch::new(PatchKind::Review, title, guarantees)
        .edits(found.edits)
        .may_break(format!(
            "Whoever starts the app from this file has to provide {key} from now on."
        ));
    if let Some(needs) = found.needs {
        patch = patch.follow_up(needs);
    }
    if setting.surface == Surface::Dotenv {
        patch = patch
            .edits(surroundings::for_dotenv(model, key))
            .follow_up(format!(
                "Take {0} out of the repository, and keep it on your machine: `git rm --cached {0}`.",
                sighting.path()
            ));
    }
    for follow_up in follow_ups(model, sighting) {
        patch = patch.follow_up(follow_up);
    }
    patch
}

fn by_hand(surface: Surface, key: &str, path: &Arc<str>) -> String {
    match surface {
        Surface::Dockerfile => format!(
            "Take {key} out of {path}: what ENV and ARG set stays in the image. Give it to the \
             container at start."
        ),
        Surface::Kubernetes | Surface::Helm => format!(
            "Take {key} out of {path} and refer to a Secret that is made outside of the \
             repository (base64 is no encryption)."
        ),
        Surface::Fabric => format!(
            "Take {key} out of the command in {path}, and let the server's own configuration \
             provide it: `EnvironmentFile=` of a systemd unit, in a file that only root may read."
        ),
        _ => format!("Take {key} out of {path} and provide it from a store of secrets."),
    }
}
