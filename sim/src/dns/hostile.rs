//! Hostile octets in place of DNS messages. Each test is a fuzz target too (`docs/fuzzing.md`).
//!
//! The targets take their octets as a damaged message, so that what is read differs a little from what is right: random
//! octets are hardly ever a message at all.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use bolero::generator::bolero_generator::TypeGenerator;
use postern_model::name::DomainName;
use postern_model::trace::Answer;

use super::message::{read_query, read_reply, write_query, write_reply};
use super::zones::Found;
use super::{Asked, Kind};

/// What reading may take of memory beside a fixed share, for each octet: a pointer of two octets stands for a name of 255.
const MEMORY_PER_OCTET_MAX: u64 = 1024;

const ID: u16 = 7;

/// A message and what is done to it on its way.
#[derive(Debug, Clone, TypeGenerator)]
struct Damaged {
    kind: u8,
    answer: u8,
    aliases: u8,
    /// Octets put in place of others, by where they stand.
    replaced: Vec<(u16, u8)>,
    /// How many octets are left, in one message of four.
    length: u16,
    /// What comes behind.
    appended: Vec<u8>,
}

#[test]
fn dns_octets() {
    bolero::check!(name = "dns-octets")
        .with_iterations(1)
        .for_each(|octets: &[u8]| {
            for kind in 0..3 {
                examine(octets, &question(kind));
            }
        });
}

#[test]
fn dns_messages() {
    bolero::check!(name = "dns-messages")
        .with_iterations(5_000)
        .with_type()
        .for_each(|damaged: &Damaged| {
            let question = question(damaged.kind);
            let reply = write_reply(ID, &question, &found(damaged)).expect("a reply");
            examine(&damage(reply, damaged), &question);
            let query = write_query(ID, &question).expect("a query");
            examine(&damage(query, damaged), &question);
        });
}

fn question(kind: u8) -> Asked {
    let (name, kind) = match kind % 3 {
        0 => (name("b.example"), Kind::Mx),
        1 => (name("mx1.b.example"), Kind::Ipv4),
        _ => (name("mx1.b.example"), Kind::Ipv6),
    };
    Asked { name, kind }
}

fn found(damaged: &Damaged) -> Found {
    let aliases = ["mail.example", "post.example"].map(name);
    Found {
        answer: answer(damaged),
        aliases: aliases.into_iter().take(usize::from(damaged.aliases % 3)).collect(),
        time_to_live: Duration::from_secs(300),
    }
}

fn answer(damaged: &Damaged) -> Answer {
    let exchangers = || vec![(10, name("mx1.b.example")), (20, name("mx2.b.example"))];
    match (damaged.answer % 5, question(damaged.kind).kind) {
        (0, _) => Answer::NoName,
        (1, _) => Answer::Failed,
        (2, Kind::Mx) => Answer::NullMx { beside: exchangers() },
        (_, Kind::Mx) => Answer::Exchangers(exchangers()),
        (_, Kind::Ipv4) => Answer::Addresses([1, 2].map(|last| Ipv4Addr::new(192, 0, 2, last).into()).into()),
        (_, Kind::Ipv6) => Answer::Addresses(vec![Ipv6Addr::LOCALHOST.into()]),
    }
}

fn damage(mut message: Vec<u8>, damaged: &Damaged) -> Vec<u8> {
    for (place, octet) in &damaged.replaced {
        let place = usize::from(*place) % message.len();
        message[place] = *octet;
    }
    if damaged.length.is_multiple_of(4) {
        message.truncate(usize::from(damaged.length / 4) % (message.len() + 1));
    }
    message.extend(&damaged.appended);
    message
}

fn examine(octets: &[u8], question: &Asked) {
    if let Some((id, asked)) = bounded(octets, || read_query(octets)) {
        let query = write_query(id, &asked).expect("what was read has a form on the wire");
        assert_eq!(read_query(&query), Some((id, asked)));
    }
    if let Some(answer) = bounded(octets, || read_reply(octets, ID, question)) {
        assert_eq!(octets[..2], ID.to_be_bytes(), "a reply to another query");
        assert!(octets[2] & 0x80 != 0, "a query for a reply");
        assert_eq!(read_query(octets), None, "a reply for a query");
        assert_eq!(
            read_reply(octets, ID.wrapping_add(1), question),
            None,
            "a reply to every query"
        );
        answers(&answer, question, octets.len());
        let found = Found {
            answer: answer.clone(),
            aliases: Vec::new(),
            time_to_live: Duration::ZERO,
        };
        let reply = write_reply(ID, question, &found).expect("what was read has a form on the wire");
        assert_eq!(read_reply(&reply, ID, question), Some(answer));
    }
}

/// An answer is about what was asked, and has no more records than the octets have room for.
fn answers(answer: &Answer, question: &Asked, octets: usize) {
    // A record has a name, of at least a pointer, and ten octets before its data (RFC 1035 §4.1.3).
    match (answer, question.kind) {
        (Answer::NullMx { beside }, Kind::Mx) => assert!(beside.len() < octets / 15, "{answer:?}"),
        (Answer::Exchangers(exchangers), Kind::Mx) => {
            assert!((1..=octets / 15).contains(&exchangers.len()), "{answer:?}");
        }
        (Answer::Addresses(addresses), Kind::Ipv4 | Kind::Ipv6) => {
            assert!((1..=octets / 16).contains(&addresses.len()), "{answer:?}");
            let is_asked_for = |address: &IpAddr| address.is_ipv4() == (question.kind == Kind::Ipv4);
            assert!(addresses.iter().all(is_asked_for), "{answer:?}");
        }
        (Answer::NoData | Answer::NoName | Answer::Failed, _) => {}
        _ => panic!("{answer:?} is no answer to {question:?}"),
    }
}

/// Reads these octets with no more memory than is in proportion to them.
fn bounded<T>(octets: &[u8], read: impl FnOnce() -> T) -> T {
    let mut outcome = None;
    // The counter loses count when a panic passes through it.
    let measured = allocation_counter::measure(|| outcome = Some(catch_unwind(AssertUnwindSafe(read))));
    let value = outcome
        .expect("the code has run")
        .unwrap_or_else(|panic| resume_unwind(panic));
    let peak = measured.bytes_max;
    let octets_max = 16 * 1024 + MEMORY_PER_OCTET_MAX * octets.len() as u64;
    assert!(
        peak <= octets_max,
        "{peak} octets of memory are taken, more than {octets_max}"
    );
    value
}

fn name(text: &str) -> DomainName {
    text.parse().expect("a domain name")
}
