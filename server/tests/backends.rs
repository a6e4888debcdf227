//! Backends, against real servers.

mod common;

use std::sync::Arc;
use std::time::Duration;

use abi_core::body::{Body, BodyError, OutgoingBody, pipe};
use abi_core::http::{Destination, DynamicBackend, DynamicTls, RequestHead, SendErrorKind};
use abi_core::platform::Backends;
use bytes::Bytes;
use common::{Origin, get, read_head, request, response, set, text, write};
use fastlike::BackendSettings;
use fastlike::backends::BackendSet;
use http::header::{CONNECTION, HOST, TE, TRANSFER_ENCODING};
use http::{HeaderValue, Method, Request, Response, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::Notify;

async fn failure(settings: BackendSettings) -> SendErrorKind {
    let error = get(&set(settings)).await.unwrap_err();
    println!("{error}");
    error.kind
}

#[tokio::test]
async fn connections_are_used_again() {
    let origin = Origin::new(async |_| response("hello")).await;
    let settings = || ("origin".to_owned(), origin.settings());
    let other_name = ("other".to_owned(), origin.settings());
    let backends = BackendSet::new(Handle::current(), [settings(), other_name]);
    for name in ["origin", "other", "origin"] {
        let mut request = request(Method::GET, "/", OutgoingBody::empty());
        request.destination = Destination::Static(name.to_owned());
        let response = backends.send(request).await.unwrap();
        assert_eq!(response.head.backend_address, Some(origin.address));
        assert_eq!(text(response.body).await, "hello");
        // The connection is free again when its task has seen the end of the body.
        tokio::task::yield_now().await;
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_backend_that_does_not_exist_is_not_found() {
    let backends = BackendSet::new(Handle::current(), []);
    assert!(!backends.exists("origin"));
    assert_eq!(
        get(&backends).await.unwrap_err().kind,
        SendErrorKind::DestinationNotFound
    );
}

/// What arrives at the backend: request line and header fields.
async fn seen(request: Request<Incoming>) -> Response<OutgoingBody> {
    let mut lines = vec![format!(
        "{} {} {:?}",
        request.method(),
        request.uri(),
        request.version()
    )];
    for (name, value) in request.headers() {
        lines.push(format!("{name}: {}", value.to_str().unwrap()));
    }
    lines[1..].sort();
    response(&lines.join("\n"))
}

#[tokio::test]
async fn the_request_is_sent_as_the_guest_made_it_but_for_the_connection() {
    let origin = Origin::new(seen).await;
    let mut settings = BackendSettings::new(format!("{}/base/", origin.url()).parse().unwrap());
    settings.override_host = Some(HeaderValue::from_static("example.com"));
    let mut head = RequestHead::new();
    head.method = Method::PUT;
    head.uri = "http://client.example/path?query".parse().unwrap();
    for (name, value) in [
        (HOST, "client.example"),
        (CONNECTION, "keep-alive, x-hop"),
        (TE, "trailers"),
        (TRANSFER_ENCODING, "chunked"),
    ] {
        head.headers.insert(name, HeaderValue::from_static(value));
    }
    head.headers.insert("x-hop", HeaderValue::from_static("1"));
    head.headers.insert("x-end", HeaderValue::from_static("2"));
    let mut request = request(Method::PUT, "/", Bytes::from_static(b"body"));
    request.head = head;
    let response = set(settings).send(request).await.unwrap();
    assert_eq!(
        text(response.body).await,
        "PUT /base/path?query HTTP/1.1\ncontent-length: 4\nhost: example.com\nx-end: 2"
    );
}

#[tokio::test]
async fn grpc_backends_speak_http2() {
    let origin = Origin::new(seen).await;
    let mut settings = origin.settings();
    settings.http2_only = true;
    let mut request = request(
        Method::POST,
        "http://service/method",
        Bytes::from_static(b"body"),
    );
    request
        .head
        .headers
        .insert(TE, HeaderValue::from_static("trailers"));
    let response = set(settings).send(request).await.unwrap();
    assert_eq!(response.head.version, Version::HTTP_2);
    let text = text(response.body).await;
    assert!(
        text.starts_with("POST http://service/method HTTP/2.0"),
        "{text}"
    );
    assert!(text.contains("te: trailers"), "{text}");
}

#[tokio::test]
async fn a_response_streams() {
    let seen = Arc::new(Notify::new());
    let first_seen = seen.clone();
    let origin = Origin::new(move |_| {
        let seen = seen.clone();
        async move {
            let (mut writer, reader) = pipe();
            tokio::spawn(async move {
                writer.write(b"first").unwrap();
                seen.notified().await;
                writer.write(b"second").unwrap();
                writer.finish();
            });
            Response::new(OutgoingBody::streaming(Body::empty(), reader))
        }
    })
    .await;
    let mut response = get(&set(origin.settings())).await.unwrap();
    assert_eq!(response.body.read(100).await.unwrap().unwrap(), "first");
    first_seen.notify_one();
    assert_eq!(text(response.body).await, "second");
}

#[tokio::test]
async fn a_request_streams_while_its_response_does() {
    let origin = Origin::new(async |request: Request<Incoming>| {
        let body = request.into_body().map_err(BodyError::peer);
        Response::new(Body::from_stream(Box::pin(body)).into())
    })
    .await;
    let (mut writer, reader) = pipe();
    let streaming = OutgoingBody::streaming(Body::empty(), reader);
    let backends = set(origin.settings());
    let sending = backends.send(request(Method::POST, "/", streaming));
    let mut response = sending.await.unwrap();
    for part in ["one", "two"] {
        writer.write(part.as_bytes()).unwrap();
        assert_eq!(response.body.read(100).await.unwrap().unwrap(), part);
    }
    writer.finish();
    assert_eq!(text(response.body).await, "");
}

#[tokio::test]
async fn a_get_with_a_streaming_body_is_sent_whole() {
    let origin = Origin::new(async |request: Request<Incoming>| {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        Response::new(body.into())
    })
    .await;
    let (mut writer, reader) = pipe();
    writer.write(b"body").unwrap();
    let streaming = OutgoingBody::streaming(Body::empty(), reader);
    let backends = set(origin.settings());
    let sending = backends.send(request(Method::GET, "/", streaming));
    let sending = tokio::spawn(sending);
    writer.finish();
    assert_eq!(text(sending.await.unwrap().unwrap().body).await, "body");
}

#[tokio::test]
async fn an_abandoned_request_body_is_no_whole_one() {
    let (begun_out, mut begun) = tokio::sync::mpsc::channel(1);
    let (whole_out, mut whole) = tokio::sync::mpsc::channel::<()>(1);
    let origin = Origin::new(move |request: Request<Incoming>| {
        let (begun_out, whole_out) = (begun_out.clone(), whole_out.clone());
        async move {
            let mut body = request.into_body();
            let first = body.frame().await.unwrap().unwrap();
            begun_out.send(first.into_data().unwrap()).await.unwrap();
            if body.collect().await.is_ok() {
                whole_out.send(()).await.unwrap();
            }
            response("")
        }
    })
    .await;
    let (mut writer, reader) = pipe();
    writer.write(b"beginning").unwrap();
    let streaming = OutgoingBody::streaming(Body::empty(), reader);
    let backends = set(origin.settings());
    let sending = tokio::spawn(backends.send(request(Method::POST, "/", streaming)));
    assert_eq!(begun.recv().await.unwrap(), "beginning");
    drop(writer);
    let error = sending.await.unwrap().unwrap_err();
    assert_eq!(error.kind, SendErrorKind::InternalError);
    assert!(whole.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn threads_outside_of_the_runtime_can_send() {
    let origin = Origin::new(async |_| response("hello")).await;
    let mut settings = origin.settings();
    settings.first_byte_timeout = Some(Duration::from_secs(60));
    settings.between_bytes_timeout = Some(Duration::from_secs(60));
    let backends = set(settings);
    let outside = std::thread::spawn(move || {
        futures_executor::block_on(async { text(get(&backends).await.unwrap().body).await })
    });
    let text = tokio::task::spawn_blocking(|| outside.join().unwrap());
    assert_eq!(text.await.unwrap(), "hello");
}

#[tokio::test]
async fn a_port_that_nobody_listens_on_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let settings = BackendSettings::new(format!("http://{address}").parse().unwrap());
    assert_eq!(failure(settings).await, SendErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_an_error_of_dns() {
    let settings = BackendSettings::new("http://does-not-exist.invalid".parse().unwrap());
    assert_eq!(failure(settings).await, SendErrorKind::DnsError);
}

#[tokio::test]
async fn a_backend_that_says_nothing_runs_out_of_time() {
    let origin = Origin::new(async |_| std::future::pending().await).await;
    let mut settings = origin.settings();
    settings.first_byte_timeout = Some(Duration::from_millis(20));
    assert_eq!(failure(settings).await, SendErrorKind::HttpResponseTimeout);
}

#[tokio::test]
async fn a_backend_that_pauses_runs_out_of_time() {
    let origin = Origin::raw(async |mut stream, _| {
        read_head(&mut stream).await;
        write(
            &mut stream,
            "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfirst",
        )
        .await;
        std::future::pending().await
    })
    .await;
    let mut settings = origin.settings();
    settings.between_bytes_timeout = Some(Duration::from_millis(20));
    let mut body = get(&set(settings)).await.unwrap().body;
    assert_eq!(body.read(10).await.unwrap().unwrap(), "first");
    assert!(matches!(body.read(10).await, Err(BodyError::TimedOut)));
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_a_connection_that_was_not_made() {
    let origin = Origin::raw(async |_stream, _| std::future::pending().await).await;
    let mut settings = BackendSettings::new(format!("https://{}", origin.address).parse().unwrap());
    settings.connect_timeout = Duration::from_millis(20);
    // Without authorities of the system it fails even before.
    settings.tls.authorities = Some(Vec::new());
    assert_eq!(failure(settings).await, SendErrorKind::ConnectionTimeout);
}

#[tokio::test]
async fn a_backend_that_closes_without_an_answer_is_asked_once() {
    let origin = Origin::raw(async |mut stream, _| {
        read_head(&mut stream).await;
    })
    .await;
    assert_eq!(
        failure(origin.settings()).await,
        SendErrorKind::HttpIncompleteResponse
    );
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_backend_that_closes_within_the_head_is_incomplete() {
    let origin = Origin::raw(async |mut stream, _| {
        read_head(&mut stream).await;
        write(&mut stream, "HTTP/1.1 200 OK\r\ncontent-").await;
    })
    .await;
    assert_eq!(
        failure(origin.settings()).await,
        SendErrorKind::HttpIncompleteResponse
    );
}

#[tokio::test]
async fn a_body_that_breaks_off_is_incomplete() {
    for head in ["content-length: 10", "transfer-encoding: chunked"] {
        let origin = Origin::raw(move |mut stream, _| async move {
            read_head(&mut stream).await;
            let answer = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n5\r\nab\r\n");
            write(&mut stream, &answer).await;
        })
        .await;
        let mut body = get(&set(origin.settings())).await.unwrap().body;
        let error = loop {
            match body.read(100).await {
                Ok(Some(_)) => {}
                other => break other,
            }
        };
        assert!(
            matches!(error, Err(BodyError::Incomplete)),
            "{head}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_backend_that_speaks_something_else_breaks_the_protocol() {
    let origin = Origin::raw(async |mut stream, _| {
        read_head(&mut stream).await;
        write(&mut stream, "220 mail.example ESMTP\r\n\r\n").await;
    })
    .await;
    assert_eq!(
        failure(origin.settings()).await,
        SendErrorKind::HttpProtocolError
    );
}

#[tokio::test]
async fn a_head_without_end_is_too_large() {
    let origin = Origin::raw(async |mut stream, _| {
        read_head(&mut stream).await;
        let field = format!("x: {}\r\n", "y".repeat(100));
        let answer = format!("HTTP/1.1 200 OK\r\n{}\r\n", field.repeat(400));
        write(&mut stream, &answer).await;
    })
    .await;
    assert_eq!(
        failure(origin.settings()).await,
        SendErrorKind::HttpResponseHeaderSectionTooLarge
    );
}

/// A server that answers once on its first connection, and closes it when it is asked again.
async fn forgetful() -> Origin {
    Origin::raw(async |mut stream, number| {
        read_head(&mut stream).await;
        write(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        read_head(&mut stream).await;
        if number > 0 {
            write(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        }
    })
    .await
}

#[tokio::test]
async fn a_connection_that_was_closed_in_the_meantime_is_replaced() {
    let origin = forgetful().await;
    let backends = set(origin.settings());
    get(&backends).await.unwrap();
    tokio::task::yield_now().await;
    get(&backends).await.unwrap();
    assert_eq!(origin.connections(), 2);
}

#[tokio::test]
async fn a_request_that_changes_things_is_not_sent_twice() {
    let origin = forgetful().await;
    let backends = set(origin.settings());
    get(&backends).await.unwrap();
    tokio::task::yield_now().await;
    let post = request(Method::POST, "/", OutgoingBody::empty());
    let error = backends.send(post).await.unwrap_err();
    assert_eq!(error.kind, SendErrorKind::HttpIncompleteResponse);
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn what_guests_define_is_kept_for_others_that_define_the_same() {
    let origin = Origin::new(seen).await;
    let backends = BackendSet::new(Handle::current(), []);
    for name in ["one", "two"] {
        let mut defined = DynamicBackend::default();
        defined.name = name.to_owned();
        defined.target = origin.address.to_string();
        defined.override_host = Some("example.com".to_owned());
        let mut request = request(Method::GET, "http://localhost/path", OutgoingBody::empty());
        request.destination = Destination::Dynamic(Arc::new(defined));
        let response = backends.send(request).await.unwrap();
        let text = text(response.body).await;
        assert_eq!(text, "GET /path HTTP/1.1\nhost: example.com");
        tokio::task::yield_now().await;
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_definition_that_cannot_work_is_an_error() {
    let backends = BackendSet::new(Handle::current(), []);
    let mut tls = DynamicTls::default();
    tls.max_version = Some(0);
    let mut defined = DynamicBackend::default();
    defined.target = "127.0.0.1:1".to_owned();
    defined.tls = Some(tls);
    let mut request = request(Method::GET, "/", OutgoingBody::empty());
    request.destination = Destination::Dynamic(Arc::new(defined));
    assert!(backends.send(request).await.is_err());
}
