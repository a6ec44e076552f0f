//! What is right: the rules by RFC number, the requirement oracle, the monitors over traces, the judge that puts
//! them together, and the campaigns that put them all to the test.
//!
//! The judges believe nobody's own claim of security: they read the tap at the other end of the wire. They name no
//! machine of the model and nothing of the simulator; a test holds that.

pub mod breaks;
pub mod campaign;
pub mod catalogue;
mod certificate;
pub mod check;
pub mod claims;
pub mod command;
pub mod coverage;
pub mod expectation;
pub mod fates;
pub mod generate;
pub mod judge;
pub mod logging;
pub mod matrix;
pub mod monitors;
pub mod oracle;
pub mod page;
pub mod picture;
pub mod reader;
pub mod readings;
pub mod relation;
pub mod rules;
pub mod setup;
pub mod shrink;
pub mod situations;
pub mod subjects;
pub mod suite;
pub mod table;
pub mod threats;

#[cfg(test)]
mod testing;

// The command names the library as everybody does who uses it.
extern crate self as mailpostern;
