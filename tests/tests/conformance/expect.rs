//! Clients that wait to be asked for the body of their request: RFC 9110 section 10.1.1.

use conformance::cases;
use conformance::context::Context;
use conformance::guests::ROUTES;
use conformance::origin::Origin;
use conformance::wire::Wire;

use crate::counterparts::{curl, find};

cases![
    it_is_asked_when_the_guest_reads,
    it_is_asked_when_a_backend_reads,
    it_is_not_asked_when_the_guest_has_answered,
    a_body_that_was_asked_for_leaves_the_connection_open,
    curl_does_not_wait_in_vain,
];

async fn expecting(wire: &mut Wire, path: &str) {
    wire.send(format!(
        "POST {path} HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n"
    ))
    .await;
}

const CONTINUE: &str = "http/1.1 100 continue\r\n\r\n";

async fn it_is_asked_when_the_guest_reads(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    let mut wire = host.connect().await;
    expecting(&mut wire, "/read/16").await;
    assert_eq!(wire.read_head().await, CONTINUE);
    wire.send("hello").await;
    assert!(wire.read_head().await.starts_with("http/1.1 200 ok\r\n"));
}

async fn it_is_asked_when_a_backend_reads(cx: Context) {
    let origin = Origin::start().await;
    let host = cx.host(ROUTES).backend("origin", origin.address);
    let host = host.start().await;
    let mut wire = host.connect().await;
    expecting(&mut wire, "/proxy/origin/echo").await;
    assert_eq!(wire.read_head().await, CONTINUE);
    wire.send("hello").await;
    assert!(wire.read_head().await.starts_with("http/1.1 200 ok\r\n"));
    assert_eq!(wire.read_exact(5).await, b"hello");
}

/// Whether the client sends its body now only the client knows, so that no other request can follow.
async fn it_is_not_asked_when_the_guest_has_answered(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    let mut wire = host.connect().await;
    expecting(&mut wire, "/hello").await;
    let received = wire.read_to_end().await.to_ascii_lowercase();
    assert!(received.starts_with("http/1.1 200 ok\r\n"), "{received}");
    assert!(received.contains("\r\nconnection: close\r\n"), "{received}");
    assert!(received.ends_with("hello from compute\n"), "{received}");
}

async fn a_body_that_was_asked_for_leaves_the_connection_open(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    let mut wire = host.connect().await;
    for _ in 0..2 {
        expecting(&mut wire, "/read/16").await;
        assert_eq!(wire.read_head().await, CONTINUE);
        wire.send("hello").await;
        let head = wire.read_head().await;
        assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
        assert!(!head.contains("\r\nconnection:"), "{head}");
        let length = head.split("content-length: ").nth(1);
        let length = length.and_then(|rest| rest.split("\r\n").next());
        let length = length.and_then(|length| length.parse().ok());
        wire.read_exact(length.expect("the answer has a length"))
            .await;
    }
}

/// What curl is answered, which waits to be asked for its body for longer than a case may take. `version` is its option
/// for that of HTTP.
pub(crate) async fn curl_waiting_to_be_asked(version: &str, url: &str) -> String {
    curl(&[
        "--include",
        version,
        "--header",
        "Expect: 100-continue",
        "--expect100-timeout",
        "1000",
        "--data",
        "hello",
        url,
    ])
    .await
}

async fn curl_does_not_wait_in_vain(cx: Context) {
    if find(&["curl"]).is_none() {
        return;
    }
    let host = cx.host(ROUTES).start().await;
    for (path, asked) in [("/read/16", true), ("/hello", false)] {
        let url = format!("http://{}{path}", host.address);
        let text = curl_waiting_to_be_asked("--http1.1", &url).await;
        assert_eq!(text.starts_with("HTTP/1.1 100 Continue"), asked, "{text}");
        assert!(text.contains("HTTP/1.1 200 OK"), "{text}");
    }
}
