//! The rules that no world puts to the test, each with the reason. An excuse for a rule that is covered is an error.

/// Rule ids and reasons.
pub const EXCUSES: &[(&str, &str)] = &[(
    "R5321-5.1-f",
    "binds whoever publishes the record, not a client or a server; RFC 2181 §10.3 says what a resolver makes of an alias",
)];
