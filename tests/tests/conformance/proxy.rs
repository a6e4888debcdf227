//! Guests that pass requests on to a backend, and its responses back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use conformance::cases;
use conformance::client::{Answer, Client, Content, next_piece, request};
use conformance::content::Feed;
use conformance::context::Context;
use conformance::guests::ROUTES;
use conformance::host::TestHost;
use conformance::origin::Origin;
use conformance::wire::Wire;
use http::HeaderValue;
use http_body_util::BodyExt;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

cases![
    status_is_passed_on,
    request_is_passed_on,
    headers_of_the_response_are_passed_on,
    redirects_are_not_followed,
    head_is_answered_without_a_body,
    pass_reaches_the_backend_too,
    response_is_passed_on_as_it_arrives,
    request_is_passed_on_as_it_arrives,
    both_are_passed_on_at_once,
    guest_streams_an_upload_as_it_arrives,
    a_client_that_does_not_read_holds_up_the_backend,
    a_backend_that_does_not_read_holds_up_the_client,
    a_client_that_sends_all_first_has_its_answer,
    a_backend_that_breaks_off_is_told_to_the_client,
    a_client_that_breaks_off_is_told_to_the_backend,
    backends_may_speak_http2,
    connections_to_backends_are_used_again,
];

/// What fits into the buffers between two ends that are both far away: of sockets, HTTP libraries and pipes. The host's
/// part of it is one of a few hundred KiB; what a system keeps for a loopback connection is several MiB.
const BUFFERS_MAX: usize = 32 * 1024 * 1024;

async fn start(cx: &Context) -> (TestHost, Origin) {
    let origin = Origin::start().await;
    let host = cx.host(ROUTES).backend("origin", origin.address);
    (host.start().await, origin)
}

async fn status_is_passed_on(cx: Context) {
    let (host, _origin) = start(&cx).await;
    for status in [200, 204, 304, 404, 418, 503, 599] {
        let answer = host.get(&format!("/proxy/origin/status/{status}")).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("x-backend"), "origin");
    }
}

async fn request_is_passed_on(cx: Context) {
    let (host, origin) = start(&cx).await;
    let mut request = request("PUT", "/proxy/origin/echo?q=1", "content");
    let headers = request.headers_mut();
    headers.append("x-many", HeaderValue::from_static("one"));
    headers.append("x-many", HeaderValue::from_static("two"));
    headers.insert("content-type", HeaderValue::from_static("text/x"));
    let answer = host.fetch(request).await;
    assert_eq!(answer.ok_text(), "content");
    assert_eq!(answer.header("content-type"), "text/x");

    let exchanges = origin.exchanges();
    let [exchange] = &exchanges[..] else {
        panic!("{exchanges:?}");
    };
    assert_eq!(exchange.request, "PUT /echo?q=1");
    assert_eq!(exchange.body, b"content");
    let many: Vec<_> = exchange.headers.get_all("x-many").iter().collect();
    assert_eq!(many, ["one", "two"]);
    // The guest did not change it, and nothing else does.
    assert_eq!(exchange.headers["host"], host.address.to_string());
}

async fn headers_of_the_response_are_passed_on(cx: Context) {
    let (host, _origin) = start(&cx).await;
    let answer = host.get("/proxy/origin/headers").await;
    assert_eq!(answer.header_values("set-cookie"), ["a=1", "b=2; Path=/"]);
    assert_eq!(answer.headers["x-empty"], "");
    assert_eq!(answer.headers["x-not-text"].as_bytes(), b"caf\xe9");
}

async fn redirects_are_not_followed(cx: Context) {
    let (host, origin) = start(&cx).await;
    let answer = host.get("/proxy/origin/redirect").await;
    assert_eq!(answer.status, 302);
    assert_eq!(answer.header("location"), "/echo");
    assert_eq!(origin.exchanges().len(), 1);
}

async fn head_is_answered_without_a_body(cx: Context) {
    let (host, origin) = start(&cx).await;
    let head = request("HEAD", "/proxy/origin/bytes/100", Content::empty());
    let answer = host.fetch(head).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.is_empty());
    assert_eq!(answer.header("content-length"), "100");
    assert_eq!(origin.exchanges()[0].request, "HEAD /bytes/100");
}

async fn pass_reaches_the_backend_too(cx: Context) {
    let (host, origin) = start(&cx).await;
    assert_eq!(
        host.post("/pass/echo", "content").await.ok_text(),
        "content"
    );
    assert_eq!(origin.exchanges()[0].request, "POST /echo");
}

async fn response_is_passed_on_as_it_arrives(cx: Context) {
    let (host, origin) = start(&cx).await;
    let answering = host.send(request("GET", "/proxy/origin/feed", Content::empty()));
    let (mut response, feed) = tokio::join!(answering, origin.feed());
    for piece in ["first", "second", "third"] {
        assert!(feed.send(piece).await);
        // It is here before the next one exists.
        assert_eq!(next_piece(response.body_mut()).await, piece);
    }
    drop(feed);
    assert_eq!(Answer::gather(response).await.text(), "");
}

async fn request_is_passed_on_as_it_arrives(cx: Context) {
    let (host, origin) = start(&cx).await;
    arrives_piece_by_piece(&host, &origin, "/proxy/origin/echo").await;
}

async fn both_are_passed_on_at_once(cx: Context) {
    let (host, _origin) = start(&cx).await;
    let (feed, content) = Content::fed();
    let mut response = host
        .send(request("POST", "/proxy/origin/mirror", content))
        .await;
    for piece in ["first", "second", "third"] {
        assert!(feed.send(piece).await);
        assert_eq!(next_piece(response.body_mut()).await, piece);
    }
    drop(feed);
    assert_eq!(Answer::gather(response).await.text(), "");
}

async fn guest_streams_an_upload_as_it_arrives(cx: Context) {
    let (host, origin) = start(&cx).await;
    let answer = arrives_piece_by_piece(&host, &origin, "/upload").await;
    assert_eq!(answer.ok_text(), "16 bytes");
}

/// Sends a body of which every piece has to be at the backend before the next one exists.
async fn arrives_piece_by_piece(host: &TestHost, origin: &Origin, path: &str) -> Answer {
    let (feed, content) = Content::fed();
    let answering = host.fetch(request("POST", path, content));
    let feeding = async {
        let mut sent = 0;
        for piece in ["first", "second", "third"] {
            assert!(feed.send(piece).await);
            sent += piece.len();
            origin
                .until(|exchanges| (exchanges.first()?.body_bytes == sent).then_some(()))
                .await;
        }
        drop(feed);
    };
    tokio::join!(answering, feeding).0
}

/// Waits until `count`, which grows while something moves, stands still for as long as the host takes to answer many
/// other requests.
pub(crate) async fn stands_still(host: &TestHost, mut count: impl FnMut() -> usize) -> usize {
    const STILL: usize = 50;
    let (mut last, mut still) = (count(), 0);
    while still < STILL {
        assert_eq!(host.text("/hello").await, "Hello from Compute\n");
        let now = count();
        assert!(now < BUFFERS_MAX, "{now} bytes, and more to come");
        still = if now == last { still + 1 } else { 0 };
        last = now;
    }
    last
}

/// A body without an end, of which a task sends as much as is taken.
pub(crate) struct Endless {
    sent: Arc<AtomicUsize>,
    stop: oneshot::Sender<()>,
    sending: JoinHandle<()>,
}

impl Endless {
    pub(crate) fn begin(feed: Feed) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let sent = Arc::new(AtomicUsize::new(0));
        let counter = sent.clone();
        let sending = tokio::spawn(async move {
            let piece = Bytes::from(vec![b'x'; 64 * 1024]);
            loop {
                tokio::select! {
                    biased;
                    _ = &mut stopped => return,
                    taken = feed.send(piece.clone()) => if !taken {
                        return;
                    }
                }
                counter.fetch_add(piece.len(), Ordering::Relaxed);
            }
        });
        Self {
            sent,
            stop,
            sending,
        }
    }

    /// How many bytes were taken so far.
    pub(crate) fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    /// Has it end after all; says how many bytes it had.
    async fn end(self) -> usize {
        self.stop.send(()).expect("somebody still reads the body");
        self.sending.await.expect("sending does not panic");
        self.sent.load(Ordering::Relaxed)
    }

    /// Waits until whoever sends it sees that nobody reads it any more.
    pub(crate) async fn abandoned(self) {
        self.sending.await.expect("sending does not panic");
    }
}

async fn a_client_that_does_not_read_holds_up_the_backend(cx: Context) {
    let (host, origin) = start(&cx).await;
    let mut wire = Wire::connect_narrow(host.address).await;
    wire.get("/proxy/origin/feed").await;
    let body = Endless::begin(origin.feed().await);
    let held_up_at = stands_still(&host, || body.sent()).await;
    // It goes on where it stood when the client reads.
    let _read = wire.read_exact(held_up_at + 1024 * 1024).await;
    assert!(body.sent() > held_up_at);
    drop(wire);
    body.abandoned().await;
}

async fn a_backend_that_does_not_read_holds_up_the_client(cx: Context) {
    an_unread_upload_stands_still(&cx, &Client::http1()).await;
}

/// Sends a body to a backend that does not read for a while.
pub(crate) async fn an_unread_upload_stands_still(cx: &Context, client: &Client) {
    let (host, origin) = start(cx).await;
    origin.read_uploads(false);
    let (feed, content) = Content::fed();
    let answering = client.begin(host.address, request("POST", "/upload", content));
    let body = Endless::begin(feed);
    stands_still(&host, || body.sent()).await;
    let sent = body.end().await;
    origin.read_uploads(true);
    let answer = answering.answer().await;
    assert_eq!(answer.ok_text(), format!("{sent} bytes"));
}

/// Most clients do not look for an answer before they have sent what they have.
async fn a_client_that_sends_all_first_has_its_answer(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    let mut wire = Wire::connect(host.address).await;
    let head =
        format!("POST /hello HTTP/1.1\r\nhost: test\r\ncontent-length: {BUFFERS_MAX}\r\n\r\n");
    wire.send(head).await;
    wire.send(vec![b'x'; BUFFERS_MAX]).await;
    wire.close_sending().await;
    let answer = wire.read_to_end().await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.ends_with("Hello from Compute\n"), "{answer}");
}

async fn a_backend_that_breaks_off_is_told_to_the_client(cx: Context) {
    let (host, origin) = start(&cx).await;
    let answering = host.send(request("GET", "/proxy/origin/feed", Content::empty()));
    let (mut response, feed) = tokio::join!(answering, origin.feed());
    assert!(feed.send("first").await);
    assert_eq!(next_piece(response.body_mut()).await, "first");
    feed.break_off().await;
    let rest = response.into_body().collect().await;
    assert!(rest.is_err(), "the answer must not look complete");
    assert_eq!(host.text("/hello").await, "Hello from Compute\n");
}

async fn a_client_that_breaks_off_is_told_to_the_backend(cx: Context) {
    let (host, origin) = start(&cx).await;
    let (feed, content) = Content::fed();
    let answering = host.begin(request("POST", "/proxy/origin/echo", content));
    assert!(feed.send("first").await);
    origin
        .until(|exchanges| (exchanges.first()?.body_bytes == 5).then_some(()))
        .await;
    feed.break_off().await;
    let ended = origin.until(|exchanges| exchanges[0].body_ended).await;
    assert_eq!(ended, Err(()), "the upload must not look complete");
    answering.leave();
    assert_eq!(host.text("/hello").await, "Hello from Compute\n");
}

async fn backends_may_speak_http2(cx: Context) {
    let origin = Origin::start().await;
    let url = format!("http://{}", origin.address).parse().unwrap();
    let mut settings = fastlike::BackendSettings::new(url);
    settings.http2_only = true;
    let host = cx
        .host(ROUTES)
        .configure(|builder| builder.backend_with("origin", settings))
        .start()
        .await;
    let answer = host.post("/proxy/origin/echo", "content").await;
    assert_eq!(answer.ok_text(), "content");
    assert_eq!(origin.exchanges()[0].version, http::Version::HTTP_2);
}

async fn connections_to_backends_are_used_again(cx: Context) {
    let (host, origin) = start(&cx).await;
    for _ in 0..10 {
        assert_eq!(host.post("/proxy/origin/echo", "x").await.ok_text(), "x");
    }
    assert_eq!(origin.exchanges().len(), 10);
    // One may be taken before the one of the request before is back.
    assert!(origin.connections() < 5, "{}", origin.connections());
}
