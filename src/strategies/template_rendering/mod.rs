//! Keep request values out of template sources and markup.

pub mod autoescape;
pub mod content_security_policy;
pub mod content_security_policy_strength;
pub mod escape_import;
pub mod html_response;
pub mod inline_template;
pub mod markup_input;
pub mod template_attribute;
pub mod template_injection;

mod encode;
mod environments;
mod marked_safe;
mod pages;
mod policy;
mod values;
