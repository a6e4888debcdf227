//! Files that are read again when they have changed.
//!
//! One thread of the process looks at all of them, a few times a second: asking for what is in a file never waits for a disk
//! or a network, on a thread that has requests to serve.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::thread;
use std::time::{Duration, SystemTime};

use super::error::StoreError;
use crate::config::{FileError, read_bounded};

/// How long it takes at most until a change of a file is seen.
const INTERVAL: Duration = Duration::from_millis(100);

/// What is in a file: read when it is made, and again when the file has changed. A file that has become wrong is told once,
/// and its former contents go on counting.
pub(crate) struct Reread<T>(Arc<File<T>>);

struct File<T> {
    path: PathBuf,
    parse: Box<Parse<T>>,
    latest: RwLock<Arc<T>>,
    /// As it was when it was last read.
    state: Mutex<FileState>,
}

type Parse<T> = dyn Fn(&[u8]) -> Result<T, StoreError> + Send + Sync;

/// What changes when a file does.
type FileState = Option<(SystemTime, u64)>;

impl<T: Send + Sync + 'static> Reread<T> {
    /// Reads a file for the first time.
    pub(crate) fn new(
        path: PathBuf,
        parse: impl Fn(&[u8]) -> Result<T, StoreError> + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        // A change between the two is seen the next time.
        let state = file_state(&path);
        let content = read(&path, &parse)?;
        let file = Arc::new(File {
            path,
            parse: Box::new(parse),
            latest: RwLock::new(Arc::new(content)),
            state: Mutex::new(state),
        });
        let weak: Weak<File<T>> = Arc::downgrade(&file);
        look_after(weak);
        Ok(Self(file))
    }
}

impl<T> Reread<T> {
    /// What was in the file when it was last looked at.
    pub(crate) fn latest(&self) -> Arc<T> {
        let latest = self.0.latest.read();
        latest.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A file that is looked at.
trait Changing: Send + Sync {
    /// Reads it again if it has changed.
    fn look(&self);
}

impl<T: Send + Sync> Changing for File<T> {
    fn look(&self) {
        // A panic cannot leave it half written.
        let mut last = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = file_state(&self.path);
        if state == *last {
            return;
        }
        *last = state;
        match read(&self.path, &*self.parse) {
            Ok(content) => {
                let latest = self.latest.write();
                *latest.unwrap_or_else(PoisonError::into_inner) = Arc::new(content);
            }
            Err(error) => tracing::warn!("{error}; its former contents are used"),
        }
    }
}

/// All files that are looked at, and whether there is a thread that does.
struct Looked {
    files: Vec<Weak<dyn Changing>>,
    has_thread: bool,
}

static LOOKED: Mutex<Looked> = Mutex::new(Looked {
    files: Vec::new(),
    has_thread: false,
});

fn looked() -> MutexGuard<'static, Looked> {
    LOOKED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has a file looked at as long as there is somebody who asks for it.
fn look_after(file: Weak<dyn Changing>) {
    let mut looked = looked();
    looked.files.push(file);
    if looked.has_thread {
        return;
    }
    let started = thread::Builder::new()
        .name("fastlike-files".to_owned())
        .spawn(look_around);
    match started {
        Ok(_) => looked.has_thread = true,
        Err(error) => tracing::warn!("changes of files are not seen: there is no thread: {error}"),
    }
}

/// Looks at all files until there are none left.
fn look_around() {
    loop {
        thread::sleep(INTERVAL);
        let mut looked = looked();
        looked.files.retain(|file| file.strong_count() > 0);
        looked.has_thread = !looked.files.is_empty();
        if !looked.has_thread {
            return;
        }
        let files = looked.files.clone();
        drop(looked);
        for file in files.iter().filter_map(Weak::upgrade) {
            file.look();
        }
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
        f.debug_tuple("Reread").field(&self.0.path).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(path: &Path) -> Result<Reread<u32>, StoreError> {
        Reread::new(path.to_owned(), |bytes| {
            let text = String::from_utf8_lossy(bytes);
            text.parse()
                .map_err(|error: std::num::ParseIntError| StoreError::new(error.to_string()))
        })
    }

    #[test]
    fn what_is_wrong_does_not_take_the_place_of_what_was_right() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("number");
        std::fs::write(&path, "1").unwrap();
        let file = number(&path).unwrap();
        let now = || {
            file.0.look();
            *file.latest()
        };
        assert_eq!(now(), 1);
        let before = file.latest();
        std::fs::write(&path, "two").unwrap();
        assert_eq!(now(), 1);
        std::fs::write(&path, "1000").unwrap();
        assert_eq!((now(), *before), (1000, 1));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(now(), 1000);
        let error = number(&path).unwrap_err().to_string();
        assert!(error.starts_with(&path.display().to_string()), "{error}");
    }

    #[test]
    fn a_change_is_seen_without_being_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("number");
        std::fs::write(&path, "1").unwrap();
        let file = number(&path).unwrap();
        std::fs::write(&path, "1000").unwrap();
        let began = std::time::Instant::now();
        while *file.latest() != 1000 {
            assert!(began.elapsed() < Duration::from_secs(60), "it is not seen");
            thread::yield_now();
        }
    }
}
