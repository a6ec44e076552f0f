//! A small world, and traces of it that tests write by hand.

use std::time::Duration;

use postern_model::name::{DomainName, Mailbox, Token};
use postern_model::scenario::{Domain, Host, Level, MxRecord, Scenario};
use postern_model::trace::{Channel, ConnectionId, End, Event, LogEntry, Presented, Trace};

/// out.a.example sends to b.example, whose exchangers are mx1 and mx2, at this level.
pub(crate) fn scenario(level: Level) -> Scenario {
    let hosts = ["out.a.example", "mx1.b.example", "mx2.b.example"];
    let mut hosts = hosts.map(|host| Host::new(name(host)));
    hosts[0].level = level;
    hosts[1].exchanger_for.push(name("b.example"));
    hosts[2].exchanger_for.push(name("b.example"));
    let mx = [("mx1.b.example", 10), ("mx2.b.example", 20)];
    let mx = mx.map(|(host, preference)| MxRecord {
        host: name(host),
        preference,
    });
    Scenario {
        title: "one sender, two exchangers".to_owned(),
        domain: vec![Domain {
            null_mx: false,
            name: name("b.example"),
            mx: mx.into(),
            time_to_live: Duration::from_secs(300),
        }],
        host: hosts.into(),
        ..Scenario::default()
    }
}

/// The domain or host of this name.
pub(crate) fn name(text: &str) -> DomainName {
    text.parse().expect("a domain name")
}

/// The mailbox of this name.
pub(crate) fn mailbox(text: &str) -> Mailbox {
    text.parse().expect("a mailbox")
}

/// The message of this name.
pub(crate) fn token(text: &str) -> Token {
    text.parse().expect("a token")
}

/// A trace that is being written. Lines are of the connection dialled last.
#[derive(Default)]
pub(crate) struct Tape {
    trace: Trace,
    now: Duration,
    connections: u32,
    channel: Option<Channel>,
}

impl Tape {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn after(mut self, time: Duration) -> Self {
        self.now += time;
        self
    }

    pub(crate) fn event(mut self, event: Event) -> Self {
        self.trace.push(self.now, event);
        self
    }

    /// The message m1 from ann@a.example to bob@b.example enters a queue.
    pub(crate) fn queued(self, host: &str) -> Self {
        self.event(Event::Queued {
            host: name(host),
            message: token("m1"),
            from: "ann@a.example".parse().expect("a reverse path"),
            to: mailbox("bob@b.example"),
            about: None,
        })
    }

    pub(crate) fn delivered(self, host: &str) -> Self {
        self.event(Event::Delivered {
            host: name(host),
            message: token("m1"),
            to: mailbox("bob@b.example"),
        })
    }

    pub(crate) fn logged(self, host: &str, entry: LogEntry) -> Self {
        self.event(Event::Logged {
            host: name(host),
            entry,
        })
    }

    /// The sender's log says that an attempt at m1 begins.
    pub(crate) fn attempt(self, number: u32) -> Self {
        let entry = LogEntry::Attempt {
            message: token("m1"),
            number,
            next_hop: name("b.example"),
            level: Level::May,
        };
        self.logged("out.a.example", entry)
    }

    pub(crate) fn dials(self, from: &str, to: &str) -> Self {
        self.connects(from, to, None, false)
    }

    /// A connection that the attacker accepts in the host's place.
    pub(crate) fn dials_into_attacker(self, from: &str, to: &str) -> Self {
        self.connects(from, to, None, true)
    }

    /// The attacker dials the host in the name of who dialled last.
    pub(crate) fn attacker_dials(self, from: &str, to: &str) -> Self {
        let original = self.connection();
        self.connects(from, to, Some(original), false)
    }

    /// A command arrives at the acceptor.
    pub(crate) fn says(self, text: &str) -> Self {
        self.line(End::Dialler, text)
    }

    /// The lines of a reply arrive at the dialler.
    pub(crate) fn hears(mut self, lines: &[&str]) -> Self {
        for text in lines {
            self = self.line(End::Acceptor, text);
        }
        self
    }

    /// The content of m1 arrives.
    pub(crate) fn content(self) -> Self {
        let (connection, channel) = (self.connection(), self.current_channel());
        self.event(Event::Content {
            connection,
            channel,
            text: "From: ann@a.example\nMessage-ID: <m1@out.a.example>\n\nhello\n".to_owned(),
        })
    }

    /// The handshake is complete, with a certificate of these names.
    pub(crate) fn secured(mut self, names: &[&str]) -> Self {
        self.channel = Some(Channel::Tls);
        let connection = self.connection();
        self.event(Event::Secured {
            connection,
            certificate: Presented {
                names: names.iter().map(ToString::to_string).collect(),
                trusted: true,
                current: true,
            },
        })
    }

    pub(crate) fn closed(self, lost: &[&str]) -> Self {
        let connection = self.connection();
        self.event(Event::Closed {
            connection,
            lost: lost.iter().map(ToString::to_string).collect(),
        })
    }

    pub(crate) fn connection(&self) -> ConnectionId {
        ConnectionId(self.connections)
    }

    pub(crate) fn trace(self) -> Trace {
        self.trace
    }

    fn connects(mut self, from: &str, to: &str, relays: Option<ConnectionId>, intercepted: bool) -> Self {
        self.connections += 1;
        self.channel = None;
        let connection = self.connection();
        self.event(Event::Dialled {
            connection,
            from: name(from),
            to: name(to),
            address: "203.0.113.2".parse().expect("an address"),
            relays,
        })
        .event(Event::Connected {
            connection,
            intercepted,
        })
    }

    fn line(self, from: End, text: &str) -> Self {
        let (connection, channel) = (self.connection(), self.current_channel());
        self.event(Event::Line {
            connection,
            from,
            channel,
            text: text.to_owned(),
        })
    }

    fn current_channel(&self) -> Channel {
        self.channel.unwrap_or(Channel::Clear)
    }
}
