//! `fastly_cache`: objects that guests keep for later requests, by keys of their own.
//!
//! A transaction is a lookup of which one at a time must insert what all of them ask for; the others wait. A guest that
//! closes its handle, or ends, gives up that duty.

use std::time::Duration;

use crate::cache::{Found, PendingLookup};
use crate::error::{Error, Result};
use crate::handle::{BodyHandle, CacheBusyHandle, CacheHandle, CacheReplaceHandle};
use crate::memory::GuestPtr;
use crate::table::Call;
use crate::table::types::{
    CacheGetBodyOptions, CacheLookupOptions, CacheReplaceOptions, CacheWriteOptions,
};

use super::buffer::OutBuffer;
use super::cache_items::{
    LookupHandle, body, found, key, lookup_options, nanoseconds, now, replace_options, state,
    transaction_options, wait, write_options,
};

/// Looks for an object, without waiting for others who are about to insert one.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for a key of more than 4096 bytes and for unknown options; [`Error::Unsupported`] for the
/// reserved option and another service; [`Error::BadHandle`], [`Error::LimitExceeded`], [`Error::Memory`].
pub fn lookup(
    call: &mut Call<'_>,
    cache_key: GuestPtr<u8>,
    cache_key_len: u32,
    options_mask: u32,
    options: GuestPtr<CacheLookupOptions>,
    out: GuestPtr<CacheHandle>,
) -> Result<()> {
    let options = lookup_options(call, options_mask, options)?;
    let key = key(call, cache_key, cache_key_len)?;
    call.memory.check(out)?;
    let cache = call.session.platform.cache.clone();
    let found = cache.lookup(&key, &options.headers, now(call));
    let lookup = PendingLookup::ready(cache, key, found);
    let always = options.always_use_requested_range;
    let handle = call.session.items.insert_lookup(lookup, always)?;
    call.memory.write(out, handle)?;
    Ok(())
}

/// Inserts an object, whatever there is, and gives a body to write it to.
///
/// # Errors
///
/// Those of [`lookup`], and [`Error::InvalidArgument`] for a vary rule or surrogate keys that are none, and an edge max age
/// above the max age.
pub fn insert(
    call: &mut Call<'_>,
    cache_key: GuestPtr<u8>,
    cache_key_len: u32,
    options_mask: u32,
    options: GuestPtr<CacheWriteOptions>,
    out: GuestPtr<BodyHandle>,
) -> Result<()> {
    let key = key(call, cache_key, cache_key_len)?;
    let (headers, options) = write_options(call, options_mask, options)?;
    call.memory.check(out)?;
    // What is refused must not have taken the place of what there is.
    call.session.items.check_room(1)?;
    let cache = &call.session.platform.cache;
    let writer = cache.insert(key, &headers.unwrap_or_default(), options, now(call));
    let body = call.session.items.insert_cache_writer(writer)?;
    call.memory.write(out, body)?;
    Ok(())
}

/// Begins to replace an object. What there is can be read until the replacement is inserted; asking for it waits, where
/// the strategy is to wait for others.
///
/// # Errors
///
/// Those of [`lookup`], and [`Error::InvalidArgument`] for a strategy that is none.
pub fn replace(
    call: &mut Call<'_>,
    cache_key: GuestPtr<u8>,
    cache_key_len: u32,
    options_mask: u32,
    options: GuestPtr<CacheReplaceOptions>,
    out: GuestPtr<CacheReplaceHandle>,
) -> Result<()> {
    let (options, strategy) = replace_options(call, options_mask, options)?;
    let key = key(call, cache_key, cache_key_len)?;
    call.memory.check(out)?;
    let cache = &call.session.platform.cache;
    let replacement = cache.replace(key, options.headers, strategy, now(call));
    let always = options.always_use_requested_range;
    let items = &mut call.session.items;
    let handle = items.insert_replacement(replacement, always)?;
    call.memory.write(out, handle)?;
    Ok(())
}

/// Inserts the replacement, and gives a body to write it to. The handle is dead from then on.
///
/// # Errors
///
/// Those of [`insert`].
pub async fn replace_insert(
    call: &mut Call<'_>,
    handle: CacheReplaceHandle,
    options_mask: u32,
    options: GuestPtr<CacheWriteOptions>,
    out: GuestPtr<BodyHandle>,
) -> Result<()> {
    call.session.items.cache_mut(handle)?;
    let (headers, options) = write_options(call, options_mask, options)?;
    call.memory.check(out)?;
    wait(call, handle).await?;
    let replacement = call.session.items.take_replacement(handle)?;
    let writer = replacement.insert(headers, options, now(call))?;
    let body = call.session.items.insert_cache_writer(writer)?;
    call.memory.write(out, body)?;
    Ok(())
}

/// Gives the body of the object that is being replaced, or a part of it.
///
/// # Errors
///
/// Those of [`get_body`].
pub async fn replace_get_body(
    call: &mut Call<'_>,
    handle: CacheReplaceHandle,
    options_mask: u32,
    options: GuestPtr<CacheGetBodyOptions>,
    out: GuestPtr<BodyHandle>,
) -> Result<()> {
    wait(call, handle).await?;
    body(call, handle, options_mask, options, out).await
}

/// Writes the state of a replacement: what there is, and that it is to be inserted.
///
/// # Errors
///
/// [`Error::BadHandle`], [`Error::Memory`].
pub async fn replace_get_state(
    call: &mut Call<'_>,
    handle: CacheReplaceHandle,
    out: GuestPtr<u32>,
) -> Result<()> {
    call.memory.check(out)?;
    wait(call, handle).await?;
    let state = state(call, handle)?;
    call.memory.write(out, state)?;
    Ok(())
}

/// Writes what the guest has stored beside the body of the object that is being replaced.
///
/// # Errors
///
/// Those of [`get_user_metadata`].
pub async fn replace_get_user_metadata(
    call: &mut Call<'_>,
    handle: CacheReplaceHandle,
    user_metadata_out_ptr: GuestPtr<u8>,
    user_metadata_out_len: u32,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    wait(call, handle).await?;
    let out = OutBuffer {
        buffer: user_metadata_out_ptr,
        capacity: user_metadata_out_len,
        written_out: nwritten_out,
    };
    write_user_metadata(call, handle, out)
}

/// Looks for an object, and waits while another transaction must insert it.
///
/// # Errors
///
/// Those of [`lookup`].
pub async fn transaction_lookup(
    call: &mut Call<'_>,
    cache_key: GuestPtr<u8>,
    cache_key_len: u32,
    options_mask: u32,
    options: GuestPtr<CacheLookupOptions>,
    out: GuestPtr<CacheHandle>,
) -> Result<()> {
    call.memory.check(out)?;
    let (mut lookup, always) = begin(call, cache_key, cache_key_len, options_mask, options)?;
    std::future::poll_fn(|cx| lookup.poll_ready(cx)).await;
    let handle = call.session.items.insert_lookup(lookup, always)?;
    call.memory.write(out, handle)?;
    Ok(())
}

/// Begins a [`transaction_lookup`] without waiting.
///
/// # Errors
///
/// Those of [`lookup`].
pub fn transaction_lookup_async(
    call: &mut Call<'_>,
    cache_key: GuestPtr<u8>,
    cache_key_len: u32,
    options_mask: u32,
    options: GuestPtr<CacheLookupOptions>,
    out: GuestPtr<CacheBusyHandle>,
) -> Result<()> {
    call.memory.check(out)?;
    let (lookup, always) = begin(call, cache_key, cache_key_len, options_mask, options)?;
    let handle = call.session.items.insert_busy(lookup, always)?;
    call.memory.write(out, handle)?;
    Ok(())
}

fn begin(
    call: &Call<'_>,
    cache_key: GuestPtr<u8>,
    cache_key_len: u32,
    options_mask: u32,
    options: GuestPtr<CacheLookupOptions>,
) -> Result<(PendingLookup, bool)> {
    let options = lookup_options(call, options_mask, options)?;
    let key = key(call, cache_key, cache_key_len)?;
    let cache = &call.session.platform.cache;
    let lookup = cache.transaction(key, options.headers, now(call));
    Ok((lookup, options.always_use_requested_range))
}

/// Waits for a lookup that was begun, and gives a handle of what it has come to. The busy handle is dead from then on.
///
/// # Errors
///
/// [`Error::BadHandle`], [`Error::Memory`].
pub async fn cache_busy_handle_wait(
    call: &mut Call<'_>,
    busy_handle: CacheBusyHandle,
    out: GuestPtr<CacheHandle>,
) -> Result<()> {
    call.memory.check(out)?;
    wait(call, busy_handle).await?;
    let handle = call.session.items.finish_busy(busy_handle)?;
    call.memory.write(out, handle)?;
    Ok(())
}

/// Inserts the object that a transaction must insert, and gives a body to write it to. Others find it from now on.
///
/// # Errors
///
/// Those of [`insert`], also for request headers: they are those of the lookup. [`Error::NotObligated`].
pub fn transaction_insert(
    call: &mut Call<'_>,
    handle: CacheHandle,
    options_mask: u32,
    options: GuestPtr<CacheWriteOptions>,
    out: GuestPtr<BodyHandle>,
) -> Result<()> {
    call.session.items.cache_mut(handle)?;
    let options = transaction_options(call, options_mask, options)?;
    call.memory.check(out)?;
    call.session.items.check_room(1)?;
    let now = now(call);
    let transaction = call.session.items.transaction_mut(handle)?;
    let writer = transaction.insert(options, now)?;
    let body = call.session.items.insert_cache_writer(writer)?;
    call.memory.write(out, body)?;
    Ok(())
}

/// [`transaction_insert`], which also gives a handle to read the object by.
///
/// # Errors
///
/// Those of [`transaction_insert`].
pub fn transaction_insert_and_stream_back(
    call: &mut Call<'_>,
    handle: CacheHandle,
    options_mask: u32,
    options: GuestPtr<CacheWriteOptions>,
    body_handle_out: GuestPtr<BodyHandle>,
    cache_handle_out: GuestPtr<CacheHandle>,
) -> Result<()> {
    call.session.items.cache_mut(handle)?;
    let options = transaction_options(call, options_mask, options)?;
    call.memory.check(body_handle_out)?;
    call.memory.check(cache_handle_out)?;
    call.session.items.check_room(2)?;
    let now = now(call);
    let items = &mut call.session.items;
    let always = items.cache_mut(handle)?.uses_requested_range();
    let transaction = items.transaction_mut(handle)?;
    let key = transaction.key().clone();
    let (writer, found) = transaction.insert_and_stream_back(options, now)?;
    let cache = call.session.platform.cache.clone();
    let body = items.insert_cache_writer(writer)?;
    let back = items.insert_lookup(PendingLookup::ready(cache, key, Some(found)), always)?;
    call.memory.write(body_handle_out, body)?;
    call.memory.write(cache_handle_out, back)?;
    Ok(())
}

/// Says new things about the stale object that a transaction has found, which keeps its body.
///
/// # Errors
///
/// Those of [`transaction_insert`]; [`Error::NotObligated`] also when nothing was found.
pub fn transaction_update(
    call: &mut Call<'_>,
    handle: CacheHandle,
    options_mask: u32,
    options: GuestPtr<CacheWriteOptions>,
) -> Result<()> {
    call.session.items.cache_mut(handle)?;
    let options = transaction_options(call, options_mask, options)?;
    if matches!(found(call, handle), Err(Error::Absent)) {
        return Err(Error::NotObligated("there is no object to update"));
    }
    let now = now(call);
    let transaction = call.session.items.transaction_mut(handle)?;
    transaction.update(options, now).map(drop)
}

/// Gives up the duty to insert or update; one of those who wait gets it.
///
/// # Errors
///
/// [`Error::NotObligated`], [`Error::BadHandle`].
pub fn transaction_cancel(call: &mut Call<'_>, handle: CacheHandle) -> Result<()> {
    call.session.items.transaction_mut(handle)?.cancel()
}

/// Gives up a lookup that was begun.
///
/// # Errors
///
/// [`Error::BadHandle`].
pub fn close_busy(call: &mut Call<'_>, handle: CacheBusyHandle) -> Result<()> {
    call.session.items.close_busy(handle)
}

/// Gives up a lookup, or a replacement. Bodies that were taken of it can still be read.
///
/// # Errors
///
/// [`Error::BadHandle`].
pub fn close(call: &mut Call<'_>, handle: CacheHandle) -> Result<()> {
    call.session.items.close_cache(handle)
}

/// Writes the state of a lookup: whether an object was found and may be used, and whether one must be inserted.
///
/// # Errors
///
/// [`Error::BadHandle`], [`Error::Memory`].
pub fn get_state(call: &mut Call<'_>, handle: CacheHandle, out: GuestPtr<u32>) -> Result<()> {
    call.memory.check(out)?;
    let state = state(call, handle)?;
    call.memory.write(out, state)?;
    Ok(())
}

/// Writes what the guest has stored beside the body.
///
/// # Errors
///
/// [`Error::Absent`] when nothing was found; [`Error::BufferTooSmall`], [`Error::BadHandle`], [`Error::Memory`].
pub fn get_user_metadata(
    call: &mut Call<'_>,
    handle: CacheHandle,
    user_metadata_out_ptr: GuestPtr<u8>,
    user_metadata_out_len: u32,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let out = OutBuffer {
        buffer: user_metadata_out_ptr,
        capacity: user_metadata_out_len,
        written_out: nwritten_out,
    };
    write_user_metadata(call, handle, out)
}

fn write_user_metadata<H: LookupHandle>(
    call: &mut Call<'_>,
    handle: H,
    out: OutBuffer,
) -> Result<()> {
    let out = out.check(&call.memory)?;
    let found = found(call, handle)?;
    out.write(&mut call.memory, &found.options().user_metadata)
}

/// Gives the body of the object that was found, or a part of it: from `from` to `to`, inclusive, or the last `to` bytes.
/// It may be read while it is still being written. A handle gives only one body at a time.
///
/// # Errors
///
/// [`Error::Absent`] when nothing was found; [`Error::BadHandle`], also while an earlier body is open; [`Error::Body`]
/// when the range was waited for and the body broke off; [`Error::InvalidArgument`] and [`Error::Unsupported`] as of
/// [`lookup`]; [`Error::LimitExceeded`], [`Error::Memory`].
pub async fn get_body(
    call: &mut Call<'_>,
    handle: CacheHandle,
    options_mask: u32,
    options: GuestPtr<CacheGetBodyOptions>,
    out: GuestPtr<BodyHandle>,
) -> Result<()> {
    body(call, handle, options_mask, options, out).await
}

/// Declares two hostcalls that write a number known of an object: of the one that was found, and of the one that is being
/// replaced.
macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident, $of_replaced:ident = $number:expr;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        ///
        /// [`Error::Absent`] when nothing was found, or the number is not known; [`Error::BadHandle`], [`Error::Memory`].
        pub fn $name(call: &mut Call<'_>, handle: CacheHandle, out: GuestPtr<u64>) -> Result<()> {
            write_number(call, handle, out, $number)
        }

        #[doc = concat!("[`", stringify!($name), "`] of the object that is being replaced.")]
        ///
        /// # Errors
        ///
        #[doc = concat!("Those of [`", stringify!($name), "`].")]
        pub async fn $of_replaced(
            call: &mut Call<'_>,
            handle: CacheReplaceHandle,
            out: GuestPtr<u64>,
        ) -> Result<()> {
            wait(call, handle).await?;
            write_number(call, handle, out, $number)
        }
    )*};
}

numbers! {
    /// Writes how old the object is, in nanoseconds.
    get_age_ns, replace_get_age_ns = |found, now| Some(nanoseconds(found.age(now)));
    /// Writes how often the object was found, this time included.
    get_hits, replace_get_hits = |found, _| Some(found.hits());
    /// Writes how many bytes the object has or will have.
    get_length, replace_get_length = |found, _| found.length();
    /// Writes how long the object is fresh, in nanoseconds.
    get_max_age_ns, replace_get_max_age_ns = |found, _| Some(nanoseconds(found.options().max_age));
    /// Writes how long the object may then be used while it is revalidated, in nanoseconds.
    get_stale_while_revalidate_ns, replace_get_stale_while_revalidate_ns =
        |found, _| Some(nanoseconds(found.options().stale_while_revalidate));
}

fn write_number<H: LookupHandle>(
    call: &mut Call<'_>,
    handle: H,
    out: GuestPtr<u64>,
    number: fn(&Found, Duration) -> Option<u64>,
) -> Result<()> {
    call.memory.check(out)?;
    let found = found(call, handle)?;
    let number = number(&found, now(call)).ok_or(Error::Absent)?;
    call.memory.write(out, number)?;
    Ok(())
}
