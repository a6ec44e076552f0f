//! P10: an alarm is raised if, and only if, a peer that used TLS no longer does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{HostId, Observation};
use postern_model::scenario::{Level, Phase};

use super::attempts::Attempts;
use super::sessions::{Progress, Session, Sessions};
use super::{LOG_DELAY, violation};
use crate::oracle::Oracle;
use crate::setup::Setup;

/// Judges the alarms of every client by the thread, and by RFC 3207 of those that are configured to raise them. In both:
///
/// - TLS was used with a peer once a handshake with it, or with who stood in its place, was completed.
/// - In TLS 1.3 the client's handshake is complete before the server's. Where the connection broke in between, which nobody
///   sees from outside, TLS may have been used: an alarm about the peer may come later, and is not due.
///   So it is where the connection broke before the first reply inside TLS.
/// - An alarm is *due* for a later session with that peer, for mail whose policy is not to do without TLS, if the peer was
///   ready for mail and it is certain that there was no TLS: STARTTLS was not offered, was answered by another code than
///   220, or the handshake after the 220 failed. It is due within a minute of the session's end.
/// - It is not due, but may come, where EHLO was refused for good, where the connection ended before STARTTLS was answered, where the client did not ask, and
///   in a session dialled within a minute of another such session with the peer: the retry in clear is the same occasion.
/// - A host that crashed has forgotten all that it knew: it has used TLS with nobody yet (C-DR-9).
/// - Each such session justifies one alarm. An alarm without one, or for a session that has TLS after all, is false.
///
/// Exercised when an alarm was due or was raised.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VanishedTlsAlarm {
    setup: Setup,
    oracle: Oracle,
    attempts: Attempts,
    /// The client and the peers that it used TLS with.
    used_tls: BTreeSet<(HostId, HostId)>,
    /// The client and the peers that it may have used TLS with.
    may_have_used_tls: BTreeSet<(HostId, HostId)>,
    /// The client and the peers at which TLS broke for it, with how long ago, where it may do without TLS for that
    /// (C-DG-12): then it does not ask, and misses nothing.
    broke: BTreeMap<(HostId, HostId), Duration>,
    sessions: Sessions<Watch>,
    ended: Vec<Ended>,
    exercised: bool,
}

/// What matters of an open session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Watch {
    /// TLS had been used with the peer before the dial, TLS was wished for whatever the session is for, and the session is
    /// no retry.
    may_be_due: bool,
    /// TLS may have been wished for.
    wished: bool,
    alarmed: bool,
    /// The client gave the handshake up.
    handshake_refused: bool,
    /// EHLO was refused by a 5yz, so STARTTLS was not to be had: whoever requires TLS goes no further.
    ehlo_refused: bool,
    /// A reply came inside TLS: there the client knows that the server took its handshake.
    answered_in_tls: bool,
    /// MAIL arrived.
    said_mail: bool,
}

/// A session that ended without TLS less than a minute ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Ended {
    client: HostId,
    peer: HostId,
    age: Duration,
    due: bool,
    wished: bool,
    alarmed: bool,
}

impl VanishedTlsAlarm {
    /// The monitor at the start of a run.
    pub fn new(setup: Setup) -> Self {
        Self {
            oracle: Oracle::new(setup.clone()),
            setup,
            attempts: Attempts::default(),
            used_tls: BTreeSet::new(),
            may_have_used_tls: BTreeSet::new(),
            broke: BTreeMap::new(),
            sessions: Sessions::default(),
            ended: Vec::new(),
            exercised: false,
        }
    }
}

impl Monitor for VanishedTlsAlarm {
    fn observe(&mut self, after: Duration, observation: &Observation) -> Result<(), Violation> {
        self.pass(after)?;
        self.oracle.observe(observation);
        self.attempts.observe(observation);
        if let Some(session) = self.sessions.observe(observation) {
            self.end(&session);
        }
        if let Observation::Replied { connection, .. } = *observation
            && let Some(session) = self.sessions.get_mut(connection)
        {
            session.notes.answered_in_tls |= session.is_secured();
            if session.notes.answered_in_tls && session.notes.alarmed {
                let (client, peer) = (session.client, session.server);
                session.notes.alarmed = false;
                self.attribute_alarm(client, peer, "TLS was used in that very session")?;
            }
        }
        match *observation {
            Observation::Dialled {
                connection, from, to, ..
            } => {
                let watch = self.watch(from, to);
                if let Some(session) = self.sessions.get_mut(connection) {
                    session.notes = watch;
                }
            }
            Observation::Running { host, up: false } => self.forgets(host),
            Observation::Policy { host, level, .. } => {
                for session in self.sessions.iter_mut().filter(|session| session.client == host) {
                    session.notes.may_be_due &= level >= Level::May;
                    session.notes.wished |= level >= Level::May;
                }
            }
            Observation::Secured { connection, .. } => {
                if let Some(session) = self.sessions.get(connection).filter(|session| session.is_clients_own()) {
                    self.used_tls.insert((session.client, session.server));
                }
            }
            Observation::Replied {
                connection,
                phase: Some(Phase::Ehlo),
                code: 500..=599,
                ..
            } => {
                if let Some(session) = self.sessions.get_mut(connection) {
                    session.notes.ehlo_refused = true;
                }
            }
            Observation::Command {
                connection,
                phase: Some(Phase::Mail),
                ..
            } => {
                if let Some(session) = self.sessions.get_mut(connection) {
                    session.notes.said_mail = true;
                }
            }
            Observation::HandshakeRefused { connection } => {
                if let Some(session) = self.sessions.get_mut(connection) {
                    session.notes.handshake_refused = true;
                }
            }
            Observation::Alarm { host, peer } => {
                self.exercised = true;
                return self.alarm(host, peer);
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Violation> {
        match self.ended.iter().find(|ended| ended.due && !ended.alarmed) {
            Some(ended) => Err(self.missing_alarm(ended)),
            None => Ok(()),
        }
    }

    fn exercised(&self) -> bool {
        self.exercised
    }
}

impl VanishedTlsAlarm {
    fn pass(&mut self, time: Duration) -> Result<(), Violation> {
        for ended in &mut self.ended {
            ended.age += time;
        }
        let setup = &self.setup;
        self.broke.retain(|(client, _), age| {
            *age += time;
            *age < setup.tls_failure_memory(*client)
        });
        let overdue = self
            .ended
            .iter()
            .find(|ended| ended.age > LOG_DELAY && ended.due && !ended.alarmed);
        if let Some(overdue) = overdue {
            return Err(self.missing_alarm(overdue));
        }
        self.ended.retain(|ended| ended.age <= LOG_DELAY);
        Ok(())
    }

    /// A host has crashed.
    fn forgets(&mut self, host: HostId) {
        self.used_tls.retain(|(client, _)| *client != host);
        self.ended.retain(|ended| ended.client != host);
        for session in self.sessions.iter_mut().filter(|session| session.client == host) {
            session.notes.may_be_due = false;
        }
    }

    fn watch(&self, client: HostId, peer: HostId) -> Watch {
        let levels = self.attempts.candidates(&self.setup, client, peer);
        let levels: BTreeSet<Level> = levels
            .map(|(_, next_hop)| self.oracle.level(client, next_hop))
            .collect();
        let (least, most) = (levels.first().copied(), levels.last().copied());
        // Where TLS is required the client asks whatever it remembers (SEED-12).
        let may_skip = least < Some(Level::Encrypt) && self.broke.contains_key(&(client, peer));
        let is_retry = self
            .ended
            .iter()
            .any(|ended| ended.client == client && ended.peer == peer)
            || self.sessions.iter().any(|open| {
                open.is_clients_own() && open.client == client && open.server == peer && open.is_without_tls(true)
            });
        Watch {
            may_be_due: self.setup.owes_alarms(client)
                && self.used_tls.contains(&(client, peer))
                && !may_skip
                && least >= Some(Level::May)
                && !is_retry,
            wished: most.is_none_or(|level| level >= Level::May),
            alarmed: false,
            handshake_refused: false,
            ehlo_refused: false,
            answered_in_tls: false,
            said_mail: false,
        }
    }

    fn end(&mut self, session: &Session<Watch>) {
        if session.is_clients_own() && broke_at_tls(session) {
            self.broke.insert((session.client, session.server), Duration::ZERO);
        }
        if !session.is_clients_own() || !may_go_without(session) {
            return;
        }
        if session.progress == Progress::GoAhead && !session.notes.handshake_refused {
            self.may_have_used_tls.insert((session.client, session.server));
        }
        let due = session.notes.may_be_due && session.is_without_tls(true);
        self.exercised |= due;
        self.ended.push(Ended {
            client: session.client,
            peer: session.server,
            age: Duration::ZERO,
            due,
            wished: session.notes.wished,
            alarmed: session.notes.alarmed,
        });
    }

    fn alarm(&mut self, client: HostId, peer: HostId) -> Result<(), Violation> {
        let known = [&self.used_tls, &self.may_have_used_tls];
        if !known.iter().any(|peers| peers.contains(&(client, peer))) {
            return Err(self.false_alarm(client, peer, "it had never used TLS with it"));
        }
        self.attribute_alarm(client, peer, "no session without TLS gave occasion for it")
    }

    /// Finds the session that gave occasion for an alarm. Of several beside each other any may have; one that has TLS after
    /// all was not it.
    fn attribute_alarm(&mut self, client: HostId, peer: HostId, otherwise: &str) -> Result<(), Violation> {
        let mut ended: Vec<&mut Ended> = self
            .ended
            .iter_mut()
            .filter(|ended| ended.client == client && ended.peer == peer && ended.wished && !ended.alarmed)
            .collect();
        ended.sort_by_key(|ended| !ended.due);
        if let Some(ended) = ended.into_iter().next() {
            ended.alarmed = true;
            return Ok(());
        }
        // A session that is kept for more mail may stand beside the one that gave the occasion.
        let open = self.sessions.iter_mut().filter(|session| {
            session.is_clients_own()
                && session.client == client
                && session.server == peer
                && may_go_without(session)
                && session.notes.wished
                && !session.notes.alarmed
        });
        match open.min_by_key(|session| (!session.notes.may_be_due, !session.is_without_tls(false))) {
            Some(session) => {
                session.notes.alarmed = true;
                Ok(())
            }
            None => Err(self.false_alarm(client, peer, otherwise)),
        }
    }

    fn false_alarm(&self, client: HostId, peer: HostId, because: &str) -> Violation {
        let why = format!(
            "{} raised an alarm about {}, although {because}",
            self.setup.host_name(client),
            self.setup.host_name(peer),
        );
        violation("SEED-10", why)
    }

    fn missing_alarm(&self, ended: &Ended) -> Violation {
        let why = format!(
            "{} raised no alarm about {}, with which it had used TLS and now had a session without",
            self.setup.host_name(ended.client),
            self.setup.host_name(ended.peer),
        );
        violation("SEED-10", why)
    }
}

/// Whether the session came so far that it may be one without TLS.
fn may_go_without(session: &Session<Watch>) -> bool {
    match session.progress {
        Progress::Secured(_) => !session.notes.answered_in_tls,
        _ => session.is_ready() || session.notes.ehlo_refused,
    }
}

/// STARTTLS was said, and no reply inside TLS was worth going on for.
fn broke_at_tls(session: &Session<Watch>) -> bool {
    match session.progress {
        Progress::Asked | Progress::GoAhead => true,
        Progress::Secured(_) => !session.notes.answered_in_tls || session.notes.ehlo_refused,
        // STARTTLS may have been said and never have arrived.
        Progress::Offered => !session.notes.said_mail,
        Progress::Unready | Progress::NotOffered | Progress::Refused(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{Found, HOUR, MINUTE, MX1, MX2, OUT, SECOND, Story, scenario, setup};
    use postern_model::scenario::Reading;

    use super::*;

    fn judged(story: Story) -> Found {
        story.judged_by(VanishedTlsAlarm::new(setup(Level::May)))
    }

    /// A session with TLS, and an hour later an attempt.
    fn after_tls() -> Story {
        Story::new()
            .mail_is_tried()
            .dials(MX1)
            .goes_secure(&[])
            .closes()
            .deferred()
            .after(HOUR)
            .tried_again()
    }

    #[test]
    fn an_alarm_comes_when_tls_has_vanished() {
        assert_eq!(
            judged(after_tls().dials(MX1).ehlo(false).alarm(MX1).closes()),
            Found::Holds
        );
        assert_eq!(
            judged(after_tls().dials(MX1).ehlo(false).closes().alarm(MX1)),
            Found::Holds
        );
    }

    #[test]
    fn an_alarm_that_is_due_must_come() {
        for vanished in [
            after_tls().dials(MX1).ehlo(false).closes(),
            after_tls().dials(MX1).ehlo(true).starttls(454).closes(),
            after_tls().dials(MX1).ehlo(true).starttls(220).closes(),
        ] {
            assert_eq!(judged(vanished.clone()), Found::Violated("SEED-10"));
            assert_eq!(judged(vanished.after(HOUR).alarm(MX1)), Found::Violated("SEED-10"));
        }
    }

    #[test]
    fn an_alarm_has_a_minute_to_come() {
        let vanished = after_tls().dials(MX1).ehlo(false).closes();
        assert_eq!(judged(vanished.clone().after(MINUTE).alarm(MX1)), Found::Holds);
        assert_eq!(
            judged(vanished.after(MINUTE + SECOND).alarm(MX1)),
            Found::Violated("SEED-10")
        );
    }

    #[test]
    fn no_alarm_comes_about_a_peer_that_never_used_tls() {
        let never = Story::new().mail_is_tried().dials(MX1).ehlo(false);
        assert_eq!(judged(never.clone().closes()), Found::NotExercised);
        assert_eq!(judged(never.alarm(MX1).closes()), Found::Violated("SEED-10"));
        assert_eq!(
            judged(after_tls().dials(MX2).ehlo(false).alarm(MX2)),
            Found::Violated("SEED-10")
        );
    }

    #[test]
    fn no_alarm_comes_while_tls_is_used() {
        let still = after_tls().dials(MX1).goes_secure(&[]).ehlo(false);
        assert_eq!(judged(still.clone().closes()), Found::NotExercised);
        assert_eq!(judged(still.alarm(MX1).closes()), Found::Violated("SEED-10"));
    }

    #[test]
    fn an_alarm_may_come_where_nobody_answered_inside_tls() {
        let broken = after_tls().dials(MX1).goes_secure(&[]).alarm(MX1);
        assert_eq!(judged(broken.clone().closes()), Found::Holds);
        assert_eq!(judged(broken.ehlo(false)), Found::Violated("SEED-10"));
    }

    #[test]
    fn an_alarm_in_a_session_that_has_tls_after_all_is_false() {
        let hasty = after_tls().dials(MX1).ehlo(true).alarm(MX1);
        let connection = hasty.connection();
        let secured = Observation::Secured {
            connection,
            proves: Default::default(),
        };
        let has_tls = hasty.starttls(220).sees(secured).ehlo(false);
        assert_eq!(judged(has_tls), Found::Violated("SEED-10"));
    }

    #[test]
    fn an_alarm_belongs_to_the_session_without_tls_and_not_to_a_handshake_that_may_still_do() {
        let begun = Story::new().mail_is_tried().dials(MX1).ehlo(true).starttls(220);
        let slow = begun.connection();
        let tls = begun.dials(MX1).goes_secure(&[]).closes();
        let vanished = tls.dials(MX1).ehlo(false).alarm(MX1).closes().after(5 * MINUTE);
        let given_up = vanished.alarm(MX1).sees(Observation::Closed { connection: slow });
        assert_eq!(judged(given_up), Found::Holds);
    }

    #[test]
    fn of_two_sessions_side_by_side_the_one_without_tls_gave_occasion_for_the_alarm() {
        let first = after_tls().dials(MX1).ehlo(true).starttls(220);
        let connection = first.connection();
        let beside = first.dials(MX1).ehlo(true).starttls(454).alarm(MX1);
        let secured = beside.sees(Observation::Secured {
            connection,
            proves: Default::default(),
        });
        let answered = secured.sees(Observation::Replied {
            connection,
            phase: Some(Phase::Ehlo),
            code: 250,
            offers_starttls: false,
            recipient: None,
        });
        assert_eq!(judged(answered), Found::Holds);
    }

    #[test]
    fn one_session_is_worth_one_alarm() {
        let story = after_tls().dials(MX1).ehlo(false).alarm(MX1).alarm(MX1);
        assert_eq!(judged(story), Found::Violated("SEED-10"));
    }

    #[test]
    fn an_alarm_belongs_to_the_session_that_it_is_due_for_and_not_to_one_that_is_kept() {
        let kept = after_tls().policy(Level::None).dials(MX1).ehlo(true).transaction(false);
        let beside = kept
            .policy(Level::May)
            .tried_again()
            .dials(MX1)
            .ehlo(true)
            .starttls(220);
        assert_eq!(judged(beside.alarm(MX1).closes()), Found::Holds);
    }

    #[test]
    fn where_tls_broke_a_moment_ago_only_whoever_requires_it_owes_the_alarm() {
        let breaks = |story: Story| story.dials(MX1).ehlo(true).starttls(220).closes();
        let story = || {
            let broke = breaks(after_tls()).alarm(MX1).deferred().after(10 * MINUTE);
            breaks(broke.tried_again()).after(2 * MINUTE)
        };
        let judged = |level| {
            let mut scenario = scenario(level);
            scenario.host[0].tls_failure_memory = Some(HOUR);
            story().judged_by(VanishedTlsAlarm::new(Setup::of(&scenario)))
        };
        assert_eq!(judged(Level::May), Found::Holds);
        assert_eq!(judged(Level::Encrypt), Found::Violated("SEED-10"));
    }

    #[test]
    fn a_host_that_crashed_has_used_tls_with_nobody_yet() {
        let restarted = after_tls()
            .crashes(OUT)
            .starts_again(OUT)
            .tried_again()
            .dials(MX1)
            .ehlo(false);
        assert_eq!(judged(restarted.clone().closes()), Found::NotExercised);
        assert_eq!(judged(restarted.alarm(MX1).closes()), Found::Violated("SEED-10"));
    }

    #[test]
    fn the_retry_in_clear_may_raise_a_second_alarm_and_need_not() {
        let broken = after_tls().dials(MX1).ehlo(true).starttls(220).alarm(MX1).closes();
        let retried = broken.dials(MX1).ehlo(true);
        assert_eq!(judged(retried.clone().transaction(false).closes()), Found::Holds);
        assert_eq!(judged(retried.alarm(MX1).closes()), Found::Holds);
    }

    #[test]
    fn each_later_session_is_worth_an_alarm_again() {
        let once = after_tls().dials(MX1).ehlo(false).alarm(MX1).closes().deferred();
        let twice = once.after(HOUR).tried_again().dials(MX1).ehlo(false).closes();
        assert_eq!(judged(twice.clone()), Found::Violated("SEED-10"));
        assert_eq!(judged(twice.alarm(MX1)), Found::Holds);
    }

    /// The alarm about a handshake that broke has come; so much later another session has no TLS, and no alarm.
    fn without_alarm_after_break(memory: Option<Duration>, later: Duration) -> Found {
        let mut scenario = scenario(Level::May);
        scenario.host[usize::from(OUT.0)].tls_failure_memory = memory;
        let broken = after_tls().dials(MX1).ehlo(true).starttls(220).alarm(MX1).closes();
        let again = broken.after(later).tried_again().dials(MX1).ehlo(false).closes();
        again.judged_by(VanishedTlsAlarm::new(Setup::of(&scenario)))
    }

    #[test]
    fn no_alarm_is_due_where_the_client_may_do_without_tls_for_a_break_that_it_remembers() {
        assert_eq!(without_alarm_after_break(Some(2 * HOUR), HOUR), Found::Holds);
    }

    #[test]
    fn an_alarm_is_due_again_where_the_break_is_forgotten() {
        for memory in [None, Some(HOUR)] {
            assert_eq!(
                without_alarm_after_break(memory, HOUR),
                Found::Violated("SEED-10"),
                "{memory:?}"
            );
        }
    }

    #[test]
    fn no_alarm_is_due_where_tls_is_not_wished_for() {
        let story = after_tls().policy(Level::None).dials(MX1).ehlo(false).closes();
        assert_eq!(judged(story), Found::NotExercised);
    }

    #[test]
    fn no_alarm_is_due_where_the_connection_ended_before_starttls_was_answered() {
        assert_eq!(judged(after_tls().dials(MX1).ehlo(true).closes()), Found::NotExercised);
        assert_eq!(judged(after_tls().dials(MX1).closes()), Found::NotExercised);
    }

    #[test]
    fn a_host_without_alarms_owes_none_by_rfc_3207_and_all_by_the_thread() {
        let mut scenario = scenario(Level::May);
        scenario.host[usize::from(OUT.0)].alarms = false;
        for (reading, expected) in [
            (Reading::Rfc3207, Found::NotExercised),
            (Reading::Thread, Found::Violated("SEED-10")),
        ] {
            scenario.reading = reading;
            let story = after_tls().dials(MX1).ehlo(false).closes();
            let found = story.judged_by(VanishedTlsAlarm::new(Setup::of(&scenario)));
            assert_eq!(found, expected);
        }
    }
}
