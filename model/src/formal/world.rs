//! The state of everything around the delivery machine: servers, policies, paths, timers, and where each message is.

use std::time::Duration;

use crate::mta::delivery::{HopId, PeerId};
use crate::mta::policy::TlsUse;
use crate::observation::DomainSet;
use crate::scenario::{Attack, Level};

use super::configuration::{Budget, Configuration, EXCHANGERS_MAX, HOPS_MAX, MESSAGES_MAX};

/// Everything but the delivery machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) servers: [Server; EXCHANGERS_MAX],
    pub(super) levels: [Level; HOPS_MAX],
    pub(super) lookups_fail: [bool; HOPS_MAX],
    pub(super) jobs: [Job; MESSAGES_MAX],
    /// The sessions that stand open for more mail.
    pub(super) kept: [Option<Kept>; EXCHANGERS_MAX],
    /// Until the memory that TLS broke at a host runs out.
    pub(super) forgets_in: [Option<Minutes>; EXCHANGERS_MAX],
    pub(super) left: Budget,
    /// Connections dialled since time last moved, so that ids are few and no two open connections share one.
    pub(super) dialled: u8,
    pub(super) clock: Clock,
}

/// Whether time has moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Clock {
    /// It is still the moment of the start.
    AtStart,
    /// It has moved.
    Moving,
    /// All is over.
    Ended,
}

/// A span of simulated time.
pub(super) type Minutes = u16;

/// A host that takes mail, as it stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Server {
    pub(super) tls: bool,
    pub(super) certificate_is_bad: bool,
    /// The domains that it is configured for, and those that list it, by next hop.
    pub(super) configured: [bool; HOPS_MAX],
    pub(super) listed: [bool; HOPS_MAX],
    pub(super) lookups_fail: [bool; HOPS_MAX],
    pub(super) attack: Option<(Attack, Lasting)>,
}

/// For how long an attack lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lasting {
    /// Until time moves.
    Moment,
    /// To the end.
    Ever,
}

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Job {
    pub(super) place: Place,
    /// Until the lifetime is over, unless it is.
    pub(super) expires_in: Option<Minutes>,
    pub(super) retries_in: Option<Minutes>,
    /// How many attempts the gap is about.
    pub(super) attempts: u16,
}

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// Not handed in yet.
    Outside,
    /// In the queue until a timer goes off, or until a session ends that is in its way.
    Waits,
    /// Its next hop is to be looked up.
    Resolves,
    /// A host is to be dialled for it.
    Dials { peer: PeerId, address: u8, tls: TlsUse },
    /// A host was dialled for it, and does not answer.
    Hangs {
        peer: PeerId,
        connection: u8,
        ends_in: Minutes,
    },
    /// This session, which was kept, is to be used for it.
    Reuses { peer: PeerId, session: Session },
    /// A session stands, secured as far as it will be.
    Talks { peer: PeerId, session: Session },
    /// Sent, or given back.
    Over(End),
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum End {
    Sent,
    GivenBack,
}

/// A session that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Session {
    pub(super) connection: u8,
    pub(super) secured: bool,
    /// The next hop whose name was demanded of the certificate, and proved.
    pub(super) authenticated: Option<HopId>,
    /// The attack that it was dialled under.
    pub(super) attack: Option<Attack>,
    /// The names that were proved.
    pub(super) proves: DomainSet,
}

/// A session that stands open, idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Kept {
    pub(super) session: Session,
    pub(super) ends_in: Minutes,
}

impl World {
    pub(super) fn at_start(configuration: &Configuration) -> Self {
        let mut servers = [Server::default(); EXCHANGERS_MAX];
        for (server, exchanger) in servers.iter_mut().zip(&configuration.exchangers) {
            let serves = exchanger.preference.map(|preference| preference.is_some());
            *server = Server {
                tls: true,
                certificate_is_bad: false,
                configured: serves,
                listed: serves,
                lookups_fail: [false; HOPS_MAX],
                attack: None,
            };
        }
        let mut levels = [Level::None; HOPS_MAX];
        levels[..configuration.levels.len()].copy_from_slice(&configuration.levels);
        let outside = Job {
            place: Place::Outside,
            expires_in: None,
            retries_in: None,
            attempts: 0,
        };
        Self {
            servers,
            levels,
            lookups_fail: [false; HOPS_MAX],
            jobs: [outside; MESSAGES_MAX],
            kept: [None; EXCHANGERS_MAX],
            forgets_in: [None; EXCHANGERS_MAX],
            left: configuration.budget,
            dialled: 0,
            clock: Clock::AtStart,
        }
    }

    pub(super) fn server(&self, peer: PeerId) -> &Server {
        &self.servers[place_of(peer)]
    }

    pub(super) fn server_mut(&mut self, peer: PeerId) -> &mut Server {
        &mut self.servers[place_of(peer)]
    }

    /// How much of the budget is spent.
    pub(super) fn spent(&self, configuration: &Configuration) -> u32 {
        let (budget, left) = (configuration.budget, self.left);
        let spent = [
            budget.attacks - left.attacks,
            budget.drifts - left.drifts,
            budget.restarts - left.restarts,
        ];
        spent.into_iter().map(u32::from).sum()
    }

    /// Whether a message has something to do before time may move.
    pub(super) fn is_ready(&self, job: usize) -> bool {
        matches!(
            self.jobs[job].place,
            Place::Resolves | Place::Dials { .. } | Place::Reuses { .. } | Place::Talks { .. }
        )
    }

    /// Whether nothing can happen but by time, or from outside.
    pub(super) fn is_quiet(&self) -> bool {
        (0..MESSAGES_MAX).all(|job| !self.is_ready(job))
    }

    /// Whether all wait for a timer, or for something from outside, and more is to come: then promises about the calm that
    /// may follow can be broken.
    pub(super) fn is_calm_due(&self) -> bool {
        self.is_quiet() && self.clock != Clock::Ended
    }

    /// Whether a message waits that no timer, no step and nobody else will ever move again.
    pub(super) fn is_stuck(&self) -> bool {
        let waits = |job: &Job| matches!(job.place, Place::Waits);
        self.clock != Clock::Ended && self.is_quiet() && self.until_next().is_none() && self.jobs.iter().any(waits)
    }

    /// How long until a timer goes off; `None` if none runs.
    pub(super) fn until_next(&self) -> Option<Minutes> {
        let jobs = self.jobs.iter().flat_map(|job| {
            let hangs = match job.place {
                Place::Hangs { ends_in, .. } => Some(ends_in),
                _ => None,
            };
            [job.expires_in, job.retries_in, hangs]
        });
        let kept = self.kept.iter().map(|kept| kept.map(|kept| kept.ends_in));
        jobs.chain(kept).chain(self.forgets_in).flatten().min()
    }
}

/// The place of an exchanger among all; the sender itself is peer 0.
pub(super) fn place_of(peer: PeerId) -> usize {
    usize::from(peer.0) - 1
}

/// Whole minutes, no fewer than the time.
pub(super) fn minutes(time: Duration) -> Minutes {
    Minutes::try_from(time.as_secs().div_ceil(60)).unwrap_or(Minutes::MAX)
}
