//! `debug-run`: no start of the development server with debug, debugger or evalex.

mod remedy;
use ruff_python_ast::{AnyNodeRef, Expr, ExprCall, Stmt, StmtIf};
use ruff_text_size::Ranged as _;

use super::logic::negated;
use super::reach::{Reach, reach};
use super::switch::{Switch, follow, in_mapping};
use super::{start_flags, wrapper};
use crate::discover::Purpose;
use crate::finding::{Confidence, Evidence, Finding, Patch, Severity, Verdict};
use crate::model::Model;
use crate::model::calls::CallSite;
use crate::model::deployment::Process;
use crate::model::modules::ModuleId;
use crate::strategies::strategy::DEBUG_MODE;
use crate::strategies::{About, Answers, Control};
use crate::text::{Location, Span};
pub(super) use remedy::parsed;
use remedy::remedy;

pub struct DebugRun;

static ABOUT: About = About {
    id: "debug-run",
    title: "The development server is not started with the debugger",
    strategy: &DEBUG_MODE,
    threats: &[
        "information-disclosure",
        "remote-code-execution",
        "denial-of-service",
    ],
    severity: Severity::Critical,
    page: include_str!("../../../../assets/controls/debug-run.md"),
};

const OPTION: &str = "debug-run.value";

/// A parameter: its name, and its position where it has one.
type Parameter = (&'static str, Option<usize>);

/// Something that starts the development server (Flask 1.1 to 3.1, Werkzeug 1.0 to 3.1,
/// Flask-SocketIO 5, Flask-Script 2.0).
struct Start {
    callee: &'static str,
    /// Debug mode: brings the debugger unless that is turned off.
    debug: Option<Parameter>,
    /// The debugger, with or without debug mode.
    debugger: Option<Parameter>,
    /// Turned off, the debugger shows tracebacks but has no console.
    console: Option<Parameter>,
}

const STARTS: &[Start] = &[
    Start {
        callee: "flask.Flask.run",
        debug: Some(("debug", Some(2))),
        debugger: Some(("use_debugger", None)),
        console: Some(("use_evalex", None)),
    },
    Start {
        callee: "flask_socketio.SocketIO.run",
        debug: Some(("debug", None)),
        debugger: None,
        console: None,
    },
    Start {
        callee: "werkzeug.serving.run_simple",
        debug: None,
        debugger: Some(("use_debugger", Some(4))),
        console: Some(("use_evalex", Some(5))),
    },
    SCRIPT_SERVER,
    Start {
        callee: "flask_script.commands.Server",
        ..SCRIPT_SERVER
    },
    Start {
        callee: "flask.ext.script.Server",
        ..SCRIPT_SERVER
    },
];

/// The command of a manager that starts the development server.
const SCRIPT_SERVER: Start = Start {
    callee: "flask_script.Server",
    debug: None,
    debugger: Some(("use_debugger", Some(2))),
    console: Some(("use_evalex", None)),
};

impl Control for DebugRun {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let mut findings = Vec::new();
        let mut evidence = Vec::new();
        let mut question = None;
        for start in STARTS {
            for site in model.calls.of(start.callee) {
                let Some(call) = site.call(&model.modules) else {
                    continue;
                };
                if purpose(model, site) == Purpose::Test {
                    continue;
                }
                match judge(model, site, call, start) {
                    Judged::Finding(finding) => findings.push(*finding),
                    Judged::Fine(note) => {
                        evidence.push(Evidence::new(site.location.clone(), note));
                    }
                    Judged::Open(why) => {
                        question.get_or_insert(format!(
                            "Can production start {} with debug on? {}.",
                            place_of(site, model),
                            sentence(&why)
                        ));
                        evidence.push(Evidence::new(site.location.clone(), why));
                    }
                }
            }
        }
        wrapper::check(model, &mut findings, &mut evidence);
        start_flags::check(model, &mut findings);
        match question {
            Some(question) if findings.is_empty() => Verdict::Undecided { question, evidence },
            _ => Verdict::from_findings(findings, evidence),
        }
    }

    fn remedy(&self, model: &Model, finding: &Finding, answers: &Answers) -> Patch {
        if finding.subject == start_flags::SUBJECT {
            return start_flags::remedy(model, finding);
        }
        if finding.subject == wrapper::SUBJECT {
            return wrapper::remedy(model, finding);
        }
        for start in STARTS {
            let sites = model.calls.of(start.callee).iter();
            for site in sites.filter(|site| site.location == finding.location) {
                if let Some(call) = site.call(&model.modules) {
                    return remedy(model, site, call, start, answers);
                }
            }
        }
        Patch::manual("Start the server without the debugger", Vec::new())
    }
}

/// What one call is.
enum Judged {
    Finding(Box<Finding>),
    /// Nothing is on; why.
    Fine(String),
    /// Static reading cannot tell; why.
    Open(String),
}

fn judge(model: &Model, site: &CallSite, call: &ExprCall, start: &Start) -> Judged {
    if let Some(how) = asked_for(model, site, call) {
        return Judged::Fine(format!("is reached only {how}"));
    }
    let name = start.callee.rsplit('.').next().unwrap_or(start.callee);
    let debug = switch(model, site, call, start.debug);
    let debugger = switch(model, site, call, start.debugger);
    let console = switch(model, site, call, start.console);
    let (worst, argument) = match (&debug, &debugger) {
        (
            _,
            Some(
                Switch::On { .. }
                | Switch::Passed { .. }
                | Switch::Trap { .. }
                | Switch::Unless { .. },
            ),
        ) => (&debugger, start.debugger),
        (Some(_), _) => (&debug, start.debug),
        _ => (&debugger, start.debugger),
    };
    let argument = argument.map_or("", |(name, _)| name);
    let (severity, how) = match worst {
        Some(Switch::On { .. }) => (Severity::Critical, String::new()),
        Some(Switch::Passed { flag, word }) => (
            Severity::Critical,
            format!(" {} passes {flag}.", super::reach::place(model, word)),
        ),
        Some(Switch::Trap {
            variable,
            by_default,
            ..
        }) => trap(model, variable, *by_default),
        Some(Switch::Unless {
            variable, words, ..
        }) => match unless(model, variable, words) {
            Some(found) => found,
            None => return Judged::Fine(format!("{variable} turns debug off in production")),
        },
        Some(Switch::Unknown(why)) => return Judged::Open(why.clone()),
        Some(Switch::OnRequest(how)) => return Judged::Fine(format!("debug is on only {how}")),
        Some(Switch::Configuration) => {
            return Judged::Fine("takes debug from the configuration".into());
        }
        Some(Switch::Off) => return Judged::Fine("turns debug off".into()),
        None => return Judged::Fine("leaves debug to the configuration".into()),
    };
    let no_debugger = argument == "debug" && debugger == Some(Switch::Off);
    let (severity, gain) = match (no_debugger, console == Some(Switch::Off)) {
        (true, _) => (
            severity.min(Severity::Medium),
            "runs in debug mode: errors skip the app's handlers and show what went wrong inside",
        ),
        (false, true) => (
            severity.min(Severity::High),
            "shows Werkzeug's tracebacks with the source around them to whoever causes an error",
        ),
        (false, false) => (
            severity,
            "starts Werkzeug's interactive debugger: whoever reaches the server can run Python \
             code in it",
        ),
    };
    let everywhere = if listens_everywhere(call) {
        " It listens on every network interface."
    } else {
        ""
    };
    let callee = model.modules.get(site.module).source(call.func.range());
    let message = format!("{callee}({argument}=…) {gain}.{how}{everywhere}");
    let finding = Finding::new(ABOUT.id, site.location.clone(), severity, message).subject(name);
    Judged::Finding(Box::new(placed(model, site, finding)))
}

/// Whether conditions let nobody get to the call who does not ask for it: `if args.debug: …`,
/// `if os.environ.get("APP_ENV") == "development": …`; how, as half a sentence.
fn asked_for(model: &Model, site: &CallSite, call: &ExprCall) -> Option<String> {
    let module = model.modules.get(site.module);
    let own = Span::from(call.range());
    let ancestors = module.ancestors(own);
    let within = ancestors.iter().rev().take_while(|node| {
        !matches!(
            node,
            AnyNodeRef::StmtFunctionDef(_) | AnyNodeRef::StmtClassDef(_)
        )
    });
    let mut asked = within.filter_map(|node| match node {
        AnyNodeRef::StmtIf(branch) => condition(model, site.module, branch, own),
        _ => None,
    });
    asked.find_map(|switch| match switch {
        Switch::OnRequest(how) => Some(how),
        _ => None,
    })
}

/// What has to be so for `place` below `branch` to be reached.
fn condition(model: &Model, module: ModuleId, branch: &StmtIf, place: Span) -> Option<Switch> {
    let holds = |body: &[Stmt]| {
        let mut spans = body.iter().map(|stmt| Span::from(stmt.range()));
        spans.any(|span| span.contains(place))
    };
    if holds(&branch.body) {
        return Some(follow(model, module, &branch.test));
    }
    let clause = branch.elif_else_clauses.iter().find(|it| holds(&it.body))?;
    match &clause.test {
        Some(test) => Some(follow(model, module, test)),
        // `else` of a single test.
        None if branch.elif_else_clauses.len() == 1 => {
            let at = model.modules.get(module).location(branch.test.range());
            Some(negated(follow(model, module, &branch.test), at))
        }
        None => None,
    }
}

/// A text that any value turns on: how bad it is depends on who sets it.
fn trap(model: &Model, variable: &str, by_default: bool) -> (Severity, String) {
    let mut settings = model.deployment.production_settings(variable);
    let set = settings.find(|setting| setting.literal().is_some_and(|text| !text.is_empty()));
    let why = format!(" Any text in {variable} turns it on, \"False\" as well");
    match (set, by_default) {
        (Some(setting), _) => (
            Severity::Critical,
            format!("{why}, and {} sets it.", setting.location.path),
        ),
        (None, true) => (
            Severity::Critical,
            format!("{why}, and it is on when {variable} is not set."),
        ),
        (None, false) => (Severity::High, format!("{why}.")),
    }
}

/// On unless a variable is one of `words`: whether production sets it so.
fn unless(model: &Model, variable: &str, words: &[String]) -> Option<(Severity, String)> {
    let mut settings = model.deployment.production_settings(variable);
    let found = settings.find(|setting| setting.literal().is_some());
    if words.is_empty() {
        let is_set = found.is_some_and(|it| it.literal().is_some_and(|text| !text.is_empty()));
        let how = format!(" It is on wherever {variable} is not set.");
        return (!is_set).then_some((Severity::High, how));
    }
    let Some(setting) = found else {
        let how = format!(
            " It is on wherever {variable} is not {}.",
            words.join(" or ")
        );
        return Some((Severity::High, how));
    };
    let text = setting.literal().unwrap_or_default().to_lowercase();
    let how = format!(
        " {} sets {variable} to something else.",
        setting.location.path
    );
    (!words.contains(&text)).then_some((Severity::Critical, how))
}

/// The finding with what is known about production's way to it.
pub(super) fn placed(model: &Model, site: &CallSite, mut finding: Finding) -> Finding {
    if purpose(model, site) == Purpose::Example {
        return finding
            .unreachable("It stands in an example.")
            .confidence(Confidence::Low);
    }
    match reach(model, site) {
        Reach::Started(how) => {
            finding.message = format!("{} {how}", finding.message);
            finding
        }
        Reach::Open => finding.confidence(Confidence::Medium),
        Reach::Not(because) => by_hand_only(finding, &because),
    }
}

/// Production starts something else: what is left is somebody who runs the file by hand. That
/// is two steps milder, and never less than Low.
fn by_hand_only(finding: Finding, because: &str) -> Finding {
    let severity = finding.severity.lowered().lowered().max(Severity::Low);
    Finding {
        reachable: false,
        severity,
        message: format!(
            "{because} Only whoever runs this file by hand is at risk: {}",
            finding.message
        ),
        ..finding
    }
}

pub(super) fn purpose(model: &Model, site: &CallSite) -> Purpose {
    model.modules.get(site.module).file.purpose
}

fn place_of(site: &CallSite, model: &Model) -> String {
    super::reach::place(model, &site.location)
}

fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase());
    first.map_or_else(String::new, |first| {
        format!("{first}{}", characters.as_str())
    })
}

fn listens_everywhere(call: &ExprCall) -> bool {
    let host = call.arguments.find_argument_value("host", 0);
    let host = host.or_else(|| call.arguments.find_argument_value("hostname", 0));
    matches!(host, Some(Expr::StringLiteral(text)) if matches!(text.value.to_str(), "0.0.0.0" | "::"))
}

/// The value of a parameter of the call, with `**mapping` looked into.
fn switch(
    model: &Model,
    site: &CallSite,
    call: &ExprCall,
    parameter: Option<Parameter>,
) -> Option<Switch> {
    let (name, position) = parameter?;
    if let Some(value) = argument(call, (name, position)) {
        return Some(follow(model, site.module, value));
    }
    for keyword in call.arguments.keywords.iter().filter(|it| it.arg.is_none()) {
        let Some(values) = in_mapping(model, site.module, &keyword.value, name) else {
            let source = model.modules.get(site.module).source(keyword.value.range());
            let why = format!("**{source} cannot be followed");
            return (name == "debug").then_some(Switch::Unknown(why));
        };
        let switches: Vec<Switch> = values
            .into_iter()
            .map(|value| follow(model, site.module, value))
            .collect();
        let on = switches.iter().find(|it| matches!(it, Switch::On { .. }));
        if let Some(found) = on.or_else(|| switches.last()) {
            return Some(found.clone());
        }
    }
    None
}

fn argument(call: &ExprCall, (name, position): Parameter) -> Option<&Expr> {
    let by_name = call.arguments.find_keyword(name);
    by_name.map(|keyword| &keyword.value).or_else(|| {
        let args = &call.arguments.args;
        let position = position?;
        let plain = args.iter().take(position + 1);
        let is_plain = plain.clone().all(|arg| !matches!(arg, Expr::Starred(_)));
        args.get(position).filter(|_| is_plain)
    })
}

/// The starts that `process` turns debug on for by one of its words.
pub(super) fn asked_for_by(model: &Model, process: &Process) -> Vec<Location> {
    let mut found = Vec::new();
    for start in STARTS {
        for site in model.calls.of(start.callee) {
            let Some(call) = site.call(&model.modules) else {
                continue;
            };
            let switches = [start.debug, start.debugger].map(|it| switch(model, site, call, it));
            let is_its = switches.iter().flatten().any(|it| {
                matches!(it, Switch::Passed { word, .. }
                    if process.words.iter().any(|own| own.location == *word))
            });
            if is_its {
                found.push(site.location.clone());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing;

    const HEAD: &str = "import os\nfrom flask import Flask\napp = Flask(__name__)\n";

    fn verdict(rest: &str) -> Verdict {
        testing::verdict(&DebugRun, &[("app.py", &format!("{HEAD}{rest}"))])
    }

    fn patched(rest: &str) -> String {
        let source = format!("{HEAD}{rest}");
        let text = testing::apply(&DebugRun, &[("app.py", &source)], "app.py");
        text.strip_prefix(HEAD).unwrap_or(&text).to_owned()
    }

    fn is_found(rest: &str) -> bool {
        matches!(verdict(rest), Verdict::Missing { .. })
    }

    #[test]
    fn every_form_is_found() {
        for source in [
            "app.run(debug=True)\n",
            "app.run(None, None, True)\n",
            "app.run(debug=1)\n",
            "app.run(debug=not False)\n",
            "app.run(debug=\"False\")\n",
            "app.run(use_debugger=True)\n",
            "from flask_script import Manager, Server\nManager(app).add_command('run', Server(use_debugger=True))\n",
            "DEBUG = True\napp.run(debug=DEBUG)\n",
            "options = {'debug': True}\napp.run(**options)\n",
            "options = dict(debug=True)\napp.run(**options)\n",
            "options = {}\noptions['debug'] = True\napp.run(**options)\n",
            "def options():\n    kw = {'debug': True}\n    return kw\napp.run(**options())\n",
            "def main(debug=True):\n    app.run(debug=debug)\n",
            "app.run(debug=not os.environ.get('PRODUCTION'))\n",
            "class P:\n    def __init__(self, debug=True):\n        self.d = debug\n    def go(self):\n        app.run(debug=self.d)\nP().go()\n",
            "from pydantic import BaseSettings, Field\nclass S(BaseSettings):\n    debug: bool = Field(default=True)\nsettings = S()\napp.run(debug=settings.debug)\n",
            "if app.config['X']:\n    app.run(debug=True)\n",
            "def main(debug):\n    app.run(debug=debug)\nmain(True)\n",
            "class Settings:\n    debug = True\nsettings = Settings()\napp.run(debug=settings.debug)\n",
            "class Settings:\n    debug = True\napp.run(debug=Settings.debug)\n",
            "import argparse\np = argparse.ArgumentParser()\np.add_argument('--debug', default=True)\n\
             args = p.parse_args()\napp.run(debug=args.debug)\n",
            "app.run(debug=os.environ.get('DEBUG', False))\n",
            "app.run(debug=bool(os.environ.get('DEBUG')))\n",
            "app.run(debug=os.getenv('DEBUG', 'true') == 'true')\n",
            "from flask_socketio import SocketIO\nSocketIO(app).run(app, debug=True)\n",
            "from werkzeug.serving import run_simple\nrun_simple('', 1, app, use_debugger=True)\n",
            "from werkzeug.debug import DebuggedApplication\napp.wsgi_app = DebuggedApplication(app.wsgi_app, True)\n",
        ] {
            assert!(is_found(source), "{source}");
        }
    }

    #[test]
    fn look_alikes_are_left_alone() {
        for source in [
            "app.run()\n",
            "app.run(debug=False)\n",
            "app.run(debug=not True)\n",
            "app.run(debug=0)\n",
            "app.run(debug=None)\n",
            "class Settings:\n    DEBUG = False\napp.run(debug=Settings.DEBUG)\n",
            "app.run(debug=app.config['DEBUG'])\n",
            "app.run(debug=app.debug)\n",
            "if os.environ.get('APP_ENV', 'production') == 'development':\n    app.run(debug=True)\n",
            "import argparse\np = argparse.ArgumentParser()\np.add_argument('--debug', action='store_true')\n\
             args = p.parse_args()\nif args.debug:\n    app.run(debug=True)\nelse:\n    app.run()\n",
            "class P:\n    def __init__(self, debug=True):\n        self.d, self.e = debug, 1\n    def go(self):\n        app.run(debug=self.d)\nP(debug=False).go()\n",
            "app.run(debug=os.environ.get('DEBUG') == '1')\n",
            "app.run(debug=os.environ.get('DEBUG', 'no').lower() in ('1', 'true'))\n",
            "import argparse\np = argparse.ArgumentParser()\np.add_argument('--debug', action='store_true')\n\
             args = p.parse_args()\napp.run(debug=args.debug)\n",
            "import click\n@click.option('--debug/--normal', default=False)\ndef main(debug):\n    app.run(debug=debug)\n",
            "from werkzeug.debug import DebuggedApplication\nif app.debug:\n    app.wsgi_app = DebuggedApplication(app.wsgi_app, True)\n",
            "def wanted():\n    return os.environ.get('DEBUG', '0') == '1'\napp.run(debug=wanted())\n",
            "def wanted():\n    if len(os.listdir()) > 3:\n        return False\n    return None\napp.run(debug=wanted())\n",
            "import worker\nw = worker.Pool()\nw.run(debug=True)\n",
        ] {
            let verdict = verdict(source);
            assert!(
                matches!(verdict, Verdict::Implemented { .. }),
                "{source}{verdict:?}"
            );
        }
        let test = (
            "tests/test_app.py",
            "from flask import Flask\nFlask('x').run(debug=True)\n",
        );
        assert_eq!(testing::findings(&DebugRun, &[test]), Vec::<String>::new());
    }

    #[test]
    fn what_cannot_be_followed_is_asked() {
        for source in [
            "def main(debug):\n    app.run(debug=debug)\n",
            "import settings\napp.run(debug=settings.DEBUG)\n",
            "app.run(**load())\n",
            "def wanted():\n    if len(os.listdir()) > 3:\n        return True\n    return False\napp.run(debug=wanted())\n",
        ] {
            let verdict = verdict(source);
            assert!(
                matches!(verdict, Verdict::Undecided { .. }),
                "{source}{verdict:?}"
            );
        }
    }

    #[test]
    fn what_makes_it_so_is_changed() {
        assert_eq!(patched("app.run(debug=True)\n"), "app.run(debug=False)\n");
        assert_eq!(
            patched("DEBUG = True\napp.run(debug=DEBUG)\n"),
            "DEBUG = False\napp.run(debug=DEBUG)\n"
        );
        assert_eq!(
            patched("def wanted():\n    return True\n\n\napp.run(debug=wanted())\n"),
            "def wanted():\n    return False\n\n\napp.run(debug=wanted())\n"
        );
        assert_eq!(
            patched("app.run(debug=bool(os.environ.get('DEBUG')), port=1)\n"),
            "app.run(debug=os.environ.get('DEBUG', '').lower() in ('1', 'true', 'yes'), \
             port=1)\n"
        );
        assert_eq!(
            patched(
                "from werkzeug.debug import DebuggedApplication\napp.wsgi_app = DebuggedApplication(app.wsgi_app, True)\n"
            ),
            ""
        );
    }

    #[test]
    fn what_is_on_unless_told_otherwise_is_found() {
        let texts = |run: &str, set: &str| {
            let source = format!("{HEAD}app.run(debug={run})\n");
            let docker = format!("FROM python\n{set}CMD [\"python\", \"app.py\"]\n");
            (source, docker)
        };
        let found = |run: &str, set: &str| {
            let (source, docker) = texts(run, set);
            let texts = [("app.py", source.as_str()), ("Dockerfile", docker.as_str())];
            testing::findings(&DebugRun, &texts).len()
        };
        let stage = "os.environ.get('STAGE') != 'production'";
        assert_eq!(found(stage, ""), 1);
        assert_eq!(found(stage, "ENV STAGE=staging\n"), 1);
        assert_eq!(found(stage, "ENV STAGE=production\n"), 0);
        let number = "int(os.environ.get('DEBUG', 1))";
        assert_eq!(found(number, ""), 1);
        assert_eq!(found(number, "ENV DEBUG=0\n"), 0);
        assert_eq!(found("int(os.environ.get('DEBUG', 0))", ""), 0);
        assert_eq!(found("strtobool(os.environ.get('DEBUG', 'false'))", ""), 0);
        assert_eq!(found("strtobool(os.environ.get('DEBUG', 'on'))", ""), 1);
        let after = patched(&format!("app.run(debug={stage})\n"));
        assert_eq!(
            after,
            "app.run(debug=os.environ.get('STAGE') == 'development')\n"
        );
    }

    #[test]
    fn an_option_that_production_passes_is_on() {
        let source = format!(
            "{HEAD}import argparse\np = argparse.ArgumentParser()\n\
             p.add_argument('-d', '--debug', action='store_true')\nargs = p.parse_args()\n\
             app.run(debug=args.debug)\n"
        );
        let docker = "FROM python\nCMD [\"python\", \"app.py\", \"-d\"]\n";
        let texts = [("app.py", source.as_str()), ("Dockerfile", docker)];
        assert_eq!(testing::findings(&DebugRun, &texts), ["app.py:8"]);
        let after = testing::apply(&DebugRun, &texts, "Dockerfile");
        assert_eq!(after, docker.replace(", \"-d\"", ""));
        let plain = [("app.py", source.as_str()), ("Dockerfile", after.as_str())];
        assert!(testing::findings(&DebugRun, &plain).is_empty());
    }

    #[test]
    fn flags_of_a_start_command_go() {
        let docker =
            "FROM python\nCMD [\"flask\", \"run\", \"--debugger\", \"--host\", \"0.0.0.0\"]\n";
        let texts = [("app.py", HEAD), ("Dockerfile", docker)];
        let after = testing::apply(&DebugRun, &texts, "Dockerfile");
        assert_eq!(after, docker.replace(" \"--debugger\",", ""));
        let plain = [("app.py", HEAD), ("Dockerfile", after.as_str())];
        assert!(testing::findings(&DebugRun, &plain).is_empty());
    }

    #[test]
    fn without_a_deployment_it_counts_with_less_confidence() {
        let verdict = verdict("if __name__ == '__main__':\n    app.run(debug=True)\n");
        let finding = &verdict.findings()[0];
        assert_eq!(finding.severity, Severity::Critical);
        assert_eq!(finding.confidence, Confidence::Medium);
        let texts = [("debug_server.py", &*format!("{HEAD}app.run(debug=True)\n"))];
        let verdict = testing::verdict(&DebugRun, &texts);
        let finding = &verdict.findings()[0];
        assert_eq!(finding.severity, Severity::Medium);
        assert!(!finding.reachable);
        assert!(
            finding.message.contains("by hand is at risk: app.run"),
            "{}",
            finding.message
        );
    }
}
