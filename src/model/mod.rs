//! ③ Trees to one model of the application.

pub mod deployment;
pub mod modules;
pub mod names;
