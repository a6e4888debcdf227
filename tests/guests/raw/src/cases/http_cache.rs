//! `fastly_http_cache`: what it does. All requests share the cache: every case has a URL of its own, and removes what it
//! inserted, so that it can run again.

use super::cases;
use crate::check::{Outcome, check, check_eq, check_status};
use crate::guest::{
    ORIGIN, UNKNOWN, empty_body, new_request, new_response, read_to_end, request_to,
    response_header, set_request_header, status_of, wait, write,
};
use crate::sys::*;

cases![
    http_cache_request_cacheable,
    http_cache_suggested_key,
    http_cache_lookup,
    http_cache_metadata,
    http_cache_transaction,
    http_cache_stream_back,
    http_cache_waiting,
    http_cache_abandon,
    http_cache_record_not_cacheable,
    http_cache_update,
    http_cache_stale_while_revalidate,
    http_cache_choose_stale,
    http_cache_override_key,
    http_cache_unknown_backend,
    http_cache_found_for_client,
    http_cache_suggested_options,
    http_cache_prepare_response,
    http_cache_from_backend,
];

pub const FOUND: u32 = 3;
const STALE: u32 = 1 << 2;
pub const MUST_INSERT: u32 = 1 << 3;
const USABLE_IF_ERROR: u32 = 1 << 4;

pub const VARY: u32 = 1 << 1;
const INITIAL_AGE: u32 = 1 << 2;
const STALE_WHILE_REVALIDATE: u32 = 1 << 3;
const SURROGATE_KEYS: u32 = 1 << 4;
const LENGTH: u32 = 1 << 5;
const SENSITIVE: u32 = 1 << 6;
const STALE_IF_ERROR: u32 = 1 << 7;

const INSERT: u32 = 0;
const UPDATE: u32 = 1;
const DO_NOT_STORE: u32 = 2;
const RECORD_UNCACHEABLE: u32 = 3;

const HOUR: u64 = 3_600_000_000_000;

/// The request of a case: for a URL of its own.
pub fn request_of(name: &str) -> Result<Handle, String> {
    let request = new_request()?;
    let uri = format!("http://{name}.example/");
    check_status!(OK, http_req::uri_set(request, uri.as_ptr(), uri.len()));
    Ok(request)
}

/// What most responses are written with: an hour, and the name of the case to purge by.
pub fn options(name: &str) -> (u32, HttpCacheWriteOptions) {
    let options = HttpCacheWriteOptions {
        max_age_ns: HOUR,
        surrogate_keys: name.as_ptr() as usize,
        surrogate_keys_len: name.len(),
        ..HttpCacheWriteOptions::default()
    };
    (SURROGATE_KEYS, options)
}

/// [`options`] of what is stale at once.
fn stale_options(name: &str) -> (u32, HttpCacheWriteOptions) {
    let (mask, mut options) = options(name);
    options.max_age_ns = 1;
    options.initial_age_ns = 2;
    (mask | INITIAL_AGE, options)
}

pub fn remove(name: &str) -> Outcome {
    check_status!(
        OK,
        purge::purge_surrogate_key(name.as_ptr(), name.len(), 0, core::ptr::null())
    );
    Ok(())
}

pub fn begin(request: Handle) -> Result<Handle, String> {
    let mut handle = NO_HANDLE;
    let options = HttpCacheLookupOptions::default();
    check_status!(
        OK,
        http_cache::transaction_lookup(request, 0, &options, &mut handle)
    );
    Ok(handle)
}

pub fn transaction(name: &str) -> Result<Handle, String> {
    begin(request_of(name)?)
}

pub fn state(handle: Handle) -> Result<u32, String> {
    let mut state = u32::MAX;
    check_status!(OK, http_cache::get_state(handle, &mut state));
    Ok(state)
}

pub fn close(handle: Handle) -> Outcome {
    check_status!(OK, http_cache::close(handle));
    Ok(())
}

/// Inserts a whole response, and closes the lookup.
pub fn insert(
    handle: Handle,
    headers: &[(&str, &str)],
    (mask, options): (u32, HttpCacheWriteOptions),
    content: &[u8],
) -> Outcome {
    let response = new_response(200, headers)?;
    let mut body = NO_HANDLE;
    check_status!(
        OK,
        http_cache::transaction_insert(handle, response, mask, &options, &mut body)
    );
    write(body, content)?;
    check_status!(OK, http_body::close(body));
    close(handle)
}

/// The response that was found, and its content.
fn found(handle: Handle, transform: u32) -> Result<(Handle, Vec<u8>), String> {
    let (mut response, mut body) = (NO_HANDLE, NO_HANDLE);
    check_status!(
        OK,
        http_cache::get_found_response(handle, transform, &mut response, &mut body)
    );
    let content = read_to_end(body)?;
    check_status!(OK, http_body::close(body));
    Ok((response, content))
}

fn check_nothing_found(handle: Handle) -> Outcome {
    let (mut response, mut body) = (NO_HANDLE, NO_HANDLE);
    check_status!(
        NONE,
        http_cache::get_found_response(handle, 1, &mut response, &mut body)
    );
    Ok(())
}

fn http_cache_request_cacheable() -> Outcome {
    for (method, expected) in [("GET", 1), ("HEAD", 1), ("POST", 0), ("PURGE", 0)] {
        let request = request_to(method, "/")?;
        let mut cacheable = 9;
        check_status!(
            OK,
            http_cache::is_request_cacheable(request, &mut cacheable)
        );
        check_eq!(expected, cacheable);
    }
    Ok(())
}

fn http_cache_suggested_key() -> Outcome {
    let (mut keys, mut nwritten) = ([[0; 32]; 3], 0);
    for (key, path) in keys.iter_mut().zip(["/a", "/a", "/b"]) {
        let request = request_to("GET", path)?;
        check_status!(
            BUFFER_TOO_SMALL,
            http_cache::get_suggested_cache_key(request, key.as_mut_ptr(), 31, &mut nwritten)
        );
        check_eq!(32, nwritten);
        check_status!(
            OK,
            http_cache::get_suggested_cache_key(request, key.as_mut_ptr(), 32, &mut nwritten)
        );
        check_eq!(32, nwritten);
    }
    check_eq!(keys[0], keys[1]);
    check!(keys[0] != keys[2]);
    Ok(())
}

fn http_cache_lookup() -> Outcome {
    let name = "http_cache_lookup";
    let lookup = || -> Result<Handle, String> {
        let mut handle = NO_HANDLE;
        let options = HttpCacheLookupOptions::default();
        let request = request_of(name)?;
        check_status!(OK, http_cache::lookup(request, 0, &options, &mut handle));
        // The request was not consumed.
        check_status!(OK, http_req::close(request));
        Ok(handle)
    };
    let missing = lookup()?;
    check_eq!(0, state(missing)?);
    check_nothing_found(missing)?;
    close(missing)?;
    insert(transaction(name)?, &[("a", "1")], options(name), b"content")?;
    let there = lookup()?;
    check_eq!(FOUND, state(there)?);
    let (response, content) = found(there, 1)?;
    check_eq!(b"content".to_vec(), content);
    check_eq!("1", response_header(response, "a")?);
    close(there)?;
    remove(name)
}

fn http_cache_metadata() -> Outcome {
    let name = "http_cache_metadata";
    let request = request_of(name)?;
    set_request_header(request, "x", "1")?;
    let (mask, mut options) = options(name);
    let rule = "x y";
    options.vary_rule = rule.as_ptr() as usize;
    options.vary_rule_len = rule.len();
    options.initial_age_ns = HOUR / 2;
    options.stale_while_revalidate_ns = 5;
    options.stale_if_error_ns = 6;
    options.length = 4;
    let mask = mask | VARY | INITIAL_AGE | STALE_WHILE_REVALIDATE | STALE_IF_ERROR | LENGTH;
    insert(begin(request)?, &[], (mask | SENSITIVE, options), b"body")?;

    let there = begin(request)?;
    check_eq!(FOUND, state(there)?);
    let mut number = 0;
    check_status!(OK, http_cache::get_length(there, &mut number));
    check_eq!(4, number);
    check_status!(OK, http_cache::get_max_age_ns(there, &mut number));
    check_eq!(HOUR, number);
    check_status!(
        OK,
        http_cache::get_stale_while_revalidate_ns(there, &mut number)
    );
    check_eq!(5, number);
    check_status!(OK, http_cache::get_stale_if_error_ns(there, &mut number));
    check_eq!(6, number);
    check_status!(OK, http_cache::get_age_ns(there, &mut number));
    check!((HOUR / 2..HOUR).contains(&number));
    check_status!(OK, http_cache::get_hits(there, &mut number));
    check_eq!(1, number);
    let mut sensitive = 9;
    check_status!(OK, http_cache::get_sensitive_data(there, &mut sensitive));
    check_eq!(1, sensitive);
    let (mut buffer, mut nwritten) = ([0; 64], 0);
    check_status!(
        BUFFER_TOO_SMALL,
        http_cache::get_surrogate_keys(there, buffer.as_mut_ptr(), 3, &mut nwritten)
    );
    check_eq!(name.len(), nwritten);
    check_status!(
        OK,
        http_cache::get_surrogate_keys(there, buffer.as_mut_ptr(), 64, &mut nwritten)
    );
    check_eq!(name.as_bytes(), &buffer[..nwritten]);
    check_status!(
        BUFFER_TOO_SMALL,
        http_cache::get_vary_rule(there, buffer.as_mut_ptr(), 2, &mut nwritten)
    );
    check_eq!(rule.len(), nwritten);
    check_status!(
        OK,
        http_cache::get_vary_rule(there, buffer.as_mut_ptr(), 64, &mut nwritten)
    );
    check_eq!(rule.as_bytes(), &buffer[..nwritten]);
    close(there)?;

    // It is not for requests with another value of the header, and there is nothing to say then.
    let other = transaction(name)?;
    check_eq!(MUST_INSERT, state(other)?);
    check_status!(NONE, http_cache::get_length(other, &mut number));
    check_status!(NONE, http_cache::get_max_age_ns(other, &mut number));
    check_status!(
        NONE,
        http_cache::get_stale_while_revalidate_ns(other, &mut number)
    );
    check_status!(NONE, http_cache::get_stale_if_error_ns(other, &mut number));
    check_status!(NONE, http_cache::get_age_ns(other, &mut number));
    check_status!(NONE, http_cache::get_hits(other, &mut number));
    check_status!(NONE, http_cache::get_sensitive_data(other, &mut sensitive));
    check_status!(
        NONE,
        http_cache::get_surrogate_keys(other, buffer.as_mut_ptr(), 64, &mut nwritten)
    );
    check_status!(
        NONE,
        http_cache::get_vary_rule(other, buffer.as_mut_ptr(), 64, &mut nwritten)
    );
    close(other)?;
    remove(name)
}

fn http_cache_transaction() -> Outcome {
    let name = "http_cache_transaction";
    let handle = transaction(name)?;
    check_eq!(MUST_INSERT, state(handle)?);
    check_nothing_found(handle)?;
    let response = new_response(203, &[("content-length", "99")])?;
    let (mask, options) = options(name);
    let mut writer = NO_HANDLE;
    check_status!(
        OK,
        http_cache::transaction_insert(handle, response, mask, &options, &mut writer)
    );
    // The duty is done. The response is consumed, but the JavaScript SDK still touches it before it closes the lookup.
    check_eq!(0, state(handle)?);
    check_eq!(203, status_of(response)?);
    let another = new_response(200, &[])?;
    let mut none = NO_HANDLE;
    check_status!(
        BAD_HANDLE,
        http_cache::transaction_insert(handle, another, mask, &options, &mut none)
    );
    check_eq!(200, status_of(another)?);
    // It is found before it was written.
    let other = transaction(name)?;
    check_eq!(FOUND, state(other)?);
    let mut length = 0;
    check_status!(NONE, http_cache::get_length(other, &mut length));
    write(writer, b"written")?;
    check_status!(OK, http_body::close(writer));
    let (read, content) = found(other, 1)?;
    check_eq!(203, status_of(read)?);
    check_eq!(b"written".to_vec(), content);
    check_eq!("7", response_header(read, "content-length")?);
    close(other)?;
    close(handle)?;
    let mut status = 0;
    check_status!(BAD_HANDLE, http_resp::status_get(response, &mut status));
    remove(name)
}

fn http_cache_stream_back() -> Outcome {
    let name = "http_cache_stream_back";
    let handle = transaction(name)?;
    let response = new_response(200, &[])?;
    // It is for this one to answer with, however short it is fresh.
    let (mask, options) = stale_options(name);
    let (mut writer, mut back) = (NO_HANDLE, NO_HANDLE);
    check_status!(
        OK,
        http_cache::transaction_insert_and_stream_back(
            handle,
            response,
            mask,
            &options,
            &mut writer,
            &mut back
        )
    );
    check_eq!(FOUND, state(back)?);
    let mut hits = 9;
    check_status!(OK, http_cache::get_hits(back, &mut hits));
    check_eq!(0, hits);
    let (mut head, mut reader) = (NO_HANDLE, NO_HANDLE);
    check_status!(
        OK,
        http_cache::get_found_response(back, 1, &mut head, &mut reader)
    );
    write(writer, b"one")?;
    let (mut piece, mut nread) = ([0; 8], 0);
    check_status!(
        OK,
        http_body::read(reader, piece.as_mut_ptr(), piece.len(), &mut nread)
    );
    check_eq!(b"one", &piece[..nread]);
    write(writer, b"two")?;
    check_status!(OK, http_body::close(writer));
    check_eq!(b"two".to_vec(), read_to_end(reader)?);
    close(back)?;
    close(handle)?;
    remove(name)
}

fn http_cache_waiting() -> Outcome {
    let name = "http_cache_waiting";
    let leader = transaction(name)?;
    let (follower, leaving) = (transaction(name)?, transaction(name)?);
    let (mut ready, mut which) = (9, 9);
    check_status!(OK, async_io::is_ready(follower, &mut ready));
    check_eq!(0, ready);
    check_status!(OK, async_io::select([follower].as_ptr(), 1, 1, &mut which));
    check_eq!(TIMED_OUT, which);
    // One that waits can be closed.
    close(leaving)?;
    check_status!(BAD_HANDLE, http_cache::close(leaving));
    insert(leader, &[], options(name), b"content")?;
    check_status!(OK, async_io::select([follower].as_ptr(), 1, 0, &mut which));
    check_eq!(0, which);
    check_eq!(FOUND, state(follower)?);
    check_eq!(b"content".to_vec(), found(follower, 1)?.1);
    close(follower)?;
    remove(name)
}

fn http_cache_abandon() -> Outcome {
    let name = "http_cache_abandon";
    for abandons in [true, false] {
        let handle = transaction(name)?;
        check_eq!(MUST_INSERT, state(handle)?);
        if abandons {
            check_status!(OK, http_cache::transaction_abandon(handle));
            check_eq!(0, state(handle)?);
            check_status!(BAD_HANDLE, http_cache::transaction_abandon(handle));
        }
        close(handle)?;
    }
    let next = transaction(name)?;
    check_eq!(MUST_INSERT, state(next)?);
    close(next)
}

fn http_cache_record_not_cacheable() -> Outcome {
    // What is recorded has no surrogate keys, so that nothing removes it: every run has a URL of its own.
    let (mut id, mut nwritten) = ([0; 64], 0);
    let (request, _) = crate::guest::downstream()?;
    check_status!(
        OK,
        http_downstream::downstream_client_request_id(
            request,
            id.as_mut_ptr(),
            id.len(),
            &mut nwritten
        )
    );
    let name = format!("uncacheable-{}", String::from_utf8_lossy(&id[..nwritten]));
    let (first, waiting) = (transaction(&name)?, transaction(&name)?);
    let options = HttpCacheWriteOptions {
        max_age_ns: HOUR,
        ..HttpCacheWriteOptions::default()
    };
    check_status!(
        OK,
        http_cache::transaction_record_not_cacheable(first, 0, &options)
    );
    check_eq!(0, state(first)?);
    check_status!(
        BAD_HANDLE,
        http_cache::transaction_record_not_cacheable(first, 0, &options)
    );
    let (one, other) = (transaction(&name)?, transaction(&name)?);
    for handle in [waiting, one, other] {
        check_eq!(0, state(handle)?);
        check_nothing_found(handle)?;
        close(handle)?;
    }
    close(first)
}

fn http_cache_update() -> Outcome {
    let name = "http_cache_update";
    let validator = ("etag", "\"1\"");
    insert(
        transaction(name)?,
        &[validator, ("a", "1")],
        stale_options(name),
        b"body",
    )?;
    let leader = transaction(name)?;
    check_eq!(STALE | MUST_INSERT, state(leader)?);
    check_nothing_found(leader)?;
    let not_modified = new_response(304, &[("a", "2")])?;
    let (mut action, mut prepared) = (9, NO_HANDLE);
    check_status!(
        OK,
        http_cache::prepare_response_for_storage(leader, not_modified, &mut action, &mut prepared)
    );
    check_eq!(UPDATE, action);
    check_eq!(200, status_of(prepared)?);
    check_eq!(304, status_of(not_modified)?);
    let (mask, stale) = stale_options(name);
    let mut fresh = NO_HANDLE;
    check_status!(
        OK,
        http_cache::transaction_update_and_return_fresh(leader, prepared, mask, &stale, &mut fresh)
    );
    let (response, content) = found(fresh, 1)?;
    check_eq!("2", response_header(response, "a")?);
    check_eq!(b"body".to_vec(), content);
    close(fresh)?;
    close(leader)?;

    let next = transaction(name)?;
    check_eq!(STALE | MUST_INSERT, state(next)?);
    let (mask, hour) = options(name);
    let renewed = new_response(200, &[("a", "3")])?;
    check_status!(
        OK,
        http_cache::transaction_update(next, renewed, mask, &hour)
    );
    let again = new_response(200, &[])?;
    check_status!(
        BAD_HANDLE,
        http_cache::transaction_update(next, again, mask, &hour)
    );
    close(next)?;
    let there = transaction(name)?;
    check_eq!(FOUND, state(there)?);
    let (response, content) = found(there, 1)?;
    check_eq!("3", response_header(response, "a")?);
    check_eq!(b"body".to_vec(), content);
    close(there)?;
    // There is nothing to update where nothing was found.
    remove(name)?;
    let missing = transaction(name)?;
    check_status!(
        BAD_HANDLE,
        http_cache::transaction_update(missing, again, mask, &hour)
    );
    check_status!(
        BAD_HANDLE,
        http_cache::transaction_update_and_return_fresh(missing, again, mask, &hour, &mut fresh)
    );
    check_eq!(MUST_INSERT, state(missing)?);
    close(missing)
}

fn http_cache_stale_while_revalidate() -> Outcome {
    let name = "http_cache_stale_while_revalidate";
    let (mask, mut stale) = stale_options(name);
    stale.stale_while_revalidate_ns = HOUR;
    stale.stale_if_error_ns = HOUR;
    let mask = mask | STALE_WHILE_REVALIDATE | STALE_IF_ERROR;
    insert(transaction(name)?, &[], (mask, stale), b"old")?;
    let (leader, follower) = (transaction(name)?, transaction(name)?);
    check_eq!(FOUND | STALE | MUST_INSERT, state(leader)?);
    check_eq!(FOUND | STALE, state(follower)?);
    check_eq!(b"old".to_vec(), found(follower, 1)?.1);
    insert(leader, &[], options(name), b"new")?;
    let next = transaction(name)?;
    check_eq!(FOUND, state(next)?);
    check_eq!(b"new".to_vec(), found(next, 1)?.1);
    check_eq!(b"old".to_vec(), found(follower, 1)?.1);
    close(follower)?;
    close(next)?;
    remove(name)
}

fn http_cache_choose_stale() -> Outcome {
    let name = "http_cache_choose_stale";
    let (mask, mut stale) = stale_options(name);
    stale.stale_if_error_ns = HOUR;
    insert(
        transaction(name)?,
        &[],
        (mask | STALE_IF_ERROR, stale),
        b"old",
    )?;
    let (leader, follower) = (transaction(name)?, transaction(name)?);
    check_eq!(STALE | MUST_INSERT | USABLE_IF_ERROR, state(leader)?);
    check_nothing_found(leader)?;
    check_status!(OK, http_cache::transaction_choose_stale(leader));
    check_status!(BAD_HANDLE, http_cache::transaction_choose_stale(leader));
    for handle in [leader, follower] {
        check_eq!(FOUND | STALE | USABLE_IF_ERROR, state(handle)?);
        check_eq!(b"old".to_vec(), found(handle, 1)?.1);
        close(handle)?;
    }
    let next = transaction(name)?;
    check_eq!(STALE | MUST_INSERT | USABLE_IF_ERROR, state(next)?);
    close(next)?;
    remove(name)?;
    let missing = transaction(name)?;
    check_status!(BAD_HANDLE, http_cache::transaction_choose_stale(missing));
    close(missing)
}

fn http_cache_override_key() -> Outcome {
    let name = "http_cache_override_key";
    let by = |host: &str, key: &str| -> Result<Handle, String> {
        let request = request_of(host)?;
        let options = HttpCacheLookupOptions {
            override_key: key.as_ptr() as usize,
            override_key_len: key.len(),
            ..HttpCacheLookupOptions::default()
        };
        let mut handle = NO_HANDLE;
        check_status!(
            OK,
            http_cache::transaction_lookup(request, 1 << 1, &options, &mut handle)
        );
        Ok(handle)
    };
    insert(by("one", name)?, &[], options(name), b"content")?;
    let other = by("two", name)?;
    check_eq!(FOUND, state(other)?);
    close(other)?;
    let plain = transaction("one")?;
    check_eq!(MUST_INSERT, state(plain)?);
    close(plain)?;
    remove(name)
}

fn http_cache_unknown_backend() -> Outcome {
    let name = "http_cache_unknown_backend";
    let to = |backend: &str| -> Result<Handle, String> {
        let request = request_of(name)?;
        let options = HttpCacheLookupOptions {
            backend_name: backend.as_ptr() as usize,
            backend_name_len: backend.len(),
            ..HttpCacheLookupOptions::default()
        };
        let mut handle = NO_HANDLE;
        check_status!(
            OK,
            http_cache::transaction_lookup(request, 1 << 2, &options, &mut handle)
        );
        Ok(handle)
    };
    let (wrong, right) = (to(UNKNOWN)?, to(ORIGIN)?);
    let mut state_of_wrong = 0;
    check_status!(
        INVALID_ARGUMENT,
        http_cache::get_state(wrong, &mut state_of_wrong)
    );
    check_eq!(MUST_INSERT, state(right)?);
    insert(right, &[], options(name), b"content")?;
    close(wrong)?;
    let hit = to(UNKNOWN)?;
    check_eq!(FOUND, state(hit)?);
    close(hit)?;
    remove(name)
}

fn http_cache_found_for_client() -> Outcome {
    let name = "http_cache_found_for_client";
    let (mask, mut options) = options(name);
    options.length = 10;
    let stored = (mask | LENGTH, options);
    insert(
        transaction(name)?,
        &[("etag", "\"1\"")],
        stored,
        b"0123456789",
    )?;
    for (method, header, value, status, content) in [
        ("GET", "x", "1", 200, &b"0123456789"[..]),
        ("HEAD", "x", "1", 200, b""),
        ("GET", "range", "bytes=2-4", 206, b"234"),
        ("GET", "range", "bytes=10-", 416, b""),
        ("GET", "if-none-match", "\"1\"", 304, b""),
    ] {
        let request = request_of(name)?;
        check_status!(
            OK,
            http_req::method_set(request, method.as_ptr(), method.len())
        );
        set_request_header(request, header, value)?;
        let handle = begin(request)?;
        let (response, got) = found(handle, 1)?;
        check_eq!(status, status_of(response)?);
        check_eq!(content.to_vec(), got);
        let (response, got) = found(handle, 0)?;
        check_eq!(200, status_of(response)?);
        check_eq!(b"0123456789".to_vec(), got);
        close(handle)?;
    }
    remove(name)
}

fn http_cache_suggested_options() -> Outcome {
    let handle = transaction("http_cache_suggested_options")?;
    let response = new_response(
        200,
        &[
            (
                "cache-control",
                "max-age=7, stale-while-revalidate=8, stale-if-error=9",
            ),
            ("age", "2"),
            ("vary", "b, A"),
            ("surrogate-key", "two one"),
            ("content-length", "5"),
        ],
    )?;
    let (mut vary, mut keys) = ([0; 16], [0; 16]);
    let mut wanted = HttpCacheWriteOptions {
        vary_rule: vary.as_mut_ptr() as usize,
        vary_rule_len: 1,
        surrogate_keys: keys.as_mut_ptr() as usize,
        surrogate_keys_len: keys.len(),
        ..HttpCacheWriteOptions::default()
    };
    let (mut mask, mut given) = (0, HttpCacheWriteOptions::default());
    // SDKs ask for all bits, the reserved one included.
    check_status!(
        BUFFER_TOO_SMALL,
        http_cache::get_suggested_cache_options(
            handle, response, 0xff, &wanted, &mut mask, &mut given
        )
    );
    check_eq!(VARY | SURROGATE_KEYS, mask & (VARY | SURROGATE_KEYS));
    check_eq!((3, 7), (given.vary_rule_len, given.surrogate_keys_len));
    wanted.vary_rule_len = given.vary_rule_len;
    check_status!(
        OK,
        http_cache::get_suggested_cache_options(
            handle, response, 0xff, &wanted, &mut mask, &mut given
        )
    );
    check_eq!(0xff & !1 & !SENSITIVE, mask);
    let second = 1_000_000_000;
    check_eq!(7 * second, given.max_age_ns);
    check_eq!(2 * second, given.initial_age_ns);
    check_eq!(8 * second, given.stale_while_revalidate_ns);
    check_eq!(9 * second, given.stale_if_error_ns);
    check_eq!(5, given.length);
    check_eq!(b"a b", &vary[..given.vary_rule_len]);
    check_eq!(b"one two", &keys[..given.surrogate_keys_len]);
    check_eq!(wanted.vary_rule, given.vary_rule);
    check_eq!(wanted.surrogate_keys, given.surrogate_keys);
    // The response was not consumed.
    check_eq!(200, status_of(response)?);
    close(handle)
}

fn http_cache_prepare_response() -> Outcome {
    let handle = transaction("http_cache_prepare_response")?;
    for (status, header, value, expected) in [
        (200, "a", "1", INSERT),
        (500, "a", "1", DO_NOT_STORE),
        (200, "cache-control", "no-store", DO_NOT_STORE),
        (200, "cache-control", "private", RECORD_UNCACHEABLE),
    ] {
        let response = new_response(status, &[(header, value), ("keep-alive", "1")])?;
        let (mut action, mut prepared) = (9, NO_HANDLE);
        check_status!(
            OK,
            http_cache::prepare_response_for_storage(handle, response, &mut action, &mut prepared)
        );
        check_eq!(expected, action);
        check!(prepared != response);
        check_eq!(value, response_header(prepared, header)?);
        let (mut buffer, mut nwritten) = ([0; 8], 0);
        let name = "keep-alive";
        check_status!(
            INVALID_ARGUMENT,
            http_resp::header_value_get(
                prepared,
                name.as_ptr(),
                name.len(),
                buffer.as_mut_ptr(),
                buffer.len(),
                &mut nwritten
            )
        );
    }
    close(handle)
}

/// All that an SDK does for a request that is not stored yet.
fn http_cache_from_backend() -> Outcome {
    let name = "http_cache_from_backend";
    let path = "/bytes/10?http_cache_from_backend";
    let request = request_to("HEAD", path)?;
    set_request_header(request, "range", "bytes=0-1")?;
    let handle = begin(request)?;
    check_eq!(MUST_INSERT, state(handle)?);
    let (mut suggested, mut pending) = (NO_HANDLE, NO_HANDLE);
    check_status!(
        OK,
        http_cache::get_suggested_backend_request(handle, &mut suggested)
    );
    let (mut method, mut nwritten) = ([0; 8], 0);
    check_status!(
        OK,
        http_req::method_get(suggested, method.as_mut_ptr(), method.len(), &mut nwritten)
    );
    check_eq!(b"GET", &method[..nwritten]);
    check_status!(
        OK,
        http_req::send_async_v2(
            suggested,
            empty_body()?,
            ORIGIN.as_ptr(),
            ORIGIN.len(),
            0,
            &mut pending
        )
    );
    let (response, body) = wait(pending)?;
    check_eq!(200, status_of(response)?);
    let (mut action, mut prepared) = (9, NO_HANDLE);
    check_status!(
        OK,
        http_cache::prepare_response_for_storage(handle, response, &mut action, &mut prepared)
    );
    check_eq!(INSERT, action);
    let (mask, options) = options(name);
    let (mut writer, mut back) = (NO_HANDLE, NO_HANDLE);
    check_status!(
        OK,
        http_cache::transaction_insert_and_stream_back(
            handle,
            prepared,
            mask,
            &options,
            &mut writer,
            &mut back
        )
    );
    check_status!(OK, http_body::append(writer, body));
    check_status!(OK, http_body::close(writer));
    let (response, content) = found(back, 0)?;
    check_eq!(b"aaaaaaaaaa".to_vec(), content);
    check_eq!(200, status_of(response)?);
    let (response, content) = found(back, 1)?;
    check_eq!(b"".to_vec(), content);
    check_eq!("10", response_header(response, "content-length")?);
    close(back)?;
    close(handle)?;
    // What others send reads through the same cache.
    let again = begin(request_to("GET", path)?)?;
    check_eq!(FOUND, state(again)?);
    close(again)?;
    remove(name)
}
