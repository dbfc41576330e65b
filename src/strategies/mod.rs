//! ④ The six mitigation strategies: one folder each, one file per control.
//!
//! To add a control: its file beside its neighbours, one line in [`registry`], its page under
//! `assets/controls/`, its fixture folder. A test names whatever is missing.

pub mod control;
pub mod registry;
pub mod scope;
pub mod strategy;

pub mod debug_mode;
pub mod dependency_updates;
pub mod file_handling;
pub mod secret_key;
pub mod session_management;
pub mod template_rendering;

mod flowing;
mod test_settings;
#[cfg(test)]
pub(crate) mod testing;

pub use control::{About, Answers, Control};
pub use scope::Scope;
pub use strategy::{Strategy, Threat};
