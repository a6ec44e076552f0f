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
    /// Replies that the client read before what it takes them for answers to had arrived at the server.
    early: VecDeque<Said>,
    /// The code of the arriving reply, and its lines so far.
    code: u16,
    lines: u32,
    /// A reply was none, as its lines had different codes (RFC 5321 §4.2.1). What comes behind it answers nothing.
    is_garbled: bool,
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

/// What a complete reply says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Said {
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
            early: VecDeque::new(),
            code: 0,
            lines: 0,
            is_garbled: false,
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
        self.early.clear();
        self.is_garbled = false;
        self.lines = 0;
        self.offers_starttls = false;
        self.offers_pipelining = false;
        self.offers_dsn = false;
    }

    /// A line of a reply arrived at the client; the last one completes the reply.
    pub(super) fn reply(&mut self, connection: ConnectionId, text: &str) -> Vec<Observation> {
        let was_garbled = self.is_garbled;
        let said = self.line(text);
        if lines::reply(text).is_none() || self.is_garbled != was_garbled {
            return vec![Observation::Babble { connection }];
        }
        match said {
            // A server that takes leave answers nothing (421, RFC 5321 §3.8).
            Some(said) if self.outstanding.is_empty() && said.code != 421 => {
                self.early.push_back(said);
                Vec::new()
            }
            Some(said) => self.answered(connection, said),
            None => Vec::new(),
        }
    }

    /// The reply to what arrived last, if the client had read it before.
    pub(super) fn early_reply(&mut self, connection: ConnectionId) -> Vec<Observation> {
        let said = self.early.pop_front();
        said.map(|said| self.answered(connection, said)).unwrap_or_default()
    }

    /// A line of a reply was sent and never read.
    pub(super) fn lost(&mut self, connection: ConnectionId, text: &str) -> Option<Observation> {
        let code = self.line(text)?.code;
        let asked = self.outstanding.pop_front();
        Some(Observation::Lost {
            connection,
            phase: asked.and_then(|asked| asked.phase),
            code,
        })
    }

    /// What is to be known of a complete reply to what has waited longest for one.
    fn answered(&mut self, connection: ConnectionId, said: Said) -> Vec<Observation> {
        let asked = self.outstanding.pop_front();
        let is_ehlo = asked.is_some_and(|asked| asked.phase == Some(Phase::Ehlo));
        let pipelining = said.offers_pipelining && is_ehlo;
        let pipelining = pipelining.then_some(Observation::OffersPipelining { connection });
        let dsn = (said.offers_dsn && is_ehlo).then_some(Observation::OffersDsn { connection });
        let replied = Observation::Replied {
            connection,
            phase: asked.and_then(|asked| asked.phase),
            code: said.code,
            offers_starttls: said.offers_starttls && is_ehlo,
            recipient: asked.and_then(|asked| asked.recipient),
        };
        pipelining.into_iter().chain(dsn).chain([replied]).collect()
    }

    fn line(&mut self, text: &str) -> Option<Said> {
        let line = lines::reply(text)?;
        self.is_garbled |= self.lines > 0 && line.code != self.code;
        if self.is_garbled {
            return None;
        }
        self.code = line.code;
        // The first line of the reply to EHLO is the server's name, not a keyword (RFC 5321 §4.1.1.1).
        self.offers_starttls |= self.lines > 0 && lines::offers(line.text, "STARTTLS");
        self.offers_pipelining |= self.lines > 0 && lines::offers(line.text, "PIPELINING");
        self.offers_dsn |= self.lines > 0 && lines::offers(line.text, "DSN");
        self.lines += 1;
        if line.continues {
            return None;
        }
        self.lines = 0;
        Some(Said {
            code: line.code,
            offers_starttls: std::mem::take(&mut self.offers_starttls),
            offers_pipelining: std::mem::take(&mut self.offers_pipelining),
            offers_dsn: std::mem::take(&mut self.offers_dsn),
        })
    }
}
