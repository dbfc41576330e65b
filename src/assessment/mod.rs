//! ⑤ All verdicts, and from them the impact of every threat.

pub mod baseline;
mod fingerprint;
pub mod impact;
mod scope;

use std::collections::BTreeMap;

use rayon::prelude::*;

pub use impact::{Impact, ThreatImpact};
pub use scope::Outside;

use crate::finding::{Finding, Severity, Verdict};
use crate::model::Model;
use crate::strategies::registry::CONTROLS;
use crate::strategies::{About, Strategy};

/// What is known of an application's hardening.
#[derive(Debug, Default)]
pub struct Assessment {
    /// One entry per control, in the order of the registry.
    pub judged: Vec<Judged>,
    /// All findings, worst first within a strategy.
    pub findings: Vec<Assessed>,
    /// Findings in files that production does not load.
    pub outside: Outside,
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
        assessment
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
