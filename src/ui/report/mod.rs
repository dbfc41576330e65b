//! A scan's result in the forms that people and programs read.
//!
//! [`Report`] is the one view of a session that every format prints: which controls and findings
//! are in it, in which order, with what words. A format decides on layout alone.

pub mod analysis;
pub mod ci;
mod document;
mod excerpt;
mod html;
pub mod json;
mod markdown;
pub mod overview;
pub mod sarif;
pub mod text;

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::assessment::baseline::Baseline;
use crate::assessment::{Assessed, Judged, ThreatImpact};
use crate::diff::{FileChange, Secrets};
use crate::finding::{Patch, PatchKind, Severity, Verdict};
use crate::session::Session;
use crate::strategies::strategy::STRATEGIES;
use crate::strategies::{Scope, Strategy};
use crate::text::{Location, Position, Span, printable};

/// Everything that a format prints.
#[derive(Debug)]
pub struct Report<'s> {
    pub session: &'s Session,
    /// Those with a control in the scope.
    pub strategies: Vec<StrategyPart<'s>>,
    /// How many findings were left out because the baseline knows them.
    pub known: usize,
    secrets: Secrets,
    /// Where secrets stand, by path.
    secret_spans: BTreeMap<&'s str, Vec<Span>>,
}

/// One strategy's part of a report.
#[derive(Debug)]
pub struct StrategyPart<'s> {
    pub strategy: &'static Strategy,
    /// "After" is the impact once every patch that can be applied is applied.
    pub threats: Vec<ThreatImpact>,
    pub controls: Vec<&'s Judged>,
    /// Worst first.
    pub findings: Vec<Entry<'s>>,
}

/// A finding with what would be done about it.
#[derive(Debug)]
pub struct Entry<'s> {
    pub found: &'s Assessed,
    pub patch: Option<Patch>,
    pub start: Position,
    /// Behind the last character.
    pub end: Position,
}

/// How many findings there are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    pub safe: usize,
    pub review: usize,
    pub manual: usize,
}

impl Entry<'_> {
    pub fn severity(&self) -> Severity {
        self.found.finding.severity
    }

    pub fn path(&self) -> &str {
        self.found.finding.path()
    }

    /// What kind of patch there is; words only when there is no edit.
    pub fn kind(&self) -> PatchKind {
        match &self.patch {
            Some(patch) if !patch.edits.is_empty() => patch.kind,
            _ => PatchKind::Manual,
        }
    }
}

impl<'s> Report<'s> {
    /// The part of `session` that lies in `scope` and that `baseline` does not know.
    pub fn new(session: &'s Session, scope: &Scope, baseline: &Baseline) -> Self {
        let assessment = &session.assessment;
        let entries: Vec<Entry<'s>> = assessment
            .findings
            .par_iter()
            .map(|found| entry(session, found))
            .collect();
        let mended = entries
            .iter()
            .filter(|entry| entry.kind() != PatchKind::Manual)
            .map(|entry| entry.found.fingerprint.clone())
            .collect();
        let mut strategies: Vec<StrategyPart<'s>> = STRATEGIES
            .into_iter()
            .map(|strategy| StrategyPart {
                strategy,
                threats: assessment.impacts(strategy, &mended),
                controls: assessment
                    .of_strategy(strategy)
                    .filter(|judged| scope.holds(judged.about))
                    .collect(),
                findings: Vec::new(),
            })
            .collect();
        let mut known = 0;
        for entry in entries {
            if !scope.holds(entry.found.about) {
                continue;
            }
            if baseline.knows(&entry.found.fingerprint) {
                known += 1;
                continue;
            }
            let part = strategies
                .iter_mut()
                .find(|part| part.strategy == entry.found.about.strategy);
            if let Some(part) = part {
                part.findings.push(entry);
            }
        }
        for part in &mut strategies {
            part.findings
                .sort_by_key(|entry| std::cmp::Reverse(entry.severity()));
        }
        strategies.retain(|part| !part.controls.is_empty());
        let secret_spans = secret_spans(session);
        Self {
            session,
            strategies,
            known,
            secrets: secrets(session, &secret_spans),
            secret_spans,
        }
    }

    pub fn findings(&self) -> impl Iterator<Item = &Entry<'s>> {
        self.strategies.iter().flat_map(|part| &part.findings)
    }

    /// The worst severity among the findings.
    pub fn worst(&self) -> Option<Severity> {
        self.findings().map(Entry::severity).max()
    }

    pub fn count(&self) -> Count {
        let mut count = Count::default();
        for entry in self.findings() {
            match entry.kind() {
                PatchKind::Safe => count.safe += 1,
                PatchKind::Review => count.review += 1,
                PatchKind::Manual => count.manual += 1,
            }
        }
        count
    }

    pub fn undecided(&self) -> usize {
        let controls = self.strategies.iter().flat_map(|part| &part.controls);
        controls
            .filter(|judged| matches!(judged.verdict, Verdict::Undecided { .. }))
            .count()
    }

    /// The finding of that fingerprint, if the report holds it.
    pub fn finding(&self, fingerprint: &str) -> Option<&Entry<'s>> {
        self.findings()
            .find(|entry| entry.found.fingerprint == fingerprint)
    }

    /// `text` fit to be shown: no secret, no control character.
    pub fn shown(&self, text: &str) -> String {
        printable(&self.secrets.mask(text))
    }

    /// The 1-based line and column of a place.
    pub fn position(&self, location: &Location) -> Position {
        let file = self.session.model.repo.file(&location.path);
        file.map_or(Position { line: 1, column: 1 }, |file| {
            file.text.position(location.span.start)
        })
    }

    /// "path:line", safe to print.
    pub fn place(&self, location: &Location) -> String {
        let line = self.position(location).line;
        format!("{}:{line}", printable(&location.path))
    }
}

fn entry<'s>(session: &'s Session, found: &'s Assessed) -> Entry<'s> {
    let location = &found.finding.location;
    let first = Position { line: 1, column: 1 };
    let file = session.model.repo.file(&location.path);
    let at = |offset| file.map_or(first, |file| file.text.position(offset));
    Entry {
        found,
        patch: session.remedy(found),
        start: at(location.span.start),
        end: at(location.span.end),
    }
}

fn secret_spans(session: &Session) -> BTreeMap<&str, Vec<Span>> {
    let mut spans: BTreeMap<&str, Vec<Span>> = BTreeMap::new();
    let others = session.masked_places();
    for secret in session.secret_places().chain(others) {
        spans.entry(&secret.path).or_default().push(secret.span);
    }
    spans
}

fn secrets(session: &Session, spans: &BTreeMap<&str, Vec<Span>>) -> Secrets {
    let files = spans
        .keys()
        .filter_map(|path| session.model.repo.file(path));
    let texts: Vec<FileChange> = files
        .map(|file| FileChange::new(&file.path, Some(file.text.as_str()), ""))
        .collect();
    let places = spans
        .iter()
        .flat_map(|(path, spans)| spans.iter().map(|span| (*path, *span)));
    Secrets::from_spans(&texts, places)
}
