//! The MTA as pure machines: no sockets, no clock, no randomness, no async; `Clone + Eq + Hash`.
//!
//! The invariant of all of them: after every `handle`, call `poll` until it says `Idle`. Time is a fact handed in
//! ([`session::Input::Expired`]), TLS is a fact handed in ([`session::Input::TlsUp`]), and names that the machine must
//! look up are asked of the driver ([`session::Output::Ask`]).

pub mod client;
pub mod delivery;
pub mod notification;
#[cfg(test)]
mod pair;
pub mod policy;
pub mod recipient;
pub mod server;
pub mod session;
pub mod timer;
