//! Gives each of many equal values one small number, so that a state can be a handful of numbers.

use std::hash::{BuildHasher, Hash};
use std::sync::{Mutex, PoisonError};

use dashmap::DashMap;
use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

/// What was found out before, by what it was found out of. It is looked up and never walked, so its order leaks into nothing.
pub(super) type Memo<K, V> = DashMap<K, V, FxBuildHasher>;

/// Values by their numbers, and numbers by their values. Equal values have equal numbers, others have others.
///
/// Several threads may ask at a time. Which value gets which number then is a matter of chance, and nothing may depend on it.
pub struct Interner<T> {
    /// Where the values stand, shared out by their hashes, so that threads seldom wait for each other.
    shards: Box<[Mutex<HashTable<Entry>>]>,
    values: boxcar::Vec<T>,
}

/// How many bits of a hash tell the shard.
const SHARD_BITS: u32 = 6;

#[derive(Clone, Copy)]
struct Entry {
    hash: u32,
    number: u32,
}

impl Entry {
    /// A hash for the table from the half that is kept.
    fn spread(hash: u32) -> u64 {
        u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

impl<T: Hash + Eq> Interner<T> {
    /// The number of a value.
    ///
    /// # Panics
    /// At four thousand million different values, which no memory holds.
    pub fn number(&self, value: T) -> u32 {
        let hash = (FxBuildHasher.hash_one(&value) >> u32::BITS) as u32;
        let shard = &self.shards[(hash >> (u32::BITS - SHARD_BITS)) as usize];
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |entry: &Entry| entry.hash == hash && self.values[entry.number as usize] == value;
        if let Some(entry) = shard.find(Entry::spread(hash), is_it) {
            return entry.number;
        }
        let number = u32::try_from(self.values.push(value)).expect("there are fewer values than numbers");
        let rehash = |entry: &Entry| Entry::spread(entry.hash);
        shard.insert_unique(Entry::spread(hash), Entry { hash, number }, rehash);
        number
    }

    /// The value of a number that [`Interner::number`] gave out.
    ///
    /// # Panics
    /// If it did not.
    pub fn value(&self, number: u32) -> &T {
        &self.values[number as usize]
    }

    /// All values.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.values.iter().map(|(_, value)| value)
    }

    /// How many different values there are.
    pub fn len(&self) -> usize {
        self.values.count()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self {
            shards: (0..1 << SHARD_BITS).map(|_| Mutex::default()).collect(),
            values: boxcar::Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_one_number_whichever_thread_asks() {
        let words = Interner::default();
        let number_all = || -> Vec<u32> { (0..5000).map(|word| words.number(word % 1000)).collect() };
        let (one, other) = std::thread::scope(|scope| {
            let other = scope.spawn(number_all);
            (number_all(), other.join().expect("it does not panic"))
        });
        assert_eq!(one, other);
        assert_eq!(words.len(), 1000);
        assert!(
            (0..5000)
                .zip(one)
                .all(|(word, number)| *words.value(number) == word % 1000)
        );
    }
}
