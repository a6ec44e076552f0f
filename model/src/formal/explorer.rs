//! Walks every state of a system of transitions, breadth first, on as many threads as there are.
//!
//! States are exact: what is compared and stored is the state itself, so nothing can collide. A system makes its states
//! small by keeping what they consist of in an [`Interner`](super::Interner).

use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<F: Ord> {
    /// Distinct states.
    pub states: u64,
    /// Transitions between them.
    pub transitions: u64,
    /// Steps to the farthest state.
    pub depth: u32,
    /// Whether every state was seen; else the caller stopped the walk.
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

/// Walks all states, a level at a time. `go_on` hears, from any thread, how many states were found since
/// it last heard of some, and stops the walk with `false`. What is found by a walk that nobody stops does not depend on the
/// threads.
pub fn explore<S: System>(
    system: &S,
    share: &Share<'_>,
    go_on: impl Fn(u64) -> bool + Sync,
) -> Found<S::Fault> {
    explore_by(CHUNK, system, share, &go_on)
}

type Seen<S> = DashSet<<S as System>::State, FxBuildHasher>;

/// How many states of a level a thread takes at a time.
const CHUNK: usize = 1024;

fn explore_by<S: System>(
    chunk: usize,
    system: &S,
    share: &Share<'_>,
    go_on: &(dyn Fn(u64) -> bool + Sync),
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
    found.states += level.len() as u64;
    let is_stopped = AtomicBool::new(!go_on(found.states));
    while !level.is_empty() {
        if is_stopped.load(Ordering::Relaxed) {
            found.is_complete = false;
            return found;
        }
        let frontier = Frontier {
            system,
            level: &level,
            chunk,
            begun: AtomicUsize::new(0),
            seen: &seen,
            steps: found.depth + 1,
            go_on,
            is_stopped: &is_stopped,
        };
        let mut next = Vec::new();
        for part in frontier.walk(share.threads()) {
            found.transitions += part.transitions;
            for (fault, distance) in part.faults {
                note(&mut found.faults, fault, distance);
            }
            match next.is_empty() {
                true => next = part.next,
                false => next.extend(part.next),
            }
        }
        level = next;
        found.states += level.len() as u64;
        found.depth += u32::from(!level.is_empty());
    }
    found.is_complete = !is_stopped.into_inner();
    found
}

/// Keeps the nearest place of a fault.
fn note<F: Ord>(faults: &mut BTreeMap<F, Distance>, fault: F, distance: Distance) {
    let nearest = faults.entry(fault).or_insert(distance);
    *nearest = distance.min(*nearest);
}

/// The states of a level, and what threads need to know to walk on from them.
struct Frontier<'a, S: System> {
    system: &'a S,
    level: &'a [S::State],
    chunk: usize,
    /// How many states some thread has begun with.
    begun: AtomicUsize,
    seen: &'a Seen<S>,
    /// Steps to what comes behind this level.
    steps: u32,
    go_on: &'a (dyn Fn(u64) -> bool + Sync),
    is_stopped: &'a AtomicBool,
}

/// What one thread found behind a level.
struct Part<S: System> {
    next: Vec<S::State>,
    transitions: u64,
    faults: BTreeMap<S::Fault, Distance>,
}

impl<S: System> Frontier<'_, S> {
    fn walk(&self, threads: usize) -> Vec<Part<S>> {
        let others = threads.min(self.level.len().div_ceil(self.chunk)) - 1;
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
        while !self.is_stopped.load(Ordering::Relaxed) {
            let from = self.begun.fetch_add(self.chunk, Ordering::Relaxed);
            let Some(rest) = self.level.get(from..) else { break };
            let known = part.next.len();
            for state in rest.iter().take(self.chunk) {
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
                            note(&mut part.faults, fault, distance);
                        }
                    }
                    if self.seen.insert(to) {
                        part.next.push(to);
                    }
                }
            }
            if !(self.go_on)((part.next.len() - known) as u64) {
                self.is_stopped.store(true, Ordering::Relaxed);
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
    use std::sync::atomic::AtomicU64;

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
        explore(&Line, &Share::ALONE, |_| true)
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
        let found = explore(&Forgetful, &Share::ALONE, |_| true);
        let distance = found.faults[&()];
        assert_eq!((distance.injections, distance.steps), (2, 3));
        assert_eq!(way_to(&Forgetful, &(), distance), Some(vec![1, 2, 3]));
    }

    #[test]
    fn a_walk_in_small_pieces_by_many_threads_finds_what_a_walk_by_one_finds() {
        let workers = Workers::new(4);
        let cube = Cube(10);
        let whole = explore(&cube, &Share::ALONE, |_| true);
        for chunk in [1, 3, 64] {
            let told = AtomicU64::new(0);
            let go_on = |more| {
                told.fetch_add(more, Ordering::Relaxed);
                true
            };
            let in_pieces = explore_by(chunk, &cube, &workers.share(), &go_on);
            assert_eq!(in_pieces, whole, "in pieces of {chunk}");
            assert_eq!(told.into_inner(), whole.states);
        }
    }

    #[test]
    fn a_walk_is_stopped_within_a_level() {
        let cube = Cube(12);
        let told = AtomicU64::new(0);
        let go_on = |more| told.fetch_add(more, Ordering::Relaxed) + more < 1000;
        let found = explore_by(1, &cube, &Share::ALONE, &go_on);
        assert!(!found.is_complete);
        assert_eq!(found.states, told.into_inner());
        assert!((1000..1012).contains(&found.states), "{}", found.states);
    }

    #[test]
    fn threads_do_not_change_what_is_found() {
        let cube = Cube(14);
        let workers = Workers::new(3);
        let by_many = explore(&cube, &workers.share(), |_| true);
        let by_one = explore(&cube, &Share::ALONE, |_| true);
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
        assert!(!explore(&Line, &Share::ALONE, |_| false).is_complete);
    }
}
