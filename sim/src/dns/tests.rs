use std::cell::{Cell, RefCell};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use postern_model::mutant::Mutant;
use postern_model::name::DomainName;
use postern_model::scenario::Lie;
use postern_model::trace::{Answer, Question};
use proptest::prelude::*;

use super::message::{read_query, read_reply, write_query, write_reply};
use super::zones::Found;
use super::*;
use crate::net::{Door, Simulation};

const RESOLVER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53));
const ASKER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const MX1: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 25);
const TIME_TO_LIVE: Duration = Duration::from_secs(300);

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

fn mx(domain: &str) -> Question {
    Question::Mx(name(domain))
}

fn address(host: &str) -> Question {
    Question::Address(name(host))
}

fn asked(text: &str, kind: Kind) -> Asked {
    Asked { name: name(text), kind }
}

fn found(answer: Answer) -> Found {
    Found {
        answer,
        aliases: Vec::new(),
        time_to_live: TIME_TO_LIVE,
    }
}

fn exchangers(hosts: &[&str]) -> Vec<(u16, DomainName)> {
    hosts.iter().map(|host| (10, name(host))).collect()
}

fn zones() -> SharedZones {
    let mut zones = Zones::default();
    let exchangers = vec![(10, name("mx1.b.example")), (20, name("mx2.b.example"))];
    zones.publish_exchangers(name("b.example"), exchangers, TIME_TO_LIVE);
    zones.publish_exchangers(name("implicit.example"), Vec::new(), TIME_TO_LIVE);
    zones.publish_addresses(name("implicit.example"), vec![MX1.into()], TIME_TO_LIVE);
    zones.publish_addresses(name("mx1.b.example"), vec![MX1.into()], TIME_TO_LIVE);
    Rc::new(RefCell::new(zones))
}

/// Runs one asker against the resolver host and returns what it has to say.
fn ask<Asking>(zones: SharedZones, asking: impl FnOnce(Door, Resolver) -> Asking) -> Asking::Output
where
    Asking: Future<Output: 'static> + 'static,
{
    let mut simulation = Simulation::new(1);
    simulation.host("resolver", RESOLVER, |door| async move {
        serve(door, zones, None).await.unwrap();
    });
    let said = Rc::new(Cell::new(None));
    let own = Rc::clone(&said);
    simulation.host("a.example", ASKER, |door| {
        let asking = asking(door.clone(), Resolver::new(door, RESOLVER, Families::Ipv4));
        async move { own.set(Some(asking.await)) }
    });
    simulation.run(|| false, Duration::from_secs(3600), 1000).unwrap();
    said.take().expect("the asker is done")
}

#[test]
fn questions_are_answered_with_what_is_published() {
    let answers = ask(zones(), |_, resolver| async move {
        let mut answers = Vec::new();
        for question in [
            mx("b.example"),
            address("mx1.b.example"),
            mx("implicit.example"),
            address("implicit.example"),
            address("b.example"),
            mx("mx1.b.example"),
            mx("nowhere.example"),
            address("nowhere.example"),
        ] {
            answers.push(resolver.ask(&question).await);
        }
        answers
    });
    let expected = [
        Answer::Exchangers(vec![(10, name("mx1.b.example")), (20, name("mx2.b.example"))]),
        Answer::Addresses(vec![MX1.into()]),
        Answer::NoData,
        Answer::Addresses(vec![MX1.into()]),
        Answer::NoData,
        Answer::NoData,
        Answer::NoName,
        Answer::NoName,
    ];
    assert_eq!(answers, expected);
}

#[test]
fn an_answer_is_held_until_its_time_to_live_has_passed() {
    let zones = zones();
    let drift = Rc::clone(&zones);
    let (before, after) = ask(zones, |door, resolver| async move {
        let question = mx("b.example");
        let first = resolver.ask(&question).await;
        let asked = door.now();
        drift
            .borrow_mut()
            .publish_exchangers(name("b.example"), exchangers(&["mx3.b.example"]), TIME_TO_LIVE);
        door.sleep_until(asked + TIME_TO_LIVE - Duration::from_secs(1)).await;
        let held = resolver.ask(&question).await;
        door.sleep_until(asked + TIME_TO_LIVE).await;
        ((first, held), resolver.ask(&question).await)
    });
    assert_eq!(before.0, before.1);
    assert_eq!(after, Answer::Exchangers(exchangers(&["mx3.b.example"])));
}

#[test]
fn a_failing_lookup_still_serves_what_is_held_and_is_not_held_itself() {
    let zones = zones();
    let drift = Rc::clone(&zones);
    let answers = ask(zones, |door, resolver| async move {
        let question = mx("b.example");
        let mut answers = vec![resolver.ask(&question).await];
        drift.borrow_mut().set_lookups(ASKER, name("b.example"), false);
        answers.push(resolver.ask(&question).await);
        door.sleep(TIME_TO_LIVE).await;
        answers.push(resolver.ask(&question).await);
        answers.push(resolver.ask(&address("mx1.b.example")).await);
        drift.borrow_mut().set_lookups(ASKER, name("b.example"), true);
        answers.push(resolver.ask(&question).await);
        answers
    });
    assert!(matches!(answers[0], Answer::Exchangers(_)));
    assert_eq!(answers[1], answers[0]);
    assert_eq!(answers[2], Answer::Failed);
    assert_eq!(answers[3], Answer::Addresses(vec![MX1.into()]));
    assert_eq!(answers[4], answers[0]);
}

#[test]
fn a_lookup_that_fails_for_one_host_works_for_another() {
    let zones = zones();
    let other = IpAddr::from([192, 0, 2, 2]);
    zones.borrow_mut().set_lookups(other, name("b.example"), false);
    let answer = ask(zones, |_, resolver| async move { resolver.ask(&mx("b.example")).await });
    assert!(matches!(answer, Answer::Exchangers(_)));
}

#[test]
fn times_to_live_count_down_on_the_wire() {
    let replies = ask(zones(), |door, _| async move {
        let socket = door.datagrams(0).await.unwrap();
        let mut buffer = [0; 512];
        let mut replies = Vec::new();
        for wait in [0, 100] {
            door.sleep(Duration::from_secs(wait)).await;
            let query = write_query(7, &asked("mx1.b.example", Kind::Ipv4)).unwrap();
            socket.send_to(&query, SocketAddr::new(RESOLVER, PORT)).await.unwrap();
            let (length, _) = socket.receive_from(&mut buffer).await.unwrap();
            replies.push(hickory_proto::op::Message::from_vec(&buffer[..length]).unwrap());
        }
        replies
    });
    let seconds: Vec<_> = replies.iter().map(|reply| reply.answers[0].ttl).collect();
    // The second query is sent 100 s and two messages after the first arrived.
    assert_eq!(seconds, [300, 199]);
}

#[test]
fn a_resolver_that_says_nothing_has_failed_after_two_tries_of_five_seconds() {
    let mut simulation = Simulation::new(1);
    let said = Rc::new(Cell::new(None));
    let own = Rc::clone(&said);
    simulation.host("silent", RESOLVER, |_| std::future::pending());
    simulation.host("a.example", ASKER, |door| async move {
        let answer = Resolver::new(door.clone(), RESOLVER, Families::Ipv4)
            .ask(&mx("b.example"))
            .await;
        own.set(Some((answer, door.now())));
    });
    simulation.run(|| false, Duration::from_secs(60), 1000).unwrap();
    assert_eq!(said.take(), Some((Answer::Failed, Duration::from_secs(10))));
}

#[test]
fn replies_that_answer_nothing_that_was_asked_are_passed_over() {
    let mut simulation = Simulation::new(1);
    simulation.host("liar", RESOLVER, |door| async move {
        let socket = door.datagrams(PORT).await.unwrap();
        let mut buffer = [0; 512];
        let (length, from) = socket.receive_from(&mut buffer).await.unwrap();
        let (id, question) = read_query(&buffer[..length]).unwrap();
        let lie = found(Answer::Exchangers(exchangers(&["evil.example"])));
        let true_answer = found(Answer::Exchangers(exchangers(&["mx1.b.example"])));
        let replies = [
            b"garbage".to_vec(),
            buffer[..length].to_vec(),
            write_reply(id.wrapping_add(1), &question, &lie).unwrap(),
            write_reply(id, &asked("c.example", Kind::Mx), &lie).unwrap(),
            write_reply(id, &question, &true_answer).unwrap(),
        ];
        for reply in replies {
            socket.send_to(&reply, from).await.unwrap();
        }
    });
    let said = Rc::new(Cell::new(None));
    let own = Rc::clone(&said);
    simulation.host("a.example", ASKER, |door| async move {
        own.set(Some(
            Resolver::new(door, RESOLVER, Families::Ipv4)
                .ask(&mx("b.example"))
                .await,
        ));
    });
    simulation.run(|| false, Duration::from_secs(60), 1000).unwrap();
    assert_eq!(said.take(), Some(Answer::Exchangers(exchangers(&["mx1.b.example"]))));
}

#[test]
fn the_resolver_survives_garbage() {
    let answer = ask(zones(), |door, resolver| async move {
        let socket = door.datagrams(0).await.unwrap();
        for garbage in [&b""[..], b"x", &[0xff; 600]] {
            socket.send_to(garbage, SocketAddr::new(RESOLVER, PORT)).await.unwrap();
        }
        resolver.ask(&address("mx1.b.example")).await
    });
    assert_eq!(answer, Answer::Addresses(vec![MX1.into()]));
}

#[test]
fn a_null_mx_is_told_from_none_and_from_one_beside_others() {
    let zones = zones();
    for domain in ["null.example", "mixed.example"] {
        let beside = if domain == "mixed.example" {
            &["mx1.b.example"][..]
        } else {
            &[]
        };
        let mut zones = zones.borrow_mut();
        zones.publish_exchangers(name(domain), exchangers(beside), TIME_TO_LIVE);
        zones.publish_null_mx(&name(domain), true);
    }
    let answers = ask(zones, |_, resolver| async move {
        [
            resolver.ask(&mx("null.example")).await,
            resolver.ask(&mx("mixed.example")).await,
        ]
    });
    let beside = exchangers(&["mx1.b.example"]);
    assert_eq!(
        answers,
        [Answer::NullMx { beside: Vec::new() }, Answer::NullMx { beside }]
    );
}

#[test]
fn aliases_are_followed_to_their_end_and_a_circle_fails() {
    let zones = zones();
    for (alias, target) in [
        ("mail.example", "post.example"),
        ("post.example", "mx1.b.example"),
        ("round.example", "about.example"),
        ("about.example", "round.example"),
        ("dangling.example", "nowhere.example"),
    ] {
        zones.borrow_mut().publish_alias(name(alias), name(target));
    }
    let answers = ask(zones, |_, resolver| async move {
        let mut answers = Vec::new();
        for alias in ["mail.example", "round.example", "dangling.example"] {
            answers.push(resolver.ask(&address(alias)).await);
        }
        answers.push(resolver.ask(&mx("mail.example")).await);
        answers
    });
    let of_mx1 = Answer::Addresses(vec![MX1.into()]);
    assert_eq!(answers, [of_mx1, Answer::Failed, Answer::NoName, Answer::NoData]);
}

#[test]
fn addresses_of_both_families_are_one_answer_with_those_of_ipv6_first() {
    let zones = zones();
    let sixth = IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]);
    for (host, all) in [("both.example", vec![MX1.into(), sixth]), ("six.example", vec![sixth])] {
        zones.borrow_mut().publish_addresses(name(host), all, TIME_TO_LIVE);
    }
    let answers = ask(zones, |door, _| async move {
        let resolver = Resolver::new(door, RESOLVER, Families::Both);
        let mut answers = Vec::new();
        for host in [
            "both.example",
            "six.example",
            "mx1.b.example",
            "b.example",
            "nowhere.example",
        ] {
            answers.push(resolver.ask(&address(host)).await);
        }
        answers
    });
    let of = |addresses: &[IpAddr]| Answer::Addresses(addresses.to_vec());
    let expected = [
        of(&[sixth, MX1.into()]),
        of(&[sixth]),
        of(&[MX1.into()]),
        Answer::NoData,
        Answer::NoName,
    ];
    assert_eq!(answers, expected);
}

#[test]
fn a_lie_reaches_its_victim_alone_and_is_held_like_the_truth() {
    let zones = zones();
    let own = Rc::clone(&zones);
    let told = ask(zones, |door, resolver| async move {
        let other = IpAddr::from([192, 0, 2, 2]);
        own.borrow_mut().set_lie(other, name("b.example"), Some(Lie::NoName));
        let truth = resolver.ask(&mx("b.example")).await;
        door.sleep(TIME_TO_LIVE * 2).await;
        own.borrow_mut().set_lie(ASKER, name("b.example"), Some(Lie::NullMx));
        let lie = resolver.ask(&mx("b.example")).await;
        own.borrow_mut().set_lie(ASKER, name("b.example"), None);
        let held = resolver.ask(&mx("b.example")).await;
        door.sleep(TIME_TO_LIVE * 2).await;
        own.borrow_mut().set_lie(ASKER, name("b.example"), Some(Lie::Silence));
        let asked = door.now();
        let silence = resolver.ask(&mx("b.example")).await;
        assert_eq!(door.now() - asked, Duration::from_secs(10));
        [truth, lie, held, silence]
    });
    assert!(matches!(told[0], Answer::Exchangers(_)), "{told:?}");
    let null = Answer::NullMx { beside: Vec::new() };
    assert_eq!(told[1..], [null.clone(), null, Answer::Failed]);
}

#[test]
fn a_resolver_that_ignores_times_to_live_never_asks_again() {
    let zones = zones();
    let own = Rc::clone(&zones);
    let mut simulation = Simulation::new(1);
    simulation.host("resolver", RESOLVER, |door| async move {
        serve(door, zones, Some(Mutant::IgnoresTimeToLive)).await.unwrap();
    });
    let said = Rc::new(Cell::new(None));
    let outer = Rc::clone(&said);
    simulation.host("a.example", ASKER, |door| async move {
        let resolver = Resolver::new(door.clone(), RESOLVER, Families::Ipv4);
        let first = resolver.ask(&mx("b.example")).await;
        own.borrow_mut()
            .publish_exchangers(name("b.example"), exchangers(&["mx3.b.example"]), TIME_TO_LIVE);
        door.sleep(TIME_TO_LIVE * 3).await;
        outer.set(Some((first, resolver.ask(&mx("b.example")).await)));
    });
    simulation.run(|| false, Duration::from_secs(3600), 1000).unwrap();
    let (first, later) = said.take().expect("the asker is done");
    assert_eq!(first, later);
}

fn any_answer() -> impl Strategy<Value = (Asked, Answer)> {
    let label = "[a-z0-9]{1,12}";
    let domain = (label, label).prop_map(|(first, second)| name(&format!("{first}.{second}")));
    let exchangers = || prop::collection::vec((any::<u16>(), domain.clone()), 1..300);
    let fourth = prop::collection::vec(any::<Ipv4Addr>().prop_map(IpAddr::V4), 1..20);
    let sixth = prop::collection::vec(any::<Ipv6Addr>().prop_map(IpAddr::V6), 1..20);
    let empty = || prop_oneof![Just(Answer::NoData), Just(Answer::NoName), Just(Answer::Failed)];
    let beside = prop_oneof![Just(Vec::new()), exchangers()];
    let about_mx = prop_oneof![
        exchangers().prop_map(Answer::Exchangers),
        beside.prop_map(|beside| Answer::NullMx { beside }),
        empty()
    ];
    let about = |kind| domain.clone().prop_map(move |name| Asked { name, kind });
    prop_oneof![
        (about(Kind::Mx), about_mx),
        (
            about(Kind::Ipv4),
            prop_oneof![fourth.prop_map(Answer::Addresses), empty()]
        ),
        (
            about(Kind::Ipv6),
            prop_oneof![sixth.prop_map(Answer::Addresses), empty()]
        ),
    ]
}

proptest! {
    #[test]
    fn whatever_is_answered_is_read_back_as_it_was((asked, answer) in any_answer(), id: u16) {
        let query = write_query(id, &asked).unwrap();
        prop_assert_eq!(read_query(&query), Some((id, asked.clone())));
        let reply = write_reply(id, &asked, &found(answer.clone())).unwrap();
        prop_assert_eq!(read_reply(&reply, id, &asked), Some(answer));
    }

    #[test]
    fn reading_any_octets_never_panics(octets: Vec<u8>, id: u16) {
        prop_assert_eq!(read_reply(&octets, id, &asked("b.example", Kind::Mx)), None);
        read_query(&octets);
    }

    #[test]
    fn reading_a_damaged_reply_never_panics(
        (asked, answer) in any_answer(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut: prop::sample::Index,
    ) {
        let mut reply = write_reply(7, &asked, &found(answer)).unwrap();
        for (index, octet) in damage {
            let index = index.index(reply.len());
            reply[index] = octet;
        }
        reply.truncate(cut.index(reply.len() + 1));
        if let Some(Answer::Exchangers(exchangers)) = read_reply(&reply, 7, &asked) {
            prop_assert!(!exchangers.is_empty());
        }
    }
}
