use postern_model::name::ReversePath;
use postern_model::observation::{Status, Verb};
use postern_model::report::ReportAction;
use postern_model::scenario::{Attack, Level, MailboxState, Phase, Security};
use postern_model::trace::{Answer, LogEntry, NotConnected, Question};

use super::*;
use crate::testing::{Tape, mailbox, name, scenario, token};

const OUT: HostId = HostId(0);
const MX1: HostId = HostId(1);
const B: DomainId = DomainId(0);
const MAIL: MessageId = MessageId(0);

fn read(tape: Tape) -> Vec<Observation> {
    let mut world = scenario(Level::May);
    world.host[1].mailboxes.insert("full".to_owned(), MailboxState::Defers);
    let mut reader = Reader::new(Setup::of(&world));
    let trace = tape.trace();
    trace.records.iter().flat_map(|record| reader.read(record)).collect()
}

fn dialled() -> Tape {
    Tape::new().dials("out.a.example", "mx1.b.example")
}

/// What is observed after the connection stands.
fn on_the_wire(tape: Tape) -> Vec<Observation> {
    read(tape).split_off(2)
}

fn replied(phase: Option<Phase>, code: u16) -> Observation {
    Observation::Replied {
        connection: ConnectionId(1),
        phase,
        code,
        offers_starttls: false,
        recipient: None,
    }
}

fn command(phase: Option<Phase>) -> Observation {
    Observation::Command {
        connection: ConnectionId(1),
        phase,
        domain: None,
        tls: false,
    }
}

#[test]
fn the_greeting_answers_the_connection() {
    assert_eq!(
        on_the_wire(dialled().hears(&["220 mx1.b.example ESMTP"])),
        [replied(Some(Phase::Connect), 220)]
    );
}

#[test]
fn a_reply_of_many_lines_is_one_and_says_whether_starttls_is_offered() {
    let greeted = || dialled().hears(&["220 hello"]).says("EHLO out.a.example");
    let offers = |tape| match on_the_wire(tape)[2..] {
        [
            Observation::Replied {
                phase: Some(Phase::Ehlo),
                code: 250,
                offers_starttls,
                ..
            },
        ] => offers_starttls,
        ref other => panic!("not one reply to EHLO: {other:?}"),
    };
    assert!(offers(greeted().hears(&["250-mx1", "250-SIZE 10", "250 starttls"])));
    assert!(offers(greeted().hears(&["250-mx1", "250-STARTTLS", "250 SIZE 10"])));
    assert!(!offers(greeted().hears(&["250-mx1", "250-XXXXXXXX", "250 SIZE 10"])));
    assert!(!offers(greeted().hears(&["250 STARTTLS"])), "the first line is a name");
}

#[test]
fn replies_answer_pipelined_commands_in_order() {
    let tape = dialled()
        .hears(&["220 hello"])
        .says("MAIL FROM:<ann@a.example> SIZE=5")
        .says("RCPT TO:<full@b.example>")
        .says("NOOP")
        .says("DATA")
        .hears(&["250 ok", "452 full", "250 ok", "503 no recipient"]);
    let rcpt = Observation::Replied {
        connection: ConnectionId(1),
        phase: Some(Phase::Rcpt),
        code: 452,
        offers_starttls: false,
        recipient: Some((B, MailboxState::Defers)),
    };
    assert_eq!(
        on_the_wire(tape)[7..],
        [
            replied(Some(Phase::Mail), 250),
            rcpt,
            replied(None, 250),
            replied(Some(Phase::Data), 503)
        ]
    );
}

#[test]
fn a_reply_that_the_client_read_before_its_command_had_arrived_answers_that_command() {
    let tape = dialled()
        .hears(&["220 hello"])
        .hears(&["250 ok"])
        .says("MAIL FROM:<ann@a.example>")
        .says("NOOP")
        .hears(&["500 no"]);
    let seen = on_the_wire(tape);
    let answers: Vec<_> = seen
        .iter()
        .filter(|one| matches!(one, Observation::Replied { .. }))
        .collect();
    assert_eq!(
        answers,
        [
            &replied(Some(Phase::Connect), 220),
            &replied(Some(Phase::Mail), 250),
            &replied(None, 500)
        ]
    );
    let leave = on_the_wire(dialled().hears(&["220 hello"]).hears(&["421 bye"]).says("NOOP"));
    assert!(leave.contains(&replied(None, 421)), "that answers nothing: {leave:?}");
}

#[test]
fn a_reply_of_different_codes_is_none_and_nothing_behind_it_is_one() {
    let connection = ConnectionId(1);
    let tape = dialled()
        .hears(&["220 hello"])
        .says("EHLO out.a.example")
        .hears(&["250-mx1", "220 go"])
        .hears(&["250 DSN"]);
    let seen = on_the_wire(tape);
    assert_eq!(seen.last(), Some(&Observation::Babble { connection }));
    let replies = seen.iter().filter(|one| matches!(one, Observation::Replied { .. }));
    assert_eq!(replies.count(), 1, "{seen:?}");
}

#[test]
fn the_domain_of_a_recipient_is_read_whatever_the_case() {
    let seen = on_the_wire(dialled().says("rcpt to:<Bob@B.Example>"));
    assert!(matches!(
        seen[..],
        [Observation::Command {
            phase: Some(Phase::Rcpt),
            domain: Some(B),
            ..
        }]
    ));
}

#[test]
fn what_is_no_command_has_no_phase() {
    for text in ["", "\\x16\\x03\\x01", "NOOP\\nMAIL FROM:<>"] {
        assert_eq!(on_the_wire(dialled().says(text)), [command(None)]);
    }
}

#[test]
fn what_a_phase_does_not_tell_of_a_command_is_foretold() {
    let connection = ConnectionId(1);
    for (text, verb, phase) in [
        ("HELO out", Verb::Helo, Some(Phase::Ehlo)),
        ("noop", Verb::Noop, None),
        ("STARTTLS now", Verb::StarttlsWithParameter, None),
        ("EHLOx out", Verb::Other, None),
        ("RSET", Verb::Other, None),
    ] {
        let told = [Observation::Verb { connection, verb }, command(phase)];
        assert_eq!(on_the_wire(dialled().says(text)), told, "{text}");
    }
}

#[test]
fn what_comes_behind_data_before_its_answer_is_told() {
    let behind = Observation::BehindData {
        connection: ConnectionId(1),
    };
    let data = || dialled().hears(&["220 hello"]).says("DATA");
    let seen = on_the_wire(data().says("MAIL FROM:<>").hears(&["503 no"]));
    assert_eq!(seen[2..4], [behind, command(Some(Phase::Mail))]);
    let seen = on_the_wire(data().hears(&["503 no"]).says("MAIL FROM:<>"));
    assert!(!seen.contains(&behind));
}

#[test]
fn octets_in_clear_among_the_records_of_the_server_are_babble() {
    let connection = trace::ConnectionId(1);
    let interfered = |attack| {
        on_the_wire(dialled().event(Event::Interfered {
            connection,
            attack,
            what: "what it did".to_owned(),
        }))
    };
    let babble = Observation::Babble {
        connection: ConnectionId(1),
    };
    assert_eq!(interfered(Attack::InjectTowardClient(900)), [babble]);
    assert_eq!(interfered(Attack::InjectTowardServer(900)), []);
}

#[test]
fn what_is_no_reply_is_babble() {
    for text in ["", "25", "2x0 ok", "250_ok", "€uro"] {
        let connection = ConnectionId(1);
        assert_eq!(
            on_the_wire(dialled().hears(&[text])),
            [Observation::Babble { connection }]
        );
    }
}

#[test]
fn a_recipient_that_cannot_be_read_has_no_domain() {
    for text in [
        "RCPT",
        "RCPT TO",
        "RCPT TO:<>",
        "RCPT TO:<bob>",
        "RCPT TO:bob@b.example",
    ] {
        assert_eq!(on_the_wire(dialled().says(text)), [command(Some(Phase::Rcpt))]);
    }
}

#[test]
fn what_was_said_before_the_handshake_is_void_after_it() {
    let tape = dialled()
        .hears(&["220 hello"])
        .says("STARTTLS")
        .hears(&["220 go ahead"])
        .says("MAIL FROM:<>")
        .secured(&["mx1.b.example", "elsewhere.example"])
        .says("EHLO out.a.example")
        .hears(&["250 mx1.b.example"]);
    let own_name = Setup::of(&scenario(Level::May)).own_name(MX1).expect("a name");
    assert_eq!(
        on_the_wire(tape)[5..],
        [
            Observation::Secured {
                connection: ConnectionId(1),
                proves: DomainSet::default().with(own_name),
            },
            Observation::Command {
                connection: ConnectionId(1),
                phase: Some(Phase::Ehlo),
                domain: None,
                tls: true,
            },
            replied(Some(Phase::Ehlo), 250),
        ]
    );
}

#[test]
fn content_is_known_by_its_token_and_its_reply_is_that_to_the_end_of_data() {
    let tape = Tape::new()
        .queued("out.a.example")
        .dials("out.a.example", "mx1.b.example")
        .hears(&["220 hello"])
        .content()
        .hears(&["250 taken"]);
    let seen = read(tape);
    let [Observation::Digest { message: MAIL, .. }] = seen[5..6] else {
        panic!("no digest behind the content: {seen:?}");
    };
    assert_eq!(
        [&seen[4..5], &seen[6..]].concat(),
        [
            Observation::Content {
                connection: ConnectionId(1),
                message: MAIL,
                next_hop: B,
                tls: false,
            },
            replied(Some(Phase::EndOfData), 250),
        ]
    );
}

#[test]
fn mail_says_whether_its_reverse_path_is_null() {
    for (text, is_null) in [
        ("MAIL FROM:<>", true),
        ("mail from: <> SIZE=5", true),
        ("MAIL FROM:<ann@a.example>", false),
    ] {
        let said = Observation::MailFrom {
            connection: ConnectionId(1),
            is_null,
        };
        assert_eq!(on_the_wire(dialled().says(text)), [command(Some(Phase::Mail)), said]);
    }
}

#[test]
fn a_log_says_why_mail_waits_and_how_it_was_sent() {
    let logged = |entry| read(Tape::new().queued("out.a.example").logged("out.a.example", entry)).split_off(1);
    let why = "4.7.4 TLS is required".to_owned();
    let message = token("m1");
    let status = Status {
        class: 4,
        subject: 7,
        detail: 4,
    };
    assert_eq!(
        logged(LogEntry::Deferred { message, why }),
        [
            Observation::Status {
                host: OUT,
                message: MAIL,
                status
            },
            Observation::Deferred {
                host: OUT,
                message: MAIL
            },
        ]
    );
    let sent = LogEntry::Sent {
        message: token("m1"),
        to: name("mx1.b.example"),
        security: Security::Encrypted,
    };
    let claim = Observation::Claim {
        host: OUT,
        message: MAIL,
        security: Security::Encrypted,
    };
    assert_eq!(logged(sent)[0], claim);
    for text in ["", "4.7", "4.7.4.1 x", "3.7.4 x", "no code"] {
        assert_eq!(lines::status(text), None, "{text}");
    }
}

#[test]
fn only_the_header_of_the_message_itself_names_it() {
    let content = "Subject: failure\nmessage-id: <m2@mx1.b.example>\n\nMessage-ID: <m1@out.a.example>\n";
    assert_eq!(token_of(content), Some(token("m2")));
    assert_eq!(token_of("Subject: none\n\nMessage-ID: <m1@out.a.example>\n"), None);
    assert_eq!(token_of("Message-ID: m1\n\n"), None);
}

#[test]
fn replies_that_never_arrived_are_lost() {
    let tape = dialled()
        .hears(&["220 hello"])
        .says("EHLO out.a.example")
        .says("QUIT")
        .closed(&["250-mx1", "250 STARTTLS", "221 bye"]);
    let lost = |phase, code| Observation::Lost {
        connection: ConnectionId(1),
        phase: Some(phase),
        code,
    };
    assert_eq!(
        on_the_wire(tape)[3..],
        [
            lost(Phase::Ehlo, 250),
            lost(Phase::Quit, 221),
            Observation::Closed {
                connection: ConnectionId(1)
            }
        ]
    );
}

#[test]
fn a_connection_that_was_not_made_is_closed() {
    let tape = dialled();
    let connection = tape.connection();
    let tape = tape.event(Event::NotConnected {
        connection,
        why: NotConnected::TimedOut,
    });
    let closed = Observation::Closed {
        connection: ConnectionId(1),
    };
    assert_eq!(on_the_wire(tape), [closed]);
}

#[test]
fn the_attacker_dials_in_the_clients_name() {
    let tape = Tape::new()
        .dials_into_attacker("out.a.example", "mx1.b.example")
        .attacker_dials("attacker.example", "mx1.b.example");
    let [first, second] = [1, 2].map(ConnectionId);
    assert_eq!(
        read(tape),
        [
            Observation::Dialled {
                connection: first,
                from: OUT,
                to: MX1,
                address: 0,
            },
            Observation::Connected {
                connection: first,
                acceptor: Acceptor::Attacker
            },
            Observation::Relayed {
                connection: second,
                from: OUT,
                to: MX1
            },
            Observation::Connected {
                connection: second,
                acceptor: Acceptor::Host
            },
        ]
    );
}

fn mx(exchangers: &[(u16, &str)]) -> Event {
    Event::Set(Setting::Mx {
        null_mx: false,
        domain: name("b.example"),
        exchangers: exchangers
            .iter()
            .map(|(preference, host)| (*preference, name(host)))
            .collect(),
    })
}

#[test]
fn listing_follows_the_mx_records() {
    let listed = |host, listed| Observation::Listed {
        host,
        domain: B,
        listed,
    };
    let start = mx(&[(10, "mx1.b.example"), (20, "mx2.b.example")]);
    assert_eq!(read(Tape::new().event(start)), [], "nothing new");
    assert_eq!(
        read(Tape::new().event(mx(&[(10, "mx1.b.example")]))),
        [listed(HostId(2), false)]
    );
    assert_eq!(
        read(Tape::new().event(mx(&[])).event(mx(&[(5, "out.a.example")]))),
        [listed(MX1, false), listed(HostId(2), false), listed(OUT, true)]
    );
}

#[test]
fn attacks_are_counted() {
    let attack = |active| Event::Adversary {
        victim: name("mx1.b.example"),
        attack: Attack::Refuse,
        active,
    };
    let attacks = |attacks| Observation::Attacked { host: MX1, attacks };
    assert_eq!(
        read(Tape::new().event(attack(true)).event(attack(true)).event(attack(false))),
        [attacks(1), attacks(2), attacks(1)]
    );
}

#[test]
fn a_notification_names_what_it_is_about() {
    let tape = Tape::new().queued("out.a.example").event(Event::Queued {
        host: name("out.a.example"),
        message: token("m1.failed"),
        from: ReversePath::Null,
        to: mailbox("full@b.example"),
        about: Some(About {
            message: token("m1"),
            action: ReportAction::Failed,
        }),
    });
    assert_eq!(
        read(tape)[1],
        Observation::Queued {
            host: OUT,
            message: MessageId(1),
            next_hop: B,
            domain: B,
            mailbox: MailboxState::Defers,
            null_reverse_path: true,
            about: Some(About {
                message: MAIL,
                action: ReportAction::Failed,
            }),
        }
    );
}

#[test]
fn a_name_that_does_not_exist_and_an_address_that_does_not_are_definitive() {
    let answered = |question, answer| {
        let mut seen = read(Tape::new().event(Event::Answered {
            host: name("out.a.example"),
            question,
            answer,
        }));
        seen.retain(|observation| matches!(observation, Observation::NoSuchDomain { .. }));
        seen
    };
    let b = || name("b.example");
    let definitive = [Observation::NoSuchDomain { host: OUT, domain: B }];
    assert_eq!(answered(Question::Mx(b()), Answer::NoName), definitive);
    assert_eq!(answered(Question::Address(b()), Answer::NoData), definitive);
    assert_eq!(
        answered(Question::Mx(b()), Answer::NullMx { beside: Vec::new() }),
        definitive
    );
    let beside = vec![(10, name("mx1.b.example"))];
    assert_eq!(answered(Question::Mx(b()), Answer::NullMx { beside }), []);
    assert_eq!(answered(Question::Mx(b()), Answer::NoData), []);
    assert_eq!(answered(Question::Mx(b()), Answer::Failed), []);
    assert_eq!(answered(Question::Address(b()), Answer::Failed), []);
}

#[test]
fn what_the_scenario_does_not_know_shows_nothing() {
    let stranger = Tape::new()
        .queued("stranger.example")
        .delivered("stranger.example")
        .dials("out.a.example", "stranger.example")
        .hears(&["220 hello"])
        .content()
        .closed(&["250 ok"]);
    assert_eq!(read(stranger), []);
}

#[test]
fn a_stranger_shows_what_the_server_does() {
    let connection = ConnectionId(1);
    let tape = Tape::new()
        .dials("stranger.example", "mx1.b.example")
        .content()
        .delivered("mx1.b.example");
    let seen = read(tape);
    let relayed = Observation::Relayed {
        connection,
        from: MX1,
        to: MX1,
    };
    assert_eq!(seen[0], relayed);
    let mail = [
        Observation::StrangeContent { connection },
        Observation::StrangeDelivery { host: MX1 },
    ];
    assert_eq!(seen[2..], mail);
}

#[test]
fn content_that_arrives_behind_the_end_of_its_connection_is_told_apart() {
    let content = |tape: Tape| read(tape.closed(&[]).content()).pop();
    let late = |client| {
        Some(Observation::LateContent {
            client,
            server: MX1,
            connection: ConnectionId(1),
            message: None,
        })
    };
    let tape = Tape::new();
    assert_eq!(content(tape.dials("out.a.example", "mx1.b.example")), late(Some(OUT)));
    let tape = Tape::new();
    assert_eq!(content(tape.dials("stranger.example", "mx1.b.example")), late(None));
}

#[test]
fn an_address_is_known_by_its_place_in_the_answer() {
    let address = |last: u8| IpAddr::from([203, 0, 113, last]);
    let told = |name_of: &str| Event::Answered {
        host: name("out.a.example"),
        question: Question::Address(name(name_of)),
        answer: Answer::Addresses(vec![address(9), address(2)]),
    };
    let dial = |connection, last| Event::Dialled {
        connection: trace::ConnectionId(connection),
        from: name("out.a.example"),
        to: name("mx1.b.example"),
        address: address(last),
        relays: None,
    };
    let story = |told| Tape::new().event(told).event(dial(1, 9)).event(dial(2, 2));
    let places = |told| {
        let seen = read(story(told)).into_iter();
        let places = seen.filter_map(|observation| match observation {
            Observation::Dialled { address, .. } => Some(address),
            _ => None,
        });
        places.collect::<Vec<u8>>()
    };
    assert_eq!(places(told("mx1.b.example")), [0, 1]);
    assert_eq!(places(told("mx2.b.example")), [0, 0], "nothing was told of this host");
}
