//! What people and programs see: the wizard, the line dialogue, the commands and the reports.
//! All of them read the session's values; none of them owns a rule.

pub mod cli;
mod git_state;
mod outcome;
pub mod plain;
pub mod report;
pub(crate) mod style;
mod survey;
pub mod wizard;
mod words;
mod wrap;

pub use outcome::Outcome;
