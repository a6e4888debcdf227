//! What a client gets of a stored response: all of it, a part, its head, or the word that it has it already.

use std::time::Duration;

use http::header::{
    ACCEPT_RANGES, AGE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, DATE, ETAG, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    LAST_MODIFIED, RANGE,
};
use http::{Method, StatusCode};

use super::date::parse_date;
use crate::cache::ByteRange;
use crate::http::{RequestHead, ResponseHead};

/// What a client gets.
#[derive(Clone, Debug)]
pub struct ClientAnswer {
    /// The head.
    pub head: ResponseHead,
    /// The part of the stored body that goes with it; `None` is no body.
    pub body: Option<ByteRange>,
}

/// The answer to `request` from a stored response with this `head`, of which the length may be known and which is `age`
/// old: with the client's conditions (RFC 9110 section 13), its range (section 14) and HEAD.
#[must_use]
pub fn for_client(
    request: &RequestHead,
    mut head: ResponseHead,
    length: Option<u64>,
    age: Option<Duration>,
) -> ClientAnswer {
    if let Some(age) = age {
        head.headers.insert(AGE, age.as_secs().into());
    }
    let whole = ByteRange::WHOLE;
    if head.status == StatusCode::OK {
        if is_not_modified(&request.headers, &head.headers) {
            return not_modified(head);
        }
        let is_get = request.method == Method::GET;
        if let Some(length) = length.filter(|_| is_get)
            && let Some(asked) = requested_range(&request.headers, &head.headers)
        {
            return partial(head, asked, length);
        }
    }
    let is_head = request.method == Method::HEAD;
    ClientAnswer {
        head,
        body: (!is_head).then_some(whole),
    }
}

/// RFC 9110 section 13.2.2, as far as it concerns what is stored.
fn is_not_modified(request: &HeaderMap, stored: &HeaderMap) -> bool {
    if request.contains_key(IF_NONE_MATCH) {
        let Some(tag) = stored.get(ETAG) else {
            return false;
        };
        let tag = opaque(tag.as_bytes());
        return request.get_all(IF_NONE_MATCH).iter().any(|list| {
            entity_tags(list.as_bytes()).any(|asked| asked == b"*" || opaque(asked) == tag)
        });
    }
    let Some(since) = request.get(IF_MODIFIED_SINCE).and_then(parse_date) else {
        return false;
    };
    let modified = stored.get(LAST_MODIFIED).or_else(|| stored.get(DATE));
    modified
        .and_then(parse_date)
        .is_some_and(|modified| modified <= since)
}

/// The entity tags of a list. What is in quotes may have commas.
fn entity_tags(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    list.split(move |byte| {
        quoted ^= *byte == b'"';
        *byte == b',' && !quoted
    })
    .map(<[u8]>::trim_ascii)
}

/// What weak comparison compares (RFC 9110 section 8.8.3.2).
fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

fn not_modified(mut head: ResponseHead) -> ClientAnswer {
    head.status = StatusCode::NOT_MODIFIED;
    for name in [
        CONTENT_LENGTH,
        CONTENT_TYPE,
        CONTENT_ENCODING,
        CONTENT_LANGUAGE,
        CONTENT_RANGE,
        ACCEPT_RANGES,
    ] {
        head.headers.remove(name);
    }
    ClientAnswer { head, body: None }
}

/// What the client asks for, from which byte to which; `None` where it asks for all, or for more than one part.
fn requested_range(request: &HeaderMap, stored: &HeaderMap) -> Option<(Option<u64>, Option<u64>)> {
    let range = request.get(RANGE)?.to_str().ok()?;
    if let Some(condition) = request.get(IF_RANGE)
        && !matches_strongly(condition, stored)
    {
        return None;
    }
    let (unit, set) = range.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = set.trim().split_once('-')?;
    let number = |text: &str| match text {
        "" => Some(None),
        text if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(Some(text.parse().unwrap_or(u64::MAX)))
        }
        _ => None,
    };
    match (number(first.trim())?, number(last.trim())?) {
        (None, None) => None,
        (Some(first), Some(last)) if last < first => None,
        range => Some(range),
    }
}

/// RFC 9110 section 13.1.5.
fn matches_strongly(condition: &HeaderValue, stored: &HeaderMap) -> bool {
    let condition_bytes = condition.as_bytes();
    if condition_bytes.starts_with(b"\"") {
        return stored.get(ETAG).is_some_and(|tag| tag == condition);
    }
    let modified = stored.get(LAST_MODIFIED);
    modified.is_some_and(|modified| modified == condition)
}

fn partial(
    mut head: ResponseHead,
    (first, last): (Option<u64>, Option<u64>),
    length: u64,
) -> ClientAnswer {
    let (start, end) = match (first, last) {
        (Some(first), last) => {
            let last = last.map_or(length, |last| last.saturating_add(1));
            (first, last.min(length))
        }
        (None, last) => (length.saturating_sub(last.unwrap_or(0)), length),
    };
    if start >= end {
        head.status = StatusCode::RANGE_NOT_SATISFIABLE;
        set(
            &mut head.headers,
            CONTENT_RANGE,
            &format!("bytes */{length}"),
        );
        head.headers.insert(CONTENT_LENGTH, 0_u64.into());
        return ClientAnswer { head, body: None };
    }
    // `start` is below `end`, so that `end` is above 0.
    let last = end - 1;
    head.status = StatusCode::PARTIAL_CONTENT;
    let range = format!("bytes {start}-{last}/{length}");
    set(&mut head.headers, CONTENT_RANGE, &range);
    head.headers.insert(CONTENT_LENGTH, (end - start).into());
    ClientAnswer {
        head,
        body: Some(ByteRange {
            from: Some(start),
            to: Some(last),
        }),
    }
}

fn set(headers: &mut HeaderMap, name: http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;

    fn answer(
        request: &[(&'static str, &'static str)],
        stored: &[(&'static str, &'static str)],
    ) -> ClientAnswer {
        let fields = |list: &[(&'static str, &'static str)]| {
            let fields = list.iter().map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            });
            fields.collect::<HeaderMap>()
        };
        let mut head = RequestHead::new();
        head.headers = fields(request);
        let mut response = ResponseHead::new();
        response.headers = fields(stored);
        for_client(&head, response, Some(10), Some(Duration::from_millis(2500)))
    }

    fn status(
        request: &[(&'static str, &'static str)],
        stored: &[(&'static str, &'static str)],
    ) -> u16 {
        answer(request, stored).head.status.as_u16()
    }

    #[test]
    fn conditions() {
        let tag = ("etag", "\"a,b\"");
        assert_eq!(
            status(&[("if-none-match", "\"x\", W/\"a,b\"")], &[tag]),
            304
        );
        assert_eq!(status(&[("if-none-match", "*")], &[tag]), 304);
        assert_eq!(status(&[("if-none-match", "\"a\"")], &[tag]), 200);
        let modified = ("last-modified", "Tue, 15 Nov 1994 12:45:26 GMT");
        let since = |date| status(&[("if-modified-since", date)], &[modified]);
        assert_eq!(since("Tue, 15 Nov 1994 12:45:26 GMT"), 304);
        assert_eq!(since("Tue, 15 Nov 1994 12:45:25 GMT"), 200);
        assert_eq!(since("nonsense"), 200);
        // The tag goes before the date.
        let both = [
            ("if-none-match", "\"x\""),
            ("if-modified-since", "Tue, 15 Nov 2094 12:45:26 GMT"),
        ];
        assert_eq!(status(&both, &[tag, modified]), 200);
    }

    #[test]
    fn ranges() {
        let range = |range| {
            let answer = answer(&[("range", range)], &[("etag", "\"a\"")]);
            let content = answer.head.headers.get(CONTENT_RANGE);
            let content = content.map(|value| value.to_str().unwrap().to_owned());
            (answer.head.status.as_u16(), content.unwrap_or_default())
        };
        assert_eq!(range("bytes=2-4"), (206, "bytes 2-4/10".into()));
        assert_eq!(range("bytes=2-"), (206, "bytes 2-9/10".into()));
        assert_eq!(range("bytes=2-99"), (206, "bytes 2-9/10".into()));
        assert_eq!(range("bytes=-3"), (206, "bytes 7-9/10".into()));
        assert_eq!(range("bytes=-30"), (206, "bytes 0-9/10".into()));
        assert_eq!(range("bytes=10-"), (416, "bytes */10".into()));
        assert_eq!(range("bytes=-0"), (416, "bytes */10".into()));
        for whole in [
            "bytes=4-2",
            "bytes=1-2,4-5",
            "bytes=a-",
            "bytes=-",
            "lines=1-2",
            "bytes",
        ] {
            assert_eq!(range(whole), (200, String::new()), "{whole}");
        }
    }

    #[test]
    fn a_range_of_another_version_is_not_given() {
        let with = |condition| {
            let request = [("range", "bytes=0-1"), ("if-range", condition)];
            status(&request, &[("etag", "\"a\"")])
        };
        assert_eq!(with("\"a\""), 206);
        assert_eq!(with("\"b\""), 200);
        assert_eq!(with("W/\"a\""), 200);
    }

    #[test]
    fn ages_are_whole_seconds() {
        assert_eq!(answer(&[], &[]).head.headers[AGE], "2");
    }
}
