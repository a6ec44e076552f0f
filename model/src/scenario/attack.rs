//! What an attacker on the path can do, one entry an attack: its name and meaning, what a campaign says that met it, its
//! words in a transcript, and what of it cannot be. How it is done stands in the simulator.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::edit::Edit;
use super::kinds::{Certificate, Phase};

macro_rules! attacks {
    ($($(#[doc = $doc:literal])* $attack:ident $(($payload:ty))?: $met:literal;)*) => {
        /// What an attacker on the path does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum Attack {
            $($(#[doc = $doc])* $attack $(($payload))?,)*
        }

        /// An attack without its particulars.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum AttackKind {
            $(#[doc = $met] $attack,)*
        }

        impl Attack {
            /// Which attack it is, whatever its particulars.
            pub fn kind(self) -> AttackKind {
                match self { $(Self::$attack { .. } => AttackKind::$attack,)* }
            }
        }

        impl AttackKind {
            /// Every attack.
            pub const ALL: &[Self] = &[$(Self::$attack,)*];

            /// What happened where it was met, in a few words.
            pub fn met(self) -> &'static str {
                match self { $(Self::$attack => $met,)* }
            }
        }
    };
}

attacks! {
    /// Sits on the path and changes nothing. What begins later then finds the attacker in its place.
    Watch: "an attacker sat on the path and changed nothing";
    /// Removes the STARTTLS line from the reply to EHLO (C-DG-1).
    StripStarttls: "STARTTLS was stripped from a reply to EHLO";
    /// Overwrites the keyword in place with XXXXXXXX (C-DG-2).
    OverwriteStarttls: "STARTTLS was overwritten in a reply to EHLO";
    /// Removes every keyword but STARTTLS from the reply to EHLO (C-DG-17).
    StripExtensions: "every extension but STARTTLS was stripped from a reply to EHLO";
    /// Adds AUTH, PIPELINING, SIZE, DSN and 8BITMIME to the reply to EHLO, as far as they are missing (C-INJ-6).
    AddExtensions: "extensions were added to a reply to EHLO";
    /// Removes STARTTLS only from clients that it has seen go on in clear, or not seen yet, and leaves those alone that
    /// would not send without TLS (C-DG-14).
    StripWhereNothingIsRequired: "STARTTLS was stripped by an attacker who learns whom to leave alone";
    /// Refuses EHLO with this code, so that the client falls back to HELO (C-DG-11).
    RefuseEhlo(u16): "EHLO was refused by an attacker";
    /// Greets with this code in the server's place: 421 (C-DG-11), 521 or 554 (RFC 7504).
    Greet(u16): "an attacker refused the session in its greeting";
    /// Overwrites the client's STARTTLS in place with XXXXXXXX, so that the server refuses it (C-DG-3).
    GarbleStarttls: "the client's STARTTLS was garbled";
    /// Answers STARTTLS itself with this code: 454 (C-DG-4) or a 5yz (C-DG-5).
    AnswerStarttls(u16): "STARTTLS was answered with a refusal by an attacker";
    /// Answers STARTTLS itself with something that is neither 220 nor a refusal (C-DG-6).
    AnswerStarttlsOddly(OddReply): "STARTTLS was answered with something odd";
    /// Answers STARTTLS with 220 and then sends garbage in place of the ServerHello (C-DG-7).
    GarbageAfterGoAhead: "garbage came in place of the ServerHello";
    /// Answers STARTTLS with 220 and the ClientHello with a fatal alert (C-DG-8).
    AlertAfterGoAhead(Alert): "a TLS alert came in place of the ServerHello";
    /// Answers STARTTLS with 220 and then closes the connection (C-DG-9).
    CloseAfterGoAhead: "an attacker closed a connection after the go-ahead";
    /// Answers STARTTLS with 220 and resets the connection when the handshake begins (C-DG-9).
    ResetAfterGoAhead: "an attacker reset a connection after the go-ahead";
    /// Answers STARTTLS with 220, then swallows the handshake (C-DG-10).
    SwallowHandshake: "a handshake was swallowed";
    /// Passes on what the server says in the handshake an octet at a time, ten seconds apart (C-DG-10).
    SlowHandshake: "a handshake was slowed down";
    /// Flips a bit of this octet, from 0, of what the client sends after the go-ahead (C-DG-13).
    TamperHello(u16): "a ClientHello was tampered with";
    /// Sends commands of its own behind the client's STARTTLS: in one segment if 0, else cut at this octet (C-INJ-1).
    InjectCommands(u16): "commands were injected behind STARTTLS";
    /// Sends MAIL and RCPT of its own before the client's STARTTLS (C-INJ-4).
    InjectTransaction: "a transaction was injected before STARTTLS";
    /// Sends replies of its own behind the server's 220: in one segment if 0, else cut at this octet (C-INJ-2).
    InjectReplies(u16): "replies were injected behind the go-ahead";
    /// Sends a command in clear to the server, behind so many octets of the client's TLS (C-INJ-3).
    InjectTowardServer(u32): "a command was injected into the client's TLS";
    /// Sends a reply in clear to the client, behind so many octets of the server's TLS (C-INJ-3).
    InjectTowardClient(u32): "a reply was injected into the server's TLS";
    /// Passes on, from when the attack begins, so many octets of what the client sends, in clear or in TLS, and then
    /// closes without a word (C-DG-18, C-NET-4).
    CutClient(u32): "a connection was cut in the middle of what the client sent";
    /// The same of what the server sends (C-NET-1, C-NET-3).
    CutServer(u32): "a connection was cut in the middle of what the server sent";
    /// Passes everything on in segments of at most so many octets (C-NET-5).
    Segments(u16): "everything was passed on in small segments";
    /// Alters one line that is on its way in clear, of the connections that are dialled while it lasts; what is said and
    /// begun otherwise passes as it is.
    Edit(Edit): "a line in clear was edited";
    /// Closes the connection when the client has sent this command, which the server never sees (C-DG-9).
    CloseAt(Phase): "an attacker closed a connection at a command";
    /// Closes the connection in place of the server's reply to this command (C-DG-9, C-NET-1).
    CloseInsteadOfReply(Phase): "an attacker closed a connection in place of a reply";
    /// Withholds the server's reply to this command and everything after it, and keeps the connection open.
    WithholdReply(Phase): "a reply was withheld";
    /// Terminates TLS with a certificate of its own (C-CERT-1, 3, 4, 5) and passes all on to the server.
    InterceptTls(Certificate): "an attacker terminated TLS";
    /// Refuses the connection.
    Refuse: "an attacker refused a connection";
    /// Lets the connection request vanish.
    BlackHole: "a connection request vanished";
}

/// A reply to STARTTLS that is neither 220 nor a refusal (C-DG-6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OddReply {
    /// 250.
    Completion,
    /// 354.
    Intermediate,
    /// 150, which SMTP does not have.
    Preliminary,
    /// 220 in three lines, which is a go-ahead: the server's own go-ahead stands behind it.
    MultiLine,
    /// No digits where the code should be.
    NotNumeric,
    /// A line of more octets than any client need read.
    OverLong,
    /// A NUL in the text.
    Nul,
}

/// The description of a fatal TLS alert (RFC 8446 §6, RFC 6066 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Alert {
    /// No acceptable set of parameters.
    HandshakeFailure,
    /// The version is recognized and not supported.
    ProtocolVersion,
    /// Something that has nothing to do with the peer.
    InternalError,
    /// No server of the name that the client indicated.
    UnrecognizedName,
}

impl Alert {
    /// Its number on the wire.
    pub fn number(self) -> u8 {
        match self {
            Self::HandshakeFailure => 40,
            Self::ProtocolVersion => 70,
            Self::InternalError => 80,
            Self::UnrecognizedName => 112,
        }
    }
}

impl Attack {
    /// What of the attack cannot be, with the key of the scenario file that says it.
    pub(super) fn problem(self) -> Option<(&'static str, String)> {
        let refusal = |key, code: u16, least| {
            let what = format!("{code} is no refusal: the code must be {least} to 599");
            (!(least..=599).contains(&code)).then_some((key, what))
        };
        match self {
            Self::AnswerStarttls(code) => refusal("answer-starttls", code, 400),
            Self::Greet(code) => refusal("greet", code, 400),
            Self::RefuseEhlo(code) => refusal("refuse-ehlo", code, 500),
            Self::CloseAt(Phase::Store | Phase::Acknowledge) => {
                Some(("close-at", "that is not a command: use end-of-data".to_owned()))
            }
            Self::CloseInsteadOfReply(Phase::Store | Phase::Acknowledge) => Some((
                "close-instead-of-reply",
                "that is not a command: use end-of-data".to_owned(),
            )),
            Self::WithholdReply(Phase::Store | Phase::Acknowledge) => {
                Some(("withhold-reply", "that is not a command: use end-of-data".to_owned()))
            }
            Self::CloseAt(Phase::Lookup | Phase::Connect) => Some((
                "close-at",
                "there is no connection to close before ehlo: use refuse or black-hole".to_owned(),
            )),
            Self::CloseInsteadOfReply(Phase::Lookup | Phase::Connect) => Some((
                "close-instead-of-reply",
                "there is no command to reply to before ehlo: use refuse or black-hole".to_owned(),
            )),
            Self::WithholdReply(Phase::Lookup) => Some((
                "withhold-reply",
                "the reply to lookup is not the attacker's to withhold: use connect for the greeting".to_owned(),
            )),
            Self::Edit(edit) => Some(("edit", edit.problem()?)),
            Self::Segments(0) => Some(("segments", "a segment has at least 1 octet".to_owned())),
            Self::InterceptTls(certificate) if !certificate.can_be_an_attackers() => Some((
                "intercept-tls",
                "an attacker has no valid certificate: use expired, wrong-name, self-signed or unknown-authority"
                    .to_owned(),
            )),
            _ => None,
        }
    }
}

/// As in “the attacker …”.
impl fmt::Display for Attack {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Watch => formatter.write_str("watches"),
            Self::StripStarttls => formatter.write_str("strips STARTTLS from the reply to EHLO"),
            Self::OverwriteStarttls => formatter.write_str("overwrites STARTTLS in the reply to EHLO"),
            Self::StripExtensions => formatter.write_str("strips every extension but STARTTLS from the reply to EHLO"),
            Self::AddExtensions => formatter.write_str("adds extensions to the reply to EHLO"),
            Self::StripWhereNothingIsRequired => {
                formatter.write_str("strips STARTTLS from clients that it has not seen insist on TLS")
            }
            Self::RefuseEhlo(code) => write!(formatter, "refuses EHLO with {code}"),
            Self::Greet(code) => write!(formatter, "greets with {code} in the server's place"),
            Self::GarbleStarttls => formatter.write_str("overwrites the client's STARTTLS"),
            Self::AnswerStarttls(code) => write!(formatter, "answers STARTTLS with {code}"),
            Self::AnswerStarttlsOddly(reply) => write!(formatter, "answers STARTTLS with {reply}"),
            Self::GarbageAfterGoAhead => formatter.write_str("answers STARTTLS with 220 and then sends garbage"),
            Self::AlertAfterGoAhead(alert) => {
                write!(
                    formatter,
                    "answers STARTTLS with 220 and the handshake with the alert {alert}"
                )
            }
            Self::CloseAfterGoAhead => formatter.write_str("answers STARTTLS with 220 and then closes the connection"),
            Self::ResetAfterGoAhead => formatter.write_str("answers STARTTLS with 220 and the handshake with a reset"),
            Self::SwallowHandshake => formatter.write_str("swallows the TLS handshake"),
            Self::SlowHandshake => formatter.write_str("passes the server's handshake on an octet at a time"),
            Self::TamperHello(octet) => write!(formatter, "flips a bit in octet {octet} of the client's handshake"),
            Self::InjectCommands(0) => formatter.write_str("sends commands of its own behind STARTTLS"),
            Self::InjectCommands(cut) => {
                write!(
                    formatter,
                    "sends commands of its own behind STARTTLS, cut at octet {cut}"
                )
            }
            Self::InjectTransaction => formatter.write_str("sends MAIL and RCPT of its own before STARTTLS"),
            Self::InjectReplies(0) => formatter.write_str("sends replies of its own behind the go-ahead"),
            Self::InjectReplies(cut) => {
                write!(
                    formatter,
                    "sends replies of its own behind the go-ahead, cut at octet {cut}"
                )
            }
            Self::InjectTowardServer(octets) => {
                write!(
                    formatter,
                    "sends a command in clear behind {octets} octets of the client's TLS"
                )
            }
            Self::InjectTowardClient(octets) => {
                write!(
                    formatter,
                    "sends a reply in clear behind {octets} octets of the server's TLS"
                )
            }
            Self::CutClient(octets) => {
                write!(
                    formatter,
                    "closes the connection after {octets} more octets from the client"
                )
            }
            Self::CutServer(octets) => {
                write!(
                    formatter,
                    "closes the connection after {octets} more octets from the server"
                )
            }
            Self::Edit(edit) => edit.fmt(formatter),
            Self::Segments(octets) => write!(formatter, "passes everything on in segments of {octets} octets"),
            Self::CloseAt(phase) => write!(formatter, "closes the connection at {phase}"),
            Self::CloseInsteadOfReply(phase) => {
                write!(formatter, "closes the connection in place of the reply to {phase}")
            }
            Self::WithholdReply(Phase::Connect) => formatter.write_str("withholds the greeting"),
            Self::WithholdReply(phase) => write!(formatter, "withholds the reply to {phase}"),
            Self::InterceptTls(certificate) => write!(formatter, "terminates TLS with {certificate}"),
            Self::Refuse => formatter.write_str("refuses connections"),
            Self::BlackHole => formatter.write_str("lets connection requests vanish"),
        }
    }
}

impl fmt::Display for OddReply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Completion => "250",
            Self::Intermediate => "354",
            Self::Preliminary => "150",
            Self::MultiLine => "220 in three lines",
            Self::NotNumeric => "a line without a code",
            Self::OverLong => "an over-long line",
            Self::Nul => "a line with a NUL in it",
        })
    }
}

/// As in the registry of TLS alerts.
impl fmt::Display for Alert {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::HandshakeFailure => "handshake_failure",
            Self::ProtocolVersion => "protocol_version",
            Self::InternalError => "internal_error",
            Self::UnrecognizedName => "unrecognized_name",
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::edit::{Alteration, Insertion, Toward};
    use super::*;

    /// Attacks that can be, at least one of every kind.
    pub(in super::super) const EXAMPLES: &[Attack] = &[
        Attack::Watch,
        Attack::StripStarttls,
        Attack::OverwriteStarttls,
        Attack::StripExtensions,
        Attack::AddExtensions,
        Attack::StripWhereNothingIsRequired,
        Attack::RefuseEhlo(502),
        Attack::Greet(421),
        Attack::Greet(554),
        Attack::GarbleStarttls,
        Attack::AnswerStarttls(454),
        Attack::AnswerStarttlsOddly(OddReply::Completion),
        Attack::AnswerStarttlsOddly(OddReply::Intermediate),
        Attack::AnswerStarttlsOddly(OddReply::Preliminary),
        Attack::AnswerStarttlsOddly(OddReply::MultiLine),
        Attack::AnswerStarttlsOddly(OddReply::NotNumeric),
        Attack::AnswerStarttlsOddly(OddReply::OverLong),
        Attack::AnswerStarttlsOddly(OddReply::Nul),
        Attack::GarbageAfterGoAhead,
        Attack::AlertAfterGoAhead(Alert::HandshakeFailure),
        Attack::AlertAfterGoAhead(Alert::ProtocolVersion),
        Attack::AlertAfterGoAhead(Alert::InternalError),
        Attack::AlertAfterGoAhead(Alert::UnrecognizedName),
        Attack::CloseAfterGoAhead,
        Attack::ResetAfterGoAhead,
        Attack::SwallowHandshake,
        Attack::SlowHandshake,
        Attack::TamperHello(9),
        Attack::InjectCommands(0),
        Attack::InjectCommands(12),
        Attack::InjectTransaction,
        Attack::InjectReplies(0),
        Attack::InjectReplies(40),
        Attack::InjectTowardServer(5),
        Attack::InjectTowardClient(0),
        Attack::CutClient(100),
        Attack::CutServer(50),
        Attack::Segments(4),
        Attack::Edit(Edit {
            toward: Toward::Server,
            line: 0,
            alteration: Alteration::InsertAfter(Insertion::Noop),
        }),
        Attack::Edit(Edit {
            toward: Toward::Client,
            line: 2,
            alteration: Alteration::Drop,
        }),
        Attack::CloseAt(Phase::Starttls),
        Attack::CloseInsteadOfReply(Phase::EndOfData),
        Attack::WithholdReply(Phase::Connect),
        Attack::WithholdReply(Phase::Mail),
        Attack::InterceptTls(Certificate::Expired),
        Attack::Refuse,
        Attack::BlackHole,
    ];

    #[test]
    fn there_is_an_example_of_every_kind_and_each_can_be() {
        for kind in AttackKind::ALL {
            assert!(EXAMPLES.iter().any(|attack| attack.kind() == *kind), "{kind:?}");
        }
        for attack in EXAMPLES {
            assert_eq!(attack.problem(), None, "{attack:?}");
        }
    }

    #[test]
    fn no_two_attacks_read_alike() {
        for (place, attack) in EXAMPLES.iter().enumerate() {
            let words = attack.to_string();
            assert!(
                EXAMPLES[..place].iter().all(|other| other.to_string() != words),
                "{words}"
            );
        }
    }

    #[test]
    fn alerts_have_their_numbers() {
        // RFC 8446 §6, RFC 6066 §3.
        let numbers = [
            (Alert::HandshakeFailure, 40),
            (Alert::ProtocolVersion, 70),
            (Alert::InternalError, 80),
            (Alert::UnrecognizedName, 112),
        ];
        for (alert, number) in numbers {
            assert_eq!(alert.number(), number, "{alert}");
        }
    }
}
