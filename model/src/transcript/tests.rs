use std::time::Duration;

use super::{Repetitions, TranscriptOptions, clock, transcript, transcript_tail};
use crate::name::{DomainName, Token};
use crate::scenario::{Attack, Level, Security};
use crate::trace::{
    Answer, Channel, ConnectionId, End, Event, LogEntry, NotConnected, Presented, Question, Setting, Trace,
};

const HALF_HOUR: u64 = 30 * 60;

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

fn token(text: &str) -> Token {
    text.parse().unwrap()
}

/// A story under construction: its methods append what happened at the time that `at` set last.
#[derive(Default)]
struct Story {
    trace: Trace,
    now: Duration,
}

impl Story {
    fn at(&mut self, seconds: u64) -> &mut Self {
        self.now = Duration::from_secs(seconds);
        self
    }

    fn happens(&mut self, event: Event) -> &mut Self {
        self.trace.push(self.now, event);
        self
    }

    fn logs(&mut self, entry: LogEntry) -> &mut Self {
        self.happens(Event::Logged {
            host: name("out.a.example"),
            entry,
        })
    }

    fn attempts(&mut self, message: &str, number: u32) -> &mut Self {
        self.logs(LogEntry::Attempt {
            message: token(message),
            number,
            next_hop: name("b.example"),
            level: Level::Encrypt,
        })
    }

    fn dials(&mut self, connection: u32, from: &str, relays: Option<u32>) -> &mut Self {
        self.happens(Event::Dialled {
            connection: ConnectionId(connection),
            from: name(from),
            to: name("mx1.b.example"),
            address: "203.0.113.25".parse().unwrap(),
            relays: relays.map(ConnectionId),
        })
    }

    fn connects(&mut self, connection: u32, intercepted: bool) -> &mut Self {
        self.happens(Event::Connected {
            connection: ConnectionId(connection),
            intercepted,
        })
    }

    fn says(&mut self, connection: u32, from: End, channel: Channel, text: &str) -> &mut Self {
        self.happens(Event::Line {
            connection: ConnectionId(connection),
            from,
            channel,
            text: text.to_owned(),
        })
    }

    fn closes(&mut self, connection: u32, lost: &[&str]) -> &mut Self {
        self.happens(Event::Closed {
            connection: ConnectionId(connection),
            lost: lost.iter().map(ToString::to_string).collect(),
        })
    }

    fn defers(&mut self, message: &str, why: &str) -> &mut Self {
        self.logs(LogEntry::Deferred {
            message: token(message),
            why: why.to_owned(),
        })
    }

    /// An attempt that finds no STARTTLS at the server.
    fn finds_no_starttls(&mut self, message: &str, number: u32, connection: u32) -> &mut Self {
        self.attempts(message, number)
            .dials(connection, "out.a.example", None)
            .connects(connection, false)
            .says(connection, End::Acceptor, Channel::Clear, "220 mx1.b.example ESMTP")
            .says(connection, End::Dialler, Channel::Clear, "EHLO out.a.example")
            .says(connection, End::Acceptor, Channel::Clear, "250 mx1.b.example")
            .says(connection, End::Dialler, Channel::Clear, "QUIT")
            .closes(connection, &[])
            .defers(message, "4.7.4 STARTTLS is not offered")
    }

    fn switches_tls(&mut self, on: bool) -> &mut Self {
        self.happens(Event::Set(Setting::Tls {
            host: name("mx1.b.example"),
            on,
        }))
    }

    fn tells(&self) -> String {
        transcript(&self.trace, &TranscriptOptions::default())
    }
}

#[test]
fn the_clock_counts_days_from_the_second_on() {
    assert_eq!(clock(Duration::from_millis(1_805_999)), "00:30:05");
    assert_eq!(
        clock(Duration::from_secs(2 * 86_400 + 3 * 3600 + 30 * 60)),
        "+2d 03:30:00"
    );
}

#[test]
fn a_delivery_over_tls_reads_from_facts_to_mailbox() {
    let mut story = Story::default();
    story
        .switches_tls(true)
        .happens(Event::Set(Setting::Mx {
            null_mx: false,
            domain: name("b.example"),
            exchangers: vec![(10, name("mx1.b.example")), (20, name("mx2.b.example"))],
        }))
        .at(600)
        .happens(Event::Queued {
            host: name("out.a.example"),
            message: token("m1"),
            from: "alice@a.example".parse().unwrap(),
            to: "bob@b.example".parse().unwrap(),
            about: None,
        })
        .attempts("m1", 1)
        .happens(Event::Answered {
            host: name("out.a.example"),
            question: Question::Mx(name("b.example")),
            answer: Answer::Exchangers(vec![(10, name("mx1.b.example")), (20, name("mx2.b.example"))]),
        })
        .happens(Event::Answered {
            host: name("out.a.example"),
            question: Question::Address(name("mx1.b.example")),
            answer: Answer::Addresses(vec!["203.0.113.25".parse().unwrap()]),
        })
        .dials(0, "out.a.example", None)
        .connects(0, false)
        .says(0, End::Acceptor, Channel::Clear, "220 mx1.b.example ESMTP")
        .says(0, End::Dialler, Channel::Clear, "STARTTLS")
        .says(0, End::Acceptor, Channel::Clear, "220 2.0.0 go ahead")
        .happens(Event::Secured {
            connection: ConnectionId(0),
            certificate: Presented {
                names: vec!["mx1.b.example".to_owned(), "b.example".to_owned()],
                trusted: true,
                current: true,
            },
        })
        .says(0, End::Dialler, Channel::Tls, "DATA")
        .happens(Event::Content {
            connection: ConnectionId(0),
            channel: Channel::Tls,
            text: "Message-ID: <m1@a.example>\nSubject: Hello\n\nBob\n".to_owned(),
        })
        .happens(Event::Delivered {
            host: name("mx1.b.example"),
            message: token("m1"),
            to: "bob@b.example".parse().unwrap(),
        })
        .says(0, End::Acceptor, Channel::Tls, "250 2.0.0 ok")
        .closes(0, &["221 2.0.0 bye"])
        .logs(LogEntry::Sent {
            message: token("m1"),
            to: name("mx1.b.example"),
            security: Security::Encrypted,
        });
    assert_eq!(
        story.tells(),
        "\
00:00:00           ~    b.example. MX 10 mx1.b.example., 20 mx2.b.example.
00:10:00           >    m1 enters the queue of out.a.example: from <alice@a.example> to <bob@b.example>
00:10:00           =    out.a.example: attempt 1 at m1, next hop b.example, level encrypt
00:10:00           DNS  out.a.example: b.example. MX 10 mx1.b.example., 20 mx2.b.example.
00:10:00           DNS  out.a.example: mx1.b.example. A 203.0.113.25
00:10:00      #0   out.a.example dials mx1.b.example
00:10:00      #0   clear S: 220 mx1.b.example ESMTP
00:10:00      #0   clear C: STARTTLS
00:10:00      #0   clear S: 220 2.0.0 go ahead
00:10:00      #0   TLS   up; certificate for mx1.b.example, b.example; trusted, in date
00:10:00      #0   tls   C: DATA
00:10:00      #0   tls   C: Subject: Hello
00:10:00      #0   tls   C: (3 lines more)
00:10:00      #0   tls   C: .
00:10:00           >    m1 lies in the mailbox of <bob@b.example> on mx1.b.example
00:10:00      #0   tls   S: 250 2.0.0 ok
00:10:00      #0   closed; never read by the client: 221 2.0.0 bye
00:10:00           =    out.a.example: sent m1 to mx1.b.example over TLS
"
    );
}

#[test]
fn a_change_before_anything_else_happens_is_told_as_a_change() {
    let mut story = Story::default();
    story.switches_tls(true).at(HALF_HOUR).switches_tls(false);
    let told = story.tells();
    assert!(
        told.ends_with("00:30:00           ~    mx1.b.example switches TLS off\n"),
        "{told}"
    );
}

#[test]
fn days_of_equal_attempts_are_one_line_that_counts_them() {
    let mut story = Story::default();
    for number in 1..=200 {
        story
            .at(u64::from(number) * HALF_HOUR)
            .finds_no_starttls("m1", number, number);
    }
    let told = story.tells();
    assert_eq!(
        told,
        "\
00:30:00           =    out.a.example: attempt 1 at m1, next hop b.example, level encrypt
00:30:00      #1   out.a.example dials mx1.b.example
00:30:00      #1   clear S: 220 mx1.b.example ESMTP
00:30:00      #1   clear C: EHLO out.a.example
00:30:00      #1   clear S: 250 mx1.b.example
00:30:00      #1   clear C: QUIT
00:30:00      #1   closed
00:30:00           =    out.a.example: deferred m1: 4.7.4 STARTTLS is not offered
01:00:00           …    out.a.example: m1, the same 199 times more, until +4d 04:00:00
"
    );
    let in_full = TranscriptOptions {
        repetitions: Repetitions::Written,
    };
    assert_eq!(transcript(&story.trace, &in_full).lines().count(), 200 * 8);
}

#[test]
fn attempts_at_two_messages_by_turns_are_counted_for_each() {
    let mut story = Story::default();
    for number in 1..=3 {
        story
            .at(u64::from(number) * HALF_HOUR)
            .finds_no_starttls("m1", number, 2 * number);
        story
            .at(u64::from(number) * HALF_HOUR + 5)
            .finds_no_starttls("m2", number, 2 * number + 1);
    }
    let told = story.tells();
    let counted: Vec<&str> = told.lines().filter(|line| line.contains('…')).collect();
    assert_eq!(
        counted,
        [
            "01:00:00           …    out.a.example: m1, the same 2 times more, until 01:30:00",
            "01:00:05           …    out.a.example: m2, the same 2 times more, until 01:30:05",
        ]
    );
    assert_eq!(told.lines().count(), 18);
}

#[test]
fn what_follows_a_drift_is_written_out_again() {
    let mut story = Story::default();
    story.at(HALF_HOUR).finds_no_starttls("m1", 1, 1);
    story.at(2 * HALF_HOUR).finds_no_starttls("m1", 2, 2);
    story.at(2 * HALF_HOUR + 5).switches_tls(false);
    story.at(3 * HALF_HOUR).finds_no_starttls("m1", 3, 3);
    let told = story.tells();
    let ends: Vec<&str> = told.lines().skip(8).take(3).collect();
    assert_eq!(
        ends,
        [
            "01:00:00           …    out.a.example: m1, the same once more",
            "01:00:05           ~    mx1.b.example switches TLS off",
            "01:30:00           =    out.a.example: attempt 3 at m1, next hop b.example, level encrypt",
        ]
    );
}

#[test]
fn an_attempt_during_which_something_else_happens_is_written_out() {
    let mut story = Story::default();
    story.at(HALF_HOUR).finds_no_starttls("m1", 1, 1);
    story
        .at(2 * HALF_HOUR)
        .attempts("m1", 2)
        .dials(2, "out.a.example", None)
        .switches_tls(true);
    story.closes(2, &[]).defers("m1", "4.4.2 closed");
    assert!(!story.tells().contains('…'));
}

#[test]
fn an_attempt_that_differs_is_written_out_and_the_rest_refers_to_those_above() {
    let mut story = Story::default();
    story.at(HALF_HOUR).finds_no_starttls("m1", 1, 1);
    story
        .at(2 * HALF_HOUR)
        .attempts("m1", 2)
        .dials(2, "out.a.example", None);
    story
        .happens(Event::NotConnected {
            connection: ConnectionId(2),
            why: NotConnected::Refused,
        })
        .defers("m1", "4.4.1 nobody answers");
    story.at(3 * HALF_HOUR).finds_no_starttls("m1", 3, 3);
    story.at(4 * HALF_HOUR).finds_no_starttls("m1", 4, 4);
    let told = story.tells();
    let ends: Vec<&str> = told.lines().skip(9).collect();
    assert_eq!(
        ends,
        [
            "01:00:00      #2   out.a.example dials mx1.b.example",
            "01:00:00      #2   not connected: refused",
            "01:00:00           =    out.a.example: deferred m1: 4.4.1 nobody answers",
            "01:30:00           …    out.a.example: m1, 2 times more, each as one of those above, until 02:00:00",
        ]
    );
}

#[test]
fn what_the_attacker_relays_is_told_once() {
    let mut story = Story::default();
    story
        .happens(Event::Adversary {
            victim: name("mx1.b.example"),
            attack: Attack::StripStarttls,
            active: true,
        })
        .dials(0, "out.a.example", None)
        .connects(0, true)
        .dials(1, "out.a.example", Some(0))
        .connects(1, false)
        .says(1, End::Acceptor, Channel::Clear, "250-STARTTLS")
        .happens(Event::Interfered {
            connection: ConnectionId(0),
            attack: Attack::StripStarttls,
            what: "removes “250-STARTTLS”".to_owned(),
        })
        .closes(1, &[]);
    assert_eq!(
        story.tells(),
        "\
00:00:00           M:   on every path to mx1.b.example, the attacker strips STARTTLS from the reply to EHLO
00:00:00      #0   out.a.example dials mx1.b.example
00:00:00      #0   M:    takes the connection and passes it on to mx1.b.example
00:00:00      #0   M:    removes “250-STARTTLS”
"
    );
}

#[test]
fn what_hosts_say_neither_breaks_lines_nor_fills_the_page() {
    let mut story = Story::default();
    story.dials(0, "out.a.example", None);
    story.says(
        0,
        End::Acceptor,
        Channel::Clear,
        &format!("220 \u{1b}[2J{}", "x".repeat(10_000)),
    );
    let told = story.tells();
    assert!(told.contains("220 \\u{1b}[2Jxxx"), "{told}");
    assert!(told.len() < 500, "{told}");
}

#[test]
fn a_tail_ends_with_the_record_that_it_was_asked_for() {
    let mut story = Story::default();
    story.finds_no_starttls("m1", 1, 1);
    assert_eq!(
        transcript_tail(&story.trace, 4, 2),
        "00:00:00      #1   clear S: 220 mx1.b.example ESMTP\n00:00:00      #1   clear C: EHLO out.a.example\n"
    );
    assert_eq!(transcript_tail(&story.trace, usize::MAX, 100), story.tells());
}
