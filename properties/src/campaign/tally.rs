//! What is counted over the worlds of a campaign. Adding is commutative, so the order of the worlds does not matter.

use std::collections::{BTreeMap, BTreeSet};

use postern_model::monitor::Verdict;
use postern_model::scenario::{Reading, Scenario};
use postern_sim::{Crypto, Run};

use super::{Examined, JudgedBy, Prices, Progress, Worth};
use crate::relation::Relation;
use crate::rules::Property;
use crate::situations::Situation;

/// Failures of the testbed that are kept with their reason; the rest are counted.
const FAILURES_KEPT: usize = 100;

/// A world that holds at least so much is worth its time.
const WORTH_MESSAGES: usize = 2;
const WORTH_SESSIONS: u64 = 5;

/// What came of the world of one seed.
pub(super) struct Outcome {
    pub(super) seed: u64,
    crypto: Crypto,
    result: Result<Counts, String>,
}

struct Counts {
    fingerprint: u128,
    runs: u64,
    sessions: u64,
    messages: usize,
    reading: Reading,
    verdicts: Vec<(Property, VerdictKind)>,
    relations: Vec<(Relation, VerdictKind)>,
    situations: BTreeSet<Situation>,
    prices: Prices,
}

/// A verdict without its place.
enum VerdictKind {
    Holds,
    NotExercised,
    Violated { rule: &'static str },
}

impl Outcome {
    pub(super) fn of(seed: u64, crypto: Crypto, examined: Result<(Scenario, Examined), String>) -> Self {
        let result = examined.map(|(scenario, examined)| Counts {
            fingerprint: fingerprint(&examined.run),
            runs: examined.runs,
            sessions: examined.run.sessions,
            messages: scenario.message.len(),
            reading: scenario.reading,
            prices: Prices::of(&scenario, &examined.run.trace, &examined.judgement),
            situations: Situation::reached(&scenario, &examined.run.trace, &examined.judgement),
            verdicts: examined
                .judgement
                .verdicts
                .iter()
                .map(|(property, verdict)| (*property, VerdictKind::of(verdict)))
                .collect(),
            relations: examined
                .relations
                .iter()
                .map(|(relation, verdict)| (*relation, VerdictKind::of(verdict)))
                .collect(),
        });
        Self { seed, crypto, result }
    }

    /// Whether the world violated this rule of this property.
    pub(super) fn violates(&self, property: Property, rule: &str) -> bool {
        self.result.as_ref().is_ok_and(|counts| {
            let mut verdicts = counts.verdicts.iter();
            verdicts.any(|(judged, verdict)| *judged == property && verdict.is_violation_of(rule))
        })
    }
}

impl VerdictKind {
    fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Holds => Self::Holds,
            Verdict::NotExercised => Self::NotExercised,
            Verdict::Violated { violation, .. } => Self::Violated { rule: violation.rule },
        }
    }

    fn is_violation_of(&self, of: &str) -> bool {
        matches!(self, Self::Violated { rule } if *rule == of)
    }
}

/// Half of the wire hash and half of the trace hash of a run, mixed.
fn fingerprint(run: &Run) -> u128 {
    let half = |hash: &str| {
        hash.get(..32)
            .and_then(|digits| u128::from_str_radix(digits, 16).ok())
            .unwrap_or_default()
    };
    half(&run.wire_hash) ^ half(&run.trace_hash).rotate_left(1)
}

/// How often a property held, was not exercised, and was violated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct VerdictCounts {
    pub(super) holds: u64,
    pub(super) not_exercised: u64,
    pub(super) violated: u64,
}

impl VerdictCounts {
    fn count(&mut self, verdict: &VerdictKind) {
        match verdict {
            VerdictKind::Holds => self.holds += 1,
            VerdictKind::NotExercised => self.not_exercised += 1,
            VerdictKind::Violated { .. } => self.violated += 1,
        }
    }
}

/// The worlds that violated one rule of one property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Violations {
    /// The lowest of their seeds.
    pub(super) seed: u64,
    /// How many there are.
    pub(super) worlds: u64,
}

/// The counts over all worlds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) worlds: u64,
    pub(super) judged_by: JudgedBy,
    /// The sum of the fingerprints of all worlds.
    pub(super) fingerprint: u128,
    pub(super) runs: u64,
    pub(super) sessions: u64,
    pub(super) properties: BTreeMap<Property, VerdictCounts>,
    /// The relations, each over the worlds that it was drawn for.
    pub(super) relations: BTreeMap<Relation, VerdictCounts>,
    pub(super) situations: BTreeMap<Situation, u64>,
    pub(super) prices: Prices,
    pub(super) violations: BTreeMap<(Property, &'static str), Violations>,
    pub(super) worth: Worth,
    pub(super) failed: u64,
    /// The reasons of the failures with the lowest seeds.
    pub(super) failures: BTreeMap<u64, String>,
    violated: u64,
}

impl Tally {
    pub(super) fn add(&mut self, outcome: Outcome) {
        match outcome.result {
            Ok(counts) => self.count(outcome.seed, outcome.crypto, counts),
            Err(why) => {
                self.failed += 1;
                self.failures.insert(outcome.seed, why);
                if self.failures.len() > FAILURES_KEPT {
                    self.failures.pop_last();
                }
            }
        }
    }

    fn count(&mut self, seed: u64, crypto: Crypto, counts: Counts) {
        self.worlds += 1;
        self.judged_by.count(counts.reading);
        self.fingerprint = self.fingerprint.wrapping_add(counts.fingerprint);
        self.runs += counts.runs;
        self.sessions += counts.sessions;
        self.prices.merge(&counts.prices);
        let holds_enough = counts.messages >= WORTH_MESSAGES && counts.sessions >= WORTH_SESSIONS;
        self.worth.two_messages_and_five_sessions += u64::from(holds_enough);
        self.worth.reached_a_lifetime += u64::from(counts.situations.contains(&Situation::Expired));
        self.worth.real_crypto += u64::from(crypto == Crypto::Real);
        for situation in counts.situations {
            *self.situations.entry(situation).or_default() += 1;
        }
        let violated_before = self.violations_counted();
        for (property, verdict) in counts.verdicts {
            self.properties.entry(property).or_default().count(&verdict);
            if let VerdictKind::Violated { rule } = verdict {
                let violations = self.violations.entry((property, rule));
                let violations = violations.or_insert(Violations { seed, worlds: 0 });
                violations.seed = violations.seed.min(seed);
                violations.worlds += 1;
            }
        }
        for (relation, verdict) in counts.relations {
            self.relations.entry(relation).or_default().count(&verdict);
        }
        self.violated += u64::from(self.violations_counted() > violated_before);
    }

    fn violations_counted(&self) -> u64 {
        self.properties.values().map(|counts| counts.violated).sum()
    }

    pub(super) fn progress(&self) -> Progress {
        Progress {
            worlds: self.worlds + self.failed,
            violated: self.violated,
            failed: self.failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violated(seed: u64, rule: &'static str) -> Outcome {
        judged(seed, VerdictKind::Violated { rule })
    }

    fn judged(seed: u64, verdict: VerdictKind) -> Outcome {
        let counts = Counts {
            fingerprint: seed.into(),
            runs: 1,
            sessions: seed,
            messages: 2,
            reading: Reading::Thread,
            verdicts: vec![(Property::P01, verdict)],
            relations: vec![(Relation::HistoryIndependence, VerdictKind::Holds)],
            situations: BTreeSet::from([Situation::Expired]),
            prices: Prices::default(),
        };
        Outcome {
            seed,
            crypto: Crypto::Fast,
            result: Ok(counts),
        }
    }

    fn failed(seed: u64) -> Outcome {
        Outcome {
            seed,
            crypto: Crypto::Fast,
            result: Err(format!("world {seed} fell apart")),
        }
    }

    fn tally(outcomes: impl IntoIterator<Item = Outcome>) -> Tally {
        let mut tally = Tally::default();
        outcomes.into_iter().for_each(|outcome| tally.add(outcome));
        tally
    }

    #[test]
    fn the_order_of_the_worlds_does_not_matter() {
        let outcomes = || {
            let judged = (1..=9).map(|seed| match seed % 3 {
                0 => violated(seed, "SEED-12"),
                1 => judged(seed, VerdictKind::Holds),
                _ => judged(seed, VerdictKind::NotExercised),
            });
            judged.chain((10..=250).map(failed)).collect::<Vec<_>>()
        };
        assert_eq!(tally(outcomes()), tally(outcomes().into_iter().rev()));
    }

    #[test]
    fn of_each_rule_the_lowest_seed_is_kept_and_the_rest_are_counted() {
        let tally = tally([violated(7, "SEED-12"), violated(3, "SEED-14"), violated(5, "SEED-12")]);
        let of = |rule| tally.violations[&(Property::P01, rule)];
        assert_eq!(of("SEED-12"), Violations { seed: 5, worlds: 2 });
        assert_eq!(of("SEED-14"), Violations { seed: 3, worlds: 1 });
        assert_eq!(tally.properties[&Property::P01].violated, 3);
    }

    #[test]
    fn relations_are_counted_where_they_were_drawn() {
        let tally = tally([judged(1, VerdictKind::NotExercised), failed(2)]);
        let expected = VerdictCounts {
            holds: 1,
            ..VerdictCounts::default()
        };
        assert!(
            tally
                .relations
                .into_iter()
                .eq([(Relation::HistoryIndependence, expected)])
        );
    }

    #[test]
    fn every_failure_is_counted_and_the_first_hundred_are_kept() {
        let tally = tally((1..=150).map(failed));
        assert_eq!((tally.failed, tally.worlds), (150, 0));
        assert!(tally.failures.keys().copied().eq(1..=100));
    }

    #[test]
    fn a_world_is_worth_its_time_with_two_messages_and_five_sessions() {
        let tally = tally([4, 5].map(|sessions| judged(sessions, VerdictKind::Holds)));
        assert_eq!(tally.worth.two_messages_and_five_sessions, 1);
        assert_eq!(tally.worth.reached_a_lifetime, 2);
    }
}
