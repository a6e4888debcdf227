//! The files that are open in this process.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};

use redb::Database;

use super::tables;
use super::writer::{self, Changes};

/// How much of a file is kept in memory, in bytes.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

/// A file that is open, with the thread that writes to it.
pub(super) struct OpenFile {
    path: PathBuf,
    // Both are there until it is dropped.
    database: Option<Arc<Database>>,
    changes: Option<Changes>,
    writer: Option<JoinHandle<()>>,
}

/// All that are open, or being closed. A new host may open the files of one that is still finishing its work.
struct OpenFiles {
    files: Mutex<HashMap<PathBuf, Weak<OpenFile>>>,
    closed: Condvar,
}

static OPEN: LazyLock<OpenFiles> = LazyLock::new(|| OpenFiles {
    files: Mutex::default(),
    closed: Condvar::new(),
});

impl OpenFiles {
    /// A panic cannot leave the map half changed.
    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, Weak<OpenFile>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenFile {
    /// Opens a file, or joins those who have it open. Its folder has to be there.
    pub(super) fn open(path: &Path) -> Result<Arc<Self>, redb::Error> {
        let path = std::path::absolute(path)?;
        let mut open = OPEN.lock();
        while let Some(file) = open.get(&path) {
            if let Some(file) = file.upgrade() {
                return Ok(file);
            }
            open = OPEN
                .closed
                .wait(open)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let database = Arc::new(
            Database::builder()
                .set_cache_size(CACHE_BYTES)
                .create(&path)?,
        );
        tables::prepare(&database)?;
        let (changes, arriving) = writer::channel();
        let (writers_path, writers_database) = (path.clone(), database.clone());
        let writer = thread::Builder::new()
            .name("fastlike-kv".to_owned())
            .spawn(move || writer::run(&writers_database, &writers_path, arriving))?;
        let file = Arc::new(Self {
            path: path.clone(),
            database: Some(database),
            changes: Some(changes),
            writer: Some(writer),
        });
        open.insert(path, Arc::downgrade(&file));
        Ok(file)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn database(&self) -> &Database {
        self.database.as_ref().expect("it is there until the drop")
    }

    pub(super) fn changes(&self) -> &Changes {
        self.changes.as_ref().expect("it is there until the drop")
    }
}

impl Drop for OpenFile {
    /// Waits for the writes that have begun, at most a few milliseconds, so that the file is free afterwards.
    fn drop(&mut self) {
        self.changes = None;
        if let Some(writer) = self.writer.take() {
            // A writer that has panicked has said so.
            let _ = writer.join();
        }
        self.database = None;
        OPEN.lock().remove(&self.path);
        OPEN.closed.notify_all();
    }
}
