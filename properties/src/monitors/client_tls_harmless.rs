//! P48: whatever hello or certificate a client sends, its mail fares no worse for it at the server.

use std::collections::BTreeSet;
use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{Code, ConnectionId, DomainId, HostId, Observation};
use postern_model::scenario::{AfterFailure, Hello, MailboxState, Phase, Reading};
use postern_model::trace::{HelloAnswer, HelloForm};

use super::sessions::Sessions;
use super::standing::Standings;
use super::violation;
use crate::setup::Setup;

/// Judges, on connections that a server accepted itself:
/// - the answer to a hello that came to nothing: an alert, not silence (SEED-08 for a standard hello, SEED-09 for others);
/// - the greeting of the next connection from a client whose handshake failed: 220 (SEED-09);
/// - a handshake that a publicly referenced server gave up for the client's certificate: never (SEED-05; R3207-4.1-e if it
///   could be verified);
/// - the answer to RCPT for a domain that lists the server, behind a certificate that is not believed: that of the mailbox
///   (SEED-05).
///
/// RFC 3207 did not take SEED-05, and whom a server believes is a local matter there (§4.1): by its reading nothing is judged
/// by that. A server that is not publicly referenced may refuse what it likes by either (§4, and the thread's point 2).
///
/// And on connections that a client dialled itself: its hello is a standard one (SEED-08). Hosts that the scenario makes
/// send another hello, or ban clients, are somebody else's software, and are not judged for that.
///
/// Exercised when one of these was put to the test.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientTlsHarmless {
    setup: Setup,
    standings: Standings,
    /// Whether the client showed a certificate that is not believed.
    sessions: Sessions<bool>,
    /// Clients and servers of which the last handshake failed, and that have not met since.
    failed: BTreeSet<(HostId, HostId)>,
    exercised: bool,
}

impl ClientTlsHarmless {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            standings: Standings::at_start(&setup),
            setup,
            sessions: Sessions::default(),
            failed: BTreeSet::new(),
            exercised: false,
        }
    }
}

impl Monitor for ClientTlsHarmless {
    fn observe(&mut self, _: Duration, observation: &Observation) -> Result<(), Violation> {
        self.standings.observe(observation);
        self.sessions.observe(observation);
        match *observation {
            Observation::ClientPresented {
                connection, believable, ..
            } => {
                if let Some(session) = self.sessions.get_mut(connection) {
                    session.notes = !believable;
                }
            }
            Observation::ClientRefused { connection, believable } => return self.refused(connection, believable),
            Observation::Hello {
                connection,
                form,
                answer,
            } => return self.hello(connection, form, answer),
            Observation::HandshakeFailed { connection } => {
                let session = self.sessions.get(connection);
                if let Some(session) = session.filter(|session| session.is_servers_own() && session.is_clients_own()) {
                    self.failed.insert((session.client, session.server));
                }
            }
            Observation::Replied {
                connection,
                phase: Some(phase),
                code,
                recipient,
                ..
            } => match (phase, recipient) {
                (Phase::Connect, _) => return self.greeted(connection, code),
                (Phase::Rcpt, Some((domain, mailbox))) => return self.answered(connection, code, domain, mailbox),
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl ClientTlsHarmless {
    fn hello(&mut self, connection: ConnectionId, form: HelloForm, answer: HelloAnswer) -> Result<(), Violation> {
        let Some(session) = self.sessions.get(connection).filter(|session| session.is_servers_own()) else {
            return Ok(());
        };
        let (client, server) = (session.client, session.server);
        let is_clients = session.is_clients_own() && self.setup.handshake(client).hello == Hello::Standard;
        if form != HelloForm::Standard && is_clients {
            let client = self.setup.host_name(client);
            let why = format!("{client} said STARTTLS and sent a hello that is not one of TLS 1.2 or later");
            return Err(violation("SEED-08", why));
        }
        self.exercised = true;
        if answer != HelloAnswer::Nothing {
            return Ok(());
        }
        let (rule, sent) = match form {
            HelloForm::Standard => ("SEED-08", "a standard hello"),
            HelloForm::Old | HelloForm::Sslv2 | HelloForm::Garbage => ("SEED-09", "a hello that it cannot use"),
        };
        let server = self.setup.host_name(server);
        Err(violation(
            rule,
            format!("{server} answered {sent} by closing, without an alert"),
        ))
    }

    fn refused(&mut self, connection: ConnectionId, believable: bool) -> Result<(), Violation> {
        let Some(session) = self.sessions.get(connection).filter(|session| session.is_servers_own()) else {
            return Ok(());
        };
        let (rule, which) = match (believable, self.setup.reading()) {
            _ if !self.standings.is_public(session.server) => return Ok(()),
            (true, _) => ("R3207-4.1-e", "that could be verified"),
            (false, Reading::Thread) => ("SEED-05", "that could not be verified"),
            (false, Reading::Rfc3207) => return Ok(()),
        };
        let server = self.setup.host_name(session.server);
        let why = format!("{server} gave up the handshake because of a client certificate {which}");
        Err(violation(rule, why))
    }

    fn greeted(&mut self, connection: ConnectionId, code: Code) -> Result<(), Violation> {
        let session = self.sessions.get(connection);
        let Some(session) = session.filter(|session| session.is_servers_own() && session.is_clients_own()) else {
            return Ok(());
        };
        let (client, server) = (session.client, session.server);
        let bans = self.setup.handshake(server).after_failure == AfterFailure::Bans;
        if bans || !self.failed.remove(&(client, server)) {
            return Ok(());
        }
        self.exercised = true;
        if code == 220 {
            return Ok(());
        }
        let why = format!(
            "{} greeted {} with {code} after a handshake between them had failed",
            self.setup.host_name(server),
            self.setup.host_name(client),
        );
        Err(violation("SEED-09", why))
    }

    fn answered(
        &mut self,
        connection: ConnectionId,
        code: Code,
        domain: DomainId,
        mailbox: MailboxState,
    ) -> Result<(), Violation> {
        let Some(session) = self.sessions.get(connection).filter(|session| session.is_servers_own()) else {
            return Ok(());
        };
        let server = session.server;
        if self.setup.reading() == Reading::Rfc3207 || !self.standings.is_listed(server, domain) {
            return Ok(());
        }
        let is_local = self.standings.is_configured(server, domain) && !session.reconfigured.has(domain);
        let is_distrusted = session.notes;
        if !(is_distrusted && session.has_transaction && is_local && mailbox == MailboxState::Accepts) {
            return Ok(());
        }
        self.exercised = true;
        if (200..300).contains(&code) || code == 421 {
            return Ok(());
        }
        let why = format!(
            "{} answered {code} to RCPT for {}, which is local, after the client had shown a certificate that is not trusted",
            self.setup.host_name(server),
            self.setup.domain_name(domain),
        );
        Err(violation("SEED-05", why))
    }
}

#[cfg(test)]
mod tests {
    use postern_model::scenario::{Level, Scenario};

    use super::super::story::{Found, MX1, Story, scenario};
    use super::*;
    use postern_model::observation::DomainSet;

    fn judged_in(scenario: &Scenario, story: Story) -> Found {
        story.judged_by(ClientTlsHarmless::new(Setup::of(scenario)))
    }

    fn judged(story: Story) -> Found {
        judged_in(&scenario(Level::May), story)
    }

    fn go_ahead() -> Story {
        Story::new().dials(MX1).ehlo(true).starttls(220)
    }

    fn hello(story: Story, form: HelloForm, answer: HelloAnswer) -> Story {
        let connection = story.connection();
        story
            .sees(Observation::Hello {
                connection,
                form,
                answer,
            })
            .sees(Observation::HandshakeFailed { connection })
            .closes()
    }

    #[test]
    fn a_hello_is_answered_by_an_alert() {
        let alert = HelloAnswer::Alert(70);
        assert_eq!(judged(hello(go_ahead(), HelloForm::Standard, alert)), Found::Holds);
        let silent = hello(go_ahead(), HelloForm::Standard, HelloAnswer::Nothing);
        assert_eq!(judged(silent), Found::Violated("SEED-08"));
    }

    #[test]
    fn an_old_hello_is_the_clients_fault_unless_the_scenario_wants_it() {
        let old = || hello(go_ahead(), HelloForm::Sslv2, HelloAnswer::Alert(50));
        assert_eq!(judged(old()), Found::Violated("SEED-08"));
        let mut foreign = scenario(Level::May);
        foreign.host[0].handshake.hello = Hello::Sslv2;
        assert_eq!(judged_in(&foreign, old()), Found::Holds);
        let silent = hello(go_ahead(), HelloForm::Sslv2, HelloAnswer::Nothing);
        assert_eq!(judged_in(&foreign, silent), Found::Violated("SEED-09"));
    }

    #[test]
    fn what_an_attacker_says_in_place_of_a_hello_is_not_the_clients_fault() {
        let attacked = || {
            Story::new()
                .mail_is_tried()
                .attacker_dials(MX1)
                .ehlo(true)
                .starttls(220)
        };
        let answered = |answer| judged(hello(attacked(), HelloForm::Garbage, answer));
        assert_eq!(answered(HelloAnswer::Alert(50)), Found::Holds);
        assert_eq!(answered(HelloAnswer::Nothing), Found::Violated("SEED-09"));
    }

    #[test]
    fn the_next_connection_after_a_failure_is_served() {
        let failed = || {
            let story = go_ahead();
            let connection = story.connection();
            story.sees(Observation::HandshakeFailed { connection }).closes()
        };
        assert_eq!(judged(failed().dials(MX1)), Found::Holds);
        let banned = failed().dials_without_greeting(MX1).reply(Phase::Connect, 421);
        assert_eq!(judged(banned.clone()), Found::Violated("SEED-09"));
        let mut foreign = scenario(Level::May);
        foreign.host[1].handshake.after_failure = AfterFailure::Bans;
        assert_eq!(judged_in(&foreign, banned), Found::NotExercised);
    }

    #[test]
    fn by_rfc_3207_and_where_nobody_lists_the_server_whom_it_believes_is_a_local_matter() {
        let mut by_rfc = scenario(Level::May);
        by_rfc.reading = Reading::Rfc3207;
        let mut unlisted = scenario(Level::May);
        unlisted.domain.iter_mut().for_each(|domain| domain.mx.clear());
        for scenario in [by_rfc, unlisted] {
            let story = go_ahead();
            let connection = story.connection();
            let believable = false;
            let refused = story
                .clone()
                .sees(Observation::ClientRefused { connection, believable });
            assert_eq!(judged_in(&scenario, refused), Found::NotExercised);
            let proves = DomainSet::default();
            let shown = story
                .sees(Observation::Secured { connection, proves })
                .sees(Observation::ClientPresented {
                    connection,
                    proves,
                    believable,
                });
            let asked = shown.mail(true, 250).rcpt(true, 554);
            assert_eq!(judged_in(&scenario, asked), Found::NotExercised);
        }
    }

    #[test]
    fn a_bad_client_certificate_costs_neither_the_handshake_nor_local_mail() {
        let story = go_ahead();
        let connection = story.connection();
        let refused = |believable| {
            story
                .clone()
                .sees(Observation::ClientRefused { connection, believable })
        };
        assert_eq!(judged(refused(false)), Found::Violated("SEED-05"));
        assert_eq!(judged(refused(true)), Found::Violated("R3207-4.1-e"));
        let proves = DomainSet::default();
        let shown = story
            .sees(Observation::Secured { connection, proves })
            .sees(Observation::ClientPresented {
                connection,
                proves,
                believable: false,
            });
        let asked = |code| shown.clone().mail(true, 250).rcpt(true, code);
        assert_eq!(judged(asked(250)), Found::Holds);
        assert_eq!(judged(asked(554)), Found::Violated("SEED-05"));
    }
}
