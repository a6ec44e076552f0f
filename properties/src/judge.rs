//! STAND-IN until the judges are merged: their interface, without their judgement.

use std::time::Duration;

use postern_model::monitor::Verdict;
use postern_model::name::{DomainName, Mailbox, Token};
use postern_model::scenario::{Fate, Scenario, Security};
use postern_model::trace::Trace;

use crate::rules::Property;

/// Stand-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Stand-in.
    pub verdicts: Vec<(Property, Verdict)>,
    /// Stand-in.
    pub fates: Vec<MessageFate>,
    /// Stand-in.
    pub alarms: Vec<Alarm>,
}

/// Stand-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageFate {
    /// Stand-in.
    pub message: Token,
    /// Stand-in.
    pub recipient: Mailbox,
    /// Stand-in.
    pub fate: Fate,
    /// Stand-in.
    pub security: Option<Security>,
    /// Stand-in.
    pub at: Option<Duration>,
    /// Stand-in.
    pub attempts: u32,
    /// Stand-in.
    pub why: Option<String>,
}

/// Stand-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// Stand-in.
    pub at: Duration,
    /// Stand-in.
    pub host: DomainName,
    /// Stand-in.
    pub peer: DomainName,
}

/// Stand-in.
pub fn judge(_scenario: &Scenario, _trace: &Trace) -> Judgement {
    Judgement {
        verdicts: Property::ALL
            .iter()
            .map(|property| (*property, Verdict::NotExercised))
            .collect(),
        fates: Vec::new(),
        alarms: Vec::new(),
    }
}
