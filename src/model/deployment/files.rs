//! Which file is which surface, and what its name says about the stage.

use super::{Stage, Surface, rules};
use crate::discover::{File, FileKind, Purpose};

/// A stage, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judged {
    pub stage: Stage,
    pub because: String,
}

impl Judged {
    pub fn new(stage: Stage, because: impl Into<String>) -> Self {
        Self {
            stage,
            because: because.into(),
        }
    }
}

/// The name of a file without its folders.
pub(super) fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The folder of a file; empty for the root.
pub(super) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// What the place and the name of a file say about the stage; `None` where they say nothing.
pub(super) fn judge_place(file: &File) -> Option<Judged> {
    let name = base_name(&file.path);
    match file.purpose {
        Purpose::Test => return Some(Judged::new(Stage::Test, "it lies among the tests")),
        Purpose::Example => {
            return Some(Judged::new(
                Stage::Unknown,
                "it is an example or documentation",
            ));
        }
        Purpose::Vendored => {
            return Some(Judged::new(
                Stage::Unknown,
                "it comes with third-party code",
            ));
        }
        Purpose::Application | Purpose::Migration => {}
    }
    if rules::is_template_name(name) {
        return Some(Judged::new(
            Stage::Unknown,
            format!("{name} is a template to copy"),
        ));
    }
    let (stage, word) = rules::stage_of_path(&file.path)?;
    let because = match stage {
        Stage::Unknown => format!("\"{word}\" in its name is neither production nor development"),
        _ => format!("\"{word}\" in its name says {}", stage.word()),
    };
    Some(Judged::new(stage, because))
}

/// The stage of a file that is production's unless its name says otherwise.
pub(super) fn judge_plain(file: &File, what: &str) -> Judged {
    judge_place(file).unwrap_or_else(|| {
        Judged::new(
            Stage::Production,
            format!("{what}, and nothing says otherwise"),
        )
    })
}

/// The surface of a file, as far as its name tells. YAML needs a look inside.
pub(super) fn surface_of(file: &File) -> Option<Surface> {
    match file.kind {
        FileKind::Dotenv => Some(Surface::Dotenv),
        _ => None,
    }
}
