//! One attempt: the walk over the exchangers of a next hop, and what the result of each session leads to.

use std::collections::VecDeque;

use super::{Cause, Delivery, Job, JobId, Output, PeerId, Role, Route, Stage, Timer};
use crate::mta::policy::TlsUse;
use crate::mta::session::{Outcome, WithoutTls};
use crate::mutant::Mutant;
use crate::scenario::Level;

impl Delivery {
    pub(super) fn resolved(&mut self, job: JobId, level: Level, route: Route) {
        if self
            .jobs
            .get(&job)
            .is_none_or(|queued| queued.stage != Stage::Resolving)
        {
            return;
        }
        match route {
            Route::LookupFailed if self.settings.mutant == Some(Mutant::BouncesOnServfail) => {
                self.bounce(job, Cause::NoSuchDomain);
            }
            Route::LookupFailed => self.attempt_failed(job),
            Route::NullMx if self.settings.mutant == Some(Mutant::QueuesNullMx) => self.attempt_failed(job),
            Route::NullMx => self.bounce(job, Cause::NullMx),
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
    /// Security never changes the order.
    fn to_try(&self, mut exchangers: Vec<(u16, PeerId)>) -> VecDeque<(PeerId, u8)> {
        match self.settings.mutant {
            Some(Mutant::IgnoresPreference) => {}
            Some(Mutant::OrdersBySecurity) => {
                exchangers.sort_by_key(|&(preference, peer)| (!self.memory.has_seen_tls(peer), preference));
            }
            _ => exchangers.sort_by_key(|&(preference, _)| preference),
        }
        let own = exchangers
            .iter()
            .find(|&&(_, peer)| peer == self.settings.own)
            .map(|&(preference, _)| preference)
            .filter(|_| !self.has(Mutant::DoesNotDropItself));
        let better_than_own = |preference| own.is_none_or(|own| preference < own);
        let hosts = exchangers
            .into_iter()
            .filter(|&(preference, _)| better_than_own(preference))
            .map(|(_, peer)| (peer, 0));
        match self.settings.mutant {
            Some(Mutant::TriesOnlyFirstExchanger) => hosts.take(1).collect(),
            _ => hosts.collect(),
        }
    }

    /// The other addresses of a host come right behind its first, before the next host (R5321-5.1-d).
    pub(super) fn located(&mut self, job: JobId, addresses: u8) {
        if self.has(Mutant::TriesOnlyFirstAddress) {
            return;
        }
        let Some(queued) = self.jobs.get_mut(&job) else { return };
        let Stage::Trying {
            peer, address: 0, rest, ..
        } = &mut queued.stage
        else {
            return;
        };
        let peer = *peer;
        if rest.front().is_none_or(|(next, _)| *next != peer) {
            let others = (1..addresses).rev();
            others.for_each(|address| rest.push_front((peer, address)));
        }
    }

    fn try_next(&mut self, job: JobId, level: Level, mut rest: VecDeque<(PeerId, u8)>) {
        match rest.pop_front() {
            Some((peer, address)) => self.connect(
                job,
                Stage::Trying {
                    level,
                    peer,
                    address,
                    in_clear: false,
                    reused: None,
                    rest,
                },
            ),
            None => self.attempt_failed(job),
        }
    }

    /// The policy of the moment rules each dial, and each message on a session that was kept. A retry in clear is off once
    /// TLS is required.
    pub(super) fn policy_changed(&mut self, job: JobId, level: Level) {
        let Some(queued) = self.jobs.get_mut(&job) else { return };
        let Stage::Trying {
            peer,
            address,
            in_clear,
            reused,
            rest,
            ..
        } = &mut queued.stage
        else {
            return;
        };
        let (peer, address) = (*peer, *address);
        let in_clear = *in_clear && !TlsUse::of(level).is_required();
        let unused = reused.take();
        let stage = Stage::Trying {
            level,
            peer,
            address,
            in_clear,
            reused: None,
            rest: std::mem::take(rest),
        };
        self.sessions.remove(&job);
        if let Some(kept) = unused {
            self.kept.insert(peer, kept);
            self.outputs.push_back(Output::Arm(Timer::Kept(peer)));
        }
        self.connect(job, stage);
    }

    /// Dials the same address again.
    fn connect_in_clear(
        &mut self,
        job: JobId,
        level: Level,
        (peer, address): (PeerId, u8),
        rest: VecDeque<(PeerId, u8)>,
    ) {
        self.connect(
            job,
            Stage::Trying {
                level,
                peer,
                address,
                in_clear: true,
                reused: None,
                rest,
            },
        );
    }

    /// Asks for a session, unless there are as many with this host as there may be: then the job waits for one of them to
    /// end. Sessions with other hosts have nothing to do with it.
    fn connect(&mut self, job: JobId, stage: Stage) {
        let Stage::Trying { peer, .. } = stage else { return };
        if let Some(queued) = self.jobs.get_mut(&job) {
            queued.stage = stage;
            match self.has_room(peer) {
                true => self.open(job),
                false => self.held_back.push_back(job),
            }
        }
    }

    pub(super) fn has_room(&self, peer: PeerId) -> bool {
        let in_the_way = match self.settings.mutant {
            Some(Mutant::OneSlowDestinationBlocksAll) => self.sessions.len(),
            _ => self.sessions.values().filter(|other| **other == peer).count(),
        };
        in_the_way < usize::from(self.settings.sessions_per_host.max(1))
    }

    fn open(&mut self, job: JobId) {
        let Some(queued) = self.jobs.get_mut(&job) else { return };
        let next_hop = queued.next_hop;
        let Stage::Trying {
            level,
            peer,
            address,
            in_clear,
            ..
        } = queued.stage
        else {
            return;
        };
        if self.has(Mutant::Remembers5yzToMail) && self.memory.has_refused(peer) {
            return self.bounce(job, Cause::Refused);
        }
        self.sessions.insert(job, peer);
        let kept = if in_clear {
            None
        } else {
            self.take_kept(peer, level, next_hop)
        };
        if let Some(Job {
            stage: Stage::Trying { reused, .. },
            ..
        }) = self.jobs.get_mut(&job)
        {
            *reused = kept;
        }
        self.outputs.push_back(match kept {
            Some(_) => Output::Reuse { job, peer },
            None => Output::Connect {
                job,
                peer,
                address,
                tls: self.tls_use(level, peer, in_clear),
            },
        });
    }

    /// What a session must do about TLS. That TLS broke here not long ago matters only where it is not required.
    fn tls_use(&self, level: Level, peer: PeerId, in_clear: bool) -> TlsUse {
        let failed = self.settings.remembers_tls_failure && self.memory.has_tls_failed(peer);
        match (TlsUse::of(level), self.settings.mutant) {
            _ if in_clear => TlsUse::Never,
            (_, Some(Mutant::NegativeMemoryAppliesWhenRequired)) if failed => TlsUse::Never,
            (TlsUse::IfOffered, Some(Mutant::RequiresTlsUnasked)) => TlsUse::Required,
            (TlsUse::IfOffered, Some(Mutant::NeverTriesTls)) => TlsUse::Never,
            (TlsUse::IfOffered, Some(Mutant::AlarmHoldsMail))
                if self.settings.alarms && self.memory.has_seen_tls(peer) =>
            {
                TlsUse::Required
            }
            (TlsUse::IfOffered, Some(Mutant::RemembersTlsAndRefusesClear)) if self.memory.has_seen_tls(peer) => {
                TlsUse::Required
            }
            (TlsUse::IfOffered, Some(Mutant::LaundersTlsIntoPolicy)) if self.memory.has_policy(peer) => {
                TlsUse::Required
            }
            (TlsUse::IfOffered, _) if failed => TlsUse::Never,
            (tls, _) => tls,
        }
    }

    pub(super) fn ended(&mut self, job: JobId, outcome: Outcome) {
        if self.sessions.remove(&job).is_some() {
            self.result(job, outcome);
            self.let_the_next_go();
        }
    }

    /// A session is over: whoever waited for it has a turn.
    fn let_the_next_go(&mut self) {
        while let Some(place) = self.held_back.iter().position(|job| self.may_go(*job)) {
            if let Some(job) = self.held_back.remove(place) {
                self.open(job);
            }
        }
    }

    fn may_go(&self, job: JobId) -> bool {
        self.peer_of(job).is_none_or(|peer| self.has_room(peer))
    }

    fn result(&mut self, job: JobId, outcome: Outcome) {
        let Some(queued) = self.jobs.get_mut(&job) else { return };
        let Stage::Trying {
            level,
            peer,
            address,
            reused,
            rest,
            ..
        } = &mut queued.stage
        else {
            return;
        };
        let (level, peer, was_reused, rest) = (*level, *peer, reused.is_some(), std::mem::take(rest));
        let place = (peer, *address);
        let role = queued.role;
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
            Outcome::RefusedForGood if self.settings.mutant == Some(Mutant::RetriesAfter5yz) => {
                self.attempt_failed(job);
            }
            Outcome::RefusedForGood => {
                if self.has(Mutant::Remembers5yzToMail) {
                    self.memory.refused(peer);
                }
                self.bounce(job, Cause::Refused);
            }
            // A session that was kept may have ended meanwhile: that says nothing about the host.
            Outcome::ConnectionFailed if was_reused => {
                let mut again = rest;
                again.push_front((peer, 0));
                self.try_next(job, level, again);
            }
            Outcome::TlsBroke(_) if self.settings.mutant == Some(Mutant::DefersAfterBrokenHandshake) => {
                self.try_next(job, level, rest);
            }
            // Nothing is required here, and a failed try at TLS must not lessen the chance of delivery (SEED-06).
            Outcome::TlsBroke(_) => {
                self.tls_failed(peer);
                self.connect_in_clear(job, level, place, rest);
            }
            Outcome::TlsUnavailable(why) => match self.settings.mutant {
                Some(Mutant::FallsBackToClear) => self.connect_in_clear(job, level, place, rest),
                Some(Mutant::BouncesWhenStarttlsVanishes) if why == WithoutTls::NotOffered => {
                    self.bounce(job, Cause::Refused);
                }
                Some(Mutant::RelayReturnsMailForWantOfTls) if role == Role::Relay => {
                    self.bounce(job, Cause::Refused);
                }
                Some(Mutant::WaitsAfterTlsFailure) => self.attempt_failed(job),
                _ => self.try_next(job, level, rest),
            },
            Outcome::RefusedForNow | Outcome::ConnectionFailed => self.try_next(job, level, rest),
        }
    }

    fn tls_failed(&mut self, peer: PeerId) {
        if self.settings.remembers_tls_failure && self.memory.tls_failed(peer) {
            self.outputs.push_back(Output::Arm(Timer::TlsFailure(peer)));
        }
    }
}
