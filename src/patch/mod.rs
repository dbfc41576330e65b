//! ⑥ Patches composed to new texts, and proven.

mod compose;
mod proof;

pub use compose::{Composition, Conflict, NewText, compose};
pub use proof::{Flaw, Proven, prove};
