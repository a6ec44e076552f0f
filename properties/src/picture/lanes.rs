//! Who stands where.

use std::collections::BTreeSet;

use postern_model::name::DomainName;
use postern_model::trace::{ConnectionId, End, Event, Trace};
use postern_model::transcript::Told;

use super::call::{Call, Calls};
use super::{Lane, LaneKind, Place};

/// The lanes, and where to find whom.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: Vec<Lane>,
}

impl Lanes {
    /// The resolver stands left of who asks it, the attacker right of who dials first, and the others as they come.
    pub(super) fn of(trace: &Trace, told: &[Told], calls: &Calls) -> Self {
        let mut hosts: Vec<DomainName> = Vec::new();
        let mut meet = |host: &DomainName| {
            if !hosts.contains(host) {
                hosts.push(host.clone());
            }
        };
        let mut has_resolver = false;
        let mut has_attacker = calls.values().any(|call| call.is_shown && call.is_intercepted);
        let records: BTreeSet<usize> = told.iter().map(|told| told.record).collect();
        for record in &records {
            match &trace.records[*record].event {
                Event::Queued { host, .. } | Event::Delivered { host, .. } | Event::Logged { host, .. } => meet(host),
                Event::Answered { host, .. } => {
                    has_resolver = true;
                    meet(host);
                }
                Event::Dialled { from, to, .. } => {
                    meet(from);
                    meet(to);
                }
                Event::Stolen { .. } | Event::Adversary { .. } | Event::Deceived { .. } | Event::Interfered { .. } => {
                    has_attacker = true;
                }
                _ => {}
            }
        }
        let resolver = has_resolver.then(|| Lane::new("resolver", LaneKind::Resolver));
        let attacker = has_attacker.then(|| Lane::new("attacker", LaneKind::Attacker));
        let mut hosts = hosts.iter().map(|host| Lane::new(host.as_str(), kind_of(host, calls)));
        let first = hosts.next();
        let lanes = resolver.into_iter().chain(first).chain(attacker).chain(hosts);
        Self { lanes: lanes.collect() }
    }

    pub(super) fn into_lanes(self) -> Vec<Lane> {
        self.lanes
    }

    pub(super) fn resolver(&self) -> Option<Place> {
        self.of_kind(LaneKind::Resolver)
    }

    pub(super) fn attacker(&self) -> Option<Place> {
        self.of_kind(LaneKind::Attacker)
    }

    pub(super) fn host(&self, host: &DomainName) -> Option<Place> {
        let is_host = |lane: &Lane| !matches!(lane.kind, LaneKind::Resolver | LaneKind::Attacker);
        self.lanes
            .iter()
            .position(|lane| is_host(lane) && lane.name == host.as_str())
    }

    /// Where the two ends of a connection stand; `through` an attacker who does not read what crosses it.
    pub(super) fn ends(&self, call: &Call, through: bool) -> Option<(Place, Place)> {
        let dialler = match call.relays {
            Some(_) => self.attacker(),
            None => self.host(&call.from),
        };
        let acceptor = match call.is_intercepted && !through {
            true => self.attacker(),
            false => self.host(&call.to),
        };
        dialler.zip(acceptor)
    }

    /// From whom to whom something crosses a connection.
    pub(super) fn way(
        &self,
        calls: &Calls,
        connection: ConnectionId,
        by: End,
        through: bool,
    ) -> Option<(Place, Place)> {
        let (dialler, acceptor) = self.ends(calls.get(&connection)?, through)?;
        Some(match by {
            End::Dialler => (dialler, acceptor),
            End::Acceptor => (acceptor, dialler),
        })
    }

    fn of_kind(&self, kind: LaneKind) -> Option<Place> {
        self.lanes.iter().position(|lane| lane.kind == kind)
    }
}

fn kind_of(host: &DomainName, calls: &Calls) -> LaneKind {
    let mut shown = calls.values().filter(|call| call.is_shown && call.relays.is_none());
    let is_dialled = shown.clone().any(|call| call.to == *host);
    match (shown.any(|call| call.from == *host), is_dialled) {
        (true, false) => LaneKind::Sender,
        (true, true) => LaneKind::Relay,
        (false, _) => LaneKind::Receiver,
    }
}

impl Lane {
    fn new(name: &str, kind: LaneKind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
        }
    }
}
