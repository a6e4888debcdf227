//! Bodies that a test sends.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Empty, Full, combinators::UnsyncBoxBody};
use tokio::sync::mpsc;

/// Any body.
pub struct Content(UnsyncBoxBody<Bytes, BrokenOff>);

/// The sender of a body gave up.
#[derive(Clone, Copy, Debug)]
pub struct BrokenOff;

impl std::fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the body was broken off on purpose")
    }
}

impl std::error::Error for BrokenOff {}

impl From<Infallible> for BrokenOff {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl Content {
    /// No body.
    #[must_use]
    pub fn empty() -> Self {
        Self::of(Empty::new())
    }

    /// Any other body.
    pub fn of<B>(body: B) -> Self
    where
        B: Body<Data = Bytes, Error: Into<BrokenOff>> + Send + 'static,
    {
        Self(body.map_err(Into::into).boxed_unsync())
    }

    /// A body without a known length, which the test sends piece by piece.
    #[must_use]
    pub fn fed() -> (Feed, Self) {
        let (feed, frames) = mpsc::channel(1);
        (Feed(feed), Self::of(Fed(frames)))
    }
}

impl<B: Into<Bytes>> From<B> for Content {
    fn from(bytes: B) -> Self {
        Self::of(Full::new(bytes.into()))
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Content")
    }
}

/// The end of a body at which it is written. Dropping it finishes the body.
#[derive(Clone, Debug)]
pub struct Feed(mpsc::Sender<Result<Frame<Bytes>, BrokenOff>>);

impl Feed {
    /// Sends a piece, as soon as there is room for it; `false` when nobody reads any more.
    pub async fn send(&self, piece: impl Into<Bytes>) -> bool {
        self.0.send(Ok(Frame::data(piece.into()))).await.is_ok()
    }

    /// Breaks the body off.
    pub async fn break_off(self) {
        // A reader that is gone cannot be told.
        let _ = self.0.send(Err(BrokenOff)).await;
    }

    /// Waits until the reader of the body is gone.
    pub async fn abandoned(&self) {
        self.0.closed().await;
    }
}

struct Fed(mpsc::Receiver<Result<Frame<Bytes>, BrokenOff>>);

impl Body for Fed {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        self.0.poll_recv(cx)
    }
}

/// `length` bytes that repeat only after a prime number of them, so that pieces cannot be mistaken for one another.
#[must_use]
pub fn pattern(length: usize) -> Vec<u8> {
    (0..251_u8).cycle().take(length).collect()
}

/// The hash by which the guests tell what they read: FNV-1a, 64 bits.
#[must_use]
pub fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
