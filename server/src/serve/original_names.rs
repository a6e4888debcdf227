//! Header names as clients wrote them.
//!
//! The HTTP library keeps names in lower case and one beside the other when they are equal. Guests may ask for what was
//! really sent, so the bytes of a head are kept from when they are read until the library has parsed them. Where that is
//! not possible (HTTP/2, where all names are lower case; a head that arrives in pieces right behind a body) guests get
//! what the library keeps.

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body::Body;

/// The most bytes that are kept.
const KEPT_BYTES_MAX: usize = super::listen::HEAD_BYTES_MAX;

/// The most bytes that are kept where a body may be read: what comes with more is most probably one.
const KEPT_BESIDE_BODY_MAX: usize = 16 * 1024;

/// How much room is left for the next head. A connection may wait for it for long.
const ROOM_BYTES: usize = 2 * 1024;

/// What was read from a connection and not parsed yet.
pub(super) struct Unparsed {
    bytes: Vec<u8>,
    /// Whether a head begins where `bytes` do. Otherwise a body may come before it, and only the latest read is kept.
    is_aligned: bool,
}

impl Default for Unparsed {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            is_aligned: true,
        }
    }
}

impl Unparsed {
    pub(super) fn note_read(&mut self, read: &[u8]) {
        let fits = self.bytes.len() + read.len() <= KEPT_BYTES_MAX;
        if !self.is_aligned || !fits {
            self.bytes.clear();
            self.is_aligned = false;
        }
        let most = if self.is_aligned {
            KEPT_BYTES_MAX
        } else {
            KEPT_BESIDE_BODY_MAX
        };
        if read.len() <= most {
            self.bytes.extend_from_slice(read);
        }
    }

    /// The names of `request`, which has just been parsed, in the order and the case in which they were sent.
    pub(super) fn take_names<B: Body>(&mut self, request: &Request<B>) -> Option<Vec<Bytes>> {
        let parsed = parse(&self.bytes, request.headers());
        match &parsed {
            // The next head begins where this one ends.
            Some((_, length)) if request.body().is_end_stream() => {
                self.bytes.drain(..length);
                self.is_aligned = true;
            }
            _ => {
                self.bytes.clear();
                self.is_aligned = false;
            }
        }
        if self.bytes.is_empty() {
            self.bytes.shrink_to(ROOM_BYTES);
        }
        parsed.map(|(names, _)| names)
    }
}

/// The names in the head with which `bytes` begin, and its length, if it is the one with these headers.
fn parse(bytes: &[u8], headers: &HeaderMap) -> Option<(Vec<Bytes>, usize)> {
    let mut fields = vec![httparse::EMPTY_HEADER; headers.len()];
    let mut head = httparse::Request::new(&mut fields);
    let httparse::Status::Complete(length) = head.parse(bytes).ok()? else {
        return None;
    };
    let is_same = head.headers.len() == headers.len()
        && head
            .headers
            .iter()
            .all(|field| headers.contains_key(field.name));
    if !is_same {
        return None;
    }
    let total = head.headers.iter().map(|field| field.name.len()).sum();
    let mut all = Vec::with_capacity(total);
    for field in head.headers.iter() {
        all.extend_from_slice(field.name.as_bytes());
    }
    let all = Bytes::from(all);
    let mut start = 0;
    let names = head.headers.iter().map(|field| {
        let end = start + field.name.len();
        let name = all.slice(start..end);
        start = end;
        name
    });
    Some((names.collect(), length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{Either, Empty, Full};

    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nhOST-b: 2\r\nx-oNE: 3\r\n\r\n";
    const NAMES: [&str; 4] = ["Host", "X-One", "hOST-b", "x-oNE"];

    fn request(body: &'static str) -> Request<Either<Empty<Bytes>, Full<Bytes>>> {
        let body = if body.is_empty() {
            Either::Left(Empty::new())
        } else {
            Either::Right(Full::new(Bytes::from_static(body.as_bytes())))
        };
        Request::get("/")
            .header("host", "h")
            .header("x-one", "1")
            .header("host-b", "2")
            .header("x-one", "3")
            .body(body)
            .unwrap()
    }

    #[test]
    fn names_are_as_they_were_sent() {
        let mut unparsed = Unparsed::default();
        let (one, other) = HEAD.split_at(20);
        unparsed.note_read(one);
        unparsed.note_read(&[other, HEAD, one].concat());
        // Two heads came at once; the third is not complete.
        assert_eq!(unparsed.take_names(&request("")).unwrap(), NAMES);
        assert_eq!(unparsed.take_names(&request("")).unwrap(), NAMES);
        unparsed.note_read(other);
        assert_eq!(unparsed.take_names(&request("")).unwrap(), NAMES);
    }

    #[test]
    fn a_body_between_heads_is_skipped() {
        let mut unparsed = Unparsed::default();
        unparsed.note_read(&[HEAD, b"body"].concat());
        assert_eq!(unparsed.take_names(&request("body")).unwrap(), NAMES);
        unparsed.note_read(b"more of it");
        unparsed.note_read(HEAD);
        assert_eq!(unparsed.take_names(&request("")).unwrap(), NAMES);
    }

    #[test]
    fn a_head_that_is_another_one_has_no_names_to_give() {
        let mut unparsed = Unparsed::default();
        assert!(unparsed.take_names(&request("")).is_none());
        unparsed.note_read(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        assert!(unparsed.take_names(&request("")).is_none());
        unparsed.note_read(HEAD);
        assert_eq!(unparsed.take_names(&request("")).unwrap(), NAMES);
    }

    #[test]
    fn a_connection_that_waits_keeps_little() {
        let large = "x".repeat(KEPT_BYTES_MAX / 2);
        let head = format!("GET / HTTP/1.1\r\nHost: {large}\r\n\r\n");
        let mut unparsed = Unparsed::default();
        unparsed.note_read(head.as_bytes());
        let request = Request::get("/").header("host", large);
        let request = request.body(Full::new(Bytes::from_static(b"body")));
        assert_eq!(unparsed.take_names(&request.unwrap()).unwrap(), ["Host"]);
        assert!(unparsed.bytes.capacity() <= ROOM_BYTES);
        for _ in 0..3 {
            unparsed.note_read(&vec![b'x'; KEPT_BYTES_MAX]);
            assert!(unparsed.bytes.capacity() <= KEPT_BESIDE_BODY_MAX);
        }
        unparsed.note_read(HEAD);
        assert_eq!(unparsed.take_names(&self::request("")).unwrap(), NAMES);
    }

    #[test]
    fn no_more_is_kept_than_a_head_may_have() {
        let mut unparsed = Unparsed::default();
        for _ in 0..3 {
            unparsed.note_read(&vec![b'x'; KEPT_BYTES_MAX - 1]);
        }
        assert!(unparsed.bytes.len() <= KEPT_BYTES_MAX);
    }
}
