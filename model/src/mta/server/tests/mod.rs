mod commands;
mod content;
mod identity;
mod octets;
mod recipients;
mod security;
mod tls;

use super::*;
use crate::mta::pair::{Timers, settings, show};
use crate::mta::session::{Listing, Transaction};
use crate::scenario::{DemandStage, MailboxState, Trouble};

const EHLO: &str = "EHLO mx.a.example";
const MAIL: &str = "MAIL FROM:<alice@a.example>";
const RCPT: &str = "RCPT TO:<bob@b.example>";

/// A server whose connection stands, and what it asked since.
struct Session {
    server: Server,
    timers: Timers,
}

impl Session {
    fn new(settings: ServerSettings) -> Self {
        Self::greeted(settings, "220 mx.b.example ESMTP Postern")
    }

    fn greeted(settings: ServerSettings, greeting: &str) -> Self {
        let mut session = Self {
            server: Server::new(settings),
            timers: Timers::default(),
        };
        assert_eq!(session.hand(Input::Opened), [greeting]);
        session
    }

    /// A session over TLS, EHLO said.
    fn over_tls(settings: ServerSettings) -> Self {
        let mut session = Self::new(settings);
        session.say(&[EHLO, "STARTTLS"]);
        session.hand(Input::TlsUp);
        session.say(&[EHLO]);
        session
    }

    fn hand(&mut self, input: Input<'_>) -> Vec<String> {
        self.server.handle(input);
        let mut shown = Vec::new();
        loop {
            let output = self.server.poll();
            self.timers.follow(&output);
            shown.extend(show(&output));
            if output == Output::Idle {
                return shown;
            }
        }
    }

    /// What comes of these lines, sent in one piece.
    fn say(&mut self, lines: &[&str]) -> Vec<String> {
        let text: String = lines.iter().flat_map(|line| [*line, "\r\n"]).collect();
        self.hand(Input::Received(text.as_bytes()))
    }

    /// The code of the reply to this line.
    fn code(&mut self, line: &str) -> u16 {
        let shown = self.say(&[line]);
        let first = shown.first().unwrap_or_else(|| panic!("“{line}” has no answer"));
        first[..3]
            .parse()
            .unwrap_or_else(|_| panic!("“{line}” is answered by {first}"))
    }

    /// The transaction that is stored behind MAIL, with one recipient.
    fn transaction(&mut self) -> Transaction {
        self.say(&[RCPT, "DATA"]);
        self.server.handle(Input::Received(b"hello\r\n.\r\n"));
        std::iter::from_fn(|| Some(self.server.poll()).filter(|output| *output != Output::Idle))
            .find_map(|output| match output {
                Output::Store(transaction) => Some(transaction),
                _ => None,
            })
            .expect("a message is stored")
    }
}

fn demanding() -> ServerSettings {
    let mut settings = settings();
    settings.demands_tls = true;
    settings
}
