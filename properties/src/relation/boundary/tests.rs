use std::time::Duration;

use postern_model::scenario::{Alteration, Edit, Level, Step, Toward, When};
use postern_model::trace::Presented;

use super::*;
use crate::judge::judge;
use crate::testing::{name, scenario};

/// A world in which somebody does this from the start.
fn attacked(attack: Attack) -> Scenario {
    let mut world = scenario(Level::May);
    world.step.push(Step {
        when: When::At(Duration::ZERO),
        host: name("mx1.b.example"),
        action: Action::Attack { attack, lasting: None },
    });
    world
}

/// A session in which this is said inside TLS, by turns, the client first.
fn session(attack: Attack, inside: &[&str]) -> Trace {
    let connection = ConnectionId(1);
    let mut trace = Trace::default();
    let mut happens = |event| trace.push(Duration::ZERO, event);
    happens(Event::Dialled {
        connection,
        from: name("out.a.example"),
        to: name("mx1.b.example"),
        address: "203.0.113.2".parse().expect("an address"),
        relays: None,
    });
    happens(Event::Interfered {
        connection,
        attack,
        what: "what it did".to_owned(),
    });
    if !inside.is_empty() {
        let certificate = Presented {
            names: Vec::new(),
            trusted: false,
            current: true,
        };
        happens(Event::Secured {
            connection,
            certificate,
        });
    }
    for (place, text) in inside.iter().enumerate() {
        happens(Event::Line {
            connection,
            from: if place % 2 == 0 { End::Dialler } else { End::Acceptor },
            channel: Channel::Tls,
            text: (*text).to_owned(),
        });
    }
    trace
}

/// What the relation says of a session with the attack, and the same session with somebody who watches.
fn judged(attack: Attack, with: &[&str], without: &[&str]) -> Option<Verdict> {
    judged_between(attack, &session(attack, with), &session(Attack::Watch, without))
}

fn judged_between(attack: Attack, first: &Trace, second: &Trace) -> Option<Verdict> {
    let world = attacked(attack);
    let (a, b) = (judge(&world, first), judge(&world, second));
    let side = |trace, judgement| Side {
        scenario: &world,
        trace,
        judgement,
    };
    let comparison = compare(side(first, &a))?;
    let steps = &comparison.second().step;
    assert!(matches!(
        steps[0].action,
        Action::Attack {
            attack: Attack::Watch,
            ..
        }
    ));
    Some(comparison.judge(side(first, &a), side(second, &b)))
}

const AS_EVER: &[&str] = &[
    "EHLO out.a.example",
    "250 mx1.b.example",
    "MAIL FROM:<>",
    "250 2.1.0 Ok",
];

#[test]
fn what_shows_nothing_inside_tls_holds() {
    for attack in [
        Attack::InjectCommands(12),
        Attack::InjectTransaction,
        Attack::InjectReplies(0),
    ] {
        assert_eq!(judged(attack, AS_EVER, AS_EVER), Some(Verdict::Holds), "{attack}");
    }
}

#[test]
fn what_shows_inside_tls_breaks_the_rule_that_was_to_keep_it_out() {
    let other = &["EHLO out.a.example", "250 2.0.0 Ok"];
    for (attack, rule) in [
        (Attack::InjectCommands(0), "R3207-4-h"),
        (Attack::InjectTransaction, "R3207-4.2-a"),
        (Attack::StripExtensions, "R3207-4.2-b"),
        (Attack::AddExtensions, "R3207-4.2-b"),
        (Attack::InjectReplies(0), "R3207-6-e"),
    ] {
        let verdict = judged(attack, other, AS_EVER);
        let Some(Verdict::Violated { at, violation }) = verdict else {
            panic!("{attack}: {verdict:?}");
        };
        assert_eq!((at, violation.rule), (4, rule));
    }
}

#[test]
fn where_a_line_was_edited_the_rule_is_that_of_who_says_something_more_or_something_else() {
    let edit = Attack::Edit(Edit {
        toward: Toward::Server,
        line: 2,
        alteration: Alteration::Drop,
    });
    let [ehlo, greeting, mail, ok] = [AS_EVER[0], AS_EVER[1], AS_EVER[2], AS_EVER[3]];
    // Who speaks goes by turns here, the client first.
    for (with, rule) in [
        (&[ehlo, "503 5.5.1 Bad sequence", mail, ok][..], "R3207-4.2-a"),
        (&[ehlo, greeting, "MAIL FROM:<> SIZE=9", ok], "R3207-4.2-b"),
    ] {
        assert_eq!(rule_of(judged(edit, with, AS_EVER)), Some(rule));
    }
    let more = |from, text: &str| {
        let mut trace = session(edit, AS_EVER);
        let place = trace.records.len() - 3;
        let mut record = trace.records[place].clone();
        record.event = Event::Line {
            connection: ConnectionId(1),
            from,
            channel: Channel::Tls,
            text: text.to_owned(),
        };
        trace.records.insert(place, record);
        rule_of(judged_between(edit, &trace, &session(Attack::Watch, AS_EVER)))
    };
    assert_eq!(more(End::Acceptor, "250 2.1.0 Ok"), Some("R3207-4-h"));
    assert_eq!(more(End::Dialler, mail), Some("R3207-6-e"));
}

fn rule_of(verdict: Option<Verdict>) -> Option<&'static str> {
    match verdict? {
        Verdict::Violated { violation, .. } => Some(violation.rule),
        Verdict::Holds | Verdict::NotExercised => None,
    }
}

#[test]
fn a_session_that_ends_sooner_differs() {
    let verdict = judged(Attack::InjectReplies(0), &AS_EVER[..3], AS_EVER);
    assert!(matches!(verdict, Some(Verdict::Violated { at: 5, .. })), "{verdict:?}");
}

#[test]
fn octets_among_the_records_may_break_the_session_off_and_no_more() {
    let attack = Attack::InjectTowardClient(900);
    assert_eq!(judged(attack, &AS_EVER[..2], AS_EVER), Some(Verdict::Holds));
    let verdict = judged(attack, &["EHLO out.a.example", "250 2.0.0 Ok"], AS_EVER);
    assert!(matches!(verdict, Some(Verdict::Violated { at: 4, .. })), "{verdict:?}");
}

#[test]
fn a_server_that_waits_for_the_rest_of_a_record_takes_leave_and_says_nothing_else() {
    let attack = Attack::InjectTowardServer(320);
    let ends_with = |last| judged(attack, &["EHLO out.a.example", last], AS_EVER);
    assert_eq!(ends_with("421 4.4.2 Timeout"), Some(Verdict::Holds));
    let verdict = ends_with("250 2.0.0 Ok");
    assert!(matches!(verdict, Some(Verdict::Violated { at: 4, .. })), "{verdict:?}");
}

#[test]
fn without_tls_there_is_nothing_to_compare() {
    assert_eq!(judged(Attack::InjectCommands(0), &[], AS_EVER), None);
    assert_eq!(judged(Attack::StripStarttls, AS_EVER, AS_EVER), None);
    assert_eq!(
        judged(Attack::InjectCommands(0), AS_EVER, &[]),
        Some(Verdict::NotExercised)
    );
}
