//! KV stores that outlive the process: a file for each, kept by redb.
//!
//! All writes to a file are made by one thread, many in one transaction: whatever has arrived while the last one was
//! being made safe goes into the next one, so that many writers share the time that takes.

mod files;
mod tables;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use abi_core::stores::{KvError, KvFuture, KvInsert, KvItem, KvKey, KvPage, KvQuery, KvStore};
use futures_util::FutureExt;
use futures_util::future::ready;
use tokio::runtime::Handle;

use super::error::StoreError;
use files::OpenFile;
use writer::Change;

/// What a store on the disk holds at most where nothing else was said, in bytes; see
/// [`KvItem::stored_bytes`](abi_core::stores::KvItem::stored_bytes).
pub const KV_DISK_BYTES_MAX: u64 = 10 * 1024 * 1024 * 1024;

/// A KV store in a file. Clones are the same store, and so are all that this process opens of one file.
///
/// A write that was acknowledged is on the disk: it is there again when the process is killed, and when the machine
/// loses power. The file belongs to one process at a time.
#[derive(Clone)]
pub struct DurableKv {
    file: Arc<OpenFile>,
    bytes_max: u64,
    runtime: Handle,
}

impl DurableKv {
    /// Opens the store `name` in `folder`, for at most [`KV_DISK_BYTES_MAX`] bytes. Folder and file are made where they are
    /// not there. Reading is done by the blocking threads of `runtime`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the file cannot be made or opened, is not the file of a store, or belongs to another
    /// process.
    pub fn open(folder: &Path, name: &str, runtime: Handle) -> Result<Self, StoreError> {
        let path = folder.join(file_name(name));
        let wrong = |error: &dyn fmt::Display| StoreError(format!("{}: {error}", path.display()));
        std::fs::create_dir_all(folder).map_err(|error| wrong(&error))?;
        let file = OpenFile::open(&path).map_err(|error| match error {
            redb::Error::DatabaseAlreadyOpen => wrong(
                &"another process has this store open; stop it, or choose another folder for `persist`",
            ),
            error => wrong(&error),
        })?;
        Ok(Self {
            file,
            bytes_max: KV_DISK_BYTES_MAX,
            runtime,
        })
    }

    /// The same store, of which what is written through this one makes at most `bytes_max` bytes. A write that would make it
    /// larger is [`KvError::PayloadTooLarge`].
    #[must_use]
    pub fn with_capacity(self, bytes_max: u64) -> Self {
        Self { bytes_max, ..self }
    }

    /// Whether nothing was ever written to it.
    ///
    /// # Errors
    ///
    /// [`KvError::Internal`] when the file cannot be read.
    pub fn is_new(&self) -> Result<bool, KvError> {
        let generation = told(
            tables::last_generation(self.file.database()),
            self.file.path(),
        )?;
        Ok(generation == 0)
    }

    /// Writes an item, and waits until it is on the disk.
    ///
    /// # Errors
    ///
    /// Those of [`KvInsert::apply`]; [`KvError::PayloadTooLarge`] when the store is full, [`KvError::TooManyRequests`] when
    /// too much waits to be written, and [`KvError::Internal`] when the file cannot be written.
    ///
    /// # Panics
    ///
    /// On a thread that runs asynchronous tasks, which must not wait: [`insert`](KvStore::insert) is for those.
    pub fn write_now(&self, key: KvKey, insert: KvInsert, now: Duration) -> Result<(), KvError> {
        let change = Change::Insert(key, Box::new(insert), self.bytes_max);
        let prepared = self.file.changes().prepare(change, now)?;
        self.file.changes().send_blocking(prepared)
    }

    fn change(&self, change: Change, now: Duration) -> KvFuture<()> {
        let prepared = match self.file.changes().prepare(change, now) {
            Ok(prepared) => prepared,
            Err(error) => return ready(Err(error)).boxed(),
        };
        let file = self.file.clone();
        async move { file.changes().send(prepared).await }.boxed()
    }

    fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&redb::Database) -> Result<T, redb::Error> + Send + 'static,
    ) -> KvFuture<T> {
        let (file, runtime) = (self.file.clone(), self.runtime.clone());
        async move {
            let reading = runtime.spawn_blocking(move || told(read(file.database()), file.path()));
            // It is lost only when the runtime ends, or by a panic inside of redb.
            reading.await.unwrap_or(Err(KvError::Internal))
        }
        .boxed()
    }
}

/// Notes what went wrong for whoever looks after the disk; guests only learn that something did.
fn told<T>(result: Result<T, redb::Error>, path: &Path) -> Result<T, KvError> {
    result.map_err(|error| {
        tracing::error!("{}: {error}", path.display());
        KvError::Internal
    })
}

/// The file of a store, whatever characters its name has.
fn file_name(name: &str) -> PathBuf {
    let mut file = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => file.push(byte.into()),
            _ => file.push_str(&format!("%{byte:02x}")),
        }
    }
    file.push_str(".redb");
    file.into()
}

impl KvStore for DurableKv {
    fn lookup(&self, key: KvKey, now: Duration) -> KvFuture<KvItem> {
        let found = self.read(move |database| tables::lookup(database, &key, now));
        found.map(|item| item?.ok_or(KvError::NotFound)).boxed()
    }

    fn insert(&self, key: KvKey, insert: KvInsert, now: Duration) -> KvFuture<()> {
        let change = Change::Insert(key, Box::new(insert), self.bytes_max);
        self.change(change, now)
    }

    fn delete(&self, key: KvKey, now: Duration) -> KvFuture<()> {
        self.change(Change::Delete(key), now)
    }

    fn list(&self, query: KvQuery, now: Duration) -> KvFuture<KvPage> {
        self.read(move |database| tables::list(database, &query, now))
    }
}

impl fmt::Debug for DurableKv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DurableKv").field(&self.file.path()).finish()
    }
}

#[cfg(test)]
mod tests;
