//! [`AsyncItem`]: everything that `fastly_async_io` can wait for, in one number space.
//!
//! `select` and `is_ready` take a number without a type, so a body, a pending request and whatever else can be waited
//! for must not share numbers. They share a table instead.

use std::fmt;
use std::task::{Context, Poll};

use futures_channel::oneshot;
use futures_util::FutureExt;

use crate::abi::{CacheItem, HttpCacheItem};
use crate::body::{Body, OutgoingBody, StreamingWriter, pipe};
use crate::cache::BodyWriter;
use crate::error::{Error, Result};
use crate::handle::{
    AsyncItemHandle, BodyHandle, Handle, PendingRequestHandle, RequestPromiseHandle, Table,
};
use crate::http::{BackendResponse, HeaderEdits, SendError, SendErrorKind};
use crate::reuse::RequestPromise;
use crate::stores::KvOperation;

/// Something a guest can wait for.
pub enum AsyncItem {
    /// A body to read; ready when a read would not wait.
    Body(Body),
    /// A streaming body to write; ready when a write would not wait.
    Streaming(StreamingWriter),
    /// A request under way; ready when it was answered or has failed.
    PendingRequest(PendingRequest),
    /// An operation of a KV store under way; ready when it has ended.
    Kv(KvOperation),
    /// A lookup in the cache; ready when it need not wait for what others insert.
    Cache(CacheItem),
    /// A lookup of a response in the cache; ready when it need not wait for what others insert.
    HttpCache(Box<HttpCacheItem>),
    /// A further client request that was asked for; ready when it is here, or none will come.
    RequestPromise(RequestPromise),
}

impl AsyncItem {
    /// Waits until the guest can go on with this item. Failures count as ready: the guest has to come and see.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Body(body) => body.poll_ready(cx).map(drop),
            Self::Streaming(writer) => writer.poll_ready(cx).map(drop),
            Self::PendingRequest(pending) => pending.poll_ready(cx),
            Self::Kv(operation) => operation.poll_ready(cx),
            Self::Cache(item) => item.poll_ready(cx),
            Self::HttpCache(item) => item.poll_ready(cx),
            Self::RequestPromise(promise) => promise.poll_ready(cx),
        }
    }
}

impl fmt::Debug for AsyncItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Body(_) => "Body",
            Self::Streaming(_) => "Streaming",
            Self::PendingRequest(_) => "PendingRequest",
            Self::Kv(_) => "Kv",
            Self::Cache(_) => "Cache",
            Self::HttpCache(_) => "HttpCache",
            Self::RequestPromise(_) => "RequestPromise",
        })
    }
}

/// A request that was sent and goes on by itself.
#[derive(Debug)]
pub struct PendingRequest {
    state: State,
    edits: Option<Box<HeaderEdits>>,
}

#[derive(Debug)]
enum State {
    Waiting(oneshot::Receiver<Result<BackendResponse, SendError>>),
    Ready(Box<Result<BackendResponse, SendError>>),
}

impl PendingRequest {
    /// A request whose outcome will arrive in `outcome`.
    pub(crate) fn new(outcome: oneshot::Receiver<Result<BackendResponse, SendError>>) -> Self {
        Self {
            state: State::Waiting(outcome),
            edits: None,
        }
    }

    /// A request whose outcome is there.
    pub(crate) fn done(outcome: Result<BackendResponse, SendError>) -> Self {
        Self {
            state: State::Ready(Box::new(outcome)),
            edits: None,
        }
    }

    /// The changes that are to be made to the response's headers.
    pub(crate) fn edits_mut(&mut self) -> &mut HeaderEdits {
        self.edits.get_or_insert_default()
    }

    /// Waits for the outcome.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let State::Waiting(outcome) = &mut self.state else {
            return Poll::Ready(());
        };
        outcome.poll_unpin(cx).map(|outcome| {
            let outcome = outcome.unwrap_or_else(|_| Err(lost()));
            self.state = State::Ready(Box::new(outcome));
        })
    }

    /// The outcome, once [`poll_ready`](Self::poll_ready) has said that it is there.
    pub(crate) fn into_outcome(self) -> Result<BackendResponse, SendError> {
        let (outcome, edits) = self.into_parts();
        outcome.map(|mut response| {
            if let Some(edits) = edits {
                edits.apply_to_response(&mut response.head.headers);
            }
            response
        })
    }

    /// The outcome, with the one that `make_up` makes of a failure in its place.
    pub(crate) fn into_response(
        self,
        make_up: impl FnOnce(SendError) -> BackendResponse,
    ) -> BackendResponse {
        let (outcome, edits) = self.into_parts();
        let edits = edits.unwrap_or_default();
        match outcome {
            Ok(mut response) => {
                edits.apply_to_response(&mut response.head.headers);
                response
            }
            Err(error) => {
                let mut response = make_up(error);
                edits.apply_to_error(&mut response.head.headers);
                response
            }
        }
    }

    fn into_parts(self) -> (Result<BackendResponse, SendError>, Option<Box<HeaderEdits>>) {
        let outcome = match self.state {
            State::Ready(outcome) => *outcome,
            State::Waiting(_) => Err(lost()),
        };
        (outcome, self.edits)
    }
}

fn lost() -> SendError {
    SendError::new(SendErrorKind::InternalError).with_source("the host dropped the request")
}

impl Table<AsyncItemHandle, AsyncItem> {
    pub(crate) fn insert_body(&mut self, body: Body) -> Result<BodyHandle> {
        Ok(BodyHandle(self.insert(AsyncItem::Body(body))?.0))
    }

    /// The body to read, or to append to, that `handle` names.
    pub(crate) fn body_mut(&mut self, handle: BodyHandle) -> Result<&mut Body> {
        match self.get_mut(AsyncItemHandle(handle.0)) {
            Ok(AsyncItem::Body(body)) => Ok(body),
            _ => Err(bad(handle)),
        }
    }

    /// The body, of either kind, that `handle` names.
    pub(crate) fn any_body_mut(&mut self, handle: BodyHandle) -> Result<AnyBody<'_>> {
        match self.get_mut(AsyncItemHandle(handle.0)) {
            Ok(AsyncItem::Body(body)) => Ok(AnyBody::Queue(body)),
            Ok(AsyncItem::Streaming(writer)) => Ok(AnyBody::Streaming(writer)),
            _ => Err(bad(handle)),
        }
    }

    pub(crate) fn take_body(&mut self, handle: BodyHandle) -> Result<Body> {
        self.body_mut(handle)?;
        match self.remove(AsyncItemHandle(handle.0)) {
            Ok(AsyncItem::Body(body)) => Ok(body),
            _ => Err(bad(handle)),
        }
    }

    /// Takes a body of either kind.
    pub(crate) fn take_any_body(&mut self, handle: BodyHandle) -> Result<AsyncItem> {
        self.any_body_mut(handle)?;
        self.remove(AsyncItemHandle(handle.0))
    }

    /// Adds a body that is written into the cache: write-only.
    pub(crate) fn insert_cache_writer(&mut self, writer: BodyWriter) -> Result<BodyHandle> {
        let writer = StreamingWriter::Cache(writer);
        Ok(BodyHandle(self.insert(AsyncItem::Streaming(writer))?.0))
    }

    /// Takes a body to send it whole.
    pub(crate) fn take_whole(&mut self, handle: BodyHandle) -> Result<OutgoingBody> {
        Ok(self.take_body(handle)?.into())
    }

    /// Takes a body to send it while the guest goes on writing: the same handle becomes write-only.
    pub(crate) fn begin_streaming(&mut self, handle: BodyHandle) -> Result<OutgoingBody> {
        self.body_mut(handle)?;
        let (writer, reader) = pipe();
        let item = self.get_mut(AsyncItemHandle(handle.0))?;
        match std::mem::replace(item, AsyncItem::Streaming(StreamingWriter::Message(writer))) {
            AsyncItem::Body(body) => Ok(OutgoingBody::streaming(body, reader)),
            // `body_mut` has just found a body here.
            _ => Err(bad(handle)),
        }
    }

    pub(crate) fn insert_pending(
        &mut self,
        pending: PendingRequest,
    ) -> Result<PendingRequestHandle> {
        let handle = self.insert(AsyncItem::PendingRequest(pending))?;
        Ok(PendingRequestHandle(handle.0))
    }

    pub(crate) fn pending_mut(
        &mut self,
        handle: PendingRequestHandle,
    ) -> Result<&mut PendingRequest> {
        match self.get_mut(AsyncItemHandle(handle.0)) {
            Ok(AsyncItem::PendingRequest(pending)) => Ok(pending),
            _ => Err(bad(handle)),
        }
    }

    pub(crate) fn take_pending(&mut self, handle: PendingRequestHandle) -> Result<PendingRequest> {
        self.pending_mut(handle)?;
        match self.remove(AsyncItemHandle(handle.0)) {
            Ok(AsyncItem::PendingRequest(pending)) => Ok(pending),
            _ => Err(bad(handle)),
        }
    }

    pub(crate) fn promise_mut(
        &mut self,
        handle: RequestPromiseHandle,
    ) -> Result<&mut RequestPromise> {
        match self.get_mut(AsyncItemHandle(handle.0)) {
            Ok(AsyncItem::RequestPromise(promise)) => Ok(promise),
            _ => Err(bad(handle)),
        }
    }

    pub(crate) fn take_promise(&mut self, handle: RequestPromiseHandle) -> Result<RequestPromise> {
        self.promise_mut(handle)?;
        match self.remove(AsyncItemHandle(handle.0)) {
            Ok(AsyncItem::RequestPromise(promise)) => Ok(promise),
            _ => Err(bad(handle)),
        }
    }
}

/// A body of either kind.
pub(crate) enum AnyBody<'a> {
    Queue(&'a mut Body),
    Streaming(&'a mut StreamingWriter),
}

fn bad<H: Handle>(handle: H) -> Error {
    Error::BadHandle {
        kind: H::KIND,
        number: handle.number(),
    }
}
