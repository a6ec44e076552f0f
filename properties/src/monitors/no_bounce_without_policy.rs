//! P03: where nothing requires TLS, no message bounces for want of it, not even when its lifetime is over.

use std::collections::BTreeMap;
use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{DomainId, HostId, MessageId, Observation};
use postern_model::scenario::{Level, Phase, Reading};

use super::attempts::Attempts;
use super::sessions::Sessions;
use super::{named, violation};
use crate::oracle::Oracle;
use crate::setup::Setup;

/// Judges every bounce of a message whose last attempt was under no requirement.
///
/// A message bounced for want of TLS if, of the last session with some host in its last attempt, the server was ready
/// for mail, TLS did not come about, and the client stopped there of itself: it never sent MAIL, and no reply of the
/// attempt but to EHLO or STARTTLS was negative. A session is held to be of a message only where no other message that
/// was being tried can be meant; so the monitor misses some, and accuses nobody wrongly.
///
/// If the client requires TLS of another next hop at that time, it has applied the agreement with that one where there is
/// none (SEED-14); else lack of TLS as such was its reason (SEED-11).
///
/// RFC 3207 dropped the sentence that this judges: by it the client may return such mail once its time is over (§6), and
/// what comes earlier is a matter of P02. So by that reading nothing is judged here.
///
/// Exercised when such a message had a session without TLS in its last attempt and then got a fate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NoBounceWithoutPolicy {
    setup: Setup,
    oracle: Oracle,
    attempts: Attempts,
    /// The message that the connection is for, where that is certain.
    sessions: Sessions<Option<MessageId>>,
    last: BTreeMap<(HostId, MessageId), LastAttempt>,
    exercised: bool,
}

/// What was seen of a message's last attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct LastAttempt {
    next_hop: DomainId,
    strongest: Level,
    /// Some session may have been this message's or another's, a reply was negative, or MAIL was sent: whatever became
    /// of the message may have to do with that.
    excused: bool,
    met_lack_of_tls: bool,
    /// How the last session with each host stands.
    stops: BTreeMap<HostId, Stop>,
}

/// Where a session is, or stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Stop {
    /// Before the server was ready.
    Unready,
    /// The server was ready to take mail in clear, and MAIL was not sent.
    Ready,
    /// Inside TLS.
    Secured,
}

impl NoBounceWithoutPolicy {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            oracle: Oracle::new(setup.clone()),
            setup,
            attempts: Attempts::default(),
            sessions: Sessions::default(),
            last: BTreeMap::new(),
            exercised: false,
        }
    }
}

impl Monitor for NoBounceWithoutPolicy {
    fn observe(&mut self, _: Duration, observation: &Observation) -> Result<(), Violation> {
        if self.setup.reading() == Reading::Rfc3207 {
            return Ok(());
        }
        self.oracle.observe(observation);
        self.attempts.observe(observation);
        let closed = self.sessions.observe(observation);
        if let Some(session) = closed
            && let Some(message) = session.notes
            && let Some(last) = self.last.get_mut(&(session.client, message))
        {
            last.met_lack_of_tls |= session.is_without_tls(true);
        }
        match *observation {
            Observation::Queued {
                host,
                message,
                next_hop,
                ..
            } => {
                let strongest = self.oracle.level(host, next_hop);
                self.last
                    .entry((host, message))
                    .or_insert_with(|| LastAttempt::new(next_hop, strongest));
            }
            Observation::Policy { host, next_hop, level } => {
                for ((client, _), last) in &mut self.last {
                    if *client == host && last.next_hop == next_hop {
                        last.strongest = last.strongest.max(level);
                    }
                }
            }
            Observation::Attempt { host, message } => {
                if let Some(last) = self.last.get_mut(&(host, message)) {
                    *last = LastAttempt::new(last.next_hop, self.oracle.level(host, last.next_hop));
                }
            }
            Observation::Dialled {
                connection, from, to, ..
            } => {
                let candidates = self.attempts.candidates(&self.setup, from, to);
                let candidates: Vec<MessageId> = candidates.map(|(message, _)| message).collect();
                for message in &candidates {
                    if let Some(last) = self.last.get_mut(&(from, *message)) {
                        last.excused |= candidates.len() > 1;
                        last.stops.insert(to, Stop::Unready);
                    }
                }
                if let ([message], Some(session)) = (&candidates[..], self.sessions.get_mut(connection)) {
                    session.notes = Some(*message);
                }
            }
            Observation::Command { connection, .. }
            | Observation::Replied { connection, .. }
            | Observation::Secured { connection, .. } => {
                if let Some(session) = self.sessions.get(connection)
                    && let Some(message) = session.notes
                    && let Some(last) = self.last.get_mut(&(session.client, message))
                {
                    let stop = match (session.is_secured(), session.is_ready()) {
                        (true, _) => Stop::Secured,
                        (false, true) => Stop::Ready,
                        (false, false) => Stop::Unready,
                    };
                    last.stops.insert(session.server, stop);
                    last.met_lack_of_tls |= session.is_without_tls(false);
                    last.excused |= excuses(observation);
                }
            }
            Observation::Sent { host, message } | Observation::Delivered { host, message } => {
                if let Some(last) = self.last.remove(&(host, message)) {
                    self.exercised |= last.met_lack_of_tls && last.strongest <= Level::May;
                }
            }
            Observation::Bounced { host, message } => {
                if let Some(last) = self.last.remove(&(host, message)) {
                    self.exercised |= last.met_lack_of_tls && last.strongest <= Level::May;
                    return self.judge(host, message, &last);
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

impl NoBounceWithoutPolicy {
    fn judge(&self, host: HostId, message: MessageId, last: &LastAttempt) -> Result<(), Violation> {
        let stopped_at = last.stops.iter().find(|(_, stop)| **stop == Stop::Ready);
        let (Some((server, _)), false, Level::None | Level::May) = (stopped_at, last.excused, last.strongest) else {
            return Ok(());
        };
        let why = format!(
            "{} gave {} back although {} would have taken it without TLS and nothing required TLS for {}",
            self.setup.host_name(host),
            named(message),
            self.setup.host_name(*server),
            self.setup.domain_name(last.next_hop),
        );
        let rule = match self.requires_elsewhere(host, last.next_hop) {
            true => "SEED-14",
            false => "SEED-11",
        };
        Err(violation(rule, why))
    }

    /// Whether a client requires TLS of another next hop.
    fn requires_elsewhere(&self, client: HostId, next_hop: DomainId) -> bool {
        let mut others = self.setup.domains().filter(|other| *other != next_hop);
        others.any(|other| self.oracle.level(client, other) >= Level::Encrypt)
    }
}

impl LastAttempt {
    fn new(next_hop: DomainId, strongest: Level) -> Self {
        Self {
            next_hop,
            strongest,
            excused: false,
            met_lack_of_tls: false,
            stops: BTreeMap::new(),
        }
    }
}

/// MAIL was sent, or a reply to anything but EHLO and STARTTLS was negative.
fn excuses(observation: &Observation) -> bool {
    match observation {
        Observation::Command { phase, .. } => *phase == Some(Phase::Mail),
        Observation::Replied { phase, code, .. } => {
            *code >= 400 && !matches!(phase, Some(Phase::Ehlo | Phase::Starttls))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use postern_model::scenario::MailboxState;

    use super::super::story::{B, DAY, Found, MX1, MX2, OUT, Story, setup};
    use super::*;

    fn judged(level: Level, story: Story) -> Found {
        story.judged_by(NoBounceWithoutPolicy::new(setup(level)))
    }

    fn expires_after_waiting_for_tls() -> Story {
        Story::new()
            .mail_is_tried()
            .dials(MX1)
            .ehlo(false)
            .closes()
            .deferred()
            .after(5 * DAY)
            .bounced()
    }

    #[test]
    fn nothing_bounces_for_want_of_tls_that_nobody_required() {
        assert_eq!(
            judged(Level::May, expires_after_waiting_for_tls()),
            Found::Violated("SEED-11")
        );
    }

    #[test]
    fn what_is_required_of_another_next_hop_is_no_reason() {
        let another = setup(Level::May).own_name(MX1).expect("a name");
        let required = |level| Observation::Policy {
            host: OUT,
            next_hop: another,
            level,
        };
        let judged_after = |level| {
            let story = Story::new().sees(required(level)).mail_is_tried();
            let waits = story.dials(MX1).ehlo(false).closes().deferred();
            judged(Level::May, waits.after(5 * DAY).bounced())
        };
        assert_eq!(judged_after(Level::Encrypt), Found::Violated("SEED-14"));
        assert_eq!(judged_after(Level::May), Found::Violated("SEED-11"));
    }

    #[test]
    fn under_a_requirement_it_may_bounce_in_the_end() {
        assert_eq!(
            judged(Level::Encrypt, expires_after_waiting_for_tls()),
            Found::NotExercised
        );
    }

    #[test]
    fn a_broken_handshake_is_no_reason_either() {
        let story = Story::new()
            .mail_is_tried()
            .dials(MX1)
            .ehlo(true)
            .starttls(220)
            .closes()
            .bounced();
        assert_eq!(judged(Level::May, story), Found::Violated("SEED-11"));
    }

    #[test]
    fn a_bounce_has_another_cause_where_the_retry_in_clear_was_not_let_in() {
        let story = Story::new()
            .mail_is_tried()
            .dials(MX1)
            .ehlo(true)
            .starttls(220)
            .closes()
            .dials(MX1)
            .closes()
            .deferred()
            .after(5 * DAY)
            .bounced();
        assert_eq!(judged(Level::May, story), Found::Holds);
    }

    #[test]
    fn a_bounce_has_another_cause_where_the_recipient_was_refused() {
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
    fn mail_sent_in_clear_after_all_exercises_the_property() {
        let story = Story::new()
            .mail_is_tried()
            .dials(MX1)
            .ehlo(false)
            .transaction(false)
            .sent();
        assert_eq!(judged(Level::May, story), Found::Holds);
    }

    #[test]
    fn an_exchanger_that_is_down_excuses_no_want_of_tls_at_another() {
        let story = Story::new()
            .mail_is_tried()
            .dials(MX1)
            .ehlo(false)
            .closes()
            .dials(MX2)
            .closes()
            .bounced();
        assert_eq!(judged(Level::May, story), Found::Violated("SEED-11"));
    }

    #[test]
    fn a_session_that_may_be_another_messages_accuses_nobody() {
        let other = MessageId(7);
        let story = Story::new()
            .mail_is_tried()
            .sees(Observation::Queued {
                host: OUT,
                message: other,
                next_hop: B,
                domain: B,
                mailbox: MailboxState::Accepts,
                null_reverse_path: false,
                about: None,
            })
            .sees(Observation::Attempt {
                host: OUT,
                message: other,
            })
            .dials(MX1)
            .ehlo(false)
            .closes()
            .bounced();
        assert_eq!(judged(Level::May, story), Found::NotExercised);
    }
}
