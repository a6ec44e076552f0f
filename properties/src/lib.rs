//! What is right: the rules by RFC number, the requirement oracle, the monitors over traces, and the judge that puts
//! them together.
//!
//! The judges believe nobody's own claim of security: they read the tap at the other end of the wire. They name no
//! machine of the model and nothing of the simulator; a test holds that.

pub mod breaks;
pub mod fates;
pub mod judge;
pub mod monitors;
pub mod oracle;
pub mod reader;
pub mod rules;
pub mod setup;
#[cfg(test)]
mod testing;
