//! A model under judges: their states are part of the state, so that every judge hears every course of events.

use std::hash::Hash;
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
}

/// A system whose states are those of a model and of all judges.
pub struct Judged<J, O = Protocol> {
    observed: O,
    judges: Interner<Seat<J>>,
    benches: Interner<Box<[u32]>>,
    start: u32,
    /// What a judge makes of what is seen, by both their numbers.
    known: Memo<(u32, u32), (u32, Option<u32>)>,
    /// What the bench makes of it.
    known_of_bench: Memo<(u32, u32), (u32, u32)>,
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
        let start = benches.number(bench);
        let verdicts = Interner::default();
        verdicts.number(Vec::new());
        Self {
            observed,
            judges: all,
            benches,
            start,
            known: Memo::default(),
            known_of_bench: Memo::default(),
            rules: Interner::default(),
            verdicts,
        }
    }

    /// The model that is judged.
    pub fn observed(&self) -> &O {
        &self.observed
    }

    fn judge(&self, bench: u32, seen: u32, is_end: bool) -> (u32, u32) {
        if let Some(known) = self.known_of_bench.get(&(bench, seen)) {
            return *known;
        }
        let before = self.benches.value(bench).clone();
        let mut after = before.clone();
        let mut faults = Vec::new();
        for (place, judge) in after.iter_mut().enumerate() {
            let (then, rule) = self.hear(*judge, seen, is_end);
            *judge = then;
            faults.extend(rule.map(|rule| (place, *self.rules.value(rule))));
        }
        let result = (self.benches.number(after), self.verdicts.number(faults));
        self.known_of_bench.insert((bench, seen), result);
        result
    }

    fn hear(&self, judge: u32, seen: u32, is_end: bool) -> (u32, Option<u32>) {
        if let Some(known) = self.known.get(&(judge, seen)) {
            return *known;
        }
        let (then, violation) = self.judges.value(judge).hear(self.observed.seen(seen), is_end);
        let rule = violation.map(|violation| self.rules.number(violation.rule));
        let result = (self.judges.number(then), rule);
        self.known.insert((judge, seen), result);
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
