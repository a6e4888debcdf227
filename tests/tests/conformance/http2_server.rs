//! What is the host's own on HTTP/2: streams that end early, windows, tunnels, the end of a connection. And, on both
//! versions, clients that do not read.

use std::net::SocketAddr;
use std::time::Duration;

use conformance::cases;
use conformance::client::{Answer, Client, Content, request};
use conformance::context::Context;
use conformance::frames::{
    self, END_HEADERS, Frames, HEADERS, PROTOCOL_ERROR, RST_STREAM, SETTINGS, fields, frame,
};
use conformance::guests::ROUTES;
use conformance::host::TestHost;
use conformance::origin::Origin;
use conformance::wire::Wire;
use fastlike::{Drained, OnDisconnect};
use http::{Method, Request};
use http_body_util::BodyExt;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::counterparts::find;
use crate::expect::curl_waiting_to_be_asked;
use crate::proxy::{Endless, an_unread_upload_stands_still, stands_still};

cases![
    curl_is_asked_for_its_body,
    tunnels_are_refused,
    tunnels_for_other_protocols_are_refused,
    a_request_that_is_given_up_stops_its_guest_alone,
    a_host_that_stops_finishes_the_requests_of_a_connection,
    a_client_that_does_not_read_holds_up_the_backend,
    a_backend_that_does_not_read_holds_up_the_client,
    who_does_not_read_is_given_up,
    who_does_not_read_is_given_up_on_http1,
];

async fn start(cx: &Context) -> (TestHost, Origin) {
    let origin = Origin::start().await;
    let host = cx.host(ROUTES).backend("origin", origin.address);
    let host = host.configure(|builder| builder.on_disconnect(OnDisconnect::Cancel));
    (host.start().await, origin)
}

/// A connection of its own.
async fn connect(address: SocketAddr) -> SendRequest<Content> {
    let stream = TcpStream::connect(address).await.expect("a host listens");
    let (client, connection) = Builder::new(TokioExecutor::new())
        .handshake(TokioIo::new(stream))
        .await
        .expect("the host speaks HTTP/2");
    tokio::spawn(connection);
    client
}

fn get(path: &str) -> Request<Content> {
    request("GET", &format!("http://test{path}"), Content::empty())
}

async fn curl_is_asked_for_its_body(cx: Context) {
    if find(&["curl"]).is_none() {
        return;
    }
    let (host, _origin) = start(&cx).await;
    let url = format!("http://{}/read/16", host.address);
    let text = curl_waiting_to_be_asked("--http2-prior-knowledge", &url).await;
    assert!(text.starts_with("HTTP/2 100"), "{text}");
    assert!(text.contains("HTTP/2 200"), "{text}");
}

async fn tunnels_are_refused(cx: Context) {
    let (host, _origin) = start(&cx).await;
    let mut client = connect(host.address).await;
    let mut tunnel = get("/");
    *tunnel.method_mut() = Method::CONNECT;
    *tunnel.uri_mut() = "test:80".parse().expect("this is an authority");
    let response = client.send_request(tunnel).await;
    assert_eq!(response.expect("the host answers").status(), 501);
    assert!(host.runs.all().is_empty());
    let response = client.send_request(get("/hello")).await;
    let answer = Answer::gather(response.expect("the host answers")).await;
    assert_eq!(answer.ok_text(), "Hello from Compute\n");
}

/// RFC 8441: who does not say that it takes them is not to be asked, so that libraries of clients do not.
async fn tunnels_for_other_protocols_are_refused(cx: Context) {
    let (host, _origin) = start(&cx).await;
    let mut client = Frames::connect(host.address, &[]).await;
    let settings = client.until(|frame| frame.kind == SETTINGS).await;
    // SETTINGS_ENABLE_CONNECT_PROTOCOL.
    let settings = settings.payload.chunks(6);
    let takes_them = settings.filter(|setting| setting[..2] == [0, 8]).count();
    assert_eq!(takes_them, 0);
    // `:protocol` behind the others, as RFC 7541 writes it.
    let mut tunnel = fields("CONNECT", "/");
    tunnel.extend(b"\x00\x09:protocol\x09websocket");
    client.send(frame(HEADERS, END_HEADERS, 1, &tunnel)).await;
    let refused = client.until(|frame| frame.stream == 1).await;
    assert_eq!(refused.kind, RST_STREAM);
    assert_eq!(refused.reason(), Some(PROTOCOL_ERROR));
    assert!(host.runs.all().is_empty());
    // The connection goes on.
    client.send(frames::get(3, "/hello")).await;
    let answer = client.until(|frame| frame.stream == 3).await;
    assert!(answer.is_status(200), "{answer:?}");
}

async fn a_request_that_is_given_up_stops_its_guest_alone(cx: Context) {
    let (host, origin) = start(&cx).await;
    let mut client = connect(host.address).await;
    let mut asking = client.clone();
    let asking =
        tokio::spawn(async move { asking.send_request(get("/proxy/origin/gate")).await.is_ok() });
    origin.arrived(1).await;
    asking.abort();
    assert!(host.runs.over(0).await.stopped);
    let response = client.send_request(get("/hello")).await;
    let answer = Answer::gather(response.expect("the connection goes on")).await;
    assert_eq!(answer.ok_text(), "Hello from Compute\n");
}

async fn a_host_that_stops_finishes_the_requests_of_a_connection(cx: Context) {
    let (host, origin) = start(&cx).await;
    let _idle = connect(host.address).await;
    let mut client = connect(host.address).await;
    let mut asking = client.clone();
    let asking = tokio::spawn(async move { asking.send_request(get("/proxy/origin/gate")).await });
    origin.arrived(1).await;
    let meanwhile = async {
        // Nobody listens any more.
        while TcpStream::connect(host.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        origin.open_gate();
        let response = asking.await.expect("the client does not panic");
        Answer::gather(response.expect("the host answers")).await
    };
    let (drained, answer) = tokio::join!(host.stop(), meanwhile);
    assert_eq!(answer.ok_text(), "the gate is open");
    assert_eq!(drained, Drained::Completely);
    // The client was told that there will be no other.
    assert!(client.send_request(get("/hello")).await.is_err());
}

async fn a_client_that_does_not_read_holds_up_the_backend(cx: Context) {
    let (host, origin) = start(&cx).await;
    let mut client = connect(host.address).await;
    let answering = client.send_request(get("/proxy/origin/feed"));
    let (response, feed) = tokio::join!(answering, origin.feed());
    let mut received = response.expect("the host answers").into_body();
    let body = Endless::begin(feed);
    let held_up_at = stands_still(&host, || body.sent()).await;
    // It goes on where it stood when the client reads.
    let mut read = 0;
    while read < held_up_at + 1024 * 1024 {
        let frame = received.frame().await.expect("there is more");
        let bytes = frame.expect("nothing breaks off").into_data();
        read += bytes.expect("there are no trailers").len();
    }
    assert!(body.sent() > held_up_at);
    drop(received);
    body.abandoned().await;
}

async fn a_backend_that_does_not_read_holds_up_the_client(cx: Context) {
    an_unread_upload_stands_still(&cx, &Client::http2()).await;
}

/// More than all buffers on the way hold.
const LONG: &str = "/stream/4000/65536";

async fn impatient(cx: &Context) -> TestHost {
    let host = cx
        .host(ROUTES)
        .configure(|builder| builder.send_timeout(Duration::from_millis(200)));
    host.start().await
}

async fn who_does_not_read_is_given_up(cx: Context) {
    let host = impatient(&cx).await;
    let mut client = connect(host.address).await;
    let response = client.send_request(get(LONG)).await;
    let response = response.expect("the host answers");
    // The client is still there, and others on its connection are answered.
    let run = host.runs.over(0).await;
    assert!(run.count("write") < 4000);
    let other = client.send_request(get("/hello")).await;
    let other = Answer::gather(other.expect("the connection goes on")).await;
    assert_eq!(other.ok_text(), "Hello from Compute\n");
    assert!(response.into_body().collect().await.is_err());
}

async fn who_does_not_read_is_given_up_on_http1(cx: Context) {
    let host = impatient(&cx).await;
    let mut wire = Wire::connect_narrow(host.address).await;
    wire.get(LONG).await;
    wire.read_head().await;
    let run = host.runs.over(0).await;
    assert!(run.count("write") < 4000);
    assert_eq!(host.text("/hello").await, "Hello from Compute\n");
    drop(wire);
}
