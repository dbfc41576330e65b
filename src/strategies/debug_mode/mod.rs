//! Disable debug mode in production.

mod command_line;
pub mod config;
pub mod environment;
mod flask;
pub mod guard;
mod guards;
mod reach;
pub mod run;
mod switch;
mod walk;
mod wrapper;
