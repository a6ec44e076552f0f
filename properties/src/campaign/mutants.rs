//! Every mutant must be convicted, by the monitor of the rule that it breaks.

use std::sync::Mutex;
use std::sync::atomic::Ordering;

use postern_model::mutant::Mutant;
use postern_model::scenario::Scenario;

use super::finding::smallest;
use super::{Campaign, explore_worlds};
use crate::breaks::breaks;
use crate::rules::Property;

/// How many worlds a mutant may live through.
const WORLDS_MAX: u64 = 2000;

/// What became of one mutant.
#[derive(Debug, Clone, PartialEq)]
pub struct MutantResult {
    /// The mutant.
    pub mutant: Mutant,
    /// The property and the rule that it breaks.
    pub breaks: (Property, &'static str),
    /// How it was killed, if it was.
    pub killed: Option<Kill>,
}

/// The world that killed a mutant.
#[derive(Debug, Clone, PartialEq)]
pub struct Kill {
    /// The seed of the world.
    pub seed: u64,
    /// How many worlds it took.
    pub worlds: u64,
    /// The world, shrunk, in which the conviction was confirmed under real cryptography.
    pub scenario: Scenario,
}

impl Kill {
    /// How many steps the shrunk timeline has.
    pub fn events(&self) -> usize {
        self.scenario.step.len()
    }
}

/// Hunts every mutant. Takes the seeds, the cryptography, the client and the profile from the campaign; its jobs share
/// the mutants. `on_result` hears of each mutant as it is done. The results are in the order of [`Mutant::ALL`].
pub fn mutants(campaign: &Campaign, on_result: impl FnMut(&MutantResult) + Send) -> Vec<MutantResult> {
    let waiting = Mutex::new(Mutant::ALL.iter());
    let done = Mutex::new((Vec::new(), on_result));
    std::thread::scope(|scope| {
        for _ in 0..campaign.jobs.clamp(1, Mutant::ALL.len()) {
            scope.spawn(|| {
                while !campaign.stop.load(Ordering::Relaxed) {
                    let next = waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).next();
                    let Some(mutant) = next else { return };
                    let result = hunt(campaign, *mutant);
                    let mut done = done.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                    let (results, on_result) = &mut *done;
                    on_result(&result);
                    results.push(result);
                }
            });
        }
    });
    let (mut results, _) = done.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    results.sort_by_key(|result| result.mutant);
    results
}

/// Convicts a mutant of its own rule, shrinks the world that did and confirms it under real cryptography.
pub fn hunt(campaign: &Campaign, mutant: Mutant) -> MutantResult {
    let (property, rule) = breaks(mutant);
    // What is not there under real cryptography convicts nobody.
    let killed = convict(campaign, mutant).and_then(|Conviction { seed, worlds }| {
        let campaign = Campaign {
            mutant: Some(mutant),
            ..campaign.clone()
        };
        let (scenario, _) = smallest(&campaign, seed, property, rule).ok()?;
        Some(Kill { seed, worlds, scenario })
    });
    MutantResult {
        mutant,
        breaks: (property, rule),
        killed,
    }
}

/// The world that convicted a mutant, as it was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conviction {
    /// Its seed.
    pub seed: u64,
    /// How many worlds it took.
    pub worlds: u64,
}

/// Explores worlds, on one thread, until one convicts this mutant of its own rule.
pub fn convict(campaign: &Campaign, mutant: Mutant) -> Option<Conviction> {
    let (property, rule) = breaks(mutant);
    let campaign = Campaign {
        seeds: campaign.seeds.min(WORLDS_MAX),
        jobs: 1,
        mutant: Some(mutant),
        ..campaign.clone()
    };
    let mut worlds = 0;
    let mut seed = None;
    explore_worlds(
        &campaign,
        |_| {},
        |outcome| {
            if seed.is_none() {
                worlds += 1;
                if outcome.violates(property, rule) {
                    seed = Some(outcome.seed);
                }
            }
            seed.is_some()
        },
    );
    seed.map(|seed| Conviction { seed, worlds })
}
