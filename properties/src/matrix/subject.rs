//! What stands at the head of a column of the matrix: an implementation, and what is Postern's own around it.

use std::fmt;

use postern_sim::subject::{self, GLUE};
use postern_sim::{Client, subjects};

use crate::campaign::Campaign;
use crate::rules::Property;
use crate::subjects::{Applies, to_client};

/// An implementation under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The project's own MTA, whole.
    Own,
    /// A client that nobody here wrote. The servers of its worlds are Postern's own.
    Client(subject::Subject),
}

/// What a subject is in its worlds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The SMTP client of every sending MTA.
    Client,
    /// The SMTP client and the SMTP server of every MTA, and what is around them.
    Whole,
}

impl Subject {
    /// Every subject, in the order of reports.
    pub fn all() -> impl Iterator<Item = Self> {
        let clients = subjects::CLIENTS.iter().copied().map(Self::Client);
        [Self::Own].into_iter().chain(clients)
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
        }
    }

    /// The version of the implementation.
    pub fn version(self) -> &'static str {
        match self {
            Self::Own => env!("CARGO_PKG_VERSION"),
            Self::Client(client) => client.0.version(),
        }
    }

    /// What it is in its worlds.
    pub fn role(self) -> Role {
        match self {
            Self::Own => Role::Whole,
            Self::Client(_) => Role::Client,
        }
    }

    /// What is Postern's own around it, and not the subject's; none around Postern itself.
    pub fn glue(self) -> Option<&'static str> {
        match self {
            Self::Own => None,
            Self::Client(_) => Some(GLUE),
        }
    }

    /// How a property applies to it.
    pub fn applies(self, property: Property) -> Applies {
        match self {
            Self::Own => Applies::Client("all of it is Postern's own"),
            Self::Client(_) => to_client(property),
        }
    }

    /// A campaign through its worlds.
    pub(super) fn campaign(self, rest: Campaign) -> Campaign {
        let client = match self {
            Self::Own => Client::Postern,
            Self::Client(client) => Client::Subject(client),
        };
        Campaign { client, ..rest }
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
            Self::Whole => "client and server",
        })
    }
}
