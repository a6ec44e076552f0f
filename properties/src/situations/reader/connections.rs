//! Connections: who dials whom, who is in between, and how often mail crosses them.

use std::net::IpAddr;

use postern_model::name::DomainName;
use postern_model::scenario::{AfterFailure, Attack, Trouble};
use postern_model::trace::{ConnectionId, NotConnected};

use super::{Connection, Reader};
use crate::situations::Situation;

impl Reader<'_> {
    pub(super) fn dialled(
        &mut self,
        connection: ConnectionId,
        from: &DomainName,
        to: &DomainName,
        address: IpAddr,
        is_relayed: bool,
    ) {
        let before = self.addresses.insert((from.clone(), to.clone()), address);
        if before.is_some_and(|before| before != address) {
            self.reached.insert(Situation::OtherAddress);
        }
        let mut open = self.connections.values();
        if !is_relayed && open.any(|open| open.contents > 0 && open.from == *from && open.to == *to) {
            self.reached.insert(Situation::SessionNotReused);
        }
        if self.scenario.host(from).is_none() {
            self.reached.insert(Situation::StrangerCame);
        }
        let dialled = Connection {
            from: from.clone(),
            contents: 0,
            leaves_tls: false,
            to: to.clone(),
            by_attacker: false,
            interference: None,
        };
        self.connections.insert(connection, dialled);
    }

    pub(super) fn connected(&mut self, connection: ConnectionId, intercepted: bool) {
        let Some(connection) = self.connections.get_mut(&connection) else {
            return;
        };
        connection.by_attacker = intercepted;
        let trouble = self.troubles.get(&connection.to).filter(|_| !intercepted);
        self.reached
            .extend(trouble.and_then(|trouble| trouble_situation(*trouble)));
        let host = self.scenario.host(&connection.to).filter(|_| !intercepted);
        let is_tarpit = host.is_some_and(|host| host.handshake.after_failure == AfterFailure::Delays);
        let has_failed = self
            .broke_tls
            .contains(&(connection.from.clone(), connection.to.clone()));
        self.reached
            .extend((is_tarpit && has_failed).then_some(Situation::Tarpit));
    }

    pub(super) fn not_connected(&mut self, connection: ConnectionId, why: NotConnected) {
        let Some(Connection { to, .. }) = self.connections.remove(&connection) else {
            return;
        };
        for (attack, expected) in [
            (Attack::Refuse, NotConnected::Refused),
            (Attack::BlackHole, NotConnected::TimedOut),
        ] {
            if why == expected && self.attacks.contains(&(to.clone(), attack)) {
                self.reached.insert(Situation::Attacked(attack.kind()));
            }
        }
    }

    pub(super) fn interfered(&mut self, connection: ConnectionId, attack: Attack) {
        self.reached.insert(Situation::Attacked(attack.kind()));
        self.reached.extend(answer_to_starttls(attack));
        if let Some(connection) = self.connections.get_mut(&connection) {
            connection.interference = Some(attack);
        }
    }

    pub(super) fn content(&mut self, connection: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&connection) else {
            return;
        };
        connection.contents += 1;
        let between = (connection.from.clone(), connection.to.clone());
        if connection.contents == 2 {
            self.reached.insert(Situation::SessionReused);
        }
        if connection.leaves_tls && self.broke_tls.contains(&between) {
            self.reached.insert(Situation::SentInClearFromMemory);
        }
    }
}

/// How an attacker answered STARTTLS: for now or for good.
fn answer_to_starttls(attack: Attack) -> Option<Situation> {
    match attack {
        Attack::AnswerStarttls(..500) => Some(Situation::StarttlsDeferred),
        Attack::AnswerStarttls(500..) => Some(Situation::StarttlsRefused),
        _ => None,
    }
}

/// The situation that a server's trouble makes.
fn trouble_situation(trouble: Trouble) -> Option<Situation> {
    Some(match trouble {
        Trouble::None => return None,
        Trouble::DemandsTlsOfAll => Situation::TlsDemandedOfAll,
        Trouble::NodesDiffer => Situation::NodesDiffered,
        Trouble::ListsDiffer => Situation::ListsDiffered,
        Trouble::ListsLittle => Situation::ListedLittle,
        Trouble::OffersTlsToAcquaintances => Situation::TlsForAcquaintances,
        Trouble::OffersTlsInsideTls => Situation::TlsOfferedInsideTls,
        Trouble::UnhappyWithTls => Situation::UnhappyWithTls,
        Trouble::NoCertificate => Situation::NoCertificate,
    })
}
