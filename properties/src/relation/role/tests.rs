use postern_model::scenario::{Phase, Position, Step, Switch};
use postern_model::trace::{Event, Setting};

use super::super::testing::{MX1, OUT, again, attempted, bounced, deferred, run, sent, verdict, violation, world};
use super::*;
use crate::testing::{Tape, name};

fn deferred_once() -> Tape {
    let tape = deferred(attempted(Level::Encrypt)).after(Duration::from_secs(1800));
    again(tape, 2, Level::Encrypt)
}

#[test]
fn the_second_world_hands_the_mail_over_by_smtp() {
    let first = run(Level::Encrypt, sent(deferred_once()));
    let comparison = compare(first.side()).expect("it applies");
    let second = comparison.second();
    let submitter = second.host.last().expect("a host");
    assert_eq!(submitter.name, name("submit.out.a.example"));
    assert_eq!(submitter.next_hop(&name("b.example")), &name(OUT));
    assert_eq!(second.message[0].host, submitter.name);
    assert_eq!(second.host[0].relay_for, std::slice::from_ref(&submitter.name));
    assert!(
        compare(run(Level::Encrypt, sent(attempted(Level::Encrypt))).side()).is_none(),
        "nothing was deferred"
    );
}

#[test]
fn a_relay_defers_and_gives_back_as_the_originator_does() {
    let first = run(Level::Encrypt, sent(deferred_once()));
    assert_eq!(
        verdict(compare, &first, &run(Level::Encrypt, sent(deferred_once()))),
        Verdict::Holds
    );
    let at_once = run(Level::Encrypt, bounced(attempted(Level::Encrypt)));
    let (rule, why) = violation(verdict(compare, &first, &at_once));
    assert_eq!(rule, "SEED-13");
    assert_eq!(
        why,
        "out.a.example, which originates m1, sent it on after 1 deferral at 30m; as its relay it gave it back after 0 \
         deferrals at 0s"
    );
}

#[test]
fn nothing_is_compared_under_another_policy() {
    let first = run(Level::Encrypt, sent(deferred_once()));
    let in_clear = run(Level::None, sent(attempted(Level::None)));
    assert_eq!(verdict(compare, &first, &in_clear), Verdict::NotExercised);
}

#[test]
fn a_step_at_its_fixed_time_during_an_attempt_could_tell_the_fraction_of_a_second() {
    let first = run(Level::Encrypt, sent(deferred_once().after(Duration::from_secs(5))));
    let courses = courses(&first.trace);
    let course = courses.values().next().expect("a course");
    let cut_at = |seconds| {
        let mut world = world(Level::Encrypt);
        world.step.push(Step {
            when: When::At(Duration::from_secs(seconds)),
            host: name(MX1),
            action: Action::Drift(Drift::Tls(Switch::Off)),
        });
        is_cut_by_the_clock(&world, course)
    };
    assert!(!cut_at(1800) && cut_at(1803) && !cut_at(1900));
}

#[test]
fn a_step_that_waits_for_another_message_could_tell_it_too() {
    let on = |message: &str| Step {
        when: When::On(Position {
            message: message.parse().expect("a token"),
            attempt: 1,
            host: name(MX1),
            phase: Phase::Connect,
        }),
        host: name(MX1),
        action: Action::Drift(Drift::Tls(Switch::Off)),
    };
    let waits_for = |message| {
        let fired = Event::Set(Setting::Tls {
            host: name(MX1),
            on: false,
        });
        let tape = attempted(Level::Encrypt).after(Duration::from_secs(3)).event(fired);
        let mut first = run(Level::Encrypt, sent(tape));
        first.scenario.step.push(on(message));
        let courses = courses(&first.trace);
        let course = courses.values().next().expect("a course");
        is_cut_by_another(first.side(), &"m1".parse().expect("a token"), course)
    };
    assert!(!waits_for("m1"), "the message's own");
    assert!(waits_for("m2"));
}
