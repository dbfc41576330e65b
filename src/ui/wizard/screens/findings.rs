//! The findings of a strategy, and everything that is known of the selected one.

use ratatui::text::{Line, Span};

use crate::assessment::{Assessed, Judged};
use crate::finding::{Confidence, PatchKind, Verdict};
use crate::ui::survey::{Row, Survey, Tick};
use crate::ui::wizard::layout::Areas;
use crate::ui::wizard::state::State;
use crate::ui::wizard::theme::Theme;
use crate::ui::wizard::widgets::prose::Prose;
use crate::ui::wizard::widgets::text::{cell, fit, fit_end, shown};

const MARK: usize = 4;
const SEVERITY: usize = 11;
const KIND: usize = 9;

/// The lines of one row of the list.
pub fn row(state: &State, areas: &Areas, row: Row, height: usize) -> Vec<Line<'static>> {
    let Some(survey) = &state.survey else {
        return Vec::new();
    };
    let columns = usize::from(areas.list_inner().width);
    match (survey.finding(row), survey.question(row)) {
        (Some(found), _) => finding_row(survey, found, columns, height, state.theme),
        (_, Some(judged)) => question_row(judged, columns, height, state.theme),
        _ => Vec::new(),
    }
}

fn finding_row(
    survey: &Survey,
    found: &Assessed,
    columns: usize,
    height: usize,
    theme: Theme,
) -> Vec<Line<'static>> {
    let finding = &found.finding;
    let tick = survey.tick(&found.fingerprint);
    let place = place(survey, found);
    let severity = Span::styled(
        cell(finding.severity.label(), SEVERITY),
        theme.severity(finding.severity),
    );
    let mark = Span::styled(mark(tick), theme.good());
    let kind_style = match survey.remedy(&found.fingerprint) {
        Some(remedy) if tick != Tick::Flawed => theme.kind(remedy.kind),
        _ => theme.faint(),
    };
    let kind = Span::styled(cell(kind_word(survey, found), KIND), kind_style);
    if height == 1 {
        let rest = columns.saturating_sub(MARK + SEVERITY + KIND + 1);
        let id = (rest / 2).min(32);
        return vec![Line::from(vec![
            mark,
            severity,
            kind,
            Span::raw(cell(found.about.id, id)),
            Span::raw(" "),
            Span::styled(fit_end(&place, rest - id), theme.place()),
        ])];
    }
    let room = columns.saturating_sub(MARK + SEVERITY);
    let below = columns.saturating_sub(MARK + SEVERITY);
    vec![
        Line::from(vec![
            mark,
            severity,
            Span::styled(cell(found.about.id, room), theme.heading()),
        ]),
        Line::from(vec![
            Span::raw(" ".repeat(MARK)),
            kind,
            Span::raw(" ".repeat(SEVERITY - KIND)),
            Span::styled(fit_end(&place, below), theme.place()),
        ]),
    ]
}

fn question_row(
    judged: &Judged,
    columns: usize,
    height: usize,
    theme: Theme,
) -> Vec<Line<'static>> {
    let room = columns.saturating_sub(MARK + SEVERITY);
    let mut lines = vec![Line::from(vec![
        Span::styled(" ?  ", theme.doubt()),
        Span::styled(cell("undecided", SEVERITY), theme.doubt()),
        Span::styled(cell(judged.about.id, room), theme.heading()),
    ])];
    if height > 1 {
        let words = format!("{:1$}a question for you", "", MARK + SEVERITY);
        lines.push(Line::styled(cell(&words, columns), theme.faint()));
    }
    lines
}

fn mark(tick: Tick) -> &'static str {
    match tick {
        Tick::Ticked => "[x] ",
        Tick::Open => "[ ] ",
        Tick::Words => " -  ",
        Tick::Flawed => " !  ",
    }
}

/// The word that says what kind of help there is.
pub fn kind_word(survey: &Survey, found: &Assessed) -> &'static str {
    let remedy = survey.remedy(&found.fingerprint);
    match (survey.tick(&found.fingerprint), remedy) {
        (Tick::Flawed, _) => "no patch",
        (Tick::Words, _) | (_, None) => PatchKind::Manual.word(),
        (_, Some(remedy)) => remedy.kind.word(),
    }
}

/// "shop/views.py:12".
pub fn place(survey: &Survey, found: &Assessed) -> String {
    let line = survey.session.line_of(&found.finding.location);
    format!("{}:{line}", shown(found.finding.path()))
}

/// Everything about the selected row.
pub fn details(state: &State, columns: usize) -> Vec<Line<'static>> {
    let mut prose = Prose::new(columns, state.theme);
    let (Some(survey), Some(row)) = (&state.survey, state.row()) else {
        let words = match state.filter.is_empty() {
            true => {
                "Nothing is open here: each control of this strategy is in place or not needed."
            }
            false => "Nothing contains the text that you filter by.",
        };
        prose.text(state.theme.plain(), words);
        return prose.into_lines();
    };
    match (survey.finding(row), survey.question(row)) {
        (Some(found), _) => finding(&mut prose, survey, found),
        (_, Some(judged)) => question(&mut prose, survey, judged),
        _ => {}
    }
    prose.into_lines()
}

fn finding(prose: &mut Prose, survey: &Survey, found: &Assessed) {
    let theme = prose.theme;
    let finding = &found.finding;
    let confidence = match finding.confidence {
        Confidence::Low => "low",
        Confidence::Medium => "medium",
        Confidence::High => "high",
    };
    let reach = match finding.reachable {
        true => "production reaches it",
        false => "production does not reach it",
    };
    prose.text(
        theme.severity(finding.severity),
        &format!(
            "{} · confidence {confidence} · {reach}",
            finding.severity.label()
        ),
    );
    let mut place = place(survey, found);
    if finding.absent {
        place.push_str(" (nothing does this yet; it would go here)");
    }
    prose.text(theme.place(), &place);
    prose.gap();
    prose.text(theme.plain(), &finding.message);
    excerpt(prose, survey, found);
    flow(prose, survey, found);
    remedy(prose, survey, found);
    prose.heading("The control");
    prose.text(theme.plain(), found.about.title);
    prose.text(theme.faint(), "i explains it.");
}

/// The source around the place, its lines marked.
fn excerpt(prose: &mut Prose, survey: &Survey, found: &Assessed) {
    let excerpt = survey.session.excerpt(&found.finding.location, 2);
    let Some(last) = excerpt.lines.last() else {
        return;
    };
    let gutter = last.number.to_string().len();
    let room = prose.columns().saturating_sub(gutter + 5);
    let theme = prose.theme;
    prose.gap();
    for line in excerpt.lines {
        let text = shown(&line.text.replace('\t', "    "));
        let (mark, style) = match line.marked {
            true => ("> ", theme.heading()),
            false => ("  ", theme.faint()),
        };
        prose.line(Line::from(vec![
            Span::styled(mark, theme.bad()),
            Span::styled(format!("{:>gutter$} │ ", line.number), theme.faint()),
            Span::styled(fit(&text, room), style),
        ]));
    }
}

fn flow(prose: &mut Prose, survey: &Survey, found: &Assessed) {
    if found.finding.flow.is_empty() {
        return;
    }
    let theme = prose.theme;
    prose.heading("The way of the value");
    for (index, step) in found.finding.flow.iter().enumerate() {
        let line = survey.session.line_of(&step.location);
        let place = format!("{}:{line}", shown(&step.location.path));
        prose.item(&format!("{:>2}. ", index + 1), theme.place(), &place);
        prose.item("    ", theme.plain(), &step.note);
    }
}

/// What can be done about it.
fn remedy(prose: &mut Prose, survey: &Survey, found: &Assessed) {
    let theme = prose.theme;
    let Some(remedy) = survey.remedy(&found.fingerprint) else {
        return;
    };
    prose.heading(&format!("Remedy ({})", kind_word(survey, found)));
    prose.text(theme.plain(), &remedy.title);
    let Some(offered) = survey.offered(&found.fingerprint) else {
        prose.text(theme.faint(), "The patch is being made and checked...");
        return;
    };
    let patch = &offered.offer.patch;
    if !patch.guarantees.is_empty() {
        prose.field("Guarantees", theme.plain(), &patch.guarantees);
    }
    for what in &patch.may_break {
        prose.field("May break", theme.doubt(), what);
    }
    for what in &patch.follow_ups {
        prose.field("Left to you", theme.plain(), what);
    }
    for option in &patch.options {
        let text = format!("{} {} (o changes it)", option.question, option.value);
        prose.field("Option", theme.plain(), &text);
    }
    match &offered.offer.flaw {
        Some(flaw) => prose.field("Not offered", theme.bad(), flaw),
        None if remedy.is_applicable() => {
            let checked =
                "applied in memory and judged again: this finding is gone, no new one came";
            prose.field("Checked", theme.good(), checked);
        }
        None => {}
    }
}

fn question(prose: &mut Prose, survey: &Survey, judged: &Judged) {
    let theme = prose.theme;
    prose.heading(judged.about.title);
    prose.gap();
    if let Verdict::Undecided { question, .. } = &judged.verdict {
        prose.text(theme.doubt(), question);
    }
    prose.gap();
    prose.text(
        theme.plain(),
        "The source does not tell. Until somebody knows, it counts as open.",
    );
    for evidence in judged.verdict.evidence() {
        let line = survey.session.line_of(&evidence.location);
        let place = format!("{}:{line}", shown(&evidence.location.path));
        prose.gap();
        prose.text(theme.place(), &place);
        prose.text(theme.plain(), &evidence.note);
    }
}
