//! Hostile octets: whatever the other end sends, and in whatever order things happen, the machines and the readers stay
//! within their bounds.
//!
//! Each test is a fuzz target too (`docs/fuzzing.md`). Under `cargo test` it runs over its corpus and over a bounded
//! number of random cases.

mod client;
mod commands;
mod memory;
mod replies;
mod scenarios;
mod segments;
mod server;
mod session;
mod words;
