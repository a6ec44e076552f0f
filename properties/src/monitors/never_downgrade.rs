//! P01: recipient and content of a message cross only sessions that meet the requirement for its next hop.

use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{ConnectionId, DomainId, Observation};
use postern_model::scenario::{Level, Phase};

use super::attempts::Attempts;
use super::sessions::{Session, Sessions};
use super::{named, violation};
use crate::oracle::{Oracle, Requirement};
use crate::setup::Setup;

/// Judges every RCPT and every content that a client sends on a connection of its own, whoever accepted it.
///
/// Exercised when content crossed under a requirement, or when a session that did not meet the requirement of a message
/// under way was left without sending.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NeverDowngrade {
    setup: Setup,
    oracle: Oracle,
    /// Whether EHLO was refused.
    sessions: Sessions<bool>,
    attempts: Attempts,
    exercised: bool,
}

impl NeverDowngrade {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            oracle: Oracle::new(setup.clone()),
            setup,
            sessions: Sessions::default(),
            attempts: Attempts::default(),
            exercised: false,
        }
    }
}

impl Monitor for NeverDowngrade {
    fn observe(&mut self, _: Duration, observation: &Observation) -> Result<(), Violation> {
        if let Observation::Closed { connection } | Observation::Replied { connection, .. } = *observation {
            self.note_refusal(connection, matches!(observation, Observation::Closed { .. }));
        }
        self.oracle.observe(observation);
        self.sessions.observe(observation);
        self.attempts.observe(observation);
        match *observation {
            Observation::Replied {
                connection,
                phase: Some(Phase::Ehlo),
                code,
                ..
            } => {
                if let Some(session) = self.sessions.get_mut(connection) {
                    session.notes |= code >= 500;
                }
                Ok(())
            }
            Observation::Command {
                connection,
                phase: Some(Phase::Rcpt),
                domain: Some(domain),
                tls,
            } => {
                let Some(session) = self.sessions.get(connection) else {
                    return Ok(());
                };
                let next_hop = self.setup.next_hop(session.client, domain);
                let what = || format!("RCPT for {}", self.setup.domain_name(domain));
                self.judge(connection, next_hop, tls, what)
            }
            Observation::Content {
                connection,
                message,
                next_hop,
                tls,
            } => {
                self.judge(connection, next_hop, tls, || {
                    format!("the content of {}", named(message))
                })?;
                let level = self.oracle.weakest_level(connection, next_hop);
                self.exercised |= level.is_some_and(|level| level >= Level::Encrypt);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl NeverDowngrade {
    fn judge(
        &self,
        connection: ConnectionId,
        next_hop: DomainId,
        tls: bool,
        what: impl Fn() -> String,
    ) -> Result<(), Violation> {
        let Some(session) = self.sessions.get(connection).filter(|session| session.is_clients_own()) else {
            return Ok(());
        };
        let Some(level) = self.oracle.weakest_level(connection, next_hop) else {
            return Ok(());
        };
        let requirement = Requirement::of(level, next_hop);
        if meets(session, tls, requirement) {
            return Ok(());
        }
        let how = if tls {
            "over TLS with a certificate that does not prove the next hop"
        } else {
            "in clear"
        };
        let why = format!(
            "{} sent {} to {} {how} although its policy for {} is {}",
            self.setup.host_name(session.client),
            what(),
            self.setup.host_name(session.server),
            self.setup.domain_name(next_hop),
            if level == Level::Secure { "secure" } else { "encrypt" },
        );
        Err(violation(broken_rule(session, tls), why))
    }

    /// A session that does not do for a message under way, and is left (or goes no further) without having been used
    /// for it, was the occasion of a downgrade that did not happen.
    fn note_refusal(&mut self, connection: ConnectionId, over: bool) {
        let Some(session) = self.sessions.get(connection).filter(|session| session.is_clients_own()) else {
            return;
        };
        let falls_short = |(_, next_hop)| {
            let level = self.oracle.weakest_level(connection, next_hop);
            match level.map(|level| Requirement::of(level, next_hop)) {
                None | Some(Requirement::Clear) => false,
                Some(Requirement::Encrypted) => session.is_without_tls(over),
                Some(Requirement::Authenticated(name)) => match session.proves() {
                    Some(names) => !names.has(name),
                    None => session.is_without_tls(over),
                },
            }
        };
        let mut candidates = self.attempts.candidates(&self.setup, session.client, session.server);
        self.exercised |= candidates.any(falls_short);
    }
}

/// In clear the policy was set aside, for want of EHLO or otherwise; over TLS a name that came from DNS was checked, or none.
fn broken_rule(session: &Session<bool>, tls: bool) -> &'static str {
    match (tls, session.notes) {
        (true, _) => "R3207-4.1-d",
        (false, true) => "R3207-6-a",
        (false, false) => "SEED-12",
    }
}

fn meets(session: &Session<bool>, tls: bool, requirement: Requirement) -> bool {
    match requirement {
        Requirement::Clear => true,
        Requirement::Encrypted => tls,
        Requirement::Authenticated(next_hop) => tls && session.proves().is_some_and(|names| names.has(next_hop)),
    }
}

#[cfg(test)]
mod tests {
    use postern_model::observation::Acceptor;

    use super::super::story::{B, Found, MX1, OUT, Story, setup};
    use super::*;

    fn judged(level: Level, story: Story) -> Found {
        story.judged_by(NeverDowngrade::new(setup(level)))
    }

    #[test]
    fn content_inside_tls_meets_a_requirement_of_encryption() {
        let story = Story::new()
            .mail_is_tried()
            .dials(MX1)
            .goes_secure(&[])
            .transaction(true);
        assert_eq!(judged(Level::Encrypt, story), Found::Holds);
    }

    #[test]
    fn a_recipient_in_clear_does_not_meet_a_requirement() {
        for level in [Level::Encrypt, Level::Secure] {
            let story = Story::new()
                .mail_is_tried()
                .dials(MX1)
                .ehlo(false)
                .mail(false, 250)
                .rcpt(false, 250);
            assert_eq!(judged(level, story), Found::Violated("SEED-12"));
        }
    }

    #[test]
    fn content_in_clear_to_an_attacker_is_a_downgrade_of_the_client() {
        let story = Story::new()
            .mail_is_tried()
            .dials_and_reaches(MX1, Acceptor::Attacker)
            .ehlo(false)
            .transaction(false);
        assert_eq!(judged(Level::Encrypt, story), Found::Violated("SEED-12"));
    }

    #[test]
    fn what_an_attacker_says_in_the_clients_name_is_not_the_clients_doing() {
        let story = Story::new()
            .mail_is_tried()
            .attacker_dials(MX1)
            .ehlo(false)
            .transaction(false);
        assert_eq!(judged(Level::Encrypt, story), Found::NotExercised);
    }

    #[test]
    fn without_a_requirement_there_is_nothing_to_downgrade() {
        let story = Story::new().mail_is_tried().dials(MX1).ehlo(false).transaction(false);
        assert_eq!(judged(Level::May, story), Found::NotExercised);
    }

    #[test]
    fn a_session_without_tls_that_is_left_unused_exercises_the_property() {
        let story = Story::new().mail_is_tried().dials(MX1).ehlo(false).closes();
        assert_eq!(judged(Level::Encrypt, story), Found::Holds);
    }

    #[test]
    fn each_address_of_a_host_must_meet_the_requirement_by_itself() {
        let first = || Story::new().mail_is_tried().has_addresses(MX1, 2);
        let left = || first().dials_at(MX1, 0).ehlo(false).closes();
        let secure = |story: Story, address| story.dials_at(MX1, address).goes_secure(&[]).transaction(true).closes();
        assert_eq!(judged(Level::Encrypt, secure(left(), 1)), Found::Holds);
        let second_in_clear = left().dials_at(MX1, 1).ehlo(false).transaction(false);
        assert_eq!(judged(Level::Encrypt, second_in_clear), Found::Violated("SEED-12"));
        let not_by_the_first = secure(first(), 0).mail_is_tried().dials_at(MX1, 1);
        let downgraded = not_by_the_first.ehlo(false).transaction(false);
        assert_eq!(judged(Level::Encrypt, downgraded), Found::Violated("SEED-12"));
    }

    #[test]
    fn the_certificate_must_prove_the_next_hop() {
        let own_name = setup(Level::Secure).own_name(MX1).expect("a name");
        let with = |names: &[DomainId]| {
            Story::new()
                .mail_is_tried()
                .dials(MX1)
                .goes_secure(names)
                .transaction(true)
        };
        assert_eq!(judged(Level::Secure, with(&[B])), Found::Holds);
        assert_eq!(judged(Level::Secure, with(&[])), Found::Violated("R3207-4.1-d"));
        assert_eq!(judged(Level::Secure, with(&[own_name])), Found::Violated("R3207-4.1-d"));
    }

    #[test]
    fn a_policy_that_is_raised_while_a_connection_is_open_binds_the_next_one() {
        let raised = Story::new()
            .mail_is_tried()
            .dials(MX1)
            .ehlo(false)
            .policy(Level::Encrypt)
            .transaction(false);
        assert_eq!(judged(Level::May, raised.clone()), Found::NotExercised);
        let next = raised.closes().tried_again().dials(MX1).ehlo(false).transaction(false);
        assert_eq!(judged(Level::May, next), Found::Violated("SEED-12"));
    }

    #[test]
    fn the_sentence_names_who_did_what() {
        let mut monitor = NeverDowngrade::new(setup(Level::Encrypt));
        let connection = ConnectionId(1);
        let dialled = Observation::Dialled {
            connection,
            from: OUT,
            to: MX1,
            address: 0,
        };
        assert_eq!(monitor.observe(Duration::ZERO, &dialled), Ok(()));
        let rcpt = Observation::Command {
            connection,
            phase: Some(Phase::Rcpt),
            domain: Some(B),
            tls: false,
        };
        let violation = monitor.observe(Duration::ZERO, &rcpt).expect_err("a downgrade");
        assert_eq!(
            violation.why,
            "out.a.example sent RCPT for b.example to mx1.b.example in clear although its policy for b.example is encrypt"
        );
    }
}
