//! `filename-containment`: a path built from a request value is checked by a check that holds.

use ruff_python_ast::{Expr, ExprCall};
use ruff_text_size::Ranged as _;

use crate::edit::imports::module_for;
use crate::finding::{Edit, Evidence, Finding, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::model::flow::{Facts, Outcome, SinkCall};
use crate::model::modules::ModuleId;
use crate::strategies::strategy::FILE_HANDLING;
use crate::strategies::{About, Answers, Control, flowing};
use crate::text::{Location, Span};

pub struct FilenameContainment;

static ABOUT: About = About {
    id: "filename-containment",
    title: "Paths built from request values are checked to lie inside their folder",
    strategy: &FILE_HANDLING,
    threats: &["directory-traversal"],
    severity: Severity::High,
    page: include_str!("../../../assets/controls/filename-containment.md"),
};

impl Control for FilenameContainment {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let mut findings: Vec<Finding> = Vec::new();
        let mut evidence = Vec::new();
        let paths = model.flows.of_sink(|sink| sink.takes_path());
        for call in paths {
            if let Outcome::Sanitized { by, how } = &call.outcome {
                evidence.push(Evidence::new(by.clone(), how.clone()));
            }
            if !call.is_tainted() {
                continue;
            }
            for weak in &call.weak_checks {
                let known = findings.iter().any(|found| found.location == weak.location);
                if !known {
                    findings.push(finding(call, weak));
                }
            }
        }
        if findings.is_empty() && evidence.is_empty() {
            return Verdict::not_applicable(
                "no path that is built from a request value is checked",
            );
        }
        Verdict::from_findings(findings, evidence)
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        mend_check(model, &finding.location).unwrap_or_else(by_hand)
    }
}

/// Makes the check at that place hold. The sinks behind it offer the same patch.
pub(super) fn mend_check(model: &Model, at: &Location) -> Option<Patch> {
    let file = model.modules.by_path(&at.path)?;
    let call = model.modules.get(file).call_at(at.span)?;
    let Expr::Attribute(method) = &*call.func else {
        return None;
    };
    match method.attr.as_str() {
        "startswith" => with_separator(model, file, call, &method.value),
        "is_relative_to" => resolved(model, file, call, &method.value),
        _ => None,
    }
}

fn finding(call: &SinkCall, weak: &crate::model::flow::WeakCheck) -> Finding {
    let message = format!(
        "This check does not keep the path inside its folder: {}. The path then goes to {}().",
        weak.why.trim_end_matches('.'),
        flowing::short(&call.name)
    );
    Finding::new(ABOUT.id, weak.location.clone(), Severity::High, message)
        .confidence(call.confidence)
        .flow(call.steps.clone())
        .subject("weak-check")
}

fn by_hand() -> Patch {
    Patch::manual(
        "Replace the check by one that holds",
        vec![
            "Join with safe_join(folder, name) from werkzeug.security and answer 404 when it \
             gives None; or compare os.path.commonpath([base, full]) with base after \
             os.path.realpath of both."
                .into(),
        ],
    )
}

/// `full.startswith(base)` → `full.startswith(base + os.sep)`, where `full` is normalised.
fn with_separator(
    model: &Model,
    file: ModuleId,
    call: &ExprCall,
    receiver: &Expr,
) -> Option<Patch> {
    let module = model.modules.get(file);
    let [base] = &*call.arguments.args else {
        return None;
    };
    if !is_normalised(model, call) && !normalises(model, file, receiver) {
        return None;
    }
    let (os, import) = module_for(model, file, call.range().start().to_usize(), "os");
    let edit = match base {
        Expr::StringLiteral(literal) if literal.value.to_str().starts_with('/') => {
            let end = literal.range.end().to_usize() - 1;
            Edit::insert(module.path(), end, "/")
        }
        _ => {
            let text = module.source(base.range());
            let simple = matches!(
                base,
                Expr::Name(_) | Expr::Attribute(_) | Expr::Call(_) | Expr::Subscript(_)
            );
            let text = if simple {
                text.to_owned()
            } else {
                format!("({text})")
            };
            Edit::replace(module.path(), base.range(), format!("{text} + {os}.sep"))
        }
    };
    let needs_os = matches!(&edit, Edit::Replace { text, .. } if text.ends_with(".sep"));
    Some(
        Patch::new(
            PatchKind::Safe,
            "Compare with the folder and its separator",
            "A sibling folder that only starts with the same letters is refused",
        )
        .edits(import.filter(|_| needs_os))
        .edit(edit),
    )
}

/// Whether the flow that this check belongs to carries a normalised path.
fn is_normalised(model: &Model, call: &ExprCall) -> bool {
    let span = Span::from(call.range());
    let mut checked = model.flows.calls.iter().filter(|sink| {
        sink.weak_checks
            .iter()
            .any(|weak| weak.location.span == span)
    });
    checked.any(|sink| {
        flowing::pieces(sink)
            .iter()
            .all(|piece| piece.has.contains(Facts::NORMALISED))
    })
}

fn normalises(model: &Model, file: ModuleId, receiver: &Expr) -> bool {
    let Expr::Call(call) = receiver else {
        return false;
    };
    let callee = model.names.callee(&model.modules, file, &call.func);
    matches!(
        callee.as_ref().and_then(|callee| callee.external()),
        Some("os.path.abspath" | "os.path.realpath" | "os.path.normpath")
    )
}

/// `path.is_relative_to(base)` → `path.resolve().is_relative_to(base.resolve())`.
fn resolved(model: &Model, file: ModuleId, call: &ExprCall, receiver: &Expr) -> Option<Patch> {
    let module = model.modules.get(file);
    let [base] = &*call.arguments.args else {
        return None;
    };
    let resolve = |expr: &Expr| match expr {
        Expr::Name(_) | Expr::Attribute(_) | Expr::Call(_) | Expr::Subscript(_) => {
            Some(format!("{}.resolve()", module.source(expr.range())))
        }
        Expr::BinOp(_) => Some(format!("({}).resolve()", module.source(expr.range()))),
        _ => None,
    };
    // The parentheses around `(base / name)` are not part of the expression.
    let receiver_text = match receiver {
        Expr::BinOp(_) => Edit::insert(
            module.path(),
            call.func.range().end().to_usize() - "is_relative_to".len() - 1,
            ".resolve()",
        ),
        _ => Edit::replace(module.path(), receiver.range(), resolve(receiver)?),
    };
    Some(
        Patch::new(
            PatchKind::Safe,
            "Resolve both paths before they are compared",
            "`..` and symbolic links are followed before the comparison",
        )
        .edit(receiver_text)
        .edit(Edit::replace(module.path(), base.range(), resolve(base)?)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{apply, findings};

    const HEAD: &str = "import os\nfrom pathlib import Path\nfrom flask import Flask, abort, request\n\napp = Flask(__name__)\nBASE = '/srv/notes'\nROOT = Path('/srv/notes')\n\n\n@app.route('/n/<path:name>')\ndef n(name):\n";

    fn after(body: &str) -> String {
        let source = format!("{HEAD}{body}");
        assert_eq!(
            findings(&FilenameContainment, &[("app.py", &source)]).len(),
            1,
            "{source}"
        );
        let text = apply(&FilenameContainment, &[("app.py", &source)], "app.py");
        assert_eq!(
            findings(&FilenameContainment, &[("app.py", &text)]),
            [""; 0],
            "{text}"
        );
        text
    }

    #[test]
    fn a_prefix_gets_its_separator() {
        let text = after(
            "    full = os.path.realpath(os.path.join(BASE, name))\n    if not full.startswith(BASE):\n        abort(404)\n    return {'t': open(full).read()}\n",
        );
        assert!(text.contains("full.startswith(BASE + os.sep)"), "{text}");
    }

    #[test]
    fn a_lexical_comparison_is_resolved() {
        let text = after(
            "    full = ROOT / name\n    if not full.is_relative_to(ROOT):\n        abort(404)\n    return {'t': full.read_text()}\n",
        );
        assert!(
            text.contains("full.resolve().is_relative_to(ROOT.resolve())"),
            "{text}"
        );
    }

    #[test]
    fn a_check_that_holds_is_evidence() {
        let source = format!(
            "{HEAD}    full = os.path.realpath(os.path.join(BASE, name))\n    if os.path.commonpath([BASE, full]) != BASE:\n        abort(404)\n    return {{'t': open(full).read()}}\n"
        );
        assert_eq!(
            findings(&FilenameContainment, &[("app.py", &source)]),
            [""; 0]
        );
    }
}
