//! Before anything is known: how far the scan is, or why there is none.

use std::cmp::Ordering;

use ratatui::text::Line;

use crate::session::Progress;
use crate::ui::wizard::state::{Scan, State};
use crate::ui::wizard::widgets::prose::Prose;
use crate::ui::wizard::widgets::text::{count, shown};

pub fn lines(state: &State, columns: usize) -> Vec<Line<'static>> {
    let theme = state.theme;
    let mut prose = Prose::new(columns, theme);
    match &state.scan {
        Scan::Failed(error) => {
            prose.text(theme.bad(), &format!("{error}."));
            if let Some(hint) = error.hint() {
                prose.gap();
                prose.text(theme.plain(), &hint);
            }
        }
        Scan::Running(progress) => steps(&mut prose, state, *progress),
        Scan::Ready => {}
    }
    prose.into_lines()
}

fn steps(prose: &mut Prose, state: &State, progress: Progress) {
    let theme = prose.theme;
    let path = shown(&state.path.display().to_string());
    prose.text(theme.heading(), &format!("Scanning {path}"));
    prose.gap();
    let (at, files) = match progress {
        Progress::Reading => (0, None),
        Progress::Understanding(files) => (1, Some(files)),
        Progress::Judging(files) => (2, Some(files)),
    };
    let read = files.map_or_else(String::new, |files| {
        format!(" ({})", count(files, "file", "files"))
    });
    let steps = [
        format!("Reading the files{read}"),
        "Understanding the application".into(),
        "Judging every control".into(),
    ];
    for (index, step) in steps.iter().enumerate() {
        let (word, style) = match index.cmp(&at) {
            Ordering::Less => ("done  ", theme.good()),
            Ordering::Equal => ("now   ", theme.doubt()),
            Ordering::Greater => ("      ", theme.faint()),
        };
        let text = if index > at {
            theme.faint()
        } else {
            theme.plain()
        };
        prose.hanging(&[(style, word.to_owned())], 6, text, step);
    }
    prose.gap();
    prose.text(
        theme.faint(),
        "Nothing of the repository is run, and nothing leaves this machine.",
    );
}
