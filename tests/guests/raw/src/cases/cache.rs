//! `fastly_cache` and `fastly_purge`. All requests share the cache: every case has keys of its own, and removes what it
//! inserted, so that it can run again.

use super::cases;
use crate::check::{Outcome, check, check_eq, check_status};
use crate::guest::{Misaligned, end_of_memory, new_request, read_to_end, write};
use crate::sys::*;

cases![
    cache_insert_and_lookup,
    cache_transaction,
    cache_transaction_cancel,
    cache_transaction_update,
    cache_stream_back,
    cache_busy,
    cache_ranges,
    cache_vary,
    cache_replace,
    cache_replace_strategies,
    cache_abandoned_body,
    purge_surrogate_key,
    purge_answer,
    purge_bad_arguments,
];

const FOUND: u32 = 1;
const USABLE: u32 = 1 << 1;
const STALE: u32 = 1 << 2;
pub const MUST_INSERT: u32 = 1 << 3;

pub const HEADERS: u32 = 1 << 1;
pub const VARY: u32 = 1 << 2;
const INITIAL_AGE: u32 = 1 << 3;
const STALE_WHILE_REVALIDATE: u32 = 1 << 4;
pub const SURROGATE_KEYS: u32 = 1 << 5;
pub const LENGTH: u32 = 1 << 6;
pub const METADATA: u32 = 1 << 7;
const SENSITIVE: u32 = 1 << 8;
pub const EDGE_MAX_AGE: u32 = 1 << 9;
pub const SERVICE: u32 = 1 << 10;

const HOUR: u64 = 3_600_000_000_000;

/// What most objects are written with: an hour, and the name of the case to purge by.
pub fn options(name: &str) -> (u32, CacheWriteOptions) {
    let options = CacheWriteOptions {
        max_age_ns: HOUR,
        surrogate_keys: name.as_ptr() as usize,
        surrogate_keys_len: name.len(),
        ..CacheWriteOptions::default()
    };
    (SURROGATE_KEYS, options)
}

pub fn remove(name: &str) -> Outcome {
    check_status!(
        OK,
        purge::purge_surrogate_key(name.as_ptr(), name.len(), 0, core::ptr::null())
    );
    Ok(())
}

pub fn insert(name: &str, mask: u32, options: &CacheWriteOptions, content: &[u8]) -> Outcome {
    let mut body = NO_HANDLE;
    check_status!(
        OK,
        cache::insert(name.as_ptr(), name.len(), mask, options, &mut body)
    );
    write(body, content)?;
    check_status!(OK, http_body::close(body));
    Ok(())
}

pub fn lookup(name: &str) -> Result<Handle, String> {
    let mut handle = NO_HANDLE;
    let options = CacheLookupOptions::default();
    check_status!(
        OK,
        cache::lookup(name.as_ptr(), name.len(), 0, &options, &mut handle)
    );
    Ok(handle)
}

pub fn transaction(name: &str) -> Result<Handle, String> {
    let mut handle = NO_HANDLE;
    let options = CacheLookupOptions::default();
    check_status!(
        OK,
        cache::transaction_lookup(name.as_ptr(), name.len(), 0, &options, &mut handle)
    );
    Ok(handle)
}

pub fn state(handle: Handle) -> Result<u32, String> {
    let mut state = u32::MAX;
    check_status!(OK, cache::get_state(handle, &mut state));
    Ok(state)
}

fn body(handle: Handle, mask: u32, from: u64, to: u64) -> Result<Vec<u8>, String> {
    let mut body = NO_HANDLE;
    let options = CacheGetBodyOptions { from, to };
    check_status!(OK, cache::get_body(handle, mask, &options, &mut body));
    let content = read_to_end(body)?;
    check_status!(OK, http_body::close(body));
    Ok(content)
}

pub fn close(handle: Handle) -> Outcome {
    check_status!(OK, cache::close(handle));
    Ok(())
}

fn cache_insert_and_lookup() -> Outcome {
    let name = "cache_insert_and_lookup";
    let missing = lookup(name)?;
    check_eq!(0, state(missing)?);
    let (mut number, mut nwritten, mut none) = (0, 0, NO_HANDLE);
    check_status!(NONE, cache::get_length(missing, &mut number));
    check_status!(NONE, cache::get_hits(missing, &mut number));
    check_status!(NONE, cache::get_age_ns(missing, &mut number));
    check_status!(NONE, cache::get_max_age_ns(missing, &mut number));
    check_status!(
        NONE,
        cache::get_stale_while_revalidate_ns(missing, &mut number)
    );
    let whole = CacheGetBodyOptions::default();
    check_status!(NONE, cache::get_body(missing, 0, &whole, &mut none));
    check_status!(
        NONE,
        cache::get_user_metadata(missing, core::ptr::null_mut(), 0, &mut nwritten)
    );
    close(missing)?;

    let (mask, mut options) = options(name);
    let metadata = "what the guest says";
    options.user_metadata = metadata.as_ptr() as usize;
    options.user_metadata_len = metadata.len();
    options.initial_age_ns = HOUR / 2;
    options.stale_while_revalidate_ns = 5;
    options.edge_max_age_ns = HOUR;
    options.length = 5;
    let mask =
        mask | METADATA | INITIAL_AGE | STALE_WHILE_REVALIDATE | EDGE_MAX_AGE | LENGTH | SENSITIVE;
    insert(name, mask, &options, b"hello")?;

    let found = lookup(name)?;
    check_eq!(FOUND | USABLE, state(found)?);
    check_eq!(b"hello".to_vec(), body(found, 0, 0, 0)?);
    check_status!(OK, cache::get_length(found, &mut number));
    check_eq!(5, number);
    check_status!(OK, cache::get_hits(found, &mut number));
    check_eq!(1, number);
    check_status!(OK, cache::get_max_age_ns(found, &mut number));
    check_eq!(HOUR, number);
    check_status!(OK, cache::get_stale_while_revalidate_ns(found, &mut number));
    check_eq!(5, number);
    check_status!(OK, cache::get_age_ns(found, &mut number));
    check!((HOUR / 2..HOUR).contains(&number));
    let mut buffer = [0; 64];
    check_status!(
        BUFFER_TOO_SMALL,
        cache::get_user_metadata(found, buffer.as_mut_ptr(), 3, &mut nwritten)
    );
    check_eq!(metadata.len(), nwritten);
    check_status!(
        OK,
        cache::get_user_metadata(found, buffer.as_mut_ptr(), buffer.len(), &mut nwritten)
    );
    check_eq!(metadata.as_bytes(), &buffer[..nwritten]);
    close(found)?;
    let again = lookup(name)?;
    check_status!(OK, cache::get_hits(again, &mut number));
    check_eq!(2, number);
    // One body at a time.
    let mut first = NO_HANDLE;
    check_status!(OK, cache::get_body(again, 0, &whole, &mut first));
    check_status!(BAD_HANDLE, cache::get_body(again, 0, &whole, &mut none));
    check_status!(OK, http_body::close(first));
    check_eq!(b"hello".to_vec(), body(again, 0, 0, 0)?);
    close(again)?;
    remove(name)
}

fn cache_transaction() -> Outcome {
    let name = "cache_transaction";
    let handle = transaction(name)?;
    check_eq!(MUST_INSERT, state(handle)?);
    let (mask, options) = options(name);
    let mut writer = NO_HANDLE;
    check_status!(
        OK,
        cache::transaction_insert(handle, mask, &options, &mut writer)
    );
    check_eq!(0, state(handle)?);
    check_status!(
        BAD_HANDLE,
        cache::transaction_insert(handle, mask, &options, &mut writer)
    );
    check_status!(BAD_HANDLE, cache::transaction_cancel(handle));
    check_status!(
        BAD_HANDLE,
        cache::transaction_update(handle, mask, &options)
    );
    // It is found before it was written.
    let other = transaction(name)?;
    check_eq!(FOUND | USABLE, state(other)?);
    let mut length = 0;
    check_status!(NONE, cache::get_length(other, &mut length));
    write(writer, b"written")?;
    check_status!(OK, http_body::close(writer));
    check_eq!(b"written".to_vec(), body(other, 0, 0, 0)?);
    close(other)?;
    close(handle)?;
    remove(name)
}

fn cache_transaction_cancel() -> Outcome {
    let name = "cache_transaction_cancel";
    for cancels in [true, false] {
        let handle = transaction(name)?;
        check_eq!(MUST_INSERT, state(handle)?);
        if cancels {
            check_status!(OK, cache::transaction_cancel(handle));
            check_eq!(0, state(handle)?);
            check_status!(BAD_HANDLE, cache::transaction_cancel(handle));
        }
        close(handle)?;
    }
    let next = transaction(name)?;
    check_eq!(MUST_INSERT, state(next)?);
    close(next)
}

fn cache_transaction_update() -> Outcome {
    let name = "cache_transaction_update";
    let (mask, mut stale) = options(name);
    stale.max_age_ns = 1;
    stale.stale_while_revalidate_ns = HOUR;
    stale.initial_age_ns = 2;
    let stale_mask = mask | STALE_WHILE_REVALIDATE | INITIAL_AGE;
    insert(name, stale_mask, &stale, b"body")?;
    let leader = transaction(name)?;
    check_eq!(FOUND | USABLE | STALE | MUST_INSERT, state(leader)?);
    // Others do not wait: they use what is stale.
    let follower = transaction(name)?;
    check_eq!(FOUND | USABLE | STALE, state(follower)?);
    close(follower)?;
    let (mask, fresh) = options(name);
    check_status!(OK, cache::transaction_update(leader, mask, &fresh));
    check_status!(BAD_HANDLE, cache::transaction_update(leader, mask, &fresh));
    close(leader)?;
    let found = transaction(name)?;
    check_eq!(FOUND | USABLE, state(found)?);
    check_eq!(b"body".to_vec(), body(found, 0, 0, 0)?);
    close(found)?;
    // There is nothing to update where nothing was found.
    remove(name)?;
    let missing = transaction(name)?;
    check_status!(BAD_HANDLE, cache::transaction_update(missing, mask, &fresh));
    check_eq!(MUST_INSERT, state(missing)?);
    close(missing)
}

fn cache_stream_back() -> Outcome {
    let name = "cache_stream_back";
    let handle = transaction(name)?;
    let (mask, options) = options(name);
    let (mut writer, mut back) = (NO_HANDLE, NO_HANDLE);
    check_status!(
        OK,
        cache::transaction_insert_and_stream_back(handle, mask, &options, &mut writer, &mut back)
    );
    check_eq!(FOUND | USABLE, state(back)?);
    let mut reader = NO_HANDLE;
    let whole = CacheGetBodyOptions::default();
    check_status!(OK, cache::get_body(back, 0, &whole, &mut reader));
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

fn cache_busy() -> Outcome {
    let name = "cache_busy";
    let leader = transaction(name)?;
    let options_of_lookup = CacheLookupOptions::default();
    let (mut busy, mut other, mut ready, mut found) = (NO_HANDLE, NO_HANDLE, 9, NO_HANDLE);
    for handle in [&mut busy, &mut other] {
        check_status!(
            OK,
            cache::transaction_lookup_async(
                name.as_ptr(),
                name.len(),
                0,
                &options_of_lookup,
                handle
            )
        );
    }
    check_status!(OK, async_io::is_ready(busy, &mut ready));
    check_eq!(0, ready);
    check_status!(OK, cache::close_busy(other));
    check_status!(BAD_HANDLE, cache::close_busy(other));
    let (mask, options) = options(name);
    let mut writer = NO_HANDLE;
    check_status!(
        OK,
        cache::transaction_insert(leader, mask, &options, &mut writer)
    );
    check_status!(OK, async_io::is_ready(busy, &mut ready));
    check_eq!(1, ready);
    check_status!(OK, cache::cache_busy_handle_wait(busy, &mut found));
    check_status!(BAD_HANDLE, cache::cache_busy_handle_wait(busy, &mut found));
    check_eq!(FOUND | USABLE, state(found)?);
    check_status!(OK, http_body::close(writer));
    close(found)?;
    close(leader)?;
    remove(name)
}

fn cache_ranges() -> Outcome {
    let name = "cache_ranges";
    const FROM: u32 = 1 << 1;
    const TO: u32 = 1 << 2;
    let (mask, options) = options(name);
    insert(name, mask, &options, b"0123456789")?;
    let handle = lookup(name)?;
    check_eq!(b"789".to_vec(), body(handle, FROM, 7, 0)?);
    check_eq!(b"234".to_vec(), body(handle, FROM | TO, 2, 4)?);
    check_eq!(b"89".to_vec(), body(handle, TO, 0, 2)?);
    for (mask, from, to) in [
        (FROM, 10, 0),
        (FROM | TO, 4, 2),
        (FROM | TO, 4, 10),
        (TO, 0, 0),
        (TO, 0, 11),
    ] {
        check_eq!(b"0123456789".to_vec(), body(handle, mask, from, to)?);
    }
    let mut none = NO_HANDLE;
    let whole = CacheGetBodyOptions::default();
    check_status!(UNSUPPORTED, cache::get_body(handle, 1, &whole, &mut none));
    check_status!(
        INVALID_ARGUMENT,
        cache::get_body(handle, 1 << 3, &whole, &mut none)
    );
    close(handle)?;
    remove(name)?;

    // Of a body whose length is not known yet, a range is only used where that was asked for.
    let mut writer = NO_HANDLE;
    check_status!(
        OK,
        cache::insert(name.as_ptr(), name.len(), mask, &options, &mut writer)
    );
    write(writer, b"01234")?;
    let plain = lookup(name)?;
    let mut always = NO_HANDLE;
    check_status!(
        OK,
        cache::lookup(
            name.as_ptr(),
            name.len(),
            1 << 3,
            &CacheLookupOptions::default(),
            &mut always
        )
    );
    let (mut all, mut part) = (NO_HANDLE, NO_HANDLE);
    let range = CacheGetBodyOptions { from: 1, to: 2 };
    check_status!(OK, cache::get_body(plain, FROM | TO, &range, &mut all));
    check_status!(OK, cache::get_body(always, FROM | TO, &range, &mut part));
    check_eq!(b"12".to_vec(), read_to_end(part)?);
    check_status!(OK, http_body::close(part));
    let backwards = CacheGetBodyOptions { from: 2, to: 1 };
    check_status!(
        INVALID_ARGUMENT,
        cache::get_body(always, FROM | TO, &backwards, &mut part)
    );
    check_status!(OK, http_body::close(writer));
    check_eq!(b"01234".to_vec(), read_to_end(all)?);
    close(plain)?;
    close(always)?;
    remove(name)
}

fn cache_vary() -> Outcome {
    let name = "cache_vary";
    let request = new_request()?;
    let (header, value, rule) = ("accept-language", "de", "Accept-Language accept-encoding");
    check_status!(
        OK,
        http_req::header_insert(
            request,
            header.as_ptr(),
            header.len(),
            value.as_ptr(),
            value.len()
        )
    );
    let (mask, mut options) = options(name);
    options.request_headers = request;
    options.vary_rule = rule.as_ptr() as usize;
    options.vary_rule_len = rule.len();
    insert(name, mask | HEADERS | VARY, &options, b"deutsch")?;
    let with_headers = CacheLookupOptions {
        request_headers: request,
        ..CacheLookupOptions::default()
    };
    let mut german = NO_HANDLE;
    check_status!(
        OK,
        cache::lookup(
            name.as_ptr(),
            name.len(),
            HEADERS,
            &with_headers,
            &mut german
        )
    );
    check_eq!(FOUND | USABLE, state(german)?);
    close(german)?;
    let other = lookup(name)?;
    check_eq!(0, state(other)?);
    close(other)?;
    // An empty rule is one.
    options.vary_rule_len = 0;
    insert(name, mask | VARY, &options, b"any")?;
    let any = lookup(name)?;
    check_eq!(b"any".to_vec(), body(any, 0, 0, 0)?);
    close(any)?;
    remove(name)
}

pub fn replace(name: &str, strategy: u32) -> Result<Handle, String> {
    let mut handle = NO_HANDLE;
    let options = CacheReplaceOptions {
        replace_strategy: strategy,
        ..CacheReplaceOptions::default()
    };
    check_status!(
        OK,
        cache::replace(name.as_ptr(), name.len(), 1 << 2, &options, &mut handle)
    );
    Ok(handle)
}

fn cache_replace() -> Outcome {
    let name = "cache_replace";
    let (mask, mut options) = options(name);
    let (mut number, mut bits, mut nwritten, mut old) = (0, 0, 0, NO_HANDLE);
    let whole = CacheGetBodyOptions::default();
    let empty = replace(name, 1)?;
    check_status!(OK, cache::replace_get_state(empty, &mut bits));
    check_eq!(MUST_INSERT, bits);
    check_status!(NONE, cache::replace_get_age_ns(empty, &mut number));
    check_status!(NONE, cache::replace_get_hits(empty, &mut number));
    check_status!(NONE, cache::replace_get_length(empty, &mut number));
    check_status!(NONE, cache::replace_get_max_age_ns(empty, &mut number));
    check_status!(
        NONE,
        cache::replace_get_stale_while_revalidate_ns(empty, &mut number)
    );
    check_status!(NONE, cache::replace_get_body(empty, 0, &whole, &mut old));
    check_status!(
        NONE,
        cache::replace_get_user_metadata(empty, core::ptr::null_mut(), 0, &mut nwritten)
    );
    // It is closed as a lookup is.
    close(empty)?;

    let metadata = "m";
    options.user_metadata = metadata.as_ptr() as usize;
    options.user_metadata_len = metadata.len();
    options.stale_while_revalidate_ns = 7;
    insert(
        name,
        mask | METADATA | STALE_WHILE_REVALIDATE,
        &options,
        b"old",
    )?;
    let handle = replace(name, 1)?;
    check_status!(OK, cache::replace_get_state(handle, &mut bits));
    check_eq!(FOUND | USABLE | MUST_INSERT, bits);
    check_status!(OK, cache::replace_get_hits(handle, &mut number));
    check_eq!(1, number);
    check_status!(OK, cache::replace_get_length(handle, &mut number));
    check_eq!(3, number);
    check_status!(OK, cache::replace_get_max_age_ns(handle, &mut number));
    check_eq!(HOUR, number);
    check_status!(
        OK,
        cache::replace_get_stale_while_revalidate_ns(handle, &mut number)
    );
    check_eq!(7, number);
    check_status!(OK, cache::replace_get_age_ns(handle, &mut number));
    check!(number < HOUR);
    let mut buffer = [0; 4];
    check_status!(
        OK,
        cache::replace_get_user_metadata(handle, buffer.as_mut_ptr(), 4, &mut nwritten)
    );
    check_eq!(b"m", &buffer[..nwritten]);
    check_status!(OK, cache::replace_get_body(handle, 0, &whole, &mut old));
    check_eq!(b"old".to_vec(), read_to_end(old)?);
    let mut writer = NO_HANDLE;
    check_status!(
        OK,
        cache::replace_insert(handle, mask, &options, &mut writer)
    );
    check_status!(
        BAD_HANDLE,
        cache::replace_insert(handle, mask, &options, &mut writer)
    );
    write(writer, b"new")?;
    check_status!(OK, http_body::close(writer));
    let found = lookup(name)?;
    check_eq!(b"new".to_vec(), body(found, 0, 0, 0)?);
    close(found)?;
    remove(name)
}

fn cache_replace_strategies() -> Outcome {
    let name = "cache_replace_strategies";
    let (mask, options) = options(name);
    let mut ready = 9;
    // Immediate: what there is is found meanwhile.
    insert(name, mask, &options, b"old")?;
    let immediate = replace(name, 1)?;
    let found = transaction(name)?;
    check_eq!(FOUND | USABLE, state(found)?);
    close(found)?;
    close(immediate)?;
    // Force miss: who comes later waits for the replacement.
    let forced = replace(name, 2)?;
    let (mut bits, mut busy) = (0, NO_HANDLE);
    check_status!(OK, cache::replace_get_state(forced, &mut bits));
    check_eq!(FOUND | USABLE | MUST_INSERT, bits);
    let missing = lookup(name)?;
    check_eq!(0, state(missing)?);
    close(missing)?;
    check_status!(
        OK,
        cache::transaction_lookup_async(
            name.as_ptr(),
            name.len(),
            0,
            &CacheLookupOptions::default(),
            &mut busy
        )
    );
    check_status!(OK, async_io::is_ready(busy, &mut ready));
    check_eq!(0, ready);
    // Wait: one after the other.
    let waiting = replace(name, 3)?;
    check_status!(OK, async_io::is_ready(waiting, &mut ready));
    check_eq!(0, ready);
    let mut writer = NO_HANDLE;
    check_status!(
        OK,
        cache::replace_insert(forced, mask, &options, &mut writer)
    );
    check_status!(OK, http_body::close(writer));
    check_status!(OK, async_io::is_ready(waiting, &mut ready));
    check_eq!(1, ready);
    check_status!(OK, async_io::is_ready(busy, &mut ready));
    check_eq!(1, ready);
    let next = replace(name, 3)?;
    check_status!(OK, async_io::is_ready(next, &mut ready));
    check_eq!(0, ready);
    close(waiting)?;
    check_status!(OK, async_io::is_ready(next, &mut ready));
    check_eq!(1, ready);
    close(next)?;
    check_status!(OK, cache::close_busy(busy));
    remove(name)
}

fn cache_abandoned_body() -> Outcome {
    let name = "cache_abandoned_body";
    let (mask, mut options) = options(name);
    let (mut writer, mut reader, mut nread) = (NO_HANDLE, NO_HANDLE, 0);
    check_status!(
        OK,
        cache::insert(name.as_ptr(), name.len(), mask, &options, &mut writer)
    );
    let found = lookup(name)?;
    let whole = CacheGetBodyOptions::default();
    check_status!(OK, cache::get_body(found, 0, &whole, &mut reader));
    check_status!(OK, http_body::abandon(writer));
    let mut piece = [0; 8];
    check_status!(
        ERROR,
        http_body::read(reader, piece.as_mut_ptr(), piece.len(), &mut nread)
    );
    close(found)?;
    let missing = lookup(name)?;
    check_eq!(0, state(missing)?);
    close(missing)?;
    // So is one that has not the length it was to have.
    options.length = 9;
    insert(name, mask | LENGTH, &options, b"short")?;
    let missing = lookup(name)?;
    check_eq!(0, state(missing)?);
    close(missing)
}

fn purge_surrogate_key() -> Outcome {
    let name = "purge_surrogate_key";
    let (mask, options) = options(name);
    insert(name, mask, &options, b"soft")?;
    let none = core::ptr::null();
    check_status!(
        OK,
        purge::purge_surrogate_key(name.as_ptr(), name.len(), 1, none)
    );
    let stale = lookup(name)?;
    check_eq!(FOUND | USABLE | STALE, state(stale)?);
    remove(name)?;
    let missing = lookup(name)?;
    check_eq!(0, state(missing)?);
    // What was found before can still be read.
    check_eq!(b"soft".to_vec(), body(stale, 0, 0, 0)?);
    close(missing)?;
    close(stale)
}

fn purge_answer() -> Outcome {
    let name = "purge_answer";
    let mut buffer = [0_u8; 256];
    let mut nwritten = 0_usize;
    let mut options = PurgeOptions {
        ret_buf: buffer.as_mut_ptr() as usize,
        ret_buf_len: 4,
        ret_buf_nwritten_out: &raw mut nwritten as usize,
    };
    let (pointer, length) = (name.as_ptr(), name.len());
    check_status!(
        BUFFER_TOO_SMALL,
        purge::purge_surrogate_key(pointer, length, 2, &options)
    );
    check!(nwritten > 4);
    options.ret_buf_len = buffer.len();
    check_status!(OK, purge::purge_surrogate_key(pointer, length, 3, &options));
    let answer = String::from_utf8_lossy(&buffer[..nwritten]).into_owned();
    check!(answer.starts_with(r#"{"id":""#));
    check!(answer.ends_with(r#"","status":"ok"}"#));
    Ok(())
}

fn purge_bad_arguments() -> Outcome {
    let none = core::ptr::null();
    for key in ["", "a b", "\u{e9}"] {
        check_status!(
            INVALID_ARGUMENT,
            purge::purge_surrogate_key(key.as_ptr(), key.len(), 0, none)
        );
    }
    check_status!(
        INVALID_ARGUMENT,
        purge::purge_surrogate_key("a".as_ptr(), 1, 4, none)
    );
    check_status!(
        INVALID_ARGUMENT,
        purge::purge_surrogate_key(end_of_memory(), 1, 0, none)
    );
    check_status!(
        INVALID_ARGUMENT,
        purge::purge_surrogate_key("a".as_ptr(), 1, 2, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        purge::purge_surrogate_key("a".as_ptr(), 1, 2, Misaligned::new().pointer())
    );
    let options = PurgeOptions {
        ret_buf: end_of_memory::<u8>() as usize,
        ret_buf_len: 1,
        ret_buf_nwritten_out: end_of_memory::<u8>() as usize,
    };
    check_status!(
        INVALID_ARGUMENT,
        purge::purge_surrogate_key("a".as_ptr(), 1, 2, &options)
    );
    let long = [b'k'; 1025];
    check_status!(
        INVALID_ARGUMENT,
        purge::purge_surrogate_key(long.as_ptr(), 1025, 0, none)
    );
    check_status!(OK, purge::purge_surrogate_key(long.as_ptr(), 1024, 0, none));
    Ok(())
}
