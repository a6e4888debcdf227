//! `fastly_http_cache`: what it refuses.

use super::cases;
use super::http_cache::{
    FOUND, MUST_INSERT, VARY, begin, close, options, remove, request_of, state, transaction,
};
use crate::check::{Outcome, check, check_eq, check_status};
use crate::guest::{Misaligned, end_of_memory, new_response, status_of, write};
use crate::sys::*;

cases![
    http_cache_bad_options,
    http_cache_bad_handles,
    http_cache_bad_result_pointers,
    http_cache_bad_value_pointers,
    no_http_cache_for_guests,
];

fn http_cache_bad_options() -> Outcome {
    let name = "http_cache_bad_options";
    let request = request_of(name)?;
    let mut none = NO_HANDLE;
    let plain = HttpCacheLookupOptions::default();
    let long = vec![b'k'; 4097];
    let long = HttpCacheLookupOptions {
        override_key: long.as_ptr() as usize,
        override_key_len: long.len(),
        ..plain
    };
    for lookup in [http_cache::lookup, http_cache::transaction_lookup] {
        check_status!(UNSUPPORTED, lookup(request, 1, &plain, &mut none));
        check_status!(INVALID_ARGUMENT, lookup(request, 1 << 3, &plain, &mut none));
        check_status!(INVALID_ARGUMENT, lookup(request, 1 << 1, &long, &mut none));
        check_status!(
            INVALID_ARGUMENT,
            lookup(request, 0, end_of_memory(), &mut none)
        );
    }
    let handle = begin(request)?;
    let response = new_response(200, &[])?;
    let (_, mut written) = options(name);
    let mut back = NO_HANDLE;
    for (mask, status) in [(1, UNSUPPORTED), (1 << 8, INVALID_ARGUMENT)] {
        check_status!(
            status,
            http_cache::transaction_insert(handle, response, mask, &written, &mut none)
        );
        check_status!(
            status,
            http_cache::transaction_insert_and_stream_back(
                handle, response, mask, &written, &mut none, &mut back
            )
        );
        check_status!(
            status,
            http_cache::transaction_update(handle, response, mask, &written)
        );
        check_status!(
            status,
            http_cache::transaction_update_and_return_fresh(
                handle, response, mask, &written, &mut back
            )
        );
        check_status!(
            status,
            http_cache::transaction_record_not_cacheable(handle, mask, &written)
        );
    }
    // There is nothing to update.
    check_status!(
        BAD_HANDLE,
        http_cache::transaction_update(handle, response, 0, &written)
    );
    check_status!(
        BAD_HANDLE,
        http_cache::transaction_update_and_return_fresh(handle, response, 0, &written, &mut back)
    );
    check_status!(BAD_HANDLE, http_cache::transaction_choose_stale(handle));
    check_eq!((NO_HANDLE, NO_HANDLE), (none, back));
    let (mut mask, mut suggested) = (0, HttpCacheWriteOptions::default());
    check_status!(
        INVALID_ARGUMENT,
        http_cache::get_suggested_cache_options(
            handle,
            response,
            1 << 8,
            &written,
            &mut mask,
            &mut suggested
        )
    );
    let rule = "no header name:";
    written.vary_rule = rule.as_ptr() as usize;
    written.vary_rule_len = rule.len();
    check_status!(
        INVALID_ARGUMENT,
        http_cache::transaction_insert(handle, response, VARY, &written, &mut none)
    );
    // Nothing was lost by that. Surrogate keys that are none are left out, as backends may send any.
    check_eq!(200, status_of(response)?);
    check_eq!(MUST_INSERT, state(handle)?);
    let keys = "http_cache_bad_options \u{e9} more";
    written.surrogate_keys = keys.as_ptr() as usize;
    written.surrogate_keys_len = keys.len();
    written.vary_rule_len = 0;
    let mut writer = NO_HANDLE;
    check_status!(
        OK,
        http_cache::transaction_insert(handle, response, VARY | 1 << 4, &written, &mut writer)
    );
    check_status!(OK, http_body::close(writer));
    close(handle)?;
    remove(name)
}

fn http_cache_bad_handles() -> Outcome {
    let (mut number, mut word, mut handle, mut nwritten) = (0, 0, NO_HANDLE, 0);
    let (_, written) = options("http_cache_bad_handles");
    let lookup = HttpCacheLookupOptions::default();
    let response = new_response(200, &[])?;
    let mut buffer = [0; 32];
    for bad in [NO_HANDLE, 4_000_000] {
        check_status!(BAD_HANDLE, http_cache::is_request_cacheable(bad, &mut word));
        check_status!(
            BAD_HANDLE,
            http_cache::get_suggested_cache_key(bad, buffer.as_mut_ptr(), 32, &mut nwritten)
        );
        check_status!(BAD_HANDLE, http_cache::lookup(bad, 0, &lookup, &mut handle));
        check_status!(
            BAD_HANDLE,
            http_cache::transaction_lookup(bad, 0, &lookup, &mut handle)
        );
        check_status!(
            BAD_HANDLE,
            http_cache::transaction_insert(bad, response, 0, &written, &mut handle)
        );
        check_status!(
            BAD_HANDLE,
            http_cache::transaction_insert_and_stream_back(
                bad,
                response,
                0,
                &written,
                &mut handle,
                &mut word
            )
        );
        check_status!(
            BAD_HANDLE,
            http_cache::transaction_update(bad, response, 0, &written)
        );
        check_status!(
            BAD_HANDLE,
            http_cache::transaction_update_and_return_fresh(
                bad,
                response,
                0,
                &written,
                &mut handle
            )
        );
        check_status!(BAD_HANDLE, http_cache::transaction_choose_stale(bad));
        check_status!(
            BAD_HANDLE,
            http_cache::transaction_record_not_cacheable(bad, 0, &written)
        );
        check_status!(BAD_HANDLE, http_cache::transaction_abandon(bad));
        check_status!(BAD_HANDLE, http_cache::close(bad));
        check_status!(
            BAD_HANDLE,
            http_cache::get_suggested_backend_request(bad, &mut handle)
        );
        let mut suggested = HttpCacheWriteOptions::default();
        check_status!(
            BAD_HANDLE,
            http_cache::get_suggested_cache_options(
                bad,
                response,
                0,
                &written,
                &mut word,
                &mut suggested
            )
        );
        check_status!(
            BAD_HANDLE,
            http_cache::prepare_response_for_storage(bad, response, &mut word, &mut handle)
        );
        check_status!(
            BAD_HANDLE,
            http_cache::get_found_response(bad, 1, &mut handle, &mut word)
        );
        check_status!(BAD_HANDLE, http_cache::get_state(bad, &mut word));
        for get in [
            http_cache::get_length,
            http_cache::get_max_age_ns,
            http_cache::get_stale_while_revalidate_ns,
            http_cache::get_stale_if_error_ns,
            http_cache::get_age_ns,
            http_cache::get_hits,
        ] {
            check_status!(BAD_HANDLE, get(bad, &mut number));
        }
        check_status!(BAD_HANDLE, http_cache::get_sensitive_data(bad, &mut word));
        for get in [http_cache::get_surrogate_keys, http_cache::get_vary_rule] {
            check_status!(BAD_HANDLE, get(bad, buffer.as_mut_ptr(), 32, &mut nwritten));
        }
    }
    // Of a response that there is not, nothing is known, and nothing is stored.
    let there = transaction("http_cache_bad_handles")?;
    let mut suggested = HttpCacheWriteOptions::default();
    check_status!(
        BAD_HANDLE,
        http_cache::transaction_insert(there, NO_HANDLE, 0, &written, &mut handle)
    );
    check_status!(
        BAD_HANDLE,
        http_cache::get_suggested_cache_options(
            there,
            NO_HANDLE,
            0,
            &written,
            &mut word,
            &mut suggested
        )
    );
    check_status!(
        BAD_HANDLE,
        http_cache::prepare_response_for_storage(there, NO_HANDLE, &mut word, &mut handle)
    );
    check_eq!(MUST_INSERT, state(there)?);
    close(there)
}

fn http_cache_bad_result_pointers() -> Outcome {
    let name = "http_cache_bad_result_pointers";
    let mut odd = Misaligned::new();
    let request = request_of(name)?;
    let lookup = HttpCacheLookupOptions::default();
    check_status!(
        INVALID_ARGUMENT,
        http_cache::is_request_cacheable(request, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        http_cache::is_request_cacheable(request, odd.pointer())
    );
    check_status!(
        INVALID_ARGUMENT,
        http_cache::transaction_lookup(request, 0, &lookup, end_of_memory())
    );
    for lookup_of in [http_cache::lookup, http_cache::transaction_lookup] {
        check_status!(
            INVALID_ARGUMENT,
            lookup_of(request, 0, &lookup, end_of_memory())
        );
        check_status!(BAD_ALIGNMENT, lookup_of(request, 0, &lookup, odd.pointer()));
        check_status!(BAD_ALIGNMENT, lookup_of(request, 0, odd.pointer(), &mut 0));
    }
    let (mut key, mut nwritten) = ([0; 32], 0);
    check_status!(
        INVALID_ARGUMENT,
        http_cache::get_suggested_cache_key(request, end_of_memory(), 32, &mut nwritten)
    );
    check_status!(
        INVALID_ARGUMENT,
        http_cache::get_suggested_cache_key(request, key.as_mut_ptr(), 32, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        http_cache::get_suggested_cache_key(request, key.as_mut_ptr(), 32, odd.pointer())
    );
    let handle = begin(request)?;
    check_eq!(MUST_INSERT, state(handle)?);
    let response = new_response(200, &[])?;
    let (mask, written) = options(name);
    check_status!(
        BAD_ALIGNMENT,
        http_cache::transaction_insert(handle, response, mask, odd.pointer(), &mut 0)
    );
    check_status!(
        INVALID_ARGUMENT,
        http_cache::transaction_update(handle, response, mask, end_of_memory())
    );
    check_status!(
        INVALID_ARGUMENT,
        http_cache::transaction_record_not_cacheable(handle, mask, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        http_cache::get_suggested_backend_request(handle, odd.pointer())
    );
    check_status!(
        BAD_ALIGNMENT,
        http_cache::transaction_update(handle, response, mask, odd.pointer())
    );
    check_status!(
        BAD_ALIGNMENT,
        http_cache::transaction_record_not_cacheable(handle, mask, odd.pointer())
    );
    let (mut word, mut other) = (0, NO_HANDLE);
    check_status!(
        BAD_ALIGNMENT,
        http_cache::transaction_update_and_return_fresh(
            handle,
            response,
            mask,
            &written,
            odd.pointer()
        )
    );
    check_status!(
        BAD_ALIGNMENT,
        http_cache::get_suggested_cache_options(
            handle,
            response,
            0,
            &written,
            &mut word,
            odd.pointer()
        )
    );
    check_status!(
        BAD_ALIGNMENT,
        http_cache::prepare_response_for_storage(handle, response, &mut word, odd.pointer())
    );
    check_status!(
        INVALID_ARGUMENT,
        http_cache::transaction_insert(handle, response, mask, &written, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        http_cache::transaction_insert_and_stream_back(
            handle,
            response,
            mask,
            &written,
            &mut other,
            odd.pointer()
        )
    );
    check_status!(
        INVALID_ARGUMENT,
        http_cache::transaction_update_and_return_fresh(
            handle,
            response,
            mask,
            &written,
            end_of_memory()
        )
    );
    check_status!(
        INVALID_ARGUMENT,
        http_cache::get_suggested_backend_request(handle, end_of_memory())
    );
    check_status!(
        INVALID_ARGUMENT,
        http_cache::get_suggested_cache_options(
            handle,
            response,
            0,
            &written,
            &mut word,
            end_of_memory()
        )
    );
    check_status!(
        INVALID_ARGUMENT,
        http_cache::prepare_response_for_storage(handle, response, end_of_memory(), &mut other)
    );
    check_status!(
        INVALID_ARGUMENT,
        http_cache::get_found_response(handle, 1, &mut other, end_of_memory())
    );
    check_status!(
        INVALID_ARGUMENT,
        http_cache::get_state(handle, end_of_memory())
    );
    check_status!(BAD_ALIGNMENT, http_cache::get_hits(handle, odd.pointer()));
    check_status!(
        INVALID_ARGUMENT,
        http_cache::get_vary_rule(handle, end_of_memory(), 1, &mut 0)
    );
    // Nothing was lost by that.
    check_eq!(200, status_of(response)?);
    check_eq!(MUST_INSERT, state(handle)?);
    close(handle)
}

/// What there is to say of a response goes where it can.
fn http_cache_bad_value_pointers() -> Outcome {
    let name = "http_cache_bad_value_pointers";
    let (mask, mut written) = options(name);
    written.vary_rule = name.as_ptr() as usize;
    written.vary_rule_len = name.len();
    let handle = transaction(name)?;
    let (mut body, response) = (NO_HANDLE, new_response(200, &[])?);
    check_status!(
        OK,
        http_cache::transaction_insert(handle, response, mask | VARY, &written, &mut body)
    );
    write(body, b"content")?;
    check_status!(OK, http_body::close(body));
    close(handle)?;
    let there = transaction(name)?;
    check_eq!(FOUND, state(there)?);
    let mut odd = Misaligned::new();
    for get in [
        http_cache::get_length,
        http_cache::get_max_age_ns,
        http_cache::get_stale_while_revalidate_ns,
        http_cache::get_stale_if_error_ns,
        http_cache::get_age_ns,
        http_cache::get_hits,
    ] {
        let mut number = u64::MAX;
        check_status!(INVALID_ARGUMENT, get(there, end_of_memory()));
        check_status!(BAD_ALIGNMENT, get(there, odd.pointer()));
        check_status!(OK, get(there, &mut number));
        check!(number != u64::MAX);
    }
    for get in [http_cache::get_sensitive_data, http_cache::get_state] {
        check_status!(INVALID_ARGUMENT, get(there, end_of_memory()));
        check_status!(BAD_ALIGNMENT, get(there, odd.pointer()));
    }
    for get in [http_cache::get_surrogate_keys, http_cache::get_vary_rule] {
        let (mut text, mut nwritten) = ([0; 64], 0);
        check_status!(
            INVALID_ARGUMENT,
            get(there, end_of_memory(), 64, &mut nwritten)
        );
        check_status!(
            INVALID_ARGUMENT,
            get(there, text.as_mut_ptr(), 64, end_of_memory())
        );
        check_status!(
            BAD_ALIGNMENT,
            get(there, text.as_mut_ptr(), 64, odd.pointer())
        );
        check_status!(OK, get(there, text.as_mut_ptr(), 64, &mut nwritten));
        check_eq!(name.as_bytes(), &text[..nwritten]);
    }
    // A bad pointer does not lose the body.
    let (mut head, mut content) = (NO_HANDLE, NO_HANDLE);
    check_status!(
        INVALID_ARGUMENT,
        http_cache::get_found_response(there, 1, end_of_memory(), &mut content)
    );
    check_status!(
        BAD_ALIGNMENT,
        http_cache::get_found_response(there, 1, &mut head, odd.pointer())
    );
    check_eq!((NO_HANDLE, NO_HANDLE), (head, content));
    check_status!(
        OK,
        http_cache::get_found_response(there, 1, &mut head, &mut content)
    );
    close(there)?;
    remove(name)
}

/// This one is run on a host that leaves no cache of responses to guests, which is what SDKs ask for first.
fn no_http_cache_for_guests() -> Outcome {
    let request = request_of("no_http_cache_for_guests")?;
    let (mut out, mut key, mut nwritten) = (9, [0; 32], 0);
    check_status!(
        UNSUPPORTED,
        http_cache::is_request_cacheable(request, &mut out)
    );
    check_status!(
        UNSUPPORTED,
        http_cache::get_suggested_cache_key(request, key.as_mut_ptr(), 32, &mut nwritten)
    );
    let plain = HttpCacheLookupOptions::default();
    for lookup in [http_cache::lookup, http_cache::transaction_lookup] {
        check_status!(UNSUPPORTED, lookup(request, 0, &plain, &mut out));
    }
    check_eq!(9, out);
    Ok(())
}
