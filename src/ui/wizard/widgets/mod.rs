//! Pieces that several screens draw with.

pub mod bar;
pub mod diff;
pub mod list;
pub mod markdown;
pub mod pane;
pub mod prose;
pub mod text;
