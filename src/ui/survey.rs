//! A scanned repository with the choices made so far.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::assessment::{Assessed, Judged};
use crate::diff::FileDiff;
use crate::finding::{PatchKind, Severity, Verdict};
use crate::session::{Offer, Session};
use crate::strategies::Strategy;
use crate::strategies::strategy::STRATEGIES;

/// What the wizard knows of the repository, and what the user wants of it.
#[derive(Debug)]
pub struct Survey {
    pub session: Arc<Session>,
    /// Tells one survey from the next: answers for an older one are dropped.
    pub number: u64,
    /// For each strategy its findings, worst first, then what is undecided.
    rows: Vec<Vec<Row>>,
    remedies: BTreeMap<String, Remedy>,
    offers: BTreeMap<String, Offered>,
    chosen: BTreeSet<String>,
    preselected: BTreeSet<String>,
    history: Vec<BTreeSet<String>>,
}

/// One row of a strategy's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// Index into the assessment's findings.
    Finding(usize),
    /// Index into the assessment's judged controls: a question is open.
    Question(usize),
}

/// What is known of a patch before it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    pub kind: PatchKind,
    pub title: String,
    pub has_edits: bool,
}

/// A patch, made and proven, with what it changes.
#[derive(Debug, Clone)]
pub struct Offered {
    pub offer: Arc<Offer>,
    pub diffs: Arc<Vec<FileDiff>>,
}

/// The box in front of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tick {
    Ticked,
    Open,
    /// Nothing to tick: words only.
    Words,
    /// The patch did not prove itself.
    Flawed,
}

/// How the controls of a strategy stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub in_place: usize,
    pub missing: usize,
    pub undecided: usize,
    pub not_applicable: usize,
    /// Missing controls all of whose findings are ticked.
    pub mended: usize,
}

/// A strategy's worst impact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worst {
    pub before: Severity,
    pub now: Severity,
    pub after: Severity,
}

/// Steps that can be undone.
const HISTORY: usize = 200;

static NUMBER: AtomicU64 = AtomicU64::new(1);

impl Survey {
    /// Looks at every finding's remedy: takes a moment, so not for the screen's thread.
    pub fn new(session: Arc<Session>) -> Self {
        let mut remedies = BTreeMap::new();
        for found in &session.assessment.findings {
            if let Some(patch) = session.remedy(found) {
                let remedy = Remedy {
                    kind: patch.kind,
                    title: patch.title,
                    has_edits: !patch.edits.is_empty(),
                };
                remedies.insert(found.fingerprint.clone(), remedy);
            }
        }
        Self::with_remedies(session, remedies)
    }

    /// As [`Survey::new`], with remedies that are known already.
    pub(super) fn with_remedies(session: Arc<Session>, remedies: BTreeMap<String, Remedy>) -> Self {
        let safe = remedies.iter().filter(|(_, remedy)| remedy.is_safe());
        let preselected: BTreeSet<String> = safe.map(|(name, _)| name.clone()).collect();
        Self {
            rows: STRATEGIES.map(|strategy| rows(&session, strategy)).into(),
            session,
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            remedies,
            offers: BTreeMap::new(),
            chosen: preselected.clone(),
            preselected,
            history: Vec::new(),
        }
    }

    /// Takes over the choices that were made in `old`, by fingerprint. What is new here keeps
    /// its preselection.
    #[must_use]
    pub fn with_choices_of(mut self, old: &Self) -> Self {
        let known = |name: &&String| old.remedies.contains_key(*name);
        self.chosen.retain(|name| !old.remedies.contains_key(name));
        let kept = self.remedies.keys().filter(known);
        let kept =
            kept.filter(|name| old.chosen.contains(*name) && self.remedies[*name].is_applicable());
        self.chosen.extend(kept.cloned());
        self
    }

    pub fn chosen(&self) -> &BTreeSet<String> {
        &self.chosen
    }

    /// Whether the choice is no longer what the wizard proposed.
    pub fn is_touched(&self) -> bool {
        !self.chosen.is_empty() && self.chosen != self.preselected
    }

    pub fn rows(&self, strategy: usize) -> &[Row] {
        self.rows.get(strategy).map_or(&[], Vec::as_slice)
    }

    pub fn finding(&self, row: Row) -> Option<&Assessed> {
        match row {
            Row::Finding(index) => self.session.assessment.findings.get(index),
            Row::Question(_) => None,
        }
    }

    pub fn question(&self, row: Row) -> Option<&Judged> {
        match row {
            Row::Finding(_) => None,
            Row::Question(index) => self.session.assessment.judged.get(index),
        }
    }

    pub fn remedy(&self, fingerprint: &str) -> Option<&Remedy> {
        self.remedies.get(fingerprint)
    }

    pub fn offered(&self, fingerprint: &str) -> Option<&Offered> {
        self.offers.get(fingerprint)
    }

    pub fn tick(&self, fingerprint: &str) -> Tick {
        if let Some(offered) = self.offers.get(fingerprint)
            && offered.offer.flaw.is_some()
        {
            return Tick::Flawed;
        }
        match self.remedies.get(fingerprint) {
            Some(remedy) if remedy.is_applicable() => match self.chosen.contains(fingerprint) {
                true => Tick::Ticked,
                false => Tick::Open,
            },
            _ => Tick::Words,
        }
    }

    /// Remembers an offer. A ticked patch that failed its proof is unticked, and named.
    pub fn take_offer(&mut self, fingerprint: &str, offered: Offered) -> Option<String> {
        let flaw = offered.offer.flaw.clone();
        self.offers.insert(fingerprint.to_owned(), offered);
        let flaw = flaw?;
        self.preselected.remove(fingerprint);
        for step in &mut self.history {
            step.remove(fingerprint);
        }
        self.chosen.remove(fingerprint).then_some(flaw)
    }

    /// Ticks or unticks; the reason where neither is possible.
    pub fn toggle(&mut self, fingerprint: &str) -> Result<(), String> {
        match self.tick(fingerprint) {
            Tick::Ticked => {
                self.remember();
                self.chosen.remove(fingerprint);
            }
            Tick::Open => {
                self.remember();
                self.chosen.insert(fingerprint.to_owned());
            }
            Tick::Words => return Err("No patch can do this; the words say what to do.".into()),
            Tick::Flawed => return Err("This patch did not pass its proof.".into()),
        }
        Ok(())
    }

    /// Ticks the safe ones of `findings`; how many were ticked, and how many were left out
    /// because they want a look.
    pub fn tick_safe(&mut self, findings: &[String]) -> (usize, usize) {
        let open = |name: &&String| self.tick(name) == Tick::Open;
        let (safe, review): (Vec<_>, Vec<_>) = findings
            .iter()
            .filter(open)
            .cloned()
            .partition(|name| self.remedies[name].is_safe());
        if !safe.is_empty() {
            self.remember();
            self.chosen.extend(safe.iter().cloned());
        }
        (safe.len(), review.len())
    }

    /// Unticks `findings`; how many were ticked.
    pub fn untick(&mut self, findings: &[String]) -> usize {
        let ticked = findings.iter().filter(|name| self.chosen.contains(*name));
        let ticked: Vec<String> = ticked.cloned().collect();
        if !ticked.is_empty() {
            self.remember();
            self.chosen.retain(|name| !ticked.contains(name));
        }
        ticked.len()
    }

    /// Goes one choice back, if there is one.
    pub fn undo(&mut self) -> bool {
        let Some(earlier) = self.history.pop() else {
            return false;
        };
        self.chosen = earlier;
        true
    }

    fn remember(&mut self) {
        if self.history.len() == HISTORY {
            self.history.remove(0);
        }
        self.history.push(self.chosen.clone());
    }

    /// The fingerprints of a strategy's findings, in the order of its rows.
    pub fn fingerprints(&self, strategy: usize) -> Vec<String> {
        let rows = self.rows(strategy).iter();
        let findings = rows.filter_map(|row| self.finding(*row));
        findings.map(|found| found.fingerprint.clone()).collect()
    }

    /// How many patches of a strategy are ticked, and how many could be.
    pub fn ticked(&self, strategy: usize) -> (usize, usize) {
        let names = self.fingerprints(strategy);
        let boxes = names.iter().map(|name| self.tick(name));
        boxes.fold((0, 0), |(ticked, all), tick| match tick {
            Tick::Ticked => (ticked + 1, all + 1),
            Tick::Open => (ticked, all + 1),
            Tick::Words | Tick::Flawed => (ticked, all),
        })
    }

    pub fn counts(&self, strategy: &Strategy) -> Counts {
        let mut counts = Counts::default();
        for judged in self.session.assessment.of_strategy(strategy) {
            match &judged.verdict {
                Verdict::Implemented { .. } => counts.in_place += 1,
                Verdict::Undecided { .. } => counts.undecided += 1,
                Verdict::NotApplicable { .. } => counts.not_applicable += 1,
                Verdict::Missing { .. } => {
                    counts.missing += 1;
                    let ticked = |name: &String| self.chosen.contains(name);
                    counts.mended += usize::from(judged.fingerprints.iter().all(ticked));
                }
            }
        }
        counts
    }

    pub fn worst(&self, strategy: &'static Strategy) -> Worst {
        let lowest = Worst {
            before: Severity::Negligible,
            now: Severity::Negligible,
            after: Severity::Negligible,
        };
        let impacts = self.session.assessment.impacts(strategy, &self.chosen);
        impacts.iter().fold(lowest, |worst, impact| Worst {
            before: worst.before.max(impact.before),
            now: worst.now.max(impact.now.severity),
            after: worst.after.max(impact.after.severity),
        })
    }
}

impl Remedy {
    pub fn is_applicable(&self) -> bool {
        self.kind != PatchKind::Manual && self.has_edits
    }

    pub fn is_safe(&self) -> bool {
        self.kind == PatchKind::Safe && self.has_edits
    }
}

/// A strategy's findings, worst first, then the questions.
fn rows(session: &Session, strategy: &Strategy) -> Vec<Row> {
    let assessment = &session.assessment;
    let findings = assessment.findings.iter().enumerate();
    let mut findings: Vec<_> = findings
        .filter(|(_, found)| found.about.strategy == strategy)
        .collect();
    findings.sort_by_key(|(index, found)| {
        let finding = &found.finding;
        let worst_first = std::cmp::Reverse(finding.severity);
        (worst_first, !finding.reachable, *index)
    });
    let findings = findings.into_iter().map(|(index, _)| Row::Finding(index));
    let judged = assessment.judged.iter().enumerate();
    let questions = judged.filter(|(_, judged)| {
        judged.about.strategy == strategy && matches!(judged.verdict, Verdict::Undecided { .. })
    });
    let questions = questions.map(|(index, _)| Row::Question(index));
    findings.chain(questions).collect()
}
