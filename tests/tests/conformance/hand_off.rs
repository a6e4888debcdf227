//! Clients that guests hand to a backend: a real websocket client, and a real websocket server.

use std::net::SocketAddr;

use conformance::cases;
use conformance::context::Context;
use conformance::guests::RAW;
use conformance::host::TestHost;
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
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
];

/// A websocket server that says first what it was asked for, and then what it is told.
pub(crate) async fn server() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await;
    let listener = listener.expect("this machine has a loopback interface");
    let address = listener.local_addr().expect("a listener has an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

async fn serve(stream: TcpStream) {
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

pub(crate) type Socket = tokio_tungstenite::WebSocketStream<TcpStream>;

pub(crate) async fn connect(address: SocketAddr, path: &str) -> Result<Socket, Error> {
    let stream = TcpStream::connect(address).await?;
    let (socket, _) = client_async(format!("ws://example.org{path}"), stream).await?;
    Ok(socket)
}

async fn text(socket: &mut Socket) -> String {
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
