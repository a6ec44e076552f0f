//! STARTTLS: not offered, refused, broken, or in use.

use super::*;

#[test]
fn a_session_is_secured_from_its_handshake_on_and_in_clear_never() {
    let tls = [GREETING, EHLO, "220 go", "<up>", PLAIN, "250 ok", "250 ok", "354 go"];
    let clear = [GREETING, PLAIN, "250 ok", "250 ok", "354 go"];
    for (script, handshake) in [(&tls[..], 4), (&clear[..], usize::MAX)] {
        for length in 0..=script.len() {
            let story = story(plan(TlsUse::IfOffered), &script[..length]);
            let is_secured = length >= handshake;
            assert_eq!(story.client.is_secured(), is_secured, "after {:?}", &script[..length]);
        }
    }
}

#[test]
fn starttls_that_is_not_offered_stops_only_mail_that_requires_it() {
    let opportunistic = story(plan(TlsUse::IfOffered), &[GREETING, PLAIN]);
    assert_eq!(opportunistic.without_tls(), [WithoutTls::NotOffered]);
    assert!(opportunistic.sent("MAIL"));

    let required = story(plan(TlsUse::Authenticated), &[GREETING, PLAIN, "221 bye"]);
    assert_eq!(
        required.lines,
        [
            "EHLO mx.a.example",
            "<without TLS: NotOffered>",
            "<TlsUnavailable(NotOffered): TLS is required, but host mx.b.example does not offer STARTTLS>",
            "QUIT",
            "<close>",
        ]
    );
}

#[test]
fn a_refusal_of_starttls_is_not_one_of_the_message() {
    for code in ["250", "354", "421", "454", "501", "554"] {
        let refusal = format!("{code} no");
        let script = [GREETING, EHLO, &refusal, "250 ok", "250 ok", "354 go", "250 ok"];
        let opportunistic = story(plan(TlsUse::IfOffered), &script);
        assert_eq!(opportunistic.outcome(), Outcome::Accepted, "{code}");
        assert_eq!(opportunistic.without_tls(), [WithoutTls::Refused], "{code}");

        let required = story(plan(TlsUse::Required), &script[..3]);
        assert_eq!(
            required.outcome(),
            Outcome::TlsUnavailable(WithoutTls::Refused),
            "{code}"
        );
        assert!(required.sent("QUIT") && !required.sent("MAIL"), "{code}");
    }
}

#[test]
fn a_connection_that_breaks_at_tls_is_charged_to_tls() {
    let garbage = "\u{16}\u{3}\u{1}";
    for script in [
        &[GREETING, EHLO, "<closed>"][..],
        &[GREETING, EHLO, "<timeout>"],
        &[GREETING, EHLO, garbage],
        &[GREETING, EHLO, "220 go", "<failed>"],
        &[GREETING, EHLO, "220 go", "<closed>"],
        &[GREETING, EHLO, "220 go", "<timeout>"],
        &[GREETING, EHLO, "220 go", "<up>", "<closed>"],
        &[GREETING, EHLO, "220 go", "<up>", "<timeout>"],
        &[GREETING, EHLO, "220 go", "<up>", garbage],
    ] {
        let opportunistic = story(plan(TlsUse::IfOffered), script);
        assert_eq!(
            opportunistic.outcome(),
            Outcome::TlsBroke(WithoutTls::HandshakeFailed),
            "{script:?}"
        );
        assert_eq!(opportunistic.without_tls(), [WithoutTls::HandshakeFailed], "{script:?}");
        assert!(!opportunistic.sent("MAIL") && !opportunistic.sent("QUIT"), "{script:?}");
        assert!(opportunistic.is_closed(), "{script:?}");

        let required = story(plan(TlsUse::Required), script);
        assert_eq!(
            required.outcome(),
            Outcome::TlsUnavailable(WithoutTls::HandshakeFailed),
            "{script:?}"
        );
        assert!(required.is_closed(), "{script:?}");
    }
}

#[test]
fn a_session_that_does_not_open_inside_tls_is_charged_to_tls() {
    let inside = |rest: &[&str], tls| story(plan(tls), &[&[GREETING, EHLO, "220 go", "<up>"], rest].concat());
    for rest in [
        &["421 busy"][..],
        &["451 not now"],
        &["354 what"],
        &["554 no", "421 busy"],
        &["554 no", "554 no"],
        &["554 no", "354 what"],
        &["554 no", "<closed>"],
    ] {
        let opportunistic = inside(rest, TlsUse::IfOffered);
        let broke = Outcome::TlsBroke(WithoutTls::HandshakeFailed);
        assert_eq!(opportunistic.outcome(), broke, "{rest:?}");
        assert!(!opportunistic.sent("MAIL"), "{rest:?}");
        assert_eq!(opportunistic.without_tls(), [], "no alarm: TLS was there, {rest:?}");
        let required = inside(rest, TlsUse::Required).outcome();
        assert_ne!(required, broke, "{rest:?}");
        assert_ne!(required, Outcome::RefusedForGood, "{rest:?}");
        let is_said_to_lack_tls = matches!(required, Outcome::TlsUnavailable(_));
        assert!(!is_said_to_lack_tls, "TLS was there, {rest:?}");
    }
    let open = inside(&[PLAIN, "421 busy"], TlsUse::IfOffered);
    assert_eq!(open.outcome(), Outcome::RefusedForNow, "of the message, not of TLS");
}

#[test]
fn tls_did_not_vanish_where_too_much_was_said_inside_it() {
    for said in ["250 mx.b.example\n250 and more", "554 no\n554 no"] {
        let script = [GREETING, EHLO, "220 go", "<up>", said];
        let story = story(plan(TlsUse::IfOffered), &script);
        assert_eq!(
            story.outcome(),
            Outcome::TlsBroke(WithoutTls::HandshakeFailed),
            "{said}"
        );
        assert_eq!(story.without_tls(), [], "no alarm: TLS was there, {said}");
    }
    let garbage = story(plan(TlsUse::IfOffered), &[GREETING, EHLO, "220 go", "<up>", "what"]);
    assert_eq!(
        garbage.without_tls(),
        [WithoutTls::HandshakeFailed],
        "nothing that is a reply"
    );
}

#[test]
fn a_server_that_hangs_up_on_whoever_asks_for_tls_is_charged_with_it() {
    let story = story(plan(TlsUse::IfOffered), &[GREETING, EHLO, "421 go away", "<closed>"]);
    assert_eq!(story.outcome(), Outcome::TlsBroke(WithoutTls::Refused));
    assert_eq!(story.without_tls(), [WithoutTls::Refused]);
}

#[test]
fn what_the_server_said_in_clear_does_not_count_inside_tls() {
    let injected = "220 go\n250-mx.b.example\n250 8BITMIME";
    let rest = ["<up>", "250-mx.b.example\n250 STARTTLS"];
    let clean = story(
        plan(TlsUse::Required),
        &[&[GREETING, EHLO, "220 go"], &rest[..]].concat(),
    );
    let tampered = story(
        plan(TlsUse::Required),
        &[&[GREETING, EHLO, injected], &rest[..]].concat(),
    );
    assert_eq!(tampered.client, clean.client);
    assert_eq!(
        clean.lines,
        [
            "EHLO mx.a.example",
            "STARTTLS",
            "<Anyone(mx.b.example)>",
            "EHLO mx.a.example",
            "MAIL FROM:<alice@a.example>",
        ],
        "neither SIZE nor a second STARTTLS"
    );
}

#[test]
fn octets_between_the_go_ahead_and_the_handshake_are_nobodys_reply() {
    let clean = [GREETING, EHLO, "220 go", "<up>", PLAIN];
    let injected = [GREETING, EHLO, "220 go", "250 STARTTLS", "<up>", PLAIN];
    let (clean, injected) = (
        story(plan(TlsUse::Required), &clean),
        story(plan(TlsUse::Required), &injected),
    );
    assert_eq!(injected.lines, clean.lines);
    assert_eq!(injected.client, clean.client);
}

#[test]
fn an_authenticated_session_asks_for_the_name_of_the_next_hop() {
    let request = |plan: Plan| story(plan, &[GREETING, EHLO, "220 go"]).lines[2].clone();
    assert_eq!(request(plan(TlsUse::Authenticated)), "<Authenticated(b.example)>");
    assert_eq!(request(plan(TlsUse::Required)), "<Anyone(mx.b.example)>");
    let any = with(Mutant::AcceptsAnyCertificate, TlsUse::Authenticated);
    assert_eq!(request(any), "<Anyone(mx.b.example)>");
    let exchanger = with(Mutant::ChecksNameOfExchanger, TlsUse::Authenticated);
    assert_eq!(request(exchanger), "<Authenticated(mx.b.example)>");
}
