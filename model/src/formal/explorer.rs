//! Walks every state of a system of transitions, breadth first, on as many threads as there are.
//!
//! States are exact: what is compared and stored is the state itself, so nothing can collide. A system makes its states
//! small by keeping what they consist of in an [`Interner`](super::Interner).

use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashSet;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::workers::Share;

/// A system of transitions. It may find out and keep what it likes, as long as its answers stay the same.
pub trait System: Sync {
    /// A state.
    type State: Copy + Eq + Hash + Send + Sync;
    /// What leads from one state to the next.
    type Step: Clone;
    /// What can be wrong about a transition.
    type Fault: Clone + Ord + Send;

    /// The states to begin with.
    fn starts(&self) -> Vec<Self::State>;

    /// Appends every transition that leads out of a state.
    fn transitions(&self, state: Self::State, into: &mut Vec<Transition<Self::State, Self::Step, Self::Fault>>);

    /// How many things the environment has done to come here that it need not have done. It belongs to the state: equal states
    /// have equal numbers. It never decreases along a transition, but for one into a state from which none leads on.
    fn injections(&self, state: Self::State) -> u32;
}

/// One transition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition<S, P, F> {
    /// What happens.
    pub step: P,
    /// Where it leads.
    pub to: S,
    /// What is wrong about it.
    pub faults: Vec<F>,
}

/// When to stop short of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// No more states than these are stored, but for those of the last level.
    pub states: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { states: u64::MAX }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<F: Ord> {
    /// Distinct states.
    pub states: u64,
    /// Transitions between them.
    pub transitions: u64,
    /// Steps to the farthest state.
    pub depth: u32,
    /// Whether every state was seen; else a limit or the caller stopped the walk.
    pub is_complete: bool,
    /// What is wrong somewhere, with the fewest injections that it takes, and then the fewest steps.
    pub faults: BTreeMap<F, Distance>,
}

/// How far it is to a fault. The order is that of interest: a reader wants few injections first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Distance {
    /// What the environment did that it need not have done.
    pub injections: u32,
    /// Steps, injections included.
    pub steps: u32,
}

/// Walks all states that the limits allow, a level at a time. `go_on` hears of the number of states at every level, and stops
/// the walk with `false`. What is found does not depend on the threads.
pub fn explore<S: System>(
    system: &S,
    limits: Limits,
    share: &Share<'_>,
    mut go_on: impl FnMut(u64) -> bool,
) -> Found<S::Fault> {
    // Only asked whether a state is there; the levels keep the order.
    let seen: Seen<S> = DashSet::default();
    let mut found = Found {
        states: 0,
        transitions: 0,
        depth: 0,
        is_complete: true,
        faults: BTreeMap::new(),
    };
    let mut level = system.starts();
    level.retain(|start| seen.insert(*start));
    while !level.is_empty() {
        found.states += level.len() as u64;
        if found.states >= limits.states || !go_on(found.states) {
            found.is_complete = false;
            return found;
        }
        let frontier = Frontier {
            system,
            level: &level,
            begun: AtomicUsize::new(0),
            seen: &seen,
            steps: found.depth + 1,
        };
        let mut next = Vec::new();
        for part in frontier.walk(share.threads()) {
            found.transitions += part.transitions;
            for (fault, distance) in part.faults {
                let nearest = found.faults.entry(fault).or_insert(distance);
                *nearest = distance.min(*nearest);
            }
            match next.is_empty() {
                true => next = part.next,
                false => next.extend(part.next),
            }
        }
        level = next;
        found.depth += u32::from(!level.is_empty());
    }
    found
}

type Seen<S> = DashSet<<S as System>::State, FxBuildHasher>;

/// How many states of a level a thread takes at a time.
const CHUNK: usize = 1024;

/// The states of a level, and what threads need to know to walk on from them.
struct Frontier<'a, S: System> {
    system: &'a S,
    level: &'a [S::State],
    /// How many states some thread has begun with.
    begun: AtomicUsize,
    seen: &'a Seen<S>,
    /// Steps to what comes behind this level.
    steps: u32,
}

/// What one thread found behind a level.
struct Part<S: System> {
    next: Vec<S::State>,
    transitions: u64,
    faults: BTreeMap<S::Fault, Distance>,
}

impl<S: System> Frontier<'_, S> {
    fn walk(&self, threads: usize) -> Vec<Part<S>> {
        let others = threads.min(self.level.len().div_ceil(CHUNK)) - 1;
        if others == 0 {
            return vec![self.part()];
        }
        std::thread::scope(|scope| {
            let others: Vec<_> = (0..others).map(|_| scope.spawn(|| self.part())).collect();
            let own = self.part();
            let others = others.into_iter().map(|thread| match thread.join() {
                Ok(part) => part,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            std::iter::once(own).chain(others).collect()
        })
    }

    fn part(&self) -> Part<S> {
        let mut part = Part {
            next: Vec::new(),
            transitions: 0,
            faults: BTreeMap::new(),
        };
        let mut transitions = Vec::new();
        loop {
            let from = self.begun.fetch_add(CHUNK, Ordering::Relaxed);
            let Some(rest) = self.level.get(from..) else { break };
            for state in rest.iter().take(CHUNK) {
                self.system.transitions(*state, &mut transitions);
                part.transitions += transitions.len() as u64;
                for Transition { to, faults, .. } in transitions.drain(..) {
                    if !faults.is_empty() {
                        // States are reached by the fewest steps first, whatever the injections, which belong to the state.
                        // What is over may have forgotten how many it took.
                        let (before, after) = (self.system.injections(*state), self.system.injections(to));
                        let distance = Distance {
                            injections: before.max(after),
                            steps: self.steps,
                        };
                        for fault in faults {
                            let nearest = part.faults.entry(fault).or_insert(distance);
                            *nearest = distance.min(*nearest);
                        }
                    }
                    if self.seen.insert(to) {
                        part.next.push(to);
                    }
                }
            }
        }
        part
    }
}

/// States in the order in which they were reached, each with the place of the one before it and the step from there.
type Reached<S, P> = IndexMap<S, Option<(usize, P)>, FxBuildHasher>;

/// The steps of a shortest way to a fault that [`explore`] found at this distance; `None` if there is none. Of several ways
/// the one that comes first in the order of the system's own transitions.
pub fn way_to<S: System>(system: &S, fault: &S::Fault, distance: Distance) -> Option<Vec<S::Step>> {
    let mut reached: Reached<S::State, S::Step> = IndexMap::default();
    reached.extend(system.starts().into_iter().map(|start| (start, None)));
    let mut transitions = Vec::new();
    let mut level = 0..reached.len();
    for _ in 0..distance.steps {
        for place in level.clone() {
            let (state, _) = reached.get_index(place)?;
            system.transitions(*state, &mut transitions);
            for transition in transitions.drain(..) {
                if system.injections(transition.to) > distance.injections {
                    continue;
                }
                if transition.faults.contains(fault) {
                    return Some(way(&reached, place, transition.step));
                }
                let before = (place, transition.step);
                reached.entry(transition.to).or_insert(Some(before));
            }
        }
        level = level.end..reached.len();
    }
    None
}

/// A shortest way to every fault, injections or not. Of several ways the one that comes first in the order of the system's
/// own transitions.
pub(super) fn ways_to_all<S: System>(system: &S) -> BTreeMap<S::Fault, Vec<S::Step>> {
    let mut reached: Reached<S::State, S::Step> = IndexMap::default();
    reached.extend(system.starts().into_iter().map(|start| (start, None)));
    let mut ways = BTreeMap::new();
    let mut transitions = Vec::new();
    let mut place = 0;
    while let Some((state, _)) = reached.get_index(place) {
        system.transitions(*state, &mut transitions);
        for Transition { step, to, faults } in transitions.drain(..) {
            for fault in faults {
                ways.entry(fault).or_insert_with(|| way(&reached, place, step.clone()));
            }
            reached.entry(to).or_insert(Some((place, step)));
        }
        place += 1;
    }
    ways
}

fn way<S, P: Clone>(reached: &Reached<S, P>, place: usize, last: P) -> Vec<P> {
    let mut steps = vec![last];
    let mut place = place;
    while let Some((_, Some((before, step)))) = reached.get_index(place) {
        steps.push(step.clone());
        place = *before;
    }
    steps.reverse();
    steps
}

#[cfg(test)]
mod tests {
    use super::super::workers::Workers;
    use super::*;

    /// A knight's walk on a line: two steps on, or one step back at the price of an injection; squares from 0 to 9. Square 7
    /// is a trap.
    struct Line;

    impl System for Line {
        type State = (u8, u32);
        type Step = &'static str;
        type Fault = &'static str;

        fn starts(&self) -> Vec<Self::State> {
            vec![(0, 0)]
        }

        fn transitions(
            &self,
            (square, injections): Self::State,
            into: &mut Vec<Transition<Self::State, Self::Step, Self::Fault>>,
        ) {
            let mut to = |step, square, injections| {
                let faults = if square == 7 { vec!["trap"] } else { Vec::new() };
                into.push(Transition {
                    step,
                    to: (square, injections),
                    faults,
                });
            };
            if square < 8 {
                to("on", square + 2, injections);
            }
            if square > 0 && injections < 3 {
                to("back", square - 1, injections + 1);
            }
        }

        fn injections(&self, (_, injections): Self::State) -> u32 {
            injections
        }
    }

    fn walk_all() -> Found<&'static str> {
        explore(&Line, Limits::default(), &Share::ALONE, |_| true)
    }

    /// Numbers of so many bits; a step turns one of them over. The last of all is a trap.
    struct Cube(u32);

    impl System for Cube {
        type State = u32;
        type Step = u32;
        type Fault = u32;

        fn starts(&self) -> Vec<u32> {
            vec![0]
        }

        fn transitions(&self, corner: u32, into: &mut Vec<Transition<u32, u32, u32>>) {
            into.extend((0..self.0).map(|bit| {
                let to = corner ^ (1 << bit);
                let is_last = to == (1 << self.0) - 1;
                let faults = is_last.then_some(to).into_iter().collect();
                Transition { step: bit, to, faults }
            }));
        }

        fn injections(&self, _: u32) -> u32 {
            0
        }
    }

    /// A way of three steps, each an injection, into a trap that has forgotten them.
    struct Forgetful;

    impl System for Forgetful {
        type State = u32;
        type Step = u32;
        type Fault = ();

        fn starts(&self) -> Vec<u32> {
            vec![0]
        }

        fn transitions(&self, state: u32, into: &mut Vec<Transition<u32, u32, ()>>) {
            let to = state + 1;
            let faults = (to == 3).then_some(()).into_iter().collect();
            into.extend((state < 3).then_some(Transition { step: to, to, faults }));
        }

        fn injections(&self, state: u32) -> u32 {
            state % 3
        }
    }

    #[test]
    fn what_is_wrong_about_the_end_is_found_again_whatever_the_end_forgets() {
        let found = explore(&Forgetful, Limits::default(), &Share::ALONE, |_| true);
        let distance = found.faults[&()];
        assert_eq!((distance.injections, distance.steps), (2, 3));
        assert_eq!(way_to(&Forgetful, &(), distance), Some(vec![1, 2, 3]));
    }

    #[test]
    fn threads_do_not_change_what_is_found() {
        let cube = Cube(14);
        let workers = Workers::new(3);
        let by_many = explore(&cube, Limits::default(), &workers.share(), |_| true);
        let by_one = explore(&cube, Limits::default(), &Share::ALONE, |_| true);
        assert_eq!(by_many, by_one);
        assert_eq!(
            (by_one.states, by_one.transitions, by_one.depth),
            (1 << 14, 14 << 14, 14)
        );
        assert_eq!(
            by_one
                .faults
                .into_values()
                .map(|distance| distance.steps)
                .collect::<Vec<_>>(),
            [14]
        );
    }

    #[test]
    fn every_state_is_counted_once() {
        let found = walk_all();
        let mut by_hand = std::collections::BTreeSet::from([(0, 0)]);
        loop {
            let mut more = Vec::new();
            for state in &by_hand {
                Line.transitions(*state, &mut more);
            }
            let before = by_hand.len();
            by_hand.extend(more.into_iter().map(|transition| transition.to));
            if by_hand.len() == before {
                break;
            }
        }
        assert_eq!(found.states, by_hand.len() as u64);
        assert!(found.is_complete);
    }

    #[test]
    fn the_way_to_a_fault_has_the_fewest_injections_and_then_the_fewest_steps() {
        let found = walk_all();
        let distance = found.faults["trap"];
        assert_eq!(
            distance,
            Distance {
                injections: 1,
                steps: 5
            }
        );
        let way = way_to(&Line, &"trap", distance).expect("there is one");
        assert_eq!(way.len(), 5);
        assert_eq!(way.iter().filter(|step| **step == "back").count(), 1);
    }

    #[test]
    fn the_ways_to_all_faults_are_the_shortest() {
        let ways = ways_to_all(&Line);
        assert_eq!(ways.len(), 1);
        assert_eq!(ways["trap"], ["on", "on", "on", "on", "back"]);
    }

    #[test]
    fn a_walk_that_is_stopped_says_so() {
        let limits = Limits { states: 3 };
        assert!(!explore(&Line, limits, &Share::ALONE, |_| true).is_complete);
        assert!(!explore(&Line, Limits::default(), &Share::ALONE, |_| false).is_complete);
    }
}
