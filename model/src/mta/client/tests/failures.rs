//! Connections that break, and hosts that break the protocol.

use super::*;

#[test]
fn a_connection_that_breaks_elsewhere_has_failed() {
    let tls = [GREETING, EHLO, "220 go", "<up>", PLAIN, "250 ok", "250 ok", "354 go"];
    let clear = [GREETING, PLAIN, "250 ok", "250 ok", "354 go"];
    for trouble in ["<closed>", "<timeout>", "xyzzy", "250-a\n251 b", "199 odd", "a\rb"] {
        for (script, first) in [(&tls[..], 5), (&clear[..], 0)] {
            for length in (0..=script.len()).filter(|length| *length < 2 || *length >= first) {
                let script = [&script[..length], &[trouble]].concat();
                let story = story(plan(TlsUse::IfOffered), &script);
                assert_eq!(story.outcome(), Outcome::ConnectionFailed, "{script:?}");
                assert!(story.is_closed(), "{script:?}");
            }
        }
    }
}

#[test]
fn a_connection_that_never_stands_has_failed() {
    for (trouble, because) in [
        (Input::Closed, "no connection to mx.b.example"),
        (
            Input::Expired(Timer::Connect),
            "mx.b.example timed out while waiting for the connection",
        ),
    ] {
        let mut client = Client::new(plan(TlsUse::Required));
        client.handle(trouble);
        let outputs: Vec<Output> = std::iter::from_fn(|| Some(client.poll()))
            .take_while(|output| *output != Output::Idle)
            .collect();
        let ended = Note::Ended {
            outcome: Outcome::ConnectionFailed,
            because: because.to_owned(),
        };
        assert_eq!(
            outputs,
            [
                Output::Arm(Timer::Connect),
                Output::Note(ended),
                Output::Disarm(Timer::Connect),
                Output::Close,
            ]
        );
    }
}

#[test]
fn a_reply_of_the_wrong_kind_is_a_breach() {
    for script in [
        &["354 go"][..],
        &[GREETING, "354 go"],
        &[GREETING, PLAIN, "354 go"],
        &[GREETING, PLAIN, "250 ok", "250 ok", "250 ok"],
        &[GREETING, PLAIN, "250 ok", "250 ok", "354 go", "354 go"],
    ] {
        let story = story(plan(TlsUse::Never), script);
        assert_eq!(story.outcome(), Outcome::ConnectionFailed, "{script:?}");
        assert!(
            story.lines.iter().any(|line| line.starts_with("<misbehaved")),
            "{script:?}"
        );
    }
}

#[test]
fn a_reply_before_its_command_is_a_breach_and_never_an_acceptance() {
    let script = [GREETING, PLAIN, "250 ok", "250 ok", "354 go\n250 taken"];
    let early = story(plan(TlsUse::Never), &script);
    assert_eq!(early.outcome(), Outcome::ConnectionFailed);
    assert!(!early.sent("Subject"));

    let script = [GREETING, PLAIN, "250 ok", "250 ok", "354 go", "250 taken\n421 closing"];
    assert_eq!(story(plan(TlsUse::Never), &script).outcome(), Outcome::Accepted);
}

#[test]
fn helo_is_not_sent_into_a_reply_that_came_before_it() {
    let early = story(plan(TlsUse::IfOffered), &[GREETING, "502 what\n250 mx.b.example"]);
    assert_eq!(early.outcome(), Outcome::ConnectionFailed);
    assert!(!early.sent("HELO"));
    let closing = story(plan(TlsUse::IfOffered), &[GREETING, "421 busy\n421 closing"]);
    assert_eq!(closing.outcome(), Outcome::RefusedForNow);
}

#[test]
fn the_reason_tells_what_was_waited_for() {
    for (script, awaited) in [
        (&[][..], "the greeting"),
        (&[GREETING], "the reply to EHLO"),
        (&[GREETING, "500 what"], "the reply to HELO"),
        (&[GREETING, EHLO], "the reply to STARTTLS"),
        (&[GREETING, EHLO, "220 go"], "the TLS handshake"),
        (&[GREETING, PLAIN, "250 ok"], "the reply to RCPT"),
        (
            &[GREETING, PLAIN, "250 ok", "250 ok", "354 go"],
            "the reply to end of data",
        ),
    ] {
        for (trouble, how) in [
            ("<closed>", "lost connection with mx.b.example"),
            ("<timeout>", "mx.b.example timed out"),
        ] {
            let told = story(plan(TlsUse::IfOffered), &[script, &[trouble]].concat())
                .lines
                .concat();
            let reason = format!("{how} while waiting for {awaited}>");
            assert!(told.contains(&reason), "no “{reason}” in {told}");
        }
    }
}
