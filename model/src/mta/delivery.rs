//! The delivery machine: the queue of a sending MTA, the walk over the mail exchangers, retry, expiry, notification,
//! and the memory that raises the alarm when TLS vanishes.
//!
//! It holds interned ids, never strings, so that a state is a few dozen bytes; it holds no time, so that equal states
//! are equal whenever they are reached. Durations are the driver's: it knows the retry schedule and the lifetime.
//!
//! One job is one message for one recipient. After every [`Delivery::handle`], call [`Delivery::poll`] until
//! [`Output::Idle`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::mta::policy::TlsUse;
use crate::mta::session::{Outcome, WithoutTls};
use crate::mutant::Mutant;
use crate::scenario::Level;

/// A queued message for one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u32);

/// A host that mail can be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u8);

/// A timer that the machine arms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// The gap of the retry schedule after this attempt (R5321-4.5.4.1-b).
    Retry {
        /// The job that waits.
        job: JobId,
        /// How many attempts it has had.
        attempts: u16,
    },
    /// The whole lifetime of a job, from its queueing (R5321-4.5.4.1-c): see [`lifetime`].
    Lifetime(JobId),
}

/// A fact that the driver hands to the machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Input {
    /// A message entered the queue.
    Queued(JobId),
    /// The answer to [`Output::Resolve`].
    Resolved {
        /// The job.
        job: JobId,
        /// The local policy for its next hop, as it stands now.
        level: Level,
        /// Where its next hop is.
        route: Route,
    },
    /// The local policy for a job's next hop changed while the session of [`Output::Connect`] was being prepared; nothing
    /// was dialled. A policy that was raised must never meet a session planned under the old one.
    PolicyChanged {
        /// The job.
        job: JobId,
        /// The local policy for its next hop, as it stands now.
        level: Level,
    },
    /// A session's handshake is complete.
    Secured(JobId),
    /// A session wished for TLS and does without it.
    WithoutTls(JobId),
    /// A session has its result.
    Ended {
        /// The job.
        job: JobId,
        /// The result.
        outcome: Outcome,
    },
    /// A timer has run out.
    Expired(Timer),
}

/// Where a next hop is, as DNS or a fixed route has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Route {
    /// Exchangers with their preferences; those of equal preference in the order to try them (R5321-5.1-c).
    Exchangers(Vec<(u16, PeerId)>),
    /// The domain does not exist.
    NoSuchDomain,
    /// DNS did not say (R5321-5.1-a: queue).
    LookupFailed,
}

/// What the machine asks of its driver.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Output {
    /// An attempt begins: look up policy and exchangers; answer by [`Input::Resolved`].
    Resolve(JobId),
    /// Open a session; answer by [`Input::Ended`], or by [`Input::PolicyChanged`] if the policy is no longer that of
    /// [`Delivery::level`].
    Connect {
        /// The job to send.
        job: JobId,
        /// The host to send it to.
        peer: PeerId,
        /// What the session must do about TLS.
        tls: TlsUse,
    },
    /// Start this timer.
    Arm(Timer),
    /// The next hop took the message: the job is over.
    Sent(JobId),
    /// The attempt failed; there will be another.
    Deferred(JobId),
    /// The message is given back: the job is over.
    Bounced {
        /// The job.
        job: JobId,
        /// Why.
        cause: Cause,
    },
    /// Report the failure of this bounced job to its reverse path, unless that is null (R5321-6.1-a).
    Notify(JobId),
    /// Warn: this host used TLS before and does not now (SEED-10).
    Alarm(PeerId),
    /// Nothing more until the next input.
    Idle,
}

/// Why a message is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// A 5yz reply to the message.
    Refused,
    /// Its time is up.
    Expired,
    /// The domain does not exist.
    NoSuchDomain,
    /// This host is itself the best exchanger and not configured for it.
    LoopsBack,
}

/// What the machine is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Settings {
    /// This host itself, as it may stand in an MX set.
    pub own: PeerId,
    /// Whether to remember TLS and to warn (RFC 3207 §6: MAY).
    pub alarms: bool,
    /// The one bug that it has, if any.
    pub mutant: Option<Mutant>,
}

/// The delivery machine of one host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Delivery {
    settings: Settings,
    jobs: BTreeMap<JobId, Job>,
    /// Hosts with which a handshake was once completed. Warns, and decides nothing (SEED-11).
    tls_seen: BTreeSet<PeerId>,
    outputs: VecDeque<Output>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Job {
    attempts: u16,
    lifetime_is_over: bool,
    stage: Stage,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Stage {
    Waiting,
    Resolving,
    Trying {
        level: Level,
        peer: PeerId,
        /// After a failed try at TLS that was not required.
        in_clear: bool,
        rest: VecDeque<PeerId>,
    },
}

/// The lifetime that the machine's [`Timer::Lifetime`] runs for, given the configured one.
pub fn lifetime(configured: Duration, mutant: Option<Mutant>) -> Duration {
    match mutant {
        Some(Mutant::GivesUpEarly) => configured.min(Duration::from_secs(24 * 3600)),
        _ => configured,
    }
}

impl Delivery {
    /// A machine with an empty queue and no memory.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            jobs: BTreeMap::new(),
            tls_seen: BTreeSet::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes a fact. Facts about jobs that are over, or that do not fit a job's stage, change nothing.
    pub fn handle(&mut self, input: Input) {
        match input {
            Input::Queued(job) => self.queued(job),
            Input::Resolved { job, level, route } => self.resolved(job, level, route),
            Input::PolicyChanged { job, level } => self.policy_changed(job, level),
            Input::Secured(job) => {
                if let Some(peer) = self.peer_of(job) {
                    self.tls_seen.insert(peer);
                }
            }
            Input::WithoutTls(job) => self.without_tls(job),
            Input::Ended { job, outcome } => self.ended(job, outcome),
            Input::Expired(Timer::Retry { job, attempts }) => {
                // A gap that the last attempt of a lifetime has cut short is over already.
                if self.attempts(job) == Some(attempts) {
                    self.try_again(job);
                }
            }
            Input::Expired(Timer::Lifetime(job)) => {
                if let Some(queued) = self.jobs.get_mut(&job) {
                    queued.lifetime_is_over = true;
                    self.try_again(job);
                }
            }
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

    fn queued(&mut self, job: JobId) {
        let fresh = Job {
            attempts: 0,
            lifetime_is_over: false,
            stage: Stage::Waiting,
        };
        if self.jobs.insert(job, fresh).is_none() {
            self.outputs.push_back(Output::Arm(Timer::Lifetime(job)));
            self.try_again(job);
        }
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

    fn resolved(&mut self, job: JobId, level: Level, route: Route) {
        if self
            .jobs
            .get(&job)
            .is_none_or(|queued| queued.stage != Stage::Resolving)
        {
            return;
        }
        match route {
            Route::LookupFailed => self.attempt_failed(job),
            Route::NoSuchDomain => self.bounce(job, Cause::NoSuchDomain),
            Route::Exchangers(exchangers) => {
                let rest = self.to_try(exchangers);
                if rest.is_empty() {
                    self.bounce(job, Cause::LoopsBack);
                } else {
                    self.try_next(job, level, rest);
                }
            }
        }
    }

    /// The hosts to try, best preference first, without this host and those no better than it (R5321-5.1-c, 5.1-e).
    fn to_try(&self, mut exchangers: Vec<(u16, PeerId)>) -> VecDeque<PeerId> {
        exchangers.sort_by_key(|&(preference, _)| preference);
        let own = exchangers
            .iter()
            .find(|&&(_, peer)| peer == self.settings.own)
            .map(|&(preference, _)| preference);
        let better_than_own = |preference| own.is_none_or(|own| preference < own);
        let hosts = exchangers
            .into_iter()
            .filter(|&(preference, _)| better_than_own(preference))
            .map(|(_, peer)| peer);
        match self.settings.mutant {
            Some(Mutant::TriesOnlyFirstExchanger) => hosts.take(1).collect(),
            _ => hosts.collect(),
        }
    }

    fn try_next(&mut self, job: JobId, level: Level, mut rest: VecDeque<PeerId>) {
        match rest.pop_front() {
            Some(peer) => self.connect(
                job,
                Stage::Trying {
                    level,
                    peer,
                    in_clear: false,
                    rest,
                },
            ),
            None => self.attempt_failed(job),
        }
    }

    /// The policy of the moment rules each dial. A retry in clear is off once TLS is required.
    fn policy_changed(&mut self, job: JobId, level: Level) {
        let Some(queued) = self.jobs.get_mut(&job) else { return };
        let Stage::Trying {
            peer, in_clear, rest, ..
        } = &mut queued.stage
        else {
            return;
        };
        let in_clear = *in_clear && !TlsUse::of(level).is_required();
        let stage = Stage::Trying {
            level,
            peer: *peer,
            in_clear,
            rest: std::mem::take(rest),
        };
        self.connect(job, stage);
    }

    fn connect_in_clear(&mut self, job: JobId, level: Level, peer: PeerId, rest: VecDeque<PeerId>) {
        self.connect(
            job,
            Stage::Trying {
                level,
                peer,
                in_clear: true,
                rest,
            },
        );
    }

    fn connect(&mut self, job: JobId, stage: Stage) {
        let Stage::Trying {
            level, peer, in_clear, ..
        } = stage
        else {
            return;
        };
        let tls = match (TlsUse::of(level), self.settings.mutant) {
            _ if in_clear => TlsUse::Never,
            (TlsUse::IfOffered, Some(Mutant::RequiresTlsUnasked)) => TlsUse::Required,
            (TlsUse::IfOffered, Some(Mutant::RemembersTlsAndRefusesClear)) if self.tls_seen.contains(&peer) => {
                TlsUse::Required
            }
            (tls, _) => tls,
        };
        if let Some(queued) = self.jobs.get_mut(&job) {
            queued.stage = stage;
            self.outputs.push_back(Output::Connect { job, peer, tls });
        }
    }

    fn without_tls(&mut self, job: JobId) {
        let Some(peer) = self.peer_of(job) else { return };
        let alarm = match self.settings.mutant {
            Some(Mutant::NeverAlarms) => false,
            Some(Mutant::AlwaysAlarms) => true,
            _ => self.tls_seen.contains(&peer),
        };
        if alarm && self.settings.alarms {
            self.outputs.push_back(Output::Alarm(peer));
        }
    }

    fn ended(&mut self, job: JobId, outcome: Outcome) {
        let Some(queued) = self.jobs.get_mut(&job) else { return };
        let Stage::Trying { level, peer, rest, .. } = &mut queued.stage else {
            return;
        };
        let (level, peer, rest) = (*level, *peer, std::mem::take(rest));
        match outcome {
            Outcome::Accepted
                if self.settings.mutant == Some(Mutant::SendsAgainAfterAcceptance) && queued.attempts == 1 =>
            {
                self.attempt_failed(job);
            }
            Outcome::Accepted => {
                self.jobs.remove(&job);
                self.outputs.push_back(Output::Sent(job));
            }
            Outcome::RefusedForGood => self.bounce(job, Cause::Refused),
            // Nothing is required here, and a failed try at TLS must not lessen the chance of delivery (SEED-06).
            Outcome::TlsBroke(_) => self.connect_in_clear(job, level, peer, rest),
            Outcome::TlsUnavailable(why) => match self.settings.mutant {
                Some(Mutant::FallsBackToClear) => self.connect_in_clear(job, level, peer, rest),
                Some(Mutant::BouncesWhenStarttlsVanishes) if why == WithoutTls::NotOffered => {
                    self.bounce(job, Cause::Refused);
                }
                _ => self.try_next(job, level, rest),
            },
            Outcome::RefusedForNow | Outcome::ConnectionFailed => self.try_next(job, level, rest),
        }
    }

    /// Every host of this attempt failed: wait, or give up when the time is up (SEED-12, R3207-6-d).
    fn attempt_failed(&mut self, job: JobId) {
        let Some(queued) = self.jobs.get_mut(&job) else { return };
        if queued.lifetime_is_over {
            return self.bounce(job, Cause::Expired);
        }
        queued.stage = Stage::Waiting;
        let retry = Timer::Retry {
            job,
            attempts: queued.attempts,
        };
        self.outputs.extend([Output::Deferred(job), Output::Arm(retry)]);
    }

    fn bounce(&mut self, job: JobId, cause: Cause) {
        self.jobs.remove(&job);
        self.outputs.push_back(Output::Bounced { job, cause });
        if self.settings.mutant != Some(Mutant::BouncesSilently) {
            self.outputs.push_back(Output::Notify(job));
        }
    }

    fn peer_of(&self, job: JobId) -> Option<PeerId> {
        match self.jobs.get(&job)?.stage {
            Stage::Trying { peer, .. } => Some(peer),
            Stage::Waiting | Stage::Resolving => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: JobId = JobId(0);
    const BEST: PeerId = PeerId(1);
    const SECOND: PeerId = PeerId(2);
    const NOT_OFFERED: Outcome = Outcome::TlsUnavailable(WithoutTls::NotOffered);

    /// A machine with one job, and all that it said so far.
    struct Story {
        machine: Delivery,
    }

    impl Story {
        fn queued(mutant: Option<Mutant>) -> Self {
            let mut story = Self {
                machine: Delivery::new(Settings {
                    own: PeerId(0),
                    alarms: true,
                    mutant,
                }),
            };
            assert_eq!(
                story.says(Input::Queued(JOB)),
                [Output::Arm(Timer::Lifetime(JOB)), Output::Resolve(JOB)]
            );
            story
        }

        fn says(&mut self, input: Input) -> Vec<Output> {
            self.machine.handle(input);
            std::iter::from_fn(|| Some(self.machine.poll()).filter(|output| *output != Output::Idle)).collect()
        }

        fn resolved(&mut self, level: Level) -> Vec<Output> {
            let route = Route::Exchangers(vec![(20, SECOND), (10, BEST)]);
            self.says(Input::Resolved { job: JOB, level, route })
        }

        fn ended(&mut self, outcome: Outcome) -> Vec<Output> {
            self.says(Input::Ended { job: JOB, outcome })
        }

        fn retried(&mut self, attempts: u16) -> Vec<Output> {
            self.says(Input::Expired(Timer::Retry { job: JOB, attempts }))
        }
    }

    fn connect(peer: PeerId, tls: TlsUse) -> Vec<Output> {
        vec![Output::Connect { job: JOB, peer, tls }]
    }

    fn deferral(attempts: u16) -> Vec<Output> {
        vec![Output::Deferred(JOB), Output::Arm(Timer::Retry { job: JOB, attempts })]
    }

    #[test]
    fn the_best_exchanger_is_tried_first_and_acceptance_ends_the_job() {
        let mut story = Story::queued(None);
        assert_eq!(story.resolved(Level::May), connect(BEST, TlsUse::IfOffered));
        assert_eq!(story.ended(Outcome::Accepted), [Output::Sent(JOB)]);
        assert_eq!(story.machine.attempts(JOB), None, "the job is over");
    }

    #[test]
    fn required_tls_that_vanished_leads_to_the_next_exchanger_then_deferral_and_bounces_only_when_time_is_up() {
        let mut story = Story::queued(None);
        assert_eq!(story.resolved(Level::Encrypt), connect(BEST, TlsUse::Required));
        assert_eq!(story.ended(NOT_OFFERED), connect(SECOND, TlsUse::Required));
        assert_eq!(story.ended(NOT_OFFERED), deferral(1));
        assert_eq!(story.retried(1), [Output::Resolve(JOB)]);
        story.resolved(Level::Encrypt);
        story.ended(NOT_OFFERED);
        assert_eq!(story.ended(NOT_OFFERED), deferral(2));
        assert_eq!(
            story.says(Input::Expired(Timer::Lifetime(JOB))),
            [Output::Resolve(JOB)],
            "one last attempt"
        );
        story.resolved(Level::Encrypt);
        story.ended(NOT_OFFERED);
        let bounce = [
            Output::Bounced {
                job: JOB,
                cause: Cause::Expired,
            },
            Output::Notify(JOB),
        ];
        assert_eq!(story.ended(NOT_OFFERED), bounce);
    }

    #[test]
    fn a_broken_handshake_is_followed_by_a_session_in_clear_where_nothing_is_required() {
        let mut story = Story::queued(None);
        story.resolved(Level::May);
        let broke = Outcome::TlsBroke(WithoutTls::HandshakeFailed);
        assert_eq!(story.ended(broke), connect(BEST, TlsUse::Never));
        assert_eq!(story.ended(Outcome::Accepted), [Output::Sent(JOB)]);
    }

    #[test]
    fn vanished_tls_raises_an_alarm_and_changes_nothing_else() {
        let mut story = Story::queued(None);
        story.resolved(Level::May);
        assert_eq!(story.says(Input::WithoutTls(JOB)), [], "never seen with TLS");
        assert_eq!(story.says(Input::Secured(JOB)), []);
        story.ended(Outcome::RefusedForNow);
        story.ended(Outcome::RefusedForNow);
        story.retried(1);
        assert_eq!(story.resolved(Level::May), connect(BEST, TlsUse::IfOffered));
        assert_eq!(story.says(Input::WithoutTls(JOB)), [Output::Alarm(BEST)]);
        assert_eq!(story.ended(Outcome::Accepted), [Output::Sent(JOB)]);
    }

    #[test]
    fn a_failed_lookup_defers_and_a_missing_domain_bounces() {
        let mut story = Story::queued(None);
        let resolved = |route| Input::Resolved {
            job: JOB,
            level: Level::May,
            route,
        };
        assert_eq!(story.says(resolved(Route::LookupFailed)), deferral(1));
        story.retried(1);
        let bounce = [
            Output::Bounced {
                job: JOB,
                cause: Cause::NoSuchDomain,
            },
            Output::Notify(JOB),
        ];
        assert_eq!(story.says(resolved(Route::NoSuchDomain)), bounce);
    }

    #[test]
    fn a_host_that_finds_itself_listed_tries_only_better_exchangers() {
        let mut story = Story::queued(None);
        let route = Route::Exchangers(vec![(10, BEST), (20, PeerId(0)), (20, SECOND)]);
        let said = story.says(Input::Resolved {
            job: JOB,
            level: Level::None,
            route,
        });
        assert_eq!(said, connect(BEST, TlsUse::Never));
        assert_eq!(story.ended(Outcome::ConnectionFailed), deferral(1));
    }

    #[test]
    fn the_policy_of_the_moment_rules_each_attempt() {
        let mut story = Story::queued(None);
        assert_eq!(story.resolved(Level::Secure), connect(BEST, TlsUse::Authenticated));
        story.ended(NOT_OFFERED);
        story.ended(NOT_OFFERED);
        story.retried(1);
        assert_eq!(story.resolved(Level::May), connect(BEST, TlsUse::IfOffered));
    }

    #[test]
    fn a_policy_that_is_raised_before_the_dial_rules_the_dial_even_a_retry_in_clear() {
        let raised = Input::PolicyChanged {
            job: JOB,
            level: Level::Encrypt,
        };
        let mut story = Story::queued(None);
        assert_eq!(story.resolved(Level::None), connect(BEST, TlsUse::Never));
        assert_eq!(story.says(raised.clone()), connect(BEST, TlsUse::Required));
        assert_eq!(story.ended(NOT_OFFERED), connect(SECOND, TlsUse::Required));
        let mut story = Story::queued(None);
        story.resolved(Level::May);
        story.ended(Outcome::TlsBroke(WithoutTls::HandshakeFailed));
        assert_eq!(story.says(raised), connect(BEST, TlsUse::Required));
        let mut story = Story::queued(None);
        story.resolved(Level::May);
        story.ended(Outcome::TlsBroke(WithoutTls::HandshakeFailed));
        let lowered = Input::PolicyChanged {
            job: JOB,
            level: Level::None,
        };
        assert_eq!(story.says(lowered), connect(BEST, TlsUse::Never));
    }

    #[test]
    fn facts_that_come_too_late_change_nothing() {
        let mut story = Story::queued(None);
        story.resolved(Level::May);
        story.ended(Outcome::Accepted);
        let before = story.machine.clone();
        for input in [
            Input::Expired(Timer::Lifetime(JOB)),
            Input::Ended {
                job: JOB,
                outcome: Outcome::ConnectionFailed,
            },
            Input::WithoutTls(JOB),
        ] {
            assert_eq!(story.says(input), []);
        }
        assert_eq!(story.machine, before);
    }
}
