//! Findings outside the application: left out or lowered, and counted so that reports say so.

use crate::discover::{Purpose, Repository};
use crate::finding::{Evidence, Finding, Verdict};

/// How many findings lie in files that production does not load.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outside {
    /// In tests, migrations and vendored code: left out.
    pub left_out: usize,
    /// In examples and documentation: one severity lower.
    pub lowered: usize,
}

/// The verdict for the application alone.
pub(super) fn limit(repo: &Repository, verdict: Verdict, outside: &mut Outside) -> Verdict {
    let purpose_of = |path: &str| repo.file(path).map_or(Purpose::Application, |f| f.purpose);
    let is_evidence = |evidence: &Evidence| {
        matches!(
            purpose_of(&evidence.location.path),
            Purpose::Application | Purpose::Example
        )
    };
    let Verdict::Missing { findings, evidence } = verdict else {
        return verdict;
    };
    let total = findings.len();
    let mut kept: Vec<Finding> = Vec::with_capacity(total);
    for finding in findings {
        match purpose_of(finding.path()) {
            Purpose::Application => kept.push(finding),
            Purpose::Example => {
                outside.lowered += 1;
                kept.push(finding.unreachable("It stands in an example, not in the application."));
            }
            Purpose::Test | Purpose::Migration | Purpose::Vendored => outside.left_out += 1,
        }
    }
    let evidence: Vec<_> = evidence.into_iter().filter(is_evidence).collect();
    if kept.is_empty() && evidence.is_empty() {
        return Verdict::not_applicable(format!(
            "only tests, migrations or vendored code concern it ({total} findings left out)"
        ));
    }
    Verdict::from_findings(kept, evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;
    use crate::text::{Location, Span};

    fn missing(repo: &Repository, paths: &[&str]) -> Verdict {
        let findings = paths.iter().map(|path| {
            let location = Location::new(&repo.file(path).unwrap().path, Span::at(0));
            Finding::new("x", location, Severity::High, "Bad.")
        });
        Verdict::from_findings(findings.collect(), Vec::new())
    }

    #[test]
    fn tests_are_left_out_and_examples_lowered() {
        let repo =
            Repository::from_texts([("app.py", ""), ("tests/a.py", ""), ("examples/b.py", "")]);
        let mut outside = Outside::default();
        let verdict = missing(&repo, &["app.py", "tests/a.py", "examples/b.py"]);
        let limited = limit(&repo, verdict, &mut outside);
        assert_eq!(limited.findings().len(), 2);
        assert_eq!(limited.findings()[1].severity, Severity::Medium);
        assert_eq!((outside.left_out, outside.lowered), (1, 1));
        let only_tests = limit(&repo, missing(&repo, &["tests/a.py"]), &mut outside);
        assert_eq!(only_tests.word(), "not-applicable");
    }
}
