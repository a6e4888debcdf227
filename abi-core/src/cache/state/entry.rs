//! What there is of one key.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use http::HeaderMap;

use crate::cache::object::Object;
use crate::cache::{CacheKey, VaryRule};

/// The most vary rules of a key at a time. Objects of the one that was used longest ago leave for a new one.
const RULES_MAX: usize = 16;

/// What a key has.
#[derive(Default)]
pub(super) struct Entry {
    /// By vary rule, the one that was written last first: what is newer is found first.
    pub(super) rules: Vec<(VaryRule, Slots)>,
    /// Who waits, in the order in which they came.
    pub(super) waiters: BTreeSet<u64>,
}

/// What there is by what requests have of the headers of a rule.
pub(super) type Slots = BTreeMap<Box<[u8]>, Slot>;

/// What there is for requests that have the same values of the headers of a rule.
#[derive(Default)]
pub(super) struct Slot {
    pub(super) object: Option<Arc<Object>>,
    /// How many have taken it upon them to insert or update the object.
    pub(super) obligations: u32,
}

impl Slot {
    pub(super) fn is_empty(&self) -> bool {
        self.object.is_none() && self.obligations == 0
    }
}

/// The duty to insert or update the object of a slot. Whoever has it must see to it that it is released.
#[derive(Debug)]
pub(in crate::cache) struct Obligation {
    pub(super) key: CacheKey,
    pub(super) rule: VaryRule,
    pub(super) variant: Box<[u8]>,
}

impl Entry {
    /// What there is for a request, by the rules from the newest on.
    pub(super) fn slots(&self, headers: &HeaderMap) -> impl Iterator<Item = &Slot> {
        let rules = self.rules.iter();
        rules.filter_map(|(rule, slots)| slots.get(&rule.variant(headers)))
    }

    pub(super) fn slot(&mut self, rule: &VaryRule, variant: &[u8]) -> Option<&mut Slot> {
        let mut rules = self.rules.iter_mut();
        let (_, slots) = rules.find(|(there, _)| there == rule)?;
        slots.get_mut(variant)
    }

    pub(super) fn obligate(
        &mut self,
        key: &CacheKey,
        rule: VaryRule,
        variant: Box<[u8]>,
    ) -> Obligation {
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
    pub(super) fn put(&mut self, object: Arc<Object>) -> (Option<u64>, Vec<u64>) {
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
