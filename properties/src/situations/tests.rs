use std::collections::BTreeSet;
use std::time::Duration;

use postern_model::scenario::{
    Attack, AttackKind, Certificate, Domain, Host, Level, MxRecord, Phase, Scenario, Security,
};
use postern_model::trace::{Channel, ConnectionId, End, Event, LogEntry, NotConnected, Setting, Trace};

use super::Situation;
use crate::judge::judge;

const MINUTE: Duration = Duration::from_secs(60);
const FIRST: ConnectionId = ConnectionId(1);

fn text<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

/// A sender, and two exchangers of b.example of which the first demands TLS.
fn scenario() -> Scenario {
    let mut first = Host::new(text("mx1.b.example"));
    first.demands_tls = true;
    let mut domain = Domain::new(text("b.example"));
    domain.mx = [("mx1.b.example", 10), ("mx2.b.example", 20)]
        .map(|(host, preference)| MxRecord {
            host: text(host),
            preference,
        })
        .to_vec();
    Scenario {
        domain: vec![domain],
        host: vec![
            Host::new(text("out.a.example")),
            first,
            Host::new(text("mx2.b.example")),
        ],
        ..Scenario::default()
    }
}

fn start() -> Vec<(Duration, Event)> {
    let settings = [
        Setting::Mx {
            null_mx: false,
            domain: text("b.example"),
            exchangers: vec![(10, text("mx1.b.example")), (20, text("mx2.b.example"))],
        },
        Setting::Exchanger {
            host: text("mx1.b.example"),
            domain: text("b.example"),
            configured: true,
        },
    ];
    settings.map(|setting| (Duration::ZERO, Event::Set(setting))).into()
}

fn queued() -> (Duration, Event) {
    let event = Event::Queued {
        host: text("out.a.example"),
        message: text("m1"),
        from: text("alice@a.example"),
        to: text("bob@b.example"),
        about: None,
    };
    (MINUTE, event)
}

fn dialled() -> (Duration, Event) {
    let event = Event::Dialled {
        connection: FIRST,
        from: text("out.a.example"),
        to: text("mx1.b.example"),
        address: "203.0.113.2".parse().expect("an address"),
        relays: None,
    };
    (MINUTE, event)
}

fn attacked(attack: Attack) -> (Duration, Event) {
    let event = Event::Adversary {
        victim: text("mx1.b.example"),
        attack,
        active: true,
    };
    (MINUTE, event)
}

fn interfered(attack: Attack) -> (Duration, Event) {
    let event = Event::Interfered {
        connection: FIRST,
        attack,
        what: "what it did, in one line".to_owned(),
    };
    (MINUTE, event)
}

fn logged(at: Duration, entry: LogEntry) -> (Duration, Event) {
    let host = text("out.a.example");
    (at, Event::Logged { host, entry })
}

fn line(from: End, line: &str) -> (Duration, Event) {
    let event = Event::Line {
        connection: FIRST,
        from,
        channel: Channel::Clear,
        text: line.to_owned(),
    };
    (MINUTE, event)
}

fn reached(events: impl IntoIterator<Item = (Duration, Event)>) -> BTreeSet<Situation> {
    let mut trace = Trace::default();
    for (at, event) in start().into_iter().chain(events) {
        trace.push(at, event);
    }
    Situation::reached(&scenario(), &trace, &judge(&scenario(), &trace))
}

#[test]
fn the_facts_of_the_start_are_no_drift() {
    assert_eq!(reached([]), BTreeSet::new());
}

#[test]
fn an_attack_counts_when_it_interferes_and_not_when_it_is_only_there() {
    let under_way = [
        attacked(Attack::OverwriteStarttls),
        attacked(Attack::CloseAt(Phase::Rcpt)),
        dialled(),
    ];
    assert_eq!(reached(under_way.clone()), BTreeSet::new());
    let events = under_way.into_iter().chain([interfered(Attack::OverwriteStarttls)]);
    assert_eq!(
        reached(events),
        BTreeSet::from([Situation::Attacked(AttackKind::OverwriteStarttls)])
    );
}

#[test]
fn a_refused_connection_counts_only_under_an_attack() {
    let refused = (
        MINUTE,
        Event::NotConnected {
            connection: FIRST,
            why: NotConnected::Refused,
        },
    );
    assert_eq!(reached([dialled(), refused.clone()]), BTreeSet::new());
    let events = [attacked(Attack::Refuse), dialled(), refused];
    assert_eq!(
        reached(events),
        BTreeSet::from([Situation::Attacked(AttackKind::Refuse)])
    );
}

#[test]
fn a_demanding_server_that_answers_in_clear_is_in_a_cell_of_the_chart() {
    let asked = [dialled(), line(End::Dialler, "RCPT TO:<bob@b.example>")];
    assert_eq!(reached(asked.clone()), BTreeSet::new(), "it has not answered yet");
    let events = asked.into_iter().chain([line(End::Acceptor, "250 2.1.5 ok")]);
    assert_eq!(reached(events), BTreeSet::from([Situation::ListedConfigured]));
    let elsewhere = [
        dialled(),
        line(End::Dialler, "rcpt to:<carol@c.example>"),
        line(End::Acceptor, "530 5.7.0 issue STARTTLS first"),
    ];
    assert_eq!(reached(elsewhere), BTreeSet::from([Situation::UnlistedUnconfigured]));
}

#[test]
fn tls_that_goes_off_while_mail_waits_for_it_has_vanished() {
    let off = |at| {
        (
            at,
            Event::Set(Setting::Tls {
                host: text("mx2.b.example"),
                on: false,
            }),
        )
    };
    assert_eq!(reached([off(MINUTE)]), BTreeSet::from([Situation::TlsSwitchedOff]));
    let expected = BTreeSet::from([Situation::TlsSwitchedOff, Situation::TlsVanishedWhileQueued]);
    assert_eq!(reached([queued(), off(2 * MINUTE)]), expected);
}

#[test]
fn tls_that_is_off_already_cannot_vanish() {
    let off = Event::Set(Setting::Tls {
        host: text("mx1.b.example"),
        on: false,
    });
    for gone in [(Duration::ZERO, off), attacked(Attack::OverwriteStarttls)] {
        let events = [gone, queued(), attacked(Attack::StripStarttls)];
        assert_eq!(reached(events), BTreeSet::new());
    }
    let events = [queued(), attacked(Attack::StripStarttls)];
    assert_eq!(reached(events), BTreeSet::from([Situation::TlsVanishedWhileQueued]));
}

#[test]
fn an_attacker_answers_starttls_for_now_or_for_good() {
    let answered = |code| reached([dialled(), interfered(Attack::AnswerStarttls(code))]);
    let attacked = Situation::Attacked(AttackKind::AnswerStarttls);
    assert_eq!(answered(454), BTreeSet::from([attacked, Situation::StarttlsDeferred]));
    assert_eq!(answered(554), BTreeSet::from([attacked, Situation::StarttlsRefused]));
}

#[test]
fn only_a_bad_certificate_can_be_renewed() {
    let certificate = |at, certificate| {
        let host = text("mx1.b.example");
        (at, Event::Set(Setting::Certificate { host, certificate }))
    };
    let valid = certificate(MINUTE, Certificate::Valid);
    let good = certificate(Duration::ZERO, Certificate::Valid);
    assert_eq!(reached([good.clone(), valid.clone()]), BTreeSet::new());
    for (bad, situation) in [
        (Certificate::Expired, Situation::CertificateExpired),
        (Certificate::WrongName, Situation::CertificateForAnotherName),
    ] {
        let events = [good.clone(), certificate(MINUTE, bad), valid.clone()];
        assert_eq!(
            reached(events),
            BTreeSet::from([situation, Situation::CertificateRenewed])
        );
    }
}

#[test]
fn a_handshake_is_given_up_because_of_a_certificate_only_where_a_bad_one_was_presented() {
    let given_up = (
        MINUTE,
        Event::NotSecured {
            connection: FIRST,
            by: End::Dialler,
            why: "in the words of TLS".to_owned(),
        },
    );
    let presents = |certificate| {
        let host = text("mx1.b.example");
        (Duration::ZERO, Event::Set(Setting::Certificate { host, certificate }))
    };
    let given_up_after = |events: &[(Duration, Event)]| {
        let events = events.iter().cloned().chain([given_up.clone()]);
        reached(events).contains(&Situation::CertificateRefused)
    };
    let (valid, expired) = (presents(Certificate::Valid), presents(Certificate::Expired));
    let garbage = interfered(Attack::GarbageAfterGoAhead);
    let intercepted = interfered(Attack::InterceptTls(Certificate::SelfSigned));
    assert!(given_up_after(&[expired.clone(), dialled()]));
    assert!(given_up_after(&[valid.clone(), dialled(), intercepted]));
    assert!(!given_up_after(&[valid, dialled()]));
    assert!(!given_up_after(&[expired, dialled(), garbage]));
}

#[test]
fn a_policy_changes_while_mail_is_queued_for_the_same_next_hop() {
    let changed = |next_hop| {
        let (host, level) = (text("out.a.example"), Level::Encrypt);
        let next_hop = text(next_hop);
        (2 * MINUTE, Event::Set(Setting::Policy { host, next_hop, level }))
    };
    assert_eq!(reached([changed("b.example")]), BTreeSet::new());
    assert_eq!(reached([queued(), changed("c.example")]), BTreeSet::new());
    let expected = BTreeSet::from([Situation::PolicyChanged]);
    assert_eq!(reached([queued(), changed("b.example")]), expected);
}

#[test]
fn another_preference_neither_adds_nor_drops_an_exchanger() {
    let listed = |first, hosts: &[&str]| {
        let exchangers = hosts.iter().map(|host| (first, text(host))).collect();
        let domain = text("b.example");
        (
            MINUTE,
            Event::Set(Setting::Mx {
                domain,
                exchangers,
                null_mx: false,
            }),
        )
    };
    let both = ["mx1.b.example", "mx2.b.example"];
    assert_eq!(reached([listed(5, &both)]), BTreeSet::new());
    assert_eq!(reached([listed(5, &both[..1])]), BTreeSet::from([Situation::MxDropped]));
    let three = ["mx1.b.example", "mx2.b.example", "mx3.b.example"];
    assert_eq!(reached([listed(5, &three)]), BTreeSet::from([Situation::MxAdded]));
}

#[test]
fn a_message_has_expired_when_it_is_given_back_at_the_end_of_its_lifetime() {
    let lifetime = scenario().host[0].lifetime();
    let bounced = |at| {
        let entry = LogEntry::Bounced {
            message: text("m1"),
            why: "4.4.7 delivery time expired".to_owned(),
        };
        logged(at, entry)
    };
    assert_eq!(reached([queued(), bounced(2 * MINUTE)]), BTreeSet::new());
    let events = [queued(), bounced(MINUTE + lifetime)];
    assert_eq!(reached(events), BTreeSet::from([Situation::Expired]));
}

#[test]
fn a_message_taken_by_the_backup_exchanger_was_not_taken_by_the_first() {
    let sent = |to| {
        let entry = LogEntry::Sent {
            message: text("m1"),
            to: text(to),
            security: Security::Clear,
        };
        logged(2 * MINUTE, entry)
    };
    assert_eq!(reached([queued(), sent("mx1.b.example")]), BTreeSet::new());
    let events = [queued(), sent("mx2.b.example")];
    assert_eq!(reached(events), BTreeSet::from([Situation::SecondExchanger]));
}
