//! P45: a server that wants TLS first says 530 to all that is not on the way there, and after 530 the session goes on.

use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{Code, ConnectionId, HostId, Observation, Verb};
use postern_model::scenario::{Phase, Trouble};

use super::sessions::{Session, Sessions};
use super::violation;
use crate::setup::Setup;

/// Judges servers on connections that they accepted themselves, in clear.
///
/// - One that wants TLS before every command says 530 to all but NOOP, EHLO, STARTTLS and QUIT, and not to those (R3207-4-e).
///   A line that is no command at all, and 421, are not judged.
/// - One that requires TLS of the very client takes no MAIL, RCPT or DATA from it (R3207-6-a). That is an agreement between
///   the two, so it may be a public server too. It knows the client by its address, so what came by way of an attacker, who
///   has another, is not judged.
/// - Whoever said 530, at whatever command, does not hang up behind it, and honours STARTTLS: 220, or 454 if TLS cannot be
///   had now (SEED-04).
///
/// Exercised when a server that wants TLS first, or of this client, answered in clear, or STARTTLS after a 530 was answered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TlsFirst {
    setup: Setup,
    sessions: Sessions<Notes>,
    exercised: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Notes {
    /// The verb of the last command, where its phase does not tell.
    verb: Option<Verb>,
    /// The last reply was 530.
    was_530: bool,
    /// Some reply was 530.
    ever_530: bool,
    /// QUIT arrived: the server may close, whether or not its 221 is read.
    took_leave: bool,
}

impl TlsFirst {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            setup,
            sessions: Sessions::default(),
            exercised: false,
        }
    }
}

impl Monitor for TlsFirst {
    fn observe(&mut self, _: Duration, observation: &Observation) -> Result<(), Violation> {
        self.sessions.observe(observation);
        match *observation {
            Observation::Verb { connection, verb } => {
                if let Some(session) = self.sessions.get_mut(connection) {
                    session.notes.verb = Some(verb);
                }
            }
            Observation::Command {
                connection,
                phase: Some(phase),
                ..
            } => {
                if let Some(session) = self.sessions.get_mut(connection) {
                    session.notes.took_leave |= phase == Phase::Quit;
                    if phase != Phase::Ehlo {
                        session.notes.verb = None;
                    }
                }
            }
            // Whoever crashes does not hang up.
            Observation::Running { host, up: false } => {
                for session in self.sessions.iter_mut().filter(|session| session.server == host) {
                    session.notes.was_530 = false;
                }
            }
            Observation::ServerHungUp { connection } => return self.check_goes_on(connection),
            Observation::Replied {
                connection,
                phase,
                code,
                ..
            } => return self.replied(connection, phase, code),
            _ => {}
        }
        Ok(())
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl TlsFirst {
    fn replied(&mut self, connection: ConnectionId, phase: Option<Phase>, code: Code) -> Result<(), Violation> {
        let session = self.sessions.get_mut(connection);
        let Some(session) = session.filter(|session| session.is_servers_own() && !session.is_secured()) else {
            return Ok(());
        };
        let verb = session.notes.verb.take();
        let ever_530 = session.notes.ever_530;
        session.notes.was_530 = code == 530;
        session.notes.ever_530 |= code == 530;
        let (client, server) = (session.client, session.server);
        let is_clients_own = session.is_clients_own();
        if phase == Some(Phase::Starttls) && ever_530 {
            self.exercised = true;
            if !matches!(code, 220 | 421 | 454) {
                let name = self.setup.host_name(server);
                let why = format!("{name} said 530, and answered STARTTLS on the same session with {code}");
                return Err(violation("SEED-04", why));
            }
        }
        if is_clients_own {
            self.judge_agreement(client, server, phase, code)?;
        }
        let is_sound = !self.setup.may_be_in(server, Trouble::DemandsTlsOfAll);
        if !self.setup.demands_tls_first(server) || !is_sound || code == 421 {
            return Ok(());
        }
        let is_refused = match (phase, verb) {
            (Some(Phase::Ehlo), Some(Verb::Helo)) | (None, Some(Verb::Other)) => true,
            (Some(Phase::Mail | Phase::Rcpt | Phase::Data | Phase::EndOfData), _) => true,
            (Some(Phase::Ehlo | Phase::Starttls | Phase::Quit), _) | (None, Some(Verb::Noop)) => false,
            _ => return Ok(()),
        };
        self.exercised = true;
        if is_refused == (code == 530) {
            return Ok(());
        }
        let why = format!(
            "{}, which wants TLS first, answered {} in clear with {code}",
            self.setup.host_name(server),
            what(phase, verb),
        );
        Err(violation("R3207-4-e", why))
    }

    /// A server that requires TLS of this client takes no message from it in clear; with which code it refuses is its affair.
    fn judge_agreement(
        &mut self,
        client: HostId,
        server: HostId,
        phase: Option<Phase>,
        code: Code,
    ) -> Result<(), Violation> {
        let (Some(Phase::Mail | Phase::Rcpt | Phase::Data | Phase::EndOfData), true) =
            (phase, self.setup.requires_tls_of(server, client))
        else {
            return Ok(());
        };
        self.exercised = true;
        if code >= 400 {
            return Ok(());
        }
        let why = format!(
            "{}, which requires TLS of {}, answered {} in clear with {code}",
            self.setup.host_name(server),
            self.setup.host_name(client),
            what(phase, None),
        );
        Err(violation("R3207-6-a", why))
    }

    fn check_goes_on(&self, connection: ConnectionId) -> Result<(), Violation> {
        let hangs_up = |session: &&Session<Notes>| {
            let Notes {
                was_530, took_leave, ..
            } = session.notes;
            session.is_servers_own() && was_530 && !took_leave
        };
        match self.sessions.get(connection).filter(hangs_up) {
            Some(session) => {
                let server = self.setup.host_name(session.server);
                Err(violation("SEED-04", format!("{server} said 530 and hung up")))
            }
            None => Ok(()),
        }
    }
}

fn what(phase: Option<Phase>, verb: Option<Verb>) -> &'static str {
    match (phase, verb) {
        (Some(Phase::Ehlo), Some(Verb::Helo)) => "HELO",
        (Some(Phase::Ehlo), _) => "EHLO",
        (Some(Phase::Mail), _) => "MAIL",
        (Some(Phase::Rcpt), _) => "RCPT",
        (Some(Phase::Data | Phase::EndOfData), _) => "DATA",
        (Some(Phase::Starttls), _) => "STARTTLS",
        (Some(Phase::Quit), _) => "QUIT",
        (None, Some(Verb::Noop)) => "NOOP",
        _ => "another command",
    }
}

#[cfg(test)]
mod tests {
    use postern_model::scenario::{DemandStage, Level, Scenario};

    use super::super::story::{Found, MX1, Story, scenario};
    use super::*;

    fn demanding() -> Scenario {
        let mut scenario = scenario(Level::May);
        scenario.host[1].demands_tls = true;
        scenario.host[1].demand_stage = DemandStage::EveryCommand;
        scenario
    }

    fn judged(scenario: &Scenario, story: Story) -> Found {
        story.judged_by(TlsFirst::new(Setup::of(scenario)))
    }

    fn says(story: Story, verb: Verb, phase: Option<Phase>, code: Code) -> Story {
        let connection = story.connection();
        story
            .sees(Observation::Verb { connection, verb })
            .sees(Observation::Command {
                connection,
                phase,
                domain: None,
                tls: false,
            })
            .sees(Observation::Replied {
                connection,
                phase,
                code,
                offers_starttls: false,
                recipient: None,
            })
    }

    fn dials() -> Story {
        Story::new().dials(MX1)
    }

    #[test]
    fn four_commands_are_open_and_the_others_say_530() {
        let story = says(dials(), Verb::Helo, Some(Phase::Ehlo), 530).ehlo(true);
        let story = story.mail(false, 530).rcpt(false, 530);
        let story = says(says(story, Verb::Noop, None, 250), Verb::Other, None, 530).starttls(220);
        assert_eq!(judged(&demanding(), story), Found::Holds);
    }

    #[test]
    fn what_passes_in_clear_or_is_closed_in_clear_is_a_violation() {
        let broken = Found::Violated("R3207-4-e");
        assert_eq!(judged(&demanding(), dials().ehlo(true).mail(false, 250)), broken);
        assert_eq!(
            judged(&demanding(), says(dials(), Verb::Helo, Some(Phase::Ehlo), 250)),
            broken
        );
        assert_eq!(judged(&demanding(), says(dials(), Verb::Other, None, 252)), broken);
        assert_eq!(judged(&demanding(), says(dials(), Verb::Noop, None, 530)), broken);
        let ehlo = dials().command(Phase::Ehlo, false).reply(Phase::Ehlo, 530);
        assert_eq!(judged(&demanding(), ehlo), broken);
    }

    #[test]
    fn another_server_may_take_what_it_likes() {
        assert_eq!(
            judged(&scenario(Level::May), dials().ehlo(true).mail(false, 250)),
            Found::NotExercised
        );
    }

    /// The world of the stories, in which mx1.b.example, a public server, requires TLS of the client alone.
    fn agreed() -> Scenario {
        let mut scenario = scenario(Level::May);
        scenario.host[1]
            .requires_tls_of
            .push("out.a.example".parse().expect("a name"));
        scenario
    }

    #[test]
    fn from_whom_tls_is_required_no_message_is_taken_in_clear() {
        let refused = dials().ehlo(true).mail(false, 530).starttls(220);
        assert_eq!(judged(&agreed(), refused), Found::Holds);
        assert_eq!(judged(&agreed(), dials().ehlo(true).mail(false, 451)), Found::Holds);
        let taken = Found::Violated("R3207-6-a");
        assert_eq!(judged(&agreed(), dials().ehlo(true).mail(false, 250)), taken);
        let without_mail = dials().ehlo(true).mail(false, 530).rcpt(false, 250);
        assert_eq!(judged(&agreed(), without_mail), taken);
        // Greetings and the like transfer no message.
        let greeted = says(dials(), Verb::Helo, Some(Phase::Ehlo), 250);
        assert_eq!(
            judged(&agreed(), says(greeted, Verb::Other, None, 252)),
            Found::NotExercised
        );
    }

    #[test]
    fn inside_tls_and_from_others_mail_is_taken_as_ever() {
        let inside = dials()
            .ehlo(true)
            .starttls(220)
            .goes_secure(&[])
            .ehlo(false)
            .mail(true, 250);
        assert_eq!(judged(&agreed(), inside), Found::NotExercised);
        let through_attacker = Story::new().attacker_dials(MX1).ehlo(true).mail(false, 250);
        assert_eq!(judged(&agreed(), through_attacker), Found::NotExercised);
        let mut of_another = scenario(Level::May);
        of_another.host[1]
            .requires_tls_of
            .push("mx2.b.example".parse().expect("a name"));
        assert_eq!(
            judged(&of_another, dials().ehlo(true).mail(false, 250)),
            Found::NotExercised
        );
    }

    #[test]
    fn after_530_the_session_goes_on_to_tls() {
        let refused = || dials().ehlo(true).mail(false, 250).rcpt(false, 530);
        assert_eq!(judged(&scenario(Level::May), refused().starttls(220)), Found::Holds);
        assert_eq!(
            judged(&scenario(Level::May), refused().starttls(503)),
            Found::Violated("SEED-04")
        );
    }

    #[test]
    fn whoever_hangs_up_behind_530_is_convicted() {
        let hangs_up = |story: Story| {
            let connection = story.connection();
            story.sees(Observation::ServerHungUp { connection })
        };
        let refused = || dials().ehlo(true).mail(false, 530);
        assert_eq!(judged(&demanding(), hangs_up(refused())), Found::Violated("SEED-04"));
        let crashes = hangs_up(refused().sees(Observation::Running { host: MX1, up: false }));
        assert_eq!(judged(&demanding(), crashes), Found::Holds);
        let took_leave = refused().command(Phase::Quit, false).reply(Phase::Quit, 221);
        assert_eq!(judged(&demanding(), hangs_up(took_leave)), Found::Holds);
        let farewell_unread = refused().command(Phase::Quit, false);
        assert_eq!(judged(&demanding(), hangs_up(farewell_unread)), Found::Holds);
        assert_eq!(
            judged(&scenario(Level::May), hangs_up(dials().ehlo(true))),
            Found::NotExercised
        );
    }
}
