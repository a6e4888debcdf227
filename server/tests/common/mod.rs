//! Servers on free ports, and the requests that are sent to them.

#![allow(dead_code, reason = "each test program uses a part of it")]

pub mod guest;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use abi_core::body::{Body, OutgoingBody};
use abi_core::http::{BackendRequest, BackendResponse, Destination, RequestHead, SendError};
use abi_core::platform::Backends;
use bytes::Bytes;
use fastlike::BackendSettings;
use fastlike::backends::BackendSet;
use http::{Method, Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;

/// An HTTP server that counts its connections.
pub struct Origin {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Origin {
    /// A server that speaks HTTP/1.1 and HTTP/2, and answers with `answer`.
    pub async fn new<F>(answer: impl Fn(Request<Incoming>) -> F + Clone + Send + 'static) -> Self
    where
        F: Future<Output = Response<OutgoingBody>> + Send + 'static,
    {
        Self::raw(move |stream, _| {
            let answer = answer.clone();
            async move { serve(stream, answer).await }
        })
        .await
    }

    /// A server that does `connection` with each connection, of which it gets the number, from 0.
    pub async fn raw<F>(connection: impl Fn(TcpStream, usize) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = connections.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(connection(stream, number));
            }
        });
        Self {
            address,
            connections,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn settings(&self) -> BackendSettings {
        BackendSettings::new(self.url().parse().unwrap())
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Speaks HTTP on one connection.
pub async fn serve<S, F>(
    stream: S,
    answer: impl Fn(Request<Incoming>) -> F + Clone + Send + 'static,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = Response<OutgoingBody>> + Send + 'static,
{
    let service = service_fn(move |request| {
        let answering = answer(request);
        async move { Ok::<_, Infallible>(answering.await) }
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    // A peer that leaves is what some tests are about.
    drop(
        builder
            .serve_connection(TokioIo::new(stream), service)
            .await,
    );
}

/// Reads the head of a request from a raw connection.
pub async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

/// Writes to a raw connection.
pub async fn write(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

/// A set with one backend, `origin`.
pub fn set(settings: BackendSettings) -> BackendSet {
    BackendSet::new(Handle::current(), [("origin".to_owned(), settings)])
}

/// A request for `origin`.
pub fn request(method: Method, uri: &str, body: impl Into<OutgoingBody>) -> BackendRequest {
    let mut head = RequestHead::new();
    head.method = method;
    head.uri = uri.parse().unwrap();
    BackendRequest {
        destination: Destination::Static("origin".to_owned()),
        head,
        body: body.into(),
        bypass_cache: false,
    }
}

/// Sends `GET /` to `origin`.
pub async fn get(backends: &BackendSet) -> Result<BackendResponse, SendError> {
    let request = request(Method::GET, "http://localhost/", OutgoingBody::empty());
    backends.send(request).await
}

/// The whole of a body.
pub async fn text(mut body: Body) -> String {
    let mut text = Vec::new();
    while let Some(bytes) = body.read(usize::MAX).await.unwrap() {
        text.extend_from_slice(&bytes);
    }
    String::from_utf8(text).unwrap()
}

/// A response with this body.
pub fn response(body: &str) -> Response<OutgoingBody> {
    Response::new(Bytes::copy_from_slice(body.as_bytes()).into())
}
