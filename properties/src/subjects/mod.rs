//! The implementations under test: whom a verdict about a run of theirs judges, and what becomes of each property in many
//! worlds.
//!
//! A library that sends mail has no queue, and one that receives it has no mailbox: what is around them is the project's own,
//! declared glue ([`postern_sim::subject::GLUE`], [`postern_sim::subject::SERVER_GLUE`]). A finding that depends on it says so.

mod applies;
mod row;
mod subject;

use std::fmt;

use postern_sim::{Client, Server};

use crate::rules::Property;

pub use applies::{Applies, to_client, to_server};
pub(crate) use row::cells;
pub use row::{Cell, Finding, Outcome, Row, Trial, row};
pub use subject::{Role, Subject};

/// Whom a verdict judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judges {
    /// The SMTP client under test itself.
    Client,
    /// The client together with the glue around it, or that glue alone.
    Glue,
    /// The SMTP server of the hosts itself.
    Server,
    /// The server under test together with the glue around it, or that glue alone.
    ServerGlue,
}

impl Judges {
    /// Whom the verdict on a property judges in worlds with this client and this server.
    pub fn of(client: Client, server: Server, property: Property) -> Self {
        let is_about_servers = applies::is_about_servers(property);
        match (client, server) {
            (_, Server::Postern) if is_about_servers => Self::Server,
            (_, Server::Subject(server)) if is_about_servers => match to_server(server, property) {
                Applies::Server(_) => Self::Server,
                _ => Self::ServerGlue,
            },
            // What a client does is not judged apart from what the server says to it.
            (Client::Postern, Server::Subject(server)) => match to_server(server, property) {
                Applies::Server(_) => Self::Server,
                Applies::WithGlue(_) => Self::ServerGlue,
                _ => Self::Client,
            },
            (Client::Postern, Server::Postern) => Self::Client,
            (Client::Subject(_), _) => match to_client(property) {
                Applies::Client(_) => Self::Client,
                _ => Self::Glue,
            },
        }
    }
}

impl fmt::Display for Judges {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Client => "client",
            Self::Glue => "client and glue",
            Self::Server => "server",
            Self::ServerGlue => "server and glue",
        })
    }
}
