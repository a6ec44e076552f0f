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
pub fn explore<S: System>(system: &S, share: &Share<'_>, go_on: impl Fn(u64) -> bool + Sync) -> Found<S::Fault> {
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
/// the one that comes first in the order of the system's own transitions. It goes no farther than the fault, and nobody can
/// stop it.
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
mod tests;
