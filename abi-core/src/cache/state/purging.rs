//! Purging.

use std::sync::atomic::Ordering;

use super::{Deferred, State};
use crate::cache::{CacheKey, Purge, SurrogateKey};

impl State {
    /// Purges what has a surrogate key; says how many objects that were.
    pub(in crate::cache) fn purge(
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
    pub(in crate::cache) fn purge_key(
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
    pub(in crate::cache) fn purge_all(&mut self, purge: Purge, deferred: &mut Deferred) -> usize {
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
}
