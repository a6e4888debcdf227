//! The directory: which objects a key has, who is about to insert one, and who waits for that.
//!
//! Here is what lookups find, and what comes and goes; `entry` has what there is of one key, `waiting` those who wait for what
//! others insert, and `purging` what its name says.

mod entry;
mod purging;
mod waiting;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;
use std::time::Duration;

use http::HeaderMap;

use crate::cache::content::Content;
use crate::cache::object::{Found, Freshness, Object};
use crate::cache::residents::Residents;
use crate::cache::{CacheKey, SurrogateKey, VaryRule, WriteOptions};
use entry::Entry;
pub(super) use entry::Obligation;
pub(super) use waiting::Purpose;
use waiting::Waiter;

/// How many expired objects a call removes at most, beside what it has to do.
const SWEPT_AT_ONCE: usize = 16;

/// What is done when the cache is no longer locked: waking and freeing.
#[derive(Default)]
pub(in crate::cache) struct Deferred {
    pub(in crate::cache) wakers: Vec<Waker>,
    /// Of those who wait no more: freed, and not woken. What a waker belongs to may be freed with it.
    pub(in crate::cache) forgotten: Vec<Waker>,
    pub(in crate::cache) objects: Vec<Arc<Object>>,
}

/// All that the cache knows, under its lock.
pub(in crate::cache) struct State {
    entries: HashMap<CacheKey, Entry>,
    pub(in crate::cache) residents: Residents,
    by_surrogate_key: HashMap<SurrogateKey, BTreeSet<u64>>,
    expiries: BTreeSet<(Duration, u64)>,
    waiters: HashMap<u64, Waiter>,
    next_id: u64,
    /// The latest time that anybody has told.
    now: Duration,
    pub(in crate::cache) counts: Counts,
}

/// What has happened so far.
#[derive(Clone, Copy, Default)]
pub(in crate::cache) struct Counts {
    pub(in crate::cache) hits: u64,
    pub(in crate::cache) misses: u64,
    pub(in crate::cache) inserted: u64,
    pub(in crate::cache) evicted: u64,
    pub(in crate::cache) expired: u64,
    pub(in crate::cache) purged: u64,
}

/// A slot, and whether somebody has taken it upon them to fill it.
type Duty = (bool, VaryRule, Box<[u8]>);

/// What a lookup comes to.
#[derive(Debug)]
pub(in crate::cache) struct Resolution {
    pub(in crate::cache) found: Option<Found>,
    pub(in crate::cache) obligation: Option<Obligation>,
}

impl State {
    pub(in crate::cache) fn new(capacity: u64) -> Self {
        Self {
            entries: HashMap::new(),
            residents: Residents::new(capacity),
            by_surrogate_key: HashMap::new(),
            expiries: BTreeSet::new(),
            waiters: HashMap::new(),
            next_id: 1,
            now: Duration::ZERO,
            counts: Counts::default(),
        }
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Takes note of the time, and removes some of what has expired.
    pub(in crate::cache) fn pass(&mut self, now: Duration, deferred: &mut Deferred) {
        self.now = self.now.max(now);
        for _ in 0..SWEPT_AT_ONCE {
            if !self.remove_expired(deferred) {
                break;
            }
        }
    }

    /// Whether there is an object that has expired.
    pub(in crate::cache) fn has_expired(&self) -> bool {
        self.expiries.first().is_some_and(|(at, _)| *at <= self.now)
    }

    /// Removes one object that has expired; says whether there was one.
    fn remove_expired(&mut self, deferred: &mut Deferred) -> bool {
        match self.expiries.first() {
            Some((at, id)) if *at <= self.now => {
                self.counts.expired += 1;
                self.remove(*id, deferred);
                true
            }
            _ => false,
        }
    }

    /// Finds the best object that there is, without taking anything upon oneself.
    pub(in crate::cache) fn find(&mut self, key: &CacheKey, headers: &HeaderMap) -> Option<Found> {
        let best = self.entries.get(key).and_then(|entry| {
            let objects = entry.slots(headers).filter_map(|slot| slot.object.as_ref());
            objects.min_by_key(|object| object.freshness(self.now))
        });
        let best = best.cloned();
        self.note(best)
    }

    /// Counts a hit or a miss.
    fn note(&mut self, object: Option<Arc<Object>>) -> Option<Found> {
        let Some(object) = object else {
            self.counts.misses += 1;
            return None;
        };
        if object.freshness(self.now).is_usable() {
            self.counts.hits += 1;
        } else {
            self.counts.misses += 1;
        }
        self.residents.touch(object.id);
        let hits = object.hits.fetch_add(1, Ordering::Relaxed) + 1;
        Some(Found {
            object,
            hits,
            chosen_stale: false,
        })
    }

    /// What a lookup comes to now; nothing if it has to wait.
    pub(in crate::cache) fn resolve(
        &mut self,
        key: &CacheKey,
        headers: &HeaderMap,
        purpose: Purpose,
    ) -> Option<Resolution> {
        let now = self.now;
        let entry = self.entries.entry(key.clone()).or_default();
        let mut stale: Option<(Freshness, Arc<Object>, Duty)> = None;
        let mut obligated = false;
        for (rule, slots) in &entry.rules {
            let variant = rule.variant(headers);
            let Some(slot) = slots.get(&variant) else {
                continue;
            };
            obligated |= slot.obligations > 0;
            if let Some(object) = &slot.object {
                let freshness = object.freshness(now);
                let best = stale.as_ref().map(|(best, ..)| *best);
                if best.is_none_or(|best| freshness < best) {
                    let duty = (slot.obligations > 0, rule.clone(), variant);
                    stale = Some((freshness, object.clone(), duty));
                }
            }
        }
        let (object, duty) = match (purpose, stale) {
            (Purpose::Lookup, Some((Freshness::Fresh, object, _))) => (Some(object), None),
            (Purpose::Lookup, Some((freshness, object, (taken, rule, variant))))
                if freshness.is_usable() =>
            {
                (Some(object), (!taken).then_some((rule, variant)))
            }
            _ if obligated => return None,
            (_, Some((_, object, (_, rule, variant)))) => (Some(object), Some((rule, variant))),
            (_, None) => {
                let rule = entry.rules.first().map(|(rule, _)| rule.clone());
                let rule = rule.unwrap_or_default();
                let variant = rule.variant(headers);
                (None, Some((rule, variant)))
            }
        };
        let obligation = duty.map(|(rule, variant)| entry.obligate(key, rule, variant));
        Some(Resolution {
            found: self.note(object),
            obligation,
        })
    }

    /// Takes the place of an object, which is removed, so that others wait for a new one.
    pub(in crate::cache) fn force_miss(
        &mut self,
        key: &CacheKey,
        headers: &HeaderMap,
        deferred: &mut Deferred,
    ) -> Resolution {
        let found = self.find(key, headers);
        let entry = self.entries.entry(key.clone()).or_default();
        let objects = entry.slots(headers).filter_map(|slot| slot.object.as_ref());
        let removed: Vec<_> = objects.map(|object| object.id).collect();
        let rule = entry.rules.first().map(|(rule, _)| rule.clone());
        let rule = rule.unwrap_or_default();
        let variant = rule.variant(headers);
        let obligation = entry.obligate(key, rule, variant);
        removed.into_iter().for_each(|id| self.remove(id, deferred));
        Resolution {
            found,
            obligation: Some(obligation),
        }
    }

    /// Inserts an object, and gives up the duty to do so, where there was one.
    pub(in crate::cache) fn insert(
        &mut self,
        key: CacheKey,
        headers: &HeaderMap,
        options: WriteOptions,
        content: Arc<Content>,
        obligation: Option<Obligation>,
        deferred: &mut Deferred,
    ) -> Arc<Object> {
        self.counts.inserted += 1;
        let object = self.object(key, headers, options, content, Arc::default());
        self.put(object, obligation, deferred)
    }

    /// Gives the body of an object new metadata, and gives up the duty to do so.
    pub(in crate::cache) fn update(
        &mut self,
        old: &Object,
        headers: &HeaderMap,
        options: WriteOptions,
        obligation: Obligation,
        deferred: &mut Deferred,
    ) -> Arc<Object> {
        let (key, content, hits) = (old.key.clone(), old.content.clone(), old.hits.clone());
        let object = self.object(key, headers, options, content, hits);
        if old.purged.load(Ordering::Relaxed) || object.content.has_failed() {
            // What was purged does not come back, nor does a body that was given up. Whoever has revalidated it may use it.
            self.release(obligation, deferred);
            return Arc::new(object);
        }
        self.remove(old.id, deferred);
        self.put(object, Some(obligation), deferred)
    }

    /// An object that is not in the cache.
    pub(in crate::cache) fn object(
        &mut self,
        key: CacheKey,
        headers: &HeaderMap,
        options: WriteOptions,
        content: Arc<Content>,
        hits: Arc<AtomicU64>,
    ) -> Object {
        Object {
            id: self.id(),
            key,
            variant: options.vary.variant(headers),
            inserted: self.now,
            options,
            content,
            hits,
            soft_purged: AtomicBool::new(false),
            purged: AtomicBool::new(false),
        }
    }

    /// Has lookups find an object from here on, in place of the one that is there for the same requests.
    fn put(
        &mut self,
        object: Object,
        obligation: Option<Obligation>,
        deferred: &mut Deferred,
    ) -> Arc<Object> {
        let object = Arc::new(object);
        let id = object.id;
        object.content.set_owner(id);
        let entry = self.entries.entry(object.key.clone()).or_default();
        let (replaced, left) = entry.put(object.clone());
        for key in object.options.surrogate_keys.iter() {
            let objects = self.by_surrogate_key.entry(key.clone()).or_default();
            objects.insert(id);
        }
        self.expiries.insert((object.expires(), id));
        for old in replaced.into_iter().chain(left) {
            self.remove(old, deferred);
        }
        match obligation {
            Some(obligation) => self.release(obligation, deferred),
            None => self.wake(&object.key, deferred),
        }
        self.weigh(object.clone(), deferred);
        object
    }

    /// Asks an object anew how large it is; says whether there is still room for it.
    pub(in crate::cache) fn weigh(&mut self, object: Arc<Object>, deferred: &mut Deferred) -> bool {
        let id = object.id;
        let evicted = self.residents.weigh(object);
        let mut stays = true;
        for object in evicted {
            self.counts.evicted += 1;
            stays &= object.id != id;
            self.forget(&object);
            deferred.objects.push(object);
        }
        stays
    }

    /// Removes an object. Those who read it are not disturbed.
    pub(in crate::cache) fn remove(&mut self, id: u64, deferred: &mut Deferred) {
        if let Some(object) = self.residents.get(id).cloned() {
            self.residents.remove(id);
            self.forget(&object);
            deferred.objects.push(object);
        }
    }

    /// Removes what points to an object that is no resident any more.
    fn forget(&mut self, object: &Object) {
        self.expiries.remove(&(object.expires(), object.id));
        for key in object.options.surrogate_keys.iter() {
            if let Some(objects) = self.by_surrogate_key.get_mut(key) {
                objects.remove(&object.id);
                if objects.is_empty() {
                    self.by_surrogate_key.remove(key);
                }
            }
        }
        if let Some(entry) = self.entries.get_mut(&object.key) {
            if let Some(slot) = entry.slot(&object.options.vary, &object.variant)
                && slot
                    .object
                    .as_ref()
                    .is_some_and(|there| there.id == object.id)
            {
                slot.object = None;
            }
            self.tidy(&object.key);
        }
    }

    /// Removes what is empty of an entry.
    fn tidy(&mut self, key: &CacheKey) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        for (_, slots) in &mut entry.rules {
            slots.retain(|_, slot| !slot.is_empty());
        }
        entry.rules.retain(|(_, slots)| !slots.is_empty());
        if entry.rules.is_empty() && entry.waiters.is_empty() {
            self.entries.remove(key);
        }
    }

    /// The object that a body belongs to.
    pub(in crate::cache) fn owner(&self, content: &Content) -> Option<Arc<Object>> {
        self.residents.get(content.owner()).cloned()
    }

    pub(in crate::cache) fn time(&self) -> Duration {
        self.now
    }

    /// How many keys there are, and how many wait.
    pub(in crate::cache) fn sizes(&self) -> (usize, usize) {
        (self.entries.len(), self.waiters.len())
    }
}
