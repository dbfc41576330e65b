//! Data flow: which values of a client reach which sink, and what happened to them on the way.
//!
//! An abstract interpreter over the trees. It runs every handler of the repository (and every
//! function that reads the request itself) on values of which it knows constants, containers by
//! key and index, text in parts, and objects by field. Calls of the repository's own functions
//! are run on the arguments they get, so a helper is judged by what it does and not by its name.
//!
//! * [`value`] what an expression can be, [`heap`] the mutable world and joining of paths,
//! * [`facts`] what is known of a piece of client text, [`guard`] how conditions add to it,
//! * [`interp`], [`exec`], [`expr`], [`call`] the interpreter, [`rest`] when a loop is done,
//! * [`text`], [`mod@format`], [`slice`], [`regex`], [`containers`], [`sets`], [`path`] what Python's own
//!   calls do, [`external`] and [`method`] foreign ones,
//! * [`source`] where client values enter, [`sink`] and [`response`] where they must not arrive,
//! * [`held`] what instances hold as mappings, [`schema`] classes that check what they are made of,
//!   [`fields`] how their fields are declared,
//! * [`shared`] what one handler leaves for others, [`filters`] what templates call,
//! * [`mod@errors`] what views raise and who answers it,
//! * [`factory`] what factories keep on the application,
//! * [`checked`] what checks that run before views let through,
//! * [`converters`] what URL converters of the application let through,
//! * [`answers`] what `after_request` makes of answers, [`prefixes`] parameters of URL prefixes,
//! * [`reach`] which functions can matter, [`register`] what makes them handlers, [`handler`] what
//!   these are called with, [`entry`] where evaluation starts.
//!
//! Calls per entry are bounded in depth and in work; where a bound cuts, [`Flows::undecided`]
//! says so.

mod answers;
mod builtin;
mod call;
mod checked;
mod classes;
mod codec;
mod containers;
mod converters;
mod dotted;
mod entry;
mod errors;
mod exec;
mod expr;
mod external;
mod factory;
mod facts;
mod fields;
mod filters;
mod format;
mod guard;
mod handler;
mod heap;
mod held;
mod interp;
#[cfg(test)]
mod marked;
mod method;
mod output;
mod path;
mod pattern;
mod prefixes;
mod reach;
mod regex;
mod register;
mod response;
mod rest;
mod schema;
mod sets;
mod shared;
mod sink;
mod slice;
mod source;
mod text;
mod value;
mod vars;

pub use entry::analyse;
pub use facts::Facts;
pub use output::{
    CONTEXT_PROCESSOR, FileOperation, Flows, Given, HtmlContext, Outcome, Sink, SinkCall,
    TaintPiece, Undecided, WeakCheck,
};
