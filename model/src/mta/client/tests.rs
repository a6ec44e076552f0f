use proptest::prelude::*;

use super::*;
use crate::mta::pair::{Timers, plan, show};

const EHLO: &str = "250-mx.b.example\n250-PIPELINING\n250-SIZE 1000\n250-8BITMIME\n250 STARTTLS";
const PLAIN: &str = "250 mx.b.example";
const GREETING: &str = "220 mx.b.example ESMTP";

/// What a client did in the face of a script.
struct Story {
    /// Sent lines, and what happened besides in angle brackets.
    lines: Vec<String>,
    notes: Vec<Note>,
    timers: Timers,
    client: Client,
}

/// Hands the script to a client, one entry whenever it waits: replies, or `<up>`, `<failed>`, `<closed>`, `<timeout>`.
fn story(plan: Plan, script: &[&str]) -> Story {
    let mut story = Story {
        lines: Vec::new(),
        notes: Vec::new(),
        timers: Timers::default(),
        client: Client::new(plan),
    };
    story.drain();
    story.hand(Input::Opened);
    for entry in script {
        match *entry {
            "<up>" => story.hand(Input::TlsUp),
            "<failed>" => story.hand(Input::TlsFailed),
            "<closed>" => story.hand(Input::Closed),
            "<timeout>" => {
                let [timer] = *story.timers.running() else {
                    panic!("one timer runs: {:?}", story.timers);
                };
                story.hand(Input::Expired(timer));
            }
            reply => {
                let octets = format!("{}\r\n", reply.replace('\n', "\r\n"));
                story.hand(Input::Received(octets.as_bytes()));
            }
        }
    }
    story
}

impl Story {
    fn hand(&mut self, input: Input<'_>) {
        self.client.handle(input);
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            let output = self.client.poll();
            self.timers.follow(&output);
            self.lines.extend(show(&output));
            match output {
                Output::Note(note) => self.notes.push(note),
                Output::Idle => return,
                _ => {}
            }
        }
    }

    fn outcome(&self) -> Outcome {
        let mut outcomes = self.notes.iter().filter_map(|note| match note {
            Note::Ended { outcome, .. } => Some(*outcome),
            _ => None,
        });
        let outcome = outcomes.next().unwrap_or_else(|| panic!("no result: {:?}", self.lines));
        assert_eq!(outcomes.next(), None, "one result");
        outcome
    }

    fn without_tls(&self) -> Vec<WithoutTls> {
        let why = |note: &Note| match note {
            Note::WithoutTls(why) => Some(*why),
            _ => None,
        };
        self.notes.iter().filter_map(why).collect()
    }

    fn sent(&self, verb: &str) -> bool {
        self.lines.iter().any(|line| line.starts_with(verb))
    }

    fn is_closed(&self) -> bool {
        self.timers.running().is_empty() && self.lines.last().is_some_and(|line| line == "<close>")
    }
}

fn with(mutant: Mutant, tls: TlsUse) -> Plan {
    Plan {
        mutant: Some(mutant),
        ..plan(tls)
    }
}

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
fn a_server_that_hangs_up_on_whoever_asks_for_tls_is_charged_with_it() {
    let story = story(plan(TlsUse::IfOffered), &[GREETING, EHLO, "421 go away", "<closed>"]);
    assert_eq!(story.outcome(), Outcome::TlsBroke(WithoutTls::Refused));
    assert_eq!(story.without_tls(), [WithoutTls::Refused]);
}

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
    for trouble in [Input::Closed, Input::Expired(Timer::Connect)] {
        let mut client = Client::new(plan(TlsUse::Required));
        client.handle(trouble);
        let outputs: Vec<Output> = std::iter::from_fn(|| Some(client.poll()))
            .take_while(|output| *output != Output::Idle)
            .collect();
        assert!(matches!(
            outputs.as_slice(),
            [
                Output::Arm(Timer::Connect),
                Output::Note(Note::Ended {
                    outcome: Outcome::ConnectionFailed,
                    ..
                }),
                Output::Disarm(Timer::Connect),
                Output::Close,
            ]
        ));
    }
}

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

/// A session whose message was accepted and that stays open.
fn kept(behind_the_reply: &str) -> Story {
    let plan = Plan {
        keep: true,
        ..plan(TlsUse::Never)
    };
    let accepted = format!("250 taken{behind_the_reply}");
    let script = [GREETING, PLAIN, "250 ok", "250 ok", "354 go", &accepted];
    story(plan, &script)
}

#[test]
fn a_session_that_is_kept_sends_another_message_and_takes_leave() {
    let mut story = kept("");
    assert_eq!(story.outcome(), Outcome::Accepted);
    assert_eq!(story.lines.last().unwrap(), "<keep>");
    assert!(story.timers.running().is_empty());
    let envelope = Envelope {
        from: "<>".parse().unwrap(),
        to: "carol@b.example".parse().unwrap(),
        request: Request::default(),
    };
    story.notes.clear();
    story.client.send_another(envelope, b"Subject: again\r\n".to_vec());
    story.drain();
    assert_eq!(story.lines.last().unwrap(), "MAIL FROM:<>");
    for reply in ["250 ok\r\n", "250 ok\r\n", "354 go\r\n", "250 taken\r\n"] {
        story.hand(Input::Received(reply.as_bytes()));
    }
    assert!(story.sent("RCPT TO:<carol@b.example>") && story.sent("Subject: again"));
    assert_eq!(story.outcome(), Outcome::Accepted);
    story.client.quit();
    story.drain();
    assert_eq!(story.lines.last().unwrap(), "QUIT");
    story.hand(Input::Received(b"221 bye\r\n"));
    assert!(story.is_closed());
}

#[test]
fn a_session_that_ends_while_it_is_kept_has_no_second_result() {
    let mut story = kept("");
    story.hand(Input::Closed);
    assert_eq!(story.outcome(), Outcome::Accepted);
    assert!(story.is_closed());
}

#[test]
fn a_reply_behind_the_last_one_is_never_taken_for_that_to_the_next_message() {
    let story = kept("\n250 smuggled");
    assert_eq!(story.outcome(), Outcome::Accepted);
    assert!(!story.lines.contains(&"<keep>".to_owned()) && story.sent("QUIT"));
}

#[test]
fn only_a_session_that_is_kept_sends_another_message() {
    let mut story = story(plan(TlsUse::Never), &[GREETING]);
    let before = story.client.clone();
    let envelope = plan(TlsUse::Never).envelope;
    story.client.send_another(envelope, Vec::new());
    story.client.quit();
    assert_eq!(story.client, before);
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

#[test]
fn the_mutant_takes_a_refusal_of_starttls_for_one_of_the_message() {
    let mutant = Mutant::TakesStarttlsRefusalForMessageRefusal;
    let refused = story(with(mutant, TlsUse::IfOffered), &[GREETING, EHLO, "554 no"]);
    assert_eq!(refused.outcome(), Outcome::RefusedForGood);
    let deferred = story(with(mutant, TlsUse::IfOffered), &[GREETING, EHLO, "454 no"]);
    assert!(deferred.sent("MAIL"));
}

#[test]
fn the_mutant_takes_silence_for_acceptance() {
    let script = [GREETING, PLAIN, "250 ok", "250 ok", "354 go", "<closed>"];
    let story = story(with(Mutant::TakesSilenceForAcceptance, TlsUse::Never), &script);
    assert_eq!(story.outcome(), Outcome::Accepted);
}

#[test]
fn the_mutant_continues_in_clear_after_the_go_ahead() {
    let mutant = Mutant::ContinuesInClearAfterGoAhead;
    let script = [GREETING, EHLO, "220 go", "<failed>", EHLO, "250 ok"];
    let opportunistic = story(with(mutant, TlsUse::IfOffered), &script);
    assert_eq!(
        opportunistic.lines[3..],
        [
            "<without TLS: HandshakeFailed>",
            "EHLO mx.a.example",
            "MAIL FROM:<alice@a.example> SIZE=24",
            "RCPT TO:<bob@b.example>",
        ]
    );
    let required = story(with(mutant, TlsUse::Required), &script[..4]);
    assert_eq!(required.outcome(), Outcome::TlsUnavailable(WithoutTls::HandshakeFailed));
}

/// Everything that can happen to a client.
fn script() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let reply = prop_oneof![
        8 => prop::sample::select(vec![
            &b"220 go\r\n"[..], b"250 ok\r\n", b"250-a\r\n250 STARTTLS\r\n", b"354 go\r\n", b"450 no\r\n", b"550 no\r\n",
            b"<up>", b"<failed>", b"<closed>", b"<timeout>",
        ]).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..100),
        1 => prop::collection::vec(prop::sample::select(b"25-0 \r\n".to_vec()), 0..100),
    ];
    prop::collection::vec(reply, 0..14)
}

proptest! {
    #[test]
    fn whatever_comes_the_client_tells_one_result_and_closes_once(
        script in script(),
        tls in prop::sample::select(vec![TlsUse::Never, TlsUse::IfOffered, TlsUse::Required, TlsUse::Authenticated]),
    ) {
        let mut story = story(plan(tls), &[]);
        for entry in script {
            match entry.as_slice() {
                b"<up>" => story.hand(Input::TlsUp),
                b"<failed>" => story.hand(Input::TlsFailed),
                b"<closed>" => story.hand(Input::Closed),
                b"<timeout>" => {
                    let timer = story.timers.running().first().copied();
                    story.hand(timer.map_or(Input::Closed, Input::Expired));
                }
                octets => story.hand(Input::Received(octets)),
            }
        }
        let is_secured = story.client.tls;
        story.hand(Input::Closed);
        story.outcome();
        prop_assert!(story.is_closed());
        let closes = story.lines.iter().filter(|line| *line == "<close>").count();
        prop_assert_eq!(closes, 1);
        if tls.is_required() {
            prop_assert!(is_secured || !story.sent("MAIL"));
        }
    }

    #[test]
    fn the_split_of_the_octets_does_not_matter(cuts in prop::collection::vec(1usize..20, 1..20)) {
        let replies = [GREETING, EHLO, "250 ok", "250 ok", "354 go", "250 2.0.0 taken", "221 bye"];
        let mut whole = story(plan(TlsUse::Never), &replies);
        let mut split = story(plan(TlsUse::Never), &[]);
        let mut cuts = cuts.iter().cycle();
        for reply in replies {
            let octets = format!("{}\r\n", reply.replace('\n', "\r\n")).into_bytes();
            let mut rest = octets.as_slice();
            while !rest.is_empty() {
                let (segment, behind) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
                split.hand(Input::Received(segment));
                rest = behind;
            }
        }
        whole.drain();
        prop_assert_eq!(&split.lines, &whole.lines);
        prop_assert_eq!(&split.client, &whole.client);
    }
}
