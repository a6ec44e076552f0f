//! Where a client's session stands: what it waits for.

use std::fmt;

use crate::mta::timer::Timer;
use crate::smtp::{Reply, Severity};

/// What a client's session waits for. [`Display`](fmt::Display) says it as in “while waiting for …”.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The connection to stand.
    Opening,
    /// The greeting.
    Greeting,
    /// The reply to EHLO, in clear or inside TLS.
    Ehlo,
    /// The reply to HELO.
    Helo,
    /// The reply to STARTTLS.
    Starttls,
    /// The TLS handshake.
    Handshake,
    /// The reply to MAIL.
    Mail,
    /// The reply to RCPT.
    Rcpt,
    /// The reply to DATA.
    Data,
    /// The reply to the final dot.
    EndOfData,
    /// Nothing: the message was accepted, and another may follow.
    Kept,
    /// The reply to QUIT: the session has its result.
    Quit,
    /// Nothing more.
    Over,
}

impl Stage {
    /// Whether octets from the server are awaited.
    pub(super) fn awaits_reply(self) -> bool {
        !matches!(self, Self::Opening | Self::Handshake | Self::Kept | Self::Over)
    }

    /// The timer that runs meanwhile.
    pub(super) fn timer(self) -> Option<Timer> {
        match self {
            Self::Opening => Some(Timer::Connect),
            Self::Greeting => Some(Timer::Greeting),
            Self::Ehlo | Self::Helo | Self::Starttls | Self::Quit => Some(Timer::Command),
            Self::Handshake => Some(Timer::Handshake),
            Self::Mail => Some(Timer::Mail),
            Self::Rcpt => Some(Timer::Rcpt),
            Self::Data => Some(Timer::DataInitiation),
            Self::EndOfData => Some(Timer::DataTermination),
            Self::Kept | Self::Over => None,
        }
    }

    /// Whether what comes behind this reply cannot be taken for the reply to a command yet to be sent: the session has its
    /// result, or the rest will be thrown away.
    pub(super) fn is_last_reply(self, reply: &Reply) -> bool {
        let is_refusal = matches!(reply.severity(), Severity::Transient | Severity::Permanent);
        match self {
            Self::EndOfData | Self::Quit => true,
            Self::Starttls => reply.code == 220,
            Self::Ehlo => reply.severity() == Severity::Transient,
            _ => is_refusal,
        }
    }

    /// What the server is asked for.
    pub(super) fn request(self) -> &'static str {
        match self {
            Self::Opening | Self::Greeting | Self::Kept | Self::Over => "connection",
            Self::Ehlo => "EHLO",
            Self::Helo => "HELO",
            Self::Starttls => "STARTTLS",
            Self::Handshake => "TLS handshake",
            Self::Mail => "MAIL",
            Self::Rcpt => "RCPT",
            Self::Data => "DATA",
            Self::EndOfData => "end of data",
            Self::Quit => "QUIT",
        }
    }
}

/// What the session waits for, as in “while waiting for …”.
impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opening | Self::Kept | Self::Over => formatter.write_str("the connection"),
            Self::Greeting => formatter.write_str("the greeting"),
            Self::Handshake => formatter.write_str("the TLS handshake"),
            _ => write!(formatter, "the reply to {}", self.request()),
        }
    }
}
