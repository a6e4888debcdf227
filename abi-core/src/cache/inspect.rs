//! Looking at a cache from outside.

use std::time::Duration;

use super::object::Freshness;
use super::storage::Cache;
use super::{CacheKey, SurrogateKeys, VaryRule};

/// What a cache holds, and what has happened to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStatistics {
    /// How many objects it holds.
    pub objects: usize,
    /// How many keys have objects, or requests that are about to insert one.
    pub keys: usize,
    /// How many bytes the objects take, as they count against the capacity.
    pub bytes: u64,
    /// How many bytes they may take.
    pub capacity: u64,
    /// How many bytes bodies take, those included that have left the cache and are still read or written.
    pub body_bytes: u64,
    /// How many lookups wait for what another request inserts.
    pub waiting: usize,
    /// How many lookups have found an object that may be used.
    pub hits: u64,
    /// How many have not.
    pub misses: u64,
    /// How many objects were inserted.
    pub inserted: u64,
    /// How many objects had to leave because memory was short.
    pub evicted: u64,
    /// How many objects have left because nobody could use them any more.
    pub expired: u64,
    /// How many objects were purged.
    pub purged: u64,
}

/// An object in a cache.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CachedObject {
    /// Its key.
    pub key: CacheKey,
    /// Which headers of requests it depends on.
    pub vary: VaryRule,
    /// What it can be purged by.
    pub surrogate_keys: SurrogateKeys,
    /// How old it is.
    pub age: Duration,
    /// How long it is fresh.
    pub max_age: Duration,
    /// How far it may be used.
    pub freshness: Freshness,
    /// How many bytes of its body were written.
    pub body_bytes: u64,
    /// Whether its body is complete.
    pub complete: bool,
    /// How often it was found.
    pub hits: u64,
}

impl Cache {
    /// What it holds, and what has happened to it.
    #[must_use]
    pub fn statistics(&self) -> CacheStatistics {
        let body_bytes = self.body_bytes();
        self.locked(|state, _| {
            let (keys, waiting) = state.sizes();
            let counts = state.counts;
            CacheStatistics {
                objects: state.residents.len(),
                keys,
                bytes: state.residents.weight(),
                capacity: state.residents.capacity(),
                body_bytes,
                waiting,
                hits: counts.hits,
                misses: counts.misses,
                inserted: counts.inserted,
                evicted: counts.evicted,
                expired: counts.expired,
                purged: counts.purged,
            }
        })
    }

    /// Its objects, in the order of their keys, as of the latest time that it was told.
    #[must_use]
    pub fn objects(&self) -> Vec<CachedObject> {
        let (objects, now): (Vec<_>, _) = self.locked(|state, _| {
            let objects = state.residents.iter().cloned();
            (objects.collect(), state.time())
        });
        let mut objects: Vec<_> = objects
            .into_iter()
            .map(|object| CachedObject {
                key: object.key.clone(),
                vary: object.options.vary.clone(),
                surrogate_keys: object.options.surrogate_keys.clone(),
                age: object.age(now),
                max_age: object.options.max_age,
                freshness: object.freshness(now),
                body_bytes: object.content.written(),
                complete: object.content.is_complete(),
                hits: object.hits.load(std::sync::atomic::Ordering::Relaxed),
            })
            .collect();
        objects.sort_by(|a, b| a.key.cmp(&b.key));
        objects
    }
}
