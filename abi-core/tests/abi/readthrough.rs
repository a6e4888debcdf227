//! Requests that are answered from the cache.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use abi_core::body::{Body, OutgoingBody, pipe};
use abi_core::cache::{Purge, SurrogateKey};
use abi_core::http::cache::{HttpCacheSettings, Readthrough, is_purge, purge_url};
use abi_core::http::{
    BackendRequest, BackendResponse, Destination, RequestHead, ResponseHead, SendError,
    SendErrorKind,
};
use abi_core::platform::{Clock, Platform};
use abi_core::testing::World;
use futures_util::future::{join, join_all};
use http::{HeaderName, HeaderValue, Method, StatusCode};

type Fields<'a> = &'a [(&'static str, &'static str)];

/// A world with one backend, which answers with what is scripted, the last one again and again.
struct Edge {
    world: World,
    platform: Platform,
    asked: Arc<Mutex<Vec<RequestHead>>>,
    script: Arc<Mutex<Vec<Scripted>>>,
}

#[derive(Clone)]
struct Scripted {
    status: u16,
    fields: Vec<(&'static str, &'static str)>,
    body: &'static str,
}

impl Edge {
    fn new() -> Self {
        Self::with(HttpCacheSettings::default())
    }

    fn with(settings: HttpCacheSettings) -> Self {
        let world = World::new();
        let platform = Platform {
            http_cache: settings,
            ..world.platform()
        };
        let edge = Self {
            platform,
            world,
            asked: Arc::default(),
            script: Arc::default(),
        };
        let (world, asked, script) = (edge.world.clone(), edge.asked.clone(), edge.script.clone());
        edge.world
            .add_backend("origin", move |request: BackendRequest| {
                asked.lock().unwrap().push(request.head);
                let mut script = script.lock().unwrap();
                let next = match script.len() {
                    1 => script[0].clone(),
                    _ => script.remove(0),
                };
                let world = world.clone();
                async move {
                    world.sleep(Duration::from_millis(100)).await;
                    respond(next)
                }
            });
        edge
    }

    fn answers(&self, status: u16, fields: Fields<'_>, body: &'static str) -> &Self {
        self.script.lock().unwrap().push(Scripted {
            status,
            fields: fields.to_vec(),
            body,
        });
        self
    }

    fn get(&self, fields: Fields<'_>) -> Got {
        self.send(request(Method::GET, fields))
    }

    fn send(&self, request: BackendRequest) -> Got {
        let edge = Readthrough::new(self.platform.clone());
        self.world.drive(got(edge.send(request)))
    }

    fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    fn last(&self) -> RequestHead {
        self.asked.lock().unwrap().last().unwrap().clone()
    }

    fn pass_seconds(&self, seconds: u64) {
        self.world.advance(Duration::from_secs(seconds));
    }
}

fn respond(next: Scripted) -> Result<BackendResponse, SendError> {
    if next.status == 0 {
        return Err(SendError::new(SendErrorKind::ConnectionRefused));
    }
    let mut head = ResponseHead::new();
    head.status = StatusCode::from_u16(next.status).unwrap();
    for (name, value) in next.fields {
        let name = HeaderName::from_static(name);
        head.headers.append(name, HeaderValue::from_static(value));
    }
    let body = Body::from(bytes::Bytes::from_static(next.body.as_bytes()));
    Ok(BackendResponse { head, body })
}

fn request(method: Method, fields: Fields<'_>) -> BackendRequest {
    let mut head = RequestHead::new();
    head.method = method;
    head.uri = "http://example.org/a".parse().unwrap();
    for (name, value) in fields {
        let name = HeaderName::from_static(name);
        head.headers.append(name, HeaderValue::from_static(value));
    }
    BackendRequest {
        destination: Destination::Static("origin".to_owned()),
        head,
        body: OutgoingBody::empty(),
        bypass_cache: false,
    }
}

#[derive(Debug)]
struct Got {
    status: u16,
    head: ResponseHead,
    body: String,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        let value = self.head.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }
}

async fn got(sent: impl Future<Output = Result<BackendResponse, SendError>>) -> Got {
    match sent.await {
        Err(error) => Got {
            status: 0,
            head: ResponseHead::new(),
            body: error.to_string(),
        },
        Ok(mut response) => {
            let mut body = Vec::new();
            while let Some(bytes) = response.body.read(usize::MAX).await.unwrap() {
                body.extend_from_slice(&bytes);
            }
            Got {
                status: response.head.status.as_u16(),
                head: response.head,
                body: String::from_utf8(body).unwrap(),
            }
        }
    }
}

const FRESH: (&str, &str) = ("cache-control", "max-age=60");

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
fn a_stale_response_is_revalidated() {
    let edge = Edge::new();
    edge.answers(
        200,
        &[
            ("cache-control", "max-age=1"),
            ("etag", "\"1\""),
            ("x-own", "1"),
        ],
        "hello",
    );
    edge.answers(304, &[FRESH, ("etag", "\"1\""), ("x-own", "2")], "");
    edge.get(&[]);
    edge.pass_seconds(2);
    let second = edge.get(&[("if-none-match", "\"other\"")]);
    assert_eq!(edge.last().headers["if-none-match"], "\"1\"");
    assert_eq!((second.status, &*second.body), (200, "hello"));
    assert_eq!(
        (second.header("x-own"), second.header("x-cache")),
        ("2", "HIT")
    );
    edge.pass_seconds(50);
    assert_eq!(edge.get(&[]).header("age"), "50");
    assert_eq!(edge.count(), 2);
}

#[test]
fn a_stale_response_may_be_used_while_it_is_revalidated() {
    let edge = Edge::new();
    edge.answers(
        200,
        &[("cache-control", "max-age=10, stale-while-revalidate=10")],
        "old",
    );
    edge.answers(200, &[FRESH], "new");
    edge.get(&[]);
    edge.pass_seconds(15);
    let before = edge.world.monotonic();
    assert_eq!(edge.get(&[]).body, "old");
    assert_eq!(edge.get(&[]).body, "old", "while another one revalidates");
    assert_eq!(edge.world.monotonic(), before);
    edge.world.drive(edge.world.sleep(Duration::from_secs(1)));
    edge.world.run_tasks();
    assert_eq!(edge.get(&[]).body, "new");
    assert_eq!(edge.count(), 2);
}

#[test]
fn a_stale_response_may_stand_in_for_an_error() {
    let edge = Edge::new();
    edge.answers(
        200,
        &[("cache-control", "max-age=10, stale-if-error=20")],
        "old",
    );
    edge.answers(503, &[], "trouble");
    edge.answers(0, &[], "");
    edge.get(&[]);
    edge.pass_seconds(15);
    assert_eq!(edge.get(&[]).body, "old");
    assert_eq!(edge.get(&[]).body, "old");
    assert_eq!(edge.count(), 3);
    edge.pass_seconds(20);
    assert_eq!(edge.get(&[]).status, 0, "not for ever");
    for control in [
        "max-age=10, stale-if-error=20, must-revalidate",
        "max-age=10, stale-if-error=20, proxy-revalidate",
        "max-age=10, stale-if-error=20, no-cache",
        "max-age=10, s-maxage=10",
        "max-age=10",
    ] {
        let edge = Edge::new();
        edge.answers(200, &[("cache-control", control)], "old");
        edge.answers(503, &[], "trouble");
        edge.answers(0, &[], "");
        edge.get(&[]);
        edge.pass_seconds(15);
        assert_eq!(edge.get(&[]).status, 503, "{control}");
        assert_eq!(edge.get(&[]).status, 0, "{control}");
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
fn a_stale_response_is_used_as_long_as_revalidation_fails() {
    for (status, fields) in [(0, &[][..]), (503, &[FRESH][..])] {
        let edge = Edge::new();
        edge.answers(
            200,
            &[("cache-control", "max-age=10, stale-while-revalidate=10")],
            "old",
        );
        edge.answers(status, fields, "trouble");
        edge.get(&[]);
        for passed in [15, 3] {
            edge.pass_seconds(passed);
            assert_eq!(edge.get(&[]).body, "old", "{status}");
            edge.world.drive(edge.world.sleep(Duration::from_secs(1)));
            edge.world.run_tasks();
        }
        assert_eq!(edge.count(), 3, "each one tries anew");
        edge.pass_seconds(10);
        assert_eq!(edge.get(&[]).status, status, "not for ever");
    }
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

#[test]
fn what_a_backend_withdraws_when_it_is_asked_again_is_not_used_without_asking() {
    for fields in [
        [("cache-control", "no-store")],
        [("cache-control", "private")],
        [("set-cookie", "a=b")],
    ] {
        let edge = Edge::new();
        let (short, tag) = (("cache-control", "max-age=1"), ("etag", "\"1\""));
        edge.answers(200, &[short, tag], "hello");
        edge.answers(304, &fields, "");
        edge.get(&[]);
        edge.pass_seconds(2);
        for asked in [2, 3] {
            let got = edge.get(&[]);
            assert_eq!((got.status, &*got.body), (200, "hello"), "{fields:?}");
            assert_eq!(edge.count(), asked, "{fields:?}");
        }
    }
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
