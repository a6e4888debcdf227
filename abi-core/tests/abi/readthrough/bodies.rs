//! Bodies that do not fit into the cache, or break off on their way into it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use abi_core::body::{Body, BodyError, OutgoingBody};
use abi_core::cache::Cache;
use abi_core::http::cache::{HttpCacheSettings, Readthrough};
use abi_core::http::{BackendRequest, BackendResponse, Destination, RequestHead, ResponseHead};
use abi_core::platform::Platform;
use abi_core::testing::World;

use crate::fixture::{PIECE, Pieces};

const CACHE_BYTES: u64 = 256 * 1024;

/// Asks twice for a body of `pieces`; gives what came each time, and how often the backend was asked.
fn ask_twice(
    pieces: usize,
    is_known: bool,
    breaks_off: bool,
) -> ([(usize, Option<BodyError>); 2], usize) {
    let world = World::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    world.add_backend("origin", move |_: BackendRequest| {
        count.fetch_add(1, Ordering::Relaxed);
        let body = Pieces {
            left: pieces,
            length: is_known.then_some((pieces * PIECE.len()) as u64),
            breaks_off,
        };
        let body = Body::from_stream(Box::pin(body));
        let head = ResponseHead::new();
        async move { Ok(BackendResponse { head, body }) }
    });
    let platform = Platform {
        http_cache: HttpCacheSettings::default(),
        cache: Cache::new(CACHE_BYTES),
        ..world.platform()
    };
    let once = || {
        let mut head = RequestHead::new();
        head.uri = "http://example.org/large".parse().unwrap();
        let request = BackendRequest {
            destination: Destination::Static("origin".to_owned()),
            head,
            body: OutgoingBody::empty(),
            bypass_cache: false,
        };
        world.drive(async {
            let mut response = Readthrough::new(platform.clone())
                .send(request)
                .await
                .unwrap();
            let mut length = 0;
            loop {
                match response.body.read(usize::MAX).await {
                    Ok(Some(bytes)) => length += bytes.len(),
                    Ok(None) => return (length, None),
                    Err(error) => return (length, Some(error)),
                }
            }
        })
    };
    let answers = [once(), once()];
    (answers, asked.load(Ordering::Relaxed))
}

#[test]
fn a_body_that_fits_is_stored() {
    for is_known in [true, false] {
        let (answers, asked) = ask_twice(4, is_known, false);
        for (length, error) in answers {
            assert_eq!(length, 4 * PIECE.len());
            assert!(error.is_none(), "{error:?}");
        }
        assert_eq!(asked, 1);
    }
}

#[test]
fn a_body_that_is_larger_than_the_cache_arrives_whole() {
    for is_known in [true, false] {
        let (answers, asked) = ask_twice(64, is_known, false);
        for (length, error) in answers {
            assert_eq!(length, 64 * PIECE.len(), "{is_known}");
            assert!(error.is_none(), "{error:?}");
        }
        assert_eq!(asked, 2, "it cannot be stored");
    }
}

#[test]
fn a_body_that_breaks_off_says_why() {
    let (answers, asked) = ask_twice(4, false, true);
    for (length, error) in answers {
        assert_eq!(length, 4 * PIECE.len());
        assert!(matches!(error, Some(BodyError::Incomplete)), "{error:?}");
    }
    assert_eq!(asked, 2);
}
