//! P44: what a host has accepted outlives its crash.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{ConnectionId, HostId, MessageId, Observation};
use postern_model::scenario::Phase;

use super::sessions::Sessions;
use super::{LOG_DELAY, named, violation};
use crate::setup::Setup;

/// Judges every crash of a host, client or server, at whatever moment:
///
/// - a message that was in its queue is tried, sent or given back within the largest gap of its schedule after the restart;
/// - a message that somebody heard it accept (2yz to the end of data), on a connection that was open when it crashed or
///   dialled since, is stored there.
///
/// That nothing bounces early, nothing is downgraded and nothing is duplicated needlessly after a crash is for P01, P02, P03
/// and P13, which judge worlds with crashes as all others.
///
/// Exercised when a host with mail in its queue took it up again, or crashed while a message was being handed to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RestartStability {
    setup: Setup,
    /// What is being handed over on each connection.
    sessions: Sessions<HandOver>,
    queue: BTreeMap<(HostId, MessageId), Held>,
    /// How often a message was stored at a host, and how often it was heard accepted by it.
    at_hosts: BTreeMap<(HostId, MessageId), (u8, u8)>,
    down: BTreeSet<HostId>,
    exercised: bool,
}

/// What matters of an open session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct HandOver {
    /// The message whose content is not yet answered.
    message: Option<MessageId>,
    /// The server crashed since the dial.
    crashed: bool,
}

/// A message in a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Held {
    copies: u8,
    /// Since the restart nothing was heard of it, for so long.
    silent: Option<Duration>,
}

impl RestartStability {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            setup,
            sessions: Sessions::default(),
            queue: BTreeMap::new(),
            at_hosts: BTreeMap::new(),
            down: BTreeSet::new(),
            exercised: false,
        }
    }
}

impl Monitor for RestartStability {
    fn observe(&mut self, after: Duration, observation: &Observation) -> Result<(), Violation> {
        self.pass(after)?;
        self.sessions.observe(observation);
        match *observation {
            Observation::Running { host, up: false } => self.crashed(host),
            Observation::Running { host, up: true } => {
                self.down.remove(&host);
                for (_, held) in self.queue.iter_mut().filter(|((holder, _), _)| *holder == host) {
                    held.silent = Some(Duration::ZERO);
                }
            }
            Observation::Queued { host, message, .. } => {
                let held = self.queue.entry((host, message)).or_default();
                held.copies = held.copies.saturating_add(1);
                self.stored(host, message);
            }
            Observation::Attempt { host, message } => {
                if let Some(held) = self.queue.get_mut(&(host, message)) {
                    self.exercised |= held.silent.take().is_some();
                }
            }
            Observation::Sent { host, message } | Observation::Bounced { host, message } => {
                self.decided(host, message);
            }
            Observation::Delivered { host, message } => {
                // A message of the host's own that is for a mailbox of its own was queued before.
                if self.queue.contains_key(&(host, message)) {
                    self.decided(host, message);
                } else {
                    self.stored(host, message);
                }
            }
            Observation::Content {
                connection, message, ..
            } => {
                if let Some(session) = self.sessions.get_mut(connection) {
                    session.notes.message = Some(message);
                }
            }
            Observation::Replied {
                connection,
                phase: Some(Phase::EndOfData),
                code,
                ..
            } => return self.answered(connection, (200..300).contains(&code)),
            _ => {}
        }
        Ok(())
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl RestartStability {
    fn pass(&mut self, time: Duration) -> Result<(), Violation> {
        for ((host, message), held) in &mut self.queue {
            if self.down.contains(host) {
                continue;
            }
            let Some(silent) = &mut held.silent else { continue };
            *silent += time;
            if *silent > self.setup.largest_gap(*host) + LOG_DELAY {
                let why = format!(
                    "{} held {} when it crashed, and has done nothing about it since it started again",
                    self.setup.host_name(*host),
                    named(*message),
                );
                return Err(violation("R5321-4.2.5-a", why));
            }
        }
        Ok(())
    }

    fn crashed(&mut self, host: HostId) {
        self.down.insert(host);
        for (_, held) in self.queue.iter_mut().filter(|((holder, _), _)| *holder == host) {
            held.silent = None;
        }
        for session in self.sessions.iter_mut().filter(|session| session.server == host) {
            session.notes.crashed = true;
            self.exercised |= session.notes.message.is_some();
        }
    }

    fn stored(&mut self, host: HostId, message: MessageId) {
        let (stored, _) = self.at_hosts.entry((host, message)).or_default();
        *stored = stored.saturating_add(1);
    }

    fn decided(&mut self, host: HostId, message: MessageId) {
        if let Some(held) = self.queue.get_mut(&(host, message)) {
            self.exercised |= held.silent.take().is_some();
            held.copies = held.copies.saturating_sub(1);
            if held.copies == 0 {
                self.queue.remove(&(host, message));
            }
        }
    }

    fn answered(&mut self, connection: ConnectionId, is_accepted: bool) -> Result<(), Violation> {
        let Some(session) = self.sessions.get_mut(connection) else {
            return Ok(());
        };
        let Some(message) = session.notes.message.take().filter(|_| is_accepted) else {
            return Ok(());
        };
        let (server, crashed) = (session.server, session.notes.crashed);
        // What the attacker passes on is accepted on two connections, and counted on the one that reaches the host.
        if !session.is_servers_own() {
            return Ok(());
        }
        let (stored, accepted) = self.at_hosts.entry((server, message)).or_default();
        *accepted = accepted.saturating_add(1);
        if *accepted <= *stored || !crashed {
            return Ok(());
        }
        let why = format!(
            "{} crashed after it had said that it took {}, and before it had stored it",
            self.setup.host_name(server),
            named(message),
        );
        Err(violation("R5321-4.2.5-a", why))
    }
}

#[cfg(test)]
mod tests {
    use postern_model::scenario::Level;

    use super::super::story::{Found, HOUR, MINUTE, MX1, OUT, SECOND, Story, setup};
    use super::*;

    /// The largest gap of the schedule.
    const GAP: Duration = Duration::from_secs(150 * 60);

    fn judged(story: Story) -> Found {
        story.judged_by(RestartStability::new(setup(Level::May)))
    }

    fn restarted() -> Story {
        Story::new()
            .mail_is_tried()
            .deferred()
            .crashes(OUT)
            .after(HOUR)
            .starts_again(OUT)
    }

    #[test]
    fn a_queue_is_taken_up_again_within_the_largest_gap() {
        assert_eq!(judged(restarted().after(GAP + MINUTE).tried_again()), Found::Holds);
        assert_eq!(judged(restarted().after(MINUTE).bounced()), Found::Holds);
        assert_eq!(
            judged(restarted().after(GAP + MINUTE + SECOND)),
            Found::Violated("R5321-4.2.5-a")
        );
    }

    #[test]
    fn a_host_that_is_down_does_nothing() {
        let down = Story::new().mail_is_tried().crashes(OUT).after(2 * GAP);
        assert_eq!(judged(down), Found::NotExercised);
        let again = restarted().after(MINUTE).crashes(OUT).after(2 * GAP);
        assert_eq!(judged(again), Found::NotExercised);
    }

    #[test]
    fn what_was_accepted_before_the_crash_was_stored() {
        let handed_over = Story::new().mail_is_tried().dials(MX1).ehlo(false).transaction(false);
        let stored = handed_over
            .clone()
            .delivered(MX1)
            .crashes(MX1)
            .reply(Phase::EndOfData, 250);
        assert_eq!(judged(stored), Found::Holds);
        let lost = handed_over.clone().crashes(MX1).reply(Phase::EndOfData, 250);
        assert_eq!(judged(lost), Found::Violated("R5321-4.2.5-a"));
        let unanswered = handed_over.crashes(MX1).closes();
        assert_eq!(judged(unanswered), Found::Holds);
    }

    #[test]
    fn a_host_that_never_crashed_is_judged_elsewhere() {
        let story = Story::new().mail_is_tried().dials(MX1).ehlo(false).transaction(false);
        assert_eq!(judged(story.reply(Phase::EndOfData, 250)), Found::NotExercised);
    }
}
