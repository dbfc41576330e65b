//! The command line as people and scripts meet it: every command, exit code and message.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "cli/bad_input.rs"]
mod bad_input;
#[path = "cli/explain.rs"]
mod explain;
#[path = "cli/fix.rs"]
mod fix;
#[path = "cli/help.rs"]
mod help;
#[path = "cli/scan.rs"]
mod scan;
#[path = "cli/schema.rs"]
mod schema;
#[path = "cli/settings.rs"]
mod settings;
#[path = "cli/support.rs"]
mod support;
