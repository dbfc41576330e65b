//! What people and programs see: the wizard, the line dialogue, the commands and the reports.
//! All of them read the session's values; none of them owns a rule.

pub mod cli;
mod outcome;
pub mod report;
pub(crate) mod style;
pub mod wizard;
mod wrap;

pub use outcome::Outcome;
