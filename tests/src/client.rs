//! Clients that speak HTTP.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Uri, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinHandle;

pub use crate::content::Content;

/// A client. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Client(legacy::Client<HttpConnector, Content>);

impl Client {
    /// A client for HTTP/1.1.
    #[must_use]
    pub fn http1() -> Self {
        Self(legacy::Client::builder(TokioExecutor::new()).build_http())
    }

    /// A client for HTTP/2 by prior knowledge.
    #[must_use]
    pub fn http2() -> Self {
        let mut builder = legacy::Client::builder(TokioExecutor::new());
        Self(builder.http2_only(true).build_http())
    }

    /// Sends a request, whose URI needs no more than a path, to an address.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub async fn send(
        &self,
        address: SocketAddr,
        mut request: Request<Content>,
    ) -> Result<Response<Incoming>, legacy::Error> {
        *request.uri_mut() = absolute(address, request.uri());
        self.0.request(request).await
    }

    /// Begins to send a request.
    #[must_use]
    pub fn begin(&self, address: SocketAddr, request: Request<Content>) -> Begun {
        let client = self.clone();
        Begun(tokio::spawn(
            async move { client.send(address, request).await },
        ))
    }

    /// Sends a request, and gives its answer as a whole.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub async fn fetch(&self, address: SocketAddr, request: Request<Content>) -> Answer {
        match self.send(address, request).await {
            Ok(response) => Answer::gather(response).await,
            Err(error) => panic!("there is no answer: {error:?}"),
        }
    }
}

/// A request that is on its way while the test does something else. Whoever drops it leaves it on its way.
#[derive(Debug)]
pub struct Begun(JoinHandle<Result<Response<Incoming>, legacy::Error>>);

impl Begun {
    /// Waits for the answer.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub async fn answer(self) -> Answer {
        match self.0.await.expect("the client does not panic") {
            Ok(response) => Answer::gather(response).await,
            Err(error) => panic!("there is no answer: {error:?}"),
        }
    }

    /// Leaves.
    pub fn leave(self) {
        self.0.abort();
    }
}

fn absolute(address: SocketAddr, path: &Uri) -> Uri {
    let uri = format!("http://{address}{path}");
    uri.parse().expect("an address and a path make a URI")
}

/// A request for a path.
///
/// # Panics
///
/// When method or path are not valid.
#[must_use]
pub fn request(method: &str, path: &str, body: impl Into<Content>) -> Request<Content> {
    let request = Request::builder().method(method).uri(path);
    let request = request.body(body.into());
    request.expect("tests ask for valid paths")
}

/// A response with all of its body.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The version of HTTP.
    pub version: Version,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The trailers.
    pub trailers: HeaderMap,
}

impl Answer {
    /// Reads a response to its end.
    ///
    /// # Panics
    ///
    /// When the body is broken off.
    pub async fn gather(response: Response<Incoming>) -> Self {
        let (parts, body) = response.into_parts();
        let body = match body.collect().await {
            Ok(body) => body,
            Err(error) => panic!("the body of the answer breaks off: {error:?}"),
        };
        Self {
            status: parts.status,
            version: parts.version,
            headers: parts.headers,
            trailers: body.trailers().cloned().unwrap_or_default(),
            body: body.to_bytes(),
        }
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as text, of an answer that has to be 200.
    ///
    /// # Panics
    ///
    /// When it is not.
    #[must_use]
    #[track_caller]
    pub fn ok_text(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.text());
        self.text()
    }

    /// The one value of a header; empty when there is none.
    ///
    /// # Panics
    ///
    /// When there is more than one.
    #[must_use]
    #[track_caller]
    pub fn header(&self, name: &str) -> String {
        let values = self.header_values(name);
        assert!(values.len() < 2, "{name}: {values:?}");
        values.concat()
    }

    /// All values of a header.
    #[must_use]
    pub fn header_values(&self, name: &str) -> Vec<String> {
        let values = self.headers.get_all(name).iter();
        values
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect()
    }
}

/// The next piece of a body.
///
/// # Panics
///
/// When there is none.
pub async fn next_piece(body: &mut Incoming) -> Bytes {
    loop {
        match body.frame().await {
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return data;
                }
            }
            Some(Err(error)) => panic!("the body breaks off: {error:?}"),
            None => panic!("the body ends too early"),
        }
    }
}
