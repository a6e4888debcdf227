//! From a backend's response to the one a guest gets.

use std::error::Error as StdError;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use abi_core::body::{Body, BodyError};
use abi_core::http::{BackendResponse, ResponseHead};
use bytes::Bytes;
use http::Response;
use http_body::{Frame, SizeHint};
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep};

use super::connector::ConnectionInfo;
use crate::body::receive;

/// The response as the guest gets it.
pub(super) fn incoming<B>(
    response: Response<B>,
    between_bytes: Option<Duration>,
    runtime: &Handle,
) -> BackendResponse
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let (parts, body) = response.into_parts();
    let connection = parts.extensions.get::<ConnectionInfo>();
    if let Some(connection) = connection {
        connection.note_response();
    }
    let head = ResponseHead {
        status: parts.status,
        version: parts.version,
        backend_address: connection.and_then(|connection| connection.address),
        headers: parts.headers,
        ..ResponseHead::new()
    };
    let mut body = receive(body);
    if let Some(pause_max) = between_bytes {
        let limited = PauseLimited::new(body, pause_max, runtime.clone());
        body = Body::from_stream(Box::pin(limited));
    }
    BackendResponse { head, body }
}

/// A body that fails when its sender pauses for too long.
///
/// Only a pause while somebody waits for bytes counts: a guest that takes its time is not the backend's fault.
struct PauseLimited {
    body: abi_core::body::OutgoingBody,
    pause_max: Duration,
    runtime: Handle,
    alarm: Option<Pin<Box<Sleep>>>,
    is_waiting: bool,
}

impl PauseLimited {
    fn new(body: Body, pause_max: Duration, runtime: Handle) -> Self {
        Self {
            body: body.into(),
            pause_max,
            runtime,
            alarm: None,
            is_waiting: false,
        }
    }

    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let _inside = self.runtime.enter();
        let deadline = Instant::now() + self.pause_max;
        let alarm = self
            .alarm
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if !self.is_waiting {
            alarm.as_mut().reset(deadline);
            self.is_waiting = true;
        }
        alarm.as_mut().poll(cx)
    }
}

impl http_body::Body for PauseLimited {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            this.is_waiting = false;
            return Poll::Ready(frame);
        }
        match this.poll_alarm(cx) {
            Poll::Ready(()) => {
                this.body = abi_core::body::OutgoingBody::empty();
                Poll::Ready(Some(Err(BodyError::TimedOut)))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
