//! The words of the house as types: verdict, finding, evidence, remedy, patch, edit.
//!
//! Plain data that a control fills in and everything behind it reads.

mod edit;
mod patch;
mod severity;
mod verdict;

pub use edit::{Edit, Import};
pub use patch::{Covered, Patch, PatchKind, RemedyOption};
pub use severity::{Confidence, Severity};
pub use verdict::{Evidence, Finding, FlowStep, Verdict};
