//! Helpers that turn an intention into edits: imports, configuration, deployment, dependencies.

pub mod arguments;
pub mod command;
pub mod config;
pub mod dependency;
pub mod entries;
pub mod environment;
pub mod image_user;
mod import_names;
pub mod imports;
pub mod insertion;
pub mod module_file;
pub mod paths;
pub mod statements;

#[cfg(test)]
mod hostile;
