//! Clients that do not read what they are sent.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// A connection on which writing fails when the other end takes nothing for too long. Otherwise a client that asks and
/// does not read would keep its guest, and all that its guest holds, for as long as guests may run.
///
/// It is that of the system, below TLS: there every byte counts that the client takes.
pub(super) struct SendTimeout<S> {
    stream: S,
    limit: Duration,
    /// Made when something could not be written for the first time, which on most connections is never.
    sleep: Option<Pin<Box<Sleep>>>,
    /// Whether something waits to be written.
    is_waiting: bool,
}

impl<S> SendTimeout<S> {
    pub(super) fn new(stream: S, limit: Duration) -> Self {
        Self {
            stream,
            limit,
            sleep: None,
            is_waiting: false,
        }
    }

    /// What becomes of an attempt to write.
    fn limited<T>(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.is_waiting = false;
            return outcome;
        }
        let limit = self.limit;
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        if !self.is_waiting {
            self.is_waiting = true;
            // One that is too far away is never reached.
            if let Some(deadline) = Instant::now().checked_add(limit) {
                sleep.as_mut().reset(deadline);
            }
        }
        match sleep.as_mut().poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => Poll::Ready(Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("nothing that was sent was read for {limit:?}"),
            ))),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for SendTimeout<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for SendTimeout<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.limited(cx, outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.limited(cx, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.limited(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.limited(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const ROOM: usize = 16;

    #[tokio::test]
    async fn who_takes_nothing_loses_the_connection() {
        let limit = Duration::from_millis(50);
        let (_client, server) = tokio::io::duplex(ROOM);
        let mut stream = SendTimeout::new(server, limit);
        stream.write_all(&[0; ROOM]).await.unwrap();
        let began = Instant::now();
        let error = stream.write_all(&[0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() >= limit);
    }

    /// It takes longer than the limit for all, and for each piece a small part of it.
    #[tokio::test]
    async fn who_takes_something_each_time_keeps_it() {
        let limit = Duration::from_secs(1);
        let (mut client, server) = tokio::io::duplex(ROOM);
        let mut stream = SendTimeout::new(server, limit);
        let began = Instant::now();
        let writing = tokio::spawn(async move { stream.write_all(&[0; 30 * ROOM]).await });
        for _ in 0..30 {
            tokio::time::sleep(limit / 25).await;
            client.read_exact(&mut [0; ROOM]).await.unwrap();
        }
        writing.await.unwrap().unwrap();
        assert!(began.elapsed() > limit);
    }

    #[tokio::test]
    async fn a_limit_may_be_as_long_as_one_likes() {
        let (mut client, server) = tokio::io::duplex(ROOM);
        let mut stream = SendTimeout::new(server, Duration::MAX);
        let writing = tokio::spawn(async move { stream.write_all(&[0; 2 * ROOM]).await });
        client.read_exact(&mut [0; 2 * ROOM]).await.unwrap();
        writing.await.unwrap().unwrap();
    }
}
