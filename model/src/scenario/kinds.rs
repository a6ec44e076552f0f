//! The closed choices of a scenario.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Clock;
use crate::name::DomainName;

/// The local policy of a sending MTA for a next hop, in Postfix's words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Never use TLS.
    None,
    /// Use TLS if it is offered and works; otherwise send in clear.
    #[default]
    May,
    /// Never send without TLS; any certificate will do.
    Encrypt,
    /// Never send without TLS to a server whose certificate is valid (PKIX) for the next hop's name.
    Secure,
}

/// In Postfix's words.
impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::None => "none",
            Self::May => "may",
            Self::Encrypt => "encrypt",
            Self::Secure => "secure",
        })
    }
}

/// Whose word counts where the last-call thread of July 2001 and RFC 3207, which came of it, differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// The thread's: lack of TLS never bounces mail that nothing requires TLS for, its chart of answers to RCPT holds, a
    /// listed server takes mail whatever it thinks of the TLS, and every client raises the alarm.
    #[default]
    Thread,
    /// RFC 3207's: where it is silent or freer than the thread, so are the judges.
    Rfc3207,
}

impl fmt::Display for Reading {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Thread => "thread",
            Self::Rfc3207 => "rfc3207",
        })
    }
}

/// On or off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Switch {
    /// In use.
    #[default]
    On,
    /// Not in use.
    Off,
}

impl Switch {
    /// Whether it is on.
    pub fn is_on(self) -> bool {
        self == Self::On
    }
}

/// The certificate that a server presents. Its names, if nothing else is said, are the host's own and every domain
/// that the host is listed or configured for at any time in the scenario.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Certificate {
    /// From the authority that every client trusts, valid for the whole run.
    #[default]
    Valid,
    /// As valid, but for the host's own name only: what most MX hosts of the Internet present.
    HostNameOnly,
    /// As valid, but issued by an intermediate authority, whose certificate the server sends along.
    Intermediate,
    /// As valid, but with `*` in place of the first label of the host's own name (C-CERT-8).
    Wildcard,
    /// As valid, and revoked by its authority (C-CERT-10). Nobody here asks for revocation, as hardly any MTA does, so it
    /// is believed like a valid one.
    Revoked,
    /// As valid to a client whose server name indication is one of its names; to any other, and to one that sends none,
    /// the default of the machine: a certificate for another name (C-CERT-12).
    ByIndication,
    /// As host-name-only, and a handshake for any other name, or for none, is refused by the alert unrecognized_name
    /// (C-CERT-12).
    OtherNamesRefused,
    /// As valid, but expired before the run (C-CERT-1).
    Expired,
    /// As valid, but from after the run on (C-CERT-2).
    NotYetValid,
    /// From the trusted authority, for another name (C-CERT-3).
    WrongName,
    /// Signed by its own key (C-CERT-4).
    SelfSigned,
    /// From an authority that nobody trusts (C-CERT-5).
    UnknownAuthority,
    /// As intermediate, but the server does not send the intermediate certificate (C-CERT-6).
    MissingIntermediate,
    /// The host's own name stands in the common name alone; there is no subjectAltName (C-CERT-7).
    CommonNameOnly,
    /// A `*` that is only a part of the first label, such as `m*.b.example` (C-CERT-8).
    PartialWildcard,
    /// A `*` that would have to stand for two labels, such as `*.example` for `mx1.b.example` (C-CERT-8).
    WideWildcard,
    /// From an intermediate authority that may issue for other names only (C-CERT-9).
    NameConstraint,
    /// From an intermediate authority that another one issued, which may issue to no authority (C-CERT-9).
    PathLength,
}

impl Certificate {
    /// Every kind.
    pub const ALL: &[Self] = &[
        Self::Valid,
        Self::HostNameOnly,
        Self::Intermediate,
        Self::Wildcard,
        Self::Revoked,
        Self::ByIndication,
        Self::OtherNamesRefused,
        Self::Expired,
        Self::NotYetValid,
        Self::WrongName,
        Self::SelfSigned,
        Self::UnknownAuthority,
        Self::MissingIntermediate,
        Self::CommonNameOnly,
        Self::PartialWildcard,
        Self::WideWildcard,
        Self::NameConstraint,
        Self::PathLength,
    ];

    /// Whether an attacker can have one for a host that is not its own: nobody believes it, or its owner lost the key.
    pub fn can_be_an_attackers(self) -> bool {
        self >= Self::Expired || self == Self::Revoked
    }
}

/// What a server does with mail to a mailbox of a domain that it is the exchanger of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MailboxState {
    /// It takes it (250).
    #[default]
    Accepts,
    /// It refuses it for now (452 4.2.2).
    Defers,
    /// There is no such mailbox (550 5.1.1).
    Refuses,
    /// Its mail goes on to a domain with a null MX (556 5.1.10, RFC 7504 §4, RFC 7505 §4.1).
    ForwardsToNullMx,
    /// It takes no mail from a sender whose domain has a null MX, as it is told of every sender but the null reverse-path
    /// (550 5.7.27, RFC 7505 §4.1 and §4.2).
    RefusesSender,
}

impl MailboxState {
    /// Whether it may refuse mail for good.
    pub fn may_refuse_for_good(self) -> bool {
        matches!(self, Self::Refuses | Self::ForwardsToNullMx | Self::RefusesSender)
    }
}

/// The answer without TLS for a domain that the server is neither listed nor configured for (SEED-03, no/no).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnlistedAnswer {
    /// 530 Must issue a STARTTLS command first.
    #[default]
    StarttlsFirst,
    /// 550 not configured as an exchanger for the domain.
    NotExchanger,
}

/// How programs that hand mail in end its lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LineEnds {
    /// By CRLF, as on the wire.
    #[default]
    Crlf,
    /// By LF, as programs of Unix do.
    Lf,
}

/// At which commands a server that demands TLS says 530.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DemandStage {
    /// At RCPT, as the thread's chart has it (SEED-03).
    #[default]
    Recipient,
    /// At every command but NOOP, EHLO, STARTTLS and QUIT (RFC 3207 §4). For a server that no domain lists.
    EveryCommand,
}

/// How a server is in trouble that is none of a sender's making.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// It is in none.
    #[default]
    None,
    /// It answers 530 to every command in clear but NOOP, EHLO, STARTTLS and QUIT, whoever lists it (C-SRV-1).
    DemandsTlsOfAll,
    /// Of the nodes behind its address, every other one has no TLS (C-SRV-2).
    NodesDiffer,
    /// The second EHLO of a session is told of fewer extensions than the first (C-SRV-3).
    ListsDiffer,
    /// It is old and lists no extension but STARTTLS.
    ListsLittle,
    /// It offers STARTTLS only to a client that dialled it before, five minutes ago or longer (C-SRV-4).
    OffersTlsToAcquaintances,
    /// A proxy in front of it offers STARTTLS again inside TLS (C-SRV-6).
    OffersTlsInsideTls,
    /// It is unhappy with what every handshake achieves: 554 to all but QUIT (C-SRV-7, RFC 3207 §4.1).
    UnhappyWithTls,
    /// It was restarted without its certificate: STARTTLS is offered and answered 454 (C-DR-5).
    NoCertificate,
}

/// What is at a second address of a host (C-DNS-13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OtherAddress {
    /// The server, which answers there as it does at the first.
    Alike,
    /// Nobody who answers.
    Unreachable,
    /// The server, which offers no TLS there.
    WithoutTls,
}

/// What the client is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Ask DNS where the mail goes.
    Lookup,
    /// Dial the host.
    Connect,
    /// Send the first EHLO.
    Ehlo,
    /// Send STARTTLS.
    Starttls,
    /// Send MAIL.
    Mail,
    /// Send RCPT.
    Rcpt,
    /// Send DATA.
    Data,
    /// Send the content and its final dot.
    EndOfData,
    /// The server is about to store the message.
    Store,
    /// The server has stored the message and is about to say so.
    Acknowledge,
    /// Send QUIT.
    Quit,
}

/// What a stranger does who dials a server and means no good. It has no mail of anybody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Visit {
    /// Says every command of SMTP in clear, and STARTTLS only then.
    EveryCommand,
    /// Gives STARTTLS a parameter.
    StarttlsWithParameter,
    /// Says STARTTLS inside TLS.
    StarttlsInsideTls,
    /// Gives an envelope in clear, and goes on with it inside TLS (C-INJ-4).
    EnvelopeBeforeTls,
    /// Hides a command behind a bare LF (C-SMUG-1).
    HiddenCommand,
    /// Sends a message whose content has this in it, and behind it the commands for another message (C-SMUG-1).
    FalseEnd(FalseEnd),
    /// Pipelines content that reads like commands behind a DATA that is refused (C-SMUG-3).
    ContentBehindRefusedData,
    /// Says EHLO and then nothing more.
    FallsSilent,
}

/// What is not the end of a message's content, which is CRLF.CRLF and nothing else, but was taken for it by some (C-SMUG-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FalseEnd {
    /// LF.LF
    LfDotLf,
    /// LF.CRLF
    LfDotCrlf,
    /// CRLF.LF
    CrlfDotLf,
    /// CR.CR
    CrDotCr,
    /// CR.CRLF
    CrDotCrlf,
    /// CRLF, NUL, .CRLF
    NulDotCrlf,
}

/// A change of a host, of its DNS, or of what it sees of DNS.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Drift {
    /// The server's TLS is switched.
    Tls(Switch),
    /// The server presents another certificate.
    Certificate(Certificate),
    /// The server comes into trouble, or is in it no longer.
    Trouble(Trouble),
    /// The host is added to the MX set of a domain.
    AddMx {
        /// The domain.
        domain: DomainName,
        /// The preference of the new record.
        preference: u16,
    },
    /// The host is dropped from the MX set of this domain.
    DropMx(DomainName),
    /// The server is configured to act as exchanger for this domain.
    Configure(DomainName),
    /// The server is no longer configured to act as exchanger for this domain.
    Unconfigure(DomainName),
    /// The client's local policy for a next hop changes.
    Policy {
        /// The next hop.
        next_hop: DomainName,
        /// The new level.
        level: Level,
    },
    /// The host crashes and starts again by itself. Its connections close; it loses its memory, but not what it has stored
    /// (C-DR-9, C-NET-6).
    Crash {
        /// How long it is down, refusing connections.
        #[serde(with = "humantime_serde")]
        #[schemars(with = "super::reference::Time")]
        down_for: Duration,
    },
    /// What stands at the position of the step goes on no sooner: the beginning of an attempt, a dial, or MAIL. Every queue
    /// manager has its own order of doing things; this sets it.
    Hold {
        /// From the start of the run.
        #[serde(with = "humantime_serde")]
        #[schemars(with = "super::reference::Time")]
        until: Duration,
    },
    /// Lookups that this host makes about a domain start to fail (SERVFAIL).
    FailLookups(DomainName),
    /// Lookups that this host makes about a domain work again.
    RestoreLookups(DomainName),
    /// The wall clock of the host leaps, or is set right (C-DR-9). Whoever trusts a certificate trusts his clock: where it
    /// stands at a time at which an expired certificate was valid, that is believed, and P01 says so.
    Clock(Clock),
}

impl Drift {
    /// The domain that it is about, if it is about one.
    pub fn domain(&self) -> Option<&DomainName> {
        match self {
            Self::AddMx { domain, .. }
            | Self::DropMx(domain)
            | Self::Configure(domain)
            | Self::Unconfigure(domain)
            | Self::FailLookups(domain)
            | Self::RestoreLookups(domain)
            | Self::Policy { next_hop: domain, .. } => Some(domain),
            Self::Tls(_)
            | Self::Certificate(_)
            | Self::Trouble(_)
            | Self::Crash { .. }
            | Self::Hold { .. }
            | Self::Clock(_) => None,
        }
    }
}

/// What became of a message for its recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It lies in the recipient's mailbox.
    Delivered,
    /// It was given back.
    Bounced,
    /// An impostor accepted it, and its sender believes that it was delivered.
    Stolen,
    /// It still waits in a queue.
    Queued,
}

/// What the wire and the handshake proved about the connection that a message crossed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Security {
    /// No TLS.
    Clear,
    /// TLS with somebody.
    Encrypted,
    /// TLS with a server whose certificate was valid for the next hop's name.
    Authenticated,
}

impl fmt::Display for Fate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Delivered => "delivered",
            Self::Bounced => "bounced",
            Self::Stolen => "stolen",
            Self::Queued => "queued",
        })
    }
}

impl fmt::Display for Security {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Clear => "clear",
            Self::Encrypted => "encrypted",
            Self::Authenticated => "authenticated",
        })
    }
}

/// The command that begins it, or what is done, as in “the reply to …”.
impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Lookup => "the lookup",
            Self::Connect => "connect",
            Self::Ehlo => "EHLO",
            Self::Starttls => "STARTTLS",
            Self::Mail => "MAIL",
            Self::Rcpt => "RCPT",
            Self::Data => "DATA",
            Self::EndOfData => "the final dot",
            Self::Store => "storing",
            Self::Acknowledge => "the reply to the final dot",
            Self::Quit => "QUIT",
        })
    }
}

/// As in “presents …”.
impl fmt::Display for Certificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Valid => "a valid certificate",
            Self::HostNameOnly => "a certificate valid for its host name only",
            Self::Intermediate => "a valid certificate from an intermediate authority",
            Self::Wildcard => "a valid certificate with a wildcard for its host name",
            Self::Revoked => "a certificate that was revoked",
            Self::ByIndication => "a valid certificate to who names it, and else one for another name",
            Self::OtherNamesRefused => {
                "a certificate valid for its host name only, and an alert to who names anything else"
            }
            Self::Expired => "an expired certificate",
            Self::NotYetValid => "a certificate that is not valid yet",
            Self::WrongName => "a certificate for another name",
            Self::SelfSigned => "a self-signed certificate",
            Self::UnknownAuthority => "a certificate from an unknown authority",
            Self::MissingIntermediate => "a certificate without that of the intermediate authority",
            Self::CommonNameOnly => "a certificate with its host name in the common name alone",
            Self::PartialWildcard => "a certificate with a wildcard for a part of a label",
            Self::WideWildcard => "a certificate with a wildcard for two labels",
            Self::NameConstraint => "a certificate from an authority that may not issue for its names",
            Self::PathLength => "a certificate from an authority that may not be one",
        })
    }
}

impl FalseEnd {
    /// Every one.
    pub const ALL: &[Self] = &[
        Self::LfDotLf,
        Self::LfDotCrlf,
        Self::CrlfDotLf,
        Self::CrDotCr,
        Self::CrDotCrlf,
        Self::NulDotCrlf,
    ];

    /// The octets.
    pub fn octets(self) -> &'static [u8] {
        match self {
            Self::LfDotLf => b"\n.\n",
            Self::LfDotCrlf => b"\n.\r\n",
            Self::CrlfDotLf => b"\r\n.\n",
            Self::CrDotCr => b"\r.\r",
            Self::CrDotCrlf => b"\r.\r\n",
            Self::NulDotCrlf => b"\r\n\0.\r\n",
        }
    }
}
