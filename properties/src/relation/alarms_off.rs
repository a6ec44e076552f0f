//! An alarm warns and decides nothing (P10, SEED-10): with alarms off, everything else is the same.
//!
//! The second world is the first with no host raising alarms. Nothing but the alarms may differ: to raise one takes no
//! time and no randomness, so every session, lookup and fate must be the same, at the same moment.

use postern_model::monitor::{Verdict, Violation};
use postern_model::scenario::Scenario;
use postern_model::trace::{Event, LogEntry, Record, Trace};

use super::{Comparison, Side, fate_of};

/// The first world without alarms.
struct NoAlarms(Scenario);

/// Applies where an alarm was raised.
pub(super) fn compare(first: Side<'_>) -> Option<Box<dyn Comparison>> {
    if first.judgement.alarms.is_empty() {
        return None;
    }
    let mut second = first.scenario.clone();
    for host in &mut second.host {
        host.alarms = false;
    }
    Some(Box::new(NoAlarms(second)))
}

impl Comparison for NoAlarms {
    fn second(&self) -> &Scenario {
        &self.0
    }

    fn judge(&self, first: Side<'_>, second: Side<'_>) -> Verdict {
        let Some(at) = first_difference(first.trace, second.trace) else {
            return Verdict::Holds;
        };
        let differing = first.scenario.message.iter().find_map(|message| {
            let fates = [first, second].map(|side| fate_of(side.judgement, &message.name));
            let [Some(with), Some(without)] = fates else {
                return None;
            };
            let differ = (with.fate, with.at) != (without.fate, without.at);
            differ.then(|| {
                format!(
                    "{} was {} with alarms on ({}) and {} with alarms off ({})",
                    message.name, with.fate, with.why, without.fate, without.why
                )
            })
        });
        let why = differing.unwrap_or_else(|| "with alarms off, the course of delivery was another".to_owned());
        Verdict::Violated {
            at,
            violation: Violation { rule: "SEED-10", why },
        }
    }
}

/// The place in the first run from which on the two runs differ in more than alarms.
fn first_difference(first: &Trace, second: &Trace) -> Option<usize> {
    let mut one = first.records.iter().enumerate().filter(|(_, record)| !is_alarm(record));
    let mut other = second.records.iter().filter(|record| !is_alarm(record));
    loop {
        match (one.next(), other.next()) {
            (None, None) => return None,
            (Some((_, record)), Some(same)) if record == same => {}
            (Some((place, _)), _) => return Some(place),
            (None, Some(_)) => return Some(first.records.len().saturating_sub(1)),
        }
    }
}

fn is_alarm(record: &Record) -> bool {
    matches!(
        record.event,
        Event::Logged {
            entry: LogEntry::Alarm { .. },
            ..
        }
    )
}

#[cfg(test)]
mod tests;
