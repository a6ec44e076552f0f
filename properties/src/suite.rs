//! The suite of scenarios that the formal model makes: together they bring about every decision of the delivery machine that
//! the model comes to within small bounds.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use postern_model::formal::{Budget, Configuration, Names, Step, decisions, decisions_on, rehearse};
use postern_model::mta::delivery::Decision;
use postern_model::scenario::Scenario;
use postern_sim::{Client, Crypto, Options, Server};

use crate::campaign::{ExamineError, Relations, examine};
use crate::check::{Bounds, Question};
use crate::rules::Property;
use crate::setup::Setup;

/// Scenarios, and what they are to bring about.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Suite {
    /// Every decision of the model.
    pub decisions: BTreeSet<Decision>,
    /// The scenarios.
    pub scenarios: Vec<Scenario>,
}

/// What came of a suite in the simulator.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Played {
    /// The decisions of the suite that the delivery machines of the simulator came to.
    pub covered: BTreeSet<Decision>,
    /// What they decided besides, to which the model does not come within its bounds.
    pub beyond: BTreeSet<Decision>,
    /// How many scenarios were played.
    pub scenarios: usize,
    /// How many SMTP connections stood.
    pub sessions: u64,
    /// What was violated: in which scenario, what, and why.
    pub violations: Vec<(usize, Property, &'static str, String)>,
    /// What the testbed itself failed on.
    pub failures: Vec<(usize, ExamineError)>,
}

impl Suite {
    /// The suite of the bounds `small`.
    pub fn of_model() -> Self {
        let mut suite = Self::default();
        for named in Bounds::Small.configurations() {
            let configuration = match named.question {
                Question::IsAllWell => named.configuration,
                Question::DoPastsMatter => past_and_present(named.configuration),
            };
            suite.add(&named.name, &configuration);
        }
        suite
    }

    fn add(&mut self, name: &str, configuration: &Configuration) {
        let setup = Setup::of(&configuration.scenario());
        let names = Names::of(configuration, |name| setup.domain(name)).expect("its own scenario names them all");
        let all = decisions(configuration, &names);
        let new = all.iter().filter(|(decision, _)| !self.decisions.contains(decision));
        let mut ways: Vec<&Vec<Step>> = new.map(|(_, way)| way).collect();
        // A long way has many decisions on it: with the longest first, few are needed.
        ways.sort_by_key(|way| std::cmp::Reverse(way.len()));
        for way in ways {
            let on_it = decisions_on(configuration, &names, way);
            if !on_it.is_subset(&self.decisions) {
                self.decisions.extend(on_it);
                let mut scenario = rehearse(configuration, &names, way);
                scenario.title = format!("{name}, {}", self.scenarios.len() + 1);
                self.scenarios.push(scenario);
            }
        }
    }

    /// The decisions that none of the scenarios brought about.
    pub fn missing_from<'a>(&'a self, played: &'a Played) -> impl Iterator<Item = &'a Decision> {
        self.decisions.difference(&played.covered)
    }

    /// Plays all scenarios on real TLS, on so many threads. `go_on` hears of every scenario, from any thread, and stops
    /// everything with `false`.
    pub fn play(&self, jobs: usize, go_on: impl Fn(usize) -> bool + Sync) -> Played {
        let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
        let played = Mutex::new(Played::default());
        std::thread::scope(|scope| {
            for _ in 0..jobs.max(1) {
                scope.spawn(|| {
                    while !stopped.load(Ordering::Relaxed) {
                        let place = next.fetch_add(1, Ordering::Relaxed);
                        let Some(scenario) = self.scenarios.get(place) else {
                            break;
                        };
                        let examined = examine(scenario, OPTIONS, Relations::Never);
                        let mut played = played.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                        played.scenarios += 1;
                        match examined {
                            Err(error) => played.failures.push((place, error)),
                            Ok(examined) => {
                                let (covered, beyond): (Vec<_>, Vec<_>) = examined
                                    .run
                                    .decisions
                                    .iter()
                                    .copied()
                                    .partition(|decision| self.decisions.contains(decision));
                                played.covered.extend(covered);
                                played.beyond.extend(beyond);
                                played.sessions += examined.run.sessions;
                                let violations = examined.judgement.violations();
                                played.violations.extend(violations.map(|(property, _, violation)| {
                                    (place, property, violation.rule, violation.why.clone())
                                }));
                            }
                        }
                        if !go_on(played.scenarios) {
                            stopped.store(true, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        let mut played = played.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        played.violations.sort();
        played.failures.sort_by_key(|(place, _)| *place);
        played
    }
}

/// A configuration in which both the past and the present of a pair find their place, each with its own budget.
fn past_and_present(mut configuration: Configuration) -> Configuration {
    let Budget {
        attacks,
        drifts,
        restarts,
    } = configuration.budget;
    configuration.budget = Budget {
        attacks: 2 * attacks,
        drifts: 2 * drifts,
        restarts: 2 * restarts,
    };
    configuration
}

const OPTIONS: Options = Options {
    crypto: Crypto::Real,
    client: Client::Postern,
    server: Server::Postern,
    mutant: None,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_decision_of_the_model_is_made_in_the_simulator_too() {
        let suite = Suite::of_model();
        assert!(suite.decisions.len() > 500, "{}", suite.decisions.len());
        let played = suite.play(2, |_| true);
        assert_eq!(played.scenarios, suite.scenarios.len());
        assert_eq!(
            (played.violations.as_slice(), played.failures.as_slice()),
            (&[][..], &[][..])
        );
        let missing: Vec<String> = suite.missing_from(&played).map(ToString::to_string).collect();
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn a_suite_of_which_half_is_played_misses_decisions() {
        let mut suite = Suite::of_model();
        suite.scenarios.truncate(suite.scenarios.len() / 2);
        let played = suite.play(2, |_| true);
        assert!(suite.missing_from(&played).count() > 0);
    }
}
