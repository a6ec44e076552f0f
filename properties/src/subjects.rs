//! The implementations under test, and whom a verdict about a run of theirs judges.
//!
//! A library that sends mail has no queue: the queue, the walk over the exchangers and the alarm memory around it are the
//! project's own, declared glue. A finding that depends on them says so.

use std::fmt;

use postern_sim::Client;

use crate::rules::Property;

/// Whom a verdict judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judges {
    /// The SMTP client under test itself.
    Client,
    /// The client together with the glue around it: the queue, the walk over the exchangers, the alarm memory, or the
    /// documented meaning of its TLS modes as the adapter applies it.
    Glue,
    /// The SMTP server of the hosts.
    Server,
}

impl Judges {
    /// Whom the verdict on a property judges in worlds with this client.
    pub fn of(client: Client, property: Property) -> Self {
        match (client, property) {
            (
                _,
                Property::P05
                | Property::P06
                | Property::P07
                | Property::P08
                | Property::P31
                | Property::P32
                | Property::P33
                | Property::P45
                | Property::P46
                | Property::P47
                | Property::P48,
            ) => Self::Server,
            (Client::Postern, _) | (Client::Lettre, Property::P29) => Self::Client,
            (Client::Lettre, _) => Self::Glue,
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
