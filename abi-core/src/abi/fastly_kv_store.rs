//! `fastly_kv_store`: values by key. An operation is started by one hostcall and waited for by another; in between,
//! `fastly_async_io` says whether it has ended.
//!
//! How an operation ended is a number of its own, witx `kv_error`: the status says whether the hostcall made sense.

use std::time::Duration;

use bytes::Bytes;

use crate::body::Body;
use crate::error::{Error, Result};
use crate::handle::{
    BodyHandle, KvStoreDeleteHandle, KvStoreHandle, KvStoreInsertHandle, KvStoreListHandle,
    KvStoreLookupHandle,
};
use crate::memory::{GuestPtr, GuestValue};
use crate::stores::{
    KV_KEY_BYTES_MAX, KV_LIST_LIMIT_MAX, KvError, KvInsert, KvInsertMode, KvItem, KvOperationKind,
    KvQuery, KvReply, decode_cursor,
};
use crate::table::Call;
use crate::table::types::{KvDeleteConfig, KvInsertConfig, KvListConfig, KvLookupConfig};

use super::kv_operations::{
    finish, lower_error, start_delete, start_insert, start_list, start_lookup, store_and_key,
    value_of_body, wait,
};

/// The bits of witx `kv_insert_config_options`. The store is in one place: there is no value from elsewhere that could
/// be given while a new one is fetched, so that `BACKGROUND_FETCH` changes nothing.
mod insert_option {
    pub(super) const METADATA: u32 = 1 << 3;
    pub(super) const TIME_TO_LIVE_SEC: u32 = 1 << 4;
    pub(super) const IF_GENERATION_MATCH: u32 = 1 << 5;
    pub(super) const ALL: u32 = (1 << 6) - 1;
}

/// The bits of witx `kv_list_config_options`.
mod list_option {
    pub(super) const CURSOR: u32 = 1 << 1;
    pub(super) const LIMIT: u32 = 1 << 2;
    pub(super) const PREFIX: u32 = 1 << 3;
    pub(super) const ALL: u32 = (1 << 4) - 1;
}

/// The only bit of witx `kv_lookup_config_options` and `kv_delete_config_options`, which is reserved.
const RESERVED: u32 = 1;

/// Opens a KV store by name.
///
/// # Errors
///
/// [`Error::InvalidArgument`] when there is none of this name; [`Error::LimitExceeded`], [`Error::Memory`].
pub fn open(
    call: &mut Call<'_>,
    name: GuestPtr<u8>,
    name_len: u32,
    out: GuestPtr<KvStoreHandle>,
) -> Result<()> {
    super::kv_operations::open(call, name, name_len, out)
}

/// [`open`], under the name that another host gives it.
///
/// # Errors
///
/// Those of [`open`].
pub fn open_v2(
    call: &mut Call<'_>,
    name: GuestPtr<u8>,
    name_len: u32,
    out: GuestPtr<KvStoreHandle>,
) -> Result<()> {
    open(call, name, name_len, out)
}

/// Starts to read an item. The record is not read: it has no field that means anything.
///
/// # Errors
///
/// [`Error::InvalidArgument`] when the key cannot be one, or an unknown option is set; [`Error::BadHandle`],
/// [`Error::LimitExceeded`], [`Error::Memory`].
pub fn lookup(
    call: &mut Call<'_>,
    store: KvStoreHandle,
    key: GuestPtr<u8>,
    key_len: u32,
    lookup_config_mask: u32,
    _lookup_configuration: GuestPtr<KvLookupConfig>,
    handle_out: GuestPtr<KvStoreLookupHandle>,
) -> Result<()> {
    check_options(lookup_config_mask, RESERVED)?;
    let (store, key) = store_and_key(call, store, key, key_len)?;
    call.memory.check(handle_out)?;
    let handle = KvStoreLookupHandle(start_lookup(call, &*store, key)?);
    call.memory.write(handle_out, handle)?;
    Ok(())
}

/// [`lookup`], under the name that another host gives it.
///
/// # Errors
///
/// Those of [`lookup`].
pub fn lookup_v2(
    call: &mut Call<'_>,
    store: KvStoreHandle,
    key: GuestPtr<u8>,
    key_len: u32,
    lookup_config_mask: u32,
    lookup_configuration: GuestPtr<KvLookupConfig>,
    handle_out: GuestPtr<KvStoreLookupHandle>,
) -> Result<()> {
    lookup(
        call,
        store,
        key,
        key_len,
        lookup_config_mask,
        lookup_configuration,
        handle_out,
    )
}

/// Waits for an item. Generations do not fit into this older form: it always gives 0.
///
/// # Errors
///
/// Those of [`lookup_wait_v2`].
pub async fn lookup_wait(
    call: &mut Call<'_>,
    handle: KvStoreLookupHandle,
    body_handle_out: GuestPtr<BodyHandle>,
    metadata_buf: GuestPtr<u8>,
    metadata_buf_len: u32,
    nwritten_out: GuestPtr<u32>,
    generation_out: GuestPtr<u32>,
    kv_error_out: GuestPtr<u32>,
) -> Result<()> {
    let out = LookupOut {
        body: body_handle_out,
        metadata: metadata_buf,
        metadata_max: metadata_buf_len,
        metadata_len: nwritten_out,
        generation: generation_out,
        kv_error: kv_error_out,
    };
    out.write(call, handle, |_| 0).await
}

/// Waits for an item, and writes its value as a body, its metadata and its generation. Where there is none, only
/// `kv_error_out` is written.
///
/// # Errors
///
/// [`Error::BufferTooSmall`] when the metadata does not fit, after which the handle can be waited for again;
/// [`Error::Store`] when the store has too much to do; [`Error::BadHandle`], [`Error::LimitExceeded`],
/// [`Error::Memory`].
pub async fn lookup_wait_v2(
    call: &mut Call<'_>,
    handle: KvStoreLookupHandle,
    body_handle_out: GuestPtr<BodyHandle>,
    metadata_buf: GuestPtr<u8>,
    metadata_buf_len: u32,
    nwritten_out: GuestPtr<u32>,
    generation_out: GuestPtr<u64>,
    kv_error_out: GuestPtr<u32>,
) -> Result<()> {
    let out = LookupOut {
        body: body_handle_out,
        metadata: metadata_buf,
        metadata_max: metadata_buf_len,
        metadata_len: nwritten_out,
        generation: generation_out,
        kv_error: kv_error_out,
    };
    out.write(call, handle, |generation| generation).await
}

/// Where an item goes.
struct LookupOut<G> {
    body: GuestPtr<BodyHandle>,
    metadata: GuestPtr<u8>,
    metadata_max: u32,
    metadata_len: GuestPtr<u32>,
    generation: GuestPtr<G>,
    kv_error: GuestPtr<u32>,
}

impl<G: GuestValue> LookupOut<G> {
    async fn write(
        self,
        call: &mut Call<'_>,
        handle: KvStoreLookupHandle,
        generation: fn(u64) -> G,
    ) -> Result<()> {
        call.memory.check(self.body)?;
        call.memory.check_bytes(self.metadata, self.metadata_max)?;
        call.memory.check(self.metadata_len)?;
        call.memory.check(self.generation)?;
        call.memory.check(self.kv_error)?;
        wait(call, handle, KvOperationKind::Lookup).await?;
        let operation = call.session.items.kv_mut(handle, KvOperationKind::Lookup)?;
        if let Some(Ok(KvReply::Item(item))) = operation.outcome()
            && item.metadata.len() > self.metadata_max as usize
        {
            let needed = u32::try_from(item.metadata.len()).unwrap_or(0);
            call.memory.write(self.metadata_len, needed)?;
            return Err(Error::BufferTooSmall);
        }
        match finish(call, handle, KvOperationKind::Lookup).await? {
            Ok(KvReply::Item(item)) => {
                self.write_item(call, &item)?;
                call.memory
                    .write(self.generation, generation(item.generation))?;
                lower_error(call, Ok(()), self.kv_error)
            }
            // A lookup has no other reply than an item.
            Ok(_) => lower_error(call, Err(KvError::Internal), self.kv_error),
            Err(error) => lower_error(call, Err(error), self.kv_error),
        }
    }

    fn write_item(&self, call: &mut Call<'_>, item: &KvItem) -> Result<()> {
        let body = call.session.items.insert_body(item.value.to_body())?;
        // It was found to fit above.
        let length = item.metadata.len() as u32;
        let metadata = call.memory.bytes_mut(self.metadata, length)?;
        metadata.copy_from_slice(&item.metadata);
        call.memory.write(self.metadata_len, length)?;
        call.memory.write(self.body, body)?;
        Ok(())
    }
}

/// Reads a body to its end, and starts to write it as the value of a key.
///
/// # Errors
///
/// [`Error::InvalidArgument`] when the key cannot be one, the mode is none, or an unknown option is set;
/// [`Error::Body`] when the body broke off; [`Error::BadHandle`], [`Error::LimitExceeded`], [`Error::Memory`].
pub async fn insert(
    call: &mut Call<'_>,
    store: KvStoreHandle,
    key: GuestPtr<u8>,
    key_len: u32,
    body_handle: BodyHandle,
    insert_config_mask: u32,
    insert_configuration: GuestPtr<KvInsertConfig>,
    handle_out: GuestPtr<KvStoreInsertHandle>,
) -> Result<()> {
    let (store, key) = store_and_key(call, store, key, key_len)?;
    let insert = read_insert_config(call, insert_config_mask, insert_configuration)?;
    call.memory.check(handle_out)?;
    let value = value_of_body(call, body_handle).await?;
    let insert = value.map(|value| KvInsert { value, ..insert });
    let handle = KvStoreInsertHandle(start_insert(call, &*store, key, insert)?);
    call.memory.write(handle_out, handle)?;
    Ok(())
}

/// Reads witx `kv_insert_config`: mode, an unused field, metadata and its length, time to live, and behind a gap the
/// generation, which is aligned to 8 bytes.
fn read_insert_config(
    call: &Call<'_>,
    mask: u32,
    config: GuestPtr<KvInsertConfig>,
) -> Result<KvInsert> {
    check_options(mask, insert_option::ALL)?;
    call.memory.check(config.cast::<u64>())?;
    let [mode, _, metadata, metadata_len, time_to_live, _, low, high] =
        call.memory.read(config.cast::<[u32; 8]>())?;
    let has = |option: u32| mask & option != 0;
    let metadata = match has(insert_option::METADATA) {
        true => Some(call.memory.bytes(GuestPtr::new(metadata), metadata_len)?),
        false => None,
    };
    let generation = u64::from(high) << 32 | u64::from(low);
    Ok(KvInsert {
        mode: match mode {
            0 => KvInsertMode::Overwrite,
            1 => KvInsertMode::Add,
            2 => KvInsertMode::Append,
            3 => KvInsertMode::Prepend,
            _ => return Err(Error::InvalidArgument("there is no such way to insert")),
        },
        metadata: metadata.map(Bytes::copy_from_slice),
        time_to_live: has(insert_option::TIME_TO_LIVE_SEC)
            .then(|| Duration::from_secs(time_to_live.into())),
        if_generation_match: has(insert_option::IF_GENERATION_MATCH).then_some(generation),
        ..KvInsert::default()
    })
}

/// Waits until a value was written.
///
/// # Errors
///
/// [`Error::Store`] when the store has too much to do; [`Error::BadHandle`], [`Error::Memory`].
pub async fn insert_wait(
    call: &mut Call<'_>,
    handle: KvStoreInsertHandle,
    kv_error_out: GuestPtr<u32>,
) -> Result<()> {
    call.memory.check(kv_error_out)?;
    let outcome = finish(call, handle, KvOperationKind::Insert).await?;
    lower_error(call, outcome.map(drop), kv_error_out)
}

/// Starts to remove an item. The record is not read: it has no field that means anything.
///
/// # Errors
///
/// Those of [`lookup`].
pub fn delete(
    call: &mut Call<'_>,
    store: KvStoreHandle,
    key: GuestPtr<u8>,
    key_len: u32,
    delete_config_mask: u32,
    _delete_configuration: GuestPtr<KvDeleteConfig>,
    handle_out: GuestPtr<KvStoreDeleteHandle>,
) -> Result<()> {
    check_options(delete_config_mask, RESERVED)?;
    let (store, key) = store_and_key(call, store, key, key_len)?;
    call.memory.check(handle_out)?;
    let handle = KvStoreDeleteHandle(start_delete(call, &*store, key)?);
    call.memory.write(handle_out, handle)?;
    Ok(())
}

/// Waits until an item was removed.
///
/// # Errors
///
/// Those of [`insert_wait`].
pub async fn delete_wait(
    call: &mut Call<'_>,
    handle: KvStoreDeleteHandle,
    kv_error_out: GuestPtr<u32>,
) -> Result<()> {
    call.memory.check(kv_error_out)?;
    let outcome = finish(call, handle, KvOperationKind::Delete).await?;
    lower_error(call, outcome.map(drop), kv_error_out)
}

/// Starts to list keys.
///
/// # Errors
///
/// [`Error::InvalidArgument`] when the mode is none or an unknown option is set; [`Error::BadHandle`],
/// [`Error::LimitExceeded`], [`Error::Memory`].
pub fn list(
    call: &mut Call<'_>,
    store: KvStoreHandle,
    list_config_mask: u32,
    list_configuration: GuestPtr<KvListConfig>,
    handle_out: GuestPtr<KvStoreListHandle>,
) -> Result<()> {
    let store = call.session.kv_stores.get(store)?.clone();
    let query = read_list_config(call, list_config_mask, list_configuration)?;
    call.memory.check(handle_out)?;
    let handle = KvStoreListHandle(start_list(call, &*store, query)?);
    call.memory.write(handle_out, handle)?;
    Ok(())
}

/// Reads witx `kv_list_config`: mode, cursor and its length, limit, prefix and its length. A cursor that is none, and a
/// prefix that is longer than a key, fail the operation and not the hostcall.
fn read_list_config(
    call: &Call<'_>,
    mask: u32,
    config: GuestPtr<KvListConfig>,
) -> Result<Result<KvQuery, KvError>> {
    check_options(mask, list_option::ALL)?;
    let [mode, cursor, cursor_len, limit, prefix, prefix_len] =
        call.memory.read(config.cast::<[u32; 6]>())?;
    let has = |option: u32| mask & option != 0;
    if mode > 1 {
        return Err(Error::InvalidArgument("there is no such way to list"));
    }
    let mut query = KvQuery {
        eventual: mode == 1,
        ..KvQuery::default()
    };
    if has(list_option::PREFIX) {
        let prefix = call.memory.text(GuestPtr::new(prefix), prefix_len)?;
        // No key begins with it.
        if prefix.len() > KV_KEY_BYTES_MAX {
            return Ok(Err(KvError::BadRequest));
        }
        prefix.clone_into(&mut query.prefix);
    }
    if has(list_option::CURSOR) && cursor_len > 0 {
        match decode_cursor(call.memory.bytes(GuestPtr::new(cursor), cursor_len)?) {
            Ok(after) => query.after = Some(after),
            Err(error) => return Ok(Err(error)),
        }
    }
    if has(list_option::LIMIT) {
        if limit == 0 {
            return Ok(Err(KvError::BadRequest));
        }
        query.limit = limit.min(KV_LIST_LIMIT_MAX);
    }
    Ok(Ok(query))
}

/// Waits for a page of keys, and writes it as a body of JSON.
///
/// # Errors
///
/// Those of [`insert_wait`], and [`Error::LimitExceeded`].
pub async fn list_wait(
    call: &mut Call<'_>,
    handle: KvStoreListHandle,
    body_handle_out: GuestPtr<BodyHandle>,
    kv_error_out: GuestPtr<u32>,
) -> Result<()> {
    call.memory.check(body_handle_out)?;
    call.memory.check(kv_error_out)?;
    let outcome = finish(call, handle, KvOperationKind::List).await?;
    let outcome = match outcome {
        Ok(KvReply::Page(query, page)) => {
            let body = Body::from(Bytes::from(page.to_json(&query)));
            let body = call.session.items.insert_body(body)?;
            call.memory.write(body_handle_out, body)?;
            Ok(())
        }
        // A listing has no other reply than a page.
        Ok(_) => Err(KvError::Internal),
        Err(error) => Err(error),
    };
    lower_error(call, outcome, kv_error_out)
}

fn check_options(mask: u32, known: u32) -> Result<()> {
    if mask & !known != 0 {
        return Err(Error::InvalidArgument("an unknown option is set"));
    }
    Ok(())
}
