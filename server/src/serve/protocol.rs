//! Which protocol a client speaks, by how its connection begins.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use crate::identity::PREFACE;

/// The versions that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// Reads as much of a connection as is needed to know what is spoken on it, and gives the connection back as it was.
///
/// The first byte is enough for all methods but those that begin with a `P`. No more is read than the preface has, and
/// nothing of it is on the heap: what follows goes into the buffer of whoever speaks the protocol.
///
/// # Errors
///
/// Those of reading.
pub(super) async fn tell<S>(mut stream: S) -> io::Result<(Protocol, Begun<S>)>
where
    S: AsyncRead + Unpin,
{
    let mut beginning = [0; PREFACE.len()];
    let mut length = 0;
    let protocol = loop {
        if length == PREFACE.len() {
            break Protocol::Http2;
        }
        let read = stream.read(&mut beginning[length..]).await?;
        length += read;
        // A connection that ends so early speaks nothing, which is for HTTP/1.1 to say.
        if read == 0 || !PREFACE.starts_with(&beginning[..length]) {
            break Protocol::Http1;
        }
    };
    let stream = Begun {
        stream,
        beginning,
        read: 0,
        length,
    };
    Ok((protocol, stream))
}

/// A connection whose beginning was read before, and is read again.
pub(super) struct Begun<S> {
    stream: S,
    beginning: [u8; PREFACE.len()],
    read: usize,
    length: usize,
}

impl<S: AsyncRead + Unpin> AsyncRead for Begun<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let left = &this.beginning[this.read..this.length];
        if left.is_empty() {
            return Pin::new(&mut this.stream).poll_read(cx, buffer);
        }
        let count = left.len().min(buffer.remaining());
        buffer.put_slice(&left[..count]);
        this.read += count;
        if this.read == this.length && buffer.remaining() > 0 {
            // What has come behind it is read in the same turn, so that a request is parsed once. Whatever it is that keeps
            // it from being read is met again when this is read next.
            let _ = Pin::new(&mut this.stream).poll_read(cx, buffer);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Begun<S> {
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

#[cfg(test)]
mod tests {
    use super::*;

    async fn told(pieces: &[&[u8]]) -> (Protocol, Vec<u8>) {
        let mut reading = in_pieces(pieces);
        let (protocol, mut stream) = tell(&mut reading).await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        (protocol, all)
    }

    /// Bytes that arrive in these pieces.
    fn in_pieces(pieces: &[&[u8]]) -> impl AsyncRead + Unpin {
        let pieces: Vec<_> = pieces.iter().map(|piece| piece.to_vec()).collect();
        Pieces(pieces.into_iter())
    }

    struct Pieces(std::vec::IntoIter<Vec<u8>>);

    impl AsyncRead for Pieces {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if let Some(piece) = self.0.next() {
                buffer.put_slice(&piece);
            }
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn the_preface_tells_and_nothing_is_lost() {
        let (protocol, all) = told(&[PREFACE]).await;
        assert_eq!((protocol, &all[..]), (Protocol::Http2, PREFACE));
        let (protocol, all) = told(&[b"P", &PREFACE[1..]]).await;
        assert_eq!((protocol, &all[..]), (Protocol::Http2, PREFACE));
        let others: [&[&[u8]]; 5] = [
            &[b"P", b"OST / ", b"HTTP/1.1"],
            &[b"PRI * HTTP/1.1"],
            &[b"GET"],
            &[b"P"],
            &[],
        ];
        for pieces in others {
            let (protocol, all) = told(pieces).await;
            assert_eq!((protocol, all), (Protocol::Http1, pieces.concat()));
        }
    }
}
