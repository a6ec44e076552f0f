//! How soon a server answers the end of data, for P33.

use std::time::Duration;

use postern_model::monitor::Violation;
use postern_model::observation::{ConnectionId, HostId, Observation};
use postern_model::scenario::{AfterFailure, Phase};

use super::sessions::Sessions;
use super::violation;
use crate::setup::Setup;

/// How late the answer may be. RFC 5321 §6.1 names no figure, but “minimize”. A client waits ten minutes (§4.5.3.2.6), and
/// some wait less than they should; who delivers or passes the message on first takes longer than a minute as soon as the
/// next host is slow, and who only stores it takes none.
const ANSWER_MOST: Duration = Duration::from_secs(60);

/// Judges servers on connections that they accepted themselves (R5321-6.1-b): the reply to the end of data comes within a
/// minute of the final dot, or of the reply before it, where commands were pipelined in front of it. On such a connection
/// nobody holds up what the server says: an attacker on the path accepts the client's connection himself, dials another, and
/// reads at once what comes on it, whatever he then makes of it.
///
/// A host that was configured to be slow is not judged (C-SRV-5), nor one that crashed meanwhile, or whose client did.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Promptness {
    setup: Setup,
    /// How long the end of data has waited for its reply, up to longer than it may.
    sessions: Sessions<Option<Duration>>,
}

impl Promptness {
    pub(super) fn new(setup: Setup) -> Self {
        Self {
            setup,
            sessions: Sessions::default(),
        }
    }

    pub(super) fn observe(&mut self, after: Duration, observation: &Observation) -> Result<(), Violation> {
        for session in self.sessions.iter_mut() {
            if let Some(waited) = &mut session.notes {
                *waited = (*waited + after).min(ANSWER_MOST * 2);
            }
        }
        let verdict = match *observation {
            Observation::Replied {
                connection,
                phase: Some(Phase::EndOfData),
                ..
            } => self.judge(connection),
            // The attacker may have closed for reasons of his own.
            Observation::HungUp { connection } if self.is_clients_own(connection) => self.judge(connection),
            _ => Ok(()),
        };
        self.sessions.observe(observation);
        self.note(observation);
        verdict
    }

    fn judge(&self, connection: ConnectionId) -> Result<(), Violation> {
        let Some(session) = self.sessions.get(connection) else {
            return Ok(());
        };
        if session.notes.is_none_or(|waited| waited <= ANSWER_MOST) {
            return Ok(());
        }
        let why = format!(
            "{} had not answered the end of data after {} s, which makes clients give up and send it again",
            self.setup.host_name(session.server),
            ANSWER_MOST.as_secs()
        );
        Err(violation("R5321-6.1-b", why))
    }

    fn note(&mut self, observation: &Observation) {
        match *observation {
            Observation::Content { connection, .. } | Observation::StrangeContent { connection } => {
                if let Some(session) = self.sessions.get_mut(connection)
                    && session.is_servers_own()
                    && self.setup.handshake(session.server).after_failure != AfterFailure::Delays
                {
                    session.notes = Some(Duration::ZERO);
                }
            }
            Observation::Replied { connection, phase, .. } => {
                if let Some(session) = self.sessions.get_mut(connection) {
                    let is_answered = phase == Some(Phase::EndOfData);
                    session.notes = session.notes.filter(|_| !is_answered).map(|_| Duration::ZERO);
                }
            }
            Observation::Running { host, up: false } => self.crashed(host),
            _ => {}
        }
    }

    fn crashed(&mut self, host: HostId) {
        for session in self.sessions.iter_mut() {
            if [session.client, session.server].contains(&host) {
                session.notes = None;
            }
        }
    }

    fn is_clients_own(&self, connection: ConnectionId) -> bool {
        let session = self.sessions.get(connection);
        session.is_some_and(|session| session.is_clients_own())
    }
}

#[cfg(test)]
mod tests {
    use postern_model::observation::Acceptor;
    use postern_model::scenario::Level;

    use super::super::FramingAgreement;
    use super::super::story::{Found, MINUTE, MX1, OUT, SECOND, Story, scenario, setup};
    use super::*;

    const LATE: Found = Found::Violated("R5321-6.1-b");

    fn judged(story: Story) -> Found {
        story.judged_by(FramingAgreement::new(setup(Level::May)))
    }

    /// The content was sent, and is stored.
    fn sends(story: Story) -> Story {
        story.ehlo(false).transaction(false).delivered(MX1)
    }

    fn waits(time: Duration) -> Story {
        sends(Story::new().mail_is_tried().dials(MX1)).after(time)
    }

    fn hangs_up(story: Story) -> Story {
        let connection = story.connection();
        story.sees(Observation::HungUp { connection }).closes()
    }

    #[test]
    fn a_minute_is_the_most_that_the_reply_may_take() {
        assert_eq!(judged(waits(MINUTE).reply(Phase::EndOfData, 250)), Found::Holds);
        assert_eq!(judged(waits(MINUTE + SECOND).reply(Phase::EndOfData, 250)), LATE);
        assert_eq!(judged(waits(MINUTE + SECOND).reply(Phase::EndOfData, 451)), LATE);
    }

    #[test]
    fn a_client_that_gave_up_waiting_accuses_the_server_and_an_attacker_who_did_does_not() {
        assert_eq!(judged(hangs_up(waits(MINUTE))), Found::NotExercised);
        assert_eq!(judged(hangs_up(waits(10 * MINUTE))), LATE);
        let attacker = sends(Story::new().mail_is_tried().attacker_dials(MX1)).after(10 * MINUTE);
        assert_eq!(judged(hangs_up(attacker.clone())), Found::NotExercised);
        assert_eq!(judged(attacker.reply(Phase::EndOfData, 250)), LATE);
    }

    #[test]
    fn who_accepted_in_the_servers_place_shows_nothing_of_the_server() {
        let intercepted = Story::new().mail_is_tried().dials_and_reaches(MX1, Acceptor::Attacker);
        let held = sends(intercepted).after(9 * MINUTE);
        assert_eq!(judged(held.reply(Phase::EndOfData, 250)), Found::NotExercised);
    }

    #[test]
    fn a_crash_at_either_end_explains_the_delay() {
        for host in [OUT, MX1] {
            let crashed = waits(MINUTE).crashes(host).after(MINUTE);
            assert_eq!(judged(hangs_up(crashed)), Found::NotExercised);
        }
    }

    #[test]
    fn a_tarpit_is_slow_on_purpose() {
        let mut tarpit = scenario(Level::May);
        tarpit.host[1].handshake.after_failure = AfterFailure::Delays;
        let late = waits(2 * MINUTE).reply(Phase::EndOfData, 250);
        assert_eq!(late.judged_by(FramingAgreement::new(Setup::of(&tarpit))), Found::Holds);
    }
}
