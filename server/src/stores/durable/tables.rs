//! What is in the file of a store: items and their values apart, so that listing keys does not read values.

use std::time::Duration;

use abi_core::stores::{
    KV_ITEM_BYTES, KvError, KvInsert, KvItem, KvKey, KvPage, KvQuery, KvValue, next_generation,
};
use bytes::Bytes;
use redb::{Database, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction};

type Result<T> = std::result::Result<T, redb::Error>;

/// Key → generation, end of its time in nanoseconds since 1970 (0: none), metadata.
const ITEMS: TableDefinition<'_, &str, (u64, u64, &[u8])> = TableDefinition::new("items");

/// Key → value.
const VALUES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("values");

/// The end of an item's time, and its key.
const EXPIRIES: TableDefinition<'_, (u64, &str), ()> = TableDefinition::new("expiries");

/// What is known about the whole store.
const STORE: TableDefinition<'_, &str, u64> = TableDefinition::new("store");

/// In [`STORE`]: the generation of the last write.
const LAST_GENERATION: &str = "last_generation";

/// In [`STORE`]: what all items count, in bytes; see [`KvItem::stored_bytes`].
const BYTES: &str = "bytes";

/// How many items whose time is over one change removes at most.
const SWEPT_BY_CHANGE: usize = 8;

/// Makes the tables of a new file, and counts what is in one that was written when nobody counted.
pub(super) fn prepare(database: &Database) -> Result<()> {
    let transaction = database.begin_write()?;
    let mut tables = Tables::open(&transaction)?;
    let counted = tables.store.get(BYTES)?.map(|bytes| bytes.value());
    if counted.is_none() {
        let mut bytes = 0;
        for entry in tables.items.iter()? {
            let (key, item) = entry?;
            let (_, _, metadata) = item.value();
            bytes += stored_bytes(key.value(), metadata.len(), tables.value_len(key.value())?);
        }
        tables.store.insert(BYTES, bytes)?;
    }
    drop(tables);
    transaction.commit()?;
    Ok(())
}

/// [`KvItem::stored_bytes`] of an item that is not in memory.
fn stored_bytes(key: &str, metadata: usize, value: usize) -> u64 {
    (KV_ITEM_BYTES + key.len() + metadata + value) as u64
}

pub(super) fn last_generation(database: &Database) -> Result<u64> {
    let transaction = database.begin_read()?;
    let store = transaction.open_table(STORE)?;
    Ok(store.get(LAST_GENERATION)?.map_or(0, |last| last.value()))
}

/// Makes a file as it was written when nobody counted.
#[cfg(test)]
pub(super) fn forget_bytes(database: &Database) -> Result<()> {
    let transaction = database.begin_write()?;
    Tables::open(&transaction)?.store.remove(BYTES)?;
    transaction.commit()?;
    Ok(())
}

/// What all items count, in bytes.
#[cfg(test)]
pub(super) fn bytes(database: &Database) -> Result<u64> {
    let transaction = database.begin_read()?;
    let store = transaction.open_table(STORE)?;
    Ok(store.get(BYTES)?.map_or(0, |bytes| bytes.value()))
}

pub(super) fn lookup(database: &Database, key: &KvKey, now: Duration) -> Result<Option<KvItem>> {
    let transaction = database.begin_read()?;
    let items = transaction.open_table(ITEMS)?;
    let Some(item) = items.get(key.as_str())? else {
        return Ok(None);
    };
    let mut item = read_item(item.value());
    if item.is_expired(now) {
        return Ok(None);
    }
    let values = transaction.open_table(VALUES)?;
    if let Some(value) = values.get(key.as_str())? {
        item.value = Bytes::copy_from_slice(value.value()).into();
    }
    Ok(Some(item))
}

pub(super) fn list(database: &Database, query: &KvQuery, now: Duration) -> Result<KvPage> {
    let transaction = database.begin_read()?;
    let items = transaction.open_table(ITEMS)?;
    let after = query.after.as_deref().unwrap_or_default();
    let mut page = KvPage::default();
    for entry in items.range(after.max(&query.prefix)..)? {
        let (key, item) = entry?;
        let key = key.value();
        if !query.has_prefix(key) {
            break;
        }
        if query.after.as_deref() == Some(key) || read_item(item.value()).is_expired(now) {
            continue;
        }
        if page.keys.len() >= query.limit as usize {
            page.has_more = true;
            break;
        }
        page.keys.push(key.to_owned());
    }
    Ok(page)
}

/// An item without its value.
fn read_item((generation, expires, metadata): (u64, u64, &[u8])) -> KvItem {
    KvItem {
        value: KvValue::default(),
        metadata: Bytes::copy_from_slice(metadata),
        generation,
        expires: (expires != 0).then(|| Duration::from_nanos(expires)),
    }
}

/// The tables, within a transaction that writes.
pub(super) struct Tables<'a> {
    items: Table<'a, &'static str, (u64, u64, &'static [u8])>,
    values: Table<'a, &'static str, &'static [u8]>,
    expiries: Table<'a, (u64, &'static str), ()>,
    store: Table<'a, &'static str, u64>,
}

impl<'a> Tables<'a> {
    pub(super) fn open(transaction: &'a WriteTransaction) -> Result<Self> {
        Ok(Self {
            items: transaction.open_table(ITEMS)?,
            values: transaction.open_table(VALUES)?,
            expiries: transaction.open_table(EXPIRIES)?,
            store: transaction.open_table(STORE)?,
        })
    }

    /// Writes an item, in a store of at most `bytes_max` bytes. The inner error is one that a guest has made.
    pub(super) fn insert(
        &mut self,
        key: &KvKey,
        insert: KvInsert,
        bytes_max: u64,
        now: Duration,
    ) -> Result<std::result::Result<(), KvError>> {
        self.sweep(now)?;
        let last = self
            .store
            .get(LAST_GENERATION)?
            .map_or(0, |last| last.value());
        let generation = next_generation(last, now);
        let existing = self.item(key, insert.keeps_value())?;
        let existing_now = existing.as_ref().filter(|item| !item.is_expired(now));
        let item = match insert.apply(existing_now, generation, now) {
            Ok(item) => item,
            Err(error) => return Ok(Err(error)),
        };
        let replaced = match &existing {
            Some(existing) => {
                let value = self.value_len(key.as_str())?;
                stored_bytes(key.as_str(), existing.metadata.len(), value)
            }
            None => 0,
        };
        let added = item.stored_bytes(key) as u64;
        let bytes = self.bytes()?.saturating_sub(replaced).saturating_add(added);
        // What makes it smaller is written also where it holds more than it may.
        if added > replaced && bytes > bytes_max {
            return Ok(Err(KvError::PayloadTooLarge));
        }
        if let Some(existing) = &existing {
            self.forget_expiry(key, existing)?;
        }
        self.store.insert(LAST_GENERATION, generation)?;
        self.store.insert(BYTES, bytes)?;
        self.write(key, &item)?;
        Ok(Ok(()))
    }

    fn bytes(&self) -> Result<u64> {
        Ok(self.store.get(BYTES)?.map_or(0, |bytes| bytes.value()))
    }

    fn value_len(&self, key: &str) -> Result<usize> {
        let value = self.values.get(key)?;
        Ok(value.map_or(0, |value| value.value().len()))
    }

    fn write(&mut self, key: &KvKey, item: &KvItem) -> Result<()> {
        let key = key.as_str();
        let expires = item.expires.map_or(0, nanoseconds);
        if expires != 0 {
            self.expiries.insert((expires, key), ())?;
        }
        self.items
            .insert(key, (item.generation, expires, &*item.metadata))?;
        let mut value = self.values.insert_reserve(key, item.value.len())?;
        let mut rest = value.as_mut();
        for piece in item.value.pieces() {
            // The pieces of a value have its length together.
            let (place, behind) = rest.split_at_mut(piece.len());
            place.copy_from_slice(piece);
            rest = behind;
        }
        Ok(())
    }

    /// Removes an item.
    pub(super) fn delete(
        &mut self,
        key: &KvKey,
        now: Duration,
    ) -> Result<std::result::Result<(), KvError>> {
        self.sweep(now)?;
        let Some(existing) = self.item(key, false)? else {
            return Ok(Err(KvError::NotFound));
        };
        self.forget_expiry(key, &existing)?;
        self.remove(key.as_str())?;
        if existing.is_expired(now) {
            return Ok(Err(KvError::NotFound));
        }
        Ok(Ok(()))
    }

    /// Removes some items whose time is over.
    fn sweep(&mut self, now: Duration) -> Result<()> {
        for _ in 0..SWEPT_BY_CHANGE {
            let Some((expires, key)) = self.first_expiry()? else {
                return Ok(());
            };
            if expires > nanoseconds(now) {
                return Ok(());
            }
            self.expiries.remove((expires, key.as_str()))?;
            self.remove(&key)?;
        }
        Ok(())
    }

    fn first_expiry(&self) -> Result<Option<(u64, String)>> {
        let first = self.expiries.first()?;
        Ok(first.map(|(entry, _)| {
            let (expires, key) = entry.value();
            (expires, key.to_owned())
        }))
    }

    fn item(&self, key: &KvKey, with_value: bool) -> Result<Option<KvItem>> {
        let Some(item) = self.items.get(key.as_str())? else {
            return Ok(None);
        };
        let mut item = read_item(item.value());
        if with_value && let Some(value) = self.values.get(key.as_str())? {
            item.value = Bytes::copy_from_slice(value.value()).into();
        }
        Ok(Some(item))
    }

    fn forget_expiry(&mut self, key: &KvKey, item: &KvItem) -> Result<()> {
        if let Some(expires) = item.expires {
            self.expiries.remove((nanoseconds(expires), key.as_str()))?;
        }
        Ok(())
    }

    fn remove(&mut self, key: &str) -> Result<()> {
        let metadata = self.items.remove(key)?.map(|item| item.value().2.len());
        let value = self.values.remove(key)?;
        let value = value.map_or(0, |value| value.value().len());
        if let Some(metadata) = metadata {
            let bytes = self.bytes()?;
            let bytes = bytes.saturating_sub(stored_bytes(key, metadata, value));
            self.store.insert(BYTES, bytes)?;
        }
        Ok(())
    }
}

/// At least 1, which is not "no end".
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).max(1)
}
