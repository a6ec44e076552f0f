//! What each client does in a calm world, and what it does when STARTTLS is stripped.

use postern_model::scenario::{Level, Scenario};
use postern_model::trace::{Channel, Claim, Event, Trace};

use super::{CLIENTS, LETTRE};
use crate::subject::Subject;
use crate::{Client, Crypto, Options, Run, Server, run};

const STRIPPED: &str = r#"
[[step]]
at = "0s"
host = "mx1.b.example"
attack = "strip-starttls"
lasting = "2h"
"#;

fn world(level: Level, more: &str) -> Scenario {
    let text = format!(
        r#"
title = "One message from a.example to b.example"

[[domain]]
name = "a.example"
mx = [{{ host = "in.a.example" }}]

[[domain]]
name = "b.example"
mx = [{{ host = "mx1.b.example" }}]

[[host]]
name = "out.a.example"
policy = {{ "b.example" = "{level}" }}

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
{more}"#
    );
    Scenario::parse("a test", &text).unwrap()
}

fn run_by(subject: Subject, scenario: &Scenario) -> Run {
    let options = Options {
        crypto: Crypto::Real,
        client: Client::Subject(subject),
        server: Server::Postern,
        mutant: None,
    };
    run(&subject.fit(scenario), options).unwrap()
}

fn subject(name: &str) -> Subject {
    match Client::named(name) {
        Some(Client::Subject(subject)) => subject,
        _ => panic!("no subject is called {name}"),
    }
}

/// Over which channels the content of a message came to a server.
fn contents(trace: &Trace) -> Vec<Channel> {
    let events = trace.records.iter().map(|record| &record.event);
    let channels = events.filter_map(|event| match event {
        Event::Content { channel, .. } => Some(*channel),
        _ => None,
    });
    channels.collect()
}

fn is_delivered(trace: &Trace) -> bool {
    let mut events = trace.records.iter().map(|record| &record.event);
    events.any(|event| matches!(event, Event::Delivered { .. }))
}

fn claims(trace: &Trace) -> Vec<&Claim> {
    let events = trace.records.iter().map(|record| &record.event);
    let claims = events.filter_map(|event| match event {
        Event::Told { claim, .. } => Some(claim),
        _ => None,
    });
    claims.collect()
}

fn assert_delivers_over_tls(name: &str) {
    for level in [Level::May, Level::Secure] {
        let subject = subject(name);
        let run = run_by(subject, &world(level, ""));
        assert_eq!(contents(&run.trace), [Channel::Tls], "{name} at {level}");
        assert!(is_delivered(&run.trace), "{name} at {level}");
        let claims = claims(&run.trace);
        assert_eq!(claims.len(), 1, "{name}: {claims:?}");
        assert!(claims[0].sent && claims[0].encrypted, "{name}: {claims:?}");
    }
}

/// It sends nothing of the message while STARTTLS is stripped, says in these words why, and sends it when that ends.
fn assert_waits_when_stripped(name: &str, words: &str) {
    let run = run_by(subject(name), &world(Level::Encrypt, STRIPPED));
    assert_eq!(contents(&run.trace), [Channel::Tls], "{name}");
    let claims = claims(&run.trace);
    let (last, earlier) = claims.split_last().unwrap();
    assert!(last.sent && last.encrypted, "{name}: {last:?}");
    assert!(!earlier.is_empty(), "{name}");
    for claim in earlier {
        assert!(!claim.sent && !claim.encrypted, "{name}: {claim:?}");
        assert!(claim.words.contains(words), "{name}: {claim:?}");
    }
}

#[test]
fn lettre_required_delivers_over_tls() {
    assert_delivers_over_tls("lettre:required");
}

#[test]
fn lettre_opportunistic_delivers_over_tls_where_it_is_offered() {
    assert_delivers_over_tls("lettre:opportunistic");
}

#[test]
fn mail_send_delivers_over_tls() {
    assert_delivers_over_tls("mail-send:starttls");
}

#[test]
fn async_smtp_delivers_over_tls() {
    assert_delivers_over_tls("async-smtp:starttls");
}

#[test]
fn io_smtp_delivers_over_tls() {
    assert_delivers_over_tls("io-smtp:starttls");
}

#[test]
fn lettre_required_sends_nothing_when_starttls_is_stripped() {
    assert_waits_when_stripped("lettre:required", "STARTTLS is not supported");
}

#[test]
fn lettre_opportunistic_sends_in_clear_when_starttls_is_stripped() {
    let run = run_by(subject("lettre:opportunistic"), &world(Level::May, STRIPPED));
    let contents = contents(&run.trace);
    // Once to the attacker, and once from him to the server.
    assert_eq!(contents, [Channel::Clear; 2]);
    let claims = claims(&run.trace);
    assert!(claims[0].sent && !claims[0].encrypted, "{claims:?}");
}

#[test]
fn mail_send_sends_nothing_when_starttls_is_stripped() {
    assert_waits_when_stripped("mail-send:starttls", "STARTTLS extension unavailable");
}

#[test]
fn async_smtp_sends_nothing_when_starttls_is_stripped() {
    assert_waits_when_stripped("async-smtp:starttls", "server does not support STARTTLS");
}

#[test]
fn io_smtp_asks_for_starttls_although_it_is_stripped() {
    let run = run_by(subject("io-smtp:starttls"), &world(Level::Encrypt, STRIPPED));
    let is_asked = run
        .trace
        .records
        .iter()
        .any(|record| matches!(&record.event, Event::Line { text, .. } if text == "STARTTLS"));
    assert!(is_asked);
    assert!(contents(&run.trace).iter().all(|channel| *channel == Channel::Tls));
    assert!(is_delivered(&run.trace));
}

#[test]
fn no_subject_tells_the_time_of_the_real_clock() {
    let expired = r#"
[[step]]
at = "0s"
host = "mx1.b.example"
drift = { certificate = "expired" }
"#;
    for subject in CLIENTS {
        let run = run_by(*subject, &world(Level::Secure, expired));
        let claims = claims(&run.trace);
        assert!(claims.len() > 1, "{subject}");
        for claim in claims.iter().filter(|claim| !claim.sent) {
            assert!(claim.words.contains("expired"), "{subject}: {claim:?}");
            let is_lettre = subject.name().starts_with("lettre");
            assert!(!is_lettre || !claim.words.contains("UNIX"), "{subject}: {claim:?}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for subject in CLIENTS {
        for more in ["", STRIPPED] {
            let scenario = world(Level::Secure, more);
            let [first, second] = [0, 1].map(|_| run_by(*subject, &scenario));
            assert_eq!(first.wire_hash, second.wire_hash, "{subject}");
            assert_eq!(first.trace_hash, second.trace_hash, "{subject}");
        }
    }
}

#[test]
fn fast_cryptography_is_for_all_that_take_their_configuration() {
    for subject in CLIENTS {
        let options = Options {
            crypto: Crypto::Fast,
            client: Client::Subject(*subject),
            server: Server::Postern,
            mutant: None,
        };
        let run = run(&subject.fit(&world(Level::Secure, "")), options).unwrap();
        assert!(is_delivered(&run.trace), "{subject}");
    }
}

#[test]
fn a_world_that_was_fitted_stays_as_it_is() {
    for subject in CLIENTS.iter().copied().chain([LETTRE]) {
        for level in [Level::None, Level::May, Level::Encrypt, Level::Secure] {
            let once = subject.0.level_for(level);
            assert_eq!(subject.0.level_for(once), once, "{subject}");
        }
    }
}

#[test]
fn every_subject_is_of_the_version_that_is_built() {
    let locked = include_str!("../../../Cargo.lock");
    for subject in CLIENTS {
        let (library, _) = subject.name().split_once(':').unwrap();
        let entry = format!("name = \"{library}\"\nversion = \"{}\"\n", subject.0.version());
        assert!(locked.contains(&entry), "{subject} {}", subject.0.version());
    }
}
