//! `debug-run`: no start of the development server with debug, debugger or evalex.

use ruff_python_ast::{Expr, ExprCall, Keyword};
use ruff_text_size::Ranged as _;

use crate::finding::{Edit, Evidence, Finding, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::model::calls::CallSite;
use crate::strategies::strategy::DEBUG_MODE;
use crate::strategies::{About, Answers, Control};
use crate::text::Span;

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
    page: include_str!("../../../assets/controls/debug-run.md"),
};

/// A parameter that turns the debugger on: its name, and its position where it has one.
type Switch = (&'static str, Option<usize>);

/// What starts a server or wraps an application: the callee, and its arguments that turn the
/// debugger on with their positions (Flask 1.1 to 3.1, Werkzeug 1.0 to 3.1, Flask-SocketIO 5).
const STARTS: &[(&str, &[Switch])] = &[
    (
        "flask.Flask.run",
        &[
            ("debug", Some(2)),
            ("use_debugger", None),
            ("use_evalex", None),
        ],
    ),
    (
        "flask_socketio.SocketIO.run",
        &[("debug", None), ("use_debugger", None)],
    ),
    (
        "werkzeug.serving.run_simple",
        &[("use_debugger", Some(4)), ("use_evalex", Some(5))],
    ),
    ("werkzeug.debug.DebuggedApplication", &[("evalex", Some(1))]),
];

impl Control for DebugRun {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let mut findings = Vec::new();
        let mut evidence = Vec::new();
        for (callee, switches) in STARTS {
            for site in model.calls.of(callee) {
                let Some(call) = site.call(&model.modules) else {
                    continue;
                };
                match switched_on(call, switches) {
                    Some(_) => findings.push(finding(site, callee)),
                    None => evidence.push(Evidence::new(
                        site.location.clone(),
                        "starts the server without the debugger",
                    )),
                }
            }
        }
        Verdict::from_findings(findings, evidence)
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        let mut patch = Patch::new(
            PatchKind::Safe,
            "Start the server with the debugger off",
            "This call cannot bring up Werkzeug's debugger, whatever the environment says",
        )
        .follow_up("For local debugging use `flask run --debug` (Flask 2.2.3 or newer).");
        for (callee, switches) in STARTS {
            let sites = model.calls.of(callee).iter();
            for site in sites.filter(|site| site.location == finding.location) {
                let call = site.call(&model.modules);
                let spans = call.map(|call| all_switched_on(call, switches));
                for span in spans.unwrap_or_default() {
                    patch = patch.edit(Edit::replace(&site.location.path, span, "False"));
                }
            }
        }
        patch
    }
}

fn finding(site: &CallSite, callee: &str) -> Finding {
    let name = callee.rsplit('.').next().unwrap_or(callee);
    let message = format!(
        "{name}() starts Werkzeug's interactive debugger: whoever reaches the server can run \
         Python code in it."
    );
    Finding::new(ABOUT.id, site.location.clone(), Severity::Critical, message).subject(name)
}

/// The first argument that turns the debugger on.
fn switched_on(call: &ExprCall, switches: &[Switch]) -> Option<Span> {
    all_switched_on(call, switches).into_iter().next()
}

fn all_switched_on(call: &ExprCall, switches: &[Switch]) -> Vec<Span> {
    let arguments = switches.iter().filter_map(|(name, position)| {
        let by_name = call
            .arguments
            .keywords
            .iter()
            .find(|keyword| is(keyword, name));
        let by_position = position.and_then(|position| call.arguments.args.get(position));
        by_name.map(|keyword| &keyword.value).or(by_position)
    });
    arguments
        .filter(|value| is_true(value))
        .map(|value| Span::from(value.range()))
        .collect()
}

fn is(keyword: &Keyword, name: &str) -> bool {
    keyword.arg.as_ref().is_some_and(|arg| arg.as_str() == name)
}

fn is_true(value: &Expr) -> bool {
    match value {
        Expr::BooleanLiteral(literal) => literal.value,
        Expr::NumberLiteral(number) => !matches!(
            &number.value,
            ruff_python_ast::Number::Int(int) if *int == ruff_python_ast::Int::ZERO
        ),
        _ => false,
    }
}
