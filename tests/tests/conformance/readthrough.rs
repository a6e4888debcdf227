//! Requests that are answered from the cache, by programs of which no line speaks of caching: the SDK drives the cache
//! where it may, and the host does otherwise. It makes no difference.

use conformance::cases;
use conformance::client::{Answer, Client, Content, request};
use conformance::context::Context;
use conformance::guests::ROUTES;
use conformance::host::TestHost;
use conformance::origin::Origin;
use fastlike::HttpCacheSettings;
use futures_util::future::join_all;

cases![
    repeated_requests_reach_the_backend_once,
    a_thousand_at_once_are_one_for_the_backend,
    parts_and_heads_are_answered_from_the_whole,
    passing_reaches_the_backend,
    purging_a_url_has_to_be_turned_on,
    clients_purge_urls_of_the_host,
    clients_purge_urls_softly,
];

/// The SDK drives the cache, and the host does.
fn both() -> [HttpCacheSettings; 2] {
    [true, false].map(|guest_caching| HttpCacheSettings {
        guest_caching,
        ..HttpCacheSettings::default()
    })
}

async fn host(cx: &Context, origin: &Origin, settings: HttpCacheSettings) -> TestHost {
    cx.host(ROUTES)
        .backend("origin", origin.address)
        .configure(|builder| builder.http_cache(settings))
        .start()
        .await
}

async fn repeated_requests_reach_the_backend_once(cx: Context) {
    for settings in both() {
        let origin = Origin::start().await;
        let host = host(&cx, &origin, settings).await;
        let first = host.get("/proxy/origin/bytes/10").await;
        assert_eq!(first.header("x-cache"), "MISS");
        let second = host.get("/proxy/origin/bytes/10").await;
        assert_eq!(second.text(), "aaaaaaaaaa");
        assert_eq!(second.header("x-cache"), "HIT");
        assert_eq!(second.header("x-cache-hits"), "1");
        assert!(second.headers.contains_key("age"));
        assert_eq!(second.header("x-backend"), "origin");
        assert_eq!(origin.exchanges().len(), 1);
        host.get("/proxy/origin/bytes/11").await;
        assert_eq!(origin.exchanges().len(), 2);
    }
}

async fn a_thousand_at_once_are_one_for_the_backend(cx: Context) {
    // Guests of wasmer have threads, of which there are fewer.
    let count: usize = if cx.engine.starts_with("wasmer") {
        64
    } else {
        1000
    };
    for settings in both() {
        ask_at_once(&cx, settings, count).await;
    }
}

async fn ask_at_once(cx: &Context, settings: HttpCacheSettings, count: usize) {
    let origin = Origin::start().await;
    let setup = cx.host(ROUTES).unrecorded();
    let host = setup
        .backend("origin", origin.address)
        .configure(|builder| builder.http_cache(settings))
        .start()
        .await;
    let clients: Vec<_> = (0..count.div_ceil(100)).map(|_| Client::http2()).collect();
    let asking = (0..count).map(|index| {
        let (client, address) = (clients[index % clients.len()].clone(), host.address);
        tokio::spawn(async move {
            let request = request("GET", "/proxy/origin/gate", Content::empty());
            let response = client.send(address, request).await;
            Answer::gather(response.expect("the host answers")).await
        })
    });
    let asking: Vec<_> = asking.collect();
    origin.arrived(1).await;
    origin.open_gate();
    for answer in join_all(asking).await {
        let answer = answer.expect("the client does not panic");
        assert_eq!(answer.ok_text(), "the gate is open");
    }
    assert_eq!(origin.exchanges().len(), 1);
}

async fn parts_and_heads_are_answered_from_the_whole(cx: Context) {
    for settings in both() {
        let origin = Origin::start().await;
        let host = host(&cx, &origin, settings).await;
        let path = "/proxy/origin/bytes/10";
        let head = host.fetch(request("HEAD", path, Content::empty())).await;
        assert_eq!((head.status.as_u16(), &*head.text()), (200, ""));
        let mut part = request("GET", path, Content::empty());
        let range = http::HeaderValue::from_static("bytes=8-20");
        part.headers_mut().insert("range", range);
        let part = host.fetch(part).await;
        assert_eq!((part.status.as_u16(), &*part.text()), (206, "aa"));
        assert_eq!(part.header("content-range"), "bytes 8-9/10");
        let exchanges = origin.exchanges();
        assert_eq!(exchanges.len(), 1);
    }
}

async fn passing_reaches_the_backend(cx: Context) {
    for settings in both() {
        let origin = Origin::start().await;
        let host = host(&cx, &origin, settings).await;
        for _ in 0..2 {
            let answer = host.get("/pass/bytes/10").await;
            assert_eq!(answer.header_values("x-cache"), <[String; 0]>::default());
        }
        assert_eq!(origin.exchanges().len(), 2);
    }
}

async fn purging_a_url_has_to_be_turned_on(cx: Context) {
    let origin = Origin::start().await;
    let path = "/proxy/origin/bytes/10";
    let purge = || request("PURGE", path, Content::empty());
    let settings = HttpCacheSettings::default();
    let off = host(&cx, &origin, settings).await;
    off.get(path).await;
    off.fetch(purge()).await;
    assert_eq!(origin.exchanges().len(), 2, "it went to the backend");
    let purging = HttpCacheSettings {
        purge: true,
        ..settings
    };
    let on = host(&cx, &origin, purging).await;
    on.get(path).await;
    let answer = on.fetch(purge()).await;
    assert_purged(&answer);
    let again = on.get(path).await;
    assert_eq!(again.header("x-cache"), "MISS");
    assert_eq!(origin.exchanges().len(), 4);
}

/// By the URL that the guest asks for, whatever the path was that made it do so.
async fn clients_purge_urls_of_the_host(cx: Context) {
    let origin = Origin::start().await;
    let settings = HttpCacheSettings {
        client_purge: true,
        ..HttpCacheSettings::default()
    };
    let host = host(&cx, &origin, settings).await;
    let path = "/proxy/origin/bytes/10";
    host.get(path).await;
    assert_eq!(host.get(path).await.header("x-cache"), "HIT");
    let answer = host
        .fetch(request("PURGE", "/bytes/10", Content::empty()))
        .await;
    assert_purged(&answer);
    assert_eq!(host.get(path).await.header("x-cache"), "MISS");
}

/// A soft purge leaves what may be used stale for as long as it is revalidated, and what may not for revalidation alone.
async fn clients_purge_urls_softly(cx: Context) {
    let origin = Origin::start().await;
    let settings = HttpCacheSettings {
        client_purge: true,
        ..HttpCacheSettings::default()
    };
    let host = host(&cx, &origin, settings).await;
    for (url, word, condition) in [
        ("/version?max-age=60,stale-while-revalidate=60", "HIT", 2),
        ("/version?max-age=60", "HIT", 4),
        ("/bytes/10", "MISS", 6),
    ] {
        let path = format!("/proxy/origin{url}");
        host.get(&path).await;
        let mut soft = request("PURGE", url, Content::empty());
        let one = http::HeaderValue::from_static("1");
        soft.headers_mut().insert("fastly-soft-purge", one);
        assert_purged(&host.fetch(soft).await);
        let answer = host.get(&path).await;
        assert_eq!(answer.header("x-cache"), word, "{url}");
        // In the first case the client did not wait for that.
        origin.arrived(condition).await;
        let asked = &origin.exchanges()[condition - 1];
        let is_conditional = asked.headers.contains_key("if-none-match");
        assert_eq!(is_conditional, word == "HIT", "{url}");
    }
}

fn assert_purged(answer: &Answer) {
    assert_eq!(answer.header("content-type"), "application/json");
    let text = answer.text();
    assert!(text.ends_with(r#"","status":"ok"}"#), "{text}");
}
