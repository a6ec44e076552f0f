//! Which alarm belongs to which session. Of sessions side by side nobody says which one gave occasion, so an alarm is false,
//! or missing, only if no way of giving each its own would do.
//!
//! Whether every alarm has a session, and whether every session that is owed one has an alarm, are asked one by one: where
//! each can be had alone, both can be had together (Mendelsohn and Dulmage). Sessions come up in the order in which they
//! expire and take the earliest alarm that may be theirs, which is best because each may have what was raised in one stretch
//! of time.

use std::collections::BTreeSet;

use postern_model::observation::{ConnectionId, HostId};

/// The alarms whose sessions have not all expired.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Alarms(Vec<Raised>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Raised {
    client: HostId,
    peer: HostId,
    /// The sessions that may have given occasion for it.
    sessions: BTreeSet<ConnectionId>,
    /// One of them did.
    is_justified: bool,
    /// One that was owed an alarm has this one.
    is_owed: bool,
}

/// The client and the peer of an alarm that no session gave occasion for.
#[derive(Debug)]
pub(super) struct FalseAlarm(pub(super) HostId, pub(super) HostId);

impl Alarms {
    /// An alarm, and the sessions that may have given occasion for it.
    pub(super) fn raised(
        &mut self,
        client: HostId,
        peer: HostId,
        sessions: BTreeSet<ConnectionId>,
    ) -> Result<(), FalseAlarm> {
        if sessions.is_empty() {
            return Err(FalseAlarm(client, peer));
        }
        self.0.push(Raised {
            client,
            peer,
            sessions,
            is_justified: false,
            is_owed: false,
        });
        Ok(())
    }

    /// Takes an alarm for a session that is owed one; whether there was one.
    pub(super) fn pays(&mut self, session: ConnectionId) -> bool {
        let mut own = self.0.iter_mut().filter(|alarm| alarm.sessions.contains(&session));
        let unpaid = own.find(|alarm| !alarm.is_owed);
        unpaid.map(|alarm| alarm.is_owed = true).is_some()
    }

    /// A session without TLS that no later alarm is about: an earlier one may be.
    pub(super) fn expires(&mut self, session: ConnectionId) -> Result<(), FalseAlarm> {
        let mut own = self.0.iter_mut().filter(|alarm| alarm.sessions.contains(&session));
        if let Some(alarm) = own.find(|alarm| !alarm.is_justified) {
            alarm.is_justified = true;
        }
        self.acquits(session)
    }

    /// A session that no alarm is about.
    pub(super) fn acquits(&mut self, session: ConnectionId) -> Result<(), FalseAlarm> {
        for alarm in &mut self.0 {
            alarm.sessions.remove(&session);
        }
        let mut over = self.0.iter().filter(|alarm| alarm.sessions.is_empty());
        if let Some(alarm) = over.find(|alarm| !alarm.is_justified) {
            return Err(FalseAlarm(alarm.client, alarm.peer));
        }
        self.0.retain(|alarm| !alarm.sessions.is_empty());
        Ok(())
    }

    /// A client has crashed.
    pub(super) fn forget(&mut self, client: HostId) {
        self.0.retain(|alarm| alarm.client != client);
    }

    /// The sessions of alarms that may still turn out either way.
    pub(super) fn sessions(&self) -> BTreeSet<ConnectionId> {
        self.0.iter().flat_map(|alarm| alarm.sessions.iter().copied()).collect()
    }
}
