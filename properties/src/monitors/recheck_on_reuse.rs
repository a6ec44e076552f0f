//! P38: before each message, what a connection proved is held against what is required now.

use std::collections::BTreeMap;
use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{ConnectionId, DomainId, HostId, MessageId, Observation};
use postern_model::scenario::{Level, Phase};

use super::sessions::{Session, Sessions};
use super::{named, violation};
use crate::oracle::{Oracle, Requirement};
use crate::setup::Setup;

/// Judges the content of every message but the first on a client's own connection. What is required of it is the weakest
/// policy in force since the last attempt at that message began, and not since the connection was dialled: that the
/// connection was good for earlier mail counts for nothing (C-DG-19).
///
/// Exercised when a message that requires TLS was sent on a connection that had carried another, or a connection was dialled
/// for it although one stood open and idle that would not do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RecheckOnReuse {
    setup: Setup,
    oracle: Oracle,
    sessions: Sessions<Use>,
    /// The messages that are tried, with their next hops and the weakest level since the attempt began.
    attempts: BTreeMap<(HostId, MessageId), (DomainId, Option<Level>)>,
    exercised: bool,
}

/// How a connection was used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Use {
    contents: u8,
    idle: bool,
}

impl RecheckOnReuse {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            oracle: Oracle::new(setup.clone()),
            setup,
            sessions: Sessions::default(),
            attempts: BTreeMap::new(),
            exercised: false,
        }
    }
}

impl Monitor for RecheckOnReuse {
    fn observe(&mut self, _: Duration, observation: &Observation) -> Result<(), Violation> {
        self.oracle.observe(observation);
        match *observation {
            Observation::Queued {
                host,
                message,
                next_hop,
                ..
            } => {
                self.attempts.entry((host, message)).or_insert((next_hop, None));
            }
            Observation::Attempt { host, message } => {
                if let Some((next_hop, weakest)) = self.attempts.get_mut(&(host, message)) {
                    *weakest = Some(self.oracle.level(host, *next_hop));
                }
            }
            Observation::Policy { host, next_hop, level } => {
                for ((client, _), (hop, weakest)) in &mut self.attempts {
                    if *client == host && *hop == next_hop {
                        *weakest = weakest.map(|weakest| weakest.min(level));
                    }
                }
            }
            Observation::Deferred { host, message }
            | Observation::Sent { host, message }
            | Observation::Bounced { host, message } => {
                if let Some((_, weakest)) = self.attempts.get_mut(&(host, message)) {
                    *weakest = None;
                }
            }
            Observation::Dialled { from, to, .. } => self.dialled(from, to),
            Observation::Command {
                connection,
                phase: Some(Phase::Mail | Phase::Quit),
                ..
            } => {
                if let Some(session) = self.sessions.get_mut(connection) {
                    session.notes.idle = false;
                }
            }
            Observation::Replied {
                connection,
                phase: Some(Phase::EndOfData),
                code,
                ..
            } => {
                if let Some(session) = self.sessions.get_mut(connection) {
                    session.notes.idle = (200..300).contains(&code);
                }
            }
            Observation::Content {
                connection,
                message,
                next_hop,
                tls,
            } => return self.content(connection, message, next_hop, tls),
            _ => {}
        }
        self.sessions.observe(observation);
        Ok(())
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl RecheckOnReuse {
    fn dialled(&mut self, client: HostId, server: HostId) {
        let required = self.attempts.iter().filter(|((host, _), (next_hop, level))| {
            *host == client
                && level.is_some_and(|level| level >= Level::Encrypt)
                && self.setup.may_serve(server, *next_hop)
        });
        let idle = |open: &&Session<Use>| {
            open.is_clients_own() && open.client == client && open.server == server && open.notes.idle
        };
        let mut requirements = required.map(|(_, (next_hop, level))| {
            let level = level.unwrap_or(Level::None);
            Requirement::of(level, *next_hop)
        });
        self.exercised |= requirements.any(|requirement| {
            let mut idle = self.sessions.iter().filter(idle);
            idle.any(|open| !meets(open, open.is_secured(), requirement))
        });
    }

    fn content(
        &mut self,
        connection: ConnectionId,
        message: MessageId,
        next_hop: DomainId,
        tls: bool,
    ) -> Result<(), Violation> {
        let Some(session) = self.sessions.get_mut(connection).filter(|open| open.is_clients_own()) else {
            return Ok(());
        };
        session.notes.contents = session.notes.contents.saturating_add(1);
        let attempt = self.attempts.get(&(session.client, message));
        let (false, Some(&(_, Some(level)))) = (session.notes.contents < 2, attempt) else {
            return Ok(());
        };
        let requirement = Requirement::of(level, next_hop);
        self.exercised |= requirement > Requirement::Clear;
        if meets(session, tls, requirement) {
            return Ok(());
        }
        let (rule, how) = match tls {
            false => ("SEED-12", "in clear"),
            true => ("R3207-4.1-d", "with a certificate that does not prove it"),
        };
        let why = format!(
            "{} sent {} to {} on a connection that had carried other mail, {how}, although its policy for {} is {}",
            self.setup.host_name(session.client),
            named(message),
            self.setup.host_name(session.server),
            self.setup.domain_name(next_hop),
            if level == Level::Secure { "secure" } else { "encrypt" },
        );
        Err(violation(rule, why))
    }
}

fn meets(session: &Session<Use>, tls: bool, requirement: Requirement) -> bool {
    match requirement {
        Requirement::Clear => true,
        Requirement::Encrypted => tls,
        Requirement::Authenticated(next_hop) => tls && session.proves().is_some_and(|names| names.has(next_hop)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{B, Found, MX1, Story, setup};
    use super::*;

    fn judged(level: Level, story: Story) -> Found {
        story.judged_by(RecheckOnReuse::new(setup(level)))
    }

    /// One message went, in clear; another is tried.
    fn clear_then_again() -> Story {
        Story::new()
            .mail_is_tried()
            .dials(MX1)
            .ehlo(false)
            .transaction(false)
            .sent()
            .mail_is_tried()
    }

    #[test]
    fn a_session_that_proved_what_is_required_may_be_used_again() {
        let secure = Story::new()
            .mail_is_tried()
            .dials(MX1)
            .goes_secure(&[B])
            .transaction(true);
        let again = secure.sent().mail_is_tried().transaction(true);
        assert_eq!(judged(Level::Encrypt, again.clone()), Found::Holds);
        assert_eq!(judged(Level::Secure, again.clone()), Found::Holds);
        assert_eq!(judged(Level::May, again), Found::NotExercised);
    }

    #[test]
    fn a_policy_that_was_raised_since_the_dial_rules_the_next_message() {
        let raised = Story::new()
            .mail_is_tried()
            .dials(MX1)
            .ehlo(false)
            .transaction(false)
            .sent()
            .policy(Level::Encrypt)
            .mail_is_tried()
            .transaction(false);
        assert_eq!(judged(Level::May, raised), Found::Violated("SEED-12"));
        assert_eq!(
            judged(Level::May, clear_then_again().transaction(false)),
            Found::NotExercised
        );
    }

    #[test]
    fn a_policy_that_is_raised_during_the_attempt_comes_too_late() {
        let raised = clear_then_again().policy(Level::Encrypt).transaction(false);
        assert_eq!(judged(Level::May, raised), Found::NotExercised);
    }

    #[test]
    fn a_certificate_of_another_name_does_not_do() {
        let unproved = Story::new()
            .mail_is_tried()
            .dials(MX1)
            .goes_secure(&[])
            .transaction(true);
        let again = unproved.sent().policy(Level::Secure).mail_is_tried().transaction(true);
        assert_eq!(judged(Level::Encrypt, again), Found::Violated("R3207-4.1-d"));
    }

    #[test]
    fn a_dial_beside_a_session_that_will_not_do_exercises_the_property() {
        let beside = Story::new()
            .mail_is_tried()
            .dials(MX1)
            .ehlo(false)
            .transaction(false)
            .delivered_and_accepted(MX1)
            .sent()
            .policy(Level::Encrypt)
            .mail_is_tried();
        assert_eq!(judged(Level::May, beside.dials(MX1)), Found::Holds);
    }
}
