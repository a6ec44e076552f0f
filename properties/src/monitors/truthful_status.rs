//! P36: logs and notifications tell what really happened.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{DomainId, HostId, MessageId, Observation, Status};
use postern_model::report::{About, ReportAction};
use postern_model::scenario::{Level, Security};

use super::attempts::Attempts;
use super::sessions::{Session, Sessions};
use super::{named, violation};
use crate::oracle::Oracle;
use crate::setup::Setup;

/// Judges notifications on the wire and what logs claim. The reading:
///
/// - A notification that says `delayed` has a status of class 4; one that says `failed` has class 5, or class 4 where the
///   time is over (RFC 3464 §2.3.3, the note on action and status).
/// - Where every session of the last attempt lacked TLS that the policy requires, for certain, the notification of the
///   failure names TLS, by its status or in words: “the code for the actual problem should be returned” rather than X.4.7
///   (RFC 3463 §3.5). An attempt in which anything else went wrong too, the policy changed, or which cannot be told from
///   another message's, proves nothing.
/// - The security that a log claims of a delivery is no more than what the wire proved of the last session of the host that
///   carried the message: TLS, and for “authenticated” a certificate for the next hop (RFC 7435 §3).
///
/// Exercised by a notification on the wire, and by a claim about a message that was seen to cross.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TruthfulStatus {
    setup: Setup,
    oracle: Oracle,
    attempts: Attempts,
    sessions: Sessions<()>,
    /// What the latest attempt at each message of each host met; kept when it is over, for the notification.
    met: BTreeMap<(HostId, MessageId), Met>,
    /// What the wire proved of the latest crossing of each message from each host.
    proved: BTreeMap<(HostId, MessageId), Security>,
    exercised: bool,
}

/// What an attempt met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Met {
    /// No session yet.
    Nothing,
    /// Only sessions without the TLS that is required.
    NoRequiredTls,
    /// Something else too.
    Else,
}

impl TruthfulStatus {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            oracle: Oracle::new(setup.clone()),
            setup,
            attempts: Attempts::default(),
            sessions: Sessions::default(),
            met: BTreeMap::new(),
            proved: BTreeMap::new(),
            exercised: false,
        }
    }
}

impl Monitor for TruthfulStatus {
    fn observe(&mut self, _after: Duration, observation: &Observation) -> Result<(), Violation> {
        self.oracle.observe(observation);
        if let Some(session) = self.sessions.observe(observation) {
            self.ended(&session);
        }
        let verdict = self.take(observation);
        self.attempts.observe(observation);
        verdict
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl TruthfulStatus {
    fn take(&mut self, observation: &Observation) -> Result<(), Violation> {
        match *observation {
            Observation::Policy { host, .. } => {
                for ((client, _), met) in &mut self.met {
                    if *client == host {
                        *met = Met::Else;
                    }
                }
            }
            Observation::Attempt { host, message } => {
                self.met.insert((host, message), Met::Nothing);
            }
            Observation::Content {
                connection,
                message,
                next_hop,
                tls,
            } => {
                if let Some(session) = self.sessions.get(connection).filter(|session| session.is_clients_own()) {
                    let proved = match session.proves() {
                        Some(names) if tls && names.has(next_hop) => Security::Authenticated,
                        _ if tls => Security::Encrypted,
                        _ => Security::Clear,
                    };
                    self.proved.insert((session.client, message), proved);
                }
            }
            Observation::Claim {
                host,
                message,
                security,
            } => return self.judge_claim(host, message, security),
            Observation::Report {
                connection,
                reporter,
                about,
                status,
                names_tls,
                ..
            } => {
                let is_clients_own = self.sessions.get(connection).is_some_and(Session::is_clients_own);
                if is_clients_own {
                    self.exercised = true;
                    self.judge_status(reporter, about, status)?;
                    return self.judge_cause(reporter, about, names_tls);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A session is over: what did it mean for the messages that it may have been for?
    fn ended(&mut self, session: &Session<()>) {
        if !session.is_clients_own() {
            return;
        }
        let candidates = self.attempts.candidates(&self.setup, session.client, session.server);
        let candidates: Vec<(MessageId, DomainId)> = candidates.collect();
        let next_hops: BTreeSet<DomainId> = candidates.iter().map(|(_, next_hop)| *next_hop).collect();
        for (message, next_hop) in candidates {
            let requires_tls = self.oracle.level(session.client, next_hop) >= Level::Encrypt;
            let lacks_it = requires_tls && next_hops.len() == 1 && session.is_without_tls(true);
            if let Some(met) = self.met.get_mut(&(session.client, message)) {
                *met = match (*met, lacks_it) {
                    (Met::Nothing | Met::NoRequiredTls, true) => Met::NoRequiredTls,
                    _ => Met::Else,
                };
            }
        }
    }

    fn judge_status(&self, reporter: HostId, about: About<MessageId>, status: Status) -> Result<(), Violation> {
        let agrees = match about.action {
            ReportAction::Failed => [4, 5].contains(&status.class),
            ReportAction::Delayed => status.class == 4,
        };
        if agrees {
            return Ok(());
        }
        let why = format!(
            "{} reports that {} is {}, with the status {status}",
            self.setup.host_name(reporter),
            named(about.message),
            about.action,
        );
        Err(violation("R3464-2.3.4-a", why))
    }

    fn judge_cause(&self, reporter: HostId, about: About<MessageId>, names_tls: bool) -> Result<(), Violation> {
        let met = self.met.get(&(reporter, about.message));
        if names_tls || about.action != ReportAction::Failed || met != Some(&Met::NoRequiredTls) {
            return Ok(());
        }
        let why = format!(
            "{} reports that {} failed and does not say that TLS, which its policy requires, was what failed",
            self.setup.host_name(reporter),
            named(about.message),
        );
        Err(violation("R3463-3.5-a", why))
    }

    fn judge_claim(&mut self, host: HostId, message: MessageId, claimed: Security) -> Result<(), Violation> {
        let Some(proved) = self.proved.get(&(host, message)) else {
            return Ok(());
        };
        self.exercised = true;
        if claimed <= *proved {
            return Ok(());
        }
        let why = format!(
            "the log of {} says that {} was sent over a session that was {claimed}, but it was {proved}",
            self.setup.host_name(host),
            named(message),
        );
        Err(violation("R7435-3-d", why))
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{B, Found, MAIL, MX1, MX2, NOTIFICATION, OUT, Story, setup};
    use super::*;

    fn judged(level: Level, story: Story) -> Found {
        story.judged_by(TruthfulStatus::new(setup(level)))
    }

    fn reported(story: Story, action: ReportAction, class: u16, names_tls: bool) -> Story {
        let story = story.dials(MX1);
        let connection = story.connection();
        story.sees(Observation::Report {
            connection,
            message: NOTIFICATION,
            reporter: OUT,
            about: About { message: MAIL, action },
            status: Status {
                class,
                subject: 4,
                detail: 7,
            },
            names_tls,
        })
    }

    fn claims(story: Story, security: Security) -> Story {
        let (host, message) = (OUT, MAIL);
        story
            .sees(Observation::Claim {
                host,
                message,
                security,
            })
            .sent()
    }

    #[test]
    fn a_delay_has_a_status_of_class_4_and_a_failure_4_or_5() {
        let found = |action, class| judged(Level::May, reported(Story::new().mail_is_tried(), action, class, false));
        assert_eq!(found(ReportAction::Delayed, 4), Found::Holds);
        assert_eq!(found(ReportAction::Delayed, 5), Found::Violated("R3464-2.3.4-a"));
        assert_eq!(found(ReportAction::Failed, 4), Found::Holds);
        assert_eq!(found(ReportAction::Failed, 5), Found::Holds);
        assert_eq!(found(ReportAction::Failed, 2), Found::Violated("R3464-2.3.4-a"));
    }

    #[test]
    fn a_failure_for_want_of_required_tls_names_it() {
        let without = || Story::new().mail_is_tried().dials(MX1).ehlo(false).closes();
        let failed = |story: Story, names_tls| reported(story.bounced(), ReportAction::Failed, 4, names_tls);
        assert_eq!(judged(Level::Encrypt, failed(without(), true)), Found::Holds);
        assert_eq!(
            judged(Level::Encrypt, failed(without(), false)),
            Found::Violated("R3463-3.5-a")
        );
        assert_eq!(
            judged(Level::May, failed(without(), false)),
            Found::Holds,
            "nothing is required"
        );
        let twice = without().dials(MX2).ehlo(true).starttls(454).closes();
        assert_eq!(
            judged(Level::Encrypt, failed(twice, false)),
            Found::Violated("R3463-3.5-a")
        );
        let changed = without().policy(Level::Secure);
        assert_eq!(judged(Level::Encrypt, failed(changed, false)), Found::Holds);
        let delayed = reported(without(), ReportAction::Delayed, 4, false);
        assert_eq!(judged(Level::Encrypt, delayed), Found::Holds);
    }

    #[test]
    fn where_anything_else_went_wrong_too_the_cause_is_open() {
        let failed = |story: Story| {
            judged(
                Level::Encrypt,
                reported(story.bounced(), ReportAction::Failed, 4, false),
            )
        };
        let without = Story::new().mail_is_tried().dials(MX1).ehlo(false).closes();
        let refused = without.clone().dials(MX2).goes_secure(&[B]).mail(true, 450).closes();
        assert_eq!(failed(refused), Found::Holds);
        let connection_lost = without.clone().dials(MX2).closes();
        assert_eq!(failed(connection_lost), Found::Holds);
        let next_attempt = without.deferred().tried_again();
        assert_eq!(failed(next_attempt.clone()), Found::Holds);
        assert_eq!(
            failed(next_attempt.dials(MX1).ehlo(false).closes()),
            Found::Violated("R3463-3.5-a")
        );
    }

    #[test]
    fn a_log_claims_no_more_than_the_wire_proved() {
        let crossed = |secure: Option<&[DomainId]>| {
            let dialled = Story::new().mail_is_tried().dials(MX1);
            match secure {
                None => dialled.ehlo(false).transaction(false),
                Some(names) => dialled.goes_secure(names).transaction(true),
            }
        };
        let found = |secure, claimed| judged(Level::May, claims(crossed(secure), claimed));
        let lie = Found::Violated("R7435-3-d");
        assert_eq!(found(None, Security::Clear), Found::Holds);
        assert_eq!(found(None, Security::Encrypted), lie);
        assert_eq!(found(Some(&[]), Security::Encrypted), Found::Holds);
        assert_eq!(found(Some(&[]), Security::Authenticated), lie);
        assert_eq!(found(Some(&[B]), Security::Authenticated), Found::Holds);
        let unseen = claims(Story::new().mail_is_tried(), Security::Authenticated);
        assert_eq!(judged(Level::May, unseen), Found::NotExercised);
    }
}
