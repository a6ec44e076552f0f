//! The rules that no world puts to the test, each with the reason. An excuse for a rule that is covered is an error.

/// Rule ids and reasons.
pub const EXCUSES: &[(&str, &str)] = &[];
