//! The simple cache and the core cache.

use std::time::Duration;

use fastly::cache::core::{CacheKey, Transaction, lookup};
use fastly::cache::simple::{self, CacheEntry};
use fastly::http::StatusCode;
use fastly::http::body::StreamingBody;
use fastly::{Body, Request, Response};

use crate::{Outcome, Query, failed, not_found, option, text};

const HOUR: Duration = Duration::from_secs(3600);

fn key(key: &str) -> CacheKey {
    CacheKey::copy_from_slice(key.as_bytes())
}

/// What the simple cache has, or else the body of the request.
pub fn get_or_set(name: &str, body: Body, query: &Query) -> Outcome {
    let seconds = option(query, "ttl").unwrap_or(3600);
    let value = simple::get_or_set(key(name), body, Duration::from_secs(seconds));
    value
        .map(Response::from_body)
        .map_err(|error| failed(&error))
}

pub fn get(name: &str) -> Outcome {
    match simple::get(key(name)) {
        Ok(Some(body)) => Ok(Response::from_body(body)),
        Ok(None) => Err(not_found(&"not in the cache")),
        Err(error) => Err(failed(&error)),
    }
}

pub fn purge(name: &str) -> Outcome {
    match simple::purge(key(name)) {
        Ok(()) => text("purged"),
        Err(error) => Err(failed(&error)),
    }
}

/// What the simple cache has, or else what a backend answers: streamed into the cache, and to the client meanwhile.
pub fn fetched(name: &str, backend: &str, path: &str) -> Outcome {
    let fetch = || {
        let request = Request::get(format!("http://origin/{path}"));
        let value = request.with_pass(true).send(backend)?.into_body();
        Ok(CacheEntry { value, ttl: HOUR })
    };
    match simple::get_or_set_with(key(name), fetch) {
        Ok(Some(body)) => Ok(Response::from_body(body)),
        Ok(None) => Err(not_found(&"nothing was made")),
        Err(error) => Err(failed(&error)),
    }
}

/// Becomes the one who has to insert, waits for a backend, and traps.
pub fn die(name: &str, backend: &str, path: &str) -> Outcome {
    let transaction = Transaction::lookup(key(name)).execute();
    let transaction = transaction.map_err(|error| failed(&error))?;
    assert!(transaction.must_insert());
    let request = Request::get(format!("http://origin/{path}")).with_pass(true);
    drop(request.send(backend));
    panic!("this guest does not insert what others wait for");
}

/// What the core cache has, with its metadata and age; otherwise it is inserted.
pub fn core(name: &str, body: Body) -> Outcome {
    let found = |found: &fastly::cache::core::Found| {
        let mut response = Response::from_body(found.to_stream().map_err(|error| failed(&error))?);
        let metadata = String::from_utf8_lossy(&found.user_metadata()).into_owned();
        response.set_header("x-metadata", metadata);
        response.set_header("x-hits", found.hits().to_string());
        Ok(response)
    };
    let transaction = Transaction::lookup(key(name)).execute();
    let transaction = transaction.map_err(|error| failed(&error))?;
    if let Some(object) = transaction.found() {
        return found(&object);
    }
    let inserted = transaction
        .insert(HOUR)
        .surrogate_keys([name])
        .user_metadata(b"from the guest".as_slice().into())
        .execute_and_stream_back();
    let (mut writer, back): (StreamingBody, _) = inserted.map_err(|error| failed(&error))?;
    writer.append(body);
    writer.finish().map_err(|error| failed(&error))?;
    found(&back).map(|response| response.with_status(StatusCode::CREATED))
}

/// Removes what has a surrogate key.
pub fn purge_key(name: &str) -> Outcome {
    match fastly::http::purge::purge_surrogate_key(name) {
        Ok(()) => text("purged"),
        Err(error) => Err(failed(&error)),
    }
}

/// A part of what the core cache has.
pub fn part(name: &str, from: u64, to: u64) -> Outcome {
    let found = lookup(key(name))
        .execute()
        .map_err(|error| failed(&error))?;
    let found = found.ok_or_else(|| not_found(&"not in the cache"))?;
    let part = found.to_stream_from_range(Some(from), Some(to));
    part.map(Response::from_body)
        .map_err(|error| failed(&error))
}
