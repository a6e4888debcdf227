//! Counters and penalty boxes in memory.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quick_cache::Equivalent;
use quick_cache::sync::Cache;

use super::{EventCounter, RateLimits, RateWindow};

/// How many entries all counters together have, and all penalty boxes together.
pub const RATE_ENTRIES_MAX: usize = 100_000;

/// Counters and penalty boxes in memory.
///
/// They have room for a number of entries. When it is used up, a new entry takes the place of one that was not used for
/// long: its events are forgotten, or its penalty.
pub struct MemoryRateLimits {
    counters: Cache<Entry, Arc<Mutex<EventCounter>>>,
    penalties: Cache<Entry, Arc<Mutex<Duration>>>,
}

/// An entry of a counter or box: the name of one, and the text of the other.
#[derive(Clone, PartialEq, Eq)]
struct Entry {
    owner: Arc<str>,
    text: Arc<str>,
}

impl Hash for Entry {
    fn hash<H: Hasher>(&self, state: &mut H) {
        EntryRef(&self.owner, &self.text).hash(state);
    }
}

/// [`Entry`], to look for one without making one.
#[derive(Clone, Copy, Hash)]
struct EntryRef<'a>(&'a str, &'a str);

impl Equivalent<Entry> for EntryRef<'_> {
    fn equivalent(&self, entry: &Entry) -> bool {
        *self.0 == *entry.owner && *self.1 == *entry.text
    }
}

impl EntryRef<'_> {
    fn to_entry(self) -> Entry {
        Entry {
            owner: self.0.into(),
            text: self.1.into(),
        }
    }
}

impl MemoryRateLimits {
    /// Without events and penalties, and with room for [`RATE_ENTRIES_MAX`] entries of each.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(RATE_ENTRIES_MAX)
    }

    /// With room for `entries` entries of counters, and as many of penalty boxes.
    #[must_use]
    pub fn with_capacity(entries: usize) -> Self {
        Self {
            counters: Cache::new(entries),
            penalties: Cache::new(entries),
        }
    }
}

/// The value of an entry, which is made if there is none.
fn get_or_make<T: Clone + Default>(cache: &Cache<Entry, T>, entry: EntryRef<'_>) -> T {
    if let Some(value) = cache.get(&entry) {
        return value;
    }
    let made = cache.get_or_insert_with(&entry.to_entry(), || {
        Ok::<_, std::convert::Infallible>(T::default())
    });
    match made {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

/// A panic leaves neither a counter nor a time half changed: neither is changed by code that can panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RateLimits for MemoryRateLimits {
    fn increment(&self, counter: &str, entry: &str, delta: u32, now: Duration) {
        let counter = get_or_make(&self.counters, EntryRef(counter, entry));
        lock(&counter).add(delta, now);
    }

    fn count(&self, counter: &str, entry: &str, window: RateWindow, now: Duration) -> u64 {
        let counter = self.counters.get(&EntryRef(counter, entry));
        counter.map_or(0, |counter| lock(&counter).count(window, now))
    }

    fn penalize(&self, penalty_box: &str, entry: &str, until: Duration, _now: Duration) {
        let penalty = get_or_make(&self.penalties, EntryRef(penalty_box, entry));
        let mut end = lock(&penalty);
        *end = until.max(*end);
    }

    fn is_penalized(&self, penalty_box: &str, entry: &str, now: Duration) -> bool {
        let penalty = self.penalties.get(&EntryRef(penalty_box, entry));
        penalty.is_some_and(|end| now < *lock(&end))
    }
}

impl Default for MemoryRateLimits {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryRateLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryRateLimits")
            .field("counters", &self.counters.len())
            .field("penalties", &self.penalties.len())
            .finish()
    }
}
