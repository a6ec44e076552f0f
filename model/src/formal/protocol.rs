//! The delivery machine and its world as a system of transitions, without judges.
//!
//! What happens, [`Dynamics`] says. Here it is found out once for every state, and kept by numbers.

use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

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
    /// A message is in the queue, and nothing will ever become of it.
    Forgets,
}

/// A state: the delivery machine and the world, each by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(u32);

/// One way on from a state.
#[derive(Debug, Clone, Copy)]
struct Edge {
    step: Step,
    to: Number,
    /// What is seen, by its number.
    seen: u32,
    /// What is wrong about it, by its number.
    wrong: u32,
}

/// What is known of a state. It is told from others by its machine and its world.
#[derive(Debug)]
struct Node {
    machine: u32,
    world: u32,
    /// The ways on, once they are looked for.
    edges: OnceLock<Box<[Edge]>>,
    /// What is broken in the calms after it, by its number, once that is looked for.
    broken: OnceLock<u32>,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        (self.machine, self.world) == (other.machine, other.world)
    }
}

impl Eq for Node {}

impl Hash for Node {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.machine, self.world).hash(state);
    }
}

/// All states that were seen so far, and the ways between them.
pub struct Protocol {
    dynamics: Dynamics,
    machines: Interner<Delivery>,
    worlds: Interner<World>,
    states: Interner<Node>,
    /// What is seen in a step.
    seen: Interner<Seen>,
    /// What is wrong about a step.
    wrong: Interner<Vec<Wrong>>,
    calm_worlds: Interner<World>,
    /// What is broken in the calms, by machine and calm world; many states come to the same.
    calms: Memo<(u32, u32), u32>,
    broken: Interner<Vec<(Broken, Calm)>>,
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
            wrong: Interner::default(),
            calm_worlds: Interner::default(),
            calms: Memo::default(),
            broken: Interner::default(),
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

    /// All that was seen in any step.
    pub fn all_seen(&self) -> impl Iterator<Item = &Seen> {
        self.seen.values()
    }

    /// Whether the answers of the machine were held against those of copies that differ in what must not matter.
    pub fn was_unwound(&self) -> bool {
        self.dynamics.looks_for_dependences() && !self.seen.is_empty()
    }

    /// Whether a calm was ever run on to its end, to see what is broken in it.
    pub fn was_calmed(&self) -> bool {
        !self.calms.is_empty()
    }

    /// The number of the machine, if all mail is gone and nothing but what it remembers is left.
    pub(super) fn machine_after_all(&self, state: Number) -> Option<u32> {
        let Node { machine, world, .. } = self.states.value(state.0);
        let messages = self.dynamics.configuration().messages.len();
        let jobs = &self.worlds.value(*world).jobs[..messages];
        let is_over = jobs.iter().all(|job| matches!(job.place, Place::Over(_)));
        is_over.then_some(*machine)
    }

    /// The machine that has this number.
    pub(super) fn machine(&self, number: u32) -> &Delivery {
        self.machines.value(number)
    }

    /// The number of a state's world.
    pub(super) fn world(&self, state: Number) -> u32 {
        self.states.value(state.0).world
    }

    /// The number of a state.
    pub(super) fn number(&self, moment: Moment) -> Number {
        Number(self.states.number(Node {
            machine: self.machines.number(moment.machine),
            world: self.worlds.number(moment.world),
            edges: OnceLock::new(),
            broken: OnceLock::new(),
        }))
    }

    /// The ways on from a state.
    fn edges(&self, state: Number) -> &[Edge] {
        let node = self.states.value(state.0);
        node.edges.get_or_init(|| self.find_edges(node))
    }

    fn find_edges(&self, node: &Node) -> Box<[Edge]> {
        let moment = self.moment(node);
        let steps = self.dynamics.steps(&moment).into_iter();
        let edges = steps.map(|step| {
            let Taken {
                to, seen, dependences, ..
            } = self.dynamics.take(moment.clone(), step);
            let to = self.number(to);
            let mut wrong: Vec<Wrong> = dependences.into_iter().map(Wrong::Depends).collect();
            let broken = self.broken.value(self.broken_after(to)).iter();
            wrong.extend(broken.map(|(broken, calm)| Wrong::Breaks(*broken, *calm)));
            let world = self.worlds.value(self.states.value(to.0).world);
            wrong.extend(world.is_stuck().then_some(Wrong::Forgets));
            wrong.sort_unstable();
            wrong.dedup();
            Edge {
                step,
                to,
                seen: self.seen.number(seen),
                wrong: self.wrong.number(wrong),
            }
        });
        edges.collect()
    }

    /// What is broken in the calms after a state, by its number.
    fn broken_after(&self, state: Number) -> u32 {
        let node = self.states.value(state.0);
        *node.broken.get_or_init(|| self.find_broken(node))
    }

    fn find_broken(&self, node: &Node) -> u32 {
        let world = self.worlds.value(node.world);
        if !self.is_searching || !world.is_calm_due() {
            return self.broken.number(Vec::new());
        }
        let calmed = self.calm_worlds.number(self.dynamics.calmed(world));
        let key = (node.machine, calmed);
        if let Some(known) = self.calms.get(&key) {
            return *known;
        }
        let broken = self.broken.number(self.dynamics.broken(&self.moment(node)));
        self.calms.insert(key, broken);
        broken
    }

    fn moment(&self, node: &Node) -> Moment {
        Moment {
            machine: self.machines.value(node.machine).clone(),
            world: self.worlds.value(node.world).clone(),
        }
    }
}

impl Observed for Protocol {
    type State = Number;
    type Step = Step;
    type Seen = Seen;
    type Wrong = Wrong;

    fn start(&self) -> Number {
        self.number(self.dynamics.start())
    }

    fn ways(&self, state: Number, into: &mut Vec<Way<Number, Step, Wrong>>) {
        into.extend(self.edges(state).iter().map(|edge| Way {
            step: edge.step,
            to: edge.to,
            seen: edge.seen,
            is_end: edge.step == Step::End,
            wrong: self.wrong.value(edge.wrong).clone(),
        }));
    }

    fn seen(&self, number: u32) -> &Seen {
        self.seen.value(number)
    }

    fn injections(&self, state: Number) -> u32 {
        let world = self.worlds.value(self.states.value(state.0).world);
        self.dynamics.spent(world)
    }
}
