//! What goes into and comes out of a session machine, client or server.

use crate::mta::timer::Timer;
use crate::name::{DomainName, Mailbox, ReversePath};
use crate::scenario::Phase;
use crate::smtp::{MessageRequest, RecipientRequest};

/// A fact that the driver hands to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Input<'a> {
    /// The connection stands.
    Opened,
    /// Octets arrived: in clear before [`Input::TlsUp`], inside TLS after it.
    Received(&'a [u8]),
    /// The handshake that the session asked for is complete, and the peer is what the request demanded.
    TlsUp,
    /// Server: in the handshake that is just complete, the client showed a certificate of its own.
    ClientCertificate {
        /// It is believed: from the trusted authority, valid now, and the client has its key.
        is_believed: bool,
        /// The name that it proves, of those in [`relay_identities`](crate::mta::server::ServerSettings::relay_identities).
        identity: Option<&'a DomainName>,
    },
    /// The handshake that the session asked for failed.
    TlsFailed,
    /// The peer closed the connection, or it broke.
    Closed,
    /// A timer that the session armed has run out.
    Expired(Timer),
    /// The answer to [`Output::Ask`].
    Answered(Listing),
    /// The message of [`Output::Store`] is safe: responsibility is taken (RFC 5321 §4.2.5).
    Stored,
    /// The message of [`Output::Store`] could not be kept.
    StoreFailed,
}

/// What a session asks of its driver.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Output {
    /// Send these octets, in clear or inside TLS as the session stands.
    Send(Vec<u8>),
    /// Begin the handshake, after everything sent before has gone out.
    StartTls(TlsRequest),
    /// Start this timer, for [`Timer::duration`]. A running timer of the same name starts anew.
    Arm(Timer),
    /// Stop this timer.
    Disarm(Timer),
    /// Is this host an exchanger of this domain in DNS? Answer by [`Input::Answered`] (SEED-15).
    Ask(DomainName),
    /// Keep this message; answer by [`Input::Stored`] or [`Input::StoreFailed`].
    Store(Transaction),
    /// Client: keep the connection, idle, for another message.
    Keep,
    /// Close the connection, after everything sent before has gone out.
    Close,
    /// For the driver to know.
    Note(Note),
    /// Nothing more until the next input.
    Idle,
}

/// What the other end of the handshake must be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TlsRequest {
    /// Client: any server will do; this name goes into the server name indication.
    Anyone(DomainName),
    /// Client: a server whose certificate is valid (PKIX) for this name, which goes into the indication too.
    Authenticated(DomainName),
    /// Server: take the client's handshake.
    Accept,
}

/// What DNS says of a server being listed as exchanger for a domain (SEED-15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Listing {
    /// One of the domain's exchangers has one of this host's addresses.
    Listed,
    /// None has.
    Unlisted,
    /// DNS did not say.
    LookupFailed,
}

/// A mail transaction that the server took: the envelope and the content.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Transaction {
    /// The name that the client gave in EHLO or HELO.
    pub client_name: String,
    /// The transaction came over TLS.
    pub tls: bool,
    /// The name that the client proved by a certificate in the handshake of this connection.
    pub identity: Option<DomainName>,
    /// The reverse path of MAIL.
    pub from: ReversePath,
    /// What MAIL asked about notifications.
    pub request: MessageRequest,
    /// The recipients that were accepted, in order.
    pub to: Vec<Recipient>,
    /// The content with dots unstuffed, every line ended by CRLF.
    pub content: Vec<u8>,
}

/// A recipient, as RCPT named it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Recipient {
    /// The mailbox.
    pub mailbox: Mailbox,
    /// What RCPT asked about notifications.
    pub request: RecipientRequest,
}

/// Something that the driver may want to know.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Note {
    /// The client is about to send what begins this phase.
    Phase(Phase),
    /// The client wished for TLS and goes on, or ends, without it.
    WithoutTls(WithoutTls),
    /// The client's session has its result; what follows is only farewell.
    Ended {
        /// The result.
        outcome: Outcome,
        /// The reply or the event that led to it, one line.
        because: String,
    },
    /// The peer broke the protocol: what it sent, and which bound or grammar it broke, in one line.
    Misbehaved(String),
}

/// Why a session has no TLS although the client wished for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WithoutTls {
    /// STARTTLS was not among the extensions, or EHLO itself was refused.
    NotOffered,
    /// STARTTLS was answered by another code than 220.
    Refused,
    /// The handshake failed, or the connection ended where the handshake should have been.
    HandshakeFailed,
}

/// What came of a client's session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The server took responsibility for the message: 2yz to the end of data.
    Accepted,
    /// The server answered 4yz to the message or to the session.
    RefusedForNow,
    /// The server answered 5yz to MAIL, RCPT, DATA or the end of data: do not repeat (RFC 5321 §4.2.1).
    RefusedForGood,
    /// TLS is required here and could not be had; nothing of the message was sent.
    TlsUnavailable(WithoutTls),
    /// TLS was tried, not required, and broke the connection; nothing of the message was sent but, after a refusal of
    /// STARTTLS, its reverse path.
    TlsBroke(WithoutTls),
    /// No connection, a reply that did not come in time, or a connection that closed before the reply.
    ConnectionFailed,
}
