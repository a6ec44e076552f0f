//! What the rules demand of a client, computed from the client's own inputs only (RULES 0.2).

use std::collections::BTreeMap;

use postern_model::observation::{ConnectionId, DomainId, HostId, Observation};
use postern_model::scenario::Level;

use crate::setup::Setup;

/// The security that a connection must have before mail for a next hop may cross it. The order is that of strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Requirement {
    /// None.
    Clear,
    /// TLS, with anyone.
    Encrypted,
    /// TLS, with a server whose certificate proves this next hop.
    Authenticated(DomainId),
}

impl Requirement {
    /// What a local policy level requires for a next hop.
    pub fn of(level: Level, next_hop: DomainId) -> Self {
        match level {
            Level::None | Level::May => Self::Clear,
            Level::Encrypt => Self::Encrypted,
            Level::Secure => Self::Authenticated(next_hop),
        }
    }
}

/// Follows the local policies, and tells what is demanded of each connection.
///
/// A client reads its policy some time between dialling and sending. So where the policy changed while a connection was
/// open, the weakest level in force since it was dialled is what is demanded of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Oracle {
    setup: Setup,
    /// Where the level differs from that of the start.
    changed: BTreeMap<(HostId, DomainId), Level>,
    /// The weakest level since the dial, for next hops whose level changed meanwhile.
    open: BTreeMap<ConnectionId, (HostId, BTreeMap<DomainId, Level>)>,
}

impl Oracle {
    /// An oracle at the start.
    pub fn new(setup: Setup) -> Self {
        Self {
            setup,
            changed: BTreeMap::new(),
            open: BTreeMap::new(),
        }
    }

    /// Takes the next observation.
    pub fn observe(&mut self, observation: &Observation) {
        match *observation {
            Observation::Policy { host, next_hop, level } => self.change(host, next_hop, level),
            Observation::Dialled { connection, from, .. } => {
                self.open.insert(connection, (from, BTreeMap::new()));
            }
            Observation::Closed { connection } => {
                self.open.remove(&connection);
            }
            _ => {}
        }
    }

    /// The level in force now.
    pub fn level(&self, host: HostId, next_hop: DomainId) -> Level {
        let changed = self.changed.get(&(host, next_hop)).copied();
        changed.unwrap_or_else(|| self.setup.level(host, next_hop))
    }

    /// The weakest level in force since a client's own connection was dialled; `None` if no such connection is open.
    pub fn weakest_level(&self, connection: ConnectionId, next_hop: DomainId) -> Option<Level> {
        let (host, weakest) = self.open.get(&connection)?;
        let changed = weakest.get(&next_hop).copied();
        Some(changed.unwrap_or_else(|| self.level(*host, next_hop)))
    }

    fn change(&mut self, host: HostId, next_hop: DomainId, level: Level) {
        let before = self.level(host, next_hop);
        if before == level {
            return;
        }
        for (client, weakest) in self.open.values_mut() {
            if *client == host {
                let known = weakest.entry(next_hop).or_insert(before);
                *known = level.min(*known);
            }
        }
        if level == self.setup.level(host, next_hop) {
            self.changed.remove(&(host, next_hop));
        } else {
            self.changed.insert((host, next_hop), level);
        }
    }
}
