//! What a program sends to mocked backends.

use std::any::Any;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use abi_core::body::{Body, BodyError, OutgoingBody};
use abi_core::http::{SendError, SendErrorKind};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Request, Uri};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;

use crate::backends::BackendName;

/// A request that a mocked backend got.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SentRequest {
    /// The name of the backend, or the target of one that the program defined itself.
    pub backend: String,
    /// The method.
    pub method: Method,
    /// The URI.
    pub uri: Uri,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body. Of one that the program streams, what the mock has read of it.
    pub body: Bytes,
}

/// Keeps what mocked backends get. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Recorder {
    requests: Arc<Mutex<Vec<Recorded>>>,
    panic: Arc<Mutex<Option<Panic>>>,
}

type Panic = Box<dyn Any + Send>;

/// A request whose body may still arrive.
#[derive(Debug)]
pub(super) struct Recorded {
    request: SentRequest,
    body: Seen,
}

type Seen = Arc<Mutex<BytesMut>>;

impl Recorder {
    /// Notes a request, and gives it on.
    pub(super) async fn record(
        &self,
        request: Request<OutgoingBody>,
    ) -> Result<Request<OutgoingBody>, BodyError> {
        let (parts, body) = request.into_parts();
        let name = parts.extensions.get::<BackendName>();
        let seen = Seen::default();
        lock(&self.requests).push(Recorded {
            request: SentRequest {
                backend: name.map(|name| name.0.clone()).unwrap_or_default(),
                method: parts.method.clone(),
                uri: parts.uri.clone(),
                headers: parts.headers.clone(),
                body: Bytes::new(),
            },
            body: seen.clone(),
        });
        let body = if body.known_length().is_some() {
            // A mock that does not look at it has been sent it all the same.
            whole(body, &seen).await?
        } else {
            let observed = Observed { body, seen };
            OutgoingBody::from(Body::from_stream(Box::pin(observed)))
        };
        Ok(Request::from_parts(parts, body))
    }

    /// Everything since it was last asked.
    pub(super) fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut *lock(&self.requests))
    }

    /// Keeps the first panic of a mock for the test, and gives what the program is told.
    pub(super) fn note_panic(&self, panic: Panic) -> SendError {
        lock(&self.panic).get_or_insert(panic);
        SendError::new(SendErrorKind::InternalError).with_source("the mocked backend panicked")
    }

    /// The panic of a mock, if there was one.
    pub(super) fn take_panic(&self) -> Option<Panic> {
        lock(&self.panic).take()
    }
}

impl Recorded {
    pub(super) fn into_request(mut self) -> SentRequest {
        self.request.body = std::mem::take(&mut *lock(&self.body)).freeze();
        self.request
    }
}

/// What is done while it is held leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn whole(body: OutgoingBody, seen: &Seen) -> Result<OutgoingBody, BodyError> {
    let collected = body.collect().await?;
    let trailers = collected.trailers().cloned();
    let bytes = collected.to_bytes();
    lock(seen).extend_from_slice(&bytes);
    let mut body = Body::from(bytes);
    if let Some(trailers) = trailers {
        *body.trailers_mut() = trailers;
    }
    Ok(body.into())
}

/// A body that notes what is read of it.
struct Observed {
    body: OutgoingBody,
    seen: Seen,
}

impl http_body::Body for Observed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(bytes) = frame.data_ref()
        {
            lock(&self.seen).extend_from_slice(bytes);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
