//! Which records belong to which attempt at a message.

use std::collections::BTreeMap;

use crate::name::{DomainName, Token};
use crate::trace::{ConnectionId, Event, LogEntry, Trace};

/// An attempt and all that happened for it.
#[derive(Debug)]
pub(super) struct Attempt {
    /// The sending MTA.
    pub(super) host: DomainName,
    /// The message.
    pub(super) message: Token,
    /// The places of its records in the trace, the first being the MTA's own word that the attempt begins.
    pub(super) records: Vec<usize>,
    /// The connection that it uses now, and the host at its other end.
    connection: Option<(ConnectionId, DomainName)>,
}

/// Every attempt, and for each record the place of the attempt that it belongs to.
pub(super) fn attempts(trace: &Trace) -> (Vec<Attempt>, Vec<Option<usize>>) {
    let mut reader = Reader::default();
    let owners = trace.records.iter().enumerate().map(|(place, record)| {
        let owner = reader.owner(&record.event);
        if let Some(attempt) = owner {
            reader.attempts[attempt].records.push(place);
        }
        owner
    });
    let owners = owners.collect();
    (reader.attempts, owners)
}

#[derive(Debug, Default)]
struct Reader {
    attempts: Vec<Attempt>,
    /// The places of the attempts that are not over, in the order of their beginning.
    under_way: Vec<usize>,
    connections: BTreeMap<ConnectionId, usize>,
}

impl Reader {
    fn owner(&mut self, event: &Event) -> Option<usize> {
        match event {
            Event::Set(_)
            | Event::Adversary { .. }
            | Event::Deceived { .. }
            | Event::Queued { .. }
            | Event::HorizonReached => None,
            Event::Delivered { message, .. } | Event::Stolen { message, .. } => {
                self.latest(|attempt| attempt.message == *message)
            }
            Event::Answered { host, .. } => self
                .latest(|attempt| attempt.host == *host)
                .or_else(|| self.latest_at(host)),
            Event::Dialled {
                connection,
                from,
                to,
                relays,
                ..
            } => {
                let owner = match relays {
                    Some(victim) => self.connections.get(victim).copied(),
                    None => self
                        .latest(|attempt| attempt.host == *from && attempt.connection.is_none())
                        .or_else(|| self.latest(|attempt| attempt.host == *from)),
                }?;
                self.connections.insert(*connection, owner);
                if relays.is_none() {
                    self.attempts[owner].connection = Some((*connection, to.clone()));
                }
                Some(owner)
            }
            Event::NotConnected { connection, .. } | Event::Closed { connection, .. } => {
                let owner = *self.connections.get(connection)?;
                let attempt = &mut self.attempts[owner];
                attempt.connection.take_if(|(current, _)| current == connection);
                Some(owner)
            }
            Event::Connected { connection, .. }
            | Event::Line { connection, .. }
            | Event::Content { connection, .. }
            | Event::Secured { connection, .. }
            | Event::ClientPresented { connection, .. }
            | Event::ClientRefused { connection, .. }
            | Event::Hello { connection, .. }
            | Event::NotSecured { connection, .. }
            | Event::HandshakeUnasked { connection }
            | Event::BareLineEnd { connection, .. }
            | Event::HungUp { connection, .. }
            | Event::Told { connection, .. }
            | Event::Interfered { connection, .. } => self.connections.get(connection).copied(),
            Event::Logged { host, entry } => self.logger(host, entry),
        }
    }

    fn logger(&mut self, host: &DomainName, entry: &LogEntry) -> Option<usize> {
        let of = |message: &Token| {
            let message = message.clone();
            move |attempt: &Attempt| attempt.host == *host && attempt.message == message
        };
        match entry {
            LogEntry::Attempt { message, .. } => {
                self.attempts.push(Attempt {
                    host: host.clone(),
                    message: message.clone(),
                    records: Vec::new(),
                    connection: None,
                });
                self.under_way.push(self.attempts.len() - 1);
                self.under_way.last().copied()
            }
            LogEntry::Sent { message, .. } | LogEntry::Deferred { message, .. } | LogEntry::Bounced { message, .. } => {
                let owner = self.latest(of(message))?;
                self.under_way.retain(|&attempt| attempt != owner);
                Some(owner)
            }
            LogEntry::Held { message, .. } => self.latest(of(message)),
            LogEntry::Alarm { peer } => self
                .latest(|attempt| {
                    attempt.host == *host && attempt.connection.as_ref().is_some_and(|(_, to)| to == peer)
                })
                .or_else(|| self.latest(|attempt| attempt.host == *host)),
        }
    }

    /// The attempt that began last of those that are under way and fit.
    fn latest(&self, fits: impl Fn(&Attempt) -> bool) -> Option<usize> {
        self.under_way
            .iter()
            .rev()
            .copied()
            .find(|&attempt| fits(&self.attempts[attempt]))
    }

    /// The attempt under way whose client talks to this server.
    fn latest_at(&self, server: &DomainName) -> Option<usize> {
        self.latest(|attempt| attempt.connection.as_ref().is_some_and(|(_, to)| to == server))
    }
}
