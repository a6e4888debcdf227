//! Header fields that concern one connection only: RFC 9110 section 7.6.1.

use http::header::{CONNECTION, HeaderMap, HeaderName, TE, TRANSFER_ENCODING, UPGRADE};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Removes the fields that concern one connection only, and those that `Connection` names: RFC 9110 section 7.6.1.
pub fn remove_hop_by_hop(headers: &mut HeaderMap) {
    // Most messages have none or one of them, and to look for each takes longer.
    if headers.keys().any(|name| *name == CONNECTION) {
        remove_named_by_connection(headers);
    }
    if headers.keys().any(|name| HOP_BY_HOP.contains(name)) {
        for name in &HOP_BY_HOP {
            headers.remove(name);
        }
    }
}

/// The fields that concern one connection only, beside `Connection` itself.
static HOP_BY_HOP: [HeaderName; 5] = [KEEP_ALIVE, PROXY_CONNECTION, TE, TRANSFER_ENCODING, UPGRADE];

fn remove_named_by_connection(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        // What most of them say, of a field that goes in any case.
        .filter(|name| !name.eq_ignore_ascii_case(b"keep-alive"))
        .filter_map(|name| HeaderName::from_bytes(name).ok())
        .collect();
    headers.remove(CONNECTION);
    for name in named {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn what_connection_names_goes_with_it() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", &b"keep-alive, X-One"[..]),
            ("connection", b"\xff, x-two ,"),
            ("keep-alive", b"1"),
            ("te", b"trailers"),
            ("x-one", b"1"),
            ("x-two", b"2"),
            ("x-three", b"3"),
        ] {
            headers.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        remove_hop_by_hop(&mut headers);
        assert_eq!(headers.len(), 1);
        assert_eq!(headers["x-three"], "3");
    }
}
