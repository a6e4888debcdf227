//! Places for results that are none, of the modules about HTTP: behind the end of memory, and not aligned. Nothing else is
//! looked at before, and nothing is consumed, so that most of the handles need not be any.

use super::cases;
use crate::check::{Outcome, check_eq, check_status};
use crate::guest::{self, Misaligned, ORIGIN, end_of_memory};
use crate::sys::*;

cases![
    req_results_bad_result_pointer,
    req_details_bad_result_pointer,
    body_lists_bad_result_pointer,
    downstream_results_bad_result_pointer,
    backend_getters_bad_result_pointer,
    shielding_bad_result_pointer,
];

/// A call by its name, with a pointer in one of its places and what is good in the others.
type Call = (&'static str, fn(usize) -> Status);

/// Every call refuses both kinds of place.
fn are_refused(calls: &[Call]) -> Outcome {
    let mut misaligned = Misaligned::new();
    for (name, call) in calls {
        let outside = end_of_memory::<u8>() as usize;
        check_eq!((name, INVALID_ARGUMENT), (name, call(outside)));
        let place = misaligned.pointer::<u8>() as usize;
        check_eq!((name, BAD_ALIGNMENT), (name, call(place)));
    }
    Ok(())
}

/// Places that are good for anything.
struct Places([u64; 8]);

impl Places {
    fn new() -> Self {
        Places([0; 8])
    }

    fn at<T>(&mut self, index: usize) -> *mut T {
        (&raw mut self.0[index]).cast()
    }
}

macro_rules! calls {
    (|$place:ident, $good:ident| $($name:literal => $call:expr),* $(,)?) => {
        &[$(($name, |$place: usize| {
            #[allow(unused_mut, unused_variables, reason = "some have one place only")]
            let mut $good = Places::new();
            unsafe { $call }
        })),*]
    };
}

fn req_results_bad_result_pointer() -> Outcome {
    are_refused(calls![|place, good|
        "send_v2 response" => http_req::send_v2(
            NO_HANDLE, NO_HANDLE, ORIGIN.as_ptr(), ORIGIN.len(), good.at(0), place as _, good.at(4)),
        "send_v2 body" => http_req::send_v2(
            NO_HANDLE, NO_HANDLE, ORIGIN.as_ptr(), ORIGIN.len(), good.at(0), good.at(4), place as _),
        "send_v3 response" => http_req::send_v3(
            NO_HANDLE, NO_HANDLE, ORIGIN.as_ptr(), ORIGIN.len(), good.at(0), place as _, good.at(4)),
        "send_v3 body" => http_req::send_v3(
            NO_HANDLE, NO_HANDLE, ORIGIN.as_ptr(), ORIGIN.len(), good.at(0), good.at(4), place as _),
        "send_async" => http_req::send_async(
            NO_HANDLE, NO_HANDLE, ORIGIN.as_ptr(), ORIGIN.len(), place as _),
        "send_async_v2" => http_req::send_async_v2(
            NO_HANDLE, NO_HANDLE, ORIGIN.as_ptr(), ORIGIN.len(), 0, place as _),
        "send_async_streaming" => http_req::send_async_streaming(
            NO_HANDLE, NO_HANDLE, ORIGIN.as_ptr(), ORIGIN.len(), place as _),
        "pending_req_poll_v2 done" => http_req::pending_req_poll_v2(
            NO_HANDLE, good.at(0), place as _, good.at(4), good.at(5)),
        "pending_req_poll_v2 response" => http_req::pending_req_poll_v2(
            NO_HANDLE, good.at(0), good.at(4), place as _, good.at(5)),
        "pending_req_poll_v2 body" => http_req::pending_req_poll_v2(
            NO_HANDLE, good.at(0), good.at(4), good.at(5), place as _),
        "pending_req_wait_v2 response" => http_req::pending_req_wait_v2(
            NO_HANDLE, good.at(0), place as _, good.at(4)),
        "pending_req_wait_v2 body" => http_req::pending_req_wait_v2(
            NO_HANDLE, good.at(0), good.at(4), place as _),
        "pending_req_select index" => http_req::pending_req_select(
            good.at(6), 1, place as _, good.at(4), good.at(5)),
        "pending_req_select_v2 list" => http_req::pending_req_select_v2(
            place as _, 1, good.at(0), good.at(4), good.at(5), good.at(6)),
        "pending_req_select_v2 index" => http_req::pending_req_select_v2(
            good.at(7), 1, good.at(0), place as _, good.at(4), good.at(5)),
        "pending_req_select_v2 response" => http_req::pending_req_select_v2(
            good.at(7), 1, good.at(0), good.at(4), place as _, good.at(5)),
        "pending_req_select_v2 body" => http_req::pending_req_select_v2(
            good.at(7), 1, good.at(0), good.at(4), good.at(5), place as _),
    ])
}

/// The record of a failure is checked before anything is sent.
fn req_details_bad_result_pointer() -> Outcome {
    are_refused(calls![|place, good|
        "send_v2" => http_req::send_v2(
            NO_HANDLE, NO_HANDLE, ORIGIN.as_ptr(), ORIGIN.len(), place as _, good.at(4), good.at(5)),
        "send_v3" => http_req::send_v3(
            NO_HANDLE, NO_HANDLE, ORIGIN.as_ptr(), ORIGIN.len(), place as _, good.at(4), good.at(5)),
        "pending_req_poll_v2" => http_req::pending_req_poll_v2(
            NO_HANDLE, place as _, good.at(4), good.at(5), good.at(6)),
        "pending_req_wait_v2" => http_req::pending_req_wait_v2(
            NO_HANDLE, place as _, good.at(4), good.at(5)),
        "pending_req_select_v2" => http_req::pending_req_select_v2(
            good.at(7), 1, place as _, good.at(4), good.at(5), good.at(6)),
    ])?;
    // Records that are read, not written.
    let request = guest::new_request()?;
    let (name, record) = ("bad_pointers", Misaligned::new().pointer());
    check_status!(
        BAD_ALIGNMENT,
        http_req::register_dynamic_backend(
            name.as_ptr(),
            name.len(),
            ORIGIN.as_ptr(),
            ORIGIN.len(),
            0,
            record
        )
    );
    let body = guest::empty_body()?;
    let (mut buffer, mut nwritten) = ([0; 256], 0);
    let info = Misaligned::new().pointer();
    let both = INSPECT_CORP | INSPECT_WORKSPACE;
    check_status!(
        BAD_ALIGNMENT,
        http_req::inspect(
            request,
            body,
            both,
            info,
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut nwritten
        )
    );
    check_status!(OK, http_req::close(request));
    check_status!(OK, http_body::close(body));
    Ok(())
}

fn body_lists_bad_result_pointer() -> Outcome {
    are_refused(calls![|place, good|
        "trailer_values_get cursor" => http_body::trailer_values_get(
            NO_HANDLE, "x".as_ptr(), 1, good.at(0), 8, 0, place as _, good.at(4)),
        "trailer_values_get written" => http_body::trailer_values_get(
            NO_HANDLE, "x".as_ptr(), 1, good.at(0), 8, 0, good.at(4), place as _),
        "trailer_names_get cursor" => http_body::trailer_names_get(
            NO_HANDLE, good.at(0), 8, 0, place as _, good.at(4)),
        "trailer_names_get written" => http_body::trailer_names_get(
            NO_HANDLE, good.at(0), 8, 0, good.at(4), place as _),
        "trailer_value_get" => http_body::trailer_value_get(
            NO_HANDLE, "x".as_ptr(), 1, good.at(0), 8, place as _),
        "original_header_names" => http_downstream::downstream_original_header_names(
            NO_HANDLE, good.at(0), 8, 0, place as _, good.at(4)),
    ])
}

fn downstream_results_bad_result_pointer() -> Outcome {
    are_refused(calls![|place, good|
        "next_request_wait request" => http_downstream::next_request_wait(
            NO_HANDLE, place as _, good.at(0)),
        "next_request_wait body" => http_downstream::next_request_wait(
            NO_HANDLE, good.at(0), place as _),
        "next_request" => http_downstream::next_request(0, good.at(0), place as _),
        "visits_this_service" => http_downstream::downstream_visits_this_service(place as _),
        "visits_this_pop" => http_downstream::downstream_visits_this_pop(place as _),
    ])
}

fn backend_getters_bad_result_pointer() -> Outcome {
    macro_rules! getters {
        ($($getter:ident),*) => {
            &[$((stringify!($getter), |place: usize| unsafe {
                backend::$getter(ORIGIN.as_ptr(), ORIGIN.len(), place as _)
            })),*]
        };
    }
    are_refused(getters![
        exists,
        is_healthy,
        is_dynamic,
        get_port,
        get_connect_timeout_ms,
        get_first_byte_timeout_ms,
        get_between_bytes_timeout_ms,
        get_http_keepalive_time,
        get_tcp_keepalive_enable,
        get_tcp_keepalive_interval,
        get_tcp_keepalive_probes,
        get_tcp_keepalive_time,
        is_ssl,
        get_ssl_min_version,
        get_ssl_max_version,
        is_ipv6_preferred,
        get_max_connections,
        get_max_use,
        get_max_lifetime_ms
    ])?;
    are_refused(calls![|place, good|
        "get_host" => backend::get_host(
            ORIGIN.as_ptr(), ORIGIN.len(), good.at(0), 64, place as _),
        "get_override_host" => backend::get_override_host(
            ORIGIN.as_ptr(), ORIGIN.len(), good.at(0), 64, place as _),
    ])
}

fn shielding_bad_result_pointer() -> Outcome {
    are_refused(calls![|place, good|
        "shield_info" => shielding::shield_info(
            "here".as_ptr(), 4, good.at(0), 8, place as _),
        "backend_for_shield record" => shielding::backend_for_shield(
            "http://a".as_ptr(), 8, 0, place as _, good.at(0), 8, good.at(4)),
        "backend_for_shield written" => shielding::backend_for_shield(
            "http://a".as_ptr(), 8, 0, good.at(4), good.at(0), 8, place as _),
    ])
}
