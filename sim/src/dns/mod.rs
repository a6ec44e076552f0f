//! DNS as messages on the wire: each MTA asks a caching resolver, which knows what is published.
//!
//! One host plays the resolvers of all MTAs. Each has a cache of its own, so that hosts may differ in what they believe.

mod message;
mod resolver;
mod server;
mod zones;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;

pub use resolver::Resolver;
pub use server::serve;
pub use zones::{SharedZones, Zones};

/// The port of DNS (RFC 1035 §4.2.1).
pub const PORT: u16 = 53;

/// The largest datagram that either side takes. All answers of a world fit: there is no TCP to fall back to.
const LARGEST_MESSAGE: u16 = u16::MAX;
