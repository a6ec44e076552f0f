//! The delivery machine and its world as a system of transitions, without judges.

use std::fmt;

use crate::mta::delivery::{Delivery, HopId, PeerId};
use crate::observation::MessageId;
use crate::scenario::Attack;

use super::calm::{self, Calm};
use super::configuration::{Change, Configuration, Names};
use super::driver::{Driver, Seen, peer_id};
use super::independence::Dependence;
use super::interner::{Interner, Memo};
use super::judged::{Observed, Way};
use super::world::{Clock, Job, Lasting, Place, World};

pub use super::calm::Broken;

/// One step of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// A message is handed in.
    HandIn(MessageId),
    /// A message does what comes next: it asks DNS, dials a host up to where TLS stands or does not, or is sent.
    Go(MessageId),
    /// Time moves to the next timer.
    Pass,
    /// An attack on the paths to a host begins.
    Attack(PeerId, Attack, Lasting),
    /// Something drifts.
    Drift(Change),
    /// The sender crashes and starts again.
    Restart,
    /// All mail is gone.
    End,
}

impl Step {
    /// Whether it need not happen, and costs.
    pub fn is_injection(self) -> bool {
        matches!(self, Self::Attack(..) | Self::Drift(_) | Self::Restart)
    }
}

/// As a line of a counterexample.
impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HandIn(message) => write!(formatter, "m{} is handed in", message.0 + 1),
            Self::Go(message) => write!(formatter, "m{} goes on", message.0 + 1),
            Self::Pass => formatter.write_str("time moves to the next timer"),
            Self::Attack(peer, attack, lasting) => {
                let until = match lasting {
                    Lasting::Moment => ", until time moves",
                    Lasting::Ever => ", for good",
                };
                write!(formatter, "on every path to mx{}, the attacker {attack}{until}", peer.0)
            }
            Self::Drift(change) => write!(formatter, "{change}"),
            Self::Restart => formatter.write_str("the sender crashes and starts again"),
            Self::End => formatter.write_str("all mail is gone"),
        }
    }
}

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
    configuration: Configuration,
    names: Names,
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
    /// The machines and worlds of calms, and what of their promises is broken; many states come to the same calm.
    calms: Memo<(Calm, u32, u32), Vec<Broken>>,
    calm_worlds: Interner<World>,
    /// What is broken in the calms after a state.
    broken: Memo<u32, Vec<(Broken, Calm)>>,
    /// Whether dependences and broken promises are looked for.
    is_searching: bool,
}

impl Protocol {
    /// The model of a configuration.
    pub fn new(configuration: Configuration, names: Names) -> Self {
        Self {
            configuration,
            names,
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

    /// The model of a configuration in which nobody looks for dependences and broken promises.
    pub fn without_promises(configuration: Configuration, names: Names) -> Self {
        Self {
            is_searching: false,
            ..Self::new(configuration, names)
        }
    }

    /// How many states were met.
    pub fn states(&self) -> usize {
        self.states.len()
    }

    /// The number of the machine, if all mail is gone and nothing but what it remembers is left.
    pub(super) fn machine_after_all(&self, state: Number) -> Option<u32> {
        let (machine, world) = *self.states.value(state.0);
        let jobs = &self.worlds.value(world).jobs[..self.configuration.messages.len()];
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
        let (machine, world) = (self.machines.value(machine).clone(), self.worlds.value(world).clone());
        let from = u32::try_from(self.edges.len()).expect("there are fewer edges than numbers");
        for step in steps(&self.configuration, &world) {
            let mut driver = Driver::at(&self.configuration, &self.names, machine.clone(), world.clone());
            driver.looks_for_dependences = self.is_searching;
            take(&mut driver, step);
            let mut wrong: Vec<Wrong> = driver.dependences.drain(..).map(Wrong::Depends).collect();
            let (machine, world, seen) = (driver.delivery, driver.world, driver.seen);
            let seen = self.seen.number(seen);
            let to = self.number(machine, world);
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

    pub(super) fn number(&mut self, machine: Delivery, world: World) -> Number {
        let spent = u8::try_from(world.spent(&self.configuration)).expect("budgets are small");
        let is_quiet = world.is_quiet() && world.clock != Clock::Ended;
        let machine = self.machines.number(machine);
        let world = self.worlds.number(world);
        let number = self.states.number((machine, world));
        if self.known.len() <= number as usize {
            self.known.push(None);
            self.injections.push(spent);
            if is_quiet && self.is_searching {
                let broken = self.broken_in_calm(machine, world);
                if !broken.is_empty() {
                    self.broken.insert(number, broken);
                }
            }
        }
        Number(number)
    }

    /// What is broken in the calms after a quiet state.
    fn broken_in_calm(&mut self, machine: u32, world: u32) -> Vec<(Broken, Calm)> {
        let mut all = Vec::new();
        for calm in Calm::all(&self.configuration) {
            let delivery = self.machines.value(machine).clone();
            let world = self.worlds.value(world).clone();
            let mut driver = Driver::at(&self.configuration, &self.names, delivery, world);
            calm::calm_down(&mut driver, calm);
            let number = self.calm_worlds.number(driver.world.clone());
            let broken = self.calms.entry((calm, machine, number));
            let broken = broken.or_insert_with(|| calm::broken(driver, calm));
            all.extend(broken.iter().map(|broken| (*broken, calm)));
        }
        all
    }
}

impl Observed for Protocol {
    type State = Number;
    type Step = Step;
    type Seen = Seen;
    type Wrong = Wrong;

    fn start(&mut self) -> Number {
        let driver = Driver::at_start(&self.configuration, &self.names);
        let (machine, world) = (driver.delivery, driver.world);
        self.number(machine, world)
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

pub(super) fn take(driver: &mut Driver<'_>, step: Step) {
    match step {
        Step::HandIn(message) => driver.hand_in(message.0.into()),
        Step::Go(message) => driver.go(message.0.into()),
        Step::Pass => driver.pass(),
        Step::Attack(peer, attack, lasting) => driver.attack(peer, attack, lasting),
        Step::Drift(change) => driver.drift(change),
        Step::Restart => driver.restart(),
        Step::End => driver.end(),
    }
}

/// What may happen next.
pub(super) fn steps(configuration: &Configuration, world: &World) -> Vec<Step> {
    let mut steps = Vec::new();
    if world.clock == Clock::Ended {
        return steps;
    }
    let jobs = 0..configuration.messages.len();
    let is_quiet = world.is_quiet();
    let outside = jobs.clone().find(|job| world.jobs[*job].place == Place::Outside);
    if let Some(job) = outside {
        steps.push(Step::HandIn(super::driver::message_id(job)));
    }
    let ready = jobs.clone().filter(|job| {
        world.is_ready(*job) && !(configuration.is_symmetric && has_twin_before(configuration, world, *job))
    });
    steps.extend(ready.map(|job| Step::Go(super::driver::message_id(job))));
    let is_over = outside.is_none() && jobs.clone().all(|job| matches!(world.jobs[job].place, Place::Over(_)));
    match (is_quiet, is_over, world.until_next()) {
        (true, true, _) => steps.push(Step::End),
        (true, false, Some(_)) => steps.push(Step::Pass),
        _ => {}
    }
    if is_over {
        return steps;
    }
    inject(configuration, world, is_quiet, &mut steps);
    steps
}

/// Whether an earlier message is about to begin an attempt just as this one is: which of them goes first is a matter of
/// names. What the machine knows of them is then the same, too.
fn has_twin_before(configuration: &Configuration, world: &World, job: usize) -> bool {
    let is_twin = |other: usize| {
        configuration.messages[other] == configuration.messages[job] && world.jobs[other] == world.jobs[job]
    };
    world.jobs[job].place == Place::Resolves && (0..job).any(is_twin)
}

/// What may happen and need not. Where the configuration is lazy, only what the next step of some message looks at.
fn inject(configuration: &Configuration, world: &World, is_quiet: bool, steps: &mut Vec<Step>) {
    let is_read = |read: Read| !configuration.is_lazy || reads(configuration, world).contains(&read);
    if world.left.attacks > 0 {
        for place in 0..configuration.exchangers.len() {
            let peer = peer_id(place);
            if world.server(peer).attack.is_some() || !is_read(Read::Path(peer)) {
                continue;
            }
            for attack in &configuration.attacks {
                let lasting = [Lasting::Moment, Lasting::Ever];
                steps.extend(lasting.map(|lasting| Step::Attack(peer, *attack, lasting)));
            }
        }
    }
    if world.left.drifts > 0 {
        for change in &configuration.drifts {
            let read = match *change {
                Change::Tls(peer) | Change::Certificate(peer) => Read::Path(peer),
                Change::Configured(peer, hop) | Change::ServerLookups(peer, hop) => Read::Recipient(peer, hop),
                Change::Listed(_, hop) | Change::Lookups(hop) => Read::Dns(hop),
                Change::Policy(hop, level) if world.levels[usize::from(hop)] != level => Read::Policy(hop),
                Change::Policy(..) => continue,
            };
            if is_read(read) {
                steps.push(Step::Drift(*change));
            }
        }
    }
    if world.left.restarts > 0 {
        let has_mail = world
            .jobs
            .iter()
            .any(|job| !matches!(job.place, Place::Outside | Place::Over(_)));
        // Before the lookup there is nothing to lose that is not still there behind it.
        let is_past_lookup =
            |job: &Job| matches!(job.place, Place::Dials { .. } | Place::Reuses(_) | Place::Talks { .. });
        if has_mail && (is_quiet || world.jobs.iter().any(is_past_lookup) || !configuration.is_lazy) {
            steps.push(Step::Restart);
        }
    }
}

/// What a step looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    Dns(HopId),
    Policy(HopId),
    Path(PeerId),
    Recipient(PeerId, HopId),
}

/// What the next steps of the messages that are ready look at.
fn reads(configuration: &Configuration, world: &World) -> Vec<Read> {
    let mut reads = Vec::new();
    for (job, hop) in configuration.messages.iter().enumerate() {
        match world.jobs[job].place {
            Place::Resolves => reads.extend([Read::Dns(*hop), Read::Policy(*hop)]),
            Place::Dials { peer: PeerId(0), .. } => reads.push(Read::Policy(*hop)),
            Place::Dials { peer, .. } => reads.extend([Read::Policy(*hop), Read::Path(peer)]),
            Place::Reuses(_) => reads.push(Read::Policy(*hop)),
            Place::Talks { peer, .. } => reads.push(Read::Recipient(peer, *hop)),
            // The calm that is tried from here finds the policy as it is then.
            Place::Waits | Place::Hangs { .. } if world.is_quiet() => reads.push(Read::Policy(*hop)),
            Place::Outside | Place::Waits | Place::Hangs { .. } | Place::Over(_) => {}
        }
    }
    reads
}
