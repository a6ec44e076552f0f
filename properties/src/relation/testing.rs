//! Runs that the tests of the relations write by hand.

use postern_model::monitor::Verdict;
use postern_model::scenario::{Level, Message, Scenario, Security};
use postern_model::trace::{LogEntry, Trace};

use super::{Comparison, Side};
use crate::judge::{Judgement, judge};
use crate::testing::{Tape, mailbox, name, scenario, token};

pub(super) const OUT: &str = "out.a.example";
pub(super) const MX1: &str = "mx1.b.example";

/// A run with its judgement.
pub(super) struct Run {
    pub(super) scenario: Scenario,
    pub(super) trace: Trace,
    pub(super) judgement: Judgement,
}

impl Run {
    pub(super) fn side(&self) -> Side<'_> {
        Side {
            scenario: &self.scenario,
            trace: &self.trace,
            judgement: &self.judgement,
        }
    }
}

/// The world in which m1 is handed to out.a.example at this level.
pub(super) fn world(level: Level) -> Scenario {
    let mut world = scenario(level);
    world.message.push(Message {
        name: token("m1"),
        at: std::time::Duration::ZERO,
        host: name(OUT),
        from: "ann@a.example".parse().expect("a reverse path"),
        to: mailbox("bob@b.example"),
        notify: None,
        envelope_id: None,
        returns: None,
    });
    world
}

/// A run of that world.
pub(super) fn run(level: Level, tape: Tape) -> Run {
    let (scenario, trace) = (world(level), tape.trace());
    let judgement = judge(&scenario, &trace);
    Run {
        scenario,
        trace,
        judgement,
    }
}

/// m1 comes into the sender's queue, and an attempt at this level begins.
pub(super) fn attempted(level: Level) -> Tape {
    again(Tape::new().queued(OUT), 1, level)
}

/// One more attempt.
pub(super) fn again(tape: Tape, number: u32, level: Level) -> Tape {
    let next_hop = name("b.example");
    let entry = LogEntry::Attempt {
        message: token("m1"),
        number,
        next_hop,
        level,
    };
    tape.logged(OUT, entry)
}

/// The sender dials the first exchanger and is greeted; these extensions are offered.
pub(super) fn greeted(tape: Tape, extensions: &[&str]) -> Tape {
    let mut reply: Vec<String> = vec!["250-mx1.b.example".to_owned()];
    reply.extend(extensions.iter().map(|extension| format!("250-{extension}")));
    reply.push("250 8BITMIME".to_owned());
    let reply: Vec<&str> = reply.iter().map(String::as_str).collect();
    let tape = tape.dials(OUT, MX1).hears(&["220 mx1.b.example"]);
    tape.says("EHLO out.a.example").hears(&reply)
}

/// MAIL is accepted and RCPT answered so.
pub(super) fn recipient_answered(tape: Tape, reply: &str) -> Tape {
    let tape = tape.says("MAIL FROM:<ann@a.example>").hears(&["250 ok"]);
    tape.says("RCPT TO:<bob@b.example>").hears(&[reply])
}

/// The content is stored and acknowledged, and the log says so.
pub(super) fn taken(tape: Tape) -> Tape {
    let tape = recipient_answered(tape, "250 ok").says("DATA").hears(&["354 go on"]);
    sent(tape.content().delivered(MX1).hears(&["250 taken"]))
}

pub(super) fn sent(tape: Tape) -> Tape {
    let entry = LogEntry::Sent {
        message: token("m1"),
        to: name(MX1),
        security: Security::Clear,
    };
    tape.logged(OUT, entry)
}

pub(super) fn deferred(tape: Tape) -> Tape {
    let entry = LogEntry::Deferred {
        message: token("m1"),
        why: "4.0.0 later".to_owned(),
    };
    tape.logged(OUT, entry)
}

pub(super) fn bounced(tape: Tape) -> Tape {
    let entry = LogEntry::Bounced {
        message: token("m1"),
        why: "5.0.0 no".to_owned(),
    };
    tape.logged(OUT, entry)
}

/// What the comparison that the first run calls for says of both.
pub(super) fn verdict(compare: impl Fn(Side<'_>) -> Option<Box<dyn Comparison>>, first: &Run, second: &Run) -> Verdict {
    let comparison = compare(first.side()).expect("the relation applies");
    assert_eq!(comparison.second().validate(), Ok(()), "the second world can be");
    comparison.judge(first.side(), second.side())
}

/// The rule that a verdict says was violated, with the sentence.
pub(super) fn violation(verdict: Verdict) -> (&'static str, String) {
    match verdict {
        Verdict::Violated { violation, .. } => (violation.rule, violation.why),
        other => panic!("no violation: {other:?}"),
    }
}
