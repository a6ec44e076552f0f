//! What judges are fed: the semantic events of RULES 0.1, in small ids, without bytes.
//!
//! A reader of traces makes them from what crossed the wire; the exhaustive explorer makes them from abstract sessions.
//! So the very same monitors serve both.

use std::time::Duration;

use crate::report::{About, Notify, Returns};
use crate::scenario::{Level, MailboxState, Phase, Security, Trouble};
use crate::trace::{HelloAnswer, HelloForm};

/// A host, by its place in the scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub u8);

/// A mail domain or other next hop, by its place in the order of first mention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainId(pub u8);

/// A message, in the order of queueing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub u16);

/// A connection that is open, or being dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u32);

/// A set of domains, as the names that a certificate is good for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainSet(pub u64);

impl DomainSet {
    /// The set with this domain in it too.
    #[must_use]
    pub fn with(self, domain: DomainId) -> Self {
        Self(self.0 | 1 << (domain.0 % 64))
    }

    /// Whether the domain is in it.
    pub fn has(self, domain: DomainId) -> bool {
        self.0 & 1 << (domain.0 % 64) != 0
    }
}

/// Who accepted a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Acceptor {
    /// The host that was dialled.
    Host,
    /// The attacker in its place.
    Attacker,
}

/// A reply code.
pub type Code = u16;

/// An enhanced status code (RFC 3463).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Status {
    /// 2, 4 or 5: success, persistent transient failure, permanent failure.
    pub class: u16,
    /// What the trouble is about, such as 7 for security.
    pub subject: u16,
    /// The trouble.
    pub detail: u16,
}

impl std::fmt::Display for Status {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// A set of hosts, as the exchangers that an answer of DNS names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostSet(pub u64);

impl HostSet {
    /// The set with this host in it too.
    #[must_use]
    pub fn with(self, host: HostId) -> Self {
        Self(self.0 | 1 << (host.0 % 64))
    }

    /// The hosts of both sets.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the host is in it.
    pub fn has(self, host: HostId) -> bool {
        self.0 & 1 << (host.0 % 64) != 0
    }
}

/// What DNS said to a question for the exchangers of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MxAnswer {
    /// These take its mail.
    Exchangers(HostSet),
    /// No MX record: the domain's own address takes it.
    NoData,
    /// A null MX and nothing else.
    NullMx,
    /// The domain does not exist.
    NoName,
    /// Nothing was said.
    Failed,
}

/// What DNS said to a question for the addresses of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressAnswer {
    /// It has so many.
    Found(u8),
    /// It has none.
    Nothing,
    /// Nothing was said.
    Failed,
}

/// A command line that is not simply one of the phases of delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// HELO, which begins the same phase as EHLO.
    Helo,
    /// NOOP.
    Noop,
    /// STARTTLS with a parameter.
    StarttlsWithParameter,
    /// Any other.
    Other,
}

/// One thing that a judge can see. Every variant is what a real MTA would show on the wire, in its DNS, its
/// configuration, its mailboxes or its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Observation {
    /// Time passed and nothing else happened; sent at least when the run ends.
    Quiet,
    /// The local policy of a sending host for a next hop.
    Policy {
        /// The sending host.
        host: HostId,
        /// The next hop.
        next_hop: DomainId,
        /// The level.
        level: Level,
    },
    /// Whether a server offers TLS.
    Tls {
        /// The server.
        host: HostId,
        /// Whether it does.
        on: bool,
    },
    /// The next hops that a server's certificate is good for now.
    Certificate {
        /// The server.
        host: HostId,
        /// The names it proves.
        proves: DomainSet,
    },
    /// The trouble that a server is in.
    Trouble {
        /// The server.
        host: HostId,
        /// Which, if any.
        trouble: Trouble,
    },
    /// Whether a server is configured to act as exchanger for a domain.
    Exchanger {
        /// The server.
        host: HostId,
        /// The domain.
        domain: DomainId,
        /// Whether it is.
        configured: bool,
    },
    /// Whether a server is listed in DNS as exchanger of a domain.
    Listed {
        /// The server.
        host: HostId,
        /// The domain.
        domain: DomainId,
        /// Whether it is.
        listed: bool,
    },
    /// Whether a host's lookups about a domain work.
    Lookups {
        /// The host that asks.
        host: HostId,
        /// The domain asked about.
        domain: DomainId,
        /// Whether they work.
        work: bool,
    },
    /// The wall clock of a host leapt, or was set right.
    Clock {
        /// The host.
        host: HostId,
        /// It shows the true time.
        is_right: bool,
    },
    /// A host has crashed, or runs again.
    Running {
        /// The host.
        host: HostId,
        /// Whether it runs.
        up: bool,
    },
    /// How many attacks are under way on the paths to a host.
    Attacked {
        /// The victim.
        host: HostId,
        /// How many.
        attacks: u8,
    },
    /// Somebody lies to a host's resolver about a domain, or no longer does.
    Deceived {
        /// The host that asks.
        host: HostId,
        /// The domain asked about.
        domain: DomainId,
        /// Whether somebody lies.
        active: bool,
    },
    /// A message entered a queue.
    Queued {
        /// The queue's host.
        host: HostId,
        /// The message.
        message: MessageId,
        /// Its next hop from there.
        next_hop: DomainId,
        /// The domain of its recipient.
        domain: DomainId,
        /// How the recipient's mailbox treats it.
        mailbox: MailboxState,
        /// Whether its reverse path is null.
        null_reverse_path: bool,
        /// The message that it reports about.
        about: Option<About<MessageId>>,
    },
    /// What the sender of a message that is queued next asks about notifications, where it asks for anything. What a
    /// relay is asked stands in [`Observation::EnvelopeId`], [`Observation::Returns`], [`Observation::Notify`] and
    /// [`Observation::OriginalRecipient`].
    Asked {
        /// The host that the message is handed in at.
        host: HostId,
        /// The message.
        message: MessageId,
        /// When to notify.
        notify: Option<Notify>,
        /// A digest of the envelope id.
        envelope_id: Option<u64>,
    },
    /// Mail that nobody of the scenario sent arrived in a mailbox.
    StrangeDelivery {
        /// The mailbox's host.
        host: HostId,
    },
    /// A message arrived in its recipient's mailbox.
    Delivered {
        /// The mailbox's host.
        host: HostId,
        /// The message.
        message: MessageId,
    },
    /// An impostor accepted a message, and will deliver nothing.
    Stolen {
        /// The impostor.
        host: HostId,
        /// The message.
        message: MessageId,
    },
    /// DNS told a host where a domain's mail goes.
    MxAnswered {
        /// The host that asked.
        host: HostId,
        /// The domain.
        domain: DomainId,
        /// What it was told.
        answer: MxAnswer,
    },
    /// DNS told a host of the addresses of a name.
    AddressAnswered {
        /// The host that asked.
        host: HostId,
        /// The name.
        name: DomainId,
        /// What it was told.
        answer: AddressAnswer,
    },
    /// A connection was dialled by a mail host for its own queue.
    Dialled {
        /// The connection.
        connection: ConnectionId,
        /// The client.
        from: HostId,
        /// The host that it meant to reach.
        to: HostId,
        /// The place of the address among those that DNS told the client of; 0 for the first, and where it told of none.
        address: u8,
    },
    /// A connection was dialled by the attacker in a client's name, or by a stranger, who has no host of his own: `from`
    /// is then the server itself. What happens on it shows what the server does.
    Relayed {
        /// The connection.
        connection: ConnectionId,
        /// The client in whose name.
        from: HostId,
        /// The server.
        to: HostId,
    },
    /// The connection stands.
    Connected {
        /// The connection.
        connection: ConnectionId,
        /// Who accepted it.
        acceptor: Acceptor,
    },
    /// What the command that comes next is, where [`Observation::Command`] does not tell.
    Verb {
        /// The connection.
        connection: ConnectionId,
        /// Which it is.
        verb: Verb,
    },
    /// The command that comes next was sent behind DATA before that was answered.
    BehindData {
        /// The connection.
        connection: ConnectionId,
    },
    /// A command arrived at the acceptor.
    Command {
        /// The connection.
        connection: ConnectionId,
        /// Which command: `None` for one outside the phases of delivery (NOOP, RSET, unknown).
        phase: Option<Phase>,
        /// The domain of the recipient, for RCPT.
        domain: Option<DomainId>,
        /// Inside TLS.
        tls: bool,
    },
    /// A reply arrived at the dialler. The greeting answers [`Phase::Connect`].
    Replied {
        /// The connection.
        connection: ConnectionId,
        /// What it answers.
        phase: Option<Phase>,
        /// Its code.
        code: Code,
        /// For the reply to EHLO: whether it offers STARTTLS.
        offers_starttls: bool,
        /// For the reply to RCPT: the recipient's domain and how its mailbox treats mail.
        recipient: Option<(DomainId, MailboxState)>,
    },
    /// A reply was sent and never arrived.
    Lost {
        /// The connection.
        connection: ConnectionId,
        /// What it answered.
        phase: Option<Phase>,
        /// Its code.
        code: Code,
    },
    /// The reply to EHLO, which is observed next, offers PIPELINING.
    OffersPipelining {
        /// The connection.
        connection: ConnectionId,
    },
    /// The reply to EHLO, which is observed next, offers DSN.
    OffersDsn {
        /// The connection.
        connection: ConnectionId,
    },
    /// The MAIL that arrived last has an ENVID.
    EnvelopeId {
        /// The connection.
        connection: ConnectionId,
        /// A digest of its value, decoded: equal for equal ids.
        id: u64,
    },
    /// The MAIL that arrived last has a RET.
    Returns {
        /// The connection.
        connection: ConnectionId,
        /// Its value.
        returns: Returns,
    },
    /// The RCPT that arrived last has an ORCPT.
    OriginalRecipient {
        /// The connection.
        connection: ConnectionId,
        /// A digest of its value, decoded: equal for equal addresses.
        recipient: u64,
        /// It is the recipient that the RCPT itself names.
        is_recipient: bool,
    },
    /// The RCPT that arrived last has a NOTIFY.
    Notify {
        /// The connection.
        connection: ConnectionId,
        /// Its value.
        notify: Notify,
    },
    /// The notification that is observed next names an envelope id.
    NamesEnvelope {
        /// The connection.
        connection: ConnectionId,
        /// A digest of the id.
        id: u64,
    },
    /// The dialler read, or will read, what is no line of a reply: nonsense in place of one, or octets in clear inside TLS.
    Babble {
        /// The connection.
        connection: ConnectionId,
    },
    /// The dialler sent a CR or an LF that stands alone.
    BareLineEnd {
        /// The connection.
        connection: ConnectionId,
    },
    /// The dialler began a handshake that it had no go-ahead for.
    HandshakeUnasked {
        /// The connection.
        connection: ConnectionId,
    },
    /// The dialler gave the handshake up.
    HandshakeRefused {
        /// The connection.
        connection: ConnectionId,
    },
    /// The dialler closed the connection, and nobody had before.
    HungUp {
        /// The connection.
        connection: ConnectionId,
    },
    /// The handshake was completed, with a certificate that proves these names.
    Secured {
        /// The connection.
        connection: ConnectionId,
        /// The names.
        proves: DomainSet,
    },
    /// In that handshake, the client showed a certificate of its own.
    ClientPresented {
        /// The connection.
        connection: ConnectionId,
        /// The names that it proves.
        proves: DomainSet,
        /// It is from an authority that is trusted, and in date.
        believable: bool,
    },
    /// The server gave up a handshake because of the client's certificate.
    ClientRefused {
        /// The connection.
        connection: ConnectionId,
        /// It was from an authority that is trusted, and in date.
        believable: bool,
    },
    /// A hello that was not standard, or that was not followed by a handshake.
    Hello {
        /// The connection.
        connection: ConnectionId,
        /// What the client sent.
        form: HelloForm,
        /// What the server answered.
        answer: HelloAnswer,
    },
    /// The handshake failed, as either end saw it.
    HandshakeFailed {
        /// The connection.
        connection: ConnectionId,
    },
    /// Content of a message arrived at the acceptor.
    Content {
        /// The connection.
        connection: ConnectionId,
        /// The message.
        message: MessageId,
        /// Its next hop, from the client.
        next_hop: DomainId,
        /// Inside TLS.
        tls: bool,
    },
    /// Content arrived at the acceptor that is of no message of the scenario.
    StrangeContent {
        /// The connection.
        connection: ConnectionId,
    },
    /// Content arrived at the acceptor after the connection had ended for the dialler: it was on its way, and nobody hears
    /// the answer.
    LateContent {
        /// Who sent it; `None` for the attacker and for strangers.
        client: Option<HostId>,
        /// Where it arrived.
        server: HostId,
        /// Which connection it arrived on.
        connection: ConnectionId,
        /// The message; `None` if it is none of the scenario.
        message: Option<MessageId>,
    },
    /// The acceptor closed the connection, and nobody had before.
    ServerHungUp {
        /// The connection.
        connection: ConnectionId,
    },
    /// MAIL arrived at the acceptor, with this kind of reverse path.
    MailFrom {
        /// The connection.
        connection: ConnectionId,
        /// It is null.
        is_null: bool,
    },
    /// The content that arrived last is a notification (RFC 3464).
    Report {
        /// The connection.
        connection: ConnectionId,
        /// The notification.
        message: MessageId,
        /// The host that it names as its author.
        reporter: HostId,
        /// What it reports about.
        about: About<MessageId>,
        /// Its status.
        status: Status,
        /// It says that TLS has to do with it: by a status of subject 7, or in words.
        names_tls: bool,
    },
    /// The content that arrived last, but for the trace lines and the return path at its top, as a digest.
    Digest {
        /// The connection.
        connection: ConnectionId,
        /// The message.
        message: MessageId,
        /// The digest: equal for equal contents.
        digest: u64,
    },
    /// The connection is over, or was never made.
    Closed {
        /// The connection.
        connection: ConnectionId,
    },
    /// The status code that the host's log gives with what it says next of the message: deferred, or given back.
    Status {
        /// The host.
        host: HostId,
        /// The message.
        message: MessageId,
        /// The code.
        status: Status,
    },
    /// An attempt at a message began.
    Attempt {
        /// The host.
        host: HostId,
        /// The message.
        message: MessageId,
    },
    /// How the session was secured that the host's log says next that a message was sent over.
    Claim {
        /// The host.
        host: HostId,
        /// The message.
        message: MessageId,
        /// As it claims.
        security: Security,
    },
    /// The host's log says that the message was sent on.
    Sent {
        /// The host.
        host: HostId,
        /// The message.
        message: MessageId,
    },
    /// The host's log says that the message is deferred.
    Deferred {
        /// The host.
        host: HostId,
        /// The message.
        message: MessageId,
    },
    /// The testbed itself holds the message where it stands, for so long: whatever is late for it is not the host's fault.
    Held {
        /// The host.
        host: HostId,
        /// The message.
        message: MessageId,
        /// From now on.
        lasting: Duration,
    },
    /// The host's log says that the message is given back.
    Bounced {
        /// The host.
        host: HostId,
        /// The message.
        message: MessageId,
    },
    /// The host's DNS said definitively that the domain takes no mail (no such name, or a null MX).
    NoSuchDomain {
        /// The host.
        host: HostId,
        /// The domain.
        domain: DomainId,
    },
    /// DNS told a host of an exchanger of a domain. One answer makes as many of these as it names exchangers.
    Told {
        /// The host that asked.
        host: HostId,
        /// The domain.
        domain: DomainId,
        /// The exchanger.
        exchanger: HostId,
        /// Its preference.
        preference: u16,
        /// It is the first of its answer.
        is_first: bool,
    },
    /// A host has asked for the address of an exchanger and has none: it cannot dial it.
    NoAddress {
        /// The host that asked.
        host: HostId,
        /// The exchanger.
        exchanger: HostId,
    },
    /// The host raised an alarm about a peer.
    Alarm {
        /// The host.
        host: HostId,
        /// The peer.
        peer: HostId,
    },
}
