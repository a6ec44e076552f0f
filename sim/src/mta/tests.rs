use postern_model::scenario::Scenario;
use postern_model::trace::{Channel, Event};

use crate::{Client, Crypto, Options, Server};

/// One host serves two domains. Mail to one is in clear, to the other TLS is required; sessions are kept.
const TWO_NEXT_HOPS: &str = r#"
title = "While a message waits for its turn on a session that is kept, another's is kept with the same host"

[[domain]]
name = "b.example"
mx = [{ host = "mx1.b.example" }]

[[domain]]
name = "c.example"
mx = [{ host = "mx1.b.example" }]

[[host]]
name = "out.a.example"
reuse = true
policy = { "b.example" = "none", "c.example" = "encrypt" }

[[host]]
name = "mx1.b.example"
exchanger-for = ["b.example", "c.example"]

[[message]]
name = "m1"
at = "0s"
host = "out.a.example"
from = "alice@a.example"
to = "carol@c.example"

[[message]]
name = "m2"
at = "10s"
host = "out.a.example"
from = "alice@a.example"
to = "carol@c.example"

[[message]]
name = "m3"
at = "15s"
host = "out.a.example"
from = "alice@a.example"
to = "bob@b.example"

[[step]]
on = { message = "m2", host = "mx1.b.example", phase = "mail" }
host = "out.a.example"
drift = { hold = { until = "40s" } }
"#;

fn events_of(scenario: &str) -> Vec<Event> {
    let scenario = Scenario::parse("test.toml", scenario).unwrap_or_else(|error| panic!("{error}"));
    let options = Options {
        crypto: Crypto::Fast,
        client: Client::Postern,
        server: Server::Postern,
        mutant: None,
    };
    let run = crate::run(&scenario, options).unwrap_or_else(|error| panic!("{error}"));
    run.trace.records.into_iter().map(|record| record.event).collect()
}

/// The connection and the channel of each content, in order.
fn contents(events: &[Event]) -> Vec<(u32, Channel)> {
    let contents = events.iter().filter_map(|event| match event {
        Event::Content {
            connection, channel, ..
        } => Some((connection.0, *channel)),
        _ => None,
    });
    contents.collect()
}

#[test]
fn a_message_goes_on_the_very_session_that_it_was_given() {
    let m1_and_m3_and_m2 = [(0, Channel::Tls), (1, Channel::Clear), (0, Channel::Tls)];
    assert_eq!(contents(&events_of(TWO_NEXT_HOPS)), m1_and_m3_and_m2);
}

#[test]
fn a_session_that_is_given_back_takes_the_place_of_another_which_is_left_in_order() {
    // The session that m2 was given is in clear, and TLS is required of its next hop before it has its turn.
    let scenario = TWO_NEXT_HOPS.replace(r#""c.example" = "encrypt""#, r#""c.example" = "none""#)
        + r#"
[[step]]
at = "30s"
host = "out.a.example"
drift = { policy = { next-hop = "c.example", level = "encrypt" } }
"#;
    let events = events_of(&scenario);
    let m1_and_m3_and_m2 = [(0, Channel::Clear), (1, Channel::Clear), (2, Channel::Tls)];
    assert_eq!(contents(&events), m1_and_m3_and_m2);
    let leaves = events.iter().filter_map(|event| match event {
        Event::Line { connection, text, .. } if text == "QUIT" => Some(connection.0),
        _ => None,
    });
    assert_eq!(
        leaves.collect::<Vec<_>>(),
        [1, 0],
        "the run is over before the third session is"
    );
}
