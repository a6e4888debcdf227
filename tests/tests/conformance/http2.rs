//! Clients that speak HTTP/2: by prior knowledge, and over TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use conformance::cases;
use conformance::client::{Answer, Content, request};
use conformance::context::Context;
use conformance::guests::RAW;
use conformance::host::TestHost;
use fastlike::ServerTls;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body::Frame;
use http_body_util::StreamBody;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::counterparts::{curl, find};

cases![
    the_fingerprint_is_how_the_client_begins,
    the_fingerprint_of_curl,
    there_is_no_fingerprint_of_http1,
    trailers_of_a_request,
    trailers_of_a_response,
    trailers_of_a_request_in_chunks,
    curl_gets_trailers,
];

type Certified = rcgen::CertifiedKey<rcgen::KeyPair>;

/// A host that speaks TLS too, and its certificate.
async fn start(cx: &Context) -> (TestHost, Certified) {
    let names = ["localhost".to_owned()];
    let made = rcgen::generate_simple_self_signed(names);
    let made = made.expect("there is randomness for a key");
    let tls = ServerTls::from_pem(
        made.cert.pem().as_bytes(),
        made.signing_key.serialize_pem().as_bytes(),
        None,
    );
    let tls = tls.expect("certificate and key belong together");
    let host = cx.host(RAW).configure(|builder| builder.tls(tls));
    (host.start().await, made)
}

fn builder() -> Builder<TokioExecutor> {
    Builder::new(TokioExecutor::new())
}

async fn plain(address: SocketAddr, builder: &Builder<TokioExecutor>) -> SendRequest<Content> {
    let stream = TcpStream::connect(address).await;
    begin(stream.expect("a host listens"), builder).await
}

async fn encrypted(
    address: SocketAddr,
    server: &Certified,
    builder: &Builder<TokioExecutor>,
) -> SendRequest<Content> {
    let mut roots = RootCertStore::empty();
    let added = roots.add(server.cert.der().clone());
    added.expect("a certificate that was made is one");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("there are versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(address).await.expect("a host listens");
    let name = ServerName::try_from("localhost").expect("this is a name");
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name, stream).await;
    begin(stream.expect("it is trusted"), builder).await
}

async fn begin<S>(stream: S, builder: &Builder<TokioExecutor>) -> SendRequest<Content>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (client, connection) = builder
        .handshake(TokioIo::new(stream))
        .await
        .expect("the host speaks HTTP/2");
    tokio::spawn(connection);
    client
}

/// Over both kinds of connections.
async fn both(
    host: &TestHost,
    server: &Certified,
    builder: &Builder<TokioExecutor>,
) -> [SendRequest<Content>; 2] {
    [
        plain(host.address, builder).await,
        encrypted(host.address, server, builder).await,
    ]
}

async fn fetch(client: &mut SendRequest<Content>, mut request: Request<Content>) -> Answer {
    let uri = format!("https://localhost{}", request.uri());
    *request.uri_mut() = uri.parse().expect("a path makes a URI");
    let response = client.send_request(request).await;
    Answer::gather(response.expect("the host answers")).await
}

fn fingerprint(text: &str) -> &str {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("downstream_client_h2_fingerprint: "));
    line.expect("the guest asks for it")
}

/// The client says what it was told to say, in the order of the numbers of settings, and its fields in the order of its
/// library.
async fn the_fingerprint_is_how_the_client_begins(cx: Context) {
    let (host, server) = start(&cx).await;
    let mut first = builder();
    first
        .initial_stream_window_size(1_000_000)
        .initial_connection_window_size(3_000_000)
        .max_frame_size(20_000)
        .max_header_list_size(50_000)
        .header_table_size(2048);
    let mut second = builder();
    second
        .initial_stream_window_size(70_000)
        .initial_connection_window_size(65_535)
        .max_frame_size(16_384)
        .max_header_list_size(16_384);
    for (client, settings, window) in [
        (
            &first,
            "1:2048;2:0;4:1000000;5:20000;6:50000",
            3_000_000 - 65_535,
        ),
        (&second, "2:0;4:70000;5:16384;6:16384", 0),
    ] {
        let window = match window {
            0 => "00".to_owned(),
            window => window.to_string(),
        };
        let expected = format!("{settings}|{window}|0|m,s,a,p");
        for mut connection in both(&host, &server, client).await {
            for path in ["/raw/identity", "/raw/identity-earlier"] {
                let answer = fetch(&mut connection, request("GET", path, "")).await;
                assert_eq!(fingerprint(&answer.ok_text()), expected);
            }
        }
    }
}

async fn the_fingerprint_of_curl(cx: Context) {
    if find(&["curl"]).is_none() {
        return;
    }
    let (host, _) = start(&cx).await;
    let encrypted = format!("https://{}/raw/identity", host.address);
    let plain = format!("http://{}/raw/identity", host.address);
    let mut seen = Vec::new();
    for arguments in [
        ["--http2", "--insecure", &encrypted],
        ["--http2-prior-knowledge", "--insecure", &plain],
    ] {
        let text = curl(&arguments).await;
        seen.push(fingerprint(&text).to_owned());
    }
    assert_eq!(seen[0], seen[1]);
    let parts: Vec<_> = seen[0].split('|').collect();
    let [settings, window, priorities, fields] = parts[..] else {
        panic!("{seen:?}");
    };
    // It wants no pushes, has a large window, and knows no priorities; all that in whatever version it is.
    assert!(
        settings.split(';').any(|setting| setting == "2:0"),
        "{seen:?}"
    );
    let window: u32 = window.parse().expect("this is a number");
    assert!(window > 65_535, "{seen:?}");
    assert_eq!(priorities, "0");
    let mut fields: Vec<_> = fields.split(',').collect();
    assert_eq!(fields[0], "m", "{seen:?}");
    fields.sort_unstable();
    assert_eq!(fields, ["a", "m", "p", "s"]);
}

async fn there_is_no_fingerprint_of_http1(cx: Context) {
    let (host, _) = start(&cx).await;
    let text = host.text("/raw/identity").await;
    assert_eq!(fingerprint(&text), "status 10");
}

/// A body in two pieces, with trailers behind them.
fn with_trailers() -> Content {
    let mut trailers = HeaderMap::new();
    for (name, value) in [("x-checksum", "42"), ("x-many", "1"), ("x-many", "2")] {
        let name = HeaderName::from_static(name);
        trailers.append(name, HeaderValue::from_static(value));
    }
    let frames = [
        Frame::data(Bytes::from_static(b"one ")),
        Frame::data(Bytes::from_static(b"two")),
        Frame::trailers(trailers),
    ];
    let frames = frames.map(Ok::<_, std::convert::Infallible>);
    Content::of(StreamBody::new(futures_util::stream::iter(frames)))
}

/// What the guest says of the request above.
const TRAILERS: &str = "one two\nx-checksum: 42\nx-many: 1\nx-many: 2\n";

async fn trailers_of_a_request(cx: Context) {
    let (host, server) = start(&cx).await;
    for mut connection in both(&host, &server, &builder()).await {
        let request = request("POST", "/raw/request-trailers", with_trailers());
        let answer = fetch(&mut connection, request).await;
        assert_eq!(answer.ok_text(), TRAILERS);
        // Where there are none, there are none.
        let request = conformance::client::request("POST", "/raw/request-trailers", "content");
        let answer = fetch(&mut connection, request).await;
        assert_eq!(answer.ok_text(), "content\n");
    }
}

async fn trailers_of_a_request_in_chunks(cx: Context) {
    let (host, _) = start(&cx).await;
    let mut wire = host.connect().await;
    wire.send(
        "POST /raw/request-trailers HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\
         transfer-encoding: chunked\r\ntrailer: x-checksum, x-many\r\n\r\n\
         4\r\none \r\n3\r\ntwo\r\n0\r\nX-Checksum: 42\r\nx-many: 1\r\nx-many: 2\r\n\r\n",
    )
    .await;
    let received = wire.read_to_end().await;
    assert!(
        received.ends_with(&format!("\r\n\r\n{TRAILERS}")),
        "{received}"
    );
}

async fn trailers_of_a_response(cx: Context) {
    let (host, server) = start(&cx).await;
    for mut connection in both(&host, &server, &builder()).await {
        let request = request("GET", "/raw/streaming-trailers", "");
        let answer = fetch(&mut connection, request).await;
        assert_eq!(answer.header("trailer"), "x-checksum");
        assert_eq!(answer.trailers["x-checksum"], "42");
        assert_eq!(answer.ok_text(), "content");
    }
}

async fn curl_gets_trailers(cx: Context) {
    if find(&["curl"]).is_none() {
        return;
    }
    let (host, _) = start(&cx).await;
    let folder = tempfile::tempdir().expect("there is room for files");
    let fields = folder.path().join("fields");
    let path = fields.to_str().expect("folders for tests are text");
    for (version, scheme) in [
        ("--http1.1", "http"),
        ("--http1.1", "https"),
        ("--http2-prior-knowledge", "http"),
        ("--http2", "https"),
    ] {
        let url = format!("{scheme}://{}/raw/streaming-trailers", host.address);
        // On HTTP/1.1 trailers are for those who say that they take them: RFC 9110 section 6.5.1.
        let options = [version, "--insecure", "--header", "TE: trailers"];
        let content = curl(&[&options[..], &["--dump-header", path, &url]].concat()).await;
        assert_eq!(content, "content", "{version} {scheme}");
        let written = std::fs::read_to_string(&fields).expect("curl has written it");
        let (head, behind) = written.split_once("\r\n\r\n").expect("the head ends");
        // The name alone stands in `trailer`; a bare `42` could be of the date.
        assert!(!head.contains("x-checksum: 42"), "{written}");
        assert_eq!(behind.trim(), "x-checksum: 42", "{version} {scheme}");
    }
    let url = format!("http://{}/raw/streaming-trailers", host.address);
    let raw = curl(&["--raw", "--http1.1", "--header", "TE: trailers", &url]).await;
    assert_eq!(raw, "7\r\ncontent\r\n0\r\nx-checksum: 42\r\n\r\n");
}
