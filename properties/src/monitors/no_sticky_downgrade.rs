//! P39: what went wrong once is not held against later mail for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{ConnectionId, DomainId, HostId, MessageId, Observation};
use postern_model::scenario::{Level, Phase};

use super::sessions::{Progress, Session, Sessions};
use super::{LOG_DELAY, named, violation};
use crate::oracle::Oracle;
use crate::setup::Setup;

/// Judges what a client remembers of a host's failures. The reading:
///
/// - TLS broke at a host when a session with it ended after STARTTLS was sent and before a 2yz reply came inside TLS: until
///   then the client may charge TLS with it (SEED-06). It is mended once a session with the host is secured.
/// - A session in clear with a host that offers STARTTLS, for mail whose policy is to use TLS where it is offered, may be
///   the consequence of that for as long as the client is set to remember it, and for the retry that follows at once, but
///   not longer (C-DG-12, by analogy to R5321-4.5.4.1-e). Where TLS is required it is never one.
/// - A 5yz reply to a message is no answer to a later one: a message is not given back without having been sent to a host
///   of its next hop, just because that host refused another before.
///
/// Exercised by mail that was sent to a host at which TLS had broken before, and by a bounce after an earlier refusal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NoStickyDowngrade {
    setup: Setup,
    oracle: Oracle,
    sessions: Sessions<Dial>,
    /// How long ago TLS broke, by client and host, up to [`AGE_MAX`].
    broken: BTreeMap<(HostId, HostId), Duration>,
    /// The hosts that refused a message for good, by client.
    refused: BTreeSet<(HostId, HostId)>,
    queue: BTreeMap<(HostId, MessageId), Queued>,
    exercised: bool,
}

/// Older breaks are all alike.
const AGE_MAX: Duration = Duration::from_secs(8 * 24 * 3600);

/// What matters of an open session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Dial {
    /// How long ago TLS had broken at the host when it was dialled.
    broken: Option<Duration>,
    /// MAIL arrived.
    said_mail: bool,
    /// A 2yz reply came inside TLS: from then on nothing is TLS's fault.
    is_open_in_tls: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Queued {
    next_hop: DomainId,
    domain: DomainId,
    age: Duration,
    tried: bool,
    /// Mail was begun with a host of the next hop, or the domain takes none.
    answered: bool,
    /// Before it was queued, a host of its next hop had refused another.
    refused_before: bool,
}

impl NoStickyDowngrade {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            oracle: Oracle::new(setup.clone()),
            setup,
            sessions: Sessions::default(),
            broken: BTreeMap::new(),
            refused: BTreeSet::new(),
            queue: BTreeMap::new(),
            exercised: false,
        }
    }
}

impl Monitor for NoStickyDowngrade {
    fn observe(&mut self, after: Duration, observation: &Observation) -> Result<(), Violation> {
        for age in self.broken.values_mut() {
            *age = (*age + after).min(AGE_MAX);
        }
        for ((host, _), queued) in &mut self.queue {
            queued.age = (queued.age + after).min(self.setup.lifetime(*host));
        }
        self.oracle.observe(observation);
        if let Observation::Content {
            connection,
            message,
            next_hop,
            tls,
        } = *observation
        {
            self.content(connection, message, next_hop, tls)?;
        }
        if let Some(session) = self.sessions.observe(observation) {
            self.ended(&session);
        }
        self.take(observation)
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl NoStickyDowngrade {
    fn take(&mut self, observation: &Observation) -> Result<(), Violation> {
        match *observation {
            Observation::Queued {
                host,
                message,
                next_hop,
                domain,
                ..
            } => {
                let mut refused = self.refused.iter();
                let refused_before =
                    refused.any(|(client, server)| *client == host && self.setup.may_serve(*server, next_hop));
                // Mail that would come back to the host itself is a loop (RFC 5321 §5.1).
                let answered = self.setup.may_serve(host, next_hop);
                self.queue.entry((host, message)).or_insert(Queued {
                    next_hop,
                    domain,
                    age: Duration::ZERO,
                    tried: false,
                    answered,
                    refused_before,
                });
            }
            Observation::Attempt { host, message } => {
                if let Some(queued) = self.queue.get_mut(&(host, message)) {
                    queued.tried = true;
                }
            }
            Observation::NoSuchDomain { host, domain } => {
                for ((client, _), queued) in &mut self.queue {
                    queued.answered |= *client == host && [queued.next_hop, queued.domain].contains(&domain);
                }
            }
            Observation::Dialled {
                connection, from, to, ..
            } => {
                let broken = self.broken.get(&(from, to)).copied();
                if let Some(session) = self.sessions.get_mut(connection) {
                    session.notes.broken = broken;
                }
            }
            Observation::Secured { connection, .. } => {
                if let Some(session) = self.sessions.get(connection).filter(|session| session.is_clients_own()) {
                    self.broken.remove(&(session.client, session.server));
                }
            }
            Observation::Command {
                connection,
                phase: Some(Phase::Mail),
                ..
            } => {
                if let Some(session) = self.sessions.get_mut(connection) {
                    session.notes.said_mail = true;
                    for ((client, _), queued) in &mut self.queue {
                        let is_meant = self.setup.may_serve(session.server, queued.next_hop);
                        queued.answered |= *client == session.client && is_meant;
                    }
                }
            }
            Observation::Replied {
                connection,
                code: 200..300,
                ..
            } => {
                if let Some(session) = self.sessions.get_mut(connection) {
                    session.notes.is_open_in_tls |= session.is_secured();
                }
            }
            Observation::Replied {
                connection,
                phase: Some(Phase::Mail | Phase::Rcpt | Phase::Data | Phase::EndOfData),
                code: 500..=599,
                ..
            } => {
                if let Some(session) = self.sessions.get(connection).filter(|session| session.is_clients_own()) {
                    self.refused.insert((session.client, session.server));
                }
            }
            Observation::Sent { host, message } | Observation::Delivered { host, message } => {
                self.queue.remove(&(host, message));
            }
            Observation::Bounced { host, message } => {
                if let Some(queued) = self.queue.remove(&(host, message)) {
                    return self.bounced(host, message, queued);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn ended(&mut self, session: &Session<Dial>) {
        // Where STARTTLS was offered and nothing came of it, it may have been said and never have arrived.
        let broke = match session.progress {
            Progress::Asked | Progress::GoAhead | Progress::Refused(_) => true,
            Progress::Offered => !session.notes.said_mail,
            // What the handshake achieved was not welcome, or the client cannot know that it was.
            Progress::Secured(_) => !session.notes.is_open_in_tls,
            Progress::Unready | Progress::NotOffered => false,
        };
        if session.is_clients_own() && broke {
            self.broken.insert((session.client, session.server), Duration::ZERO);
        }
    }

    fn content(
        &mut self,
        connection: ConnectionId,
        message: MessageId,
        next_hop: DomainId,
        tls: bool,
    ) -> Result<(), Violation> {
        let Some(session) = self.sessions.get(connection).filter(|session| session.is_clients_own()) else {
            return Ok(());
        };
        let (Some(age), Some(level)) = (session.notes.broken, self.oracle.weakest_level(connection, next_hop)) else {
            return Ok(());
        };
        self.exercised = true;
        if tls || session.progress != Progress::Offered {
            return Ok(());
        }
        let (client, server) = (session.client, session.server);
        let memory = self.setup.tls_failure_memory(client);
        let (rule, because) = match level {
            Level::None => return Ok(()),
            Level::May if age <= memory + LOG_DELAY => return Ok(()),
            Level::May => ("R5321-4.5.4.1-e", "that should have been forgotten by then"),
            Level::Encrypt | Level::Secure => ("SEED-12", "its policy requires TLS"),
        };
        let why = format!(
            "{} sent {} in clear to {}, which offered STARTTLS; TLS had broken there {} s before, but {because}",
            self.setup.host_name(client),
            named(message),
            self.setup.host_name(server),
            age.as_secs(),
        );
        Err(violation(rule, why))
    }

    fn bounced(&mut self, host: HostId, message: MessageId, queued: Queued) -> Result<(), Violation> {
        self.exercised |= queued.refused_before;
        let is_over = queued.age >= self.setup.lifetime(host);
        if !queued.refused_before || !queued.tried || queued.answered || is_over {
            return Ok(());
        }
        let why = format!(
            "{} gave {} back without having sent it to any host of {}, one of which had refused other mail before",
            self.setup.host_name(host),
            named(message),
            self.setup.domain_name(queued.next_hop),
        );
        Err(violation("R5321-4.5.4.1-e", why))
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{Found, HOUR, MINUTE, MX1, SECOND, Story, scenario, setup};
    use super::*;

    fn judged(level: Level, story: Story) -> Found {
        story.judged_by(NoStickyDowngrade::new(setup(level)))
    }

    fn judged_with_memory(level: Level, story: Story) -> Found {
        let mut scenario = scenario(level);
        scenario.host[0].tls_failure_memory = Some(HOUR);
        story.judged_by(NoStickyDowngrade::new(Setup::of(&scenario)))
    }

    /// TLS breaks at the first exchanger, and some time later the same host is dialled again.
    fn broke_and_dialled_after(time: Duration) -> Story {
        let broken = Story::new()
            .mail_is_tried()
            .dials(MX1)
            .ehlo(true)
            .starttls(220)
            .closes();
        broken.after(time).dials(MX1)
    }

    fn clear(story: Story) -> Story {
        story.ehlo(true).transaction(false)
    }

    #[test]
    fn the_retry_in_clear_follows_at_once() {
        assert_eq!(judged(Level::May, clear(broke_and_dialled_after(SECOND))), Found::Holds);
    }

    #[test]
    fn without_a_memory_later_mail_tries_tls_again() {
        let later = broke_and_dialled_after(HOUR);
        assert_eq!(
            judged(Level::May, clear(later.clone())),
            Found::Violated("R5321-4.5.4.1-e")
        );
        assert_eq!(
            judged(Level::May, later.goes_secure(&[]).transaction(true)),
            Found::Holds
        );
    }

    #[test]
    fn where_the_session_did_not_open_inside_tls_it_broke_too() {
        let refused = |code| {
            let story = Story::new().mail_is_tried().dials(MX1).ehlo(true).starttls(220);
            let story = story.goes_secure(&[]).command(Phase::Ehlo, true);
            story.reply(Phase::Ehlo, code).closes()
        };
        for code in [421, 554] {
            let at_once = clear(refused(code).after(SECOND).dials(MX1));
            assert_eq!(judged(Level::May, at_once), Found::Holds, "{code}");
            let later = clear(refused(code).after(HOUR).dials(MX1));
            assert_eq!(judged(Level::May, later), Found::Violated("R5321-4.5.4.1-e"), "{code}");
        }
        let opened = clear(refused(250).after(HOUR).dials(MX1));
        assert_eq!(judged(Level::May, opened), Found::NotExercised, "nothing broke");
    }

    #[test]
    fn a_memory_is_bounded() {
        assert_eq!(
            judged_with_memory(Level::May, clear(broke_and_dialled_after(HOUR))),
            Found::Holds
        );
        assert_eq!(
            judged_with_memory(Level::May, clear(broke_and_dialled_after(HOUR + MINUTE + SECOND))),
            Found::Violated("R5321-4.5.4.1-e")
        );
    }

    #[test]
    fn a_memory_never_rules_mail_that_requires_tls() {
        assert_eq!(
            judged_with_memory(Level::Encrypt, clear(broke_and_dialled_after(MINUTE))),
            Found::Violated("SEED-12")
        );
        assert_eq!(
            judged_with_memory(Level::None, clear(broke_and_dialled_after(2 * HOUR))),
            Found::Holds
        );
    }

    #[test]
    fn clear_where_no_tls_is_offered_has_nothing_to_do_with_a_memory() {
        let stripped = broke_and_dialled_after(2 * HOUR).ehlo(false).transaction(false);
        assert_eq!(judged(Level::May, stripped), Found::Holds);
    }

    #[test]
    fn success_mends_it() {
        let secured = broke_and_dialled_after(MINUTE).goes_secure(&[]);
        let mended = secured.command(Phase::Ehlo, true).reply(Phase::Ehlo, 250).closes();
        let again = mended.after(HOUR).dials(MX1);
        assert_eq!(judged(Level::May, clear(again)), Found::NotExercised);
    }

    #[test]
    fn where_starttls_may_have_been_lost_on_the_way_tls_has_broken_anew() {
        let lost = broke_and_dialled_after(HOUR).ehlo(true).closes();
        let retried = lost.after(SECOND).dials(MX1);
        assert_eq!(judged(Level::May, clear(retried)), Found::Holds);
    }

    #[test]
    fn where_mail_was_said_in_clear_tls_has_not_broken_anew() {
        let in_clear = clear(broke_and_dialled_after(SECOND)).closes();
        let later = in_clear.after(HOUR).dials(MX1);
        assert_eq!(judged(Level::May, clear(later)), Found::Violated("R5321-4.5.4.1-e"));
    }

    #[test]
    fn a_refusal_is_no_answer_to_the_next_message() {
        let refused = Story::new()
            .mail_is_tried()
            .dials(MX1)
            .ehlo(false)
            .mail(false, 550)
            .bounced();
        let next = refused.after(MINUTE).mail_is_tried();
        assert_eq!(
            judged(Level::May, next.clone().bounced()),
            Found::Violated("R5321-4.5.4.1-e")
        );
        assert_eq!(judged(Level::May, next.mail(false, 550).bounced()), Found::Holds);
    }

    #[test]
    fn a_message_whose_time_is_over_is_given_back_all_the_same() {
        let refused = Story::new()
            .mail_is_tried()
            .dials(MX1)
            .ehlo(false)
            .mail(false, 550)
            .bounced();
        let expired = refused.mail_is_tried().after(5 * 24 * HOUR).bounced();
        assert_eq!(judged(Level::May, expired), Found::Holds);
    }
}
