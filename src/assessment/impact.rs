//! The impact of a threat: before, now, and after the chosen patches.
//!
//! The rule, in full. Each threat has an impact `before` (no control) and `after` (every
//! control). Let the bearing controls be those that name the threat and apply here.
//!
//! 1. Every bearing control is implemented: the impact is `after`.
//! 2. None of them is: the impact is `before`.
//! 3. Otherwise it is the worst severity among what is open, never worse than `before`, never
//!    better than `after`.
//!
//! Open are the findings of the bearing controls, each at its own severity, and undecided
//! controls at the control's severity. A finding that a chosen patch mends is not open. A
//! threat may name a control without which its impact stays at a given floor.
//!
//! The rule is monotone: mending something removes open entries or turns a control into an
//! implemented one, and neither can raise the result.

use std::collections::BTreeSet;

use super::{Assessment, Judged};
use crate::finding::{Severity, Verdict};
use crate::strategies::{Strategy, Threat};

/// A threat's three impacts, for a set of chosen patches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreatImpact {
    pub threat: &'static Threat,
    pub before: Severity,
    pub now: Impact,
    pub after: Impact,
}

/// An impact and the reason for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impact {
    pub severity: Severity,
    /// Half a sentence: "debug-run: app.run(debug=True) in app.py".
    pub because: String,
}

impl Assessment {
    /// The impacts of a strategy's threats; `mended` holds the fingerprints of the findings
    /// whose patches are chosen.
    pub fn impacts(
        &self,
        strategy: &'static Strategy,
        mended: &BTreeSet<String>,
    ) -> Vec<ThreatImpact> {
        let threats = strategy.threats.iter();
        threats
            .map(|threat| ThreatImpact {
                threat,
                before: self.before(strategy, threat),
                now: self.impact(strategy, threat, &BTreeSet::new()),
                after: self.impact(strategy, threat, mended),
            })
            .collect()
    }

    /// Known vulnerabilities are as bad as the worst advisory that is open; every other threat
    /// has a fixed impact without controls.
    fn before(&self, strategy: &Strategy, threat: &Threat) -> Severity {
        if threat.id != "known-vulnerabilities" {
            return threat.before;
        }
        let judged = self.of_strategy(strategy);
        let findings = judged.flat_map(|judged| judged.verdict.findings());
        let worst = findings.map(|finding| finding.severity).max();
        worst.unwrap_or(Severity::Medium).max(threat.after)
    }

    fn impact(
        &self,
        strategy: &Strategy,
        threat: &'static Threat,
        mended: &BTreeSet<String>,
    ) -> Impact {
        let before = self.before(strategy, threat);
        let bearing: Vec<_> = self
            .of_strategy(strategy)
            .filter(|judged| judged.about.threats.contains(&threat.id))
            .filter(|judged| !matches!(judged.verdict, Verdict::NotApplicable { .. }))
            .collect();
        let open: Vec<_> = bearing
            .iter()
            .filter_map(|judged| open_part(judged, mended))
            .collect();
        if open.is_empty() {
            return Impact {
                severity: threat.after.min(before),
                because: "every control that bears on it is in place".into(),
            };
        }
        if open.len() == bearing.len() {
            let because = open.iter().max_by_key(|part| part.severity);
            return Impact {
                severity: before,
                because: because.map_or_else(String::new, |part| {
                    format!("no control is in place; {}", part.because)
                }),
            };
        }
        let worst = open.into_iter().max_by_key(|part| part.severity);
        let mut impact = worst.unwrap_or(Impact {
            severity: before,
            because: String::new(),
        });
        if let Some((control, floor)) = threat.unless
            && self.is_open(control, mended)
        {
            impact.severity = impact.severity.max(floor);
        }
        impact.severity = impact.severity.clamp(threat.after.min(before), before);
        impact
    }

    fn is_open(&self, control: &str, mended: &BTreeSet<String>) -> bool {
        self.judged
            .iter()
            .filter(|judged| judged.about.id == control)
            .any(|judged| open_part(judged, mended).is_some())
    }
}

/// The worst that is still open of a control, or nothing when it is in place.
fn open_part(judged: &Judged, mended: &BTreeSet<String>) -> Option<Impact> {
    let id = judged.about.id;
    match &judged.verdict {
        Verdict::Implemented { .. } | Verdict::NotApplicable { .. } => None,
        Verdict::Undecided { question, .. } => Some(Impact {
            severity: judged.about.severity,
            because: format!("{id} is undecided: {question}"),
        }),
        Verdict::Missing { findings, .. } => {
            let open = findings
                .iter()
                .zip(&judged.fingerprints)
                .filter(|(_, fingerprint)| !mended.contains(*fingerprint))
                .map(|(finding, _)| finding);
            let worst = open.max_by_key(|finding| finding.severity)?;
            Some(Impact {
                severity: worst.severity,
                because: format!("{id}: {}", worst.message),
            })
        }
    }
}
