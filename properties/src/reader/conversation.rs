//! One SMTP conversation: which reply answers which command.

use std::collections::VecDeque;

use postern_model::observation::{ConnectionId, DomainId, HostId, Observation};
use postern_model::scenario::{MailboxState, Phase};

use super::lines;
use crate::setup::Setup;

/// The commands that arrived and are not yet answered, and the reply that is arriving.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Conversation {
    outstanding: VecDeque<Asked>,
    /// Lines of the arriving reply so far.
    lines: u32,
    offers_starttls: bool,
    offers_pipelining: bool,
    offers_dsn: bool,
}

/// Something that a reply is owed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Asked {
    phase: Option<Phase>,
    recipient: Option<(DomainId, MailboxState)>,
}

/// What a complete reply answers and says.
struct Answered {
    asked: Option<Asked>,
    code: u16,
    offers_starttls: bool,
    offers_pipelining: bool,
    offers_dsn: bool,
}

/// The greeting is owed to the connection itself.
impl Default for Conversation {
    fn default() -> Self {
        Self {
            outstanding: VecDeque::from([Asked::phase(Phase::Connect)]),
            lines: 0,
            offers_starttls: false,
            offers_pipelining: false,
            offers_dsn: false,
        }
    }
}

impl Asked {
    fn phase(phase: Phase) -> Self {
        Self {
            phase: Some(phase),
            recipient: None,
        }
    }
}

impl Conversation {
    /// A command arrived at the server, or at who stands in its place.
    pub(super) fn command(
        &mut self,
        connection: ConnectionId,
        setup: &Setup,
        server: HostId,
        text: &str,
        tls: bool,
    ) -> Observation {
        let line = lines::command(text);
        let recipient = line.recipient.and_then(|(local_part, domain)| {
            let domain = setup.domain(&domain.parse().ok()?)?;
            Some((domain, setup.mailbox(server, local_part)))
        });
        self.outstanding.push_back(Asked {
            phase: line.phase,
            recipient,
        });
        Observation::Command {
            connection,
            phase: line.phase,
            domain: recipient.map(|(domain, _)| domain),
            tls,
        }
    }

    /// What is to be known of a command line before it is read as a command.
    pub(super) fn foretold(&self, connection: ConnectionId, text: &str) -> Vec<Observation> {
        let is_behind_data = self
            .outstanding
            .back()
            .is_some_and(|asked| asked.phase == Some(Phase::Data));
        let behind = is_behind_data.then_some(Observation::BehindData { connection });
        let verb = lines::verb(text).map(|verb| Observation::Verb { connection, verb });
        behind.into_iter().chain(verb).collect()
    }

    /// The content arrived with its final dot.
    pub(super) fn content(&mut self) {
        self.outstanding.push_back(Asked::phase(Phase::EndOfData));
    }

    /// The handshake is complete: all that came before it is void (RFC 3207 §4.2).
    pub(super) fn secured(&mut self) {
        self.outstanding.clear();
        self.lines = 0;
        self.offers_starttls = false;
        self.offers_pipelining = false;
        self.offers_dsn = false;
    }

    /// A line of a reply arrived at the client; the last one completes the reply.
    pub(super) fn reply(&mut self, connection: ConnectionId, text: &str) -> Vec<Observation> {
        if lines::reply(text).is_none() {
            return vec![Observation::Babble { connection }];
        }
        let Some(answered) = self.line(text) else {
            return Vec::new();
        };
        let pipelining = answered
            .offers_pipelining
            .then_some(Observation::OffersPipelining { connection });
        let dsn = answered.offers_dsn.then_some(Observation::OffersDsn { connection });
        let replied = Observation::Replied {
            connection,
            phase: answered.asked.and_then(|asked| asked.phase),
            code: answered.code,
            offers_starttls: answered.offers_starttls,
            recipient: answered.asked.and_then(|asked| asked.recipient),
        };
        pipelining.into_iter().chain(dsn).chain([replied]).collect()
    }

    /// A line of a reply was sent and never read.
    pub(super) fn lost(&mut self, connection: ConnectionId, text: &str) -> Option<Observation> {
        let answered = self.line(text)?;
        Some(Observation::Lost {
            connection,
            phase: answered.asked.and_then(|asked| asked.phase),
            code: answered.code,
        })
    }

    fn line(&mut self, text: &str) -> Option<Answered> {
        let line = lines::reply(text)?;
        // The first line of the reply to EHLO is the server's name, not a keyword (RFC 5321 §4.1.1.1).
        self.offers_starttls |= self.lines > 0 && lines::offers(line.text, "STARTTLS");
        self.offers_pipelining |= self.lines > 0 && lines::offers(line.text, "PIPELINING");
        self.offers_dsn |= self.lines > 0 && lines::offers(line.text, "DSN");
        self.lines += 1;
        if line.continues {
            return None;
        }
        let asked = self.outstanding.pop_front();
        let is_ehlo = asked.is_some_and(|asked| asked.phase == Some(Phase::Ehlo));
        let answered = Answered {
            asked,
            code: line.code,
            offers_starttls: is_ehlo && self.offers_starttls,
            offers_pipelining: is_ehlo && self.offers_pipelining,
            offers_dsn: is_ehlo && self.offers_dsn,
        };
        self.lines = 0;
        self.offers_starttls = false;
        self.offers_pipelining = false;
        self.offers_dsn = false;
        Some(answered)
    }
}
