//! P46: inside TLS a server acts on nothing that it was told before.

use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{Code, ConnectionId, Observation};
use postern_model::scenario::Phase;

use super::sessions::Sessions;
use super::violation;
use crate::setup::Setup;

/// Judges servers inside TLS, on connections that they accepted themselves: MAIL is taken only after an EHLO inside TLS
/// (R3207-6-e), RCPT and DATA only in a transaction that began inside TLS (R3207-4.2-a, C-INJ-4). A server that never asks
/// for EHLO would be taken for one that remembers it; ours asks, as RFC 5321 §4.1.4 has it.
///
/// Exercised when a client put it to the test: by MAIL before EHLO, or by RCPT or DATA outside a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ForgetsAtHandshake {
    setup: Setup,
    sessions: Sessions<Told>,
    exercised: bool,
}

/// What the client said inside TLS, as far as the server took it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Told {
    ehlo: bool,
    mail: bool,
    recipient: bool,
}

impl ForgetsAtHandshake {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            setup,
            sessions: Sessions::default(),
            exercised: false,
        }
    }
}

impl Monitor for ForgetsAtHandshake {
    fn observe(&mut self, _: Duration, observation: &Observation) -> Result<(), Violation> {
        self.sessions.observe(observation);
        match *observation {
            Observation::Replied {
                connection,
                phase: Some(phase),
                code,
                ..
            } => self.replied(connection, phase, code),
            _ => Ok(()),
        }
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl ForgetsAtHandshake {
    fn replied(&mut self, connection: ConnectionId, phase: Phase, code: Code) -> Result<(), Violation> {
        let session = self.sessions.get_mut(connection);
        let Some(session) = session.filter(|session| session.is_secured() && session.is_servers_own()) else {
            return Ok(());
        };
        let told = &mut session.notes;
        let is_taken = matches!(code, 200..400);
        let (is_due, rule, what) = match phase {
            Phase::Mail => (told.ehlo, "R3207-6-e", "MAIL before any EHLO"),
            Phase::Rcpt => (told.mail, "R3207-4.2-a", "RCPT before any MAIL"),
            Phase::Data => (told.recipient, "R3207-4.2-a", "DATA before any RCPT"),
            Phase::Ehlo if is_taken => {
                *told = Told {
                    ehlo: true,
                    ..Told::default()
                };
                return Ok(());
            }
            Phase::EndOfData => {
                (told.mail, told.recipient) = (false, false);
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.exercised |= !is_due;
        if is_taken && !is_due {
            let server = self.setup.host_name(session.server);
            let why = format!("{server} took {what} inside TLS");
            return Err(violation(rule, why));
        }
        told.mail |= is_taken && phase == Phase::Mail;
        told.recipient |= is_taken && phase == Phase::Rcpt;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use postern_model::scenario::Level;

    use super::super::story::{Found, MX1, Story, setup};
    use super::*;

    fn judged(story: Story) -> Found {
        story.judged_by(ForgetsAtHandshake::new(setup(Level::May)))
    }

    fn secured() -> Story {
        Story::new()
            .dials(MX1)
            .ehlo(true)
            .mail(false, 250)
            .rcpt(false, 250)
            .goes_secure(&[])
    }

    fn ehlo(story: Story) -> Story {
        story.command(Phase::Ehlo, true).reply(Phase::Ehlo, 250)
    }

    #[test]
    fn a_session_that_begins_anew_puts_nothing_to_the_test() {
        assert_eq!(judged(ehlo(secured()).transaction(true)), Found::NotExercised);
    }

    #[test]
    fn a_server_that_forgot_asks_for_everything_again() {
        let story = secured().mail(true, 503).rcpt(true, 503);
        let story = story.command(Phase::Data, true).reply(Phase::Data, 503);
        assert_eq!(judged(ehlo(story).transaction(true)), Found::Holds);
    }

    #[test]
    fn the_name_before_tls_does_not_count() {
        assert_eq!(judged(secured().mail(true, 250)), Found::Violated("R3207-6-e"));
    }

    #[test]
    fn the_envelope_before_tls_does_not_count() {
        let data = secured().command(Phase::Data, true).reply(Phase::Data, 354);
        assert_eq!(judged(data), Found::Violated("R3207-4.2-a"));
        assert_eq!(judged(ehlo(secured()).rcpt(true, 250)), Found::Violated("R3207-4.2-a"));
    }

    #[test]
    fn one_transaction_is_over_at_its_end() {
        let story = ehlo(secured()).transaction(true).reply(Phase::EndOfData, 250);
        assert_eq!(judged(story.rcpt(true, 250)), Found::Violated("R3207-4.2-a"));
    }
}
