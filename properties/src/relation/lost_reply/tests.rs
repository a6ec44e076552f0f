use postern_model::scenario::Level;

use super::super::testing::{
    MX1, Run, again, attempted, bounced, deferred, greeted, recipient_answered, run, sent, taken, verdict, violation,
};
use super::*;
use crate::testing::Tape;

fn heard() -> Run {
    run(Level::None, taken(greeted(attempted(Level::None), &[])).closed(&[]))
}

/// The message is stored and the client never learns of it.
fn unheard_once() -> Tape {
    let tape = recipient_answered(greeted(attempted(Level::None), &[]), "250 ok");
    let tape = tape.says("DATA").hears(&["354 go on"]);
    tape.content().delivered(MX1).closed(&["250 taken"])
}

fn judged(tape: Tape) -> Verdict {
    verdict(compare, &heard(), &run(Level::None, tape))
}

#[test]
fn the_second_world_loses_the_reply_at_the_dial_that_sent_the_message() {
    let first = heard();
    let comparison = compare(first.side()).expect("it applies");
    let [step] = comparison.second().step.as_slice() else {
        panic!("not one step");
    };
    let on = When::On(Position {
        message: crate::testing::token("m1"),
        attempt: 1,
        host: crate::testing::name(MX1),
        phase: Phase::Connect,
    });
    assert_eq!(step.when, on);
}

#[test]
fn a_message_whose_reply_is_lost_is_sent_again_and_may_come_twice() {
    let twice = taken(greeted(again(deferred(unheard_once()), 2, Level::None), &[]));
    assert_eq!(judged(twice), Verdict::Holds);
}

#[test]
fn it_is_neither_given_back_nor_forgotten_nor_sent_without_end() {
    let (rule, why) = violation(judged(bounced(unheard_once())));
    assert_eq!(rule, "R5321-4.5.4.1-c");
    assert_eq!(
        why,
        "out.a.example gave m1 back because the reply to its content was lost"
    );
    let thrice = taken(greeted(again(deferred(unheard_once()), 2, Level::None), &[])).delivered(MX1);
    let (rule, why) = violation(judged(thrice));
    assert_eq!(rule, "R5321-4.2.5-a");
    assert_eq!(
        why,
        "m1 arrived 3 times although only 1 replies to its content were lost"
    );
}

#[test]
fn nothing_is_compared_where_another_exchanger_refused_the_message() {
    let again = greeted(again(deferred(unheard_once()), 2, Level::None), &[]);
    assert_eq!(
        judged(bounced(recipient_answered(again, "550 5.1.1 no"))),
        Verdict::NotExercised
    );
}

#[test]
fn nothing_is_compared_where_the_reply_was_heard_after_all() {
    let tape = sent(taken(greeted(attempted(Level::None), &[])));
    assert_eq!(judged(tape), Verdict::NotExercised);
}
