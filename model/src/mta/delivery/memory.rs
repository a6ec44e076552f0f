//! What the machine remembers of hosts. A restart forgets it all.

use std::collections::BTreeSet;

use super::{JobId, PeerId};

/// The memory of one host about others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Memory {
    /// Hosts with which a handshake was once completed. Warns, and decides nothing (SEED-11).
    tls_seen: BTreeSet<PeerId>,
    /// The jobs whose present session is the first with TLS that the host was seen to complete: nothing vanishes in it.
    first_with_tls: BTreeSet<JobId>,
    /// Hosts at which TLS broke a session not long ago (C-DG-12).
    tls_failed: BTreeSet<PeerId>,
    /// Hosts that refused a message for good. Only a mutant looks here: the next message is another (R5321-4.5.4.1-e).
    refused: BTreeSet<PeerId>,
    /// Hosts that are taken to have published that TLS must be used. Only a mutant does so, because it once was (SEED-11).
    policies: BTreeSet<PeerId>,
}

impl Memory {
    /// A handshake with the host was completed: what broke before is mended.
    pub(super) fn secured(&mut self, job: JobId, peer: PeerId) {
        if self.tls_seen.insert(peer) {
            self.first_with_tls.insert(job);
        }
        self.tls_failed.remove(&peer);
    }

    /// Whether TLS was used with the host in a session before the present one of the job (RFC 3207 §6: “a later session”).
    pub(super) fn has_seen_tls_before(&self, job: JobId, peer: PeerId) -> bool {
        self.tls_seen.contains(&peer) && !self.first_with_tls.contains(&job)
    }

    /// The job's session is over.
    pub(super) fn session_ended(&mut self, job: JobId) {
        self.first_with_tls.remove(&job);
    }

    /// The same memory, but for where TLS was seen.
    pub(super) fn with_tls_seen_at(&self, hosts: impl IntoIterator<Item = PeerId>) -> Self {
        Self {
            tls_seen: hosts.into_iter().collect(),
            ..self.clone()
        }
    }

    pub(super) fn has_seen_tls(&self, peer: PeerId) -> bool {
        self.tls_seen.contains(&peer)
    }

    /// Whether that is news.
    pub(super) fn tls_failed(&mut self, peer: PeerId) -> bool {
        self.tls_failed.insert(peer)
    }

    pub(super) fn has_tls_failed(&self, peer: PeerId) -> bool {
        self.tls_failed.contains(&peer)
    }

    pub(super) fn forget_tls_failure(&mut self, peer: PeerId) {
        self.tls_failed.remove(&peer);
    }

    pub(super) fn refused(&mut self, peer: PeerId) {
        self.refused.insert(peer);
    }

    pub(super) fn takes_for_policy(&mut self, peer: PeerId) {
        self.policies.insert(peer);
    }

    pub(super) fn has_policy(&self, peer: PeerId) -> bool {
        self.policies.contains(&peer)
    }

    pub(super) fn has_refused(&self, peer: PeerId) -> bool {
        self.refused.contains(&peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: PeerId = PeerId(0);
    const JOB: JobId = JobId(0);

    #[test]
    fn nothing_vanishes_in_the_session_that_first_had_tls() {
        let mut memory = Memory::default();
        memory.secured(JOB, PEER);
        assert!(!memory.has_seen_tls_before(JOB, PEER));
    }

    #[test]
    fn in_every_later_session_and_in_one_beside_it_tls_may_vanish() {
        let mut memory = Memory::default();
        memory.secured(JOB, PEER);
        assert!(memory.has_seen_tls_before(JobId(1), PEER), "another job's");
        memory.session_ended(JOB);
        assert!(memory.has_seen_tls_before(JOB, PEER), "the next of the same job");
        memory.secured(JOB, PEER);
        assert!(
            memory.has_seen_tls_before(JOB, PEER),
            "whose handshake is not the first"
        );
    }
}
