//! Makes it happen: turmoil hosts that speak real SMTP and real TLS, DNS on the wire, the attacker on real bytes,
//! drift, and the tap that records. This crate does not know what is right.

pub mod certificate;
pub mod crypto;
pub mod dns;
pub mod net;
pub mod random;

use postern_model::mutant::Mutant;
use postern_model::scenario::Scenario;
use postern_model::trace::Trace;

/// How a scenario is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The tier of cryptography.
    pub crypto: Crypto,
    /// The SMTP client of every sending MTA.
    pub client: Client,
    /// A mutant in place of the scenario's own.
    pub mutant: Option<Mutant>,
}

/// The tier of cryptography.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crypto {
    /// X25519 and Ed25519, with keys from the seed.
    Real,
    /// A hash in place of the curve; the TLS state machine untouched.
    Fast,
}

/// An SMTP client under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// The project's own.
    Postern,
    /// lettre.
    Lettre,
}

/// What a run left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// All that happened.
    pub trace: Trace,
    /// SHA-256 over every byte of every segment that was in flight, in hexadecimal.
    pub wire_hash: String,
    /// SHA-256 over the trace, in hexadecimal.
    pub trace_hash: String,
    /// How many SMTP connections stood.
    pub sessions: u64,
}

/// The testbed itself failed: what came out is no verdict about anybody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorldError {
    /// Code of a host panicked.
    #[error("a host panicked: {0}")]
    Panicked(String),
    /// The world did not come to rest within its bound of steps.
    #[error("the world was not idle after {0} steps")]
    NeverIdle(u64),
    /// Somebody logged an error.
    #[error("an error was logged: {0}")]
    ErrorLogged(String),
}

/// Runs a scenario to its end: all mail decided and the timeline over, or the last lifetime passed.
///
/// # Errors
/// When the testbed itself fails.
pub fn run(_scenario: &Scenario, _options: Options) -> Result<Run, WorldError> {
    Err(WorldError::NeverIdle(0))
}
