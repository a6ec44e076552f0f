//! The answers to RCPT.

use super::*;

#[test]
fn after_530_the_client_may_start_tls_in_the_same_session() {
    let mut session = Session::new(demanding());
    assert_eq!(
        session.say(&[EHLO, MAIL, RCPT]).last().unwrap(),
        "<listed for b.example?>"
    );
    let shown = session.hand(Input::Answered(Listing::Unlisted));
    assert_eq!(shown, ["530 5.7.0 Must issue a STARTTLS command first"]);
    session.say(&["STARTTLS"]);
    session.hand(Input::TlsUp);
    session.say(&[EHLO, MAIL]);
    assert_eq!(session.say(&[RCPT]), ["250 2.1.5 Ok"], "and nobody asks DNS inside TLS");
}

#[test]
fn pipelined_commands_wait_while_dns_is_asked() {
    let mut session = Session::new(demanding());
    session.say(&[EHLO]);
    let shown = session.say(&[MAIL, RCPT, "RCPT TO:<x@c.example>", "DATA"]);
    assert_eq!(shown, ["250 2.1.0 Ok", "<listed for b.example?>"]);
    assert_eq!(session.timers.running(), [], "the client is not to blame for the wait");
    let shown = session.hand(Input::Answered(Listing::Listed));
    assert_eq!(shown, ["250 2.1.5 Ok", "<listed for c.example?>"]);
    let shown = session.hand(Input::Answered(Listing::LookupFailed));
    assert!(shown[0].starts_with("451 4.4.3"), "{shown:?}");
    assert!(shown[1].starts_with("354"), "{shown:?}");
}

#[test]
fn the_answer_is_that_of_the_settings_when_it_is_given() {
    let mut session = Session::new(demanding());
    session.say(&[EHLO, MAIL, RCPT]);
    session.server.settings_mut().demands_tls = false;
    assert_eq!(session.hand(Input::Answered(Listing::Unlisted)), ["250 2.1.5 Ok"]);
}

#[test]
fn each_recipient_is_answered_for_itself() {
    let mut settings = settings();
    settings.mailboxes.insert("full".to_owned(), MailboxState::Defers);
    settings.mailboxes.insert("nobody".to_owned(), MailboxState::Refuses);
    let mut session = Session::new(settings);
    session.say(&[EHLO, MAIL]);
    for (to, code) in [
        ("full@b.example", 452),
        ("nobody@b.example", 550),
        ("bob@b.example", 250),
        ("x@c.example", 550),
        ("carol@b.example", 250),
    ] {
        assert_eq!(session.code(&format!("RCPT TO:<{to}>")), code, "{to}");
    }
    let shown = session.say(&["DATA", "."]);
    assert_eq!(shown[1], "<store for [bob@b.example, carol@b.example]>");
}

#[test]
fn the_hundredth_recipient_is_taken_and_the_next_is_not() {
    let mut session = Session::new(settings());
    session.say(&[EHLO, MAIL]);
    for number in 1..=RECIPIENTS_LIMIT {
        assert_eq!(session.code(RCPT), 250, "number {number}");
    }
    assert_eq!(session.code(RCPT), 452);
    assert_eq!(session.code("DATA"), 354);
}

#[test]
fn a_null_mx_refuses_mail_for_it_and_from_it_but_never_the_null_reverse_path() {
    let mut settings = settings();
    for (local_part, state) in [
        ("forwarded", MailboxState::ForwardsToNullMx),
        ("picky", MailboxState::RefusesSender),
    ] {
        settings.mailboxes.insert(local_part.to_owned(), state);
    }
    for (mail, to_null_mx, from_null_mx) in [
        (MAIL, "556 5.1.10", "550 5.7.27"),
        ("MAIL FROM:<>", "556 5.1.10", "250 2.1.5"),
    ] {
        let mut session = Session::new(settings.clone());
        session.say(&[EHLO, mail]);
        for (to, answer) in [("forwarded", to_null_mx), ("picky", from_null_mx)] {
            let shown = session.say(&[&format!("RCPT TO:<{to}@b.example>")]);
            assert!(shown[0].starts_with(answer), "{to} after {mail}: {shown:?}");
        }
    }
}
