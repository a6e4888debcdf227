//! The stores that guests read and write, as far as they need files; the others are those of [`abi_core::stores`].

mod dictionaries;
mod durable;
mod error;
mod kv;
mod reread;

pub use abi_core::stores::{AclEntries, MemoryKv, SecretItems};
pub use dictionaries::{Dictionary, DictionarySet};
pub use durable::{DurableKv, KV_DISK_BYTES_MAX};
pub use error::StoreError;
pub(crate) use error::from_file;
pub use kv::{KvSeed, KvSettings};
pub(crate) use kv::{SeededKv, decode_base64, seeds_of_json};
pub(crate) use reread::Reread;
