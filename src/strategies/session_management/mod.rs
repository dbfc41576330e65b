//! Keep sessions on the server, and their cookies out of other hands.

pub mod cookie_flags;
