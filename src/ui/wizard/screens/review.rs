//! The commits to be made, before anything is made.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::diff::{FileDiff, Stat};
use crate::session::{CommitPreview, Refused};
use crate::ui::wizard::layout::Areas;
use crate::ui::wizard::state::{Git, Purpose, State};
use crate::ui::wizard::widgets::prose::Prose;
use crate::ui::wizard::widgets::text::{cell, count, fit, shown};

/// One row of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    Branch,
    Commit(usize),
    Refused(usize),
}

/// The branch, then the commits, then what is left out.
pub fn rows(state: &State) -> Vec<Row> {
    let mut rows = vec![Row::Branch];
    if let Some(preview) = state.preview() {
        rows.extend((0..preview.commits.len()).map(Row::Commit));
        rows.extend((0..preview.refused.len()).map(Row::Refused));
    }
    rows
}

pub fn selected(state: &State) -> Option<Row> {
    rows(state).get(state.review.cursor.selected).copied()
}

pub fn selected_commit(state: &State) -> Option<&CommitPreview> {
    match selected(state)? {
        Row::Commit(index) => state.preview()?.commits.get(index),
        _ => None,
    }
}

pub fn selected_diffs(state: &State) -> Option<&[FileDiff]> {
    match selected(state)? {
        Row::Commit(index) => diffs(state, index),
        _ => None,
    }
}

fn diffs(state: &State, index: usize) -> Option<&[FileDiff]> {
    let previewed = state.review.previewed.as_ref()?;
    previewed.diffs.get(index).map(Vec::as_slice)
}

/// The branch name as it is, or as it is being typed.
fn branch(state: &State) -> &str {
    match &state.typing {
        Some(typing) if typing.purpose == Purpose::Branch => typing.line.text(),
        _ => &state.review.branch,
    }
}

/// The lines of one row.
pub fn row(state: &State, areas: &Areas, row: Row) -> Vec<Line<'static>> {
    let columns = usize::from(areas.list_inner().width);
    match row {
        Row::Branch => branch_row(state, columns),
        Row::Commit(index) => commit_row(state, index, columns).unwrap_or_default(),
        Row::Refused(index) => refused_row(state, index, columns).unwrap_or_default(),
    }
}

fn branch_row(state: &State, columns: usize) -> Vec<Line<'static>> {
    let theme = state.theme;
    let (words, style) = branch_words(state);
    let name = cell(&shown(branch(state)), columns.saturating_sub(7));
    vec![
        Line::from(vec![
            Span::styled("branch ", theme.faint()),
            Span::styled(name, theme.heading()),
        ]),
        second_line(&words, style, columns),
    ]
}

fn commit_row(state: &State, index: usize, columns: usize) -> Option<Vec<Line<'static>>> {
    let theme = state.theme;
    let commit = state.preview()?.commits.get(index)?;
    let diffs = diffs(state, index).unwrap_or_default();
    let stat: Stat = diffs.iter().map(FileDiff::stat).sum();
    let words = format!(
        "{}, {}, {stat}",
        count(commit.fingerprints.len(), "finding", "findings"),
        count(diffs.len(), "file", "files"),
    );
    Some(vec![
        Line::from(vec![
            Span::styled("commit ", theme.faint()),
            Span::raw(cell(&commit.subject, columns.saturating_sub(7))),
        ]),
        second_line(&words, theme.faint(), columns),
    ])
}

fn refused_row(state: &State, index: usize, columns: usize) -> Option<Vec<Line<'static>>> {
    let theme = state.theme;
    let refused = state.preview()?.refused.get(index)?;
    let name = fit(&refused_name(state, refused), columns.saturating_sub(9));
    Some(vec![
        Line::from(vec![
            Span::styled("left out ", theme.bad()),
            Span::raw(name),
        ]),
        second_line(&shown(&refused.reason), theme.faint(), columns),
    ])
}

fn second_line(words: &str, style: Style, columns: usize) -> Line<'static> {
    let indent = 7;
    let words = fit(words, columns.saturating_sub(indent));
    Line::from(vec![
        Span::raw(" ".repeat(indent)),
        Span::styled(words, style),
    ])
}

fn branch_words(state: &State) -> (String, Style) {
    let theme = state.theme;
    if let Some(problem) = &state.review.branch_problem {
        return (problem.clone(), theme.bad());
    }
    match &state.git {
        Git::Unknown => ("looking at git...".into(), theme.faint()),
        Git::Unusable(error) => (error.to_string(), theme.bad()),
        Git::Ready(git) => (format!("on top of {}", git.head), theme.good()),
    }
}

fn refused_name(state: &State, refused: &Refused) -> String {
    let survey = state.survey.as_ref();
    let found = survey.and_then(|survey| survey.session.assessment.finding(&refused.fingerprint));
    found.map_or_else(
        || refused.fingerprint.clone(),
        |found| format!("{} {}", found.about.id, shown(found.finding.path())),
    )
}

/// What stands beside the list.
pub fn details(state: &State, columns: usize) -> Vec<Line<'static>> {
    let mut prose = Prose::new(columns, state.theme);
    match selected(state) {
        Some(Row::Commit(index)) => commit(&mut prose, state, index),
        Some(Row::Refused(index)) => refused(&mut prose, state, index),
        Some(Row::Branch) | None => what_happens(&mut prose, state),
    }
    prose.into_lines()
}

fn what_happens(prose: &mut Prose, state: &State) {
    let theme = prose.theme;
    if let Some(error) = &state.review.failure {
        prose.text(theme.bad(), &format!("No branch was made: {error}."));
        if let Some(hint) = error.hint() {
            prose.text(theme.plain(), &hint);
        }
        prose.gap();
    }
    let Some(preview) = state.preview() else {
        prose.text(
            theme.plain(),
            "Composing the commits and checking them together...",
        );
        return;
    };
    if preview.commits.is_empty() {
        prose.text(theme.doubt(), "There is nothing to commit.");
    } else {
        let words = format!(
            "y makes the branch {} with {}. Your files, the index and the branch that is checked \
             out stay as they are.",
            shown(&state.review.branch),
            count(preview.commits.len(), "commit", "commits"),
        );
        prose.text(theme.plain(), &words);
    }
    if !preview.refused.is_empty() {
        let words = match preview.refused.len() {
            1 => "1 ticked patch is left out; its row says why.".to_owned(),
            many => format!("{many} ticked patches are left out; their rows say why."),
        };
        prose.text(theme.doubt(), &words);
    }
    git(prose, state);
    let follow_ups = preview.follow_ups();
    if !follow_ups.is_empty() {
        prose.heading("Left to you afterwards");
    }
    for follow_up in &follow_ups {
        prose.item("- ", theme.plain(), follow_up);
    }
}

fn git(prose: &mut Prose, state: &State) {
    let theme = prose.theme;
    match &state.git {
        Git::Unknown => {}
        Git::Unusable(error) => {
            prose.heading("Git");
            prose.text(theme.bad(), &format!("{error}."));
            if let Some(hint) = error.hint() {
                prose.text(theme.plain(), &hint);
            }
        }
        Git::Ready(git) => {
            let previewed = state.review.previewed.as_ref();
            let dirty = previewed.map(|previewed| previewed.uncommitted.as_slice());
            let dirty = dirty.unwrap_or_default();
            if git.notes.is_empty() && dirty.is_empty() {
                return;
            }
            prose.heading("Git");
            for path in dirty {
                let path = shown(path);
                let words = format!("{path} has uncommitted changes, so no commit can change it.");
                prose.item("! ", theme.doubt(), &words);
            }
            for note in &git.notes {
                prose.item("- ", theme.plain(), note);
            }
        }
    }
}

fn commit(prose: &mut Prose, state: &State, index: usize) {
    let theme = prose.theme;
    let Some(commit) = state
        .preview()
        .and_then(|preview| preview.commits.get(index))
    else {
        return;
    };
    prose.text(theme.heading(), &commit.subject);
    prose.gap();
    for file in diffs(state, index).unwrap_or_default() {
        let what = if file.new_file { "new, " } else { "" };
        let text = format!("{} ({what}{})", shown(&file.path), file.stat());
        prose.text(theme.place(), &text);
    }
    prose.gap();
    for line in commit.body.lines() {
        let text = line.trim_start();
        match text.is_empty() {
            true => prose.gap(),
            false => prose.item(&" ".repeat(line.len() - text.len()), theme.plain(), text),
        }
    }
}

fn refused(prose: &mut Prose, state: &State, index: usize) {
    let theme = prose.theme;
    let Some(refused) = state
        .preview()
        .and_then(|preview| preview.refused.get(index))
    else {
        return;
    };
    prose.text(theme.heading(), &refused_name(state, refused));
    prose.gap();
    prose.text(theme.bad(), "This patch is left out:");
    prose.text(theme.plain(), &refused.reason);
    prose.gap();
    prose.text(
        theme.plain(),
        "The others stand. Once the branch is merged, scan again: what is still open then gets a \
         patch of its own.",
    );
}
