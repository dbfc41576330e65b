//! What a choice of patches would do: texts, commits, impacts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Session, message};
use crate::assessment::{Assessed, ThreatImpact};
use crate::finding::{Covered, Patch};
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
        let mut chosen = chosen.clone();
        let mut failed = Vec::new();
        loop {
            let mut preview = self.attempt(&chosen);
            // What a patch did for others is undone with it: they are tried again by themselves.
            let (gone, alone): (Vec<Refused>, Vec<Refused>) = preview
                .refused
                .drain(..)
                .partition(|one| self.covers_others(&one.fingerprint, &chosen));
            preview.refused = alone;
            if gone.is_empty() {
                failed.append(&mut preview.refused);
                preview.refused = failed;
                return preview;
            }
            for one in gone {
                chosen.remove(&one.fingerprint);
                failed.push(one);
            }
        }
    }

    /// Whether the patch of a finding does for another chosen one.
    fn covers_others(&self, fingerprint: &str, chosen: &BTreeSet<String>) -> bool {
        let found = self.assessment.finding(fingerprint);
        let patch = found.and_then(|found| self.remedy(found));
        patch.is_some_and(|patch| {
            self.assessment.findings.iter().any(|other| {
                chosen.contains(&other.fingerprint)
                    && other.fingerprint != fingerprint
                    && patch.covers.iter().any(|it| is_covered(other, it))
            })
        })
    }

    fn attempt(&self, chosen: &BTreeSet<String>) -> Preview {
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
        yield_to_covering(&mut list);
        list
    }

    /// Proves all accepted patches at once. When that fails, drops what fails alone; when that
    /// is not enough, what fails together with the ones before it.
    fn proven(&self, accepted: &mut Vec<Chosen<'_>>, refused: &mut Vec<Refused>) -> Composition {
        let (composition, flaw) = self.proof(accepted);
        if flaw.is_none() {
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
        let (composition, flaw) = self.proof(accepted);
        if flaw.is_none() {
            return composition;
        }
        let mut proven = Composition::default();
        for candidate in std::mem::take(accepted) {
            accepted.push(candidate);
            match self.proof(accepted) {
                (composition, None) => proven = composition,
                (_, Some(reason)) => refused.extend(accepted.pop().map(|one| Refused {
                    fingerprint: one.found.fingerprint.clone(),
                    reason: format!("together with the other patches: {reason}"),
                })),
            }
        }
        proven
    }

    /// The texts after all of them, and what is wrong with those.
    fn proof(&self, accepted: &[Chosen<'_>]) -> (Composition, Option<String>) {
        let patches: Vec<&Patch> = accepted.iter().map(|one| &one.patch).collect();
        let composition = compose(&self.model, &patches).unwrap_or_default();
        let mended = fingerprints(accepted);
        let proof = prove(&self.model, &self.assessment, &composition, &mended);
        let flaws = proof.err().unwrap_or_default();
        let flaw = flaws.first().map(ToString::to_string);
        (composition, flaw)
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

fn is_covered(found: &Assessed, covered: &Covered) -> bool {
    let is_meant = |subject: &str| found.finding.subject == subject;
    found.about.id == covered.control
        && found.finding.location == covered.at
        && covered.subject.is_none_or(is_meant)
}

/// Takes the edits from patches whose findings another chosen patch mends as well: what is
/// left of theirs is said under its name.
fn yield_to_covering(list: &mut [Chosen<'_>]) {
    let is_covered_itself = |one: &Chosen<'_>| {
        let mut all = list.iter().flat_map(|other| &other.patch.covers);
        all.any(|covered| is_covered(one.found, covered))
    };
    let covering: Vec<(String, Covered)> = list
        .iter()
        .filter(|one| !is_covered_itself(one))
        .flat_map(|one| {
            let title = one.patch.title.clone();
            let covers = one.patch.covers.iter().cloned();
            covers.map(move |covered| (title.clone(), covered))
        })
        .collect();
    for one in list.iter_mut() {
        let mut others = covering.iter();
        if let Some((title, _)) = others.find(|(_, covered)| is_covered(one.found, covered)) {
            one.patch.edits.clear();
            one.patch.title.clone_from(title);
        }
    }
}

fn fingerprints(accepted: &[Chosen<'_>]) -> BTreeSet<String> {
    accepted
        .iter()
        .map(|one| one.found.fingerprint.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::discover::Repository;
    use crate::model::Model;
    use crate::strategies::Answers;

    const HEAD: &str = "import os\n\nfrom flask import Flask\n\napp = Flask(__name__)\n";

    fn session(texts: &[(&str, &str)]) -> Session {
        let repo = Repository::from_texts(texts.iter().copied());
        Session::of(Model::build(Arc::new(repo)), Answers::default())
    }

    /// The findings of keys whose patches have edits.
    fn chosen(session: &Session) -> BTreeSet<String> {
        let all = session.assessment.findings.iter();
        let keys = all.filter(|found| found.about.strategy.id == "secret-key");
        let with_edits = keys.filter(|found| {
            let patch = session.remedy(found);
            patch.is_some_and(|patch| !patch.edits.is_empty())
        });
        with_edits.map(|found| found.fingerprint.clone()).collect()
    }

    #[test]
    fn all_patches_of_a_key_are_one_decision() {
        for value in [
            "\"x7\"",
            "os.environ.get(\"SECRET_KEY\", \"x7\")",
            "os.environ.get(\"SECRET_KEY\") or \"x7\"",
            "os.environ[\"SECRET_KEY\"]",
            "os.environ.get(\"SECRET_KEY\")",
            "os.urandom(24)",
        ] {
            let source = format!("{HEAD}app.secret_key = {value}\n");
            let first = session(&[("app.py", &source)]);
            let preview = first.preview(&chosen(&first));
            assert_eq!(preview.refused, [], "{value}");
            let texts = preview.composition.texts.iter();
            let texts: Vec<(&str, &str)> = texts
                .map(|(path, new)| (&**path, new.text.as_str()))
                .collect();
            let (_, app) = texts.iter().find(|(path, _)| *path == "app.py").unwrap();
            assert!(
                app.contains("app.secret_key = load_secret(\"SECRET_KEY\")\n"),
                "{app}"
            );
            assert!(!app.contains("if len("), "{app}");
            let second = session(&texts);
            assert_eq!(chosen(&second), BTreeSet::new(), "{value}");
        }
    }

    #[test]
    fn a_covering_patch_that_fails_leaves_the_others() {
        let source = format!("{HEAD}app.secret_key = \"x7\"\n");
        let session = session(&[("app.py", &source)]);
        let of = |id: &str| {
            let mut all = session.assessment.findings.iter();
            all.find(|found| found.about.id == id)
                .unwrap()
                .fingerprint
                .clone()
        };
        let alone = session.preview(&BTreeSet::from([of("secret-key-hardcoded")]));
        assert!(
            alone.composition.texts["app.py"]
                .text
                .contains("os.environ.get(")
        );
        let store = of("secret-key-store");
        let both = BTreeSet::from([of("secret-key-hardcoded"), store.clone()]);
        assert!(session.covers_others(&store, &both));
        assert!(!session.covers_others(&of("secret-key-hardcoded"), &both));
        assert_eq!(session.preview(&both).mended, both);
    }
}
