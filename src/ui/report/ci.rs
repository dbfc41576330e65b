//! The report for two forges: GitHub's workflow commands and GitLab's code quality.

use serde_json::json;

use super::{Entry, Report};
use crate::error::Error;
use crate::finding::Severity;

/// One workflow command per finding: GitHub shows them beside the lines of a pull request.
pub fn github(report: &Report<'_>) -> String {
    report
        .findings()
        .map(|entry| command(report, entry))
        .collect()
}

fn command(report: &Report<'_>, entry: &Entry<'_>) -> String {
    let finding = &entry.found.finding;
    let name = match finding.severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Negligible => "notice",
    };
    let severity = finding.severity.label().to_lowercase();
    let title = format!("{} ({severity})", finding.control);
    let mut properties = vec![
        format!("file={}", property(entry.path())),
        format!("line={}", entry.start.line),
        format!("endLine={}", entry.end.line),
    ];
    // GitHub takes columns only where a place does not span lines.
    if entry.start.line == entry.end.line {
        properties.push(format!("col={}", entry.start.column));
        properties.push(format!("endColumn={}", entry.end.column));
    }
    properties.push(format!("title={}", property(&title)));
    let message = message(&report.shown(&finding.message));
    format!("::{name} {}::{message}\n", properties.join(","))
}

fn message(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

/// GitLab's code quality report: a JSON list.
pub fn gitlab(report: &Report<'_>) -> Result<String, Error> {
    let issues = report.findings().map(|entry| {
        let finding = &entry.found.finding;
        json!({
            "description": report.shown(&finding.message),
            "check_name": finding.control,
            "fingerprint": entry.found.fingerprint,
            "severity": grade(finding.severity),
            "location": {
                "path": entry.path(),
                "lines": { "begin": entry.start.line, "end": entry.end.line }
            }
        })
    });
    let text = serde_json::to_string_pretty(&issues.collect::<Vec<_>>());
    let text = text.map_err(|error| Error::Output(error.into()))?;
    Ok(text + "\n")
}

const fn grade(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "blocker",
        Severity::High => "critical",
        Severity::Medium => "major",
        Severity::Low => "minor",
        Severity::Negligible => "info",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_end_its_property() {
        assert_eq!(property("a,line=1::x%\n"), "a%2Cline=1%3A%3Ax%25%0A");
        assert_eq!(message("100%: a,b"), "100%25: a,b");
    }
}
