//! What the three session-cookie controls share: a key, judged as production resolves it.

use ruff_python_ast::Expr;

use crate::edit::config;
use crate::edit::imports::module_for;
use crate::finding::{Confidence, Edit, Evidence, Finding, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::model::app::AppId;
use crate::model::config::{EnvRead, Environment, Literal, Placement, Resolved, Value, Write};
use crate::model::deployment::EnvValue;
use crate::parse::python::argument;
use crate::strategies::About;
use crate::text::Location;

/// One key of the session cookie.
pub(super) struct Setting {
    pub key: &'static str,
    /// Flask's default in every version, when nothing sets the key.
    pub default_is_good: bool,
    /// Whether a value does what the control wants.
    pub is_good: fn(&Literal) -> bool,
    pub severity: Severity,
    /// The parameter of Flask-Talisman that sets it, and whether Talisman does so by default.
    pub talisman: Option<(&'static str, bool)>,
    /// What an attacker gains while it is not set, or set to that value, as a clause.
    pub gain: fn(Option<&Literal>) -> String,
}

/// What an application's configuration says of a setting.
enum Answer {
    Good(Evidence),
    Bad(Finding),
    Open(String),
}

pub(super) fn check(about: &About, setting: &Setting, model: &Model) -> Verdict {
    if super::uses_session(model).is_none() {
        return Verdict::not_applicable("the application keeps nothing in the session");
    }
    let (findings, evidence, question) = judge_all(about, setting, model);
    match question {
        Some(question) if findings.is_empty() => Verdict::Undecided { question, evidence },
        _ if findings.is_empty() && evidence.is_empty() => {
            Verdict::not_applicable("no Flask application is constructed here")
        }
        _ => Verdict::from_findings(findings, evidence),
    }
}

/// Findings and evidence of every application, and what could not be decided.
pub(super) fn judge_all(
    about: &About,
    setting: &Setting,
    model: &Model,
) -> (Vec<Finding>, Vec<Evidence>, Option<String>) {
    let (mut findings, mut evidence, mut question) = (Vec::new(), Vec::new(), None);
    for (id, _) in model.apps.production() {
        match judge(about, setting, model, id) {
            Answer::Good(good) => evidence.push(good),
            Answer::Bad(finding) => findings.push(finding),
            Answer::Open(open) => question = Some(open),
        }
    }
    (findings, evidence, question)
}

fn judge(about: &About, setting: &Setting, model: &Model, app: AppId) -> Answer {
    let resolved = model
        .configuration
        .resolved(app, setting.key, Environment::Production);
    match &resolved {
        Resolved::Set { write, value, .. } => judge_value(about, setting, model, write, value),
        Resolved::Unset { .. } if setting.default_is_good => Answer::Good(Evidence::new(
            model.apps.get(app).construction.clone(),
            format!("{} is on by default and nothing clears it", setting.key),
        )),
        Resolved::Unset { open } => {
            if let Some(evidence) = set_by_talisman(setting, model, app) {
                return Answer::Good(evidence);
            }
            let finding = absent(about, setting, model, app);
            Answer::Bad(if open.is_empty() {
                finding
            } else {
                finding.confidence(Confidence::Medium)
            })
        }
        Resolved::Undecided { question, .. } => Answer::Open(question.clone()),
    }
}

/// Flask-Talisman sets the cookie's flags when it is initialised (facts 4.8).
fn set_by_talisman(setting: &Setting, model: &Model, app: AppId) -> Option<Evidence> {
    let (parameter, by_default) = setting.talisman?;
    let talisman = model.apps.get(app).extension("Talisman")?;
    let file = model.modules.by_path(&talisman.location.path)?;
    let call = model.modules.get(file).call_at(talisman.location.span)?;
    let is_set = match argument(call, parameter, None) {
        Some(Expr::BooleanLiteral(value)) => value.value,
        Some(Expr::NoneLiteral(_)) => false,
        Some(_) => true,
        None => by_default,
    };
    is_set.then(|| {
        Evidence::new(
            talisman.location.clone(),
            format!("Flask-Talisman sets {}", setting.key),
        )
    })
}

fn judge_value(
    about: &About,
    setting: &Setting,
    model: &Model,
    write: &Write,
    value: &Value,
) -> Answer {
    let good = || {
        Answer::Good(Evidence::new(
            write.value_at.clone(),
            format!("sets {} for production", setting.key),
        ))
    };
    match in_production(model, value) {
        Some(literal) if (setting.is_good)(&literal) => good(),
        Some(literal) => {
            let message = format!(
                "{} is {literal} in production: {}.",
                setting.key,
                (setting.gain)(Some(&literal))
            );
            Answer::Bad(
                Finding::new(about.id, write.value_at.clone(), setting.severity, message)
                    .subject(setting.key),
            )
        }
        None => Answer::Open(match value {
            Value::Env(read) => format!(
                "{} comes from the variable {}: what is it in production?",
                setting.key, read.name
            ),
            _ => format!("What is {} in production? It is computed.", setting.key),
        }),
    }
}

/// The value in production, with what the deployment files set; `None` when that is open.
fn in_production(model: &Model, value: &Value) -> Option<Literal> {
    match value {
        Value::Known(literal) => Some(literal.clone()),
        Value::Env(read) => read.with(deployed(model, read)?.as_deref()),
        // Conditions on the environment ("not app.debug") hold in production when both leaves
        // say the same, and are open otherwise.
        Value::Choice { .. } => {
            let mut leaves = value
                .leaves()
                .into_iter()
                .map(|leaf| in_production(model, leaf));
            let first = leaves.next()??;
            leaves
                .all(|leaf| leaf.as_ref() == Some(&first))
                .then_some(first)
        }
        _ => None,
    }
}

/// What the deployment sets the variable to: `Some(None)` when nothing does.
fn deployed(model: &Model, read: &EnvRead) -> Option<Option<String>> {
    let mut settings = model.deployment.production_settings(&read.name);
    match settings.next().map(|setting| &setting.value) {
        None => Some(None),
        Some(EnvValue::Literal(text) | EnvValue::Default(text)) => Some(Some(text.clone())),
        Some(EnvValue::Empty) => Some(Some(String::new())),
        Some(EnvValue::Outside) => None,
    }
}

fn absent(about: &About, setting: &Setting, model: &Model, app: AppId) -> Finding {
    let location = place_for(model, app, setting);
    let message = format!("Nothing sets {}: {}.", setting.key, (setting.gain)(None));
    Finding::new(about.id, location, setting.severity, message)
        .subject(setting.key)
        .absent()
}

/// Sets the key to True in production, and elsewhere as well unless development is declared:
/// one configuration for all has to work over http on the developer's machine.
pub(super) fn set_over_https(
    model: &Model,
    finding: &Finding,
    setting: &Setting,
    patch: Patch,
) -> Patch {
    if is_for_production_alone(model, finding, setting) {
        return set(model, finding, setting, "True", patch);
    }
    let Some(file) = model.modules.by_path(finding.path()) else {
        return set(model, finding, setting, "True", patch);
    };
    let (os, import) = module_for(model, file, finding.span().start, "os");
    let value = format!("{os}.environ.get(\"FLASK_ENV\") != \"development\"");
    let patch = Patch {
        kind: PatchKind::Review,
        ..patch
    }
    .may_break(
        "Over plain http, browsers drop the cookie unless FLASK_ENV=development is set \
         (localhost aside): set it for local work, and serve production over HTTPS.",
    );
    let patch = set(model, finding, setting, &value, patch);
    if patch.edits.is_empty() {
        return patch;
    }
    patch.edits(import)
}

/// A value that somebody wrote may be there for a reason: what `breaks` is shown first.
pub(super) fn on_purpose(patch: Patch, finding: &Finding, breaks: &str) -> Patch {
    if finding.absent {
        return patch;
    }
    Patch {
        kind: PatchKind::Review,
        ..patch.may_break(format!("If the value was set on purpose: {breaks}."))
    }
}

/// Sets the key for production to the Python expression `value`.
pub(super) fn set(
    model: &Model,
    finding: &Finding,
    setting: &Setting,
    value: &str,
    patch: Patch,
) -> Patch {
    let edits = edits(model, finding, setting, value);
    if edits.is_empty() {
        return Patch::manual(
            patch.title,
            vec![format!(
                "Set {} = {value} in the configuration that production loads.",
                setting.key
            )],
        );
    }
    patch.edits(edits)
}

fn edits(model: &Model, finding: &Finding, setting: &Setting, value: &str) -> Vec<Edit> {
    if !finding.absent {
        let write = model
            .configuration
            .writes(setting.key)
            .find(|write| write.value_at == finding.location);
        return write.map_or_else(Vec::new, |write| {
            config::replace_value(&model.modules, write, value)
        });
    }
    let app = app_of(model, finding, setting);
    let place = app.and_then(|app| best_place(model, app, setting));
    place.map_or_else(Vec::new, |place| {
        config::set(&model.modules, &place, setting.key, value)
    })
}

fn best_place(model: &Model, app: AppId, setting: &Setting) -> Option<Placement> {
    model
        .configuration
        .best_place(&model.modules, &model.apps, app, setting.key)
}

/// Where an absent key is reported: the best place to set it, else the construction.
fn place_for(model: &Model, app: AppId, setting: &Setting) -> Location {
    best_place(model, app, setting).map_or_else(
        || model.apps.get(app).construction.clone(),
        |place| place.location,
    )
}

/// The application for which the finding's location is the best place.
fn app_of(model: &Model, finding: &Finding, setting: &Setting) -> Option<AppId> {
    let mut apps = model.apps.production().map(|(id, _)| id);
    apps.find(|id| place_for(model, *id, setting) == finding.location)
}

/// Whether the place that the patch writes to is loaded in production only.
fn is_for_production_alone(model: &Model, finding: &Finding, setting: &Setting) -> bool {
    if finding.absent {
        let app = app_of(model, finding, setting);
        let place = app.and_then(|app| best_place(model, app, setting));
        return place.is_some_and(|place| {
            place.environments == [Environment::Production] || says_production(model, &place)
        });
    }
    let mut writes = model.configuration.writes(setting.key);
    let write = writes.find(|write| write.value_at == finding.location);
    write.is_some_and(|write| write.environments == [Environment::Production])
}

/// Whether the class or the file is named after production: then nobody develops with it,
/// also where nothing visible chooses another configuration.
fn says_production(model: &Model, place: &Placement) -> bool {
    let file = model.repo.file(&place.path);
    let name = file.map_or("", |file| file.text.slice(place.location.span));
    let stem = place.path.rsplit('/').next().unwrap_or_default();
    [name, stem]
        .iter()
        .any(|name| name.to_ascii_lowercase().starts_with("prod"))
}

pub(super) fn patch(title: &str, guarantees: &str) -> Patch {
    Patch::new(PatchKind::Safe, title, guarantees)
}
