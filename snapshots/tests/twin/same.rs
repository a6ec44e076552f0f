//! Compares what is seen.

use std::collections::BTreeSet;

/// More differing lines than these nobody reads.
const TOLD_MAX: usize = 5;

/// Holds two sets of lines, each with whose they are, to be the same.
pub(crate) fn assert_same(one: (&str, &BTreeSet<String>), other: (&str, &BTreeSet<String>), about: &str) {
    let only_in = |one: (&str, &BTreeSet<String>), other: &BTreeSet<String>| {
        let lines: Vec<&String> = one.1.difference(other).collect();
        let told: String = lines.iter().take(TOLD_MAX).map(|line| format!("  {line}\n")).collect();
        format!("{} only in {}:\n{told}", lines.len(), one.0)
    };
    assert!(
        one.1 == other.1,
        "{about}\n{}{}",
        only_in(one, other.1),
        only_in(other, one.1)
    );
}
