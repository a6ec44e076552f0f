//! P10: an alarm is raised if, and only if, a peer that used TLS no longer does.

mod alarms;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use postern_model::monitor::{Monitor, Violation};
use postern_model::observation::{ConnectionId, HostId, Observation};
use postern_model::scenario::{Level, Phase};

use self::alarms::{Alarms, FalseAlarm};
use super::attempts::Attempts;
use super::sessions::{Progress, Session, Sessions};
use super::{LOG_DELAY, violation};
use crate::oracle::Oracle;
use crate::setup::Setup;

/// Judges the alarms of every client by the thread, and by RFC 3207 of those that are configured to raise them. In both:
///
/// - TLS was used with a peer once a handshake with it, or with who stood in its place, was completed.
/// - In TLS 1.3 the client's handshake is complete before the server's. Where the connection broke in between, which nobody
///   sees from outside, TLS may have been used: an alarm about the peer may come later, and is not due. In between, one may
///   come from another session with the peer.
///   So it is where the connection broke before the first reply inside TLS, and where STARTTLS was only offered: the
///   thread's client records the offer (point 4).
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
    /// The client and the peers that it may have used TLS with, or that offered it TLS in an earlier session.
    may_have_used_tls: BTreeSet<(HostId, HostId)>,
    /// The client and the peers at which TLS broke for it, with how long ago, where it may do without TLS for that, as long
    /// as it may remember (C-DG-12) and in the retry in clear (SEED-06): then it does not ask, and misses nothing.
    broke: BTreeMap<(HostId, HostId), Duration>,
    sessions: Sessions<Watch>,
    /// In the order of their ends.
    ended: Vec<Ended>,
    alarms: Alarms,
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
    /// The client gave the handshake up.
    handshake_refused: bool,
    /// EHLO was refused, in clear for good: STARTTLS was not to be had, or what it achieved was not welcome.
    ehlo_refused: bool,
    /// A reply came inside TLS: there the client knows that the server took its handshake.
    answered_in_tls: bool,
    /// MAIL arrived.
    said_mail: bool,
}

/// A session that ended without TLS less than a minute ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Ended {
    connection: ConnectionId,
    client: HostId,
    peer: HostId,
    age: Duration,
    due: bool,
    wished: bool,
}

/// Why an alarm is false for which no session is left.
const NO_OCCASION: &str = "no session without TLS gave occasion for it";

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
            alarms: Alarms::default(),
            exercised: false,
        }
    }
}

impl Monitor for VanishedTlsAlarm {
    fn observe(&mut self, after: Duration, observation: &Observation) -> Result<(), Violation> {
        self.pass(after)?;
        self.oracle.observe(observation);
        self.attempts.observe(observation);
        if let Some(session) = self.sessions.observe(observation)
            && let Observation::Closed { connection } = *observation
        {
            self.end(connection, &session)?;
        }
        if let Observation::Replied { connection, .. } = *observation
            && let Some(session) = self.sessions.get_mut(connection)
            && session.is_secured()
        {
            session.notes.answered_in_tls = true;
            let acquitted = self.alarms.acquits(connection);
            acquitted.map_err(|found| self.false_alarm(&found, "TLS was used in that very session"))?;
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
                    let pair = (session.client, session.server);
                    self.used_tls.insert(pair);
                    // What broke before is mended, unless it broke beside this handshake.
                    if self.broke.get(&pair).is_some_and(|age| *age > LOG_DELAY) {
                        self.broke.remove(&pair);
                    }
                }
            }
            Observation::Replied {
                connection,
                phase: Some(Phase::Ehlo),
                code: code @ 300..,
                ..
            } => {
                if let Some(session) = self.sessions.get_mut(connection) {
                    session.notes.ehlo_refused |= code >= 500 || session.is_secured();
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
        while !self.ended.is_empty() {
            self.expire_first()?;
        }
        for open in self.alarms.sessions() {
            let expired = self.alarms.expires(open);
            expired.map_err(|found| self.false_alarm(&found, NO_OCCASION))?;
        }
        Ok(())
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
            *age < setup.tls_failure_memory(*client) || *age <= LOG_DELAY
        });
        while self.ended.first().is_some_and(|ended| ended.age > LOG_DELAY) {
            self.expire_first()?;
        }
        Ok(())
    }

    /// The session that ended first gives occasion for no later alarm.
    fn expire_first(&mut self) -> Result<(), Violation> {
        let ended = self.ended.remove(0);
        if ended.due && !self.alarms.pays(ended.connection) {
            return Err(self.missing_alarm(&ended));
        }
        let expired = self.alarms.expires(ended.connection);
        expired.map_err(|found| self.false_alarm(&found, NO_OCCASION))
    }

    /// A host has crashed.
    fn forgets(&mut self, host: HostId) {
        self.used_tls.retain(|(client, _)| *client != host);
        self.ended.retain(|ended| ended.client != host);
        self.alarms.forget(host);
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
            handshake_refused: false,
            ehlo_refused: false,
            answered_in_tls: false,
            said_mail: false,
        }
    }

    fn end(&mut self, connection: ConnectionId, session: &Session<Watch>) -> Result<(), Violation> {
        if session.is_clients_own() && broke_at_tls(session) {
            self.broke.insert((session.client, session.server), Duration::ZERO);
        }
        if !session.is_clients_own() || !may_go_without(session) {
            let acquitted = self.alarms.acquits(connection);
            return acquitted.map_err(|found| self.false_alarm(&found, NO_OCCASION));
        }
        let was_offered = matches!(
            session.progress,
            Progress::Offered | Progress::Asked | Progress::Refused(_)
        );
        if was_offered || (session.progress == Progress::GoAhead && !session.notes.handshake_refused) {
            self.may_have_used_tls.insert((session.client, session.server));
        }
        let due = session.notes.may_be_due && session.is_without_tls(true);
        self.exercised |= due;
        self.ended.push(Ended {
            connection,
            client: session.client,
            peer: session.server,
            age: Duration::ZERO,
            due,
            wished: session.notes.wished,
        });
        Ok(())
    }

    fn alarm(&mut self, client: HostId, peer: HostId) -> Result<(), Violation> {
        let ended = self.ended.iter();
        let ended = ended.filter(|ended| ended.client == client && ended.peer == peer && ended.wished);
        let open = self.sessions.iter_by_id().filter(|(_, session)| {
            session.is_clients_own()
                && session.client == client
                && session.server == peer
                && may_go_without(session)
                && session.notes.wished
        });
        let may_be_about: BTreeSet<ConnectionId> = ended
            .map(|ended| ended.connection)
            .chain(open.map(|(connection, _)| connection))
            .collect();
        let known = [&self.used_tls, &self.may_have_used_tls];
        let is_known = known.iter().any(|peers| peers.contains(&(client, peer)));
        if !is_known && !self.may_have_just_used_tls(client, peer, &may_be_about) {
            let because = "it had never used TLS with it, nor been offered any";
            return Err(self.false_alarm(&FalseAlarm(client, peer), because));
        }
        let raised = self.alarms.raised(client, peer, may_be_about);
        raised.map_err(|found| self.false_alarm(&found, NO_OCCASION))
    }

    /// Whether the client's handshake may be complete, and the server's not yet, in another session than one of those that
    /// an alarm may be about.
    fn may_have_just_used_tls(&self, client: HostId, peer: HostId, about: &BTreeSet<ConnectionId>) -> bool {
        let mut open = self.sessions.iter_by_id();
        open.any(|(connection, session)| {
            session.is_clients_own()
                && session.client == client
                && session.server == peer
                && session.progress == Progress::GoAhead
                && !session.notes.handshake_refused
                && about.iter().any(|other| *other != connection)
        })
    }

    fn false_alarm(&self, FalseAlarm(client, peer): &FalseAlarm, because: &str) -> Violation {
        let why = format!(
            "{} raised an alarm about {}, although {because}",
            self.setup.host_name(*client),
            self.setup.host_name(*peer),
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
        // A refusal too, for whoever takes what the connection then ends in for its consequence.
        Progress::Asked | Progress::GoAhead | Progress::Refused(_) => true,
        Progress::Secured(_) => !session.notes.answered_in_tls || session.notes.ehlo_refused,
        // STARTTLS may have been said and never have arrived.
        Progress::Offered => !session.notes.said_mail,
        Progress::Unready | Progress::NotOffered => false,
    }
}
