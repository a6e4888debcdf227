//! Those who wait for what others insert.

use std::sync::Arc;
use std::task::Waker;

use super::{Deferred, Obligation, Resolution, State};
use crate::cache::object::{Found, Object};
use crate::cache::{CacheKey, RequestFields};

/// Somebody who waits for what others insert.
pub(super) struct Waiter {
    key: CacheKey,
    headers: RequestFields,
    purpose: Purpose,
    waker: Option<Waker>,
    resolution: Option<Resolution>,
}

/// What somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cache) enum Purpose {
    /// An object that may be used, or the duty to insert one.
    Lookup,
    /// The duty to insert an object, whatever there is.
    Replace,
}

impl State {
    /// Gives up the duty to insert an object. Whoever waits goes on.
    pub(in crate::cache) fn release(&mut self, obligation: Obligation, deferred: &mut Deferred) {
        let Obligation { key, rule, variant } = obligation;
        if let Some(entry) = self.entries.get_mut(&key)
            && let Some(slot) = entry.slot(&rule, &variant)
        {
            slot.obligations = slot.obligations.saturating_sub(1);
        }
        self.wake(&key, deferred);
        self.tidy(&key);
    }

    /// Has those who wait for the object of a duty use a stale one instead, and gives up the duty.
    pub(in crate::cache) fn choose_stale(
        &mut self,
        obligation: Obligation,
        stale: &Arc<Object>,
        deferred: &mut Deferred,
    ) {
        let key = obligation.key.clone();
        let waiters = self.entries.get(&key).map(|entry| entry.waiters.clone());
        for id in waiters.unwrap_or_default() {
            let Some(waiter) = self.waiters.get(&id) else {
                continue;
            };
            let same = stale.options.vary.variant(&waiter.headers) == stale.variant;
            if same && waiter.purpose == Purpose::Lookup {
                let found = self.note(Some(stale.clone()));
                let found = found.map(|found| Found {
                    chosen_stale: true,
                    ..found
                });
                let resolution = Resolution {
                    found,
                    obligation: None,
                };
                self.answer(id, resolution, deferred);
            }
        }
        self.release(obligation, deferred);
    }

    /// Looks again for all who wait for a key.
    pub(super) fn wake(&mut self, key: &CacheKey, deferred: &mut Deferred) {
        let waiters = self.entries.get(key).map(|entry| entry.waiters.clone());
        for id in waiters.unwrap_or_default() {
            let Some(waiter) = self.waiters.get(&id) else {
                continue;
            };
            let (headers, purpose) = (waiter.headers.clone(), waiter.purpose);
            if let Some(resolution) = self.resolve(key, &headers, purpose) {
                self.answer(id, resolution, deferred);
            }
        }
    }

    /// Tells a waiter what its lookup has come to.
    fn answer(&mut self, id: u64, resolution: Resolution, deferred: &mut Deferred) {
        if let Some(waiter) = self.waiters.get_mut(&id) {
            waiter.resolution = Some(resolution);
            deferred.wakers.extend(waiter.waker.take());
            if let Some(entry) = self.entries.get_mut(&waiter.key) {
                entry.waiters.remove(&id);
            }
        }
    }

    /// Has somebody wait; gives the number of the waiter.
    pub(in crate::cache) fn wait(
        &mut self,
        key: CacheKey,
        headers: RequestFields,
        purpose: Purpose,
    ) -> u64 {
        let id = self.id();
        let entry = self.entries.entry(key.clone()).or_default();
        entry.waiters.insert(id);
        let waiter = Waiter {
            key,
            headers,
            purpose,
            waker: None,
            resolution: None,
        };
        self.waiters.insert(id, waiter);
        id
    }

    /// Takes what a lookup has come to; otherwise `waker` will be woken.
    pub(in crate::cache) fn poll_waiter(
        &mut self,
        id: u64,
        waker: &Waker,
        deferred: &mut Deferred,
    ) -> Option<Resolution> {
        let waiter = self.waiters.get_mut(&id)?;
        if waiter.resolution.is_none() {
            let known = waiter.waker.as_ref();
            if !known.is_some_and(|known| known.will_wake(waker)) {
                let old = waiter.waker.replace(waker.clone());
                deferred.forgotten.extend(old);
            }
            return None;
        }
        self.waiters.remove(&id)?.resolution
    }

    /// Removes a waiter who has lost patience, and gives up what it got meanwhile.
    pub(in crate::cache) fn forget_waiter(&mut self, id: u64, deferred: &mut Deferred) {
        let Some(waiter) = self.waiters.remove(&id) else {
            return;
        };
        deferred.forgotten.extend(waiter.waker);
        if let Some(entry) = self.entries.get_mut(&waiter.key) {
            entry.waiters.remove(&id);
        }
        if let Some(obligation) = waiter
            .resolution
            .and_then(|resolution| resolution.obligation)
        {
            self.release(obligation, deferred);
        } else {
            self.tidy(&waiter.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, mpsc};
    use std::task::{Context, Wake, Waker};
    use std::thread;
    use std::time::Duration;

    use http::HeaderMap;

    use crate::cache::{Cache, CacheKey, CacheSpace, PendingLookup};

    /// A task that is freed with the last waker of it, as some executors have them.
    struct Task {
        _lookup: Mutex<PendingLookup>,
    }

    impl Wake for Task {
        fn wake(self: Arc<Self>) {}
    }

    fn look_up(cache: &Cache) -> PendingLookup {
        let key = CacheKey::new(CacheSpace::Core, b"key").unwrap();
        cache.transaction(key, HeaderMap::new(), Duration::ZERO)
    }

    fn task(cache: &Cache) -> Waker {
        let lookup = Mutex::new(look_up(cache));
        Arc::new(Task { _lookup: lookup }).into()
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "whether a thread hangs is seen from another one"
    )]
    fn a_task_that_waits_may_be_freed_with_a_waker_of_it() {
        let (done, is_done) = mpsc::channel();
        // What is locked twice hangs.
        thread::spawn(move || {
            let cache = Cache::default();
            let leader = look_up(&cache);
            let mut waits = look_up(&cache);
            let mut poll = |waker: &Waker| {
                let poll = waits.poll_ready(&mut Context::from_waker(waker));
                assert!(poll.is_pending());
            };
            poll(&task(&cache));
            assert_eq!(cache.statistics().waiting, 2);
            poll(Waker::noop());
            assert_eq!(cache.statistics().waiting, 1);
            poll(&task(&cache));
            drop(waits);
            assert_eq!(cache.statistics().waiting, 0);
            drop(leader);
            done.send(()).unwrap();
        });
        is_done.recv_timeout(Duration::from_secs(60)).unwrap();
    }
}
