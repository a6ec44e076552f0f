//! What can happen from any moment on: the one transition function, which every engine calls.
//!
//! It is a function of what it is given and keeps nothing, so an engine may call it in any order and from any thread.

use crate::mta::delivery::{Decision, Delivery};

use super::calm::{self, Broken, Calm};
use super::configuration::{Configuration, Names};
use super::driver::{Driver, Seen};
use super::independence::Dependence;
use super::portrait::portrait;
use super::step::{self, Step};
use super::world::World;

/// The delivery machine and everything around it, whole, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Moment {
    pub(super) machine: Delivery,
    pub(super) world: World,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The moment after it.
    pub to: Moment,
    /// What judges see of it.
    pub seen: Seen,
    /// What a command in it depended on that it must not depend on.
    pub dependences: Vec<Dependence>,
    /// What the machine decided, where that is asked for.
    pub(super) decisions: Vec<Decision>,
}

/// What can happen in a configuration.
#[derive(Debug, Clone)]
pub struct Dynamics {
    configuration: Configuration,
    names: Names,
    looks_for_dependences: bool,
    looks_for_decisions: bool,
}

impl Dynamics {
    /// What can happen in this configuration.
    pub fn new(configuration: Configuration, names: Names) -> Self {
        Self {
            configuration,
            names,
            looks_for_dependences: true,
            looks_for_decisions: false,
        }
    }

    /// The same, and nobody looks for dependences.
    #[must_use]
    pub(super) fn without_dependences(self) -> Self {
        Self {
            looks_for_dependences: false,
            ..self
        }
    }

    /// The same, and what the machine decides is told with every step.
    #[must_use]
    pub(super) fn with_decisions(self) -> Self {
        Self {
            looks_for_decisions: true,
            ..self
        }
    }

    pub(super) fn looks_for_dependences(&self) -> bool {
        self.looks_for_dependences
    }

    /// The configuration.
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// The moment at which all begins.
    pub fn start(&self) -> Moment {
        Moment::of(self.driver_at_start())
    }

    /// What may happen next, always in the same order.
    pub fn steps(&self, moment: &Moment) -> Vec<Step> {
        step::steps(&self.configuration, &moment.world)
    }

    /// Lets one of [`Dynamics::steps`] happen.
    pub fn take(&self, moment: Moment, step: Step) -> Taken {
        let mut driver = self.driver(moment);
        driver.looks_for_dependences = self.looks_for_dependences;
        driver.decisions = self.looks_for_decisions.then(Vec::new);
        step::take(&mut driver, step);
        Taken {
            seen: std::mem::take(&mut driver.seen),
            dependences: std::mem::take(&mut driver.dependences),
            decisions: driver.decisions.take().unwrap_or_default(),
            to: Moment::of(driver),
        }
    }

    /// The promises that are broken in the calms that may follow.
    pub fn broken(&self, moment: &Moment) -> Vec<(Broken, Calm)> {
        if !moment.world.is_calm_due() {
            return Vec::new();
        }
        let in_calm = |calm| {
            let mut driver = self.driver(moment.clone());
            calm::calm_down(&self.configuration, &mut driver.world, calm);
            calm::broken(driver, calm).into_iter().map(move |broken| (broken, calm))
        };
        Calm::all(&self.configuration).flat_map(in_calm).collect()
    }

    /// Whether a message is in the queue of which nothing will ever become.
    pub fn forgets(&self, moment: &Moment) -> bool {
        moment.world.is_stuck()
    }

    /// A moment in words, a line for each thing that there is.
    pub fn portrait(&self, moment: &Moment) -> String {
        portrait(&self.configuration, &moment.world)
    }

    /// How many injections it took to come to a world.
    pub(super) fn spent(&self, world: &World) -> u32 {
        world.spent(&self.configuration)
    }

    /// The world in a calm. What is broken depends on nothing of the world but this.
    pub(super) fn calmed(&self, world: &World) -> World {
        let mut calmed = world.clone();
        calm::calm_down(&self.configuration, &mut calmed, Calm::Tls);
        calmed
    }

    pub(super) fn driver_at_start(&self) -> Driver<'_> {
        Driver::at_start(&self.configuration, &self.names)
    }

    fn driver(&self, moment: Moment) -> Driver<'_> {
        Driver::at(&self.configuration, &self.names, moment.machine, moment.world)
    }
}

impl Moment {
    fn of(driver: Driver<'_>) -> Self {
        Self {
            machine: driver.delivery,
            world: driver.world,
        }
    }
}
