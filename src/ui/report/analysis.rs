//! The deep analysis: what a reviewer would write about the application, from the real data.

use super::document::{Document, Inline, code, line, prose, strong, text};
use super::overview::{finding, limits, summary, threats, verdict_word};
use super::text::counted;
use super::{Entry, Report, StrategyPart};
use crate::assessment::Judged;
use crate::finding::{PatchKind, Severity, Verdict};

/// The analysis in Markdown.
pub fn markdown(report: &Report<'_>) -> String {
    super::markdown::render(&document(report))
}

/// The analysis as an HTML page.
pub fn html(report: &Report<'_>) -> String {
    super::html::render(&document(report))
}

fn document(report: &Report<'_>) -> Document {
    let mut document = Document::default();
    document.heading(1, &format!("Deep analysis: {}", name(report)));
    document.paragraph(&summary(report));
    objective(&mut document, report);
    scope(&mut document, report);
    methodology(&mut document);
    document.heading(2, "4. Deep analysis");
    for (index, part) in report.strategies.iter().enumerate() {
        strategy(&mut document, report, part, index + 1);
    }
    gaps(&mut document, report);
    recommendations(&mut document, report);
    reassessment(&mut document, report);
    limits(&mut document, report);
    document
}

/// The folder's own name: the path to it says where it lies on one machine only.
fn name(report: &Report<'_>) -> String {
    let root = report.session.model.repo.root();
    let name = root.file_name().unwrap_or_default().to_string_lossy();
    report.shown(&name)
}

fn objective(document: &mut Document, report: &Report<'_>) {
    document.heading(2, "1. Objective");
    let titles: Vec<String> = report
        .strategies
        .iter()
        .map(|part| part.strategy.title.to_lowercase())
        .collect();
    document.paragraph(&format!(
        "To find out how far the application is hardened for production, strategy by strategy \
         ({}); to name every gap with its place; and to say what would close it.",
        titles.join("; ")
    ));
}

fn scope(document: &mut Document, report: &Report<'_>) {
    let model = &report.session.model;
    document.heading(2, "2. Scope");
    let flask = model.dependencies.flask_in_use();
    let version = flask.and_then(|flask| {
        let place = report.place(&flask.from);
        Some(format!("Flask {} (`{place}`)", flask.lowest?))
    });
    let files = counted(model.repo.files().count(), "file");
    let version = version.unwrap_or_else(|| "a Flask of unknown version".into());
    document.paragraph(&format!(
        "{files} of the repository, written for {version}: code, templates, configuration, \
         deployment and dependency files as they stand. Not part of it: the running system, \
         other weaknesses (database access, authentication, authorisation) and the code of \
         the dependencies."
    ));
}

fn methodology(document: &mut Document) {
    document.heading(2, "3. Methodology");
    document.list(
        [
            "Every file is read, none is run. Names are resolved through imports, \
             configuration through its classes and files, values from the client through \
             assignments and calls.",
            "Each control of a strategy is judged: implemented with the evidence, missing with \
             the findings, not applicable with the reason, or undecided with the question.",
            "The impact of a threat now is the worst severity among what is open of the controls \
             that bear on it; with no control in place it is the impact before, with all of them \
             the impact after. What is undecided counts as open.",
            "A patch is offered only when the patched files parse, the finding is gone and no \
             new one appears.",
        ]
        .map(prose)
        .to_vec(),
    );
}

fn strategy(document: &mut Document, report: &Report<'_>, part: &StrategyPart<'_>, number: usize) {
    document.heading(3, &format!("4.{number}. {}", part.strategy.title));
    threats(document, report, &part.threats);
    for judged in &part.controls {
        control(document, report, judged);
        let own = |entry: &&Entry<'_>| entry.found.about.id == judged.about.id;
        for entry in part.findings.iter().filter(own) {
            finding(document, report, entry, 5);
        }
    }
}

fn control(document: &mut Document, report: &Report<'_>, judged: &Judged) {
    let about = judged.about;
    document.heading(4, &format!("`{}`: {}", about.id, about.title));
    let verdict = strong(verdict_word(&judged.verdict));
    let reason = match &judged.verdict {
        Verdict::NotApplicable { reason } => Some(report.shown(reason)),
        Verdict::Undecided { question, .. } => Some(report.shown(question)),
        Verdict::Missing { findings, .. } => Some(counted(findings.len(), "finding")),
        Verdict::Implemented { .. } => None,
    };
    let reason = reason.map_or_else(Vec::new, |reason| prose(&format!(": {reason}")));
    document.inlines(line([vec![verdict], reason]));
    let evidence = judged.verdict.evidence().iter().map(|item| {
        let place = vec![code(report.place(&item.location)), text(" ")];
        line([place, prose(&report.shown(&item.note))])
    });
    document.list(evidence.collect());
}

fn gaps(document: &mut Document, report: &Report<'_>) {
    document.heading(2, "5. Gap analysis");
    let controls = || report.strategies.iter().flat_map(|part| &part.controls);
    let missing = controls().filter_map(|judged| {
        let worst = judged.verdict.findings().iter().map(|f| f.severity).max()?;
        Some(vec![
            vec![code(judged.about.id)],
            vec![Inline::Severity(worst)],
            vec![text(judged.verdict.findings().len().to_string())],
            prose(judged.about.title),
        ])
    });
    let missing: Vec<_> = missing.collect();
    match missing.is_empty() {
        true => document.paragraph("No control is missing."),
        false => document.table(
            &["missing control", "worst", "findings", "what it asserts"],
            missing,
        ),
    }
    let open = controls().filter_map(|judged| match &judged.verdict {
        Verdict::Undecided { question, .. } => {
            let question = prose(&format!(": {}", report.shown(question)));
            Some(line([vec![code(judged.about.id)], question]))
        }
        _ => None,
    });
    let open: Vec<_> = open.collect();
    if !open.is_empty() {
        document.paragraph("The repository does not answer these questions:");
        document.list(open);
    }
}

fn recommendations(document: &mut Document, report: &Report<'_>) {
    document.heading(2, "6. Recommendations");
    let mut entries: Vec<&Entry<'_>> = report.findings().collect();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.severity()));
    let rows = entries.iter().filter_map(|entry| {
        let patch = entry.patch.as_ref()?;
        Some(vec![
            vec![text(priority(entry.severity()))],
            prose(&report.shown(&patch.title)),
            vec![code(report.place(&entry.found.finding.location))],
            vec![text(how(entry.kind()))],
        ])
    });
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return document.paragraph("Nothing is left to do.");
    }
    document.table(&["priority", "what", "where", "how"], rows);
    let mut by_hand: Vec<&String> = Vec::new();
    for what in entries
        .iter()
        .filter_map(|entry| entry.patch.as_ref())
        .flat_map(|patch| &patch.follow_ups)
    {
        if !by_hand.contains(&what) {
            by_hand.push(what);
        }
    }
    if !by_hand.is_empty() {
        document.paragraph("What no patch can do:");
        let items = by_hand.iter().map(|what| prose(&report.shown(what)));
        document.list(items.collect());
    }
}

const fn priority(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "high",
        Severity::Medium => "medium",
        Severity::Low | Severity::Negligible => "low",
    }
}

const fn how(kind: PatchKind) -> &'static str {
    match kind {
        PatchKind::Safe => "safe patch",
        PatchKind::Review => "patch to review",
        PatchKind::Manual => "by hand",
    }
}

fn reassessment(document: &mut Document, report: &Report<'_>) {
    document.heading(2, "7. Threat impact reassessment");
    document.paragraph("Once every patch that can be applied is applied:");
    let rows = report.strategies.iter().flat_map(|part| {
        part.threats.iter().map(|impact| {
            vec![
                prose(part.strategy.title),
                prose(impact.threat.name),
                vec![Inline::Severity(impact.now.severity)],
                vec![Inline::Severity(impact.after.severity)],
                prose(&report.shown(&impact.after.because)),
            ]
        })
    });
    let head = ["strategy", "threat", "now", "after", "after, because"];
    document.table(&head, rows.collect());
}
