//! What a command has to say at its end.

use std::io::IsTerminal;
use std::process::ExitCode;

use mailpostern::catalogue::CatalogueError;
use mailpostern::check::serve::ServeError;
use postern_model::scenario::ScenarioError;

/// How a command ends, as the exit status of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// 0: every property holds.
    Holds,
    /// 1: a property was violated.
    Violated,
    /// 2: bad usage or a bad scenario.
    BadInput,
    /// 3: the testbed itself failed.
    TestbedFailed,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(match status {
            Status::Holds => 0u8,
            Status::Violated => 1,
            Status::BadInput => 2,
            Status::TestbedFailed => 3,
        })
    }
}

/// What a command found out.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: Status,
    /// The data for people.
    pub(crate) text: String,
    /// The data for programs.
    pub(crate) json: serde_json::Value,
    /// What happened and what to do next.
    pub(crate) last_line: String,
}

impl Outcome {
    /// The last line, coloured where standard output is a terminal.
    pub(crate) fn closing(&self) -> String {
        let wants_colour =
            std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty());
        let colour = match self.status {
            _ if !wants_colour => return self.last_line.clone(),
            Status::Holds => 32,
            Status::Violated => 31,
            Status::BadInput | Status::TestbedFailed => 33,
        };
        format!("\x1b[{colour}m{}\x1b[0m", self.last_line)
    }
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The scenario cannot be.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The named scenarios cannot be read.
    #[error("{0}; name the folder of the scenarios by --scenarios")]
    Catalogue(#[from] CatalogueError),
    /// The scenario's file cannot be read.
    #[error("cannot read {file}: {why}")]
    Unreadable {
        /// The file as it was named.
        file: String,
        /// Why, and what would be right.
        why: String,
    },
    /// What is to be written cannot be.
    #[error("cannot write {file}: {why}; name a path that can be written")]
    Unwritable {
        /// The file or folder as it was named.
        file: String,
        /// Why.
        why: String,
    },
    /// The bounds have no such configuration.
    #[error(
        "{which} is no configuration of bounds {bounds}: write a number from 1 to {known}, or the beginning of a name"
    )]
    UnknownConfiguration {
        /// What was asked for.
        which: String,
        /// The name of the bounds.
        bounds: &'static str,
        /// How many configurations they have.
        known: usize,
    },
    /// The model cannot be served to a browser.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The testbed itself failed.
    #[error("the testbed failed, which says nothing about any MTA: {0}")]
    Testbed(String),
}

impl CommandError {
    pub(crate) fn status(&self) -> Status {
        match self {
            Self::Scenario(_)
            | Self::Catalogue(_)
            | Self::Unreadable { .. }
            | Self::Unwritable { .. }
            | Self::UnknownConfiguration { .. }
            | Self::Serve(ServeError::CannotListen { .. }) => Status::BadInput,
            Self::Testbed(_) | Self::Serve(ServeError::Ended) => Status::TestbedFailed,
        }
    }
}
