//! Every named scenario comes to what it states, and does so again to the byte.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;

use mailpostern::campaign::{Relations, examine};
use mailpostern::catalogue::{self, Named};
use mailpostern::expectation::unmet;
use mailpostern::judge::Judgement;
use mailpostern::rules::Rule;
use mailpostern::threats::{THREATS, Threat, UNSHOWN};
use postern_model::monitor::Verdict;
use postern_sim::{Client, Crypto, Options, Server};

const OPTIONS: Options = Options {
    crypto: Crypto::Real,
    client: Client::Postern,
    server: Server::Postern,
    mutant: None,
};

#[test]
fn every_named_scenario_comes_to_what_it_states() {
    assert_of_each(|Named { scenario, .. }| {
        let Some(expectation) = &scenario.expect else {
            return vec!["it expects nothing; write an [expect] table".to_owned()];
        };
        let unstated = scenario.message.iter().filter(|message| {
            let mut fates = expectation.fates.iter();
            !fates.any(|fate| fate.message == message.name)
        });
        let mut problems: Vec<String> = unstated
            .map(|message| format!("it states no fate of {}", message.name))
            .collect();
        match examine(scenario, OPTIONS, Relations::Always) {
            Ok(examined) => {
                problems.extend(unmet(expectation, &examined.judgement));
                let unshown = expectation.shows.iter().filter(|id| !shows(&examined.judgement, id));
                problems.extend(unshown.map(|id| format!("it says that it shows {id}, which nobody put to the test")));
            }
            Err(error) => problems.push(error.to_string()),
        }
        problems
    });
}

#[test]
fn every_named_scenario_is_the_same_again_to_the_byte() {
    assert_of_each(|Named { scenario, .. }| {
        let [first, second] = [(); 2].map(|()| postern_sim::run(scenario, OPTIONS));
        match (first, second) {
            (Ok(first), Ok(second)) if first == second => Vec::new(),
            (Ok(first), Ok(second)) => vec![format!(
                "two runs differ: wire {} and {}, trace {} and {}",
                first.wire_hash, second.wire_hash, first.trace_hash, second.trace_hash
            )],
            (Err(error), _) | (_, Err(error)) => vec![error.to_string()],
        }
    });
}

#[test]
fn every_named_scenario_says_in_a_sentence_of_its_own_what_it_shows() {
    let catalogue = catalogue();
    for Named { name, scenario } in &catalogue {
        let same = catalogue.iter().filter(|other| other.scenario.title == scenario.title);
        assert_eq!(same.count(), 1, "{name} has the title of another: {}", scenario.title);
        assert!(scenario.message.iter().len() > 0, "{name} sends no mail");
    }
}

#[test]
fn every_threat_is_shown_by_a_scenario_or_has_a_reason_not_to_be() {
    let catalogue = catalogue();
    let shown: BTreeSet<&str> = catalogue
        .iter()
        .filter_map(|named| named.scenario.expect.as_ref())
        .flat_map(|expectation| expectation.shows.iter().map(String::as_str))
        .collect();
    let unshown: Vec<&str> = THREATS
        .iter()
        .map(|threat| threat.id)
        .filter(|id| !shown.contains(id))
        .collect();
    let with_reason: Vec<&str> = UNSHOWN.iter().map(|(id, _)| *id).collect();
    assert_eq!(unshown, with_reason);
}

/// Whether the rule of this id was put to the test. What an attack came to is in the fates.
fn shows(judgement: &Judgement, id: &str) -> bool {
    let is_exercised = |property| {
        let verdict = judgement.verdict(property);
        verdict.is_some_and(|verdict| *verdict != Verdict::NotExercised)
    };
    match Rule::of(id) {
        Some(rule) => rule.properties().any(is_exercised),
        None => Threat::of(id).is_some(),
    }
}

fn catalogue() -> Vec<Named> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let catalogue = catalogue::read(&folder).unwrap_or_else(|error| panic!("{error}"));
    assert!(!catalogue.is_empty(), "no scenario in {}", folder.display());
    catalogue
}

/// Checks all scenarios, half of them at a time, and reports all problems by name.
#[track_caller]
fn assert_of_each(check: impl Fn(&Named) -> Vec<String> + Sync) {
    let catalogue = catalogue();
    let problems_of = |part: &[Named]| {
        let of_one = |named: &Named| {
            let problems = check(named).into_iter();
            problems
                .map(|problem| format!("properties/scenarios/{}.toml: {problem}", named.name))
                .collect::<Vec<_>>()
        };
        part.iter().flat_map(of_one).collect::<Vec<_>>()
    };
    let (one, other) = catalogue.split_at(catalogue.len() / 2);
    let problems = thread::scope(|scope| {
        let beside = scope.spawn(|| problems_of(one));
        let mut problems = problems_of(other);
        problems.extend(beside.join().expect("a check that does not panic"));
        problems
    });
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}
