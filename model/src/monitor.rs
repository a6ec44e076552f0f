//! The trait of the judges. It knows no rule.

use std::fmt;
use std::hash::Hash;
use std::time::Duration;

use crate::observation::Observation;

/// A judge: a small automaton that is fed one observation at a time.
///
/// Its state is finite and relative (ages and ids, never absolute times), so that the very same monitor judges a run
/// and rides along in the exhaustive explorer.
pub trait Monitor: Clone + Eq + Hash {
    /// Takes the next observation, which came so long `after` the one before.
    ///
    /// # Errors
    /// The violation that the observation completes.
    fn observe(&mut self, after: Duration, observation: &Observation) -> Result<(), Violation>;

    /// Takes the end of the run.
    ///
    /// # Errors
    /// The violation that only the end shows: something was still owed.
    fn finish(&mut self) -> Result<(), Violation> {
        Ok(())
    }

    /// Whether a situation occurred in which a violation was possible.
    fn exercised(&self) -> bool;
}

/// What was broken, and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Violation {
    /// The id of the rule that was broken.
    pub rule: &'static str,
    /// One sentence in terms of ids; the reporter puts names in their place.
    pub why: String,
}

/// The answer of a judge about a run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It was put to the test and held.
    Holds,
    /// It was broken.
    Violated {
        /// The place of the trace record that completed the violation.
        at: usize,
        /// What was broken.
        violation: Violation,
    },
    /// No situation arose in which it could have been broken. Never a pass.
    NotExercised,
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Holds => "holds",
            Self::Violated { .. } => "violated",
            Self::NotExercised => "not exercised",
        })
    }
}
