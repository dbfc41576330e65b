//! Data flow: which values of a client reach which sink, and what happened to them on the way.
//!
//! [`Flows`] is plain data for controls and patches.

mod facts;
mod output;

pub use facts::Facts;
pub use output::{
    FileOperation, Flows, HtmlContext, Outcome, Sink, SinkCall, TaintPiece, Undecided, WeakCheck,
};
