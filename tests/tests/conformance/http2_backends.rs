//! Backends on HTTP/2 that answer late, too much or not at all: what guests are told, and what the backends see.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use conformance::cases;
use conformance::client::{Answer, Client, Content, request};
use conformance::context::Context;
use conformance::faulty::listen;
use conformance::frames::{
    ACK, CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, Frames, GOAWAY, HEADERS,
    NO_ERROR, PING, SETTINGS, WINDOW_UPDATE, frame, reset,
};
use conformance::guests::ROUTES;
use conformance::host::TestHost;
use fastlike::BackendSettings;
use http_body_util::BodyExt;
use tokio::sync::mpsc;

cases![
    who_goes_away_finishes_and_is_asked_no_more,
    questions_before_an_answer_are_answered,
    what_goes_wrong_before_a_response,
    what_goes_wrong_in_a_body,
    a_request_that_takes_too_long_is_reset,
    a_body_that_is_not_taken_holds_nobody_up,
];

const TIMEOUT: Duration = Duration::from_millis(200);

/// `:status: 200`.
const OK: &[u8] = b"\x88";

/// A backend that does the same on each connection, once a request has come on stream 1.
async fn backend<F>(attend: impl Fn(Frames) -> F + Clone + Send + Sync + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    listen(move |stream| {
        let attend = attend.clone();
        async move {
            // One of those that are made for nothing may be closed before.
            if let Some(mut frames) = Frames::accept(stream, &[]).await
                && is_asked(&mut frames).await
            {
                attend(frames).await;
            }
        }
    })
    .await
}

/// Whether a request comes.
async fn is_asked(frames: &mut Frames) -> bool {
    while let Some(frame) = frames.next().await {
        if frame.kind == HEADERS {
            return true;
        }
    }
    false
}

/// A backend that sends these bytes, and then waits for the host to leave.
async fn saying(bytes: Vec<u8>) -> SocketAddr {
    backend(move |mut frames| {
        let bytes = bytes.clone();
        async move {
            frames.send(bytes).await;
            frames.rest().await;
        }
    })
    .await
}

async fn start(cx: &Context, address: SocketAddr) -> TestHost {
    let url = format!("http://{address}").parse();
    let mut settings = BackendSettings::new(url.expect("an address makes a URL"));
    settings.http2_only = true;
    settings.first_byte_timeout = Some(TIMEOUT);
    let host = cx
        .host(ROUTES)
        .configure(|builder| builder.backend_with("b", settings));
    host.start().await
}

async fn who_goes_away_finishes_and_is_asked_no_more(cx: Context) {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    let address = backend(move |mut frames| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            // The HTTP library has let the request go by then; before, it would break it off when it heard of the end.
            frames.until(|frame| frame.flags & END_STREAM != 0).await;
            // The last stream that it works on, and why.
            let last = [1, NO_ERROR].map(u32::to_be_bytes).concat();
            frames.send(frame(GOAWAY, 0, 0, &last)).await;
            frames.send(frame(PING, 0, 0, b"is heard")).await;
            let is_heard = |frame: &Frame| frame.kind == PING && frame.flags == ACK;
            frames.until(is_heard).await;
            frames.send(frame(HEADERS, END_HEADERS, 1, OK)).await;
            frames.send(frame(DATA, END_STREAM, 1, b"late")).await;
            frames.rest().await;
        }
    })
    .await;
    let host = start(&cx, address).await;
    for count in 1..=3 {
        let request = request("POST", "/proxy/b/", Content::empty());
        let answer = Answer::gather(host.send(request).await).await;
        assert_eq!(answer.ok_text(), "late");
        assert_eq!(connections.load(Ordering::Relaxed), count);
    }
}

async fn questions_before_an_answer_are_answered(cx: Context) {
    let count = 5_000;
    let address = backend(move |mut frames| async move {
        let ping = frame(PING, 0, 0, b"question");
        let questions = [ping, frame(SETTINGS, 0, 0, b"")].concat();
        frames.send(questions.repeat(count)).await;
        for _ in 0..2 * count {
            let is_answer = |frame: &Frame| {
                (frame.kind == PING || frame.kind == SETTINGS) && frame.flags == ACK
            };
            frames.until(is_answer).await;
        }
        frames.send(frame(HEADERS, END_HEADERS, 1, OK)).await;
        frames.send(frame(DATA, END_STREAM, 1, b"enough")).await;
        frames.rest().await;
    })
    .await;
    let url = format!("http://{address}").parse();
    let mut settings = BackendSettings::new(url.expect("an address makes a URL"));
    settings.http2_only = true;
    let host = cx
        .host(ROUTES)
        .configure(|builder| builder.backend_with("b", settings))
        .start()
        .await;
    assert_eq!(host.text("/proxy/b/").await, "enough");
}

async fn is_told(cx: &Context, address: SocketAddr, cause: &str) {
    let host = start(cx, address).await;
    let answer = host.get("/proxy/b/").await;
    let text = answer.text();
    assert_eq!(answer.status, 502, "{cause}: {text}");
    assert!(text.contains(cause), "{cause}: {text}");
    assert_eq!(host.text("/hello").await, "Hello from Compute\n");
}

async fn what_goes_wrong_before_a_response(cx: Context) {
    let field = b"\x00\x01x\x01y";
    let head = |fields: usize| [OK, &field.repeat(fields)].concat();
    let continued = |fields: usize| {
        [
            frame(HEADERS, 0, 1, &head(fields)),
            frame(CONTINUATION, END_HEADERS, 1, &field.repeat(fields)),
        ]
        .concat()
    };
    // `content-type`, by its place in the static table, in more bytes than a head has, in 12 frames of 12,000.
    let mut large = [OK, b"\x0f\x10\x7f\x81\xb8\x08"].concat();
    large.resize(large.len() + 138_368, b'x');
    let mut in_frames = Vec::new();
    let pieces: Vec<_> = large.chunks(12_000).collect();
    for (index, piece) in pieces.iter().enumerate() {
        let kind = if index == 0 { HEADERS } else { CONTINUATION };
        let flags = if index + 1 == pieces.len() {
            END_HEADERS
        } else {
            0
        };
        in_frames.extend(frame(kind, flags, 1, piece));
    }
    let mut endless = frame(HEADERS, 0, 1, &head(3_000));
    for _ in 0..200 {
        endless.extend(frame(CONTINUATION, 0, 1, &field.repeat(3_000)));
    }
    let update = |stream| frame(WINDOW_UPDATE, 0, stream, &0_u32.to_be_bytes());
    for (says, cause) in [
        // RFC 9113 section 7: CANCEL and REFUSED_STREAM.
        (
            reset(1, CANCEL),
            "Http2StreamError { frame_type: 3, error_code: 8 }",
        ),
        (
            reset(1, 7),
            "Http2StreamError { frame_type: 3, error_code: 7 }",
        ),
        // GOAWAY with ENHANCE_YOUR_CALM, and no stream was or will be worked on.
        (
            frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 11]),
            "Http2StreamError { frame_type: 7, error_code: 11 }",
        ),
        // More fields than there may be, and more bytes.
        (
            frame(HEADERS, END_HEADERS, 1, &head(400)),
            "HttpResponseHeaderSectionTooLarge",
        ),
        (continued(3_000), "HttpResponseHeaderSectionTooLarge"),
        (in_frames, "HttpResponseHeaderSectionTooLarge"),
        // So much more that it is not read.
        (endless, "HttpProtocolError"),
        // There is no `:status`.
        (
            frame(HEADERS, END_HEADERS, 1, b"\x00\x01x\x01y"),
            "HttpProtocolError",
        ),
        (frame(DATA, 0, 1, b"before"), "HttpProtocolError"),
        (update(1), "HttpProtocolError"),
        (update(0), "HttpProtocolError"),
    ] {
        is_told(&cx, saying(says).await, cause).await;
    }
    let closing = backend(|frames| async move { drop(frames) }).await;
    is_told(&cx, closing, "HttpIncompleteResponse").await;
}

async fn what_goes_wrong_in_a_body(cx: Context) {
    let head = frame(HEADERS, END_HEADERS, 1, OK);
    let data = frame(DATA, 0, 1, b"beginning");
    let begun = [head, data.clone()].concat();
    // `content-length: 100`, which there are not.
    let promised = frame(HEADERS, END_HEADERS, 1, b"\x88\x0f\x0d\x03100");
    for says in [
        [begun.clone(), reset(1, CANCEL)].concat(),
        [promised, data, frame(DATA, END_STREAM, 1, b"")].concat(),
        [begun, frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 2])].concat(),
    ] {
        let address = backend(move |mut frames| {
            let says = says.clone();
            async move {
                frames.send(says).await;
                // It closes the connection when it has been heard.
                frames.send(frame(PING, 0, 0, b"is heard")).await;
                while let Some(frame) = frames.next().await {
                    if frame.kind == PING {
                        return;
                    }
                }
            }
        })
        .await;
        let host = start(&cx, address).await;
        let response = host
            .send(request("GET", "/proxy/b/", Content::empty()))
            .await;
        assert!(response.into_body().collect().await.is_err());
        assert_eq!(host.text("/hello").await, "Hello from Compute\n");
    }
}

async fn a_request_that_takes_too_long_is_reset(cx: Context) {
    let (seen, mut resets) = mpsc::unbounded_channel();
    let address = backend(move |mut frames| {
        let seen = seen.clone();
        async move {
            let end = frames
                .until(|frame| frame.reason().is_some() && frame.stream == 1)
                .await;
            // The case may be over.
            let _ = seen.send(end.reason());
            frames.rest().await;
        }
    })
    .await;
    is_told(&cx, address, "HttpResponseTimeout").await;
    assert_eq!(resets.recv().await, Some(Some(CANCEL)));
}

async fn a_body_that_is_not_taken_holds_nobody_up(cx: Context) {
    // Its window is never opened again.
    let address = backend(|mut frames| async move {
        frames.rest().await;
    })
    .await;
    let host = start(&cx, address).await;
    // On HTTP/1.1 the connection would end with the answer, which a client that still sends may not see.
    let request = request("POST", "/proxy/b/", vec![b'x'; 256 * 1024]);
    let answer = Client::http2().begin(host.address, request).answer().await;
    let text = answer.text();
    assert_eq!(answer.status, 502, "{text}");
    assert!(text.contains("HttpResponseTimeout"), "{text}");
    assert_eq!(host.text("/hello").await, "Hello from Compute\n");
}
