//! A remedy made concrete.

use serde::Serialize;

use super::Edit;
use crate::text::Location;

/// How much a patch may be trusted to leave legitimate use alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PatchKind {
    /// Legitimate use is unchanged. Preselected.
    Safe,
    /// May change legitimate use; the reason is shown. Not preselected.
    Review,
    /// Words only: what a person has to do.
    Manual,
}

impl PatchKind {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Review => "review",
            Self::Manual => "manual",
        }
    }
}

/// What a control offers for one finding. Edits are stated against the original text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    pub kind: PatchKind,
    /// What will be done, as an imperative ("Serve the file with send_from_directory").
    pub title: String,
    /// The property that holds afterwards ("No request value can name a file outside UPLOADS").
    pub guarantees: String,
    /// What it may break in this repository.
    pub may_break: Vec<String>,
    /// What is left for a person.
    pub follow_ups: Vec<String>,
    pub options: Vec<RemedyOption>,
    pub edits: Vec<Edit>,
    /// Findings of the same places that this patch mends by itself, in another way than their
    /// own patches: chosen together, this one is applied in their stead.
    pub covers: Vec<Covered>,
}

/// A finding that another one's patch mends as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covered {
    pub control: &'static str,
    pub at: Location,
    /// Of several findings at one place, the one with this subject; without it, all.
    pub subject: Option<&'static str>,
}

impl Patch {
    pub fn new(kind: PatchKind, title: impl Into<String>, guarantees: impl Into<String>) -> Self {
        Self {
            kind,
            title: title.into(),
            guarantees: guarantees.into(),
            may_break: Vec::new(),
            follow_ups: Vec::new(),
            options: Vec::new(),
            edits: Vec::new(),
            covers: Vec::new(),
        }
    }

    /// Words only, for what no edit can do.
    pub fn manual(title: impl Into<String>, follow_ups: Vec<String>) -> Self {
        Self {
            follow_ups,
            ..Self::new(PatchKind::Manual, title, String::new())
        }
    }

    #[must_use]
    pub fn edit(mut self, edit: Edit) -> Self {
        self.edits.push(edit);
        self
    }

    #[must_use]
    pub fn edits(mut self, edits: impl IntoIterator<Item = Edit>) -> Self {
        self.edits.extend(edits);
        self
    }

    /// Does for the finding of `control` at `at` as well.
    #[must_use]
    pub fn covering(mut self, control: &'static str, at: &Location) -> Self {
        self.covers.push(Covered {
            control,
            at: at.clone(),
            subject: None,
        });
        self
    }

    /// The finding of `control` at a place that is about `subject`, and none of the others there.
    #[must_use]
    pub fn covering_one(
        mut self,
        control: &'static str,
        subject: &'static str,
        at: &Location,
    ) -> Self {
        self.covers.push(Covered {
            control,
            at: at.clone(),
            subject: Some(subject),
        });
        self
    }

    #[must_use]
    pub fn may_break(mut self, what: impl Into<String>) -> Self {
        self.may_break.push(what.into());
        self
    }

    #[must_use]
    pub fn follow_up(mut self, what: impl Into<String>) -> Self {
        self.follow_ups.push(what.into());
        self
    }

    #[must_use]
    pub fn option(mut self, option: RemedyOption) -> Self {
        self.options.push(option);
        self
    }
}

/// A choice that a remedy leaves open, with a default that fits most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RemedyOption {
    /// The key under which an answer is stored ("session-backend.backend").
    pub key: &'static str,
    /// The question for a person ("Where are sessions kept?").
    pub question: String,
    /// The possible answers; empty means free text.
    pub choices: Vec<String>,
    /// The answer in force.
    pub value: String,
}
