use proptest::prelude::*;

use super::*;
use crate::mta::pair::{Timers, settings, show};
use crate::scenario::MailboxState;

const EHLO: &str = "EHLO mx.a.example";
const MAIL: &str = "MAIL FROM:<alice@a.example>";
const RCPT: &str = "RCPT TO:<bob@b.example>";

/// A server whose connection stands, and what it asked since.
struct Session {
    server: Server,
    timers: Timers,
}

impl Session {
    fn new(settings: ServerSettings) -> Self {
        let mut session = Self {
            server: Server::new(settings),
            timers: Timers::default(),
        };
        assert_eq!(session.hand(Input::Opened), ["220 mx.b.example ESMTP Postern"]);
        session
    }

    /// A session over TLS, EHLO said.
    fn over_tls(settings: ServerSettings) -> Self {
        let mut session = Self::new(settings);
        session.say(&[EHLO, "STARTTLS"]);
        session.hand(Input::TlsUp);
        session.say(&[EHLO]);
        session
    }

    fn hand(&mut self, input: Input<'_>) -> Vec<String> {
        self.server.handle(input);
        let mut shown = Vec::new();
        loop {
            let output = self.server.poll();
            self.timers.follow(&output);
            shown.extend(show(&output));
            if output == Output::Idle {
                return shown;
            }
        }
    }

    /// What comes of these lines, sent in one piece.
    fn say(&mut self, lines: &[&str]) -> Vec<String> {
        let text: String = lines.iter().flat_map(|line| [*line, "\r\n"]).collect();
        self.hand(Input::Received(text.as_bytes()))
    }

    /// The code of the one reply to this line.
    fn code(&mut self, line: &str) -> u16 {
        let shown = self.say(&[line]);
        let last = shown.last().unwrap_or_else(|| panic!("“{line}” has no answer"));
        last[..3]
            .parse()
            .unwrap_or_else(|_| panic!("“{line}” is answered by {last}"))
    }
}

fn demanding() -> ServerSettings {
    let mut settings = settings();
    settings.demands_tls = true;
    settings
}

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

#[test]
fn a_transaction_over_tls_says_so() {
    let mut session = Session::over_tls(settings());
    session.say(&[MAIL, RCPT, "DATA"]);
    session.server.handle(Input::Received(b"hello\r\n.\r\n"));
    let stored = std::iter::from_fn(|| Some(session.server.poll())).find_map(|output| match output {
        Output::Store(transaction) => Some(transaction),
        _ => None,
    });
    assert!(stored.is_some_and(|transaction| transaction.tls));
}

/// Lines that a session is made of, and some that it is not.
fn dialogue() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "EHLO mx.a.example\r\n",
        "HELO mx.a.example\r\n",
        "STARTTLS\r\n",
        "MAIL FROM:<alice@a.example> SIZE=10\r\n",
        "RCPT TO:<bob@b.example>\r\n",
        "RCPT TO:<bob@c.example>\r\n",
        "DATA\r\n",
        ".\r\n",
        "..\r\n",
        "hello\r\n",
        "RSET\r\n",
        "QUIT\r\n",
        "NOOP\n",
        "\r",
    ]);
    prop::collection::vec(line, 0..24).prop_map(|lines| lines.concat())
}

/// All that comes of these segments, with a driver that answers at once.
fn outputs(settings: ServerSettings, segments: &[&[u8]]) -> (Vec<Output>, Server) {
    let mut server = Server::new(settings);
    let mut outputs = Vec::new();
    server.handle(Input::Opened);
    for segment in [&[&b""[..]], segments].concat() {
        server.handle(Input::Received(segment));
        loop {
            let output = server.poll();
            match &output {
                Output::Idle => break,
                Output::Arm(_) => continue,
                Output::Ask(_) => server.handle(Input::Answered(Listing::Unlisted)),
                Output::Store(_) => server.handle(Input::Stored),
                _ => {}
            }
            outputs.push(output);
        }
        assert!(server.lines.len() <= PIPELINE_LIMIT);
        assert!(
            server
                .envelope
                .iter()
                .all(|envelope| envelope.to.len() <= RECIPIENTS_LIMIT)
        );
    }
    (outputs, server)
}

proptest! {
    #[test]
    fn the_split_of_the_octets_does_not_matter(
        text in dialogue(),
        cuts in prop::collection::vec(0usize..400, 0..6),
        demands_tls: bool,
    ) {
        let mut settings = settings();
        settings.demands_tls = demands_tls;
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.sort_unstable();
        let ends = cuts.iter().copied().chain([text.len()]);
        let segments: Vec<&[u8]> = std::iter::once(0).chain(cuts.iter().copied()).zip(ends)
            .map(|(start, end)| &text.as_bytes()[start..end])
            .collect();
        let whole = outputs(settings.clone(), &[text.as_bytes()]);
        // What came behind a refused DATA before its answer is the one thing for which time matters (C-SMUG-3).
        prop_assume!(!whole.0.iter().any(|output| matches!(output, Output::Note(Note::Misbehaved(_)))));
        prop_assert_eq!(outputs(settings, &segments), whole);
    }

    #[test]
    fn arbitrary_octets_never_panic(segments in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..8)) {
        let segments: Vec<&[u8]> = segments.iter().map(Vec::as_slice).collect();
        let (outputs, _) = outputs(settings(), &segments);
        let closes = outputs.iter().filter(|output| **output == Output::Close).count();
        prop_assert!(closes <= 1);
    }
}
