//! The implementations under test: whom a verdict about a run of theirs judges, and what becomes of each property in many
//! worlds.
//!
//! A library that sends mail has no queue: what is around it is the project's own, declared glue
//! ([`postern_sim::subject::GLUE`]). A finding that depends on it says so.

mod applies;
mod row;

use std::fmt;

use postern_sim::Client;

use crate::rules::Property;

pub use applies::{Applies, to_client};
pub(crate) use row::cells;
pub use row::{Cell, Finding, Outcome, Row, Trial, row};

/// Whom a verdict judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judges {
    /// The SMTP client under test itself.
    Client,
    /// The client together with the glue around it, or that glue alone.
    Glue,
    /// The SMTP server of the hosts.
    Server,
}

impl Judges {
    /// Whom the verdict on a property judges in worlds with this client.
    pub fn of(client: Client, property: Property) -> Self {
        match (client, to_client(property)) {
            (Client::Postern, _) if applies::is_about_servers(property) => Self::Server,
            (Client::Postern, _) | (Client::Subject(_), Applies::Client(_)) => Self::Client,
            (Client::Subject(_), _) if applies::is_about_servers(property) => Self::Server,
            (Client::Subject(_), Applies::WithGlue(_) | Applies::No(_)) => Self::Glue,
        }
    }
}

impl fmt::Display for Judges {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Client => "client",
            Self::Glue => "client and glue",
            Self::Server => "server",
        })
    }
}
