//! What each server does in a calm world, without TLS, and with clients that mean no good.

use postern_model::scenario::{Level, Scenario};
use postern_model::trace::{Channel, End, Event, Trace};

use super::SERVERS;
use crate::subject::ServerSubjectRef;
use crate::{Client, Crypto, Options, Run, Server, run};

const WITHOUT_TLS: &str = r#"tls = "off""#;

/// One message from a.example to b.example, whose host has this setting besides, and whatever more happens.
fn world(level: Level, setting: &str, more: &str) -> Scenario {
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
{setting}

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

fn visit(kind: &str) -> String {
    format!("\n[[step]]\nat = \"1h\"\nhost = \"mx1.b.example\"\nvisit = \"{kind}\"\n")
}

fn run_by(subject: ServerSubjectRef, crypto: Crypto, scenario: &Scenario) -> Run {
    let options = Options {
        crypto,
        client: Client::Postern,
        server: Server::Subject(subject),
        mutant: None,
    };
    run(&subject.fit(scenario), options).unwrap()
}

fn trace_of(subject: ServerSubjectRef, scenario: &Scenario) -> Trace {
    run_by(subject, Crypto::Real, scenario).trace
}

fn events(trace: &Trace) -> impl Iterator<Item = &Event> {
    trace.records.iter().map(|record| &record.event)
}

/// Over which channels the content of messages came.
fn contents(trace: &Trace) -> Vec<Channel> {
    let contents = events(trace).filter_map(|event| match event {
        Event::Content { channel, .. } => Some(*channel),
        _ => None,
    });
    contents.collect()
}

fn deliveries(trace: &Trace) -> usize {
    let delivered = events(trace).filter(|event| matches!(event, Event::Delivered { .. }));
    delivered.count()
}

/// The reply that was read next behind the last line of a client that reads so.
fn answer_to(trace: &Trace, wanted: &str) -> String {
    let lines: Vec<_> = events(trace)
        .filter_map(|event| match event {
            Event::Line { from, text, .. } => Some((*from, text.as_str())),
            _ => None,
        })
        .collect();
    let asked = lines.iter().rposition(|line| *line == (End::Dialler, wanted));
    let behind = &lines[asked.unwrap_or_else(|| panic!("nobody said {wanted}")) + 1..];
    let answer = behind.iter().find(|(from, _)| *from == End::Acceptor);
    let (_, text) = answer.unwrap_or_else(|| panic!("nobody answered {wanted}"));
    (*text).to_owned()
}

#[test]
fn every_server_takes_mail_in_clear_from_a_client_that_leaves_tls_alone() {
    for subject in SERVERS {
        let trace = trace_of(*subject, &world(Level::None, "", ""));
        assert_eq!(contents(&trace), [Channel::Clear], "{subject}");
        assert_eq!(deliveries(&trace), 1, "{subject}");
    }
}

#[test]
fn every_server_takes_mail_inside_tls_from_a_client_that_wishes_it_or_demands_it() {
    for subject in SERVERS {
        for level in [Level::May, Level::Secure] {
            let trace = trace_of(*subject, &world(level, "", ""));
            assert_eq!(contents(&trace), [Channel::Tls], "{subject} at {level}");
            assert_eq!(deliveries(&trace), 1, "{subject} at {level}");
        }
    }
}

#[test]
fn no_server_offers_starttls_that_is_not_set_to_and_each_takes_the_mail_in_clear() {
    for subject in SERVERS {
        let trace = trace_of(*subject, &world(Level::May, WITHOUT_TLS, ""));
        let is_offered =
            events(&trace).any(|event| matches!(event, Event::Line { text, .. } if text.ends_with("STARTTLS")));
        assert!(!is_offered, "{subject}");
        assert_eq!(contents(&trace), [Channel::Clear], "{subject}");
        assert_eq!(deliveries(&trace), 1, "{subject}");
    }
}

#[test]
fn every_server_refuses_starttls_that_it_did_not_offer() {
    for subject in SERVERS {
        let trace = trace_of(*subject, &world(Level::May, WITHOUT_TLS, &visit("every-command")));
        let answer = answer_to(&trace, "STARTTLS");
        assert!(answer.starts_with('5'), "{subject}: {answer}");
    }
}

#[test]
fn no_server_offers_starttls_inside_tls_or_takes_it_there() {
    for subject in SERVERS {
        let trace = trace_of(*subject, &world(Level::May, "", &visit("starttls-inside-tls")));
        let is_offered = events(&trace).any(|event| {
            matches!(event, Event::Line { from: End::Acceptor, channel: Channel::Tls, text, .. } if text.ends_with("STARTTLS"))
        });
        assert!(!is_offered, "{subject}");
        let answer = answer_to(&trace, "STARTTLS");
        assert!(answer.starts_with('5'), "{subject}: {answer}");
    }
}

/// samotop reads on from what its buffer held when TLS began.
#[test]
fn commands_that_are_injected_behind_starttls_are_answered_inside_tls_by_samotop_alone() {
    let injection =
        "\n[[step]]\nat = \"0s\"\nhost = \"mx1.b.example\"\nattack = { inject-commands = 0 }\nlasting = \"10m\"\n";
    for subject in SERVERS {
        let trace = trace_of(*subject, &world(Level::Secure, "", injection));
        let first = events(&trace).find_map(|event| match event {
            Event::Line {
                from: End::Acceptor,
                channel: Channel::Tls,
                text,
                ..
            } => Some(text.as_str()),
            _ => None,
        });
        let is_of_ehlo = first.is_some_and(|line| line.contains("mx1.b.example") || line.contains("extensions"));
        assert_eq!(!is_of_ehlo, subject.name() == "samotop-core", "{subject}: {first:?}");
    }
}

#[test]
fn a_recipient_that_the_host_refuses_is_refused_by_the_code_of_the_host() {
    for subject in SERVERS {
        for (state, code) in [("refuses", "550"), ("defers", "452")] {
            let setting = format!("mailboxes = {{ bob = \"{state}\" }}\n");
            let trace = trace_of(*subject, &world(Level::May, &setting, ""));
            let answer = answer_to(&trace, "RCPT TO:<bob@b.example>");
            assert!(answer.starts_with(code), "{subject}: {answer}");
        }
    }
}

#[test]
fn every_server_hangs_up_on_a_client_that_was_silent_for_five_minutes() {
    for subject in SERVERS {
        let trace = trace_of(*subject, &world(Level::May, "", &visit("falls-silent")));
        let hung_up = trace.records.iter().rev().find_map(|record| match record.event {
            Event::HungUp { by: End::Acceptor, .. } => Some(record.at.as_secs()),
            _ => None,
        });
        assert!(
            hung_up.is_some_and(|at| (3900..3910).contains(&at)),
            "{subject}: {hung_up:?}"
        );
    }
}

#[test]
fn a_host_that_crashes_before_it_stored_a_message_answers_nothing_and_takes_it_later() {
    let crash = r#"
[[step]]
on = { message = "m1", host = "mx1.b.example", phase = "store" }
host = "mx1.b.example"
drift = { crash = { down-for = "1m" } }
"#;
    for subject in SERVERS {
        let trace = trace_of(*subject, &world(Level::May, "", crash));
        assert_eq!(contents(&trace).len(), 2, "{subject}");
        assert_eq!(deliveries(&trace), 1, "{subject}");
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for subject in SERVERS {
        for more in [String::new(), visit("every-command")] {
            for crypto in [Crypto::Real, Crypto::Fast] {
                let scenario = world(Level::Secure, "", &more);
                let [first, second] = [0, 1].map(|_| run_by(*subject, crypto, &scenario));
                assert_eq!(first.wire_hash, second.wire_hash, "{subject}");
                assert_eq!(first.trace_hash, second.trace_hash, "{subject}");
            }
        }
    }
}

#[test]
fn a_world_that_was_fitted_stays_as_it_is_and_demands_tls_nowhere() {
    let setting = "demands-tls = true\ntrouble = \"lists-little\"\n";
    for subject in SERVERS {
        let once = subject.fit(&world(Level::May, setting, ""));
        assert_eq!(subject.fit(&once), once, "{subject}");
        assert!(once.host.iter().all(|host| !host.demands_tls), "{subject}");
    }
}

#[test]
fn every_server_is_of_the_version_that_is_built() {
    let locked = include_str!("../../../Cargo.lock");
    for subject in SERVERS {
        let entry = format!("name = \"{subject}\"\nversion = \"{}\"\n", subject.0.version());
        assert!(locked.contains(&entry), "{subject} {}", subject.0.version());
    }
}
