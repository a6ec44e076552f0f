//! History independence (P09, SEED-11): whether earlier sessions used TLS changes the fate of no later message.
//!
//! A relation of two runs. From a run A a moment is chosen at which all mail so far is decided. Run B is the same
//! scenario, but that no server offers TLS before that moment. From then on everything is the same again, except for
//! what the clients remember; so the later messages must fare the same.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use postern_model::monitor::{Verdict, Violation};
use postern_model::name::{DomainName, Token};
use postern_model::scenario::{Action, Drift, Fate, Level, Scenario, Security, Step, Switch, When};
use postern_model::trace::{ConnectionId, Event, LogEntry, Question, Setting, Trace};

use super::{Comparison, Side, last_record_about};
use crate::fates::MessageFate;
use crate::judge::Judgement;

/// The rule that the relation judges.
const RULE: &str = "SEED-11";

/// How long before the chosen moment TLS is back in run B.
const LEAD: Duration = Duration::from_secs(1);

/// The second run that a first one calls for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct History {
    /// The scenario of run B.
    scenario: Scenario,
    /// The moment from which on the two runs must agree.
    since: Duration,
}

/// How run A allows the comparison.
pub(super) fn compare(first: Side<'_>) -> Option<Box<dyn Comparison>> {
    let history = History::of(first.scenario, first.trace)?;
    Some(Box::new(history))
}

impl History {
    /// The comparison that run A of the scenario allows: everything so far is decided, some client has used TLS with a
    /// server, and dials it again; if possible in clear. `None` if there is no such moment.
    fn of(scenario: &Scenario, trace: &Trace) -> Option<Self> {
        let mut moments: Vec<_> = scenario.message.iter().map(|message| message.at).collect();
        moments.sort_unstable();
        moments.dedup();
        moments.retain(|moment| {
            let is_past = all_decided(trace, *moment) && nothing_open(trace, *moment);
            *moment > LEAD && is_past && nothing_required(trace, *moment)
        });
        let sessions = sessions(trace);
        let next_session = |moment: &Duration| {
            let earlier = sessions.iter().filter(|session| session.tls && session.at < *moment);
            let peers: BTreeSet<_> = earlier.map(|session| (session.from, session.to)).collect();
            let mut later = sessions.iter().filter(|session| session.at >= *moment);
            later.find(|session| peers.contains(&(session.from, session.to)))
        };
        let in_clear = |moment: &&Duration| next_session(moment).is_some_and(|session| !session.tls);
        let at_all = |moment: &&Duration| next_session(moment).is_some();
        let since = *moments.iter().find(in_clear).or_else(|| moments.iter().find(at_all))?;
        Some(Self {
            scenario: without_tls_before(scenario, trace, since),
            since,
        })
    }
}

impl Comparison for History {
    fn second(&self) -> &Scenario {
        &self.scenario
    }

    /// Compares the fates of the later messages. What the two runs cannot be compared in is not exercised: mail that
    /// was not decided in time in run B, or a world that was not the same again.
    fn judge(&self, a: Side<'_>, b: Side<'_>) -> Verdict {
        let comparable = all_decided(b.trace, self.since)
            && nothing_open(b.trace, self.since)
            && Standing::at(a.trace, self.since) == Standing::at(b.trace, self.since)
            && self.known(a.trace) == self.known(b.trace)
            && !sessions(b.trace)
                .iter()
                .any(|session| session.tls && session.at < self.since);
        if !comparable {
            return Verdict::NotExercised;
        }
        let later = self.scenario.message.iter().filter(|message| message.at >= self.since);
        for message in later {
            let (with, without) = (
                fates_of(a.judgement, &message.name),
                fates_of(b.judgement, &message.name),
            );
            if with != without {
                return Verdict::Violated {
                    at: last_record_about(a.trace, &message.name),
                    violation: Violation {
                        rule: RULE,
                        why: format!(
                            "{} was {} after sessions over TLS and {} without them",
                            message.name,
                            in_words(&with),
                            in_words(&without)
                        ),
                    },
                };
            }
        }
        Verdict::Holds
    }
}

impl History {
    /// What each host may still have in the cache of its resolver at the moment: what it asked.
    /// A server that demands TLS asks DNS about a session in clear only, so that an earlier one may have
    /// taught it what it cannot learn any more.
    fn known<'a>(&self, trace: &'a Trace) -> BTreeSet<(&'a DomainName, &'a Question)> {
        let lifetimes = self.scenario.domain.iter().map(|domain| domain.time_to_live);
        let from = self.since.saturating_sub(lifetimes.max().unwrap_or_default());
        let records = trace.records.iter();
        let fresh = records.filter(|record| record.at >= from && record.at < self.since);
        let asked = fresh.filter_map(|record| match &record.event {
            Event::Answered { host, question, .. } => Some((host, question)),
            _ => None,
        });
        asked.collect()
    }
}

/// The same scenario, but that no server offers TLS until just before the moment.
fn without_tls_before(scenario: &Scenario, trace: &Trace, moment: Duration) -> Scenario {
    let earlier = scenario.message.iter().filter(|message| message.at < moment);
    let earlier: BTreeSet<_> = earlier.map(|message| &message.name).collect();
    let is_past = |when: &When| match when {
        When::At(at) => *at < moment,
        When::On(position) => earlier.contains(&position.message),
    };
    let mut other = scenario.clone();
    other
        .step
        .retain(|step| !(is_past(&step.when) && matches!(step.action, Action::Drift(Drift::Tls(_)))));
    for host in &mut other.host {
        host.tls = Switch::Off;
    }
    let standing = Standing::at(trace, moment);
    for host in scenario.host.iter().filter(|host| standing.tls.contains(&host.name)) {
        other.step.push(Step {
            when: When::At(moment - LEAD),
            host: host.name.clone(),
            action: Action::Drift(Drift::Tls(Switch::On)),
        });
    }
    other
}

/// Whether every message that had come into a queue before the moment had left it before the moment.
fn all_decided(trace: &Trace, moment: Duration) -> bool {
    let mut queued = BTreeSet::new();
    for record in trace.records.iter().take_while(|record| record.at < moment) {
        match &record.event {
            Event::Queued { host, message, .. } => {
                queued.insert((host, message));
            }
            Event::Logged {
                host,
                entry: LogEntry::Sent { message, .. } | LogEntry::Bounced { message, .. },
            }
            | Event::Delivered { host, message, .. } => {
                queued.remove(&(host, message));
            }
            _ => {}
        }
    }
    queued.is_empty()
}

/// Whether no connection spans the moment: a session that is kept for more mail is not past.
fn nothing_open(trace: &Trace, moment: Duration) -> bool {
    let mut open = BTreeSet::new();
    for record in trace.records.iter().take_while(|record| record.at < moment) {
        match &record.event {
            Event::Dialled { connection, .. } => _ = open.insert(*connection),
            Event::Closed { connection, .. } | Event::NotConnected { connection, .. } => _ = open.remove(connection),
            _ => {}
        }
    }
    open.is_empty()
}

/// Whether no attempt before the moment required TLS. Where no server offers it, such mail would not be decided in time.
fn nothing_required(trace: &Trace, moment: Duration) -> bool {
    let mut earlier = trace.records.iter().take_while(|record| record.at < moment);
    !earlier.any(|record| {
        matches!(&record.event, Event::Logged { entry: LogEntry::Attempt { level, .. }, .. } if *level >= Level::Encrypt)
    })
}

/// A connection that a mail host dialled for its own queue.
struct Session<'a> {
    at: Duration,
    from: &'a DomainName,
    to: &'a DomainName,
    tls: bool,
}

fn sessions(trace: &Trace) -> Vec<Session<'_>> {
    let mut sessions: BTreeMap<ConnectionId, Session<'_>> = BTreeMap::new();
    for record in &trace.records {
        match &record.event {
            Event::Dialled {
                connection,
                from,
                to,
                relays: None,
                ..
            } => {
                let session = Session {
                    at: record.at,
                    from,
                    to,
                    tls: false,
                };
                sessions.insert(*connection, session);
            }
            Event::Secured { connection, .. } => {
                if let Some(session) = sessions.get_mut(connection) {
                    session.tls = true;
                }
            }
            _ => {}
        }
    }
    sessions.into_values().collect()
}

/// How the world stands, but for what its clients remember.
#[derive(Debug, Default, PartialEq, Eq)]
struct Standing {
    /// The servers that offer TLS.
    tls: BTreeSet<DomainName>,
    /// Every other fact of configuration and of DNS, by what it is about.
    settings: BTreeMap<String, Setting>,
    /// The attacks under way.
    attacks: BTreeSet<String>,
    /// How often each host has dialled: its randomness is drawn per connection.
    dialled: BTreeMap<DomainName, u32>,
}

impl Standing {
    fn at(trace: &Trace, moment: Duration) -> Self {
        let mut standing = Self::default();
        for record in trace.records.iter().take_while(|record| record.at < moment) {
            match &record.event {
                Event::Set(setting) => standing.set(setting),
                Event::Adversary { victim, attack, active } => {
                    let attack = format!("{attack:?} on {victim}");
                    match active {
                        true => standing.attacks.insert(attack),
                        false => standing.attacks.remove(&attack),
                    };
                }
                Event::Dialled { from, relays: None, .. } => *standing.dialled.entry(from.clone()).or_default() += 1,
                _ => {}
            }
        }
        standing
    }

    fn set(&mut self, setting: &Setting) {
        let about = match setting {
            Setting::Tls { host, on: true } => {
                self.tls.insert(host.clone());
                return;
            }
            Setting::Tls { host, on: false } => {
                self.tls.remove(host);
                return;
            }
            Setting::Certificate { host, .. } => format!("certificate of {host}"),
            Setting::Trouble { host, .. } => format!("trouble of {host}"),
            Setting::Exchanger { host, domain, .. } => format!("{host} as exchanger of {domain}"),
            Setting::Policy { host, next_hop, .. } => format!("policy of {host} for {next_hop}"),
            Setting::Mx { domain, .. } => format!("exchangers of {domain}"),
            Setting::Running { host, .. } => format!("running of {host}"),
            Setting::Lookups { host, domain, .. } => format!("lookups of {host} about {domain}"),
            Setting::Clock { host, .. } => format!("clock of {host}"),
            Setting::Permanent { .. } => return,
        };
        self.settings.insert(about, setting.clone());
    }
}

/// What must be the same in both runs. An alarm may differ, and so may the time to a fraction of a session.
fn fates_of<'a>(judgement: &'a Judgement, message: &Token) -> Vec<(Fate, Option<Security>, u32)> {
    let of_message = |fate: &&'a MessageFate| fate.message == *message;
    let fates = judgement.fates.iter().filter(of_message);
    fates.map(|fate| (fate.fate, fate.security, fate.attempts)).collect()
}

fn in_words(fates: &[(Fate, Option<Security>, u32)]) -> String {
    let one = |(fate, security, attempts): &(Fate, Option<Security>, u32)| {
        let fate = match fate {
            Fate::Delivered => "delivered",
            Fate::Bounced => "bounced",
            Fate::Stolen => "stolen",
            Fate::Queued => "still queued",
        };
        let security = match security {
            Some(Security::Clear) => " in clear",
            Some(Security::Encrypted) => " encrypted",
            Some(Security::Authenticated) => " authenticated",
            None => "",
        };
        let unit = if *attempts == 1 { "attempt" } else { "attempts" };
        format!("{fate}{security} at {attempts} {unit}")
    };
    let all: Vec<_> = fates.iter().map(one).collect();
    if all.is_empty() {
        "never seen".to_owned()
    } else {
        all.join(" and ")
    }
}
