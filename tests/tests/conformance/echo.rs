//! What guests see of a request.

use conformance::cases;
use conformance::client::{Answer, Client, Content, next_piece, request};
use conformance::content::pattern;
use conformance::context::Context;
use conformance::guests::ROUTES;
use http::{HeaderValue, Method};

cases![
    method_url_and_version,
    version_of_http2,
    every_header,
    every_method,
    body,
    body_is_passed_on_as_it_arrives,
    absolute_target,
];

async fn method_url_and_version(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    let answer = host.post("/echo?a=%20b&c", "x").await;
    assert_eq!(answer.ok_text(), "x");
    assert_eq!(answer.header("x-method"), "POST");
    let url = format!("http://{}/echo?a=%20b&c", host.address);
    assert_eq!(answer.header("x-url"), url);
    assert_eq!(answer.header("x-version"), "HTTP/1.1");
}

async fn version_of_http2(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    let client = Client::http2();
    let answer = client
        .fetch(host.address, request("POST", "/echo", "x"))
        .await;
    assert_eq!(answer.ok_text(), "x");
    assert_eq!(answer.header("x-version"), "HTTP/2.0");
    // Where HTTP/2 has it in another place, guests find it in the same one.
    assert_eq!(answer.header("echo-host"), host.address.to_string());
    assert_eq!(
        answer.header("x-url"),
        format!("http://{}/echo", host.address)
    );
}

async fn every_header(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    let mut request = request("GET", "/echo", Content::empty());
    let headers = request.headers_mut();
    for value in ["one", "two", "", "three, four"] {
        headers.append("x-many", HeaderValue::from_static(value));
    }
    headers.insert("x-not-text", HeaderValue::from_bytes(b"caf\xe9").unwrap());
    headers.insert(
        "x-long",
        HeaderValue::from_str(&"l".repeat(20_000)).unwrap(),
    );
    let answer = host.fetch(request).await;
    let many = answer.header_values("echo-x-many");
    assert_eq!(many, ["one", "two", "", "three, four"]);
    assert_eq!(answer.headers["echo-x-not-text"].as_bytes(), b"caf\xe9");
    assert_eq!(answer.header("echo-x-long").len(), 20_000);
    assert_eq!(answer.header("echo-host"), host.address.to_string());
}

async fn every_method(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PURGE"] {
        let answer = host.fetch(request(method, "/echo", Content::empty())).await;
        assert_eq!(answer.header("x-method"), method);
    }
    let answer = host.fetch(request(Method::HEAD.as_str(), "/echo", Content::empty()));
    assert_eq!(answer.await.header("x-method"), "HEAD");
}

async fn body(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    for length in [0, 1, 8 * 1024, 1024 * 1024 + 1] {
        let sent = pattern(length);
        let answer = host.post("/echo", sent.clone()).await;
        assert_eq!(answer.status, 200);
        assert!(answer.body == sent, "{length}: {}", answer.body.len());
    }
}

async fn body_is_passed_on_as_it_arrives(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    let (feed, content) = Content::fed();
    assert!(feed.send("first").await);
    let mut response = host.send(request("POST", "/echo", content)).await;
    assert_eq!(next_piece(response.body_mut()).await, "first");
    // Only now is there a second piece.
    assert!(feed.send("second").await);
    assert_eq!(next_piece(response.body_mut()).await, "second");
    drop(feed);
    assert_eq!(Answer::gather(response).await.text(), "");
}

async fn absolute_target(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    let mut wire = host.connect().await;
    wire.send("GET http://other.example/echo HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")
        .await;
    let response = wire.read_to_end().await;
    assert!(
        response.contains("x-url: http://other.example/echo\r\n"),
        "{response}"
    );
    assert!(
        response.contains("echo-host: other.example\r\n"),
        "{response}"
    );
}
