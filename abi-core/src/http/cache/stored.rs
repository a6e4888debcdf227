//! What of a response is kept, and what a 304 changes about it.

use std::sync::Arc;

use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName,
    PROXY_AUTHENTICATE, PROXY_AUTHORIZATION,
};

use super::directives::Directives;
use crate::http::headers::append_where_room;
use crate::http::{FramingMode, ResponseHead, remove_hop_by_hop};

/// Header fields that describe the stored body, which a 304 does not change (RFC 9111 section 3.2).
fn describes_body(name: &HeaderName) -> bool {
    [CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG].contains(name)
        || name.as_str() == "content-md5"
}

/// Leaves of a response the fields that others may get: RFC 9111 section 3.1.
fn storable(headers: &mut HeaderMap) {
    let control = Directives::parse(headers.get_all(CACHE_CONTROL));
    let listed = control.fields("no-cache").chain(control.fields("private"));
    let listed: Vec<_> = listed
        .filter_map(|name| name.parse::<HeaderName>().ok())
        .collect();
    remove_hop_by_hop(headers);
    for name in listed.iter().chain(&OF_PROXIES) {
        headers.remove(name);
    }
}

/// What a proxy says to the client before it, or is told by it.
static OF_PROXIES: [HeaderName; 3] = [
    PROXY_AUTHENTICATE,
    HeaderName::from_static("proxy-authentication-info"),
    PROXY_AUTHORIZATION,
];

/// The head to store: that of a response without what is for one hop alone, or for a 304 the `stored` one with what the
/// response has to say.
#[must_use]
pub fn prepare_for_storage(
    response: &ResponseHead,
    stored: Option<&Arc<ResponseHead>>,
) -> ResponseHead {
    let mut head = response.clone();
    head.framing = FramingMode::Automatic;
    storable(&mut head.headers);
    let Some(stored) = stored.filter(|_| response.status == StatusCode::NOT_MODIFIED) else {
        return head;
    };
    let mut updated = ResponseHead::clone(stored);
    updated.headers.remove(http::header::AGE);
    for name in head.headers.keys().filter(|name| !describes_body(name)) {
        updated.headers.remove(name);
        for value in head.headers.get_all(name) {
            append_where_room(&mut updated.headers, name, value.clone());
        }
    }
    updated
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::headers::FIELDS_MAX;
    use http::HeaderValue;

    fn head(status: u16, fields: &[(&'static str, &'static str)]) -> ResponseHead {
        let mut head = ResponseHead::new();
        head.status = StatusCode::from_u16(status).unwrap();
        for (name, value) in fields {
            let name = HeaderName::from_static(name);
            head.headers.append(name, HeaderValue::from_static(value));
        }
        head
    }

    #[test]
    fn what_is_for_one_hop_is_not_stored() {
        let response = head(
            200,
            &[
                ("connection", "a, keep-alive"),
                ("a", "1"),
                ("keep-alive", "1"),
                ("transfer-encoding", "chunked"),
                ("cache-control", "no-cache=\"c\""),
                ("c", "1"),
                ("b", "1"),
            ],
        );
        let kept = prepare_for_storage(&response, None);
        let mut names: Vec<_> = kept.headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["b", "cache-control"]);
    }

    #[test]
    fn a_304_changes_all_but_what_describes_the_body() {
        let stored = head(
            200,
            &[
                ("etag", "\"1\""),
                ("a", "1"),
                ("a", "2"),
                ("content-length", "5"),
                ("age", "9"),
            ],
        );
        let fresh = head(
            304,
            &[
                ("etag", "\"2\""),
                ("a", "3"),
                ("a", "4"),
                ("content-length", "0"),
                ("b", "1"),
            ],
        );
        let updated = prepare_for_storage(&fresh, Some(&Arc::new(stored)));
        assert_eq!(updated.status, StatusCode::OK);
        assert_eq!(updated.headers["etag"], "\"1\"");
        assert_eq!(updated.headers["content-length"], "5");
        assert_eq!(updated.headers["b"], "1");
        let values: Vec<_> = updated.headers.get_all("a").iter().collect();
        assert_eq!(values, ["3", "4"]);
        assert!(!updated.headers.contains_key("age"));
    }

    #[test]
    fn a_stored_head_does_not_grow_without_bound() {
        let full = |status, prefix: &str| {
            let mut head = head(status, &[]);
            for number in 0..FIELDS_MAX {
                let name: HeaderName = format!("{prefix}{number}").parse().unwrap();
                head.headers.append(name, HeaderValue::from_static("1"));
            }
            head
        };
        let stored = Arc::new(full(200, "a"));
        let updated = prepare_for_storage(&full(304, "b"), Some(&stored));
        assert_eq!(updated.headers.len(), FIELDS_MAX);
    }
}
