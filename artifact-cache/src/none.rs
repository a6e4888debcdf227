//! The cache on systems where nothing can be said about who may write to a file: there is none.

use std::io;
use std::path::{Path, PathBuf};

use crate::{Artifact, ArtifactKey, CacheError, Entry, Unusable};

/// A folder with compiled programs.
#[derive(Debug)]
pub struct ArtifactCache(std::convert::Infallible);

impl ArtifactCache {
    /// How much is kept, in bytes.
    pub const BYTES_MAX: u64 = 1 << 30;

    /// Always an error here.
    ///
    /// # Errors
    ///
    /// [`Unusable::Unsupported`].
    pub fn open(folder: &Path) -> Result<Self, CacheError> {
        Err(CacheError {
            folder: PathBuf::from(folder),
            why: Unusable::Unsupported,
        })
    }

    /// What was kept for `key`.
    #[must_use]
    pub fn find(&self, _: &ArtifactKey) -> Option<Artifact> {
        match self.0 {}
    }

    /// Keeps what was compiled for `key`.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn keep(&self, _: &ArtifactKey, _: &[u8]) -> io::Result<()> {
        match self.0 {}
    }

    /// Everything that is kept.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn list(&self) -> io::Result<Vec<Entry>> {
        match self.0 {}
    }

    /// Removes everything, and says what that was.
    ///
    /// # Errors
    ///
    /// When something cannot be removed.
    pub fn clear(&self) -> io::Result<Vec<Entry>> {
        match self.0 {}
    }
}
