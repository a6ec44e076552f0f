//! What crosses a connection, as records of a trace: the tap of the simulator in miniature, a part of the state.
//!
//! It reads lines at CRLF and nothing else (R5321-2.3.8-a), and content from the 354 reply to DATA to CRLF.CRLF. What
//! came behind DATA before its reply is commands or content as the reply says.

use crate::trace::{Channel, ConnectionId, End, Event};

/// The tap of one connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Tap {
    connection: ConnectionId,
    /// The line of the dialler that is arriving.
    line: Vec<u8>,
    /// The lines of content so far.
    content: Option<String>,
    /// Replies that the acceptor owes.
    owed: u8,
    /// What came behind DATA, and how many replies are owed up to the one to DATA.
    held: Option<(u8, Vec<u8>)>,
    /// The line of a reply that is arriving.
    reply: Vec<u8>,
    /// The code of the last whole reply.
    last_code: Option<[u8; 3]>,
    last_octet: u8,
    bare_line_end: bool,
}

impl Tap {
    pub(super) fn new(connection: ConnectionId) -> Self {
        Self {
            connection,
            line: Vec::new(),
            content: None,
            // The greeting.
            owed: 1,
            held: None,
            reply: Vec::new(),
            last_code: None,
            last_octet: 0,
            bare_line_end: false,
        }
    }

    /// The dialler's octets arrive at the acceptor.
    pub(super) fn commands(&mut self, octets: &[u8], channel: Channel, events: &mut Vec<Event>) {
        for octet in octets {
            match &mut self.held {
                Some((_, held)) => held.push(*octet),
                None => self.take(*octet, channel, events),
            }
        }
    }

    /// The acceptor's octets arrive at the dialler.
    pub(super) fn replies(&mut self, octets: &[u8], channel: Channel, events: &mut Vec<Event>) {
        for octet in octets {
            self.reply.push(*octet);
            if !self.reply.ends_with(b"\r\n") {
                continue;
            }
            let mut line = std::mem::take(&mut self.reply);
            line.truncate(line.len() - 2);
            events.push(Event::Line {
                connection: self.connection,
                from: End::Acceptor,
                channel,
                text: line.escape_ascii().to_string(),
            });
            if line.get(3) != Some(&b'-') {
                self.last_code = line.first_chunk().copied();
                self.answered(line.starts_with(b"354"), channel, events);
            }
        }
    }

    /// The dialler begins a handshake.
    pub(super) fn handshake(&self, events: &mut Vec<Event>) {
        if self.last_code != Some(*b"220") {
            let connection = self.connection;
            events.push(Event::HandshakeUnasked { connection });
        }
    }

    /// The handshake is complete: all that came before it is void (RFC 3207 §4.2).
    pub(super) fn secured(&mut self) {
        *self = Self {
            owed: 0,
            bare_line_end: self.bare_line_end,
            ..Self::new(self.connection)
        };
    }

    fn take(&mut self, octet: u8, channel: Channel, events: &mut Vec<Event>) {
        let connection = self.connection;
        let is_behind_cr = std::mem::replace(&mut self.last_octet, octet) == b'\r';
        if is_behind_cr != (octet == b'\n') && !self.bare_line_end {
            self.bare_line_end = true;
            events.push(Event::BareLineEnd { connection, channel });
        }
        self.line.push(octet);
        if !self.line.ends_with(b"\r\n") {
            return;
        }
        let mut line = std::mem::take(&mut self.line);
        line.truncate(line.len() - 2);
        let Some(mut content) = self.content.take() else {
            self.owed += 1;
            if line.eq_ignore_ascii_case(b"DATA") {
                self.held = Some((self.owed, Vec::new()));
            }
            return events.push(Event::Line {
                connection,
                from: End::Dialler,
                channel,
                text: line.escape_ascii().to_string(),
            });
        };
        if line != b"." {
            let line = line.strip_prefix(b".").unwrap_or(&line);
            content.push_str(&line.escape_ascii().to_string());
            content.push('\n');
            self.content = Some(content);
            return;
        }
        self.owed += 1;
        events.push(Event::Content {
            connection,
            channel,
            text: content,
        });
    }

    fn answered(&mut self, is_go_ahead: bool, channel: Channel, events: &mut Vec<Event>) {
        self.owed = self.owed.saturating_sub(1);
        if let Some((owed, _)) = &mut self.held {
            *owed = owed.saturating_sub(1);
        }
        let Some((_, octets)) = self.held.take_if(|(owed, _)| *owed == 0 || is_go_ahead) else {
            return;
        };
        if is_go_ahead {
            self.content = Some(String::new());
        }
        self.commands(&octets, channel, events);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `C:` for a command line, `S:` for a line of a reply, `=` for content, `!` for a bare CR or LF.
    fn crossed(octets: &[(End, &str)]) -> Vec<String> {
        let mut tap = Tap::new(ConnectionId(0));
        let mut events = Vec::new();
        for (from, octets) in octets {
            match from {
                End::Dialler => tap.commands(octets.as_bytes(), Channel::Clear, &mut events),
                End::Acceptor => tap.replies(octets.as_bytes(), Channel::Clear, &mut events),
            }
        }
        let shown = events.into_iter().map(|event| match event {
            Event::Line { from: End::Dialler, text, .. } => format!("C: {text}"),
            Event::Line { text, .. } => format!("S: {text}"),
            Event::Content { text, .. } => format!("= {text}"),
            _ => "!".to_owned(),
        });
        shown.collect()
    }

    const HELLO: (End, &str) = (End::Acceptor, "220 mx\r\n");

    #[test]
    fn a_line_is_seen_when_its_crlf_is_there() {
        let octets = [HELLO, (End::Dialler, "NO"), (End::Dialler, "OP\r\nQU")];
        assert_eq!(crossed(&octets), ["S: 220 mx", "C: NOOP"]);
    }

    #[test]
    fn what_comes_behind_data_is_content_if_the_reply_says_so() {
        let data = (End::Dialler, "DATA\r\n..a\r\n.\r\n");
        let go_ahead = [HELLO, data, (End::Acceptor, "354 go\r\n")];
        assert_eq!(crossed(&go_ahead), ["S: 220 mx", "C: DATA", "S: 354 go", "= .a\n"]);
        let refused = [HELLO, data, (End::Acceptor, "554 no\r\n")];
        assert_eq!(crossed(&refused)[2..], ["S: 554 no", "C: ..a", "C: ."]);
    }

    #[test]
    fn a_bare_line_feed_ends_no_line_and_is_noted() {
        let octets = [HELLO, (End::Dialler, "NOOP\nQUIT\r\n")];
        assert_eq!(crossed(&octets), ["S: 220 mx", "!", "C: NOOP\\nQUIT"]);
    }
}
