//! What the hostcalls of the two interfaces to KV stores have in common: starting operations and waiting for them.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;

use crate::async_item::AsyncItem;
use crate::error::{Error, Result};
use crate::handle::{AsyncItemHandle, BodyHandle, Handle, KvStoreHandle, Table};
use crate::memory::GuestPtr;
use crate::stores::{
    KV_VALUE_BYTES_MAX, KvError, KvInsert, KvKey, KvOperation, KvOperationKind, KvPieces, KvQuery,
    KvReply, KvStore, KvValue,
};
use crate::table::Call;

/// Opens a store; gives its handle, which is one for both interfaces.
pub(super) fn open(
    call: &mut Call<'_>,
    name: GuestPtr<u8>,
    name_len: u32,
    out: GuestPtr<KvStoreHandle>,
) -> Result<()> {
    let name = call.memory.text(name, name_len)?;
    call.memory.check(out)?;
    let store = call.session.platform.stores.kv.open(name);
    // The ABI says so with INVAL, where other stores say NONE or BADF.
    let store = store.ok_or(Error::InvalidArgument("there is no KV store of this name"))?;
    let handle = call.session.kv_stores.insert(store)?;
    call.memory.write(out, handle)?;
    Ok(())
}

/// The store and the key that an operation is about.
pub(super) fn store_and_key(
    call: &Call<'_>,
    store: KvStoreHandle,
    key: GuestPtr<u8>,
    key_len: u32,
) -> Result<(Arc<dyn KvStore>, KvKey)> {
    let store = call.session.kv_stores.get(store)?.clone();
    let key = KvKey::new(call.memory.text(key, key_len)?)
        .map_err(|_| Error::InvalidArgument("this cannot be the key of a KV store"))?;
    Ok((store, key))
}

/// Reads a body to its end. One that is too long to be a value is left there.
pub(super) async fn value_of_body(
    call: &mut Call<'_>,
    body: BodyHandle,
) -> Result<Result<KvValue, KvError>> {
    let mut body = call.session.items.take_body(body)?;
    let mut pieces = KvPieces::default();
    while let Some(piece) = body.read(usize::MAX).await? {
        // What is kept must not keep what it came in: a larger buffer, or what counts as held for this run.
        pieces.push(Bytes::copy_from_slice(&piece));
        if pieces.len() > KV_VALUE_BYTES_MAX {
            return Ok(Err(KvError::PayloadTooLarge));
        }
    }
    Ok(Ok(pieces.finish()))
}

/// Starts a lookup; gives the number of its handle.
pub(super) fn start_lookup(call: &mut Call<'_>, store: &dyn KvStore, key: KvKey) -> Result<u32> {
    let found = store.lookup(key, call.session.platform.clock.wall());
    let found = found.map(|item| item.map(KvReply::Item)).boxed();
    start(call, KvOperationKind::Lookup, found)
}

/// Starts an insert; gives the number of its handle.
pub(super) fn start_insert(
    call: &mut Call<'_>,
    store: &dyn KvStore,
    key: KvKey,
    insert: Result<KvInsert, KvError>,
) -> Result<u32> {
    let insert = match insert {
        Ok(insert) => insert,
        Err(error) => {
            let failed = KvOperation::failed(KvOperationKind::Insert, error);
            return call.session.items.insert_kv(failed);
        }
    };
    // What is refused must not have been written.
    call.session.items.check_room(1)?;
    let done = store.insert(key, insert, call.session.platform.clock.wall());
    let done = done.map(|done| done.map(|()| KvReply::Done)).boxed();
    start(call, KvOperationKind::Insert, done)
}

/// Starts a delete; gives the number of its handle.
pub(super) fn start_delete(call: &mut Call<'_>, store: &dyn KvStore, key: KvKey) -> Result<u32> {
    call.session.items.check_room(1)?;
    let done = store.delete(key, call.session.platform.clock.wall());
    let done = done.map(|done| done.map(|()| KvReply::Done)).boxed();
    start(call, KvOperationKind::Delete, done)
}

/// Starts a listing; gives the number of its handle.
pub(super) fn start_list(
    call: &mut Call<'_>,
    store: &dyn KvStore,
    query: Result<KvQuery, KvError>,
) -> Result<u32> {
    let query = match query {
        Ok(query) => query,
        Err(error) => {
            let failed = KvOperation::failed(KvOperationKind::List, error);
            return call.session.items.insert_kv(failed);
        }
    };
    let page = store.list(query.clone(), call.session.platform.clock.wall());
    let page = page
        .map(|page| page.map(|page| KvReply::Page(query, page)))
        .boxed();
    start(call, KvOperationKind::List, page)
}

fn start(
    call: &mut Call<'_>,
    kind: KvOperationKind,
    future: crate::stores::KvFuture<KvReply>,
) -> Result<u32> {
    let executor = call.session.platform.executor.clone();
    let operation = KvOperation::start(kind, future, &*executor);
    call.session.items.insert_kv(operation)
}

/// Waits until an operation has ended. It stays in the table.
pub(super) async fn wait<H: Handle>(
    call: &mut Call<'_>,
    handle: H,
    kind: KvOperationKind,
) -> Result<()> {
    let operation = call.session.items.kv_mut(handle, kind)?;
    poll_fn(|cx| operation.poll_ready(cx)).await;
    Ok(())
}

/// Waits for the end of an operation, and takes it out of the table.
pub(super) async fn finish<H: Handle>(
    call: &mut Call<'_>,
    handle: H,
    kind: KvOperationKind,
) -> Result<Result<KvReply, KvError>> {
    wait(call, handle, kind).await?;
    Ok(call.session.items.take_kv(handle, kind)?.into_outcome())
}

/// Writes how an operation ended where the guest has a place for it.
pub(super) fn lower_error(
    call: &mut Call<'_>,
    outcome: Result<(), KvError>,
    kv_error_out: GuestPtr<u32>,
) -> Result<()> {
    let code = match outcome {
        Ok(()) => KvError::OK,
        // Guests know this one by its status: not all of them know its number.
        Err(KvError::TooManyRequests) => return Err(KvError::TooManyRequests.into()),
        Err(error) => error.code(),
    };
    call.memory.write(kv_error_out, code)?;
    Ok(())
}

impl Table<AsyncItemHandle, AsyncItem> {
    pub(super) fn insert_kv(&mut self, operation: KvOperation) -> Result<u32> {
        Ok(self.insert(AsyncItem::Kv(operation))?.0)
    }

    pub(super) fn kv_mut<H: Handle>(
        &mut self,
        handle: H,
        kind: KvOperationKind,
    ) -> Result<&mut KvOperation> {
        match self.get_mut(AsyncItemHandle(handle.number())) {
            Ok(AsyncItem::Kv(operation)) if operation.kind() == kind => Ok(operation),
            _ => Err(bad(handle)),
        }
    }

    fn take_kv<H: Handle>(&mut self, handle: H, kind: KvOperationKind) -> Result<KvOperation> {
        self.kv_mut(handle, kind)?;
        match self.remove(AsyncItemHandle(handle.number())) {
            Ok(AsyncItem::Kv(operation)) => Ok(operation),
            _ => Err(bad(handle)),
        }
    }
}

fn bad<H: Handle>(handle: H) -> Error {
    Error::BadHandle {
        kind: H::KIND,
        number: handle.number(),
    }
}
