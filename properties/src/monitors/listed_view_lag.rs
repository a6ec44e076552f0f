//! P08: a server's view of whether it is listed lags behind DNS by one time to live and no more.

use std::collections::BTreeSet;
use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{Code, ConnectionId, DomainId, DomainSet, HostId, Observation};
use postern_model::scenario::{MailboxState, Phase};

use super::chart::{AnswerKind, RecipientCase};
use super::sessions::{Dialler, Sessions};
use super::view::View;
use super::violation;
use crate::setup::Setup;

/// Judges every answer to RCPT without TLS of a server that demands TLS, for a domain whose listing of that server has
/// changed, once whatever was cached before the change has expired: it must not be the answer of the view before the change
/// (SEED-15). What else an answer may be is judged by the chart (P06).
///
/// Exercised where the two views allow different answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListedViewLag {
    setup: Setup,
    view: View,
    sessions: Sessions<()>,
    /// The servers and the domains whose listing has changed.
    changed: BTreeSet<(HostId, DomainId)>,
    exercised: bool,
}

impl ListedViewLag {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            view: View::at_start(setup.clone()),
            setup,
            sessions: Sessions::default(),
            changed: BTreeSet::new(),
            exercised: false,
        }
    }
}

impl Monitor for ListedViewLag {
    fn observe(&mut self, after: Duration, observation: &Observation) -> Result<(), Violation> {
        self.view.observe(after, observation);
        self.sessions.observe(observation);
        match *observation {
            Observation::Listed { host, domain, .. } => _ = self.changed.insert((host, domain)),
            Observation::Replied {
                connection,
                phase: Some(Phase::Rcpt),
                code,
                recipient: Some(recipient),
                ..
            } => return self.judge(connection, code, recipient),
            _ => {}
        }
        Ok(())
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl ListedViewLag {
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
        let relays = self.setup.relays_for(server, session.client);
        // The server knows whom it relays for by an address that an attacker does not have.
        let is_unsure_of_client = relays && session.dialler == Dialler::Attacker;
        // After a change of configuration the answer may follow from what was before.
        let is_certain = !is_unsure_of_client && session.reconfigured == DomainSet::default();
        let is_settled = self.changed.contains(&(server, domain))
            && !self.view.lags(server, domain)
            && self.view.lookup_works(server, domain);
        if !session.is_servers_own() || !session.has_transaction || !is_certain || !is_settled {
            return Ok(());
        }
        let now = RecipientCase {
            listed: self.view.is_listed(server, domain),
            configured: self.view.is_configured(server, domain),
            demands_tls: self.setup.demands_tls(server),
            tls: session.is_secured(),
            relays,
            mailbox,
        };
        let before = RecipientCase {
            listed: !now.listed,
            ..now
        };
        let allowed = |case: RecipientCase| case.allowed(self.setup.reading());
        if allowed(now) == allowed(before) {
            return Ok(());
        }
        let is_of = |case: RecipientCase| AnswerKind::of(code).is_some_and(|answer| allowed(case).has(answer));
        let (is_of_now, is_of_before) = (is_of(now), is_of(before));
        self.exercised = true;
        if is_of_now || !is_of_before {
            return Ok(());
        }
        let why = format!(
            "{} answered {code} to RCPT for {}, as if DNS {} it, long after that had changed",
            self.setup.host_name(server),
            self.setup.domain_name(domain),
            if before.listed { "still listed" } else { "did not list" },
        );
        Err(violation("SEED-15", why))
    }
}

#[cfg(test)]
mod tests {
    use postern_model::scenario::Level;

    use super::super::story::{B, DAY, Found, MINUTE, MX1, Story, scenario};
    use super::*;

    fn judged(story: Story) -> Found {
        let mut scenario = scenario(Level::None);
        scenario.host[1].demands_tls = true;
        story.judged_by(ListedViewLag::new(Setup::of(&scenario)))
    }

    fn dropped() -> Story {
        Story::new().sees(Observation::Listed {
            host: MX1,
            domain: B,
            listed: false,
        })
    }

    fn asks(story: Story, code: Code) -> Found {
        judged(
            story
                .mail_is_tried()
                .dials(MX1)
                .ehlo(true)
                .mail(false, 250)
                .rcpt(false, code),
        )
    }

    #[test]
    fn the_view_before_a_change_is_allowed_for_a_time_to_live_and_no_longer() {
        assert_eq!(asks(dropped().after(MINUTE), 250), Found::NotExercised);
        assert_eq!(asks(dropped().after(DAY), 250), Found::Violated("SEED-15"));
        assert_eq!(asks(dropped().after(DAY), 530), Found::Holds);
    }

    #[test]
    fn what_no_view_allows_is_left_to_the_chart() {
        assert_eq!(asks(dropped().after(DAY), 550), Found::Holds);
    }

    #[test]
    fn without_a_change_there_is_nothing_to_lag_behind() {
        assert_eq!(asks(Story::new(), 530), Found::NotExercised);
    }
}
