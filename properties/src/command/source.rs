//! What is replayed: the world of a seed, or a scenario from a file.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use mailpostern::generate::{self, Profile};
use postern_model::scenario::{OCTETS_MAX, Scenario};

use super::arguments;
use super::outcome::CommandError;

/// What is replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// The world that the generator makes of a seed.
    Seed(u64),
    /// The scenario in a file.
    File(PathBuf),
}

impl Source {
    /// Takes what reads as a seed for a seed, and anything else for the name of a file.
    #[expect(clippy::unnecessary_wraps, reason = "the shape of a value parser")]
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        Ok(arguments::seed(text).map_or_else(|_| Self::File(PathBuf::from(text)), Self::Seed))
    }

    /// The scenario.
    ///
    /// # Errors
    /// When the file cannot be read or the scenario in it cannot be.
    pub(super) fn scenario(&self, profile: Profile) -> Result<Scenario, CommandError> {
        match self {
            Self::Seed(seed) => Ok(generate::scenario(*seed, profile)),
            Self::File(path) => Ok(Scenario::parse(&path.display().to_string(), read(path)?)?),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seed(seed) => write!(formatter, "seed {seed}"),
            Self::File(path) => write!(formatter, "{}", path.display()),
        }
    }
}

/// Reads a file up to just beyond the size at which it is refused.
fn read(path: &Path) -> Result<Vec<u8>, CommandError> {
    let mut content = Vec::new();
    let limit = u64::try_from(OCTETS_MAX).map_or(u64::MAX, |octets| octets + 1);
    File::open(path)
        .and_then(|file| file.take(limit).read_to_end(&mut content))
        .map_err(|error| CommandError::Unreadable {
            file: path.display().to_string(),
            why: format!("{error}; write the path of a scenario, or a seed such as 7 or 0x5eed"),
        })?;
    Ok(content)
}
