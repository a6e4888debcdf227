//! Files that are read again when they have changed.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::error::StoreError;
use crate::config::{FileError, read_bounded};

/// What is in a file: read when it is made, and again whenever someone asks for it and the file has changed. A file that has
/// become wrong is told once, and its former contents go on counting.
pub(crate) struct Reread<T> {
    path: PathBuf,
    parse: Box<Parse<T>>,
    latest: Mutex<Read<T>>,
}

type Parse<T> = dyn Fn(&[u8]) -> Result<T, StoreError> + Send + Sync;

/// What a file held when it was last read.
struct Read<T> {
    state: FileState,
    content: Arc<T>,
}

/// What changes when a file does.
type FileState = Option<(SystemTime, u64)>;

impl<T> Reread<T> {
    /// Reads a file for the first time.
    pub(crate) fn new(
        path: PathBuf,
        parse: impl Fn(&[u8]) -> Result<T, StoreError> + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        // A change between the two is seen the next time.
        let state = file_state(&path);
        let content = Arc::new(read(&path, &parse)?);
        Ok(Self {
            path,
            parse: Box::new(parse),
            latest: Mutex::new(Read { state, content }),
        })
    }

    /// What is in the file now.
    pub(crate) fn latest(&self) -> Arc<T> {
        // A panic cannot leave it half written: it is replaced as a whole.
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let state = file_state(&self.path);
        if state != latest.state {
            latest.state = state;
            match read(&self.path, &*self.parse) {
                Ok(content) => latest.content = Arc::new(content),
                Err(error) => tracing::warn!("{error}; its former contents are used"),
            }
        }
        latest.content.clone()
    }
}

fn read<T>(path: &Path, parse: &Parse<T>) -> Result<T, StoreError> {
    let bytes = read_bounded(path).map_err(|error| {
        let path = path.to_owned();
        StoreError::new(FileError { path, error }.to_string())
    })?;
    parse(&bytes).map_err(|error| StoreError::new(format!("{}: {error}", path.display())))
}

fn file_state(path: &Path) -> FileState {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

impl<T> fmt::Debug for Reread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reread").field(&self.path).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_does_not_take_the_place_of_what_was_right() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("number");
        std::fs::write(&path, "1").unwrap();
        let parse = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            text.parse::<u32>()
                .map_err(|error| StoreError::new(error.to_string()))
        };
        let number = Reread::new(path.clone(), parse).unwrap();
        assert_eq!(*number.latest(), 1);
        let before = number.latest();
        std::fs::write(&path, "two").unwrap();
        assert_eq!(*number.latest(), 1);
        std::fs::write(&path, "1000").unwrap();
        assert_eq!((*number.latest(), *before), (1000, 1));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(*number.latest(), 1000);
        let error = Reread::new(path.clone(), parse).unwrap_err().to_string();
        assert!(error.starts_with(&path.display().to_string()), "{error}");
    }
}
