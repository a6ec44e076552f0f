//! The protocol under judges: their states are part of the state, so that every monitor sees every course of events.

use rustc_hash::FxHashMap;

use crate::monitor::{Monitor, Violation};

use super::configuration::{Configuration, Names};
use super::explorer::{System, Transition};
use super::interner::Interner;
use super::protocol::{Number, Protocol, Step, Wrong};

/// A system whose states are those of the protocol and of all judges.
pub struct Judged<M> {
    protocol: Protocol,
    judges: Interner<Judge<M>>,
    benches: Interner<Box<[u32]>>,
    start: u32,
    /// What a judge makes of what is seen, by both their numbers.
    known: FxHashMap<(u32, u32), (u32, Option<u32>)>,
    /// What the bench makes of it.
    known_of_bench: FxHashMap<(u32, u32), (u32, u32)>,
    rules: Interner<&'static str>,
    /// What is wrong by the judges: which one, and by which rule.
    verdicts: Interner<Vec<Fault>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Judge<M> {
    Sits(M),
    /// It has found a violation and is of no more use.
    Convicted,
}

/// What is wrong about a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The judge at this place of the bench found this rule broken.
    Judged(usize, &'static str),
    /// The protocol itself shows it.
    Wrong(Wrong),
}

/// A state: of the protocol, and of the bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct State {
    protocol: Number,
    bench: u32,
}

impl<M: Monitor> Judged<M> {
    /// The system of a configuration, judged by these.
    pub fn new(configuration: Configuration, names: Names, judges: Vec<M>) -> Self {
        let mut all = Interner::default();
        let bench: Box<[u32]> = judges.into_iter().map(|judge| all.number(Judge::Sits(judge))).collect();
        let mut benches = Interner::default();
        let start = benches.number(bench);
        let mut verdicts = Interner::default();
        verdicts.number(Vec::new());
        Self {
            protocol: Protocol::new(configuration, names),
            judges: all,
            benches,
            start,
            known: FxHashMap::default(),
            known_of_bench: FxHashMap::default(),
            rules: Interner::default(),
            verdicts,
        }
    }

    /// How many states the protocol alone has been seen in.
    pub fn protocol_states(&self) -> usize {
        self.protocol.len()
    }

    fn judge(&mut self, bench: u32, seen: u32, is_end: bool) -> (u32, u32) {
        if let Some(known) = self.known_of_bench.get(&(bench, seen)) {
            return *known;
        }
        let before = self.benches.value(bench).clone();
        let mut after = before.clone();
        let mut faults = Vec::new();
        for (place, judge) in after.iter_mut().enumerate() {
            let (then, rule) = self.hear(*judge, seen, is_end);
            *judge = then;
            faults.extend(rule.map(|rule| Fault::Judged(place, self.rules.value(rule))));
        }
        let result = (self.benches.number(after), self.verdicts.number(faults));
        self.known_of_bench.insert((bench, seen), result);
        result
    }

    fn hear(&mut self, judge: u32, seen: u32, is_end: bool) -> (u32, Option<u32>) {
        if let Some(known) = self.known.get(&(judge, seen)) {
            return *known;
        }
        let (then, violation) = match self.judges.value(judge) {
            Judge::Convicted => (Judge::Convicted, None),
            Judge::Sits(monitor) => {
                let mut monitor = monitor.clone();
                let seen = self.protocol.seen.value(seen);
                let mut violation: Option<Violation> = None;
                for (after, observation) in seen {
                    if let Err(found) = monitor.observe(*after, observation) {
                        violation = Some(found);
                        break;
                    }
                }
                if violation.is_none() && is_end {
                    violation = monitor.finish().err();
                }
                match violation {
                    Some(_) => (Judge::Convicted, violation),
                    None => (Judge::Sits(monitor), None),
                }
            }
        };
        let rule = violation.map(|violation| self.rules.number(violation.rule));
        let result = (self.judges.number(then), rule);
        self.known.insert((judge, seen), result);
        result
    }
}

impl<M: Monitor> System for Judged<M> {
    type State = State;
    type Step = Step;
    type Fault = Fault;

    fn starts(&mut self) -> Vec<State> {
        let protocol = self.protocol.start();
        vec![State {
            protocol,
            bench: self.start,
        }]
    }

    fn transitions(&mut self, state: State, into: &mut Vec<Transition<State, Step, Fault>>) {
        for place in self.protocol.edges(state.protocol) {
            let edge = self.protocol.edge(place);
            let (bench, verdict) = self.judge(state.bench, edge.seen, edge.step == Step::End);
            let wrong = self.protocol.wrong(place).iter().map(|wrong| Fault::Wrong(*wrong));
            let faults = self.verdicts.value(verdict).iter().copied().chain(wrong);
            into.push(Transition {
                step: edge.step,
                to: State {
                    protocol: edge.to,
                    bench,
                },
                faults: faults.collect(),
            });
        }
    }

    fn injections(&self, state: State) -> u32 {
        self.protocol.injections(state.protocol)
    }
}
