//! Interim responses on HTTP/1.1, which the HTTP library has no place for.
//!
//! They are written between the library's own bytes: when it asks the connection to be flushed, everything that it had
//! buffered is written (the response before, and a `100 Continue`), and of the response that is still to come nothing
//! is, because the final answer is held back until the interim ones are out. So each is written whole and in its place.
//! On HTTP/2 the library below has a call for them: see [`http2`](super::http2).

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use abi_core::session::EarlyHints;
use http::HeaderMap;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::framing::of_interim;

/// The most bytes of interim responses that may wait to be written.
const WAITING_BYTES_MAX: usize = 64 * 1024;

/// Interim responses that are to be written on one connection. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct InterimResponses(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    written: usize,
    /// The connection's task, which has to be told when something is to be written, or was.
    task: Option<Waker>,
}

impl InterimResponses {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Whole responses are added at once, and written bytes counted after they were written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nothing is left to be written.
    fn poll_written(&self, cx: &Context<'_>) -> Poll<()> {
        let mut waiting = self.lock();
        if waiting.bytes.is_empty() {
            return Poll::Ready(());
        }
        waiting.task = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Has the connection's task told of what is added.
    fn watch(&self, cx: &Context<'_>) {
        let mut waiting = self.lock();
        match &mut waiting.task {
            Some(task) => task.clone_from(cx.waker()),
            task => *task = Some(cx.waker().clone()),
        }
    }
}

impl EarlyHints for InterimResponses {
    fn send(&self, headers: &HeaderMap) {
        let mut bytes = b"HTTP/1.1 103 Early Hints\r\n".to_vec();
        for (name, value) in &of_interim(headers) {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        let mut waiting = self.lock();
        if waiting.bytes.len() + bytes.len() > WAITING_BYTES_MAX {
            tracing::debug!("a client does not read its early hints; further ones are left out");
            return;
        }
        waiting.bytes.extend_from_slice(&bytes);
        if let Some(task) = waiting.task.take() {
            task.wake();
        }
    }
}

/// A connection that interim responses are written on.
pub(super) struct InterimStream<S> {
    stream: S,
    responses: InterimResponses,
}

impl<S> InterimStream<S> {
    pub(super) fn new(stream: S, responses: InterimResponses) -> Self {
        Self { stream, responses }
    }
}

impl<S: AsyncWrite + Unpin> InterimStream<S> {
    fn poll_write_interim(
        &mut self,
        cx: &mut Context<'_>,
        only_begun: bool,
    ) -> Poll<io::Result<()>> {
        let mut waiting = self.responses.lock();
        if only_begun && waiting.written == 0 {
            return Poll::Ready(Ok(()));
        }
        while waiting.written < waiting.bytes.len() {
            let left = &waiting.bytes[waiting.written..];
            let count = ready!(Pin::new(&mut self.stream).poll_write(cx, left))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            waiting.written += count;
        }
        if !waiting.bytes.is_empty() {
            waiting.bytes.clear();
            waiting.written = 0;
            if let Some(task) = waiting.task.take() {
                task.wake();
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for InterimStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for InterimStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_write_interim(cx, true))?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write_interim(cx, false))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_write_interim(cx, true))?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

pin_project! {
    /// An answer that is held back until the interim ones before it are written.
    pub(super) struct AfterInterim<F: Future> {
        #[pin]
        answering: F,
        answer: Option<F::Output>,
        responses: InterimResponses,
    }
}

impl<F: Future> AfterInterim<F> {
    pub(super) fn new(answering: F, responses: InterimResponses) -> Self {
        Self {
            answering,
            answer: None,
            responses,
        }
    }
}

impl<F: Future> Future for AfterInterim<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if this.answer.is_none() {
            this.responses.watch(cx);
            *this.answer = Some(ready!(this.answering.poll(cx)));
        }
        ready!(this.responses.poll_written(cx));
        match this.answer.take() {
            Some(answer) => Poll::Ready(answer),
            // It was given already; nobody asks again.
            None => Poll::Pending,
        }
    }
}
