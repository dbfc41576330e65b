//! What people and programs see: the commands, the reports and the dialogues. All of them read
//! the session's values; none of them owns a rule.

pub mod cli;
pub mod report;
pub(crate) mod style;
mod wrap;
