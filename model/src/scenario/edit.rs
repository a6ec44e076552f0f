//! One edit of what is on its way in clear, by its place among the lines that an end sends.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What somebody on the path makes of a line that one end sends to the other in clear. While he edits he does nothing else in
/// clear on the paths to the same host, but that he can watch, pass all on in segments, and answer a handshake with garbage. A
/// handshake that only one end expects comes to nothing. Neither end then heard what the other said, so P02, P03, P13 and P36
/// judge nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Edit {
    /// Who is to read it.
    pub toward: Toward,
    /// Which line of those that are sent toward it in clear, from 1; of a reply every line counts, and of content too.
    pub line: u16,
    /// What becomes of it.
    pub alteration: Alteration,
}

/// Who reads what is edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Toward {
    /// The client: what the server sends is edited.
    Client,
    /// The server: what the client sends is edited.
    Server,
}

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Alteration {
    /// It is taken away.
    Drop,
    /// Something comes before it, in one segment with it.
    InsertBefore(Insertion),
    /// Something comes behind it, in one segment with it.
    InsertBehind(Insertion),
    /// Something comes right after it, in a segment of its own; after line 0 as soon as the connection stands.
    InsertAfter(Insertion),
    /// A moment passes before what stands behind it.
    PauseBehind,
}

macro_rules! insertions {
    ($($(#[doc = $doc:literal])* $insertion:ident = $octets:literal,)*) => {
        /// What somebody on the path says in another's name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum Insertion {
            $($(#[doc = $doc])* $insertion,)*
        }

        impl Insertion {
            /// Everything that can be said.
            pub const ALL: &[Self] = &[$(Self::$insertion,)*];

            /// The octets.
            pub fn octets(self) -> &'static [u8] {
                match self { $(Self::$insertion => $octets,)* }
            }
        }
    };
}

insertions! {
    /// `MAIL FROM:<evil@e.example>`
    Mail = b"MAIL FROM:<evil@e.example>\r\n",
    /// `RSET`
    Rset = b"RSET\r\n",
    /// `NOOP`
    Noop = b"NOOP\r\n",
    /// `STARTTLS`
    Starttls = b"STARTTLS\r\n",
    /// `STARTTLS now`, which may have no parameter (R3207-2-a).
    StarttlsWithParameter = b"STARTTLS now\r\n",
    /// `QUIT`
    Quit = b"QUIT\r\n",
    /// `NOOP`, and behind a bare LF `MAIL`, with a `RCPT` to a mailbox of b.example (C-SMUG-1).
    HiddenCommand = b"NOOP\nMAIL FROM:<evil@e.example>\r\nRCPT TO:<bob@b.example>\r\n",
    /// A dot behind a bare LF, which ends no content (C-SMUG-1).
    FalseEnd = b"x\n.\r\n",
    /// `DATA`, which is refused where nobody is to have mail, and `MAIL` behind it (C-SMUG-3).
    DataThenMail = b"DATA\r\nMAIL FROM:<evil@e.example>\r\n",
    /// `250 ok`
    Completion = b"250 ok\r\n",
    /// `220 go`
    GoAhead = b"220 go\r\n",
    /// `454 no`
    Deferral = b"454 no\r\n",
    /// `554 no`
    Refusal = b"554 no\r\n",
    /// `250-x` and `250 STARTTLS`, as if EHLO were answered.
    Offer = b"250-x\r\n250 STARTTLS\r\n",
}

impl Edit {
    /// What of it cannot be.
    pub(super) fn problem(self) -> Option<String> {
        if self.line == 0 && !matches!(self.alteration, Alteration::InsertAfter(_)) {
            return Some("lines count from 1: before the first there is only `insert-after` line 0".to_owned());
        }
        let (Alteration::InsertBefore(inserted)
        | Alteration::InsertBehind(inserted)
        | Alteration::InsertAfter(inserted)) = self.alteration
        else {
            return None;
        };
        let reader = inserted.reader();
        (reader != self.toward).then(|| {
            format!(
                "“{inserted}” is for the {reader} to read, and not for the {}",
                self.toward
            )
        })
    }
}

impl Insertion {
    /// Who can make something of it: a server of commands, and a client of replies.
    fn reader(self) -> Toward {
        match self.octets()[0].is_ascii_digit() {
            true => Toward::Client,
            false => Toward::Server,
        }
    }
}

/// As in “the attacker …”.
impl fmt::Display for Edit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            toward,
            line,
            alteration,
        } = self;
        match alteration {
            Alteration::Drop => write!(formatter, "drops line {line} toward the {toward}"),
            Alteration::InsertBefore(insertion) => {
                write!(
                    formatter,
                    "inserts “{insertion}” before line {line} toward the {toward}"
                )
            }
            Alteration::InsertBehind(insertion) => {
                write!(
                    formatter,
                    "inserts “{insertion}” behind line {line} toward the {toward}"
                )
            }
            Alteration::InsertAfter(insertion) => {
                write!(
                    formatter,
                    "inserts “{insertion}” by itself after line {line} toward the {toward}"
                )
            }
            Alteration::PauseBehind => write!(formatter, "pauses behind line {line} toward the {toward}"),
        }
    }
}

impl fmt::Display for Toward {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Client => "client",
            Self::Server => "server",
        })
    }
}

/// Its octets, without the last CRLF.
impl fmt::Display for Insertion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let octets = self.octets();
        let text = octets.strip_suffix(b"\r\n").unwrap_or(octets);
        write!(formatter, "{}", text.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_the_first_line_there_is_only_what_comes_by_itself() {
        let at_start = |alteration| {
            let edit = Edit {
                toward: Toward::Server,
                line: 0,
                alteration,
            };
            edit.problem().is_none()
        };
        assert!(at_start(Alteration::InsertAfter(Insertion::Noop)));
        for alteration in [
            Alteration::Drop,
            Alteration::InsertBefore(Insertion::Noop),
            Alteration::InsertBehind(Insertion::Noop),
            Alteration::PauseBehind,
        ] {
            assert!(!at_start(alteration), "{alteration:?}");
        }
    }

    #[test]
    fn commands_are_for_servers_and_replies_for_clients() {
        let is_legal = |toward, insertion| {
            let edit = Edit {
                toward,
                line: 1,
                alteration: Alteration::InsertBehind(insertion),
            };
            edit.problem().is_none()
        };
        for insertion in Insertion::ALL {
            let both = [Toward::Client, Toward::Server].map(|toward| is_legal(toward, *insertion));
            assert_eq!(both.iter().filter(|is_legal| **is_legal).count(), 1, "{insertion}");
        }
        assert!(is_legal(Toward::Server, Insertion::FalseEnd) && is_legal(Toward::Client, Insertion::Offer));
    }

    #[test]
    fn everything_that_is_said_ends_its_line() {
        for insertion in Insertion::ALL {
            assert!(insertion.octets().ends_with(b"\r\n"), "{insertion}");
        }
    }
}
