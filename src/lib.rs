//! Makes a Flask application safe to run in production.
//!
//! The crate is a pipeline. Data flows one way, each stage is a plain function from the value
//! before it to the next value, and a stage imports only from stages listed above it
//! (`tests/architecture.rs` reads the `use crate::…` lines and fails on an upward import).
//!
//! ```text
//! path ─► discover ─► parse ─► model ─► strategies ─► assessment ─► patch ─► diff ─► git
//!         files       trees    the app   controls      verdicts,     edits,   hunks   branch,
//!                                                      impact        proof            commits
//! ```
//!
//! The wizard, the commands and the reports read these values through one door, [`session`].

pub mod error;
pub mod suggest;
pub mod text;

pub mod discover;
pub mod parse;

pub mod finding;

pub mod model;

pub mod edit;

pub mod strategies;

pub mod settings;

pub mod assessment;

pub mod patch;

pub mod diff;
pub mod git;

pub mod session;

pub mod ui;
