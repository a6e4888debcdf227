//! Sending the beginning of a response whose end will never come.

use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};

/// A body that fails a moment later than the one inside.
///
/// The HTTP library drops what it has not written yet when a body fails. Given a turn in between it writes the head and
/// what has come of the body first, so that the client sees a response that breaks off, not a connection that does.
pub(super) struct FlushedBeforeError<B: Body> {
    body: B,
    error: Option<B::Error>,
}

impl<B: Body> FlushedBeforeError<B> {
    pub(super) fn new(body: B) -> Self {
        Self { body, error: None }
    }
}

impl<B: Body + Unpin> Body for FlushedBeforeError<B>
where
    B::Error: Unpin,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = &mut *self;
        if let Some(error) = this.error.take() {
            return Poll::Ready(Some(Err(error)));
        }
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Err(error))) => {
                this.error = Some(error);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            other => other,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.error.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
