//! The routes of the guest without an SDK that answer in a way of their own.

use std::time::Duration;

use abi_core::Limits;
use abi_core::engine::Exit;
use conformance::cases;
use conformance::client::{Client, Content, request};
use conformance::context::Context;
use conformance::guests::RAW;
use conformance::host::{LIMITS, TestHost};

use crate::counterparts::{curl, find};
use crate::raw::World;

cases![
    a_wait_without_end_is_ended_by_the_time_limit,
    select_ends_after_its_time,
    select_of_nothing_is_refused,
    a_second_answer_is_refused,
    a_streamed_answer_is_what_was_written,
    a_streamed_answer_may_have_trailers,
    the_length_of_an_answer_is_the_guests_on_demand,
    a_connection_is_kept_or_not,
    an_abandoned_answer_is_cut_off,
    a_forgotten_answer_is_cut_off,
    an_answer_may_be_one_that_is_still_to_come,
    an_answer_that_never_comes_is_made_up,
    early_hints_come_before_the_answer,
    early_hints_are_not_for_clients_that_cannot_take_them,
    early_hints_come_before_the_answer_on_http2,
    an_interim_response_stays_the_guests,
    headers_are_added_to_an_answer_that_is_still_to_come,
    unknown_routes,
];

async fn start(cx: &Context) -> (TestHost, World) {
    let world = World::start().await;
    (world.of(cx.host(RAW)).start().await, world)
}

async fn a_wait_without_end_is_ended_by_the_time_limit(cx: Context) {
    let world = World::start().await;
    let limits = Limits {
        wall: Duration::from_millis(200),
        ..LIMITS
    };
    let host = world.of(cx.host(RAW).configure(|builder| builder.limits(limits)));
    let host = host.start().await;
    assert_eq!(host.get("/raw/wait-never").await.status, 504);
}

async fn select_ends_after_its_time(cx: Context) {
    let (host, _world) = start(&cx).await;
    assert_eq!(host.text("/raw/select-timeout/20").await, "timeout");
}

async fn select_of_nothing_is_refused(cx: Context) {
    let (host, _world) = start(&cx).await;
    assert_eq!(host.text("/raw/empty-select").await, "status 2");
}

async fn a_second_answer_is_refused(cx: Context) {
    let (host, _world) = start(&cx).await;
    let text = host.text("/raw/two-answers").await;
    assert_eq!(text, "first answer, then status 1");
}

async fn a_streamed_answer_is_what_was_written(cx: Context) {
    let (host, _world) = start(&cx).await;
    let text = host.text("/raw/streaming-answer").await;
    assert_eq!(text, "before during appended");
    assert_eq!(*host.runs.over(0).await.exit(), Exit::Returned);
}

async fn a_streamed_answer_may_have_trailers(cx: Context) {
    let (host, _world) = start(&cx).await;
    let mut wire = host.connect().await;
    wire.send(
        "GET /raw/streaming-trailers HTTP/1.1\r\nhost: test\r\nte: trailers\r\nconnection: close\r\n\r\n",
    )
    .await;
    let response = wire.read_to_end().await;
    assert!(
        response.contains("\r\ntrailer: x-checksum\r\n"),
        "{response}"
    );
    assert!(response.contains("content"), "{response}");
    assert!(
        response.ends_with("0\r\nx-checksum: 42\r\n\r\n"),
        "{response}"
    );
}

async fn the_length_of_an_answer_is_the_guests_on_demand(cx: Context) {
    let (host, _world) = start(&cx).await;
    for (mode, field) in [
        ("0", "\r\ntransfer-encoding: chunked\r\n"),
        ("1", "\r\ncontent-length: 7\r\n"),
    ] {
        let mut wire = host.connect().await;
        wire.get(&format!("/raw/framing/{mode}")).await;
        let head = wire.read_head().await;
        assert!(head.contains(field), "{head}");
        assert_eq!(
            head.matches("\r\ncontent-length").count(),
            usize::from(mode == "1")
        );
        let answer = host.get(&format!("/raw/framing/{mode}")).await;
        assert_eq!(answer.ok_text(), "content");
    }
}

async fn a_connection_is_kept_or_not(cx: Context) {
    let (host, _world) = start(&cx).await;
    let mut wire = host.connect().await;
    for _ in 0..2 {
        wire.get("/raw/keepalive/0").await;
        assert!(!wire.read_head().await.contains("\r\nconnection:"));
        assert_eq!(wire.read_exact(7).await, b"content");
    }
    wire.get("/raw/keepalive/1").await;
    let rest = wire.read_to_end().await.to_ascii_lowercase();
    assert!(rest.contains("\r\nconnection: close\r\n"), "{rest}");
    assert!(rest.ends_with("content"), "{rest}");
}

async fn an_abandoned_answer_is_cut_off(cx: Context) {
    is_cut_off(&cx, "/raw/abandoned-answer").await;
}

async fn a_forgotten_answer_is_cut_off(cx: Context) {
    is_cut_off(&cx, "/raw/forgotten-answer").await;
}

async fn is_cut_off(cx: &Context, path: &str) {
    let (host, _world) = start(cx).await;
    let mut wire = host.connect().await;
    wire.get(path).await;
    let response = wire.read_to_end().await;
    assert!(
        !response.contains("\r\n0\r\n"),
        "it must not look complete: {response}"
    );
    assert_eq!(*host.runs.over(0).await.exit(), Exit::Returned);
    assert_eq!(host.text("/raw/empty-select").await, "status 2");
}

async fn an_answer_may_be_one_that_is_still_to_come(cx: Context) {
    let (host, _world) = start(&cx).await;
    let answer = host.get("/raw/pending-answer").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-backend"), "origin");
    assert_eq!(*host.runs.over(0).await.exit(), Exit::Returned);
}

async fn an_answer_that_never_comes_is_made_up(cx: Context) {
    let (host, _world) = start(&cx).await;
    let answer = host.get("/raw/pending-answer-refused").await;
    assert_eq!(answer.status, 502, "{}", answer.text());
}

async fn early_hints_come_before_the_answer(cx: Context) {
    let (host, _world) = start(&cx).await;
    let mut wire = host.connect().await;
    // The second request is there before the first is answered: its hints come behind the first answer.
    wire.get("/raw/early-hints").await;
    wire.get_last("/raw/early-hints").await;
    let received = wire.read_to_end().await;
    let hints = "HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n\
                 HTTP/1.1 103 Early Hints\r\nlink: </script.js>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\n";
    assert!(received.starts_with(hints), "{received}");
    assert_eq!(received.matches(hints).count(), 2, "{received}");
    let first_answer = format!("after early hints{hints}");
    assert!(received.contains(&first_answer), "{received}");
    assert!(received.ends_with("after early hints"), "{received}");
    assert_eq!(host.runs.over(0).await.count("send_downstream"), 3);
}

async fn early_hints_are_not_for_clients_that_cannot_take_them(cx: Context) {
    let (host, _world) = start(&cx).await;
    let mut wire = host.connect().await;
    wire.send("GET /raw/early-hints HTTP/1.0\r\nhost: test\r\n\r\n")
        .await;
    let received = wire.read_to_end().await;
    assert!(!received.contains("103"), "{received}");
    assert!(received.ends_with("after early hints"), "{received}");
}

async fn early_hints_come_before_the_answer_on_http2(cx: Context) {
    let (host, _world) = start(&cx).await;
    let request = request("GET", "/raw/early-hints", Content::empty());
    let answer = Client::http2().fetch(host.address, request).await;
    assert_eq!(answer.ok_text(), "after early hints");
    if find(&["curl"]).is_none() {
        return;
    }
    for (path, hints) in [
        ("early-hints", &["</style.css>", "</script.js>"][..]),
        ("informational", &["</style.css>"]),
    ] {
        let url = format!("http://{}/raw/{path}", host.address);
        let received = curl(&["--http2-prior-knowledge", "--include", &url]).await;
        let hints = hints
            .iter()
            .map(|link| format!("HTTP/2 103 \r\nlink: {link}; rel=preload\r\n\r\n"));
        let expected = hints.collect::<String>() + "HTTP/2 200 \r\n";
        assert!(received.starts_with(&expected), "{received}");
    }
}

async fn an_interim_response_stays_the_guests(cx: Context) {
    let (host, _world) = start(&cx).await;
    let mut wire = host.connect().await;
    wire.get_last("/raw/informational").await;
    let received = wire.read_to_end().await;
    assert!(
        received.starts_with("HTTP/1.1 103 Early Hints\r\nlink: "),
        "{received}"
    );
    // After the final answer there is none.
    assert!(received.contains("status 1"), "{received}");
    assert_eq!(received.matches("HTTP/1.1 ").count(), 2, "{received}");
}

async fn headers_are_added_to_an_answer_that_is_still_to_come(cx: Context) {
    let (host, _world) = start(&cx).await;
    let answer = host.get("/raw/edited-answer").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header_values("x-edited"), ["any", "response"]);
    let answer = host.get("/raw/edited-answer-refused").await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert_eq!(answer.header_values("x-edited"), ["any", "error"]);
}

async fn unknown_routes(cx: Context) {
    let (host, _world) = start(&cx).await;
    assert_eq!(host.get("/raw/other").await.status, 404);
    assert_eq!(host.get("/case/other").await.status, 404);
}
