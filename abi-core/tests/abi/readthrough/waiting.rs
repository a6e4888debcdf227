//! Requests that are under way at once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use abi_core::body::{Body, OutgoingBody, pipe};
use abi_core::http::cache::Readthrough;
use abi_core::http::{BackendRequest, BackendResponse, ResponseHead};
use abi_core::platform::Clock;
use futures_util::future::join_all;
use http::{HeaderValue, Method};

use super::{Edge, FRESH, got, request};

#[test]
fn a_thousand_at_once_are_one_for_the_backend() {
    let edge = Edge::new();
    edge.answers(200, &[FRESH], "hello");
    let sent = (0..1000).map(|_| {
        let edge = Readthrough::new(edge.platform.clone());
        got(edge.send(request(Method::GET, &[])))
    });
    let all = edge.world.drive(join_all(sent));
    assert!(all.iter().all(|got| got.body == "hello"));
    let hits = all.iter().filter(|got| got.header("x-cache") == "HIT");
    assert_eq!(hits.count(), 999);
    assert_eq!(edge.count(), 1);
}

#[test]
fn requests_for_what_is_never_stored_do_not_wait_for_each_other() {
    let edge = Edge::new();
    edge.answers(200, &[("cache-control", "private, max-age=1")], "mine");
    edge.get(&[]);
    let before = edge.world.monotonic();
    let sent = (0..10).map(|_| {
        let edge = Readthrough::new(edge.platform.clone());
        got(edge.send(request(Method::GET, &[("range", "bytes=0-1")])))
    });
    edge.world.drive(join_all(sent));
    assert_eq!(edge.world.monotonic() - before, Duration::from_millis(100));
    assert_eq!(edge.count(), 11);
    // They go as the guest has made them.
    assert_eq!(edge.last().headers["range"], "bytes=0-1");
    edge.pass_seconds(120);
    edge.get(&[("range", "bytes=0-1")]);
    assert!(!edge.last().headers.contains_key("range"));
}

#[test]
fn waiting_for_another_request_has_a_limit() {
    let edge = Edge::new();
    edge.answers(200, &[FRESH], "hello");
    let leader = Readthrough::new(edge.platform.clone()).send(request(Method::GET, &[]));
    let mut impatient = request(Method::GET, &[]);
    impatient.head.cache_override.lookup_timeout_ms = Some(50);
    let waiting = Readthrough::new(edge.platform.clone()).send(impatient);
    let both = join_all([got(Box::pin(leader)), got(Box::pin(waiting))]);
    let all = edge.world.drive(both);
    assert_eq!((all[0].status, all[1].status), (200, 0));
    assert!(all[1].body.contains("in time"), "{}", all[1].body);
}

#[test]
fn a_request_that_is_given_up_leaves_its_place_to_another() {
    let edge = Edge::new();
    edge.answers(200, &[FRESH], "hello");
    let mut leader =
        Box::pin(Readthrough::new(edge.platform.clone()).send(request(Method::GET, &[])));
    let begun = std::future::poll_fn(|cx| {
        assert!(leader.as_mut().poll(cx).is_pending());
        std::task::Poll::Ready(())
    });
    edge.world.drive(begun);
    drop(leader);
    assert_eq!(edge.get(&[]).body, "hello");
    assert_eq!(edge.count(), 2);
}

#[test]
fn a_body_that_is_still_written_is_sent_past_the_cache() {
    let edge = Edge::new();
    edge.answers(200, &[FRESH], "hello");
    for _ in 0..2 {
        let (writer, reader) = pipe();
        let body = OutgoingBody::streaming(Body::empty(), reader);
        edge.send(BackendRequest {
            body,
            ..request(Method::GET, &[])
        });
        drop(writer);
    }
    assert_eq!(edge.count(), 2);
}

#[test]
fn who_waits_for_another_variant_asks_for_its_own() {
    let edge = Edge::new();
    edge.answers(200, &[FRESH, ("vary", "accept")], "hello");
    let sent = ["a", "b", "a", "b", "c", "a"].map(|accept| {
        let through = Readthrough::new(edge.platform.clone());
        got(through.send(request(Method::GET, &[("accept", accept)])))
    });
    let all = edge.world.drive(join_all(sent));
    assert!(all.iter().all(|got| got.body == "hello"));
    assert_eq!(edge.count(), 3);
    let hits = all.iter().filter(|got| got.header("x-cache") == "HIT");
    assert_eq!(hits.count(), 3);
}

#[test]
fn who_leaves_while_its_response_arrives_does_not_end_that_of_others() {
    let edge = Edge::new();
    let (mut writer, reader) = pipe();
    let body = Arc::new(Mutex::new(Some(reader)));
    edge.world.add_backend("origin", move |_: BackendRequest| {
        let body = body.lock().unwrap().take();
        let body = body.expect("one request is enough");
        async move {
            let mut head = ResponseHead::new();
            let control = HeaderValue::from_static(FRESH.1);
            head.headers.insert("cache-control", control);
            let body = OutgoingBody::streaming(Body::empty(), body).into_body();
            Ok(BackendResponse { head, body })
        }
    });
    let ask = || Readthrough::new(edge.platform.clone()).send(request(Method::GET, &[]));
    let leader = edge.world.drive(ask()).unwrap();
    let follower = edge.world.drive(ask()).unwrap();
    writer.write(b"now ").unwrap();
    drop(leader);
    writer.write(b"and later").unwrap();
    writer.finish();
    let followed = edge.world.drive(got(async { Ok(follower) }));
    assert_eq!(followed.body, "now and later");
    assert_eq!(edge.get(&[]).body, "now and later");
}
