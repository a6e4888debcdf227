//! KV stores: values of up to 25 MiB by their keys, with metadata, a time to live and a generation.
//!
//! What an operation means is here and in [`insert`](KvInsert::apply), the same for every implementation; how values
//! are kept is up to the implementation.

mod insert;
mod key;
mod list;
mod memory;
mod operation;
mod value;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;

pub use insert::{KV_METADATA_BYTES_MAX, KvInsert, KvInsertMode, next_generation};
pub use key::{KV_KEY_BYTES_MAX, KvKey};
pub use list::{KV_LIST_LIMIT_MAX, KvPage, KvQuery, decode_cursor};
pub use memory::{KV_MEMORY_BYTES_MAX, MemoryKv};
pub(crate) use operation::{KvOperation, KvOperationKind, KvReply};
pub(crate) use value::KvPieces;
pub use value::{KV_VALUE_BYTES_MAX, KvValue};

/// The KV stores of a service.
pub trait KvStores: Send + Sync {
    /// The store of this name.
    fn open(&self, name: &str) -> Option<Arc<dyn KvStore>>;
}

impl KvStores for HashMap<String, Arc<dyn KvStore>> {
    fn open(&self, name: &str) -> Option<Arc<dyn KvStore>> {
        self.get(name).cloned()
    }
}

/// What an operation of a store comes to.
pub type KvFuture<T> = BoxFuture<'static, Result<T, KvError>>;

/// One KV store.
///
/// Operations may be called from any thread. An operation begins when its future is first polled, and takes effect as a
/// whole or not at all: reading, checking and writing of one insert are one step for all others. `now` is the time
/// since 1970-01-01 00:00 UTC, by the clock of the platform.
pub trait KvStore: Send + Sync {
    /// Reads an item. One whose time to live is over is not found.
    fn lookup(&self, key: KvKey, now: Duration) -> KvFuture<KvItem>;

    /// Writes an item. When the future ends without an error, the write is as safe as this store makes it.
    fn insert(&self, key: KvKey, insert: KvInsert, now: Duration) -> KvFuture<()>;

    /// Removes an item.
    fn delete(&self, key: KvKey, now: Duration) -> KvFuture<()>;

    /// Lists keys, in the order of their bytes.
    fn list(&self, query: KvQuery, now: Duration) -> KvFuture<KvPage>;
}

/// An item of a KV store. Clones share its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KvItem {
    /// The value.
    pub value: KvValue,
    /// What the writer said about the value; empty when it said nothing.
    pub metadata: Bytes,
    /// A number that is another one after each write to the key.
    pub generation: u64,
    /// When its time to live is over, since 1970-01-01 00:00 UTC.
    pub expires: Option<Duration>,
}

/// What an item takes beside the bytes of its key, value and metadata: what the structures around it are at most, in a store
/// in memory and with the allocator of the system.
pub const KV_ITEM_BYTES: usize = 512;

impl KvItem {
    /// How many bytes it counts where a store has a limit: key, value, metadata and [`KV_ITEM_BYTES`].
    #[must_use]
    pub fn stored_bytes(&self, key: &KvKey) -> usize {
        KV_ITEM_BYTES + key.as_str().len() + self.value.len() + self.metadata.len()
    }

    /// Whether its time to live is over.
    #[must_use]
    pub fn is_expired(&self, now: Duration) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// Why an operation of a store did nothing. The numbers are those of witx `kv_error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
#[non_exhaustive]
pub enum KvError {
    /// What was asked for makes no sense: a cursor that is none, metadata that is too long.
    BadRequest = 2,
    /// There is no such key.
    NotFound = 3,
    /// The key exists and was to be added, or it has another generation than the one asked for.
    PreconditionFailed = 4,
    /// The value is larger than [`KV_VALUE_BYTES_MAX`], or the store is full.
    PayloadTooLarge = 5,
    /// The store has failed.
    Internal = 6,
    /// The store has more to do than it can: too much is waiting to be written.
    TooManyRequests = 7,
}

impl KvError {
    /// witx `kv_error`: the operation was done.
    pub const OK: u32 = 1;

    /// The number that guests get.
    #[must_use]
    pub const fn code(self) -> u32 {
        self as u32
    }
}

impl fmt::Display for KvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadRequest => "the KV store was asked for something that makes no sense",
            Self::NotFound => "the KV store has no such key",
            Self::PreconditionFailed => "the key is there, or has another generation",
            Self::PayloadTooLarge => "the value is too large for the KV store",
            Self::Internal => "the KV store has failed",
            Self::TooManyRequests => "the KV store has too much to do",
        })
    }
}

impl std::error::Error for KvError {}
