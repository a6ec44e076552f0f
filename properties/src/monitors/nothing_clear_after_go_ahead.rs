//! P29: the client keeps to the order of RFC 3207: nothing behind STARTTLS, nothing in clear after its 220.

use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{ConnectionId, Observation};
use postern_model::scenario::Phase;

use super::dialogue::Dialogue;
use super::server_patience::ServerPatience;
use super::sessions::{Progress, Sessions};
use super::violation;
use crate::setup::Setup;

/// Judges what a client says on a connection of its own between the 220 and the end of the handshake.
///
/// Beside it, `Dialogue` judges how the client waits, begins and leaves, and `ServerPatience` how the server waits.
/// Exercised by a 220, and where a server lost its patience. What is no command, such as a handshake that nobody took up, is none of its business.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NothingClearAfterGoAhead {
    setup: Setup,
    sessions: Sessions<()>,
    dialogue: Dialogue,
    server_patience: ServerPatience,
    exercised: bool,
}

impl NothingClearAfterGoAhead {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            dialogue: Dialogue::new(setup.clone()),
            server_patience: ServerPatience::new(setup.clone()),
            setup,
            sessions: Sessions::default(),
            exercised: false,
        }
    }

    fn had_go_ahead(&self, connection: ConnectionId) -> bool {
        let session = self.sessions.get(connection);
        session.is_some_and(|session| session.is_clients_own() && session.progress == Progress::GoAhead)
    }
}

impl Monitor for NothingClearAfterGoAhead {
    fn observe(&mut self, after: Duration, observation: &Observation) -> Result<(), Violation> {
        let said = match *observation {
            Observation::Command {
                connection,
                phase: Some(phase),
                tls: false,
                ..
            } => Some((connection, phase)),
            Observation::Content {
                connection, tls: false, ..
            } => Some((connection, Phase::EndOfData)),
            _ => None,
        };
        if let Some((connection, phase)) = said
            && self.had_go_ahead(connection)
            && let Some(session) = self.sessions.get(connection)
        {
            let (rule, what) = match phase {
                Phase::Ehlo => ("R3207-4-g", "EHLO"),
                Phase::Mail => ("R3207-4-g", "MAIL"),
                Phase::Rcpt => ("R3207-4-g", "RCPT"),
                Phase::Data => ("R3207-4-g", "DATA"),
                Phase::EndOfData => ("R3207-4-g", "content"),
                Phase::Starttls => ("R3207-4-f", "STARTTLS again"),
                Phase::Quit | Phase::Lookup | Phase::Connect | Phase::Store | Phase::Acknowledge => {
                    ("R3207-4-f", "a command")
                }
            };
            let why = format!(
                "{} sent {what} in clear to {} after its 220 reply to STARTTLS",
                self.setup.host_name(session.client),
                self.setup.host_name(session.server),
            );
            return Err(violation(rule, why));
        }
        self.dialogue.observe(after, observation)?;
        self.server_patience.observe(after, observation)?;
        self.sessions.observe(observation);
        if let Observation::Replied {
            connection,
            phase: Some(Phase::Starttls),
            code: 220,
            ..
        } = *observation
        {
            self.exercised |= self.had_go_ahead(connection);
        }
        Ok(())
    }

    fn exercised(&self) -> bool {
        self.exercised || self.server_patience.is_exercised()
    }
}

#[cfg(test)]
mod tests {
    use postern_model::scenario::Level;

    use super::super::story::{Found, MX1, Story, setup};
    use super::*;

    fn judged(story: Story) -> Found {
        story.judged_by(NothingClearAfterGoAhead::new(setup(Level::May)))
    }

    #[test]
    fn after_the_go_ahead_the_client_shakes_hands() {
        let story = Story::new().dials(MX1).goes_secure(&[]).ehlo(false).transaction(true);
        assert_eq!(judged(story), Found::Holds);
    }

    #[test]
    fn after_the_go_ahead_the_client_may_give_up() {
        assert_eq!(
            judged(Story::new().dials(MX1).ehlo(true).starttls(220).closes()),
            Found::Holds
        );
    }

    #[test]
    fn going_on_in_clear_after_the_go_ahead_is_a_violation() {
        let go_ahead = Story::new().dials(MX1).ehlo(true).starttls(220);
        assert_eq!(judged(go_ahead.clone().mail(false, 250)), Found::Violated("R3207-4-g"));
        assert_eq!(judged(go_ahead.clone().content(false)), Found::Violated("R3207-4-g"));
        assert_eq!(
            judged(go_ahead.command(Phase::Quit, false)),
            Found::Violated("R3207-4-f")
        );
    }

    #[test]
    fn going_on_in_clear_after_a_refusal_is_none() {
        let story = Story::new().dials(MX1).ehlo(true).starttls(454).mail(false, 250);
        assert_eq!(judged(story), Found::NotExercised);
    }

    #[test]
    fn what_is_no_command_is_not_judged() {
        let story = Story::new().dials(MX1).ehlo(true).starttls(220);
        let connection = story.connection();
        let garbage = Observation::Command {
            connection,
            phase: None,
            domain: None,
            tls: false,
        };
        assert_eq!(judged(story.sees(garbage)), Found::Holds);
    }

    #[test]
    fn an_attacker_may_say_what_it_likes() {
        let story = Story::new()
            .attacker_dials(MX1)
            .ehlo(true)
            .starttls(220)
            .mail(false, 250);
        assert_eq!(judged(story), Found::NotExercised);
    }
}
