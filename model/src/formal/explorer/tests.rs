use std::sync::atomic::{AtomicU64, Ordering};

use super::{Distance, Found, Share, System, Transition, explore, explore_by, way_to, ways_to_all};
use crate::formal::configuration::{ATTACKS, Budget, Change, Configuration, Names};
use crate::formal::driver::Seen;
use crate::formal::judged::{Judge, Judged};
use crate::formal::moment::Dynamics;
use crate::formal::protocol::Protocol;
use crate::formal::workers::Workers;
use crate::monitor::Violation;
use crate::mta::delivery::{HopId, PeerId};
use crate::observation::Observation;
use crate::scenario::Level;

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

/// Takes offence at the third deferral.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Impatient(u8);

impl Judge<Seen> for Impatient {
    fn hear(&mut self, seen: &Seen) -> Result<(), Violation> {
        let deferrals = seen
            .iter()
            .filter(|(_, seen)| matches!(seen, Observation::Deferred { .. }));
        self.0 += u8::try_from(deferrals.count()).unwrap_or(u8::MAX);
        match self.0 {
            0..3 => Ok(()),
            _ => Err(Violation {
                rule: "patience",
                why: "it was deferred three times".to_owned(),
            }),
        }
    }

    fn end(&mut self) -> Result<(), Violation> {
        Ok(())
    }

    fn is_exercised(&self) -> bool {
        self.0 > 0
    }
}

#[test]
fn four_threads_in_each_others_way_find_of_the_delivery_machine_what_one_finds() {
    let configuration = Configuration {
        messages: vec![HopId(0); 2],
        attacks: ATTACKS.to_vec(),
        drifts: vec![Change::Tls(PeerId(1)), Change::Lookups(HopId(0))],
        budget: Budget {
            attacks: 1,
            drifts: 1,
            restarts: 1,
        },
        ..Configuration::calm(Level::Encrypt)
    };
    let judged = || {
        let names = Names::all_different(&configuration);
        let protocol = Protocol::new(Dynamics::new(configuration.clone(), names));
        Judged::by(protocol, vec![Impatient(0), Impatient(1)])
    };
    let alone = explore(&judged(), &Share::ALONE, |_| true);
    assert!(alone.states > 5000 && alone.faults.len() > 1, "{alone:?}");
    let workers = Workers::new(4);
    for chunk in [1, 5] {
        let by_four = explore_by(chunk, &judged(), &workers.share(), &|_| true);
        assert_eq!(by_four, alone, "in pieces of {chunk}");
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
