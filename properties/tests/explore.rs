//! Random worlds, all properties. Proptest draws the seed and the profile of each from a wide range, by a generator of
//! its own that is the same in every run: the seeds are fixed by it.
//!
//! `POSTERN_SEED=…` replays one seed here, `POSTERN_SEEDS=…` draws more of them.

use std::ops::RangeInclusive;

use mailpostern::campaign::{CryptoChoice, Relations, examine};
use mailpostern::generate::{Profile, scenario};
use postern_sim::{Client, Options, Server};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestCaseResult, TestRng, TestRunner};

/// How many seeds are drawn unless told otherwise.
const SEEDS: u64 = 60;

/// What seeds are drawn from: wide, so that hardly any is drawn twice.
const RANGE: RangeInclusive<u64> = 1..=1_000_000;

#[test]
fn every_property_holds_in_random_worlds() {
    if let Some(seed) = number_in("POSTERN_SEED") {
        let mut profiles = Profile::ALL.iter();
        let all_hold = profiles.try_for_each(|profile| holds(seed, *profile));
        return all_hold.unwrap_or_else(|failure| panic!("{failure}"));
    }
    let seeds = number_in("POSTERN_SEEDS").unwrap_or(SEEDS).max(1);
    let config = Config {
        cases: u32::try_from(seeds).unwrap_or(u32::MAX),
        // A seed is its own regression, and no seed is smaller than another.
        failure_persistence: None,
        max_shrink_iters: 0,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let worlds = (RANGE, proptest::sample::select(Profile::ALL));
    TestRunner::new_with_rng(config, rng)
        .run(&worlds, |(seed, profile)| holds(seed, profile))
        .unwrap_or_else(|failure| panic!("{failure}"));
}

/// Runs the world of a seed and asks all judges.
fn holds(seed: u64, profile: Profile) -> TestCaseResult {
    let options = Options {
        crypto: CryptoChoice::Mixed.for_seed(seed),
        client: Client::Postern,
        server: Server::Postern,
        mutant: None,
    };
    let fail = |what: String| {
        TestCaseError::fail(format!(
            "seed {seed} of profile {}: {what}\n\
             replay here:    POSTERN_SEED={seed} cargo test -p mailpostern --test explore\n\
             with transcript: cargo run --release -- replay {seed} --profile {}",
            profile.name(),
            profile.name()
        ))
    };
    let examined = examine(&scenario(seed, profile), options, Relations::Always)
        .map_err(|error| fail(format!("the testbed failed: {error}")))?;
    match examined.judgement.violations().next() {
        None => Ok(()),
        Some((property, _, violation)) => Err(fail(format!(
            "{property} violated, {}: {}",
            violation.rule, violation.why
        ))),
    }
}

fn number_in(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable}={text} is not a seed: write a whole number")))
}
