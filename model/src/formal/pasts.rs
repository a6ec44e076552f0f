//! Pairs of pasts: two senders that lived through different things meet the same present, and must do the same.
//!
//! This is self-composition. What the two have in common is what is configured and published: policies, DNS, the hosts and
//! what becomes of them. What may differ is all that they keep to themselves, whatever they take it for. So a sender that
//! makes a policy out of “TLS worked here” is seen, which unwinding alone does not see.

use crate::mta::delivery::Delivery;
use crate::observation::Observation;

use super::configuration::{Configuration, Names};
use super::driver::{Driver, Seen};
use super::explorer::{Limits, System, Transition, explore, way_to};
use super::independence::Dependence;
use super::interner::Interner;
use super::judged::{Observed, Way};
use super::protocol::{Number, Protocol, Step, Wrong, steps, take};
use super::world::{Clock, End, Place, World};

/// What a sender lived through, and what it is now that all its mail is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// A shortest way there.
    pub steps: Vec<Step>,
    machine: Delivery,
}

/// Every past of a configuration that makes a difference to the sender itself.
pub fn pasts(configuration: &Configuration, names: &Names) -> Vec<Past> {
    let mut histories = Histories(Protocol::new(configuration.clone(), names.clone()));
    let found = explore(&mut histories, Limits::default(), |_| true);
    let pasts = found.faults.into_iter().filter_map(|(machine, distance)| {
        Some(Past {
            steps: way_to(&mut histories, &machine, distance)?,
            machine: histories.0.machine(machine).clone(),
        })
    });
    pasts.collect()
}

/// Looks for the machines that there can be once all mail is gone.
struct Histories(Protocol);

impl System for Histories {
    type State = Number;
    type Step = Step;
    /// The number of such a machine.
    type Fault = u32;

    fn starts(&mut self) -> Vec<Number> {
        vec![self.0.start()]
    }

    fn transitions(&mut self, state: Number, into: &mut Vec<Transition<Number, Step, u32>>) {
        let mut ways = Vec::new();
        self.0.ways(state, &mut ways);
        // The end of a walk forgets what it was about.
        for Way { step, to, .. } in ways.into_iter().filter(|way| !way.is_end) {
            let faults = self.0.machine_after_all(to).into_iter().collect();
            into.push(Transition { step, to, faults });
        }
    }

    fn injections(&self, state: Number) -> u32 {
        self.0.injections(state)
    }
}

/// Two senders in one world.
pub struct Twins<'a> {
    configuration: &'a Configuration,
    names: &'a Names,
    machines: Interner<Delivery>,
    worlds: Interner<World>,
    start: Pair,
}

/// A state: what each of the two is, and the world, which is the same for both as long as they do the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pair {
    machines: [u32; 2],
    world: u32,
}

impl<'a> Twins<'a> {
    /// Two senders with these pasts, the first message of the configuration behind them.
    pub fn new(configuration: &'a Configuration, names: &'a Names, pasts: [&Past; 2]) -> Self {
        let (mut machines, mut worlds) = (Interner::default(), Interner::default());
        let mut world = World::at_start(configuration);
        world.jobs[0].place = Place::Over(End::Sent);
        world.clock = Clock::Moving;
        let start = Pair {
            machines: pasts.map(|past| machines.number(past.machine.clone())),
            world: worlds.number(world),
        };
        Self {
            configuration,
            names,
            machines,
            worlds,
            start,
        }
    }

    /// What becomes of one of the two, and what is to be seen of it.
    fn next(&self, machine: u32, world: &World, step: Step) -> (Delivery, World, Seen) {
        let machine = self.machines.value(machine).clone();
        let mut driver = Driver::at(self.configuration, self.names, machine, world.clone());
        driver.looks_for_dependences = false;
        take(&mut driver, step);
        let mut seen = driver.seen;
        // An alarm is what a past may lead to (SEED-10), and the only thing.
        seen.retain(|(_, observation)| !matches!(observation, Observation::Alarm { .. }));
        (driver.delivery, driver.world, seen)
    }
}

impl System for Twins<'_> {
    type State = Pair;
    type Step = Step;
    type Fault = Wrong;

    fn starts(&mut self) -> Vec<Pair> {
        vec![self.start]
    }

    fn transitions(&mut self, state: Pair, into: &mut Vec<Transition<Pair, Step, Wrong>>) {
        let world = self.worlds.value(state.world).clone();
        for step in steps(self.configuration, &world) {
            let [one, other] = state.machines.map(|machine| self.next(machine, &world, step));
            let is_alike = one.1 == other.1 && one.2 == other.2;
            let (to, faults) = if is_alike {
                let machines = [one.0, other.0].map(|machine| self.machines.number(machine));
                let world = self.worlds.number(one.1);
                (Pair { machines, world }, Vec::new())
            } else {
                // From here on they live in two worlds, and there is nothing to compare.
                (state, vec![Wrong::Depends(Dependence::Past)])
            };
            into.push(Transition { step, to, faults });
        }
    }

    fn injections(&self, state: Pair) -> u32 {
        self.worlds.value(state.world).spent(self.configuration)
    }
}
