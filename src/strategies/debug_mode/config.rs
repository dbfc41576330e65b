//! `debug-config`: production's configuration says that debug is off, and nothing turns it on.

use super::default_configuration;
use super::reach::{Reach, place};
use super::run::parsed;
use crate::edit::config;
use crate::finding::{Confidence, Edit, Evidence, Finding, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::model::app::AppId;
use crate::model::config::{
    ConditionKind, EnvRead, Environment, FileEntry, Placement, Resolved, Value, Write,
};
use crate::model::config_files::{self, FileSetting};
use crate::model::deployment::{Stage, rules};
use crate::strategies::strategy::DEBUG_MODE;
use crate::strategies::{About, Answers, Control};

pub struct DebugConfig;

static ABOUT: About = About {
    id: "debug-config",
    title: "Production's configuration turns debug mode off",
    strategy: &DEBUG_MODE,
    threats: &[
        "information-disclosure",
        "remote-code-execution",
        "denial-of-service",
    ],
    severity: Severity::High,
    page: include_str!("../../../assets/controls/debug-config.md"),
};

const KEY: &str = "DEBUG";
/// Flask-DebugToolbar shows itself where this is on, whatever `DEBUG` says.
const TOOLBAR: &str = "DEBUG_TB_ENABLED";

impl Control for DebugConfig {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        if model.apps.is_empty() {
            return Verdict::not_applicable("no Flask application is constructed here");
        }
        let mut report = Report::default();
        for (app, _) in model.apps.production() {
            judge_app(model, app, &mut report);
        }
        judge_unloaded(model, &mut report);
        for setting in in_files(model) {
            let message = format!("{} turns DEBUG on: {}", setting.value.path, gain(model));
            let at = setting.entry.clone();
            let finding = Finding::new(ABOUT.id, at, severity(model), message).subject(FILE);
            report.find(finding);
        }
        let Report {
            findings,
            evidence,
            question,
        } = report;
        match question {
            Some(question) if findings.is_empty() => Verdict::Undecided { question, evidence },
            _ if findings.is_empty() && evidence.is_empty() => Verdict::not_applicable(
                "nothing configures the app, and Flask's own default is off",
            ),
            _ => Verdict::from_findings(findings, evidence),
        }
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        if finding.subject == default_configuration::SUBJECT {
            return default_configuration::remedy(model, finding);
        }
        if finding.subject == FILE {
            return in_file(model, finding);
        }
        let found = writes(model)
            .find(|write| write.place() == finding.location && *write.key == finding.subject);
        match found {
            Some(write) => mended(model, write),
            None => added(model, finding),
        }
    }
}

#[derive(Default)]
struct Report {
    findings: Vec<Finding>,
    evidence: Vec<Evidence>,
    question: Option<String>,
}

impl Report {
    fn fine(&mut self, write: &Write, note: impl Into<String>) {
        let evidence = Evidence::new(write.place(), note);
        if !self.evidence.contains(&evidence) {
            self.evidence.push(evidence);
        }
    }

    fn ask(&mut self, write: &Write, question: String) {
        self.fine(write, question.clone());
        self.question.get_or_insert(question);
    }

    /// Two applications may share a configuration: one finding is enough.
    fn find(&mut self, finding: Finding) {
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }
}

fn writes(model: &Model) -> impl Iterator<Item = &Write> {
    let configuration = &model.configuration;
    configuration
        .writes(KEY)
        .chain(configuration.writes(TOOLBAR))
}

fn judge_app(model: &Model, app: AppId, report: &mut Report) {
    let resolved = model
        .configuration
        .resolved(app, KEY, Environment::Production);
    match resolved {
        // Flask has set DEBUG by then: `setdefault` changes nothing.
        Resolved::Set { write, .. } if write.is_default => judge_unset(model, app, report),
        // Flask's own default is off where the condition does not hold.
        Resolved::Set {
            write, shadowed, ..
        } if shadowed.is_empty() && under_a_test(write) => {
            judge_conditional(model, write, report);
        }
        Resolved::Set {
            write,
            conditional,
            shadowed,
            ..
        } => {
            if shadowed.is_empty() && write.is_in_main(&model.modules) {
                judge_unset(model, app, report);
            }
            judge_write(model, write, report);
            for other in conditional {
                judge_conditional(model, other, report);
            }
        }
        Resolved::Unset { .. } => judge_unset(model, app, report),
        Resolved::Undecided {
            question,
            candidates,
        } => {
            let on = candidates
                .iter()
                .find(|write| is_on(model, &write.value) != Some(false));
            match (on, candidates.first()) {
                (Some(write), _) => report.ask(write, question),
                (None, Some(write)) => report.fine(write, "debug is off in every configuration"),
                (None, None) => {}
            }
        }
    }
    for finding in default_configuration::findings(model, app, severity(model)) {
        report.find(finding);
    }
    let toolbar = model
        .configuration
        .resolved(app, TOOLBAR, Environment::Production);
    if let Some(write) = toolbar.write()
        && is_on(model, &write.value) == Some(true)
    {
        let message = "DEBUG_TB_ENABLED shows the debug toolbar in production: configuration, \
                       queries and templates, to whoever opens a page.";
        report.find(finding(write, Severity::High, message).subject(TOOLBAR));
    }
}

fn finding(write: &Write, severity: Severity, message: impl Into<String>) -> Finding {
    Finding::new(ABOUT.id, write.place(), severity, message).subject(KEY)
}

/// Whether production gets a true value, as far as the repository tells.
fn is_on(model: &Model, value: &Value) -> Option<bool> {
    match value {
        Value::Known(literal) => Some(literal.is_truthy()),
        Value::Env(read) => set_in_production(model, read),
        Value::Random(_) | Value::Store(_) => Some(true),
        Value::Choice { .. } | Value::Unknown(_) => None,
        // What a file of the repository says is judged where it stands.
        Value::Entry(_) => Some(false),
    }
}

/// The value of an environment read with what the deployment files set.
fn set_in_production(model: &Model, read: &EnvRead) -> Option<bool> {
    let mut settings = model.deployment.production_settings(&read.name);
    let text = settings.find_map(|setting| setting.literal());
    read.with(text).map(|literal| literal.is_truthy())
}

/// The write that production ends up with.
fn judge_write(model: &Model, write: &Write, report: &mut Report) {
    match &write.value {
        Value::Known(literal) if literal.is_truthy() => {
            let text = match literal.as_str() {
                Some(_) => " (a text is true whatever it says)",
                None => "",
            };
            let message = format!("Production runs with DEBUG on{text}: {}", gain(model));
            report.find(finding(write, severity(model), message));
        }
        Value::Known(_) => report.fine(write, "turns debug off"),
        Value::Entry(entry) if is_held(model, write, entry) => {
            report.fine(write, "takes DEBUG from a file of the repository");
        }
        Value::Env(read) => judge_read(model, write, read, report),
        Value::Choice { condition, .. } => {
            let leaves = write.value.leaves();
            match leaves.iter().all(|leaf| is_on(model, leaf) == Some(false)) {
                true => report.fine(write, "turns debug off on both ways"),
                false => report.ask(
                    write,
                    format!("Is `{condition}` ever so in production that DEBUG is on?"),
                ),
            }
        }
        Value::Random(_) | Value::Store(_) | Value::Entry(_) | Value::Unknown(_) => {
            let question = format!(
                "What is DEBUG in production? {} does not show it.",
                place(model, &write.statement)
            );
            report.ask(write, question);
        }
    }
}

/// Whether the file is there and has the key.
fn is_held(model: &Model, write: &Write, entry: &FileEntry) -> bool {
    let found = |app| config_files::of_entry(model, app, entry, &write.key);
    write.app.and_then(found).is_some()
}

fn judge_read(model: &Model, write: &Write, read: &EnvRead, report: &mut Report) {
    let name = &read.name;
    let mut settings = model.deployment.production_settings(name);
    let setting = settings.find(|setting| setting.literal().is_some());
    let on = set_in_production(model, read);
    if read.is_string_trap() {
        let trap =
            format!("any text in the variable {name} turns it on, \"False\" and \"0\" as well");
        let (severity, message) = match (on, setting) {
            (Some(true), Some(setting)) => (
                severity(model),
                format!(
                    "Production runs with DEBUG on: {trap}, and {} sets it. {}",
                    place(model, &setting.location),
                    gain(model)
                ),
            ),
            (Some(true), None) => (
                severity(model),
                format!(
                    "DEBUG is on unless {name} is set to an empty text: {}",
                    gain(model)
                ),
            ),
            _ => (
                Severity::Medium,
                format!("DEBUG is read as a text: {trap}."),
            ),
        };
        report.find(finding(write, severity, message));
        return;
    }
    match (on, setting) {
        (Some(true), Some(setting)) => {
            let message = format!(
                "Production runs with DEBUG on: {} sets {name}. {}",
                place(model, &setting.location),
                gain(model)
            );
            report.find(finding(write, severity(model), message));
        }
        (Some(true), None) => {
            let message = format!(
                "DEBUG is on where {name} is not set, and nothing here sets it for production: {}",
                gain(model)
            );
            let finding = finding(write, severity(model), message);
            report.find(finding.confidence(Confidence::Medium));
        }
        (Some(false), _) => report.fine(write, format!("debug is off unless {name} says so")),
        (None, _) => report.ask(write, format!("What does production set {name} to?")),
    }
}

fn under_a_test(write: &Write) -> bool {
    let mut conditions = write.conditions.iter();
    conditions.any(|it| it.kind == ConditionKind::Test)
}

/// A later write that is made only under a condition.
fn judge_conditional(model: &Model, write: &Write, report: &mut Report) {
    if is_on(model, &write.value) == Some(false) {
        return;
    }
    let is_main =
        |kind: ConditionKind| matches!(kind, ConditionKind::Main | ConditionKind::Function);
    if write.conditions.iter().any(|it| is_main(it.kind)) {
        let reach = super::reach::of_location(model, write.module, &write.statement);
        match (reach, is_on(model, &write.value)) {
            (Reach::Started(how), Some(true)) => {
                let message = format!("DEBUG is turned on here. {how} {}", gain(model));
                report.find(finding(write, severity(model), message));
            }
            (Reach::Open, Some(true)) => {
                let message = format!(
                    "DEBUG is turned on for whoever starts this file: {}",
                    gain(model)
                );
                let finding = finding(write, Severity::Medium, message);
                report.find(finding.confidence(Confidence::Medium));
            }
            _ => report.fine(write, "production does not get here"),
        }
        return;
    }
    let Some(condition) = write.conditions.first() else {
        return;
    };
    let not = if condition.holds { "" } else { "not " };
    report.ask(
        write,
        format!(
            "Is `{not}{}` ever true in production? DEBUG is then on.",
            condition.text
        ),
    );
}

/// Nothing visible sets the key.
fn judge_unset(model: &Model, app: AppId, report: &mut Report) {
    let configuration = &model.configuration;
    let place = configuration.best_place(&model.modules, &model.apps, app, KEY);
    let location = place.map(|place| place.location);
    let location = location.unwrap_or_else(|| model.apps.get(app).statement.clone());
    let message = "Production's configuration does not say that DEBUG is off: it rests on a default \
                   that an environment variable or a file can change.";
    report.find(
        Finding::new(ABOUT.id, location, Severity::Low, message)
            .absent()
            .subject("absent DEBUG"),
    );
}

/// The subject of findings in files that are not Python.
const FILE: &str = "DEBUG in a file";

fn in_files(model: &Model) -> impl Iterator<Item = FileSetting> {
    let all = config_files::settings(model).into_iter();
    all.filter(|setting| setting.key == KEY && setting.is_truthy() && !setting.is_overridden)
}

fn in_file(model: &Model, finding: &Finding) -> Patch {
    let title = format!("Set DEBUG to false in {}", finding.path());
    let found = in_files(model).find(|setting| setting.entry == finding.location);
    let Some(setting) = found.filter(|setting| !setting.is_text) else {
        let by_hand = format!("Set DEBUG to false, without quotes, in {}.", finding.path());
        return Patch::manual(title, vec![by_hand]);
    };
    let value = &setting.value;
    Patch::new(
        PatchKind::Review,
        title,
        "Production's configuration turns DEBUG off",
    )
    .edit(Edit::replace(&value.path, value.span, "false"))
    .may_break("Whoever else loads the file has debug off as well.")
    .follow_up(super::flask::local_debugging(model))
}

/// A configuration that nothing visible loads, but whose name says production.
fn judge_unloaded(model: &Model, report: &mut Report) {
    for write in model
        .configuration
        .writes(KEY)
        .filter(|write| !write.is_loaded())
    {
        let module = model.modules.get(write.module);
        let stage = rules::stage_of_path(module.path());
        let is_production = matches!(stage, Some((Stage::Production, _)));
        if module.file.purpose.is_application()
            && is_production
            && is_on(model, &write.value) == Some(true)
        {
            let message = format!(
                "{} turns DEBUG on, and its name says that it is production's.",
                module.path()
            );
            report.find(finding(write, Severity::High, message).confidence(Confidence::Medium));
        }
    }
}

/// With the development server, debug brings the console of the debugger.
fn severity(model: &Model) -> Severity {
    match model.deployment.starts_with_dev_server().is_empty() {
        true => Severity::High,
        false => Severity::Critical,
    }
}

fn gain(model: &Model) -> String {
    let servers = model.deployment.starts_with_dev_server();
    match servers.first() {
        Some(process) => format!(
            "errors open Werkzeug's debugger, whose console runs any command, because production \
             starts {} ({}).",
            process.server.label(),
            place(model, &process.location)
        ),
        None => "errors skip the app's handlers and show what went wrong inside, and under the \
                 development server they open a console that runs any command."
            .into(),
    }
}

/// The value where it is written becomes off, or is read as a text.
fn mended(model: &Model, write: &Write) -> Patch {
    if let Value::Env(read) = &write.value
        && read.is_string_trap()
    {
        let reads = format!("DEBUG is on only where {} is 1, true or yes", read.name);
        return Patch::new(
            PatchKind::Safe,
            format!("Read {} as a text", read.name),
            reads,
        )
        .edits(parsed(model, &read.name, &write.value_at));
    }
    if &*write.key == KEY && write.is_in_main(&model.modules) {
        return asked_for(model, write);
    }
    let configuration = &model.configuration;
    let is_shared = configuration.is_shared_with(write, Environment::Development);
    let title = format!("Set {} to False in production", write.key);
    let guarantees = format!("Production's configuration turns {} off", write.key);
    let exclusive = write
        .app
        .filter(|_| is_shared)
        .and_then(|app| production_place(model, app, &write.key));
    if let Some(place) = exclusive {
        return Patch::new(PatchKind::Safe, title, guarantees).edits(config::set(
            &model.modules,
            &place,
            &write.key,
            "False",
        ));
    }
    let edits = config::replace_value(&model.modules, write, "False");
    if edits.is_empty() {
        return Patch::manual(title, vec![format!("Set {} to False.", write.key)]);
    }
    let kind = match is_shared {
        true => PatchKind::Review,
        false => PatchKind::Safe,
    };
    let mut patch = Patch::new(kind, title, guarantees).edits(edits);
    if is_shared {
        patch = patch
            .may_break("Local development reads the same setting and loses debug mode with it.")
            .follow_up(super::flask::local_debugging(model));
    }
    patch
}

/// `app.debug = True` of `python app.py`, which goes on debugging where that is asked for.
fn asked_for(model: &Model, write: &Write) -> Patch {
    let title = "Turn debug on only where FLASK_DEBUG asks for it";
    let edits = parsed(model, "FLASK_DEBUG", &write.value_at);
    if edits.is_empty() {
        return Patch::manual(title, vec![format!("Set {} to False.", write.key)]);
    }
    let guarantees = "DEBUG is on only where FLASK_DEBUG is 1, true or yes";
    Patch::new(PatchKind::Review, title, guarantees)
        .edits(edits)
        .may_break("`python app.py` debugs only with FLASK_DEBUG=1 from now on.")
        .follow_up(super::flask::local_debugging(model))
}

/// A place that development does not get.
fn production_place(model: &Model, app: AppId, key: &str) -> Option<Placement> {
    let place = model
        .configuration
        .best_place(&model.modules, &model.apps, app, key)?;
    is_apart(&place).then_some(place)
}

fn is_apart(place: &Placement) -> bool {
    !place.environments.contains(&Environment::Development)
}

/// `DEBUG = False` where production gets it.
fn added(model: &Model, finding: &Finding) -> Patch {
    let title = "Set DEBUG to False in production";
    let configuration = &model.configuration;
    // Two applications may be set up by one statement: each gets its own line.
    let places: Vec<Placement> = model
        .apps
        .production()
        .filter_map(|(app, _)| configuration.best_place(&model.modules, &model.apps, app, KEY))
        .filter(|place| place.location == finding.location)
        .collect();
    let mut edits: Vec<Edit> = places
        .iter()
        .flat_map(|place| config::set(&model.modules, place, KEY, "False"))
        .collect();
    edits.dedup();
    let Some(place) = places.into_iter().next().filter(|_| !edits.is_empty()) else {
        let by_hand = "Set DEBUG = False in the configuration that production loads.";
        return Patch::manual(title, vec![by_hand.into()]);
    };
    let guarantees = "Production's configuration says that debug is off";
    if is_apart(&place) {
        return Patch::new(PatchKind::Safe, title, guarantees).edits(edits);
    }
    Patch::new(PatchKind::Review, title, guarantees)
        .edits(edits)
        .may_break(
            "Development gets the setting as well: `python app.py` with FLASK_DEBUG=1 keeps \
             debugging, app.run() without it does not.",
        )
        .follow_up(super::flask::local_debugging(model))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing;

    const HEAD: &str = "import os\nfrom flask import Flask\napp = Flask(__name__)\n";

    fn verdict(rest: &str) -> Verdict {
        testing::verdict(&DebugConfig, &[("app.py", &format!("{HEAD}{rest}"))])
    }

    #[test]
    fn what_production_resolves_to_counts() {
        for source in [
            "app.debug = True\n",
            "app.config['DEBUG'] = 'False'\n",
            "app.config['DEBUG'] = os.environ.get('DEBUG', False)\n",
            "app.debug = bool(os.environ.get('DEBUG'))\n",
            "app.config['DEBUG'] = os.environ.get('DEBUG', 'true') == 'true'\n",
            "app.config.from_mapping(DEBUG=1)\n",
            "app.config['DEBUG_TB_ENABLED'] = True\napp.debug = False\n",
        ] {
            let verdict = verdict(source);
            assert!(matches!(verdict, Verdict::Missing { .. }), "{source}");
            assert!(!verdict.findings()[0].absent, "{source}");
        }
        for source in [
            "app.debug = False\n",
            "app.config['DEBUG'] = os.environ.get('DEBUG') == '1'\n",
            "app.config['DEBUG'] = True\napp.config['DEBUG'] = False\n",
        ] {
            let verdict = verdict(source);
            assert!(matches!(verdict, Verdict::Implemented { .. }), "{source}");
        }
        assert!(verdict("").findings()[0].absent);
    }

    const CLASSES: &str = "class Config:\n    DEBUG = True\n\n\nclass DevelopmentConfig(Config):\n    pass\n\n\n\
                           class ProductionConfig(Config):\n    X = 1\n\n\n\
                           configs = {'development': DevelopmentConfig, 'production': ProductionConfig}\n";
    const FACTORY: &str = "import os\nfrom flask import Flask\nfrom config import configs\n\n\n\
                           def create_app():\n    app = Flask(__name__)\n    \
                           app.config.from_object(configs[os.environ.get('APP', 'production')])\n    return app\n";

    #[test]
    fn a_module_that_is_started_itself_asks_for_debug() {
        let main = "\nif __name__ == '__main__':\n    app.debug = True\n    app.run()\n";
        let source = format!("{HEAD}app.config['A'] = 1\n{main}");
        let docker = (
            "Dockerfile",
            "FROM python:3.12\nCMD [\"python\", \"app.py\"]\n",
        );
        let text = testing::apply(&DebugConfig, &[("app.py", &source), docker], "app.py");
        let asks = "app.debug = os.environ.get('FLASK_DEBUG', '').lower() in ('1', 'true', 'yes')";
        assert!(text.contains(asks), "{text}");
        // A WSGI server gets its own word, in front of what it does not get to.
        let off = text
            .find("app.config['DEBUG'] = False\n")
            .expect("a setting");
        assert!(off < text.find("__main__").unwrap(), "{text}");
    }

    #[test]
    fn the_librarys_own_parser_reads_the_text() {
        for (before, after) in [
            (
                "from environs import Env\nenv = Env()\napp.debug = env('DEBUG', default=False)\n",
                "app.debug = env.bool('DEBUG', default=False)\n",
            ),
            (
                "from environs import Env\nenv = Env()\napp.debug = env.str('DEBUG', '')\n",
                "app.debug = env.bool('DEBUG', '')\n",
            ),
            (
                "from decouple import config\napp.debug = config('DEBUG', default=False)\n",
                "app.debug = config('DEBUG', default=False, cast=bool)\n",
            ),
        ] {
            let source = format!("{HEAD}{before}");
            let text = testing::apply(&DebugConfig, &[("app.py", &source)], "app.py");
            assert!(text.ends_with(after), "{text}");
        }
    }

    #[test]
    fn files_that_are_not_python_count() {
        let source = format!("{HEAD}app.config.from_file('c.json', load=json.load)\n");
        let texts = [
            ("app.py", source.as_str()),
            ("c.json", "{\"DEBUG\": true}\n"),
        ];
        let after = testing::apply(&DebugConfig, &texts, "c.json");
        assert_eq!(after, "{\"DEBUG\": false}\n");
    }

    #[test]
    fn a_development_class_is_no_finding() {
        let classes = CLASSES
            .replace(
                "class Config:\n    DEBUG = True",
                "class Config:\n    DEBUG = False",
            )
            .replace(
                "class DevelopmentConfig(Config):\n    pass",
                "class DevelopmentConfig(Config):\n    DEBUG = True",
            );
        let texts = [("config.py", classes.as_str()), ("shop.py", FACTORY)];
        let verdict = testing::verdict(&DebugConfig, &texts);
        assert!(
            matches!(verdict, Verdict::Implemented { .. }),
            "{verdict:?}"
        );
    }

    #[test]
    fn production_gets_its_own_value() {
        let texts = [("config.py", CLASSES), ("shop.py", FACTORY)];
        let after = testing::apply(&DebugConfig, &texts, "config.py");
        assert!(
            after.contains("class ProductionConfig(Config):\n    X = 1\n    DEBUG = False\n"),
            "{after}"
        );
        assert!(after.contains("class Config:\n    DEBUG = True\n"));
    }

    #[test]
    fn an_absent_setting_is_added_where_production_gets_it() {
        let classes = CLASSES.replace("    DEBUG = True\n", "    A = 1\n");
        let texts = [("config.py", classes.as_str()), ("shop.py", FACTORY)];
        let verdict = testing::verdict(&DebugConfig, &texts);
        assert_eq!(verdict.findings()[0].severity, Severity::Low);
        let after = testing::apply(&DebugConfig, &texts, "config.py");
        assert!(after.contains("    X = 1\n    DEBUG = False\n"), "{after}");
    }

    #[test]
    fn a_text_is_parsed() {
        let source = format!("{HEAD}app.debug = bool(os.environ.get(\"DEBUG\"))\n");
        let after = testing::apply(&DebugConfig, &[("app.py", &source)], "app.py");
        assert!(after.ends_with("app.debug = os.environ.get(\"DEBUG\", \"\").lower() in (\"1\", \"true\", \"yes\")\n"), "{after}");
    }
}
