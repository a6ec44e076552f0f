//! The course of a session: phases, timers, and what the client says of itself and of the message.

use super::*;

#[test]
fn each_phase_is_told_before_it_begins() {
    let script = [
        GREETING, EHLO, "220 go", "<up>", PLAIN, "250 ok", "250 ok", "354 go", "250 ok", "221 bye",
    ];
    let story = story(plan(TlsUse::IfOffered), &script);
    let phases: Vec<Phase> = story
        .notes
        .iter()
        .filter_map(|note| match note {
            Note::Phase(phase) => Some(*phase),
            _ => None,
        })
        .collect();
    use Phase::{Data, Ehlo, EndOfData, Mail, Quit, Rcpt, Starttls};
    assert_eq!(phases, [Ehlo, Starttls, Mail, Rcpt, Data, EndOfData, Quit]);
    assert!(story.is_closed());
    assert_eq!(story.without_tls(), []);
}

#[test]
fn the_timers_are_those_of_the_replies() {
    let script = [
        GREETING, EHLO, "220 go", "<up>", PLAIN, "250 ok", "250 ok", "354 go", "250 ok",
    ];
    let expected = [
        Timer::Greeting,
        Timer::Command,
        Timer::Command,
        Timer::Handshake,
        Timer::Command,
        Timer::Mail,
        Timer::Rcpt,
        Timer::DataInitiation,
        Timer::DataTermination,
        Timer::Command,
    ];
    for (length, timer) in expected.into_iter().enumerate() {
        let story = story(plan(TlsUse::IfOffered), &script[..length]);
        assert_eq!(story.timers.running(), [timer], "after {:?}", &script[..length]);
    }
}

#[test]
fn a_refused_session_is_refused_for_now_whatever_the_code() {
    for script in [
        &["421 busy"][..],
        &["521 no mail here"],
        &["554 no"],
        &[GREETING, "421 busy"],
        &[GREETING, "500 what", "550 no"],
    ] {
        let story = story(plan(TlsUse::IfOffered), script);
        assert_eq!(story.outcome(), Outcome::RefusedForNow, "{script:?}");
        assert!(story.sent("QUIT") && !story.sent("MAIL"), "{script:?}");
    }
}

#[test]
fn a_server_without_ehlo_gets_helo_where_tls_is_not_required() {
    let script = [GREETING, "502 what", PLAIN, "250 ok", "250 ok", "354 go", "250 ok"];
    let opportunistic = story(plan(TlsUse::IfOffered), &script);
    assert!(opportunistic.sent("HELO"));
    assert_eq!(opportunistic.outcome(), Outcome::Accepted);
    assert_eq!(opportunistic.without_tls(), [WithoutTls::NotOffered]);

    assert_eq!(story(plan(TlsUse::Never), &script).without_tls(), []);

    let required = story(plan(TlsUse::Required), &script[..2]);
    assert!(!required.sent("HELO"));
    assert_eq!(required.outcome(), Outcome::TlsUnavailable(WithoutTls::NotOffered));
    assert_eq!(required.without_tls(), [WithoutTls::NotOffered]);
}

#[test]
fn a_timer_that_does_not_run_says_nothing() {
    let script = [
        GREETING, EHLO, "220 go", "<up>", PLAIN, "250 ok", "250 ok", "354 go", "250 ok",
    ];
    for length in 0..=script.len() {
        let mut story = story(plan(TlsUse::IfOffered), &script[..length]);
        let before = story.client.clone();
        let timers = [
            Timer::Connect,
            Timer::Greeting,
            Timer::Handshake,
            Timer::Mail,
            Timer::Rcpt,
            Timer::Idle,
        ];
        let idle = timers
            .into_iter()
            .filter(|timer| !story.timers.running().contains(timer));
        for timer in idle.collect::<Vec<_>>() {
            story.hand(Input::Expired(timer));
        }
        assert_eq!(story.client, before, "after {:?}", &script[..length]);
    }
}

#[test]
fn eight_bit_content_is_declared_where_it_is_offered() {
    let eight_bit = Plan {
        content: "Subject: grüß\r\n".into(),
        ..plan(TlsUse::Never)
    };
    let offered = story(eight_bit.clone(), &[GREETING, EHLO]);
    assert_eq!(offered.lines[1], "MAIL FROM:<alice@a.example> SIZE=17 BODY=8BITMIME");
    assert_eq!(
        story(eight_bit, &[GREETING, PLAIN]).lines[1],
        "MAIL FROM:<alice@a.example>"
    );
    let seven_bit = story(plan(TlsUse::Never), &[GREETING, EHLO]);
    assert_eq!(seven_bit.lines[1], "MAIL FROM:<alice@a.example> SIZE=24");
}
