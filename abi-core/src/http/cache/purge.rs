//! PURGE: a request that makes what is stored for its URL invalid.

use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::purge_key;
use crate::cache::{CacheKey, Purge};
use crate::http::{RequestHead, ResponseHead};
use crate::platform::{Platform, Random};

static SOFT_PURGE: HeaderName = HeaderName::from_static("fastly-soft-purge");

/// Whether the method is PURGE.
#[must_use]
pub fn is_purge(method: &Method) -> bool {
    method.as_str() == "PURGE"
}

/// Removes what is stored for the URL of a client's request; with `Fastly-Soft-Purge: 1` it is stale from now on
/// instead. The answer is that of the platform, and does not tell whether there was anything.
#[must_use]
pub fn purge_url(platform: &Platform, request: &RequestHead) -> (ResponseHead, Bytes) {
    let key = purge_key(&request.uri, &request.headers);
    purge(platform, &key, &request.headers)
}

/// [`purge_url`] for a key.
pub(super) fn purge(
    platform: &Platform,
    key: &CacheKey,
    request: &HeaderMap,
) -> (ResponseHead, Bytes) {
    let soft = request.get(&SOFT_PURGE);
    let purge = match soft.is_some_and(|value| value == "1") {
        true => Purge::Soft,
        false => Purge::Hard,
    };
    platform.cache.purge_object(key, purge);
    let mut head = ResponseHead::new();
    let json = HeaderValue::from_static("application/json");
    head.headers.insert(CONTENT_TYPE, json);
    (head, purge_answer(&*platform.random).into())
}

/// What is said about a purge: a JSON object of an `id`, which no other purge has, and a `status`.
pub(crate) fn purge_answer(random: &dyn Random) -> String {
    let mut id = [0; 16];
    random.fill(&mut id);
    let id = u128::from_be_bytes(id);
    format!(r#"{{"id":"{id:032x}","status":"ok"}}"#)
}
