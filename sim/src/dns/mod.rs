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

use postern_model::name::DomainName;

pub use resolver::{Families, Resolver};
pub use server::serve;
pub use zones::{SharedZones, Zones};

/// The port of DNS (RFC 1035 §4.2.1).
pub const PORT: u16 = 53;

/// The largest datagram that either side takes. All answers of a world fit: there is no TCP to fall back to.
const LARGEST_MESSAGE: u16 = u16::MAX;

/// The longest chain of aliases that is followed: beyond it, and in a circle, the lookup fails.
const ALIASES_MAX: usize = 8;

/// A question as it stands on the wire.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    name: DomainName,
    kind: Kind,
}

/// The type of the records that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Mx,
    Ipv4,
    Ipv6,
}
