//! Generated Python is executed: our real patches, on small applications, under real Flask.
//!
//! `cargo test --test generated_python` runs what is quick, on the newest Flask and on 2.2;
//! `cargo test --test generated_python -- --include-ignored` adds the other releases.

#![expect(
    clippy::unwrap_used,
    reason = "outside of #[test] functions, and still a test"
)]

#[path = "../support/mod.rs"]
mod support;

mod debug_guard;
mod debug_mode;
mod deployment_files;
mod requests;
mod sample;
mod secret_key;
mod security_headers;
