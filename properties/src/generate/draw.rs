//! Draws from one seeded stream.

use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A stream of draws: ChaCha, which is the same on every machine.
pub(super) struct Draw(ChaCha8Rng);

impl Draw {
    pub(super) fn from_seed(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// True in so many of a hundred cases.
    pub(super) fn percent(&mut self, percent: u32) -> bool {
        self.0.random_range(0..100) < percent
    }

    /// True in so many of a thousand cases.
    pub(super) fn permille(&mut self, permille: u32) -> bool {
        self.0.random_range(0..1000) < permille
    }

    /// A number of the range, both ends included.
    pub(super) fn between(&mut self, least: u32, most: u32) -> u32 {
        self.0.random_range(least..=most)
    }

    /// One of these, all alike.
    ///
    /// # Panics
    /// When there is none.
    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.0.random_range(0..from.len())]
    }

    /// One of these, by weight.
    ///
    /// # Panics
    /// When there is none of positive weight.
    pub(super) fn weighted<T: Copy>(&mut self, from: &[(u32, T)]) -> T {
        let total: u32 = from.iter().map(|(weight, _)| weight).sum();
        let mut place = self.0.random_range(0..total);
        for (weight, value) in from {
            if place < *weight {
                return *value;
            }
            place -= weight;
        }
        unreachable!("the place is below the total of the weights")
    }

    /// Some of these, each with a weight of its own: about three of five, and never none.
    pub(super) fn some<T: Copy>(&mut self, from: &[(u32, T)]) -> Vec<(u32, T)> {
        let mut kept = Vec::new();
        for (weight, value) in from {
            let factor = self.between(1, 4);
            if self.percent(60) {
                kept.push((weight * factor, *value));
            }
        }
        if kept.is_empty() { from.to_vec() } else { kept }
    }

    /// One of these numbers of minutes, and some odd seconds, so that nothing falls on the very moment of a retry.
    pub(super) fn minutes(&mut self, from: &[u32]) -> Duration {
        let minutes = u64::from(*self.pick(from));
        Duration::from_secs(minutes * 60 + u64::from(self.between(1, 59)))
    }
}
