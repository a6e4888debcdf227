//! Bodies of responses, as fast as clients take them.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use abi_core::body::OutgoingBody;
use bytes::Bytes;
use futures_util::future::{Either, select};
use h2::{Reason, SendStream};
use http_body::Body;
use http_body_util::BodyExt;

use super::piece::{Piece, Unsent};
use crate::serve::flush::FlushedBeforeError;

/// A stream that carries the body of a response.
pub(super) struct Sending {
    stream: SendStream<Piece>,
    unsent: Arc<Unsent>,
    /// How long the client may take nothing.
    send_timeout: Duration,
}

impl Sending {
    pub(super) fn new(stream: SendStream<Piece>, send_timeout: Duration) -> Self {
        Self {
            stream,
            unsent: Arc::default(),
            send_timeout,
        }
    }

    /// Sends a body, as fast as the client takes it, and waits until it has taken all. A body that breaks off resets the
    /// stream, and so does a client that takes nothing for as long as it may.
    pub(super) async fn send(
        mut self,
        body: FlushedBeforeError<OutgoingBody>,
    ) -> Result<(), h2::Error> {
        self.send_body(body).await?;
        self.taken().await
    }

    async fn send_body(
        &mut self,
        mut body: FlushedBeforeError<OutgoingBody>,
    ) -> Result<(), h2::Error> {
        loop {
            let frame = {
                let frame = body.frame();
                let given_up = poll_fn(|cx| self.stream.poll_reset(cx));
                match select(frame, given_up).await {
                    Either::Left((frame, _)) => frame,
                    Either::Right((reason, _)) => return Err(reason?.into()),
                }
            };
            let frame = match frame {
                None => return self.send_piece(Bytes::new(), true),
                Some(Ok(frame)) => frame,
                Some(Err(error)) => {
                    tracing::debug!("a response broke off: {error}");
                    self.stream.send_reset(Reason::INTERNAL_ERROR);
                    return Ok(());
                }
            };
            match frame.into_data() {
                Ok(bytes) => {
                    let is_last = body.is_end_stream();
                    self.send_bytes(bytes, is_last).await?;
                    if is_last {
                        return Ok(());
                    }
                }
                Err(frame) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        return self.stream.send_trailers(trailers);
                    }
                }
            }
        }
    }

    /// Sends bytes in as many pieces as the client's windows ask for.
    async fn send_bytes(&mut self, mut bytes: Bytes, is_last: bool) -> Result<(), h2::Error> {
        if bytes.is_empty() && is_last {
            return self.send_piece(bytes, true);
        }
        while !bytes.is_empty() {
            self.stream.reserve_capacity(bytes.len());
            let capacity = match self.stream.capacity() {
                0 => self.capacity().await?,
                capacity => capacity,
            };
            if capacity == 0 {
                continue;
            }
            let piece = bytes.split_to(capacity.min(bytes.len()));
            self.send_piece(piece, is_last && bytes.is_empty())?;
        }
        Ok(())
    }

    fn send_piece(&mut self, bytes: Bytes, is_last: bool) -> Result<(), h2::Error> {
        let piece = Piece::new(bytes, &self.unsent);
        self.stream.send_data(piece, is_last)
    }

    /// Waits until the client takes more of the stream, and gives how much.
    async fn capacity(&mut self) -> Result<usize, h2::Error> {
        let waiting = poll_fn(|cx| self.stream.poll_capacity(cx));
        match tokio::time::timeout(self.send_timeout, waiting).await {
            // It has none when it is closed.
            Ok(capacity) => capacity.unwrap_or_else(|| Err(Reason::STREAM_CLOSED.into())),
            Err(_) => Err(self.give_up()),
        }
    }

    /// Waits until all that was sent is on its way. A client may have shut its window behind what it had asked for, and would
    /// have the protocol library keep that for as long as it answers when it is asked whether it is there.
    async fn taken(&mut self) -> Result<(), h2::Error> {
        loop {
            let before = self.unsent.bytes();
            if before == 0 {
                return Ok(());
            }
            let waiting = poll_fn(|cx| {
                if self.unsent.is_other_than(before, cx) {
                    return Poll::Ready(Ok(()));
                }
                let given_up = self.stream.poll_reset(cx);
                given_up.map(|reason| -> Result<(), h2::Error> { Err(reason?.into()) })
            });
            match tokio::time::timeout(self.send_timeout, waiting).await {
                Ok(outcome) => outcome?,
                Err(_) => return Err(self.give_up()),
            }
        }
    }

    /// The client has taken nothing for too long.
    fn give_up(&mut self) -> h2::Error {
        let limit = self.send_timeout;
        tracing::debug!("a client has taken nothing of its response for {limit:?}");
        self.stream.send_reset(Reason::CANCEL);
        Reason::CANCEL.into()
    }
}
