//! Reading the files that a configuration names.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The largest file that is read, in bytes. A program of Fastly Compute may have 100 MB; everything else is smaller.
pub(crate) const FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Reads a whole file of at most [`FILE_BYTES_MAX`] bytes.
pub(crate) fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    note(path);
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

/// What is another one when a file has changed, was replaced, or is gone: when it was written, its size, and its number in
/// the file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileStamp(Option<(SystemTime, u64, u64)>);

impl FileStamp {
    pub(crate) fn of(path: &Path) -> Self {
        let of = |metadata: fs::Metadata| {
            let written = metadata.modified().ok()?;
            Some((written, metadata.len(), inode(&metadata)))
        };
        Self(fs::metadata(path).ok().and_then(of))
    }
}

#[cfg(unix)]
fn inode(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}

/// Files that were read, or should have been, as they were just before.
pub(crate) type FilesRead = BTreeMap<PathBuf, FileStamp>;

thread_local! {
    static NOTED: RefCell<Option<FilesRead>> = const { RefCell::new(None) };
}

/// Does some work, and notes what [`read_bounded`] is asked for meanwhile, on this thread.
pub(crate) fn noting_files<T>(work: impl FnOnce() -> T) -> (T, FilesRead) {
    NOTED.set(Some(FilesRead::new()));
    let done = work();
    (done, NOTED.take().unwrap_or_default())
}

fn note(path: &Path) {
    NOTED.with_borrow_mut(|noted| {
        if let Some(noted) = noted
            && !noted.contains_key(path)
        {
            noted.insert(path.to_owned(), FileStamp::of(path));
        }
    });
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
