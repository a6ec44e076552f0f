//! The message is refused.

use super::*;

#[test]
fn the_message_is_refused_as_the_first_digit_says() {
    let script = [GREETING, PLAIN, "250 ok", "250 ok", "354 go"];
    for length in 2..=script.len() {
        for (reply, outcome) in [
            ("421 closing", Outcome::RefusedForNow),
            ("450 later", Outcome::RefusedForNow),
            ("550 5.1.1 never", Outcome::RefusedForGood),
            ("599 odd", Outcome::RefusedForGood),
            ("530 5.7.0 Must issue a STARTTLS command first", Outcome::RefusedForNow),
        ] {
            let script = [&script[..length], &[reply, "221 bye"]].concat();
            let story = story(plan(TlsUse::IfOffered), &script);
            assert_eq!(story.outcome(), outcome, "{script:?}");
            assert!(story.sent("QUIT") && story.is_closed(), "{script:?}");
        }
    }
}

#[test]
fn inside_tls_530_does_not_ask_for_tls() {
    let script = [GREETING, EHLO, "220 go", "<up>", PLAIN, "530 authentication required"];
    assert_eq!(
        story(plan(TlsUse::IfOffered), &script).outcome(),
        Outcome::RefusedForGood
    );
}

#[test]
fn the_reason_is_one_line_in_the_words_of_the_host() {
    let script = [GREETING, PLAIN, "250 ok", "550-5.1.1 no such\n550 5.1.1 mailbox"];
    let story = story(plan(TlsUse::Never), &script);
    let because = "<RefusedForGood: host mx.b.example said: 550 5.1.1 no such mailbox (in reply to RCPT)>";
    assert_eq!(story.lines[3], because);
}
