//! A model under judges: their states are part of the state, so that every judge hears every course of events.

use std::hash::Hash;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::monitor::{Monitor, Violation};
use crate::observation::Observation;

use super::explorer::{System, Transition};
use super::interner::{Interner, Memo};
use super::protocol::{Protocol, Wrong};

/// A system of transitions on each of which something is seen, before anybody judges it.
pub trait Observed: Sync {
    /// A state.
    type State: Copy + Eq + Hash + Send + Sync;
    /// What leads from one state to the next.
    type Step: Copy;
    /// What is seen in a step.
    type Seen;
    /// What a step shows to be wrong, whatever the judges think.
    type Wrong: Copy + Ord + Hash + Send;

    /// The state to begin with.
    fn start(&self) -> Self::State;

    /// Appends every way on from a state.
    fn ways(&self, state: Self::State, into: &mut Vec<Way<Self::State, Self::Step, Self::Wrong>>);

    /// What has this number, which a way told.
    fn seen(&self, number: u32) -> &Self::Seen;

    /// See [`System::injections`].
    fn injections(&self, state: Self::State) -> u32;
}

/// One way on from a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way<S, P, W> {
    /// What happens.
    pub step: P,
    /// Where it leads.
    pub to: S,
    /// What is seen, by its number.
    pub seen: u32,
    /// With it all is over, and what is still owed is owed for ever.
    pub is_end: bool,
    /// What is wrong about it.
    pub wrong: Vec<W>,
}

/// A judge of what is seen.
pub trait Judge<Seen>: Clone + Eq + Hash + Send + Sync {
    /// Takes what is seen next.
    ///
    /// # Errors
    /// The violation that it completes.
    fn hear(&mut self, seen: &Seen) -> Result<(), Violation>;

    /// Takes the end.
    ///
    /// # Errors
    /// The violation that only the end shows.
    fn end(&mut self) -> Result<(), Violation>;

    /// Whether what it judges came about so far.
    fn is_exercised(&self) -> bool;
}

/// Every monitor judges observations, each so long after the one before.
impl<M: Monitor + Send + Sync> Judge<Vec<(Duration, Observation)>> for M {
    fn hear(&mut self, seen: &Vec<(Duration, Observation)>) -> Result<(), Violation> {
        seen.iter()
            .try_for_each(|(after, observation)| self.observe(*after, observation))
    }

    fn end(&mut self) -> Result<(), Violation> {
        self.finish()
    }

    fn is_exercised(&self) -> bool {
        self.exercised()
    }
}

/// A system whose states are those of a model and of all judges.
pub struct Judged<J, O = Protocol> {
    observed: O,
    seats: Interner<Seat<J>>,
    benches: Interner<Box<[u32]>>,
    start: u32,
    /// Whether the judge at each place was ever put to the test.
    exercised: Box<[AtomicBool]>,
    /// What a judge makes of what is seen, by both their numbers, and of whether it is the end.
    heard: Memo<(u32, u32, bool), (u32, Option<u32>)>,
    /// What the bench makes of it.
    heard_by_bench: Memo<(u32, u32, bool), (u32, u32)>,
    rules: Interner<&'static str>,
    /// What is wrong by the judges: which one, and by which rule.
    verdicts: Interner<Vec<(usize, &'static str)>>,
}

/// A place on the bench.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Seat<J> {
    /// A judge sits here.
    Taken(J),
    /// The judge has found a violation and is of no more use.
    Convicted,
}

impl<J> Seat<J> {
    fn is_exercised<Seen>(&self) -> bool
    where
        J: Judge<Seen>,
    {
        matches!(self, Self::Taken(judge) if judge.is_exercised())
    }

    /// The seat after what is seen next, and the violation that it completes.
    pub fn hear<Seen>(&self, seen: &Seen, is_end: bool) -> (Self, Option<Violation>)
    where
        J: Judge<Seen>,
    {
        let Self::Taken(judge) = self else {
            return (Self::Convicted, None);
        };
        let mut judge = judge.clone();
        let heard = judge.hear(seen);
        match heard.and_then(|()| if is_end { judge.end() } else { Ok(()) }) {
            Err(violation) => (Self::Convicted, Some(violation)),
            Ok(()) => (Self::Taken(judge), None),
        }
    }
}

/// What is wrong about a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault<W = Wrong> {
    /// The judge at this place of the bench found this rule broken.
    Judged(usize, &'static str),
    /// The model itself shows it.
    Wrong(W),
}

/// A state: of the model, and of the bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct State<S> {
    observed: S,
    bench: u32,
}

impl<O: Observed, J: Judge<O::Seen>> Judged<J, O> {
    /// A model, judged by these.
    pub fn by(observed: O, judges: Vec<J>) -> Self {
        let all = Interner::default();
        let bench: Box<[u32]> = judges.into_iter().map(|judge| all.number(Seat::Taken(judge))).collect();
        let benches = Interner::default();
        let start = benches.number(bench.clone());
        let verdicts = Interner::default();
        verdicts.number(Vec::new());
        Self {
            observed,
            exercised: bench.iter().map(|_| AtomicBool::new(false)).collect(),
            seats: all,
            benches,
            start,
            heard: Memo::default(),
            heard_by_bench: Memo::default(),
            rules: Interner::default(),
            verdicts,
        }
    }

    /// Whether the judge at each place was put to the test somewhere, as far as the walk came.
    pub fn exercised(&self) -> impl Iterator<Item = bool> {
        self.exercised.iter().map(|exercised| exercised.load(Ordering::Relaxed))
    }

    /// The model that is judged.
    pub fn observed(&self) -> &O {
        &self.observed
    }

    fn judge(&self, bench: u32, seen: u32, is_end: bool) -> (u32, u32) {
        if let Some(known) = self.heard_by_bench.get(&(bench, seen, is_end)) {
            return *known;
        }
        let before = self.benches.value(bench).clone();
        let mut after = before.clone();
        let mut faults = Vec::new();
        for (place, judge) in after.iter_mut().enumerate() {
            let (then, rule) = self.hear(*judge, seen, is_end);
            *judge = then;
            if rule.is_some() || self.seats.value(then).is_exercised() {
                self.exercised[place].store(true, Ordering::Relaxed);
            }
            faults.extend(rule.map(|rule| (place, *self.rules.value(rule))));
        }
        let result = (self.benches.number(after), self.verdicts.number(faults));
        self.heard_by_bench.insert((bench, seen, is_end), result);
        result
    }

    fn hear(&self, judge: u32, seen: u32, is_end: bool) -> (u32, Option<u32>) {
        if let Some(known) = self.heard.get(&(judge, seen, is_end)) {
            return *known;
        }
        let (then, violation) = self.seats.value(judge).hear(self.observed.seen(seen), is_end);
        let rule = violation.map(|violation| self.rules.number(violation.rule));
        let result = (self.seats.number(then), rule);
        self.heard.insert((judge, seen, is_end), result);
        result
    }
}

impl<O: Observed, J: Judge<O::Seen>> System for Judged<J, O> {
    type State = State<O::State>;
    type Step = O::Step;
    type Fault = Fault<O::Wrong>;

    fn starts(&self) -> Vec<Self::State> {
        vec![State {
            observed: self.observed.start(),
            bench: self.start,
        }]
    }

    fn transitions(&self, state: Self::State, into: &mut Vec<Transition<Self::State, Self::Step, Self::Fault>>) {
        let mut ways = Vec::new();
        self.observed.ways(state.observed, &mut ways);
        for way in ways {
            let (bench, verdict) = self.judge(state.bench, way.seen, way.is_end);
            let judged = self.verdicts.value(verdict).iter();
            let judged = judged.map(|(place, rule)| Fault::Judged(*place, rule));
            into.push(Transition {
                step: way.step,
                to: State {
                    observed: way.to,
                    bench,
                },
                faults: judged.chain(way.wrong.into_iter().map(Fault::Wrong)).collect(),
            });
        }
    }

    fn injections(&self, state: Self::State) -> u32 {
        self.observed.injections(state.observed)
    }
}
