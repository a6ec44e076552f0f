//! Which decisions the delivery machine comes to in a configuration, and how to bring each about.

use std::collections::{BTreeMap, BTreeSet};

use crate::mta::delivery::Decision;

use super::configuration::{Configuration, Names};
use super::explorer::{System, Transition, ways_to_all};
use super::interner::Interner;
use super::moment::{Dynamics, Moment};
use super::step::Step;

/// Every decision that the machine comes to in a configuration, each at the end of a shortest way to it.
pub fn decisions(configuration: &Configuration, names: &Names) -> BTreeMap<Decision, Vec<Step>> {
    ways_to_all(&Deciding {
        dynamics: deciding(configuration, names),
        moments: Interner::default(),
    })
}

/// The decisions on a way.
pub fn decisions_on(configuration: &Configuration, names: &Names, way: &[Step]) -> BTreeSet<Decision> {
    let dynamics = deciding(configuration, names);
    let mut moment = dynamics.start();
    let mut all = BTreeSet::new();
    for step in way {
        let taken = dynamics.take(moment, *step);
        all.extend(taken.decisions);
        moment = taken.to;
    }
    all
}

fn deciding(configuration: &Configuration, names: &Names) -> Dynamics {
    Dynamics::new(configuration.clone(), names.clone())
        .without_dependences()
        .with_decisions()
}

/// The model of which only the decisions matter.
struct Deciding {
    dynamics: Dynamics,
    moments: Interner<Moment>,
}

impl System for Deciding {
    type State = u32;
    type Step = Step;
    type Fault = Decision;

    fn starts(&self) -> Vec<u32> {
        vec![self.moments.number(self.dynamics.start())]
    }

    fn transitions(&self, state: u32, into: &mut Vec<Transition<u32, Step, Decision>>) {
        let moment = self.moments.value(state);
        into.extend(self.dynamics.steps(moment).into_iter().map(|step| {
            let taken = self.dynamics.take(moment.clone(), step);
            Transition {
                step,
                to: self.moments.number(taken.to),
                faults: taken.decisions,
            }
        }));
    }

    fn injections(&self, state: u32) -> u32 {
        self.dynamics.spent(&self.moments.value(state).world)
    }
}
