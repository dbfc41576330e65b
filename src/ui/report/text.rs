//! The report for a terminal: what is in place, what is missing, and what to do next.

use super::excerpt::{Excerpt, ExcerptLine};
use super::{Entry, Report, StrategyPart};
use crate::assessment::{Judged, ThreatImpact};
use crate::finding::{Confidence, Patch, PatchKind, Severity, Verdict};
use crate::model::dependencies::How;
use crate::text::Location;
use crate::ui::style::Palette;
use crate::ui::wrap::{pad, wrap};

/// Evidence beyond this many lines is counted, not listed.
const MOST_EVIDENCE: usize = 3;
/// Skipped files beyond this many are counted, not listed.
const MOST_SKIPPED: usize = 10;

/// The whole report in lines of at most `width` columns, where words allow it.
pub fn render(report: &Report<'_>, palette: Palette, width: usize) -> String {
    let mut writer = Writer {
        report,
        palette,
        width,
        out: String::new(),
    };
    writer.head();
    for part in &report.strategies {
        writer.strategy(part);
    }
    writer.foot();
    writer.out
}

struct Writer<'a> {
    report: &'a Report<'a>,
    palette: Palette,
    width: usize,
    out: String,
}

impl Writer<'_> {
    fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    /// `text` behind `first`, its further lines behind as many spaces; both are `indent` wide.
    fn wrapped(&mut self, first: &str, indent: usize, text: &str) {
        self.painted(first, indent, text, |line| line.to_owned());
    }

    fn painted(&mut self, first: &str, indent: usize, text: &str, paint: impl Fn(&str) -> String) {
        let lines = wrap(text, self.width.saturating_sub(indent).max(20));
        for (index, line) in lines.iter().enumerate() {
            let lead = match index {
                0 => first.to_owned(),
                _ => " ".repeat(indent),
            };
            self.line(&format!("{lead}{}", paint(line)));
        }
    }

    fn head(&mut self) {
        let model = &self.report.session.model;
        let files = model.repo.files().count();
        let root = self.report.shown(&model.repo.root().display().to_string());
        let title = format!("flask-harden {}", env!("CARGO_PKG_VERSION"));
        let title = self.palette.heading(&title);
        self.line(&format!("{title} · {root} · {}", counted(files, "file")));
        let Some(flask) = model.dependencies.flask_in_use() else {
            return self.line("No manifest names Flask, so its version is not known.");
        };
        let place = self.report.place(&flask.from);
        let place = self.palette.place(&place);
        let version = match (&flask.lowest, flask.how) {
            (None, _) => "any version".to_owned(),
            (Some(version), How::Locked | How::Pinned) => version.to_string(),
            (Some(version), How::LowestOfRange | How::Unbounded) => format!("{version} or newer"),
        };
        self.line(&format!("Flask {version} ({place})"));
    }

    fn strategy(&mut self, part: &StrategyPart<'_>) {
        let strategy = part.strategy;
        self.line("");
        let title = self.palette.heading(strategy.title);
        let id = self.palette.frame(&format!("({})", strategy.id));
        self.line(&format!("{title} {id}"));
        self.threats(&part.threats);
        self.line("");
        let widest = part.controls.iter().map(|judged| judged.about.id.len());
        let column = widest.max().unwrap_or(0);
        for judged in &part.controls {
            self.control(judged, column);
        }
        for entry in &part.findings {
            self.line("");
            self.finding(entry);
        }
    }

    fn threats(&mut self, threats: &[ThreatImpact]) {
        let widest = threats.iter().map(|impact| impact.threat.name.len());
        let column = widest.max().unwrap_or(0).max(12);
        let header = format!(
            "  {}  {}{}after all patches",
            pad("threat", column),
            pad("before", 12),
            pad("now", 12)
        );
        let header = self.palette.frame(&header);
        self.line(&header);
        let mut last = String::new();
        for impact in threats {
            let level = |severity: Severity, width| {
                let word = self.palette.severity(severity, severity.label());
                let missing = " ".repeat(width - severity.label().len());
                format!("{word}{missing}")
            };
            let row = format!(
                "  {}  {}{}{}",
                pad(impact.threat.name, column),
                level(impact.before, 12),
                level(impact.now.severity, 12),
                level(impact.after.severity, 12)
            );
            self.line(&row);
            let because = self.report.shown(&impact.now.because);
            let is_open = impact.now.severity > impact.threat.after;
            if is_open && because != last {
                let palette = self.palette;
                let lead = palette.frame("    now, because ");
                self.painted(&lead, 17, &because, |line| palette.frame(line));
            }
            last = because;
        }
    }

    fn control(&mut self, judged: &Judged, column: usize) {
        let palette = self.palette;
        let word = pad(verdict_word(&judged.verdict), 15);
        let word = match &judged.verdict {
            Verdict::Implemented { .. } => palette.good(&word),
            Verdict::Missing { .. } => palette.bad(&word),
            Verdict::NotApplicable { .. } => palette.frame(&word),
            Verdict::Undecided { .. } => palette.doubt(&word),
        };
        let id = pad(judged.about.id, column);
        let lead = format!("  {word}{id}  ");
        let indent = 2 + 15 + column + 2;
        match &judged.verdict {
            Verdict::Implemented { .. } => self.wrapped(&lead, indent, judged.about.title),
            Verdict::Missing { findings, .. } => {
                let title = format!(
                    "{}: {}",
                    judged.about.title,
                    counted(findings.len(), "finding")
                );
                self.wrapped(&lead, indent, &title);
            }
            Verdict::NotApplicable { reason } => {
                let reason = self.report.shown(reason);
                self.wrapped(&lead, indent, &reason);
            }
            Verdict::Undecided { question, .. } => {
                let question = self.report.shown(question);
                self.wrapped(&lead, indent, &question);
            }
        }
        self.evidence(judged, indent);
    }

    fn evidence(&mut self, judged: &Judged, indent: usize) {
        let evidence = judged.verdict.evidence();
        for item in evidence.iter().take(MOST_EVIDENCE) {
            let place = self.report.place(&item.location);
            let note = self.report.shown(&item.note);
            let palette = self.palette;
            let text = format!("{place} {note}");
            let lead = " ".repeat(indent);
            self.painted(&lead, indent, &text, |line| palette.frame(line));
        }
        let more = evidence.len().saturating_sub(MOST_EVIDENCE);
        if more > 0 {
            let text = format!("and {}", counted(more, "more place"));
            let text = self.palette.frame(&text);
            self.line(&format!("{}{text}", " ".repeat(indent)));
        }
    }

    fn finding(&mut self, entry: &Entry<'_>) {
        let palette = self.palette;
        let finding = &entry.found.finding;
        let severity = entry.severity();
        let label = format!("{}[{}]", severity.label().to_lowercase(), finding.control);
        let lead = format!("{}: ", palette.severity(severity, &label));
        let message = self.report.shown(&finding.message);
        self.painted(&lead, label.len() + 2, &message, |line| {
            palette.heading(line)
        });
        let gutter = self.gutter(&finding.location);
        self.excerpt(&finding.location, gutter, entry.start.column);
        if finding.absent {
            let text = "nothing does this anywhere; this is the best place to add it";
            self.note(gutter, "absent", text);
        }
        self.flow(entry, gutter);
        if !finding.reachable {
            self.note(
                gutter,
                "production",
                "cannot reach this, as far as the repository tells",
            );
        }
        if finding.confidence != Confidence::High {
            let word = confidence_word(finding.confidence);
            self.note(gutter, "confidence", word);
        }
        if let Some(patch) = &entry.patch {
            self.patch(patch, entry.kind(), gutter);
        }
        self.note(gutter, "finding", &entry.found.fingerprint);
    }

    /// The width of the line numbers.
    fn gutter(&self, location: &Location) -> usize {
        let excerpt = self.report.excerpt(location);
        let last = excerpt.and_then(|excerpt| excerpt.lines.last().map(|line| line.number));
        last.unwrap_or(1).to_string().len()
    }

    fn excerpt(&mut self, location: &Location, gutter: usize, column: usize) {
        let arrow = self.palette.frame("-->");
        let place = format!("{}:{column}", self.report.place(location));
        let place = self.palette.place(&place);
        self.line(&format!("{}{arrow} {place}", " ".repeat(gutter)));
        let Some(excerpt) = self.report.excerpt(location) else {
            return;
        };
        self.bar(gutter, "");
        let Excerpt { lines, more } = excerpt;
        let single = lines.len() == 1;
        for line in &lines {
            self.source(line, gutter);
            if single {
                let carets = "^".repeat(line.mark.1);
                let marks = self.palette.bad(&carets);
                self.bar(gutter, &format!("{}{marks}", " ".repeat(line.mark.0)));
            }
        }
        if more > 0 {
            let text = self
                .palette
                .frame(&format!("… {}", counted(more, "more line")));
            self.bar(gutter, &text);
        }
    }

    fn source(&mut self, line: &ExcerptLine, gutter: usize) {
        let number = format!("{:>gutter$} |", line.number);
        let number = self.palette.frame(&number);
        self.line(&format!("{number} {}", line.text));
    }

    fn bar(&mut self, gutter: usize, text: &str) {
        let bar = self.palette.frame(&format!("{} |", " ".repeat(gutter)));
        self.line(&format!("{bar} {text}"));
    }

    /// "= label: text".
    fn note(&mut self, gutter: usize, label: &str, text: &str) {
        let mark = self.palette.frame(&format!("{} =", " ".repeat(gutter)));
        let name = self.palette.heading(label);
        let lead = format!("{mark} {name}: ");
        self.wrapped(&lead, gutter + 3 + label.len() + 2, text);
    }

    /// A further line under a note.
    fn under(&mut self, gutter: usize, label: &str, text: &str) {
        let lead = " ".repeat(gutter + 3 + label.len() + 2);
        self.wrapped(&lead, lead.len(), text);
    }

    fn flow(&mut self, entry: &Entry<'_>, gutter: usize) {
        for (index, step) in entry.found.finding.flow.iter().enumerate() {
            let place = self.report.place(&step.location);
            let text = format!("{place} {}", self.report.shown(&step.note));
            match index {
                0 => self.note(gutter, "flow", &text),
                _ => self.under(gutter, "flow", &text),
            }
        }
    }

    fn patch(&mut self, patch: &Patch, kind: PatchKind, gutter: usize) {
        let label = format!("{} patch", kind.word());
        let label = match kind {
            PatchKind::Manual => "by hand".to_owned(),
            _ => label,
        };
        let title = self.report.shown(&patch.title);
        self.note(gutter, &label, &title);
        let guarantees = self.report.shown(&patch.guarantees);
        self.under(gutter, &label, &guarantees);
        for what in &patch.may_break {
            let what = self.report.shown(what);
            self.note(gutter, "may break", &what);
        }
        for option in &patch.options {
            let value = self.report.shown(&option.value);
            let choices = match option.choices.as_slice() {
                [] => String::new(),
                choices => format!(" (of {})", choices.join(", ")),
            };
            let text = format!("{} = {value}{choices}", option.key);
            self.note(gutter, "option", &text);
        }
        for follow_up in &patch.follow_ups {
            let follow_up = self.report.shown(follow_up);
            self.note(gutter, "afterwards", &follow_up);
        }
    }

    fn foot(&mut self) {
        self.line("");
        self.totals();
        self.skipped();
        self.advisories();
        self.next();
    }

    fn totals(&mut self) {
        let report = self.report;
        let total = report.findings().count();
        if total == 0 {
            let text = self.palette.good("No findings.");
            self.line(&text);
        } else {
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
                    let text = format!("{count} {}", level.label().to_lowercase());
                    (count > 0).then(|| self.palette.severity(level, &text))
                })
                .collect();
            let head = self
                .palette
                .heading(&format!("{}:", counted(total, "finding")));
            self.line(&format!("{head} {}", parts.join(", ")));
            let count = report.count();
            self.line(&format!(
                "Patches: {} safe, {} to review, {} by hand",
                count.safe, count.review, count.manual
            ));
        }
        if report.undecided() > 0 {
            let text = format!(
                "{} undecided: the questions above are for you.",
                counted(report.undecided(), "control")
            );
            let text = self.palette.doubt(&text);
            self.line(&text);
        }
        self.uncounted();
        if report.known > 0 {
            let text = format!(
                "{} of the baseline left out.",
                counted(report.known, "finding")
            );
            self.line(&text);
        }
    }

    /// Findings that do not count, or count for less.
    fn uncounted(&mut self) {
        let assessment = &self.report.session.assessment;
        for accepted in &assessment.accepted {
            let found = &accepted.found;
            let place = self.report.place(&found.finding.location);
            let reason = self.report.shown(&accepted.by.reason);
            let text = format!("Accepted: {place} {}: {reason}", found.about.id);
            self.wrapped("", 0, &text);
        }
        let outside = assessment.outside;
        if outside.left_out > 0 {
            let text = format!(
                "{} in tests, migrations and copied-in code left out.",
                counted(outside.left_out, "finding")
            );
            self.line(&text);
        }
        if outside.lowered > 0 {
            let text = format!(
                "{} in examples and documentation rated one step lower.",
                counted(outside.lowered, "finding")
            );
            self.line(&text);
        }
    }

    fn skipped(&mut self) {
        let skipped: Vec<_> = self.report.session.model.skipped().collect();
        if skipped.is_empty() {
            return;
        }
        self.line(&format!(
            "Not read or not understood: {}",
            counted(skipped.len(), "file")
        ));
        for file in skipped.iter().take(MOST_SKIPPED) {
            let text = format!("{}: {}", file.path, file.reason);
            let text = self.report.shown(&text);
            self.wrapped("  ", 2, &text);
        }
        if skipped.len() > MOST_SKIPPED {
            self.line(&format!("  and {} more", skipped.len() - MOST_SKIPPED));
        }
    }

    fn advisories(&mut self) {
        let advisories = &self.report.session.model.advisories;
        let text = format!(
            "Known vulnerabilities as of {}, from {}.",
            advisories.date, advisories.source
        );
        let palette = self.palette;
        self.painted("", 0, &text, |line| palette.frame(line));
    }

    fn next(&mut self) {
        let count = self.report.count();
        if count.safe + count.review == 0 {
            return;
        }
        self.line("");
        for (command, what) in [
            ("flask-harden", "choose patches in the wizard"),
            ("flask-harden fix --diff", "see the safe patches as a diff"),
        ] {
            let command = self.palette.command(&pad(command, 24));
            self.line(&format!("  {command} {what}"));
        }
    }
}

const fn verdict_word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::NotApplicable { .. } => "not applicable",
        other => other.word(),
    }
}

const fn confidence_word(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Low => "low",
        Confidence::Medium => "medium",
        Confidence::High => "high",
    }
}

/// "1 file", "2 files".
pub(super) fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
