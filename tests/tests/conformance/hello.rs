//! The smallest guest, asked in every way that clients have.

use conformance::cases;
use conformance::client::{Client, Content, request};
use conformance::context::Context;
use conformance::guests::{HELLO, ROUTES};
use http::Version;

cases![
    answers,
    answers_unrecorded,
    answers_over_http2,
    answers_many_requests_of_one_connection,
    head_has_a_length_and_no_body,
    a_body_that_is_expected_is_asked_for,
    a_body_that_is_not_read_is_not_asked_for,
    answers_http_1_0,
];

const HELLO_TEXT: &str = "Hello from Compute\n";

async fn answers(cx: Context) {
    let host = cx.host(HELLO).start().await;
    let answer = host.get("/any/path?query").await;
    assert_eq!(answer.ok_text(), HELLO_TEXT);
    assert_eq!(answer.version, Version::HTTP_11);
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(answer.header("content-length"), "19");
}

/// The other cases look at hostcalls as they return, which is a way of its own through the host.
async fn answers_unrecorded(cx: Context) {
    let host = cx.host(HELLO).unrecorded().start().await;
    assert_eq!(host.text("/").await, HELLO_TEXT);
    assert!(host.runs.all().is_empty());
}

async fn answers_over_http2(cx: Context) {
    let host = cx.host(HELLO).start().await;
    let client = Client::http2();
    let get = request("GET", "/", Content::empty());
    let answer = client.fetch(host.address, get).await;
    assert_eq!(answer.ok_text(), HELLO_TEXT);
    assert_eq!(answer.version, Version::HTTP_2);
}

async fn answers_many_requests_of_one_connection(cx: Context) {
    let host = cx.host(HELLO).start().await;
    let mut wire = host.connect().await;
    // All are sent before the first answer is read.
    for _ in 0..5 {
        wire.get("/").await;
    }
    for _ in 0..5 {
        assert!(wire.read_head().await.starts_with("http/1.1 200 ok\r\n"));
        assert_eq!(
            wire.read_exact(HELLO_TEXT.len()).await,
            HELLO_TEXT.as_bytes()
        );
    }
}

async fn head_has_a_length_and_no_body(cx: Context) {
    let host = cx.host(HELLO).start().await;
    let mut wire = host.connect().await;
    wire.send("HEAD / HTTP/1.1\r\nhost: test\r\n\r\n").await;
    let head = wire.read_head().await;
    assert!(head.contains("\r\ncontent-length: 19\r\n"), "{head}");
    // What comes next is the next answer, and not a body.
    wire.get("/").await;
    assert!(wire.read_head().await.starts_with("http/1.1 200 ok\r\n"));
}

async fn a_body_that_is_expected_is_asked_for(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    let mut wire = host.connect().await;
    wire.send(
        "POST /read/16 HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n",
    )
    .await;
    assert_eq!(wire.read_head().await, "http/1.1 100 continue\r\n\r\n");
    wire.send("hello").await;
    assert!(wire.read_head().await.starts_with("http/1.1 200 ok\r\n"));
    assert_eq!(wire.read_exact(2).await, b"5 ");
}

async fn a_body_that_is_not_read_is_not_asked_for(cx: Context) {
    let host = cx.host(HELLO).start().await;
    let mut wire = host.connect().await;
    wire.send("POST / HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n")
        .await;
    assert!(wire.read_head().await.starts_with("http/1.1 200 ok\r\n"));
}

async fn answers_http_1_0(cx: Context) {
    let host = cx.host(HELLO).start().await;
    let mut wire = host.connect().await;
    wire.send("GET / HTTP/1.0\r\n\r\n").await;
    let response = wire.read_to_end().await;
    assert!(response.starts_with("HTTP/1.0 200 OK\r\n"), "{response}");
    assert!(response.ends_with(HELLO_TEXT), "{response}");
}
