//! `fastly_http_resp`. Headers are in `headers.rs`; the ways to answer that cannot be followed by an
//! answer about them are in `special.rs`.

use super::{cases, header_lists, header_refusals, headers};
use crate::check::{Outcome, check, check_eq, check_status};
use crate::guest::{self, Misaligned, ORIGIN, end_of_memory};
use crate::sys::*;

cases![
    resp_new_defaults,
    resp_status,
    resp_status_bad_arguments,
    resp_status_unknown_value,
    resp_status_bad_result_pointer,
    resp_version,
    resp_version_bad_handle,
    resp_version_unknown_value,
    resp_version_bad_result_pointer,
    resp_header_insert_get = headers::insert_get::<headers::Response>,
    resp_header_insert_replaces = headers::insert_replaces::<headers::Response>,
    resp_header_append = headers::append_keeps::<headers::Response>,
    resp_header_remove = headers::remove::<headers::Response>,
    resp_header_missing = headers::missing::<headers::Response>,
    resp_header_value_bytes = headers::value_bytes::<headers::Response>,
    resp_header_value_small_buffer = headers::value_small_buffer::<headers::Response>,
    resp_header_names = header_lists::names_all::<headers::Response>,
    resp_header_names_cursor = header_lists::names_cursor::<headers::Response>,
    resp_header_names_small_buffer = header_lists::names_small_buffer::<headers::Response>,
    resp_header_cursor_not_wanted = header_lists::cursor_not_wanted::<headers::Response>,
    resp_header_values_cursor = header_lists::values_cursor::<headers::Response>,
    resp_header_values_set = header_lists::values_set::<headers::Response>,
    resp_header_bad_name = header_refusals::bad_name::<headers::Response>,
    resp_header_bad_value = header_refusals::bad_value::<headers::Response>,
    resp_header_bad_handle = header_refusals::bad_handle::<headers::Response>,
    resp_header_bad_pointers = header_refusals::bad_pointers::<headers::Response>,
    resp_new_bad_result_pointer = header_refusals::new_bad_result_pointer::<headers::Response>,
    resp_close = header_refusals::close::<headers::Response>,
    resp_framing_headers_mode,
    resp_framing_headers_mode_unknown_value,
    resp_http_keepalive_mode,
    resp_http_keepalive_mode_unknown_value,
    resp_addr_dest,
    resp_addr_dest_absent,
    resp_addr_dest_bad_arguments,
    resp_addr_dest_bad_result_pointer,
    resp_send_downstream_bad_handle,
    resp_send_downstream_informational,
    resp_send_downstream_pending_bad_handle,
];

fn new_response() -> Result<Handle, String> {
    let mut response = NO_HANDLE;
    check_status!(OK, http_resp::new(&mut response));
    Ok(response)
}

fn resp_new_defaults() -> Outcome {
    let response = new_response()?;
    check!(response != NO_HANDLE);
    check_eq!(200, guest::status_of(response)?);
    let mut version = u32::MAX;
    check_status!(OK, http_resp::version_get(response, &mut version));
    check_eq!(2, version);
    let mut buffer = [0; 16];
    let (mut ending_cursor, mut nwritten) = (0, usize::MAX);
    check_status!(
        OK,
        http_resp::header_names_get(
            response,
            buffer.as_mut_ptr(),
            buffer.len(),
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!((-1, 0), (ending_cursor, nwritten));
    check!(new_response()? != response);
    Ok(())
}

/// Every number of three digits is a status, whether or not it means anything.
fn resp_status() -> Outcome {
    let response = new_response()?;
    for expected in [100, 103, 200, 299, 404, 599, 600, 999] {
        check_status!(OK, http_resp::status_set(response, expected));
        // The status is two bytes long, so that those behind it have to stay what they are.
        let mut room = [0xAAAA_u16; 2];
        check_status!(OK, http_resp::status_get(response, room.as_mut_ptr()));
        check_eq!([expected as u16, 0xAAAA], room);
    }
    // Two bytes that begin at an even address are aligned.
    let mut room = [0u16; 4];
    let second = &mut room[1..];
    check_status!(OK, http_resp::status_get(response, second.as_mut_ptr()));
    check_eq!([0, 999, 0, 0], room);
    Ok(())
}

fn resp_status_bad_arguments() -> Outcome {
    let response = new_response()?;
    for status in [0, 1, 99, 1000, 65_535] {
        check_status!(INVALID_ARGUMENT, http_resp::status_set(response, status));
    }
    check_eq!(200, guest::status_of(response)?);
    let mut status = 0;
    check_status!(BAD_HANDLE, http_resp::status_set(NO_HANDLE, 200));
    check_status!(BAD_HANDLE, http_resp::status_get(NO_HANDLE, &mut status));
    Ok(())
}

/// A status has two bytes. A number that needs more must not be cut down to one that is a status.
fn resp_status_unknown_value() -> Outcome {
    let response = new_response()?;
    for status in [65_536 + 404, u32::MAX] {
        check_status!(INVALID_ARGUMENT, http_resp::status_set(response, status));
    }
    check_eq!(200, guest::status_of(response)?);
    Ok(())
}

fn resp_status_bad_result_pointer() -> Outcome {
    let response = new_response()?;
    check_status!(
        INVALID_ARGUMENT,
        http_resp::status_get(response, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        http_resp::status_get(response, Misaligned::new().pointer())
    );
    Ok(())
}

/// From 0 for HTTP/0.9 to 4 for HTTP/3.
fn resp_version() -> Outcome {
    let response = new_response()?;
    for expected in 0..=4 {
        check_status!(OK, http_resp::version_set(response, expected));
        let mut version = u32::MAX;
        check_status!(OK, http_resp::version_get(response, &mut version));
        check_eq!(expected, version);
    }
    Ok(())
}

fn resp_version_bad_handle() -> Outcome {
    let mut version = 0;
    check_status!(BAD_HANDLE, http_resp::version_set(NO_HANDLE, 2));
    check_status!(BAD_HANDLE, http_resp::version_get(NO_HANDLE, &mut version));
    Ok(())
}

fn resp_version_unknown_value() -> Outcome {
    let response = new_response()?;
    for version in [5, u32::MAX] {
        check_status!(INVALID_ARGUMENT, http_resp::version_set(response, version));
    }
    let mut version = 0;
    check_status!(OK, http_resp::version_get(response, &mut version));
    check_eq!(2, version);
    Ok(())
}

fn resp_version_bad_result_pointer() -> Outcome {
    let response = new_response()?;
    check_status!(
        INVALID_ARGUMENT,
        http_resp::version_get(response, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        http_resp::version_get(response, Misaligned::new().pointer())
    );
    Ok(())
}

fn resp_framing_headers_mode() -> Outcome {
    let response = new_response()?;
    for mode in [0, 1, 0] {
        check_status!(OK, http_resp::framing_headers_mode_set(response, mode));
    }
    check_status!(
        BAD_HANDLE,
        http_resp::framing_headers_mode_set(NO_HANDLE, 0)
    );
    Ok(())
}

fn resp_framing_headers_mode_unknown_value() -> Outcome {
    let response = new_response()?;
    check_status!(
        INVALID_ARGUMENT,
        http_resp::framing_headers_mode_set(response, 2)
    );
    Ok(())
}

fn resp_http_keepalive_mode() -> Outcome {
    let response = new_response()?;
    check_status!(OK, http_resp::http_keepalive_mode_set(response, 0));
    check_status!(OK, http_resp::http_keepalive_mode_set(response, 1));
    check_status!(BAD_HANDLE, http_resp::http_keepalive_mode_set(NO_HANDLE, 1));
    Ok(())
}

fn resp_http_keepalive_mode_unknown_value() -> Outcome {
    let response = new_response()?;
    check_status!(
        INVALID_ARGUMENT,
        http_resp::http_keepalive_mode_set(response, 2)
    );
    Ok(())
}

/// Sends a request past the cache or not, and returns the response.
fn response_from_origin(pass: bool) -> Result<Handle, String> {
    let request = guest::request_to("GET", "/echo")?;
    let tag = if pass { CACHE_PASS } else { 0 };
    check_status!(OK, http_req::cache_override_set(request, tag, 0, 0));
    let body = guest::empty_body()?;
    let (mut response, mut response_body) = (NO_HANDLE, NO_HANDLE);
    check_status!(
        OK,
        http_req::send(
            request,
            body,
            ORIGIN.as_ptr(),
            ORIGIN.len(),
            &mut response,
            &mut response_body
        )
    );
    Ok(response)
}

/// A response that came past the cache says where it came from.
fn resp_addr_dest() -> Outcome {
    let response = response_from_origin(true)?;
    let mut octets = [0xAA; 20];
    let mut nwritten = 0;
    check_status!(
        OK,
        http_resp::get_addr_dest_ip(response, octets.as_mut_ptr(), &mut nwritten)
    );
    check!(nwritten == 4 || nwritten == 16);
    check!(octets[nwritten..].iter().all(|byte| *byte == 0xAA));
    let mut room = [0xAAAA_u16; 2];
    room[0] = 0;
    check_status!(
        OK,
        http_resp::get_addr_dest_port(response, room.as_mut_ptr())
    );
    check!(room[0] != 0);
    check_eq!(0xAAAA, room[1]);
    Ok(())
}

/// A response that the guest made came from nowhere.
fn resp_addr_dest_absent() -> Outcome {
    let response = new_response()?;
    let mut octets = [0; 16];
    let mut nwritten = 0;
    check_status!(
        NONE,
        http_resp::get_addr_dest_ip(response, octets.as_mut_ptr(), &mut nwritten)
    );
    let mut port = 0;
    check_status!(NONE, http_resp::get_addr_dest_port(response, &mut port));
    Ok(())
}

fn resp_addr_dest_bad_arguments() -> Outcome {
    let mut octets = [0; 16];
    let mut nwritten = 0;
    let mut port = 0;
    check_status!(
        BAD_HANDLE,
        http_resp::get_addr_dest_ip(NO_HANDLE, octets.as_mut_ptr(), &mut nwritten)
    );
    check_status!(
        BAD_HANDLE,
        http_resp::get_addr_dest_port(NO_HANDLE, &mut port)
    );
    let response = response_from_origin(true)?;
    check_status!(
        INVALID_ARGUMENT,
        http_resp::get_addr_dest_ip(response, end_of_memory(), &mut nwritten)
    );
    Ok(())
}

fn resp_addr_dest_bad_result_pointer() -> Outcome {
    let mut octets = [0; 16];
    let response = response_from_origin(true)?;
    check_status!(
        INVALID_ARGUMENT,
        http_resp::get_addr_dest_ip(response, octets.as_mut_ptr(), end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        http_resp::get_addr_dest_ip(response, octets.as_mut_ptr(), Misaligned::new().pointer())
    );
    check_status!(
        INVALID_ARGUMENT,
        http_resp::get_addr_dest_port(response, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        http_resp::get_addr_dest_port(response, Misaligned::new().pointer())
    );
    Ok(())
}

/// None of these counts as the answer, which can still be given.
fn resp_send_downstream_bad_handle() -> Outcome {
    let body = guest::empty_body()?;
    check_status!(BAD_HANDLE, http_resp::send_downstream(NO_HANDLE, body, 0));
    let response = new_response()?;
    check_status!(
        BAD_HANDLE,
        http_resp::send_downstream(response, NO_HANDLE, 0)
    );
    let response = new_response()?;
    check_status!(
        BAD_HANDLE,
        http_resp::send_downstream(response, NO_HANDLE, 1)
    );
    let response = new_response()?;
    let closed = guest::empty_body()?;
    check_status!(OK, http_body::close(closed));
    check_status!(BAD_HANDLE, http_resp::send_downstream(response, closed, 0));
    Ok(())
}

/// Of the interim responses only 103 can be sent by a guest. The others are refused, and are used up
/// by the attempt.
fn resp_send_downstream_informational() -> Outcome {
    for status in [100, 101, 102, 199] {
        let response = new_response()?;
        check_status!(OK, http_resp::status_set(response, status));
        let body = guest::empty_body()?;
        check_status!(
            INVALID_ARGUMENT,
            http_resp::send_downstream(response, body, 0)
        );
        check_status!(BAD_HANDLE, http_resp::close(response));
        check_status!(BAD_HANDLE, http_body::close(body));
    }
    Ok(())
}

fn resp_send_downstream_pending_bad_handle() -> Outcome {
    check_status!(BAD_HANDLE, http_resp::send_downstream_pending(NO_HANDLE));
    let pending = guest::start("/echo", ORIGIN)?;
    guest::wait(pending)?;
    check_status!(BAD_HANDLE, http_resp::send_downstream_pending(pending));
    // A body is not a pending request, although the two share their numbers.
    let body = guest::empty_body()?;
    check_status!(BAD_HANDLE, http_resp::send_downstream_pending(body));
    check_status!(OK, http_body::close(body));
    Ok(())
}
