//! What of a guest's header fields is for the next hop: RFC 9110 section 7.6.1, and who says how long a body is.

use abi_core::http::{FramingMode, remove_hop_by_hop};
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue, TRANSFER_ENCODING};

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

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;

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
