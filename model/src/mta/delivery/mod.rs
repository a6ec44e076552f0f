//! The delivery machine: the queue of a sending MTA, the walk over the mail exchangers, retry, expiry, notification,
//! and the memory that raises the alarm when TLS vanishes.
//!
//! It holds interned ids, never strings, so that a state is a few dozen bytes; it holds no time, so that equal states
//! are equal whenever they are reached. Durations are the driver's: it knows the retry schedule and the lifetime.
//!
//! One job is one message for one recipient. After every [`Delivery::handle`], call [`Delivery::poll`] until
//! [`Output::Idle`].

mod attempt;
mod decision;
mod memory;
mod reuse;
#[cfg(test)]
mod tests;
mod vocabulary;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub use decision::{Decision, Event, HostMemory, JobState, ProofKind};
pub use reuse::KEPT_FOR;
pub use vocabulary::{Cause, HopId, Input, JobId, Output, PeerId, Proof, Role, Route, Settings, Timer};

use self::memory::Memory;
use self::reuse::Kept;
use crate::mutant::Mutant;
use crate::scenario::{Level, RetrySchedule};

/// The delivery machine of one host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Delivery {
    settings: Settings,
    jobs: BTreeMap<JobId, Job>,
    memory: Memory,
    /// The sessions that stand open, idle, for more mail.
    kept: BTreeMap<PeerId, Kept>,
    /// The jobs with a session under way, and the host that it is with.
    sessions: BTreeMap<JobId, PeerId>,
    /// The jobs that wait because there are as many sessions with their host as there may be, in order.
    held_back: VecDeque<JobId>,
    outputs: VecDeque<Output>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Job {
    next_hop: HopId,
    role: Role,
    attempts: u16,
    lifetime_is_over: bool,
    /// The time to warn of a delay came while an attempt was under way.
    is_warning_due: bool,
    stage: Stage,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Stage {
    Waiting,
    Resolving,
    Trying {
        level: Level,
        peer: PeerId,
        /// Which of the host's addresses it is.
        address: u8,
        /// After a failed try at TLS that was not required.
        in_clear: bool,
        /// The session is one that was kept.
        reused: Option<Kept>,
        /// The hosts that are still to be tried, each with the place of its address.
        rest: VecDeque<(PeerId, u8)>,
    },
}

/// The lifetime that the machine's [`Timer::Lifetime`] runs for, given the configured one.
pub fn lifetime(configured: Duration, mutant: Option<Mutant>) -> Duration {
    match mutant {
        Some(Mutant::GivesUpEarly) => configured.min(Duration::from_secs(24 * 3600)),
        _ => configured,
    }
}

/// How long the machine's [`Timer::Retry`] runs after this attempt at a message that has been queued for so long, given the
/// configured schedule.
pub fn gap(configured: RetrySchedule, attempts: u16, age: Duration, mutant: Option<Mutant>) -> Duration {
    let schedule = match mutant {
        Some(Mutant::RetriesAtOnce) if attempts == 1 => return Duration::ZERO,
        Some(Mutant::IgnoresConfiguredSchedule) => RetrySchedule::default(),
        _ => configured,
    };
    schedule.gap(attempts.into(), age)
}

impl Delivery {
    /// A machine with an empty queue and no memory.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            jobs: BTreeMap::new(),
            memory: Memory::default(),
            kept: BTreeMap::new(),
            sessions: BTreeMap::new(),
            held_back: VecDeque::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes a fact. Facts about jobs that are over, or that do not fit a job's stage, change nothing.
    pub fn handle(&mut self, input: Input) {
        match input {
            Input::Queued { job, next_hop, role } => self.queued(job, next_hop, role),
            Input::Restored {
                job,
                next_hop,
                role,
                attempts,
                waits,
            } => self.restored(job, next_hop, role, attempts, waits),
            Input::Resolved { job, level, route } => self.resolved(job, level, route),
            Input::PolicyChanged { job, level } => self.policy_changed(job, level),
            Input::Located { job, addresses } => self.located(job, addresses),
            Input::Secured(job) => {
                if let Some(peer) = self.peer_of(job) {
                    self.memory.secured(job, peer);
                    if self.has(Mutant::LaundersTlsIntoPolicy) {
                        self.memory.takes_for_policy(peer);
                    }
                }
            }
            Input::WithoutTls(job) => self.without_tls(job),
            Input::Kept { job, proof } => self.keep(job, proof),
            Input::Ended { job, outcome } => {
                self.memory.session_ended(job);
                self.ended(job, outcome);
            }
            Input::Expired(Timer::Retry { job, attempts }) => {
                // A gap that the last attempt of a lifetime has cut short is over already.
                if self.attempts(job) == Some(attempts) {
                    self.try_again(job);
                }
            }
            Input::Expired(Timer::Kept(peer)) => self.hang_up(peer),
            Input::Expired(Timer::TlsFailure(peer)) => {
                if !self.has(Mutant::NegativeMemoryNeverExpires) {
                    self.memory.forget_tls_failure(peer);
                }
            }
            Input::Expired(Timer::Warning(job)) => self.warn(job),
            Input::Expired(Timer::Lifetime(job)) => {
                if let Some(queued) = self.jobs.get_mut(&job) {
                    queued.lifetime_is_over = true;
                    self.try_again(job);
                }
            }
        }
    }

    /// Warns at once, or when the attempt that is under way has failed: it may yet succeed.
    fn warn(&mut self, job: JobId) {
        let Some(queued) = self.jobs.get_mut(&job) else { return };
        if queued.stage == Stage::Waiting {
            self.outputs.push_back(Output::Warn(job));
        } else {
            queued.is_warning_due = true;
        }
    }

    /// What the machine wants next.
    pub fn poll(&mut self) -> Output {
        self.outputs.pop_front().unwrap_or(Output::Idle)
    }

    /// The local policy that the session which a job asks for is planned under; none if it asks for none.
    pub fn level(&self, job: JobId) -> Option<Level> {
        match self.jobs.get(&job)?.stage {
            Stage::Trying { level, .. } => Some(level),
            Stage::Waiting | Stage::Resolving => None,
        }
    }

    /// How many attempts a job has begun; none once it is over.
    pub fn attempts(&self, job: JobId) -> Option<u16> {
        self.jobs.get(&job).map(|job| job.attempts)
    }

    /// The same machine with another past: TLS was once used with these hosts and no others. It must not matter (SEED-11).
    #[must_use]
    pub fn with_tls_seen_at(&self, hosts: impl IntoIterator<Item = PeerId>) -> Self {
        Self {
            memory: self.memory.with_tls_seen_at(hosts),
            ..self.clone()
        }
    }

    /// The same machine, a relay to what it originated and the other way round. It must not matter (SEED-13).
    #[must_use]
    pub fn with_other_roles(&self) -> Self {
        let mut other = self.clone();
        for job in other.jobs.values_mut() {
            job.role = match job.role {
                Role::Originator => Role::Relay,
                Role::Relay => Role::Originator,
            };
        }
        other
    }

    /// The same machine, silent if it warned, and the other way round. It must not matter (SEED-10).
    #[must_use]
    pub fn with_other_alarms(&self) -> Self {
        let mut other = self.clone();
        other.settings.alarms = !other.settings.alarms;
        other
    }

    fn queued(&mut self, job: JobId, next_hop: HopId, role: Role) {
        if self.take_in(job, next_hop, role, 0) {
            self.try_again(job);
        }
    }

    /// A job that was waiting still waits for a particular destination after a failure (R5321-4.5.4.1-a).
    fn restored(&mut self, job: JobId, next_hop: HopId, role: Role, attempts: u16, waits: bool) {
        if !self.take_in(job, next_hop, role, attempts) {
            return;
        }
        match waits {
            true => self.outputs.push_back(Output::Arm(Timer::Retry { job, attempts })),
            false => self.try_again(job),
        }
    }

    /// Whether the job is new.
    fn take_in(&mut self, job: JobId, next_hop: HopId, role: Role, attempts: u16) -> bool {
        if self.jobs.contains_key(&job) {
            return false;
        }
        let fresh = Job {
            next_hop,
            role,
            attempts,
            lifetime_is_over: false,
            is_warning_due: false,
            stage: Stage::Waiting,
        };
        self.jobs.insert(job, fresh);
        self.outputs.push_back(Output::Arm(Timer::Lifetime(job)));
        true
    }

    /// Begins an attempt. At the end of the lifetime that is the last one, made at once.
    fn try_again(&mut self, job: JobId) {
        let Some(queued) = self.jobs.get_mut(&job) else { return };
        if queued.stage == Stage::Waiting {
            queued.attempts = queued.attempts.saturating_add(1);
            queued.stage = Stage::Resolving;
            self.outputs.push_back(Output::Resolve(job));
        }
    }

    fn without_tls(&mut self, job: JobId) {
        let Some(peer) = self.peer_of(job) else { return };
        let alarm = match self.settings.mutant {
            Some(Mutant::NeverAlarms) => false,
            Some(Mutant::AlwaysAlarms) => true,
            _ => self.memory.has_seen_tls_before(job, peer),
        };
        if alarm && self.settings.alarms {
            self.outputs.push_back(Output::Alarm(peer));
        }
    }

    /// Every host of this attempt failed: wait, or give up when the time is up (SEED-12, R3207-6-d).
    fn attempt_failed(&mut self, job: JobId) {
        let Some(queued) = self.jobs.get_mut(&job) else { return };
        if queued.lifetime_is_over {
            return self.bounce(job, Cause::Expired);
        }
        if self.settings.mutant == Some(Mutant::ForgetsDeferredMail) {
            self.jobs.remove(&job);
            return self.outputs.push_back(Output::Deferred(job));
        }
        queued.stage = Stage::Waiting;
        let retry = Timer::Retry {
            job,
            attempts: queued.attempts,
        };
        let warning = std::mem::take(&mut queued.is_warning_due).then_some(Output::Warn(job));
        self.outputs.extend([Output::Deferred(job), Output::Arm(retry)]);
        self.outputs.extend(warning);
    }

    fn bounce(&mut self, job: JobId, cause: Cause) {
        self.jobs.remove(&job);
        self.outputs.push_back(Output::Bounced { job, cause });
        if self.settings.mutant != Some(Mutant::BouncesSilently) {
            self.outputs.push_back(Output::Notify(job));
        }
    }

    fn has(&self, mutant: Mutant) -> bool {
        self.settings.mutant == Some(mutant)
    }

    fn peer_of(&self, job: JobId) -> Option<PeerId> {
        match self.jobs.get(&job)?.stage {
            Stage::Trying { peer, .. } => Some(peer),
            Stage::Waiting | Stage::Resolving => None,
        }
    }
}
