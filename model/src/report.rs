//! The words of delivery status notifications (RFC 3461, RFC 3464) that scenarios, traces, machines and judges share.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a notification says that became of the recipient (RFC 3464 §2.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReportAction {
    /// The attempts are abandoned: nothing more will come.
    Failed,
    /// Not yet, and the attempts go on.
    Delayed,
}

/// What a notification is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct About<M> {
    /// The message.
    pub message: M,
    /// What became of it.
    pub action: ReportAction,
}

impl fmt::Display for ReportAction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Failed => "failed",
            Self::Delayed => "delayed",
        })
    }
}

/// How much of a message its sender wishes to have back with a notification of its failure (RFC 3461 §4.3). Passed on, and
/// else of no effect: the hosts here return the header alone, where §6.2 would have them return all that is not too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Returns {
    /// The whole message.
    Full,
    /// Its header only.
    Headers,
}

/// As the value of RET.
impl fmt::Display for Returns {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Full => "FULL",
            Self::Headers => "HDRS",
        })
    }
}

/// When the sender of a message wishes to be notified: `"never"`, or a list of occasions (RFC 3461 §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "NotifyText", into = "NotifyText")]
#[schemars(with = "NotifyText")]
pub enum Notify {
    /// Under no conditions.
    Never,
    /// On these occasions and no others; on one at least.
    On {
        /// When the message is delivered.
        success: bool,
        /// When it is given back.
        failure: bool,
        /// When it is delayed.
        delay: bool,
    },
}

/// When the sender of a message wishes to be notified: `"never"`, or a list of occasions (RFC 3461 §4.1).
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "when to notify is \"never\" or a list of \"success\", \"failure\" and \"delay\""
)]
#[schemars(rename = "Notify")]
enum NotifyText {
    Word(String),
    Occasions(Vec<Occasion>),
}

/// An occasion to notify the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Occasion {
    /// The message is delivered. Asked for, passed on, and never reported: no host here notifies of success.
    Success,
    /// The message is given back.
    Failure,
    /// The message is delayed.
    Delay,
}

impl TryFrom<NotifyText> for Notify {
    type Error = &'static str;

    fn try_from(text: NotifyText) -> Result<Self, &'static str> {
        match text {
            NotifyText::Word(word) if word == "never" => Ok(Self::Never),
            NotifyText::Occasions(occasions) if !occasions.is_empty() => Ok(Self::On {
                success: occasions.contains(&Occasion::Success),
                failure: occasions.contains(&Occasion::Failure),
                delay: occasions.contains(&Occasion::Delay),
            }),
            NotifyText::Occasions(_) => Err("when to notify is one occasion at least: write \"never\" for none"),
            NotifyText::Word(_) => Err("when to notify is \"never\" or a list, such as [\"failure\", \"delay\"]"),
        }
    }
}

impl From<Notify> for NotifyText {
    fn from(notify: Notify) -> Self {
        match notify {
            Notify::Never => Self::Word("never".to_owned()),
            Notify::On {
                success,
                failure,
                delay,
            } => {
                let all = [
                    (success, Occasion::Success),
                    (failure, Occasion::Failure),
                    (delay, Occasion::Delay),
                ];
                Self::Occasions(
                    all.into_iter()
                        .filter(|(on, _)| *on)
                        .map(|(_, occasion)| occasion)
                        .collect(),
                )
            }
        }
    }
}

/// As the value of NOTIFY.
impl fmt::Display for Notify {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::On {
            success,
            failure,
            delay,
        } = *self
        else {
            return formatter.write_str("NEVER");
        };
        let all = [(success, "SUCCESS"), (failure, "FAILURE"), (delay, "DELAY")];
        let on: Vec<&str> = all.into_iter().filter(|(on, _)| *on).map(|(_, word)| word).collect();
        formatter.write_str(&on.join(","))
    }
}
