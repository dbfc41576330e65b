//! An environment variable that a deployment file sets.

use super::{Stage, Surface};
use crate::text::Location;

/// One environment variable that a deployment file sets.
#[derive(Debug, Clone, PartialEq)]
pub struct EnvSetting {
    pub name: String,
    pub value: EnvValue,
    /// The value as written, without quotes around it; empty where there is none.
    pub location: Location,
    /// The line or entry as a whole.
    pub statement: Location,
    pub surface: Surface,
    pub stage: Stage,
    /// Why it is held to be of that stage.
    pub because: String,
    /// Git ignores the file: it never leaves this machine.
    pub ignored: bool,
    /// The file holds the value in base64 (`data:` of a Kubernetes Secret).
    pub base64: bool,
    /// It exists only while an image is built (`ARG`): what runs does not see it.
    pub build_only: bool,
}

impl EnvSetting {
    /// The value that the file itself gives, as a literal or as a default.
    pub fn literal(&self) -> Option<&str> {
        self.value.text()
    }

    /// Whether `FLASK_DEBUG` with this value turns debug mode on (facts 1.4).
    pub fn turns_debug_on(&self) -> bool {
        self.literal().is_some_and(super::flask_debug_on)
    }
}

/// Where a variable's value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EnvValue {
    /// Written here.
    Literal(String),
    /// Written here in case nothing else says it: `${NAME:-value}`, an `ARG`'s default.
    Default(String),
    /// From elsewhere: `${NAME}`, `secretKeyRef`, `valueFrom`, a vault, a command's output.
    Outside,
    /// Set to nothing.
    Empty,
}

impl EnvValue {
    /// The text, where the file holds one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Literal(text) | Self::Default(text) => Some(text),
            Self::Empty => Some(""),
            Self::Outside => None,
        }
    }
}
