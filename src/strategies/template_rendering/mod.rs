//! Keep request values out of template sources and markup.

pub mod autoescape;
pub mod escape_import;
pub mod html_response;
pub mod markup_input;
pub mod template_attribute;
pub mod template_injection;

mod environments;
mod marked_safe;
mod values;
