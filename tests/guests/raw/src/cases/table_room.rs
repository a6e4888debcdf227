//! What a guest is told that holds as many bodies, lookups and operations as there may be.

use super::http_cache::{insert, options, remove, request_of, transaction};
use super::http_req_send::check_echo;
use super::{cases, kv_store};
use crate::check::{Outcome, check, check_eq, check_status};
use crate::guest::{self, ORIGIN, end_of_memory};
use crate::sys::*;

cases![
    full_table_of_cache,
    full_table_of_http_cache,
    full_table_of_stores,
    full_table_of_responses,
    full_table_of_requests_under_way,
];

/// Makes bodies until there is no room for another one, all of them in one table with lookups and operations.
fn fill() -> Result<Vec<Handle>, String> {
    let mut bodies = Vec::new();
    loop {
        let mut body = NO_HANDLE;
        match unsafe { http_body::new(&mut body) } {
            OK => bodies.push(body),
            status => {
                check_eq!(LIMIT_EXCEEDED, status);
                check!(bodies.len() > 60_000);
                return Ok(bodies);
            }
        }
    }
}

fn clear(bodies: Vec<Handle>) -> Outcome {
    for body in bodies {
        check_status!(OK, http_body::close(body));
    }
    Ok(())
}

fn full_table_of_cache() -> Outcome {
    let name = "full_table_of_cache";
    let (key, length) = (name.as_ptr(), name.len());
    let lookup = CacheLookupOptions::default();
    let (mut leader, mut state, mut back) = (NO_HANDLE, 0, NO_HANDLE);
    // Of another object: lookups of this one would wait for it.
    let other = "full_table_of_cache: other";
    check_status!(
        OK,
        cache::transaction_lookup(other.as_ptr(), other.len(), 0, &lookup, &mut leader)
    );
    let bodies = fill()?;
    let mut handle = NO_HANDLE;
    for begin in [
        cache::lookup,
        cache::transaction_lookup,
        cache::transaction_lookup_async,
    ] {
        check_status!(LIMIT_EXCEEDED, begin(key, length, 0, &lookup, &mut handle));
    }
    check_status!(
        LIMIT_EXCEEDED,
        cache::replace(key, length, 0, &CacheReplaceOptions::default(), &mut handle)
    );
    let write = CacheWriteOptions::default();
    check_status!(
        LIMIT_EXCEEDED,
        cache::insert(key, length, 0, &write, &mut handle)
    );
    check_status!(
        LIMIT_EXCEEDED,
        cache::transaction_insert(leader, 0, &write, &mut handle)
    );
    check_status!(
        LIMIT_EXCEEDED,
        cache::transaction_insert_and_stream_back(leader, 0, &write, &mut handle, &mut back)
    );
    check_eq!((NO_HANDLE, NO_HANDLE), (handle, back));
    // The duty to insert it is where it was.
    check_status!(OK, cache::get_state(leader, &mut state));
    check_eq!(1 << 3, state);
    check_status!(OK, cache::close(leader));
    clear(bodies)?;
    // Nothing was inserted, and nobody else has the duty.
    check_status!(
        OK,
        cache::transaction_lookup(key, length, 0, &lookup, &mut handle)
    );
    check_status!(OK, cache::get_state(handle, &mut state));
    check_eq!(1 << 3, state);
    check_status!(OK, cache::close(handle));
    Ok(())
}

fn full_table_of_http_cache() -> Outcome {
    let request = request_of("full_table_of_http_cache")?;
    let lookup = HttpCacheLookupOptions::default();
    let name = "full_table_of_http_cache_stored";
    insert(transaction(name)?, &[], options(name), b"stored")?;
    let stored = transaction(name)?;
    let bodies = fill()?;
    let (mut head, mut content) = (NO_HANDLE, NO_HANDLE);
    check_status!(
        LIMIT_EXCEEDED,
        http_cache::get_found_response(stored, 1, &mut head, &mut content)
    );
    check_eq!((NO_HANDLE, NO_HANDLE), (head, content));
    let mut handle = NO_HANDLE;
    for begin in [http_cache::lookup, http_cache::transaction_lookup] {
        check_status!(LIMIT_EXCEEDED, begin(request, 0, &lookup, &mut handle));
    }
    check_eq!(NO_HANDLE, handle);
    clear(bodies)?;
    check_status!(
        OK,
        http_cache::transaction_lookup(request, 0, &lookup, &mut handle)
    );
    let mut state = 0;
    check_status!(OK, http_cache::get_state(handle, &mut state));
    check_eq!(1 << 3, state);
    check_status!(OK, http_cache::close(handle));
    // The response is where it was.
    check_status!(
        OK,
        http_cache::get_found_response(stored, 1, &mut head, &mut content)
    );
    check_eq!(b"stored".to_vec(), guest::read_to_end(content)?);
    check_status!(OK, http_cache::close(stored));
    remove(name)
}

fn full_table_of_stores() -> Outcome {
    let (key, length) = ("greeting".as_ptr(), 8);
    let (kv, mut objects) = (kv_store::opened()?, NO_HANDLE);
    check_status!(OK, object_store::open("kv".as_ptr(), 2, &mut objects));
    let none = end_of_memory();
    let bodies = fill()?;
    let mut handle = NO_HANDLE;
    check_status!(
        LIMIT_EXCEEDED,
        crate::sys::kv_store::lookup(kv, key, length, 0, none, &mut handle)
    );
    check_status!(
        LIMIT_EXCEEDED,
        crate::sys::kv_store::delete(kv, key, length, 0, none, &mut handle)
    );
    let list = ListConfig {
        mode: 0,
        cursor: core::ptr::null(),
        cursor_len: 0,
        limit: 0,
        prefix: core::ptr::null(),
        prefix_len: 0,
    };
    check_status!(
        LIMIT_EXCEEDED,
        crate::sys::kv_store::list(kv, 0, &list, &mut handle)
    );
    check_status!(
        LIMIT_EXCEEDED,
        object_store::lookup_async(objects, key, length, &mut handle)
    );
    check_status!(
        LIMIT_EXCEEDED,
        object_store::delete_async(objects, key, length, &mut handle)
    );
    check_status!(
        LIMIT_EXCEEDED,
        object_store::lookup(objects, key, length, &mut handle)
    );
    check_eq!(NO_HANDLE, handle);
    clear(bodies)?;
    // What was to be removed is still there.
    check_status!(OK, object_store::lookup(objects, key, length, &mut handle));
    check!(handle != NO_HANDLE);
    Ok(())
}

/// A request is not sent when there is no room for the response, and one that was sent is not lost.
fn full_table_of_responses() -> Outcome {
    let (sent, streamed) = guest::start_streaming("/echo", ORIGIN)?;
    guest::write(streamed, b"before")?;
    check_status!(OK, http_body::close(streamed));
    let (request, body) = (
        guest::request_to("POST", "/echo")?,
        guest::body_with(b"after")?,
    );
    let mut last = NO_HANDLE;
    while unsafe { http_resp::new(&mut last) } == OK {}
    let (mut head, mut content, mut is_done) = (NO_HANDLE, NO_HANDLE, 0);
    let (name, length) = (ORIGIN.as_ptr(), ORIGIN.len());
    check_status!(
        LIMIT_EXCEEDED,
        http_req::send(request, body, name, length, &mut head, &mut content)
    );
    check_status!(
        LIMIT_EXCEEDED,
        http_req::pending_req_wait(sent, &mut head, &mut content)
    );
    check_status!(
        LIMIT_EXCEEDED,
        http_req::pending_req_select(&sent, 1, &mut is_done, &mut head, &mut content)
    );
    check_eq!((NO_HANDLE, NO_HANDLE), (head, content));
    check_status!(OK, http_resp::close(last));
    check_status!(
        OK,
        http_req::pending_req_wait(sent, &mut head, &mut content)
    );
    check_echo(head, content, b"before")?;
    check_status!(
        OK,
        http_req::send(request, body, name, length, &mut head, &mut content)
    );
    check_echo(head, content, b"after")
}

/// A body does not begin to stream for a request that there is no room for.
fn full_table_of_requests_under_way() -> Outcome {
    let (request, body) = (
        guest::request_to("POST", "/echo")?,
        guest::body_with(b"content")?,
    );
    let bodies = fill()?;
    let mut pending = NO_HANDLE;
    let (name, length) = (ORIGIN.as_ptr(), ORIGIN.len());
    check_status!(
        LIMIT_EXCEEDED,
        http_req::send_async_streaming(request, body, name, length, &mut pending)
    );
    check_status!(
        LIMIT_EXCEEDED,
        http_req::send_async_v2(request, body, name, length, 1, &mut pending)
    );
    check_eq!(NO_HANDLE, pending);
    clear(bodies)?;
    // Both are what they were.
    check_status!(
        OK,
        http_req::send_async(request, body, name, length, &mut pending)
    );
    let (mut head, mut content) = (NO_HANDLE, NO_HANDLE);
    check_status!(
        OK,
        http_req::pending_req_wait(pending, &mut head, &mut content)
    );
    check_echo(head, content, b"content")
}
