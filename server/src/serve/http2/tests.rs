use std::future::poll_fn;

use abi_core::body::BodyError;
use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, DATE, EXPECT, HeaderMap, HeaderValue};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::responding::INTERIM_BYTES_MAX;
use super::*;
use crate::identity::PREFACE;

const LONG: Patience = Patience {
    silence_max: Duration::from_secs(60),
    send_timeout: Duration::from_secs(60),
    idle_timeout: Duration::from_secs(60),
};

const SHORT: Duration = Duration::from_millis(20);

/// Answers each request with its own body, after a hint.
async fn echo(
    request: Request<ReceivedBody>,
    hints: Arc<dyn EarlyHints>,
) -> Response<OutgoingBody> {
    let mut hint = HeaderMap::new();
    for (name, value) in [
        ("link", "</style.css>"),
        ("connection", "x-gone"),
        ("x-gone", "1"),
        ("content-length", "5"),
        ("transfer-encoding", "chunked"),
    ] {
        hint.insert(name, HeaderValue::from_static(value));
    }
    hints.send(&hint);
    let body = request.into_body().collect().await;
    Response::new(body.map_or_else(|_| OutgoingBody::empty(), |body| body.to_bytes().into()))
}

type Serving = tokio::task::JoinHandle<Result<(), h2::Error>>;

fn start(patience: Patience) -> (DuplexStream, Serving) {
    let (client, server) = tokio::io::duplex(64 * 1024);
    let serving = serve(server, echo, std::future::pending::<()>(), patience);
    (client, tokio::spawn(serving))
}

async fn begin(client: DuplexStream) -> h2::client::SendRequest<Bytes> {
    let (sender, connection) = h2::client::handshake(client).await.unwrap();
    tokio::spawn(connection);
    sender.ready().await.unwrap()
}

#[tokio::test]
async fn hints_come_before_the_answer_and_bodies_pass_windows() {
    let (client, _) = start(LONG);
    let mut sender = begin(client).await;
    let request = Request::post("http://test/").body(()).unwrap();
    let (mut response, mut body) = sender.send_request(request, false).unwrap();
    let hint = poll_fn(|cx| response.poll_informational(cx)).await;
    let hint = hint.unwrap().unwrap();
    assert_eq!(hint.status(), StatusCode::EARLY_HINTS);
    assert_eq!(hint.headers().len(), 1, "{:?}", hint.headers());
    let content = Bytes::from(vec![b'x'; 3 * STREAM_WINDOW_BYTES as usize]);
    let sending = tokio::spawn({
        let mut left = content.clone();
        async move {
            while !left.is_empty() {
                body.reserve_capacity(left.len());
                let capacity = poll_fn(|cx| body.poll_capacity(cx)).await;
                let piece = left.split_to(capacity.unwrap().unwrap());
                body.send_data(piece, left.is_empty()).unwrap();
            }
        }
    });
    let response = response.await.unwrap();
    assert_eq!(
        response.headers()[CONTENT_LENGTH],
        content.len().to_string()
    );
    assert!(response.headers().contains_key(DATE));
    let received = ReceivedBody::new(response.into_body(), None, None);
    assert_eq!(received.collect().await.unwrap().to_bytes(), content);
    sending.await.unwrap();
}

/// Answers with trailers, one of which concerns the connection.
async fn answer_with_trailers(
    _: Request<ReceivedBody>,
    _: Arc<dyn EarlyHints>,
) -> Response<OutgoingBody> {
    let mut body = abi_core::body::Body::from(Bytes::from_static(b"body"));
    for name in ["x-checksum", "keep-alive"] {
        let value = HeaderValue::from_static("1");
        body.trailers_mut().insert(name, value);
    }
    Response::new(body.into())
}

#[tokio::test]
async fn trailers_have_no_fields_of_the_connection() {
    let (client, server) = tokio::io::duplex(64 * 1024);
    let stopping = std::future::pending::<()>();
    tokio::spawn(serve(server, answer_with_trailers, stopping, LONG));
    let mut sender = begin(client).await;
    let request = Request::get("http://test/").body(()).unwrap();
    let (response, _) = sender.send_request(request, true).unwrap();
    let mut body = response.await.unwrap().into_body();
    assert_eq!(body.data().await.unwrap().unwrap(), "body");
    let trailers = body.trailers().await.unwrap().unwrap();
    assert_eq!(trailers.len(), 1, "{trailers:?}");
    assert_eq!(trailers["x-checksum"], "1");
}

/// Gives hints of a kibibyte each, more of them than are sent.
async fn hint_often(
    _: Request<ReceivedBody>,
    hints: Arc<dyn EarlyHints>,
) -> Response<OutgoingBody> {
    let value = HeaderValue::try_from("x".repeat(1_020)).unwrap();
    for _ in 0..100 {
        let mut hint = HeaderMap::new();
        hint.insert("link", value.clone());
        hints.send(&hint);
    }
    Response::new(OutgoingBody::empty())
}

#[tokio::test]
async fn hints_of_one_request_have_a_limit() {
    let (client, server) = tokio::io::duplex(1024 * 1024);
    tokio::spawn(serve(
        server,
        hint_often,
        std::future::pending::<()>(),
        LONG,
    ));
    let mut sender = begin(client).await;
    let request = Request::get("http://test/").body(()).unwrap();
    let (mut response, _) = sender.send_request(request, true).unwrap();
    let mut count = 0;
    while let Some(hint) = poll_fn(|cx| response.poll_informational(cx)).await {
        hint.unwrap();
        count += 1;
    }
    assert_eq!(count, INTERIM_BYTES_MAX / 1_024);
    assert_eq!(response.await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_client_that_has_vanished_loses_its_connection() {
    let (mut client, serving) = start(Patience {
        silence_max: SHORT,
        ..LONG
    });
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    client
        .write_all(&[PREFACE, &settings].concat())
        .await
        .unwrap();
    // It does not answer the ping.
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).await.unwrap();
    assert!(serving.await.unwrap().is_ok());
}

/// A client that waits is asked when the body is read, before everything else; one that does not wait is not.
#[tokio::test]
async fn a_client_that_waits_is_asked_for_its_body() {
    let (client, _) = start(LONG);
    let mut sender = begin(client).await;
    for waits in [true, false] {
        let mut request = Request::post("http://test/").body(()).unwrap();
        if waits {
            let waiting = HeaderValue::from_static("100-continue");
            request.headers_mut().insert(EXPECT, waiting);
        }
        let (mut response, mut body) = sender.send_request(request, false).unwrap();
        let mut expected = vec![StatusCode::EARLY_HINTS];
        expected.extend(waits.then_some(StatusCode::CONTINUE));
        for status in expected {
            let interim = poll_fn(|cx| response.poll_informational(cx)).await;
            assert_eq!(interim.unwrap().unwrap().status(), status);
        }
        body.send_data(Bytes::from_static(b"body"), true).unwrap();
        assert!(
            poll_fn(|cx| response.poll_informational(cx))
                .await
                .is_none()
        );
        assert_eq!(response.await.unwrap().status(), 200);
    }
}

/// A stream that is reset has not ended, whatever reason its client gives: RFC 9113 section 8.1.
#[tokio::test]
async fn an_upload_that_is_given_up_does_not_look_whole() {
    for reason in [Reason::NO_ERROR, Reason::CANCEL] {
        let (client, server) = tokio::io::duplex(64 * 1024);
        let (told, mut outcomes) = tokio::sync::mpsc::unbounded_channel();
        let read = move |request: Request<ReceivedBody>, _: Arc<dyn EarlyHints>| {
            let told = told.clone();
            tokio::spawn(async move {
                let body = request.into_body().collect().await;
                told.send(body.map(|body| body.to_bytes()))
            });
            std::future::pending()
        };
        let stopping = std::future::pending::<()>();
        tokio::spawn(serve(server, read, stopping, LONG));
        let mut sender = begin(client).await;
        let request = Request::post("http://test/").body(()).unwrap();
        let (_response, mut body) = sender.send_request(request, false).unwrap();
        body.send_data(Bytes::from_static(b"half"), false).unwrap();
        body.send_reset(reason);
        let outcome = outcomes.recv().await.unwrap();
        assert!(matches!(outcome, Err(BodyError::Incomplete)), "{outcome:?}");
    }
}

/// Answers with more than a window holds.
async fn answer_at_length(
    _: Request<ReceivedBody>,
    _: Arc<dyn EarlyHints>,
) -> Response<OutgoingBody> {
    Response::new(Bytes::from(vec![b'x'; 100_000]).into())
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_response_loses_it() {
    let (client, server) = tokio::io::duplex(64 * 1024);
    let patience = Patience {
        send_timeout: SHORT,
        ..LONG
    };
    let stopping = std::future::pending::<()>();
    tokio::spawn(serve(server, answer_at_length, stopping, patience));
    let mut sender = begin(client).await;
    let request = Request::get("http://test/").body(()).unwrap();
    let (response, _) = sender.send_request(request, true).unwrap();
    let mut body = response.await.unwrap().into_body();
    let mut count = 0;
    let error = loop {
        // Its window is never given back.
        match body.data().await.unwrap() {
            Ok(bytes) => count += bytes.len(),
            Err(error) => break error,
        }
    };
    assert_eq!(count, 65_535);
    assert_eq!(error.reason(), Some(Reason::CANCEL));
}

/// All of the response is with the protocol library by then, so that nobody asks for room any more.
#[tokio::test]
async fn a_client_that_shuts_its_window_loses_what_it_has_not_taken() {
    const WINDOW: u32 = 1024 * 1024;
    let (client, server) = tokio::io::duplex(16 * 1024);
    let patience = Patience {
        send_timeout: SHORT,
        ..LONG
    };
    let stopping = std::future::pending::<()>();
    tokio::spawn(serve(server, answer_at_length, stopping, patience));
    let (sender, mut connection) = h2::client::Builder::new()
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .handshake::<_, Bytes>(client)
        .await
        .unwrap();
    let ask = |sender: &mut h2::client::SendRequest<Bytes>| {
        let request = Request::get("http://test/").body(()).unwrap();
        sender.send_request(request, true).unwrap().0
    };
    let mut sender = sender.ready().await.unwrap();
    let response = ask(&mut sender);
    let response = tokio::select! {
        response = response => response.unwrap(),
        _ = &mut connection => panic!("it goes on"),
    };
    // Here is one thread: the server writes what there is room for, and keeps the rest.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    connection.set_initial_window_size(0).unwrap();
    tokio::spawn(connection);
    let mut body = response.into_body();
    let mut count = 0;
    let reading = async {
        loop {
            match body.data().await.unwrap() {
                Ok(bytes) => count += bytes.len(),
                Err(error) => break error,
            }
        }
    };
    let error = tokio::time::timeout(Duration::from_secs(60), reading).await;
    assert_eq!(error.unwrap().reason(), Some(Reason::CANCEL));
    assert!(count > 0 && count < 100_000, "{count}");
    // The connection goes on.
    let response = ask(&mut sender).await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_client_that_does_not_begin_loses_its_connection() {
    let (mut client, serving) = start(Patience {
        idle_timeout: SHORT,
        ..LONG
    });
    client.write_all(&PREFACE[..10]).await.unwrap();
    assert!(serving.await.unwrap().is_ok());
}
