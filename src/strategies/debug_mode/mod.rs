//! Disable debug mode in production.

mod address;
mod command_line;
pub mod config;
pub mod debug_tests;
mod default_configuration;
pub mod deploy_verification;
mod environ;
pub mod environment;
mod flask;
pub mod guard;
mod guards;
mod logic;
mod reach;
pub mod run;
mod start_flags;
mod switch;
mod target;
mod walk;
mod wrapper;
pub mod wsgi_server;
