//! One world: run, judged, and compared with a second run where a relation of two runs applies.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use postern_model::monitor::Verdict;
use postern_model::scenario::Scenario;
use postern_sim::{Options, Run, WorldError};

use crate::judge::{Judgement, judge};
use crate::logging;
use crate::relation::{Relation, Side};
use crate::rules::Property;

/// Which relations of two runs are judged: each costs a second run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relations {
    /// Every one that applies.
    Always,
    /// At most one, drawn by the seed.
    Drawn,
    /// Those that judge this property, unless the first run violates it already.
    Of(Property),
    /// None.
    Never,
}

/// A world that was run and judged.
#[derive(Debug, Clone)]
pub struct Examined {
    /// The run.
    pub run: Run,
    /// What the judges say of it, the relations of two runs included.
    pub judgement: Judgement,
    /// The relations that were judged by a second run, and what each of them says.
    pub relations: Vec<(Relation, Verdict)>,
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
    let mut judgement = judge(scenario, &run.trace);
    let mut runs = 1;
    let mut verdicts = Vec::new();
    let first = Side {
        scenario,
        trace: &run.trace,
        judgement: &judgement,
    };
    let applying = |relation: &Relation| Some((*relation, relation.compare(first)?));
    let comparisons: Vec<_> = match relations {
        Relations::Always => Relation::ALL.iter().filter_map(applying).collect(),
        Relations::Drawn => Relation::draw(first).into_iter().collect(),
        Relations::Of(property) if matches!(judgement.verdict(property), Some(Verdict::Violated { .. })) => Vec::new(),
        Relations::Of(property) => {
            let of_property = Relation::ALL.iter().filter(|relation| relation.property() == property);
            of_property.filter_map(applying).collect()
        }
        Relations::Never => Vec::new(),
    };
    for (relation, comparison) in comparisons {
        let second = run_once(comparison.second(), options)?;
        runs += 1;
        let second = Side {
            scenario: comparison.second(),
            trace: &second.trace,
            judgement: &judge(comparison.second(), &second.trace),
        };
        verdicts.push((relation, comparison.judge(first, second)));
    }
    for relation in Relation::ALL {
        judgement.add(relation.property(), Verdict::NotExercised);
    }
    for (relation, verdict) in &verdicts {
        judgement.add(relation.property(), verdict.clone());
    }
    Ok(Examined {
        run,
        judgement,
        relations: verdicts,
        runs,
    })
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
