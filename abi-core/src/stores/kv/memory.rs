//! A KV store in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
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

/// In how many parts the items are, each with a lock of its own.
const PARTS: usize = 16;

/// A KV store in memory. Clones are the same store, so that who has given one to a host can look into it.
///
/// Lookups of different keys do not get in each other's way, and wait for a write no longer than it takes to put an item into
/// its place.
#[derive(Clone)]
pub struct MemoryKv {
    shared: Arc<Shared>,
}

struct Shared {
    /// One at a time writes. Who writes, or wants to see all items as they are at one moment, takes this lock first.
    writes: Mutex<Writes>,
    /// The items, by the hash of their keys.
    parts: [Part; PARTS],
}

/// Some of the items. It has cache lines of its own: who locks it changes them, and nobody else's.
#[derive(Default)]
#[repr(align(128))]
struct Part(RwLock<Items>);

type Items = BTreeMap<KvKey, KvItem>;

/// What is known of all items together.
struct Writes {
    /// All keys in the order of their bytes, each with the time at which it is over: pages are read from here, so that they need
    /// not be put together from all parts.
    keys: BTreeMap<KvKey, Option<Duration>>,
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
        let writes = Writes {
            keys: BTreeMap::new(),
            by_expiry: BTreeSet::new(),
            bytes: 0,
            bytes_max,
            last_generation: 0,
        };
        let shared = Shared {
            writes: Mutex::new(writes),
            parts: std::array::from_fn(|_| Part::default()),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Lets all clones of the store hold so many bytes from now on. What it holds stays, also where that is more.
    pub fn set_capacity(&self, bytes_max: usize) {
        self.writes().bytes_max = bytes_max;
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
        let mut writes = self.writes();
        self.sweep(&mut writes, now);
        let generation = next_generation(writes.last_generation, now);
        let existing = self.item(key.as_str());
        let replaced = existing.as_ref().map_or(0, |item| item.stored_bytes(&key));
        let existing = existing.filter(|item| !item.is_expired(now));
        let item = insert.apply(existing.as_ref(), generation, now)?;
        let added = item.stored_bytes(&key);
        // What makes it smaller is written also where it holds more than it may.
        if added > replaced && writes.bytes - replaced + added > writes.bytes_max {
            return Err(KvError::PayloadTooLarge);
        }
        writes.last_generation = generation;
        self.put(&mut writes, key, item);
        Ok(())
    }

    /// The item of `key`; also one whose time to live is over and that was not yet removed.
    #[must_use]
    pub fn item(&self, key: &str) -> Option<KvItem> {
        self.part(key).read().get(key).cloned()
    }

    /// The value of `key`; see [`item`](Self::item).
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Bytes> {
        self.item(key).map(|item| item.value.to_bytes())
    }

    /// All keys, in the order of their bytes; see [`item`](Self::item).
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        let writes = self.writes();
        let all = writes.keys.keys();
        all.map(|key| key.as_str().to_owned()).collect()
    }

    /// What it holds, in bytes; see [`KvItem::stored_bytes`].
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.writes().bytes
    }

    fn lookup_now(&self, key: &KvKey, now: Duration) -> Result<KvItem, KvError> {
        let items = self.part(key.as_str()).read();
        let item = items.get(key).filter(|item| !item.is_expired(now));
        item.cloned().ok_or(KvError::NotFound)
    }

    fn delete_now(&self, key: &KvKey, now: Duration) -> Result<(), KvError> {
        let mut writes = self.writes();
        self.sweep(&mut writes, now);
        let removed = self.remove(&mut writes, key);
        drop(writes);
        let removed = removed.filter(|item| !item.is_expired(now));
        removed.map(drop).ok_or(KvError::NotFound)
    }

    fn list_now(&self, query: &KvQuery, now: Duration) -> KvPage {
        let start = match &query.after {
            Some(after) if **after >= *query.prefix => Bound::Excluded(after.as_str()),
            _ => Bound::Included(query.prefix.as_str()),
        };
        let writes = self.writes();
        let found = writes
            .keys
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(|(key, _)| query.has_prefix(key.as_str()))
            .filter(|(_, expires)| expires.is_none_or(|expires| expires > now));
        KvPage::take(found.map(|(key, _)| key.as_str()), query.limit)
    }

    /// Puts an item into its place, in which there is one at any moment if there was one before.
    fn put(&self, writes: &mut Writes, key: KvKey, item: KvItem) {
        let (added, expires) = (item.stored_bytes(&key), item.expires);
        // Where there was one its key stays, which is the same copy in all places.
        let replaced = self.part(key.as_str()).write().insert(key.clone(), item);
        writes.bytes += added;
        match replaced {
            Some(replaced) => {
                writes.bytes -= replaced.stored_bytes(&key);
                if replaced.expires != expires {
                    writes.put_in_order(key, expires);
                }
            }
            None => writes.put_in_order(key, expires),
        }
    }

    fn remove(&self, writes: &mut Writes, key: &KvKey) -> Option<KvItem> {
        let item = self.part(key.as_str()).write().remove(key)?;
        writes.forget(key, &item);
        Some(item)
    }

    /// Removes some items whose time is over. Every write does, so that there are never many more of them than writes.
    fn sweep(&self, writes: &mut Writes, now: Duration) {
        for _ in 0..SWEPT_BY_WRITE {
            match writes.by_expiry.first() {
                Some((expires, key)) if *expires <= now => {
                    let key = key.clone();
                    self.remove(writes, &key);
                }
                _ => return,
            }
        }
    }

    fn part(&self, key: &str) -> &Part {
        // Who chooses keys that are all in one part makes lookups meet, which is all: a part finds its items by their order.
        let number = BuildHasherDefault::<DefaultHasher>::default().hash_one(key) % PARTS as u64;
        &self.shared.parts[number as usize]
    }

    // A panic cannot leave anything half written: no code between the changes of one write can panic.
    fn writes(&self) -> MutexGuard<'_, Writes> {
        let writes = self.shared.writes.lock();
        writes.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part {
    fn read(&self) -> RwLockReadGuard<'_, Items> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Items> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writes {
    /// Takes note of an item that is new, or that is there for another time than before.
    fn put_in_order(&mut self, key: KvKey, expires: Option<Duration>) {
        let place = self.keys.entry(key);
        let key = place.key().clone();
        let before = std::mem::replace(place.or_default(), expires);
        if let Some(before) = before {
            self.by_expiry.remove(&(before, key.clone()));
        }
        self.by_expiry.extend(expires.map(|expires| (expires, key)));
    }

    /// Takes note that an item is there no more.
    fn forget(&mut self, key: &KvKey, item: &KvItem) {
        self.bytes -= item.stored_bytes(key);
        self.keys.remove(key);
        if let Some(expires) = item.expires {
            self.by_expiry.remove(&(expires, key.clone()));
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
        let writes = self.writes();
        f.debug_struct("MemoryKv")
            .field("items", &writes.keys.len())
            .field("bytes", &writes.bytes)
            .finish_non_exhaustive()
    }
}
