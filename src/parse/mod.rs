//! ② Text to trees with byte spans. One file per language.

pub mod dockerfile;
pub mod dotenv;
pub mod html;
pub mod ini;
pub mod jenkinsfile;
pub mod jinja;
pub mod makefile;
pub mod mapped;
pub mod procfile;
pub mod python;
pub mod requirements;
pub mod shell;
pub mod toml;
pub mod yaml;

#[cfg(test)]
mod hostile;
