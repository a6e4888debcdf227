//! `Expect: 100-continue`: clients that wait to be asked for the body (RFC 9110 section 10.1.1).
//!
//! The HTTP library asks for the body when somebody reads it first: the guest, or the backend that the guest passes it
//! on to. A guest that answers before has no use for it, and the client is not asked. It may send the body all the same,
//! or not, and only it knows which, so that the connection ends with such an answer. The answer says so.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use http::header::{CONNECTION, EXPECT, HeaderValue};
use http::{Request, Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};

/// Whether a client that waits to be asked for its body was asked; `None` when it does not wait.
#[derive(Clone, Debug)]
pub(super) struct Expectation(Option<Arc<AtomicBool>>);

impl Expectation {
    /// What the client of a request expects, and the request with a body that notes when it is read.
    ///
    /// On HTTP/2 a stream is no more than one request, and its end is that of no other.
    pub(super) fn of<B: Body>(request: Request<B>) -> (Self, Request<NotedBody<B>>) {
        let waits = request.version() == Version::HTTP_11
            && !request.body().is_end_stream()
            && request
                .headers()
                .get(EXPECT)
                .is_some_and(|expected| expected.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        let expectation = Self(waits.then(Arc::default));
        let noted = expectation.clone();
        let request = request.map(|body| NotedBody {
            body,
            expectation: noted,
        });
        (expectation, request)
    }

    /// Has the connection end with a response that the client gets in place of being asked for its body.
    pub(super) fn settle<B>(&self, response: &mut Response<B>) {
        let asked = self.0.as_ref();
        let is_final = response.status() != StatusCode::SWITCHING_PROTOCOLS;
        if is_final && asked.is_some_and(|asked| !asked.load(Ordering::Relaxed)) {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
    }
}

/// The body of a request, which notes when it is read.
pub(super) struct NotedBody<B> {
    body: B,
    expectation: Expectation,
}

impl<B: Body + Unpin> Body for NotedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        if let Some(asked) = &self.expectation.0 {
            asked.store(true, Ordering::Relaxed);
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http_body_util::{BodyExt, Full};

    async fn settled(expected: Option<&'static str>, version: Version, read: bool) -> bool {
        let mut request = Request::post("/").version(version);
        if let Some(expected) = expected {
            request = request.header(EXPECT, expected);
        }
        let body = Full::new(Bytes::from_static(b"body"));
        let (expectation, request) = Expectation::of(request.body(body).unwrap());
        if read {
            request.into_body().frame().await.unwrap().unwrap();
        }
        let mut response = Response::new(());
        expectation.settle(&mut response);
        response.headers().contains_key(CONNECTION)
    }

    #[tokio::test]
    async fn a_connection_ends_when_nobody_asked_for_the_body() {
        let waiting = Some("100-Continue");
        assert!(settled(waiting, Version::HTTP_11, false).await);
        assert!(!settled(waiting, Version::HTTP_11, true).await);
        assert!(!settled(None, Version::HTTP_11, false).await);
        assert!(!settled(Some("other"), Version::HTTP_11, false).await);
        assert!(!settled(waiting, Version::HTTP_2, false).await);
        assert!(!settled(waiting, Version::HTTP_10, false).await);
    }
}
