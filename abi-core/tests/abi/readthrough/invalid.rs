//! What makes a stored response invalid: changes and purging.

use std::time::Duration;

use abi_core::cache::{Purge, SurrogateKey};
use abi_core::http::cache::{HttpCacheSettings, Readthrough, is_purge, purge_url};
use abi_core::http::{BackendRequest, RequestHead};
use abi_core::platform::Clock;
use futures_util::future::join;
use http::Method;

use super::{Edge, FRESH, got, request};

#[test]
fn what_changes_a_resource_makes_what_is_stored_invalid() {
    // SDKs that drive the cache themselves send such requests past it.
    for bypass_cache in [false, true] {
        changes_make_what_is_stored_invalid(bypass_cache);
    }
}

fn changes_make_what_is_stored_invalid(bypass_cache: bool) {
    let post = || BackendRequest {
        bypass_cache,
        ..request(Method::POST, &[])
    };
    let edge = Edge::new();
    edge.answers(
        200,
        &[
            FRESH,
            ("location", "/b"),
            ("content-location", "http://elsewhere.example/a"),
        ],
        "hello",
    );
    let mut other = RequestHead::new();
    other.uri = "http://example.org/b".parse().unwrap();
    let b = || BackendRequest {
        head: other.clone(),
        ..request(Method::GET, &[])
    };
    edge.get(&[]);
    edge.send(b());
    assert_eq!(edge.count(), 2);
    edge.send(post());
    edge.get(&[]);
    edge.send(b());
    assert_eq!(edge.count(), 5);
    edge.script.lock().unwrap()[0].status = 500;
    edge.send(post());
    edge.get(&[]);
    assert_eq!(edge.count(), 6, "a failure changes nothing");
}

#[test]
fn purging_a_url_is_off_until_it_is_turned_on() {
    let purge = || request(Method::from_bytes(b"PURGE").unwrap(), &[]);
    let edge = Edge::new();
    edge.answers(405, &[], "no");
    assert_eq!(edge.send(purge()).status, 405);
    let edge = Edge::with(HttpCacheSettings {
        purge: true,
        response_headers: false,
        ..HttpCacheSettings::default()
    });
    edge.answers(200, &[FRESH], "hello");
    edge.get(&[]);
    let purged = edge.send(purge());
    assert_eq!(purged.header("content-type"), "application/json");
    let id = purged.body.strip_prefix(r#"{"id":""#).unwrap();
    assert_eq!(&id[32..], r#"","status":"ok"}"#);
    assert_eq!(edge.get(&[]).header("x-cache"), "", "as it was asked for");
    assert_eq!(edge.count(), 2);
}

#[test]
fn a_soft_purge_leaves_a_response_that_may_be_used_while_it_is_revalidated() {
    let edge = Edge::new();
    let control = "max-age=60, stale-while-revalidate=60";
    edge.answers(200, &[("cache-control", control)], "hello");
    for (soft, word) in [("0", "MISS"), ("1", "HIT")] {
        edge.get(&[]);
        let mut head = request(Method::GET, &[("fastly-soft-purge", soft)]).head;
        head.method = Method::from_bytes(b"PURGE").unwrap();
        assert!(is_purge(&head.method));
        let (answer, _) = purge_url(&edge.platform, &head);
        assert_eq!(answer.status, 200);
        assert_eq!(edge.get(&[]).header("x-cache"), word, "{soft}");
    }
    let mut other = request(Method::GET, &[]).head;
    other.uri = "http://example.org/b".parse().unwrap();
    edge.platform.cache.sweep(edge.platform.clock.monotonic());
    let before = edge.platform.cache.statistics().objects;
    assert_eq!(before, 1);
    let _ = purge_url(&edge.platform, &other);
    assert_eq!(edge.platform.cache.statistics().objects, 1);
}

#[test]
fn a_soft_purge_of_what_is_never_used_stale_has_it_revalidated_first() {
    let edge = Edge::new();
    edge.answers(200, &[FRESH, ("etag", "\"1\"")], "hello");
    edge.answers(304, &[], "");
    edge.get(&[]);
    let mut head = request(Method::GET, &[("fastly-soft-purge", "1")]).head;
    head.method = Method::from_bytes(b"PURGE").unwrap();
    let _ = purge_url(&edge.platform, &head);
    let answer = edge.get(&[]);
    assert_eq!((answer.status, &*answer.body), (200, "hello"));
    assert_eq!(edge.count(), 2);
    assert_eq!(edge.last().headers["if-none-match"], "\"1\"");
    // It is as good as new.
    edge.get(&[]);
    assert_eq!(edge.count(), 2);
}

#[test]
fn what_was_purged_while_it_was_asked_for_anew_does_not_come_back() {
    let edge = Edge::new();
    let tag = ("etag", "\"1\"");
    let once = ("cache-control", "max-age=1");
    edge.answers(200, &[once, tag, ("surrogate-key", "k")], "old");
    edge.answers(304, &[FRESH, tag], "");
    edge.answers(200, &[FRESH], "new");
    edge.get(&[]);
    edge.pass_seconds(2);
    let through = Readthrough::new(edge.platform.clone());
    let revalidates = got(through.send(request(Method::GET, &[])));
    let purges = async {
        edge.world.sleep(Duration::from_millis(50)).await;
        let key = SurrogateKey::new(b"k").unwrap();
        assert_eq!(edge.platform.cache.purge(&key, Purge::Hard), 1);
    };
    let (renewed, ()) = edge.world.drive(join(revalidates, purges));
    assert_eq!(renewed.body, "old");
    assert_eq!(edge.get(&[]).body, "new");
}

#[test]
fn a_purge_forgets_that_a_response_was_not_to_be_stored() {
    let edge = Edge::new();
    let tagged = ("surrogate-key", "k other");
    edge.answers(200, &[FRESH, tagged, ("set-cookie", "a=b")], "mine");
    edge.answers(200, &[FRESH, tagged], "all");
    edge.get(&[]);
    let key = SurrogateKey::new(b"k").unwrap();
    assert_eq!(edge.platform.cache.purge(&key, Purge::Hard), 1);
    assert_eq!(edge.get(&[]).body, "all");
    assert_eq!(edge.get(&[]).header("x-cache"), "HIT");
    assert_eq!(edge.count(), 2);
}
