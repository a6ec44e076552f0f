//! One attempt: the walk over the exchangers of a next hop, and what the result of each session leads to.

use std::collections::VecDeque;

use super::{Cause, Delivery, JobId, Output, PeerId, Role, Route, Stage};
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
    pub(super) fn policy_changed(&mut self, job: JobId, level: Level) {
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
            (TlsUse::IfOffered, Some(Mutant::NeverTriesTls)) => TlsUse::Never,
            (TlsUse::IfOffered, Some(Mutant::AlarmHoldsMail))
                if self.settings.alarms && self.tls_seen.contains(&peer) =>
            {
                TlsUse::Required
            }
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

    pub(super) fn ended(&mut self, job: JobId, outcome: Outcome) {
        let Some(queued) = self.jobs.get_mut(&job) else { return };
        let Stage::Trying { level, peer, rest, .. } = &mut queued.stage else {
            return;
        };
        let (level, peer, rest) = (*level, *peer, std::mem::take(rest));
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
            Outcome::RefusedForGood => self.bounce(job, Cause::Refused),
            Outcome::TlsBroke(_) if self.settings.mutant == Some(Mutant::DefersAfterBrokenHandshake) => {
                self.try_next(job, level, rest);
            }
            // Nothing is required here, and a failed try at TLS must not lessen the chance of delivery (SEED-06).
            Outcome::TlsBroke(_) => self.connect_in_clear(job, level, peer, rest),
            Outcome::TlsUnavailable(why) => match self.settings.mutant {
                Some(Mutant::FallsBackToClear) => self.connect_in_clear(job, level, peer, rest),
                Some(Mutant::BouncesWhenStarttlsVanishes) if why == WithoutTls::NotOffered => {
                    self.bounce(job, Cause::Refused);
                }
                Some(Mutant::RelayReturnsMailForWantOfTls) if role == Role::Relay => {
                    self.bounce(job, Cause::Refused);
                }
                _ => self.try_next(job, level, rest),
            },
            Outcome::RefusedForNow | Outcome::ConnectionFailed => self.try_next(job, level, rest),
        }
    }
}
