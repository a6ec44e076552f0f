//! A state of the model: everything that there is, by its numbers.

use super::configuration::Budget;
use super::end::Party;

/// Everything but the judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct World {
    /// The machines, the client's first.
    pub(super) machines: [u32; 2],
    pub(super) standings: [Standing; 2],
    /// What is on its way to each.
    pub(super) flights: [u32; 2],
    /// The taps of both connections.
    pub(super) taps: u32,
    /// How many messages the server has kept that came inside TLS, up to two.
    pub(super) kept: u8,
    pub(super) left: Budget,
    /// The connection stands.
    pub(super) is_open: bool,
}

/// How an end stands to TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Standing {
    /// It reads in clear.
    Clear,
    /// It has begun its part of the handshake.
    Shaking {
        /// It demands the certificate of the next hop.
        is_demanding: bool,
    },
    /// It reads what comes inside TLS.
    Tls,
    /// It has closed.
    Over,
}

impl World {
    pub(super) fn machine(&self, party: Party) -> u32 {
        self.machines[party as usize]
    }

    pub(super) fn standing(&self, party: Party) -> Standing {
        self.standings[party as usize]
    }

    pub(super) fn flight_to(&self, party: Party) -> u32 {
        self.flights[party as usize]
    }

    pub(super) fn is_shaking(&self, party: Party) -> bool {
        matches!(self.standing(party), Standing::Shaking { .. })
    }

    pub(super) fn is_secured(&self, party: Party) -> bool {
        self.standing(party) == Standing::Tls
    }

    pub(super) fn is_over(&self, party: Party) -> bool {
        self.standing(party) == Standing::Over
    }
}
