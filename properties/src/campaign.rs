//! Campaigns: many worlds, every property judged in each, and what fails made small, confirmed and kept.
//!
//! The report depends on the seeds alone, not on how many threads shared them nor on which came first.

mod examine;
mod finding;
mod mutants;
mod prices;
mod report;
mod survey;
mod tally;

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use postern_model::mutant::Mutant;
use postern_model::scenario::{Reading, Scenario};
use postern_sim::{Client, Crypto, Options, Server};

use crate::generate::{self, Profile};

pub use examine::{ExamineError, Examined, Relations, examine};
pub(crate) use finding::pursue;
pub use finding::{Finding, replay_command};
pub use mutants::{Conviction, Kill, MutantResult, convict, hunt, mutants};
pub use prices::{Price, Prices};
pub use report::{Failure, JudgedBy, PropertyCount, RelationCount, Report, Worth};
pub use survey::{Broken, Survey, Surveyed, survey};

use tally::{Outcome, Tally};

/// Where the scenarios that campaigns find are kept.
pub const FOUND_FOLDER: &str = "target/postern/found";

/// Every world in so many is run under real cryptography when the tiers are mixed.
const REAL_CRYPTO_EVERY: u64 = 4;

/// The tiers of cryptography of a campaign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CryptoChoice {
    /// Every world under real cryptography.
    Real,
    /// Every world under fast cryptography.
    Fast,
    /// Every fourth seed under real cryptography.
    #[default]
    Mixed,
}

impl CryptoChoice {
    /// The tier for the world of a seed.
    pub fn for_seed(self, seed: u64) -> Crypto {
        match self {
            Self::Real => Crypto::Real,
            Self::Mixed if seed.is_multiple_of(REAL_CRYPTO_EVERY) => Crypto::Real,
            Self::Fast | Self::Mixed => Crypto::Fast,
        }
    }
}

/// One part of a campaign that several machines share: every `of`-th seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which part, from 1.
    pub number: u64,
    /// How many parts there are, at least 1.
    pub of: u64,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Self = Self { number: 1, of: 1 };
}

/// What a campaign runs.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// The first seed.
    pub from: u64,
    /// How many seeds, those of other shards included.
    pub seeds: u64,
    /// After this long no further world is begun.
    pub limit: Option<Duration>,
    /// How many threads share the worlds, at least 1.
    pub jobs: usize,
    /// The tiers of cryptography.
    pub crypto: CryptoChoice,
    /// The client under test.
    pub client: Client,
    /// The server under test.
    pub server: Server,
    /// The bug that every MTA of every world has, if any.
    pub mutant: Option<Mutant>,
    /// The part of the seeds that is run.
    pub shard: Shard,
    /// Whose word counts for the judges where the thread of 2001 and RFC 3207 differ; where none is said, as each world is
    /// drawn (see [`readings::of_drawn`](crate::readings::of_drawn)).
    pub reading: Option<Reading>,
    /// The distribution of the worlds.
    pub profile: Profile,
    /// Where the scenarios of findings are written.
    pub found_folder: PathBuf,
    /// Set from outside to begin no further world.
    pub stop: Arc<AtomicBool>,
}

impl Default for Campaign {
    fn default() -> Self {
        Self {
            from: 1,
            seeds: 2000,
            limit: None,
            jobs: std::thread::available_parallelism().map_or(1, usize::from),
            crypto: CryptoChoice::default(),
            client: Client::Postern,
            server: Server::Postern,
            mutant: None,
            shard: Shard::WHOLE,
            reading: None,
            profile: Profile::default(),
            found_folder: FOUND_FOLDER.into(),
            stop: Arc::default(),
        }
    }
}

impl Campaign {
    /// How its worlds are run; the mutant is in each scenario.
    pub fn options(&self, crypto: Crypto) -> Options {
        Options {
            crypto,
            client: self.client,
            server: self.server,
            mutant: None,
        }
    }

    /// The same world, in which nothing is asked of the implementations under test that they do not offer.
    pub fn fit(&self, scenario: Scenario) -> Scenario {
        self.server.fit(self.client.fit(scenario))
    }
}

/// How far a campaign has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Worlds that are over, those in which the testbed failed included.
    pub worlds: u64,
    /// Worlds in which a property was violated.
    pub violated: u64,
    /// Worlds in which the testbed failed.
    pub failed: u64,
}

/// Runs the campaign: explores all its worlds, then shrinks, confirms and saves the first violation of each rule.
/// `on_progress` hears of every world, on the calling thread.
pub fn explore(campaign: &Campaign, on_progress: impl FnMut(Progress)) -> Report {
    let began = now();
    let tally = explore_worlds(campaign, on_progress, |_| false);
    let seconds = began.elapsed().as_secs_f64();
    Report::of(campaign, tally, seconds)
}

/// Runs worlds until the seeds or the time are over, or `enough` says so of a world.
fn explore_worlds(
    campaign: &Campaign,
    mut on_progress: impl FnMut(Progress),
    mut enough: impl FnMut(&Outcome) -> bool,
) -> Tally {
    let deadline = campaign.limit.and_then(|limit| now().checked_add(limit));
    let shard = campaign.shard;
    let next = AtomicU64::new(shard.number.saturating_sub(1));
    let is_over = || {
        let stopped = campaign.stop.load(Ordering::Relaxed);
        stopped || deadline.is_some_and(|deadline| now() >= deadline)
    };
    let enough_seen = AtomicBool::new(false);
    let mut tally = Tally::default();
    let (outcomes, incoming) = mpsc::sync_channel(256);
    std::thread::scope(|scope| {
        for _ in 0..campaign.jobs.max(1) {
            let outcomes = outcomes.clone();
            scope.spawn(|| {
                let outcomes = outcomes;
                while !is_over() && !enough_seen.load(Ordering::Relaxed) {
                    let place = next.fetch_add(shard.of.max(1), Ordering::Relaxed);
                    let Some(seed) = campaign.from.checked_add(place) else {
                        break;
                    };
                    if place >= campaign.seeds || outcomes.send(world(campaign, seed)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(outcomes);
        for outcome in incoming {
            if enough(&outcome) {
                enough_seen.store(true, Ordering::Relaxed);
            }
            tally.add(outcome);
            on_progress(tally.progress());
        }
    });
    tally
}

/// Runs and judges the world of one seed.
fn world(campaign: &Campaign, seed: u64) -> Outcome {
    let options = campaign.options(campaign.crypto.for_seed(seed));
    let examined = catch_unwind(AssertUnwindSafe(|| scenario(campaign, seed)))
        .map_err(|_| "the generator panicked".to_owned())
        .and_then(|scenario| {
            let examined = examine(&scenario, options, Relations::Drawn).map_err(|failure| failure.to_string())?;
            Ok((scenario, examined))
        });
    Outcome::of(seed, options.crypto, examined)
}

/// The world of a seed, with the campaign's mutant in it.
fn scenario(campaign: &Campaign, seed: u64) -> Scenario {
    let mut scenario = generate::scenario(seed, campaign.profile);
    scenario.mutant = campaign.mutant;
    scenario.reading = campaign.reading.unwrap_or(scenario.reading);
    campaign.fit(scenario)
}

#[expect(
    clippy::disallowed_methods,
    reason = "campaigns are bounded and measured in real time; no world sees it"
)]
fn now() -> Instant {
    Instant::now()
}
