//! What the machine remembers of hosts. A restart forgets it all.

use std::collections::BTreeSet;

use super::PeerId;

/// The memory of one host about others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Memory {
    /// Hosts with which a handshake was once completed. Warns, and decides nothing (SEED-11).
    tls_seen: BTreeSet<PeerId>,
    /// Hosts at which TLS broke a session not long ago (C-DG-12).
    tls_failed: BTreeSet<PeerId>,
    /// Hosts that refused a message for good. Only a mutant looks here: the next message is another (R5321-4.5.4.1-e).
    refused: BTreeSet<PeerId>,
}

impl Memory {
    /// A handshake with the host was completed: what broke before is mended.
    pub(super) fn secured(&mut self, peer: PeerId) {
        self.tls_seen.insert(peer);
        self.tls_failed.remove(&peer);
    }

    pub(super) fn has_seen_tls(&self, peer: PeerId) -> bool {
        self.tls_seen.contains(&peer)
    }

    /// Whether that is news.
    pub(super) fn tls_failed(&mut self, peer: PeerId) -> bool {
        self.tls_failed.insert(peer)
    }

    pub(super) fn has_tls_failed(&self, peer: PeerId) -> bool {
        self.tls_failed.contains(&peer)
    }

    pub(super) fn forget_tls_failure(&mut self, peer: PeerId) {
        self.tls_failed.remove(&peer);
    }

    pub(super) fn refused(&mut self, peer: PeerId) {
        self.refused.insert(peer);
    }

    pub(super) fn has_refused(&self, peer: PeerId) -> bool {
        self.refused.contains(&peer)
    }
}
