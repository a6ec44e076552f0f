//! How long a server waits for its client, for P29.

use std::time::Duration;

use postern_model::monitor::Violation;
use postern_model::observation::{ConnectionId, Observation};
use postern_model::scenario::Phase;

use super::sessions::{Progress, Sessions};
use super::violation;
use crate::setup::Setup;

/// How long a server waits at least for the next command (RFC 5321 §4.5.3.2.7).
const PATIENCE: Duration = Duration::from_secs(300);

/// Who closes sooner than this after the client's last word answers that word. Whether it may is not a matter of patience.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Judges servers on connections that they accepted themselves (R5321-4.5.3.2-a): a server that has answered everything
/// says 421 unasked, or hangs up, only when its client has been silent for five minutes. The silence is counted from the
/// client's last word and not from the answer to it, so that no answer on its way is held against the server.
///
/// A server is not judged that has taken leave by 221 or 421, that has crashed, or whose handshake came to nothing.
///
/// Exercised by a server that lost its patience, in time or not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ServerPatience {
    setup: Setup,
    sessions: Sessions<Silence>,
    exercised: bool,
}

/// What is noted about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Silence {
    /// How much of what the client did is not answered; the connection itself is answered by the greeting.
    unanswered: u8,
    /// How long the client has been silent, up to as long as it may.
    lasted: Duration,
    is_taking_leave: bool,
}

impl Default for Silence {
    fn default() -> Self {
        Self {
            unanswered: 1,
            lasted: Duration::ZERO,
            is_taking_leave: false,
        }
    }
}

impl ServerPatience {
    pub(super) fn new(setup: Setup) -> Self {
        Self {
            setup,
            sessions: Sessions::default(),
            exercised: false,
        }
    }

    pub(super) fn is_exercised(&self) -> bool {
        self.exercised
    }

    pub(super) fn observe(&mut self, after: Duration, observation: &Observation) -> Result<(), Violation> {
        for session in self.sessions.iter_mut() {
            session.notes.lasted = (session.notes.lasted + after).min(PATIENCE);
        }
        let verdict = match *observation {
            Observation::Replied {
                connection, code: 421, ..
            } => self.leaves(connection, "said 421 unasked to"),
            Observation::ServerHungUp { connection } => self.leaves(connection, "hung up on"),
            _ => Ok(()),
        };
        self.sessions.observe(observation);
        self.note(observation);
        verdict
    }

    fn leaves(&mut self, connection: ConnectionId, how: &str) -> Result<(), Violation> {
        let session = self.sessions.get(connection);
        let Some(session) = session.filter(|session| session.is_servers_own()) else {
            return Ok(());
        };
        let silence = session.notes;
        let is_busy = silence.unanswered > 0 || silence.lasted < AT_ONCE;
        if is_busy || silence.is_taking_leave || session.progress == Progress::GoAhead {
            return Ok(());
        }
        self.exercised = true;
        if silence.lasted == PATIENCE {
            return Ok(());
        }
        let why = format!(
            "{} {how} a client that had been silent for {} s, which deserves {} s",
            self.setup.host_name(session.server),
            silence.lasted.as_secs(),
            PATIENCE.as_secs()
        );
        Err(violation("R5321-4.5.3.2-a", why))
    }

    fn note(&mut self, observation: &Observation) {
        match *observation {
            Observation::Command { connection, .. }
            | Observation::Content { connection, .. }
            | Observation::StrangeContent { connection } => self.with(connection, |silence| {
                silence.unanswered = silence.unanswered.saturating_add(1);
                silence.lasted = Duration::ZERO;
            }),
            Observation::Replied {
                connection,
                phase,
                code,
                ..
            } => self.with(connection, |silence| {
                silence.unanswered = silence.unanswered.saturating_sub(1);
                silence.is_taking_leave |= phase == Some(Phase::Quit) || matches!(code, 221 | 421);
            }),
            Observation::Secured { connection, .. } => self.with(connection, |silence| {
                *silence = Silence {
                    unanswered: 0,
                    ..Silence::default()
                };
            }),
            Observation::Running { host, up: false } => {
                for session in self.sessions.iter_mut().filter(|session| session.server == host) {
                    session.notes.is_taking_leave = true;
                }
            }
            _ => {}
        }
    }

    fn with(&mut self, connection: ConnectionId, note: impl FnOnce(&mut Silence)) {
        if let Some(session) = self.sessions.get_mut(connection) {
            note(&mut session.notes);
        }
    }
}

#[cfg(test)]
mod tests {
    use postern_model::scenario::Level;

    use super::super::NothingClearAfterGoAhead;
    use super::super::story::{Found, MINUTE, MX1, SECOND, Story, setup};
    use super::*;

    fn judged(story: Story) -> Found {
        story.judged_by(NothingClearAfterGoAhead::new(setup(Level::May)))
    }

    fn says_421(story: Story) -> Story {
        let connection = story.connection();
        story.sees(Observation::Replied {
            connection,
            phase: None,
            code: 421,
            offers_starttls: false,
            recipient: None,
        })
    }

    fn hangs_up(story: Story) -> Story {
        let connection = story.connection();
        story.sees(Observation::ServerHungUp { connection }).closes()
    }

    fn greeted() -> Story {
        Story::new().attacker_dials(MX1).ehlo(true)
    }

    #[test]
    fn after_five_minutes_of_silence_a_server_may_go() {
        assert_eq!(judged(hangs_up(greeted().after(5 * MINUTE))), Found::Holds);
        assert_eq!(judged(hangs_up(says_421(greeted().after(5 * MINUTE)))), Found::Holds);
    }

    #[test]
    fn sooner_it_may_not_whether_it_says_so_or_not() {
        let silent = || greeted().after(5 * MINUTE - SECOND);
        assert_eq!(judged(hangs_up(silent())), Found::Violated("R5321-4.5.3.2-a"));
        assert_eq!(judged(says_421(silent())), Found::Violated("R5321-4.5.3.2-a"));
    }

    #[test]
    fn every_word_of_the_client_begins_the_silence_anew() {
        let story = greeted().after(4 * MINUTE).mail(false, 250).after(4 * MINUTE);
        assert_eq!(judged(says_421(story)), Found::Violated("R5321-4.5.3.2-a"));
    }

    #[test]
    fn a_server_that_took_leave_or_crashed_may_hang_up() {
        let quit = greeted().command(Phase::Quit, false).reply(Phase::Quit, 221);
        assert_eq!(judged(hangs_up(quit.after(MINUTE))), Found::NotExercised);
        assert_eq!(
            judged(hangs_up(greeted().after(MINUTE).crashes(MX1))),
            Found::NotExercised
        );
    }

    #[test]
    fn what_the_server_answers_by_closing_is_another_rules_business() {
        let asked = greeted().after(MINUTE).command(Phase::Mail, false);
        assert_eq!(judged(hangs_up(asked.after(MINUTE))), Found::NotExercised);
        assert_eq!(judged(hangs_up(greeted().mail(false, 530))), Found::NotExercised);
        let broken = greeted().starttls(220).after(MINUTE);
        assert_eq!(judged(hangs_up(broken)), Found::NotExercised);
    }
}
