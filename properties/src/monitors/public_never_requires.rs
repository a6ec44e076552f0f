//! P07: a server that is listed and configured as exchanger never refuses its own domain's mail for want of TLS.

use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{Code, ConnectionId, DomainId, Observation};
use postern_model::scenario::{MailboxState, Phase};

use super::sessions::Sessions;
use super::view::View;
use super::violation;
use crate::setup::Setup;

/// Judges the answers to RCPT without TLS of servers that have been listed for at least a time to live, whose lookups
/// have worked as long, and that are configured for the recipient's domain: never 530, and no other 5yz for a mailbox that
/// does not refuse mail (SEED-01). When such a server took the recipient without TLS, DATA is not answered 530 either
/// (R3207-4-c).
///
/// Exercised when a server that demands TLS gave such an answer to RCPT.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PublicNeverRequires {
    setup: Setup,
    view: View,
    /// The domain whose listed and configured exchanger the server was when it took a recipient of it without TLS.
    sessions: Sessions<Option<DomainId>>,
    exercised: bool,
}

impl PublicNeverRequires {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            view: View::at_start(setup.clone()),
            setup,
            sessions: Sessions::default(),
            exercised: false,
        }
    }
}

impl Monitor for PublicNeverRequires {
    fn observe(&mut self, after: Duration, observation: &Observation) -> Result<(), Violation> {
        self.view.observe(after, observation);
        self.sessions.observe(observation);
        match *observation {
            Observation::Replied {
                connection,
                phase: Some(Phase::Mail),
                ..
            } => {
                if let Some(session) = self.sessions.get_mut(connection) {
                    session.notes = None;
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
            Observation::Replied {
                connection,
                phase: Some(Phase::Data),
                code: 530,
                ..
            } => return self.judge_data(connection),
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
        let server = session.server;
        let is_public = self.view.is_listed(server, domain)
            && self.view.is_configured(server, domain)
            && self.view.lookup_works(server, domain)
            && !self.view.lags(server, domain)
            && !session.reconfigured.has(domain);
        if !session.is_servers_own() || session.is_secured() || !is_public || !session.has_transaction {
            return Ok(());
        }
        self.exercised |= self.setup.demands_tls(server);
        let is_refused_for_good = (500..600).contains(&code);
        if (200..300).contains(&code)
            && let Some(session) = self.sessions.get_mut(connection)
        {
            session.notes = Some(domain);
        }
        if code != 530 && (!is_refused_for_good || mailbox.may_refuse_for_good()) {
            return Ok(());
        }
        let why = format!(
            "{} answered {code} to RCPT for {} without TLS, although it is the listed and configured exchanger of that domain",
            self.setup.host_name(server),
            self.setup.domain_name(domain),
        );
        Err(violation("SEED-01", why))
    }

    fn judge_data(&self, connection: ConnectionId) -> Result<(), Violation> {
        let session = self.sessions.get(connection).filter(|session| !session.is_secured());
        let Some((session, domain)) = session.and_then(|session| Some((session, session.notes?))) else {
            return Ok(());
        };
        let why = format!(
            "{} answered 530 to DATA without TLS, although it is the listed and configured exchanger of {}",
            self.setup.host_name(session.server),
            self.setup.domain_name(domain),
        );
        Err(violation("R3207-4-c", why))
    }
}

#[cfg(test)]
mod tests {
    use postern_model::scenario::{Level, Scenario};

    use super::super::story::{B, Found, MINUTE, MX1, SECOND, Story, scenario};
    use super::*;

    fn demanding() -> Scenario {
        let mut scenario = scenario(Level::May);
        scenario.host[1].demands_tls = true;
        scenario
    }

    fn judged(scenario: &Scenario, story: Story) -> Found {
        story.judged_by(PublicNeverRequires::new(Setup::of(scenario)))
    }

    fn asks(story: Story, mailbox: MailboxState, code: Code) -> Story {
        story
            .dials(MX1)
            .ehlo(true)
            .mail(false, 250)
            .rcpt_of(mailbox, false, code)
    }

    #[test]
    fn a_public_server_takes_mail_without_tls() {
        let story = asks(Story::new(), MailboxState::Accepts, 250);
        assert_eq!(judged(&demanding(), story), Found::Holds);
    }

    #[test]
    fn a_public_server_never_says_530() {
        let story = asks(Story::new(), MailboxState::Accepts, 530);
        assert_eq!(judged(&demanding(), story), Found::Violated("SEED-01"));
    }

    #[test]
    fn a_refusal_for_good_without_tls_needs_a_mailbox_that_refuses() {
        let accepting = asks(Story::new(), MailboxState::Accepts, 550);
        assert_eq!(judged(&demanding(), accepting), Found::Violated("SEED-01"));
        let refusing = asks(Story::new(), MailboxState::Refuses, 550);
        assert_eq!(judged(&demanding(), refusing), Found::Holds);
    }

    #[test]
    fn a_public_server_does_not_demand_tls_at_data_either() {
        let story = |code| {
            asks(Story::new(), MailboxState::Accepts, 250)
                .command(Phase::Data, false)
                .reply(Phase::Data, code)
        };
        assert_eq!(judged(&demanding(), story(354)), Found::Holds);
        assert_eq!(judged(&demanding(), story(530)), Found::Violated("R3207-4-c"));
    }

    #[test]
    fn a_server_that_has_just_been_listed_may_not_know_it_yet() {
        let mut scenario = demanding();
        scenario.domain[0].mx.remove(0);
        let listed = || {
            Story::new().sees(Observation::Listed {
                host: MX1,
                domain: B,
                listed: true,
            })
        };
        let lag = 5 * MINUTE + MINUTE;
        let within = asks(listed().after(lag - SECOND), MailboxState::Accepts, 530);
        assert_eq!(judged(&scenario, within), Found::NotExercised);
        let after = asks(listed().after(lag), MailboxState::Accepts, 530);
        assert_eq!(judged(&scenario, after), Found::Violated("SEED-01"));
    }

    #[test]
    fn a_server_that_does_not_demand_tls_does_not_exercise_it() {
        let story = asks(Story::new(), MailboxState::Accepts, 250);
        assert_eq!(judged(&scenario(Level::May), story), Found::NotExercised);
    }
}
