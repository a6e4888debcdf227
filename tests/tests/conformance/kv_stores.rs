//! KV stores, through the Rust SDK.

use std::time::Duration;

use conformance::cases;
use conformance::client::{Answer, Content, request};
use conformance::content::pattern;
use conformance::context::Context;
use conformance::guests::{Guest, STORES};
use conformance::host::TestHost;
use fastlike::{DurableKv, MemoryKv};
use futures_util::future::join_all;
use tokio::runtime::Handle;

cases![
    what_one_guest_writes_another_reads,
    modes_and_generations,
    a_value_that_streams_in_and_out,
    pages_of_keys,
    operations_at_once,
    calls_without_options,
    many_guests_count_and_none_is_lost,
    many_guests_count_in_a_store_on_the_disk,
    a_store_on_the_disk_outlives_its_host,
    the_earlier_form_of_a_call_links,
    what_is_not_there_is_told,
];

async fn start(cx: &Context) -> (TestHost, MemoryKv) {
    let kv = MemoryKv::new();
    let host = cx.host(STORES);
    let given = kv.clone();
    let host = host.configure(|builder| builder.kv_store("kv", given));
    (host.start().await, kv)
}

async fn put(host: &TestHost, path: &str, body: impl Into<Content>) -> Answer {
    host.fetch(request("PUT", path, body.into())).await
}

async fn delete(host: &TestHost, path: &str) -> Answer {
    host.fetch(request("DELETE", path, Content::empty())).await
}

async fn what_one_guest_writes_another_reads(cx: Context) {
    let (host, kv) = start(&cx).await;
    let written = put(&host, "/kv/kv/a/b?metadata=about&ttl=3600", "value").await;
    assert_eq!(written.ok_text(), "written");
    let read = host.get("/kv/kv/a/b").await;
    assert_eq!(read.header("x-metadata"), "about");
    assert_eq!(read.ok_text(), "value");
    // Who embeds the host looks into the same store.
    let item = kv.item("a/b").expect("it was written");
    assert_eq!(item.value.to_bytes(), "value");
    assert!(item.expires.is_some());
}

async fn modes_and_generations(cx: Context) {
    let (host, kv) = start(&cx).await;
    assert_eq!(put(&host, "/kv/kv/k?mode=add", "b").await.status, 200);
    let refused = put(&host, "/kv/kv/k?mode=add", "x").await;
    assert_eq!(refused.status, 409);
    assert_eq!(refused.text(), "ItemPreconditionFailed");
    put(&host, "/kv/kv/k?mode=append&background=1", "c").await;
    put(&host, "/kv/kv/k?mode=prepend", "a").await;
    let read = host.get("/kv/kv/k").await;
    assert_eq!(read.text(), "abc");
    let matching = format!("/kv/kv/k?generation={}", read.header("x-generation"));
    assert_eq!(put(&host, &matching, "new").await.status, 200);
    assert_eq!(put(&host, &matching, "newer").await.status, 409);
    assert_eq!(kv.get("k").expect("it is there"), "new");
}

async fn a_value_that_streams_in_and_out(cx: Context) {
    let (host, kv) = start(&cx).await;
    let value = pattern(3_000_000);
    assert_eq!(put(&host, "/kv/kv/large", value.clone()).await.status, 200);
    assert_eq!(kv.get("large").expect("it was written"), value);
    let read = host.get("/kv/kv/large").await;
    assert_eq!(read.body, value);
}

async fn pages_of_keys(cx: Context) {
    let (host, kv) = start(&cx).await;
    for number in 0..7 {
        kv.set(&format!("p/{number}"), "x").expect("this is a key");
    }
    kv.set("other", "x").expect("this is a key");
    let pages = "p/0 p/1 p/2\np/3 p/4 p/5\np/6\n";
    assert_eq!(host.text("/kv-list/kv?prefix=p/&limit=3").await, pages);
    let eventual = "/kv-list/kv?prefix=p/&limit=3&eventual=1";
    assert_eq!(host.text(eventual).await, pages);
    assert_eq!(
        host.text("/kv-list/kv").await,
        "other p/0 p/1 p/2 p/3 p/4 p/5 p/6\n"
    );
    assert_eq!(host.text("/kv-list/kv?prefix=none").await, "");
}

async fn operations_at_once(cx: Context) {
    let (host, _) = start(&cx).await;
    let many = request("POST", "/kv-many/kv/50", Content::empty());
    assert_eq!(host.fetch(many).await.ok_text(), "0 left");
}

async fn calls_without_options(cx: Context) {
    let (host, kv) = start(&cx).await;
    kv.set("other", "x").expect("this is a key");
    let plain = request("POST", "/kv-plain/kv/key", Content::from("value"));
    assert_eq!(host.fetch(plain).await.ok_text(), "value key other");
    assert_eq!(kv.keys(), ["other"]);
}

/// Every one of many guests reads a number and writes the next one, and some meet.
async fn count(host: &TestHost, guests: usize) {
    let counting = (0..guests).map(|_| {
        let increment = request("POST", "/kv-increment/kv/number", Content::empty());
        host.begin(increment).answer()
    });
    for answer in join_all(counting).await {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(host.text("/kv/kv/number").await, guests.to_string());
}

async fn many_guests_count_and_none_is_lost(cx: Context) {
    let (host, _) = start(&cx).await;
    count(&host, 40).await;
}

async fn many_guests_count_in_a_store_on_the_disk(cx: Context) {
    let folder = tempfile::tempdir().expect("there is room for files");
    let kv = DurableKv::open(folder.path(), "kv", Handle::current()).expect("it is new");
    let host = cx
        .host(STORES)
        .configure(|builder| builder.kv_store("kv", kv))
        .start()
        .await;
    count(&host, 12).await;
    let many = request("POST", "/kv-many/kv/20", Content::empty());
    assert_eq!(host.fetch(many).await.ok_text(), "1 left");
}

async fn a_store_on_the_disk_outlives_its_host(cx: Context) {
    let folder = tempfile::tempdir().expect("there is room for files");
    let manifest = folder.path().join("fastly.toml");
    let text = r#"
        [local_server.kv_stores.kv]
        persist = "data/kv"
        items = [{ key = "seed", data_base64 = "aGk=", metadata = "m" }]
    "#;
    std::fs::write(&manifest, text).expect("a folder can be written to");
    for round in 0..3 {
        let host = cx
            .host(STORES)
            .configure(|builder| builder.config(&manifest))
            .start()
            .await;
        let seed = host.get("/kv/kv/seed").await;
        if round == 0 {
            assert_eq!(seed.header("x-metadata"), "m");
            assert_eq!(seed.ok_text(), "hi");
            assert_eq!(delete(&host, "/kv/kv/seed").await.status, 200);
        } else {
            assert_eq!(seed.status, 404, "what was removed does not come back");
        }
        let written = put(&host, "/kv/kv/rounds?mode=append", "x").await;
        assert_eq!(written.status, 200, "{}", written.text());
        assert_eq!(host.text("/kv/kv/rounds").await, "x".repeat(round + 1));
        tokio::time::timeout(Duration::from_secs(120), host.stop())
            .await
            .expect("a host stops");
    }
    assert!(folder.path().join("data/kv/kv.redb").exists());
}

async fn the_earlier_form_of_a_call_links(cx: Context) {
    let kv = MemoryKv::new();
    let given = kv.clone();
    let host = cx
        .host(Guest("wat/object_store_earlier.wat"))
        .configure(|builder| builder.kv_store("kv", given))
        .start()
        .await;
    assert_eq!(host.text("/").await, "", "it has not trapped");
    assert_eq!(kv.get("earlier").expect("it was written"), "earlier");
}

async fn what_is_not_there_is_told(cx: Context) {
    let (host, _) = start(&cx).await;
    for path in ["/kv/kv/missing", "/kv/missing/k"] {
        assert_eq!(host.get(path).await.status, 404, "{path}");
    }
    assert_eq!(delete(&host, "/kv/kv/missing").await.status, 404);
    let refused = put(&host, "/kv/kv/a;b", "x").await;
    assert_eq!(refused.text(), "ItemBadRequest");
}
