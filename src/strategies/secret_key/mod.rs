//! Manage the secret key securely.

mod checks;
pub mod fallback;
pub mod hardcoded;
mod keys;
mod report;
mod sightings;
mod surroundings;
mod volatile;
