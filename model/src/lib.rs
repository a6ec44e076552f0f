//! What can happen: the vocabulary of mail over TLS, the scenario, the trace, the MTA as pure machines
//! with their mutants, and the trait of the judges.
//!
//! This crate never opens a socket, reads a clock, draws a random number, or knows what is right.

pub mod formal;
pub mod monitor;
pub mod mta;
pub mod mutant;
pub mod name;
pub mod observation;
pub mod report;
pub mod scenario;
pub mod smtp;
pub mod trace;
pub mod transcript;

/// `cargo bolero` builds every test of the crate for the fuzzing engine, which each of them must then be linked with.
#[cfg(test)]
extern crate bolero as _;
