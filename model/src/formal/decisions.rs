//! Which decisions the delivery machine comes to in a configuration, and how to bring each about.

use std::collections::{BTreeMap, BTreeSet};

use crate::mta::delivery::{Decision, Delivery};

use super::configuration::{Configuration, Names};
use super::driver::Driver;
use super::explorer::{System, Transition, ways_to_all};
use super::interner::Interner;
use super::step::{Step, steps, take};
use super::world::World;

/// Every decision that the machine comes to in a configuration, each at the end of a shortest way to it.
pub fn decisions(configuration: &Configuration, names: &Names) -> BTreeMap<Decision, Vec<Step>> {
    let mut deciding = Deciding {
        configuration,
        names,
        machines: Interner::default(),
        worlds: Interner::default(),
    };
    ways_to_all(&mut deciding)
}

/// The decisions on a way.
pub fn decisions_on(configuration: &Configuration, names: &Names, way: &[Step]) -> BTreeSet<Decision> {
    let mut driver = Driver::at_start(configuration, names);
    driver.decisions = Some(Vec::new());
    way.iter().for_each(|step| take(&mut driver, *step));
    driver.decisions.into_iter().flatten().collect()
}

/// The model of which only the decisions matter.
struct Deciding<'a> {
    configuration: &'a Configuration,
    names: &'a Names,
    machines: Interner<Delivery>,
    worlds: Interner<World>,
}

impl System for Deciding<'_> {
    type State = (u32, u32);
    type Step = Step;
    type Fault = Decision;

    fn starts(&mut self) -> Vec<Self::State> {
        let start = Driver::at_start(self.configuration, self.names);
        vec![(self.machines.number(start.delivery), self.worlds.number(start.world))]
    }

    fn transitions(&mut self, state: Self::State, into: &mut Vec<Transition<Self::State, Step, Decision>>) {
        let (machine, world) = state;
        let (machine, world) = (self.machines.value(machine).clone(), self.worlds.value(world).clone());
        for step in steps(self.configuration, &world) {
            let mut driver = Driver::at(self.configuration, self.names, machine.clone(), world.clone());
            driver.looks_for_dependences = false;
            driver.decisions = Some(Vec::new());
            take(&mut driver, step);
            into.push(Transition {
                step,
                to: (self.machines.number(driver.delivery), self.worlds.number(driver.world)),
                faults: driver.decisions.unwrap_or_default(),
            });
        }
    }

    fn injections(&self, (_, world): Self::State) -> u32 {
        self.worlds.value(world).spent(self.configuration)
    }
}
