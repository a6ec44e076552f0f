//! What the machine decides about, in the abstract: under which policy, in which state of a message, on which event.
//!
//! Which message and which host it is about is left out, and how often it came to that. So there are few, and a set of runs
//! can be held against all of them.

use std::fmt;

use super::{Delivery, HopId, Input, Job, PeerId, Proof, Route, Stage, Timer};
use crate::mta::session::Outcome;
use crate::scenario::Level;

/// All that may tell one answer of the machine from another, but for whom it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decision {
    /// The policy that a session is planned under, or the one just found; none while there is neither.
    pub level: Option<Level>,
    /// Where the message stands.
    pub state: JobState,
    /// What is known of the host that is in question: the one that is tried, or the best of those just found.
    pub host: Option<HostMemory>,
    /// The event.
    pub event: Event,
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobState {
    /// It is not there.
    Absent,
    /// It waits for its next attempt.
    Waiting,
    /// An attempt begins.
    Resolving {
        /// Its lifetime is over.
        is_last_attempt: bool,
    },
    /// A host is tried.
    Trying {
        /// Its lifetime is over.
        is_last_attempt: bool,
        /// In clear, after TLS broke.
        in_clear: bool,
        /// On a session that was kept.
        on_kept_session: bool,
        /// There are others to try after it.
        has_more: bool,
    },
}

/// What is known of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostMemory {
    /// TLS was used with it before.
    pub used_tls: bool,
    /// TLS broke there not long ago, and that is remembered.
    pub tls_failed: bool,
    /// What the session proved that is kept with it.
    pub kept: Option<ProofKind>,
    /// There are as many sessions with it as there may be.
    pub is_full: bool,
}

/// What a session proved, to the message in question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProofKind {
    /// Nothing: it is in clear.
    Clear,
    /// TLS.
    Encrypted,
    /// The name of this message's next hop.
    Authenticated,
    /// The name of another next hop.
    AuthenticatedForAnother,
}

/// An event, without whom it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// A message comes in.
    Queued,
    /// A message is found after a restart.
    Restored {
        /// It was waiting.
        waits: bool,
    },
    /// So many exchangers are found: one, or more.
    FoundOne,
    /// See there.
    FoundMore,
    /// The domain does not exist.
    NoSuchDomain,
    /// The domain has a null MX.
    NullMx,
    /// DNS does not say.
    LookupFailed,
    /// The policy changed to this.
    PolicyChanged(Level),
    /// The host has so many addresses: one, or more.
    OneAddress,
    /// See there.
    MoreAddresses,
    /// The handshake is complete.
    Secured,
    /// The session does without TLS that it wished for.
    WithoutTls,
    /// The session stands open for more.
    Kept(ProofKind),
    /// The session has its result.
    Ended(Outcome),
    /// It is time for the next attempt.
    RetryIsDue,
    /// The lifetime is over.
    LifetimeIsOver,
    /// A session that is kept has been idle for too long.
    KeptForTooLong,
    /// A failure of TLS is to be forgotten.
    FailureIsOld,
    /// A delay is to be told.
    WarningIsDue,
}

impl fmt::Display for Decision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            level,
            state,
            host,
            event,
        } = self;
        match level {
            Some(level) => write!(formatter, "{level}: {event:?}, {state:?}")?,
            None => write!(formatter, "{event:?}, {state:?}")?,
        }
        host.map_or(Ok(()), |host| write!(formatter, ", {host:?}"))
    }
}

impl Delivery {
    /// What the machine is about to decide when it is handed this fact.
    pub fn decision(&self, input: &Input) -> Decision {
        let (job, event) = match input {
            Input::Queued { job, .. } => (Some(*job), Event::Queued),
            Input::Restored { job, waits, .. } => (Some(*job), Event::Restored { waits: *waits }),
            Input::Resolved { job, route, .. } => (Some(*job), found(route)),
            Input::PolicyChanged { job, level } => (Some(*job), Event::PolicyChanged(*level)),
            Input::Located { job, addresses: 0 | 1 } => (Some(*job), Event::OneAddress),
            Input::Located { job, .. } => (Some(*job), Event::MoreAddresses),
            Input::Secured(job) => (Some(*job), Event::Secured),
            Input::WithoutTls(job) => (Some(*job), Event::WithoutTls),
            Input::Kept { job, proof } => {
                let next_hop = self.jobs.get(job).map(|queued| queued.next_hop);
                (Some(*job), Event::Kept(ProofKind::of(*proof, next_hop)))
            }
            Input::Ended { job, outcome } => (Some(*job), Event::Ended(*outcome)),
            Input::Expired(Timer::Retry { job, .. }) => (Some(*job), Event::RetryIsDue),
            Input::Expired(Timer::Lifetime(job)) => (Some(*job), Event::LifetimeIsOver),
            Input::Expired(Timer::Warning(job)) => (Some(*job), Event::WarningIsDue),
            Input::Expired(Timer::Kept(_)) => (None, Event::KeptForTooLong),
            Input::Expired(Timer::TlsFailure(_)) => (None, Event::FailureIsOld),
        };
        let queued = job.and_then(|job| self.jobs.get(&job));
        let level = match (input, queued.map(|queued| &queued.stage)) {
            (Input::Resolved { level, .. }, _) | (_, Some(Stage::Trying { level, .. })) => Some(*level),
            _ => None,
        };
        let peer = match input {
            Input::Resolved {
                route: Route::Exchangers(exchangers),
                ..
            } => exchangers.iter().min().map(|(_, peer)| *peer),
            Input::Expired(Timer::Kept(peer) | Timer::TlsFailure(peer)) => Some(*peer),
            _ => job.and_then(|job| self.peer_of(job)),
        };
        Decision {
            level,
            state: queued.map_or(JobState::Absent, JobState::of),
            host: peer.map(|peer| self.memory_of(peer, queued.map(|queued| queued.next_hop))),
            event,
        }
    }

    fn memory_of(&self, peer: PeerId, next_hop: Option<HopId>) -> HostMemory {
        HostMemory {
            used_tls: self.memory.has_seen_tls(peer),
            tls_failed: self.memory.has_tls_failed(peer),
            kept: self.kept.get(&peer).map(|kept| ProofKind::of(kept.proof(), next_hop)),
            is_full: !self.has_room(peer),
        }
    }
}

impl JobState {
    fn of(queued: &Job) -> Self {
        let is_last_attempt = queued.lifetime_is_over;
        match &queued.stage {
            Stage::Waiting => Self::Waiting,
            Stage::Resolving => Self::Resolving { is_last_attempt },
            Stage::Trying {
                in_clear, reused, rest, ..
            } => Self::Trying {
                is_last_attempt,
                in_clear: *in_clear,
                on_kept_session: reused.is_some(),
                has_more: !rest.is_empty(),
            },
        }
    }
}

impl ProofKind {
    fn of(proof: Proof, next_hop: Option<HopId>) -> Self {
        match proof {
            Proof::Clear => Self::Clear,
            Proof::Encrypted => Self::Encrypted,
            Proof::Authenticated(hop) if Some(hop) == next_hop => Self::Authenticated,
            Proof::Authenticated(_) => Self::AuthenticatedForAnother,
        }
    }
}

fn found(route: &Route) -> Event {
    match route {
        Route::Exchangers(exchangers) if exchangers.len() < 2 => Event::FoundOne,
        Route::Exchangers(_) => Event::FoundMore,
        Route::NoSuchDomain => Event::NoSuchDomain,
        Route::NullMx => Event::NullMx,
        Route::LookupFailed => Event::LookupFailed,
    }
}
