//! Stopping a host.

use std::time::Duration;

use conformance::cases;
use conformance::clock::LongPauses;
use conformance::context::Context;
use conformance::guests::ROUTES;
use conformance::origin::Origin;
use fastlike::Drained;
use tokio::net::TcpStream;

cases![
    requests_on_their_way_are_finished,
    guests_that_work_on_are_finished,
    what_takes_too_long_is_cut_off,
];

async fn requests_on_their_way_are_finished(cx: Context) {
    let origin = Origin::start().await;
    let host = cx
        .host(ROUTES)
        .backend("origin", origin.address)
        .start()
        .await;
    // An idle connection must not hold anything up.
    let _idle = host.connect().await;
    let answering = host.begin_get("/proxy/origin/gate");
    origin.arrived(1).await;
    let stopping = host.stop();
    let meanwhile = async {
        refuses(host.address).await;
        origin.open_gate();
        answering.answer().await.ok_text()
    };
    let (drained, text) = tokio::join!(stopping, meanwhile);
    assert_eq!(text, "the gate is open");
    assert_eq!(drained, Drained::Completely);
}

/// Waits until nobody listens at an address.
async fn refuses(address: std::net::SocketAddr) {
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

async fn guests_that_work_on_are_finished(cx: Context) {
    let pauses = LongPauses::default();
    let within = pauses.clone();
    let host = cx
        .host(ROUTES)
        .configure(|builder| builder.platform(move |platform| within.within(platform)))
        .start()
        .await;
    let path = format!("/early-then-work/{}", LongPauses::MILLISECONDS);
    assert_eq!(host.text(&path).await, "early\n");
    let meanwhile = async {
        refuses(host.address).await;
        assert!(!host.runs.all()[0].is_over());
        pauses.end();
    };
    let (drained, ()) = tokio::join!(host.stop(), meanwhile);
    assert_eq!(drained, Drained::Completely);
    assert!(host.runs.all()[0].is_over());
    let log = host.logs.lines();
    assert_eq!(log.len(), 1, "{log:?}");
}

async fn what_takes_too_long_is_cut_off(cx: Context) {
    let origin = Origin::start().await;
    let host = cx
        .host(ROUTES)
        .backend("origin", origin.address)
        .configure(|builder| builder.drain_timeout(Duration::from_millis(100)))
        .start()
        .await;
    let answering = host.begin_get("/proxy/origin/gate");
    origin.arrived(1).await;
    assert_eq!(host.stop().await, Drained::CutOff);
    answering.leave();
    origin.open_gate();
    host.runs.over(0).await;
}
