//! P07: a server that is listed and configured as exchanger never refuses its own domain's mail for want of TLS.

use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{Code, ConnectionId, DomainId, DomainSet, Observation};
use postern_model::scenario::{MailboxState, Phase};

use super::lag::Lag;
use super::sessions::Sessions;
use super::standing::Standings;
use super::violation;
use crate::setup::Setup;

/// Judges the answers to RCPT without TLS of servers that have been listed for at least a time to live, whose lookups
/// have worked as long, and that are configured for the recipient's domain: never 530, and no other 5yz for a mailbox that
/// does not refuse mail.
///
/// Exercised when a server that demands TLS gave such an answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PublicNeverRequires {
    setup: Setup,
    standings: Standings,
    lag: Lag,
    /// The domains that the server was configured for, or ceased to be, since the dial; and whether MAIL was taken.
    sessions: Sessions<(DomainSet, bool)>,
    exercised: bool,
}

impl PublicNeverRequires {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            standings: Standings::at_start(&setup),
            setup,
            lag: Lag::default(),
            sessions: Sessions::default(),
            exercised: false,
        }
    }
}

impl Monitor for PublicNeverRequires {
    fn observe(&mut self, after: Duration, observation: &Observation) -> Result<(), Violation> {
        self.lag.pass(after);
        let changed = self.standings.observe(observation);
        self.sessions.observe(observation);
        match *observation {
            Observation::Listed { host, domain, .. } | Observation::Lookups { host, domain, .. } if changed => {
                self.lag.changed(&self.setup, host, domain);
            }
            Observation::Exchanger { host, domain, .. } if changed => {
                for session in self.sessions.iter_mut().filter(|session| session.server == host) {
                    session.notes.0 = session.notes.0.with(domain);
                }
            }
            Observation::Replied {
                connection,
                phase: Some(Phase::Mail),
                code,
                ..
            } => {
                if let Some(session) = self.sessions.get_mut(connection) {
                    session.notes.1 = (200..300).contains(&code);
                }
            }
            Observation::Replied {
                connection,
                phase: Some(Phase::Rcpt),
                code,
                recipient: Some(recipient),
                ..
            } => {
                return self.judge(connection, code, recipient);
            }
            _ => {}
        }
        Ok(())
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl PublicNeverRequires {
    fn judge(
        &mut self,
        connection: ConnectionId,
        code: Code,
        (domain, mailbox): (DomainId, MailboxState),
    ) -> Result<(), Violation> {
        let Some(session) = self.sessions.get(connection) else {
            return Ok(());
        };
        let (server, (reconfigured, is_open)) = (session.server, session.notes);
        let is_public = self.standings.is_listed(server, domain)
            && self.standings.is_configured(server, domain)
            && self.standings.lookups_work(server, domain)
            && !self.lag.is_open(server, domain)
            && !reconfigured.has(domain);
        if !session.is_servers_own() || session.is_secured() || !is_public || !is_open {
            return Ok(());
        }
        self.exercised |= self.setup.demands_tls(server);
        let is_refused_for_good = (500..600).contains(&code);
        if code != 530 && (!is_refused_for_good || mailbox == MailboxState::Refuses) {
            return Ok(());
        }
        let why = format!(
            "{} answered {code} to RCPT for {} without TLS, although it is the listed and configured exchanger of that domain",
            self.setup.host_name(server),
            self.setup.domain_name(domain),
        );
        Err(violation("SEED-01", why))
    }
}
