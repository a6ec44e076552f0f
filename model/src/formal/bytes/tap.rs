//! What crosses a connection, as records of a trace: the simulator's tap in miniature, as a part of the state.
//!
//! It reads lines at CRLF and nothing else (R5321-2.3.8-a), and content from the 354 reply to DATA to CRLF.CRLF. What
//! came behind DATA before its reply is commands or content as the reply says. A line that is answered before it has ended,
//! as one may be in which a CR or an LF stands alone, is seen as far as it came.

use crate::trace::{Channel, ConnectionId, End, Event};

/// The tap of one connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Tap {
    connection: ConnectionId,
    /// The line of the dialler that is arriving.
    line: Vec<u8>,
    /// That line was answered already.
    is_answered: bool,
    /// The lines of content so far.
    content: Option<String>,
    /// Replies that the acceptor owes.
    owed: u8,
    /// What came behind DATA, and how many replies are owed up to the one to DATA.
    held: Option<(u8, Vec<u8>)>,
    /// The line of a reply that is arriving.
    reply: Vec<u8>,
    /// How many replies are owed up to the one to STARTTLS.
    asked: Option<u8>,
    /// STARTTLS was answered by 220.
    has_go_ahead: bool,
    last_octet: u8,
    bare_line_end: bool,
}

impl Tap {
    pub(super) fn new(connection: ConnectionId) -> Self {
        Self {
            connection,
            line: Vec::new(),
            is_answered: false,
            content: None,
            // The greeting.
            owed: 1,
            held: None,
            reply: Vec::new(),
            asked: None,
            has_go_ahead: false,
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
            if line.get(3) != Some(&b'-') {
                if self.owed == 0 && self.content.is_none() && !self.line.is_empty() {
                    self.is_answered = true;
                    self.owed = 1;
                    events.push(self.command(&self.line, channel));
                }
                // What came behind DATA came before the reply to it.
                self.answered(line.get(..3).unwrap_or_default(), channel, events);
            }
            events.push(Event::Line {
                connection: self.connection,
                from: End::Acceptor,
                channel,
                text: line.escape_ascii().to_string(),
            });
        }
    }

    /// The dialler begins a handshake.
    pub(super) fn handshake(&self, events: &mut Vec<Event>) {
        if !self.has_go_ahead {
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
            if std::mem::take(&mut self.is_answered) {
                return;
            }
            self.owed += 1;
            if line.eq_ignore_ascii_case(b"DATA") {
                self.held = Some((self.owed, Vec::new()));
            }
            if line.eq_ignore_ascii_case(b"STARTTLS") {
                self.asked = Some(self.owed);
                self.has_go_ahead = false;
            }
            return events.push(self.command(&line, channel));
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

    fn command(&self, line: &[u8], channel: Channel) -> Event {
        Event::Line {
            connection: self.connection,
            from: End::Dialler,
            channel,
            text: line.escape_ascii().to_string(),
        }
    }

    fn answered(&mut self, code: &[u8], channel: Channel, events: &mut Vec<Event>) {
        self.owed = self.owed.saturating_sub(1);
        if let Some(owed) = &mut self.asked {
            *owed = owed.saturating_sub(1);
        }
        if self.asked.take_if(|owed| *owed == 0).is_some() {
            self.has_go_ahead = code == b"220";
        }
        if let Some((owed, _)) = &mut self.held {
            *owed = owed.saturating_sub(1);
        }
        let is_content = code == b"354";
        let Some((_, octets)) = self.held.take_if(|(owed, _)| *owed == 0 || is_content) else {
            return;
        };
        if is_content {
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
            Event::Line {
                from: End::Dialler,
                text,
                ..
            } => format!("C: {text}"),
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
        assert_eq!(crossed(&go_ahead), ["S: 220 mx", "C: DATA", "= .a\n", "S: 354 go"]);
        let refused = [HELLO, data, (End::Acceptor, "554 no\r\n")];
        assert_eq!(crossed(&refused)[2..], ["C: ..a", "C: .", "S: 554 no"]);
    }

    #[test]
    fn a_bare_line_feed_ends_no_line_and_is_noted() {
        let octets = [HELLO, (End::Dialler, "NOOP\nQUIT\r\n")];
        assert_eq!(crossed(&octets), ["S: 220 mx", "!", "C: NOOP\\nQUIT"]);
    }

    #[test]
    fn a_line_that_is_answered_before_its_end_is_seen_so_far_and_once() {
        let octets = [
            HELLO,
            (End::Dialler, "NOOP\n"),
            (End::Acceptor, "500 no\r\n"),
            (End::Dialler, "x\r\nQUIT\r\n"),
        ];
        assert_eq!(
            crossed(&octets),
            ["S: 220 mx", "!", "C: NOOP\\n", "S: 500 no", "C: QUIT"]
        );
    }
}
