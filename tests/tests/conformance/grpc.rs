//! gRPC: a client and a server made with tonic, at both ends of a guest that passes on what it gets.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use conformance::cases;
use conformance::certificates::Authority;
use conformance::context::Context;
use conformance::guests::ROUTES;
use conformance::host::TestHost;
use fastlike::{BackendSettings, ServerTls};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use http::uri::PathAndQuery;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tonic::{Code, IntoRequest, Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

cases![
    unary_calls,
    a_failure_comes_with_its_status,
    a_stream_of_answers,
    streams_both_ways_at_the_same_time,
    with_tls_at_both_ends,
];

/// `message Text { string text = 1; }`
#[derive(Clone, PartialEq, prost::Message)]
struct Text {
    #[prost(string, tag = "1")]
    text: String,
}

fn text(text: &str) -> Text {
    Text {
        text: text.to_owned(),
    }
}

/// `service Echo`, as it would be generated.
#[derive(Clone)]
struct Echo;

/// `rpc Once(Text) returns (Text)`
struct Once;

/// `rpc Often(Text) returns (stream Text)`
struct Often;

/// `rpc Talk(stream Text) returns (stream Text)`
struct Talk;

impl tonic::server::UnaryService<Text> for Once {
    type Response = Text;
    type Future = BoxFuture<'static, Result<Response<Text>, Status>>;

    fn call(&mut self, request: Request<Text>) -> Self::Future {
        let seen = request.metadata().get("x-client").cloned();
        let outcome = match request.into_inner().text.as_str() {
            "fail" => Err(Status::failed_precondition("not today")),
            other => {
                let mut response = Response::new(text(&format!("once {other}")));
                if let Some(seen) = seen {
                    response.metadata_mut().insert("x-seen", seen);
                }
                Ok(response)
            }
        };
        std::future::ready(outcome).boxed()
    }
}

type Texts = BoxStream<'static, Result<Text, Status>>;

impl tonic::server::ServerStreamingService<Text> for Often {
    type Response = Text;
    type ResponseStream = Texts;
    type Future = BoxFuture<'static, Result<Response<Texts>, Status>>;

    fn call(&mut self, request: Request<Text>) -> Self::Future {
        let asked = request.into_inner().text;
        let answers = (0..3).map(move |number| Ok(text(&format!("{asked} {number}"))));
        let end = futures_util::stream::once(async { Err(Status::aborted("three are enough")) });
        let answers = futures_util::stream::iter(answers).chain(end).boxed();
        std::future::ready(Ok(Response::new(answers))).boxed()
    }
}

impl tonic::server::StreamingService<Text> for Talk {
    type Response = Text;
    type ResponseStream = Texts;
    type Future = BoxFuture<'static, Result<Response<Texts>, Status>>;

    fn call(&mut self, request: Request<Streaming<Text>>) -> Self::Future {
        let heard = request.into_inner();
        let answers = heard.map_ok(|heard| text(&format!("heard {}", heard.text)));
        std::future::ready(Ok(Response::new(answers.boxed()))).boxed()
    }
}

impl tower_service::Service<http::Request<hyper::body::Incoming>> for Echo {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<hyper::body::Incoming>) -> Self::Future {
        async move {
            let mut server = tonic::server::Grpc::new(ProstCodec::<Text, Text>::default());
            Ok(match request.uri().path() {
                "/test.Echo/Once" => server.unary(Once, request).await,
                "/test.Echo/Often" => server.server_streaming(Often, request).await,
                "/test.Echo/Talk" => server.streaming(Talk, request).await,
                _ => Status::unimplemented("no such method").into_http(),
            })
        }
        .boxed()
    }
}

/// A server of [`Echo`] that speaks HTTP/2, over TLS where there is something for it.
async fn server(tls: Option<rustls::ServerConfig>) -> std::net::SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await;
    let listener = listener.expect("this machine has a loopback interface");
    let address = listener.local_addr().expect("a listener has an address");
    let tls = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let tls = tls.clone();
            tokio::spawn(async move {
                let server = auto::Builder::new(TokioExecutor::new()).http2_only();
                let service = TowerToHyperService::new(Echo);
                // Whoever leaves early has its reasons.
                match tls {
                    None => drop(server.serve_connection(TokioIo::new(stream), service).await),
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            drop(server.serve_connection(TokioIo::new(stream), service).await);
                        }
                    }
                }
            });
        }
    });
    address
}

type Transport = legacy::Client<HttpsConnector<HttpConnector>, tonic::body::Body>;

/// A client whose calls go through the guest of a host.
struct Client(tonic::client::Grpc<Transport>);

impl Client {
    fn new(host: &TestHost, trusted: &rustls::RootCertStore) -> Self {
        let provider = rustls::crypto::ring::default_provider().into();
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider speaks these versions")
            .with_root_certificates(trusted.clone())
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http2()
            .build();
        let mut builder = legacy::Client::builder(TokioExecutor::new());
        let transport = builder.http2_only(true).build(connector);
        let scheme = if trusted.is_empty() { "http" } else { "https" };
        let origin = format!("{scheme}://{}/proxy/grpc", host.address);
        let origin = origin.parse().expect("an address and a path make a URI");
        Self(tonic::client::Grpc::with_origin(transport, origin))
    }

    async fn once(&mut self, request: impl IntoRequest<Text>) -> Result<Response<Text>, Status> {
        self.0.ready().await.expect("a client is always ready");
        let path = PathAndQuery::from_static("/test.Echo/Once");
        self.0
            .unary(request.into_request(), path, ProstCodec::default())
            .await
    }

    async fn often(&mut self, asked: &str) -> Result<Streaming<Text>, Status> {
        self.0.ready().await.expect("a client is always ready");
        let path = PathAndQuery::from_static("/test.Echo/Often");
        let codec = ProstCodec::<Text, Text>::default();
        let answers = self
            .0
            .server_streaming(Request::new(text(asked)), path, codec);
        Ok(answers.await?.into_inner())
    }

    async fn talk(&mut self) -> Result<(mpsc::Sender<Text>, Streaming<Text>), Status> {
        self.0.ready().await.expect("a client is always ready");
        let path = PathAndQuery::from_static("/test.Echo/Talk");
        let (say, mut said) = mpsc::channel(1);
        let said = futures_util::stream::poll_fn(move |cx| said.poll_recv(cx));
        let codec = ProstCodec::<Text, Text>::default();
        let answers = self.0.streaming(Request::new(said), path, codec).await?;
        Ok((say, answers.into_inner()))
    }
}

/// A host without TLS, and a client of it.
async fn start(cx: &Context) -> (TestHost, Client) {
    let url = format!("http://{}", server(None).await);
    let mut settings = BackendSettings::new(url.parse().expect("this is a URL"));
    settings.http2_only = true;
    let host = cx.host(ROUTES);
    let host = host.configure(|builder| builder.backend_with("grpc", settings));
    let host = host.start().await;
    let client = Client::new(&host, &rustls::RootCertStore::empty());
    (host, client)
}

async fn unary_calls(cx: Context) {
    let (_host, mut client) = start(&cx).await;
    let mut request = Request::new(text("hello"));
    let value = "of the client".parse().expect("this is text");
    request.metadata_mut().insert("x-client", value);
    let answer = client.once(request).await.expect("the call succeeds");
    let seen = answer.metadata().get("x-seen");
    assert_eq!(seen.expect("it was passed on"), "of the client");
    assert_eq!(answer.get_ref().text, "once hello");
    let long = "x".repeat(1024 * 1024);
    let answer = client.once(text(&long)).await.expect("the call succeeds");
    assert_eq!(answer.get_ref().text.len(), long.len() + 5);
}

async fn a_failure_comes_with_its_status(cx: Context) {
    let (_host, mut client) = start(&cx).await;
    // A response of trailers alone.
    let status = client.once(text("fail")).await.expect_err("it fails");
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(status.message(), "not today");
    // The connection is fine.
    assert!(client.once(text("hello")).await.is_ok());
}

async fn a_stream_of_answers(cx: Context) {
    let (_host, mut client) = start(&cx).await;
    let mut answers = client.often("answer").await.expect("the call succeeds");
    for number in 0..3 {
        let answer = answers.message().await.expect("there is one more");
        assert_eq!(answer, Some(text(&format!("answer {number}"))));
    }
    // The status is in the trailers, behind the messages.
    let status = answers.message().await.expect_err("it fails in the end");
    assert_eq!(
        (status.code(), status.message()),
        (Code::Aborted, "three are enough")
    );
}

async fn streams_both_ways_at_the_same_time(cx: Context) {
    let (_host, mut client) = start(&cx).await;
    talk(&mut client).await;
}

async fn talk(client: &mut Client) {
    let (say, mut answers) = client.talk().await.expect("the call succeeds");
    for word in ["one", "two", "three"] {
        say.send(text(word)).await.expect("the call goes on");
        // Each is answered before the next one is said.
        let answer = answers.message().await.expect("it is answered");
        assert_eq!(answer, Some(text(&format!("heard {word}"))));
    }
    drop(say);
    assert_eq!(answers.message().await.expect("it ends well"), None);
}

async fn with_tls_at_both_ends(cx: Context) {
    let authority = Authority::new("everyone");
    let signed = authority.sign("127.0.0.1");
    let url = format!("https://{}", server(Some(signed.server(&["h2"]))).await);
    let mut settings = BackendSettings::new(url.parse().expect("this is a URL"));
    settings.tls.authorities = Some(vec![authority.certificate()]);
    // HTTP/2 by agreement, and by prior knowledge, which asks for trailers.
    let mut demanding = settings.clone();
    demanding.http2_only = true;
    for settings in [settings, demanding] {
        let tls = ServerTls::from_pem(signed.chain.as_bytes(), signed.key.as_bytes(), None);
        let tls = tls.expect("certificate and key belong together");
        let host = cx.host(ROUTES);
        let host = host.configure(|builder| builder.backend_with("grpc", settings).tls(tls));
        let host = host.start().await;
        let mut client = Client::new(&host, &authority.roots());
        let answer = client.once(text("hello")).await.expect("the call succeeds");
        assert_eq!(answer.get_ref().text, "once hello");
        let status = client.once(text("fail")).await.expect_err("it fails");
        assert_eq!(status.message(), "not today");
        talk(&mut client).await;
    }
}
