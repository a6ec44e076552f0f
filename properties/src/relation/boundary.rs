//! Boundary non-interference (P28): what is said before TLS never influences what is said inside TLS.
//!
//! Run A is a world in which somebody injects octets in clear around the beginning of TLS, or alters what is said before it.
//! Run B is the same world, but that he only watches. Session by session, as long as the two worlds go the same way, what
//! client and server say inside TLS must be the same.
//!
//! What may differ: whether TLS comes about and lasts, since whoever finds octets in clear among the records gives it up; times, by the moments that pass between two pieces of a segment; and the trace lines of relays, which tell
//! the time. From the first session on that goes another way, nothing is compared.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use postern_model::monitor::{Verdict, Violation};
use postern_model::name::DomainName;
use postern_model::scenario::{Action, Attack, Edit, Scenario, Toward};
use postern_model::trace::{Channel, ConnectionId, End, Event, Trace};

use super::{Comparison, Side};

/// The world without the interference.
struct Boundary {
    scenario: Scenario,
}

/// How run A allows the comparison: somebody interfered before TLS, in a session that then had it.
pub(super) fn compare(first: Side<'_>) -> Option<Box<dyn Comparison>> {
    let sessions = sessions(first.trace);
    let applies = sessions
        .iter()
        .any(|session| session.interference.is_some() && !session.inside.is_empty());
    if !applies {
        return None;
    }
    let mut scenario = first.scenario.clone();
    for step in &mut scenario.step {
        if let Action::Attack { attack, .. } = &mut step.action
            && Boundary::is_touched_by(*attack)
        {
            *attack = Attack::Watch;
        }
    }
    Some(Box::new(Boundary { scenario }))
}

impl Boundary {
    /// Whether an attack puts octets in clear around the beginning of TLS, or may alter what is said before it.
    fn is_touched_by(attack: Attack) -> bool {
        matches!(
            attack,
            Attack::InjectCommands(_)
                | Attack::InjectTowardServer(_)
                | Attack::InjectTransaction
                | Attack::StripExtensions
                | Attack::AddExtensions
                | Attack::InjectReplies(_)
                | Attack::InjectTowardClient(_)
                | Attack::Edit(_)
        )
    }
}

impl Comparison for Boundary {
    fn second(&self) -> &Scenario {
        &self.scenario
    }

    fn judge(&self, first: Side<'_>, second: Side<'_>) -> Verdict {
        let mut verdict = Verdict::NotExercised;
        for (with, without) in sessions(first.trace).iter().zip(&sessions(second.trace)) {
            let is_same_way = with.goes_the_way_of(without);
            let Some(attack) = with.interference.filter(|_| is_same_way && !with.inside.is_empty()) else {
                if !is_same_way || with.inside_texts().ne(without.inside_texts()) {
                    return verdict;
                }
                continue;
            };
            // Octets in clear among the records of a session that stands break it off, and nothing else. So does a length of a
            // record that they falsify: then the server waits for the rest, and takes leave (421, RFC 5321 §3.8).
            if among_records(attack) && without.inside.len() > with.inside.len() && with.is_beginning_of(without) {
                return Verdict::Holds;
            }
            if let Some(place) = with.first_difference(without) {
                let rule = with.broken_rule(without, place, attack);
                let why = with.how_it_differs(without, place, attack);
                return Verdict::Violated {
                    at: with.record_of(place),
                    violation: Violation { rule, why },
                };
            }
            verdict = Verdict::Holds;
        }
        verdict
    }
}

fn among_records(attack: Attack) -> bool {
    matches!(attack, Attack::InjectTowardServer(_) | Attack::InjectTowardClient(_))
}

/// A connection that a mail host dialled for its own queue.
struct Session<'a> {
    from: &'a DomainName,
    to: &'a DomainName,
    /// How many facts had been set when it was dialled.
    settings: usize,
    secured: bool,
    interference: Option<Attack>,
    /// What was said inside TLS, and the record that tells it.
    inside: Vec<(usize, End, String)>,
}

impl Session<'_> {
    fn goes_the_way_of(&self, other: &Self) -> bool {
        let way = |session: &Self| {
            (
                session.from.clone(),
                session.to.clone(),
                session.settings,
                session.secured,
            )
        };
        way(self) == way(other)
    }

    /// The server's leave at the end set aside.
    fn is_beginning_of(&self, other: &Self) -> bool {
        let takes_leave = |(_, from, text): &&(usize, End, String)| *from == End::Acceptor && text.starts_with("421 ");
        let leave = usize::from(self.inside.last().filter(takes_leave).is_some());
        self.inside_texts()
            .take(self.inside.len() - leave)
            .zip(other.inside_texts())
            .all(|(own, others)| own == others)
    }

    fn inside_texts(&self) -> impl Iterator<Item = (&End, &str)> {
        self.inside.iter().map(|(_, from, text)| (from, text.as_str()))
    }

    /// Where the two begin to differ.
    fn first_difference(&self, other: &Self) -> Option<usize> {
        let mut places = 0..self.inside.len().max(other.inside.len());
        places.find(|&place| self.text_at(place) != other.text_at(place))
    }

    fn text_at(&self, place: usize) -> Option<(End, &str)> {
        self.inside.get(place).map(|(_, from, text)| (*from, text.as_str()))
    }

    fn record_of(&self, place: usize) -> usize {
        let record = self.inside.get(place).or_else(|| self.inside.last());
        record.map_or(0, |(record, ..)| *record)
    }

    /// The rule that was to keep out what shows there.
    fn broken_rule(&self, other: &Self, place: usize, attack: Attack) -> &'static str {
        match attack {
            Attack::InjectCommands(_) | Attack::InjectTowardServer(_) => "R3207-4-h",
            Attack::InjectTransaction => "R3207-4.2-a",
            Attack::StripExtensions | Attack::AddExtensions => "R3207-4.2-b",
            Attack::InjectReplies(_) | Attack::InjectTowardClient(_) => "R3207-6-e",
            _ => {
                // Who says something more took what came in clear for a part of the session, and who says something else
                // remembers what it was told.
                if self.text_at(place).is_none() {
                    return match attack {
                        Attack::Edit(Edit {
                            toward: Toward::Client, ..
                        }) => "R3207-6-e",
                        _ => "R3207-4-h",
                    };
                }
                let others = other.text_at(place);
                let is_more = (place + 1..self.inside.len()).any(|place| self.text_at(place) == others);
                let speaker = self
                    .text_at(place)
                    .or_else(|| other.text_at(place))
                    .map(|(from, _)| from);
                match (speaker, is_more) {
                    (Some(End::Acceptor), true) => "R3207-4-h",
                    (Some(End::Acceptor), false) => "R3207-4.2-a",
                    (_, true) => "R3207-6-e",
                    (_, false) => "R3207-4.2-b",
                }
            }
        }
    }

    fn how_it_differs(&self, other: &Self, place: usize, attack: Attack) -> String {
        let said = |session: &Self| match session.text_at(place) {
            Some((End::Dialler, text)) => format!("{} said “{text}”", session.from),
            Some((End::Acceptor, text)) => format!("{} said “{text}”", session.to),
            None => "nobody said anything more".to_owned(),
        };
        format!(
            "inside TLS {} where the attacker {attack}, and {} where it only watches",
            said(self),
            said(other)
        )
    }
}

/// The sessions of a run in the order of dialling.
fn sessions(trace: &Trace) -> Vec<Session<'_>> {
    let mut sessions: BTreeMap<ConnectionId, Session<'_>> = BTreeMap::new();
    let mut order = Vec::new();
    let mut settings = 0;
    for (place, record) in trace.records.iter().enumerate() {
        match &record.event {
            Event::Set(_) => settings += 1,
            Event::Dialled {
                connection,
                from,
                to,
                relays: None,
                ..
            } => {
                order.push(*connection);
                let session = Session {
                    from,
                    to,
                    settings,
                    secured: false,
                    interference: None,
                    inside: Vec::new(),
                };
                sessions.insert(*connection, session);
            }
            Event::Secured { connection, .. } => {
                if let Some(session) = sessions.get_mut(connection) {
                    session.secured = true;
                }
            }
            Event::Interfered { connection, attack, .. } => {
                if let Some(session) = sessions.get_mut(connection)
                    && Boundary::is_touched_by(*attack)
                {
                    session.interference = Some(*attack);
                }
            }
            Event::Line {
                connection,
                from,
                channel: Channel::Tls,
                text,
            } => {
                if let Some(session) = sessions.get_mut(connection) {
                    session.inside.push((place, *from, text.clone()));
                }
            }
            Event::Content {
                connection,
                channel: Channel::Tls,
                text,
            } => {
                if let Some(session) = sessions.get_mut(connection) {
                    session.inside.push((place, End::Dialler, without_trace_lines(text)));
                }
            }
            _ => {}
        }
    }
    order
        .iter()
        .filter_map(|connection| sessions.remove(connection))
        .collect()
}

fn without_trace_lines(content: &str) -> String {
    let lines = content.lines().filter(|line| !line.starts_with("Received:"));
    lines.collect::<Vec<_>>().join("\n")
}
