use postern_model::scenario::Level;

use super::super::testing::{attempted, deferred, greeted, run, taken, verdict, violation};
use super::*;
use crate::testing::Tape;

fn required() -> Tape {
    greeted(attempted(Level::Encrypt), &[])
}

#[test]
fn the_second_world_strips_starttls_everywhere_and_has_no_other_adversary() {
    let first = run(Level::Encrypt, deferred(required().says("QUIT")));
    let comparison = compare(first.side()).expect("it applies");
    let steps = &comparison.second().step;
    assert_eq!(steps.len(), comparison.second().host.len());
    assert!(steps.iter().all(|step| matches!(
        step.action,
        Action::Attack {
            attack: Attack::StripStarttls,
            lasting: None
        }
    )));
    assert!(compare(run(Level::May, taken(greeted(attempted(Level::May), &[]))).side()).is_none());
}

#[test]
fn of_mail_that_requires_tls_nothing_is_read_with_or_without_the_adversary() {
    let silent = run(Level::Encrypt, deferred(required().says("QUIT")));
    assert_eq!(verdict(compare, &silent, &silent), Verdict::Holds);
    let names_sender = run(Level::Encrypt, required().says("MAIL FROM:<ann@a.example>"));
    let (rule, why) = violation(verdict(compare, &silent, &names_sender));
    assert_eq!(rule, "SEED-17");
    assert_eq!(
        why,
        "With STARTTLS stripped on every path, out.a.example said “MAIL FROM:<ann@a.example>” in clear, of mail that it \
         requires TLS for"
    );
    let (_, why) = violation(verdict(compare, &names_sender, &silent));
    assert!(why.starts_with("With the adversary that there was"), "{why}");
}

#[test]
fn a_greeting_in_ones_own_name_tells_nothing_of_the_mail() {
    let out = crate::testing::name("out.a.example");
    for (line, tells) in [
        ("EHLO OUT.a.example", false),
        ("EHLO b.example", true),
        ("STARTTLS", false),
        ("rcpt to:<bob@b.example>", true),
        ("QUIT", false),
    ] {
        assert_eq!(tells_of_mail(line, &out), tells, "{line}");
    }
}
