use postern_model::report::{About, ReportAction};
use postern_model::scenario::{Level, Message};

use super::*;
use crate::testing::{Tape, mailbox, name, scenario, token};

const HOUR: Duration = Duration::from_secs(3600);

fn world() -> Scenario {
    let mut world = scenario(Level::May);
    world.message.push(Message {
        name: token("m1"),
        at: Duration::ZERO,
        host: name("out.a.example"),
        from: "ann@a.example".parse().expect("a reverse path"),
        to: mailbox("bob@b.example"),
        notify: None,
        envelope_id: None,
        returns: None,
    });
    world
}

fn fate(tape: Tape) -> MessageFate {
    fates(&world(), &tape.trace()).remove(0)
}

fn tried() -> Tape {
    Tape::new().queued("out.a.example").attempt(1)
}

fn security(tape: Tape) -> Option<Security> {
    fate(tape.delivered("mx1.b.example")).security
}

#[test]
fn mail_that_was_never_handed_over_is_queued_nowhere() {
    let fate = fate(Tape::new());
    assert_eq!((fate.fate, fate.at, fate.attempts), (Fate::Queued, None, 0));
    assert_eq!(fate.why, "it was not handed over before the run ended");
}

#[test]
fn a_deferred_message_waits_and_says_why() {
    let why = "451 4.4.1 no connection".to_owned();
    let message = token("m1");
    let fate = fate(tried().logged(
        "out.a.example",
        LogEntry::Deferred {
            message,
            why: why.clone(),
        },
    ));
    assert_eq!((fate.fate, fate.attempts, fate.why), (Fate::Queued, 1, why));
}

#[test]
fn a_message_that_is_given_back_is_bounced_at_that_time() {
    let bounced = LogEntry::Bounced {
        message: token("m1"),
        why: "550 5.1.1 no such mailbox".to_owned(),
    };
    let fate = fate(tried().after(HOUR).logged("out.a.example", bounced));
    assert_eq!((fate.fate, fate.at), (Fate::Bounced, Some(HOUR)));
    assert_eq!(fate.why, "550 5.1.1 no such mailbox");
}

#[test]
fn a_message_that_was_given_back_and_arrived_after_all_is_delivered() {
    let bounced = LogEntry::Bounced {
        message: token("m1"),
        why: String::new(),
    };
    let fate = fate(
        tried()
            .logged("out.a.example", bounced)
            .after(HOUR)
            .delivered("mx1.b.example"),
    );
    assert_eq!((fate.fate, fate.at), (Fate::Delivered, Some(HOUR)));
}

#[test]
fn security_is_what_the_wire_proved() {
    let dialled = || tried().dials("out.a.example", "mx1.b.example");
    assert_eq!(security(dialled().content()), Some(Security::Clear));
    assert_eq!(
        security(dialled().secured(&["mx1.b.example"]).content()),
        Some(Security::Encrypted)
    );
    assert_eq!(
        security(dialled().secured(&["b.example"]).content()),
        Some(Security::Authenticated)
    );
    assert_eq!(security(tried()), None, "it crossed no connection");
}

#[test]
fn the_way_through_an_attacker_is_as_weak_as_its_weaker_part() {
    let first = || tried().dials_into_attacker("out.a.example", "mx1.b.example");
    let clear_then_tls = first()
        .content()
        .attacker_dials("attacker.example", "mx1.b.example")
        .secured(&["b.example"])
        .content();
    assert_eq!(security(clear_then_tls), Some(Security::Clear));
    let tls_then_tls = first()
        .secured(&["attacker.example"])
        .content()
        .attacker_dials("attacker.example", "mx1.b.example")
        .secured(&["b.example"])
        .content();
    assert_eq!(security(tls_then_tls), Some(Security::Encrypted));
}

#[test]
fn the_way_over_a_relay_is_as_weak_as_its_weakest_hop() {
    let relayed = tried()
        .dials("out.a.example", "mx2.b.example")
        .content()
        .queued("mx2.b.example")
        .dials("mx2.b.example", "mx1.b.example")
        .secured(&["b.example"])
        .content();
    assert_eq!(security(relayed), Some(Security::Clear));
}

#[test]
fn notifications_have_fates_too_after_the_messages_of_the_scenario() {
    let tape = tried().event(Event::Queued {
        host: name("out.a.example"),
        message: token("m1.failed"),
        from: postern_model::name::ReversePath::Null,
        to: mailbox("ann@a.example"),
        about: Some(About {
            message: token("m1"),
            action: ReportAction::Failed,
        }),
    });
    let fates = fates(&world(), &tape.trace());
    let messages: Vec<&str> = fates.iter().map(|fate| fate.message.as_str()).collect();
    assert_eq!(messages, ["m1", "m1.failed"]);
    assert_eq!(fates[1].why, "it waits in the queue of out.a.example");
}

#[test]
fn alarms_are_listed_in_order() {
    let alarm = |peer: &str| LogEntry::Alarm { peer: name(peer) };
    let tape = Tape::new()
        .logged("out.a.example", alarm("mx2.b.example"))
        .after(HOUR)
        .logged("out.a.example", alarm("mx1.b.example"));
    let alarms = alarms(&tape.trace());
    let peers: Vec<(&str, Duration)> = alarms.iter().map(|alarm| (alarm.peer.as_str(), alarm.at)).collect();
    assert_eq!(peers, [("mx2.b.example", Duration::ZERO), ("mx1.b.example", HOUR)]);
}
