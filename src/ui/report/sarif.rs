//! The report as SARIF 2.1.0, for code scanning.

use serde_json::{Value, json};

use super::{Entry, Report};
use crate::assessment::{Accepted, Assessed};
use crate::error::Error;
use crate::finding::{FlowStep, Severity};
use crate::strategies::{About, registry};
use crate::text::{Location, Position, Span};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The log as indented JSON with a final newline.
pub fn render(report: &Report<'_>) -> Result<String, Error> {
    let text = serde_json::to_string_pretty(&log(report));
    let text = text.map_err(|error| Error::Output(error.into()))?;
    Ok(text + "\n")
}

fn log(report: &Report<'_>) -> Value {
    let findings = report.findings().map(|entry| open(report, entry));
    let accepted = report.session.assessment.accepted.iter();
    let accepted = accepted.map(|accepted| suppressed(report, accepted));
    let rules = registry::CONTROLS
        .iter()
        .map(|control| rule(control.about()));
    let skipped = report.session.model.skipped().map(|skipped| {
        json!({
            "level": "note",
            "message": { "text": format!("not read or not understood: {}", report.shown(&skipped.reason)) },
            "locations": [{ "physicalLocation": { "artifactLocation": artifact(&skipped.path) } }]
        })
    });
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": env!("CARGO_PKG_NAME"),
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.collect::<Vec<_>>()
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": true,
                "toolExecutionNotifications": skipped.collect::<Vec<_>>()
            }],
            "results": findings.chain(accepted).collect::<Vec<_>>()
        }]
    })
}

fn rule(about: &About) -> Value {
    json!({
        "id": about.id,
        "shortDescription": { "text": about.title },
        "help": { "text": about.page, "markdown": about.page },
        "defaultConfiguration": { "level": level(about.severity) },
        "properties": {
            "tags": ["security", about.strategy.id],
            "security-severity": score(about.severity)
        }
    })
}

fn open(report: &Report<'_>, entry: &Entry<'_>) -> Value {
    result(report, entry.found)
}

fn suppressed(report: &Report<'_>, accepted: &Accepted) -> Value {
    let mut value = result(report, &accepted.found);
    let kind = match accepted.by.comment {
        Some(_) => "inSource",
        None => "external",
    };
    value["suppressions"] = json!([{
        "kind": kind,
        "justification": report.shown(&accepted.by.reason)
    }]);
    value
}

fn result(report: &Report<'_>, found: &Assessed) -> Value {
    let finding = &found.finding;
    let ids = registry::CONTROLS.iter().map(|control| control.about().id);
    let index = ids.into_iter().position(|id| id == found.about.id);
    let mut value = json!({
        "ruleId": found.about.id,
        "ruleIndex": index,
        "level": level(finding.severity),
        "message": { "text": report.shown(&finding.message) },
        "locations": [location(report, &finding.location, None)],
        "partialFingerprints": { "flaskHarden/v1": found.fingerprint },
        "properties": {
            "strategy": found.about.strategy.id,
            "severity": finding.severity,
            "confidence": finding.confidence,
            "reachable": finding.reachable,
            "security-severity": score(finding.severity)
        }
    });
    if !finding.flow.is_empty() {
        let steps = finding.flow.iter().map(|step| flow_step(report, step));
        let steps = steps.collect::<Vec<_>>();
        value["codeFlows"] = json!([{ "threadFlows": [{ "locations": steps }] }]);
    }
    value
}

fn flow_step(report: &Report<'_>, step: &FlowStep) -> Value {
    let note = report.shown(&step.note);
    json!({ "location": location(report, &step.location, Some(&note)) })
}

fn location(report: &Report<'_>, location: &Location, note: Option<&str>) -> Value {
    let start = report.position(location);
    let end = report.position(&Location {
        path: location.path.clone(),
        span: Span::at(location.span.end),
    });
    let mut value = json!({ "physicalLocation": {
        "artifactLocation": artifact(&location.path),
        "region": region(start, end)
    }});
    if let Some(note) = note {
        value["message"] = json!({ "text": note });
    }
    value
}

fn region(start: Position, end: Position) -> Value {
    json!({
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column
    })
}

fn artifact(path: &str) -> Value {
    json!({ "uri": uri(path), "uriBaseId": "%SRCROOT%" })
}

/// A relative path as a URI reference: everything but unreserved characters and `/` in percent
/// signs (RFC 3986).
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Negligible => "note",
    }
}

/// The middle of the band that code scanning gives the severity (over 9.0, 7.0, 4.0, 0.1).
const fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
        Severity::Negligible => "0.1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("shop/a b.py"), "shop/a%20b.py");
        assert_eq!(uri("é%.py"), "%C3%A9%25.py");
    }
}
