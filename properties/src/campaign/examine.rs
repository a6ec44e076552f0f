//! One world: run, judged, and compared with its other run where the relation of two runs applies.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use postern_model::monitor::Verdict;
use postern_model::scenario::Scenario;
use postern_sim::{Options, Run, WorldError};

use crate::judge::{Judgement, judge};
use crate::logging;
use crate::relation::Comparison;
use crate::rules::Property;

/// One comparable world in so many is run a second time when relations are drawn.
const COMPARED_EVERY: u64 = 5;

/// Whether the relation of two runs is judged, which costs a second run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relations {
    /// Wherever the scenario allows it.
    Always,
    /// For a share of the seeds.
    Drawn,
    /// Nowhere.
    Never,
}

/// A world that was run and judged.
#[derive(Debug, Clone)]
pub struct Examined {
    /// The run.
    pub run: Run,
    /// What the judges say of it, the relation of two runs included.
    pub judgement: Judgement,
    /// How many runs it took.
    pub runs: u64,
}

impl Examined {
    /// Whether this rule of this property was violated.
    pub fn violates(&self, property: Property, rule: &str) -> bool {
        let mut violations = self.judgement.violations();
        violations.any(|(violated, _, violation)| violated == property && violation.rule == rule)
    }
}

/// The testbed failed on a world.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExamineError {
    /// The simulator says so.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The simulator or a judge panicked.
    #[error("the testbed panicked: {0}")]
    Panicked(String),
}

/// Runs and judges a scenario.
///
/// # Errors
/// When the testbed itself fails, by an error or by a panic.
pub fn examine(scenario: &Scenario, options: Options, relations: Relations) -> Result<Examined, ExamineError> {
    catch_unwind(AssertUnwindSafe(|| run_and_judge(scenario, options, relations)))
        .unwrap_or_else(|panic| Err(ExamineError::Panicked(message_of(panic.as_ref()))))
}

fn run_and_judge(scenario: &Scenario, options: Options, relations: Relations) -> Result<Examined, ExamineError> {
    let run = run_once(scenario, options)?;
    let judgement = judge(scenario, &run.trace);
    let mut examined = Examined {
        run,
        judgement,
        runs: 1,
    };
    let drawn = match relations {
        Relations::Always => true,
        Relations::Drawn => is_compared(scenario.seed),
        Relations::Never => false,
    };
    let comparison = drawn.then(|| Comparison::of(scenario, &examined.run.trace)).flatten();
    let verdict = match comparison {
        Some(comparison) => {
            let other = run_once(&comparison.scenario, options)?;
            let judgement = judge(&comparison.scenario, &other.trace);
            examined.runs += 1;
            comparison.judge((&examined.run.trace, &examined.judgement), (&other.trace, &judgement))
        }
        None => Verdict::NotExercised,
    };
    let verdicts = &mut examined.judgement.verdicts;
    verdicts.retain(|(property, _)| *property != Property::P09);
    verdicts.push((Property::P09, verdict));
    verdicts.sort_by_key(|(property, _)| *property);
    Ok(examined)
}

/// Whether the relation is drawn for this seed: by a multiplicative hash, so that the draw aliases neither with shards
/// nor with the tiers of cryptography, which take every n-th seed.
fn is_compared(seed: u64) -> bool {
    // 2^64 over the golden ratio: the high bits of the product depend on all bits of the seed.
    let mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    mixed.is_multiple_of(COMPARED_EVERY)
}

/// Runs a scenario; an error in the logs is a failure of the run.
fn run_once(scenario: &Scenario, options: Options) -> Result<Run, WorldError> {
    logging::ensure_installed();
    drop(logging::take_error());
    let run = postern_sim::run(scenario, options)?;
    logging::take_error().map_or(Ok(run), |error| Err(WorldError::ErrorLogged(error)))
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shard_compares_about_its_share() {
        for of in 1..=12 {
            for number in 0..of {
                let compared = (0..2000).filter(|place| is_compared(number + place * of)).count();
                assert!(
                    (320..=480).contains(&compared),
                    "{compared} of 2000 in shard {number} of {of}"
                );
            }
        }
    }
}
