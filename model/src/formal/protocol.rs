//! The delivery machine and its world as a system of transitions, without judges.
//!
//! What happens, [`Dynamics`] says. Here it is found out once for every state, and kept by numbers.

use crate::mta::delivery::Delivery;

use super::calm::{Broken, Calm};
use super::driver::Seen;
use super::independence::Dependence;
use super::interner::{Interner, Memo};
use super::judged::{Observed, Way};
use super::moment::{Dynamics, Moment, Taken};
use super::step::Step;
use super::world::{Place, World};

/// What a step of the protocol shows to be wrong, whatever the judges think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wrong {
    /// A command depended on what it must not depend on.
    Depends(Dependence),
    /// A promise about this calm after the storm is broken.
    Breaks(Broken, Calm),
}

/// A state: the delivery machine and the world, each by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Number(u32);

/// One way on from a state.
#[derive(Debug, Clone, Copy)]
struct Edge {
    step: Step,
    to: Number,
    /// What is seen, by its number.
    seen: u32,
}

/// All states that were seen so far, and the ways between them.
pub struct Protocol {
    dynamics: Dynamics,
    machines: Interner<Delivery>,
    worlds: Interner<World>,
    states: Interner<(u32, u32)>,
    /// What is seen in a step.
    seen: Interner<Seen>,
    /// Where the ways on from each state stand, once they are known.
    known: Vec<Option<(u32, u32)>>,
    edges: Vec<Edge>,
    /// What is wrong about an edge, by its place.
    wrong: Memo<u32, Vec<Wrong>>,
    injections: Vec<u8>,
    /// What is broken in the calms, by machine and calm world; many states come to the same.
    calms: Memo<(u32, u32), Vec<(Broken, Calm)>>,
    calm_worlds: Interner<World>,
    /// What is broken in the calms after a state.
    broken: Memo<u32, Vec<(Broken, Calm)>>,
    /// Whether broken promises are looked for.
    is_searching: bool,
}

impl Protocol {
    /// The model of what can happen.
    pub fn new(dynamics: Dynamics) -> Self {
        Self {
            dynamics,
            machines: Interner::default(),
            worlds: Interner::default(),
            states: Interner::default(),
            seen: Interner::default(),
            known: Vec::new(),
            edges: Vec::new(),
            wrong: Memo::default(),
            injections: Vec::new(),
            calms: Memo::default(),
            calm_worlds: Interner::default(),
            broken: Memo::default(),
            is_searching: true,
        }
    }

    /// The model in which nobody looks for dependences and broken promises.
    pub fn without_promises(dynamics: Dynamics) -> Self {
        Self {
            is_searching: false,
            ..Self::new(dynamics.without_dependences())
        }
    }

    /// How many states were met.
    pub fn states(&self) -> usize {
        self.states.len()
    }

    /// The number of the machine, if all mail is gone and nothing but what it remembers is left.
    pub(super) fn machine_after_all(&self, state: Number) -> Option<u32> {
        let (machine, world) = *self.states.value(state.0);
        let messages = self.dynamics.configuration().messages.len();
        let jobs = &self.worlds.value(world).jobs[..messages];
        let is_over = jobs.iter().all(|job| matches!(job.place, Place::Over(_)));
        is_over.then_some(machine)
    }

    /// The machine that has this number.
    pub(super) fn machine(&self, number: u32) -> &Delivery {
        self.machines.value(number)
    }

    /// The number of a state's world.
    pub(super) fn world(&self, state: Number) -> u32 {
        let (_, world) = *self.states.value(state.0);
        world
    }

    /// The ways on from a state, as places of edges.
    fn edges(&mut self, state: Number) -> std::ops::Range<u32> {
        let (from, to) = match self.known[state.0 as usize] {
            Some(known) => known,
            None => self.find_edges(state),
        };
        from..to
    }

    fn find_edges(&mut self, state: Number) -> (u32, u32) {
        let (machine, world) = *self.states.value(state.0);
        let moment = self.moment(machine, world);
        let from = u32::try_from(self.edges.len()).expect("there are fewer edges than numbers");
        for step in self.dynamics.steps(&moment) {
            let Taken { to, seen, dependences } = self.dynamics.take(moment.clone(), step);
            let mut wrong: Vec<Wrong> = dependences.into_iter().map(Wrong::Depends).collect();
            let seen = self.seen.number(seen);
            let to = self.number(to);
            let broken = self.broken.get(&to.0).into_iter().flatten();
            wrong.extend(broken.map(|(broken, calm)| Wrong::Breaks(*broken, *calm)));
            if !wrong.is_empty() {
                wrong.sort_unstable();
                wrong.dedup();
                let place = u32::try_from(self.edges.len()).expect("there are fewer edges than numbers");
                self.wrong.insert(place, wrong);
            }
            self.edges.push(Edge { step, to, seen });
        }
        let to = u32::try_from(self.edges.len()).expect("there are fewer edges than numbers");
        self.known[state.0 as usize] = Some((from, to));
        (from, to)
    }

    pub(super) fn number(&mut self, moment: Moment) -> Number {
        let spent = self.dynamics.spent(&moment);
        let is_calm_due = moment.is_calm_due();
        let machine = self.machines.number(moment.machine);
        let world = self.worlds.number(moment.world);
        let number = self.states.number((machine, world));
        if self.known.len() <= number as usize {
            self.known.push(None);
            self.injections.push(spent);
            if is_calm_due && self.is_searching {
                let broken = self.broken_in_calm(machine, world);
                if !broken.is_empty() {
                    self.broken.insert(number, broken);
                }
            }
        }
        Number(number)
    }

    fn moment(&self, machine: u32, world: u32) -> Moment {
        Moment {
            machine: self.machines.value(machine).clone(),
            world: self.worlds.value(world).clone(),
        }
    }

    /// What is broken in the calms after a state in which all wait.
    fn broken_in_calm(&mut self, machine: u32, world: u32) -> Vec<(Broken, Calm)> {
        let calmed = self.dynamics.calmed(self.worlds.value(world));
        let calmed = self.calm_worlds.number(calmed);
        if let Some(known) = self.calms.get(&(machine, calmed)) {
            return known.clone();
        }
        let broken = self.dynamics.broken(&self.moment(machine, world));
        self.calms.insert((machine, calmed), broken.clone());
        broken
    }
}

impl Observed for Protocol {
    type State = Number;
    type Step = Step;
    type Seen = Seen;
    type Wrong = Wrong;

    fn start(&mut self) -> Number {
        let start = self.dynamics.start();
        self.number(start)
    }

    fn ways(&mut self, state: Number, into: &mut Vec<Way<Number, Step, Wrong>>) {
        for place in self.edges(state) {
            let Edge { step, to, seen } = self.edges[place as usize];
            into.push(Way {
                step,
                to,
                seen,
                is_end: step == Step::End,
                wrong: self.wrong.get(&place).cloned().unwrap_or_default(),
            });
        }
    }

    fn seen(&self, number: u32) -> &Seen {
        self.seen.value(number)
    }

    fn injections(&self, state: Number) -> u32 {
        self.injections[state.0 as usize].into()
    }
}
