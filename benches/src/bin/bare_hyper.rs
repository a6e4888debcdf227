//! What the HTTP library alone makes of the same load: no guest, no ABI. It shows how much of a host's time is the
//! network's, and so how fast a host can be at most.
//!
//! `bare-hyper ADDRESS BACKEND`: paths that begin with `/proxy/` are passed to the backend, everything else is answered
//! at once.

use std::convert::Infallible;
use std::env;
use std::error::Error;

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

/// The allocator of the program that it is compared with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Body = BoxBody<Bytes, hyper::Error>;
type Backends = Client<HttpConnector, Incoming>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let usage = "usage: bare-hyper ADDRESS BACKEND";
    let address = arguments.next().ok_or(usage)?;
    let backend: Authority = arguments.next().ok_or(usage)?.parse()?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let listener = TcpListener::bind(address).await?;
    loop {
        let (connection, _) = listener.accept().await?;
        connection.set_nodelay(true)?;
        let (client, backend) = (client.clone(), backend.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let (client, backend) = (client.clone(), backend.clone());
                async move { Ok::<_, Infallible>(answer(&client, backend, request).await) }
            });
            // A client that leaves ends its connection, and that is all there is to say about it.
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(connection), service)
                .await;
        });
    }
}

async fn answer(
    client: &Backends,
    backend: Authority,
    request: Request<Incoming>,
) -> Response<Body> {
    if !request.uri().path().starts_with("/proxy/") {
        return Response::new(text("Hello from Compute\n"));
    }
    match pass(client, backend, request).await {
        Ok(response) => response.map(BodyExt::boxed),
        Err(error) => {
            let mut response = Response::new(text(&format!("{error}\n")));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        }
    }
}

async fn pass(
    client: &Backends,
    backend: Authority,
    mut request: Request<Incoming>,
) -> Result<Response<Incoming>, Box<dyn Error + Send + Sync>> {
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(backend)
        .path_and_query(path.unwrap_or(PathAndQuery::from_static("/")))
        .build()?;
    Ok(client.request(request).await?)
}

fn text(text: &str) -> Body {
    Full::from(text.to_owned())
        .map_err(|never: Infallible| match never {})
        .boxed()
}
