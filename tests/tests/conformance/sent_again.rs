//! Requests that a backend has not looked at, and those of which nobody knows: which are sent again, and which are not.
//! RFC 9113 section 8.7 and RFC 9110 section 9.2.2.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use conformance::cases;
use conformance::certificates::{Authority, Files};
use conformance::client::{Answer, Client, Content, request};
use conformance::content::{fnv, pattern};
use conformance::context::Context;
use conformance::faulty::listen;
use conformance::frames::{
    CANCEL, DATA, END_HEADERS, END_STREAM, Frame, Frames, GOAWAY, HEADERS, NO_ERROR, frame, reset,
};
use conformance::guests::ROUTES;
use conformance::host::TestHost;
use conformance::nginx::Setup;
use fastlike::BackendSettings;
use futures_util::future::join_all;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};

cases![
    streams_that_are_refused,
    streams_that_are_refused_on_the_only_connection,
    streams_that_are_always_refused,
    streams_that_are_refused_when_much_was_taken,
    streams_behind_the_last_one,
    streams_that_wait_for_others,
    connections_that_end_before_the_first_request,
    what_may_have_been_looked_at,
    what_nginx_leaves_when_it_goes_away,
    connections_of_http1_that_end_when_they_are_used_again,
    connections_of_http1_that_end_behind_each_answer,
];

/// How often something has happened.
#[derive(Clone, Debug, Default)]
struct Counted(Arc<AtomicUsize>);

impl Counted {
    /// Counts once more, and gives how often it was before.
    fn count(&self) -> usize {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

fn told(method: &str, body: &[u8]) -> String {
    format!("{method} {} {:x}", body.len(), fnv(body))
}

/// More than windows have room for in the beginning.
const WINDOW_BYTES: u32 = 4 * 1024 * 1024;

/// A backend that refuses so many requests, each when so much of its body has come, and tells what it gets of the others.
async fn refusing(count: usize, taken: usize) -> (SocketAddr, Counted) {
    let asked = Counted::default();
    let counted = asked.clone();
    let address = listen(move |stream| {
        let asked = counted.clone();
        async move {
            let mut builder = h2::server::Builder::new();
            builder
                .initial_window_size(WINDOW_BYTES)
                .initial_connection_window_size(WINDOW_BYTES);
            // One of those that are made for nothing may be closed before.
            let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else {
                return;
            };
            while let Some(Ok((request, respond))) = connection.accept().await {
                if asked.count() < count {
                    tokio::spawn(refuse(request.into_body(), respond, taken));
                } else {
                    tokio::spawn(tell(request, respond));
                }
            }
        }
    })
    .await;
    (address, asked)
}

async fn refuse(mut body: RecvStream, mut respond: SendResponse<Bytes>, taken: usize) {
    let mut left = taken;
    while left > 0 {
        let Some(Ok(bytes)) = body.data().await else {
            break;
        };
        left = left.saturating_sub(bytes.len());
    }
    respond.send_reset(Reason::REFUSED_STREAM);
}

async fn tell(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    let (head, mut body) = request.into_parts();
    let mut received = Vec::new();
    while let Some(bytes) = body.data().await {
        let bytes = bytes.expect("nothing breaks off");
        received.extend_from_slice(&bytes);
    }
    let text = told(head.method.as_str(), &received);
    let stream = respond.send_response(Response::new(()), false);
    let sent = stream.and_then(|mut stream| stream.send_data(text.into(), true));
    sent.expect("the host waits for its answer");
}

async fn start(cx: &Context, address: SocketAddr, http2_only: bool) -> TestHost {
    start_limited(cx, address, http2_only, None).await
}

/// The same, where no more connections may be open.
async fn start_limited(
    cx: &Context,
    address: SocketAddr,
    http2_only: bool,
    connections: Option<u32>,
) -> TestHost {
    let url = format!("http://{address}").parse();
    let mut settings = BackendSettings::new(url.expect("an address makes a URL"));
    settings.http2_only = http2_only;
    settings.pooling.max_connections = connections;
    let host = cx
        .host(ROUTES)
        .configure(|builder| builder.backend_with("origin", settings));
    host.start().await
}

async fn ask(host: &TestHost, method: &str, body: impl Into<Content>) -> Answer {
    let request = request(method, "/proxy/origin/", body);
    Answer::gather(host.send(request).await).await
}

#[track_caller]
fn failed(answer: &Answer, cause: &str) {
    assert_eq!(answer.status, 502, "{cause}: {}", answer.text());
    assert!(answer.text().contains(cause), "{cause}: {}", answer.text());
}

async fn streams_that_are_refused(cx: Context) {
    for (length, taken) in [
        (0, 0),
        (1, 1),
        (60_000, 0),
        (60_000, 20_000),
        (200_000, 20_000),
    ] {
        let (address, asked) = refusing(2, taken).await;
        let host = start(&cx, address, true).await;
        let body = pattern(length);
        let answer = ask(&host, "POST", body.clone()).await;
        assert_eq!(answer.ok_text(), told("POST", &body));
        assert_eq!(asked.take(), 3);
    }
    // The guest writes the body while it is sent.
    let (address, asked) = refusing(1, 10_000).await;
    let host = start(&cx, address, true).await;
    let (feed, body) = Content::fed();
    let answering = host.begin(request("POST", "/upload", body));
    let piece = pattern(10_000);
    for _ in 0..3 {
        assert!(feed.send(piece.clone()).await);
    }
    drop(feed);
    let answer = answering.answer().await;
    assert_eq!(answer.ok_text(), told("POST", &piece.repeat(3)));
    assert_eq!(asked.take(), 2);
}

/// The one on which a request was refused is closed before there is another.
async fn streams_that_are_refused_on_the_only_connection(cx: Context) {
    let (address, asked) = refusing(2, 0).await;
    let host = start_limited(&cx, address, true, Some(1)).await;
    let answer = ask(&host, "POST", "body").await;
    assert_eq!(answer.ok_text(), told("POST", b"body"));
    assert_eq!(asked.take(), 3);
}

async fn streams_that_are_always_refused(cx: Context) {
    let (address, asked) = refusing(usize::MAX, 0).await;
    let host = start(&cx, address, true).await;
    for (method, body) in [("GET", ""), ("POST", "body")] {
        let answer = ask(&host, method, body).await;
        failed(&answer, "Http2StreamError { frame_type: 3, error_code: 7 }");
        assert_eq!(asked.take(), 3, "{method}");
    }
}

async fn streams_that_are_refused_when_much_was_taken(cx: Context) {
    let (address, asked) = refusing(1, 1024 * 1024).await;
    let host = start(&cx, address, true).await;
    // On HTTP/1.1 the connection would end with the answer, which a client that still sends may not see.
    let long = request("POST", "/proxy/origin/", pattern(2 * 1024 * 1024));
    let answer = Client::http2().begin(host.address, long).answer().await;
    failed(&answer, "Http2StreamError { frame_type: 3, error_code: 7 }");
    assert_eq!(asked.take(), 1);
    let answer = ask(&host, "POST", "short").await;
    assert_eq!(answer.ok_text(), told("POST", b"short"));
}

/// The first request of a connection, up to its end.
async fn whole_request(frames: &mut Frames) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let is_of_stream = |frame: &Frame| frame.stream == 1;
        let frame = frames.until(is_of_stream).await;
        if frame.kind == DATA {
            body.extend(frame.payload);
        }
        if frame.flags & END_STREAM != 0 {
            return body;
        }
    }
}

/// A backend that says something else on its first connections, each when it has read one request, and answers then.
async fn saying(first: Vec<Vec<u8>>) -> (SocketAddr, Counted) {
    let asked = Counted::default();
    let counted = asked.clone();
    let first = Arc::new(first);
    let address = listen(move |stream| {
        let (asked, first) = (counted.clone(), first.clone());
        async move {
            let Some(mut frames) = Frames::accept(stream, &[]).await else {
                return;
            };
            let body = whole_request(&mut frames).await;
            match first.get(asked.count()) {
                Some(says) => frames.send(says).await,
                None => answer(frames, &body).await,
            }
        }
    })
    .await;
    (address, asked)
}

/// Says on the first stream what came.
async fn answer(mut frames: Frames, body: &[u8]) {
    // `:status: 200`.
    frames.send(frame(HEADERS, END_HEADERS, 1, b"\x88")).await;
    let text = told("", body);
    frames
        .send(frame(DATA, END_STREAM, 1, text.as_bytes()))
        .await;
    frames.rest().await;
}

/// The connection ends, and this is the last stream that was looked at.
fn go_away(last: u32, reason: u32) -> Vec<u8> {
    let payload = [last, reason].map(u32::to_be_bytes).concat();
    frame(GOAWAY, 0, 0, &payload)
}

async fn streams_behind_the_last_one(cx: Context) {
    for (method, length) in [("GET", 0), ("POST", 0), ("POST", 60_000)] {
        let gone = vec![go_away(0, NO_ERROR), go_away(0, NO_ERROR)];
        let (address, asked) = saying(gone).await;
        let host = start(&cx, address, true).await;
        let body = pattern(length);
        let answer = ask(&host, method, body.clone()).await;
        assert_eq!(answer.ok_text(), told("", &body), "{method}");
        assert_eq!(asked.take(), 3, "{method}");
    }
}

/// A backend with one stream a connection, which leaves its first one when somebody waits for it.
async fn streams_that_wait_for_others(cx: Context) {
    // SETTINGS_MAX_CONCURRENT_STREAMS.
    const ONE_STREAM: &[(u16, u32)] = &[(3, 1)];
    let asked = Counted::default();
    let counted = asked.clone();
    let (seen, mut is_asked) = mpsc::unbounded_channel();
    let waits = Arc::new(Notify::new());
    let goes_on = waits.clone();
    let address = listen(move |stream| {
        let (asked, seen, waits) = (counted.clone(), seen.clone(), waits.clone());
        async move {
            let Some(mut frames) = Frames::accept(stream, ONE_STREAM).await else {
                return;
            };
            let body = whole_request(&mut frames).await;
            if asked.count() == 0 {
                let _ = seen.send(());
                waits.notified().await;
                frames.send(go_away(1, NO_ERROR)).await;
            }
            answer(frames, &body).await;
        }
    })
    .await;
    let host = start(&cx, address, true).await;
    let first = host.begin_get("/proxy/origin/");
    is_asked.recv().await;
    let second = host.begin_get("/proxy/origin/");
    host.runs.until(|runs| runs.get(1).map(|_| ())).await;
    // By then it waits behind the first. Where it comes later it is answered as well.
    assert_eq!(host.get("/sleep/50").await.status, 200);
    goes_on.notify_one();
    for answering in [first, second] {
        assert_eq!(answering.answer().await.ok_text(), told("", b""));
    }
    assert_eq!(asked.take(), 2);
}

/// A backend that stops just when a connection is made.
async fn connections_that_end_before_the_first_request(cx: Context) {
    let connections = Counted::default();
    let (of_backend, asked) = refusing(0, 0).await;
    let counted = connections.clone();
    let address = listen(move |mut stream: TcpStream| {
        let is_first = counted.count() == 0;
        async move {
            if !is_first {
                let mut backend = TcpStream::connect(of_backend).await.expect("it listens");
                // It ends with the case.
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut backend).await;
            } else if let Some(mut frames) = Frames::accept(stream, &[]).await {
                frames.send(go_away(0, NO_ERROR)).await;
                frames.rest().await;
            }
        }
    })
    .await;
    let host = start(&cx, address, true).await;
    // Whether a POST that comes at this moment was sent is not known.
    let answer = ask(&host, "PUT", "body").await;
    assert_eq!(answer.ok_text(), told("PUT", b"body"));
    assert_eq!((connections.take(), asked.take()), (2, 1));
}

async fn what_may_have_been_looked_at(cx: Context) {
    let canceled = reset(1, CANCEL);
    for (method, says) in [
        ("POST", go_away(1, NO_ERROR)),
        ("POST", Vec::new()),
        ("POST", canceled.clone()),
        ("GET", canceled),
    ] {
        let (address, asked) = saying(vec![says.clone()]).await;
        let host = start(&cx, address, true).await;
        let answer = ask(&host, method, "").await;
        assert_eq!(answer.status, 502, "{method} {says:?}: {}", answer.text());
        assert_eq!(asked.take(), 1, "{method} {says:?}");
    }
}

/// It says so on a connection on which more requests are on their way.
async fn what_nginx_leaves_when_it_goes_away(cx: Context) {
    let authority = Authority::new("servers");
    let signed = authority.sign("origin.example");
    let setup = Setup {
        tls: Some(&signed),
        clients: None,
        directives: "keepalive_requests 10;",
    };
    let Some(nginx) = setup.start() else {
        return;
    };
    let text = format!(
        "[local_server.backends.origin]\nurl = 'https://{}'\ncert_host = 'origin.example'\n\
         ca_certificate = {{ file = 'ca.pem' }}\n",
        nginx.address
    );
    let files = Files::new(&[("ca.pem", &authority.pem()), ("fastly.toml", &text)]);
    let file = files.path("fastly.toml");
    let host = cx.host(ROUTES).configure(|builder| builder.config(file));
    let host = host.start().await;
    // A connection is there on which all of them go.
    assert!(
        ask(&host, "GET", "")
            .await
            .ok_text()
            .contains("http=HTTP/2.0")
    );
    let asking = (0..20).map(|_| ask(&host, "PUT", "body"));
    for answer in join_all(asking).await {
        assert!(answer.ok_text().contains("http=HTTP/2.0"));
    }
}

/// A backend on HTTP/1.1 that gives each connection up on its second request, when it has read all of it.
async fn answering_once() -> (SocketAddr, Counted) {
    let asked = Counted::default();
    let counted = asked.clone();
    let address = listen(move |stream| {
        let asked = counted.clone();
        async move {
            let of_connection = Counted::default();
            let answer = |request: Request<Incoming>| {
                asked.count();
                let is_first = of_connection.count() == 0;
                async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await.map_err(io::Error::other)?;
                    match is_first {
                        true => {
                            let text = told(head.method.as_str(), &body.to_bytes());
                            Ok(Response::new(Full::new(Bytes::from(text))))
                        }
                        false => Err(io::Error::other("no more than one")),
                    }
                }
            };
            let serving =
                http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
            // It ends so.
            let _ = serving.await;
        }
    })
    .await;
    (address, asked)
}

async fn connections_of_http1_that_end_when_they_are_used_again(cx: Context) {
    for (method, length) in [("GET", 0), ("PUT", 0), ("PUT", 200_000), ("DELETE", 10)] {
        let (address, asked) = answering_once().await;
        let host = start(&cx, address, false).await;
        let body = pattern(length);
        for requests in [1, 2] {
            let answer = ask(&host, method, body.clone()).await;
            assert_eq!(answer.ok_text(), told(method, &body));
            assert_eq!(asked.take(), requests, "{method}");
        }
    }
    // What these do may have been done.
    for method in ["POST", "PATCH"] {
        let (address, asked) = answering_once().await;
        let host = start(&cx, address, false).await;
        assert_eq!(ask(&host, method, "1").await.status, 200);
        failed(&ask(&host, method, "2").await, "HttpIncompleteResponse");
        assert_eq!(asked.take(), 2, "{method}");
    }
}

/// It says nothing of that, so that each connection looks as if it could be used again.
async fn connections_of_http1_that_end_behind_each_answer(cx: Context) {
    let (closed, mut is_closed) = mpsc::unbounded_channel();
    let address = listen(move |mut stream| {
        let closed = closed.clone();
        async move {
            let mut received = Vec::new();
            // The last chunk of a body.
            while !received.ends_with(b"\r\n0\r\n\r\n") {
                // One of those that are made for nothing may be closed before.
                if !matches!(stream.read_buf(&mut received).await, Ok(1..)) {
                    return;
                }
            }
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
            let answered = stream.write_all(answer.as_bytes()).await;
            answered.expect("the host waits for its answer");
            drop(stream);
            // The case waits for it.
            let _ = closed.send(());
        }
    })
    .await;
    let host = start(&cx, address, false).await;
    for count in 1..=40 {
        let (feed, body) = Content::fed();
        let answering = host.begin(request("POST", "/upload", body));
        assert!(feed.send("beginning ").await);
        assert!(feed.send("end").await);
        drop(feed);
        let answer = answering.answer().await;
        assert_eq!(answer.ok_text(), "ok", "{count}");
        is_closed.recv().await;
    }
    assert!(is_closed.try_recv().is_err());
}
