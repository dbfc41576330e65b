//! `debug-environment`: no deployment file turns debug on through the environment.

use super::reach::place;
use super::{environ, flask};
use crate::edit::environment;
use crate::finding::{Confidence, Evidence, Finding, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::model::deployment::{EnvSetting, Process, Server, Stage, Surface, rules};
use crate::strategies::strategy::DEBUG_MODE;
use crate::strategies::{About, Answers, Control};

pub struct DebugEnvironment;

static ABOUT: About = About {
    id: "debug-environment",
    title: "No deployment file turns debug on through the environment",
    strategy: &DEBUG_MODE,
    threats: &[
        "information-disclosure",
        "remote-code-execution",
        "denial-of-service",
    ],
    severity: Severity::High,
    page: include_str!("../../../assets/controls/debug-environment.md"),
};

const FLAG: &str = "FLASK_DEBUG";
const NAME: &str = "FLASK_ENV";
/// Without its PIN the debugger's console is open to everybody (facts 1.9).
const PIN: &str = "WERKZEUG_DEBUG_PIN";

impl Control for DebugEnvironment {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let settings = settings(model);
        let in_code = environ::findings(model, &gain(model));
        let nothing_starts = model.deployment.processes.is_empty();
        if settings.is_empty() && nothing_starts && in_code.is_empty() {
            return Verdict::not_applicable("no deployment file is in the repository");
        }
        let mut findings = Vec::new();
        let mut evidence = Vec::new();
        for setting in settings {
            match judge(model, setting) {
                Some(finding) => findings.push(finding),
                None => evidence.push(Evidence::new(setting.statement.clone(), note(setting))),
            }
        }
        findings.extend(in_code);
        Verdict::from_findings(findings, evidence)
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        let settings = settings(model).into_iter();
        let mut found = settings.filter(|it| it.statement == finding.location);
        let Some(setting) = found.find(|it| it.name == finding.subject) else {
            let by_hand = || Patch::manual("Turn debug off in the deployment file", Vec::new());
            return environ::remedy(model, finding).unwrap_or_else(by_hand);
        };
        patch(model, setting)
    }
}

fn settings(model: &Model) -> Vec<&EnvSetting> {
    let environment = model.deployment.environment.iter();
    environment
        .filter(|it| matches!(it.name.as_str(), FLAG | NAME | PIN))
        .collect()
}

fn note(setting: &EnvSetting) -> String {
    match setting.stage {
        Stage::Production | Stage::Unknown if !setting.ignored => {
            format!("{} does not turn debug on", setting.name)
        }
        _ => format!("is not for production: {}", setting.because),
    }
}

fn judge(model: &Model, setting: &EnvSetting) -> Option<Finding> {
    let file = setting.location.path.rsplit('/').next().unwrap_or("");
    let is_elsewhere = setting.ignored
        || setting.build_only
        || matches!(setting.stage, Stage::Development | Stage::Test)
        || rules::is_template_name(file);
    if is_elsewhere || is_for_hand(model, setting) || is_replaced(model, setting) {
        return None;
    }
    if !turns_on(model, setting) {
        return declared(model, setting);
    }
    if !reaches(model, setting) {
        return Some(unread(model, setting));
    }
    let (severity, gain) = gain_of(model, setting);
    let wins = wins(model, setting);
    let name = &setting.name;
    let what = match (name.as_str(), setting.literal()) {
        (PIN, _) => "takes the PIN from Werkzeug's debugger".to_owned(),
        (FLAG, Some(value)) if !matches!(value, "1" | "true" | "True") => format!(
            "turns debug on (Flask takes everything for on but an empty value, 0, false and no; \
             \"{value}\" is on)"
        ),
        _ => "turns debug on".to_owned(),
    };
    let message = format!(
        "{name} in this {} {what}: {gain}{wins}",
        setting.surface.label()
    );
    let severity = match name.as_str() {
        PIN => severity.min(Severity::Medium),
        _ => severity,
    };
    let mut finding =
        Finding::new(ABOUT.id, setting.statement.clone(), severity, message).subject(name);
    if setting.stage == Stage::Unknown {
        finding.severity = finding.severity.lowered();
        finding = finding.confidence(Confidence::Medium);
        finding.message = format!(
            "{} Whether production uses this file is open: {}.",
            finding.message, setting.because
        );
    }
    Some(finding)
}

/// A target of a Makefile that says no stage, where another file starts production.
fn is_for_hand(model: &Model, setting: &EnvSetting) -> bool {
    let mut production = model.deployment.production().filter(|it| it.serves());
    setting.surface == Surface::Makefile
        && setting.stage == Stage::Unknown
        && production.any(|it| it.location.path != setting.location.path)
}

/// A later line of the same image sets the variable again for everything that starts.
fn is_replaced(model: &Model, setting: &EnvSetting) -> bool {
    let place = &setting.location;
    let own = model.deployment.production().filter(|it| it.serves());
    let mut effective = own
        .filter_map(|process| process.setting(&setting.name))
        .peekable();
    setting.surface == Surface::Dockerfile
        && effective.peek().is_some()
        && effective
            .all(|it| it.location.path == place.path && it.location.span.start > place.span.start)
}

/// `FLASK_ENV=development` where Flask ignores it (facts 1.7).
fn declared(model: &Model, setting: &EnvSetting) -> Option<Finding> {
    let is_development = setting.name == NAME
        && setting.stage == Stage::Production
        && setting.literal().is_some_and(rules::flask_env_debug_on);
    let mut seen = model.deployment.production_settings(NAME);
    let is_seen = seen.any(|it| it.location == setting.location);
    if !is_development || !is_seen || model.deployment.production().next().is_none() {
        return None;
    }
    let message = format!(
        "FLASK_ENV in this {} declares production to be development: the Flask in use ignores it, \
         but whatever else reads it (a guard, a configuration, an extension) lets debug through.",
        setting.surface.label()
    );
    let at = setting.statement.clone();
    Some(Finding::new(ABOUT.id, at, Severity::Low, message).subject(NAME))
}

/// A file that is part of every checkout, but that what production starts does not read.
fn unread(model: &Model, setting: &EnvSetting) -> Finding {
    let mut production = model.deployment.production();
    let server = production.find(|it| it.serves());
    let because = server.map_or_else(String::new, |process| {
        format!(
            "Production's {} does not read the file ({}).",
            process.server.label(),
            place(model, &process.location)
        )
    });
    let message = format!(
        "{} in this committed {} turns debug on for every `flask run` and `python app.py` of the \
         checkout, in an image as well.",
        setting.name,
        setting.surface.label()
    );
    let at = setting.statement.clone();
    let mut finding = Finding::new(ABOUT.id, at, Severity::Low, message)
        .subject(&setting.name)
        .unreachable(&because);
    finding.severity = Severity::Low;
    finding
}

fn turns_on(model: &Model, setting: &EnvSetting) -> bool {
    match setting.name.as_str() {
        FLAG => setting.turns_debug_on(),
        NAME => {
            flask::may_read_flask_env(model)
                && setting.literal().is_some_and(rules::flask_env_debug_on)
        }
        _ => setting.literal() == Some("off"),
    }
}

/// What production starts may not read the file at all.
fn reaches(model: &Model, setting: &EnvSetting) -> bool {
    setting.stage != Stage::Production
        || model
            .deployment
            .production_settings(&setting.name)
            .any(|it| it.location == setting.location)
}

/// What is gained by those that get the setting, where the file shows who does.
fn gain_of(model: &Model, setting: &EnvSetting) -> (Severity, String) {
    let own = receivers(model, setting);
    match own.first() {
        Some(process) if own.iter().all(|it| is_without_debugger(model, it)) => {
            behind_server(model, process)
        }
        _ => gain(model),
    }
}

/// A WSGI server, or a script that hands the app to one.
fn is_without_debugger(model: &Model, process: &Process) -> bool {
    const SERVERS: [&str; 4] = ["waitress", "gevent.pywsgi", "WSGIContainer", "cheroot"];
    let Server::PythonScript { path } = &process.server else {
        return process.server.is_production_server();
    };
    // A script without a word of Flask is no module of the model.
    model.repo.file(path).is_some_and(|file| {
        let text = file.text.as_str();
        SERVERS.iter().any(|server| text.contains(server)) && !text.contains(".run(")
    })
}

fn receivers<'a>(model: &'a Model, setting: &EnvSetting) -> Vec<&'a Process> {
    let receives = |it: &&Process| {
        let given = it.setting(&setting.name);
        it.serves() && given.is_some_and(|given| given.location == setting.location)
    };
    model.deployment.production().filter(receives).collect()
}

fn behind_server(model: &Model, process: &Process) -> (Severity, String) {
    let message = format!(
        "{} shows no debugger ({}), but errors skip the app's handlers.",
        process.server.label(),
        place(model, &process.location)
    );
    (Severity::Medium, message)
}

fn gain(model: &Model) -> (Severity, String) {
    if let Some(process) = model.deployment.starts_with_dev_server().first() {
        let gain = format!(
            "an error opens Werkzeug's debugger, whose console runs any command, because production \
             starts {} ({}).",
            process.server.label(),
            place(model, &process.location)
        );
        return (Severity::Critical, gain);
    }
    let mut production = model.deployment.production();
    match production.find(|it| it.server.is_production_server()) {
        Some(process) => behind_server(model, process),
        None => (
            Severity::High,
            "under `flask run` or `python app.py` an error opens Werkzeug's debugger, whose console \
             runs any command."
                .into(),
        ),
    }
}

/// Which file or which code it beats (facts 1.5, 1.6).
fn wins(model: &Model, setting: &EnvSetting) -> &'static str {
    let own = receivers(model, setting);
    let flask_run = match own.is_empty() {
        true => {
            let mut production = model.deployment.production();
            production.any(|it| it.server == Server::FlaskRun)
        }
        false => own.iter().any(|it| it.server == Server::FlaskRun),
    };
    match (setting.surface, flask_run) {
        (Surface::Dotenv, _) => {
            " `flask` commands and app.run() read the file, gunicorn does not; the real environment \
             wins over it."
        }
        (_, true) => " Under `flask run` it beats app.debug = False and DEBUG = False in the code.",
        (_, false) => "",
    }
}

fn patch(model: &Model, setting: &EnvSetting) -> Patch {
    let path = &setting.location.path;
    let name = setting.name.as_str();
    let (title, value) = match name {
        FLAG => (format!("Set FLASK_DEBUG=0 in {path}"), "0"),
        NAME => (format!("Set FLASK_ENV=production in {path}"), "production"),
        _ => (format!("Keep the debugger's PIN in {path}"), ""),
    };
    let edits = match environment::change_setting(&model.repo, setting, value) {
        Some(edit) => vec![edit],
        None => environment::set_environment(&model.repo, &model.deployment, path, name, value),
    };
    if edits.is_empty() {
        return Patch::manual(title, vec![format!("Set {name}={value} in {path}.")]);
    }
    let guarantees = format!("{path} does not turn debug on");
    let kind = match reaches(model, setting) {
        true => PatchKind::Safe,
        false => PatchKind::Review,
    };
    let mut patch = Patch::new(kind, title, guarantees).edits(edits);
    if kind == PatchKind::Review {
        patch = patch.may_break("Who works on the project has debug off until they say otherwise.");
    }
    match setting.surface {
        Surface::Dotenv => patch.follow_up(format!(
            "{path} is part of every checkout: put your own {name} into a file that git ignores."
        )),
        _ => patch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing;

    const APP: (&str, &str) = ("app.py", "from flask import Flask\napp = Flask(__name__)\n");

    fn found(path: &str, text: &str) -> Vec<String> {
        testing::findings(&DebugEnvironment, &[APP, (path, text)])
    }

    #[test]
    fn values_are_read_as_flask_reads_them() {
        for on in ["1", "true", "on", "off", "n"] {
            assert_eq!(
                found(".flaskenv", &format!("FLASK_DEBUG={on}\n")),
                [".flaskenv:1"],
                "{on}"
            );
        }
        for off in ["", "0", "false", "No"] {
            assert!(
                found(".flaskenv", &format!("FLASK_DEBUG={off}\n")).is_empty(),
                "{off}"
            );
        }
        assert_eq!(found(".env", "FLASK_ENV=development\n"), [".env:1"]);
    }

    #[test]
    fn only_what_reaches_production_counts() {
        assert!(found(".env.example", "FLASK_DEBUG=1\n").is_empty());
        assert!(found(".env.development", "FLASK_DEBUG=1\n").is_empty());
        let new = ("requirements.txt", "flask==3.1.0\n");
        let env = (".env", "FLASK_ENV=development\n");
        assert!(testing::findings(&DebugEnvironment, &[APP, new, env]).is_empty());
        let docker = "FROM python\nENV FLASK_DEBUG=1\nCMD [\"flask\", \"run\"]\n";
        let texts = [APP, ("Dockerfile", docker)];
        let verdict = testing::verdict(&DebugEnvironment, &texts);
        assert_eq!(verdict.findings()[0].severity, Severity::Critical);
        assert!(verdict.findings()[0].message.contains("beats app.debug"));
        let docker = "FROM python\nENV FLASK_DEBUG=1\nCMD [\"gunicorn\", \"app:app\"]\n";
        let verdict = testing::verdict(&DebugEnvironment, &[APP, ("Dockerfile", docker)]);
        assert_eq!(verdict.findings()[0].severity, Severity::Medium);
    }

    #[test]
    fn a_script_with_a_server_of_its_own_is_rated_by_it() {
        let docker = "FROM python\nENV FLASK_APP=app\nCMD [\"flask\", \"run\"]\n";
        let severity = |script: &str| {
            let serve = "from waitress import serve\nfrom app import app\nserve(app)\n";
            let texts = [
                APP,
                ("Dockerfile", docker),
                ("run.prod.sh", script),
                ("prod.py", serve),
            ];
            let verdict = testing::verdict(&DebugEnvironment, &texts);
            verdict.findings()[0].severity
        };
        let own = "export FLASK_DEBUG=1\nexec gunicorn app:app\n";
        assert_eq!(severity(own), Severity::Medium);
        let own = "export FLASK_DEBUG=1\npython3 prod.py";
        assert_eq!(severity(own), Severity::Medium);
        let flask = "export FLASK_DEBUG=1\nexec flask run\n";
        assert_eq!(severity(flask), Severity::Critical);
    }

    #[test]
    fn the_value_is_set_in_its_place() {
        let docker = "FROM python\nENV FLASK_DEBUG=1 \\\n    A=b\nCMD [\"flask\", \"run\"]\n";
        let after = testing::apply(
            &DebugEnvironment,
            &[APP, ("Dockerfile", docker)],
            "Dockerfile",
        );
        assert_eq!(after, docker.replace("FLASK_DEBUG=1", "FLASK_DEBUG=0"));
    }
}
