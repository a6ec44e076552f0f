use postern_model::scenario::Level;

use super::super::testing::{Run, attempted, bounced, greeted, recipient_answered, run, taken, verdict, violation};
use super::*;
use crate::testing::{Tape, name};

const NO: &str = "554 5.7.0 not you";

fn over_tls() -> Tape {
    let tape = greeted(attempted(Level::May), &["STARTTLS"])
        .says("STARTTLS")
        .hears(&["220 go"]);
    let tape = tape.secured(&["mx1.b.example"]).says("EHLO out.a.example");
    tape.hears(&["250 mx1.b.example"])
}

fn plain(reply: &str) -> Run {
    let greeted = greeted(attempted(Level::None), &["STARTTLS"]);
    run(Level::None, recipient_answered(greeted, reply))
}

#[test]
fn the_second_world_has_no_client_that_uses_tls() {
    let first = run(Level::Secure, taken(over_tls()));
    let comparison = compare(first.side()).expect("it applies");
    assert_eq!(comparison.second().host[0].level, Level::None);
    assert!(compare(plain("250 ok").side()).is_none(), "nobody said STARTTLS");
}

#[test]
fn who_is_taken_in_clear_is_taken_after_a_try_at_tls() {
    let taken = run(Level::May, taken(over_tls()));
    assert_eq!(verdict(compare, &taken, &plain("250 ok")), Verdict::Holds);
    let refused = run(Level::May, bounced(recipient_answered(over_tls(), NO)));
    let (rule, why) = violation(verdict(compare, &refused, &plain("250 ok")));
    assert_eq!(rule, "SEED-05");
    assert_eq!(
        why,
        "mx1.b.example refused out.a.example a recipient of b.example, its own domain, after a try at TLS, and took it \
         from a client that never tried"
    );
}

#[test]
fn a_client_that_failed_at_tls_is_not_turned_away() {
    let failed = greeted(attempted(Level::May), &["STARTTLS"])
        .says("STARTTLS")
        .closed(&[]);
    let banned = greeted(failed, &[]).says("MAIL FROM:<ann@a.example>").hears(&[NO]);
    let (rule, _) = violation(verdict(compare, &run(Level::May, banned), &plain("250 ok")));
    assert_eq!(rule, "SEED-05");
}

#[test]
fn of_whom_tls_is_required_nothing_need_be_taken_in_clear() {
    let agreed = |mut run: Run| {
        run.scenario.host[1].requires_tls_of.push(name("out.a.example"));
        run
    };
    let first = agreed(run(Level::May, taken(over_tls())));
    let second = agreed(plain("530 5.7.0 TLS first"));
    assert_eq!(verdict(compare, &first, &second), Verdict::NotExercised);
}

#[test]
fn who_is_taken_over_tls_is_taken_in_clear_by_a_listed_server() {
    let first = run(Level::May, taken(over_tls()));
    let (rule, why) = violation(verdict(compare, &first, &plain("530 5.7.0 TLS first")));
    assert_eq!(rule, "SEED-01");
    assert!(why.ends_with("its own domain, in clear, and took it over TLS"), "{why}");
}

#[test]
fn a_listed_server_that_is_unhappy_with_tls_refuses_by_right_of_rfc_3207_and_not_of_the_thread() {
    for (reading, is_accused) in [(Reading::Thread, true), (Reading::Rfc3207, false)] {
        let mut refused = run(Level::May, bounced(recipient_answered(over_tls(), NO)));
        refused.scenario.host[1].trouble = Trouble::UnhappyWithTls;
        refused.scenario.reading = reading;
        let verdict = verdict(compare, &refused, &plain("250 ok"));
        assert_eq!(
            matches!(verdict, Verdict::Violated { .. }),
            is_accused,
            "{reading}: {verdict:?}"
        );
    }
}

#[test]
fn a_server_that_is_not_listed_may_be_unhappy_with_tls_by_either_reading() {
    let mut refused = run(Level::May, bounced(recipient_answered(over_tls(), NO)));
    refused.scenario.host[1].trouble = Trouble::UnhappyWithTls;
    refused.scenario.domain[0]
        .mx
        .retain(|record| record.host != name("mx1.b.example"));
    assert_eq!(verdict(compare, &refused, &plain("250 ok")), Verdict::NotExercised);
}

#[test]
fn nothing_is_compared_where_the_server_was_configured_anew() {
    let anew = over_tls().event(Event::Set(Setting::Exchanger {
        host: name("mx1.b.example"),
        domain: name("b.example"),
        configured: false,
    }));
    let refused = run(Level::May, recipient_answered(anew, NO));
    assert_eq!(verdict(compare, &refused, &plain("250 ok")), Verdict::NotExercised);
}

#[test]
fn a_mailbox_may_take_a_notification_and_nothing_else_of_a_sender_who_takes_no_mail() {
    let notification = over_tls().says("MAIL FROM:<>").hears(&["250 ok"]);
    let notification = notification.says("RCPT TO:<bob@b.example>").hears(&["250 ok"]);
    let first = run(Level::May, notification);
    let second = plain("550 5.7.27 The domain of the sender has a null MX");
    assert_eq!(verdict(compare, &first, &second), Verdict::NotExercised);
}
