//! `DebuggedApplication`: Werkzeug's debugger around an application, under any server.

use ruff_python_ast::{AnyNodeRef, Expr, ExprCall, Stmt};
use ruff_text_size::Ranged as _;

use super::run;
use super::switch::{Switch, follow};
use crate::discover::Purpose;
use crate::finding::{Edit, Evidence, Finding, Patch, PatchKind, Severity};
use crate::model::Model;
use crate::model::calls::CallSite;
use crate::parse::python::Module;
use crate::text::Span;

pub(super) const SUBJECT: &str = "DebuggedApplication";

const CALLEE: &str = "werkzeug.debug.DebuggedApplication";

pub(super) fn check(model: &Model, findings: &mut Vec<Finding>, evidence: &mut Vec<Evidence>) {
    for site in model.calls.of(CALLEE) {
        let Some(call) = site.call(&model.modules) else {
            continue;
        };
        if run::purpose(model, site) == Purpose::Test {
            continue;
        }
        if is_conditional(model, site) {
            let note = "wraps the app in the debugger only in debug mode";
            evidence.push(Evidence::new(site.location.clone(), note));
            continue;
        }
        findings.push(finding(model, site, call));
    }
}

fn finding(model: &Model, site: &CallSite, call: &ExprCall) -> Finding {
    let evalex = call.arguments.find_argument_value("evalex", 1);
    let console = evalex.map(|value| follow(model, site.module, value));
    let (severity, gain) = match console {
        Some(Switch::On { .. } | Switch::Unknown(_) | Switch::Trap { .. }) => (
            Severity::Critical,
            "puts Werkzeug's interactive debugger around the app, under gunicorn as well: whoever \
             causes an error can run Python code in the server",
        ),
        _ => (
            Severity::High,
            "shows tracebacks with the source around them to whoever causes an error, under \
             gunicorn as well",
        ),
    };
    let message = format!("DebuggedApplication {gain}.");
    let finding =
        Finding::new("debug-run", site.location.clone(), severity, message).subject(SUBJECT);
    match run::purpose(model, site) {
        Purpose::Example => finding.unreachable("It stands in an example."),
        _ => finding,
    }
}

/// Whether a condition on debug mode stands around the call.
fn is_conditional(model: &Model, site: &CallSite) -> bool {
    let module = model.modules.get(site.module);
    let ancestors = module.ancestors(site.location.span);
    ancestors.iter().any(|node| {
        let test = match node {
            AnyNodeRef::StmtIf(stmt) => &*stmt.test,
            AnyNodeRef::ExprIf(either) => &*either.test,
            _ => return false,
        };
        !Span::from(test.range()).contains(site.location.span)
            && !matches!(follow(model, site.module, test), Switch::On { .. })
            && module
                .source(test.range())
                .to_ascii_lowercase()
                .contains("debug")
    })
}

pub(super) fn remedy(model: &Model, finding: &Finding) -> Patch {
    let title = "Serve the app without the debugger around it";
    let guarantees = "No server can show the debugger, whatever the environment says";
    let mut sites = model.calls.of(CALLEE).iter();
    let site = sites.find(|site| site.location == finding.location);
    let Some((site, call)) = site.and_then(|site| Some((site, site.call(&model.modules)?))) else {
        return Patch::manual(title, Vec::new());
    };
    let module = model.modules.get(site.module);
    let wrapped = call.arguments.find_argument_value("app", 0);
    let Some(wrapped) = wrapped else {
        return Patch::manual(title, vec!["Take DebuggedApplication away.".into()]);
    };
    let path = module.path();
    let edit = match assignment_to_itself(module, site.location.span, wrapped) {
        Some(edit) => edit,
        None => Edit::replace(
            path,
            site.location.span,
            module.source(wrapped.range()).to_owned(),
        ),
    };
    Patch::new(PatchKind::Safe, title, guarantees)
        .edit(edit)
        .edit(Edit::drop_import_from(
            path,
            "werkzeug.debug",
            "DebuggedApplication",
        ))
}

/// `app.wsgi_app = DebuggedApplication(app.wsgi_app)`: without the wrapper it says nothing, so
/// that the statement goes, or becomes `pass` where it is alone in its block.
fn assignment_to_itself(module: &Module, call: Span, wrapped: &Expr) -> Option<Edit> {
    let Stmt::Assign(assign) = module.statement_at(call)? else {
        return None;
    };
    let [target] = assign.targets.as_slice() else {
        return None;
    };
    let is_whole = Span::from(assign.value.range()) == call;
    if !is_whole || module.source(target.range()) != module.source(wrapped.range()) {
        return None;
    }
    let text = &module.file.text;
    let span = Span::from(assign.range);
    let start = text.line_start(text.line_of(span.start));
    let own_lines = text.slice(Span::new(start, span.start)).trim().is_empty()
        && text
            .slice(Span::new(span.end, text.next_line_start(span.end)))
            .trim()
            .is_empty();
    let at_top = module
        .body()
        .iter()
        .any(|stmt| Span::from(stmt.range()) == span);
    let siblings = sibling_count(module, span);
    if own_lines && (at_top || siblings > 1) {
        let lines = Span::new(start, text.next_line_start(span.end));
        return Some(Edit::replace(module.path(), lines, ""));
    }
    Some(Edit::replace(module.path(), span, "pass"))
}

/// How many statements stand in the block of the statement at `span`.
fn sibling_count(module: &Module, span: Span) -> usize {
    let holds = |body: &[Stmt]| body.iter().any(|stmt| Span::from(stmt.range()) == span);
    let ancestors = module.ancestors(span);
    let blocks = ancestors.iter().flat_map(|node| match node {
        AnyNodeRef::StmtFunctionDef(function) => vec![&function.body[..]],
        AnyNodeRef::StmtClassDef(class) => vec![&class.body[..]],
        AnyNodeRef::StmtIf(stmt) => {
            let mut blocks = vec![&stmt.body[..]];
            blocks.extend(stmt.elif_else_clauses.iter().map(|clause| &clause.body[..]));
            blocks
        }
        AnyNodeRef::StmtWith(stmt) => vec![&stmt.body[..]],
        AnyNodeRef::StmtTry(stmt) => vec![&stmt.body[..], &stmt.orelse, &stmt.finalbody],
        _ => Vec::new(),
    });
    blocks
        .filter(|body| holds(body))
        .map(<[Stmt]>::len)
        .max()
        .unwrap_or(0)
}
