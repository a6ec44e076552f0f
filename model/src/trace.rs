//! A trace: one ordered list of typed events in simulated time, as the world recorded them.
//!
//! The tap records what *arrived* at the other end of each connection: a command when the acceptor has read it, a reply
//! when the dialler has. What was sent and never read appears as lost when the connection closes.

use std::net::IpAddr;
use std::time::Duration;

use crate::name::{DomainName, Mailbox, ReversePath, Token};
use crate::report::About;
use crate::scenario::{
    Attack, Certificate, Clock, Handshake, Level, Lie, OtherAddress, Security, Trouble, UnlistedAnswer,
};

/// All that happened in a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// The events, in order.
    pub records: Vec<Record>,
}

/// One event and when it happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Record {
    /// Time from the start of the run.
    pub at: Duration,
    /// What happened.
    pub event: Event,
}

/// The number of a connection, in the order of dialling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u32);

/// The two ends of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// Who dialled: the SMTP client, or the attacker on its behalf.
    Dialler,
    /// Who accepted: the SMTP server, or the attacker in its place.
    Acceptor,
}

/// How bytes crossed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Readable by anyone on the path.
    Clear,
    /// Inside TLS.
    Tls,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// A fact of configuration or of DNS took effect; all facts of the start come first.
    Set(Setting),
    /// The attacker began or ended something on every path to a host.
    Adversary {
        /// The host that the paths lead to.
        victim: DomainName,
        /// What the attacker does.
        attack: Attack,
        /// It began; else it ended.
        active: bool,
    },
    /// The attacker began or ended to lie to a host's resolver.
    Deceived {
        /// The host that asks.
        host: DomainName,
        /// The domain that it asks about.
        domain: DomainName,
        /// What it is told.
        lie: Lie,
        /// It began; else it ended.
        active: bool,
    },
    /// A message entered the queue of an MTA.
    Queued {
        /// The MTA.
        host: DomainName,
        /// The message.
        message: Token,
        /// Where its failure is reported.
        from: ReversePath,
        /// Its recipient.
        to: Mailbox,
        /// The message that this one reports about.
        about: Option<About<Token>>,
    },
    /// A message arrived in a mailbox.
    Delivered {
        /// The host of the mailbox.
        host: DomainName,
        /// The message.
        message: Token,
        /// Its recipient.
        to: Mailbox,
    },
    /// A message was accepted by an impostor, who delivers nothing.
    Stolen {
        /// The impostor.
        host: DomainName,
        /// The message.
        message: Token,
        /// Its recipient.
        to: Mailbox,
    },
    /// An MTA got an answer from its resolver.
    Answered {
        /// The MTA.
        host: DomainName,
        /// What it asked.
        question: Question,
        /// What it was told.
        answer: Answer,
    },
    /// A client began to dial.
    Dialled {
        /// The connection.
        connection: ConnectionId,
        /// Who dialled.
        from: DomainName,
        /// The host that it meant to reach.
        to: DomainName,
        /// The address of the host that it dialled.
        address: IpAddr,
        /// Set where the attacker dials: the connection on whose behalf it does.
        relays: Option<ConnectionId>,
    },
    /// The dialled connection was not made.
    NotConnected {
        /// The connection.
        connection: ConnectionId,
        /// Refused, or never answered.
        why: NotConnected,
    },
    /// The dialled connection was accepted.
    Connected {
        /// The connection.
        connection: ConnectionId,
        /// The attacker accepted it in the host's place.
        intercepted: bool,
    },
    /// A line crossed, without its CRLF.
    Line {
        /// The connection.
        connection: ConnectionId,
        /// Who sent it.
        from: End,
        /// Clear or TLS.
        channel: Channel,
        /// The text, other octets escaped.
        text: String,
    },
    /// The content of a message crossed, from DATA to the final dot, dots unstuffed.
    Content {
        /// The connection.
        connection: ConnectionId,
        /// Clear or TLS.
        channel: Channel,
        /// The content, lines ended by `\n`.
        text: String,
    },
    /// The handshake is complete, as the acceptor saw it.
    Secured {
        /// The connection.
        connection: ConnectionId,
        /// The certificate that the acceptor presented.
        certificate: Presented,
    },
    /// In the handshake that is just complete, the client showed a certificate of its own.
    ClientPresented {
        /// The connection.
        connection: ConnectionId,
        /// What it showed.
        certificate: Presented,
    },
    /// The server gave up a handshake because of the client's certificate.
    ClientRefused {
        /// The connection.
        connection: ConnectionId,
        /// What the client had shown.
        certificate: Presented,
    },
    /// What a client sent in place of a hello that the server could use, or what the server answered it. Not recorded where
    /// a standard hello is followed by a handshake.
    Hello {
        /// The connection.
        connection: ConnectionId,
        /// What the client sent.
        form: HelloForm,
        /// What the server answered.
        answer: HelloAnswer,
    },
    /// The handshake failed, as one end saw it.
    NotSecured {
        /// The connection.
        connection: ConnectionId,
        /// The end that gave up.
        by: End,
        /// Why, in its own words.
        why: String,
    },
    /// A CR or an LF of the dialler stands alone, and not in the CRLF that ends a line. Noted once.
    BareLineEnd {
        /// The connection.
        connection: ConnectionId,
        /// Whether it came inside TLS.
        channel: Channel,
    },
    /// A TLS record arrived where a command was awaited: a handshake that nobody gave the go-ahead for.
    HandshakeUnasked {
        /// The connection.
        connection: ConnectionId,
    },
    /// The run ends although mail has no fate: later than this, nothing can be undecided.
    HorizonReached,
    /// The attacker interfered with a connection.
    Interfered {
        /// The connection that it accepted.
        connection: ConnectionId,
        /// The attack that it did so in.
        attack: Attack,
        /// What it did, in one line.
        what: String,
    },
    /// One end closed the connection, as the first.
    HungUp {
        /// The connection.
        connection: ConnectionId,
        /// The end.
        by: End,
    },
    /// The connection ended.
    Closed {
        /// The connection.
        connection: ConnectionId,
        /// Replies that the acceptor sent and the dialler never read.
        lost: Vec<String>,
    },
    /// What a client that nobody here wrote told its caller when its session was over.
    Told {
        /// The connection.
        connection: ConnectionId,
        /// What it told.
        claim: Claim,
    },
    /// What an MTA says of itself, in its log.
    Logged {
        /// The MTA.
        host: DomainName,
        /// What it says.
        entry: LogEntry,
    },
}

/// What a client told its caller of a session. Nobody believes it: judges hold it against the wire.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Claim {
    /// The message was sent; else there was an error.
    pub sent: bool,
    /// The session was encrypted.
    pub encrypted: bool,
    /// The code and the last line of the reply that it handed on as the server's last word.
    pub reply: Option<(u16, String)>,
    /// The extensions that it believed in at the end, as it lets its caller know, in order; `None` where it does not.
    pub extensions: Option<Vec<String>>,
    /// What it said, in one line.
    pub words: String,
}

/// The form of the first octets behind the 220 to STARTTLS, as the server read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HelloForm {
    /// A ClientHello of TLS 1.2 or later.
    Standard,
    /// A ClientHello of an earlier version.
    Old,
    /// A hello in the format of SSL version 2.
    Sslv2,
    /// Anything else.
    Garbage,
}

/// What a server answered to a hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HelloAnswer {
    /// Its part of a handshake.
    Handshake,
    /// An alert of this description (RFC 8446 §6).
    Alert(u8),
    /// Nothing, but the end of the connection.
    Nothing,
}

/// A fact of configuration or of DNS.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Setting {
    /// The server offers STARTTLS or does not.
    Tls {
        /// The host.
        host: DomainName,
        /// Whether it does.
        on: bool,
    },
    /// The server presents this certificate.
    Certificate {
        /// The host.
        host: DomainName,
        /// Which.
        certificate: Certificate,
    },
    /// The server is in this trouble now.
    Trouble {
        /// The host.
        host: DomainName,
        /// Which.
        trouble: Trouble,
    },
    /// The server acts as exchanger for a domain or does not.
    Exchanger {
        /// The host.
        host: DomainName,
        /// The domain.
        domain: DomainName,
        /// Whether it does.
        configured: bool,
    },
    /// The client's policy for a next hop.
    Policy {
        /// The host.
        host: DomainName,
        /// The next hop.
        next_hop: DomainName,
        /// The level.
        level: Level,
    },
    /// The MX set of a domain in DNS, in order of preference. Empty, and no null MX: the implicit MX.
    Mx {
        /// The domain.
        domain: DomainName,
        /// The exchangers.
        exchangers: Vec<(u16, DomainName)>,
        /// There is a null MX too.
        null_mx: bool,
    },
    /// The host runs, or has crashed.
    Running {
        /// The host.
        host: DomainName,
        /// Whether it does.
        up: bool,
    },
    /// Lookups about a domain fail for one host, or work.
    Lookups {
        /// The host that asks.
        host: DomainName,
        /// The domain asked about.
        domain: DomainName,
        /// Whether they work.
        work: bool,
    },
    /// The wall clock of a host leapt, or was set right.
    Clock {
        /// The host.
        host: DomainName,
        /// How it stands now.
        clock: Clock,
    },
    /// How a host is set up from the start to the end, where that is not the default.
    Permanent {
        /// The host.
        host: DomainName,
        /// What is set up.
        fact: Permanent,
    },
}

/// How a host is set up from the start to the end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Permanent {
    /// The server wishes to refuse mail without TLS.
    DemandsTls(UnlistedAnswer),
    /// The server refuses every command in clear that is not on the way to TLS.
    DemandsTlsFirst,
    /// The server relays the mail of this host to anywhere.
    RelaysFor(DomainName),
    /// The server requires TLS of this host.
    RequiresTlsOf(DomainName),
    /// The host answers every connection with 521.
    NeverAcceptsMail,
    /// The host is the attacker's own.
    Impostor,
    /// The server relays the mail of who proves this name by a certificate.
    RelaysForIdentity(DomainName),
    /// The host has a second address.
    OtherAddress {
        /// The address.
        address: IpAddr,
        /// What is there.
        kind: OtherAddress,
        /// DNS lists it in front of the first.
        is_listed_first: bool,
    },
    /// How the host shakes hands.
    Handshake(Handshake),
    /// The client's policy for each next hop that no other policy names.
    Level(Level),
    /// The client's mail for a domain goes to a fixed host.
    Route {
        /// The domain.
        domain: DomainName,
        /// The host, which is the next hop.
        next_hop: DomainName,
    },
}

/// A DNS question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// The mail exchangers of a domain.
    Mx(DomainName),
    /// The addresses of a host.
    Address(DomainName),
}

/// What a resolver said.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer {
    /// MX records: preference and host.
    Exchangers(Vec<(u16, DomainName)>),
    /// A null MX. Beside other records, given here, it is an error of the zone (RFC 7505 §3).
    NullMx {
        /// The other MX records.
        beside: Vec<(u16, DomainName)>,
    },
    /// Address records, and the names of the hosts that have them.
    Addresses(Vec<IpAddr>),
    /// The name exists and has no such record.
    NoData,
    /// The name does not exist.
    NoName,
    /// SERVFAIL, or no answer in time.
    Failed,
}

/// Why a connection was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotConnected {
    /// The other side refused it.
    Refused,
    /// Nobody answered in time.
    TimedOut,
}

/// What a judge can read from a certificate that was presented.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Presented {
    /// The DNS names in its subjectAltName, as they stand there: a first label may be, or hold, a `*`.
    pub names: Vec<String>,
    /// Its chain, as it was sent, leads to the authority that every client trusts, within what each authority in it may issue.
    pub trusted: bool,
    /// Within its validity at the time of the handshake.
    pub current: bool,
}

/// What an MTA says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LogEntry {
    /// An attempt at a message begins.
    Attempt {
        /// The message.
        message: Token,
        /// The number of the attempt, from 1.
        number: u32,
        /// The next hop.
        next_hop: DomainName,
        /// The local policy for it.
        level: Level,
    },
    /// The next hop took the message.
    Sent {
        /// The message.
        message: Token,
        /// The host that took it.
        to: DomainName,
        /// How the session was secured, as the client claims.
        security: Security,
    },
    /// The attempt failed; there will be another.
    Deferred {
        /// The message.
        message: Token,
        /// Why, with an enhanced status code.
        why: String,
    },
    /// The message is given back.
    Bounced {
        /// The message.
        message: Token,
        /// Why, with an enhanced status code.
        why: String,
    },
    /// The message goes on no sooner, because the scenario holds it.
    Held {
        /// The message.
        message: Token,
        /// From the start of the run.
        until: Duration,
    },
    /// A host that used TLS no longer does.
    Alarm {
        /// The host.
        peer: DomainName,
    },
}

impl Trace {
    /// Appends an event. Time never runs backwards.
    pub fn push(&mut self, at: Duration, event: Event) {
        debug_assert!(
            self.records.last().is_none_or(|last| last.at <= at),
            "time ran backwards at {event:?}"
        );
        self.records.push(Record { at, event });
    }

    /// The place at which two traces begin to differ, with what each has there; none if they are the same.
    pub fn first_difference<'a>(&'a self, other: &'a Self) -> Option<(usize, Option<&'a Record>, Option<&'a Record>)> {
        let records = 0..self.records.len().max(other.records.len());
        let pairs = records.map(|place| (place, self.records.get(place), other.records.get(place)));
        pairs.into_iter().find(|(_, own, others)| own != others)
    }
}

#[cfg(test)]
mod tests;
