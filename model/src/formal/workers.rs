//! Threads that several walks share: a walk takes over the threads of those that have ended.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The threads that there are, and how many walks share them.
#[derive(Debug)]
pub struct Workers {
    threads: usize,
    walks: AtomicUsize,
}

/// What one walk has of them, until it is dropped.
#[derive(Debug)]
pub struct Share<'a>(Option<&'a Workers>);

impl Workers {
    /// So many threads; at least one.
    pub fn new(threads: usize) -> Self {
        Self {
            threads: threads.max(1),
            walks: AtomicUsize::new(0),
        }
    }

    /// A share for one walk more.
    pub fn share(&self) -> Share<'_> {
        self.walks.fetch_add(1, Ordering::Relaxed);
        Share(Some(self))
    }
}

impl Share<'_> {
    /// One thread, and no more: a walk that gives the same numbers every time.
    pub const ALONE: Self = Self(None);

    /// How many threads it is at the moment.
    pub(super) fn threads(&self) -> usize {
        let shared = self.0.map(|all| all.threads / all.walks.load(Ordering::Relaxed).max(1));
        shared.unwrap_or(1).max(1)
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        if let Some(workers) = self.0 {
            workers.walks.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_left_has_all_threads() {
        let workers = Workers::new(4);
        let one = workers.share();
        assert_eq!(one.threads(), 4);
        let other = workers.share();
        let third = workers.share();
        assert_eq!(one.threads(), 1);
        drop(third);
        assert_eq!(one.threads(), 2);
        drop(other);
        assert_eq!(one.threads(), 4);
        assert_eq!(Share::ALONE.threads(), 1);
    }
}
