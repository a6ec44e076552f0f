//! What puts each rule to the test, measured and never declared: in how many worlds, by which mutants, in which scenarios.

mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use postern_model::monitor::Verdict;
use postern_model::mutant::Mutant;
use postern_sim::{Client, Options, Server};

use crate::breaks::breaks;
use crate::campaign::{Campaign, CryptoChoice, ExamineError, Relations, convict, examine};
use crate::catalogue::Named;
use crate::generate;
use crate::judge::Judgement;
use crate::rules::{EXCUSES, Property, Rule, Strength, rules};

pub use text::text;

/// The seeds whose worlds are counted beside the named scenarios.
pub const SEEDS: u64 = 300;

/// What puts one rule to the test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleCoverage {
    /// The rule.
    pub rule: &'static Rule,
    /// The properties that judge it.
    pub properties: Vec<Property>,
    /// In how many worlds, named scenarios and seeds, one of these properties was put to the test.
    pub exercised: u64,
    /// The mutants that a judge convicted of breaking this very rule.
    pub mutants: Vec<Mutant>,
    /// The named scenarios that say that they show it, and in which a property that judges it was put to the test.
    pub scenarios: Vec<String>,
    /// Why nothing puts it to the test, if that is so.
    pub excuse: Option<&'static str>,
}

/// What puts every rule to the test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// Rule by rule, in the order of the catalogue.
    pub rules: Vec<RuleCoverage>,
    /// The mutants that nobody convicted.
    pub alive: Vec<Mutant>,
}

/// Runs the named scenarios and the worlds of [`SEEDS`], and hunts every mutant, on so many threads. `on_progress` hears
/// how many pieces of work of how many are done.
///
/// # Errors
/// When the testbed fails on a world.
pub fn measure(
    catalogue: &[Named],
    jobs: usize,
    on_progress: impl FnMut(usize, usize) + Send,
) -> Result<Coverage, ExamineError> {
    let mutants = Mutant::ALL.iter().copied().map(Work::Mutant);
    let scenarios = catalogue.iter().map(Work::Scenario);
    // The mutants first: a long piece of work at the end would leave the other threads idle.
    let work: Vec<Work<'_>> = mutants.chain(scenarios).chain((1..=SEEDS).map(Work::Seed)).collect();
    let next = AtomicUsize::new(0);
    let shared = Mutex::new((Measured::default(), on_progress, Ok(())));
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                while let Some(piece) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let done = piece.done();
                    let mut shared = shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                    let (measured, on_progress, result) = &mut *shared;
                    match done {
                        Ok(done) => measured.add(done),
                        Err(error) => *result = Err(error),
                    }
                    on_progress(measured.pieces, work.len());
                }
            });
        }
    });
    let (measured, _, result) = shared.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    result.map(|()| measured.coverage())
}

impl Coverage {
    /// What is wrong with it, one sentence each: rules that nothing puts to the test and nobody excused, excuses that are
    /// no longer true, mutants that live.
    pub fn problems(&self) -> Vec<String> {
        let holes = self.rules.iter().filter_map(RuleCoverage::problem);
        let unknown = EXCUSES.iter().filter(|(id, _)| Rule::of(id).is_none());
        let unknown = unknown.map(|(id, _)| format!("{id} is excused and no rule"));
        let alive = self.alive.iter();
        let alive = alive.map(|mutant| format!("{mutant} was convicted by nobody"));
        holes.chain(unknown).chain(alive).collect()
    }
}

impl RuleCoverage {
    fn problem(&self) -> Option<String> {
        let is_exercised = !self.properties.is_empty() && self.exercised > 0;
        let id = self.rule.id;
        if self.excuse.is_some() {
            return is_exercised.then(|| format!("{id} is excused although it is put to the test"));
        }
        let binds = matches!(self.rule.strength, Strength::Must | Strength::MustNot);
        let columns = [
            (is_exercised, "world puts it to the test"),
            (
                !binds || !self.mutants.is_empty(),
                "mutant that breaks it was convicted",
            ),
            (!binds || !self.scenarios.is_empty(), "scenario shows it"),
        ];
        let empty: Vec<String> = columns
            .into_iter()
            .filter(|(is_full, _)| !is_full)
            .map(|(_, what)| format!("no {what}"))
            .collect();
        (!empty.is_empty()).then(|| format!("{id} ({}): {}", self.rule.strength, empty.join(", ")))
    }
}

/// One piece of the measurement.
enum Work<'a> {
    Mutant(Mutant),
    Scenario(&'a Named),
    Seed(u64),
}

/// What one piece came to.
enum Done {
    Convicted(Mutant),
    Alive(Mutant),
    World {
        exercised: BTreeSet<Property>,
        /// The scenario and the rules that it shows.
        shows: Option<(String, Vec<String>)>,
    },
}

impl Work<'_> {
    fn done(&self) -> Result<Done, ExamineError> {
        match self {
            Self::Mutant(mutant) => {
                let campaign = Campaign {
                    crypto: CryptoChoice::Fast,
                    ..Campaign::default()
                };
                Ok(match convict(&campaign, *mutant) {
                    Some(_) => Done::Convicted(*mutant),
                    None => Done::Alive(*mutant),
                })
            }
            Self::Scenario(named) => {
                let examined = examine(&named.scenario, options(CryptoChoice::Real, 0), Relations::Always)?;
                let shows = named.scenario.expect.as_ref();
                Ok(Done::World {
                    exercised: exercised(&examined.judgement),
                    shows: shows.map(|expectation| (named.name.clone(), expectation.shows.clone())),
                })
            }
            Self::Seed(seed) => {
                let scenario = generate::scenario(*seed, generate::Profile::default());
                let examined = examine(&scenario, options(CryptoChoice::Fast, *seed), Relations::Drawn)?;
                Ok(Done::World {
                    exercised: exercised(&examined.judgement),
                    shows: None,
                })
            }
        }
    }
}

fn options(crypto: CryptoChoice, seed: u64) -> Options {
    Options {
        crypto: crypto.for_seed(seed),
        client: Client::Postern,
        server: Server::Postern,
        mutant: None,
    }
}

fn exercised(judgement: &Judgement) -> BTreeSet<Property> {
    let verdicts = judgement.verdicts.iter();
    let exercised = verdicts.filter(|(_, verdict)| *verdict != Verdict::NotExercised);
    exercised.map(|(property, _)| *property).collect()
}

/// What all pieces so far came to. Does not depend on their order.
#[derive(Default)]
struct Measured {
    pieces: usize,
    convicted: BTreeMap<&'static str, BTreeSet<Mutant>>,
    alive: BTreeSet<Mutant>,
    exercised: BTreeMap<&'static str, u64>,
    scenarios: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Measured {
    fn add(&mut self, done: Done) {
        self.pieces += 1;
        match done {
            Done::Convicted(mutant) => {
                let (_, rule) = breaks(mutant);
                self.convicted.entry(rule).or_default().insert(mutant);
            }
            Done::Alive(mutant) => _ = self.alive.insert(mutant),
            Done::World { exercised, shows } => {
                for rule in rules().filter(|rule| rule.properties().any(|property| exercised.contains(&property))) {
                    *self.exercised.entry(rule.id).or_default() += 1;
                    if let Some((name, _)) = shows.as_ref().filter(|(_, ids)| ids.iter().any(|id| id == rule.id)) {
                        self.scenarios.entry(rule.id).or_default().insert(name.clone());
                    }
                }
            }
        }
    }

    fn coverage(mut self) -> Coverage {
        let rules = rules().map(|rule| RuleCoverage {
            rule,
            properties: rule.properties().collect(),
            exercised: self.exercised.get(rule.id).copied().unwrap_or_default(),
            mutants: self.convicted.remove(rule.id).unwrap_or_default().into_iter().collect(),
            scenarios: self.scenarios.remove(rule.id).unwrap_or_default().into_iter().collect(),
            excuse: rule.excuse(),
        });
        Coverage {
            rules: rules.collect(),
            alive: self.alive.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests;
