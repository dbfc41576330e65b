//! ⑤ All verdicts, and from them the impact of every threat.

pub mod baseline;
mod fingerprint;
pub mod impact;
mod scope;
mod suppressions;

use std::collections::BTreeMap;

use rayon::prelude::*;

pub use impact::{Impact, ThreatImpact};
pub use scope::Outside;

use crate::finding::{Finding, Severity, Verdict};
use crate::model::Model;
use crate::strategies::registry::CONTROLS;
use crate::strategies::{About, Strategy};
use crate::text::Location;

/// What is known of an application's hardening.
#[derive(Debug, Default)]
pub struct Assessment {
    /// One entry per control, in the order of the registry.
    pub judged: Vec<Judged>,
    /// All findings, worst first within a strategy.
    pub findings: Vec<Assessed>,
    /// Findings in files that production does not load.
    pub outside: Outside,
    /// What somebody has looked at and accepted, with the reason.
    pub accepted: Vec<Accepted>,
    /// What is wrong with the comments that accept findings.
    pub remarks: Vec<Remark>,
}

/// A finding that no longer counts.
#[derive(Debug, Clone)]
pub struct Accepted {
    pub found: Assessed,
    pub by: Acceptance,
}

/// Why a finding no longer counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    pub reason: String,
    /// The comment that says so; none when the settings do.
    pub comment: Option<Location>,
}

/// Something to tell the person who wrote a comment for this tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    pub path: String,
    /// 1-based.
    pub line: usize,
    pub message: String,
}

/// A control and its verdict.
#[derive(Debug)]
pub struct Judged {
    pub about: &'static About,
    pub verdict: Verdict,
    /// The fingerprints of its findings, in the verdict's order.
    pub fingerprints: Vec<String>,
}

/// A finding with its stable name.
#[derive(Debug, Clone)]
pub struct Assessed {
    /// Sixteen hexadecimal digits; the same as long as the line's text is.
    pub fingerprint: String,
    pub about: &'static About,
    pub finding: Finding,
}

impl Assessment {
    /// Runs every control, on all cores.
    pub fn of(model: &Model) -> Self {
        let verdicts: Vec<_> = CONTROLS
            .par_iter()
            .map(|control| (control.about(), control.check(model)))
            .collect();
        let mut seen = BTreeMap::new();
        let mut assessment = Self::default();
        for (about, verdict) in verdicts {
            let verdict = scope::limit(&model.repo, verdict, &mut assessment.outside);
            let findings = verdict.findings().iter();
            let named: Vec<_> = findings
                .map(|finding| Assessed {
                    fingerprint: fingerprint::of(&model.repo, finding, &mut seen),
                    about,
                    finding: finding.clone(),
                })
                .collect();
            assessment.judged.push(Judged {
                about,
                fingerprints: named
                    .iter()
                    .map(|found| found.fingerprint.clone())
                    .collect(),
                verdict,
            });
            assessment.findings.extend(named);
        }
        suppressions::apply(&mut assessment, model);
        assessment
    }

    /// Takes the controls that the settings switch off out of the count: reasons by id.
    pub fn disable(&mut self, controls: &BTreeMap<&'static str, String>) {
        for judged in &mut self.judged {
            let Some(reason) = controls.get(judged.about.id) else {
                continue;
            };
            judged.verdict = Verdict::not_applicable(format!("switched off: {reason}"));
            judged.fingerprints.clear();
        }
        let reason = |found: &Assessed| {
            let reason = controls.get(found.about.id)?.clone();
            Some(Acceptance {
                reason,
                comment: None,
            })
        };
        self.move_accepted(reason);
    }

    /// Takes single findings out of the count. A control whose findings are all accepted is
    /// judged by what else is known of it.
    fn accept(&mut self, accepted: &BTreeMap<String, Acceptance>) {
        for judged in &mut self.judged {
            let Verdict::Missing { findings, evidence } = &mut judged.verdict else {
                continue;
            };
            let mut kept = judged
                .fingerprints
                .iter()
                .map(|fingerprint| !accepted.contains_key(fingerprint));
            findings.retain(|_| kept.next().unwrap_or(true));
            judged
                .fingerprints
                .retain(|fingerprint| !accepted.contains_key(fingerprint));
            if findings.is_empty() {
                judged.verdict = match std::mem::take(evidence) {
                    none if none.is_empty() => Verdict::not_applicable("its findings are accepted"),
                    evidence => Verdict::Implemented { evidence },
                };
            }
        }
        self.move_accepted(|found| accepted.get(&found.fingerprint).cloned());
    }

    fn move_accepted(&mut self, acceptance: impl Fn(&Assessed) -> Option<Acceptance>) {
        let mut kept = Vec::new();
        for found in std::mem::take(&mut self.findings) {
            match acceptance(&found) {
                Some(by) => self.accepted.push(Accepted { found, by }),
                None => kept.push(found),
            }
        }
        self.findings = kept;
    }

    pub fn finding(&self, fingerprint: &str) -> Option<&Assessed> {
        self.findings
            .iter()
            .find(|found| found.fingerprint == fingerprint)
    }

    pub fn of_strategy(&self, strategy: &Strategy) -> impl Iterator<Item = &Judged> {
        self.judged
            .iter()
            .filter(move |judged| judged.about.strategy == strategy)
    }

    pub fn worst(&self) -> Option<Severity> {
        self.findings
            .iter()
            .map(|found| found.finding.severity)
            .max()
    }
}
