//! Bodies that clients are still sending when nobody reads them any more.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Request;
use http::header::EXPECT;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// How long a client may take to end what nobody reads.
#[derive(Clone, Copy)]
struct Limits {
    /// In all.
    total: Duration,
    /// Between two parts of it.
    silence: Duration,
}

const LIMITS: Limits = Limits {
    total: Duration::from_secs(30),
    silence: Duration::from_secs(5),
};

/// The body of a request on HTTP/1.1, which is read to its end when it is dropped before, and thrown away.
///
/// Otherwise the connection would be closed once the response is written. The system answers what arrives at a closed
/// connection with a reset, upon which a client that is still sending discards the response, or never looks for it. A body
/// that its client has to be asked for, and was not, is left alone: see [`Expectation`](super::expect::Expectation).
pub(super) struct ReadToEnd<B: Body + Send + Unpin + 'static> {
    /// There until it is dropped.
    body: Option<B>,
    limits: Limits,
    /// Where the rest is read; `None` when there is nothing to be read.
    runtime: Option<Handle>,
    waits_to_be_asked: bool,
}

impl<B: Body + Send + Unpin + 'static> ReadToEnd<B> {
    /// Must be called in a runtime. It may be dropped anywhere.
    pub(super) fn of(request: Request<B>) -> Request<Self> {
        let waits_to_be_asked = request.headers().contains_key(EXPECT);
        request.map(|body| Self {
            runtime: (!body.is_end_stream()).then(Handle::current),
            body: Some(body),
            limits: LIMITS,
            waits_to_be_asked,
        })
    }
}

impl<B: Body + Send + Unpin + 'static> Body for ReadToEnd<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.waits_to_be_asked = false;
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(body).poll_frame(cx);
        if let Poll::Ready(None | Some(Err(_))) = &polled {
            self.runtime = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let body = self.body.as_ref();
        body.map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl<B: Body + Send + Unpin + 'static> Drop for ReadToEnd<B> {
    fn drop(&mut self) {
        if self.is_end_stream() || self.waits_to_be_asked {
            return;
        }
        if let (Some(runtime), Some(body)) = (self.runtime.take(), self.body.take()) {
            runtime.spawn(discard(body, self.limits));
        }
    }
}

async fn discard<B: Body + Unpin>(mut body: B, limits: Limits) {
    let reading =
        async { while let Ok(Some(Ok(_))) = timeout(limits.silence, body.frame()).await {} };
    // Too late is as good as at its end: the connection is closed.
    let _ = timeout(limits.total, reading).await;
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use http_body_util::Full;
    use tokio::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    type Piece = Result<Frame<Bytes>, Infallible>;

    struct Pieces(Receiver<Piece>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.0.poll_recv(cx)
        }
    }

    const SHORT: Duration = Duration::from_millis(50);

    fn piece() -> Piece {
        Ok(Frame::data(Bytes::from_static(b"piece")))
    }

    /// A request that is being sent, and the one who sends it.
    fn sending(expected: Option<&str>, limits: Limits) -> (Sender<Piece>, Request<impl Body>) {
        let (sender, pieces) = channel(1);
        let mut request = Request::post("/");
        if let Some(expected) = expected {
            request = request.header(EXPECT, expected);
        }
        let mut request = ReadToEnd::of(request.body(Pieces(pieces)).unwrap());
        request.body_mut().limits = limits;
        (sender, request)
    }

    /// Sends until nobody reads it any more.
    async fn send_on(sender: Sender<Piece>) {
        while sender.send(piece()).await.is_ok() {}
    }

    #[tokio::test]
    async fn what_is_left_is_read() {
        let (sender, request) = sending(None, LIMITS);
        drop(request);
        for _ in 0..100 {
            sender.send(piece()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_client_that_waits_to_be_asked_is_not_asked() {
        let (sender, request) = sending(Some("100-continue"), LIMITS);
        drop(request);
        assert!(sender.is_closed());
    }

    #[tokio::test]
    async fn a_client_that_sends_nothing_is_left() {
        let limits = Limits {
            silence: SHORT,
            ..LIMITS
        };
        let (sender, request) = sending(None, limits);
        drop(request);
        sender.closed().await;
    }

    #[tokio::test]
    async fn a_client_that_sends_for_ever_is_left() {
        let limits = Limits {
            total: SHORT,
            ..LIMITS
        };
        let (sender, request) = sending(None, limits);
        drop(request);
        send_on(sender).await;
    }

    #[tokio::test]
    async fn a_body_that_was_read_needs_nothing_more() {
        let body = Full::new(Bytes::from_static(b"body"));
        let mut body = ReadToEnd::of(Request::new(body)).into_body();
        body.frame().await.unwrap().unwrap();
        assert!(body.is_end_stream());
        assert!(body.frame().await.is_none());
        assert!(body.runtime.is_none());
    }
}
