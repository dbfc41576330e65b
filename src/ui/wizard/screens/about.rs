//! The circumstances of a scan: what was read, what was not, and what the tool relies on.

use ratatui::text::Line;

use super::chrome::uncommitted_words;
use crate::ui::wizard::state::{Git, State};
use crate::ui::wizard::widgets::prose::Prose;
use crate::ui::wizard::widgets::text::{count, shown};
use crate::ui::words::left_out_words;

pub fn lines(state: &State, columns: usize) -> Vec<Line<'static>> {
    let theme = state.theme;
    let mut prose = Prose::new(columns, theme);
    let Some(survey) = &state.survey else {
        prose.text(theme.plain(), "Nothing is scanned yet.");
        return prose.into_lines();
    };
    let model = &survey.session.model;
    let assessment = &survey.session.assessment;
    prose.field(
        "Folder",
        theme.place(),
        &model.repo.root().display().to_string(),
    );
    let files = count(model.repo.files().count(), "file", "files");
    prose.field("Read", theme.plain(), &files);
    let judged = count(assessment.judged.len(), "control", "controls");
    prose.field("Judged", theme.plain(), &judged);
    let advisories = format!(
        "as of {} ({})",
        model.advisories.date, model.advisories.source
    );
    prose.field("Advisories", theme.plain(), &advisories);
    git(&mut prose, state);
    for words in left_out_words(assessment) {
        prose.field("Not shown", theme.plain(), &words);
    }
    let skipped: Vec<_> = model.skipped().collect();
    if skipped.is_empty() {
        prose.field("Skipped", theme.plain(), "nothing");
    } else {
        let heading = format!("Skipped: {}", count(skipped.len(), "file", "files"));
        prose.heading(&heading);
    }
    for file in skipped {
        let text = format!("{}: {}", shown(&file.path), file.reason);
        prose.item("- ", theme.plain(), &text);
    }
    prose.heading("What this does not tell");
    prose.text(
        theme.plain(),
        "The source was read, not run. Settings that only the machine in production knows, code \
         that is loaded from elsewhere, and values decided at run time are not seen; where a \
         verdict depends on them it is undecided, and the question is shown.",
    );
    prose.into_lines()
}

fn git(prose: &mut Prose, state: &State) {
    let theme = prose.theme;
    match &state.git {
        Git::Unknown => prose.field("Git", theme.faint(), "looking..."),
        Git::Unusable(error) => {
            let hint = error.hint().unwrap_or_default();
            prose.field("Git", theme.bad(), &format!("{error}. {hint}"));
        }
        Git::Ready(git) => {
            let head = format!("{}{}", git.head, uncommitted_words(git.uncommitted));
            prose.field("Git", theme.plain(), &head);
            for note in &git.notes {
                prose.field("", theme.plain(), note);
            }
        }
    }
}
