//! DATA, the content, and the message that is stored.

use super::*;

#[test]
fn the_end_of_data_is_answered_when_the_message_is_safe() {
    for (input, reply) in [
        (Input::Stored, "250 2.0.0 Ok: message taken"),
        (Input::StoreFailed, "451 4.3.0 Local error, message not taken"),
    ] {
        let mut session = Session::new(settings());
        session.say(&[EHLO, MAIL, RCPT, "DATA"]);
        assert_eq!(session.say(&["hello", ".", "NOOP"]), ["<store for [bob@b.example]>"]);
        assert_eq!(session.hand(input), [reply, "250 2.0.0 Ok"]);
        assert_eq!(session.code("DATA"), 503, "the transaction is over");
    }
}

#[test]
fn content_beyond_the_size_limit_is_refused_before_or_at_its_end() {
    let mut session = Session::new(settings());
    session.say(&[EHLO]);
    assert_eq!(session.code("MAIL FROM:<> SIZE=1001"), 552);
    assert_eq!(session.code("MAIL FROM:<> SIZE=1000"), 250);
    session.say(&[RCPT, "DATA"]);
    assert_eq!(session.say(&["x".repeat(999).as_str()]), [""; 0]);
    assert_eq!(session.code("."), 552);
    assert_eq!(session.code("NOOP"), 250);
}

#[test]
fn content_buys_time_only_while_it_can_be_kept() {
    let mut session = Session::new(settings());
    session.say(&[EHLO, MAIL, RCPT, "DATA"]);
    let mut restarts_timer = |octets: &[u8]| {
        session.server.handle(Input::Received(octets));
        session.server.poll() == Output::Arm(Timer::Idle)
    };
    assert!(restarts_timer(&[b'x'; 1000]));
    assert!(!restarts_timer(b"x"));
    assert!(!restarts_timer(b"x"));
}

#[test]
fn content_with_a_bare_line_end_is_one_message_refused() {
    let mut session = Session::new(settings());
    session.say(&[EHLO, MAIL, RCPT, "DATA"]);
    let shown = session.hand(Input::Received(b"a\n.\nMAIL FROM:<evil@c.example>\r\n.\r\n"));
    assert_eq!(shown.len(), 1);
    assert!(shown[0].starts_with("554 5.6.0"), "{shown:?}");
}

#[test]
fn a_transaction_says_whether_it_came_over_tls() {
    let mut inside = Session::over_tls(settings());
    inside.say(&[MAIL]);
    assert!(inside.transaction().tls);
    let mut clear = Session::new(settings());
    clear.say(&[EHLO, MAIL]);
    assert!(!clear.transaction().tls);
}
