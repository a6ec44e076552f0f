use std::sync::LazyLock;
use std::time::Duration;

use postern_model::monitor::Verdict;
use postern_model::name::{DomainName, Token};
use postern_model::scenario::{
    Action, Domain, Drift, Fate, Host, Message, MxRecord, Scenario, Security, Step, Switch, When,
};
use postern_model::trace::{Answer, ConnectionId, Event, LogEntry, Presented, Question, Record, Setting, Trace};

use super::{Comparison, History, Side};
use crate::fates::MessageFate;
use crate::judge::Judgement;

const HOUR: Duration = Duration::from_secs(3600);

fn text<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn out() -> DomainName {
    text("out.a.example")
}

fn mx() -> DomainName {
    text("mx1.b.example")
}

/// Three messages, an hour apart, to a server that switches TLS off before the third.
fn scenario() -> Scenario {
    let mut domain = Domain::new(text("b.example"));
    domain.mx.push(MxRecord {
        host: mx(),
        preference: 10,
    });
    let message = |number: u32| Message {
        name: text(&format!("m{number}")),
        at: HOUR * number,
        host: out(),
        from: text("<>"),
        to: text("bob@b.example"),
        notify: None,
        envelope_id: None,
        returns: None,
    };
    Scenario {
        domain: vec![domain],
        host: vec![Host::new(out()), Host::new(mx())],
        message: vec![message(1), message(2), message(3)],
        step: vec![Step {
            when: When::At(HOUR * 5 / 2),
            host: mx(),
            action: Action::Drift(Drift::Tls(Switch::Off)),
        }],
        ..Scenario::default()
    }
}

/// One session for each message, over TLS for the first so many of them.
fn trace(over_tls: u32) -> Trace {
    let mut trace = Trace::default();
    let tls = |on| Event::Set(Setting::Tls { host: mx(), on });
    trace.push(Duration::ZERO, tls(true));
    for number in 1..=3 {
        let at = HOUR * number;
        let message: Token = text(&format!("m{number}"));
        let connection = ConnectionId(number);
        if number == 3 {
            trace.push(HOUR * 5 / 2, tls(false));
        }
        trace.push(
            at,
            Event::Queued {
                host: out(),
                message: message.clone(),
                from: text("<>"),
                to: text("bob@b.example"),
                about: None,
            },
        );
        trace.push(
            at,
            Event::Dialled {
                connection,
                from: out(),
                to: mx(),
                address: "203.0.113.2".parse().expect("an address"),
                relays: None,
            },
        );
        if number <= over_tls {
            let certificate = Presented {
                names: vec![mx().to_string()],
                trusted: true,
                current: true,
            };
            trace.push(
                at,
                Event::Secured {
                    connection,
                    certificate,
                },
            );
        }
        trace.push(
            at,
            Event::Closed {
                connection,
                lost: Vec::new(),
            },
        );
        let entry = LogEntry::Sent {
            message,
            to: mx(),
            security: Security::Clear,
        };
        trace.push(at, Event::Logged { host: out(), entry });
    }
    trace
}

fn judgement(last: Fate) -> Judgement {
    let fate = MessageFate {
        message: text("m3"),
        recipient: text("bob@b.example"),
        fate: last,
        security: (last == Fate::Delivered).then_some(Security::Clear),
        at: None,
        attempts: 1,
        why: String::new(),
    };
    Judgement {
        verdicts: Vec::new(),
        fates: vec![fate],
        alarms: Vec::new(),
    }
}

fn side<'a>(trace: &'a Trace, judgement: &'a Judgement) -> Side<'a> {
    // The world of a run is not looked at again: the comparison has its own.
    static WORLD: LazyLock<Scenario> = LazyLock::new(scenario);
    Side {
        scenario: &WORLD,
        trace,
        judgement,
    }
}

#[test]
fn the_moment_is_the_first_message_that_goes_in_clear_to_a_server_that_used_tls() {
    let comparison = History::of(&scenario(), &trace(2)).unwrap();
    assert_eq!(comparison.since, HOUR * 3);
}

#[test]
fn without_such_a_message_it_is_the_first_that_meets_the_server_again() {
    let comparison = History::of(&scenario(), &trace(3)).unwrap();
    assert_eq!(comparison.since, HOUR * 2);
}

#[test]
fn without_earlier_tls_there_is_nothing_to_compare() {
    assert_eq!(History::of(&scenario(), &trace(0)), None);
}

#[test]
fn mail_that_still_waits_leaves_nothing_to_compare() {
    let mut trace = trace(2);
    trace
        .records
        .retain(|record| !matches!(record.event, Event::Logged { .. }));
    assert_eq!(History::of(&scenario(), &trace), None);
}

/// The same run, but that the session of m2 stays open until then.
fn kept_until(closed: Duration, mut trace: Trace) -> Trace {
    let is_kept =
        |record: &Record| matches!(record.event, Event::Closed { connection, .. } if connection == ConnectionId(2));
    let place = trace.records.iter().position(is_kept).expect("it closes");
    let mut record = trace.records.remove(place);
    record.at = closed;
    let place = trace.records.partition_point(|other| other.at <= closed);
    trace.records.insert(place, record);
    trace
}

#[test]
fn a_session_that_spans_the_moment_is_not_past() {
    let spanning = |over_tls| kept_until(HOUR * 3, trace(over_tls));
    let earlier = History::of(&scenario(), &spanning(2)).unwrap();
    assert_eq!(earlier.since, HOUR * 2);
    let comparison = History::of(&scenario(), &trace(2)).unwrap();
    let (with, without) = (trace(2), spanning(0));
    let (delivered, bounced) = (judgement(Fate::Delivered), judgement(Fate::Bounced));
    let verdict = comparison.judge(side(&with, &bounced), side(&without, &delivered));
    assert_eq!(verdict, Verdict::NotExercised);
}

#[test]
fn a_session_that_closed_before_the_moment_is_past() {
    let past = |over_tls| kept_until(HOUR * 3 - Duration::from_secs(1), trace(over_tls));
    let comparison = History::of(&scenario(), &past(2)).unwrap();
    assert_eq!(comparison.since, HOUR * 3);
    let (with, without) = (past(2), past(0));
    let (delivered, bounced) = (judgement(Fate::Delivered), judgement(Fate::Bounced));
    let verdict = comparison.judge(side(&with, &bounced), side(&without, &delivered));
    assert!(matches!(verdict, Verdict::Violated { .. }), "{verdict:?}");
}

#[test]
fn the_other_run_has_no_tls_before_the_moment_and_the_same_from_then_on() {
    let other = History::of(&scenario(), &trace(3)).unwrap().scenario;
    assert_eq!(other.validate(), Ok(()));
    assert!(other.host.iter().all(|host| host.tls == Switch::Off));
    let back_on = Step {
        when: When::At(HOUR * 2 - Duration::from_secs(1)),
        host: mx(),
        action: Action::Drift(Drift::Tls(Switch::On)),
    };
    assert_eq!(other.step, [scenario().step, vec![back_on]].concat());
}

#[test]
fn tls_that_is_off_at_the_moment_is_not_brought_back() {
    let other = History::of(&scenario(), &trace(2)).unwrap().scenario;
    assert_eq!(other.step, []);
}

#[test]
fn the_later_mail_must_fare_the_same() {
    let comparison = History::of(&scenario(), &trace(2)).unwrap();
    let (with, without) = (trace(2), trace(0));
    let judge = |a: &Judgement, b: &Judgement| comparison.judge(side(&with, a), side(&without, b));
    let (delivered, bounced) = (judgement(Fate::Delivered), judgement(Fate::Bounced));
    assert_eq!(judge(&delivered, &delivered), Verdict::Holds);
    let Verdict::Violated { at, violation } = judge(&bounced, &delivered) else {
        panic!("the fates differ");
    };
    assert_eq!(at, with.records.len() - 1);
    assert_eq!(violation.rule, "SEED-11");
    assert_eq!(
        violation.why,
        "m3 was bounced at 1 attempt after sessions over TLS and delivered in clear at 1 attempt without them"
    );
}

#[test]
fn runs_that_differ_in_more_than_memory_are_not_compared() {
    let comparison = History::of(&scenario(), &trace(2)).unwrap();
    let with = trace(2);
    let (delivered, bounced) = (judgement(Fate::Delivered), judgement(Fate::Bounced));
    let judge = |without: &Trace| comparison.judge(side(&with, &bounced), side(without, &delivered));
    assert_eq!(judge(&trace(1)), Verdict::NotExercised, "the other run used TLS before");
    let mut another_world = trace(0);
    another_world.records.insert(
        1,
        Record {
            at: Duration::ZERO,
            event: Event::Set(Setting::Mx {
                null_mx: false,
                domain: text("b.example"),
                exchangers: Vec::new(),
            }),
        },
    );
    assert_eq!(judge(&another_world), Verdict::NotExercised, "DNS was not the same");
}

#[test]
fn a_server_that_asked_dns_in_one_run_only_may_know_more_in_it() {
    let comparison = History::of(&scenario(), &trace(2)).unwrap();
    let with = trace(2);
    let (delivered, bounced) = (judgement(Fate::Delivered), judgement(Fate::Bounced));
    let judge = |age: Duration| {
        let mut without = trace(0);
        let since = comparison.since - age;
        let place = without.records.partition_point(|record| record.at < since);
        let event = Event::Answered {
            host: mx(),
            question: Question::Mx(text("b.example")),
            answer: Answer::NoData,
        };
        without.records.insert(place, Record { at: since, event });
        comparison.judge(side(&with, &bounced), side(&without, &delivered))
    };
    let time_to_live = scenario().domain[0].time_to_live;
    assert_eq!(judge(time_to_live), Verdict::NotExercised);
    let forgotten = judge(time_to_live + Duration::from_secs(1));
    assert!(matches!(forgotten, Verdict::Violated { .. }), "{forgotten:?}");
}
