//! Trying TLS never lessens the chance of delivery (P04, SEED-06), and at level `may` TLS is tried (R3207-6-b).
//!
//! The second world is the first with every policy of `may` lowered to `none`: the same mail, servers and attackers,
//! and a client that never tries. What it delivers, the client that tries must deliver too, before the lifetime is over.
//!
//! What may differ: how well the mail is protected, when it arrives, how many attempts and alarms it takes. A message is
//! compared, by the thread's reading only, if all its attempts were made at `may` or `none`, and if between its queueing
//! and its fate, in both runs, nothing changed but the TLS of servers and of paths: a try that takes longer may otherwise
//! meet another world.

use std::collections::BTreeMap;
use std::time::Duration;

use postern_model::monitor::{Verdict, Violation};
use postern_model::name::{DomainName, Mailbox, Token};
use postern_model::scenario::{Fate, Level, Reading, Scenario, Trouble};
use postern_model::trace::{Channel, ConnectionId, End, Event, LogEntry, Setting};

use super::course::{Courses, courses};
use super::world::{changed_alike, is_policy, is_steady, pinned, spares_nobody_in_clear, without_tls_at};
use super::{Comparison, Side, fate_of, last_record_about};

/// How long a failed try at TLS excuses a session in clear: the longest handshake, and time to dial again.
const EXCUSED_FOR: Duration = Duration::from_secs(30 * 60);

/// The first world with a client that never tries TLS.
struct NeverTries(Scenario);

/// Applies where a client at `may` met TLS.
pub(super) fn compare(first: Side<'_>) -> Option<Box<dyn Comparison>> {
    let courses = courses(first.trace);
    let is_compared = first.scenario.message.iter().any(|message| {
        let decided = fate_of(first.judgement, &message.name).and_then(|fate| fate.at);
        is_at_may(&courses, &message.name)
            && is_steady(first.trace, message.at, decided.unwrap_or(Duration::MAX), is_policy)
    });
    let tries = first.trace.records.iter().any(|record| match &record.event {
        Event::Line { from, text, .. } => match from {
            End::Dialler => text == "STARTTLS",
            End::Acceptor => offers_starttls(text),
        },
        _ => false,
    });
    // Who demands TLS, or requires it of a client, turns it away in clear to a host that may be better (C-SRV-1, R3207-6-a).
    let demands = first
        .scenario
        .host
        .iter()
        .any(|host| host.trouble == Trouble::DemandsTlsOfAll || !host.requires_tls_of.is_empty());
    if !is_compared || !tries || demands || !spares_nobody_in_clear(first.trace) {
        return None;
    }
    let mut second = pinned(first.scenario, first.trace);
    without_tls_at(&mut second, |level| level == Level::May);
    Some(Box::new(NeverTries(second)))
}

impl Comparison for NeverTries {
    fn second(&self) -> &Scenario {
        &self.0
    }

    fn judge(&self, first: Side<'_>, second: Side<'_>) -> Verdict {
        if let Some((at, why)) = passes_by(first) {
            return violated("R3207-6-b", at, why);
        }
        // RFC 3207 §6 leaves a client free to give mail back for want of TLS, as the thread does not.
        let is_free = first.scenario.reading == Reading::Rfc3207;
        if is_free || !changed_alike(first.trace, second.trace, is_policy) {
            return Verdict::NotExercised;
        }
        let tried = courses(first.trace);
        let untried = courses(second.trace);
        let mut verdict = Verdict::NotExercised;
        for message in &first.scenario.message {
            let (Some(tries), Some(never)) = (
                fate_of(first.judgement, &message.name),
                fate_of(second.judgement, &message.name),
            ) else {
                continue;
            };
            let decided = tries.at.max(never.at).unwrap_or(Duration::MAX);
            let steady = |trace| is_steady(trace, message.at, decided, is_policy);
            let is_compared = never.fate == Fate::Delivered
                && is_at_may(&tried, &message.name)
                // One that waits until its policy is raised tries in the second run too.
                && levels(&untried, &message.name).all(|level| level == Level::None)
                && steady(first.trace)
                && steady(second.trace);
            if !is_compared {
                continue;
            }
            if tries.fate != Fate::Delivered {
                let why = format!(
                    "{} was {} where its client tried TLS ({}), and delivered where it did not",
                    message.name, tries.fate, tries.why
                );
                return violated("SEED-06", last_record_about(first.trace, &message.name), why);
            }
            verdict = Verdict::Holds;
        }
        verdict
    }
}

fn violated(rule: &'static str, at: usize, why: String) -> Verdict {
    Verdict::Violated {
        at,
        violation: Violation { rule, why },
    }
}

/// Whether every attempt at a message, at all hosts, was made without TLS being required, and one with TLS being wished.
fn is_at_may(courses: &Courses<'_>, message: &Token) -> bool {
    let levels: Vec<_> = levels(courses, message).collect();
    levels.contains(&Level::May) && levels.iter().all(|level| *level <= Level::May)
}

/// The levels of a message's attempts, at all hosts.
fn levels<'a>(courses: &'a Courses<'_>, message: &'a Token) -> impl Iterator<Item = Level> + 'a {
    let own = courses.iter().filter(move |((_, of), _)| *of == message);
    own.flat_map(|(_, course)| course.levels())
}

/// The first session, if any, in which a client at `may` named a recipient in clear although STARTTLS was offered to it
/// and it had not just tried: the place, and a sentence.
fn passes_by(run: Side<'_>) -> Option<(usize, String)> {
    let mut sessions: BTreeMap<ConnectionId, Session<'_>> = BTreeMap::new();
    let mut tried: BTreeMap<(&DomainName, &DomainName), Duration> = BTreeMap::new();
    // The level of the last attempt, by host and recipient; forgotten when a policy changes.
    let mut levels: BTreeMap<(&DomainName, &Mailbox), Level> = BTreeMap::new();
    for (place, record) in run.trace.records.iter().enumerate() {
        match &record.event {
            Event::Set(Setting::Policy { .. }) => levels.clear(),
            Event::Logged {
                host,
                entry: LogEntry::Attempt { message, level, .. },
            } => {
                if let Some(fate) = fate_of(run.judgement, message) {
                    levels.insert((host, &fate.recipient), *level);
                }
            }
            Event::Dialled {
                connection,
                from,
                to,
                relays: None,
                ..
            } => {
                let offers = false;
                sessions.insert(*connection, Session { from, to, offers });
            }
            // Where nothing came of the offer, STARTTLS may have been said and never have arrived.
            Event::Closed { connection, .. } => {
                if let Some(session) = sessions.remove(connection).filter(|session| session.offers) {
                    tried.insert((session.from, session.to), record.at);
                }
            }
            Event::Line {
                connection,
                from,
                channel: Channel::Clear,
                text,
            } => {
                let Some(session) = sessions.get_mut(connection) else {
                    continue;
                };
                let peers = (session.from, session.to);
                match from {
                    End::Acceptor => session.offers |= offers_starttls(text),
                    End::Dialler if text == "STARTTLS" => _ = tried.insert(peers, record.at),
                    End::Dialler => {
                        let Some(to) = recipient(text) else { continue };
                        let host = run.scenario.host(session.from);
                        let memory = host.and_then(|host| host.tls_failure_memory).unwrap_or_default();
                        let just_tried = tried
                            .get(&peers)
                            .is_some_and(|at| record.at - *at <= EXCUSED_FOR + memory);
                        if session.offers && !just_tried && levels.get(&(session.from, &to)) == Some(&Level::May) {
                            let (from, server) = peers;
                            let why = format!(
                                "{from} named {to} to {server} in clear, at level may, although {server} offered STARTTLS"
                            );
                            return Some((place, why));
                        }
                    }
                }
            }
            _ => {}
        }
    }
    None
}

struct Session<'a> {
    from: &'a DomainName,
    to: &'a DomainName,
    /// STARTTLS was offered to the client.
    offers: bool,
}

fn offers_starttls(line: &str) -> bool {
    let keyword = line.strip_prefix("250-").or_else(|| line.strip_prefix("250 "));
    keyword.is_some_and(|keyword| keyword.eq_ignore_ascii_case("STARTTLS"))
}

fn recipient(line: &str) -> Option<Mailbox> {
    let path = line.strip_prefix("RCPT TO:<")?;
    path.split_once('>')?.0.parse().ok()
}

#[cfg(test)]
mod tests;
