//! Manage the secret key securely.

pub mod checked;
mod checks;
pub mod fallback;
pub mod hardcoded;
mod keys;
mod report;
mod sightings;
pub mod strength;
mod surroundings;
pub mod volatile;
