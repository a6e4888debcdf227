//! [`Overflowing`]: a body that is read while it is stored, and goes on when the cache has no room for all of it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::FutureExt;
use http_body::{Frame, SizeHint};

use crate::body::{Body, BodyError, OutgoingBody};

/// What was not stored: the rest of the body, or why it broke off.
pub(crate) type Unstored = Result<OutgoingBody, BodyError>;

/// A body for the one who fetched it.
///
/// It is read from the cache, as everybody else reads it. When storing it ends early, the one who fetched it gets the
/// rest from the backend, or learns what happened there; the others see a body that breaks off.
pub(crate) struct Overflowing {
    stored: OutgoingBody,
    /// How reading from the cache ended, once it has.
    broken_off: Option<BodyError>,
    unstored: Option<oneshot::Receiver<Unstored>>,
    rest: Option<OutgoingBody>,
}

impl Overflowing {
    pub(crate) fn new(stored: Body, unstored: oneshot::Receiver<Unstored>) -> Self {
        Self {
            stored: stored.into(),
            broken_off: None,
            unstored: Some(unstored),
            rest: None,
        }
    }
}

impl http_body::Body for Overflowing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        loop {
            if let Some(rest) = &mut this.rest {
                return Pin::new(rest).poll_frame(cx);
            }
            if this.broken_off.is_none() {
                match ready!(Pin::new(&mut this.stored).poll_frame(cx)) {
                    Some(Err(error)) => this.broken_off = Some(error),
                    other => return Poll::Ready(other),
                }
            }
            let outcome = match &mut this.unstored {
                Some(unstored) => ready!(unstored.poll_unpin(cx)),
                None => return Poll::Ready(None),
            };
            this.unstored = None;
            match outcome {
                Ok(Ok(rest)) => this.rest = Some(rest),
                Ok(Err(cause)) => return Poll::Ready(Some(Err(cause))),
                // Whoever stored it has ended without a word.
                Err(oneshot::Canceled) => return Poll::Ready(this.broken_off.take().map(Err)),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.rest {
            Some(rest) => rest.is_end_stream(),
            None => self.stored.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.rest {
            Some(rest) => rest.size_hint(),
            None => self.stored.size_hint(),
        }
    }
}
