//! `fastly_http_req`: what a guest says about caching a response, by what the cache makes of it. The cache is that of
//! `fastly_http_cache`, so that it can be asked. Every case has a URL of its own, and removes what it left there.

use super::cases;
use super::http_cache::{FOUND, MUST_INSERT, begin, close, remove, state};
use crate::check::{Outcome, check_eq, check_status};
use crate::guest::{ORIGIN, empty_body, read_to_end, request_to, status_of};
use crate::sys::*;
use crate::texts;

cases![
    http_cache_override_set,
    http_cache_override_v2_set,
    http_cache_override_v3_set,
    http_cache_override_pass,
    http_cache_override_lookup_timeout,
];

/// What the calls say, each in its way.
#[derive(Clone, Copy)]
struct Override {
    tag: u32,
    ttl: u32,
    stale_while_revalidate: u32,
    surrogate_keys: &'static str,
    lookup_timeout_ms: u32,
}

const NOTHING: Override = Override {
    tag: 0,
    ttl: 0,
    stale_while_revalidate: 0,
    surrogate_keys: "",
    lookup_timeout_ms: 0,
};

type Set = fn(Handle, Override) -> Status;

fn set(request: Handle, given: Override) -> Status {
    unsafe {
        http_req::cache_override_set(request, given.tag, given.ttl, given.stale_while_revalidate)
    }
}

fn set_v2(request: Handle, given: Override) -> Status {
    let keys = given.surrogate_keys;
    unsafe {
        http_req::cache_override_v2_set(
            request,
            given.tag,
            given.ttl,
            given.stale_while_revalidate,
            keys.as_ptr(),
            keys.len(),
        )
    }
}

fn set_v3(request: Handle, given: Override) -> Status {
    let record = CacheOverride {
        ttl: given.ttl,
        stale_while_revalidate: given.stale_while_revalidate,
        surrogate_keys: given.surrogate_keys.as_ptr(),
        surrogate_keys_len: given.surrogate_keys.len(),
        lookup_timeout_ms: given.lookup_timeout_ms,
    };
    unsafe { http_req::cache_override_v3_set(request, given.tag, &record) }
}

const ALL: [Set; 3] = [set, set_v2, set_v3];

/// Sends a `GET` with an override, and gives the status of the call, the response and its body.
fn send(path: &str, set: Set, given: Override) -> Result<(Status, Handle, Handle), String> {
    let request = request_to("GET", path)?;
    check_eq!(OK, set(request, given));
    let (mut response, mut body) = (NO_HANDLE, NO_HANDLE);
    let sent = empty_body()?;
    let status = texts::send(
        http_req::send,
        request,
        sent,
        ORIGIN,
        &mut response,
        &mut body,
    );
    Ok((status, response, body))
}

/// Whether a backend has answered, and not the cache, which says so.
fn is_from_backend(path: &str, set: Set, given: Override) -> Result<bool, String> {
    let (status, response, body) = send(path, set, given)?;
    check_eq!(OK, status);
    check_eq!(200, status_of(response)?);
    check_eq!(b"aaaaaaaaaa".to_vec(), read_to_end(body)?);
    let (mut buffer, mut nwritten) = ([0; 16], 0);
    let get = http_resp::header_value_get;
    let told = texts::value(get, response, "x-cache", &mut buffer, &mut nwritten);
    Ok(told != OK || &buffer[..nwritten] != b"HIT")
}

/// What is stored is as fresh, as useful when stale, and as secret as was said.
fn is_obeyed(path: &str, set: Set, surrogate_keys: &'static str) -> Outcome {
    let given = Override {
        tag: CACHE_TTL | CACHE_STALE_WHILE_REVALIDATE | CACHE_PCI,
        ttl: 60,
        stale_while_revalidate: 30,
        surrogate_keys,
        ..NOTHING
    };
    check_eq!(true, is_from_backend(path, set, given)?);
    check_eq!(false, is_from_backend(path, set, NOTHING)?);
    let found = begin(request_to("GET", path)?)?;
    check_eq!(FOUND, state(found)?);
    let mut nanoseconds = 0;
    check_status!(OK, http_cache::get_max_age_ns(found, &mut nanoseconds));
    check_eq!(60_000_000_000, nanoseconds);
    check_status!(
        OK,
        http_cache::get_stale_while_revalidate_ns(found, &mut nanoseconds)
    );
    check_eq!(30_000_000_000, nanoseconds);
    let mut sensitive = 9;
    check_status!(OK, http_cache::get_sensitive_data(found, &mut sensitive));
    check_eq!(1, sensitive);
    close(found)
}

/// What was said without a lifetime is stale at once, and sent for again.
fn is_stale_at_once(path: &str, set: Set) -> Outcome {
    let stale = Override {
        tag: CACHE_TTL,
        ..NOTHING
    };
    check_eq!(true, is_from_backend(path, set, stale)?);
    check_eq!(true, is_from_backend(path, set, stale)?);
    Ok(())
}

fn http_cache_override_set() -> Outcome {
    is_obeyed("/bytes/10?http_cache_override_set", set, "")?;
    is_stale_at_once("/bytes/10?http_cache_override_set_stale", set)
}

/// Surrogate keys are what it is purged by.
fn purged_by_its_key(path: &str, set: Set, key: &'static str) -> Outcome {
    is_obeyed(path, set, key)?;
    remove(key)?;
    let gone = begin(request_to("GET", path)?)?;
    check_eq!(MUST_INSERT, state(gone)?);
    close(gone)
}

fn http_cache_override_v2_set() -> Outcome {
    purged_by_its_key(
        "/bytes/10?http_cache_override_v2_set",
        set_v2,
        "http_cache_override_v2_set",
    )?;
    is_stale_at_once("/bytes/10?http_cache_override_v2_set_stale", set_v2)
}

fn http_cache_override_v3_set() -> Outcome {
    purged_by_its_key(
        "/bytes/10?http_cache_override_v3_set",
        set_v3,
        "http_cache_override_v3_set",
    )?;
    is_stale_at_once("/bytes/10?http_cache_override_v3_set_stale", set_v3)
}

/// Nothing of what is passed is stored, whatever is said beside it.
fn http_cache_override_pass() -> Outcome {
    let pass = Override {
        tag: CACHE_PASS | CACHE_TTL,
        ttl: 60,
        ..NOTHING
    };
    let path = "/bytes/10?http_cache_override_pass";
    for set in ALL {
        check_eq!(true, is_from_backend(path, set, pass)?);
        check_eq!(true, is_from_backend(path, set, pass)?);
    }
    let nothing = begin(request_to("GET", path)?)?;
    check_eq!(MUST_INSERT, state(nothing)?);
    close(nothing)
}

/// Somebody else, who is this guest too, has said that it sends for the response, and does not. Without a limit this would
/// wait for ever.
fn http_cache_override_lookup_timeout() -> Outcome {
    let path = "/bytes/10?http_cache_override_lookup_timeout";
    let leader = begin(request_to("GET", path)?)?;
    check_eq!(MUST_INSERT, state(leader)?);
    let impatient = Override {
        tag: CACHE_LOOKUP_TIMEOUT,
        lookup_timeout_ms: 20,
        ..NOTHING
    };
    let (status, response, body) = send(path, set_v3, impatient)?;
    check_eq!((ERROR, NO_HANDLE, NO_HANDLE), (status, response, body));
    close(leader)
}
