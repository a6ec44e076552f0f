use postern_model::scenario::Level;

use super::super::testing::{OUT, attempted, deferred, greeted, run, taken, verdict, violation};
use super::*;
use crate::testing::{Tape, name};

fn alarmed() -> Tape {
    let peer = name("mx1.b.example");
    greeted(attempted(Level::May), &[]).logged(OUT, LogEntry::Alarm { peer })
}

#[test]
fn it_applies_where_an_alarm_was_raised_and_turns_all_alarms_off() {
    let first = run(Level::May, taken(alarmed()));
    let comparison = compare(first.side()).expect("it applies");
    assert!(comparison.second().host.iter().all(|host| !host.alarms));
    assert!(compare(run(Level::May, taken(greeted(attempted(Level::May), &[]))).side()).is_none());
}

#[test]
fn all_but_the_alarm_is_the_same() {
    let without = run(Level::May, taken(greeted(attempted(Level::May), &[])));
    assert_eq!(
        verdict(compare, &run(Level::May, taken(alarmed())), &without),
        Verdict::Holds
    );
    let held_back = run(Level::May, deferred(alarmed()));
    let (rule, why) = violation(verdict(compare, &held_back, &without));
    assert_eq!(rule, "SEED-10");
    assert_eq!(
        why,
        "m1 was queued with alarms on (4.0.0 later) and delivered with alarms off (it lies in the mailbox at mx1.b.example)"
    );
}
