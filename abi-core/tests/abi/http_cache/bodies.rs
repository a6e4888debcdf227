//! Bodies that do not fit into the cache, or break off on their way into it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use abi_core::cache::Cache;
use abi_core::http::{BackendResponse, ResponseHead};

use super::*;
use crate::fixture::{PIECE, Pieces};

const CACHE_BYTES: u64 = 256 * 1024;

impl Guest {
    /// Sends a request to the backend `origin`; gives the body of the response.
    fn fetch(&mut self) -> BodyHandle {
        let body = self.new_body();
        let pending = self.send_async("origin", body);
        let body = GuestPtr::new(OUT_2);
        let status =
            self.wait(async |call| http_req::pending_req_wait(call, pending, out(), body).await);
        assert_eq!(status, OK);
        self.read(OUT_2)
    }

    /// Answers from the cache, or from the backend as SDKs do: the body goes into the cache and comes back from there.
    fn answer(&mut self, length: Option<u64>) -> (usize, bool) {
        let handle = self.get();
        let answer = match self.state(handle) {
            FOUND => handle,
            _ => {
                let fetched = self.fetch();
                let response = self.response_of(200, &[]);
                let write = Write { length, ..MINUTE };
                let (writer, back) = self.insert(handle, response, write).unwrap();
                let appended =
                    self.wait(async |call| http_body::append(call, writer, fetched).await);
                assert_eq!(appended, OK);
                assert_eq!(self.call(|call| http_body::close(call, writer)), OK);
                back
            }
        };
        let (_, body) = self.found(answer, 1).unwrap();
        let mut count = 0;
        loop {
            match self.read_body(body, 0x4000) {
                Ok(bytes) if bytes.is_empty() => return (count, true),
                Ok(bytes) => count += bytes.len(),
                Err(_) => return (count, false),
            }
        }
    }
}

/// Two answers with a body of so many pieces; gives what came each time and whether all of it, and how often the backend was
/// asked.
fn answer_twice(pieces: usize, is_known: bool, breaks_off: bool) -> ([(usize, bool); 2], usize) {
    let length = is_known.then_some((pieces * PIECE.len()) as u64);
    let other = Fixture::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    other.world.add_backend("origin", move |_: BackendRequest| {
        count.fetch_add(1, Ordering::Relaxed);
        let pieces = Pieces {
            left: pieces,
            length,
            breaks_off,
        };
        let body = Body::from_stream(Box::pin(pieces));
        let head = ResponseHead::new();
        async move { Ok(BackendResponse { head, body }) }
    });
    let platform = Platform {
        cache: Cache::new(CACHE_BYTES),
        ..platform(&other, HttpCacheSettings::default())
    };
    let answers = [(); 2].map(|()| Guest::on(&other, platform.clone()).answer(length));
    (answers, asked.load(Ordering::Relaxed))
}

#[test]
fn a_body_that_fits_is_stored() {
    for is_known in [true, false] {
        let whole = (4 * PIECE.len(), true);
        assert_eq!(answer_twice(4, is_known, false), ([whole; 2], 1));
    }
}

#[test]
fn a_body_that_does_not_fit_arrives_whole() {
    for (pieces, is_known) in [(10, true), (40, true), (40, false)] {
        let whole = (pieces * PIECE.len(), true);
        assert_eq!(answer_twice(pieces, is_known, false), ([whole; 2], 2));
    }
}

#[test]
fn a_body_that_breaks_off_does_so_for_the_client() {
    for pieces in [4, 40] {
        let part = (pieces * PIECE.len(), false);
        assert_eq!(answer_twice(pieces, false, true), ([part; 2], 2));
    }
}
