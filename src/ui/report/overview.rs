//! The report as a document: for a pull request, a wiki, a mail.

use super::document::{Block, Document, Inline, code, line, prose, strong, text};
use super::text::counted;
use super::{Entry, Report, StrategyPart};
use crate::assessment::{Judged, ThreatImpact};
use crate::finding::{PatchKind, Severity, Verdict};

/// The report in Markdown.
pub fn markdown(report: &Report<'_>) -> String {
    super::markdown::render(&document(report))
}

/// The report as an HTML page.
pub fn html(report: &Report<'_>) -> String {
    super::html::render(&document(report))
}

fn document(report: &Report<'_>) -> Document {
    let mut document = Document::default();
    document.heading(1, "Hardening report");
    document.paragraph(&summary(report));
    for part in &report.strategies {
        document.heading(2, part.strategy.title);
        threats(&mut document, report, &part.threats);
        controls(&mut document, report, part);
        for entry in &part.findings {
            finding(&mut document, report, entry, 3);
        }
    }
    limits(&mut document, report);
    document
}

/// How many findings of which severity, in a sentence.
pub(super) fn summary(report: &Report<'_>) -> String {
    let total = report.findings().count();
    if total == 0 {
        return "No findings.".into();
    }
    let levels = [
        Severity::Critical,
        Severity::High,
        Severity::Medium,
        Severity::Low,
        Severity::Negligible,
    ];
    let parts: Vec<String> = levels
        .into_iter()
        .filter_map(|level| {
            let found = report.findings().filter(|entry| entry.severity() == level);
            let count = found.count();
            (count > 0).then(|| format!("{count} {}", level.label().to_lowercase()))
        })
        .collect();
    let count = report.count();
    format!(
        "{}: {}. Patches: {} safe, {} to review, {} by hand.",
        counted(total, "finding"),
        parts.join(", "),
        count.safe,
        count.review,
        count.manual
    )
}

/// Before, now, after, and the reason for now.
pub(super) fn threats(document: &mut Document, report: &Report<'_>, threats: &[ThreatImpact]) {
    let rows = threats.iter().map(|impact| {
        vec![
            prose(impact.threat.name),
            vec![Inline::Severity(impact.before)],
            vec![Inline::Severity(impact.now.severity)],
            vec![Inline::Severity(impact.after.severity)],
            prose(&report.shown(&impact.now.because)),
        ]
    });
    let head = [
        "threat",
        "before",
        "now",
        "after all patches",
        "now, because",
    ];
    document.table(&head, rows.collect());
}

fn controls(document: &mut Document, report: &Report<'_>, part: &StrategyPart<'_>) {
    let rows = part.controls.iter().map(|judged| {
        vec![
            vec![code(judged.about.id)],
            vec![text(verdict_word(&judged.verdict))],
            why(report, judged),
        ]
    });
    document.table(
        &["control", "verdict", "evidence or reason"],
        rows.collect(),
    );
}

pub(super) const fn verdict_word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::NotApplicable { .. } => "not applicable",
        other => other.word(),
    }
}

/// What the verdict rests on.
fn why(report: &Report<'_>, judged: &Judged) -> Vec<Inline> {
    match &judged.verdict {
        Verdict::NotApplicable { reason } => prose(&report.shown(reason)),
        Verdict::Undecided { question, .. } => prose(&report.shown(question)),
        Verdict::Missing { findings, .. } => {
            vec![text(counted(findings.len(), "finding"))]
        }
        Verdict::Implemented { evidence } => match evidence.first() {
            Some(first) => line([
                vec![code(report.place(&first.location)), text(" ")],
                prose(&report.shown(&first.note)),
            ]),
            None => vec![text(judged.about.title)],
        },
    }
}

/// One finding with its source, its flow and its patch.
pub(super) fn finding(
    document: &mut Document,
    report: &Report<'_>,
    entry: &Entry<'_>,
    level: usize,
) {
    let finding = &entry.found.finding;
    let place = report.place(&finding.location);
    let title = vec![
        Inline::Severity(entry.severity()),
        text(" "),
        code(finding.control),
        text(" in "),
        code(place),
    ];
    document.blocks.push(Block::Heading(level, title));
    document.paragraph(&report.shown(&finding.message));
    if let Some(source) = source(report, entry) {
        document.code(source);
    }
    let mut notes = Vec::new();
    if finding.absent {
        notes.push(prose(
            "Nothing does this anywhere; this is the best place to add it.",
        ));
    }
    for step in &finding.flow {
        let note = prose(&report.shown(&step.note));
        notes.push(line([
            vec![code(report.place(&step.location)), text(" ")],
            note,
        ]));
    }
    if !finding.reachable {
        notes.push(prose(
            "Production cannot reach this, as far as the repository tells.",
        ));
    }
    notes.extend(patch(report, entry));
    notes.push(vec![
        text("Fingerprint "),
        code(entry.found.fingerprint.clone()),
    ]);
    document.list(notes);
}

fn source(report: &Report<'_>, entry: &Entry<'_>) -> Option<String> {
    let excerpt = report.excerpt(&entry.found.finding.location)?;
    let width = excerpt.lines.last()?.number.to_string().len();
    let lines = excerpt.lines.iter();
    let mut source: String = lines
        .map(|line| format!("{:>width$} | {}\n", line.number, line.text))
        .collect();
    if excerpt.more > 0 {
        source.push_str(&format!("… {}\n", counted(excerpt.more, "more line")));
    }
    Some(source)
}

fn patch(report: &Report<'_>, entry: &Entry<'_>) -> Vec<Vec<Inline>> {
    let Some(patch) = &entry.patch else {
        return Vec::new();
    };
    let label = match entry.kind() {
        PatchKind::Safe => "Safe patch",
        PatchKind::Review => "Patch to review",
        PatchKind::Manual => "By hand",
    };
    let said = |label: &str, words: &str| {
        line([vec![strong(label), text(": ")], prose(&report.shown(words))])
    };
    let mut notes = vec![said(label, &patch.title)];
    if !patch.guarantees.is_empty() {
        notes.push(said("Afterwards it holds", &patch.guarantees));
    }
    notes.extend(patch.may_break.iter().map(|what| said("May break", what)));
    notes.extend(patch.follow_ups.iter().map(|what| said("Left to do", what)));
    notes
}

/// What the report cannot say.
pub(super) fn limits(document: &mut Document, report: &Report<'_>) {
    let model = &report.session.model;
    document.heading(2, "What this does not tell");
    let mut items = vec![prose(
        "Nothing of the repository was run. What only shows at run time, and what is set \
         outside of the repository, is not seen.",
    )];
    items.push(prose(&format!(
        "Known vulnerabilities are those of {} ({}).",
        model.advisories.date, model.advisories.source
    )));
    for skipped in model.skipped() {
        let reason = report.shown(&skipped.reason);
        let place = vec![
            text("Not read or not understood: "),
            code(report.shown(&skipped.path)),
        ];
        items.push(line([place, prose(&format!(": {reason}"))]));
    }
    for accepted in &report.session.assessment.accepted {
        let found = &accepted.found;
        let place = report.place(&found.finding.location);
        items.push(vec![
            text("Accepted: "),
            code(found.about.id),
            text(" in "),
            code(place),
            text(format!(": {}", report.shown(&accepted.by.reason))),
        ]);
    }
    document.list(items);
}
