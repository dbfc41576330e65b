//! Findings that somebody has looked at and accepted, in a comment beside them:
//!
//! ```text
//! app.run(debug=True)  # flask-harden: ignore[debug-run] a tool for one's own machine
//! ```
//!
//! In a line of its own the comment stands for the next line that is no such comment. Any
//! file's comment syntax will do. The reason is required, and a comment that accepts nothing
//! is reported, so that none outlives what it was for.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use rayon::prelude::*;
use ruff_text_size::Ranged as _;

use super::{Acceptance, Assessed, Assessment, Remark};
use crate::discover::{File, FileKind, Purpose};
use crate::model::Model;
use crate::strategies::registry;
use crate::strategies::scope::unknown_control;
use crate::text::{Location, Span};

const MARKER: &str = "flask-harden:";

/// What opens a comment in the files that are read.
const OPENERS: &[&str] = &["#", "{#", "{#-", "//", "<!--", ";", "/*", "*"];
/// What closes one.
const CLOSERS: &[&str] = &["-#}", "#}", "-->", "*/"];

/// One comment that accepts findings.
#[derive(Debug, PartialEq, Eq)]
struct Suppression {
    place: Location,
    /// 1-based.
    line: usize,
    covers: usize,
    controls: Vec<String>,
    reason: String,
}

/// Moves what comments accept out of the findings, and remarks on comments that do nothing.
pub(super) fn apply(assessment: &mut Assessment, model: &Model) {
    let files: Vec<_> = model.repo.files().collect();
    let found: Vec<_> = files.par_iter().map(|file| in_file(file, model)).collect();
    let mut accepted = BTreeMap::new();
    for (suppressions, remarks) in found {
        assessment.remarks.extend(remarks);
        for suppression in suppressions {
            judge(assessment, model, suppression, &mut accepted);
        }
    }
    assessment.accept(&accepted);
}

fn judge(
    assessment: &mut Assessment,
    model: &Model,
    suppression: Suppression,
    accepted: &mut BTreeMap<String, Acceptance>,
) {
    for id in &suppression.controls {
        let Some(control) = registry::by_id(id) else {
            let message = unknown_control(id).to_string();
            assessment.remarks.push(suppression.remark(message));
            continue;
        };
        let id = control.about().id;
        let covered: Vec<String> = assessment
            .findings
            .iter()
            .filter(|found| found.about.id == id && suppression.covers(found, model))
            .map(|found| found.fingerprint.clone())
            .collect();
        // What is found in tests is left out before this, whether a comment accepts it or not.
        if covered.is_empty() && !suppression.is_outside(model) {
            let message = format!("there is nothing to ignore here: {id} finds nothing");
            assessment.remarks.push(suppression.remark(message));
        }
        for fingerprint in covered {
            let acceptance = Acceptance {
                reason: suppression.reason.clone(),
                comment: Some(suppression.place.clone()),
            };
            accepted.insert(fingerprint, acceptance);
        }
    }
}

impl Suppression {
    fn covers(&self, found: &Assessed, model: &Model) -> bool {
        let finding = &found.finding;
        *finding.path() == self.place.path && lines(found, model).contains(&self.covers)
    }

    fn is_outside(&self, model: &Model) -> bool {
        let file = model.repo.file(&self.place.path);
        file.is_some_and(|file| {
            matches!(
                file.purpose,
                Purpose::Test | Purpose::Migration | Purpose::Vendored
            )
        })
    }

    fn remark(&self, message: String) -> Remark {
        Remark {
            path: self.place.path.to_string(),
            line: self.line,
            message,
        }
    }
}

fn lines(found: &Assessed, model: &Model) -> RangeInclusive<usize> {
    let span = found.finding.span();
    let Some(file) = model.repo.file(found.finding.path()) else {
        return 1..=1;
    };
    let last = span.end.saturating_sub(1).max(span.start);
    file.text.line_of(span.start)..=file.text.line_of(last)
}

fn in_file(file: &File, model: &Model) -> (Vec<Suppression>, Vec<Remark>) {
    let (mut suppressions, mut remarks) = (Vec::new(), Vec::new());
    if file.kind == FileKind::Markdown {
        return (suppressions, remarks);
    }
    let text = file.text.as_str();
    for at in memchr::memmem::find_iter(text.as_bytes(), MARKER.as_bytes()) {
        let line = file.text.line_of(at);
        let Some(opener) = comment_start(file, at, model) else {
            continue;
        };
        let end = file.text.line_span(line).end;
        match parse(file.text.slice(Span::new(at + MARKER.len(), end))) {
            Ok(None) => {}
            Ok(Some((controls, reason))) => suppressions.push(Suppression {
                place: Location::new(&file.path, Span::new(opener, end)),
                line,
                covers: covered_line(file, line, opener),
                controls,
                reason,
            }),
            Err(message) => remarks.push(Remark {
                path: file.path.to_string(),
                line,
                message,
            }),
        }
    }
    (suppressions, remarks)
}

/// The offset at which the comment around `at` opens, if `at` stands at a comment's beginning.
fn comment_start(file: &File, at: usize, model: &Model) -> Option<usize> {
    let line = file.text.line_span(file.text.line_of(at));
    let before = file.text.slice(Span::new(line.start, at)).trim_end();
    let opener = OPENERS
        .iter()
        .filter(|opener| before.ends_with(**opener))
        .max_by_key(|opener| opener.len())?;
    let start = line.start + before.len() - opener.len();
    // In Python the same characters may stand in a string; its tokens tell.
    let Some(module) = model.modules.by_path(&file.path) else {
        return Some(start);
    };
    let tokens = model.modules.get(module).tokens();
    let is_comment = tokens
        .iter()
        .any(|token| token.kind().is_comment() && Span::from(token.range()).contains_offset(start));
    is_comment.then_some(start)
}

/// `ignore[a, b] reason` to its parts; nothing when something else is asked of the tool.
fn parse(text: &str) -> Result<Option<(Vec<String>, String)>, String> {
    let Some(rest) = text.trim_start().strip_prefix("ignore") else {
        return Ok(None);
    };
    let bracketed = rest.trim_start().strip_prefix('[');
    let Some((ids, reason)) = bracketed.and_then(|rest| rest.split_once(']')) else {
        return Err("say what is ignored: ignore[control-id] and the reason".into());
    };
    let ids: Vec<String> = ids
        .split(',')
        .map(|id| id.trim().to_owned())
        .filter(|id| !id.is_empty())
        .collect();
    if ids.is_empty() {
        return Err("say what is ignored: ignore[control-id] and the reason".into());
    }
    let mut reason = reason.trim();
    for closer in CLOSERS {
        reason = reason.strip_suffix(closer).unwrap_or(reason).trim_end();
    }
    if reason.is_empty() {
        return Err(format!(
            "say why {} is ignored, behind the bracket",
            ids.join(", ")
        ));
    }
    Ok(Some((ids, reason.to_owned())))
}

/// The line that the comment stands for.
fn covered_line(file: &File, line: usize, opener: usize) -> usize {
    let start = file.text.line_span(line).start;
    let alone = |start, end| file.text.slice(Span::new(start, end)).trim().is_empty();
    if !alone(start, opener) {
        return line;
    }
    let is_suppression = |line: usize| {
        let text = file.text.line(line);
        let marker = text.find(MARKER);
        marker.is_some_and(|at| OPENERS.contains(&text[..at].trim()))
    };
    let mut next = line + 1;
    while next <= file.text.line_count() && is_suppression(next) {
        next += 1;
    }
    next
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::discover::Repository;
    use crate::finding::Verdict;

    fn assess(run: &str) -> Assessment {
        let source = format!("from flask import Flask\napp = Flask(__name__)\n{run}\n");
        let repo = Repository::from_texts([("app.py", source.as_str())]);
        Assessment::of(&Model::build(Arc::new(repo)))
    }

    fn runs(assessment: &Assessment) -> usize {
        let findings = assessment.findings.iter();
        findings
            .filter(|found| found.about.id == "debug-run")
            .count()
    }

    #[test]
    fn a_comment_on_the_line_or_above_it_accepts() {
        for run in [
            "app.run(debug=True)  # flask-harden: ignore[debug-run] my own machine",
            "# flask-harden: ignore[debug-run] my own machine\napp.run(debug=True)",
            "# flask-harden: ignore[debug-run] a\n# flask-harden: ignore[debug-run] b\napp.run(debug=True)",
            "app.run(\n    debug=True,  # flask-harden: ignore[debug-run] my own machine\n)",
        ] {
            let assessment = assess(run);
            assert_eq!(runs(&assessment), 0, "{run}");
            assert_eq!(assessment.accepted[0].found.about.id, "debug-run");
            assert!(assessment.remarks.is_empty(), "{:?}", assessment.remarks);
            let judged = assessment.judged.iter();
            let verdict = judged.map(|judged| &judged.verdict).next().unwrap();
            assert!(!matches!(verdict, Verdict::Missing { .. }));
        }
    }

    #[test]
    fn what_is_no_suppression_accepts_nothing() {
        for (run, remarks) in [
            (
                "x = '# flask-harden: ignore[debug-run] text'; app.run(debug=True)",
                0,
            ),
            ("app.run(debug=True)  # flask-harden: ignore[debug-run]", 1),
            (
                "app.run(debug=True)  # flask-harden: ignore my own machine",
                1,
            ),
            (
                "app.run(debug=True)  # flask-harden: ignore[debug-rnu] mine",
                1,
            ),
            (
                "app.run(debug=True)\n# flask-harden: ignore[debug-run] too late",
                1,
            ),
        ] {
            let assessment = assess(run);
            assert_eq!(runs(&assessment), 1, "{run}");
            assert_eq!(assessment.remarks.len(), remarks, "{run}");
        }
    }

    #[test]
    fn a_stale_comment_is_remarked() {
        let assessment = assess("app.run()  # flask-harden: ignore[debug-run] old");
        let remark = &assessment.remarks[0];
        assert_eq!((remark.line, remark.path.as_str()), (3, "app.py"));
        assert!(remark.message.contains("nothing to ignore"));
    }

    #[test]
    fn comments_in_tests_are_not_stale() {
        let accepted = "app.run(debug=True)  # flask-harden: ignore[debug-run] a test server\n";
        let unknown = "# flask-harden: ignore[debug-rnu] a test server\n";
        let source = format!("from flask import Flask\napp = Flask(__name__)\n{accepted}{unknown}");
        let repo = Repository::from_texts([("tests/server.py", source.as_str())]);
        let assessment = Assessment::of(&Model::build(Arc::new(repo)));
        let messages: Vec<_> = assessment.remarks.iter().map(|it| &it.message).collect();
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert!(messages[0].contains("debug-rnu"), "{messages:?}");
    }

    #[test]
    fn closers_are_no_reason() {
        let parsed = parse(" ignore[a, b] it is static #}").unwrap().unwrap();
        assert_eq!(parsed.0, ["a", "b"]);
        assert_eq!(parsed.1, "it is static");
        assert!(parse(" ignore[a] -->").is_err());
        assert_eq!(parse(" something else"), Ok(None));
    }
}
