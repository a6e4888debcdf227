//! Clients that leave, and those that no guest sees.

use abi_core::engine::Exit;
use conformance::cases;
use conformance::context::Context;
use conformance::guests::ROUTES;
use conformance::host::TestHost;
use conformance::origin::Origin;
use fastlike::OnDisconnect;

cases![
    the_guest_finishes_its_work,
    the_guest_is_stopped,
    the_guest_is_stopped_without_a_socket,
    the_guest_finishes_while_it_streams,
    garbage_is_refused,
    a_request_names_its_host,
    no_host_makes_an_sdk_fail,
];

async fn start(cx: &Context, on_disconnect: OnDisconnect) -> (TestHost, Origin) {
    let origin = Origin::start().await;
    let host = cx
        .host(ROUTES)
        .backend("origin", origin.address)
        .configure(|builder| builder.on_disconnect(on_disconnect));
    (host.start().await, origin)
}

/// Asks for what makes the guest wait, and leaves once it does. Returns when the host has noticed.
async fn ask_and_leave(host: &TestHost, origin: &Origin) {
    let mut wire = host.connect().await;
    wire.get("/proxy/origin/gate").await;
    origin.arrived(1).await;
    wire.close_sending().await;
    // The host closes its side when it sees that the client did.
    assert_eq!(wire.read_to_end().await, "");
}

async fn the_guest_finishes_its_work(cx: Context) {
    let (host, origin) = start(&cx, OnDisconnect::Finish).await;
    ask_and_leave(&host, &origin).await;
    assert!(!host.runs.all()[0].is_over());
    origin.open_gate();
    let run = host.runs.over(0).await;
    assert_eq!(*run.exit(), Exit::Returned);
    // It got its response, and could give its answer.
    assert!(!origin.exchanges()[0].left);
    assert_eq!(run.count("send_downstream"), 1);
    assert_eq!(host.text("/hello").await, "Hello from Compute\n");
}

async fn the_guest_is_stopped(cx: Context) {
    let (host, origin) = start(&cx, OnDisconnect::Cancel).await;
    ask_and_leave(&host, &origin).await;
    assert!(host.runs.over(0).await.stopped);
    // What the guest waited for is given up with it.
    origin
        .until(|exchanges| exchanges[0].left.then_some(()))
        .await;
    assert_eq!(host.text("/hello").await, "Hello from Compute\n");
}

async fn the_guest_is_stopped_without_a_socket(cx: Context) {
    let (host, origin) = start(&cx, OnDisconnect::Cancel).await;
    let request = http::Request::get("http://test/proxy/origin/gate");
    let request = request.body(http_body_util::Empty::new());
    let embedded = host.host.clone();
    let request = request.expect("this is a valid request");
    let handling = tokio::spawn(async move { embedded.handle(request).await.status() });
    origin.arrived(1).await;
    handling.abort();
    assert!(host.runs.over(0).await.stopped);
    origin
        .until(|exchanges| exchanges[0].left.then_some(()))
        .await;
}

async fn the_guest_finishes_while_it_streams(cx: Context) {
    let (host, _origin) = start(&cx, OnDisconnect::Finish).await;
    let mut wire = host.connect().await;
    wire.get("/stream/4000/65536").await;
    wire.read_head().await;
    drop(wire);
    // A write to a client that is gone fails, which its SDK makes a panic of; nothing waits for ever.
    let run = host.runs.over(0).await;
    assert!(run.ended.is_some(), "{run:?}");
    assert!(run.count("write") < 4000);
    assert_eq!(host.text("/hello").await, "Hello from Compute\n");
}

async fn garbage_is_refused(cx: Context) {
    let (host, _origin) = start(&cx, OnDisconnect::Finish).await;
    let mut wire = host.connect().await;
    wire.send("this is not HTTP\r\n\r\n").await;
    let response = wire.read_to_end().await;
    assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
    assert!(host.runs.all().is_empty());
    assert_eq!(host.text("/hello").await, "Hello from Compute\n");
}

/// RFC 9112 section 3.2: in every request of HTTP/1.1, also where the target names the host.
async fn a_request_names_its_host(cx: Context) {
    let (host, _origin) = start(&cx, OnDisconnect::Finish).await;
    for target in ["/hello", "http://example.com/hello"] {
        let mut wire = host.connect().await;
        wire.send(format!(
            "GET {target} HTTP/1.1\r\nconnection: close\r\n\r\n"
        ))
        .await;
        let response = wire.read_to_end().await;
        assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
        assert!(response.ends_with("there is no host\n"), "{response}");
    }
    assert!(host.runs.all().is_empty());
    for (target, version, fields) in [
        ("/hello", "1.1", "host: test\r\n"),
        ("/hello", "1.1", "host:\r\n"),
        ("http://example.com/hello", "1.1", "host: example.com\r\n"),
        ("/hello", "1.0", ""),
        ("http://example.com/hello", "1.0", ""),
    ] {
        let mut wire = host.connect().await;
        wire.send(format!(
            "GET {target} HTTP/{version}\r\n{fields}connection: close\r\n\r\n"
        ))
        .await;
        let response = wire.read_to_end().await;
        let expected = format!("HTTP/{version} 200 ");
        assert!(response.starts_with(&expected), "{target}: {response}");
    }
    // The connection goes on, and what was noted of the request that was refused is not taken for the next one's.
    let mut wire = host.connect().await;
    wire.send("GET / HTTP/1.1\r\nX-First: 1\r\n\r\n").await;
    assert!(wire.read_head().await.starts_with("http/1.1 400 "));
    assert_eq!(wire.read_exact(17).await, b"there is no host\n");
    wire.get_last("/hello").await;
    let response = wire.read_to_end().await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
}

/// The SDK makes a URL of the host, and a guest traps where that cannot be done: what it would trap on is refused.
async fn no_host_makes_an_sdk_fail(cx: Context) {
    let (host, _origin) = start(&cx, OnDisconnect::Finish).await;
    for (name, status) in [
        ("A_b-c.d", 200),
        ("a..", 200),
        ("[::1]:80", 200),
        ("0x7f.1", 200),
        ("0xg", 200),
        ("4294967295", 200),
        ("4294967296", 400),
        ("0xfffffffffffffffff", 400),
        ("1.2.3.256", 400),
        ("09", 400),
        ("a[b]", 400),
        ("a[::1]", 400),
        ("[1]", 400),
        ("a:65536", 400),
        ("a@b", 400),
    ] {
        let mut wire = host.connect().await;
        let asking = format!("GET /hello HTTP/1.1\r\nhost: {name}\r\nconnection: close\r\n\r\n");
        wire.send(asking).await;
        let response = wire.read_to_end().await;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(response.starts_with(&expected), "{name}: {response}");
    }
}
