//! What is wrong with what is to be in a store.

use std::fmt;
use std::path::Path;

use abi_core::stores::ContentError;

use crate::config::{FileError, read_bounded};

/// A store that cannot be made; the text says why, and names the file if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError(pub(super) String);

impl StoreError {
    pub(crate) fn new(message: String) -> Self {
        Self(message)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StoreError {}

impl From<ContentError> for StoreError {
    fn from(error: ContentError) -> Self {
        Self(error.to_string())
    }
}

/// Makes a store of what is in a file.
pub(crate) fn from_file<T>(
    path: &Path,
    parse: impl FnOnce(&[u8]) -> Result<T, ContentError>,
) -> Result<T, StoreError> {
    let bytes = read_bounded(path).map_err(|error| {
        let path = path.to_owned();
        StoreError(FileError { path, error }.to_string())
    })?;
    parse(&bytes).map_err(|error| StoreError(format!("{}: {error}", path.display())))
}
