//! P13: accepted mail is never lost, and duplicated only where a reply to the end of data was lost.

use std::collections::BTreeMap;
use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{ConnectionId, HostId, MessageId, Observation};
use postern_model::scenario::Phase;

use super::sessions::Sessions;
use super::{named, violation};
use crate::setup::Setup;

/// Judges the passing of responsibility, by the wire and not by the log:
///
/// - what a client heard accepted (2yz to the end of data) is stored at the host that it meant to reach;
/// - a client that says that it sent a message has heard it accepted;
/// - a client does not send again what it heard accepted;
/// - what a client heard and had not noted when it crashed is as if it had not been heard (RFC 1047);
/// - a message lies in its mailbox at most once more often than replies to its end of data were not heard.
///
/// Exercised when content was sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NoLoss {
    setup: Setup,
    /// The message whose content is not yet answered.
    sessions: Sessions<Option<MessageId>>,
    at_hosts: BTreeMap<(HostId, MessageId), AtHost>,
    messages: BTreeMap<MessageId, Passing>,
    exercised: bool,
}

/// How often things happened to a message at one host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct AtHost {
    /// It entered the queue.
    queued: u8,
    /// It entered the queue or the mailbox.
    stored: u8,
    /// Somebody heard that this host accepted it.
    accepted_from_others: u8,
    /// This host heard that it was accepted.
    heard_accepted: u8,
    /// This host says that it sent it.
    sent: u8,
}

/// How often a message was sent and arrived, wherever.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Passing {
    /// Contents that were not answered as far as the client heard.
    unanswered: u8,
    delivered: u8,
}

impl NoLoss {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            setup,
            sessions: Sessions::default(),
            at_hosts: BTreeMap::new(),
            messages: BTreeMap::new(),
            exercised: false,
        }
    }
}

impl Monitor for NoLoss {
    fn observe(&mut self, _: Duration, observation: &Observation) -> Result<(), Violation> {
        self.sessions.observe(observation);
        match *observation {
            Observation::Queued { host, message, .. } => {
                let here = self.at_hosts.entry((host, message)).or_default();
                here.queued = here.queued.saturating_add(1);
                here.stored = here.stored.saturating_add(1);
                Ok(())
            }
            Observation::Delivered { host, message } => {
                let here = self.at_hosts.entry((host, message)).or_default();
                here.stored = here.stored.saturating_add(1);
                let passing = self.messages.entry(message).or_default();
                passing.delivered = passing.delivered.saturating_add(1);
                self.judge_duplicates(message)
            }
            // What an impostor does with it is no fault of the client's.
            Observation::Stolen { host, message } => {
                let here = self.at_hosts.entry((host, message)).or_default();
                here.stored = here.stored.saturating_add(1);
                Ok(())
            }
            Observation::Content {
                connection, message, ..
            } => self.content(connection, message),
            Observation::LateContent {
                client: Some(_),
                message: Some(message),
                ..
            } => {
                let passing = self.messages.entry(message).or_default();
                passing.unanswered = passing.unanswered.saturating_add(1);
                Ok(())
            }
            Observation::Replied {
                connection,
                phase: Some(Phase::EndOfData),
                code,
                ..
            } => self.answered(connection, (200..300).contains(&code)),
            Observation::Sent { host, message } => self.sent(host, message),
            Observation::Running { host, up: false } => {
                self.forgets(host);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl NoLoss {
    /// A host has crashed.
    fn forgets(&mut self, host: HostId) {
        for ((client, message), here) in &mut self.at_hosts {
            if *client == host && here.heard_accepted > here.sent {
                let passing = self.messages.entry(*message).or_default();
                passing.unanswered = passing.unanswered.saturating_add(here.heard_accepted - here.sent);
                here.heard_accepted = here.sent;
            }
        }
    }

    fn content(&mut self, connection: ConnectionId, message: MessageId) -> Result<(), Violation> {
        let Some(session) = self
            .sessions
            .get_mut(connection)
            .filter(|session| session.is_clients_own())
        else {
            return Ok(());
        };
        session.notes = Some(message);
        let (client, server) = (session.client, session.server);
        self.exercised = true;
        let passing = self.messages.entry(message).or_default();
        passing.unanswered = passing.unanswered.saturating_add(1);
        let here = self.at_hosts.get(&(client, message)).copied().unwrap_or_default();
        if here.heard_accepted == 0 || here.heard_accepted < here.queued {
            return Ok(());
        }
        let why = format!(
            "{} sent {} again, to {}, although it had heard it accepted",
            self.setup.host_name(client),
            named(message),
            self.setup.host_name(server),
        );
        Err(violation("R5321-4.2.5-a", why))
    }

    fn answered(&mut self, connection: ConnectionId, is_accepted: bool) -> Result<(), Violation> {
        let Some(session) = self.sessions.get_mut(connection) else {
            return Ok(());
        };
        let Some(message) = session.notes.take() else {
            return Ok(());
        };
        let (client, server) = (session.client, session.server);
        let passing = self.messages.entry(message).or_default();
        passing.unanswered = passing.unanswered.saturating_sub(1);
        if is_accepted {
            let here = self.at_hosts.entry((client, message)).or_default();
            here.heard_accepted = here.heard_accepted.saturating_add(1);
            let there = self.at_hosts.entry((server, message)).or_default();
            there.accepted_from_others = there.accepted_from_others.saturating_add(1);
            if there.accepted_from_others > there.stored {
                let why = format!(
                    "{} heard {} accepted by {}, which had not stored it",
                    self.setup.host_name(client),
                    named(message),
                    self.setup.host_name(server),
                );
                return Err(violation("R5321-4.2.5-a", why));
            }
        }
        self.judge_duplicates(message)
    }

    fn sent(&mut self, host: HostId, message: MessageId) -> Result<(), Violation> {
        let here = self.at_hosts.entry((host, message)).or_default();
        here.sent = here.sent.saturating_add(1);
        if here.sent <= here.heard_accepted {
            return Ok(());
        }
        let why = format!(
            "{} took {} for sent without having heard a 2yz reply to its end of data",
            self.setup.host_name(host),
            named(message),
        );
        Err(violation("R5321-4.2.5-a", why))
    }

    fn judge_duplicates(&self, message: MessageId) -> Result<(), Violation> {
        let passing = self.messages.get(&message).copied().unwrap_or_default();
        if passing.delivered <= passing.unanswered.saturating_add(1) {
            return Ok(());
        }
        let why = format!(
            "{} was delivered {} times although only {} replies to its end of data were not heard",
            named(message),
            passing.delivered,
            passing.unanswered,
        );
        Err(violation("R5321-4.2.5-a", why))
    }
}

#[cfg(test)]
mod tests {
    use postern_model::scenario::Level;

    use super::super::story::{Found, MAIL, MX1, MX2, OUT, Story, setup};
    use super::*;

    fn judged(story: Story) -> Found {
        story.judged_by(NoLoss::new(setup(Level::May)))
    }

    fn sends(story: Story) -> Story {
        story.dials(MX1).ehlo(false).transaction(false)
    }

    #[test]
    fn a_message_that_is_accepted_and_stored_is_sent() {
        let story = sends(Story::new().mail_is_tried())
            .delivered_and_accepted(MX1)
            .sent()
            .closes();
        assert_eq!(judged(story), Found::Holds);
    }

    #[test]
    fn a_message_that_is_accepted_and_not_stored_is_lost() {
        let story = sends(Story::new().mail_is_tried()).reply(Phase::EndOfData, 250);
        assert_eq!(judged(story), Found::Violated("R5321-4.2.5-a"));
    }

    #[test]
    fn a_relay_stores_it_in_its_queue() {
        let story = sends(Story::new().mail_is_tried())
            .mail_is_queued_at(MX1)
            .reply(Phase::EndOfData, 250)
            .sent();
        assert_eq!(judged(story), Found::Holds);
    }

    #[test]
    fn silence_is_no_acceptance() {
        let stored = sends(Story::new().mail_is_tried()).delivered(MX1).closes();
        assert_eq!(judged(stored.sent()), Found::Violated("R5321-4.2.5-a"));
        let refused = sends(Story::new().mail_is_tried())
            .reply(Phase::EndOfData, 451)
            .closes();
        assert_eq!(judged(refused.sent()), Found::Violated("R5321-4.2.5-a"));
    }

    #[test]
    fn a_message_whose_acceptance_was_heard_is_not_sent_again() {
        let heard = sends(Story::new().mail_is_tried()).delivered_and_accepted(MX1).closes();
        assert_eq!(judged(sends(heard.tried_again())), Found::Violated("R5321-4.2.5-a"));
    }

    #[test]
    fn a_message_whose_acceptance_was_lost_may_arrive_twice() {
        let lost = sends(Story::new().mail_is_tried()).delivered(MX1).closes().deferred();
        let twice = sends(lost.tried_again()).delivered_and_accepted(MX1).sent();
        assert_eq!(judged(twice.clone()), Found::Holds);
        assert_eq!(judged(twice.delivered(MX2)), Found::Violated("R5321-4.2.5-a"));
    }

    #[test]
    fn content_that_was_on_its_way_when_the_client_crashed_may_arrive_twice() {
        let crashed = Story::new().mail_is_tried().dials(MX1).ehlo(false);
        let late = Observation::LateContent {
            client: Some(OUT),
            server: MX1,
            connection: crashed.connection(),
            message: Some(MAIL),
        };
        let arrived = crashed.closes().sees(late).delivered(MX1);
        let twice = sends(arrived.tried_again()).delivered_and_accepted(MX1).sent();
        assert_eq!(judged(twice.clone()), Found::Holds);
        assert_eq!(judged(twice.delivered(MX2)), Found::Violated("R5321-4.2.5-a"));
    }

    #[test]
    fn a_message_that_was_refused_at_the_end_does_not_arrive() {
        let refused = sends(Story::new().mail_is_tried())
            .delivered(MX1)
            .reply(Phase::EndOfData, 451)
            .closes();
        let twice = sends(refused.tried_again()).delivered_and_accepted(MX1);
        assert_eq!(judged(twice), Found::Violated("R5321-4.2.5-a"));
    }

    #[test]
    fn without_content_nothing_can_be_lost() {
        let story = Story::new().mail_is_tried().dials(MX1).ehlo(false).closes().deferred();
        assert_eq!(judged(story), Found::NotExercised);
    }
}
