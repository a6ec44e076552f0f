//! The judgement of one run.

use std::time::Duration;

use postern_model::monitor::{Verdict, Violation};
use postern_model::observation::Observation;
use postern_model::scenario::{Attack, Scenario};
use postern_model::trace::{Event, Trace};

use crate::claims;
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

    /// Adds what a relation of two runs, or a claim held against the wire, says of a property: a violation counts more than a pass, and a pass more than
    /// nothing; of two violations the earlier verdict stands.
    pub(crate) fn add(&mut self, property: Property, verdict: Verdict) {
        let weight = |verdict: &Verdict| match verdict {
            Verdict::NotExercised => 0,
            Verdict::Holds => 1,
            Verdict::Violated { .. } => 2,
        };
        match self.verdicts.iter_mut().find(|(judged, _)| *judged == property) {
            Some((_, known)) if weight(known) >= weight(&verdict) => {}
            Some((_, known)) => *known = verdict,
            None => {
                self.verdicts.push((property, verdict));
                self.verdicts.sort_by_key(|(property, _)| *property);
            }
        }
    }

    /// The violations, with the place of the record that completed each.
    pub fn violations(&self) -> impl Iterator<Item = (Property, usize, &Violation)> {
        self.verdicts.iter().filter_map(|(property, verdict)| match verdict {
            Verdict::Violated { at, violation } => Some((*property, *at, violation)),
            Verdict::Holds | Verdict::NotExercised => None,
        })
    }
}

/// What is told by who was answered what. Where lines were edited, neither end heard what the other said, and nobody is
/// accused: the formal model judges sessions under every edit, octet by octet.
const BLIND_TO_EDITS: &[Property] = &[Property::P02, Property::P03, Property::P13, Property::P36];

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

    let is_edited = trace.records.iter().any(|record| {
        let Event::Interfered { attack, .. } = &record.event else {
            return false;
        };
        matches!(attack, Attack::Edit(_))
    });
    let verdicts = Panel::PROPERTIES.iter().map(|property| {
        let verdict = match first.iter().find(|(known, ..)| known == property) {
            _ if is_edited && BLIND_TO_EDITS.contains(property) => Verdict::NotExercised,
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
    let mut judgement = Judgement {
        verdicts: verdicts.collect(),
        fates: fates::fates(scenario, trace),
        alarms: fates::alarms(trace),
    };
    for (property, verdict) in claims::judge(trace) {
        judgement.add(property, verdict);
    }
    judgement
}

#[cfg(test)]
mod tests {
    use postern_model::scenario::{Alteration, Edit, Fate, Level, Security, Toward};
    use postern_model::trace::LogEntry;

    use super::*;
    use crate::testing::{Tape, scenario, token};

    fn sends_in_clear() -> Tape {
        Tape::new()
            .queued("out.a.example")
            .attempt(1)
            .dials("out.a.example", "mx1.b.example")
            .hears(&["220 mx1.b.example"])
            .says("EHLO out.a.example")
            .hears(&["250 mx1.b.example"])
            .says("MAIL FROM:<ann@a.example>")
            .hears(&["250 ok"])
            .says("RCPT TO:<bob@b.example>")
            .hears(&["250 ok"])
            .says("DATA")
            .hears(&["354 go on"])
            .content()
            .delivered("mx1.b.example")
            .hears(&["250 taken"])
            .logged(
                "out.a.example",
                LogEntry::Sent {
                    message: token("m1"),
                    to: crate::testing::name("mx1.b.example"),
                    security: Security::Clear,
                },
            )
            .closed(&[])
    }

    #[test]
    fn a_plain_delivery_is_judged_without_violation() {
        let judgement = judge(&scenario(Level::May), &sends_in_clear().trace());
        assert_eq!(judgement.violations().count(), 0, "{judgement:?}");
        assert_eq!(judgement.verdict(Property::P01), Some(&Verdict::NotExercised));
        assert_eq!(judgement.verdict(Property::P12), Some(&Verdict::Holds));
        assert_eq!(judgement.verdict(Property::P13), Some(&Verdict::Holds));
        assert_eq!(judgement.verdict(Property::P09), None, "one run cannot show it");
        assert_eq!(judgement.fates[0].fate, Fate::Delivered);
    }

    #[test]
    fn a_violation_has_the_place_of_the_record_that_completed_it_and_plain_names() {
        let trace = sends_in_clear().trace();
        let judgement = judge(&scenario(Level::Encrypt), &trace);
        let violations: Vec<_> = judgement.violations().collect();
        let [(Property::P01, at, violation)] = violations[..] else {
            panic!("not one violation of P01: {violations:?}");
        };
        let (at, of_recipient) = (&trace.records[at].event, "RCPT TO:<bob@b.example>");
        assert!(matches!(at, Event::Line { text, .. } if text == of_recipient));
        assert_eq!(
            violation.why,
            "out.a.example sent RCPT for b.example to mx1.b.example in clear although its policy for b.example is encrypt"
        );
    }

    #[test]
    fn mail_that_is_in_the_queue_at_the_horizon_was_forgotten() {
        let waits = || Tape::new().queued("out.a.example").attempt(1);
        let judged = |tape: Tape| judge(&scenario(Level::May), &tape.trace());
        assert_eq!(judged(waits()).violations().count(), 0);
        let at_horizon = judged(
            waits()
                .after(Duration::from_secs(20 * 24 * 3600))
                .event(Event::HorizonReached),
        );
        let (_, _, violation) = at_horizon
            .violations()
            .find(|found| found.0 == Property::P12)
            .expect("a violation");
        assert_eq!(violation.rule, "R5321-4.2.5-a");
    }

    #[test]
    fn where_a_line_was_edited_nobody_is_accused_by_what_was_answered() {
        let attack = Attack::Edit(Edit {
            toward: Toward::Client,
            line: 1,
            alteration: Alteration::Drop,
        });
        let edited = Event::Interfered {
            connection: postern_model::trace::ConnectionId(1),
            attack,
            what: String::new(),
        };
        let lost = || {
            let tape = Tape::new().queued("out.a.example").attempt(1);
            let sent = LogEntry::Sent {
                message: token("m1"),
                to: crate::testing::name("mx1.b.example"),
                security: Security::Clear,
            };
            tape.dials("out.a.example", "mx1.b.example")
                .logged("out.a.example", sent)
        };
        let verdict = |tape: Tape| {
            let judgement = judge(&scenario(Level::May), &tape.trace());
            judgement.verdict(Property::P13).cloned()
        };
        assert!(matches!(verdict(lost()), Some(Verdict::Violated { .. })));
        assert_eq!(verdict(lost().event(edited)), Some(Verdict::NotExercised));
    }

    #[test]
    fn messages_are_named_by_their_tokens() {
        let bounced = LogEntry::Bounced {
            message: token("m1"),
            why: String::new(),
        };
        let tape = Tape::new()
            .queued("out.a.example")
            .attempt(1)
            .logged("out.a.example", bounced);
        let judgement = judge(&scenario(Level::May), &tape.trace());
        let (_, at, violation) = judgement
            .violations()
            .find(|found| found.0 == Property::P12)
            .expect("a violation");
        assert_eq!(violation.why, "out.a.example gave m1 back and notified nobody");
        assert_eq!(at, 2, "what the end of the run shows is shown at its last record");
    }

    #[test]
    fn what_a_relation_says_is_joined_to_what_the_monitor_says() {
        let violated = |rule| {
            let why = String::new();
            let violation = Violation { rule, why };
            Verdict::Violated { at: 0, violation }
        };
        let mut judgement = judge(&scenario(Level::May), &sends_in_clear().trace());
        let mut joined = |property, verdict| {
            judgement.add(property, verdict);
            judgement.verdict(property).cloned()
        };
        assert_eq!(
            joined(Property::P09, Verdict::NotExercised),
            Some(Verdict::NotExercised)
        );
        assert_eq!(joined(Property::P09, Verdict::Holds), Some(Verdict::Holds));
        assert_eq!(joined(Property::P13, Verdict::NotExercised), Some(Verdict::Holds));
        assert_eq!(joined(Property::P13, violated("one")), Some(violated("one")));
        assert_eq!(joined(Property::P13, violated("other")), Some(violated("one")));
        assert!(judgement.verdicts.is_sorted_by_key(|(property, _)| *property));
    }

    #[test]
    fn a_run_in_which_nothing_happened_puts_nothing_to_the_test() {
        let judgement = judge(&scenario(Level::May), &Trace::default());
        assert_eq!(judgement.verdicts.len(), Panel::PROPERTIES.len());
        for (property, verdict) in &judgement.verdicts {
            assert_eq!(*verdict, Verdict::NotExercised, "{property}");
        }
    }
}
