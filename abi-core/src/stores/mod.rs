//! What guests of a service share: config stores, KV stores, secret stores, access control lists, and limits on rates.
//!
//! Each kind is a small trait, so that a host can bring its own, and has an implementation in memory beside it. They
//! know no pointers and no handles.

mod acl;
mod config;
mod kv;
mod rate;
mod secret;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

pub use acl::{Acl, AclEntries, AclEntry, Acls};
pub use config::{
    CONFIG_KEY_LENGTH_MAX, CONFIG_VALUE_LENGTH_MAX, ConfigItems, ConfigStore, ConfigStores,
};
pub use kv::{
    KV_ITEM_BYTES, KV_KEY_BYTES_MAX, KV_LIST_LIMIT_MAX, KV_MEMORY_BYTES_MAX, KV_METADATA_BYTES_MAX,
    KV_VALUE_BYTES_MAX, KvError, KvFuture, KvInsert, KvInsertMode, KvItem, KvKey, KvPage, KvQuery,
    KvStore, KvStores, KvValue, MemoryKv, decode_cursor, next_generation,
};
pub(crate) use kv::{KvOperation, KvOperationKind, KvPieces, KvReply};
pub use rate::{
    EventCounter, MemoryRateLimits, PENALTY_MAX, PENALTY_MIN, RATE_ENTRIES_MAX, RateCheck,
    RateLimits, RateWindow, penalty_time,
};
pub use secret::{
    SECRET_BYTES_MAX, SECRET_NAME_LENGTH_MAX, SecretItems, SecretStore, SecretStores,
    check_secret_name,
};

/// The stores of a service. By default there are none, and nothing was counted.
#[derive(Clone)]
pub struct Stores {
    /// Dictionaries and config stores.
    pub config: Arc<dyn ConfigStores>,
    /// Secret stores.
    pub secrets: Arc<dyn SecretStores>,
    /// KV stores.
    pub kv: Arc<dyn KvStores>,
    /// Access control lists.
    pub acls: Arc<dyn Acls>,
    /// Rate counters and penalty boxes.
    pub rates: Arc<dyn RateLimits>,
}

impl Default for Stores {
    fn default() -> Self {
        Self {
            config: Arc::new(HashMap::<String, Arc<dyn ConfigStore>>::new()),
            secrets: Arc::new(HashMap::<String, Arc<dyn SecretStore>>::new()),
            kv: Arc::new(HashMap::<String, Arc<dyn KvStore>>::new()),
            acls: Arc::new(HashMap::<String, Arc<dyn Acl>>::new()),
            rates: Arc::new(MemoryRateLimits::new()),
        }
    }
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stores").finish_non_exhaustive()
    }
}

/// Something that cannot be put into a store; the text says what, why, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentError(pub(crate) String);

impl fmt::Display for ContentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ContentError {}

/// Reads a JSON object whose values are strings.
fn strings_of_json(json: &[u8]) -> Result<HashMap<String, String>, ContentError> {
    serde_json::from_slice(json)
        .map_err(|error| ContentError(format!("this is not a JSON object of strings: {error}")))
}
