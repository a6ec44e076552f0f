use std::cell::{Cell, RefCell};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use postern_model::name::DomainName;
use postern_model::trace::{Answer, Question};
use proptest::prelude::*;

use super::message::{read_query, read_reply, write_query, write_reply};
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

fn exchangers(hosts: &[&str]) -> Vec<(u16, DomainName)> {
    hosts.iter().map(|host| (10, name(host))).collect()
}

fn zones() -> SharedZones {
    let mut zones = Zones::default();
    let exchangers = vec![(10, name("mx1.b.example")), (20, name("mx2.b.example"))];
    zones.publish_exchangers(name("b.example"), exchangers, TIME_TO_LIVE);
    zones.publish_exchangers(name("implicit.example"), Vec::new(), TIME_TO_LIVE);
    zones.publish_address(name("implicit.example"), MX1, TIME_TO_LIVE);
    zones.publish_address(name("mx1.b.example"), MX1, TIME_TO_LIVE);
    Rc::new(RefCell::new(zones))
}

/// Runs one asker against the resolver host and returns what it has to say.
fn ask<Asking>(zones: SharedZones, asking: impl FnOnce(Door, Resolver) -> Asking) -> Asking::Output
where
    Asking: Future<Output: 'static> + 'static,
{
    let mut simulation = Simulation::new(1);
    simulation.host("resolver", RESOLVER, |door| async move {
        serve(door, zones).await.unwrap();
    });
    let said = Rc::new(Cell::new(None));
    let own = Rc::clone(&said);
    simulation.host("a.example", ASKER, |door| {
        let asking = asking(door.clone(), Resolver::new(door, RESOLVER));
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
            let query = write_query(7, &address("mx1.b.example")).unwrap();
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
        let answer = Resolver::new(door.clone(), RESOLVER).ask(&mx("b.example")).await;
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
        let lie = Answer::Exchangers(exchangers(&["evil.example"]));
        let true_answer = Answer::Exchangers(exchangers(&["mx1.b.example"]));
        let replies = [
            b"garbage".to_vec(),
            buffer[..length].to_vec(),
            write_reply(id.wrapping_add(1), &question, &lie, TIME_TO_LIVE).unwrap(),
            write_reply(id, &mx("c.example"), &lie, TIME_TO_LIVE).unwrap(),
            write_reply(id, &question, &true_answer, TIME_TO_LIVE).unwrap(),
        ];
        for reply in replies {
            socket.send_to(&reply, from).await.unwrap();
        }
    });
    let said = Rc::new(Cell::new(None));
    let own = Rc::clone(&said);
    simulation.host("a.example", ASKER, |door| async move {
        own.set(Some(Resolver::new(door, RESOLVER).ask(&mx("b.example")).await));
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

fn any_answer() -> impl Strategy<Value = (Question, Answer)> {
    let label = "[a-z0-9]{1,12}";
    let domain = (label, label).prop_map(|(first, second)| name(&format!("{first}.{second}")));
    let exchangers = prop::collection::vec((any::<u16>(), domain.clone()), 1..300);
    let addresses = prop::collection::vec(any::<Ipv4Addr>().prop_map(IpAddr::V4), 1..20);
    let empty = || prop_oneof![Just(Answer::NoData), Just(Answer::NoName), Just(Answer::Failed)];
    let about_mx = prop_oneof![exchangers.prop_map(Answer::Exchangers), empty()];
    let about_address = prop_oneof![addresses.prop_map(Answer::Addresses), empty()];
    prop_oneof![
        (domain.clone().prop_map(Question::Mx), about_mx),
        (domain.prop_map(Question::Address), about_address),
    ]
}

proptest! {
    #[test]
    fn whatever_is_answered_is_read_back_as_it_was((question, answer) in any_answer(), id: u16) {
        let query = write_query(id, &question).unwrap();
        prop_assert_eq!(read_query(&query), Some((id, question.clone())));
        let reply = write_reply(id, &question, &answer, TIME_TO_LIVE).unwrap();
        prop_assert_eq!(read_reply(&reply, id, &question), Some(answer));
    }

    #[test]
    fn reading_any_octets_never_panics(octets: Vec<u8>, id: u16) {
        prop_assert_eq!(read_reply(&octets, id, &mx("b.example")), None);
        read_query(&octets);
    }

    #[test]
    fn reading_a_damaged_reply_never_panics(
        (question, answer) in any_answer(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut: prop::sample::Index,
    ) {
        let mut reply = write_reply(7, &question, &answer, TIME_TO_LIVE).unwrap();
        for (index, octet) in damage {
            let index = index.index(reply.len());
            reply[index] = octet;
        }
        reply.truncate(cut.index(reply.len() + 1));
        if let Some(Answer::Exchangers(exchangers)) = read_reply(&reply, 7, &question) {
            prop_assert!(!exchangers.is_empty());
        }
    }
}
