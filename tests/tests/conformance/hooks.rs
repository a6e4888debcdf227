//! Programs that have a say in what is sent to a backend and in what of its response is cached, by the hooks of the Rust
//! SDK: `set_before_send` and `set_after_send`.

use abi_core::cache::{Purge, SurrogateKey};
use conformance::cases;
use conformance::client::{Answer, Content, request};
use conformance::context::Context;
use conformance::guests::ROUTES;
use conformance::host::TestHost;
use conformance::origin::Origin;
use fastlike::HttpCacheSettings;

cases![
    hooks_run_where_the_backend_is_asked,
    a_rejected_request_is_not_sent,
    bodies_are_stored_as_they_were_transformed,
    times_are_what_the_hook_says,
    what_is_renewed_is_not_transformed_again,
    a_stale_response_is_used_while_it_is_revalidated,
    a_stale_response_stands_in_for_a_refused_one,
    a_response_that_is_not_stored_lets_the_next_one_go,
    nobody_waits_for_what_is_never_stored,
    forty_at_once_are_one_for_the_backend,
    what_says_that_it_is_not_stored_can_be,
    the_hook_says_what_a_response_depends_on,
    the_hook_says_what_a_response_is_purged_by,
    parts_are_answered_from_what_was_transformed,
    hooks_are_refused_where_guests_are_left_no_cache,
];

async fn start(cx: &Context) -> (TestHost, Origin) {
    let origin = Origin::start().await;
    let host = host(cx, &origin, HttpCacheSettings::default()).await;
    (host, origin)
}

async fn host(cx: &Context, origin: &Origin, settings: HttpCacheSettings) -> TestHost {
    cx.host(ROUTES)
        .unrecorded()
        .backend("origin", origin.address)
        .configure(|builder| builder.http_cache(settings))
        .start()
        .await
}

async fn get_with(host: &TestHost, path: &str, (name, value): (&'static str, &str)) -> Answer {
    let mut asked = request("GET", path, Content::empty());
    let value = value.parse().expect("this is a header's value");
    asked.headers_mut().insert(name, value);
    host.fetch(asked).await
}

async fn hooks_run_where_the_backend_is_asked(cx: Context) {
    let (host, origin) = start(&cx).await;
    let path = "/hooks/before,after/version";
    let first = host.get(path).await;
    assert_eq!(first.ok_text(), "one");
    assert_eq!(first.header("x-cache"), "MISS");
    assert_eq!(first.header("x-after"), "1");
    let second = host.get(path).await;
    assert_eq!(second.ok_text(), "one");
    assert_eq!(second.header("x-cache"), "HIT");
    assert_eq!(second.header("x-after"), "1");
    // It is stored for whoever asks.
    let other = host.get("/proxy/origin/version").await;
    assert_eq!(other.header("x-after"), "1");
    let [exchange] = &origin.exchanges()[..] else {
        panic!("the backend is asked once");
    };
    assert_eq!(exchange.headers["x-before"], "1");
}

async fn a_rejected_request_is_not_sent(cx: Context) {
    let (host, origin) = start(&cx).await;
    let rejected = host.get("/hooks/reject/version").await;
    assert_eq!(rejected.status, 502);
    assert!(rejected.text().contains("the hook wants nothing sent"));
    assert_eq!(host.text("/hooks/after/version").await, "one");
    assert_eq!(origin.exchanges().len(), 1, "and nobody waits for it");
}

async fn bodies_are_stored_as_they_were_transformed(cx: Context) {
    let (host, origin) = start(&cx).await;
    let path = "/hooks/upper/stream/3/5";
    for _ in 0..2 {
        assert_eq!(host.text(path).await, "AAAAABBBBBCCCCC");
    }
    assert_eq!(
        host.text("/proxy/origin/stream/3/5").await,
        "AAAAABBBBBCCCCC"
    );
    assert_eq!(origin.exchanges().len(), 1);
}

async fn times_are_what_the_hook_says(cx: Context) {
    let (host, origin) = start(&cx).await;
    for (path, expected) in [
        ("/hooks/after/version?max-age=7", 7),
        ("/hooks/ttl=9000/version?max-age=0", 9000),
    ] {
        host.get(path).await;
        // The SDK tells the time of what was found.
        let hit = host.get(path).await;
        assert_eq!(hit.header("x-cache"), "HIT");
        let ttl: u32 = hit.header("x-ttl").parse().expect("this is a number");
        assert!((expected - 5..=expected).contains(&ttl), "{ttl}");
    }
    assert_eq!(origin.exchanges().len(), 2);
}

async fn what_is_renewed_is_not_transformed_again(cx: Context) {
    let (host, origin) = start(&cx).await;
    let path = "/hooks/upper,ttl=0/version";
    assert_eq!(host.text(path).await, "ONE");
    assert_eq!(host.text(path).await, "ONE");
    origin.set_version("two");
    assert_eq!(host.text(path).await, "TWO");
    let asked = origin.exchanges();
    let conditions = asked.iter().map(|one| one.headers.get("if-none-match"));
    let conditions: Vec<_> = conditions
        .map(|value| value.map(|tag| tag.to_str().unwrap()))
        .collect();
    assert_eq!(conditions, [None, Some("\"one\""), Some("\"one\"")]);
}

async fn a_stale_response_is_used_while_it_is_revalidated(cx: Context) {
    let (host, origin) = start(&cx).await;
    let path = "/hooks/upper,ttl=0,swr=60/version";
    assert_eq!(host.text(path).await, "ONE");
    origin.set_version("two");
    let stale = host.get(path).await;
    assert_eq!(stale.ok_text(), "ONE");
    assert_eq!(stale.header("x-cache"), "HIT");
    // The guest goes on after its answer.
    while host.text(path).await != "TWO" {}
    assert_eq!(origin.exchanges()[1].headers["if-none-match"], "\"one\"");
}

async fn a_stale_response_stands_in_for_a_refused_one(cx: Context) {
    let (host, origin) = start(&cx).await;
    let path = "/hooks/ttl=0,sie=60,refuse/version";
    let first = host.get(path).await;
    assert_eq!((&*first.ok_text(), &*first.header("x-masked")), ("one", ""));
    origin.set_version("");
    let masked = host.get(path).await;
    assert_eq!(
        (&*masked.ok_text(), &*masked.header("x-masked")),
        ("one", "1")
    );
    origin.set_version("two");
    let back = host.get(path).await;
    assert_eq!((&*back.ok_text(), &*back.header("x-masked")), ("two", ""));
    assert_eq!(origin.exchanges().len(), 3);
}

async fn a_response_that_is_not_stored_lets_the_next_one_go(cx: Context) {
    let (host, origin) = start(&cx).await;
    for _ in 0..2 {
        let answer = host.get("/hooks/private,upper/version").await;
        assert_eq!(answer.ok_text(), "ONE");
        assert_eq!(answer.header("x-cache"), "MISS");
    }
    assert_eq!(origin.exchanges().len(), 2);
}

async fn nobody_waits_for_what_is_never_stored(cx: Context) {
    let (host, origin) = start(&cx).await;
    let path = "/hooks/pass/feed";
    let first = host.begin_get(path);
    let feed = origin.feed().await;
    assert!(feed.send("1").await);
    // Its head is there, and so it is known what becomes of it.
    let (second, third) = (host.begin_get(path), host.begin_get(path));
    let more = [origin.feed().await, origin.feed().await];
    for feed in more {
        assert!(feed.send("2").await);
    }
    drop(feed);
    assert_eq!(first.answer().await.ok_text(), "1");
    for other in [second, third] {
        assert_eq!(other.answer().await.ok_text(), "2");
    }
    assert_eq!(origin.exchanges().len(), 3);
}

async fn forty_at_once_are_one_for_the_backend(cx: Context) {
    let (host, origin) = start(&cx).await;
    let asking: Vec<_> = (0..40)
        .map(|_| host.begin_get("/hooks/upper/gate"))
        .collect();
    origin.arrived(1).await;
    origin.open_gate();
    for asked in asking {
        assert_eq!(asked.answer().await.ok_text(), "THE GATE IS OPEN");
    }
    assert_eq!(origin.exchanges().len(), 1);
}

async fn what_says_that_it_is_not_stored_can_be(cx: Context) {
    let (host, origin) = start(&cx).await;
    for _ in 0..2 {
        assert_eq!(
            host.get("/hooks/store,ttl=60/version?no-store")
                .await
                .ok_text(),
            "one"
        );
        assert_eq!(host.get("/hooks/store,ttl=60/status/500").await.status, 500);
    }
    assert_eq!(origin.exchanges().len(), 2);
    for _ in 0..2 {
        host.get("/hooks/after/version?private").await;
    }
    assert_eq!(origin.exchanges().len(), 4);
}

async fn the_hook_says_what_a_response_depends_on(cx: Context) {
    let (host, origin) = start(&cx).await;
    let path = "/hooks/vary=accept-language/version";
    for language in ["de", "fr", "de", "fr"] {
        get_with(&host, path, ("accept-language", language)).await;
    }
    assert_eq!(origin.exchanges().len(), 2);
}

async fn the_hook_says_what_a_response_is_purged_by(cx: Context) {
    let (host, origin) = start(&cx).await;
    let key = SurrogateKey::new(b"mine").expect("this is a surrogate key");
    // What a soft purge has made stale is renewed: before it is used again, or while it is.
    for (path, renewals) in [
        ("/hooks/key=mine/version?a", 2),
        ("/hooks/key=mine,swr=60/version?b", 4),
    ] {
        host.get(path).await;
        assert_eq!(host.host.cache().purge(&key, Purge::Soft), 1);
        assert_eq!(host.get(path).await.ok_text(), "one");
        origin.arrived(renewals).await;
        let asked = &origin.exchanges()[renewals - 1];
        assert_eq!(asked.headers["if-none-match"], "\"one\"");
        // The last one is purged by its key, too.
        if renewals == 2 {
            assert_eq!(host.host.cache().purge(&key, Purge::Hard), 1);
        }
    }
    assert_eq!(host.host.cache().purge(&key, Purge::Hard), 1);
    host.get("/hooks/key=mine,swr=60/version?b").await;
    assert_eq!(origin.exchanges().len(), 5);
}

async fn parts_are_answered_from_what_was_transformed(cx: Context) {
    let (host, origin) = start(&cx).await;
    let path = "/hooks/upper/bytes/10";
    assert_eq!(host.text(path).await, "AAAAAAAAAA");
    let part = get_with(&host, path, ("range", "bytes=8-20")).await;
    assert_eq!((part.status.as_u16(), &*part.text()), (206, "AA"));
    let head = host.fetch(request("HEAD", path, Content::empty())).await;
    assert_eq!(head.header("content-length"), "10");
    assert_eq!(origin.exchanges().len(), 1);
}

async fn hooks_are_refused_where_guests_are_left_no_cache(cx: Context) {
    let origin = Origin::start().await;
    let settings = HttpCacheSettings {
        guest_caching: false,
        ..HttpCacheSettings::default()
    };
    let host = host(&cx, &origin, settings).await;
    let refused = host.get("/hooks/after/version").await;
    assert_eq!(refused.status, 502);
    assert!(refused.text().contains("HttpCacheApiUnsupported"));
    assert_eq!(origin.exchanges().len(), 0);
}
