//! `fastly_http_req`: what a request consists of, and the one to be answered. Sending is in
//! `http_req_send.rs`, headers are in `headers.rs`.

use super::{cases, header_lists, header_refusals, headers};
use crate::check::{Outcome, check, check_eq, check_status};
use crate::guest::{self, Misaligned, end_of_memory};
use crate::sys::*;

cases![
    req_new_defaults,
    req_method,
    req_method_bad_arguments,
    req_uri,
    req_uri_bad_arguments,
    req_version,
    req_version_bad_handle,
    req_version_unknown_value,
    req_version_bad_result_pointer,
    req_header_insert_get = headers::insert_get::<headers::Request>,
    req_header_insert_replaces = headers::insert_replaces::<headers::Request>,
    req_header_append = headers::append_keeps::<headers::Request>,
    req_header_remove = headers::remove::<headers::Request>,
    req_header_missing = headers::missing::<headers::Request>,
    req_header_value_bytes = headers::value_bytes::<headers::Request>,
    req_header_value_small_buffer = headers::value_small_buffer::<headers::Request>,
    req_header_names = header_lists::names_all::<headers::Request>,
    req_header_names_cursor = header_lists::names_cursor::<headers::Request>,
    req_header_names_small_buffer = header_lists::names_small_buffer::<headers::Request>,
    req_header_cursor_not_wanted = header_lists::cursor_not_wanted::<headers::Request>,
    req_header_values_cursor = header_lists::values_cursor::<headers::Request>,
    req_header_values_set = header_lists::values_set::<headers::Request>,
    req_header_bad_name = header_refusals::bad_name::<headers::Request>,
    req_header_bad_value = header_refusals::bad_value::<headers::Request>,
    req_header_bad_handle = header_refusals::bad_handle::<headers::Request>,
    req_header_bad_pointers = header_refusals::bad_pointers::<headers::Request>,
    req_new_bad_result_pointer = header_refusals::new_bad_result_pointer::<headers::Request>,
    req_close = header_refusals::close::<headers::Request>,
    req_original_headers,
    req_original_headers_bad_pointers,
    req_original_headers_bad_result_pointer,
    req_downstream,
    req_downstream_body,
    req_downstream_bad_result_pointer,
    req_client_ip,
    req_client_ip_bad_pointer,
    req_client_ip_bad_result_pointer,
    req_cache_override,
    req_cache_override_v2,
    req_cache_override_v3,
    req_cache_override_bad_handle,
    req_cache_override_unknown_value,
    req_framing_headers_mode,
    req_framing_headers_mode_unknown_value,
    req_auto_decompress,
    req_auto_decompress_unknown_value,
];

fn method(request: Handle) -> Result<Vec<u8>, String> {
    let mut buffer = [0; 64];
    let mut nwritten = 0;
    check_status!(
        OK,
        http_req::method_get(request, buffer.as_mut_ptr(), buffer.len(), &mut nwritten)
    );
    Ok(buffer[..nwritten].to_vec())
}

fn uri(request: Handle) -> Result<String, String> {
    let mut buffer = [0; 1024];
    let mut nwritten = 0;
    check_status!(
        OK,
        http_req::uri_get(request, buffer.as_mut_ptr(), buffer.len(), &mut nwritten)
    );
    Ok(String::from_utf8_lossy(&buffer[..nwritten]).into_owned())
}

fn req_new_defaults() -> Outcome {
    let request = guest::new_request()?;
    check!(request != NO_HANDLE);
    check_eq!(b"GET".to_vec(), method(request)?);
    check_eq!("/", uri(request)?);
    let mut version = u32::MAX;
    check_status!(OK, http_req::version_get(request, &mut version));
    check_eq!(2, version);
    let mut buffer = [0; 16];
    let (mut ending_cursor, mut nwritten) = (0, usize::MAX);
    check_status!(
        OK,
        http_req::header_names_get(
            request,
            buffer.as_mut_ptr(),
            buffer.len(),
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!((-1, 0), (ending_cursor, nwritten));
    check!(guest::new_request()? != request);
    Ok(())
}

/// Any token is a method, and its case counts.
fn req_method() -> Outcome {
    let request = guest::new_request()?;
    for name in ["PATCH", "PURGE", "get", "X-Custom_method.1~"] {
        check_status!(OK, http_req::method_set(request, name.as_ptr(), name.len()));
        check_eq!(name.as_bytes().to_vec(), method(request)?);
    }

    check_status!(OK, http_req::method_set(request, "DELETE".as_ptr(), 6));
    let mut buffer = [0xAA; 8];
    let mut nwritten = 0;
    check_status!(
        BUFFER_TOO_SMALL,
        http_req::method_get(request, buffer.as_mut_ptr(), 5, &mut nwritten)
    );
    check_eq!((6, [0xAA; 8]), (nwritten, buffer));
    check_status!(
        OK,
        http_req::method_get(request, buffer.as_mut_ptr(), 6, &mut nwritten)
    );
    check_eq!((6, *b"DELETE\xAA\xAA"), (nwritten, buffer));
    Ok(())
}

fn req_method_bad_arguments() -> Outcome {
    let request = guest::new_request()?;
    for name in [b"".as_slice(), b"NO METHOD", b"GET\n", b"G\xCBT"] {
        check_status!(
            ERROR,
            http_req::method_set(request, name.as_ptr(), name.len())
        );
    }
    let mut buffer = [0; 8];
    let mut nwritten = 0;
    check_status!(
        BAD_HANDLE,
        http_req::method_set(NO_HANDLE, "PUT".as_ptr(), 3)
    );
    check_status!(
        BAD_HANDLE,
        http_req::method_get(NO_HANDLE, buffer.as_mut_ptr(), 8, &mut nwritten)
    );
    check_status!(
        INVALID_ARGUMENT,
        http_req::method_set(request, end_of_memory(), 3)
    );
    check_status!(
        INVALID_ARGUMENT,
        http_req::method_get(request, end_of_memory(), 8, &mut nwritten)
    );
    check_status!(
        BAD_ALIGNMENT,
        http_req::method_get(request, buffer.as_mut_ptr(), 8, Misaligned::new().pointer())
    );
    check_eq!(b"GET".to_vec(), method(request)?);
    Ok(())
}

fn req_uri() -> Outcome {
    let request = guest::new_request()?;
    for text in [
        "http://example.org/a/b?c=d&e=%20f",
        "https://example.org:8443/",
        "/only/a/path?and=query",
    ] {
        check_status!(OK, http_req::uri_set(request, text.as_ptr(), text.len()));
        check_eq!(text, uri(request)?);
    }

    let text = "http://example.org/";
    check_status!(OK, http_req::uri_set(request, text.as_ptr(), text.len()));
    let mut buffer = [0xAA; 32];
    let mut nwritten = 0;
    check_status!(
        BUFFER_TOO_SMALL,
        http_req::uri_get(request, buffer.as_mut_ptr(), text.len() - 1, &mut nwritten)
    );
    check_eq!((text.len(), [0xAA; 32]), (nwritten, buffer));
    check_status!(
        OK,
        http_req::uri_get(request, buffer.as_mut_ptr(), text.len(), &mut nwritten)
    );
    check_eq!(text.len(), nwritten);
    Ok(())
}

fn req_uri_bad_arguments() -> Outcome {
    let request = guest::new_request()?;
    for text in [
        b"".as_slice(),
        b"http://exa mple.org/",
        b"http://[",
        b"/a\nb",
    ] {
        check_status!(ERROR, http_req::uri_set(request, text.as_ptr(), text.len()));
    }
    let mut buffer = [0; 8];
    let mut nwritten = 0;
    check_status!(BAD_HANDLE, http_req::uri_set(NO_HANDLE, "/".as_ptr(), 1));
    check_status!(
        BAD_HANDLE,
        http_req::uri_get(NO_HANDLE, buffer.as_mut_ptr(), 8, &mut nwritten)
    );
    check_status!(
        INVALID_ARGUMENT,
        http_req::uri_set(request, end_of_memory(), 3)
    );
    check_status!(
        INVALID_ARGUMENT,
        http_req::uri_get(request, end_of_memory(), 8, &mut nwritten)
    );
    check_status!(
        BAD_ALIGNMENT,
        http_req::uri_get(request, buffer.as_mut_ptr(), 8, Misaligned::new().pointer())
    );
    check_eq!("/", uri(request)?);
    Ok(())
}

/// From 0 for HTTP/0.9 to 4 for HTTP/3.
fn req_version() -> Outcome {
    let request = guest::new_request()?;
    for expected in 0..=4 {
        check_status!(OK, http_req::version_set(request, expected));
        let mut version = u32::MAX;
        check_status!(OK, http_req::version_get(request, &mut version));
        check_eq!(expected, version);
    }
    Ok(())
}

fn req_version_bad_handle() -> Outcome {
    let mut version = 0;
    check_status!(BAD_HANDLE, http_req::version_set(NO_HANDLE, 2));
    check_status!(BAD_HANDLE, http_req::version_get(NO_HANDLE, &mut version));
    Ok(())
}

fn req_version_unknown_value() -> Outcome {
    let request = guest::new_request()?;
    for version in [5, u32::MAX] {
        check_status!(INVALID_ARGUMENT, http_req::version_set(request, version));
    }
    let mut version = 0;
    check_status!(OK, http_req::version_get(request, &mut version));
    check_eq!(2, version);
    Ok(())
}

fn req_version_bad_result_pointer() -> Outcome {
    let request = guest::new_request()?;
    check_status!(
        INVALID_ARGUMENT,
        http_req::version_get(request, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        http_req::version_get(request, Misaligned::new().pointer())
    );
    Ok(())
}

/// The headers of the client's request as they came, which stay what they were whatever the guest
/// does to the request.
fn req_original_headers() -> Outcome {
    let (request, _) = guest::downstream()?;
    let mut before = 0;
    check_status!(OK, http_req::original_header_count(&mut before));
    let (name, value) = ("x-added-by-the-guest", "value");
    check_status!(
        OK,
        http_req::header_insert(
            request,
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len()
        )
    );
    let mut after = 0;
    check_status!(OK, http_req::original_header_count(&mut after));
    check_eq!(before, after);

    let mut buffer = vec![0; 8192];
    let (mut ending_cursor, mut nwritten) = (0, 0);
    check_status!(
        OK,
        http_req::original_header_names_get(
            buffer.as_mut_ptr(),
            buffer.len(),
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!(-1, ending_cursor);
    let names: Vec<String> = buffer[..nwritten]
        .split_inclusive(|byte| *byte == 0)
        .map(|name| String::from_utf8_lossy(&name[..name.len() - 1]).to_ascii_lowercase())
        .collect();
    // Every client sends this one.
    check!(names.iter().any(|name| name == "host"));
    check!(!names.iter().any(|name| name == "x-added-by-the-guest"));
    // A header with several values counts as often as it has values, and may be named once.
    check!(names.len() <= before as usize);

    // The list through its cursor: at the last name, behind it, and in a buffer that holds nothing.
    let last = names.len() as u32 - 1;
    check_status!(
        OK,
        http_req::original_header_names_get(
            buffer.as_mut_ptr(),
            buffer.len(),
            last,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!(
        (-1, names[last as usize].len() + 1),
        (ending_cursor, nwritten)
    );
    check_status!(
        OK,
        http_req::original_header_names_get(
            buffer.as_mut_ptr(),
            buffer.len(),
            last + 1,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!((-1, 0), (ending_cursor, nwritten));
    check_status!(
        BUFFER_TOO_SMALL,
        http_req::original_header_names_get(
            buffer.as_mut_ptr(),
            1,
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!((-1, names[0].len() + 1), (ending_cursor, nwritten));
    Ok(())
}

fn req_original_headers_bad_pointers() -> Outcome {
    let mut buffer = vec![0; 8192];
    let (mut ending_cursor, mut nwritten) = (0, 0);
    check_status!(
        INVALID_ARGUMENT,
        http_req::original_header_names_get(
            end_of_memory(),
            16,
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_status!(
        BAD_ALIGNMENT,
        http_req::original_header_names_get(
            buffer.as_mut_ptr(),
            buffer.len(),
            0,
            &mut ending_cursor,
            Misaligned::new().pointer()
        )
    );
    Ok(())
}

fn req_original_headers_bad_result_pointer() -> Outcome {
    check_status!(
        INVALID_ARGUMENT,
        http_req::original_header_count(end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        http_req::original_header_count(Misaligned::new().pointer())
    );
    Ok(())
}

/// The request to be answered has an absolute URI, and is the same however often it is asked for.
fn req_downstream() -> Outcome {
    let (request, body) = guest::downstream()?;
    check!(request != NO_HANDLE && body != NO_HANDLE);
    check_eq!((request, body), guest::downstream()?);
    check!(!method(request)?.is_empty());
    let uri = uri(request)?;
    check!(uri.starts_with("http://") || uri.starts_with("https://"));
    check!(uri.contains("/case/req_downstream"));
    // It is a request like any other, so that it can be changed.
    check_status!(OK, http_req::method_set(request, "PURGE".as_ptr(), 5));
    check_eq!(b"PURGE".to_vec(), method(request)?);
    Ok(())
}

/// The client's body can be read to its end, once; then it is empty.
fn req_downstream_body() -> Outcome {
    let (_, body) = guest::downstream()?;
    guest::read_to_end(body)?;
    let (_, again) = guest::downstream()?;
    check_eq!(body, again);
    check_eq!(Vec::<u8>::new(), guest::read_to_end(again)?);
    check_status!(OK, http_body::close(body));
    check_status!(BAD_HANDLE, http_body::close(body));
    Ok(())
}

fn req_downstream_bad_result_pointer() -> Outcome {
    let (mut request, mut body) = (NO_HANDLE, NO_HANDLE);
    check_status!(
        INVALID_ARGUMENT,
        http_req::body_downstream_get(end_of_memory(), &mut body)
    );
    check_status!(
        INVALID_ARGUMENT,
        http_req::body_downstream_get(&mut request, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        http_req::body_downstream_get(Misaligned::new().pointer(), &mut body)
    );
    check_status!(
        BAD_ALIGNMENT,
        http_req::body_downstream_get(&mut request, Misaligned::new().pointer())
    );
    Ok(())
}

/// Four bytes or sixteen, and nothing behind them.
fn req_client_ip() -> Outcome {
    let mut octets = [0xAA; 20];
    let mut nwritten = 0;
    check_status!(
        OK,
        http_req::downstream_client_ip_addr(octets.as_mut_ptr(), &mut nwritten)
    );
    check!(nwritten == 4 || nwritten == 16);
    check!(octets[nwritten..].iter().all(|byte| *byte == 0xAA));
    check!(octets[..nwritten].iter().any(|byte| *byte != 0xAA));
    Ok(())
}

fn req_client_ip_bad_pointer() -> Outcome {
    let mut nwritten = 0;
    check_status!(
        INVALID_ARGUMENT,
        http_req::downstream_client_ip_addr(end_of_memory(), &mut nwritten)
    );
    Ok(())
}

fn req_client_ip_bad_result_pointer() -> Outcome {
    let mut octets = [0; 16];
    check_status!(
        INVALID_ARGUMENT,
        http_req::downstream_client_ip_addr(octets.as_mut_ptr(), end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        http_req::downstream_client_ip_addr(octets.as_mut_ptr(), Misaligned::new().pointer())
    );
    Ok(())
}

/// Every combination of the bits there are.
fn req_cache_override() -> Outcome {
    let request = guest::new_request()?;
    for tag in 0..=31 {
        check_status!(OK, http_req::cache_override_set(request, tag, 60, 30));
    }
    Ok(())
}

fn req_cache_override_v2() -> Outcome {
    let request = guest::new_request()?;
    let tag = CACHE_TTL | CACHE_STALE_WHILE_REVALIDATE | CACHE_PCI;
    let keys = "key-one key-two";
    check_status!(
        OK,
        http_req::cache_override_v2_set(request, tag, 60, 30, keys.as_ptr(), keys.len())
    );
    // Without keys.
    check_status!(
        OK,
        http_req::cache_override_v2_set(request, CACHE_PASS, 0, 0, keys.as_ptr(), 0)
    );
    // Keys that could not be the value of a header.
    let keys = "key\none";
    check_status!(
        INVALID_ARGUMENT,
        http_req::cache_override_v2_set(request, tag, 60, 30, keys.as_ptr(), keys.len())
    );
    check_status!(
        INVALID_ARGUMENT,
        http_req::cache_override_v2_set(request, tag, 60, 30, end_of_memory(), 4)
    );
    Ok(())
}

fn req_cache_override_v3() -> Outcome {
    let request = guest::new_request()?;
    let keys = "key-one key-two";
    let mut cache_override = CacheOverride {
        ttl: 60,
        stale_while_revalidate: 30,
        surrogate_keys: keys.as_ptr(),
        surrogate_keys_len: keys.len(),
        lookup_timeout_ms: 500,
    };
    let tag = CACHE_TTL | CACHE_STALE_WHILE_REVALIDATE | CACHE_LOOKUP_TIMEOUT;
    check_status!(
        OK,
        http_req::cache_override_v3_set(request, tag, &cache_override)
    );
    cache_override.surrogate_keys = end_of_memory();
    check_status!(
        INVALID_ARGUMENT,
        http_req::cache_override_v3_set(request, tag, &cache_override)
    );
    // Of no keys it does not matter where they are.
    cache_override.surrogate_keys_len = 0;
    check_status!(
        OK,
        http_req::cache_override_v3_set(request, tag, &cache_override)
    );
    check_status!(
        INVALID_ARGUMENT,
        http_req::cache_override_v3_set(request, tag, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        http_req::cache_override_v3_set(request, tag, Misaligned::new().pointer())
    );
    Ok(())
}

fn req_cache_override_bad_handle() -> Outcome {
    let keys = "key";
    let cache_override = CacheOverride {
        ttl: 0,
        stale_while_revalidate: 0,
        surrogate_keys: keys.as_ptr(),
        surrogate_keys_len: keys.len(),
        lookup_timeout_ms: 0,
    };
    check_status!(
        BAD_HANDLE,
        http_req::cache_override_set(NO_HANDLE, CACHE_PASS, 0, 0)
    );
    check_status!(
        BAD_HANDLE,
        http_req::cache_override_v2_set(NO_HANDLE, CACHE_PASS, 0, 0, keys.as_ptr(), keys.len())
    );
    check_status!(
        BAD_HANDLE,
        http_req::cache_override_v3_set(NO_HANDLE, CACHE_PASS, &cache_override)
    );
    Ok(())
}

/// Bits that mean nothing.
fn req_cache_override_unknown_value() -> Outcome {
    let request = guest::new_request()?;
    let keys = "key";
    let cache_override = CacheOverride {
        ttl: 0,
        stale_while_revalidate: 0,
        surrogate_keys: keys.as_ptr(),
        surrogate_keys_len: keys.len(),
        lookup_timeout_ms: 0,
    };
    for tag in [32, 33, 1 << 31, u32::MAX] {
        check_status!(
            INVALID_ARGUMENT,
            http_req::cache_override_set(request, tag, 60, 30)
        );
        check_status!(
            INVALID_ARGUMENT,
            http_req::cache_override_v2_set(request, tag, 60, 30, keys.as_ptr(), keys.len())
        );
        check_status!(
            INVALID_ARGUMENT,
            http_req::cache_override_v3_set(request, tag, &cache_override)
        );
    }
    Ok(())
}

fn req_framing_headers_mode() -> Outcome {
    let request = guest::new_request()?;
    for mode in [0, 1, 0] {
        check_status!(OK, http_req::framing_headers_mode_set(request, mode));
    }
    check_status!(BAD_HANDLE, http_req::framing_headers_mode_set(NO_HANDLE, 0));
    Ok(())
}

fn req_framing_headers_mode_unknown_value() -> Outcome {
    let request = guest::new_request()?;
    check_status!(
        INVALID_ARGUMENT,
        http_req::framing_headers_mode_set(request, 2)
    );
    Ok(())
}

fn req_auto_decompress() -> Outcome {
    let request = guest::new_request()?;
    for encodings in [0, 1, 0] {
        check_status!(
            OK,
            http_req::auto_decompress_response_set(request, encodings)
        );
    }
    check_status!(
        BAD_HANDLE,
        http_req::auto_decompress_response_set(NO_HANDLE, 1)
    );
    Ok(())
}

/// Gzip is the only encoding that has a bit.
fn req_auto_decompress_unknown_value() -> Outcome {
    let request = guest::new_request()?;
    for encodings in [2, 3, u32::MAX] {
        check_status!(
            INVALID_ARGUMENT,
            http_req::auto_decompress_response_set(request, encodings)
        );
    }
    Ok(())
}
