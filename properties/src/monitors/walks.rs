//! The walk of each attempt over the exchangers that DNS told its host of.

use std::collections::{BTreeMap, BTreeSet};

use postern_model::observation::{AddressAnswer, ConnectionId, DomainId, HostId, MessageId, Observation};
use postern_model::scenario::Phase;

use crate::setup::Setup;

/// The walks of all hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Walks {
    walks: BTreeMap<(HostId, MessageId), Walk>,
    /// The clients' own connections, and whether mail was sent on them.
    connections: BTreeMap<ConnectionId, (HostId, Place, bool)>,
    /// How many addresses each client was told that a name has.
    addresses: BTreeMap<(HostId, DomainId), u8>,
}

/// An address of a host, by its place among those that DNS gives.
pub(super) type Place = (HostId, u8);

/// The walk of one attempt, or of the last.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Walk {
    pub(super) next_hop: DomainId,
    /// The exchangers by preference. Empty where there is no MX, and for a fixed route.
    pub(super) told: BTreeSet<(u16, HostId)>,
    /// The addresses that were dialled, or used again.
    tried: BTreeSet<Place>,
    without_address: BTreeSet<HostId>,
    under_way: bool,
    /// Its host tried nothing else when it began.
    pub(super) began_alone: bool,
    copies: u8,
    /// Whatever was told and dialled may have been for another message: nobody can be accused.
    pub(super) is_certain: bool,
}

/// A step of a walk, with the walk as it stood before.
pub(super) struct Trial {
    pub(super) client: HostId,
    pub(super) server: HostId,
    /// Which of the server's addresses, of how many.
    pub(super) address: u8,
    pub(super) addresses: u8,
    /// A connection that stood was used again.
    pub(super) is_reuse: bool,
    pub(super) message: MessageId,
    pub(super) before: Walk,
}

impl Walks {
    /// Takes the next observation. The messages that a dial, or another use of a connection, may be for are returned.
    pub(super) fn observe(&mut self, setup: &Setup, observation: &Observation) -> Vec<Trial> {
        match *observation {
            Observation::Queued {
                host,
                message,
                next_hop,
                ..
            } => {
                let walk = self.walks.entry((host, message)).or_insert_with(|| Walk::new(next_hop));
                walk.copies = walk.copies.saturating_add(1);
            }
            Observation::Attempt { host, message } => {
                let is_alone = self.is_alone(host, message);
                if let Some(walk) = self.walks.get_mut(&(host, message)) {
                    let copies = walk.copies;
                    *walk = Walk {
                        under_way: true,
                        began_alone: is_alone && copies == 1,
                        copies,
                        is_certain: copies == 1,
                        ..Walk::new(walk.next_hop)
                    };
                }
            }
            Observation::Deferred { host, message } => {
                if let Some(walk) = self.walks.get_mut(&(host, message)) {
                    walk.under_way = false;
                }
            }
            Observation::Sent { host, message }
            | Observation::Bounced { host, message }
            | Observation::Delivered { host, message } => self.decided(host, message),
            Observation::Running { host, up: false } => {
                for (_, walk) in self.walks.iter_mut().filter(|((client, _), _)| *client == host) {
                    walk.under_way = false;
                }
            }
            Observation::Told {
                host,
                domain,
                exchanger,
                preference,
                is_first,
            } => self.told(host, domain, (preference, exchanger), is_first),
            Observation::NoAddress { host, exchanger } => {
                for (_, walk) in self.under_way(host) {
                    walk.without_address.insert(exchanger);
                }
            }
            Observation::AddressAnswered {
                host,
                name,
                answer: AddressAnswer::Found(count),
            } => {
                self.addresses.insert((host, name), count);
            }
            Observation::Dialled {
                connection,
                from,
                to,
                address,
            } => {
                self.connections.insert(connection, (from, (to, address), false));
                return self.tries(setup, from, (to, address), false);
            }
            Observation::Closed { connection } => {
                self.connections.remove(&connection);
            }
            Observation::Command {
                connection,
                phase: Some(Phase::Mail),
                ..
            } => {
                if let Some((from, to, used)) = self.connections.get_mut(&connection) {
                    let (from, to) = (*from, *to);
                    if std::mem::replace(used, true) {
                        return self.tries(setup, from, to, true);
                    }
                }
            }
            _ => {}
        }
        Vec::new()
    }

    /// The walk of a message at a host.
    pub(super) fn of(&self, host: HostId, message: MessageId) -> Option<&Walk> {
        self.walks.get(&(host, message))
    }

    /// Whether a host tries no other message now.
    pub(super) fn is_alone(&self, host: HostId, message: MessageId) -> bool {
        let mut others = self.walks.iter().filter(|(walk, _)| **walk != (host, message));
        !others.any(|((client, _), walk)| *client == host && walk.under_way)
    }

    /// How many addresses a client was told that a host has.
    pub(super) fn addresses(&self, setup: &Setup, client: HostId, server: HostId) -> u8 {
        let name = setup.own_name(server);
        let known = name.and_then(|name| self.addresses.get(&(client, name)));
        known.copied().unwrap_or(1)
    }

    fn under_way(&mut self, host: HostId) -> impl Iterator<Item = (MessageId, &mut Walk)> {
        let walks = self.walks.iter_mut();
        walks
            .filter(move |((client, _), walk)| *client == host && walk.under_way)
            .map(|((_, message), walk)| (*message, walk))
    }

    /// A second answer in one attempt may be meant for another message.
    fn told(&mut self, host: HostId, domain: DomainId, exchanger: (u16, HostId), is_first: bool) {
        for (_, walk) in self.under_way(host).filter(|(_, walk)| walk.next_hop == domain) {
            walk.is_certain &= !is_first || walk.told.is_empty();
            walk.told.insert(exchanger);
        }
    }

    fn tries(&mut self, setup: &Setup, client: HostId, place: Place, is_reuse: bool) -> Vec<Trial> {
        let (server, address) = place;
        let addresses = self.addresses(setup, client, server);
        let meant = self.under_way(client).filter(|(_, walk)| match walk.told.is_empty() {
            true => setup.may_serve(server, walk.next_hop),
            false => walk.told.iter().any(|(_, exchanger)| *exchanger == server),
        });
        let mut meant: Vec<(MessageId, &mut Walk)> = meant.collect();
        let is_certain = meant.len() == 1;
        let mut trials = Vec::new();
        for (message, walk) in &mut meant {
            walk.is_certain &= is_certain;
            trials.push(Trial {
                client,
                server,
                address,
                addresses,
                is_reuse,
                message: *message,
                before: walk.clone(),
            });
            walk.tried.insert(place);
        }
        trials
    }

    fn decided(&mut self, host: HostId, message: MessageId) {
        if let Some(walk) = self.walks.get_mut(&(host, message)) {
            walk.under_way = false;
            walk.copies = walk.copies.saturating_sub(1);
            if walk.copies == 0 {
                self.walks.remove(&(host, message));
            }
        }
    }
}

impl Walk {
    fn new(next_hop: DomainId) -> Self {
        Self {
            next_hop,
            told: BTreeSet::new(),
            tried: BTreeSet::new(),
            without_address: BTreeSet::new(),
            under_way: false,
            began_alone: false,
            copies: 0,
            is_certain: true,
        }
    }

    /// Whether an address was dialled, or used again.
    pub(super) fn has_tried(&self, place: Place) -> bool {
        self.tried.contains(&place)
    }

    /// The hosts at which some address was dialled, or used again.
    pub(super) fn tried_hosts(&self) -> impl Iterator<Item = HostId> {
        self.tried.iter().map(|(host, _)| *host)
    }

    /// Whether a host cannot be dialled, for want of an address.
    pub(super) fn is_without_address(&self, host: HostId) -> bool {
        self.without_address.contains(&host)
    }

    /// The preference of an exchanger.
    pub(super) fn preference(&self, host: HostId) -> Option<u16> {
        let found = self.told.iter().find(|(_, exchanger)| *exchanger == host);
        found.map(|(preference, _)| *preference)
    }

    /// The exchangers that a client may try: those better than itself, if it is one of them (RFC 5321 §5.1).
    pub(super) fn eligible(&self, client: HostId) -> impl Iterator<Item = (u16, HostId)> {
        let own = self.preference(client);
        let told = self.told.iter().copied();
        told.filter(move |(preference, _)| own.is_none_or(|own| *preference < own))
    }
}
