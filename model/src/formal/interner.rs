//! Gives each of many equal values one small number, so that a state can be a handful of numbers.

use std::hash::Hash;

use indexmap::IndexSet;
use rustc_hash::{FxBuildHasher, FxHashMap};

/// What was found out before, by what it was found out of. It is looked up and never walked, so its order, which the same
/// insertions make the same in every process anyway, leaks into nothing.
pub(super) type Memo<K, V> = FxHashMap<K, V>;

/// Values by their numbers, and numbers by their values. Equal values have equal numbers, others have others.
#[derive(Debug, Clone)]
pub struct Interner<T>(IndexSet<T, FxBuildHasher>);

impl<T: Hash + Eq> Interner<T> {
    /// The number of a value.
    ///
    /// # Panics
    /// At four thousand million different values, which no memory holds.
    pub fn number(&mut self, value: T) -> u32 {
        let (place, _) = self.0.insert_full(value);
        u32::try_from(place).expect("there are fewer values than numbers")
    }

    /// The value of a number that [`Interner::number`] gave out.
    ///
    /// # Panics
    /// If it did not.
    pub fn value(&self, number: u32) -> &T {
        &self.0[number as usize]
    }

    /// How many different values there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self(IndexSet::default())
    }
}
