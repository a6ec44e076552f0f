//! Boundary non-interference (P28) at every cut point: what somebody says in clear before TLS, wherever it is cut into
//! segments, never shows inside TLS (C-INJ-1 to C-INJ-4, C-NET-5).
//!
//! Where TLS does not come about there is nothing to compare, and P28 is not exercised. That is so where octets in clear
//! reach somebody who shakes hands already: it finds that they are no record, and gives the session up. The mail waits, and
//! no judge of single runs may accuse anybody, at whatever cut.

use std::time::Duration;

use mailpostern::campaign::{Relations, examine};
use mailpostern::rules::Property;
use postern_model::monitor::Verdict;
use postern_model::mutant::Mutant;
use postern_model::scenario::{Action, Attack, Scenario, Step, When};
use postern_sim::{Client, Crypto, Options, Server};

const WORLD: &str = r#"
title = "Somebody cuts what is said before TLS"

[[domain]]
name = "a.example"
mx = [{ host = "in.a.example" }]

[[domain]]
name = "b.example"
mx = [{ host = "mx1.b.example" }]

[[host]]
name = "out.a.example"
policy = { "b.example" = "encrypt" }

[[host]]
name = "in.a.example"
exchanger-for = ["a.example"]

[[host]]
name = "mx1.b.example"
exchanger-for = ["b.example"]

[[message]]
name = "m1"
at = "0s"
host = "out.a.example"
from = "alice@a.example"
to = "bob@b.example"
"#;

/// So long is the client's STARTTLS, and so long what the attacker sends behind it.
const STARTTLS: (u16, u16) = (10, 6 + 38);

/// So long is the server's go-ahead, and so long what the attacker sends behind it.
const GO_AHEAD: (u16, u16) = (30, 22 + 22);

/// What P28 found, unless somebody was accused of anything.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    Holds,
    NotExercised,
    Violated(Vec<String>),
}

#[test]
fn commands_behind_starttls_never_show_inside_tls_wherever_they_are_cut() {
    let mutant = Mutant::RunsCommandsBehindStarttls;
    assert_at_every_cut(STARTTLS, Attack::InjectCommands, mutant, "P28, R3207-4-h");
}

#[test]
fn replies_behind_the_go_ahead_never_show_inside_tls_wherever_they_are_cut() {
    let mutant = Mutant::ReadsRepliesBehindGoAhead;
    assert_at_every_cut(GO_AHEAD, Attack::InjectReplies, mutant, "P28, R3207-6-e");
}

#[test]
fn a_command_among_the_records_of_the_client_breaks_the_session_off_and_no_more() {
    assert_among_the_records(0..720, Attack::InjectTowardServer);
}

#[test]
fn a_reply_among_the_records_of_the_server_breaks_the_session_off_and_no_more() {
    assert_among_the_records(0..1020, Attack::InjectTowardClient);
}

#[test]
fn a_hello_that_was_tampered_with_begins_no_tls_whichever_octet_it_was() {
    for octet in 0..64 {
        assert_eq!(
            found(&[Attack::TamperHello(octet)], None),
            Found::NotExercised,
            "{octet}"
        );
    }
}

#[test]
fn what_comes_before_starttls_never_shows_inside_tls_in_segments_of_whatever_length() {
    for length in 1..=8 {
        for (attack, mutant, conviction) in [
            (
                Attack::InjectTransaction,
                Mutant::KeepsTransactionAfterTls,
                "P28, R3207-4.2-a",
            ),
            (
                Attack::StripExtensions,
                Mutant::KeepsExtensionsAfterTls,
                "P28, R3207-4.2-b",
            ),
        ] {
            let attacks = [Attack::Segments(length), attack];
            assert_eq!(found(&attacks, None), Found::Holds, "{attack} in {length}");
            assert_convicts(&attacks, mutant, conviction);
        }
        // Behind the first segment the handshake has begun.
        for attack in [Attack::InjectCommands(0), Attack::InjectReplies(0)] {
            let attacks = [Attack::Segments(length), attack];
            assert_eq!(found(&attacks, None), Found::NotExercised, "{attack} in {length}");
        }
    }
}

/// Cuts before the first octet that is injected leave it in one segment with the line before, as does no cut at all. At any
/// other, the rest comes when the handshake has begun.
fn assert_at_every_cut((line, injected): (u16, u16), attack: fn(u16) -> Attack, mutant: Mutant, conviction: &str) {
    for cut in 0..=line + injected {
        let attacks = [attack(cut)];
        if (line..line + injected).contains(&cut) {
            assert_eq!(found(&attacks, None), Found::NotExercised, "{cut}");
        } else {
            assert_eq!(found(&attacks, None), Found::Holds, "{cut}");
            assert_convicts(&attacks, mutant, conviction);
        }
    }
}

/// At first the handshake breaks, then the session that it began, and in the end it is over before so many octets came by.
fn assert_among_the_records(places: std::ops::Range<u32>, attack: fn(u32) -> Attack) {
    let found: Vec<Found> = places.map(|place| found(&[attack(place)], None)).collect();
    let held = found.iter().filter(|found| **found == Found::Holds).count();
    let mut turns = found;
    turns.dedup();
    assert_eq!(turns, [Found::NotExercised, Found::Holds, Found::NotExercised]);
    assert!(held > 300, "in {held} places");
}

fn assert_convicts(attacks: &[Attack], mutant: Mutant, conviction: &str) {
    match found(attacks, Some(mutant)) {
        Found::Violated(by) if by.iter().any(|violation| violation.starts_with(conviction)) => {}
        other => panic!("{mutant} in {attacks:?}: {other:?}"),
    }
}

fn found(attacks: &[Attack], mutant: Option<Mutant>) -> Found {
    let mut world: Scenario = Scenario::parse("a world", WORLD).expect("a scenario");
    world.step = attacks
        .iter()
        .map(|&attack| Step {
            when: When::At(Duration::ZERO),
            host: "mx1.b.example".parse().expect("a name"),
            action: Action::Attack {
                attack,
                lasting: Some(Duration::from_secs(60)),
            },
        })
        .collect();
    let options = Options {
        crypto: Crypto::Fast,
        client: Client::Postern,
        server: Server::Postern,
        mutant,
    };
    let examined = examine(&world, options, Relations::Of(Property::P28)).expect("it runs");
    let violations = examined.judgement.violations();
    let violations: Vec<_> = violations
        .map(|(property, _, found)| format!("{property}, {}: {}", found.rule, found.why))
        .collect();
    if !violations.is_empty() {
        return Found::Violated(violations);
    }
    match examined.judgement.verdict(Property::P28) {
        Some(Verdict::Holds) => Found::Holds,
        _ => Found::NotExercised,
    }
}
