//! The content of the mail of this world, and what is read out of it.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use postern_model::name::{ReversePath, Token};
use postern_model::scenario::{LineEnds, Message};

use super::Mta;

impl Mta {
    pub(super) fn content_of(&self, message: &Message) -> Vec<u8> {
        let author = match &message.from {
            ReversePath::Null => format!("postmaster@{}", self.name),
            ReversePath::Mailbox(mailbox) => mailbox.to_string(),
        };
        let Message { name, to, .. } = message;
        let content = format!(
            "From: <{author}>\r\nTo: <{to}>\r\nDate: {}\r\nMessage-ID: <{name}@{}>\r\nSubject: {name}\r\n\r\n\
             This is the content of {name}.\r\n",
            self.date(),
            self.name
        );
        match self.world.host(self.index).line_ends {
            LineEnds::Crlf => content.into_bytes(),
            LineEnds::Lf => content.replace("\r\n", "\n").into_bytes(),
        }
    }

    pub(super) fn date(&self) -> String {
        Self::date_of(self.door.wall_clock())
    }

    /// The Internet date of what a wall clock shows.
    pub(super) fn date_of(shown: Duration) -> String {
        let now = i64::try_from(shown.as_secs())
            .ok()
            .and_then(|seconds| Timestamp::from_second(seconds).ok());
        let text = now.and_then(|now| DateTimePrinter::new().timestamp_to_string(&now).ok());
        text.unwrap_or_else(|| String::from("Thu, 1 Jan 2026 00:00:00 -0000"))
    }
}

/// The token in the Message-ID of a content.
pub(super) fn token_in(content: &[u8]) -> Token {
    let header = header_of(content);
    let token = header.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let id = name.eq_ignore_ascii_case("message-id").then_some(value.trim())?;
        id.strip_prefix('<')?.split_once('@')?.0.parse().ok()
    });
    token.unwrap_or_else(unnamed_token)
}

fn unnamed_token() -> Token {
    "unnamed".parse().expect("a plain word is a token")
}

/// The header of a content, lines ended by CRLF.
pub(super) fn header_of(content: &[u8]) -> String {
    let text = String::from_utf8_lossy(content);
    let header = text.lines().take_while(|line| !line.is_empty());
    header.flat_map(|line| [line, "\r\n"]).collect()
}

pub(super) fn received_lines(content: &[u8]) -> usize {
    header_of(content)
        .lines()
        .filter(|line| line.starts_with("Received:"))
        .count()
}
