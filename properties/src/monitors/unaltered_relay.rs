//! P49: a relay changes nothing of a message but the trace lines on top of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{ConnectionId, HostId, MessageId, Observation};

use super::sessions::Sessions;
use super::{named, violation};
use crate::setup::Setup;

/// Compares what arrived at a host with what the host sends on, by digest. What it sends of a message that it queued first
/// is its own, and so is what was never seen to arrive.
///
/// Exercised by content that a relay sends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UnalteredRelay {
    setup: Setup,
    sessions: Sessions<()>,
    /// Where each message entered a queue first.
    origins: BTreeMap<MessageId, HostId>,
    arrived: BTreeMap<(HostId, MessageId), BTreeSet<u64>>,
    exercised: bool,
}

impl UnalteredRelay {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            setup,
            sessions: Sessions::default(),
            origins: BTreeMap::new(),
            arrived: BTreeMap::new(),
            exercised: false,
        }
    }
}

impl Monitor for UnalteredRelay {
    fn observe(&mut self, _after: Duration, observation: &Observation) -> Result<(), Violation> {
        self.sessions.observe(observation);
        match *observation {
            Observation::Queued { host, message, .. } => {
                self.origins.entry(message).or_insert(host);
                Ok(())
            }
            Observation::Digest {
                connection,
                message,
                digest,
            } => self.crossed(connection, message, digest),
            _ => Ok(()),
        }
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl UnalteredRelay {
    fn crossed(&mut self, connection: ConnectionId, message: MessageId, digest: u64) -> Result<(), Violation> {
        let Some(session) = self.sessions.get(connection) else {
            return Ok(());
        };
        // An attacker that passes TLS on unread is the acceptor, and what arrives at it arrives at the server.
        self.arrived
            .entry((session.server, message))
            .or_default()
            .insert(digest);
        let client = session.client;
        let is_origin = self.origins.get(&message).is_none_or(|origin| *origin == client);
        let arrived = self.arrived.get(&(client, message));
        let Some(arrived) = arrived.filter(|_| session.is_clients_own() && !is_origin) else {
            return Ok(());
        };
        self.exercised = true;
        if arrived.contains(&digest) {
            return Ok(());
        }
        let why = format!(
            "{} passed {} on changed, and not by its trace line alone",
            self.setup.host_name(client),
            named(message),
        );
        Err(violation("R5321-3.6.3-b", why))
    }
}

#[cfg(test)]
mod tests {
    use postern_model::scenario::Level;

    use super::super::story::{Found, MAIL, MX1, MX2, OUT, Story, setup};
    use super::*;

    fn judged(story: Story) -> Found {
        story.judged_by(UnalteredRelay::new(setup(Level::May)))
    }

    fn crosses(story: Story, connection: u32, from: HostId, to: HostId, digest: u64) -> Story {
        let connection = ConnectionId(connection);
        let message = MAIL;
        story
            .sees(Observation::Dialled {
                connection,
                from,
                to,
                address: 0,
            })
            .sees(Observation::Digest {
                connection,
                message,
                digest,
            })
    }

    #[test]
    fn a_relay_sends_on_what_it_was_sent() {
        let relayed = |digest| {
            let arrived = crosses(Story::new().mail_is_tried(), 1, OUT, MX1, 7);
            crosses(arrived.mail_is_queued_at(MX1), 2, MX1, MX2, digest)
        };
        assert_eq!(judged(relayed(7)), Found::Holds);
        assert_eq!(judged(relayed(8)), Found::Violated("R5321-3.6.3-b"));
    }

    #[test]
    fn what_a_host_sends_first_is_its_own() {
        let retried = crosses(crosses(Story::new().mail_is_tried(), 1, OUT, MX1, 7), 2, OUT, MX2, 8);
        assert_eq!(judged(retried), Found::NotExercised);
    }
}
