//! Keep request values out of template sources and markup.

pub mod escape_import;
pub mod html_response;
pub mod markup_input;
pub mod template_injection;
