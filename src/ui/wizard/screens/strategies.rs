//! The six strategies: what holds, what is open, and how bad it is before, now and after.

use ratatui::text::{Line, Span};

use crate::assessment::Judged;
use crate::finding::{Severity, Verdict};
use crate::strategies::strategy::STRATEGIES;
use crate::ui::survey::{Counts, Survey};
use crate::ui::wizard::layout::{Areas, Shape};
use crate::ui::wizard::state::State;
use crate::ui::wizard::theme::Theme;
use crate::ui::wizard::widgets::bar::bar;
use crate::ui::wizard::widgets::prose::Prose;
use crate::ui::wizard::widgets::text::{cell, count, fit, shown, width};
use crate::ui::words::counts_words;

/// The lines of one strategy in the list.
pub fn row(state: &State, areas: &Areas, index: usize, height: usize) -> Vec<Line<'static>> {
    let (Some(survey), Some(strategy)) = (&state.survey, STRATEGIES.get(index)) else {
        return Vec::new();
    };
    let columns = usize::from(areas.list_inner().width);
    let theme = state.theme;
    let (ticked, all) = survey.ticked(index);
    let mut spans = vec![Span::styled(tick_mark(ticked, all), theme.good())];
    if height == 1 {
        let worst = survey.worst(strategy);
        let impact = impact_spans(&[worst.now, worst.after], theme);
        let room = columns.saturating_sub(4 + line_width(&impact) + 1);
        spans.push(Span::raw(cell(strategy.title, room)));
        spans.push(Span::raw(" "));
        spans.extend(impact);
        return vec![Line::from(spans)];
    }
    let tally = match (ticked, all) {
        (_, 0) => String::new(),
        (ticked, all) => format!("{ticked}/{all} ticked"),
    };
    let room = columns.saturating_sub(4 + tally.len() + 1);
    spans.push(Span::styled(cell(strategy.title, room), theme.heading()));
    spans.push(Span::styled(format!(" {tally}"), theme.faint()));
    vec![
        Line::from(spans),
        second_line(survey, index, columns, areas.shape, theme),
    ]
}

fn second_line(
    survey: &Survey,
    index: usize,
    columns: usize,
    shape: Shape,
    theme: Theme,
) -> Line<'static> {
    let strategy = STRATEGIES[index];
    let worst = survey.worst(strategy);
    let steps: &[Severity] = match shape {
        Shape::Below => &[worst.before, worst.now, worst.after],
        Shape::Beside | Shape::Single => &[worst.now, worst.after],
    };
    let impact = impact_spans(steps, theme);
    let room = columns.saturating_sub(4 + line_width(&impact) + 1);
    let counts = survey.counts(strategy);
    let mut words = counts_words(counts, " · ");
    if width(&words) > room {
        // What needs nothing is the first that may go unsaid.
        let brief = Counts {
            not_applicable: 0,
            ..counts
        };
        words = counts_words(brief, " · ");
    }
    let mut spans = vec![
        Span::raw("    "),
        Span::styled(cell(&words, room), theme.faint()),
        Span::raw(" "),
    ];
    spans.extend(impact);
    Line::from(spans)
}

fn tick_mark(ticked: usize, all: usize) -> &'static str {
    match (ticked, all) {
        (_, 0) => "    ",
        (0, _) => "[ ] ",
        (ticked, all) if ticked == all => "[x] ",
        _ => "[-] ",
    }
}

/// "Critical → High → Low", in the colours of the severities.
fn impact_spans(steps: &[Severity], theme: Theme) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    for (index, severity) in steps.iter().enumerate() {
        if index > 0 {
            spans.push(Span::styled(" → ", theme.faint()));
        }
        spans.push(Span::styled(severity.label(), theme.severity(*severity)));
    }
    spans
}

fn line_width(spans: &[Span<'_>]) -> usize {
    spans.iter().map(Span::width).sum()
}

/// How much is in place over all strategies, for the list's lower edge.
pub fn overall(state: &State) -> String {
    let Some(survey) = &state.survey else {
        return String::new();
    };
    let counts = STRATEGIES.iter().map(|strategy| survey.counts(strategy));
    let (now, after, all) = counts.fold((0, 0, 0), |(now, after, all), counts| {
        (
            now + counts.in_place,
            after + counts.in_place + counts.mended,
            all + counts.in_place + counts.missing + counts.undecided,
        )
    });
    format!("{now} of {all} controls in place, {after} after")
}

/// Threats and controls of the selected strategy.
pub fn details(state: &State, columns: usize) -> Vec<Line<'static>> {
    const BAR: usize = 12;
    let Some(survey) = &state.survey else {
        return Vec::new();
    };
    let theme = state.theme;
    let mut prose = Prose::new(columns, theme);
    let counts = survey.counts(state.strategy());
    let whole = counts.in_place + counts.missing + counts.undecided;
    let after = counts.in_place + counts.mended;
    let mut gauge = bar(counts.in_place, after, whole, BAR, theme);
    let words = format!(
        "  {} of {} in place, {after} after",
        counts.in_place,
        count(whole, "control", "controls"),
    );
    gauge.push(Span::raw(fit(&words, columns.saturating_sub(BAR))));
    prose.line(Line::from(gauge));
    threats(&mut prose, survey, state);
    controls(&mut prose, survey, state);
    prose.into_lines()
}

fn threats(prose: &mut Prose, survey: &Survey, state: &State) {
    const IMPACT: usize = 11;
    let theme = prose.theme;
    let name_width = prose.columns().saturating_sub(3 * IMPACT).min(44);
    let is_wide = name_width >= 24;
    prose.gap();
    if is_wide {
        let mut spans = vec![Span::styled(cell("Threats", name_width), theme.heading())];
        for title in ["before", "now", "after"] {
            spans.push(Span::styled(cell(title, IMPACT), theme.faint()));
        }
        prose.line(Line::from(spans));
    } else {
        prose.heading("Threats");
    }
    let assessment = &survey.session.assessment;
    let mut said = Said::default();
    for impact in assessment.impacts(state.strategy(), survey.chosen()) {
        let severities = [impact.before, impact.now.severity, impact.after.severity];
        if is_wide {
            let mut spans = vec![Span::raw(cell(impact.threat.name, name_width))];
            for severity in severities {
                let text = cell(severity.label(), IMPACT);
                spans.push(Span::styled(text, theme.severity(severity)));
            }
            prose.line(Line::from(spans));
        } else {
            prose.text(theme.plain(), impact.threat.name);
            let mut spans = vec![Span::raw("  ")];
            spans.extend(impact_spans(&severities, theme));
            prose.line(Line::from(spans));
        }
        said.because(prose, "now: ", &impact.now.because);
        if impact.after.because != impact.now.because {
            said.because(prose, "after: ", &impact.after.because);
        }
    }
}

/// The reasons that were given already: threats often share theirs.
#[derive(Default)]
struct Said(Vec<(String, String)>);

impl Said {
    fn because(&mut self, prose: &mut Prose, label: &str, text: &str) {
        let style = prose.theme.faint();
        let is_known = self
            .0
            .iter()
            .any(|(before, said)| before == label && said == text);
        if is_known {
            prose.item("  ", style, &format!("{label}as above"));
            return;
        }
        prose.item("  ", style, &format!("{label}{text}"));
        self.0.push((label.to_owned(), text.to_owned()));
    }
}

fn controls(prose: &mut Prose, survey: &Survey, state: &State) {
    prose.heading("Controls");
    let assessment = &survey.session.assessment;
    let mut judged: Vec<&Judged> = assessment.of_strategy(state.strategy()).collect();
    judged.sort_by_key(|judged| match judged.verdict {
        Verdict::Missing { .. } => 0,
        Verdict::Undecided { .. } => 1,
        Verdict::Implemented { .. } => 2,
        Verdict::NotApplicable { .. } => 3,
    });
    for judged in judged {
        control(prose, survey, judged);
    }
}

fn control(prose: &mut Prose, survey: &Survey, judged: &Judged) {
    const WORD: usize = 11;
    let theme = prose.theme;
    let (word, style) = match judged.verdict {
        Verdict::Missing { .. } => ("missing", theme.bad()),
        Verdict::Undecided { .. } => ("undecided", theme.doubt()),
        Verdict::Implemented { .. } => ("in place", theme.good()),
        Verdict::NotApplicable { .. } => ("not needed", theme.faint()),
    };
    let front = [(style, cell(word, WORD))];
    prose.hanging(&front, WORD, theme.plain(), judged.about.id);
    let says = match &judged.verdict {
        Verdict::Missing { findings, .. } => {
            let names = judged.fingerprints.iter();
            let ticked = names.filter(|name| survey.chosen().contains(*name)).count();
            let findings = count(findings.len(), "finding", "findings");
            format!("{findings}, {ticked} ticked")
        }
        Verdict::Undecided { question, .. } => question.clone(),
        Verdict::NotApplicable { reason } => reason.clone(),
        Verdict::Implemented { .. } => String::new(),
    };
    let indent = " ".repeat(WORD);
    if !says.is_empty() {
        prose.item(&indent, theme.faint(), &says);
    }
    for evidence in judged.verdict.evidence() {
        let line = survey.session.line_of(&evidence.location);
        let path = shown(&evidence.location.path);
        let text = format!("{path}:{line} {}", evidence.note);
        prose.item(&indent, theme.faint(), &text);
    }
}
