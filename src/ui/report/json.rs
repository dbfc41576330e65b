//! The report for programs: schema 1, as `assets/report.schema.json` describes it. Keys keep
//! their order, and equal repositories give equal bytes.

use serde::Serialize;

use super::{Entry, Report, StrategyPart};
use crate::assessment::{Judged, ThreatImpact};
use crate::error::Error;
use crate::finding::{Confidence, FlowStep, Patch, PatchKind, RemedyOption, Severity, Verdict};
use crate::text::Location;

/// The number that changes when a reader of the old form would misunderstand the new one.
const SCHEMA: u32 = 1;

/// The report as indented JSON with a final newline.
pub fn render(report: &Report<'_>) -> Result<String, Error> {
    let text = serde_json::to_string_pretty(&document(report));
    let text = text.map_err(|error| Error::Output(error.into()))?;
    Ok(text + "\n")
}

#[derive(Serialize)]
struct Document {
    schema: u32,
    tool: Tool,
    root: String,
    flask: Option<FlaskVersion>,
    strategies: Vec<StrategyOut>,
    findings: Vec<FindingOut>,
    skipped: Vec<SkippedOut>,
    advisories: AdvisoriesOut,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct FlaskVersion {
    version: String,
    from: Place,
}

#[derive(Serialize)]
struct Place {
    path: String,
    line: usize,
}

#[derive(Serialize)]
struct StrategyOut {
    id: &'static str,
    title: &'static str,
    threats: Vec<ThreatOut>,
    controls: Vec<ControlOut>,
}

#[derive(Serialize)]
struct ThreatOut {
    name: &'static str,
    before: Severity,
    now: Severity,
    after: Severity,
    because: String,
}

#[derive(Serialize)]
struct ControlOut {
    id: &'static str,
    title: &'static str,
    verdict: &'static str,
    /// Why it does not apply, or the question that is open.
    reason: Option<String>,
    evidence: Vec<Place>,
    findings: Vec<String>,
}

#[derive(Serialize)]
struct FindingOut {
    fingerprint: String,
    strategy: &'static str,
    control: &'static str,
    severity: Severity,
    confidence: Confidence,
    path: String,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    absent: bool,
    reachable: bool,
    message: String,
    flow: Vec<StepOut>,
    patch: Option<PatchOut>,
}

#[derive(Serialize)]
struct StepOut {
    path: String,
    line: usize,
    note: String,
}

#[derive(Serialize)]
struct PatchOut {
    kind: PatchKind,
    title: String,
    may_break: Vec<String>,
    options: Vec<OptionOut>,
    follow_ups: Vec<String>,
}

#[derive(Serialize)]
struct OptionOut {
    key: &'static str,
    question: String,
    choices: Vec<String>,
    value: String,
}

#[derive(Serialize)]
struct SkippedOut {
    path: String,
    reason: String,
}

#[derive(Serialize)]
struct AdvisoriesOut {
    date: String,
    source: String,
}

fn document(report: &Report<'_>) -> Document {
    let model = &report.session.model;
    Document {
        schema: SCHEMA,
        tool: Tool {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
        },
        root: model.repo.root().display().to_string(),
        flask: flask(report),
        strategies: report
            .strategies
            .iter()
            .map(|part| strategy(report, part))
            .collect(),
        findings: report
            .findings()
            .map(|entry| finding(report, entry))
            .collect(),
        skipped: model
            .skipped()
            .map(|skipped| SkippedOut {
                path: skipped.path.clone(),
                reason: report.shown(&skipped.reason),
            })
            .collect(),
        advisories: AdvisoriesOut {
            date: model.advisories.date.clone(),
            source: model.advisories.source.clone(),
        },
    }
}

/// The lowest version that the manifests allow, if they name Flask at all.
fn flask(report: &Report<'_>) -> Option<FlaskVersion> {
    let in_use = report.session.model.dependencies.flask_in_use()?;
    Some(FlaskVersion {
        version: in_use.lowest?.to_string(),
        from: place(report, &in_use.from),
    })
}

fn strategy(report: &Report<'_>, part: &StrategyPart<'_>) -> StrategyOut {
    StrategyOut {
        id: part.strategy.id,
        title: part.strategy.title,
        threats: part
            .threats
            .iter()
            .map(|impact| threat(report, impact))
            .collect(),
        controls: part
            .controls
            .iter()
            .map(|judged| control(report, judged))
            .collect(),
    }
}

fn threat(report: &Report<'_>, impact: &ThreatImpact) -> ThreatOut {
    ThreatOut {
        name: impact.threat.name,
        before: impact.before,
        now: impact.now.severity,
        after: impact.after.severity,
        because: report.shown(&impact.now.because),
    }
}

fn control(report: &Report<'_>, judged: &Judged) -> ControlOut {
    let reason = match &judged.verdict {
        Verdict::NotApplicable { reason } => Some(report.shown(reason)),
        Verdict::Undecided { question, .. } => Some(report.shown(question)),
        Verdict::Implemented { .. } | Verdict::Missing { .. } => None,
    };
    let evidence = judged.verdict.evidence().iter();
    let findings = judged.fingerprints.iter();
    ControlOut {
        id: judged.about.id,
        title: judged.about.title,
        verdict: judged.verdict.word(),
        reason,
        evidence: evidence.map(|item| place(report, &item.location)).collect(),
        findings: findings
            .filter(|fingerprint| report.finding(fingerprint).is_some())
            .cloned()
            .collect(),
    }
}

fn finding(report: &Report<'_>, entry: &Entry<'_>) -> FindingOut {
    let finding = &entry.found.finding;
    FindingOut {
        fingerprint: entry.found.fingerprint.clone(),
        strategy: entry.found.about.strategy.id,
        control: entry.found.about.id,
        severity: finding.severity,
        confidence: finding.confidence,
        path: entry.path().to_owned(),
        line: entry.start.line,
        column: entry.start.column,
        end_line: entry.end.line,
        end_column: entry.end.column,
        absent: finding.absent,
        reachable: finding.reachable,
        message: report.shown(&finding.message),
        flow: finding
            .flow
            .iter()
            .map(|step| flow_step(report, step))
            .collect(),
        patch: entry
            .patch
            .as_ref()
            .map(|offered| patch(report, offered, entry.kind())),
    }
}

fn flow_step(report: &Report<'_>, step: &FlowStep) -> StepOut {
    let Place { path, line } = place(report, &step.location);
    StepOut {
        path,
        line,
        note: report.shown(&step.note),
    }
}

fn patch(report: &Report<'_>, patch: &Patch, kind: PatchKind) -> PatchOut {
    let shown = |texts: &[String]| texts.iter().map(|text| report.shown(text)).collect();
    PatchOut {
        kind,
        title: report.shown(&patch.title),
        may_break: shown(&patch.may_break),
        options: patch
            .options
            .iter()
            .map(|choice| option(report, choice))
            .collect(),
        follow_ups: shown(&patch.follow_ups),
    }
}

fn option(report: &Report<'_>, option: &RemedyOption) -> OptionOut {
    OptionOut {
        key: option.key,
        question: report.shown(&option.question),
        choices: option.choices.clone(),
        value: report.shown(&option.value),
    }
}

fn place(report: &Report<'_>, location: &Location) -> Place {
    Place {
        path: location.path.to_string(),
        line: report.position(location).line,
    }
}
