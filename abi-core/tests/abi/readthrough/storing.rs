//! What is stored, and which requests it answers.

use abi_core::http::cache::HttpCacheSettings;
use abi_core::http::{BackendRequest, RequestHead};
use http::Method;

use super::{Edge, FRESH, Fields, request};

#[test]
fn a_second_request_is_answered_from_the_cache() {
    let edge = Edge::new();
    edge.answers(200, &[FRESH, ("x-own", "1")], "hello");
    let first = edge.get(&[]);
    assert_eq!((first.status, &*first.body), (200, "hello"));
    assert_eq!(
        (first.header("x-cache"), first.header("x-cache-hits")),
        ("MISS", "0")
    );
    assert_eq!(first.header("age"), "");
    edge.pass_seconds(5);
    let second = edge.get(&[]);
    assert_eq!((second.status, &*second.body), (200, "hello"));
    assert_eq!(
        (second.header("x-cache"), second.header("x-cache-hits")),
        ("HIT", "1")
    );
    assert_eq!((second.header("age"), second.header("x-own")), ("5", "1"));
    assert_eq!(edge.get(&[]).header("x-cache-hits"), "2");
    assert_eq!(edge.count(), 1);
    edge.pass_seconds(55);
    assert_eq!(edge.get(&[]).header("x-cache"), "MISS");
    assert_eq!(edge.count(), 2);
}

#[test]
fn what_may_not_be_stored_is_not() {
    let not_stored: [Fields<'_>; 7] = [
        &[("cache-control", "no-store, max-age=60")],
        &[("cache-control", "private, max-age=60")],
        &[FRESH, ("set-cookie", "a=b")],
        &[FRESH, ("vary", "a, *")],
        &[FRESH, ("surrogate-control", "no-store")],
        &[
            ("cache-control", "max-age=60"),
            ("surrogate-control", "max-age=0"),
        ],
        &[FRESH, ("age", "0, 0")],
    ];
    for fields in not_stored {
        let edge = Edge::new();
        edge.answers(200, fields, "hello");
        edge.get(&[]);
        edge.get(&[]);
        assert_eq!(edge.count(), 2, "{fields:?}");
    }
    let edge = Edge::new();
    edge.answers(500, &[FRESH], "broken");
    edge.get(&[]);
    assert_eq!(edge.get(&[]).status, 500);
    assert_eq!(edge.count(), 2);
    let edge = Edge::new();
    edge.answers(200, &[FRESH], "secret");
    edge.get(&[("authorization", "a")]);
    edge.get(&[("authorization", "b")]);
    assert_eq!(edge.count(), 2);
}

#[test]
fn the_more_specific_word_counts() {
    let stored: [Fields<'_>; 9] = [
        &[],
        // An hour is what a response gets that says nothing, and its age counts as it does elsewhere.
        &[("age", "3540")],
        &[("cache-control", "max-age=0, s-maxage=60")],
        &[
            ("cache-control", "no-store"),
            ("surrogate-control", "max-age=60"),
        ],
        &[
            ("cache-control", "no-store"),
            ("surrogate-control", "max-age=60;another"),
        ],
        &[
            ("date", "Thu, 01 Jan 2026 00:00:00 GMT"),
            ("expires", "Thu, 01 Jan 2026 00:01:00 GMT"),
        ],
        &[
            ("date", "Thu, 01 Jan 2026 00:00:00 GMT"),
            ("expires", "THU 1 jan 2026 0:01:00 utc"),
        ],
        &[("cache-control", "public"), ("cache-control", "max-age=60")],
        &[FRESH, ("age", "10")],
    ];
    for fields in stored {
        let edge = Edge::new();
        edge.answers(200, fields, "hello");
        edge.get(&[]);
        edge.pass_seconds(40);
        edge.get(&[]);
        assert_eq!(edge.count(), 1, "{fields:?}");
        if !fields.is_empty() {
            edge.pass_seconds(20);
            edge.get(&[]);
            assert_eq!(edge.count(), 2, "{fields:?}");
        }
    }
}

#[test]
fn variants_are_told_apart() {
    let edge = Edge::new();
    edge.answers(200, &[FRESH, ("vary", "Accept, x-a")], "hello");
    let (one, other): (Fields<'_>, Fields<'_>) = (&[("accept", "a")], &[("accept", "b")]);
    for fields in [one, other, &[], one, other, &[], &[("cookie", "c")]] {
        edge.get(fields);
    }
    assert_eq!(edge.count(), 3);
}

#[test]
fn parts_heads_and_conditions_are_answered_from_the_whole() {
    let edge = Edge::new();
    edge.answers(
        200,
        &[FRESH, ("etag", "\"1\""), ("content-length", "10")],
        "0123456789",
    );
    let head = edge.send(request(Method::HEAD, &[]));
    assert_eq!(
        (head.status, &*head.body, head.header("content-length")),
        (200, "", "10")
    );
    assert_eq!(edge.last().method, Method::GET);
    let part = edge.get(&[("range", "bytes=2-4")]);
    assert_eq!((part.status, &*part.body), (206, "234"));
    assert_eq!(part.header("content-range"), "bytes 2-4/10");
    let same = edge.get(&[("if-none-match", "\"1\"")]);
    assert_eq!((same.status, &*same.body), (304, ""));
    assert_eq!(edge.get(&[("range", "bytes=10-")]).status, 416);
    assert_eq!(edge.count(), 1);
}

#[test]
fn guests_have_the_last_word() {
    let edge = Edge::new();
    edge.answers(200, &[FRESH], "hello");
    let with = |change: fn(&mut RequestHead)| {
        let mut request = request(Method::GET, &[]);
        change(&mut request.head);
        request
    };
    let short = |head: &mut RequestHead| {
        head.cache_override.ttl_s = Some(5);
        head.cache_override.stale_while_revalidate_s = Some(0);
        head.cache_override.surrogate_keys = Some("one two".to_owned());
    };
    edge.send(with(short));
    edge.send(with(|head| head.cache_override.pass = true));
    assert_eq!(edge.count(), 2);
    edge.get(&[]);
    assert_eq!(edge.count(), 2);
    edge.pass_seconds(6);
    edge.send(with(short));
    assert_eq!(edge.count(), 3);
    let key = abi_core::cache::SurrogateKey::new(b"two").unwrap();
    assert_eq!(
        edge.platform
            .cache
            .purge(&key, abi_core::cache::Purge::Hard),
        1
    );
    edge.get(&[]);
    assert_eq!(edge.count(), 4);
    // Its own key makes another URL the same.
    let own = [("fastly-xqd-cache-key", "aabb")];
    let mut other = request(Method::GET, &own);
    other.head.uri = "http://example.org/b".parse().unwrap();
    edge.get(&own);
    edge.send(other);
    assert_eq!(edge.count(), 5);
    assert!(!edge.last().headers.contains_key("fastly-xqd-cache-key"));
}

#[test]
fn the_cache_can_be_left_out() {
    let edge = Edge::with(HttpCacheSettings::disabled());
    edge.answers(200, &[FRESH], "hello");
    edge.get(&[]);
    let direct = edge.get(&[("if-none-match", "\"1\"")]);
    assert_eq!(direct.header("x-cache"), "");
    assert_eq!(edge.last().headers["if-none-match"], "\"1\"");
    assert_eq!(edge.count(), 2);
    let edge = Edge::new();
    edge.answers(200, &[FRESH], "hello");
    for _ in 0..2 {
        edge.send(BackendRequest {
            bypass_cache: true,
            ..request(Method::GET, &[])
        });
    }
    assert_eq!(edge.count(), 2);
}

#[test]
fn a_part_of_an_error_is_all_of_it() {
    let edge = Edge::new();
    edge.answers(404, &[FRESH, ("etag", "\"1\"")], "nothing here");
    for fields in [
        &[("range", "bytes=0-3")],
        &[("if-none-match", "\"1\"")],
        &[("range", "bytes=90-")],
    ] {
        let got = edge.get(fields);
        assert_eq!(
            (got.status, &*got.body),
            (404, "nothing here"),
            "{fields:?}"
        );
    }
    assert_eq!(edge.count(), 1);
}
