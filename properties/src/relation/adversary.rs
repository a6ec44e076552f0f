//! Where TLS is required, an adversary who strips STARTTLS learns nothing (P34, SEED-17).
//!
//! The second world is the first with one adversary in place of all others: on every path, from the start to the end, who
//! strips STARTTLS. In both worlds, what can be read in clear of mail whose sender requires TLS must be the same: nothing.
//!
//! What may differ: when the mail is delivered, and whether at all. What is read: reverse path, recipient and content, and
//! whatever else a client says of the mail, such as a name in its greeting that is not its own. A session is looked at if
//! its client requires TLS for every message that it was attempting when it dialled.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use postern_model::monitor::{Verdict, Violation};
use postern_model::name::DomainName;
use postern_model::scenario::{Action, Attack, Level, Scenario, Step, When};
use postern_model::trace::{Channel, ConnectionId, End, Event, Setting, Trace};

use super::course::{Courses, courses};
use super::world::pinned;
use super::{Comparison, Side};

/// The first world with STARTTLS stripped everywhere.
struct Stripped(Scenario);

/// Applies where a client dialled for mail that requires TLS.
pub(super) fn compare(first: Side<'_>) -> Option<Box<dyn Comparison>> {
    if Reading::of(first.trace).sessions == 0 {
        return None;
    }
    let mut second = pinned(first.scenario, first.trace);
    second.step.retain(|step| matches!(step.action, Action::Drift(_)));
    let strip = second.host.iter().map(|host| Step {
        when: When::At(Duration::ZERO),
        host: host.name.clone(),
        action: Action::Attack {
            attack: Attack::StripStarttls,
            lasting: None,
        },
    });
    let strip: Vec<_> = strip.collect();
    second.step.extend(strip);
    Some(Box::new(Stripped(second)))
}

impl Comparison for Stripped {
    fn second(&self) -> &Scenario {
        &self.0
    }

    fn judge(&self, first: Side<'_>, second: Side<'_>) -> Verdict {
        let (without, stripped) = (Reading::of(first.trace), Reading::of(second.trace));
        let violated = |at, how: &str, seen: String| Verdict::Violated {
            at,
            violation: Violation {
                rule: "SEED-17",
                why: format!("{how}, {seen} in clear, of mail that it requires TLS for"),
            },
        };
        if let Some((at, seen)) = without.first_seen {
            return violated(at, "With the adversary that there was", seen);
        }
        if let Some((_, seen)) = stripped.first_seen {
            let last = first.trace.records.len().saturating_sub(1);
            return violated(last, "With STARTTLS stripped on every path", seen);
        }
        match (without.sessions, stripped.sessions) {
            (0, _) | (_, 0) => Verdict::NotExercised,
            _ => Verdict::Holds,
        }
    }
}

/// What an observer reads of mail that requires TLS.
#[derive(Debug, Default)]
struct Reading {
    /// In how many sessions something could have been read.
    sessions: usize,
    /// The first that was read, with its place.
    first_seen: Option<(usize, String)>,
}

impl Reading {
    fn of(trace: &Trace) -> Self {
        let courses = courses(trace);
        let mut reading = Self::default();
        let mut sessions: BTreeMap<ConnectionId, &DomainName> = BTreeMap::new();
        let mut changed = BTreeSet::new();
        for (place, record) in trace.records.iter().enumerate() {
            match &record.event {
                Event::Set(Setting::Policy { host, .. }) if !record.at.is_zero() => _ = changed.insert(host),
                Event::Dialled {
                    connection,
                    from,
                    relays: None,
                    ..
                } if !changed.contains(from) && requires_tls(&courses, from, record.at) => {
                    sessions.insert(*connection, from);
                }
                Event::Connected { connection, .. } if sessions.contains_key(connection) => reading.sessions += 1,
                Event::Line {
                    connection,
                    from: End::Dialler,
                    channel: Channel::Clear,
                    text,
                } => {
                    let client = sessions.get(connection);
                    if let Some(client) = client.filter(|client| tells_of_mail(text, client)) {
                        reading.see(place, format!("{client} said “{text}”"));
                    }
                }
                Event::Content {
                    connection,
                    channel: Channel::Clear,
                    ..
                } => {
                    if let Some(client) = sessions.get(connection) {
                        reading.see(place, format!("{client} sent content"));
                    }
                }
                _ => {}
            }
        }
        reading
    }

    fn see(&mut self, place: usize, what: String) {
        self.first_seen.get_or_insert((place, what));
    }
}

/// Whether all mail that a host is attempting at this moment requires TLS. What its policy was raised or lowered to
/// meanwhile is not known here, so a host is trusted no more once its policy changed.
fn requires_tls(courses: &Courses<'_>, host: &DomainName, at: Duration) -> bool {
    let own = courses.iter().filter(|((of, _), _)| *of == host);
    let attempts = own.flat_map(|(_, course)| course.attempts.iter());
    let under_way: Vec<_> = attempts.filter(|attempt| attempt.is_under_way(at)).collect();
    !under_way.is_empty() && under_way.iter().all(|attempt| attempt.level >= Level::Encrypt)
}

/// Whether a command says something of the mail: anything about it, or a greeting in another's name.
fn tells_of_mail(line: &str, client: &DomainName) -> bool {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    match verb.to_ascii_uppercase().as_str() {
        "EHLO" | "HELO" => !rest.trim().eq_ignore_ascii_case(client.as_str()),
        "MAIL" | "RCPT" | "VRFY" | "EXPN" | "DATA" => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
