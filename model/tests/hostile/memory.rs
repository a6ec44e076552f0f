//! How much memory code takes, counted by the allocator of the test.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Runs code that may allocate at most so many octets beyond what it finds, at any moment of its run.
pub(crate) fn within<T>(octets_max: u64, code: impl FnOnce() -> T) -> T {
    let mut outcome = None;
    // The counter loses count when a panic passes through it.
    let measured = allocation_counter::measure(|| outcome = Some(catch_unwind(AssertUnwindSafe(code))));
    let value = outcome
        .expect("the code has run")
        .unwrap_or_else(|panic| resume_unwind(panic));
    let peak = measured.bytes_max;
    assert!(
        peak <= octets_max,
        "{peak} octets of memory are taken, more than {octets_max}"
    );
    value
}
