//! Backends that fail, and what guests are told.

use std::time::Duration;

use conformance::cases;
use conformance::client::Content;
use conformance::client::request;
use conformance::context::Context;
use conformance::faulty::{Faulty, Refused};
use conformance::guests::ROUTES;
use conformance::host::TestHost;
use conformance::origin::Origin;
use fastlike::BackendSettings;
use http_body_util::BodyExt;

cases![
    refused,
    unknown,
    cut_in_the_head,
    cut_in_the_body,
    no_http,
    another_protocol_that_nobody_has_asked_for,
    never_answers_within_the_first_byte_timeout,
    pauses_for_longer_than_the_between_bytes_timeout,
];

/// How long a backend is waited for that does not answer.
const TIMEOUT: Duration = Duration::from_millis(100);

async fn start(cx: &Context, settings: BackendSettings) -> TestHost {
    cx.host(ROUTES)
        .configure(|builder| builder.backend_with("faulty", settings))
        .start()
        .await
}

fn at(address: std::net::SocketAddr) -> BackendSettings {
    let url = format!("http://{address}").parse();
    BackendSettings::new(url.expect("an address makes a URL"))
}

/// The guest answers with the error that its SDK was told.
async fn is_bad_gateway(host: &TestHost, path: &str, cause: &str) {
    let answer = host.get(path).await;
    assert_eq!(answer.status, 502);
    let text = answer.text();
    assert!(text.contains(cause), "{text}");
    assert_eq!(host.text("/hello").await, "Hello from Compute\n");
}

async fn refused(cx: Context) {
    let refused = Refused::take();
    let host = start(&cx, at(refused.address)).await;
    is_bad_gateway(&host, "/proxy/faulty/", "ConnectionRefused").await;
}

async fn unknown(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    is_bad_gateway(&host, "/proxy/unknown/", "DestinationNotFound").await;
}

async fn cut_in_the_head(cx: Context) {
    let backend = Faulty::cut_in_head().await;
    let host = start(&cx, at(backend.address)).await;
    is_bad_gateway(&host, "/proxy/faulty/", "HttpIncompleteResponse").await;
}

async fn cut_in_the_body(cx: Context) {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nbeginning\r\n";
    for backend in [
        Faulty::cut_in_body().await,
        Faulty::saying(chunked).await,
        // What comes next is no length.
        Faulty::saying(Box::leak(format!("{chunked}x\r\n").into_boxed_str())).await,
    ] {
        let host = start(&cx, at(backend.address)).await;
        let request = request("GET", "/proxy/faulty/", Content::empty());
        let response = host.send(request).await;
        // The head was passed on before anything went wrong.
        assert_eq!(response.status(), 200);
        assert!(response.into_body().collect().await.is_err());
        assert_eq!(host.text("/hello").await, "Hello from Compute\n");
    }
}

async fn no_http(cx: Context) {
    let backend = Faulty::nonsense().await;
    let host = start(&cx, at(backend.address)).await;
    is_bad_gateway(&host, "/proxy/faulty/", "HttpProtocolError").await;
}

async fn another_protocol_that_nobody_has_asked_for(cx: Context) {
    let switching = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n";
    let backend = Faulty::saying(switching).await;
    let host = start(&cx, at(backend.address)).await;
    is_bad_gateway(&host, "/proxy/faulty/", "HttpResponseStatusInvalid").await;
}

async fn never_answers_within_the_first_byte_timeout(cx: Context) {
    let backend = Faulty::never().await;
    let mut settings = at(backend.address);
    settings.first_byte_timeout = Some(TIMEOUT);
    let host = start(&cx, settings).await;
    is_bad_gateway(&host, "/proxy/faulty/", "HttpResponseTimeout").await;
    // Nobody waits for it any more.
    backend.left(1).await;
}

async fn pauses_for_longer_than_the_between_bytes_timeout(cx: Context) {
    let origin = Origin::start().await;
    let mut settings = at(origin.address);
    settings.between_bytes_timeout = Some(TIMEOUT);
    let host = start(&cx, settings).await;
    let answering = host.send(request("GET", "/proxy/faulty/feed", Content::empty()));
    let (response, feed) = tokio::join!(answering, origin.feed());
    assert!(feed.send("first").await);
    // Nothing more comes.
    assert!(response.into_body().collect().await.is_err());
    feed.abandoned().await;
}
