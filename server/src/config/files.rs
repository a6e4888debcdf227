//! Reading the files that a configuration names.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The largest file that is read, in bytes. A program of Fastly Compute may have 100 MB; everything else is smaller.
pub(crate) const FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Reads a whole file of at most [`FILE_BYTES_MAX`] bytes.
pub(crate) fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path)?
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    if read as u64 > FILE_BYTES_MAX {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is larger than {FILE_BYTES_MAX} bytes"),
        ));
    }
    Ok(bytes)
}

/// Where the files that a manifest names are looked for.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The folder of a manifest.
    pub(super) fn of(manifest: &Path) -> Self {
        Self(manifest.parent().map(Path::to_owned).unwrap_or_default())
    }

    /// The file that `path` means: in this folder, or else, for older manifests, in the working directory.
    pub(super) fn find(&self, path: &str) -> PathBuf {
        let beside = self.0.join(path);
        if !beside.exists() && Path::new(path).exists() {
            return PathBuf::from(path);
        }
        beside
    }

    /// The file that `path` means, whether or not it is there yet: in this folder.
    pub(super) fn beside(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    /// Reads the file that `path` means.
    pub(super) fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        let path = self.find(path);
        read_bounded(&path).map_err(|error| FileError { path, error })
    }
}

/// A file that cannot be read.
#[derive(Debug)]
pub(crate) struct FileError {
    pub path: PathBuf,
    pub error: io::Error,
}

impl std::fmt::Display for FileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} cannot be read: {}", self.path.display(), self.error)
    }
}
