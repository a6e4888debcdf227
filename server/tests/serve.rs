//! The listener and the host, with scripted guests.

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use abi_core::engine::Exit;
use bytes::Bytes;
use common::guest::host;
use common::{read_head, write};
use fastlike::{Drained, Host, HostBuilder, OnDisconnect};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

/// A host on a port of its own.
struct Serving {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<Drained>,
}

impl Serving {
    async fn start(builder: HostBuilder) -> Self {
        let host = builder.build().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(async move {
            let shutdown = async { drop(stopped.await) };
            host.serve(listener, shutdown).await
        });
        Self {
            address,
            stop: Some(stop),
            serving,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }
}

/// Everything until the connection is closed.
async fn rest(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A reset is an end too.
    drop(stream.read_to_end(&mut text).await);
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn requests_are_answered_over_both_versions() {
    let serving = Serving::start(host(async |mut guest| {
        guest.answer("hello").await;
        Exit::Returned
    }))
    .await;
    for http2 in [false, true] {
        let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new())
            .http2_only(http2)
            .build_http();
        for _ in 0..3 {
            let uri = format!("http://{}/path", serving.address).parse().unwrap();
            let response = client.get(uri).await.unwrap();
            assert_eq!(response.status(), 200);
            assert_eq!(response.headers()["content-length"], "5");
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, "hello");
        }
    }
}

#[tokio::test]
async fn a_host_answers_without_a_socket() {
    let host = host(async |mut guest| {
        guest.answer("hello").await;
        Exit::Returned
    });
    let host = host.build().await.unwrap();
    assert_eq!(host.engine_name(), "script");
    let request = Request::get("http://localhost/")
        .body(Empty::new())
        .unwrap();
    let response = host.handle(request).await;
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "hello");
}

#[tokio::test]
async fn a_guest_that_fails_has_a_status() {
    for (exit, status) in [
        (Exit::Returned, StatusCode::OK),
        (Exit::Exited(1), StatusCode::INTERNAL_SERVER_ERROR),
        (Exit::OutOfTime, StatusCode::GATEWAY_TIMEOUT),
    ] {
        let host = host(move |_| std::future::ready(exit.clone()));
        let host = host.build().await.unwrap();
        let request = Request::new(Empty::new());
        assert_eq!(host.handle(request).await.status(), status);
    }
}

#[tokio::test]
async fn a_response_to_head_has_no_body() {
    let serving = Serving::start(host(async |mut guest| {
        guest.answer("hello").await;
        Exit::Returned
    }))
    .await;
    for http2 in [false, true] {
        let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new())
            .http2_only(http2)
            .build_http();
        let request = Request::builder()
            .method(Method::HEAD)
            .uri(format!("http://{}/", serving.address))
            .body(Empty::new())
            .unwrap();
        let response = client.request(request).await.unwrap();
        assert_eq!(response.headers()["content-length"], "5");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(body.is_empty());
    }
}

#[tokio::test]
async fn a_streaming_answer_goes_on_after_its_head() {
    let seen = Arc::new(Notify::new());
    let head_seen = seen.clone();
    let serving = Serving::start(host(move |mut guest| {
        let seen = seen.clone();
        async move {
            let body = guest.answer_streaming();
            seen.notified().await;
            guest.write(body, "late").await;
            guest.close(body);
            Exit::Returned
        }
    }))
    .await;
    let mut stream = serving.connect().await;
    write(
        &mut stream,
        "GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n",
    )
    .await;
    let head = read_head(&mut stream).await;
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    head_seen.notify_one();
    assert_eq!(rest(&mut stream).await, "4\r\nlate\r\n0\r\n\r\n");
}

#[tokio::test]
async fn an_answer_that_is_given_up_breaks_off_after_its_beginning() {
    let serving = Serving::start(host(async |mut guest| {
        let body = guest.answer_streaming();
        guest.write(body, "beginning").await;
        guest.abandon(body);
        Exit::Returned
    }))
    .await;
    let mut stream = serving.connect().await;
    write(&mut stream, "GET / HTTP/1.1\r\nhost: h\r\n\r\n").await;
    let head = read_head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    // No last chunk: this is no whole body.
    assert_eq!(rest(&mut stream).await, "9\r\nbeginning\r\n");
}

/// A guest that waits until it is told, and tells what becomes of it.
fn waiting(policy: OnDisconnect) -> (HostBuilder, mpsc::Receiver<&'static str>, Arc<Notify>) {
    struct Told(mpsc::Sender<&'static str>);

    impl Drop for Told {
        fn drop(&mut self) {
            let _ = self.0.try_send("stopped");
        }
    }

    let (events_out, events) = mpsc::channel(8);
    let proceed = Arc::new(Notify::new());
    let told = proceed.clone();
    let builder = host(move |mut guest| {
        let (events_out, proceed) = (events_out.clone(), proceed.clone());
        async move {
            let _told = Told(events_out.clone());
            events_out.try_send("started").unwrap();
            proceed.notified().await;
            guest.answer("late").await;
            events_out.try_send("answered").unwrap();
            Exit::Returned
        }
    });
    (builder.on_disconnect(policy), events, told)
}

#[tokio::test]
async fn a_guest_may_finish_when_its_client_has_left() {
    let (builder, mut events, proceed) = waiting(OnDisconnect::Finish);
    let serving = Serving::start(builder).await;
    let mut stream = serving.connect().await;
    write(&mut stream, "GET / HTTP/1.1\r\nhost: h\r\n\r\n").await;
    assert_eq!(events.recv().await, Some("started"));
    drop(stream);
    // Whether the host has noticed by now or not, the guest goes on.
    proceed.notify_one();
    assert_eq!(events.recv().await, Some("answered"));
}

#[tokio::test]
async fn a_guest_is_stopped_when_its_client_has_left_if_the_host_was_told_so() {
    let (builder, mut events, _proceed) = waiting(OnDisconnect::Cancel);
    let serving = Serving::start(builder).await;
    let mut stream = serving.connect().await;
    write(&mut stream, "GET / HTTP/1.1\r\nhost: h\r\n\r\n").await;
    assert_eq!(events.recv().await, Some("started"));
    drop(stream);
    assert_eq!(events.recv().await, Some("stopped"));
}

#[tokio::test]
async fn a_host_that_stops_finishes_what_it_has_begun() {
    let (builder, mut events, proceed) = waiting(OnDisconnect::Finish);
    let mut serving = Serving::start(builder).await;
    let mut idle = serving.connect().await;
    let mut stream = serving.connect().await;
    write(&mut stream, "GET / HTTP/1.1\r\nhost: h\r\n\r\n").await;
    assert_eq!(events.recv().await, Some("started"));
    serving.stop();
    // A connection without a request is closed, which also says that the host has begun to stop.
    assert_eq!(rest(&mut idle).await, "");
    assert!(TcpStream::connect(serving.address).await.is_err());
    proceed.notify_one();
    let answer = rest(&mut stream).await;
    assert!(answer.ends_with("late"), "{answer}");
    assert_eq!(serving.serving.await.unwrap(), Drained::Completely);
}

#[tokio::test]
async fn a_host_waits_for_guests_that_work_after_their_answer() {
    let proceed = Arc::new(Notify::new());
    let told = proceed.clone();
    let (done_out, mut done) = mpsc::channel(1);
    let builder = host(move |mut guest| {
        let (proceed, done_out) = (proceed.clone(), done_out.clone());
        async move {
            guest.answer("early").await;
            proceed.notified().await;
            done_out.try_send(()).unwrap();
            Exit::Returned
        }
    });
    let mut serving = Serving::start(builder).await;
    let mut stream = serving.connect().await;
    write(
        &mut stream,
        "GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert!(rest(&mut stream).await.ends_with("early"));
    serving.stop();
    told.notify_one();
    assert_eq!(serving.serving.await.unwrap(), Drained::Completely);
    assert!(done.try_recv().is_ok());
}

#[tokio::test]
async fn a_host_that_stops_does_not_wait_for_ever() {
    let (builder, mut events, _proceed) = waiting(OnDisconnect::Finish);
    let mut serving = Serving::start(builder.drain_timeout(Duration::from_millis(20))).await;
    let mut stream = serving.connect().await;
    write(&mut stream, "GET / HTTP/1.1\r\nhost: h\r\n\r\n").await;
    assert_eq!(events.recv().await, Some("started"));
    serving.stop();
    assert_eq!(serving.serving.await.unwrap(), Drained::CutOff);
    assert_eq!(rest(&mut stream).await, "", "the connection is closed");
}

#[tokio::test]
async fn heads_are_limited() {
    let serving = Serving::start(host(async |mut guest| {
        guest.answer("hello").await;
        Exit::Returned
    }))
    .await;
    let many_fields: String = (0..256)
        .map(|number| format!("x-{number}: y\r\n"))
        .collect();
    let long_field = format!("x: {}\r\n", "y".repeat(120 * 1024));
    let too_many_fields = many_fields.repeat(2);
    let too_long_field = format!("x: {}\r\n", "y".repeat(200 * 1024));
    for (fields, status) in [
        (many_fields, "200 OK"),
        (long_field, "200 OK"),
        (too_many_fields, "431 Request Header Fields Too Large"),
        (too_long_field, "431 Request Header Fields Too Large"),
    ] {
        let mut stream = serving.connect().await;
        let request = format!("GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{fields}\r\n");
        let (mut reading, mut writing) = stream.split();
        // The host need not read all of what it refuses.
        let written = tokio::io::AsyncWriteExt::write_all(&mut writing, request.as_bytes());
        let mut answer = [0; 64];
        let (_, read) = tokio::join!(written, reading.read(&mut answer));
        let answer = String::from_utf8_lossy(&answer[..read.unwrap()]).into_owned();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn requests_that_no_guest_should_see_are_refused() {
    let serving = Serving::start(host(|_| std::future::ready(Exit::Returned))).await;
    for (request, status) in [
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", "400"),
        ("CONNECT h:1 HTTP/1.1\r\nhost: h:1\r\n\r\n", "501"),
        ("nonsense\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: a@b\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: a:65536\r\n\r\n", "400"),
        ("GET http://a:b/ HTTP/1.1\r\nhost: b\r\n\r\n", "400"),
        ("GET http://a:c@b/ HTTP/1.1\r\nhost: b\r\n\r\n", "400"),
    ] {
        let mut stream = serving.connect().await;
        write(&mut stream, request).await;
        let head = read_head(&mut stream).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{head}");
    }
}

#[tokio::test]
async fn what_is_missing_is_told() {
    let error = Host::builder().build().await.unwrap_err();
    assert!(error.to_string().contains("no program"), "{error}");
    let builder = Host::builder().program(&b"\0asm\x0d\0\x01\0"[..]);
    let error = builder.build().await.unwrap_err();
    assert!(error.to_string().contains("component"), "{error}");
    let builder = Host::builder().program(&b"(module)"[..]).engine("v8");
    assert!(builder.build().await.is_err());
}

#[tokio::test]
async fn guests_can_ask_for_header_names_as_they_were_sent() {
    let serving = Serving::start(host(async |mut guest| {
        let names = guest.original_header_names();
        guest.answer(&names).await;
        Exit::Returned
    }))
    .await;
    let mut stream = serving.connect().await;
    let first = "POST / HTTP/1.1\r\nHOST: h\r\nX-b: 1\r\nContent-Length: 4\r\nx-B: 2\r\n\r\n";
    write(&mut stream, first).await;
    write(&mut stream, "body").await;
    assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 200"));
    let mut names = [0; 27];
    stream.read_exact(&mut names).await.unwrap();
    assert_eq!(&names, b"HOST X-b Content-Length x-B");
}
