//! What is right: the rules by RFC number, the requirement oracle, the monitors over traces, and the campaigns that
//! put them to the test.

pub mod campaign;
pub mod generate;
pub mod judge;
pub mod logging;
pub mod rules;
pub mod shrink;
