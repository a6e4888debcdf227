//! A KV store in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::lazy;

use super::{
    KvError, KvFuture, KvInsert, KvItem, KvKey, KvPage, KvQuery, KvStore, next_generation,
};
use crate::stores::ContentError;

/// What a store in memory holds at most where nothing else was said, in bytes; see [`KvItem::stored_bytes`].
pub const KV_MEMORY_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// How many items whose time is over one write removes at most.
const SWEPT_BY_WRITE: usize = 8;

/// A KV store in memory. Clones are the same store, so that who has given one to a host can look into it.
#[derive(Clone)]
pub struct MemoryKv {
    items: Arc<RwLock<Items>>,
}

struct Items {
    by_key: BTreeMap<KvKey, KvItem>,
    /// The keys of all items whose time will be over, by that time.
    by_expiry: BTreeSet<(Duration, KvKey)>,
    bytes: usize,
    bytes_max: usize,
    last_generation: u64,
}

impl MemoryKv {
    /// An empty store of at most [`KV_MEMORY_BYTES_MAX`] bytes.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(KV_MEMORY_BYTES_MAX)
    }

    /// An empty store of at most `bytes_max` bytes, as [`KvItem::stored_bytes`] counts them. A write that would make it
    /// larger is [`KvError::PayloadTooLarge`].
    #[must_use]
    pub fn with_capacity(bytes_max: usize) -> Self {
        let items = Items {
            by_key: BTreeMap::new(),
            by_expiry: BTreeSet::new(),
            bytes: 0,
            bytes_max,
            last_generation: 0,
        };
        Self {
            items: Arc::new(RwLock::new(items)),
        }
    }

    /// Lets all clones of the store hold so many bytes from now on. What it holds stays, also where that is more.
    pub fn set_capacity(&self, bytes_max: usize) {
        self.write().bytes_max = bytes_max;
    }

    /// Writes a value without metadata that stays until it is removed.
    ///
    /// # Errors
    ///
    /// [`ContentError`] when the key is none, or the value is too large.
    pub fn set(&self, key: &str, value: impl Into<Bytes>) -> Result<(), ContentError> {
        self.set_with_metadata(key, value, Bytes::new())
    }

    /// Writes a value that stays until it is removed.
    ///
    /// # Errors
    ///
    /// [`ContentError`] when the key is none, or the value or the metadata is too large.
    pub fn set_with_metadata(
        &self,
        key: &str,
        value: impl Into<Bytes>,
        metadata: impl Into<Bytes>,
    ) -> Result<(), ContentError> {
        let insert = KvInsert {
            value: value.into().into(),
            metadata: Some(metadata.into()),
            ..KvInsert::default()
        };
        self.write_now(KvKey::new(key)?, insert, Duration::ZERO)
            .map_err(|error| ContentError(format!("`{key}`: {error}")))
    }

    /// Writes an item at once.
    ///
    /// # Errors
    ///
    /// Those of [`KvInsert::apply`], and [`KvError::PayloadTooLarge`] when the store is full.
    pub fn write_now(&self, key: KvKey, insert: KvInsert, now: Duration) -> Result<(), KvError> {
        let mut items = self.write();
        items.sweep(now);
        let generation = next_generation(items.last_generation, now);
        let existing = items.by_key.get(&key);
        let item = insert.apply(
            existing.filter(|item| !item.is_expired(now)),
            generation,
            now,
        )?;
        let replaced = existing.map_or(0, |existing| existing.stored_bytes(&key));
        let added = item.stored_bytes(&key);
        // What makes it smaller is written also where it holds more than it may.
        if added > replaced && items.bytes - replaced + added > items.bytes_max {
            return Err(KvError::PayloadTooLarge);
        }
        items.remove(&key);
        items.last_generation = generation;
        items.bytes += added;
        if let Some(expires) = item.expires {
            items.by_expiry.insert((expires, key.clone()));
        }
        items.by_key.insert(key, item);
        Ok(())
    }

    /// The item of `key`; also one whose time to live is over and that was not yet removed.
    #[must_use]
    pub fn item(&self, key: &str) -> Option<KvItem> {
        self.read().by_key.get(key).cloned()
    }

    /// The value of `key`; see [`item`](Self::item).
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Bytes> {
        self.item(key).map(|item| item.value.to_bytes())
    }

    /// All keys; see [`item`](Self::item).
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        let items = self.read();
        items
            .by_key
            .keys()
            .map(|key| key.as_str().to_owned())
            .collect()
    }

    /// What it holds, in bytes; see [`KvItem::stored_bytes`].
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.read().bytes
    }

    fn lookup_now(&self, key: &KvKey, now: Duration) -> Result<KvItem, KvError> {
        let items = self.read();
        let item = items.by_key.get(key).filter(|item| !item.is_expired(now));
        item.cloned().ok_or(KvError::NotFound)
    }

    fn delete_now(&self, key: &KvKey, now: Duration) -> Result<(), KvError> {
        let mut items = self.write();
        items.sweep(now);
        let removed = items.remove(key);
        drop(items);
        let removed = removed.filter(|item| !item.is_expired(now));
        removed.map(drop).ok_or(KvError::NotFound)
    }

    fn list_now(&self, query: &KvQuery, now: Duration) -> KvPage {
        let items = self.read();
        let start = match &query.after {
            Some(after) if **after >= *query.prefix => Bound::Excluded(after.as_str()),
            _ => Bound::Included(query.prefix.as_str()),
        };
        let found = items
            .by_key
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(|(key, _)| key.as_str().starts_with(&query.prefix))
            .filter(|(_, item)| !item.is_expired(now));
        KvPage::take(found.map(|(key, _)| key.as_str()), query.limit)
    }

    // A panic cannot leave the items half written: no code between the changes of one write can panic.
    fn read(&self) -> RwLockReadGuard<'_, Items> {
        self.items.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Items> {
        self.items.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Items {
    fn remove(&mut self, key: &KvKey) -> Option<KvItem> {
        let (key, item) = self.by_key.remove_entry(key)?;
        self.bytes -= item.stored_bytes(&key);
        if let Some(expires) = item.expires {
            self.by_expiry.remove(&(expires, key));
        }
        Some(item)
    }

    /// Removes some items whose time is over. Every write does, so that there are never many more of them than writes.
    fn sweep(&mut self, now: Duration) {
        for _ in 0..SWEPT_BY_WRITE {
            match self.by_expiry.first() {
                Some((expires, key)) if *expires <= now => {
                    let key = key.clone();
                    self.remove(&key);
                }
                _ => return,
            }
        }
    }
}

impl KvStore for MemoryKv {
    fn lookup(&self, key: KvKey, now: Duration) -> KvFuture<KvItem> {
        let store = self.clone();
        lazy(move |_| store.lookup_now(&key, now)).boxed()
    }

    fn insert(&self, key: KvKey, insert: KvInsert, now: Duration) -> KvFuture<()> {
        let store = self.clone();
        lazy(move |_| store.write_now(key, insert, now)).boxed()
    }

    fn delete(&self, key: KvKey, now: Duration) -> KvFuture<()> {
        let store = self.clone();
        lazy(move |_| store.delete_now(&key, now)).boxed()
    }

    fn list(&self, query: KvQuery, now: Duration) -> KvFuture<KvPage> {
        let store = self.clone();
        lazy(move |_| Ok(store.list_now(&query, now))).boxed()
    }
}

impl Default for MemoryKv {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryKv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items = self.read();
        f.debug_struct("MemoryKv")
            .field("items", &items.by_key.len())
            .field("bytes", &items.bytes)
            .finish_non_exhaustive()
    }
}
