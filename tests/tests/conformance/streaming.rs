//! Answers that are written piece by piece.

use conformance::cases;
use conformance::client::{Answer, Client, Content, next_piece, request};
use conformance::clock::LongPauses;
use conformance::context::Context;
use conformance::guests::ROUTES;
use conformance::host::TestHost;
use conformance::wire::Wire;
use fastlike::CapturedSource;
use http_body_util::BodyExt;

cases![
    a_stream_is_sent_in_chunks,
    a_chunk_arrives_while_the_guest_works_on,
    a_chunk_arrives_although_the_request_is_not_read,
    an_abandoned_answer_is_cut_off,
    an_abandoned_answer_is_cut_off_over_http2,
    a_client_that_does_not_read_holds_up_the_guest,
    head_of_a_stream_lets_the_guest_finish,
    an_early_answer_does_not_wait_for_the_guest,
];

async fn a_stream_is_sent_in_chunks(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    let mut wire = host.connect().await;
    // So short that it may be complete before its head is sent, which must make no difference.
    wire.get("/stream/3/5").await;
    let head = wire.read_head().await;
    assert!(
        head.contains("\r\ntransfer-encoding: chunked\r\n"),
        "{head}"
    );
    assert!(!head.contains("content-length"), "{head}");
    // Writes may be joined or divided on their way; what is inside the chunks may not change.
    let chunks = wire.read_until("\r\n0\r\n\r\n").await;
    assert_eq!(unchunked(&chunks), "aaaaabbbbbccccc");
    // The connection can be used again.
    wire.get("/hello").await;
    assert!(wire.read_head().await.starts_with("http/1.1 200 ok\r\n"));
}

/// What is inside of chunks.
fn unchunked(mut chunks: &str) -> String {
    let mut content = String::new();
    loop {
        let (size, rest) = chunks
            .split_once("\r\n")
            .expect("a chunk begins with its size");
        let size = usize::from_str_radix(size, 16).expect("a size is hexadecimal");
        if size == 0 {
            assert_eq!(rest, "\r\n");
            return content;
        }
        content.push_str(&rest[..size]);
        chunks = rest[size..]
            .strip_prefix("\r\n")
            .expect("a chunk ends with a line break");
    }
}

/// A host on which a guest pauses until the test ends the pause.
async fn start_with_pauses(cx: &Context) -> (TestHost, LongPauses) {
    let pauses = LongPauses::default();
    let within = pauses.clone();
    let host = cx
        .host(ROUTES)
        .configure(|builder| builder.platform(move |platform| within.within(platform)));
    (host.start().await, pauses)
}

async fn a_chunk_arrives_while_the_guest_works_on(cx: Context) {
    let (host, pauses) = start_with_pauses(&cx).await;
    let path = format!("/stream-slow/1/{}", LongPauses::MILLISECONDS);
    let mut response = host.send(request("GET", &path, Content::empty())).await;
    assert_eq!(next_piece(response.body_mut()).await, "chunk 0\n");
    assert!(!host.runs.all()[0].is_over());
    pauses.end();
    assert_eq!(Answer::gather(response).await.text(), "");
}

/// What the client has sent and nobody has read must not keep back what is to be sent to it.
async fn a_chunk_arrives_although_the_request_is_not_read(cx: Context) {
    let (host, pauses) = start_with_pauses(&cx).await;
    let mut wire = host.connect().await;
    wire.send(format!(
        "POST /stream-slow/1/{} HTTP/1.1\r\nhost: test\r\ncontent-length: 7\r\n\r\ncontent",
        LongPauses::MILLISECONDS
    ))
    .await;
    wire.read_until("chunk 0\n").await;
    assert!(!host.runs.all()[0].is_over());
    pauses.end();
    wire.read_until("\r\n0\r\n\r\n").await;
}

async fn an_abandoned_answer_is_cut_off(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    let mut wire = host.connect().await;
    wire.get("/abandon").await;
    let response = wire.read_to_end().await;
    assert!(
        response.contains("transfer-encoding: chunked"),
        "{response}"
    );
    assert!(
        !response.contains("\r\n0\r\n"),
        "it must not look complete: {response}"
    );
    assert_eq!(host.text("/hello").await, "Hello from Compute\n");
}

async fn an_abandoned_answer_is_cut_off_over_http2(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    let client = Client::http2();
    let abandoned = client.send(host.address, request("GET", "/abandon", Content::empty()));
    // The stream may be reset before its head is sent.
    if let Ok(response) = abandoned.await {
        let body = response.into_body().collect().await;
        assert!(body.is_err(), "it must not look complete");
    }
    // Only the stream is gone, and not the connection.
    let hello = client.send(host.address, request("GET", "/hello", Content::empty()));
    assert_eq!(hello.await.expect("the host answers").status(), 200);
}

async fn a_client_that_does_not_read_holds_up_the_guest(cx: Context) {
    const COUNT: usize = 1000;
    const CHUNK: usize = 64 * 1024;
    /// Two socket buffers of a few MiB each, and what the host keeps.
    const BUFFERS_MAX: usize = 32 * 1024 * 1024;
    const STILL: usize = 50;

    let host = cx.host(ROUTES).start().await;
    let mut wire = Wire::connect_narrow(host.address).await;
    wire.get_last(&format!("/stream/{COUNT}/{CHUNK}")).await;
    let written = || host.runs.all()[0].count("write") * CHUNK;
    wire.read_head().await;
    let (mut last, mut still) = (0, 0);
    while still < STILL {
        assert_eq!(host.text("/hello").await, "Hello from Compute\n");
        let now = written();
        assert!(now < BUFFERS_MAX, "{now} bytes, and more to come");
        still = if now == last { still + 1 } else { 0 };
        last = now;
    }
    // It goes on, and comes to its end, when the client reads.
    let rest = wire.read_to_end().await;
    assert!(rest.ends_with("\r\n0\r\n\r\n"));
    assert_eq!(written(), COUNT * CHUNK);
}

async fn head_of_a_stream_lets_the_guest_finish(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    let head = request("HEAD", "/stream/100/65536", Content::empty());
    let answer = host.fetch(head).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.is_empty());
    let run = host.runs.over(0).await;
    assert_eq!(run.count("write"), 100);
    assert!(run.exit().is_success(), "{run:?}");
}

async fn an_early_answer_does_not_wait_for_the_guest(cx: Context) {
    let (host, pauses) = start_with_pauses(&cx).await;
    let path = format!("/early-then-work/{}", LongPauses::MILLISECONDS);
    assert_eq!(host.text(&path).await, "early\n");
    assert!(host.logs.lines().is_empty());
    pauses.end();
    let run = host.runs.over(0).await;
    assert!(run.exit().is_success(), "{run:?}");
    let after = CapturedSource::Endpoint("after".to_owned());
    assert_eq!(host.logs.text(&after), ["finished"]);
}
