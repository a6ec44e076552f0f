//! Sessions that are kept open for more mail, and what mail they will do for.

use std::time::Duration;

use super::{Delivery, HopId, JobId, Output, PeerId, Proof, Stage, Timer};
use crate::mta::policy::TlsUse;
use crate::mutant::Mutant;
use crate::scenario::Level;

/// How long a session that is kept may be idle. Postfix keeps one for 2 seconds, Sendmail for 5 minutes.
pub const KEPT_FOR: Duration = Duration::from_secs(60);

/// A session that stands open after its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Kept {
    proof: Proof,
    /// The next hop that it was opened for.
    next_hop: HopId,
    /// It tried for TLS as far as a policy of `may` asks.
    tried_tls: bool,
}

impl Kept {
    pub(super) fn proof(self) -> Proof {
        self.proof
    }
}

impl Delivery {
    /// Keeps the session of a job that was accepted, in place of one that is kept with the same host already.
    pub(super) fn keep(&mut self, job: JobId, proof: Proof) {
        let Some(queued) = self.jobs.get(&job) else { return };
        let Stage::Trying {
            level,
            peer,
            in_clear,
            reused,
            ..
        } = &queued.stage
        else {
            return;
        };
        let peer = *peer;
        let kept = reused.unwrap_or(Kept {
            proof,
            next_hop: queued.next_hop,
            tried_tls: *level == Level::May && !in_clear,
        });
        self.hang_up(peer);
        self.kept.insert(peer, kept);
        self.outputs.push_back(Output::Arm(Timer::Kept(peer)));
    }

    pub(super) fn hang_up(&mut self, peer: PeerId) {
        if self.kept.remove(&peer).is_some() {
            self.outputs.push_back(Output::HangUp(peer));
        }
    }

    /// Takes the session that is kept with a host, if it will do for mail to this next hop under its present policy: what
    /// the session proved is held against what is required now, for every message anew (C-DG-19).
    pub(super) fn take_kept(&mut self, peer: PeerId, level: Level, next_hop: HopId) -> Option<Kept> {
        let kept = *self.kept.get(&peer)?;
        let suffices = match (TlsUse::of(level), kept.proof, self.settings.mutant) {
            (_, Proof::Clear, Some(Mutant::ReusesClearSessionForRequired)) => true,
            (_, _, Some(Mutant::KeepsOldPolicyOnReuse)) if kept.next_hop == next_hop => true,
            (TlsUse::Authenticated, Proof::Authenticated(_), Some(Mutant::ReusesSessionVerifiedForAnotherDomain)) => {
                true
            }
            (TlsUse::Never, proof, _) => proof == Proof::Clear,
            (TlsUse::IfOffered, proof, _) => proof > Proof::Clear || kept.tried_tls,
            (TlsUse::Required, proof, _) => proof > Proof::Clear,
            (TlsUse::Authenticated, proof, _) => proof == Proof::Authenticated(next_hop),
        };
        if suffices { self.kept.remove(&peer) } else { None }
    }
}
