//! Pairs of pasts: two senders that lived through different things meet the same present, and must do the same.
//!
//! This is self-composition. What the two have in common is what is configured and published: policies, DNS, the hosts and
//! what becomes of them. What may differ is all that they keep to themselves, whatever they take it for. So a sender that
//! makes a policy out of “TLS worked here” is seen, which unwinding alone does not see.

use crate::mta::delivery::Delivery;
use crate::observation::Observation;

use super::explorer::{System, Transition, explore, way_to};
use super::independence::Dependence;
use super::interner::Memo;
use super::judged::{Observed, Way};
use super::moment::{Dynamics, Moment};
use super::protocol::{Number, Protocol, Wrong};
use super::step::Step;
use super::workers::Share;
use super::world::{Clock, End, Place, World};

/// What a sender lived through, and what it is now that all its mail is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// A shortest way there.
    pub steps: Vec<Step>,
    machine: Delivery,
}

impl Past {
    /// That of a sender to which nothing has happened yet.
    pub fn none(dynamics: &Dynamics) -> Self {
        Self {
            steps: Vec::new(),
            machine: dynamics.start().machine,
        }
    }
}

/// Every past of a configuration that makes a difference to the sender itself; some, if `go_on` stops the search.
pub fn pasts(dynamics: Dynamics, go_on: &(dyn Fn(u64) -> bool + Sync)) -> Vec<Past> {
    let histories = Histories(Protocol::without_promises(dynamics));
    // Alone, so that the numbers of machines are the same every time, and the order of the pasts with them.
    let found = explore(&histories, &Share::ALONE, |_| go_on(0));
    let pasts = found.faults.into_iter().filter_map(|(machine, distance)| {
        Some(Past {
            steps: way_to(&histories, &machine, distance)?,
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

    fn starts(&self) -> Vec<Number> {
        vec![self.0.start()]
    }

    fn transitions(&self, state: Number, into: &mut Vec<Transition<Number, Step, u32>>) {
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

/// Two senders in one world, for every pair of pasts.
pub struct Twins {
    protocol: Protocol,
    starts: Vec<Pair>,
    /// Whether two things that are seen are the same but for alarms, by their numbers.
    alike: Memo<[u32; 2], bool>,
}

/// A state: that of each of the two, in no order. The world is the same for both as long as they do the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pair([Number; 2]);

impl Pair {
    /// Which of the two comes first is a matter of names.
    fn of(mut both: [Number; 2]) -> Self {
        both.sort_unstable();
        Self(both)
    }

    /// Two that are the same do the same for ever.
    fn is_one(self) -> bool {
        self.0[0] == self.0[1]
    }
}

impl Twins {
    /// Two senders with these pasts each, the first message of the configuration behind them.
    pub fn new(dynamics: Dynamics, pasts: &[[&Past; 2]]) -> Self {
        let mut world = World::at_start(dynamics.configuration());
        // What the world would keep of the past is left out: sessions that stand, and what the sender forgets in time.
        debug_assert!(
            !dynamics.configuration().reuse,
            "a session that is kept belongs to the past too"
        );
        world.jobs[0].place = Place::Over(End::Sent);
        world.clock = Clock::Moving;
        let protocol = Protocol::without_promises(dynamics);
        let number = |past: &Past| {
            protocol.number(Moment {
                machine: past.machine.clone(),
                world: world.clone(),
            })
        };
        let starts = pasts.iter().map(|pair| Pair::of(pair.map(number))).collect();
        Self {
            protocol,
            starts,
            alike: Memo::default(),
        }
    }

    fn are_alike(&self, one: u32, other: u32) -> bool {
        // An alarm is what a past may lead to (SEED-10), and the only thing.
        let but_alarms = |number: u32| {
            let seen = self.protocol.seen(number).iter();
            seen.filter(|(_, observation)| !matches!(observation, Observation::Alarm { .. }))
        };
        let is_alike = || but_alarms(one).eq(but_alarms(other));
        one == other || *self.alike.entry([one, other]).or_insert_with(is_alike)
    }
}

impl System for Twins {
    type State = Pair;
    type Step = Step;
    type Fault = Wrong;

    fn starts(&self) -> Vec<Pair> {
        self.starts.clone()
    }

    fn transitions(&self, state: Pair, into: &mut Vec<Transition<Pair, Step, Wrong>>) {
        if state.is_one() {
            return;
        }
        let [one, other] = state.0.map(|number| {
            let mut ways = Vec::new();
            self.protocol.ways(number, &mut ways);
            ways
        });
        // In one world the same steps are possible, in the same order.
        for (one, other) in one.into_iter().zip(other) {
            let is_same_world = self.protocol.world(one.to) == self.protocol.world(other.to);
            let (to, faults) = match is_same_world && self.are_alike(one.seen, other.seen) {
                true => (Pair::of([one.to, other.to]), Vec::new()),
                // From here on they live in two worlds, and there is nothing to compare.
                false => (state, vec![Wrong::Depends(Dependence::Past)]),
            };
            let step = one.step;
            into.push(Transition { step, to, faults });
        }
    }

    fn injections(&self, state: Pair) -> u32 {
        self.protocol.injections(state.0[0])
    }
}
