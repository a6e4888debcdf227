//! The cache that the requests of a service share, through the Rust SDK.

use std::time::Duration;

use abi_core::cache::Purge;
use conformance::cases;
use conformance::client::{Answer, Client, Content, next_piece, request};
use conformance::context::Context;
use conformance::guests::STORES;
use conformance::host::TestHost;
use conformance::origin::Origin;
use futures_util::future::join_all;

cases![
    the_simple_cache,
    the_core_cache,
    purges_reach_every_request,
    the_embedder_looks_at_it_and_clears_it,
    a_thousand_requests_make_one except NOT_A_THOUSAND,
    forty_requests_make_one,
    who_follows_reads_what_is_still_written,
    another_one_leads_when_a_leader_traps,
];

/// The engines on which thousands may wait are the two that are made for it: one that compiles, one that interprets.
const NOT_A_THOUSAND: &[(&str, &str)] = &[
    ("winch", "it suspends guests in the same way as wasmtime"),
    ("pulley", "it suspends guests in the same way as wasmtime"),
    ("wasmer", "a guest that waits holds a thread"),
    ("wasmer-singlepass", "a guest that waits holds a thread"),
];

/// Fewer than the host takes from one connection at once.
const STREAMS_PER_CONNECTION: usize = 200;

async fn start(cx: &Context) -> (TestHost, Origin) {
    let origin = Origin::start().await;
    let host = cx
        .host(STORES)
        .unrecorded()
        .backend("origin", origin.address);
    (host.start().await, origin)
}

async fn send(host: &TestHost, method: &str, path: &str, body: &'static str) -> Answer {
    host.fetch(request(method, path, body)).await
}

async fn the_simple_cache(cx: Context) {
    let (host, _) = start(&cx).await;
    assert_eq!(host.get("/simple/key").await.status, 404);
    assert_eq!(host.post("/simple/key", "first").await.text(), "first");
    assert_eq!(host.post("/simple/key", "second").await.text(), "first");
    assert_eq!(host.text("/simple/key").await, "first");
    assert_eq!(send(&host, "DELETE", "/simple/key", "").await.status, 200);
    assert_eq!(host.get("/simple/key").await.status, 404);
    assert_eq!(host.post("/simple/key", "second").await.text(), "second");
}

async fn the_core_cache(cx: Context) {
    let (host, _) = start(&cx).await;
    let inserted = host.post("/core/key", "0123456789").await;
    assert_eq!(inserted.status, 201);
    assert_eq!(inserted.text(), "0123456789");
    assert_eq!(inserted.header("x-hits"), "0");
    for hits in ["1", "2"] {
        let found = host.post("/core/key", "another").await;
        assert_eq!(found.status, 200);
        assert_eq!(found.text(), "0123456789");
        assert_eq!(found.header("x-metadata"), "from the guest");
        assert_eq!(found.header("x-hits"), hits);
    }
    assert_eq!(host.text("/core/key/3/5").await, "345");
    assert_eq!(host.text("/core/key/3/50").await, "0123456789");
}

async fn purges_reach_every_request(cx: Context) {
    let (host, _) = start(&cx).await;
    for key in ["one", "other"] {
        assert_eq!(host.post(&format!("/core/{key}"), key).await.status, 201);
    }
    assert_eq!(send(&host, "DELETE", "/core/one", "").await.status, 200);
    assert_eq!(host.post("/core/one", "new").await.status, 201);
    assert_eq!(host.post("/core/other", "new").await.text(), "other");
}

async fn the_embedder_looks_at_it_and_clears_it(cx: Context) {
    let (host, _) = start(&cx).await;
    host.post("/core/key", "12345").await;
    host.post("/core/key", "").await;
    let cache = host.host.cache();
    let objects = cache.objects();
    assert_eq!(objects.len(), 1);
    assert_eq!(objects[0].key.as_bytes(), b"key");
    assert_eq!((objects[0].body_bytes, objects[0].hits), (5, 1));
    let statistics = cache.statistics();
    assert_eq!((statistics.objects, statistics.hits), (1, 1));
    assert_eq!(statistics.capacity, 256 * 1024 * 1024);
    assert_eq!(cache.purge_all(Purge::Hard), 1);
    assert_eq!(host.post("/core/key", "new").await.status, 201);
    assert_eq!(cache.clear(), 1);
}

type Answering = tokio::task::JoinHandle<Answer>;

fn ask(host: &TestHost, path: &'static str, count: usize) -> Vec<Answering> {
    let mut answering = Vec::new();
    while answering.len() < count {
        let client = Client::http2();
        for _ in 0..STREAMS_PER_CONNECTION.min(count - answering.len()) {
            let (client, address) = (client.clone(), host.address);
            answering.push(tokio::spawn(async move {
                let request = request("GET", path, Content::empty());
                let response = client.send(address, request).await;
                Answer::gather(response.expect("the host answers")).await
            }));
        }
    }
    answering
}

/// Waits until so many requests wait for what another one inserts.
async fn waiting(host: &TestHost, count: usize) {
    while host.host.cache().statistics().waiting < count {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn collapse(cx: &Context, count: usize) {
    let (host, origin) = start(cx).await;
    let answering = ask(&host, "/fetched/key/origin/gate", count);
    origin.arrived(1).await;
    waiting(&host, count - 1).await;
    origin.open_gate();
    for answer in join_all(answering).await {
        let answer = answer.expect("the client does not panic");
        assert_eq!(answer.ok_text(), "the gate is open");
    }
    assert_eq!(origin.exchanges().len(), 1);
}

async fn a_thousand_requests_make_one(cx: Context) {
    collapse(&cx, 1000).await;
}

async fn forty_requests_make_one(cx: Context) {
    collapse(&cx, 40).await;
}

async fn who_follows_reads_what_is_still_written(cx: Context) {
    let (host, origin) = start(&cx).await;
    let path = "/fetched/key/origin/feed";
    let get = || host.send(request("GET", path, Content::empty()));
    let (mut leader, feed) = tokio::join!(get(), async {
        let feed = origin.feed().await;
        assert!(feed.send("one").await);
        feed
    });
    assert_eq!(next_piece(leader.body_mut()).await, "one");
    let mut follower = get().await;
    assert_eq!(next_piece(follower.body_mut()).await, "one");
    assert!(feed.send("two").await);
    assert_eq!(next_piece(follower.body_mut()).await, "two");
    assert_eq!(next_piece(leader.body_mut()).await, "two");
    drop(feed);
    assert_eq!(Answer::gather(leader).await.text(), "");
    assert_eq!(Answer::gather(follower).await.text(), "");
    assert_eq!(origin.exchanges().len(), 1);
}

async fn another_one_leads_when_a_leader_traps(cx: Context) {
    let (host, origin) = start(&cx).await;
    let leader = ask(&host, "/die/key/origin/gate", 1);
    origin.arrived(1).await;
    let followers = ask(&host, "/fetched/key/origin/gate", 10);
    waiting(&host, 10).await;
    origin.open_gate();
    for answer in join_all(leader).await {
        assert_eq!(answer.expect("the client does not panic").status, 500);
    }
    for answer in join_all(followers).await {
        let answer = answer.expect("the client does not panic");
        assert_eq!(answer.ok_text(), "the gate is open");
    }
    assert_eq!(origin.exchanges().len(), 2, "one for each leader");
}
