//! The file that a page is written to: claimed before the work begins, so that a path that cannot be is refused at once.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use super::outcome::CommandError;

/// A file that a page will be written to.
#[derive(Debug)]
pub(super) struct PageFile {
    path: PathBuf,
    /// It is not there before the page is: it goes if no page comes.
    is_new: bool,
}

impl PageFile {
    /// Claims the file. What is in it stays until there is a page.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn claim(path: &Path) -> Result<Self, CommandError> {
        let is_new = !path.exists();
        let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        opened.map_err(|error| CommandError::Unwritable {
            file: path.display().to_string(),
            why: error.to_string(),
        })?;
        Ok(Self {
            path: path.to_owned(),
            is_new,
        })
    }

    /// Writes the page. What goes wrong now is told beside the results, which are not lost.
    ///
    /// # Errors
    /// What went wrong, in a sentence.
    pub(super) fn write(mut self, page: &str) -> Result<PathBuf, String> {
        let written = fs::write(&self.path, page);
        self.is_new &= written.is_err();
        let path = self.path.clone();
        written.map_err(|error| format!("the page {} cannot be written: {error}", path.display()))?;
        Ok(path)
    }
}

impl Drop for PageFile {
    fn drop(&mut self) {
        if self.is_new {
            drop(fs::remove_file(&self.path));
        }
    }
}
