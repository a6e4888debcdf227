//! `fastly_http_cache`: guests that drive the cache of responses themselves, by the rules of [`crate::http::cache`] and with
//! what they want otherwise.
//!
//! It is the cache that `send` reads through, with the same keys. A lookup gives a handle at once; whoever asks that for
//! anything waits while another request is about to insert the response. A handle whose state says so has the duty to
//! insert or update, and ends it with one of the `transaction_*` calls, or gives it up when it is closed.

use crate::body::Body;
use crate::cache::{ByteRange, PendingLookup, WriteOptions};
use crate::cached::CacheOutcome;
use crate::error::{Error, Result};
use crate::handle::{BodyHandle, HttpCacheHandle, RequestHandle, ResponseHandle};
use crate::http::BackendResponse;
use crate::http::cache::{
    backend_request, is_cacheable, prepare_for_storage, suggested_key, uncacheable,
};
use crate::memory::GuestPtr;
use crate::table::Call;
use crate::table::types::{HttpCacheLookupOptions, HttpCacheWriteOptions};

use super::buffer::OutBuffer;
use super::cache_items::{nanoseconds, now};
use super::http_cache_items::{HttpCacheItem, Stored, note, policy, settled};
use super::http_cache_options::{Asked, OptionsOut, of_response, write_options};

/// Guests ask whether a request is cacheable to see whether there is a cache for them.
fn check_enabled(call: &Call<'_>) -> Result<()> {
    let settings = &call.session.platform.http_cache;
    if settings.enabled && settings.guest_caching {
        return Ok(());
    }
    Err(Error::Unsupported(
        "this host leaves no cache of HTTP responses to guests",
    ))
}

/// Writes whether a stored response may answer a request, and the response to it may be stored: 1 or 0.
///
/// # Errors
///
/// [`Error::Unsupported`] where guests are left no cache; [`Error::BadHandle`], [`Error::Memory`].
pub fn is_request_cacheable(
    call: &mut Call<'_>,
    req_handle: RequestHandle,
    out: GuestPtr<u32>,
) -> Result<()> {
    check_enabled(call)?;
    call.memory.check(out)?;
    let cacheable = is_cacheable(call.session.requests.get(req_handle)?);
    call.memory.write(out, u32::from(cacheable))?;
    Ok(())
}

/// Writes the key of a request that is looked up without a key of the guest's own: 32 bytes.
///
/// # Errors
///
/// [`Error::BufferTooSmall`], and those of [`is_request_cacheable`].
pub fn get_suggested_cache_key(
    call: &mut Call<'_>,
    req_handle: RequestHandle,
    key_out_ptr: GuestPtr<u8>,
    key_out_len: u32,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    check_enabled(call)?;
    let out = OutBuffer {
        buffer: key_out_ptr,
        capacity: key_out_len,
        written_out: nwritten_out,
    };
    let out = out.check(&call.memory)?;
    let request = call.session.requests.get(req_handle)?;
    let key = suggested_key(&request.uri, &request.headers);
    out.write(&mut call.memory, &key)
}

/// Looks for a response, without waiting for others who are about to insert one. The request is not consumed.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for a key of more than 4096 bytes and for unknown options; [`Error::Unsupported`] for the
/// reserved option; [`Error::LimitExceeded`], and those of [`is_request_cacheable`]. A backend that there is not is
/// reported by whoever asks for the state.
pub fn lookup(
    call: &mut Call<'_>,
    req_handle: RequestHandle,
    options_mask: u32,
    options: GuestPtr<HttpCacheLookupOptions>,
    out: GuestPtr<HttpCacheHandle>,
) -> Result<()> {
    check_enabled(call)?;
    let asked = Asked::lift(call, req_handle, options_mask, options)?;
    call.memory.check(out)?;
    let cache = call.session.platform.cache.clone();
    let found = cache.lookup(&asked.key, &asked.head.headers, now(call));
    let lookup = PendingLookup::ready(cache, asked.key, found);
    let item = HttpCacheItem::new(lookup, asked.head, asked.missing_backend);
    let handle = call.session.items.insert_http_cache(item)?;
    call.memory.write(out, handle)?;
    Ok(())
}

/// Looks for a response, as one of those of whom one at a time must insert it. The request is not consumed.
///
/// # Errors
///
/// Those of [`lookup`].
pub fn transaction_lookup(
    call: &mut Call<'_>,
    req_handle: RequestHandle,
    options_mask: u32,
    options: GuestPtr<HttpCacheLookupOptions>,
    out: GuestPtr<HttpCacheHandle>,
) -> Result<()> {
    check_enabled(call)?;
    let asked = Asked::lift(call, req_handle, options_mask, options)?;
    call.memory.check(out)?;
    let cache = &call.session.platform.cache;
    let lookup = cache.transaction(asked.key, asked.head.clone(), now(call));
    let item = HttpCacheItem::new(lookup, asked.head, asked.missing_backend);
    let handle = call.session.items.insert_http_cache(item)?;
    call.memory.write(out, handle)?;
    Ok(())
}

/// What is to be written, once the lookup need not wait and has the duty to. From here on the response is consumed: it is gone
/// when the lookup is closed, and until then it is of no use. The JavaScript SDK adds headers to it and gives up if it cannot.
async fn writing(
    call: &mut Call<'_>,
    handle: HttpCacheHandle,
    response: ResponseHandle,
    mask: u32,
    options: GuestPtr<HttpCacheWriteOptions>,
    is_update: bool,
) -> Result<WriteOptions> {
    call.session.items.http_cache_mut(handle)?;
    call.session.responses.get(response)?;
    let options = write_options(call, mask, options)?;
    let item = settled(call, handle).await?;
    item.duty()?;
    if is_update && item.stored().is_none() {
        return Err(Error::NotObligated("there is no response to update"));
    }
    let options = of_response(call, response, options)?;
    let item = call.session.items.http_cache_mut(handle)?;
    item.consume(response);
    note(
        call,
        handle,
        match is_update {
            true => CacheOutcome::Revalidated,
            false => CacheOutcome::Miss,
        },
    )?;
    Ok(options)
}

/// Inserts a response, and gives a body to write its body to. Others find it from now on. The response is consumed.
///
/// # Errors
///
/// [`Error::NotObligated`]; [`Error::InvalidArgument`] for a vary rule that is none and for unknown options;
/// [`Error::Unsupported`] for the reserved option; [`Error::BadHandle`], [`Error::LimitExceeded`], [`Error::Memory`]; what
/// was wrong with the lookup.
pub async fn transaction_insert(
    call: &mut Call<'_>,
    handle: HttpCacheHandle,
    resp_handle: ResponseHandle,
    options_mask: u32,
    options: GuestPtr<HttpCacheWriteOptions>,
    out: GuestPtr<BodyHandle>,
) -> Result<()> {
    call.memory.check(out)?;
    call.session.items.check_room(1)?;
    let options = writing(call, handle, resp_handle, options_mask, options, false).await?;
    let now = now(call);
    let item = call.session.items.http_cache_mut(handle)?;
    let writer = item.duty()?.insert(options, now)?;
    let body = call.session.items.insert_cache_writer(writer)?;
    call.memory.write(out, body)?;
    Ok(())
}

/// [`transaction_insert`], which also gives a handle to answer by.
///
/// # Errors
///
/// Those of [`transaction_insert`].
pub async fn transaction_insert_and_stream_back(
    call: &mut Call<'_>,
    handle: HttpCacheHandle,
    resp_handle: ResponseHandle,
    options_mask: u32,
    options: GuestPtr<HttpCacheWriteOptions>,
    body_handle_out: GuestPtr<BodyHandle>,
    http_cache_handle_out: GuestPtr<HttpCacheHandle>,
) -> Result<()> {
    call.memory.check(body_handle_out)?;
    call.memory.check(http_cache_handle_out)?;
    call.session.items.check_room(2)?;
    let options = writing(call, handle, resp_handle, options_mask, options, false).await?;
    let now = now(call);
    let cache = call.session.platform.cache.clone();
    let items = &mut call.session.items;
    let item = items.http_cache_mut(handle)?;
    let asked = item.asked().clone();
    let transaction = item.duty()?;
    let key = transaction.key().clone();
    let (writer, found, unstored) = transaction.insert_and_answer(options, now)?;
    let back = HttpCacheItem::written(cache, key, asked, found).with_unstored(unstored);
    let body = items.insert_cache_writer(writer)?;
    let back = items.insert_http_cache(back)?;
    call.memory.write(body_handle_out, body)?;
    call.memory.write(http_cache_handle_out, back)?;
    Ok(())
}

/// Gives the stored response another head and other times, and keeps its body. The response is consumed.
///
/// # Errors
///
/// Those of [`transaction_insert`]; [`Error::NotObligated`] also when no response was found.
pub async fn transaction_update(
    call: &mut Call<'_>,
    handle: HttpCacheHandle,
    resp_handle: ResponseHandle,
    options_mask: u32,
    options: GuestPtr<HttpCacheWriteOptions>,
) -> Result<()> {
    let options = writing(call, handle, resp_handle, options_mask, options, true).await?;
    let now = now(call);
    let item = call.session.items.http_cache_mut(handle)?;
    item.duty()?.update(options, now).map(drop)
}

/// [`transaction_update`], which also gives a handle to answer by.
///
/// # Errors
///
/// Those of [`transaction_update`].
pub async fn transaction_update_and_return_fresh(
    call: &mut Call<'_>,
    handle: HttpCacheHandle,
    resp_handle: ResponseHandle,
    options_mask: u32,
    options: GuestPtr<HttpCacheWriteOptions>,
    out: GuestPtr<HttpCacheHandle>,
) -> Result<()> {
    call.memory.check(out)?;
    call.session.items.check_room(1)?;
    let options = writing(call, handle, resp_handle, options_mask, options, true).await?;
    let now = now(call);
    let cache = call.session.platform.cache.clone();
    let items = &mut call.session.items;
    let item = items.http_cache_mut(handle)?;
    let asked = item.asked().clone();
    let transaction = item.duty()?;
    let key = transaction.key().clone();
    let found = transaction.update(options, now)?;
    let fresh = items.insert_http_cache(HttpCacheItem::written(cache, key, asked, found))?;
    call.memory.write(out, fresh)?;
    Ok(())
}

/// Uses the stale response in place of one that the backend did not give. Those who wait get it, too; the next lookup will
/// have the duty again.
///
/// # Errors
///
/// [`Error::NotObligated`], also when no response may be used in place of an error; [`Error::BadHandle`]; what was wrong
/// with the lookup.
pub async fn transaction_choose_stale(call: &mut Call<'_>, handle: HttpCacheHandle) -> Result<()> {
    settled(call, handle).await?.choose_stale()
}

/// Remembers that responses to this request are not stored: requests for the same need not wait for each other, for the
/// max age that is given, and at least two minutes. Of the options only that, the vary rule and the surrogate keys count.
///
/// # Errors
///
/// Those of [`transaction_insert`].
pub async fn transaction_record_not_cacheable(
    call: &mut Call<'_>,
    handle: HttpCacheHandle,
    options_mask: u32,
    options: GuestPtr<HttpCacheWriteOptions>,
) -> Result<()> {
    call.session.items.http_cache_mut(handle)?;
    let given = write_options(call, options_mask, options)?;
    let options = WriteOptions {
        vary: given.vary,
        surrogate_keys: given.surrogate_keys,
        ..WriteOptions::new(given.max_age)
    };
    let now = now(call);
    let item = settled(call, handle).await?;
    let writer = item.duty()?.insert(uncacheable(&options), now)?;
    writer.finish();
    note(call, handle, CacheOutcome::Miss)
}

/// Gives up the duty to insert or update; one of those who wait gets it.
///
/// # Errors
///
/// [`Error::NotObligated`], [`Error::BadHandle`]; what was wrong with the lookup.
pub async fn transaction_abandon(call: &mut Call<'_>, handle: HttpCacheHandle) -> Result<()> {
    settled(call, handle).await?.duty()?.cancel()?;
    note(call, handle, CacheOutcome::Miss)
}

/// Gives up a lookup, also one that waits. Responses that were taken of it can still be read.
///
/// # Errors
///
/// [`Error::BadHandle`].
pub fn close(call: &mut Call<'_>, handle: HttpCacheHandle) -> Result<()> {
    let item = call.session.items.take_http_cache(handle)?;
    if let Some(response) = item.consumed() {
        // The guest may have closed it.
        drop(call.session.responses.remove(response));
    }
    Ok(())
}

/// Makes the request by which a backend is asked for a response that can be stored, or whether the stored one is still
/// good: a GET for all of it, without the client's conditions.
///
/// # Errors
///
/// [`Error::LimitExceeded`], [`Error::BadHandle`], [`Error::Memory`]; what was wrong with the lookup.
pub async fn get_suggested_backend_request(
    call: &mut Call<'_>,
    handle: HttpCacheHandle,
    out: GuestPtr<RequestHandle>,
) -> Result<()> {
    call.memory.check(out)?;
    let item = settled(call, handle).await?;
    let stored = item.stored().map(|stored| &*stored.head);
    let mut request = backend_request(item.asked(), stored);
    request.headers = call.session.held.copy_headers(&request.headers)?;
    let request = call.session.requests.insert(request)?;
    call.memory.write(out, request)?;
    Ok(())
}

/// Writes for how long and under what a response is to be stored, as far as the guest asks for it: numbers and lengths into
/// a record of the same form, texts into the buffers that `options` names. The response is not consumed.
///
/// # Errors
///
/// [`Error::BufferTooSmall`], and then the lengths are those that are needed; [`Error::InvalidArgument`] for unknown
/// options; [`Error::BadHandle`], [`Error::Memory`]; what was wrong with the lookup.
pub async fn get_suggested_cache_options(
    call: &mut Call<'_>,
    handle: HttpCacheHandle,
    response: ResponseHandle,
    options_mask: u32,
    options: GuestPtr<HttpCacheWriteOptions>,
    options_mask_out: GuestPtr<u32>,
    options_out: GuestPtr<HttpCacheWriteOptions>,
) -> Result<()> {
    let out = OptionsOut::lift(call, options_mask, options, options_mask_out, options_out)?;
    let asked = settled(call, handle).await?.asked().clone();
    let policy = policy(call, &asked, call.session.responses.get(response)?);
    let item = call.session.items.http_cache_mut(handle)?;
    let suggestion = item.suggestion(policy);
    out.write(&mut call.memory, &suggestion)
}

/// Makes of a response the one that is to be stored, and says what to do with it: witx `http_storage_action`. A 304 becomes
/// the stored response with what has changed about it. The response that is given is not consumed.
///
/// # Errors
///
/// [`Error::LimitExceeded`], [`Error::BadHandle`], [`Error::Memory`]; what was wrong with the lookup.
pub async fn prepare_response_for_storage(
    call: &mut Call<'_>,
    handle: HttpCacheHandle,
    response: ResponseHandle,
    http_storage_action_out: GuestPtr<u32>,
    response_handle_out: GuestPtr<ResponseHandle>,
) -> Result<()> {
    call.memory.check(http_storage_action_out)?;
    call.memory.check(response_handle_out)?;
    let item = settled(call, handle).await?;
    let asked = item.asked().clone();
    let stored = item.stored().map(|stored| stored.head.clone());
    let given = call.session.responses.get(response)?;
    let mut prepared = prepare_for_storage(given, stored.as_ref());
    prepared.headers = call.session.held.copy_headers(&prepared.headers)?;
    let policy = policy(call, &asked, &prepared);
    let item = call.session.items.http_cache_mut(handle)?;
    let action = item.action(call.session.responses.get(response)?, &policy);
    let prepared = call.session.responses.insert(prepared)?;
    call.memory.write(http_storage_action_out, action as u32)?;
    call.memory.write(response_handle_out, prepared)?;
    Ok(())
}

/// Gives the response that was found, with its body: as it is stored, or as an answer to the request that was looked up,
/// with its conditions, its range, and HEAD.
///
/// # Errors
///
/// [`Error::Absent`] when no response was found that may be used; [`Error::Body`] when its body broke off;
/// [`Error::LimitExceeded`], [`Error::BadHandle`], [`Error::Memory`]; what was wrong with the lookup.
pub async fn get_found_response(
    call: &mut Call<'_>,
    handle: HttpCacheHandle,
    transform_for_client: u32,
    response_handle_out: GuestPtr<ResponseHandle>,
    body_handle_out: GuestPtr<BodyHandle>,
) -> Result<()> {
    call.memory.check(response_handle_out)?;
    call.memory.check(body_handle_out)?;
    call.session.check_room_for_response(0)?;
    let now = now(call);
    let item = settled(call, handle).await?;
    let found = item.usable()?.found.clone();
    let answer = item.answer(transform_for_client != 0, now)?;
    let outcome = item.cache_outcome();
    let mut head = answer.head;
    head.headers = call.session.held.copy_headers(&head.headers)?;
    let body = match answer.body {
        Some(ByteRange::WHOLE) => call
            .session
            .items
            .http_cache_mut(handle)?
            .whole_body(&found),
        Some(range) => found.body(range, false).await?,
        None => Body::empty(),
    };
    let (response, body) = call
        .session
        .insert_response(BackendResponse { head, body })?;
    if let Some(outcome) = outcome {
        note(call, handle, outcome)?;
    }
    call.memory.write(response_handle_out, response)?;
    call.memory.write(body_handle_out, body)?;
    Ok(())
}

/// Writes the state of a lookup: whether a response was found and may be used, and whether one must be inserted or updated.
///
/// # Errors
///
/// [`Error::BadHandle`], [`Error::Memory`]; what was wrong with the lookup: [`Error::InvalidArgument`] when nothing was
/// found that may be used, and the backend that was named is none.
pub async fn get_state(
    call: &mut Call<'_>,
    handle: HttpCacheHandle,
    out: GuestPtr<u32>,
) -> Result<()> {
    call.memory.check(out)?;
    let item = settled(call, handle).await?;
    let state = item.state();
    if item.cache_outcome() == Some(CacheOutcome::Pass) {
        note(call, handle, CacheOutcome::Pass)?;
    }
    call.memory.write(out, state)?;
    Ok(())
}

/// Writes a number that is known of the response that was found.
async fn write_number(
    call: &mut Call<'_>,
    handle: HttpCacheHandle,
    out: GuestPtr<u64>,
    number: impl FnOnce(&Stored) -> Option<u64>,
) -> Result<()> {
    call.memory.check(out)?;
    let number = number(settled(call, handle).await?.usable()?);
    call.memory.write(out, number.ok_or(Error::Absent)?)?;
    Ok(())
}

/// Writes how many bytes the response's body has or will have.
///
/// # Errors
///
/// [`Error::Absent`] when no response was found that may be used, or it is not known; [`Error::BadHandle`],
/// [`Error::Memory`]; what was wrong with the lookup.
pub async fn get_length(
    call: &mut Call<'_>,
    handle: HttpCacheHandle,
    out: GuestPtr<u64>,
) -> Result<()> {
    write_number(call, handle, out, |stored| stored.found.length()).await
}

/// Writes how long the response is fresh, in nanoseconds.
///
/// # Errors
///
/// [`Error::Absent`] when no response was found that may be used; [`Error::BadHandle`], [`Error::Memory`]; what was wrong
/// with the lookup.
pub async fn get_max_age_ns(
    call: &mut Call<'_>,
    handle: HttpCacheHandle,
    out: GuestPtr<u64>,
) -> Result<()> {
    let number = |stored: &Stored| Some(nanoseconds(stored.found.options().max_age));
    write_number(call, handle, out, number).await
}

/// Writes how long the response may then be used while it is revalidated, in nanoseconds.
///
/// # Errors
///
/// Those of [`get_max_age_ns`].
pub async fn get_stale_while_revalidate_ns(
    call: &mut Call<'_>,
    handle: HttpCacheHandle,
    out: GuestPtr<u64>,
) -> Result<()> {
    let number = |stored: &Stored| Some(nanoseconds(stored.found.options().stale_while_revalidate));
    write_number(call, handle, out, number).await
}

/// Writes how long the response may be used, after it was fresh, when revalidation fails, in nanoseconds.
///
/// # Errors
///
/// Those of [`get_max_age_ns`].
pub async fn get_stale_if_error_ns(
    call: &mut Call<'_>,
    handle: HttpCacheHandle,
    out: GuestPtr<u64>,
) -> Result<()> {
    let number = |stored: &Stored| Some(nanoseconds(stored.found.options().stale_if_error));
    write_number(call, handle, out, number).await
}

/// Writes how old the response is, in nanoseconds.
///
/// # Errors
///
/// Those of [`get_max_age_ns`].
pub async fn get_age_ns(
    call: &mut Call<'_>,
    handle: HttpCacheHandle,
    out: GuestPtr<u64>,
) -> Result<()> {
    let clock = call.session.platform.clock.clone();
    let number = |stored: &Stored| Some(nanoseconds(stored.found.age(clock.monotonic())));
    write_number(call, handle, out, number).await
}

/// Writes how often the response was found, this time included. One that was just inserted has 0.
///
/// # Errors
///
/// Those of [`get_max_age_ns`].
pub async fn get_hits(
    call: &mut Call<'_>,
    handle: HttpCacheHandle,
    out: GuestPtr<u64>,
) -> Result<()> {
    write_number(call, handle, out, |stored| Some(stored.found.hits())).await
}

/// Writes whether the response must not be written to a disk: 1 or 0.
///
/// # Errors
///
/// Those of [`get_max_age_ns`].
pub async fn get_sensitive_data(
    call: &mut Call<'_>,
    handle: HttpCacheHandle,
    out: GuestPtr<u32>,
) -> Result<()> {
    call.memory.check(out)?;
    let stored = settled(call, handle).await?.usable()?;
    let is_sensitive = stored.found.options().sensitive_data;
    call.memory.write(out, u32::from(is_sensitive))?;
    Ok(())
}

/// Writes what the response can be purged by: surrogate keys separated by spaces.
///
/// # Errors
///
/// [`Error::BufferTooSmall`], and those of [`get_max_age_ns`].
pub async fn get_surrogate_keys(
    call: &mut Call<'_>,
    handle: HttpCacheHandle,
    surrogate_keys_out_ptr: GuestPtr<u8>,
    surrogate_keys_out_len: u32,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let out = OutBuffer {
        buffer: surrogate_keys_out_ptr,
        capacity: surrogate_keys_out_len,
        written_out: nwritten_out,
    };
    let text = |stored: &Stored| stored.found.options().surrogate_keys.to_string();
    write_text(call, handle, out, text).await
}

/// Writes which headers of the request the response depends on: names separated by spaces.
///
/// # Errors
///
/// Those of [`get_surrogate_keys`].
pub async fn get_vary_rule(
    call: &mut Call<'_>,
    handle: HttpCacheHandle,
    vary_rule_out_ptr: GuestPtr<u8>,
    vary_rule_out_len: u32,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let out = OutBuffer {
        buffer: vary_rule_out_ptr,
        capacity: vary_rule_out_len,
        written_out: nwritten_out,
    };
    let text = |stored: &Stored| stored.found.options().vary.to_string();
    write_text(call, handle, out, text).await
}

async fn write_text(
    call: &mut Call<'_>,
    handle: HttpCacheHandle,
    out: OutBuffer,
    text: impl FnOnce(&Stored) -> String,
) -> Result<()> {
    let out = out.check(&call.memory)?;
    let text = text(settled(call, handle).await?.usable()?);
    out.write(&mut call.memory, text.as_bytes())
}
