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

#[cfg(test)]
mod tests {
    use postern_model::scenario::{Host, Scenario};

    use super::*;

    const OUT: HostId = HostId(0);
    const B: DomainId = DomainId(0);
    const CONNECTION: ConnectionId = ConnectionId(1);

    fn oracle(level: Level) -> Oracle {
        let name = |text: &str| text.parse().expect("a name");
        let mut out = Host::new(name("out.a.example"));
        out.policy.insert(name("b.example"), level);
        Oracle::new(Setup::of(&Scenario {
            title: "one sender".to_owned(),
            host: vec![out],
            ..Scenario::default()
        }))
    }

    fn changes(oracle: &mut Oracle, level: Level) {
        oracle.observe(&Observation::Policy {
            host: OUT,
            next_hop: B,
            level,
        });
    }

    fn dials(oracle: &mut Oracle) {
        oracle.observe(&Observation::Dialled {
            connection: CONNECTION,
            from: OUT,
            to: HostId(1),
            address: 0,
        });
    }

    #[test]
    fn requirements_are_ordered_by_strength() {
        let of = |level| Requirement::of(level, B);
        assert_eq!(of(Level::None), of(Level::May));
        assert!(of(Level::May) < of(Level::Encrypt));
        assert!(of(Level::Encrypt) < of(Level::Secure));
    }

    #[test]
    fn what_is_demanded_of_a_connection_is_the_weakest_level_since_its_dial() {
        for (before, after, weakest) in [
            (Level::May, Level::Encrypt, Level::May),
            (Level::Encrypt, Level::May, Level::May),
            (Level::Secure, Level::Encrypt, Level::Encrypt),
            (Level::Encrypt, Level::Encrypt, Level::Encrypt),
        ] {
            let mut oracle = oracle(before);
            dials(&mut oracle);
            changes(&mut oracle, after);
            assert_eq!(oracle.weakest_level(CONNECTION, B), Some(weakest));
            assert_eq!(oracle.level(OUT, B), after);
        }
    }

    #[test]
    fn a_change_before_the_dial_is_all_that_counts() {
        let mut oracle = oracle(Level::May);
        changes(&mut oracle, Level::Encrypt);
        dials(&mut oracle);
        assert_eq!(oracle.weakest_level(CONNECTION, B), Some(Level::Encrypt));
    }

    #[test]
    fn a_short_weakness_is_remembered_until_the_connection_ends() {
        let mut oracle = oracle(Level::Encrypt);
        dials(&mut oracle);
        changes(&mut oracle, Level::None);
        changes(&mut oracle, Level::Encrypt);
        assert_eq!(oracle.weakest_level(CONNECTION, B), Some(Level::None));
        oracle.observe(&Observation::Closed { connection: CONNECTION });
        assert_eq!(oracle.weakest_level(CONNECTION, B), None);
    }

    #[test]
    fn a_change_that_is_taken_back_leaves_no_trace() {
        let mut changed = oracle(Level::Encrypt);
        changes(&mut changed, Level::May);
        changes(&mut changed, Level::Encrypt);
        assert_eq!(changed, oracle(Level::Encrypt));
    }
}
