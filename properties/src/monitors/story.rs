//! Observation sequences that tests of monitors write by hand.

use std::time::Duration;

use postern_model::monitor::Monitor;
use postern_model::observation::{
    Acceptor, AddressAnswer, Code, ConnectionId, DomainId, DomainSet, HostId, MessageId, Observation,
};
use postern_model::scenario::{Level, MailboxState, Phase};

use crate::setup::Setup;
pub(super) use crate::testing::scenario;

/// The sending host, which relays nothing and trusts nobody.
pub(super) const OUT: HostId = HostId(0);
/// The first exchanger of b.example.
pub(super) const MX1: HostId = HostId(1);
/// The second.
pub(super) const MX2: HostId = HostId(2);
/// b.example, where the mail goes.
pub(super) const B: DomainId = DomainId(0);
/// The message that is sent.
pub(super) const MAIL: MessageId = MessageId(0);
/// A notification about it.
pub(super) const NOTIFICATION: MessageId = MessageId(1);

/// Another message to b.example.
pub(super) const OTHER: MessageId = MessageId(2);

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(3600);
pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);

/// The setup of [`scenario`].
pub(super) fn setup(level: Level) -> Setup {
    Setup::of(&scenario(level))
}

/// What a monitor found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Holds,
    NotExercised,
    Violated(&'static str),
}

/// A sequence of observations, told in order.
#[derive(Clone, Default)]
pub(super) struct Story {
    observations: Vec<(Duration, Observation)>,
    wait: Duration,
    connections: u32,
}

impl Story {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Time passes before what comes next.
    pub(super) fn after(mut self, time: Duration) -> Self {
        self.wait += time;
        self
    }

    pub(super) fn sees(mut self, observation: Observation) -> Self {
        self.observations.push((std::mem::take(&mut self.wait), observation));
        self
    }

    /// The message enters the queue of the sender, and its first attempt begins.
    pub(super) fn mail_is_tried(self) -> Self {
        self.mail_is_queued_at(OUT).tried_again()
    }

    pub(super) fn mail_is_queued_at(self, host: HostId) -> Self {
        self.sees(Observation::Queued {
            host,
            message: MAIL,
            next_hop: B,
            domain: B,
            mailbox: MailboxState::Accepts,
            null_reverse_path: false,
            about: None,
        })
    }

    pub(super) fn tried_again(self) -> Self {
        self.sees(Observation::Attempt {
            host: OUT,
            message: MAIL,
        })
    }

    /// Another message to the same next hop is tried at the same time.
    pub(super) fn other_mail_is_tried(self) -> Self {
        self.sees(Observation::Queued {
            host: OUT,
            message: OTHER,
            next_hop: B,
            domain: B,
            mailbox: MailboxState::Accepts,
            null_reverse_path: false,
            about: None,
        })
        .sees(Observation::Attempt {
            host: OUT,
            message: OTHER,
        })
    }

    /// DNS tells the sender of these exchangers of b.example.
    pub(super) fn told(self, exchangers: &[(u16, HostId)]) -> Self {
        let answer = exchangers.iter().enumerate();
        answer.fold(self, |story, (place, (preference, exchanger))| {
            story.sees(Observation::Told {
                host: OUT,
                domain: B,
                exchanger: *exchanger,
                preference: *preference,
                is_first: place == 0,
            })
        })
    }

    pub(super) fn crashes(self, host: HostId) -> Self {
        self.sees(Observation::Running { host, up: false })
    }

    pub(super) fn starts_again(self, host: HostId) -> Self {
        self.sees(Observation::Running { host, up: true })
    }

    /// The sender dials a host, which accepts and greets.
    pub(super) fn dials(self, to: HostId) -> Self {
        self.dials_and_reaches(to, Acceptor::Host)
    }

    pub(super) fn dials_and_reaches(self, to: HostId, acceptor: Acceptor) -> Self {
        self.connects(to, acceptor).reply(Phase::Connect, 220)
    }

    /// The sender dials a host, which accepts and has not greeted yet.
    pub(super) fn dials_without_greeting(self, to: HostId) -> Self {
        self.connects(to, Acceptor::Host)
    }

    /// DNS tells the sender that a host has so many addresses.
    pub(super) fn has_addresses(self, of: HostId, count: u8) -> Self {
        let name = setup(Level::May).own_name(of).expect("every host has a name");
        self.sees(Observation::AddressAnswered {
            host: OUT,
            name,
            answer: AddressAnswer::Found(count),
        })
    }

    /// The sender dials one of the addresses of a host, which accepts and greets.
    pub(super) fn dials_at(mut self, to: HostId, address: u8) -> Self {
        self.connections += 1;
        let connection = self.connection();
        let acceptor = Acceptor::Host;
        self.sees(Observation::Dialled {
            connection,
            from: OUT,
            to,
            address,
        })
        .sees(Observation::Connected { connection, acceptor })
        .reply(Phase::Connect, 220)
    }

    fn connects(mut self, to: HostId, acceptor: Acceptor) -> Self {
        self.connections += 1;
        let connection = self.connection();
        self.sees(Observation::Dialled {
            connection,
            from: OUT,
            to,
            address: 0,
        })
        .sees(Observation::Connected { connection, acceptor })
    }

    /// The sender dials a host, which answers with this in place of a greeting.
    pub(super) fn dials_and_hears(mut self, to: HostId, code: Code) -> Self {
        self.connections += 1;
        let connection = self.connection();
        let acceptor = Acceptor::Host;
        self.sees(Observation::Dialled {
            connection,
            from: OUT,
            to,
            address: 0,
        })
        .sees(Observation::Connected { connection, acceptor })
        .reply(Phase::Connect, code)
    }

    /// The attacker dials a host in the sender's name.
    pub(super) fn attacker_dials(mut self, to: HostId) -> Self {
        self.connections += 1;
        let connection = self.connection();
        self.sees(Observation::Relayed {
            connection,
            from: OUT,
            to,
        })
        .sees(Observation::Connected {
            connection,
            acceptor: Acceptor::Host,
        })
        .reply(Phase::Connect, 220)
    }

    /// EHLO, and a reply with or without STARTTLS.
    pub(super) fn ehlo(self, offers_starttls: bool) -> Self {
        let connection = self.connection();
        self.command(Phase::Ehlo, false).sees(Observation::Replied {
            connection,
            phase: Some(Phase::Ehlo),
            code: 250,
            offers_starttls,
            recipient: None,
        })
    }

    /// STARTTLS, and its reply.
    pub(super) fn starttls(self, code: Code) -> Self {
        self.command(Phase::Starttls, false).reply(Phase::Starttls, code)
    }

    /// EHLO, STARTTLS, and a handshake in which these names are proved.
    pub(super) fn goes_secure(self, names: &[DomainId]) -> Self {
        let connection = self.connection();
        let proves = names.iter().copied().fold(DomainSet::default(), DomainSet::with);
        self.ehlo(true)
            .starttls(220)
            .sees(Observation::Secured { connection, proves })
    }

    /// MAIL, and its reply.
    pub(super) fn mail(self, tls: bool, code: Code) -> Self {
        self.command(Phase::Mail, tls).reply(Phase::Mail, code)
    }

    /// RCPT, and its reply.
    pub(super) fn rcpt(self, tls: bool, code: Code) -> Self {
        self.rcpt_of(MailboxState::Accepts, tls, code)
    }

    pub(super) fn rcpt_of(self, mailbox: MailboxState, tls: bool, code: Code) -> Self {
        let connection = self.connection();
        self.command(Phase::Rcpt, tls).sees(Observation::Replied {
            connection,
            phase: Some(Phase::Rcpt),
            code,
            offers_starttls: false,
            recipient: Some((B, mailbox)),
        })
    }

    /// DATA and the content, which is not yet answered.
    pub(super) fn content(self, tls: bool) -> Self {
        let connection = self.connection();
        self.command(Phase::Data, tls)
            .reply(Phase::Data, 354)
            .sees(Observation::Content {
                connection,
                message: MAIL,
                next_hop: B,
                tls,
            })
    }

    /// A whole transaction up to the content.
    pub(super) fn transaction(self, tls: bool) -> Self {
        self.mail(tls, 250).rcpt(tls, 250).content(tls)
    }

    /// The server stores the message and says so.
    pub(super) fn delivered_and_accepted(self, host: HostId) -> Self {
        self.delivered(host).reply(Phase::EndOfData, 250)
    }

    pub(super) fn delivered(self, host: HostId) -> Self {
        self.sees(Observation::Delivered { host, message: MAIL })
    }

    pub(super) fn sent(self) -> Self {
        self.sees(Observation::Sent {
            host: OUT,
            message: MAIL,
        })
    }

    pub(super) fn deferred(self) -> Self {
        self.sees(Observation::Deferred {
            host: OUT,
            message: MAIL,
        })
    }

    pub(super) fn held(self, lasting: Duration) -> Self {
        self.sees(Observation::Held {
            host: OUT,
            message: MAIL,
            lasting,
        })
    }

    pub(super) fn bounced(self) -> Self {
        self.sees(Observation::Bounced {
            host: OUT,
            message: MAIL,
        })
    }

    pub(super) fn alarm(self, peer: HostId) -> Self {
        self.sees(Observation::Alarm { host: OUT, peer })
    }

    pub(super) fn closes(self) -> Self {
        let connection = self.connection();
        self.sees(Observation::Closed { connection })
    }

    pub(super) fn policy(self, level: Level) -> Self {
        self.sees(Observation::Policy {
            host: OUT,
            next_hop: B,
            level,
        })
    }

    pub(super) fn command(self, phase: Phase, tls: bool) -> Self {
        let connection = self.connection();
        self.sees(Observation::Command {
            connection,
            phase: Some(phase),
            domain: (phase == Phase::Rcpt).then_some(B),
            tls,
        })
    }

    pub(super) fn reply(self, phase: Phase, code: Code) -> Self {
        let connection = self.connection();
        self.sees(Observation::Replied {
            connection,
            phase: Some(phase),
            code,
            offers_starttls: false,
            recipient: None,
        })
    }

    /// What a monitor finds when it is told the story.
    pub(super) fn judged_by(self, mut monitor: impl Monitor) -> Found {
        let end = (self.wait, Observation::Quiet);
        for (after, observation) in self.observations.into_iter().chain([end]) {
            if let Err(violation) = monitor.observe(after, &observation) {
                return Found::Violated(violation.rule);
            }
        }
        match monitor.finish() {
            Err(violation) => Found::Violated(violation.rule),
            Ok(()) if monitor.exercised() => Found::Holds,
            Ok(()) => Found::NotExercised,
        }
    }

    /// The connection that is spoken on.
    pub(super) fn connection(&self) -> ConnectionId {
        ConnectionId(self.connections)
    }
}
