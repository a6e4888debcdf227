//! What a configuration says about a KV store.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use abi_core::stores::{KV_MEMORY_BYTES_MAX, KvError, KvInsert, KvKey, KvStore, MemoryKv};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures_util::FutureExt;
use serde_json::{Map, Value};
use tokio::runtime::Handle;

use super::durable::{DurableKv, KV_DISK_BYTES_MAX};
use super::error::StoreError;
use crate::config::{FileError, read_bounded};

/// A KV store as it is configured: what is in it at first, and where it is kept.
#[derive(Clone, Debug, Default)]
pub struct KvSettings {
    /// What is in it at first. In a store that outlives the process, only when nothing was ever written to it.
    pub items: Vec<KvSeed>,
    /// The folder in which it outlives the process; otherwise it is kept in memory.
    pub persist: Option<PathBuf>,
    /// How many bytes it holds at most, as [`KvItem::stored_bytes`](abi_core::stores::KvItem::stored_bytes) counts them;
    /// otherwise [`KV_MEMORY_BYTES_MAX`] in memory, and [`KV_DISK_BYTES_MAX`] on the disk.
    pub bytes_max: Option<u64>,
}

/// An item that is there from the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KvSeed {
    /// Its key.
    pub key: KvKey,
    /// Its value.
    pub value: Bytes,
    /// Its metadata.
    pub metadata: Bytes,
    /// How long it stays, from the start on.
    pub time_to_live: Option<Duration>,
}

impl KvSettings {
    /// A store of what is in a file: a JSON object whose values are strings, or objects with one of the keys `data`,
    /// `body`, `data_base64` and `file`, and maybe `metadata` and `ttl`, in seconds. Files are relative to its folder,
    /// or else to the working directory.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the file cannot be used.
    pub fn of_file(path: &Path) -> Result<Self, StoreError> {
        let read = |file: &str| {
            let beside = path.with_file_name(file);
            let found = if beside.exists() { beside } else { file.into() };
            read_file(&found)
        };
        let json = read_file(path).map_err(StoreError)?;
        let items = seeds_of_json(&json, &read)
            .map_err(|error| StoreError(format!("{}: {error}", path.display())))?;
        Ok(Self {
            items,
            ..Self::default()
        })
    }

    /// How many bytes it holds in memory.
    fn memory_capacity(&self) -> usize {
        let bytes_max = self.bytes_max.map(usize::try_from);
        bytes_max.map_or(KV_MEMORY_BYTES_MAX, |bytes| bytes.unwrap_or(usize::MAX))
    }

    /// Makes a store that outlives the process. Without `persist` it is in the working directory.
    pub(crate) fn open_durable(
        self,
        name: &str,
        runtime: &Handle,
    ) -> Result<Arc<dyn KvStore>, StoreError> {
        let folder = self.persist.unwrap_or_default();
        let store = DurableKv::open(&folder, name, runtime.clone())?
            .with_capacity(self.bytes_max.unwrap_or(KV_DISK_BYTES_MAX));
        let is_new = store
            .is_new()
            .map_err(|error| StoreError(error.to_string()))?;
        if is_new {
            fill(&self.items, |key, insert, now| {
                store.write_now(key, insert, now)
            })?;
        }
        Ok(Arc::new(store))
    }
}

fn now() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default()
}

fn fill<'a>(
    items: impl IntoIterator<Item = &'a KvSeed>,
    write: impl Fn(KvKey, KvInsert, Duration) -> Result<(), KvError>,
) -> Result<(), StoreError> {
    let now = now();
    for item in items {
        let insert = KvInsert {
            value: item.value.clone().into(),
            metadata: Some(item.metadata.clone()),
            time_to_live: item.time_to_live,
            ..KvInsert::default()
        };
        write(item.key.clone(), insert, now)
            .map_err(|error| StoreError(format!("`{}`: {error}", item.key.as_str())))?;
    }
    Ok(())
}

/// A store in memory, with the items that its configuration put into it.
pub(crate) struct SeededKv {
    pub store: MemoryKv,
    items: Vec<KvSeed>,
    capacity: usize,
    /// What a newer configuration changes, until it is put in place.
    written: Vec<KvSeed>,
    removed: Vec<KvKey>,
}

impl SeededKv {
    /// A new store as it is configured.
    pub(crate) fn new(settings: KvSettings) -> Result<Self, StoreError> {
        let capacity = settings.memory_capacity();
        let store = MemoryKv::with_capacity(capacity);
        fill(&settings.items, |key, insert, now| {
            store.write_now(key, insert, now)
        })?;
        Ok(Self {
            store,
            items: settings.items,
            capacity,
            written: Vec::new(),
            removed: Vec::new(),
        })
    }

    /// The same store for a newer configuration: items that are new there or differ are to be written, and those that are
    /// gone from it removed. Everything else stays as guests have left it.
    pub(crate) fn reconfigured(&self, settings: KvSettings) -> Result<Self, StoreError> {
        let capacity = settings.memory_capacity();
        let items = settings.items;
        let is_unchanged = |item: &&KvSeed| self.items.contains(item);
        let written: Vec<_> = items
            .iter()
            .filter(|item| !is_unchanged(item))
            .cloned()
            .collect();
        // What cannot be written is told before anything changes.
        let trial = MemoryKv::with_capacity(capacity);
        fill(&written, |key, insert, now| {
            trial.write_now(key, insert, now)
        })?;
        let mut removed: Vec<_> = self.items.iter().map(|item| item.key.clone()).collect();
        removed.retain(|key| items.iter().all(|item| item.key != *key));
        Ok(Self {
            store: self.store.clone(),
            items,
            capacity,
            written,
            removed,
        })
    }

    /// Has guests see what the newer configuration of the store called `name` changes.
    pub(crate) fn put_in_place(&mut self, name: &str) {
        let now = now();
        self.store.set_capacity(self.capacity);
        for key in self.removed.drain(..) {
            // It may be gone already. A store in memory never waits.
            let _ = self.store.delete(key, now).now_or_never();
        }
        let filled = fill(&self.written, |key, insert, now| {
            self.store.write_now(key, insert, now)
        });
        self.written.clear();
        if let Err(error) = filled {
            tracing::warn!("the KV store `{name}` lacks what was configured: {error}");
        }
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    read_bounded(path).map_err(|error| {
        let path = path.to_owned();
        FileError { path, error }.to_string()
    })
}

/// Decodes the value of a key `data_base64`.
pub(crate) fn decode_base64(text: &str) -> Result<Vec<u8>, String> {
    let decoded = BASE64_STANDARD.decode(text);
    decoded.map_err(|error| format!("this is not base64: {error}"))
}

/// The items of a JSON object; see [`KvSettings::of_file`]. `read` reads a file by the name it has there.
pub(crate) fn seeds_of_json(
    json: &[u8],
    read: &dyn Fn(&str) -> Result<Vec<u8>, String>,
) -> Result<Vec<KvSeed>, String> {
    let items: Map<String, Value> = serde_json::from_slice(json)
        .map_err(|error| format!("this is not a JSON object: {error}"))?;
    let seeds = items.iter().map(|(key, item)| {
        let key = KvKey::new(key).map_err(|error| error.to_string())?;
        seed(&key, item, read).map_err(|error| format!("`{}`: {error}", key.as_str()))
    });
    seeds.collect()
}

fn seed(
    key: &KvKey,
    item: &Value,
    read: &dyn Fn(&str) -> Result<Vec<u8>, String>,
) -> Result<KvSeed, String> {
    if let Some(text) = item.as_str() {
        return Ok(KvSeed {
            key: key.clone(),
            value: text.to_owned().into(),
            metadata: Bytes::new(),
            time_to_live: None,
        });
    }
    let item = item
        .as_object()
        .ok_or("the value has to be a string, or an object with `data` or `file`")?;
    let text = |name: &str| match item.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(format!("`{name}` has to be a string")),
    };
    let sources = [
        text("data")?,
        text("body")?,
        text("data_base64")?,
        text("file")?,
    ];
    let value = match sources {
        [Some(text), None, None, None] | [None, Some(text), None, None] => text.as_bytes().to_vec(),
        [None, None, Some(text), None] => decode_base64(text)?,
        [None, None, None, Some(file)] => read(file)?,
        _ => {
            return Err(
                "exactly one of the keys `data`, `body`, `data_base64` and `file` is needed"
                    .to_owned(),
            );
        }
    };
    let seconds = match item.get("ttl") {
        None => None,
        Some(ttl) => Some(
            ttl.as_u64()
                .ok_or("`ttl` has to be a number of whole seconds")?,
        ),
    };
    Ok(KvSeed {
        key: key.clone(),
        value: value.into(),
        metadata: text("metadata")?.unwrap_or_default().to_owned().into(),
        time_to_live: seconds.map(Duration::from_secs),
    })
}
