//! Disable debug mode in production.

mod command_line;
mod flask;
mod reach;
pub mod run;
mod switch;
mod walk;
mod wrapper;
