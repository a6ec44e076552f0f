//! P32: a server relays only for whom it is willing to relay for.

use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{Code, ConnectionId, DomainId, Observation};
use postern_model::scenario::Phase;

use super::sessions::Sessions;
use super::standing::Standings;
use super::violation;
use crate::setup::Setup;

/// Judges every 2yz to RCPT for a domain that the server is not exchanger of, on connections that it accepted itself.
///
/// It may relay for a host whose address it is told to relay for, and for whom the handshake of this very connection proved
/// one of the names that it is told to relay for: not for what was said in EHLO, nor before the handshake, nor for what an
/// earlier connection proved. To refuse is always allowed here (R3207-4-d).
///
/// Exercised when a server that relays for identities was asked to relay.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RelayAuthorisation {
    setup: Setup,
    standings: Standings,
    sessions: Sessions<()>,
    exercised: bool,
}

impl RelayAuthorisation {
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

impl Monitor for RelayAuthorisation {
    fn observe(&mut self, _: Duration, observation: &Observation) -> Result<(), Violation> {
        self.standings.observe(observation);
        self.sessions.observe(observation);
        match *observation {
            Observation::Replied {
                connection,
                phase: Some(Phase::Rcpt),
                code,
                recipient: Some((domain, _)),
                ..
            } => self.judge(connection, domain, code),
            _ => Ok(()),
        }
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl RelayAuthorisation {
    fn judge(&mut self, connection: ConnectionId, domain: DomainId, code: Code) -> Result<(), Violation> {
        let Some(session) = self.sessions.get(connection) else {
            return Ok(());
        };
        let server = session.server;
        let is_local = self.standings.is_configured(server, domain) || session.reconfigured.has(domain);
        if !session.is_servers_own() || is_local {
            return Ok(());
        }
        self.exercised |= self.setup.relays_for_some_identity(server);
        let is_permitted =
            self.setup.relays_for(server, session.client) || self.setup.relays_for_identity(server, session.identity);
        if is_permitted || !(200..300).contains(&code) {
            return Ok(());
        }
        let proved = if session.is_secured() {
            "proved no identity that it relays for"
        } else {
            "is not even inside TLS"
        };
        let why = format!(
            "{} answered {code} to RCPT for {}, which is not local, although the client {proved}",
            self.setup.host_name(server),
            self.setup.domain_name(domain),
        );
        Err(violation("SEED-07", why))
    }
}

#[cfg(test)]
mod tests {
    use postern_model::scenario::{Level, Scenario};

    use super::super::story::{Found, MX1, OUT, Story, scenario};
    use super::*;
    use postern_model::observation::DomainSet;

    /// The world of the stories, in which mx1.b.example is exchanger of nothing and relays for who proves to be the sender.
    fn relaying() -> Scenario {
        let mut scenario = scenario(Level::May);
        scenario.host[1].exchanger_for.clear();
        let identity = scenario.host[0].name.clone();
        scenario.host[1].relay_for_identity.push(identity);
        scenario
    }

    fn identity() -> DomainSet {
        let setup = Setup::of(&relaying());
        DomainSet::default().with(setup.own_name(OUT).expect("a name"))
    }

    fn judged(story: Story) -> Found {
        story.judged_by(RelayAuthorisation::new(Setup::of(&relaying())))
    }

    fn shows(story: Story, proves: DomainSet) -> Story {
        let connection = story.connection();
        story.sees(Observation::ClientPresented {
            connection,
            proves,
            believable: true,
        })
    }

    fn secured() -> Story {
        Story::new().dials(MX1).goes_secure(&[])
    }

    #[test]
    fn who_proved_the_identity_on_this_connection_may_relay() {
        assert_eq!(judged(shows(secured(), identity()).rcpt(true, 250)), Found::Holds);
    }

    #[test]
    fn whoever_did_not_may_not() {
        for story in [
            secured(),
            shows(secured(), DomainSet::default()),
            Story::new().dials(MX1).ehlo(true),
        ] {
            assert_eq!(judged(story.clone().rcpt(true, 550)), Found::Holds);
            assert_eq!(judged(story.rcpt(true, 250)), Found::Violated("SEED-07"));
        }
    }

    #[test]
    fn what_an_earlier_connection_proved_is_void() {
        let earlier = shows(secured(), identity()).rcpt(true, 250).closes();
        let later = earlier.dials(MX1).ehlo(true).rcpt(false, 250);
        assert_eq!(judged(later), Found::Violated("SEED-07"));
    }
}
