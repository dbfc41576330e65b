//! ② Text to trees with byte spans. One file per language.

pub mod dotenv;
pub mod mapped;
pub mod python;
