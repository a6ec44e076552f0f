//! A survey: a campaign that only counts. What fails is named by its first seed, and neither shrunk nor saved.

use postern_model::monitor::Verdict;

use super::{Campaign, Progress, Relations, examine, explore_worlds, scenario};
use crate::rules::Property;

/// What came of a survey. It depends on the seeds alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// How many worlds were run and judged.
    pub worlds: u64,
    /// How many SMTP connections stood in them.
    pub sessions: u64,
    /// The sum of the fingerprints of all worlds.
    pub fingerprint: u128,
    /// Every property, in order.
    pub properties: Vec<Surveyed>,
    /// How many worlds the testbed failed on.
    pub failed: u64,
    /// The first of them, and what failed.
    pub first_failure: Option<(u64, String)>,
}

/// How often a property held and was violated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surveyed {
    /// The property.
    pub property: Property,
    /// In so many worlds it held.
    pub holds: u64,
    /// In so many worlds nothing put it to the test.
    pub not_exercised: u64,
    /// In so many worlds it was violated.
    pub violated: u64,
    /// The rules that were violated, in order.
    pub rules: Vec<Broken>,
}

/// One rule that was violated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Its id.
    pub rule: &'static str,
    /// In so many worlds.
    pub worlds: u64,
    /// The lowest of their seeds.
    pub seed: u64,
    /// What went wrong in the world of that seed, in one sentence.
    pub why: String,
}

/// Runs and judges all worlds of a campaign. `on_progress` hears of every world, on the calling thread.
pub fn survey(campaign: &Campaign, on_progress: impl FnMut(Progress)) -> Survey {
    let tally = explore_worlds(campaign, on_progress, |_| false);
    let properties = Property::ALL.iter().map(|property| {
        let counts = tally.properties.get(property).copied().unwrap_or_default();
        let broken = tally
            .violations
            .iter()
            .filter(|((violated, _), _)| violated == property);
        let rules = broken.map(|((_, rule), violations)| Broken {
            rule,
            worlds: violations.worlds,
            seed: violations.seed,
            why: why(campaign, *property, violations.seed),
        });
        Surveyed {
            property: *property,
            holds: counts.holds,
            not_exercised: counts.not_exercised,
            violated: counts.violated,
            rules: rules.collect(),
        }
    });
    Survey {
        worlds: tally.worlds,
        sessions: tally.sessions,
        fingerprint: tally.fingerprint,
        properties: properties.collect(),
        failed: tally.failed,
        first_failure: tally
            .failures
            .first_key_value()
            .map(|(seed, what)| (*seed, what.clone())),
    }
}

/// The sentence of the violation in the world of a seed.
fn why(campaign: &Campaign, property: Property, seed: u64) -> String {
    let options = campaign.options(campaign.crypto.for_seed(seed));
    let examined = examine(&scenario(campaign, seed), options, Relations::Drawn);
    let verdict = examined
        .ok()
        .and_then(|examined| examined.judgement.verdict(property).cloned());
    match verdict {
        Some(Verdict::Violated { violation, .. }) => violation.why,
        _ => String::from("it was violated once and is not again: the world is not deterministic"),
    }
}
