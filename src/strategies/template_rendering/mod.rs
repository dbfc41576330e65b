//! Keep request values out of template sources and markup.

pub mod escape_import;
