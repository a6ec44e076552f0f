//! P03: where nothing requires TLS, no message bounces for want of it, not even when its lifetime is over.

use std::collections::BTreeMap;
use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{DomainId, HostId, MessageId, Observation};
use postern_model::scenario::{Level, Phase};

use super::attempts::Attempts;
use super::sessions::Sessions;
use super::{named, violation};
use crate::oracle::Oracle;
use crate::setup::Setup;

/// Judges every bounce of a message whose last attempt was under no requirement.
///
/// A message bounced for want of TLS if, of the last session with some host in its last attempt, the server was ready
/// for mail, TLS did not come about, and the client stopped there of itself: it never sent MAIL, and no reply of the
/// attempt but to EHLO or STARTTLS was negative. A session is held to be of a message only where no other message that
/// was being tried can be meant; so the monitor misses some, and accuses nobody wrongly.
///
/// Exercised when such a message had a session without TLS in its last attempt and then got a fate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NoBounceWithoutPolicy {
    setup: Setup,
    oracle: Oracle,
    attempts: Attempts,
    /// The message that the connection is for, where that is certain.
    sessions: Sessions<Option<MessageId>>,
    last: BTreeMap<(HostId, MessageId), LastAttempt>,
    exercised: bool,
}

/// What was seen of a message's last attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct LastAttempt {
    next_hop: DomainId,
    strongest: Level,
    /// Some session may have been this message's or another's, a reply was negative, or MAIL was sent: whatever became
    /// of the message may have to do with that.
    excused: bool,
    met_lack_of_tls: bool,
    /// How the last session with each host stands.
    stops: BTreeMap<HostId, Stop>,
}

/// Where a session is, or stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Stop {
    /// Before the server was ready.
    Unready,
    /// The server was ready to take mail in clear, and MAIL was not sent.
    Ready,
    /// Inside TLS.
    Secured,
}

impl NoBounceWithoutPolicy {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            oracle: Oracle::new(setup.clone()),
            setup,
            attempts: Attempts::default(),
            sessions: Sessions::default(),
            last: BTreeMap::new(),
            exercised: false,
        }
    }
}

impl Monitor for NoBounceWithoutPolicy {
    fn observe(&mut self, _: Duration, observation: &Observation) -> Result<(), Violation> {
        self.oracle.observe(observation);
        self.attempts.observe(observation);
        let closed = self.sessions.observe(observation);
        if let Some(session) = closed
            && let Some(message) = session.notes
            && let Some(last) = self.last.get_mut(&(session.client, message))
        {
            last.met_lack_of_tls |= session.is_without_tls(true);
        }
        match *observation {
            Observation::Queued {
                host,
                message,
                next_hop,
                ..
            } => {
                let strongest = self.oracle.level(host, next_hop);
                self.last
                    .entry((host, message))
                    .or_insert_with(|| LastAttempt::new(next_hop, strongest));
            }
            Observation::Policy { host, next_hop, level } => {
                for ((client, _), last) in &mut self.last {
                    if *client == host && last.next_hop == next_hop {
                        last.strongest = last.strongest.max(level);
                    }
                }
            }
            Observation::Attempt { host, message } => {
                if let Some(last) = self.last.get_mut(&(host, message)) {
                    *last = LastAttempt::new(last.next_hop, self.oracle.level(host, last.next_hop));
                }
            }
            Observation::Dialled { connection, from, to } => {
                let candidates = self.attempts.candidates(&self.setup, from, to);
                let candidates: Vec<MessageId> = candidates.map(|(message, _)| message).collect();
                for message in &candidates {
                    if let Some(last) = self.last.get_mut(&(from, *message)) {
                        last.excused |= candidates.len() > 1;
                        last.stops.insert(to, Stop::Unready);
                    }
                }
                if let ([message], Some(session)) = (&candidates[..], self.sessions.get_mut(connection)) {
                    session.notes = Some(*message);
                }
            }
            Observation::Command { connection, .. }
            | Observation::Replied { connection, .. }
            | Observation::Secured { connection, .. } => {
                if let Some(session) = self.sessions.get(connection)
                    && let Some(message) = session.notes
                    && let Some(last) = self.last.get_mut(&(session.client, message))
                {
                    let stop = match (session.is_secured(), session.is_ready()) {
                        (true, _) => Stop::Secured,
                        (false, true) => Stop::Ready,
                        (false, false) => Stop::Unready,
                    };
                    last.stops.insert(session.server, stop);
                    last.met_lack_of_tls |= session.is_without_tls(false);
                    last.excused |= excuses(observation);
                }
            }
            Observation::Sent { host, message } | Observation::Delivered { host, message } => {
                if let Some(last) = self.last.remove(&(host, message)) {
                    self.exercised |= last.met_lack_of_tls && last.strongest <= Level::May;
                }
            }
            Observation::Bounced { host, message } => {
                if let Some(last) = self.last.remove(&(host, message)) {
                    self.exercised |= last.met_lack_of_tls && last.strongest <= Level::May;
                    return self.judge(host, message, &last);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl NoBounceWithoutPolicy {
    fn judge(&self, host: HostId, message: MessageId, last: &LastAttempt) -> Result<(), Violation> {
        let stopped_at = last.stops.iter().find(|(_, stop)| **stop == Stop::Ready);
        let (Some((server, _)), false, Level::None | Level::May) = (stopped_at, last.excused, last.strongest) else {
            return Ok(());
        };
        let why = format!(
            "{} gave {} back although {} would have taken it without TLS and nothing required TLS for {}",
            self.setup.host_name(host),
            named(message),
            self.setup.host_name(*server),
            self.setup.domain_name(last.next_hop),
        );
        Err(violation("SEED-11", why))
    }
}

impl LastAttempt {
    fn new(next_hop: DomainId, strongest: Level) -> Self {
        Self {
            next_hop,
            strongest,
            excused: false,
            met_lack_of_tls: false,
            stops: BTreeMap::new(),
        }
    }
}

/// MAIL was sent, or a reply to anything but EHLO and STARTTLS was negative.
fn excuses(observation: &Observation) -> bool {
    match observation {
        Observation::Command { phase, .. } => *phase == Some(Phase::Mail),
        Observation::Replied { phase, code, .. } => {
            *code >= 400 && !matches!(phase, Some(Phase::Ehlo | Phase::Starttls))
        }
        _ => false,
    }
}
