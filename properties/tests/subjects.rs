//! Clients and servers that nobody here wrote: what the judges find in them, and that it is the same every time.

use std::path::Path;

use mailpostern::campaign::{Examined, Relations, examine};
use mailpostern::catalogue;
use mailpostern::rules::Property;
use mailpostern::subjects::{Outcome, Row, Subject, Trial, row};
use postern_model::scenario::{Action, Attack, Scenario};
use postern_sim::subject::ServerSubjectRef;
use postern_sim::subjects::{CLIENTS, SERVERS};
use postern_sim::{Client, Crypto, Options, Server};

fn named(name: &str) -> Scenario {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut scenarios = catalogue::read(&folder).expect("the named scenarios").into_iter();
    scenarios.find(|scenario| scenario.name == name).expect(name).scenario
}

fn examined(client: Client, server: Server, scenario: Scenario) -> Examined {
    let options = Options {
        crypto: Crypto::Real,
        client,
        server,
        mutant: None,
    };
    let scenario = server.fit(client.fit(scenario));
    examine(&scenario, options, Relations::Always).expect("the world runs")
}

fn violated(client: &str, scenario: &str) -> Vec<Property> {
    let client = Client::named(client).expect(client);
    violations(&examined(client, Server::Postern, named(scenario)))
}

fn violated_by_server(server: ServerSubjectRef, scenario: &str) -> Vec<Property> {
    violations(&examined(Client::Postern, Server::Subject(server), named(scenario)))
}

fn violations(examined: &Examined) -> Vec<Property> {
    let violations = examined.judgement.violations();
    violations.map(|(property, _, _)| property).collect()
}

fn trial(subject: Subject, worlds: u64) -> Row {
    row(&Trial::of(subject, worlds), |_| {})
}

/// lettre reads on from what its buffer held when TLS began.
#[test]
fn lettre_takes_replies_that_were_injected_behind_the_go_ahead_for_the_servers() {
    let violated = violated("lettre:required", "injection/replies-behind-go-ahead");
    for property in [Property::P13, Property::P28, Property::P29] {
        assert!(violated.contains(&property), "{violated:?}");
    }
}

#[test]
fn the_others_take_no_reply_that_was_injected_behind_the_go_ahead_for_the_servers() {
    for client in ["mail-send:starttls", "async-smtp:starttls", "io-smtp:starttls"] {
        let violated = violated(client, "injection/replies-behind-go-ahead");
        for property in [Property::P13, Property::P28, Property::P29] {
            assert!(!violated.contains(&property), "{client}: {violated:?}");
        }
    }
}

/// Where the injected replies are cut decides how much of them the buffer holds when TLS begins, and whether any.
#[test]
fn wherever_the_injected_replies_are_cut_only_lettre_ever_takes_one_for_the_servers() {
    let scenario = named("injection/replies-behind-go-ahead");
    for subject in CLIENTS {
        let is_taken = |cut: u16| {
            let mut scenario = scenario.clone();
            if let Action::Attack { attack, .. } = &mut scenario.step[0].action {
                *attack = Attack::InjectReplies(cut);
            }
            let judgement = examined(Client::Subject(*subject), Server::Postern, scenario).judgement;
            let mut violated = judgement.violations().map(|(property, _, _)| property);
            violated.any(|property| property == Property::P28)
        };
        let taken: Vec<u16> = (0..=45).step_by(15).filter(|cut| is_taken(*cut)).collect();
        let is_lettre = subject.name().starts_with("lettre");
        assert_eq!(is_lettre, !taken.is_empty(), "{subject}: {taken:?}");
    }
}

/// samotop reads on from what its buffer held when TLS began.
#[test]
fn commands_that_were_injected_behind_starttls_are_run_inside_tls_by_samotop_alone() {
    for server in SERVERS {
        let violated = violated_by_server(*server, "injection/commands-behind-starttls");
        let is_samotop = server.name() == "samotop-core";
        assert_eq!(violated.contains(&Property::P28), is_samotop, "{server}: {violated:?}");
    }
}

#[test]
fn no_server_says_anything_else_inside_tls_for_a_transaction_that_was_injected_before_starttls() {
    for server in SERVERS {
        let violated = violated_by_server(*server, "injection/transaction-before-starttls");
        assert!(!violated.contains(&Property::P28), "{server}: {violated:?}");
    }
}

#[test]
fn the_same_worlds_give_the_same_row() {
    for subject in Subject::all() {
        assert_eq!(trial(subject, 6), trial(subject, 6), "{subject}");
    }
}

/// Five hundred worlds put each to the test fifty times and more; a tenth of them must come to a tenth.
#[test]
fn at_least_six_properties_put_every_server_to_the_test_in_a_tenth_of_its_worlds() {
    for server in SERVERS {
        let row = trial(Subject::Server(*server), 50);
        assert_eq!((row.worlds, row.failed), (50, 0), "{server}: {:?}", row.first_failure);
        let often = row.cells.iter().filter(|cell| cell.exercised() >= 5);
        let often: Vec<_> = often.map(|cell| cell.property).collect();
        assert!(often.len() >= 6, "{server}: {often:?}");
    }
}

#[test]
fn a_row_has_a_cell_for_every_property_and_tells_what_does_not_apply() {
    let row = trial(Subject::Client(CLIENTS[0]), 12);
    assert_eq!((row.worlds, row.failed), (12, 0), "{:?}", row.first_failure);
    let properties: Vec<_> = row.cells.iter().map(|cell| cell.property).collect();
    assert_eq!(properties, Property::ALL);
    let put_to_the_test = row.cells.iter().filter(|cell| cell.exercised() > 0);
    assert!(put_to_the_test.count() >= 8);
    let cell = |property| row.cells.iter().find(|cell| cell.property == property).unwrap();
    assert_eq!(cell(Property::P06).outcome, Outcome::NotApplicable);
    assert_eq!(cell(Property::P01).outcome, Outcome::Holds);
}
