//! Clients that guests hand to a backend: a real websocket client, and a real websocket server.

use std::net::SocketAddr;
use std::sync::Arc;

use conformance::cases;
use conformance::certificates::Authority;
use conformance::context::Context;
use conformance::faulty::listen;
use conformance::guests::{RAW, ROUTES};
use conformance::host::TestHost;
use fastlike::{BackendSettings, Dictionary, ServerTls};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{accept_hdr_async, client_async};

use crate::raw::World;

cases![
    a_websocket_is_joined_with_its_backend,
    a_request_of_the_guest_keeps_what_the_connection_is,
    a_backend_may_answer_in_place_of_upgrading,
    a_backend_that_is_not_there_is_told,
    the_host_ends_in_spite_of_open_websockets,
    the_grip_proxy_is_told_the_backend,
    a_websocket_is_encrypted_on_both_sides,
    a_websocket_may_go_to_a_backend_of_the_guest,
];

/// A websocket server that says first what it was asked for, and then what it is told.
pub(crate) async fn server() -> SocketAddr {
    websocket_server(None).await
}

/// The same over TLS, without HTTP/2, as websocket servers are.
async fn encrypted_server(authority: &Authority) -> SocketAddr {
    let config = authority.sign("127.0.0.1").server(&["http/1.1"]);
    websocket_server(Some(TlsAcceptor::from(Arc::new(config)))).await
}

async fn websocket_server(tls: Option<TlsAcceptor>) -> SocketAddr {
    listen(move |stream| {
        let tls = tls.clone();
        async move {
            match tls {
                None => serve(stream).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream).await;
                    }
                }
            }
        }
    })
    .await
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut asked = String::new();
    #[allow(clippy::result_large_err, reason = "the library's signature")]
    let note = |request: &Request, response: Response| {
        let header = |name: &str| {
            let value = request.headers().get(name);
            value.map_or(String::new(), |value| {
                value.to_str().unwrap_or("?").to_owned()
            })
        };
        asked = format!(
            "{} made={} route={} loop={}",
            request.uri().path(),
            header("x-made"),
            header("pushpin-route"),
            header("cdn-loop").starts_with("fastlike-"),
        );
        Ok(response)
    };
    let Ok(mut socket) = accept_hdr_async(stream, note).await else {
        return;
    };
    if socket.send(Message::text(asked)).await.is_err() {
        return;
    }
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() || message.is_binary() {
            let _ = socket.send(message).await;
        }
    }
}

pub(crate) type Socket<S = TcpStream> = tokio_tungstenite::WebSocketStream<S>;

pub(crate) async fn connect(address: SocketAddr, path: &str) -> Result<Socket, Error> {
    let stream = TcpStream::connect(address).await?;
    let (socket, _) = client_async(format!("ws://example.org{path}"), stream).await?;
    Ok(socket)
}

async fn text<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut Socket<S>) -> String {
    let message = socket.next().await.expect("the connection is open");
    let message = message.expect("the server speaks websocket");
    message.into_text().expect("it is text").to_string()
}

async fn start(cx: &Context) -> TestHost {
    let address = server().await;
    cx.host(RAW).backend("chat", address).start().await
}

async fn a_websocket_is_joined_with_its_backend(cx: Context) {
    let host = start(&cx).await;
    let mut socket = connect(host.address, "/raw/websocket/chat")
        .await
        .expect("it is upgraded");
    assert_eq!(
        text(&mut socket).await,
        "/raw/websocket/chat made= route= loop=true"
    );
    let large = "x".repeat(1024 * 1024);
    for message in ["hello", large.as_str()] {
        socket
            .send(Message::text(message))
            .await
            .expect("the connection is open");
        assert_eq!(text(&mut socket).await, message);
    }
    socket.close(None).await.expect("the connection is open");
    while let Some(Ok(_)) = socket.next().await {}
}

async fn a_request_of_the_guest_keeps_what_the_connection_is(cx: Context) {
    let host = start(&cx).await;
    let mut socket = connect(host.address, "/raw/websocket-v2/chat")
        .await
        .expect("it is upgraded");
    assert_eq!(
        text(&mut socket).await,
        "/made made=by the guest route= loop=true"
    );
}

async fn a_backend_may_answer_in_place_of_upgrading(cx: Context) {
    let world = World::start().await;
    let host = world.of(cx.host(RAW)).start().await;
    let Err(Error::Http(answer)) = connect(host.address, "/raw/websocket/origin").await else {
        panic!("the origin speaks no websocket");
    };
    assert_eq!(answer.status(), 404);
    assert_eq!(host.get("/raw/websocket-v2/origin").await.status, 404);
    assert_eq!(host.get("/raw/websocket/unknown").await.text(), "status 2");
}

async fn a_backend_that_is_not_there_is_told(cx: Context) {
    let world = World::start().await;
    let host = world.of(cx.host(RAW)).start().await;
    assert_eq!(host.get("/raw/websocket/refused").await.status, 502);
}

async fn the_host_ends_in_spite_of_open_websockets(cx: Context) {
    let host = start(&cx).await;
    let mut socket = connect(host.address, "/raw/websocket/chat")
        .await
        .expect("it is upgraded");
    text(&mut socket).await;
    host.stop().await;
    assert!(!matches!(socket.next().await, Some(Ok(_))));
}

async fn the_grip_proxy_is_told_the_backend(cx: Context) {
    let proxy = server().await;
    let host = cx.host(RAW);
    let host = host
        .configure(|builder| builder.grip_proxy(proxy))
        .start()
        .await;
    let mut socket = connect(host.address, "/raw/grip/any")
        .await
        .expect("it is upgraded");
    assert_eq!(
        text(&mut socket).await,
        "/raw/grip/any made= route=any loop=true"
    );
}

/// Whatever is said comes back.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut Socket<S>) {
    let large = "x".repeat(1024 * 1024);
    for message in ["hello", large.as_str()] {
        socket
            .send(Message::text(message))
            .await
            .expect("the connection is open");
        assert_eq!(text(socket).await, message);
    }
}

async fn a_websocket_is_encrypted_on_both_sides(cx: Context) {
    let authority = Authority::new("everyone");
    let url = format!("https://{}", encrypted_server(&authority).await);
    let mut settings = BackendSettings::new(url.parse().expect("this is a URL"));
    settings.tls.authorities = Some(vec![authority.certificate()]);
    let signed = authority.sign("127.0.0.1");
    let tls = ServerTls::from_pem(signed.chain.as_bytes(), signed.key.as_bytes(), None);
    let tls = tls.expect("certificate and key belong together");
    let host = cx.host(RAW);
    let host = host.configure(|builder| builder.backend_with("chat", settings).tls(tls));
    let host = host.start().await;

    let stream = TcpStream::connect(host.address).await;
    let stream = stream.expect("the host listens");
    let name = "127.0.0.1".try_into().expect("this is an address");
    let stream = TlsConnector::from(Arc::new(authority.client()))
        .connect(name, stream)
        .await
        .expect("the host has a certificate that is trusted");
    let (mut socket, _) = client_async("wss://example.org/raw/websocket/chat", stream)
        .await
        .expect("it is upgraded");
    assert_eq!(
        text(&mut socket).await,
        "/raw/websocket/chat made= route= loop=true"
    );
    talk(&mut socket).await;
}

async fn a_websocket_may_go_to_a_backend_of_the_guest(cx: Context) {
    let authority = Authority::new("servers");
    let certificates = [("ca".to_owned(), authority.pem())];
    let certificates = Dictionary::of_items(certificates).expect("these are valid items");
    let host = cx.host(ROUTES);
    let host = host.configure(|builder| builder.dictionary("certificates", certificates));
    let host = host.start().await;
    let (plain, encrypted) = (server().await, encrypted_server(&authority).await);
    for target in [plain.to_string(), format!("{encrypted}&ca=ca")] {
        let path = format!("/dynamic-websocket?target={target}");
        let mut socket = connect(host.address, &path).await.expect("it is upgraded");
        let asked = text(&mut socket).await;
        assert_eq!(asked, "/dynamic-websocket made= route= loop=true");
        talk(&mut socket).await;
    }
    // Nobody vouches for it.
    let path = format!("/dynamic-websocket?target={encrypted}&cert_host=127.0.0.1");
    let Err(Error::Http(answer)) = connect(host.address, &path).await else {
        panic!("the backend is not trusted");
    };
    assert_eq!(answer.status(), 502);
}
