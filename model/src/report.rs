//! The words of delivery status notifications (RFC 3464) that traces, machines and judges share.

use std::fmt;

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
