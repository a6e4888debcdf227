//! Which objects are in memory, and which one leaves when it is short.

use std::sync::Arc;

use quick_cache::unsync::Cache;
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, Weighter};

use super::object::Object;

/// About how large an object is: what the tables are made for at first. They grow.
const OBJECT_BYTES_EXPECTED: u64 = 16 * 1024;

/// The objects in memory, by number, which together weigh no more than there is room for.
pub(super) struct Residents {
    objects: Cache<u64, Resident, ByWeight, DefaultHashBuilder, Evicted>,
}

#[derive(Clone)]
struct Resident {
    object: Arc<Object>,
    /// What it weighed when that was last asked; the structure must not see it change.
    weight: u64,
}

struct ByWeight;

impl Weighter<u64, Resident> for ByWeight {
    fn weight(&self, _: &u64, resident: &Resident) -> u64 {
        resident.weight
    }
}

struct Evicted;

impl Lifecycle<u64, Resident> for Evicted {
    type RequestState = Vec<Arc<Object>>;

    fn on_evict(&self, evicted: &mut Vec<Arc<Object>>, _: u64, resident: Resident) {
        evicted.push(resident.object);
    }
}

impl Residents {
    pub(super) fn new(capacity: u64) -> Self {
        // An object is counted with some bytes always, so that one byte of room is room for none.
        let capacity = capacity.max(1);
        let expected = usize::try_from(capacity / OBJECT_BYTES_EXPECTED).unwrap_or(usize::MAX);
        let options = OptionsBuilder::new()
            .estimated_items_capacity(expected.clamp(16, 1 << 20))
            .weight_capacity(capacity)
            .build();
        // Both of what it must have was given.
        let options = options.expect("an estimate and a capacity were given");
        let hash_builder = DefaultHashBuilder::default();
        Self {
            objects: Cache::with_options(options, ByWeight, hash_builder, Evicted),
        }
    }

    /// Adds an object, or notes that it weighs something else now; gives what had to leave for it, maybe itself.
    pub(super) fn weigh(&mut self, object: Arc<Object>) -> Vec<Arc<Object>> {
        let mut evicted = Vec::new();
        let weight = object.weight();
        let resident = Resident { object, weight };
        let id = resident.object.id;
        self.objects
            .insert_with_lifecycle(id, resident, &mut evicted);
        // The structure also gives back what it has replaced, which is the object itself at its earlier weight.
        evicted.retain(|object| self.objects.peek(&object.id).is_none());
        evicted
    }

    /// Notes that an object was used.
    pub(super) fn touch(&self, id: u64) {
        self.objects.get(&id);
    }

    pub(super) fn get(&self, id: u64) -> Option<&Arc<Object>> {
        self.objects.peek(&id).map(|resident| &resident.object)
    }

    pub(super) fn remove(&mut self, id: u64) {
        self.objects.remove(&id);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.objects.iter().map(|(_, resident)| &resident.object)
    }

    pub(super) fn len(&self) -> usize {
        self.objects.len()
    }

    pub(super) fn weight(&self) -> u64 {
        self.objects.weight()
    }

    pub(super) fn capacity(&self) -> u64 {
        self.objects.capacity()
    }
}
