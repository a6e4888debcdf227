//! Connections of which what is read is noted: for the original names of headers, and for fingerprints.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Version};
use http_body::Body;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::original_names::Unparsed;
use super::protocol::Protocol;
use crate::identity::Http2Beginning;

/// What is told of the bytes that are read from a connection, in their order.
pub(super) trait NoteRead {
    /// Notes what was read; it is never empty.
    fn note_read(&mut self, read: &[u8]);
}

/// What is noted of a connection on which HTTP is spoken. Clones are the same.
#[derive(Clone)]
pub(super) struct HttpNotes(Arc<Mutex<Noted>>);

enum Noted {
    Http1(Unparsed),
    Http2(Http2Beginning),
}

impl HttpNotes {
    /// Of a connection of which nothing was read yet.
    pub(super) fn new(protocol: Protocol) -> Self {
        Self(Arc::new(Mutex::new(match protocol {
            Protocol::Http1 => Noted::Http1(Unparsed::default()),
            Protocol::Http2 => Noted::Http2(Http2Beginning::default()),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        // Whatever is left half done fails to match the next head, or is no beginning.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The header names of `request`, which has just been parsed, as they were sent; `None` where that is not known.
    pub(super) fn take_names<B: Body>(&self, request: &Request<B>) -> Option<Vec<Bytes>> {
        match &mut *self.lock() {
            Noted::Http1(unparsed) if request.version() <= Version::HTTP_11 => {
                unparsed.take_names(request)
            }
            _ => None,
        }
    }

    /// The fingerprint of a connection that speaks HTTP/2.
    pub(super) fn http2_fingerprint(&self) -> Option<Arc<str>> {
        match &*self.lock() {
            Noted::Http1(_) => None,
            Noted::Http2(beginning) => beginning.fingerprint(),
        }
    }
}

impl NoteRead for HttpNotes {
    fn note_read(&mut self, read: &[u8]) {
        match &mut *self.lock() {
            Noted::Http1(unparsed) => unparsed.note_read(read),
            Noted::Http2(beginning) => beginning.read(read),
        }
    }
}

/// A connection whose `notes` are told of what is read from it.
pub(super) struct NotedStream<S, N> {
    stream: S,
    notes: N,
}

impl<S, N> NotedStream<S, N> {
    pub(super) fn new(stream: S, notes: N) -> Self {
        Self { stream, notes }
    }

    pub(super) fn notes(&mut self) -> &mut N {
        &mut self.notes
    }
}

impl<S: AsyncRead + Unpin, N: NoteRead + Unpin> AsyncRead for NotedStream<S, N> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let this = &mut *self;
        let outcome = Pin::new(&mut this.stream).poll_read(cx, buffer);
        if let Some(read) = buffer.filled().get(before..)
            && !read.is_empty()
        {
            this.notes.note_read(read);
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin, N: Unpin> AsyncWrite for NotedStream<S, N> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
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
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
