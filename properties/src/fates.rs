//! What became of each message, and which alarms were raised, as the run shows it.

use std::collections::BTreeMap;
use std::time::Duration;

use postern_model::name::{DomainName, Mailbox, Token};
use postern_model::scenario::{Fate, Scenario, Security};
use postern_model::trace::{Channel, ConnectionId, Event, LogEntry, Presented, Trace};

use crate::certificate;
use crate::reader::token_of;

/// What became of a message for its recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageFate {
    /// The message.
    pub message: Token,
    /// Its recipient.
    pub recipient: Mailbox,
    /// Its fate. A message that was delivered and given back too counts as delivered.
    pub fate: Fate,
    /// For a delivered message: what the wire and the handshakes proved of the connections it crossed; the weakest, if it
    /// crossed several. `None` if it crossed none.
    pub security: Option<Security>,
    /// When its fate was decided, from the start of the run.
    pub at: Option<Duration>,
    /// How many attempts its hosts made at it, all hops together.
    pub attempts: u32,
    /// Why, in one line.
    pub why: String,
}

/// An alarm that an MTA raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// The MTA.
    pub host: DomainName,
    /// The host whose TLS vanished.
    pub peer: DomainName,
    /// When, from the start of the run.
    pub at: Duration,
}

/// The alarms of a run, in order.
pub fn alarms(trace: &Trace) -> Vec<Alarm> {
    let alarms = trace.records.iter().filter_map(|record| match &record.event {
        Event::Logged {
            host,
            entry: LogEntry::Alarm { peer },
        } => Some(Alarm {
            host: host.clone(),
            peer: peer.clone(),
            at: record.at,
        }),
        _ => None,
    });
    alarms.collect()
}

/// The fates of the scenario's messages, in its order, and then of the notifications, in the order of queueing.
pub fn fates(scenario: &Scenario, trace: &Trace) -> Vec<MessageFate> {
    let mut fates = Fates::at_start(scenario);
    for record in &trace.records {
        fates.take(record.at, &record.event);
    }
    fates.messages
}

struct Fates<'a> {
    scenario: &'a Scenario,
    messages: Vec<MessageFate>,
    places: BTreeMap<Token, usize>,
    connections: BTreeMap<ConnectionId, Crossing>,
    /// The latest connection over which the content of a message came to a host itself.
    came_over: BTreeMap<(Token, DomainName), Security>,
    /// What the wire proved of the way of a message up to a host.
    up_to: BTreeMap<(Token, DomainName), Security>,
}

/// A connection, as far as the security of what crosses it goes.
struct Crossing {
    client: DomainName,
    to: DomainName,
    relays: Option<ConnectionId>,
    certificate: Option<Presented>,
    /// What was proved when the content crossed.
    carried: Option<Security>,
}

impl<'a> Fates<'a> {
    fn at_start(scenario: &'a Scenario) -> Self {
        let mut fates = Self {
            scenario,
            messages: Vec::new(),
            places: BTreeMap::new(),
            connections: BTreeMap::new(),
            came_over: BTreeMap::new(),
            up_to: BTreeMap::new(),
        };
        for message in &scenario.message {
            fates.add(
                &message.name,
                &message.to,
                "it was not handed over before the run ended",
            );
        }
        fates
    }

    fn add(&mut self, message: &Token, recipient: &Mailbox, why: &str) {
        if self.places.contains_key(message) {
            return;
        }
        self.places.insert(message.clone(), self.messages.len());
        self.messages.push(MessageFate {
            message: message.clone(),
            recipient: recipient.clone(),
            fate: Fate::Queued,
            security: None,
            at: None,
            attempts: 0,
            why: why.to_owned(),
        });
    }

    fn take(&mut self, at: Duration, event: &Event) {
        match event {
            Event::Queued { host, message, to, .. } => {
                self.add(message, to, "");
                self.arrived(host, message);
                if let Some(fate) = self.open(message) {
                    fate.why = format!("it waits in the queue of {host}");
                }
            }
            Event::Delivered { host, message, to } => {
                self.add(message, to, "");
                let security = self.arrived(host, message);
                if let Some(fate) = self.undelivered(message) {
                    fate.fate = Fate::Delivered;
                    fate.security = security;
                    fate.at = Some(at);
                    fate.why = format!("it lies in the mailbox at {host}");
                }
            }
            Event::Stolen { host, message, .. } => {
                if let Some(fate) = self.undelivered(message) {
                    fate.fate = Fate::Stolen;
                    fate.at = Some(at);
                    fate.why = format!("the impostor {host} accepted it and delivers nothing");
                }
            }
            Event::Logged { entry, .. } => self.logged(at, entry),
            Event::Dialled {
                connection,
                from,
                to,
                relays,
                ..
            } => {
                let original = relays.and_then(|original| self.connections.get(&original));
                let crossing = Crossing {
                    client: original.map_or_else(|| from.clone(), |original| original.client.clone()),
                    to: to.clone(),
                    relays: *relays,
                    certificate: None,
                    carried: None,
                };
                self.connections.insert(*connection, crossing);
            }
            Event::Secured {
                connection,
                certificate,
            } => {
                if let Some(crossing) = self.connections.get_mut(connection) {
                    crossing.certificate = Some(certificate.clone());
                }
            }
            Event::Content {
                connection,
                channel,
                text,
            } => self.crossed(*connection, *channel, text),
            _ => {}
        }
    }

    fn logged(&mut self, at: Duration, entry: &LogEntry) {
        match entry {
            LogEntry::Attempt { message, .. } => {
                if let Some(place) = self.places.get(message) {
                    self.messages[*place].attempts += 1;
                }
            }
            LogEntry::Deferred { message, why } => {
                if let Some(fate) = self.open(message) {
                    fate.why.clone_from(why);
                }
            }
            LogEntry::Bounced { message, why } => {
                if let Some(fate) = self.open(message) {
                    fate.fate = Fate::Bounced;
                    fate.at = Some(at);
                    fate.why.clone_from(why);
                }
            }
            LogEntry::Sent { .. } | LogEntry::Held { .. } | LogEntry::Alarm { .. } => {}
        }
    }

    /// Content crossed a connection. If an attacker passes it on, the way is as weak as the weaker of both connections.
    fn crossed(&mut self, connection: ConnectionId, channel: Channel, text: &str) {
        let (Some(token), Some(crossing)) = (token_of(text), self.connections.get(&connection)) else {
            return;
        };
        let Some(place) = self.places.get(&token) else {
            return;
        };
        let next_hop = self.next_hop(&crossing.client, self.messages[*place].recipient.domain());
        let proved = proved(channel, crossing.certificate.as_ref(), next_hop);
        let before = crossing
            .relays
            .and_then(|original| self.connections.get(&original)?.carried);
        let carried = before.map_or(proved, |before| before.min(proved));
        let up_to_client = self.up_to.get(&(token.clone(), crossing.client.clone())).copied();
        // What an attacker reads and passes on crosses a second connection later; what it passes on unread does not.
        let whole_way = up_to_client.map_or(carried, |security| security.min(carried));
        self.came_over.insert((token, crossing.to.clone()), whole_way);
        if let Some(crossing) = self.connections.get_mut(&connection) {
            crossing.carried = Some(carried);
        }
    }

    fn next_hop(&self, client: &DomainName, domain: &'a DomainName) -> DomainName {
        let host = self.scenario.host(client);
        host.map_or(domain, |host| host.next_hop(domain)).clone()
    }

    /// A host has the message: what the wire proved of its way there.
    fn arrived(&mut self, host: &DomainName, message: &Token) -> Option<Security> {
        let key = (message.clone(), host.clone());
        let security = self
            .came_over
            .get(&key)
            .copied()
            .or_else(|| self.up_to.get(&key).copied())?;
        self.up_to.insert(key, security);
        Some(security)
    }

    fn open(&mut self, message: &Token) -> Option<&mut MessageFate> {
        let fate = &mut self.messages[*self.places.get(message)?];
        (fate.fate == Fate::Queued).then_some(fate)
    }

    fn undelivered(&mut self, message: &Token) -> Option<&mut MessageFate> {
        let fate = &mut self.messages[*self.places.get(message)?];
        (fate.fate != Fate::Delivered).then_some(fate)
    }
}

fn proved(channel: Channel, certificate: Option<&Presented>, next_hop: DomainName) -> Security {
    match (channel, certificate) {
        (Channel::Clear, _) => Security::Clear,
        (Channel::Tls, Some(presented)) if certificate::proves(presented, &next_hop) => Security::Authenticated,
        (Channel::Tls, _) => Security::Encrypted,
    }
}

#[cfg(test)]
mod tests;
