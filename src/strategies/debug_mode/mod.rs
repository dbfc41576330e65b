//! Disable debug mode in production.

pub mod run;
