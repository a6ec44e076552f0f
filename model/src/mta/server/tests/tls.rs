//! STARTTLS, and the session that begins anew behind it.

use super::*;

#[test]
fn starttls_is_offered_only_while_it_can_be_had_and_never_inside_tls() {
    let mut session = Session::new(settings());
    session.server.settings_mut().tls = false;
    assert!(!session.say(&[EHLO]).concat().contains("STARTTLS"));
    session.server.settings_mut().tls = true;
    assert!(session.say(&[EHLO]).concat().contains("STARTTLS"));
    assert_eq!(session.code("STARTTLS now"), 501);
    session.say(&["STARTTLS"]);
    session.hand(Input::TlsUp);
    assert!(!session.say(&[EHLO]).concat().contains("STARTTLS"));
    assert_eq!(session.code("STARTTLS"), 503);
}

#[test]
fn starttls_that_was_offered_and_has_gone_is_454() {
    let mut session = Session::new(settings());
    session.say(&[EHLO]);
    session.server.settings_mut().tls = false;
    assert_eq!(
        session.say(&["STARTTLS"]),
        ["454 4.7.0 TLS not available due to temporary reason"]
    );
    assert_eq!(session.code(MAIL), 250, "the session goes on");
}

#[test]
fn what_is_pipelined_behind_starttls_is_thrown_away() {
    let mut session = Session::new(settings());
    session.say(&[EHLO]);
    let shown = session.say(&["STARTTLS", "EHLO evil.example", MAIL]);
    assert_eq!(shown, ["220 2.0.0 Ready to start TLS", "<Accept>"]);
    assert_eq!(
        session.say(&["EHLO evil.example"]),
        [""; 0],
        "nor what follows before the handshake"
    );

    let mut clean = Session::new(settings());
    clean.say(&[EHLO, "STARTTLS"]);
    session.hand(Input::TlsUp);
    clean.hand(Input::TlsUp);
    assert_eq!(session.server, clean.server);
}

#[test]
fn the_session_begins_anew_inside_tls() {
    let mut session = Session::new(settings());
    session.say(&[EHLO, MAIL, RCPT, "STARTTLS"]);
    session.hand(Input::TlsUp);
    assert_eq!(session.code("DATA"), 503);
    assert_eq!(session.code(MAIL), 503);
    assert_eq!(session.code(EHLO), 250);
    assert_eq!(session.code("DATA"), 503);
    assert_eq!(session.timers.running(), [Timer::Idle]);
}

#[test]
fn a_handshake_that_fails_closes_without_a_word() {
    for trouble in [Input::TlsFailed, Input::Expired(Timer::Handshake), Input::Closed] {
        let mut session = Session::new(settings());
        session.say(&[EHLO, "STARTTLS"]);
        assert_eq!(session.timers.running(), [Timer::Handshake]);
        assert_eq!(session.hand(trouble), ["<close>"]);
        assert_eq!(session.timers.running(), []);
    }
}
