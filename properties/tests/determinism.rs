//! The same seed gives the same bytes on the wire and the same events: twice in one process, in two processes, with one
//! job and with two. `.ci/run` compares the debug build with the release build besides.

use std::process::Command;

use mailpostern::generate::{self, Profile};
use postern_sim::subjects::{CLIENTS, LETTRE};
use postern_sim::{Client, Crypto, Options, Server};
use serde_json::Value;

const SEEDS: [u64; 4] = [1, 77, 4242, (1 << 40) + 7];

fn postern(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_postern"))
        .args(arguments)
        .arg("--json")
        .output()
        .expect("the command runs");
    serde_json::from_slice(&output.stdout).expect("the command prints JSON")
}

fn assert_same_twice(seed: u64, options: Options) {
    let scenario = options.client.fit(generate::scenario(seed, Profile::default()));
    let [first, second] = [(); 2].map(|()| postern_sim::run(&scenario, options).expect("the world runs"));
    if let Some((place, first, second)) = first.trace.first_difference(&second.trace) {
        panic!("seed {seed} differs at event {place}: {first:?} against {second:?}");
    }
    assert_eq!(
        first.wire_hash, second.wire_hash,
        "seed {seed} differs on the wire only"
    );
}

#[test]
fn twice_in_one_process() {
    for seed in SEEDS {
        for crypto in [Crypto::Real, Crypto::Fast] {
            let client = Client::Postern;
            assert_same_twice(
                seed,
                Options {
                    crypto,
                    client,
                    server: Server::Postern,
                    mutant: None,
                },
            );
        }
    }
}

#[test]
fn twice_in_one_process_with_a_client_that_nobody_here_wrote() {
    for seed in SEEDS {
        for subject in CLIENTS.iter().copied().chain([LETTRE]) {
            let client = Client::Subject(subject);
            assert_same_twice(
                seed,
                Options {
                    crypto: Crypto::Real,
                    client,
                    server: Server::Postern,
                    mutant: None,
                },
            );
        }
    }
}

#[test]
fn in_two_processes_and_in_this_one() {
    for seed in SEEDS {
        let scenario = generate::scenario(seed, Profile::default());
        let options = Options {
            crypto: Crypto::Real,
            client: Client::Postern,
            server: Server::Postern,
            mutant: None,
        };
        let here = postern_sim::run(&scenario, options).expect("the world runs");
        for _ in 0..2 {
            let there = postern(&["replay", &seed.to_string()]);
            assert_eq!(there["wire_hash"], here.wire_hash, "seed {seed}");
            assert_eq!(there["trace_hash"], here.trace_hash, "seed {seed}");
        }
    }
}

#[test]
fn with_one_job_and_with_two() {
    let [one, two] = ["1", "2"].map(|jobs| postern(&["explore", "--seeds", "40", "--jobs", jobs]));
    assert_eq!(one["worlds"], 40);
    assert_eq!(one["fingerprint"], two["fingerprint"]);
}

#[test]
fn another_seed_gives_another_wire() {
    let hashes = SEEDS.map(|seed| postern(&["replay", &seed.to_string()])["wire_hash"].to_string());
    assert!(
        (1..hashes.len()).all(|place| !hashes[..place].contains(&hashes[place])),
        "{hashes:?}"
    );
}
