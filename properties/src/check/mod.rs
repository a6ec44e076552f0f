//! The formal model under the monitors of this crate: every state within named bounds.

mod bounds;
pub mod bytes;
mod modelled;
mod pasts;
pub mod second;
pub mod serve;
mod sometimes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use postern_model::formal::{
    Broken, Calm, Dependence, Distance, Dynamics, Fault, Found, Judged, Names, Protocol, Share, Step, Workers, Wrong,
    explore, retell, way_to,
};
use postern_model::mutant::Mutant;
use postern_model::scenario::Scenario;

pub use bounds::{Bounds, Named, Question};
pub use modelled::MODELLED;
pub use sometimes::Sometimes;

use crate::monitors::AnyMonitor;
use crate::rules::Property;
use crate::setup::Setup;

/// The properties whose monitors ride along: those that the delivery machine and the recipient decision can break.
pub const JUDGED: &[Property] = &[
    Property::P01,
    Property::P02,
    Property::P03,
    Property::P06,
    Property::P07,
    Property::P08,
    Property::P10,
    Property::P12,
    Property::P13,
    Property::P14,
    Property::P15,
    Property::P38,
    Property::P39,
    Property::P40,
    Property::P41,
    Property::P42,
    Property::P44,
];

/// The properties that calms, unwinding and pairs of pasts judge, without a monitor.
const COMPARED: &[Property] = &[Property::P04, Property::P09, Property::P11, Property::P35];

/// The properties that either model judges, in order.
pub fn judged() -> impl Iterator<Item = Property> {
    let all: BTreeSet<Property> = JUDGED.iter().chain(COMPARED).chain(bytes::JUDGED).copied().collect();
    all.into_iter()
}

/// What a walk found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    /// Distinct states, of machine, world and judges.
    pub states: u64,
    /// Distinct states of the delivery machine and its world alone.
    pub protocol_states: u64,
    /// Transitions.
    pub transitions: u64,
    /// Steps to the farthest state.
    pub depth: u32,
    /// Wall-clock time.
    pub seconds: f64,
    /// Whether every state was seen; else the caller stopped the walk.
    pub is_complete: bool,
    /// What each configuration came to, by its place.
    pub walks: BTreeMap<usize, Walk>,
    /// The properties whose judges were put to the test.
    pub exercised: BTreeSet<Property>,
    /// What happened at some time, in the first model.
    pub met: BTreeSet<Sometimes>,
    /// What is broken, each with its nearest counterexample.
    pub violations: BTreeMap<(Property, &'static str), Counterexample>,
    /// What was found at byte level. Its states and transitions are among those above.
    pub bytes: bytes::Report,
}

/// Hears, from any thread, how many states more there are, and stops a walk with `false`.
type GoOn<'a> = &'a (dyn Fn(u64) -> bool + Sync);

/// The size of one configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walk {
    /// Distinct states.
    pub states: u64,
    /// Transitions.
    pub transitions: u64,
    /// Steps to the farthest state.
    pub depth: u32,
    /// Whether every state was seen.
    pub is_complete: bool,
}

impl Walk {
    fn of<F: Ord>(found: &Found<F>) -> Self {
        Self {
            states: found.states,
            transitions: found.transitions,
            depth: found.depth,
            is_complete: found.is_complete,
        }
    }
}

/// A course of events that ends in a violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counterexample {
    /// The place of the configuration that it begins with.
    pub configuration: usize,
    /// Only that a step depends on what must not matter, and not yet what comes of it.
    pub is_dependence: bool,
    /// How far it is.
    pub distance: Distance,
    /// The steps.
    pub steps: Vec<Step>,
    /// The same as a scenario for the simulator, with what is to come behind it where the violation is a promise that is
    /// not kept.
    pub scenario: Scenario,
}

/// Walks every configuration of the bounds, on so many threads. `go_on` hears of the number of states so far, from any
/// thread, and stops everything with `false`.
pub fn check(bounds: Bounds, mutant: Option<Mutant>, jobs: usize, go_on: impl Fn(u64) -> bool + Sync) -> Report {
    let began = now();
    let (at_byte_level, configurations) = (bounds.at_byte_level(), bounds.configurations());
    let all = at_byte_level.len() + configurations.len();
    let next = AtomicUsize::new(0);
    let states = AtomicU64::new(0);
    let report = Mutex::new(Report {
        is_complete: true,
        ..Report::default()
    });
    let workers = Workers::new(jobs);
    let is_stopped = AtomicBool::new(false);
    let go_on = |more| {
        let goes_on = go_on(states.fetch_add(more, Ordering::Relaxed) + more);
        is_stopped.fetch_or(!goes_on, Ordering::Relaxed);
        goes_on
    };
    let walk_some = || {
        let share = workers.share();
        while !is_stopped.load(Ordering::Relaxed) {
            let place = next.fetch_add(1, Ordering::Relaxed);
            if let Some(named) = at_byte_level.get(place) {
                let found = bytes::walk(&named.configuration, mutant, &share, &go_on);
                if let Ok(mut report) = report.lock() {
                    report.add_bytes(place, found);
                }
                continue;
            }
            let place = place - at_byte_level.len();
            let Some(named) = configurations.get(place) else { break };
            let found = match named.question {
                Question::IsAllWell => walk(named, mutant, &share, &go_on),
                Question::DoPastsMatter => pasts::walk(named, mutant, &share, &go_on),
            };
            if let Ok(mut report) = report.lock() {
                report.add(place, found);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, all) {
            scope.spawn(walk_some);
        }
    });
    let mut report = report.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    report.is_complete &= !is_stopped.into_inner();
    report.seconds = began.elapsed().as_secs_f64();
    report
}

#[expect(
    clippy::disallowed_methods,
    reason = "a walk is measured in real time; no state sees it"
)]
fn now() -> Instant {
    Instant::now()
}

/// What every engine is given of one configuration.
#[derive(Debug, Clone)]
pub struct Case {
    /// What can happen in it.
    pub dynamics: Dynamics,
    /// The monitors of [`JUDGED`], in its order, at the start.
    pub bench: Vec<AnyMonitor>,
}

impl Case {
    /// A configuration, if need be with a bug.
    pub fn of(named: &Named, mutant: Option<Mutant>) -> Self {
        let mut configuration = named.configuration.clone();
        configuration.mutant = mutant;
        let setup = Setup::of(&configuration.scenario());
        let names = Names::of(&configuration, |name| setup.domain(name)).expect("its own scenario names them all");
        let judges = JUDGED.iter().map(|property| {
            AnyMonitor::of(*property, &setup).expect("every property that is judged here has a monitor")
        });
        Self {
            bench: judges.collect(),
            dynamics: Dynamics::new(configuration, names),
        }
    }
}

/// What came of one configuration.
struct Walked {
    walk: Walk,
    protocol_states: u64,
    exercised: BTreeSet<Property>,
    met: BTreeSet<Sometimes>,
    ways: BTreeMap<(Property, &'static str), Way>,
}

/// A way to a fault.
struct Way {
    /// Whether only a dependence shows, and how far it is.
    order: (bool, Distance),
    steps: Vec<Step>,
    scenario: Scenario,
}

impl Way {
    fn entitled(
        (property, rule): (Property, &'static str),
        order: (bool, Distance),
        steps: Vec<Step>,
        mut scenario: Scenario,
    ) -> Self {
        scenario.title = format!(
            "{} {} breaks {rule}, as the formal model has it",
            property.id(),
            property.name()
        );
        Self { order, steps, scenario }
    }
}

fn walk(named: &Named, mutant: Option<Mutant>, share: &Share<'_>, go_on: GoOn<'_>) -> Walked {
    let Case { dynamics, bench } = Case::of(named, mutant);
    let system = Judged::by(Protocol::new(dynamics.clone()), bench);
    let found = explore(&system, share, go_on);
    let mut ways = BTreeMap::new();
    for (fault, distance) in &found.faults {
        let key = broken_by(*fault);
        // A consequence says more than the step in which something matters that must not.
        let order = (matches!(fault, Fault::Wrong(Wrong::Depends(_))), *distance);
        let is_first = ways.get(&key).is_none_or(|known: &Way| order < known.order);
        if is_first {
            let steps = way_to(&system, fault, *distance).expect("there is a way to what was found");
            let scenario = retell(&dynamics, &steps, shown_in(*fault));
            let way = Way::entitled(key, order, steps, scenario);
            ways.insert(key, way);
        }
    }
    let by_monitors = JUDGED.iter().zip(system.exercised());
    let by_monitors = by_monitors.filter_map(|(property, exercised)| exercised.then_some(*property));
    let by_calms = [Property::P04, Property::P11].into_iter();
    let by_unwinding = system.observed().was_unwound().then_some(Property::P35);
    Walked {
        exercised: by_monitors
            .chain(by_calms.filter(|_| system.observed().was_calmed()))
            .chain(by_unwinding)
            .collect(),
        met: sometimes::met(system.observed().all_seen()),
        protocol_states: system.observed().states() as u64,
        walk: Walk::of(&found),
        ways,
    }
}

impl Report {
    /// The properties that are judged and that nothing put to the test.
    pub fn idle(&self) -> Vec<Property> {
        judged().filter(|property| !self.exercised.contains(property)).collect()
    }

    /// What never happened.
    pub fn never_met(&self) -> impl Iterator<Item = Sometimes> {
        Sometimes::ALL
            .iter()
            .copied()
            .filter(|situation| !self.met.contains(situation))
    }

    /// Everything that is broken, in either model.
    pub fn broken(&self) -> BTreeSet<(Property, &'static str)> {
        self.violations
            .keys()
            .chain(self.bytes.violations.keys())
            .copied()
            .collect()
    }

    fn count(&mut self, walk: &Walk) {
        self.states += walk.states;
        self.transitions += walk.transitions;
        self.depth = self.depth.max(walk.depth);
        self.is_complete &= walk.is_complete;
    }

    fn add_bytes(&mut self, place: usize, walked: bytes::Walked) {
        self.count(&Walk::of(&walked.found));
        self.exercised.extend(&walked.exercised);
        self.bytes.add(place, walked);
    }

    fn add(&mut self, place: usize, walked: Walked) {
        self.count(&walked.walk);
        self.protocol_states += walked.protocol_states;
        self.exercised.extend(walked.exercised);
        self.met.extend(walked.met);
        self.walks.insert(place, walked.walk);
        for (key, way) in walked.ways {
            let counterexample = Counterexample {
                configuration: place,
                distance: way.order.1,
                is_dependence: way.order.0,
                steps: way.steps,
                scenario: way.scenario,
            };
            let order = |known: &Counterexample| (known.is_dependence, known.distance, known.configuration);
            keep_nearest(&mut self.violations, key, counterexample, order);
        }
    }
}

/// Keeps what comes first in this order, whichever thread comes first with it.
fn keep_nearest<K: Ord, C, O: Ord>(known: &mut BTreeMap<K, C>, key: K, new: C, order: impl Fn(&C) -> O) {
    match known.get(&key) {
        Some(known) if order(known) <= order(&new) => {}
        _ => _ = known.insert(key, new),
    }
}

/// The property and the rule that a fault is about.
fn broken_by(fault: Fault) -> (Property, &'static str) {
    match fault {
        Fault::Judged(place, rule) => (JUDGED[place], rule),
        Fault::Wrong(Wrong::Forgets) => (Property::P12, "R5321-4.2.5-a"),
        Fault::Wrong(Wrong::Depends(Dependence::Past)) => (Property::P09, "SEED-11"),
        Fault::Wrong(Wrong::Depends(Dependence::Role)) => (Property::P35, "SEED-13"),
        Fault::Wrong(Wrong::Depends(Dependence::Alarms)) => (Property::P10, "SEED-10"),
        Fault::Wrong(Wrong::Breaks(Broken::NotDelivered, _)) => (Property::P11, "R5321-5.1-d"),
        Fault::Wrong(Wrong::Breaks(Broken::HeldForThePast, _)) => (Property::P09, "SEED-11"),
        Fault::Wrong(Wrong::Breaks(Broken::HeldForWantOfTls, _)) => (Property::P03, "SEED-11"),
        Fault::Wrong(Wrong::Breaks(Broken::HeldForBrokenTls, _)) => (Property::P04, "SEED-06"),
        Fault::Wrong(Wrong::Breaks(Broken::SentInClear, _)) => (Property::P04, "R3207-6-b"),
    }
}

/// The calm in which the consequence of a fault shows.
fn shown_in(fault: Fault) -> Option<Calm> {
    match fault {
        Fault::Judged(..) | Fault::Wrong(Wrong::Forgets) => None,
        Fault::Wrong(Wrong::Breaks(_, calm)) => Some(calm),
        Fault::Wrong(Wrong::Depends(Dependence::Role)) => None,
        // What another past or setting of alarms leads to shows where TLS is gone.
        Fault::Wrong(Wrong::Depends(Dependence::Past | Dependence::Alarms)) => Some(Calm::NoTls),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is broken in a configuration, and how many states it has.
    fn broken_in(
        named: &Named,
        mutant: Option<Mutant>,
        (is_lazy, is_symmetric): (bool, bool),
    ) -> (BTreeSet<(Property, &'static str)>, u64) {
        let mut named = named.clone();
        named.configuration.is_lazy &= is_lazy;
        named.configuration.is_symmetric &= is_symmetric;
        let walked = walk(&named, mutant, &Share::ALONE, &|_| true);
        (walked.ways.into_keys().collect(), walked.walk.states)
    }

    #[test]
    fn the_full_graph_breaks_what_the_reduced_one_breaks_whatever_the_mutant() {
        let configurations = Bounds::Small.configurations().into_iter();
        let configurations: Vec<_> = configurations
            .filter(|named| named.question == Question::IsAllWell)
            .collect();
        let mutants: Vec<Option<Mutant>> = std::iter::once(None)
            .chain(MODELLED.iter().copied().map(Some))
            .collect();
        let compare = |mutants: &[Option<Mutant>]| {
            for mutant in mutants {
                for named in &configurations {
                    let (full, many) = broken_in(named, *mutant, (false, false));
                    let hops: BTreeSet<_> = named.configuration.messages.iter().collect();
                    let has_twins = hops.len() < named.configuration.messages.len();
                    let reductions = match has_twins {
                        true => &[(true, false), (false, true), (true, true)][..],
                        false => &[(true, false)][..],
                    };
                    for reduction in reductions {
                        let (reduced, few) = broken_in(named, *mutant, *reduction);
                        assert_eq!(reduced, full, "{mutant:?} in {}, {reduction:?}", named.name);
                        assert!(few <= many, "{mutant:?} in {}, {reduction:?}", named.name);
                    }
                }
            }
        };
        let (some, others) = mutants.split_at(mutants.len() / 2);
        std::thread::scope(|scope| {
            scope.spawn(|| compare(some));
            compare(others);
        });
    }

    #[test]
    fn every_reduction_reduces() {
        let two_messages = Bounds::Small.configurations().into_iter().find(|named| {
            let messages = &named.configuration.messages;
            messages.len() == 2 && messages[0] == messages[1] && named.configuration.budget.drifts > 0
        });
        let two_messages = two_messages.expect("there is such a configuration");
        let states = |reductions| broken_in(&two_messages, None, reductions).1;
        let (full, lazy) = (states((false, false)), states((true, false)));
        let (symmetric, both) = (states((false, true)), states((true, true)));
        assert!(
            both < lazy && lazy < full && both < symmetric && symmetric < full,
            "{both} {lazy} {symmetric} {full}"
        );
    }

    #[test]
    fn a_walk_that_is_stopped_says_that_it_did_not_see_all() {
        assert!(!check(Bounds::Small, None, 2, |states| states < 50_000).is_complete);
    }

    #[test]
    fn nothing_is_wrong_within_small_bounds() {
        let report = check(Bounds::Small, None, 2, |_| true);
        assert!(report.is_complete);
        assert_eq!(report.violations, BTreeMap::new());
        assert_eq!(report.bytes.violations, BTreeMap::new());
        assert!(report.states > 1000, "{}", report.states);
        // No timer of the model goes off while a session hangs, which is what P42 is about; a sender that lets a hanging
        // session hold up others is convicted all the same.
        assert_eq!(report.idle(), [Property::P42]);
        assert_eq!(report.never_met().collect::<Vec<_>>(), []);
    }
}
