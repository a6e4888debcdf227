//! Guests that serve more than one request.

use std::sync::{Arc, OnceLock};

use abi_core::reuse::ReuseLimits;
use conformance::cases;
use conformance::context::Context;
use conformance::guests::RAW;
use conformance::host::TestHost;
use fastlike::Host;

cases![
    a_guest_serves_what_comes_while_it_waits,
    a_guest_serves_no_more_than_it_may,
    a_guest_that_fails_fails_one_request,
    a_request_that_comes_back_is_refused,
];

const PATH: &str = "/raw/serve-many";

async fn start(cx: &Context, limits: ReuseLimits) -> TestHost {
    let host = cx.host(RAW);
    host.configure(|builder| builder.reuse(limits))
        .start()
        .await
}

/// Asks until a guest answers that has answered `count - 1` requests before. Another guest may answer before the first
/// one waits.
async fn until_request(host: &TestHost, count: u32) {
    let expected = format!("request {count}: {PATH}");
    for _ in 0..10_000 {
        if host.text(PATH).await == expected {
            return;
        }
    }
    panic!("no guest has served {count} requests");
}

async fn a_guest_serves_what_comes_while_it_waits(cx: Context) {
    let host = start(&cx, ReuseLimits::default()).await;
    assert_eq!(host.text(PATH).await, format!("request 1: {PATH}"));
    until_request(&host, 2).await;
    // The host ends while guests wait, and need not wait for them.
}

async fn a_guest_serves_no_more_than_it_may(cx: Context) {
    let limits = ReuseLimits {
        further_requests: 1,
        ..ReuseLimits::default()
    };
    let host = start(&cx, limits).await;
    for _ in 0..20 {
        let text = host.text(PATH).await;
        assert!(
            text == format!("request 1: {PATH}") || text == format!("request 2: {PATH}"),
            "{text}"
        );
    }
    let limits = ReuseLimits {
        waiting_sandboxes: 0,
        ..ReuseLimits::default()
    };
    let host = start(&cx, limits).await;
    for _ in 0..5 {
        assert_eq!(host.text(PATH).await, format!("request 1: {PATH}"));
    }
}

async fn a_guest_that_fails_fails_one_request(cx: Context) {
    let host = start(&cx, ReuseLimits::default()).await;
    // A new guest answers 404; one that serves several requests panics.
    let mut failed = false;
    for _ in 0..10_000 {
        until_request(&host, 2).await;
        match host.get("/panic").await.status.as_u16() {
            404 => {}
            500 => {
                failed = true;
                break;
            }
            status => panic!("{status}"),
        }
    }
    assert!(failed);
    assert_eq!(host.get(PATH).await.status, 200);
}

async fn a_request_that_comes_back_is_refused(cx: Context) {
    let cell = Arc::new(OnceLock::<Host>::new());
    let itself = cell.clone();
    let host = cx.host(RAW).configure(|builder| {
        builder.backend_fn("origin", move |request| {
            let host = itself.get().cloned();
            async move { host.expect("it was started").handle(request).await }
        })
    });
    let host = host.start().await;
    assert!(cell.set(host.host.clone()).is_ok());
    let answer = host.get("/raw/pending-answer").await;
    assert_eq!(answer.status, 508, "{}", answer.text());
    // Another host may be asked, and says what it says.
    let other = cx.host(RAW).backend("origin", host.address).start().await;
    assert_eq!(other.get("/raw/pending-answer").await.status, 404);
}
