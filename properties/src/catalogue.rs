//! The named scenarios: every `.toml` file of a folder and of the folders in it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use postern_model::scenario::{Scenario, ScenarioError};

/// A scenario that stands in a file of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The path below the folder, without the ending: `downgrade/strip-starttls-may`.
    pub name: String,
    /// The scenario.
    pub scenario: Scenario,
}

/// Why a catalogue cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// A folder or a file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file holds no scenario.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
}

/// Reads the catalogue in a folder, in the order of the names.
///
/// # Errors
/// When the folder or a file cannot be read, and at the first file that holds no scenario.
pub fn read(folder: &Path) -> Result<Vec<Named>, CatalogueError> {
    let mut paths = Vec::new();
    collect(folder, &mut paths)?;
    paths.sort();
    paths.iter().map(|path| named(folder, path)).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), CatalogueError> {
    let unreadable = |error| CatalogueError::Unreadable {
        path: folder.to_owned(),
        error,
    };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            collect(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    Ok(())
}

fn named(folder: &Path, path: &Path) -> Result<Named, CatalogueError> {
    let content = fs::read(path).map_err(|error| CatalogueError::Unreadable {
        path: path.to_owned(),
        error,
    })?;
    let below = path.strip_prefix(folder).unwrap_or(path).with_extension("");
    let segments: Vec<_> = below.iter().map(|segment| segment.to_string_lossy()).collect();
    Ok(Named {
        name: segments.join("/"),
        scenario: Scenario::parse(&path.display().to_string(), content)?,
    })
}
