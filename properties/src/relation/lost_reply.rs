//! A lost reply to the end of data may duplicate a message and may not lose it (P13, R5321-4.2.5-a, RFC 1047).
//!
//! One message that was taken in clear in the first run is chosen: inside TLS nobody on the path could lose that reply alone.
//! The second world is the first, but that for two minutes from the
//! dial by which that message was sent, connections to the host that took it break in place of the reply to the end of data.
//! The message must be sent again, and must not be given back: it was good enough to be taken.
//!
//! What may differ: the message, and others that are sent in those two minutes, may arrive later and more than once, each at
//! most once more often than replies were lost. The chosen message is compared only if nothing attacked the host when it was
//! sent, if no exchanger refused it for good when it was sent again, and if from its queueing to its fate nothing changed in either run but the TLS of servers and of paths.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use postern_model::monitor::{Verdict, Violation};
use postern_model::name::{DomainName, Token};
use postern_model::scenario::{Action, Attack, Fate, Phase, Position, Scenario, Step, When};
use postern_model::trace::{Channel, ConnectionId, End, Event, LogEntry, Trace};

use super::course::{self, courses};
use super::world::{changed_alike, is_steady, pinned};
use super::{Comparison, Side, fate_of, last_record_about};
use crate::reader::token_of;

/// What happens to the replies.
const LOSS: Attack = Attack::CloseInsteadOfReply(Phase::EndOfData);

/// How long.
const LASTING: Duration = Duration::from_secs(120);

/// A message is chosen if nothing but TLS changes so long after it was taken: it will be sent again in that time.
const SETTLED_AFTER: Duration = Duration::from_secs(3600);

/// The first world with the replies to one message lost.
struct LostReply {
    second: Scenario,
    /// The message that is chosen.
    message: Token,
    /// The host whose queue it is in.
    host: DomainName,
    /// The host that took it.
    to: DomainName,
}

/// Applies where a message was taken by a host that nobody attacked.
pub(super) fn compare(first: Side<'_>) -> Option<Box<dyn Comparison>> {
    let courses = courses(first.trace);
    let mut attacked = BTreeSet::new();
    let mut in_clear = BTreeSet::new();
    let mut chosen = None;
    for record in &first.trace.records {
        match &record.event {
            Event::Adversary { victim, attack, active } => {
                let attack = (victim, format!("{attack:?}"));
                match active {
                    true => attacked.insert(attack),
                    false => attacked.remove(&attack),
                };
            }
            Event::Content { channel, text, .. } => {
                let token = token_of(text);
                match channel {
                    Channel::Clear => in_clear.extend(token),
                    Channel::Tls => in_clear.retain(|other| Some(other) != token.as_ref()),
                }
            }
            Event::Logged {
                host,
                entry: LogEntry::Sent { message, to, .. },
            } if in_clear.contains(message) && !attacked.iter().any(|(victim, _)| *victim == to) => {
                let course = courses.get(&(host, message)).filter(|course| {
                    let until = record.at + SETTLED_AFTER;
                    is_steady(first.trace, course.queued_at, until, |_| false)
                });
                chosen = course.map(|course| (host, message, to, course));
            }
            _ => {}
        }
        if chosen.is_some() {
            break;
        }
    }
    let (host, message, to, course) = chosen?;
    let mut second = pinned(first.scenario, first.trace);
    second.step.push(Step {
        when: When::On(Position {
            message: message.clone(),
            attempt: u32::try_from(course.attempts.len()).ok()?,
            host: to.clone(),
            phase: Phase::Connect,
        }),
        host: to.clone(),
        action: Action::Attack {
            attack: LOSS,
            lasting: Some(LASTING),
        },
    });
    // A position names a message of the scenario; a notification is none.
    let is_own = first.scenario.message.iter().any(|own| own.name == *message);
    is_own.then(|| -> Box<dyn Comparison> {
        Box::new(LostReply {
            second,
            message: message.clone(),
            host: host.clone(),
            to: to.clone(),
        })
    })
}

impl Comparison for LostReply {
    fn second(&self) -> &Scenario {
        &self.second
    }

    fn judge(&self, first: Side<'_>, second: Side<'_>) -> Verdict {
        let unheard = unheard(second.trace);
        let (Some(heard), Some(lost)) = (
            fate_of(first.judgement, &self.message),
            fate_of(second.judgement, &self.message),
        ) else {
            return Verdict::NotExercised;
        };
        let queued_at = courses(second.trace)
            .get(&(&self.host, &self.message))
            .map(|course| course.queued_at);
        let decided = heard.at.max(lost.at).unwrap_or(Duration::MAX);
        let is_own_attack =
            |event: &Event| matches!(event, Event::Adversary { victim, attack: LOSS, .. } if *victim == self.to);
        let is_compared = unheard.contains_key(&self.message)
            && !self.is_refused_after_loss(second.trace)
            && heard.fate == Fate::Delivered
            && changed_alike(first.trace, second.trace, is_own_attack)
            && queued_at.is_some_and(|queued_at| {
                let steady = |trace| is_steady(trace, queued_at, decided.max(self.ended(second)), is_own_attack);
                steady(first.trace) && steady(second.trace)
            });
        if !is_compared {
            return Verdict::NotExercised;
        }
        match self.objection(second, &unheard) {
            Some(violation) => Verdict::Violated {
                at: last_record_about(first.trace, &self.message),
                violation,
            },
            None => Verdict::Holds,
        }
    }
}

impl LostReply {
    /// When the host was done with the message in the second run.
    fn ended(&self, second: Side<'_>) -> Duration {
        let courses = courses(second.trace);
        let course = courses.get(&(&self.host, &self.message));
        course.and_then(course::Course::ended_at).unwrap_or(Duration::MAX)
    }

    /// Whether the host heard a permanent refusal after the reply was lost.
    fn is_refused_after_loss(&self, trace: &Trace) -> bool {
        let mut own = BTreeSet::new();
        let after_content = trace.records.iter().skip_while(|record| {
            !matches!(&record.event, Event::Content { text, .. } if token_of(text).as_ref() == Some(&self.message))
        });
        let mut refused = false;
        for record in after_content {
            match &record.event {
                Event::Dialled {
                    connection,
                    from,
                    relays: None,
                    ..
                } if *from == self.host => _ = own.insert(*connection),
                Event::Line {
                    connection,
                    from: End::Acceptor,
                    text,
                    ..
                } if own.contains(connection) => refused |= text.starts_with('5'),
                _ => {}
            }
        }
        refused
    }

    /// Without the reply the responsibility is still the client's: it tries on. And with it, no longer.
    fn objection(&self, second: Side<'_>, unheard: &BTreeMap<Token, usize>) -> Option<Violation> {
        let (message, host) = (&self.message, &self.host);
        let courses = courses(second.trace);
        let last = courses.get(&(host, message)).and_then(|course| course.ends().last());
        let delivered = deliveries(second.trace, message);
        let lost = unheard.get(message).copied().unwrap_or_default();
        let (rule, why) = match (last, delivered) {
            (Some(course::End::Bounced), _) => (
                "R5321-4.5.4.1-c",
                format!("{host} gave {message} back because the reply to its content was lost"),
            ),
            (Some(course::End::Sent), 0) => (
                "R5321-4.2.5-a",
                format!("{message} was lost with the reply to its content"),
            ),
            (Some(course::End::Sent), _) if delivered > 1 + lost => (
                "R5321-4.2.5-a",
                format!("{message} arrived {delivered} times although only {lost} replies to its content were lost"),
            ),
            (Some(course::End::Sent), _) => return None,
            _ => (
                "R5321-4.5.4.1-c",
                format!("{host} did not send {message} again after the reply to its content was lost"),
            ),
        };
        Some(Violation { rule, why })
    }
}

fn deliveries(trace: &Trace, name: &Token) -> usize {
    let delivered = trace
        .records
        .iter()
        .filter(|record| matches!(&record.event, Event::Delivered { message, .. } if message == name));
    delivered.count()
}

/// How many contents of each message crossed whose reply the client never read.
fn unheard(trace: &Trace) -> BTreeMap<Token, usize> {
    let mut own = BTreeSet::new();
    let mut waiting: BTreeMap<ConnectionId, Token> = BTreeMap::new();
    let mut unheard: BTreeMap<Token, usize> = BTreeMap::new();
    for record in &trace.records {
        match &record.event {
            Event::Dialled {
                connection,
                relays: None,
                ..
            } => _ = own.insert(*connection),
            Event::Content { connection, text, .. } if own.contains(connection) => {
                waiting.extend(token_of(text).map(|token| (*connection, token)));
            }
            Event::Line {
                connection,
                from: End::Acceptor,
                ..
            } => _ = waiting.remove(connection),
            Event::Closed { connection, .. } => {
                if let Some(token) = waiting.remove(connection) {
                    *unheard.entry(token).or_default() += 1;
                }
            }
            _ => {}
        }
    }
    unheard
}

#[cfg(test)]
mod tests;
