//! What all controls share that judge where clients' values arrive.

use crate::finding::{Evidence, Finding, Severity, Verdict};
use crate::model::Model;
use crate::model::flow::{Outcome, SinkCall, TaintPiece};
use crate::text::Span;

/// A finding for a sink that a client's value reaches, with its flow.
pub(super) fn finding(
    control: &'static str,
    call: &SinkCall,
    severity: Severity,
    message: String,
) -> Finding {
    Finding::new(control, call.call.clone(), severity, message)
        .confidence(call.confidence)
        .flow(call.steps.clone())
        .subject(call.name.clone())
}

/// Findings for the tainted calls, evidence for those that values reach harmlessly or not at
/// all; not applicable when the application has no such call.
pub(super) fn verdict<'m>(
    calls: impl Iterator<Item = &'m SinkCall>,
    absence: &str,
    judge: impl Fn(&SinkCall) -> Option<Finding>,
) -> Verdict {
    let mut findings = Vec::new();
    let mut evidence = Vec::new();
    for call in calls {
        match &call.outcome {
            Outcome::Tainted { .. } => findings.extend(judge(call)),
            Outcome::Sanitized { by, how } => {
                evidence.push(Evidence::new(by.clone(), how.clone()));
            }
            Outcome::Clean => evidence.push(Evidence::new(
                call.call.clone(),
                format!("no client value reaches {}()", short(&call.name)),
            )),
        }
    }
    if findings.is_empty() && evidence.is_empty() {
        return Verdict::not_applicable(absence);
    }
    Verdict::from_findings(findings, evidence)
}

/// The verdict, where calls of `callee` that no flow leads to are evidence: functions that take
/// nothing from a client are not evaluated at all.
pub(super) fn with_calls(verdict: Verdict, model: &Model, callee: &str) -> Verdict {
    if !matches!(verdict, Verdict::NotApplicable { .. }) {
        return verdict;
    }
    let sites = model.calls.of(callee).iter();
    let of_application = sites.filter(|site| {
        let file = &model.modules.get(site.module).file;
        file.purpose.is_application()
    });
    let evidence: Vec<Evidence> = of_application
        .map(|site| {
            let note = format!("no client value reaches {}()", short(callee));
            Evidence::new(site.location.clone(), note)
        })
        .collect();
    match evidence.is_empty() {
        true => verdict,
        false => Verdict::Implemented { evidence },
    }
}

/// The call that a finding of one of these controls is about: of several arguments of one call,
/// the one that a client decides.
pub(super) fn call_of<'m>(
    model: &'m Model,
    finding: &Finding,
    wanted: impl Fn(&SinkCall) -> bool,
) -> Option<&'m SinkCall> {
    let calls = model.flows.calls.iter();
    let mut calls = calls
        .filter(|call| call.call == finding.location && call.name == finding.subject)
        .filter(|call| wanted(call))
        .peekable();
    let first = calls.peek().copied();
    calls.find(|call| call.is_tainted()).or(first)
}

pub(super) fn pieces(call: &SinkCall) -> &[TaintPiece] {
    match &call.outcome {
        Outcome::Tainted { pieces } => pieces,
        _ => &[],
    }
}

/// The expressions of the sink's own file through which clients' values come in.
pub(super) fn inserted(call: &SinkCall) -> Vec<Span> {
    let pieces = pieces(call).iter();
    let mut spans: Vec<Span> = pieces
        .flat_map(|piece| {
            let here = piece.inserted.iter().filter(|at| at.path == call.call.path);
            here.map(|at| at.span).chain(piece.span)
        })
        .collect();
    spans.sort();
    spans.dedup();
    spans
}

/// Names of the sources, for messages: "`request.args.get("f")`".
pub(super) fn sources(call: &SinkCall) -> String {
    let mut texts: Vec<&str> = pieces(call)
        .iter()
        .map(|piece| piece.source_text.as_str())
        .collect();
    texts.sort_unstable();
    texts.dedup();
    match texts.as_slice() {
        [] => "a client's value".to_owned(),
        [one] => (*one).to_owned(),
        [first, .., last] => format!("{first} and {last}"),
    }
}

/// The last part of a dotted name.
pub(super) fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// Whether the value comes in and is used in one function: then it is a view, or behaves as
/// one, and may answer with an HTTP error.
pub(super) fn is_local(call: &SinkCall) -> bool {
    let Some(function) = call.function else {
        return false;
    };
    pieces(call)
        .iter()
        .all(|piece| piece.source.path == call.call.path && function.contains(piece.source.span))
}
