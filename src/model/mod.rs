//! ③ Trees to one model of the application.

pub mod modules;
pub mod names;
