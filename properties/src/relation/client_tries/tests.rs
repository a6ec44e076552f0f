use postern_model::scenario::Level;
use postern_model::trace::Setting;

use super::super::testing::{attempted, bounced, greeted, run, taken, verdict, violation};
use super::*;
use crate::testing::{Tape, name};

/// A client at `may` whose try at TLS breaks.
fn tried() -> Tape {
    greeted(attempted(Level::May), &["STARTTLS"])
        .says("STARTTLS")
        .closed(&[])
}

#[test]
fn the_second_world_has_a_client_that_never_tries() {
    let first = run(Level::May, bounced(tried()));
    let comparison = compare(first.side()).expect("it applies");
    assert_eq!(comparison.second().host[0].level, Level::None);
}

#[test]
fn it_applies_neither_where_tls_is_required_nor_where_it_is_not_offered() {
    assert!(
        compare(
            run(
                Level::Encrypt,
                bounced(greeted(attempted(Level::Encrypt), &["STARTTLS"]))
            )
            .side()
        )
        .is_none()
    );
    assert!(compare(run(Level::May, taken(greeted(attempted(Level::May), &[]))).side()).is_none());
}

#[test]
fn what_is_delivered_without_a_try_is_delivered_after_one() {
    let never = run(Level::None, taken(greeted(attempted(Level::None), &["STARTTLS"])));
    let in_clear = run(Level::May, taken(greeted(tried(), &["STARTTLS"])));
    assert_eq!(verdict(compare, &in_clear, &never), Verdict::Holds);
    let given_up = run(Level::May, bounced(tried()));
    let (rule, why) = violation(verdict(compare, &given_up, &never));
    assert_eq!(rule, "SEED-06");
    assert_eq!(
        why,
        "m1 was bounced where its client tried TLS (5.0.0 no), and delivered where it did not"
    );
}

#[test]
fn a_message_that_waits_until_its_policy_is_raised_tries_in_the_second_run_too() {
    let given_up = run(Level::May, bounced(tried()));
    let raised = run(Level::None, taken(greeted(attempted(Level::Encrypt), &["STARTTLS"])));
    assert_eq!(verdict(compare, &given_up, &raised), Verdict::NotExercised);
}

#[test]
fn nothing_is_compared_when_the_world_changed_meanwhile() {
    let moved = |tape: Tape| {
        tape.event(Event::Set(Setting::Mx {
            null_mx: false,
            domain: name("b.example"),
            exchangers: Vec::new(),
        }))
    };
    let unsteady = moved(attempted(Level::May));
    let unsteady = run(Level::May, bounced(greeted(unsteady, &["STARTTLS"]).says("STARTTLS")));
    assert!(compare(unsteady.side()).is_none());
    let never = run(Level::None, taken(greeted(moved(attempted(Level::None)), &[])));
    let given_up = run(Level::May, bounced(tried()));
    assert_eq!(verdict(compare, &given_up, &never), Verdict::NotExercised);
}

#[test]
fn at_may_an_offer_of_starttls_is_taken_up() {
    let never = run(Level::None, taken(greeted(attempted(Level::None), &["STARTTLS"])));
    let passes_by = run(Level::May, taken(greeted(attempted(Level::May), &["STARTTLS"])));
    let (rule, why) = violation(verdict(compare, &passes_by, &never));
    assert_eq!(rule, "R3207-6-b");
    assert_eq!(
        why,
        "out.a.example named bob@b.example to mx1.b.example in clear, at level may, although mx1.b.example offered STARTTLS"
    );
}
