//! P27: notifications come from the null reverse path, once for each failure, and never about a notification.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{ConnectionId, HostId, MessageId, Observation};
use postern_model::report::{About, ReportAction};

use super::requests::{Request, Requests, Wanted};
use super::sessions::Sessions;
use super::{LOG_DELAY, named, violation};
use crate::setup::Setup;

/// Judges what clients send, by the envelope and the content on the wire:
///
/// - a notification comes from the null reverse path (R5321-6.1-a), and no other path takes the place of one that was null
///   when the message first entered a queue (R5321-4.5.5-a);
/// - no notification, of a failure or of a delay, is about a message with a null reverse path (R5321-4.5.4-f);
/// - a host sends no more notifications of failure about a message than its log has it given back (R5321-6.1-a);
/// - a relay that gives a message back queues a notification about it within a minute (R5321-3.6.3-a), if it is wanted;
/// - no notification comes that the sender ruled out (R3461-4.1-a, R3461-5.2.5-c), and each names the envelope id of its
///   message (R3461-6.3-a);
/// - a relay passes ENVID, RET, NOTIFY and ORCPT on where DSN is offered (R3461-5.2.1-a), and nobody says them elsewhere
///   (R3461-5.2.2-a).
///
/// That the first host notifies too is P12's. Exercised by a notification, by mail from the null reverse path or with a
/// request about notifications on the wire, or by mail given back that nobody wants to hear of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DsnHygiene {
    setup: Setup,
    requests: Requests,
    /// Whether the reverse path of the transaction under way is null.
    sessions: Sessions<Option<bool>>,
    /// Where each message entered a queue first.
    origins: BTreeMap<MessageId, HostId>,
    null: BTreeSet<MessageId>,
    bounces: BTreeMap<(HostId, MessageId), usize>,
    /// The notifications of failure, by reporter and message, that were seen on the wire.
    failures: BTreeMap<(HostId, MessageId), BTreeSet<MessageId>>,
    /// What relays gave back less than a minute ago and have not reported.
    unreported: BTreeMap<(HostId, MessageId), Duration>,
    exercised: bool,
}

impl DsnHygiene {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            setup,
            requests: Requests::default(),
            sessions: Sessions::default(),
            origins: BTreeMap::new(),
            null: BTreeSet::new(),
            bounces: BTreeMap::new(),
            failures: BTreeMap::new(),
            unreported: BTreeMap::new(),
            exercised: false,
        }
    }
}

impl Monitor for DsnHygiene {
    fn observe(&mut self, after: Duration, observation: &Observation) -> Result<(), Violation> {
        for time in self.unreported.values_mut() {
            *time += after;
        }
        self.judge_relays(LOG_DELAY)?;
        self.sessions.observe(observation);
        self.requests.observe(observation);
        match *observation {
            Observation::Queued {
                host,
                message,
                null_reverse_path,
                about,
                ..
            } => {
                if let Entry::Vacant(first) = self.origins.entry(message) {
                    first.insert(host);
                    if null_reverse_path {
                        self.null.insert(message);
                    }
                }
                about.map_or(Ok(()), |about| self.reported(host, about))
            }
            Observation::Bounced { host, message } => {
                let bounces = self.bounces.entry((host, message)).or_default();
                *bounces = bounces.saturating_add(1);
                let is_relay = self.origins.get(&message).is_some_and(|origin| *origin != host);
                let action = ReportAction::Failed;
                let wanted = self.requests.wanted(host, About { message, action });
                self.exercised |= matches!(wanted, Wanted::Never(_));
                if is_relay && wanted == Wanted::Yes && !self.null.contains(&message) {
                    self.unreported.insert((host, message), Duration::ZERO);
                }
                Ok(())
            }
            Observation::MailFrom { connection, is_null } => {
                if let Some(session) = self.sessions.get_mut(connection) {
                    session.notes = Some(is_null);
                }
                Ok(())
            }
            Observation::Content {
                connection, message, ..
            } => {
                self.judge_request(connection, message)?;
                let session = self.sessions.get(connection).filter(|session| session.is_clients_own());
                let Some(session) = session.filter(|_| self.null.contains(&message)) else {
                    return Ok(());
                };
                self.exercised = true;
                if session.notes != Some(false) {
                    return Ok(());
                }
                let why = format!(
                    "{} sent {}, whose reverse path was null, with another reverse path",
                    self.setup.host_name(session.client),
                    named(message),
                );
                Err(violation("R5321-4.5.5-a", why))
            }
            Observation::Report {
                connection,
                message,
                reporter,
                about,
                ..
            } => {
                let session = self.sessions.get(connection).filter(|session| session.is_clients_own());
                let Some(path) = session.map(|session| session.notes) else {
                    return Ok(());
                };
                self.exercised = true;
                self.judge_report(message, reporter, about, path)?;
                self.judge_envelope_id(connection, reporter, about.message)
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<(), Violation> {
        self.unreported.values_mut().for_each(|time| *time += LOG_DELAY * 2);
        self.judge_relays(LOG_DELAY)
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl DsnHygiene {
    fn judge_relays(&self, within: Duration) -> Result<(), Violation> {
        let late = self.unreported.iter().find(|(_, time)| **time > within);
        let Some(((host, message), _)) = late else {
            return Ok(());
        };
        let why = format!(
            "{} took {} to relay it, gave it back and notified nobody",
            self.setup.host_name(*host),
            named(*message),
        );
        Err(violation("R5321-3.6.3-a", why))
    }

    /// A notification entered a queue.
    fn reported(&mut self, host: HostId, about: About<MessageId>) -> Result<(), Violation> {
        if about.action == ReportAction::Failed {
            self.unreported.remove(&(host, about.message));
        }
        self.judge_subject(host, about)
    }

    fn judge_subject(&self, reporter: HostId, about: About<MessageId>) -> Result<(), Violation> {
        if !self.null.contains(&about.message) {
            return self.judge_wish(reporter, about);
        }
        let why = format!(
            "{} reports that {} is {}, although its reverse path is null",
            self.setup.host_name(reporter),
            named(about.message),
            about.action,
        );
        Err(violation("R5321-4.5.4-f", why))
    }

    fn judge_wish(&self, reporter: HostId, about: About<MessageId>) -> Result<(), Violation> {
        let Wanted::Never(rule) = self.requests.wanted(reporter, about) else {
            return Ok(());
        };
        let why = format!(
            "{} reports that {} is {}, which its sender ruled out",
            self.setup.host_name(reporter),
            named(about.message),
            about.action,
        );
        Err(violation(rule, why))
    }

    /// What a client asks of the next hop.
    fn judge_request(&mut self, connection: ConnectionId, message: MessageId) -> Result<(), Violation> {
        let session = self.sessions.get(connection).filter(|session| session.is_clients_own());
        let (Some(session), Some((said, offers))) = (session, self.requests.on(connection)) else {
            return Ok(());
        };
        let (who, what) = (self.setup.host_name(session.client), named(message));
        let asked = self.requests.of(session.client, message);
        self.exercised |= said != Request::default() || asked.is_some_and(|asked| asked != Request::default());
        if !offers && said != Request::default() {
            let why = format!("{who} asked about notifications of {what} where DSN is not offered");
            return Err(violation("R3461-5.2.2-a", why));
        }
        let is_relay = self
            .origins
            .get(&message)
            .is_some_and(|origin| *origin != session.client);
        if offers && is_relay && asked.is_some_and(|asked| !asked.is_passed_on_by(said)) {
            let why = format!("{who} passed {what} on without what was asked about its notifications");
            return Err(violation("R3461-5.2.1-a", why));
        }
        Ok(())
    }

    fn judge_envelope_id(&self, connection: ConnectionId, reporter: HostId, about: MessageId) -> Result<(), Violation> {
        let named_id = self.requests.named(connection);
        let asked = self.requests.of(reporter, about);
        if asked.is_none_or(|asked| asked.envelope_id == named_id) {
            return Ok(());
        }
        let why = format!(
            "{} reports on {} without the envelope id that it came with, or with another",
            self.setup.host_name(reporter),
            named(about),
        );
        Err(violation("R3461-6.3-a", why))
    }

    fn judge_report(
        &mut self,
        message: MessageId,
        reporter: HostId,
        about: About<MessageId>,
        path_is_null: Option<bool>,
    ) -> Result<(), Violation> {
        let who = self.setup.host_name(reporter).clone();
        if path_is_null == Some(false) {
            let why = format!(
                "{who} sent {}, a notification, from another reverse path than <>",
                named(message)
            );
            return Err(violation("R5321-6.1-a", why));
        }
        self.judge_subject(reporter, about)?;
        if about.action == ReportAction::Delayed {
            return Ok(());
        }
        let key = (reporter, about.message);
        let failures = self.failures.entry(key).or_default();
        failures.insert(message);
        let bounces = self.bounces.get(&key).copied().unwrap_or_default();
        if failures.len() <= bounces {
            return Ok(());
        }
        let why = format!(
            "{who} sent {} notifications that {} failed, which it gave back {bounces} times",
            failures.len(),
            named(about.message),
        );
        Err(violation("R5321-6.1-a", why))
    }
}

#[cfg(test)]
mod tests;
