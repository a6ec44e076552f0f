//! The judgement of one run.

use std::time::Duration;

use postern_model::monitor::{Verdict, Violation};
use postern_model::observation::Observation;
use postern_model::scenario::Scenario;
use postern_model::trace::Trace;

use crate::fates::{self, Alarm, MessageFate};
use crate::monitors::{Panel, with_names};
use crate::reader::Reader;
use crate::rules::Property;
use crate::setup::Setup;

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict of each property that one run can show, in order. A sentence of a violation names hosts and messages.
    pub verdicts: Vec<(Property, Verdict)>,
    /// What became of each message.
    pub fates: Vec<MessageFate>,
    /// The alarms, in order.
    pub alarms: Vec<Alarm>,
}

impl Judgement {
    /// The verdict of a property; `None` for one that a single run cannot show.
    pub fn verdict(&self, property: Property) -> Option<&Verdict> {
        let (_, verdict) = self.verdicts.iter().find(|(judged, _)| *judged == property)?;
        Some(verdict)
    }

    /// The violations, with the place of the record that completed each.
    pub fn violations(&self) -> impl Iterator<Item = (Property, usize, &Violation)> {
        self.verdicts.iter().filter_map(|(property, verdict)| match verdict {
            Verdict::Violated { at, violation } => Some((*property, *at, violation)),
            Verdict::Holds | Verdict::NotExercised => None,
        })
    }
}

/// Judges a run, in one pass.
pub fn judge(scenario: &Scenario, trace: &Trace) -> Judgement {
    let setup = Setup::of(scenario);
    let mut reader = Reader::new(setup.clone());
    let mut panel = Panel::new(&setup);
    let mut first: Vec<(Property, usize, Violation)> = Vec::new();
    let mut add = |at: usize, found: Vec<(Property, Violation)>| {
        for (property, violation) in found {
            if first.iter().all(|(known, ..)| *known != property) {
                first.push((property, at, violation));
            }
        }
    };
    let mut time_fed = Duration::ZERO;
    for (at, record) in trace.records.iter().enumerate() {
        for observation in reader.read(record) {
            let after = record.at.saturating_sub(time_fed);
            time_fed = record.at;
            add(at, panel.observe(after, &observation));
        }
    }
    let end = trace.records.last().map_or(Duration::ZERO, |record| record.at);
    let last = trace.records.len().saturating_sub(1);
    add(last, panel.observe(end.saturating_sub(time_fed), &Observation::Quiet));
    add(last, panel.finish());

    let verdicts = Panel::PROPERTIES.iter().map(|property| {
        let verdict = match first.iter().find(|(known, ..)| known == property) {
            Some((_, at, violation)) => Verdict::Violated {
                at: *at,
                violation: Violation {
                    rule: violation.rule,
                    why: with_names(&violation.why, |message| reader.token(message).map(ToString::to_string)),
                },
            },
            None if panel.exercised(*property) => Verdict::Holds,
            None => Verdict::NotExercised,
        };
        (*property, verdict)
    });
    Judgement {
        verdicts: verdicts.collect(),
        fates: fates::fates(scenario, trace),
        alarms: fates::alarms(trace),
    }
}
