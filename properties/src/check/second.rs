//! The same model for a second engine, stateright: what walks the states is then nobody's of this project.
//!
//! Moments come from the very transition function that the own engine calls, and are judged by the same monitors. But nothing
//! is numbered or remembered here: a state is all that there is, and stateright tells states apart by a fingerprint of 64 bits.
//!
//! It says whether anything is wrong and how many states there are. It does not say what is wrong first: of several
//! counterexamples stateright tells any, and with the breadth-first walk the last.

use std::fmt::{self, Write};

use postern_model::formal::{Dependence, Dynamics, Fault, Moment, Seat, Seen, Step, Taken, Wrong};
use postern_model::monitor::Violation;
use postern_model::mutant::Mutant;
use stateright::{Model, Property as Promise};

use super::{Case, JUDGED, Named, broken_by};
use crate::monitors::AnyMonitor;

/// One configuration, for stateright.
#[derive(Debug, Clone)]
pub struct Second {
    dynamics: Dynamics,
    bench: Vec<AnyMonitor>,
}

/// A state: the moment, and what its judges remember.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Situation {
    moment: Moment,
    bench: Vec<Seat<AnyMonitor>>,
    /// What the step that led here depended on and must not, since stateright asks about states only. It is empty where
    /// nothing is wrong, and so adds no state there.
    dependences: Vec<Dependence>,
}

/// The machine, the world, and which judges have convicted; what the others remember would fill pages.
impl fmt::Debug for Situation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let convicted: Vec<_> = self.convicted().collect();
        formatter
            .debug_struct("Situation")
            .field("moment", &self.moment)
            .field("convicted", &convicted)
            .field("dependences", &self.dependences)
            .finish()
    }
}

impl Situation {
    /// The properties whose judges have found a violation.
    fn convicted(&self) -> impl Iterator<Item = crate::rules::Property> {
        let seats = self.bench.iter().zip(JUDGED);
        seats.filter_map(|(seat, property)| matches!(seat, Seat::Convicted).then_some(*property))
    }
}

/// That no monitor has found a violation.
pub const NO_CONVICTION: &str = "no monitor convicts";
/// That whatever is promised for a calm comes true in it.
pub const NO_BROKEN_PROMISE: &str = "in every calm all mail arrives that should";
/// That something will become of every message.
pub const NO_MAIL_FORGOTTEN: &str = "no message is in the queue for ever";
/// That the copies of the machine ask for what it asks for.
pub const NO_DEPENDENCE: &str = "no step depends on what must not matter";

impl Second {
    /// A configuration under the monitors, if need be with a bug.
    pub fn judged(named: &Named, mutant: Option<Mutant>) -> Self {
        let Case { dynamics, bench } = Case::of(named, mutant);
        Self { dynamics, bench }
    }

    /// A configuration alone, without monitors.
    pub fn unjudged(named: &Named, mutant: Option<Mutant>) -> Self {
        Self {
            bench: Vec::new(),
            ..Self::judged(named, mutant)
        }
    }

    /// What happens in a step, what is seen of it, and what the judges say.
    fn take(&self, last: &Situation, step: Step) -> (Situation, Seen, Vec<(Fault, Option<Violation>)>) {
        let Taken {
            to,
            seen,
            mut dependences,
            ..
        } = self.dynamics.take(last.moment.clone(), step);
        dependences.sort_unstable();
        dependences.dedup();
        let mut faults = Vec::new();
        let mut bench = Vec::with_capacity(last.bench.len());
        for (place, seat) in last.bench.iter().enumerate() {
            let (after, violation) = seat.hear(&seen, step == Step::End);
            bench.push(after);
            faults.extend(violation.map(|violation| (Fault::Judged(place, violation.rule), Some(violation))));
        }
        let depends = dependences.iter().copied().map(Wrong::Depends);
        faults.extend(depends.map(|wrong| (Fault::Wrong(wrong), None)));
        let situation = Situation {
            moment: to,
            bench,
            dependences,
        };
        (situation, seen, faults)
    }

    /// A state in words, with what was seen on the way to it and what is wrong about it.
    fn tell(&self, situation: &Situation, seen: &Seen, mut faults: Vec<(Fault, Option<Violation>)>) -> String {
        let mut text = self.dynamics.portrait(&situation.moment);
        if !seen.is_empty() {
            text.push_str("\nseen in this step:\n");
        }
        for (after, observation) in seen {
            let minutes = after.as_secs() / 60;
            let after = match minutes {
                0 => String::new(),
                minutes => format!("{minutes} min later "),
            };
            writeln!(text, "  {after}{observation:?}").expect("a string takes all");
        }
        let broken = self.dynamics.broken(&situation.moment);
        let broken = broken.into_iter().map(|(broken, calm)| Wrong::Breaks(broken, calm));
        faults.extend(broken.map(|wrong| (Fault::Wrong(wrong), None)));
        let forgets = self.dynamics.forgets(&situation.moment);
        faults.extend(forgets.then_some((Fault::Wrong(Wrong::Forgets), None)));
        for (fault, violation) in faults {
            let (property, rule) = broken_by(fault);
            let why = match (fault, violation) {
                (_, Some(violation)) => violation.why,
                (Fault::Wrong(Wrong::Breaks(broken, calm)), _) => format!("{broken:?} in the calm {calm:?}"),
                (fault, None) => format!("{fault:?}"),
            };
            let name = property.name();
            writeln!(text, "\nviolated {property} {name}, rule {rule}: {why}").expect("a string takes all");
        }
        text
    }
}

impl Model for Second {
    type State = Situation;
    type Action = Step;

    fn init_states(&self) -> Vec<Situation> {
        vec![Situation {
            moment: self.dynamics.start(),
            bench: self.bench.iter().cloned().map(Seat::Taken).collect(),
            dependences: Vec::new(),
        }]
    }

    fn actions(&self, situation: &Situation, actions: &mut Vec<Step>) {
        actions.extend(self.dynamics.steps(&situation.moment));
    }

    fn next_state(&self, last: &Situation, step: Step) -> Option<Situation> {
        Some(self.take(last, step).0)
    }

    fn format_action(&self, step: &Step) -> String {
        step.to_string()
    }

    fn format_step(&self, last: &Situation, step: Step) -> Option<String> {
        let (situation, seen, faults) = self.take(last, step);
        Some(self.tell(&situation, &seen, faults))
    }

    fn properties(&self) -> Vec<Promise<Self>> {
        vec![
            Promise::always(NO_CONVICTION, |_, situation: &Situation| {
                situation.convicted().next().is_none()
            }),
            Promise::always(NO_BROKEN_PROMISE, |model: &Self, situation: &Situation| {
                model.dynamics.broken(&situation.moment).is_empty()
            }),
            Promise::always(NO_MAIL_FORGOTTEN, |model: &Self, situation: &Situation| {
                !model.dynamics.forgets(&situation.moment)
            }),
            Promise::always(NO_DEPENDENCE, |_, situation: &Situation| {
                situation.dependences.is_empty()
            }),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::super::Bounds;
    use super::*;

    #[test]
    fn actions_and_states_read_well() {
        let named = &Bounds::Small.configurations()[2];
        let model = Second::judged(named, Some(Mutant::BouncesWhenStarttlsVanishes));
        let mut situation = model.init_states().remove(0);
        let mut told = String::new();
        for action in [
            "m1 is handed in",
            "m1 goes on",
            "on every path to mx1, the attacker strips STARTTLS from the reply to EHLO, until time moves",
            "m1 goes on",
        ] {
            let mut steps = Vec::new();
            model.actions(&situation, &mut steps);
            let step = steps.into_iter().find(|step| model.format_action(step) == action);
            let step = step.unwrap_or_else(|| panic!("no way on is called {action:?}"));
            told = model.format_step(&situation, step).expect("every step leads on");
            situation = model.next_state(&situation, step).expect("every step leads on");
        }
        for expected in [
            "m1 to b.example: given back\n",
            "mx1: TLS; the attacker strips STARTTLS from the reply to EHLO, until time moves\n",
            "mail to b.example: level encrypt\n",
            "  Bounced { host: HostId(0), message: MessageId(0) }\n",
            "violated P02 no-early-bounce, rule R3207-6-d: ",
        ] {
            assert!(told.contains(expected), "{expected:?} is not in\n{told}");
        }
        assert!(format!("{situation:#?}").contains("P02"));
    }
}
