//! [`Cache`]: the storage that the requests of a service share.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::time::Duration;

use http::HeaderMap;

use super::budget::Budget;
use super::content::Content;
use super::object::Found;
use super::state::{Deferred, Purpose, Resolution, State};
use super::transaction::{PendingLookup, ReplaceStrategy, Replacement};
use super::writer::BodyWriter;
use super::{CacheKey, RequestFields, SurrogateKey, WriteOptions};

/// How many bytes a cache may hold where nothing else was said: 256 MiB.
pub const CACHE_BYTES_DEFAULT: u64 = 256 * 1024 * 1024;

/// The cache of a service. Clones share it.
#[derive(Clone)]
pub struct Cache {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    budget: Arc<Budget>,
}

/// What a purge does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purge {
    /// Objects are stale from now on.
    Soft,
    /// Objects are removed.
    Hard,
}

impl Cache {
    /// An empty cache that holds at most `capacity` bytes: bodies and what is known about them.
    #[must_use]
    pub fn new(capacity: u64) -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State::new(capacity)),
                budget: Arc::new(Budget::new(capacity.saturating_mul(2))),
            }),
        }
    }

    /// Does something under the lock, then wakes and frees without it.
    pub(super) fn locked<R>(&self, work: impl FnOnce(&mut State, &mut Deferred) -> R) -> R {
        let mut deferred = Deferred::default();
        let result = {
            // Work on the state does not panic half-way: it has no call of foreign code.
            let state = self.shared.state.lock();
            let mut state = state.unwrap_or_else(PoisonError::into_inner);
            work(&mut state, &mut deferred)
        };
        deferred.wakers.into_iter().for_each(Waker::wake);
        result
    }

    /// Finds an object for a request with these headers: the freshest, also one that may be used no more. It waits for
    /// nobody.
    #[must_use]
    pub fn lookup(&self, key: &CacheKey, headers: &HeaderMap, now: Duration) -> Option<Found> {
        self.locked(|state, deferred| {
            state.pass(now, deferred);
            state.find(key, headers)
        })
    }

    /// Begins a transaction. It has to wait while another one for the same object must insert it, and there is none that
    /// may be used meanwhile.
    #[must_use]
    pub fn transaction(
        &self,
        key: CacheKey,
        headers: impl Into<RequestFields>,
        now: Duration,
    ) -> PendingLookup {
        self.begin(key, headers.into(), Purpose::Lookup, now)
    }

    fn begin(
        &self,
        key: CacheKey,
        headers: RequestFields,
        purpose: Purpose,
        now: Duration,
    ) -> PendingLookup {
        let begun = self.locked(|state, deferred| {
            state.pass(now, deferred);
            let resolution = state.resolve(&key, &headers, purpose);
            resolution.ok_or_else(|| state.wait(key.clone(), headers.clone(), purpose))
        });
        PendingLookup::new(self.clone(), key, headers, begun)
    }

    /// Begins to replace an object, whether or not there is one.
    #[must_use]
    pub fn replace(
        &self,
        key: CacheKey,
        headers: impl Into<RequestFields>,
        strategy: ReplaceStrategy,
        now: Duration,
    ) -> Replacement {
        let headers = headers.into();
        let lookup = match strategy {
            ReplaceStrategy::Wait => self.begin(key, headers, Purpose::Replace, now),
            ReplaceStrategy::Immediate | ReplaceStrategy::ImmediateForceMiss => {
                let resolution = self.locked(|state, deferred| {
                    state.pass(now, deferred);
                    if strategy == ReplaceStrategy::ImmediateForceMiss {
                        return state.force_miss(&key, &headers, deferred);
                    }
                    Resolution {
                        found: state.find(&key, &headers),
                        obligation: None,
                    }
                });
                PendingLookup::new(self.clone(), key, headers, Ok(resolution))
            }
        };
        Replacement::new(lookup)
    }

    /// Inserts an object, whatever there is, for requests that have the same values of the headers of its vary rule as
    /// `headers`. It is found from now on; its body follows.
    #[must_use]
    pub fn insert(
        &self,
        key: CacheKey,
        headers: &HeaderMap,
        options: WriteOptions,
        now: Duration,
    ) -> BodyWriter {
        let content = self.content(&options);
        self.locked(|state, deferred| {
            state.pass(now, deferred);
            state.insert(key, headers, options, content.clone(), None, deferred);
        });
        BodyWriter::new(self.clone(), content)
    }

    pub(super) fn content(&self, options: &WriteOptions) -> Arc<Content> {
        Arc::new(Content::new(options.length, self.shared.budget.clone()))
    }

    /// Purges the objects that have a surrogate key; gives how many they were.
    ///
    /// Objects that are being written are among them. One that is about to be inserted is not.
    pub fn purge(&self, key: &SurrogateKey, purge: Purge) -> usize {
        self.locked(|state, deferred| state.purge(key, purge, deferred))
    }

    /// Purges the objects of a key, for whatever request headers; gives how many they were.
    pub fn purge_object(&self, key: &CacheKey, purge: Purge) -> usize {
        self.locked(|state, deferred| state.purge_key(key, purge, deferred))
    }

    /// Purges everything; gives how many objects that were.
    pub fn purge_all(&self, purge: Purge) -> usize {
        self.locked(|state, deferred| state.purge_all(purge, deferred))
    }

    /// Removes everything; gives how many objects that were.
    pub fn clear(&self) -> usize {
        self.purge_all(Purge::Hard)
    }

    /// Removes all that has expired. Lookups and inserts do so as well, a little each; this is for quiet times.
    pub fn sweep(&self, now: Duration) {
        while self.sweep_some(now) {}
    }

    /// Removes some of what has expired, as much as a lookup does; says whether there is more. What sweeps in the
    /// background gives others a turn in between.
    pub fn sweep_some(&self, now: Duration) -> bool {
        self.locked(|state, deferred| {
            state.pass(now, deferred);
            state.has_expired()
        })
    }

    /// How many bytes bodies take, those included that have left the cache and are still read or written.
    #[must_use]
    pub fn body_bytes(&self) -> u64 {
        self.shared.budget.used()
    }

    /// Takes note that a body has grown; says whether its object may go on growing.
    pub(super) fn has_grown(&self, content: &Content) -> bool {
        self.locked(|state, deferred| match state.owner(content) {
            Some(object) => state.weigh(object, deferred),
            // It was evicted, purged or replaced: those who read it go on.
            None => content.written() < state.residents.capacity(),
        })
    }

    /// How long the body of an object may be that is known from the start, for it not to push everything else out: half of
    /// what the cache holds.
    #[must_use]
    pub fn object_bytes_max(&self) -> u64 {
        self.locked(|state, _| state.residents.capacity() / 2)
    }

    /// Removes the object that a body belongs to.
    pub(super) fn remove_content(&self, content: &Content) {
        self.locked(|state, deferred| {
            if let Some(object) = state.owner(content) {
                state.remove(object.id, deferred);
            }
        });
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self::new(CACHE_BYTES_DEFAULT)
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("statistics", &self.statistics())
            .finish()
    }
}
