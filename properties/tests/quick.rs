//! The one quick property test: whatever breaks the MTA should break it within seconds. `docs/mutation.md` measures that.

use std::path::Path;
use std::thread;

use mailpostern::campaign::{Relations, examine};
use mailpostern::catalogue;
use mailpostern::expectation::unmet;
use mailpostern::generate::{Profile, scenario};
use postern_model::scenario::Scenario;
use postern_sim::{Client, Crypto, Options, Server};

/// Real curves would take most of the time and tell nothing about the MTA.
const OPTIONS: Options = Options {
    crypto: Crypto::Fast,
    client: Client::Postern,
    server: Server::Postern,
    mutant: None,
};

/// The seeds of the random worlds.
const SEEDS: std::ops::Range<u64> = 1..101;

#[test]
fn a_hundred_random_worlds_and_the_named_scenarios_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let named = catalogue::read(&folder).expect("the named scenarios");
    let random = SEEDS.map(|seed| (format!("seed {seed}"), scenario(seed, Profile::Swarm)));
    let mut worlds: Vec<(String, Scenario)> = named.into_iter().map(|named| (named.name, named.scenario)).collect();
    worlds.extend(random);
    let half = worlds.len() / 2;
    let problems: Vec<String> = thread::scope(|scope| {
        let halves = [&worlds[..half], &worlds[half..]];
        let halves = halves.map(|half| scope.spawn(|| half.iter().flat_map(problems_of).collect::<Vec<_>>()));
        halves
            .into_iter()
            .flat_map(|half| half.join().expect("no panic"))
            .collect()
    });
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// What a world came to that it should not, each with its name.
fn problems_of((name, scenario): &(String, Scenario)) -> Vec<String> {
    // What a named scenario states may be about two runs.
    let relations = match scenario.expect {
        Some(_) => Relations::Always,
        None => Relations::Drawn,
    };
    let problems = match examine(scenario, OPTIONS, relations) {
        Err(error) => vec![error.to_string()],
        Ok(examined) => match &scenario.expect {
            Some(expectation) => unmet(expectation, &examined.judgement),
            None => {
                let violations = examined.judgement.violations();
                violations
                    .map(|(property, _, found)| format!("{property}, {}: {}", found.rule, found.why))
                    .collect()
            }
        },
    };
    problems
        .into_iter()
        .map(|problem| format!("{name}: {problem}"))
        .collect()
}
