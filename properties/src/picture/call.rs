//! The connections of a run, and how those that an attacker accepted go on.

use std::collections::{BTreeMap, BTreeSet};

use postern_model::name::DomainName;
use postern_model::scenario::Attack;
use postern_model::trace::{ConnectionId, Event, Trace};
use postern_model::transcript::Told;

/// What is known of a connection when all is over.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) from: DomainName,
    pub(super) to: DomainName,
    /// The attacker accepted it.
    pub(super) is_intercepted: bool,
    /// The attacker dialled it on behalf of this one.
    pub(super) relays: Option<ConnectionId>,
    /// The TLS on it goes on to where it was meant to go: the attacker passes it on unread.
    pub(super) has_tls_through: bool,
    /// It is shown: its attempt is not among those that are only counted.
    pub(super) is_shown: bool,
}

pub(super) type Calls = BTreeMap<ConnectionId, Call>;

/// All connections of a run.
pub(super) fn calls(trace: &Trace, told: &[Told]) -> Calls {
    let shown: BTreeSet<ConnectionId> = told.iter().filter_map(|told| told.connection).collect();
    let mut calls = Calls::new();
    let mut terminated = BTreeSet::new();
    let mut secured = BTreeSet::new();
    for record in &trace.records {
        match &record.event {
            Event::Dialled {
                connection,
                from,
                to,
                relays,
                ..
            } => {
                let call = Call {
                    from: from.clone(),
                    to: to.clone(),
                    is_intercepted: false,
                    relays: *relays,
                    has_tls_through: false,
                    is_shown: shown.contains(&relays.unwrap_or(*connection)),
                };
                calls.insert(*connection, call);
            }
            Event::Connected {
                connection,
                intercepted,
            } => {
                if let Some(call) = calls.get_mut(connection) {
                    call.is_intercepted = *intercepted;
                }
            }
            Event::Interfered {
                connection,
                attack: Attack::InterceptTls(_),
                ..
            } => drop(terminated.insert(*connection)),
            Event::Secured { connection, .. } => drop(secured.insert(*connection)),
            _ => {}
        }
    }
    let legs: Vec<(ConnectionId, ConnectionId)> = calls
        .iter()
        .filter_map(|(leg, call)| Some((call.relays?, *leg)))
        .collect();
    for (whole, leg) in legs {
        let is_through = !terminated.contains(&whole) && !secured.contains(&leg);
        if let Some(call) = calls.get_mut(&whole) {
            call.has_tls_through = is_through;
        }
    }
    calls
}
