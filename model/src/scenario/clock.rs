//! What the wall clock of a host shows.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the wall clock of a host stands to the true time. Certificates and dates go by it; waiting does not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// It shows the true time.
    #[default]
    Right,
    /// It shows a time to come.
    Ahead(
        #[serde(with = "humantime_serde")]
        #[schemars(with = "super::reference::Time")]
        Duration,
    ),
    /// It shows a time that has passed.
    Behind(
        #[serde(with = "humantime_serde")]
        #[schemars(with = "super::reference::Time")]
        Duration,
    ),
}

impl Clock {
    /// What it shows at this true time. Both run from the beginning of 1970, before which no clock goes.
    pub fn shows(self, time: Duration) -> Duration {
        match self {
            Self::Right => time,
            Self::Ahead(by) => time.saturating_add(by),
            Self::Behind(by) => time.saturating_sub(by),
        }
    }
}

/// As in “the clock is …”.
impl fmt::Display for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Right => formatter.write_str("right"),
            Self::Ahead(by) => write!(formatter, "{} ahead", humantime::format_duration(*by)),
            Self::Behind(by) => write!(formatter, "{} behind", humantime::format_duration(*by)),
        }
    }
}
