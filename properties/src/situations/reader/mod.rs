//! Reads situations from a trace, one record after the other.

mod connections;
mod dns;
mod handshakes;
mod lines;
mod mail;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use postern_model::name::{DomainName, Mailbox, Token};
use postern_model::scenario::{Attack, Certificate, Lie, Scenario, Trouble};
use postern_model::trace::{ConnectionId, End, Event, Record};

use super::Situation;

/// What must be remembered of the trace so far.
pub(super) struct Reader<'a> {
    scenario: &'a Scenario,
    pub(super) reached: BTreeSet<Situation>,
    mx: BTreeMap<DomainName, Vec<(u16, DomainName)>>,
    configured: BTreeSet<(DomainName, DomainName)>,
    attacks: Vec<(DomainName, Attack)>,
    without_tls: BTreeSet<DomainName>,
    certificates: BTreeMap<DomainName, Certificate>,
    /// The lies that hosts are told, by host and domain.
    lies: BTreeMap<(DomainName, DomainName), Lie>,
    troubles: BTreeMap<DomainName, Trouble>,
    connections: BTreeMap<ConnectionId, Connection>,
    /// The address at which each client dialled each host last.
    addresses: BTreeMap<(DomainName, DomainName), IpAddr>,
    /// The cell of the chart that a RCPT in clear is in whose reply is still to come.
    asked: BTreeMap<ConnectionId, Situation>,
    /// The connections whose client showed a certificate that is trusted.
    identified: BTreeSet<ConnectionId>,
    queued: BTreeMap<(DomainName, Token), (Duration, DomainName)>,
    notifications: BTreeSet<Token>,
    /// The clients and the hosts between which a handshake has failed.
    broke_tls: BTreeSet<(DomainName, DomainName)>,
    delivered: BTreeSet<(Token, Mailbox)>,
}

/// An open connection.
struct Connection {
    from: DomainName,
    /// How many contents crossed it.
    contents: u32,
    /// STARTTLS was offered on it, and not sent.
    leaves_tls: bool,
    to: DomainName,
    /// The attacker accepted it.
    by_attacker: bool,
    /// How the attacker interfered with it last.
    interference: Option<Attack>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(scenario: &'a Scenario) -> Self {
        Self {
            scenario,
            reached: BTreeSet::new(),
            mx: BTreeMap::new(),
            configured: BTreeSet::new(),
            attacks: Vec::new(),
            without_tls: BTreeSet::new(),
            certificates: BTreeMap::new(),
            lies: BTreeMap::new(),
            troubles: BTreeMap::new(),
            connections: BTreeMap::new(),
            addresses: BTreeMap::new(),
            asked: BTreeMap::new(),
            identified: BTreeSet::new(),
            queued: BTreeMap::new(),
            notifications: BTreeSet::new(),
            broke_tls: BTreeSet::new(),
            delivered: BTreeSet::new(),
        }
    }

    pub(super) fn read(&mut self, record: &Record) {
        match &record.event {
            Event::Set(setting) => self.set(setting, record.at > Duration::ZERO),
            Event::Adversary { victim, attack, active } => self.adversary(victim, *attack, *active),
            Event::Queued {
                host,
                message,
                to,
                about,
                ..
            } => self.queued(record.at, host, message, to, about.as_ref()),
            Event::Delivered { host, message, to } => self.delivered(host, message, to),
            Event::Deceived {
                host,
                domain,
                lie,
                active,
            } => self.deceived(host, domain, lie, *active),
            Event::Stolen { host, message, .. } => self.stolen(host, message),
            Event::Answered { host, question, answer } => self.answered(host, question, answer),
            Event::Dialled {
                connection,
                from,
                to,
                address,
                relays,
            } => self.dialled(*connection, from, to, *address, relays.is_some()),
            Event::NotConnected { connection, why } => self.not_connected(*connection, *why),
            Event::Connected {
                connection,
                intercepted,
            } => self.connected(*connection, *intercepted),
            Event::Line {
                connection,
                from,
                channel,
                text,
            } => self.line(*connection, *from, *channel, text),
            Event::NotSecured {
                connection,
                by: End::Dialler,
                ..
            } => self.not_secured(*connection),
            Event::Content { connection, .. } => self.content(*connection),
            Event::Interfered { connection, attack, .. } => self.interfered(*connection, *attack),
            Event::Closed { connection, .. } => {
                self.connections.remove(connection);
                self.asked.remove(connection);
            }
            Event::Logged { host, entry } => self.logged(record.at, host, entry),
            Event::Secured {
                connection,
                certificate,
            } => self.secured(*connection, certificate),
            Event::Hello { form, answer, .. } => self.hello(*form, *answer),
            Event::ClientPresented {
                connection,
                certificate,
            } => self.client_presented(*connection, certificate),
            Event::ClientRefused { .. }
            | Event::NotSecured { by: End::Acceptor, .. }
            | Event::HandshakeUnasked { .. }
            | Event::HorizonReached
            | Event::BareLineEnd { .. }
            | Event::HungUp { .. }
            | Event::Told { .. } => {}
        }
    }

    /// The hosts that mail for a next hop goes to: its MX set, or the host of that name (RFC 5321 §5.1).
    fn exchangers<'b>(&'b self, next_hop: &'b DomainName) -> impl Iterator<Item = (u16, &'b DomainName)> {
        let listed = self.mx.get(next_hop).map(Vec::as_slice).unwrap_or_default();
        let implicit = listed.is_empty().then_some((0, next_hop));
        listed
            .iter()
            .map(|(preference, exchanger)| (*preference, exchanger))
            .chain(implicit)
    }

    fn next_hop(&self, host: &DomainName, domain: &DomainName) -> DomainName {
        self.scenario
            .host(host)
            .map_or(domain, |host| host.next_hop(domain))
            .clone()
    }
}
