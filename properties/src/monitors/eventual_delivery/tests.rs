use postern_model::scenario::{Certificate, OtherAddress, Scenario};

use super::super::story::{B, DAY, Found, HOUR, MINUTE, MX1, MX2, OUT, SECOND, Story, scenario, setup};
use super::*;

/// One time to live, the largest gap, and an hour for each exchanger.
const BOUND: Duration = Duration::from_secs(5 * 60 + 150 * 60 + 2 * 3600);

fn judged(level: Level, story: Story) -> Found {
    story.judged_by(EventualDelivery::new(setup(level)))
}

fn attacked(story: Story, host: HostId, attacks: u8) -> Story {
    story.sees(Observation::Attacked { host, attacks })
}

fn both_attacked() -> Story {
    attacked(attacked(Story::new(), MX1, 1), MX2, 1)
        .mail_is_tried()
        .deferred()
}

#[test]
fn mail_that_was_held_up_is_sent_in_the_calm() {
    let story = attacked(both_attacked().after(DAY), MX2, 0).after(HOUR).sent();
    assert_eq!(judged(Level::May, story), Found::Holds);
}

#[test]
fn the_bound_is_the_boundary() {
    let calm = || attacked(both_attacked(), MX2, 0);
    assert_eq!(judged(Level::May, calm().after(BOUND).sent()), Found::Holds);
    assert_eq!(
        judged(Level::May, calm().after(BOUND + SECOND).sent()),
        Found::Violated("R5321-5.1-d")
    );
}

/// MX1 alone takes the mail of b.example, and has a second address.
fn with_two_addresses(kind: OtherAddress, level: Level, edit: impl FnOnce(&mut Scenario)) -> EventualDelivery {
    let mut scenario = scenario(level);
    scenario.domain[0]
        .mx
        .retain(|record| record.host.as_str() == "mx1.b.example");
    scenario.host.retain(|host| host.name.as_str() != "mx2.b.example");
    let mx1 = &mut scenario.host[usize::from(MX1.0)];
    mx1.other_address = Some(kind);
    mx1.other_address_first = true;
    edit(&mut scenario);
    EventualDelivery::new(Setup::of(&scenario))
}

#[test]
fn time_for_which_the_testbed_holds_mail_is_no_calm() {
    let held = || attacked(both_attacked(), MX2, 0).held(DAY);
    assert_eq!(judged(Level::May, held().after(DAY + BOUND).sent()), Found::Holds);
    assert_eq!(
        judged(Level::May, held().after(DAY + BOUND + SECOND).sent()),
        Found::Violated("R5321-5.1-d")
    );
}

#[test]
fn a_host_that_is_good_at_one_of_its_addresses_is_owed_the_mail() {
    for (kind, level) in [
        (OtherAddress::Unreachable, Level::May),
        (OtherAddress::WithoutTls, Level::Encrypt),
    ] {
        let held = || Story::new().mail_is_tried().deferred();
        let judged = |story: Story| story.judged_by(with_two_addresses(kind, level, |_| {}));
        assert_eq!(judged(held().after(BOUND).sent()), Found::Holds);
        assert_eq!(
            judged(held().after(BOUND + SECOND).sent()),
            Found::Violated("R5321-5.1-d")
        );
    }
}

#[test]
fn a_host_that_requires_tls_of_the_client_owes_it_nothing_in_clear() {
    let is_owed = |level, has_tls: bool, remembers: bool| {
        let mut scenario = scenario(level);
        let client = scenario.host[0].name.clone();
        scenario.host[0].tls_failure_memory = remembers.then_some(HOUR);
        for server in &mut scenario.host[1..] {
            server.requires_tls_of.push(client.clone());
        }
        let switched = |host| Observation::Tls { host, on: has_tls };
        let story = Story::new().sees(switched(MX1)).sees(switched(MX2));
        let story = story.mail_is_tried().deferred().after(BOUND + SECOND).sent();
        let found = story.judged_by(EventualDelivery::new(Setup::of(&scenario)));
        matches!(found, Found::Violated(_))
    };
    for level in [Level::None, Level::May, Level::Encrypt] {
        assert_eq!(is_owed(level, true, false), level != Level::None, "{level:?}");
        assert_eq!(is_owed(level, true, true), level == Level::Encrypt, "{level:?}");
        assert!(!is_owed(level, false, false), "{level:?}");
    }
}

#[test]
fn an_address_without_tls_knows_no_identity_and_may_refuse_for_good() {
    let relays = |kind| {
        let edit = |scenario: &mut Scenario| {
            scenario.host[0].handshake.client_certificate = Some(Certificate::Valid);
            let client = scenario.host[0].name.clone();
            scenario.host[1].exchanger_for.clear();
            scenario.host[1].relay_for_identity.push(client);
        };
        let mail = Queued {
            next_hop: B,
            domain: B,
            mailbox: MailboxState::Accepts,
            copies: 1,
            age: Duration::ZERO,
            calm: None,
            hardship: false,
            held: Duration::ZERO,
        };
        with_two_addresses(kind, Level::May, edit).is_good(OUT, &mail)
    };
    assert!(relays(OtherAddress::Alike), "it proves itself at either");
    assert!(!relays(OtherAddress::WithoutTls));
}

#[test]
fn a_calm_that_is_disturbed_begins_anew() {
    let disturbed = attacked(both_attacked(), MX2, 0).after(BOUND - MINUTE);
    let anew = attacked(attacked(disturbed, MX1, 2).after(MINUTE), MX1, 1);
    assert_eq!(judged(Level::May, anew.after(BOUND).sent()), Found::Holds);
}

#[test]
fn while_every_exchanger_is_attacked_nothing_is_owed() {
    assert_eq!(judged(Level::May, both_attacked().after(30 * DAY)), Found::NotExercised);
}

#[test]
fn mail_is_not_given_back_after_such_a_calm() {
    let calm = attacked(both_attacked().after(5 * DAY - BOUND), MX2, 0);
    assert_eq!(
        judged(Level::May, calm.clone().after(BOUND).bounced()),
        Found::Violated("R5321-5.1-d")
    );
    assert_eq!(judged(Level::May, calm.after(BOUND - SECOND).bounced()), Found::Holds);
}

#[test]
fn an_exchanger_without_the_required_tls_is_not_good() {
    let without_tls = |story: Story| {
        story
            .sees(Observation::Tls { host: MX1, on: false })
            .sees(Observation::Tls { host: MX2, on: false })
    };
    let story = || without_tls(Story::new()).mail_is_tried().deferred().after(2 * BOUND);
    assert_eq!(judged(Level::Encrypt, story()), Found::NotExercised);
    assert_eq!(judged(Level::May, story()), Found::Violated("R5321-5.1-d"));
    let again = story()
        .sees(Observation::Tls { host: MX1, on: true })
        .after(HOUR)
        .sent();
    assert_eq!(judged(Level::Encrypt, again), Found::Holds);
}

#[test]
fn while_the_clock_of_the_sender_is_off_no_certificate_can_be_relied_on() {
    let clock = |story: Story, is_right| story.sees(Observation::Clock { host: OUT, is_right });
    let story = || clock(Story::new(), false).mail_is_tried().deferred().after(2 * BOUND);
    assert_eq!(judged(Level::Secure, story()), Found::NotExercised);
    assert_eq!(judged(Level::Encrypt, story()), Found::Violated("R5321-5.1-d"));
    let set_right = || clock(story(), true);
    assert_eq!(judged(Level::Secure, set_right().after(BOUND).sent()), Found::Holds);
    assert_eq!(
        judged(Level::Secure, set_right().after(BOUND + SECOND)),
        Found::Violated("R5321-5.1-d")
    );
}

#[test]
fn with_one_exchanger_the_rule_is_that_of_the_policy() {
    let alone = || {
        Story::new().sees(Observation::Listed {
            host: MX2,
            domain: B,
            listed: false,
        })
    };
    let story = || alone().mail_is_tried().deferred().after(2 * BOUND);
    assert_eq!(judged(Level::Encrypt, story()), Found::Violated("SEED-12"));
    assert_eq!(judged(Level::May, story()), Found::Violated("R5321-4.5.4.1-a"));
}

#[test]
fn a_listed_host_that_refuses_for_good_spoils_the_next_hop() {
    let story = Story::new().sees(Observation::Exchanger {
        host: MX1,
        domain: B,
        configured: false,
    });
    assert_eq!(
        judged(Level::May, story.mail_is_tried().after(2 * BOUND)),
        Found::NotExercised
    );
}

#[test]
fn failing_lookups_at_the_sender_spoil_the_next_hop() {
    let exchangers_name = setup(Level::May).own_name(MX1).expect("a name");
    for domain in [B, exchangers_name] {
        let failing = Observation::Lookups {
            host: OUT,
            domain,
            work: false,
        };
        let story = Story::new().sees(failing).mail_is_tried().after(2 * BOUND);
        assert_eq!(judged(Level::May, story), Found::NotExercised);
    }
}

#[test]
fn mail_that_meets_no_hardship_does_not_exercise_it() {
    assert_eq!(
        judged(Level::May, Story::new().mail_is_tried().sent()),
        Found::NotExercised
    );
}
