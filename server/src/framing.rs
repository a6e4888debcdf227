//! What of a guest's header fields is for the next hop: RFC 9110 section 7.6.1, and who says how long a body is.

use abi_core::http::FramingMode;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE,
};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// How a body may be framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// There is a body of this many bytes.
    Known(u64),
    /// There is a body, and nobody knows yet how long it will be.
    Unknown,
    /// No body follows, and the header may speak of one that is elsewhere: a response to HEAD, or a 304.
    Elsewhere,
}

impl Length {
    pub(crate) fn of(known: Option<u64>) -> Self {
        known.map_or(Self::Unknown, Self::Known)
    }
}

/// Leaves of the guest's header fields those that are sent, and only framing that is true.
///
/// What is missing afterwards is added by the HTTP library, which knows the body.
pub(crate) fn settle(headers: &mut HeaderMap, mode: FramingMode, length: Length) {
    let wants_chunks = mode == FramingMode::ManuallyFromHeaders
        && length != Length::Elsewhere
        && asks_for_chunks(headers);
    remove_hop_by_hop(headers);
    if !length_is_true(headers, mode, length) {
        headers.remove(CONTENT_LENGTH);
        if wants_chunks {
            headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
    }
}

fn length_is_true(headers: &HeaderMap, mode: FramingMode, length: Length) -> bool {
    let claimed = || claimed_length(headers);
    match (mode, length) {
        (_, Length::Elsewhere) => claimed().is_some(),
        (FramingMode::Automatic, _) => false,
        (FramingMode::ManuallyFromHeaders, Length::Known(length)) => claimed() == Some(length),
        (FramingMode::ManuallyFromHeaders, Length::Unknown) => {
            claimed().is_some() && !asks_for_chunks(headers)
        }
    }
}

/// The content-length, when there is exactly one, and it is a number.
fn claimed_length(headers: &HeaderMap) -> Option<u64> {
    let mut values = headers.get_all(CONTENT_LENGTH).iter();
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    let digits = value.to_str().ok()?;
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        digits.parse().ok()
    } else {
        None
    }
}

fn asks_for_chunks(headers: &HeaderMap) -> bool {
    headers
        .get(TRANSFER_ENCODING)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"chunked"))
}

/// The fields of an interim response: those of the guest, but for what frames a body, which such a response never has
/// (RFC 9110 sections 6.4.1 and 15.2), and what concerns one connection only.
pub(crate) fn of_interim(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    remove_hop_by_hop(&mut headers);
    headers.remove(CONTENT_LENGTH);
    headers
}

/// Removes the fields that concern one connection only, and those that `Connection` names.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
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
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        // What most of them say, of a field that goes in any case.
        .filter(|name| !name.eq_ignore_ascii_case("keep-alive"))
        .filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok())
        .collect();
    headers.remove(CONNECTION);
    for name in named {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANUAL: FramingMode = FramingMode::ManuallyFromHeaders;

    fn settled(fields: &[(&str, &str)], mode: FramingMode, length: Length) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, value.parse().unwrap());
        }
        settle(&mut headers, mode, length);
        let fields = headers.iter();
        let fields = fields.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
        fields.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn fields_of_the_connection_stay_with_it() {
        let fields = [
            ("connection", "close, X-Secret"),
            ("x-secret", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("proxy-connection", "keep-alive"),
            ("trailer", "expires"),
            ("x-public", "2"),
        ];
        assert_eq!(
            settled(&fields, FramingMode::Automatic, Length::Known(0)),
            "x-public: 2; trailer: expires"
        );
    }

    #[test]
    fn the_host_frames_unless_the_guest_says_so() {
        let five = [("content-length", "5")];
        let chunks = [("transfer-encoding", "chunked")];
        let both = [five[0], chunks[0]];
        for (fields, length) in [(&five, Length::Known(5)), (&chunks, Length::Unknown)] {
            assert_eq!(settled(fields, FramingMode::Automatic, length), "");
        }
        assert_eq!(
            settled(&five, MANUAL, Length::Known(5)),
            "content-length: 5"
        );
        assert_eq!(settled(&five, MANUAL, Length::Known(4)), "");
        assert_eq!(settled(&five, MANUAL, Length::Unknown), "content-length: 5");
        assert_eq!(
            settled(&chunks, MANUAL, Length::Known(5)),
            "transfer-encoding: chunked"
        );
        assert_eq!(
            settled(&both, MANUAL, Length::Known(5)),
            "content-length: 5"
        );
        let twice = [five[0], five[0]];
        assert_eq!(settled(&twice, MANUAL, Length::Known(5)), "");
        assert_eq!(
            settled(&[("content-length", "+5")], MANUAL, Length::Known(5)),
            ""
        );
    }

    #[test]
    fn a_length_may_speak_of_a_body_elsewhere() {
        let fields = [("content-length", "5"), ("transfer-encoding", "chunked")];
        assert_eq!(
            settled(&fields, FramingMode::Automatic, Length::Elsewhere),
            "content-length: 5"
        );
    }
}
