//! `fastly_http_downstream`, and what `fastly_http_req` has of it: who the client is. Nothing is known about the client
//! of these cases, whose connection is not encrypted.

use super::cases;
use super::identity::{EARLIER_OF_BYTES, EARLIER_OF_NUMBERS, OF_BYTES, OF_NUMBERS, inspection};
use crate::check::{Outcome, check, check_eq, check_status};
use crate::guest::{self, Misaligned, end_of_memory};
use crate::sys::*;

cases![
    downstream_of_an_unknown_client,
    downstream_of_an_unknown_client_earlier,
    downstream_buffer_too_small,
    downstream_bad_handle,
    downstream_of_another_request,
    downstream_bad_result_pointer,
    downstream_bad_result_pointer_earlier,
    downstream_bad_buffer,
    downstream_addresses,
    downstream_original_headers,
    downstream_original_headers_bad_arguments,
    downstream_visits,
    req_inspect,
    req_inspect_bad_arguments,
    req_on_behalf_of,
];

/// What a getter says about a client of whom nothing is known: a status, and a value.
fn expected(name: &str) -> (Status, &'static str) {
    match name {
        "downstream_compliance_region" => (OK, "none"),
        "downstream_client_request_id" => (OK, ""),
        "downstream_client_ddos_detected"
        | "fastly_key_is_valid"
        | "downstream_bot_analyzed"
        | "downstream_bot_detected" => (OK, "0"),
        _ => (NONE, ""),
    }
}

fn check_bytes(name: &str, status: Status, buffer: &[u8]) -> Outcome {
    let (expected, value) = expected(name);
    check_eq!((name, expected), (name, status));
    if name == "downstream_client_request_id" {
        check_eq!(32, buffer.len());
        check!(buffer.iter().all(u8::is_ascii_hexdigit));
    } else if status == OK {
        check_eq!((name, value.as_bytes()), (name, buffer));
    }
    Ok(())
}

fn check_number(name: &str, status: Status, number: u32) -> Outcome {
    let (expected, value) = expected(name);
    check_eq!((name, expected), (name, status));
    if status == OK {
        check_eq!((name, value.to_owned()), (name, number.to_string()));
    }
    Ok(())
}

fn downstream_of_an_unknown_client() -> Outcome {
    let (request, _) = guest::downstream()?;
    for (name, get) in OF_BYTES {
        let (mut buffer, mut nwritten) = ([0; 64], 0);
        let status = unsafe { get(request, buffer.as_mut_ptr(), 64, &mut nwritten) };
        check_bytes(name, status, &buffer[..nwritten])?;
    }
    for (name, get) in OF_NUMBERS {
        let mut number = u32::MAX;
        let status = unsafe { get(request, &mut number) };
        check_number(name, status, number)?;
    }
    let (mut digest, mut nwritten) = ([0; 16], 0);
    check_status!(
        NONE,
        http_downstream::downstream_tls_ja3_md5(request, digest.as_mut_ptr(), &mut nwritten)
    );
    Ok(())
}

fn downstream_of_an_unknown_client_earlier() -> Outcome {
    for (name, get) in EARLIER_OF_BYTES {
        let (mut buffer, mut nwritten) = ([0; 64], 0);
        let status = unsafe { get(buffer.as_mut_ptr(), 64, &mut nwritten) };
        check_bytes(name, status, &buffer[..nwritten])?;
    }
    for (name, get) in EARLIER_OF_NUMBERS {
        let mut number = u32::MAX;
        let status = unsafe { get(&mut number) };
        check_number(name, status, number)?;
    }
    let (mut digest, mut nwritten) = ([0; 16], 0);
    check_status!(
        NONE,
        http_req::downstream_tls_ja3_md5(digest.as_mut_ptr(), &mut nwritten)
    );
    Ok(())
}

fn downstream_buffer_too_small() -> Outcome {
    let (request, _) = guest::downstream()?;
    let (mut buffer, mut nwritten) = ([0; 32], 0);
    check_status!(
        BUFFER_TOO_SMALL,
        http_downstream::downstream_compliance_region(
            request,
            buffer.as_mut_ptr(),
            3,
            &mut nwritten
        )
    );
    check_eq!(4, nwritten);
    check_status!(
        OK,
        http_downstream::downstream_compliance_region(
            request,
            buffer.as_mut_ptr(),
            4,
            &mut nwritten
        )
    );
    check_status!(
        BUFFER_TOO_SMALL,
        http_req::downstream_client_request_id(buffer.as_mut_ptr(), 31, &mut nwritten)
    );
    check_eq!(32, nwritten);
    Ok(())
}

/// Every getter with the handle, which has to get the same status of all of them.
fn every_getter(request: Handle, expected: Status) -> Outcome {
    for (name, get) in OF_BYTES {
        let (mut buffer, mut nwritten) = ([0; 64], 0);
        let status = unsafe { get(request, buffer.as_mut_ptr(), 64, &mut nwritten) };
        check_eq!((name, expected), (name, status));
    }
    for (name, get) in OF_NUMBERS {
        let mut number = 0;
        let status = unsafe { get(request, &mut number) };
        check_eq!((name, expected), (name, status));
    }
    let (mut octets, mut nwritten) = ([0; 16], 0);
    check_status!(
        expected,
        http_downstream::downstream_tls_ja3_md5(request, octets.as_mut_ptr(), &mut nwritten)
    );
    check_status!(
        expected,
        http_downstream::downstream_client_ip_addr(request, octets.as_mut_ptr(), &mut nwritten)
    );
    check_status!(
        expected,
        http_downstream::downstream_server_ip_addr(request, octets.as_mut_ptr(), &mut nwritten)
    );
    let mut count = 0;
    check_status!(
        expected,
        http_downstream::downstream_original_header_count(request, &mut count)
    );
    Ok(())
}

fn downstream_bad_handle() -> Outcome {
    every_getter(NO_HANDLE, BAD_HANDLE)
}

fn downstream_of_another_request() -> Outcome {
    every_getter(guest::new_request()?, INVALID_ARGUMENT)
}

fn downstream_bad_result_pointer() -> Outcome {
    let (request, _) = guest::downstream()?;
    for (name, get) in OF_BYTES {
        let mut buffer = [0; 64];
        let status = unsafe { get(request, buffer.as_mut_ptr(), 64, end_of_memory()) };
        check_eq!((name, INVALID_ARGUMENT), (name, status));
        let status = unsafe {
            get(
                request,
                buffer.as_mut_ptr(),
                64,
                Misaligned::new().pointer(),
            )
        };
        check_eq!((name, BAD_ALIGNMENT), (name, status));
    }
    for (name, get) in OF_NUMBERS {
        let status = unsafe { get(request, end_of_memory()) };
        check_eq!((name, INVALID_ARGUMENT), (name, status));
        let status = unsafe { get(request, Misaligned::new().pointer()) };
        check_eq!((name, BAD_ALIGNMENT), (name, status));
    }
    Ok(())
}

fn downstream_bad_result_pointer_earlier() -> Outcome {
    for (name, get) in EARLIER_OF_BYTES {
        let mut buffer = [0; 64];
        let status = unsafe { get(buffer.as_mut_ptr(), 64, end_of_memory()) };
        check_eq!((name, INVALID_ARGUMENT), (name, status));
        let status = unsafe { get(buffer.as_mut_ptr(), 64, Misaligned::new().pointer()) };
        check_eq!((name, BAD_ALIGNMENT), (name, status));
    }
    for (name, get) in EARLIER_OF_NUMBERS {
        let status = unsafe { get(end_of_memory()) };
        check_eq!((name, INVALID_ARGUMENT), (name, status));
        let status = unsafe { get(Misaligned::new().pointer()) };
        check_eq!((name, BAD_ALIGNMENT), (name, status));
    }
    Ok(())
}

/// Those that write a fixed number of bytes, and texts where there is one to write.
fn downstream_bad_buffer() -> Outcome {
    let (request, _) = guest::downstream()?;
    let (mut octets, mut nwritten) = ([0; 16], 0);
    type OfOctets = unsafe extern "C" fn(Handle, *mut u8, *mut usize) -> Status;
    let getters: [OfOctets; 3] = [
        http_downstream::downstream_client_ip_addr,
        http_downstream::downstream_server_ip_addr,
        http_downstream::downstream_tls_ja3_md5,
    ];
    for get in getters {
        check_status!(
            INVALID_ARGUMENT,
            get(request, octets.as_mut_ptr(), end_of_memory())
        );
        check_status!(
            BAD_ALIGNMENT,
            get(request, octets.as_mut_ptr(), Misaligned::new().pointer())
        );
    }
    type EarlierOfOctets = unsafe extern "C" fn(*mut u8, *mut usize) -> Status;
    let earlier: [EarlierOfOctets; 2] = [
        http_req::downstream_server_ip_addr,
        http_req::downstream_tls_ja3_md5,
    ];
    for get in earlier {
        check_status!(INVALID_ARGUMENT, get(octets.as_mut_ptr(), end_of_memory()));
        check_status!(
            BAD_ALIGNMENT,
            get(octets.as_mut_ptr(), Misaligned::new().pointer())
        );
    }
    for get in &getters[..2] {
        check_status!(
            INVALID_ARGUMENT,
            get(request, end_of_memory(), &mut nwritten)
        );
    }
    check_status!(
        INVALID_ARGUMENT,
        http_req::downstream_server_ip_addr(end_of_memory(), &mut nwritten)
    );
    check_status!(
        INVALID_ARGUMENT,
        http_downstream::downstream_client_request_id(request, end_of_memory(), 32, &mut nwritten)
    );
    check_status!(
        INVALID_ARGUMENT,
        http_req::downstream_compliance_region(end_of_memory(), 32, &mut nwritten)
    );
    let mut count = 0;
    check_status!(
        BUFFER_TOO_SMALL,
        http_req::downstream_compliance_region(octets.as_mut_ptr(), 3, &mut nwritten)
    );
    check_eq!(4, nwritten);
    check_status!(
        BUFFER_TOO_SMALL,
        http_downstream::downstream_client_request_id(
            request,
            octets.as_mut_ptr(),
            16,
            &mut nwritten
        )
    );
    check_eq!(32, nwritten);
    check_status!(
        INVALID_ARGUMENT,
        http_downstream::downstream_visits_this_service(end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        http_downstream::downstream_original_header_count(request, Misaligned::new().pointer())
    );
    check_status!(
        OK,
        http_downstream::downstream_original_header_count(request, &mut count)
    );
    check!(count > 0);
    Ok(())
}

fn downstream_original_headers_bad_arguments() -> Outcome {
    let (request, _) = guest::downstream()?;
    let mut buffer = [0; 1024];
    let (mut ending_cursor, mut nwritten) = (0, 0);
    for (bad, expected) in [
        (NO_HANDLE, BAD_HANDLE),
        (guest::new_request()?, INVALID_ARGUMENT),
    ] {
        check_status!(
            expected,
            http_downstream::downstream_original_header_names(
                bad,
                buffer.as_mut_ptr(),
                buffer.len(),
                0,
                &mut ending_cursor,
                &mut nwritten
            )
        );
    }
    check_status!(
        BUFFER_TOO_SMALL,
        http_downstream::downstream_original_header_names(
            request,
            buffer.as_mut_ptr(),
            1,
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check!(nwritten > 1);
    check_eq!(-1, ending_cursor);
    check_status!(
        INVALID_ARGUMENT,
        http_downstream::downstream_original_header_names(
            request,
            end_of_memory(),
            16,
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_status!(
        BAD_ALIGNMENT,
        http_downstream::downstream_original_header_names(
            request,
            buffer.as_mut_ptr(),
            buffer.len(),
            0,
            &mut ending_cursor,
            Misaligned::new().pointer()
        )
    );
    Ok(())
}

fn downstream_addresses() -> Outcome {
    let (request, _) = guest::downstream()?;
    let (mut octets, mut nwritten) = ([0; 16], 0);
    let loopback = [127, 0, 0, 1];
    check_status!(
        OK,
        http_downstream::downstream_client_ip_addr(request, octets.as_mut_ptr(), &mut nwritten)
    );
    check_eq!(loopback, octets[..nwritten]);
    check_status!(
        OK,
        http_downstream::downstream_server_ip_addr(request, octets.as_mut_ptr(), &mut nwritten)
    );
    check_eq!(loopback, octets[..nwritten]);
    octets = [0; 16];
    check_status!(
        OK,
        http_req::downstream_server_ip_addr(octets.as_mut_ptr(), &mut nwritten)
    );
    check_eq!(loopback, octets[..nwritten]);
    Ok(())
}

fn downstream_original_headers() -> Outcome {
    let (request, _) = guest::downstream()?;
    let mut count = 0;
    check_status!(
        OK,
        http_downstream::downstream_original_header_count(request, &mut count)
    );
    let mut buffer = [0; 4096];
    let (mut ending_cursor, mut nwritten) = (0, 0);
    check_status!(
        OK,
        http_downstream::downstream_original_header_names(
            request,
            buffer.as_mut_ptr(),
            buffer.len(),
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!(-1, ending_cursor);
    let names = buffer[..nwritten].iter().filter(|byte| **byte == 0).count();
    check_eq!(count as usize, names);
    Ok(())
}

/// Nobody counts them.
fn downstream_visits() -> Outcome {
    let mut visits = 0;
    check_status!(
        UNSUPPORTED,
        http_downstream::downstream_visits_this_service(&mut visits)
    );
    check_status!(
        UNSUPPORTED,
        http_downstream::downstream_visits_this_pop(&mut visits)
    );
    check_status!(
        INVALID_ARGUMENT,
        http_downstream::downstream_visits_this_pop(end_of_memory())
    );
    Ok(())
}

/// Everything is allowed.
fn req_inspect() -> Outcome {
    let verdict = inspection()?;
    check!(verdict.contains("\"verdict\":\"allow\""));
    check!(verdict.contains("\"waf_response\":200"));
    Ok(())
}

fn req_inspect_bad_arguments() -> Outcome {
    let (request, body) = guest::downstream()?;
    let name = "name";
    let address = [10, 0, 0, 1, 0];
    let mut info = InspectInfo {
        corp: name.as_ptr(),
        corp_len: name.len(),
        workspace: name.as_ptr(),
        workspace_len: name.len(),
        override_client_ip: address.as_ptr(),
        override_client_ip_len: 4,
    };
    let mut buffer = [0; 256];
    let mut nwritten = 0;
    let names = INSPECT_CORP | INSPECT_WORKSPACE;
    let mut inspect = |request, body, mask, info: *const InspectInfo, length| unsafe {
        http_req::inspect(
            request,
            body,
            mask,
            info,
            buffer.as_mut_ptr(),
            length,
            &mut nwritten,
        )
    };
    check_eq!(
        OK,
        inspect(
            request,
            body,
            names | INSPECT_OVERRIDE_CLIENT_IP,
            &info,
            256
        )
    );
    check_eq!(BUFFER_TOO_SMALL, inspect(request, body, names, &info, 8));
    check_eq!(BAD_HANDLE, inspect(NO_HANDLE, body, names, &info, 256));
    check_eq!(BAD_HANDLE, inspect(request, NO_HANDLE, names, &info, 256));
    for mask in [0, INSPECT_CORP, INSPECT_WORKSPACE] {
        check_eq!(INVALID_ARGUMENT, inspect(request, body, mask, &info, 256));
    }
    check_eq!(
        INVALID_ARGUMENT,
        inspect(request, body, names, end_of_memory(), 256)
    );
    info.override_client_ip_len = 5;
    check_eq!(
        INVALID_ARGUMENT,
        inspect(
            request,
            body,
            names | INSPECT_OVERRIDE_CLIENT_IP,
            &info,
            256
        )
    );
    info.corp_len = 0;
    check_eq!(INVALID_ARGUMENT, inspect(request, body, names, &info, 256));
    Ok(())
}

fn req_on_behalf_of() -> Outcome {
    let request = guest::new_request()?;
    let service = "service";
    check_status!(
        UNSUPPORTED,
        http_req::on_behalf_of(request, service.as_ptr(), service.len())
    );
    check_status!(
        BAD_HANDLE,
        http_req::on_behalf_of(NO_HANDLE, service.as_ptr(), service.len())
    );
    check_status!(
        INVALID_ARGUMENT,
        http_req::on_behalf_of(request, end_of_memory(), 4)
    );
    Ok(())
}
