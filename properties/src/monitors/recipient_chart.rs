//! P06: every answer to RCPT is one that the chart of the thread allows, or RFC 3207 by that reading.

use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{Code, ConnectionId, DomainId, HostId, Observation};
use postern_model::scenario::{MailboxState, Phase};

use super::chart::{AnswerKind, AnswerKinds, RecipientCase};
use super::sessions::{Dialler, Session, Sessions};
use super::view::View;
use super::violation;
use crate::setup::Setup;

/// Judges every answer to RCPT of a server, on connections that the server itself accepted, after it took MAIL.
///
/// Where the server's knowledge may lawfully differ from the truth, the answers for either are allowed: listing, within one
/// time to live of a change (SEED-15); configuration, on a session that was open when it changed; permission to relay, where
/// the attacker dialled in a client's name. While lookups fail, 4yz is allowed besides where listing matters. 421, by which a
/// server takes leave, is always allowed.
///
/// A mailbox that is refused for a null MX, of the recipient's or of the sender's domain, is refused by 556 or 550
/// (R7505-4.1-a).
///
/// Exercised by such a refusal, and when RCPT without TLS reaches a server that demands TLS, or one that is listed and not configured.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RecipientChart {
    setup: Setup,
    view: View,
    sessions: Sessions<()>,
    exercised: bool,
}

impl RecipientChart {
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

impl Monitor for RecipientChart {
    fn observe(&mut self, after: Duration, observation: &Observation) -> Result<(), Violation> {
        self.view.observe(after, observation);
        self.sessions.observe(observation);
        match *observation {
            Observation::Replied {
                connection,
                phase: Some(Phase::Rcpt),
                code,
                recipient: Some(recipient),
                ..
            } => self.judge(connection, code, recipient),
            _ => Ok(()),
        }
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl RecipientChart {
    fn judge(
        &mut self,
        connection: ConnectionId,
        code: Code,
        (domain, mailbox): (DomainId, MailboxState),
    ) -> Result<(), Violation> {
        let Some(session) = self.sessions.get(connection) else {
            return Ok(());
        };
        if !session.is_servers_own() || !session.has_transaction || code == 421 {
            return Ok(());
        }
        let case = self.case(session, domain, mailbox);
        self.exercised |= case.chart_applies() || (case.listed && !case.configured);
        let lookups_work = self.view.lookup_works(session.server, domain);
        let allowed = self.allowed(session, domain, case);
        let answer = AnswerKind::of(code);
        if answer.is_some_and(|answer| allowed.has(answer)) {
            let refuses_by_mailbox = case.configured && answer == Some(AnswerKind::ForGood);
            self.exercised |= refuses_by_mailbox && null_mx_code(mailbox).is_some();
            self.names_null_mx(session, domain, code, case)?;
            return self.declines_by_550(session, domain, code, case);
        }
        let rule = if case.chart_applies() && !lookups_work {
            "SEED-15"
        } else {
            case.rule(answer)
        };
        Err(violation(
            rule,
            self.sentence(session.server, domain, code, case, lookups_work, allowed),
        ))
    }

    /// The code for a null MX (RFC 7505 §4.1).
    fn names_null_mx(
        &self,
        session: &Session<()>,
        domain: DomainId,
        code: Code,
        case: RecipientCase,
    ) -> Result<(), Violation> {
        let refuses_by_mailbox = case.configured && !session.reconfigured.has(domain);
        let is_refusal = AnswerKind::of(code) == Some(AnswerKind::ForGood);
        let Some(due) = null_mx_code(case.mailbox).filter(|due| refuses_by_mailbox && is_refusal && code != *due)
        else {
            return Ok(());
        };
        let why = format!(
            "{} refused mail for a null MX by {code}, and not by {due}",
            self.setup.host_name(session.server),
        );
        Err(violation("R7505-4.1-a", why))
    }

    /// A server that declines to relay answers 550 (RFC 5321 §3.6.2).
    fn declines_by_550(
        &self,
        session: &Session<()>,
        domain: DomainId,
        code: Code,
        case: RecipientCase,
    ) -> Result<(), Violation> {
        let declines = !case.configured && !session.reconfigured.has(domain) && !case.relays;
        if !declines || AnswerKind::of(code) != Some(AnswerKind::ForGood) || code == 550 {
            return Ok(());
        }
        let why = format!(
            "{} declined to relay to {} by {code}, and not by 550",
            self.setup.host_name(session.server),
            self.setup.domain_name(domain),
        );
        Err(violation("R5321-3.6.2-a", why))
    }

    fn case(&self, session: &Session<()>, domain: DomainId, mailbox: MailboxState) -> RecipientCase {
        let server = session.server;
        RecipientCase {
            listed: self.view.is_listed(server, domain),
            configured: self.view.is_configured(server, domain),
            demands_tls: self.setup.demands_tls(server),
            tls: session.is_secured(),
            relays: self.setup.relays_for(server, session.client)
                || self.setup.relays_for_identity(server, session.identity),
            mailbox,
        }
    }

    fn allowed(&self, session: &Session<()>, domain: DomainId, case: RecipientCase) -> AnswerKinds {
        let server = session.server;
        let lags = self.view.lags(server, domain);
        let views = |truth: bool, either: bool| [Some(truth), either.then_some(!truth)].into_iter().flatten();
        let mut allowed = AnswerKinds::default();
        for listed in views(case.listed, lags) {
            for configured in views(case.configured, session.reconfigured.has(domain)) {
                let by_address = !self.setup.relays_for_identity(server, session.identity);
                let unsure = case.relays && by_address && session.dialler == Dialler::Attacker;
                for relays in views(case.relays, unsure) {
                    let seen = RecipientCase {
                        listed,
                        configured,
                        relays,
                        ..case
                    };
                    allowed = allowed.or(seen.allowed(self.setup.reading()));
                }
            }
        }
        let lookup_may_fail = lags || !self.view.lookup_works(server, domain);
        if case.chart_applies() && lookup_may_fail {
            allowed = allowed.or(AnswerKinds::of(&[AnswerKind::ForNow]));
        }
        allowed
    }

    fn sentence(
        &self,
        server: HostId,
        domain: DomainId,
        code: Code,
        case: RecipientCase,
        lookups_work: bool,
        allowed: AnswerKinds,
    ) -> String {
        let not = |is: bool| if is { "" } else { "not " };
        format!(
            "{} answered {code} to RCPT for {} {}: it is {}listed and {}configured as its exchanger, {}{}; allowed is {allowed}",
            self.setup.host_name(server),
            self.setup.domain_name(domain),
            if case.tls { "inside TLS" } else { "without TLS" },
            not(case.listed),
            not(case.configured),
            if case.demands_tls {
                "demands TLS"
            } else {
                "does not demand TLS"
            },
            if lookups_work { "" } else { ", and its lookups fail" },
        )
    }
}

/// The code by which mail to such a mailbox is refused.
fn null_mx_code(mailbox: MailboxState) -> Option<Code> {
    match mailbox {
        MailboxState::ForwardsToNullMx => Some(556),
        MailboxState::RefusesSender => Some(550),
        MailboxState::Accepts | MailboxState::Defers | MailboxState::Refuses => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use postern_model::observation::Acceptor;
    use postern_model::scenario::{Level, Scenario};

    use super::super::story::{B, Found, MINUTE, MX1, OUT, SECOND, Story, scenario};
    use super::*;

    /// The world of the stories, in which mx1.b.example demands TLS.
    fn demanding() -> Scenario {
        let mut scenario = scenario(Level::May);
        scenario.host[1].demands_tls = true;
        scenario
    }

    fn judged(scenario: &Scenario, story: Story) -> Found {
        story.judged_by(RecipientChart::new(Setup::of(scenario)))
    }

    fn asks(story: Story, code: Code) -> Story {
        story.dials(MX1).ehlo(true).mail(false, 250).rcpt(false, code).closes()
    }

    fn unlisted() -> Story {
        Story::new().sees(Observation::Listed {
            host: MX1,
            domain: B,
            listed: false,
        })
    }

    fn failing(story: Story) -> Story {
        story.sees(Observation::Lookups {
            host: MX1,
            domain: B,
            work: false,
        })
    }

    const LONG: Duration = Duration::from_secs(24 * 3600);

    #[test]
    fn a_listed_and_configured_server_answers_by_the_recipient() {
        assert_eq!(judged(&demanding(), asks(Story::new(), 250)), Found::Holds);
        assert_eq!(
            judged(&demanding(), asks(Story::new(), 530)),
            Found::Violated("SEED-03")
        );
    }

    #[test]
    fn what_is_refused_for_a_null_mx_has_a_code_of_its_own() {
        let world = scenario(Level::May);
        for (mailbox, code, found) in [
            (MailboxState::ForwardsToNullMx, 556, Found::Holds),
            (MailboxState::ForwardsToNullMx, 550, Found::Violated("R7505-4.1-a")),
            (MailboxState::RefusesSender, 550, Found::Holds),
            (MailboxState::RefusesSender, 556, Found::Violated("R7505-4.1-a")),
            (MailboxState::RefusesSender, 250, Found::NotExercised),
        ] {
            let story = Story::new().dials(MX1).ehlo(true).mail(false, 250);
            assert_eq!(
                judged(&world, story.rcpt_of(mailbox, false, code)),
                found,
                "{mailbox:?} {code}"
            );
        }
    }

    #[test]
    fn an_unlisted_server_that_demands_tls_says_530() {
        assert_eq!(judged(&demanding(), asks(unlisted().after(LONG), 530)), Found::Holds);
        assert_eq!(
            judged(&demanding(), asks(unlisted().after(LONG), 250)),
            Found::Violated("SEED-03")
        );
    }

    #[test]
    fn a_listed_server_that_is_not_configured_refuses_whatever_tls_is() {
        let mut scenario = scenario(Level::May);
        scenario.host[1].exchanger_for.clear();
        assert_eq!(judged(&scenario, asks(Story::new(), 550)), Found::Holds);
        assert_eq!(judged(&scenario, asks(Story::new(), 530)), Found::Violated("SEED-16"));
        assert_eq!(judged(&scenario, asks(Story::new(), 250)), Found::Violated("SEED-02"));
    }

    #[test]
    fn a_server_relays_for_whom_it_is_told_to() {
        let mut scenario = scenario(Level::May);
        scenario.host[1].exchanger_for.clear();
        scenario.host[1]
            .relay_for
            .push("out.a.example".parse().expect("a name"));
        assert_eq!(judged(&scenario, asks(Story::new(), 250)), Found::Holds);
        assert_eq!(judged(&scenario, asks(Story::new(), 550)), Found::Violated("SEED-03"));
        let through_attacker = Story::new()
            .attacker_dials(MX1)
            .ehlo(true)
            .mail(false, 250)
            .rcpt(false, 550);
        assert_eq!(judged(&scenario, through_attacker), Found::Holds);
    }

    #[test]
    fn relaying_is_declined_by_550() {
        let mut scenario = scenario(Level::May);
        scenario.host[1].exchanger_for.clear();
        assert_eq!(
            judged(&scenario, asks(Story::new(), 554)),
            Found::Violated("R5321-3.6.2-a")
        );
        scenario.host[1]
            .relay_for
            .push("out.a.example".parse().expect("a name"));
        let through_attacker = Story::new()
            .attacker_dials(MX1)
            .ehlo(true)
            .mail(false, 250)
            .rcpt(false, 554);
        assert_eq!(judged(&scenario, through_attacker), Found::Holds);
    }

    #[test]
    fn a_plain_delivery_does_not_exercise_the_chart() {
        assert_eq!(
            judged(&scenario(Level::May), asks(Story::new(), 250)),
            Found::NotExercised
        );
    }

    #[test]
    fn for_a_time_to_live_after_a_change_both_rows_are_allowed() {
        let lag = 5 * MINUTE + MINUTE;
        for (code, later) in [(250, Found::Violated("SEED-03")), (530, Found::Holds)] {
            let within = asks(unlisted().after(lag - SECOND), code);
            assert_eq!(judged(&demanding(), within), Found::Holds);
            assert_eq!(judged(&demanding(), asks(unlisted().after(lag), code)), later);
        }
    }

    #[test]
    fn a_failed_lookup_says_neither_listed_nor_unlisted() {
        let failing_for_long = || failing(Story::new()).after(LONG);
        assert_eq!(judged(&demanding(), asks(failing_for_long(), 451)), Found::Holds);
        assert_eq!(
            judged(&demanding(), asks(failing_for_long(), 530)),
            Found::Violated("SEED-15")
        );
    }

    #[test]
    fn a_failed_lookup_of_an_exchangers_address_is_a_failed_lookup() {
        let setup = Setup::of(&demanding());
        let domain = setup.own_name(MX1).expect("a name");
        let failing = Observation::Lookups {
            host: MX1,
            domain,
            work: false,
        };
        let story = asks(Story::new().sees(failing).after(LONG), 451);
        assert_eq!(judged(&demanding(), story), Found::Holds);
    }

    #[test]
    fn a_failed_lookup_is_no_excuse_where_listing_does_not_matter() {
        let story = asks(failing(Story::new()).after(LONG), 451);
        assert_eq!(judged(&scenario(Level::May), story), Found::Violated("SEED-03"));
    }

    #[test]
    fn a_session_that_was_open_when_the_configuration_changed_may_see_either() {
        let unconfigured = Observation::Exchanger {
            host: MX1,
            domain: B,
            configured: false,
        };
        let open = Story::new().dials(MX1).ehlo(true).mail(false, 250).sees(unconfigured);
        assert_eq!(judged(&demanding(), open.clone().rcpt(false, 250)), Found::Holds);
        let next = open.closes().dials(MX1).ehlo(true).mail(false, 250).rcpt(false, 250);
        assert_eq!(judged(&demanding(), next), Found::Violated("SEED-02"));
    }

    #[test]
    fn what_an_attacker_answers_is_not_the_servers_doing() {
        let story = Story::new()
            .dials_and_reaches(MX1, Acceptor::Attacker)
            .ehlo(true)
            .mail(false, 250)
            .rcpt(false, 530);
        assert_eq!(judged(&demanding(), story), Found::NotExercised);
    }

    #[test]
    fn a_recipient_out_of_sequence_is_not_judged() {
        let story = Story::new().dials(MX1).ehlo(true).mail(false, 451).rcpt(false, 503);
        assert_eq!(judged(&demanding(), story), Found::NotExercised);
    }

    #[test]
    fn the_sentence_names_the_row_and_the_column() {
        let mut monitor = RecipientChart::new(Setup::of(&demanding()));
        let connection = ConnectionId(0);
        let reply = |phase, code, recipient| Observation::Replied {
            connection,
            phase: Some(phase),
            code,
            offers_starttls: false,
            recipient,
        };
        let story = [
            Observation::Dialled {
                connection,
                from: OUT,
                to: MX1,
                address: 0,
            },
            Observation::Connected {
                connection,
                acceptor: Acceptor::Host,
            },
            reply(Phase::Mail, 250, None),
        ];
        for observation in &story {
            assert_eq!(monitor.observe(Duration::ZERO, observation), Ok(()));
        }
        let answer = reply(Phase::Rcpt, 530, Some((B, MailboxState::Accepts)));
        let violation = monitor
            .observe(Duration::ZERO, &answer)
            .expect_err("a forbidden answer");
        assert_eq!(
            violation.why,
            "mx1.b.example answered 530 to RCPT for b.example without TLS: it is listed and configured as its exchanger, \
             demands TLS; allowed is 2yz"
        );
    }
}
