//! A relay treats mail as its originator would (P35, SEED-13): equal explicit policy, equal fate.
//!
//! One sending host of the first world is made a relay in the second: its mail is handed to a new host, which has no policy
//! and passes all of it on to the first by SMTP. Each attempt of the first host must then end as it did before, and a bounce
//! come no earlier and no later.
//!
//! What may differ: who submitted the mail and so who hears of a bounce, and the fraction of a second that it takes to be
//! handed over. A message is compared only if it is handed over at once, if the policy was the same at each attempt, if
//! everything else in the world changed alike, and if no change came during an attempt at its fixed time, or for what became
//! of another message, where that fraction could tell.

use std::time::Duration;

use postern_model::monitor::{Verdict, Violation};
use postern_model::name::{DomainName, Token};
use postern_model::scenario::{Action, Attack, Drift, Host, Level, Scenario, When};

use super::course::{Attempt, Course, End, courses};
use super::world::{changed_alike, pinned};
use super::{Comparison, Side, last_record_about};

/// How much later than at the originator a message may come into the relay's queue.
const TOLERANCE: Duration = Duration::from_secs(30);

/// How much the end may differ: a message is given back when an attempt has ended that was under way when its lifetime did,
/// and a few seconds decide which one that is.
const AN_ATTEMPT: Duration = Duration::from_secs(15 * 60);

/// The first world with one host as a relay.
struct Relay {
    second: Scenario,
    /// The originator, which is the relay of the second world.
    host: DomainName,
}

/// Applies where a host that mail is handed to deferred some of it, or gave it back.
pub(super) fn compare(first: Side<'_>) -> Option<Box<dyn Comparison>> {
    let courses = courses(first.trace);
    let tells = |course: &Course| course.ends().any(|end| end != End::Sent);
    let mut own = first.scenario.message.iter().filter(|message| {
        let course = courses.get(&(&message.host, &message.name));
        course.is_some_and(tells)
    });
    let host = own
        .find(|message| may_relay(first.scenario, &message.host))?
        .host
        .clone();
    // A relay's copy is longer by its Received line, and is cut or edited where the originator's is not (C-NET-4).
    let cuts = first.scenario.step.iter().any(|step| {
        let Action::Attack { attack, .. } = &step.action else {
            return false;
        };
        matches!(attack, Attack::CutClient(_) | Attack::CutServer(_) | Attack::Edit(_))
    });
    if cuts {
        return None;
    }
    let submitter: DomainName = format!("submit.{host}").parse().ok()?;
    let mut second = first.scenario.clone();
    if second.host(&submitter).is_some() {
        return None;
    }
    let mut submitting = Host::new(submitter.clone());
    submitting.level = Level::None;
    submitting.alarms = false;
    for message in second.message.iter_mut().filter(|message| message.host == host) {
        submitting.route.insert(message.to.domain().clone(), host.clone());
        message.host = submitter.clone();
    }
    for relay in second.host.iter_mut().filter(|other| other.name == host) {
        relay.relay_for.push(submitter.clone());
    }
    second.host.push(submitting);
    second
        .validate()
        .is_ok()
        .then(|| -> Box<dyn Comparison> { Box::new(Relay { second, host }) })
}

/// Whether a host would take all its mail from another host as it does from its users: it is never the exchanger of a
/// recipient's domain.
fn may_relay(scenario: &Scenario, name: &DomainName) -> bool {
    let own = scenario.message.iter().filter(|message| message.host == *name);
    let mut domains = own.map(|message| message.to.domain());
    let Some(host) = scenario.host(name) else {
        return false;
    };
    !host.demands_tls
        && domains.all(|domain| {
            let mut steps = scenario.step.iter();
            let is_configured_later = steps.any(|step| {
                step.host == *name && matches!(&step.action, Action::Drift(Drift::Configure(of)) if of == domain)
            });
            !host.exchanger_for.contains(domain) && !is_configured_later
        })
}

impl Comparison for Relay {
    fn second(&self) -> &Scenario {
        &self.second
    }

    fn judge(&self, first: Side<'_>, second: Side<'_>) -> Verdict {
        if !changed_alike(first.trace, second.trace, |_| false) {
            return Verdict::NotExercised;
        }
        let (as_originator, as_relay) = (courses(first.trace), courses(second.trace));
        let mut verdict = Verdict::NotExercised;
        for message in first
            .scenario
            .message
            .iter()
            .filter(|message| message.host == self.host)
        {
            let key = (&self.host, &message.name);
            let (Some(originated), Some(relayed)) = (as_originator.get(&key), as_relay.get(&key)) else {
                continue;
            };
            if !is_comparable(first, &message.name, originated, relayed) {
                continue;
            }
            let ends = [originated, relayed].map(|course| course.ends().collect::<Vec<_>>());
            let at = [originated, relayed].map(Course::ended_at);
            let is_alike = match at {
                [Some(one), Some(other)] => one.abs_diff(other) <= AN_ATTEMPT,
                [one, other] => one == other,
            };
            if ends[0] == ends[1] && is_alike {
                verdict = Verdict::Holds;
                continue;
            }
            let [one, other] = [originated, relayed].map(in_words);
            return Verdict::Violated {
                at: last_record_about(first.trace, &message.name),
                violation: Violation {
                    rule: "SEED-13",
                    why: format!(
                        "{}, which originates {}, {one}; as its relay it {other}",
                        self.host, message.name
                    ),
                },
            };
        }
        verdict
    }
}

fn is_comparable(first: Side<'_>, message: &Token, originated: &Course, relayed: &Course) -> bool {
    let is_in_time = relayed.queued_at.saturating_sub(originated.queued_at) <= TOLERANCE;
    let mut levels = originated.levels().zip(relayed.levels());
    let is_cut = is_cut_by_the_clock(first.scenario, originated) || is_cut_by_another(first, message, originated);
    is_in_time && levels.all(|(one, other)| one == other) && !is_cut
}

/// Whether a step, or the end of an attack, came at its fixed time during an attempt.
fn is_cut_by_the_clock(scenario: &Scenario, course: &Course) -> bool {
    times(scenario).any(|time| {
        let mut attempts = course.attempts.iter();
        attempts.any(|attempt| attempt.began_at < time && time <= last_moment(attempt))
    })
}

/// Whether a step that waited for another message came during an attempt, or in the moment when it began.
fn is_cut_by_another(run: Side<'_>, message: &Token, course: &Course) -> bool {
    let mut others = run.scenario.clone();
    others
        .step
        .retain(|step| matches!(&step.when, When::On(position) if position.message != *message));
    let fired = pinned(&others, run.trace);
    times(&fired).any(|time| {
        let mut attempts = course.attempts.iter();
        attempts.any(|attempt| (attempt.began_at..=last_moment(attempt)).contains(&time))
    })
}

/// When steps come at their fixed times, and when the attacks end that begin so.
fn times(scenario: &Scenario) -> impl Iterator<Item = Duration> {
    let times = scenario
        .step
        .iter()
        .filter_map(|step| match (&step.when, &step.action) {
            (When::On(_), _) => None,
            (When::At(at), Action::Attack { lasting, .. } | Action::Forge { lasting, .. }) => {
                Some([Some(*at), lasting.map(|lasting| *at + lasting)])
            }
            (When::At(at), Action::Drift(_) | Action::Visit(_)) => Some([Some(*at), None]),
        });
    times.flatten().flatten()
}

/// Until when a difference of a fraction of a second may tell in an attempt.
fn last_moment(attempt: &Attempt) -> Duration {
    let end = attempt.end.map(|(at, _)| at + Duration::from_secs(2));
    end.unwrap_or(Duration::MAX)
}

fn in_words(course: &Course) -> String {
    let deferrals = course.ends().filter(|end| *end == End::Deferred).count();
    let last = match course.ends().last() {
        Some(End::Sent) => "sent it on",
        Some(End::Bounced) => "gave it back",
        Some(End::Deferred) | None => "has it still",
    };
    let unit = if deferrals == 1 { "deferral" } else { "deferrals" };
    let at = course
        .ended_at()
        .map(|at| humantime::format_duration(Duration::from_secs(at.as_secs())));
    let at = at.map(|at| format!(" at {at}")).unwrap_or_default();
    format!("{last} after {deferrals} {unit}{at}")
}

#[cfg(test)]
mod tests;
