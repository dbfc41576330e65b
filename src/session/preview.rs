//! What a choice of patches would do: texts, commits, impacts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Session, message};
use crate::assessment::{Assessed, ThreatImpact};
use crate::finding::Patch;
use crate::patch::{Composition, NewText, compose, prove};
use crate::strategies::Strategy;
use crate::strategies::strategy::STRATEGIES;

/// A composed, proven choice of patches.
#[derive(Debug)]
pub struct Preview {
    /// The texts after all commits.
    pub composition: Composition,
    /// One per strategy with a chosen patch, in order.
    pub commits: Vec<CommitPreview>,
    /// Chosen findings whose patches cannot be applied together with the others.
    pub refused: Vec<Refused>,
    /// The fingerprints that the composition mends.
    pub mended: BTreeSet<String>,
}

/// One commit to be made.
#[derive(Debug)]
pub struct CommitPreview {
    pub strategy: &'static Strategy,
    pub subject: String,
    pub body: String,
    /// The texts of every file after this and all earlier commits; files that this commit does
    /// not change are left out.
    pub texts: BTreeMap<Arc<str>, NewText>,
    pub fingerprints: Vec<String>,
    pub impacts: Vec<ThreatImpact>,
    pub follow_ups: Vec<String>,
}

/// A chosen finding that is left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub fingerprint: String,
    pub reason: String,
}

/// A chosen finding with its patch.
struct Chosen<'s> {
    found: &'s Assessed,
    patch: Patch,
}

impl Session {
    /// Composes the chosen findings' patches. What contradicts an earlier choice, and what does
    /// not prove itself, is refused and named; the rest stands.
    pub fn preview(&self, chosen: &BTreeSet<String>) -> Preview {
        let mut refused = Vec::new();
        let mut accepted: Vec<Chosen<'_>> = Vec::new();
        for candidate in self.chosen(chosen, &mut refused) {
            let mut patches: Vec<&Patch> = accepted.iter().map(|one| &one.patch).collect();
            patches.push(&candidate.patch);
            match compose(&self.model, &patches) {
                Ok(_) => accepted.push(candidate),
                Err(conflicts) => refused.push(Refused {
                    fingerprint: candidate.found.fingerprint.clone(),
                    reason: conflicts.into_iter().next().map_or_else(
                        || "contradicts another chosen patch".into(),
                        |conflict| format!("{}: {}", conflict.path, conflict.reason),
                    ),
                }),
            }
        }
        let composition = self.proven(&mut accepted, &mut refused);
        let mended = fingerprints(&accepted);
        Preview {
            commits: self.commits(&accepted, &mended),
            composition,
            refused,
            mended,
        }
    }

    /// The chosen findings in the order of strategies, with patches that can be applied.
    fn chosen(&self, chosen: &BTreeSet<String>, refused: &mut Vec<Refused>) -> Vec<Chosen<'_>> {
        let mut list = Vec::new();
        for strategy in STRATEGIES {
            let of_strategy = self.assessment.findings.iter();
            for found in of_strategy.filter(|found| found.about.strategy == strategy) {
                if !chosen.contains(&found.fingerprint) {
                    continue;
                }
                let Some(patch) = self.remedy(found) else {
                    continue;
                };
                if patch.edits.is_empty() {
                    refused.push(Refused {
                        fingerprint: found.fingerprint.clone(),
                        reason: "no edit can do this; see the follow-ups".into(),
                    });
                    continue;
                }
                list.push(Chosen { found, patch });
            }
        }
        list
    }

    /// Proves all accepted patches at once; when that fails, each alone, and drops what fails.
    fn proven(&self, accepted: &mut Vec<Chosen<'_>>, refused: &mut Vec<Refused>) -> Composition {
        let compose_all = |accepted: &[Chosen<'_>]| {
            let patches: Vec<&Patch> = accepted.iter().map(|one| &one.patch).collect();
            compose(&self.model, &patches).unwrap_or_default()
        };
        let composition = compose_all(accepted);
        let proof = prove(
            &self.model,
            &self.assessment,
            &composition,
            &fingerprints(accepted),
        );
        if proof.is_ok() {
            return composition;
        }
        accepted.retain(|one| {
            let fingerprint = &one.found.fingerprint;
            let flaw = self.offer(fingerprint).and_then(|offer| offer.flaw.clone());
            let Some(reason) = flaw else {
                return true;
            };
            refused.push(Refused {
                fingerprint: fingerprint.clone(),
                reason,
            });
            false
        });
        compose_all(accepted)
    }

    /// Commit N holds the union of the patches of strategies 1..N, against the original.
    fn commits(&self, accepted: &[Chosen<'_>], mended: &BTreeSet<String>) -> Vec<CommitPreview> {
        let mut commits: Vec<CommitPreview> = Vec::new();
        let mut so_far: Vec<&Patch> = Vec::new();
        let mut before: BTreeMap<Arc<str>, NewText> = BTreeMap::new();
        for strategy in STRATEGIES {
            let of_strategy: Vec<&Chosen<'_>> = accepted
                .iter()
                .filter(|one| one.found.about.strategy == strategy)
                .collect();
            if of_strategy.is_empty() {
                continue;
            }
            so_far.extend(of_strategy.iter().map(|one| &one.patch));
            let after = compose(&self.model, &so_far).unwrap_or_default().texts;
            let changed: BTreeMap<_, _> = after
                .iter()
                .filter(|(path, new)| before.get(*path) != Some(new))
                .map(|(path, new)| (Arc::clone(path), new.clone()))
                .collect();
            before = after;
            let impacts = self.assessment.impacts(strategy, mended);
            let patched: Vec<(&Assessed, &Patch)> = of_strategy
                .iter()
                .map(|one| (one.found, &one.patch))
                .collect();
            let follow_ups = message::follow_ups(&patched);
            commits.push(CommitPreview {
                strategy,
                subject: strategy.subject.to_owned(),
                body: message::body(&self.model, &patched, &impacts, &follow_ups),
                texts: changed,
                fingerprints: patched
                    .iter()
                    .map(|(found, _)| found.fingerprint.clone())
                    .collect(),
                impacts,
                follow_ups,
            });
        }
        commits
    }
}

fn fingerprints(accepted: &[Chosen<'_>]) -> BTreeSet<String> {
    accepted
        .iter()
        .map(|one| one.found.fingerprint.clone())
        .collect()
}
