//! An implementation under test, and what is Postern's own around it.

use std::fmt;

use postern_sim::subject::{GLUE, SERVER_GLUE, ServerSubjectRef};
use postern_sim::subjects::{CLIENTS, SERVERS};
use postern_sim::{Client, Server, subject};

use super::{Applies, to_client, to_server};
use crate::rules::Property;

/// An implementation under test. What it is not itself, in its worlds, is Postern's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The project's own MTA, whole.
    Own,
    /// It sends.
    Client(subject::Subject),
    /// It receives.
    Server(ServerSubjectRef),
}

/// What a subject is in its worlds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The SMTP client of every sending MTA.
    Client,
    /// The SMTP server of every host.
    Server,
    /// The SMTP client and the SMTP server of every MTA, and what is around them.
    Whole,
}

impl Subject {
    /// Every subject, in the order of reports.
    pub fn all() -> impl Iterator<Item = Self> {
        let clients = CLIENTS.iter().copied().map(Self::Client);
        let servers = SERVERS.iter().copied().map(Self::Server);
        [Self::Own].into_iter().chain(clients).chain(servers)
    }

    /// The subject of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|subject| subject.name() == name)
    }

    /// How it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => Client::Postern.name(),
            Self::Client(client) => client.name(),
            Self::Server(server) => server.name(),
        }
    }

    /// The version of the library.
    pub fn version(self) -> &'static str {
        match self {
            Self::Own => env!("CARGO_PKG_VERSION"),
            Self::Client(client) => client.0.version(),
            Self::Server(server) => server.0.version(),
        }
    }

    /// What it is.
    pub fn role(self) -> Role {
        match self {
            Self::Own => Role::Whole,
            Self::Client(_) => Role::Client,
            Self::Server(_) => Role::Server,
        }
    }

    /// What is Postern's own around it, and not the subject's; none around Postern itself.
    pub fn glue(self) -> Option<&'static str> {
        match self {
            Self::Own => None,
            Self::Client(_) => Some(GLUE),
            Self::Server(_) => Some(SERVER_GLUE),
        }
    }

    /// How a property applies to it.
    pub fn applies(self, property: Property) -> Applies {
        match self {
            Self::Own => Applies::Client("all of it is Postern's own"),
            Self::Client(_) => to_client(property),
            Self::Server(server) => to_server(server, property),
        }
    }

    /// The client of its worlds.
    pub fn client(self) -> Client {
        match self {
            Self::Client(client) => Client::Subject(client),
            Self::Own | Self::Server(_) => Client::Postern,
        }
    }

    /// The server of its worlds.
    pub fn server(self) -> Server {
        match self {
            Self::Own | Self::Client(_) => Server::Postern,
            Self::Server(server) => Server::Subject(server),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Whole => "client and server",
        })
    }
}
