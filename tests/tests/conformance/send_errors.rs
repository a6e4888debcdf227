//! Why a request was not answered: each cause for real, and what the guest is told of it.

use std::sync::Arc;
use std::time::Duration;

use conformance::cases;
use conformance::certificates::Authority;
use conformance::context::Context;
use conformance::faulty::{Faulty, Refused, listen};
use conformance::guests::ROUTES;
use conformance::host::TestHost;
use conformance::origin::Origin;
use fastlike::BackendSettings;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

cases![
    names_and_addresses,
    connections,
    connections_that_are_all_in_use,
    encryption,
    what_a_definition_makes_impossible,
    responses_of_http1,
    streams_of_http2,
];

/// How long a backend is waited for that does not answer.
const TIMEOUT: Duration = Duration::from_millis(100);

fn at(url: &str) -> BackendSettings {
    BackendSettings::new(url.parse().expect("this is a URL"))
}

async fn start(cx: &Context, settings: BackendSettings) -> TestHost {
    cx.host(ROUTES)
        .configure(|builder| builder.backend_with("faulty", settings))
        .start()
        .await
}

/// The guest is told `cause`.
async fn fails(cx: &Context, settings: BackendSettings, cause: &str) {
    let host = start(cx, settings).await;
    is_told(&host, "/proxy/faulty/", cause).await;
}

async fn is_told(host: &TestHost, path: &str, cause: &str) {
    let answer = host.get(path).await;
    let text = answer.text();
    assert_eq!(answer.status, 502, "{cause}: {text}");
    // The text begins with the cause, and goes on with what led to it.
    assert!(text.contains(cause), "{cause}: {text}");
}

async fn names_and_addresses(cx: Context) {
    let host = start(&cx, at("http://127.0.0.1:1")).await;
    is_told(&host, "/proxy/unknown/", "DestinationNotFound").await;
    fails(&cx, at("http://does-not-exist.invalid"), "DnsError").await;
    // Nobody can make a connection to many hosts at once.
    fails(&cx, at("http://224.0.0.1"), "DestinationIpUnroutable").await;
}

async fn connections(cx: Context) {
    let refused = format!("http://{}", Refused::take().address);
    fails(&cx, at(&refused), "ConnectionRefused").await;
    let never = Faulty::never().await;
    let mut settings = at(&format!("https://{}", never.address));
    settings.tls.accept_any_certificate = true;
    settings.connect_timeout = TIMEOUT;
    fails(&cx, settings, "ConnectionTimeout").await;
    let closing = Faulty::closing().await;
    let mut settings = at(&format!("https://{}", closing.address));
    settings.tls.accept_any_certificate = true;
    fails(&cx, settings, "ConnectionTerminated").await;
}

async fn connections_that_are_all_in_use(cx: Context) {
    let never = Faulty::never().await;
    let mut settings = at(&format!("http://{}", never.address));
    settings.pooling.max_connections = Some(1);
    settings.connect_timeout = TIMEOUT;
    let host = start(&cx, settings).await;
    let first = host.begin_get("/proxy/faulty/");
    never.accepted(1).await;
    is_told(&host, "/proxy/faulty/", "ConnectionLimitReached").await;
    drop(never);
    assert_eq!(first.answer().await.status, 502);
}

/// A server with a certificate for `127.0.0.1` that speaks what `change` leaves of TLS.
async fn encrypted(
    authority: &Authority,
    change: impl FnOnce(&mut rustls::ServerConfig),
) -> std::net::SocketAddr {
    let mut config = authority.sign("127.0.0.1").server(&["http/1.1"]);
    change(&mut config);
    let tls = TlsAcceptor::from(Arc::new(config));
    listen(move |stream| {
        let tls = tls.clone();
        async move {
            if let Err((_, mut stream)) = tls.accept(stream).into_fallible().await {
                // Who closes a connection with something left to read resets it, and the alert may be lost.
                let _ = stream.shutdown().await;
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
        }
    })
    .await
}

async fn encryption(cx: Context) {
    let authority = Authority::new("servers");
    let address = encrypted(&authority, |_| ()).await;
    let trusting = |address| {
        let mut settings = at(&format!("https://{address}"));
        settings.tls.authorities = Some(vec![authority.certificate()]);
        settings
    };
    let mut settings = trusting(address);
    settings.tls.authorities = Some(vec![Authority::new("strangers").certificate()]);
    fails(&cx, settings, "TlsCertificateError").await;
    let mut settings = trusting(address);
    let name = "other.example".try_into().expect("this is a name");
    settings.tls.certificate_host = Some(name);
    fails(&cx, settings, "TlsCertificateError").await;

    // RFC 7301 section 3.2: a server that speaks none of the protocols says so with an alert, 120.
    let address = encrypted(&authority, |config| {
        config.alpn_protocols = vec![b"other".to_vec()];
    })
    .await;
    let alert = "TlsAlertReceived { alert_id: Some(120) }";
    fails(&cx, trusting(address), alert).await;

    // One that wants a certificate of its clients says so with 116 (RFC 8446 section 6.2): when the request is on its way
    // already, and with TLS 1.2 in the handshake.
    for newest in ["1.3", "1.2"] {
        let address = encrypted(&authority, |config| {
            let own = authority.sign("127.0.0.1");
            *config = own.server_for(&authority, &["http/1.1"]);
        })
        .await;
        let mut settings = trusting(address);
        settings.tls.max_version = newest.parse().ok();
        let alert = "TlsAlertReceived { alert_id: Some(116) }";
        fails(&cx, settings, alert).await;
    }

    let mut settings = trusting(address);
    // This host speaks neither this version nor any before it.
    settings.tls.max_version = "1.1".parse().ok();
    fails(&cx, settings, "TlsConfigurationError").await;
    // What is no name of a host cannot be in a certificate.
    fails(&cx, at("https://a..b"), "TlsConfigurationError").await;
    let plain = Origin::start().await;
    fails(&cx, trusting(plain.address), "TlsProtocolError").await;
}

async fn what_a_definition_makes_impossible(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    is_told(
        &host,
        "/dynamic/?target=user@127.0.0.1",
        "HttpRequestUriInvalid",
    )
    .await;
    let ciphers = "/dynamic/?target=127.0.0.1:1&tls_max=1.2&ciphers=NONE";
    is_told(&host, ciphers, "TlsConfigurationError").await;
}

async fn responses_of_http1(cx: Context) {
    let fields: &'static str =
        Box::leak(format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(400)).into_boxed_str());
    let long: &'static str = Box::leak(
        format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(1 << 20)).into_boxed_str(),
    );
    for (says, cause) in [
        ("", "HttpIncompleteResponse"),
        ("HTTP/1.1 200 OK\r\ncontent-len", "HttpIncompleteResponse"),
        (fields, "HttpResponseHeaderSectionTooLarge"),
        (long, "HttpResponseHeaderSectionTooLarge"),
        ("HTTP/1.1 20x OK\r\n\r\n", "HttpResponseStatusInvalid"),
        ("220 mail.example.org ready\r\n\r\n", "HttpProtocolError"),
    ] {
        let backend = Faulty::saying(says).await;
        fails(&cx, at(&format!("http://{}", backend.address)), cause).await;
    }
    let never = Faulty::never().await;
    let mut settings = at(&format!("http://{}", never.address));
    settings.first_byte_timeout = Some(TIMEOUT);
    fails(&cx, settings, "HttpResponseTimeout").await;
}

async fn streams_of_http2(cx: Context) {
    // What goes wrong in a service of hyper resets the stream.
    let resetting = listen(|stream| async move {
        let service = service_fn(|_: Request<Incoming>| async {
            Err::<Response<String>, _>(std::io::Error::other("on purpose"))
        });
        let server = http2::Builder::new(TokioExecutor::new());
        drop(server.serve_connection(TokioIo::new(stream), service).await);
    })
    .await;
    let mut settings = at(&format!("http://{resetting}"));
    settings.http2_only = true;
    // RFC 9113 sections 6.4 and 7: RST_STREAM, INTERNAL_ERROR.
    let reset = "Http2StreamError { frame_type: 3, error_code: 2 }";
    fails(&cx, settings, reset).await;

    // A server that does not know of HTTP/2. What is seen first, its answer or its end, is a matter of time.
    let older = Faulty::saying("HTTP/1.1 505 HTTP Version Not Supported\r\n\r\n").await;
    let mut settings = at(&format!("http://{}", older.address));
    settings.http2_only = true;
    let host = start(&cx, settings).await;
    assert_eq!(host.get("/proxy/faulty/").await.status, 502);
}
