//! `fastly_object_store`: the older interface to KV stores. Both open the same stores, under numbers of one space.
//!
//! It has no place for `kv_error`: how an operation ended is its status.

use crate::error::{Error, Result};
use crate::handle::{
    BodyHandle, KvStoreHandle, ObjectStoreHandle, PendingKvDeleteHandle, PendingKvInsertHandle,
    PendingKvLookupHandle,
};
use crate::memory::GuestPtr;
use crate::stores::{KvError, KvInsert, KvOperationKind, KvReply};
use crate::table::Call;

use super::kv_operations::{
    finish, lower_error, start_delete, start_insert, start_lookup, store_and_key, value_of_body,
};

/// Opens a KV store by name.
///
/// # Errors
///
/// [`Error::InvalidArgument`] when there is none of this name; [`Error::LimitExceeded`], [`Error::Memory`].
pub fn open(
    call: &mut Call<'_>,
    name: GuestPtr<u8>,
    name_len: u32,
    out: GuestPtr<ObjectStoreHandle>,
) -> Result<()> {
    super::kv_operations::open(call, name, name_len, out.cast())
}

/// Reads a value as a body. Where there is none, nothing is written.
///
/// # Errors
///
/// [`Error::InvalidArgument`] when the key cannot be one; [`Error::Store`] when the store fails; [`Error::BadHandle`],
/// [`Error::LimitExceeded`], [`Error::Memory`].
pub async fn lookup(
    call: &mut Call<'_>,
    store: ObjectStoreHandle,
    key: GuestPtr<u8>,
    key_len: u32,
    body_handle_out: GuestPtr<BodyHandle>,
) -> Result<()> {
    let (store, key) = store_and_key(call, KvStoreHandle(store.0), key, key_len)?;
    call.memory.check(body_handle_out)?;
    let handle = PendingKvLookupHandle(start_lookup(call, &*store, key)?);
    pending_lookup_wait(call, handle, body_handle_out).await
}

/// Starts to read a value.
///
/// # Errors
///
/// Those of [`lookup`].
pub fn lookup_async(
    call: &mut Call<'_>,
    store: ObjectStoreHandle,
    key: GuestPtr<u8>,
    key_len: u32,
    pending_handle_out: GuestPtr<PendingKvLookupHandle>,
) -> Result<()> {
    let (store, key) = store_and_key(call, KvStoreHandle(store.0), key, key_len)?;
    call.memory.check(pending_handle_out)?;
    let handle = PendingKvLookupHandle(start_lookup(call, &*store, key)?);
    call.memory.write(pending_handle_out, handle)?;
    Ok(())
}

/// Waits for a value. Where there is none, nothing is written.
///
/// # Errors
///
/// [`Error::Store`] when the store fails; [`Error::BadHandle`], [`Error::LimitExceeded`], [`Error::Memory`].
pub async fn pending_lookup_wait(
    call: &mut Call<'_>,
    pending_objstr_handle: PendingKvLookupHandle,
    body_handle_out: GuestPtr<BodyHandle>,
) -> Result<()> {
    call.memory.check(body_handle_out)?;
    match finish(call, pending_objstr_handle, KvOperationKind::Lookup).await? {
        Ok(KvReply::Item(item)) => {
            let body = call.session.items.insert_body(item.value.to_body())?;
            call.memory.write(body_handle_out, body)?;
            Ok(())
        }
        Err(KvError::NotFound) => Ok(()),
        // A lookup has no other reply than an item.
        Ok(_) => Err(KvError::Internal.into()),
        Err(error) => Err(error.into()),
    }
}

/// Writes a body as the value of a key.
///
/// # Errors
///
/// Those of [`insert_async`] and [`pending_insert_wait`].
pub async fn insert(
    call: &mut Call<'_>,
    store: ObjectStoreHandle,
    key: GuestPtr<u8>,
    key_len: u32,
    body_handle: BodyHandle,
) -> Result<()> {
    let handle = start_insert_of_body(call, store, key, key_len, body_handle).await?;
    pending_insert_wait(call, handle).await
}

/// Reads a body to its end, and starts to write it as the value of a key.
///
/// # Errors
///
/// [`Error::InvalidArgument`] when the key cannot be one; [`Error::Body`] when the body broke off;
/// [`Error::BadHandle`], [`Error::LimitExceeded`], [`Error::Memory`].
pub async fn insert_async(
    call: &mut Call<'_>,
    store: ObjectStoreHandle,
    key: GuestPtr<u8>,
    key_len: u32,
    body_handle: BodyHandle,
    pending_handle_out: GuestPtr<PendingKvInsertHandle>,
) -> Result<()> {
    call.memory.check(pending_handle_out)?;
    let handle = start_insert_of_body(call, store, key, key_len, body_handle).await?;
    call.memory.write(pending_handle_out, handle)?;
    Ok(())
}

async fn start_insert_of_body(
    call: &mut Call<'_>,
    store: ObjectStoreHandle,
    key: GuestPtr<u8>,
    key_len: u32,
    body: BodyHandle,
) -> Result<PendingKvInsertHandle> {
    let (store, key) = store_and_key(call, KvStoreHandle(store.0), key, key_len)?;
    let value = value_of_body(call, body).await?;
    let insert = value.map(|value| KvInsert {
        value,
        ..KvInsert::default()
    });
    start_insert(call, &*store, key, insert).map(PendingKvInsertHandle)
}

/// Waits until a value was written.
///
/// # Errors
///
/// [`Error::Store`] when it was not; [`Error::BadHandle`].
pub async fn pending_insert_wait(
    call: &mut Call<'_>,
    pending_objstr_handle: PendingKvInsertHandle,
) -> Result<()> {
    let outcome = finish(call, pending_objstr_handle, KvOperationKind::Insert).await?;
    outcome.map(drop).map_err(Error::from)
}

/// Waits until a value was written, and writes how it went: the later form of [`pending_insert_wait`], under the same
/// import name.
///
/// # Errors
///
/// [`Error::Store`] when the store has too much to do; [`Error::BadHandle`], [`Error::Memory`].
pub async fn pending_insert_wait_with_error(
    call: &mut Call<'_>,
    handle: PendingKvInsertHandle,
    kv_error_out: GuestPtr<u32>,
) -> Result<()> {
    call.memory.check(kv_error_out)?;
    let outcome = finish(call, handle, KvOperationKind::Insert).await?;
    lower_error(call, outcome.map(drop), kv_error_out)
}

/// Starts to remove an item.
///
/// # Errors
///
/// [`Error::InvalidArgument`] when the key cannot be one; [`Error::BadHandle`], [`Error::LimitExceeded`],
/// [`Error::Memory`].
pub fn delete_async(
    call: &mut Call<'_>,
    store: ObjectStoreHandle,
    key: GuestPtr<u8>,
    key_len: u32,
    pending_handle_out: GuestPtr<PendingKvDeleteHandle>,
) -> Result<()> {
    let (store, key) = store_and_key(call, KvStoreHandle(store.0), key, key_len)?;
    call.memory.check(pending_handle_out)?;
    let handle = PendingKvDeleteHandle(start_delete(call, &*store, key)?);
    call.memory.write(pending_handle_out, handle)?;
    Ok(())
}

/// Waits until an item was removed. It is no error that there was none.
///
/// # Errors
///
/// [`Error::Store`] when the store fails; [`Error::BadHandle`].
pub async fn pending_delete_wait(
    call: &mut Call<'_>,
    pending_objstr_handle: PendingKvDeleteHandle,
) -> Result<()> {
    match finish(call, pending_objstr_handle, KvOperationKind::Delete).await? {
        Ok(_) | Err(KvError::NotFound) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
