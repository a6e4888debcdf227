//! `fastly_cache`: what it refuses.

use super::cache::{
    EDGE_MAX_AGE, HEADERS, LENGTH, METADATA, MUST_INSERT, SERVICE, SURROGATE_KEYS, VARY, close,
    insert, lookup, options, remove, replace, state, transaction,
};
use super::cases;
use crate::check::{Outcome, call, check, check_eq, check_status};
use crate::guest::{Misaligned, end_of_memory, new_request};
use crate::sys::*;

cases![
    cache_bad_options,
    cache_replace_refusals,
    cache_bad_value_pointers,
    cache_bad_handles,
    cache_bad_result_pointers,
];

fn cache_bad_options() -> Outcome {
    let name = "cache_bad_options";
    let (pointer, length) = (name.as_ptr(), name.len());
    let mut handle = NO_HANDLE;
    let plain = CacheLookupOptions::default();
    for (mask, status) in [
        (1, UNSUPPORTED),
        (1 << 2, UNSUPPORTED),
        (1 << 4, INVALID_ARGUMENT),
    ] {
        check_status!(
            status,
            cache::lookup(pointer, length, mask, &plain, &mut handle)
        );
        check_status!(
            status,
            cache::transaction_lookup(pointer, length, mask, &plain, &mut handle)
        );
        check_status!(
            status,
            cache::transaction_lookup_async(pointer, length, mask, &plain, &mut handle)
        );
    }
    let without_request = CacheLookupOptions {
        request_headers: NO_HANDLE,
        ..CacheLookupOptions::default()
    };
    for lookup in [
        cache::lookup,
        cache::transaction_lookup,
        cache::transaction_lookup_async,
    ] {
        check_status!(
            BAD_HANDLE,
            lookup(pointer, length, HEADERS, &without_request, &mut handle)
        );
    }
    let plain = CacheReplaceOptions {
        request_headers: NO_HANDLE,
        ..CacheReplaceOptions::default()
    };
    for (mask, status) in [
        (1, UNSUPPORTED),
        (1 << 3, UNSUPPORTED),
        (1 << 5, INVALID_ARGUMENT),
        (1 << 2, INVALID_ARGUMENT),
        (HEADERS, BAD_HANDLE),
    ] {
        check_status!(
            status,
            cache::replace(pointer, length, mask, &plain, &mut handle)
        );
    }
    let bad_keys = "a\tb";
    let options = CacheWriteOptions {
        max_age_ns: 1,
        edge_max_age_ns: 2,
        surrogate_keys: bad_keys.as_ptr() as usize,
        surrogate_keys_len: bad_keys.len(),
        vary_rule: "a:b".as_ptr() as usize,
        vary_rule_len: 3,
        request_headers: NO_HANDLE,
        ..CacheWriteOptions::default()
    };
    for (mask, status) in [
        (1, UNSUPPORTED),
        (SERVICE, UNSUPPORTED),
        (1 << 11, INVALID_ARGUMENT),
        (EDGE_MAX_AGE, INVALID_ARGUMENT),
        (SURROGATE_KEYS, INVALID_ARGUMENT),
        (VARY, INVALID_ARGUMENT),
        (HEADERS, BAD_HANDLE),
    ] {
        check_status!(
            status,
            cache::insert(pointer, length, mask, &options, &mut handle)
        );
    }
    let long = [b'k'; 4097];
    let plain = CacheReplaceOptions::default();
    check_status!(
        INVALID_ARGUMENT,
        cache::replace(long.as_ptr(), 4097, 0, &plain, &mut handle)
    );
    let plain = CacheWriteOptions::default();
    check_status!(
        INVALID_ARGUMENT,
        cache::insert(long.as_ptr(), 4097, 0, &plain, &mut handle)
    );
    let plain = CacheLookupOptions::default();
    for lookup in [
        cache::lookup,
        cache::transaction_lookup,
        cache::transaction_lookup_async,
    ] {
        check_status!(
            INVALID_ARGUMENT,
            lookup(long.as_ptr(), 4097, 0, &plain, &mut handle)
        );
    }
    check_status!(
        OK,
        cache::lookup(long.as_ptr(), 4096, 0, &plain, &mut handle)
    );
    close(handle)?;
    // A transaction has the headers of its lookup.
    let leader = transaction(name)?;
    check_status!(
        BAD_HANDLE,
        cache::transaction_insert(leader, HEADERS, &options, &mut handle)
    );
    let request = new_request()?;
    let options = CacheWriteOptions {
        request_headers: request,
        ..options
    };
    let mut back = NO_HANDLE;
    for (mask, status) in [
        (1, UNSUPPORTED),
        (SERVICE, UNSUPPORTED),
        (1 << 11, INVALID_ARGUMENT),
        (EDGE_MAX_AGE, INVALID_ARGUMENT),
        (SURROGATE_KEYS, INVALID_ARGUMENT),
        (VARY, INVALID_ARGUMENT),
        (HEADERS, INVALID_ARGUMENT),
    ] {
        check_status!(
            status,
            cache::transaction_insert(leader, mask, &options, &mut handle)
        );
        check_status!(
            status,
            cache::transaction_insert_and_stream_back(
                leader,
                mask,
                &options,
                &mut handle,
                &mut back
            )
        );
        check_status!(status, cache::transaction_update(leader, mask, &options));
    }
    check_eq!(MUST_INSERT, state(leader)?);
    close(leader)
}

/// A replacement stays as it was when what is to be inserted is refused, or asked for where it cannot be.
fn cache_replace_refusals() -> Outcome {
    let name = "cache_replace_refusals";
    let (mask, mut options) = options(name);
    insert(name, mask, &options, b"old")?;
    let handle = replace(name, 1)?;
    let mut writer = NO_HANDLE;
    options.edge_max_age_ns = u64::MAX;
    for (mask, status) in [
        (1, UNSUPPORTED),
        (SERVICE, UNSUPPORTED),
        (1 << 11, INVALID_ARGUMENT),
        (EDGE_MAX_AGE, INVALID_ARGUMENT),
    ] {
        check_status!(
            status,
            cache::replace_insert(handle, mask, &options, &mut writer)
        );
    }
    options.request_headers = NO_HANDLE;
    check_status!(
        BAD_HANDLE,
        cache::replace_insert(handle, HEADERS, &options, &mut writer)
    );
    check_status!(
        INVALID_ARGUMENT,
        cache::replace_insert(handle, 0, &options, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        cache::replace_insert(handle, 0, &options, Misaligned::new().pointer())
    );
    let mut odd = Misaligned::new();
    check_status!(
        BAD_ALIGNMENT,
        cache::replace_get_body(handle, 0, odd.pointer(), &mut writer)
    );
    // A body is given once at a time, and what of it is asked for must be possible.
    let (whole, mut old) = (CacheGetBodyOptions::default(), NO_HANDLE);
    for (mask, status) in [(1, UNSUPPORTED), (1 << 3, INVALID_ARGUMENT)] {
        check_status!(
            status,
            cache::replace_get_body(handle, mask, &whole, &mut old)
        );
    }
    check_status!(
        INVALID_ARGUMENT,
        cache::replace_get_body(handle, 0, end_of_memory(), &mut old)
    );
    check_status!(
        INVALID_ARGUMENT,
        cache::replace_get_body(handle, 0, &whole, end_of_memory())
    );
    check_status!(OK, cache::replace_get_body(handle, 0, &whole, &mut old));
    let mut second = NO_HANDLE;
    check_status!(
        BAD_HANDLE,
        cache::replace_get_body(handle, 0, &whole, &mut second)
    );
    check_status!(OK, http_body::close(old));
    // Nothing was lost by that.
    check_status!(
        OK,
        cache::replace_insert(handle, mask, &options, &mut writer)
    );
    check_status!(OK, http_body::close(writer));
    remove(name)
}

/// What there is to say of an object goes where it can.
fn cache_bad_value_pointers() -> Outcome {
    let name = "cache_bad_value_pointers";
    let (mask, mut options) = options(name);
    let metadata = "m";
    options.user_metadata = metadata.as_ptr() as usize;
    options.user_metadata_len = metadata.len();
    options.length = 0;
    insert(name, mask | METADATA | LENGTH, &options, b"")?;
    let (found, replacement) = (lookup(name)?, replace(name, 1)?);
    let (mut odd, whole) = (Misaligned::new(), CacheGetBodyOptions::default());
    check_status!(
        BAD_ALIGNMENT,
        cache::get_body(found, 0, &whole, odd.pointer())
    );
    check_status!(
        BAD_ALIGNMENT,
        cache::get_body(found, 0, odd.pointer(), &mut 0)
    );
    // No body was taken by that.
    let mut body = NO_HANDLE;
    check_status!(OK, cache::get_body(found, 0, &whole, &mut body));
    check_status!(OK, http_body::close(body));
    type Number = unsafe extern "C" fn(Handle, *mut u64) -> Status;
    let numbers: [(Handle, Number); 10] = [
        (found, cache::get_length),
        (found, cache::get_hits),
        (found, cache::get_age_ns),
        (found, cache::get_max_age_ns),
        (found, cache::get_stale_while_revalidate_ns),
        (replacement, cache::replace_get_length),
        (replacement, cache::replace_get_hits),
        (replacement, cache::replace_get_age_ns),
        (replacement, cache::replace_get_max_age_ns),
        (replacement, cache::replace_get_stale_while_revalidate_ns),
    ];
    for (handle, get) in numbers {
        let mut number = u64::MAX;
        check_status!(INVALID_ARGUMENT, get(handle, end_of_memory()));
        check_status!(BAD_ALIGNMENT, get(handle, odd.pointer()));
        check_status!(OK, get(handle, &mut number));
        check!(number != u64::MAX);
    }
    type State = unsafe extern "C" fn(Handle, *mut u32) -> Status;
    let states: [(Handle, State); 2] = [
        (found, cache::get_state),
        (replacement, cache::replace_get_state),
    ];
    for (handle, get) in states {
        check_status!(INVALID_ARGUMENT, get(handle, end_of_memory()));
        check_status!(BAD_ALIGNMENT, get(handle, odd.pointer()));
    }
    type Text = unsafe extern "C" fn(Handle, *mut u8, usize, *mut usize) -> Status;
    let texts: [(Handle, Text); 2] = [
        (found, cache::get_user_metadata),
        (replacement, cache::replace_get_user_metadata),
    ];
    for (handle, get) in texts {
        let (mut buffer, mut nwritten) = ([0; 4], 0);
        check_status!(
            INVALID_ARGUMENT,
            get(handle, end_of_memory(), 1, &mut nwritten)
        );
        check_status!(
            INVALID_ARGUMENT,
            get(handle, buffer.as_mut_ptr(), 4, end_of_memory())
        );
        check_status!(
            BAD_ALIGNMENT,
            get(handle, buffer.as_mut_ptr(), 4, odd.pointer())
        );
        check_status!(
            BUFFER_TOO_SMALL,
            get(handle, buffer.as_mut_ptr(), 0, &mut nwritten)
        );
        check_eq!(1, nwritten);
    }
    close(found)?;
    close(replacement)?;
    remove(name)
}

fn cache_bad_handles() -> Outcome {
    let (mut number, mut bits, mut nwritten, mut handle) = (0, 0, 0, NO_HANDLE);
    let options = CacheWriteOptions::default();
    let whole = CacheGetBodyOptions::default();
    let null = core::ptr::null_mut();
    let body = crate::guest::empty_body()?;
    for bad in [NO_HANDLE, 0xFFFF, body] {
        check_status!(BAD_HANDLE, cache::close(bad));
        check_status!(BAD_HANDLE, cache::close_busy(bad));
        check_status!(BAD_HANDLE, cache::cache_busy_handle_wait(bad, &mut handle));
        check_status!(BAD_HANDLE, cache::transaction_cancel(bad));
        check_status!(BAD_HANDLE, cache::transaction_update(bad, 0, &options));
        check_status!(
            BAD_HANDLE,
            cache::transaction_insert(bad, 0, &options, &mut handle)
        );
        let mut back = NO_HANDLE;
        check_status!(
            BAD_HANDLE,
            cache::transaction_insert_and_stream_back(bad, 0, &options, &mut handle, &mut back)
        );
        check_status!(BAD_HANDLE, cache::get_state(bad, &mut bits));
        check_status!(BAD_HANDLE, cache::get_body(bad, 0, &whole, &mut handle));
        check_status!(
            BAD_HANDLE,
            cache::get_user_metadata(bad, null, 0, &mut nwritten)
        );
        check_status!(BAD_HANDLE, cache::get_length(bad, &mut number));
        check_status!(BAD_HANDLE, cache::get_hits(bad, &mut number));
        check_status!(BAD_HANDLE, cache::get_age_ns(bad, &mut number));
        check_status!(BAD_HANDLE, cache::get_max_age_ns(bad, &mut number));
        check_status!(
            BAD_HANDLE,
            cache::get_stale_while_revalidate_ns(bad, &mut number)
        );
        check_status!(
            BAD_HANDLE,
            cache::replace_insert(bad, 0, &options, &mut handle)
        );
        check_status!(BAD_HANDLE, cache::replace_get_state(bad, &mut bits));
        check_status!(
            BAD_HANDLE,
            cache::replace_get_body(bad, 0, &whole, &mut handle)
        );
        check_status!(
            BAD_HANDLE,
            cache::replace_get_user_metadata(bad, null, 0, &mut nwritten)
        );
        check_status!(BAD_HANDLE, cache::replace_get_length(bad, &mut number));
        check_status!(BAD_HANDLE, cache::replace_get_hits(bad, &mut number));
        check_status!(BAD_HANDLE, cache::replace_get_age_ns(bad, &mut number));
        check_status!(BAD_HANDLE, cache::replace_get_max_age_ns(bad, &mut number));
        check_status!(
            BAD_HANDLE,
            cache::replace_get_stale_while_revalidate_ns(bad, &mut number)
        );
    }
    check_status!(OK, http_body::close(body));
    Ok(())
}

fn cache_bad_result_pointers() -> Outcome {
    let name = "cache_bad_result_pointers";
    let (pointer, length) = (name.as_ptr(), name.len());
    let plain = CacheLookupOptions::default();
    let mut misaligned = Misaligned::new();
    for (out, status) in [
        (end_of_memory::<Handle>(), INVALID_ARGUMENT),
        (misaligned.pointer::<Handle>(), BAD_ALIGNMENT),
    ] {
        check_status!(status, cache::lookup(pointer, length, 0, &plain, out));
        check_status!(
            status,
            cache::transaction_lookup(pointer, length, 0, &plain, out)
        );
        let options = CacheWriteOptions::default();
        check_status!(status, cache::insert(pointer, length, 0, &options, out));
    }
    for out in [end_of_memory(), misaligned.pointer()] {
        let plain = CacheReplaceOptions::default();
        check!(OK != call!(cache::replace(pointer, length, 0, &plain, out)));
    }
    check_status!(
        BAD_ALIGNMENT,
        cache::transaction_lookup_async(pointer, length, 0, &plain, misaligned.pointer())
    );
    check_status!(
        INVALID_ARGUMENT,
        cache::transaction_lookup_async(pointer, length, 0, &plain, end_of_memory())
    );
    // Nothing was done: there is no object, and nobody waits.
    let leader = transaction(name)?;
    check_eq!(MUST_INSERT, state(leader)?);
    check_status!(INVALID_ARGUMENT, cache::get_state(leader, end_of_memory()));
    check_status!(INVALID_ARGUMENT, cache::get_length(leader, end_of_memory()));
    let options = CacheWriteOptions::default();
    check_status!(
        INVALID_ARGUMENT,
        cache::transaction_insert(leader, 0, &options, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        cache::transaction_insert(leader, 0, &options, misaligned.pointer())
    );
    check_status!(
        BAD_ALIGNMENT,
        cache::transaction_update(leader, 0, misaligned.pointer())
    );
    check_eq!(MUST_INSERT, state(leader)?);
    let (mut writer, mut back) = (NO_HANDLE, NO_HANDLE);
    check_status!(
        INVALID_ARGUMENT,
        cache::transaction_insert_and_stream_back(
            leader,
            0,
            &options,
            &mut writer,
            end_of_memory()
        )
    );
    check_status!(
        BAD_ALIGNMENT,
        cache::transaction_insert_and_stream_back(
            leader,
            0,
            &options,
            misaligned.pointer(),
            &mut back
        )
    );
    check_eq!((NO_HANDLE, NO_HANDLE), (writer, back));
    check_eq!(MUST_INSERT, state(leader)?);
    // One that waits can still be waited for.
    let (mut busy, mut done) = (NO_HANDLE, NO_HANDLE);
    check_status!(
        OK,
        cache::transaction_lookup_async(pointer, length, 0, &plain, &mut busy)
    );
    check_status!(
        INVALID_ARGUMENT,
        cache::cache_busy_handle_wait(busy, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        cache::cache_busy_handle_wait(busy, misaligned.pointer())
    );
    check_status!(
        INVALID_ARGUMENT,
        cache::lookup(pointer, length, 0, end_of_memory(), &mut 0)
    );
    check_status!(
        BAD_ALIGNMENT,
        cache::insert(pointer, length, 0, misaligned.pointer(), &mut 0)
    );
    close(leader)?;
    check_status!(OK, cache::cache_busy_handle_wait(busy, &mut done));
    check_eq!(MUST_INSERT, state(done)?);
    close(done)
}
