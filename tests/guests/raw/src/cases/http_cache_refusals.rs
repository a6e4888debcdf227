//! `fastly_http_cache`: what it refuses.

use super::cases;
use super::http_cache::{
    MUST_INSERT, VARY, begin, close, options, remove, request_of, state, transaction,
};
use crate::check::{Outcome, check_eq, check_status};
use crate::guest::{Misaligned, end_of_memory, new_response, status_of};
use crate::sys::*;

cases![
    http_cache_bad_options,
    http_cache_bad_handles,
    http_cache_bad_result_pointers,
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
    check_status!(
        UNSUPPORTED,
        http_cache::transaction_insert(handle, response, 1, &written, &mut none)
    );
    check_status!(
        INVALID_ARGUMENT,
        http_cache::transaction_insert(handle, response, 1 << 8, &written, &mut none)
    );
    check_status!(
        INVALID_ARGUMENT,
        http_cache::transaction_update(handle, response, 1 << 8, &written)
    );
    check_status!(
        INVALID_ARGUMENT,
        http_cache::transaction_record_not_cacheable(handle, 1 << 8, &written)
    );
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
    let handle = begin(request)?;
    check_eq!(MUST_INSERT, state(handle)?);
    let response = new_response(200, &[])?;
    let (mask, written) = options(name);
    let (mut word, mut other) = (0, NO_HANDLE);
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
