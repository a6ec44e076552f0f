//! P02: nothing bounces before its lifetime is over, unless it was refused for good or its domain does not exist.

use std::collections::BTreeMap;
use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{DomainId, HostId, MessageId, Observation};
use postern_model::scenario::{Level, Phase};

use super::attempts::Attempts;
use super::sessions::{Progress, Session, Sessions};
use super::standing::Standings;
use super::{named, violation};
use crate::oracle::Oracle;
use crate::setup::Setup;

/// Judges every bounce.
///
/// What justifies a bounce before the lifetime is over: 5yz to MAIL, RCPT, DATA or the end of data, heard by this client
/// while it tried the message, for its recipient's domain (or before any RCPT, from a host that may serve it); the answer
/// that the domain does not exist; a next hop that is the host itself (a loop, RFC 5321 §5.1). A 5yz to the greeting, to
/// EHLO or to STARTTLS is no answer about the message, and 530 in clear says no more than that TLS is missing.
///
/// Exercised by a bounce, or where a session of the message's attempt had no TLS although it was wished for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NoEarlyBounce {
    setup: Setup,
    oracle: Oracle,
    standings: Standings,
    attempts: Attempts,
    /// The recipient's domain of the transaction under way.
    sessions: Sessions<Option<DomainId>>,
    queue: BTreeMap<(HostId, MessageId), Queued>,
    exercised: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Queued {
    next_hop: DomainId,
    domain: DomainId,
    is_notification: bool,
    copies: u8,
    /// Of the oldest copy, up to the lifetime.
    age: Duration,
    refused_for_good: bool,
    /// The next hop is the client itself, as DNS now says, or as the client was told: a loop (RFC 5321 §5.1).
    is_loop: bool,
    /// What the last attempt met.
    trouble: Option<Trouble>,
}

/// What TLS trouble an attempt met; the last is the most telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Trouble {
    /// A host said by 521, in place of its greeting, that it never accepts mail.
    HostNeverAcceptsMail,
    /// TLS was wished for, and there was none.
    WithoutTls,
    /// TLS was required, and there was none.
    WithoutRequiredTls,
    /// The server demanded TLS of the message, by 530 in clear.
    TlsDemanded,
    /// STARTTLS was answered by a 4yz.
    StarttlsRefusedForNow,
    /// STARTTLS was answered by a 5yz.
    StarttlsRefusedForGood,
}

impl NoEarlyBounce {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            oracle: Oracle::new(setup.clone()),
            standings: Standings::at_start(&setup),
            setup,
            attempts: Attempts::default(),
            sessions: Sessions::default(),
            queue: BTreeMap::new(),
            exercised: false,
        }
    }
}

impl Monitor for NoEarlyBounce {
    fn observe(&mut self, after: Duration, observation: &Observation) -> Result<(), Violation> {
        for ((host, _), queued) in &mut self.queue {
            queued.age = (queued.age + after).min(self.setup.lifetime(*host));
        }
        self.oracle.observe(observation);
        self.standings.observe(observation);
        let closed = self.sessions.observe(observation);
        if let Some(session) = &closed {
            self.note_trouble(session, true);
        }
        let verdict = self.take(observation);
        self.attempts.observe(observation);
        verdict
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl NoEarlyBounce {
    fn take(&mut self, observation: &Observation) -> Result<(), Violation> {
        match *observation {
            Observation::Queued {
                host,
                message,
                next_hop,
                domain,
                mailbox,
                null_reverse_path,
                ..
            } => {
                let is_local_refusal = mailbox.may_refuse_for_good() && self.standings.is_configured(host, domain);
                let is_loop = self.standings.is_listed(host, next_hop);
                let queued = self.queue.entry((host, message)).or_insert(Queued {
                    next_hop,
                    domain,
                    is_notification: null_reverse_path,
                    copies: 0,
                    age: Duration::ZERO,
                    refused_for_good: is_local_refusal,
                    is_loop,
                    trouble: None,
                });
                queued.copies = queued.copies.saturating_add(1);
            }
            Observation::Listed { host, domain, listed } => {
                for ((client, _), queued) in &mut self.queue {
                    if *client == host && queued.next_hop == domain {
                        queued.is_loop = listed;
                    }
                }
            }
            // What was cached may be of a while ago.
            Observation::Told {
                host,
                domain,
                exchanger,
                ..
            } if exchanger == host => {
                for ((client, _), queued) in &mut self.queue {
                    queued.is_loop |= *client == host && queued.next_hop == domain;
                }
            }
            Observation::NoSuchDomain { host, domain } => {
                for ((client, _), queued) in &mut self.queue {
                    queued.refused_for_good |= *client == host && [queued.next_hop, queued.domain].contains(&domain);
                }
            }
            Observation::Command {
                connection,
                phase,
                domain,
                ..
            } => {
                if let Some(session) = self.sessions.get_mut(connection) {
                    match phase {
                        Some(Phase::Rcpt) => session.notes = domain,
                        Some(Phase::Mail) => session.notes = None,
                        _ => {}
                    }
                }
            }
            Observation::Replied {
                connection,
                phase,
                code,
                ..
            } => {
                let session = self.sessions.get(connection).filter(|session| session.is_clients_own());
                if let Some(session) = session.cloned() {
                    if phase == Some(Phase::Connect) && code == 521 {
                        self.note(&session, Trouble::HostNeverAcceptsMail);
                    }
                    self.note_trouble(&session, false);
                    let is_about_mail =
                        matches!(phase, Some(Phase::Mail | Phase::Rcpt | Phase::Data | Phase::EndOfData));
                    match code {
                        530 if is_about_mail && !session.is_secured() => self.note(&session, Trouble::TlsDemanded),
                        500..600 if is_about_mail => self.note_refusal(&session),
                        _ => {}
                    }
                }
            }
            Observation::Attempt { host, message } => {
                if let Some(queued) = self.queue.get_mut(&(host, message)) {
                    queued.trouble = None;
                }
            }
            Observation::Sent { host, message } | Observation::Delivered { host, message } => {
                self.decided(host, message);
            }
            Observation::Bounced { host, message } => {
                self.exercised = true;
                if let Some(queued) = self.decided(host, message) {
                    return self.judge(host, message, queued);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn judge(&self, host: HostId, message: MessageId, queued: Queued) -> Result<(), Violation> {
        if queued.refused_for_good || queued.is_loop || queued.age >= self.setup.lifetime(host) {
            return Ok(());
        }
        let (rule, because) = match queued.trouble {
            Some(Trouble::StarttlsRefusedForGood) => {
                ("SEED-11", "STARTTLS, and not the message, was refused by a 5yz reply")
            }
            Some(Trouble::StarttlsRefusedForNow) => ("R3207-4-b", "STARTTLS was refused for now"),
            Some(Trouble::WithoutRequiredTls) => ("R3207-6-d", "a session lacked the TLS that its policy requires"),
            Some(Trouble::HostNeverAcceptsMail) => (
                "R7504-3/4",
                "a host said of itself, by 521 and not of the message, that it never accepts mail",
            ),
            Some(Trouble::TlsDemanded) => ("R3207-6-d", "a host asked for TLS by 530, which may come back"),
            Some(Trouble::WithoutTls) => ("SEED-11", "a session lacked TLS"),
            // A shorter time may be set for notifications (RFC 5321 §4.5.4.1).
            None if queued.is_notification => return Ok(()),
            None => ("R5321-4.5.4.1-c", "nobody refused it for good"),
        };
        let why = format!(
            "{} gave {} back after {}, long before its lifetime of {} was over, when {because}",
            self.setup.host_name(host),
            named(message),
            in_hours(queued.age),
            in_hours(self.setup.lifetime(host)),
        );
        Err(violation(rule, why))
    }

    /// The reply is about one of the messages that are being tried.
    fn note_refusal(&mut self, session: &Session<Option<DomainId>>) {
        for (message, _) in self.attempts.candidates(&self.setup, session.client, session.server) {
            if let Some(queued) = self.queue.get_mut(&(session.client, message)) {
                queued.refused_for_good |= session.notes.is_none_or(|domain| domain == queued.domain);
            }
        }
    }

    fn note(&mut self, session: &Session<Option<DomainId>>, trouble: Trouble) {
        for (message, _) in self.attempts.candidates(&self.setup, session.client, session.server) {
            if let Some(queued) = self.queue.get_mut(&(session.client, message)) {
                queued.trouble = queued.trouble.max(Some(trouble));
                self.exercised = true;
            }
        }
    }

    fn note_trouble(&mut self, session: &Session<Option<DomainId>>, over: bool) {
        if !session.is_clients_own() || !session.is_without_tls(over) {
            return;
        }
        for (message, next_hop) in self.attempts.candidates(&self.setup, session.client, session.server) {
            let trouble = match (session.progress, self.oracle.level(session.client, next_hop)) {
                (_, Level::None) => continue,
                (Progress::Refused(500..=599), _) => Trouble::StarttlsRefusedForGood,
                (Progress::Refused(400..=499), _) => Trouble::StarttlsRefusedForNow,
                (_, Level::May) => Trouble::WithoutTls,
                (_, Level::Encrypt | Level::Secure) => Trouble::WithoutRequiredTls,
            };
            if let Some(queued) = self.queue.get_mut(&(session.client, message)) {
                queued.trouble = queued.trouble.max(Some(trouble));
                self.exercised = true;
            }
        }
    }

    /// One copy is decided.
    fn decided(&mut self, host: HostId, message: MessageId) -> Option<Queued> {
        let queued = self.queue.get_mut(&(host, message))?;
        queued.copies -= 1;
        let decided = *queued;
        if decided.copies == 0 {
            self.queue.remove(&(host, message));
        }
        Some(decided)
    }
}

fn in_hours(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds < 3600 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{B, DAY, Found, HOUR, MX1, OUT, SECOND, Story, setup};
    use super::*;

    fn judged(level: Level, story: Story) -> Found {
        story.judged_by(NoEarlyBounce::new(setup(level)))
    }

    #[test]
    fn a_message_refused_for_good_may_be_given_back_at_once() {
        let story = Story::new()
            .mail_is_tried()
            .dials(MX1)
            .ehlo(false)
            .mail(false, 250)
            .rcpt(false, 550)
            .bounced();
        assert_eq!(judged(Level::May, story), Found::Holds);
    }

    #[test]
    fn that_tls_is_demanded_in_clear_is_no_refusal_of_the_message() {
        let demanded = |tls| {
            let story = Story::new().mail_is_tried().dials(MX1);
            let story = if tls { story.goes_secure(&[]) } else { story.ehlo(false) };
            story.mail(tls, 250).rcpt(tls, 530).bounced()
        };
        assert_eq!(judged(Level::None, demanded(false)), Found::Violated("R3207-6-d"));
        assert_eq!(judged(Level::May, demanded(true)), Found::Holds, "it is there already");
    }

    #[test]
    fn a_refusal_counts_for_no_message_that_is_not_tried() {
        let story = Story::new()
            .mail_is_tried()
            .deferred()
            .dials(MX1)
            .ehlo(false)
            .mail(false, 250)
            .rcpt(false, 550)
            .bounced();
        assert_eq!(judged(Level::May, story), Found::Violated("R5321-4.5.4.1-c"));
    }

    #[test]
    fn a_message_for_no_domain_may_be_given_back_at_once() {
        let story = Story::new()
            .mail_is_tried()
            .sees(Observation::NoSuchDomain { host: OUT, domain: B })
            .bounced();
        assert_eq!(judged(Level::May, story), Found::Holds);
    }

    #[test]
    fn a_host_that_never_accepts_mail_refuses_no_message() {
        let story = Story::new().mail_is_tried().dials_and_hears(MX1, 521);
        assert_eq!(
            judged(Level::May, story.clone().bounced()),
            Found::Violated("R7504-3/4")
        );
        assert_eq!(judged(Level::May, story.deferred()), Found::Holds);
    }

    #[test]
    fn a_loop_is_a_reason_only_while_dns_lists_the_client_itself_or_told_it_so() {
        let listed = |listed| Observation::Listed {
            host: OUT,
            domain: B,
            listed,
        };
        let looping = Story::new().mail_is_tried().sees(listed(true));
        assert_eq!(judged(Level::May, looping.clone().bounced()), Found::Holds);
        let resolved = looping.sees(listed(false));
        assert_eq!(
            judged(Level::May, resolved.clone().bounced()),
            Found::Violated("R5321-4.5.4.1-c")
        );
        let told = resolved.sees(Observation::Told {
            host: OUT,
            domain: B,
            exchanger: OUT,
            preference: 5,
            is_first: true,
        });
        assert_eq!(judged(Level::May, told.bounced()), Found::Holds);
    }

    #[test]
    fn a_refusal_for_now_is_no_reason() {
        let story = Story::new()
            .mail_is_tried()
            .dials(MX1)
            .ehlo(false)
            .mail(false, 250)
            .rcpt(false, 450)
            .bounced();
        assert_eq!(judged(Level::None, story), Found::Violated("R5321-4.5.4.1-c"));
    }

    #[test]
    fn a_refusal_of_starttls_is_no_refusal_of_the_message() {
        for level in [Level::May, Level::Encrypt] {
            let story = Story::new()
                .mail_is_tried()
                .dials(MX1)
                .ehlo(true)
                .starttls(554)
                .bounced();
            assert_eq!(judged(level, story), Found::Violated("SEED-11"));
        }
    }

    #[test]
    fn missing_tls_is_no_reason_though_it_is_required() {
        let story = Story::new().mail_is_tried().dials(MX1).ehlo(false).closes().bounced();
        assert_eq!(judged(Level::Encrypt, story), Found::Violated("R3207-6-d"));
    }

    #[test]
    fn the_lifetime_is_the_boundary() {
        let tried = Story::new().mail_is_tried().deferred();
        let lifetime = 5 * DAY;
        let early = tried.clone().after(lifetime - SECOND).bounced();
        assert_eq!(judged(Level::May, early), Found::Violated("R5321-4.5.4.1-c"));
        assert_eq!(judged(Level::May, tried.after(lifetime).bounced()), Found::Holds);
    }

    #[test]
    fn a_deferral_after_missing_tls_exercises_the_property() {
        let story = Story::new().mail_is_tried().dials(MX1).ehlo(false).closes().deferred();
        assert_eq!(judged(Level::Encrypt, story), Found::Holds);
    }

    #[test]
    fn mail_that_meets_no_trouble_does_not_exercise_it() {
        let story = Story::new()
            .mail_is_tried()
            .dials(MX1)
            .goes_secure(&[])
            .transaction(true)
            .after(HOUR)
            .sent();
        assert_eq!(judged(Level::May, story), Found::NotExercised);
    }
}
