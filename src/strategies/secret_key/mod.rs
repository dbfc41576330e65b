//! Manage the secret key securely.

pub mod checked;
mod checks;
pub mod committed;
pub mod fallback;
pub mod fresh;
pub mod hardcoded;
mod in_files;
mod keys;
pub mod masks;
mod outside;
mod report;
pub mod rotation;
mod sightings;
mod signers;
pub mod store;
pub mod strength;
mod surroundings;
pub mod volatile;
