//! Requests: which of them a cache may answer, by which key, and what a backend is asked in their place.

use http::header::{
    AUTHORIZATION, HOST, HeaderMap, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, LAST_MODIFIED, RANGE,
};
use http::{Method, Uri};
use sha2::{Digest, Sha256};

use crate::cache::{CacheKey, CacheSpace};
use crate::http::{RequestHead, ResponseHead};

/// The header in which an SDK gives a request a cache key of its own, in hexadecimal.
const KEY_HEADER: &str = "fastly-xqd-cache-key";

/// Whether a stored response may answer this request, and the response to it may be stored.
#[must_use]
pub fn is_cacheable(request: &RequestHead) -> bool {
    matches!(request.method, Method::GET | Method::HEAD) && !request.cache_override.pass
}

/// The key of a request: a digest of its host, path and query. Method, scheme and backend make no difference.
#[must_use]
pub fn suggested_key(uri: &Uri, headers: &HeaderMap) -> [u8; 32] {
    let host = match uri.authority() {
        Some(authority) => authority.as_str().as_bytes(),
        None => headers.get(HOST).map_or(&b""[..], |host| host.as_bytes()),
    };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut digest = Sha256::new();
    digest.update(host.to_ascii_lowercase());
    // No host and no path has one.
    digest.update([0]);
    digest.update(path);
    digest.finalize().into()
}

/// The key by which a request that goes through the cache is found. It takes the guest's own key, where it has given
/// one, off the head: backends do not see it.
#[must_use]
pub fn lookup_key(request: &mut RequestHead) -> CacheKey {
    let given = request.headers.remove(KEY_HEADER);
    let given = given.and_then(|text| from_hex(text.as_bytes()));
    match given.map(|key| CacheKey::new(CacheSpace::Http, &key)) {
        Some(Ok(key)) => key,
        _ => purge_key(&request.uri, &request.headers),
    }
}

/// The key of what is stored for a URL.
///
/// # Panics
///
/// Never: the key has 32 bytes.
#[must_use]
pub fn purge_key(uri: &Uri, headers: &HeaderMap) -> CacheKey {
    let key = CacheKey::new(CacheSpace::Http, &suggested_key(uri, headers));
    key.expect("32 bytes are not too many for a key")
}

fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let pairs = text.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs
        .map(|pair| {
            let (high, low) = (digit(pair.first()?)?, digit(pair.get(1)?)?);
            u8::try_from(high * 16 + low).ok()
        })
        .collect()
}

/// What a backend is asked so that its response can be stored, or can revalidate the `stored` one: a GET for all of it,
/// on the condition that it is another one.
#[must_use]
pub fn backend_request(request: &RequestHead, stored: Option<&ResponseHead>) -> RequestHead {
    let mut request = request.clone();
    request.method = Method::GET;
    for name in [
        RANGE,
        IF_RANGE,
        IF_MATCH,
        IF_UNMODIFIED_SINCE,
        IF_NONE_MATCH,
        IF_MODIFIED_SINCE,
    ] {
        request.headers.remove(name);
    }
    let stored = stored.map(|stored| &stored.headers);
    let validators = [
        (http::header::ETAG, IF_NONE_MATCH),
        (LAST_MODIFIED, IF_MODIFIED_SINCE),
    ];
    for (validator, condition) in validators {
        if let Some(value) = stored.and_then(|stored| stored.get(validator)) {
            request.headers.insert(condition, value.clone());
        }
    }
    request
}

/// Whether the response to a request may be meant for one client alone (RFC 9111 section 3.5).
pub(super) fn is_authorized(request: &HeaderMap) -> bool {
    request.contains_key(AUTHORIZATION)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn keys_tell_urls_apart_and_nothing_else() {
        let key = |uri: &'static str| suggested_key(&Uri::from_static(uri), &HeaderMap::new());
        assert_eq!(key("http://A.example/x?y"), key("https://a.example/x?y"));
        let others = [
            "http://a.example/x?z",
            "http://b.example/x?y",
            "http://a.example/x",
        ];
        for other in others {
            assert_ne!(key("http://a.example/x?y"), key(other), "{other}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("a.example"));
        let relative = suggested_key(&Uri::from_static("/x?y"), &headers);
        assert_eq!(relative, key("http://a.example/x?y"));
    }

    #[test]
    fn a_key_of_the_guest_goes_before_and_no_further() {
        let mut request = RequestHead::new();
        let key = HeaderValue::from_static("00fF");
        request.headers.insert(KEY_HEADER, key);
        assert_eq!(lookup_key(&mut request).as_bytes(), [0, 255]);
        assert!(request.headers.is_empty());
        for bad in ["0", "xy", "é0"] {
            request
                .headers
                .insert(KEY_HEADER, HeaderValue::from_bytes(bad.as_bytes()).unwrap());
            assert_eq!(lookup_key(&mut request).as_bytes().len(), 32, "{bad}");
        }
    }

    #[test]
    fn backends_are_asked_for_all_of_it() {
        let mut request = RequestHead::new();
        request.method = Method::HEAD;
        request
            .headers
            .insert(RANGE, HeaderValue::from_static("bytes=0-1"));
        request
            .headers
            .insert(IF_NONE_MATCH, HeaderValue::from_static("\"b\""));
        let plain = backend_request(&request, None);
        assert_eq!(plain.method, Method::GET);
        assert!(plain.headers.is_empty());
        let mut stored = ResponseHead::new();
        stored
            .headers
            .insert(http::header::ETAG, HeaderValue::from_static("\"a\""));
        let asked = backend_request(&request, Some(&stored));
        assert_eq!(asked.headers[IF_NONE_MATCH], "\"a\"");
        assert_eq!(asked.headers.len(), 1);
    }
}
