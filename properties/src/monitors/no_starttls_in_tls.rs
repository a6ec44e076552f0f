//! P30: inside TLS no client says STARTTLS, and no server offers or takes it.

use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::Observation;
use postern_model::scenario::{Phase, Trouble};

use super::sessions::Sessions;
use super::violation;
use crate::setup::Setup;

/// Judges what is said inside TLS: clients on connections of their own; servers on connections that they accepted
/// themselves or proved a name on, but for those whose trouble is a proxy that offers STARTTLS again (C-SRV-6).
///
/// Exercised by an answer to EHLO or STARTTLS inside TLS.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NoStarttlsInTls {
    setup: Setup,
    sessions: Sessions<()>,
    exercised: bool,
}

impl NoStarttlsInTls {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            setup,
            sessions: Sessions::default(),
            exercised: false,
        }
    }
}

impl Monitor for NoStarttlsInTls {
    fn observe(&mut self, _: Duration, observation: &Observation) -> Result<(), Violation> {
        self.sessions.observe(observation);
        match *observation {
            Observation::Command {
                connection,
                phase: Some(Phase::Starttls),
                tls: true,
                ..
            } => {
                let session = self.sessions.get(connection);
                if let Some(session) = session.filter(|session| session.is_clients_own()) {
                    let client = self.setup.host_name(session.client);
                    let why = format!("{client} said STARTTLS inside TLS");
                    return Err(violation("R3207-4.2-f", why));
                }
            }
            Observation::Replied {
                connection,
                phase: Some(phase @ (Phase::Ehlo | Phase::Starttls)),
                code,
                offers_starttls,
                ..
            } => {
                let session = self.sessions.get(connection);
                let Some(session) = session.filter(|session| session.is_secured_with_host(&self.setup)) else {
                    return Ok(());
                };
                self.exercised = true;
                let server = self.setup.host_name(session.server);
                let is_proxied = self.setup.may_be_in(session.server, Trouble::OffersTlsInsideTls);
                if phase == Phase::Starttls && code == 220 {
                    let why = format!("{server} answered STARTTLS with 220 although TLS was active");
                    return Err(violation("R3207-4.2-e", why));
                }
                if offers_starttls && !is_proxied {
                    let why = format!("{server} offered STARTTLS inside TLS");
                    return Err(violation("R3207-4.2-g", why));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

#[cfg(test)]
mod tests {
    use postern_model::observation::Acceptor;
    use postern_model::scenario::Level;

    use super::super::story::{B, Found, MX1, Story, scenario};
    use super::*;

    fn judged(story: Story) -> Found {
        story.judged_by(NoStarttlsInTls::new(Setup::of(&scenario(Level::May))))
    }

    fn secured() -> Story {
        Story::new().dials(MX1).goes_secure(&[])
    }

    fn ehlo_inside(story: Story, offers_starttls: bool) -> Story {
        let connection = story.connection();
        story.command(Phase::Ehlo, true).sees(Observation::Replied {
            connection,
            phase: Some(Phase::Ehlo),
            code: 250,
            offers_starttls,
            recipient: None,
        })
    }

    #[test]
    fn a_session_that_goes_on_to_the_mail_holds() {
        assert_eq!(judged(ehlo_inside(secured(), false).transaction(true)), Found::Holds);
    }

    #[test]
    fn a_server_offers_starttls_in_clear_only() {
        assert_eq!(judged(ehlo_inside(secured(), true)), Found::Violated("R3207-4.2-g"));
    }

    #[test]
    fn whoever_proves_a_name_inside_tls_is_the_host_and_any_other_may_be_an_attacker() {
        let inside = |names: &[_]| {
            let story = Story::new().dials_and_reaches(MX1, Acceptor::Attacker);
            judged(ehlo_inside(story.goes_secure(names), true))
        };
        assert_eq!(inside(&[B]), Found::Violated("R3207-4.2-g"));
        assert_eq!(inside(&[]), Found::NotExercised);
    }

    #[test]
    fn a_proxy_that_offers_it_again_is_known_trouble_and_the_client_is_judged() {
        let mut scenario = scenario(Level::May);
        scenario.host[1].trouble = Trouble::OffersTlsInsideTls;
        let story = ehlo_inside(secured(), true);
        let monitor = || NoStarttlsInTls::new(Setup::of(&scenario));
        assert_eq!(story.clone().judged_by(monitor()), Found::Holds);
        let again = story.command(Phase::Starttls, true);
        assert_eq!(again.judged_by(monitor()), Found::Violated("R3207-4.2-f"));
    }

    #[test]
    fn a_server_refuses_starttls_inside_tls() {
        let says = || {
            let story = Story::new().attacker_dials(MX1).goes_secure(&[]);
            story.command(Phase::Starttls, true)
        };
        assert_eq!(judged(says().reply(Phase::Starttls, 503)), Found::Holds);
        assert_eq!(
            judged(says().reply(Phase::Starttls, 220)),
            Found::Violated("R3207-4.2-e")
        );
    }
}
