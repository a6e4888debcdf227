//! A program for Compute as a part of an axum application: some routes are the application's own, all others the
//! program's. So are the program's backends: its `origin` is another axum router, without a socket between them.
//!
//! ```sh
//! cargo run --example axum            # serves on a free port until it has answered itself
//! ```

use axum::Router;
use axum::extract::ConnectInfo;
use axum::middleware::map_request;
use axum::routing::get;
use fastlike::{ConnectionAddresses, Host};
use http::Request;
use std::error::Error;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A guest that is part of this repository: `/proxy/origin/x` asks the backend `origin` for `/x`.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/guests/routes.wasm");

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let origin = Router::new().route("/x", get(async || "hello from the origin"));
    let host = Host::builder()
        .program(PROGRAM)
        .backend_service("origin", origin)
        .build()
        .await?;
    // The first client should not wait for what happens only once.
    let warm_up = Request::get("http://localhost/hello").body(String::new())?;
    host.warm_up(warm_up).await;

    let application = Router::new()
        .route("/health", get(async || "fine"))
        .fallback_service(host.clone())
        .layer(map_request(tell_addresses));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let application = application.into_make_service_with_connect_info::<SocketAddr>();
    let serving = tokio::spawn(async move { axum::serve(listener, application).await });

    assert_eq!(ask(address, "/health").await?, "fine");
    let proxied = ask(address, "/proxy/origin/x").await?;
    assert_eq!(proxied, "hello from the origin");
    println!("http://{address}/proxy/origin/x answers: {proxied}");

    serving.abort();
    // Guests may work on after their answers.
    host.finish().await;
    Ok(())
}

/// Tells the guest who its client is.
async fn tell_addresses(
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    mut request: axum::extract::Request,
) -> axum::extract::Request {
    let server = SocketAddr::from(([127, 0, 0, 1], 80));
    let addresses = ConnectionAddresses { client, server };
    request.extensions_mut().insert(addresses);
    request
}

/// The body of the answer to `GET path`.
async fn ask(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body);
    Ok(body.unwrap_or_default().to_owned())
}
