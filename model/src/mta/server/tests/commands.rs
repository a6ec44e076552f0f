//! Commands, in and out of sequence, and the bounds on them.

use super::*;

#[test]
fn ehlo_lists_extensions_and_helo_none() {
    let mut session = Session::new(settings());
    let listed = session.say(&[EHLO]).concat();
    for keyword in ["PIPELINING", "SIZE 1000", "STARTTLS", "ENHANCEDSTATUSCODES", "8BITMIME"] {
        assert!(listed.contains(keyword), "{listed}");
    }
    assert_eq!(session.say(&["HELO mx.a.example"]), ["250 mx.b.example"]);
}

#[test]
fn commands_out_of_sequence_are_503() {
    let mut session = Session::new(settings());
    for line in [MAIL, RCPT, "DATA", "STARTTLS"] {
        assert_eq!(session.code(line), 503, "{line}");
    }
    session.say(&[EHLO]);
    for line in [RCPT, "DATA"] {
        assert_eq!(session.code(line), 503, "{line}");
    }
    session.say(&[MAIL]);
    assert_eq!(session.code(MAIL), 503);
    assert_eq!(session.code("DATA"), 554, "no valid recipients");
    for (line, code) in [("NOOP", 250), ("VRFY bob", 252), ("RSET", 250), (RCPT, 503)] {
        assert_eq!(session.code(line), code, "{line}");
    }
}

#[test]
fn parameters_go_with_ehlo_only() {
    let mut session = Session::new(settings());
    session.say(&["HELO mx.a.example"]);
    assert_eq!(session.code("MAIL FROM:<> SIZE=1"), 555);
    assert_eq!(session.code("MAIL FROM:<>"), 250);
}

#[test]
fn too_many_senseless_commands_close_the_session_and_refusals_do_not() {
    let mut session = Session::new(settings());
    session.say(&[EHLO, MAIL]);
    for _ in 0..100 {
        assert_eq!(session.code("RCPT TO:<x@c.example>"), 550);
    }
    for _ in 1..ERRORS_LIMIT {
        assert_eq!(session.code("XYZZY"), 500);
    }
    let shown = session.say(&["XYZZY", "NOOP"]);
    assert!(shown[0].starts_with("<misbehaved: 10 commands"), "{shown:?}");
    assert!(shown[1].starts_with("421 4.7.0"), "{shown:?}");
    assert_eq!(shown[2..], ["<close>"]);
    assert_eq!(session.say(&["NOOP"]), [""; 0]);
}

#[test]
fn an_idle_client_is_told_421() {
    for lines in [&[EHLO][..], &[EHLO, MAIL, RCPT, "DATA", "some content"]] {
        let mut session = Session::new(settings());
        session.say(lines);
        assert_eq!(session.timers.running(), [Timer::Idle]);
        let shown = session.hand(Input::Expired(Timer::Idle));
        assert!(shown[0].starts_with("421 4.4.2"), "{shown:?}");
        assert_eq!(shown[1..], ["<close>"]);
        assert_eq!(session.timers.running(), []);
    }
}

#[test]
fn a_bad_line_is_one_error_however_long_it_is() {
    let mut session = Session::new(settings());
    let shown = session.say(&[&"x".repeat(5000), "NOOP\nMAIL FROM:<>", "QUIT"]);
    let codes: Vec<&str> = shown.iter().map(|line| &line[..3]).collect();
    assert_eq!(codes, ["500", "500", "221", "<cl"]);
}

#[test]
fn a_flood_of_pipelined_commands_closes_the_session() {
    let mut session = Session::new(demanding());
    session.say(&[EHLO, MAIL, RCPT]);
    let flood = "NOOP\r\n".repeat(PIPELINE_LIMIT / 6);
    assert_eq!(session.hand(Input::Received(flood.as_bytes())), [""; 0]);
    let shown = session.say(&["NOOP"]);
    assert!(shown[1].starts_with("421 4.7.0"), "{shown:?}");
    assert_eq!(session.hand(Input::Answered(Listing::Listed)), [""; 0]);
}

#[test]
fn sixty_four_kilobytes_of_pipelined_commands_wait_and_one_octet_more_does_not() {
    let mut session = Session::new(demanding());
    session.say(&[EHLO, MAIL, RCPT]);
    let waiting = "NOOP\r\n".repeat(10_922) + "NOOP";
    assert_eq!(waiting.len(), 64 * 1024);
    assert_eq!(session.hand(Input::Received(waiting.as_bytes())), [""; 0]);
    assert!(session.hand(Input::Received(b"\r"))[1].starts_with("421 4.7.0"));
}
