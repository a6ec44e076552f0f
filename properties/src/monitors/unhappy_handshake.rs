//! P47: a server for which the handshake did not achieve enough answers 554 to all but QUIT.

use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{Code, ConnectionId, Observation};
use postern_model::scenario::{Phase, Trouble};

use super::sessions::Sessions;
use super::standing::Standings;
use super::violation;
use crate::setup::Setup;

/// Judges servers that are configured to be unhappy with what every handshake achieves (C-SRV-7), on connections that they
/// accepted themselves and for as long as that does not change.
///
/// RFC 3207 §4.1 lets any server be so; the thread (SEED-05) lets no listed one. This property is about the RFC's freedom and
/// how it is used: at once (R3207-4.1-a) and by 554 (R3207-4.1-c). What it costs mail is for the relations to say.
///
/// Exercised by an answer of such a server inside TLS.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UnhappyHandshake {
    setup: Setup,
    standings: Standings,
    /// Whether the server was unhappy since the handshake.
    sessions: Sessions<bool>,
    exercised: bool,
}

impl UnhappyHandshake {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            standings: Standings::at_start(&setup),
            setup,
            sessions: Sessions::default(),
            exercised: false,
        }
    }
}

impl Monitor for UnhappyHandshake {
    fn observe(&mut self, _: Duration, observation: &Observation) -> Result<(), Violation> {
        self.standings.observe(observation);
        self.sessions.observe(observation);
        match *observation {
            Observation::Secured { connection, .. } => {
                if let Some(session) = self.sessions.get_mut(connection) {
                    let trouble = self.standings.of(session.server).trouble;
                    session.notes = session.is_servers_own() && trouble == Trouble::UnhappyWithTls;
                }
            }
            Observation::Trouble { host, .. } => {
                for session in self.sessions.iter_mut().filter(|session| session.server == host) {
                    session.notes = false;
                }
            }
            Observation::Replied {
                connection,
                phase,
                code,
                ..
            } if phase != Some(Phase::Quit) && code != 421 => return self.replied(connection, code),
            _ => {}
        }
        Ok(())
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl UnhappyHandshake {
    fn replied(&mut self, connection: ConnectionId, code: Code) -> Result<(), Violation> {
        let session = self.sessions.get(connection);
        let Some(session) = session.filter(|session| session.is_secured() && session.notes) else {
            return Ok(());
        };
        self.exercised = true;
        let rule = match code {
            554 => return Ok(()),
            ..400 => "R3207-4.1-a",
            _ => "R3207-4.1-c",
        };
        let server = self.setup.host_name(session.server);
        let why = format!("{server} was unhappy with the handshake, and answered a command behind it with {code}");
        Err(violation(rule, why))
    }
}

#[cfg(test)]
mod tests {
    use postern_model::scenario::Level;

    use super::super::story::{Found, MX1, Story, scenario};
    use super::*;

    fn judged(trouble: Trouble, story: Story) -> Found {
        let mut scenario = scenario(Level::May);
        scenario.host[1].trouble = trouble;
        story.judged_by(UnhappyHandshake::new(Setup::of(&scenario)))
    }

    fn answers(code: Code) -> Story {
        let story = Story::new().dials(MX1).goes_secure(&[]);
        story.command(Phase::Ehlo, true).reply(Phase::Ehlo, code)
    }

    #[test]
    fn all_but_quit_is_answered_554() {
        let story = answers(554).command(Phase::Quit, true).reply(Phase::Quit, 221);
        assert_eq!(judged(Trouble::UnhappyWithTls, story), Found::Holds);
    }

    #[test]
    fn a_decision_that_comes_late_or_by_another_code_is_a_violation() {
        let late = answers(250);
        assert_eq!(judged(Trouble::UnhappyWithTls, late), Found::Violated("R3207-4.1-a"));
        for code in [454, 550] {
            assert_eq!(
                judged(Trouble::UnhappyWithTls, answers(code)),
                Found::Violated("R3207-4.1-c")
            );
        }
    }

    #[test]
    fn a_happy_server_goes_on() {
        assert_eq!(judged(Trouble::None, answers(250)), Found::NotExercised);
        let healed = Observation::Trouble {
            host: MX1,
            trouble: Trouble::None,
        };
        let story = Story::new().dials(MX1).goes_secure(&[]).sees(healed);
        let story = story.command(Phase::Ehlo, true).reply(Phase::Ehlo, 250);
        assert_eq!(judged(Trouble::UnhappyWithTls, story), Found::NotExercised);
    }
}
