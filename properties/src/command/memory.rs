//! How much memory this process takes: a walk stops at a limit, and tells how much it took.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use memory_stats::memory_stats;

/// Between two looks at the memory so many states are found at least. A look takes some microseconds.
const STATES_BETWEEN_LOOKS: u64 = 1 << 16;

/// Looks at the memory from time to time. What is taken between two looks is not seen, and a table that grows takes its new
/// room at once, so that the limit may be overstepped.
#[derive(Debug)]
pub(super) struct Memory {
    limit_bytes: u64,
    looked_at: AtomicU64,
    most_bytes: AtomicU64,
    is_over: AtomicBool,
}

impl Memory {
    /// No more than so many bytes, as far as looks can tell.
    pub(super) fn up_to(limit_bytes: u64) -> Self {
        Self {
            limit_bytes,
            looked_at: AtomicU64::new(0),
            most_bytes: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        }
    }

    /// Hears of the number of states so far. `false` once the limit is passed.
    pub(super) fn allows(&self, states: u64) -> bool {
        let looked_at = self.looked_at.load(Ordering::Relaxed);
        if states >= looked_at + STATES_BETWEEN_LOOKS {
            self.looked_at.store(states, Ordering::Relaxed);
            self.look();
        }
        !self.is_over()
    }

    /// Looks now. Where the system does not tell, nothing is known and nothing is limited.
    pub(super) fn look(&self) {
        if let Some(now) = memory_stats() {
            let bytes = now.physical_mem as u64;
            self.most_bytes.fetch_max(bytes, Ordering::Relaxed);
            self.is_over.fetch_or(bytes > self.limit_bytes, Ordering::Relaxed);
        }
    }

    /// Whether a look found more than is allowed.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// The most that a look found, in bytes; none if the system does not tell.
    pub(super) fn most_bytes(&self) -> Option<u64> {
        Some(self.most_bytes.load(Ordering::Relaxed)).filter(|bytes| *bytes > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_may_go_on_as_long_as_it_takes_less_than_the_limit() {
        let plenty = Memory::up_to(u64::MAX);
        assert!(plenty.allows(STATES_BETWEEN_LOOKS));
        assert!(plenty.most_bytes().is_none_or(|bytes| bytes > 1 << 16));
        let scarce = Memory::up_to(1);
        assert!(scarce.allows(STATES_BETWEEN_LOOKS - 1), "nobody looked yet");
        assert_eq!(scarce.allows(STATES_BETWEEN_LOOKS), scarce.most_bytes().is_none());
    }
}
