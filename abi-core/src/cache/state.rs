//! The directory: which objects a key has, who is about to insert one, and who waits for that.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;
use std::time::Duration;

use http::HeaderMap;

use super::content::Content;
use super::object::{Found, Freshness, Object};
use super::residents::Residents;
use super::{CacheKey, Purge, SurrogateKey, VaryRule, WriteOptions};

/// The most vary rules of a key at a time. Objects of the one that was used longest ago leave for a new one.
const RULES_MAX: usize = 16;

/// How many expired objects a call removes at most, beside what it has to do.
const SWEPT_AT_ONCE: usize = 16;

/// What is done when the cache is no longer locked: waking and freeing.
#[derive(Default)]
pub(super) struct Deferred {
    pub(super) wakers: Vec<Waker>,
    pub(super) objects: Vec<Arc<Object>>,
}

/// All that the cache knows, under its lock.
pub(super) struct State {
    entries: HashMap<CacheKey, Entry>,
    pub(super) residents: Residents,
    by_surrogate_key: HashMap<SurrogateKey, BTreeSet<u64>>,
    expiries: BTreeSet<(Duration, u64)>,
    waiters: HashMap<u64, Waiter>,
    next_id: u64,
    /// The latest time that anybody has told.
    now: Duration,
    pub(super) counts: Counts,
}

/// What has happened so far.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) hits: u64,
    pub(super) misses: u64,
    pub(super) inserted: u64,
    pub(super) evicted: u64,
    pub(super) expired: u64,
    pub(super) purged: u64,
}

/// What a key has.
#[derive(Default)]
struct Entry {
    /// By vary rule, the one that was written last first: what is newer is found first.
    rules: Vec<(VaryRule, Slots)>,
    /// Who waits, in the order in which they came.
    waiters: BTreeSet<u64>,
}

/// What there is by what requests have of the headers of a rule.
type Slots = BTreeMap<Box<[u8]>, Slot>;

/// What there is for requests that have the same values of the headers of a rule.
#[derive(Default)]
struct Slot {
    object: Option<Arc<Object>>,
    /// How many have taken it upon them to insert or update the object.
    obligations: u32,
}

impl Slot {
    fn is_empty(&self) -> bool {
        self.object.is_none() && self.obligations == 0
    }
}

/// Somebody who waits for what others insert.
struct Waiter {
    key: CacheKey,
    headers: Arc<HeaderMap>,
    purpose: Purpose,
    waker: Option<Waker>,
    resolution: Option<Resolution>,
}

/// What somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// An object that may be used, or the duty to insert one.
    Lookup,
    /// The duty to insert an object, whatever there is.
    Replace,
}

/// A slot, and whether somebody has taken it upon them to fill it.
type Duty = (bool, VaryRule, Box<[u8]>);

/// What a lookup comes to.
#[derive(Debug)]
pub(super) struct Resolution {
    pub(super) found: Option<Found>,
    pub(super) obligation: Option<Obligation>,
}

/// The duty to insert or update the object of a slot. Whoever has it must see to it that it is released.
#[derive(Debug)]
pub(super) struct Obligation {
    key: CacheKey,
    rule: VaryRule,
    variant: Box<[u8]>,
}

impl State {
    pub(super) fn new(capacity: u64) -> Self {
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
    pub(super) fn pass(&mut self, now: Duration, deferred: &mut Deferred) {
        self.now = self.now.max(now);
        for _ in 0..SWEPT_AT_ONCE {
            if !self.remove_expired(deferred) {
                break;
            }
        }
    }

    /// Whether there is an object that has expired.
    pub(super) fn has_expired(&self) -> bool {
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
    pub(super) fn find(&mut self, key: &CacheKey, headers: &HeaderMap) -> Option<Found> {
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
    pub(super) fn resolve(
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
    pub(super) fn force_miss(
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
    pub(super) fn insert(
        &mut self,
        key: CacheKey,
        headers: &HeaderMap,
        options: WriteOptions,
        content: Arc<Content>,
        obligation: Option<Obligation>,
        deferred: &mut Deferred,
    ) -> Arc<Object> {
        self.counts.inserted += 1;
        let hits = Arc::new(AtomicU64::new(0));
        self.put(key, headers, options, content, hits, obligation, deferred)
    }

    /// Gives the body of an object new metadata, and gives up the duty to do so.
    pub(super) fn update(
        &mut self,
        old: &Object,
        headers: &HeaderMap,
        options: WriteOptions,
        obligation: Obligation,
        deferred: &mut Deferred,
    ) -> Arc<Object> {
        let (key, content) = (old.key.clone(), old.content.clone());
        if old.purged.load(Ordering::Relaxed) || content.has_failed() {
            // What was purged does not come back, nor does a body that was given up. Whoever has revalidated it may use it.
            let object = self.object(key, headers, options, content, old.hits.clone());
            self.release(obligation, deferred);
            return Arc::new(object);
        }
        self.remove(old.id, deferred);
        let hits = old.hits.clone();
        let obligation = Some(obligation);
        self.put(key, headers, options, content, hits, obligation, deferred)
    }

    /// An object that is not in the cache.
    pub(super) fn object(
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

    #[expect(clippy::too_many_arguments, reason = "each of them becomes a field")]
    fn put(
        &mut self,
        key: CacheKey,
        headers: &HeaderMap,
        options: WriteOptions,
        content: Arc<Content>,
        hits: Arc<AtomicU64>,
        obligation: Option<Obligation>,
        deferred: &mut Deferred,
    ) -> Arc<Object> {
        let object = Arc::new(self.object(key, headers, options, content, hits));
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
    pub(super) fn weigh(&mut self, object: Arc<Object>, deferred: &mut Deferred) -> bool {
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
    pub(super) fn remove(&mut self, id: u64, deferred: &mut Deferred) {
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

    /// Gives up the duty to insert an object. Whoever waits goes on.
    pub(super) fn release(&mut self, obligation: Obligation, deferred: &mut Deferred) {
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
    pub(super) fn choose_stale(
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
    fn wake(&mut self, key: &CacheKey, deferred: &mut Deferred) {
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
    pub(super) fn wait(&mut self, key: CacheKey, headers: Arc<HeaderMap>, purpose: Purpose) -> u64 {
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
    pub(super) fn poll_waiter(&mut self, id: u64, waker: &Waker) -> Option<Resolution> {
        let waiter = self.waiters.get_mut(&id)?;
        if waiter.resolution.is_none() {
            waiter.waker = Some(waker.clone());
            return None;
        }
        self.waiters.remove(&id)?.resolution
    }

    /// Removes a waiter who has lost patience, and gives up what it got meanwhile.
    pub(super) fn forget_waiter(&mut self, id: u64, deferred: &mut Deferred) {
        let Some(waiter) = self.waiters.remove(&id) else {
            return;
        };
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

    /// Purges what has a surrogate key; says how many objects that were.
    pub(super) fn purge(
        &mut self,
        key: &SurrogateKey,
        purge: Purge,
        deferred: &mut Deferred,
    ) -> usize {
        let ids: Vec<_> = match self.by_surrogate_key.get(key) {
            Some(ids) => ids.iter().copied().collect(),
            None => return 0,
        };
        for id in &ids {
            self.purge_object(*id, purge, deferred);
        }
        ids.len()
    }

    /// Purges what a key has, by all vary rules; says how many objects that were.
    pub(super) fn purge_key(
        &mut self,
        key: &CacheKey,
        purge: Purge,
        deferred: &mut Deferred,
    ) -> usize {
        let Some(entry) = self.entries.get(key) else {
            return 0;
        };
        let slots = entry.rules.iter().flat_map(|(_, slots)| slots.values());
        let objects = slots.filter_map(|slot| slot.object.as_ref());
        let ids: Vec<_> = objects.map(|object| object.id).collect();
        for id in &ids {
            self.purge_object(*id, purge, deferred);
        }
        ids.len()
    }

    /// Purges everything; says how many objects that were.
    pub(super) fn purge_all(&mut self, purge: Purge, deferred: &mut Deferred) -> usize {
        let ids: Vec<_> = self.residents.iter().map(|object| object.id).collect();
        for id in &ids {
            self.purge_object(*id, purge, deferred);
        }
        ids.len()
    }

    fn purge_object(&mut self, id: u64, purge: Purge, deferred: &mut Deferred) {
        self.counts.purged += 1;
        if let Some(object) = self.residents.get(id) {
            match purge {
                Purge::Soft => object.soft_purged.store(true, Ordering::Relaxed),
                Purge::Hard => {
                    object.purged.store(true, Ordering::Relaxed);
                    self.remove(id, deferred);
                }
            }
        }
    }

    /// The object that a body belongs to.
    pub(super) fn owner(&self, content: &Content) -> Option<Arc<Object>> {
        self.residents.get(content.owner()).cloned()
    }

    pub(super) fn time(&self) -> Duration {
        self.now
    }

    /// How many keys there are, and how many wait.
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.entries.len(), self.waiters.len())
    }
}

impl Entry {
    /// What there is for a request, by the rules from the newest on.
    fn slots(&self, headers: &HeaderMap) -> impl Iterator<Item = &Slot> {
        let rules = self.rules.iter();
        rules.filter_map(|(rule, slots)| slots.get(&rule.variant(headers)))
    }

    fn slot(&mut self, rule: &VaryRule, variant: &[u8]) -> Option<&mut Slot> {
        let mut rules = self.rules.iter_mut();
        let (_, slots) = rules.find(|(there, _)| there == rule)?;
        slots.get_mut(variant)
    }

    fn obligate(&mut self, key: &CacheKey, rule: VaryRule, variant: Box<[u8]>) -> Obligation {
        let at = self.rules.iter().position(|(there, _)| *there == rule);
        let at = at.unwrap_or_else(|| {
            self.rules.push((rule.clone(), BTreeMap::new()));
            self.rules.len() - 1
        });
        let slot = self.rules[at].1.entry(variant.clone()).or_default();
        slot.obligations += 1;
        Obligation {
            key: key.clone(),
            rule,
            variant,
        }
    }

    /// Puts an object into its slot; gives the object that was there, and those that have to leave because the key has
    /// too many rules.
    fn put(&mut self, object: Arc<Object>) -> (Option<u64>, Vec<u64>) {
        let rule = &object.options.vary;
        let at = self.rules.iter().position(|(there, _)| there == rule);
        let found = at.map(|at| self.rules.remove(at));
        let mut found = found.unwrap_or_else(|| (rule.clone(), BTreeMap::new()));
        let slot = found.1.entry(object.variant.clone()).or_default();
        let replaced = slot.object.replace(object);
        self.rules.insert(0, found);
        let old = self.rules.get(RULES_MAX).map(|(_, slots)| slots);
        let left = old.into_iter().flat_map(BTreeMap::values);
        let left = left.filter_map(|slot| Some(slot.object.as_ref()?.id));
        (replaced.map(|object| object.id), left.collect())
    }
}
