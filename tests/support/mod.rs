//! What the tests that execute generated Python share: virtual environments, small
//! applications patched by the real library, and servers with a client.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod python;
pub mod server;
pub mod site;
