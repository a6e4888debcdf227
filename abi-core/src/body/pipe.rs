//! A bounded pipe between a guest that writes a streaming body and whoever sends it on.
//!
//! The bound is in bytes, not in messages: a guest that writes ten bytes at a time is not stopped after a handful of
//! writes, and one that writes megabytes does not fill the host's memory. Small writes that nobody has taken yet are
//! joined, so the reader sees few large frames. No library offers a channel with both properties.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use http::HeaderMap;

use super::BodyError;
use super::queue::{Body, Chunk, merge_trailers};

/// How many unread bytes a pipe holds before its writer has to wait.
pub const PIPE_CAPACITY_BYTES: usize = 256 * 1024;

/// The most bytes of writes that are joined. Blocks of one size are used again by the allocator, where buffers that grow
/// would leave holes of every size behind.
const JOINED_BYTES: usize = 64 * 1024;

/// Makes a pipe.
#[must_use]
pub fn pipe() -> (PipeWriter, PipeReader) {
    let shared = Arc::new(Mutex::new(State {
        queue: VecDeque::new(),
        tail: BytesMut::new(),
        buffered: 0,
        end: End::Open,
        reader_gone: false,
        writer: None,
        reader: None,
    }));
    (
        PipeWriter {
            shared: shared.clone(),
            trailers: HeaderMap::new(),
        },
        PipeReader { shared },
    )
}

struct State {
    queue: VecDeque<Chunk>,
    /// The latest small writes, joined; they come after everything in `queue`.
    tail: BytesMut,
    buffered: usize,
    end: End,
    reader_gone: bool,
    writer: Option<Waker>,
    reader: Option<Waker>,
}

enum End {
    Open,
    Finished(HeaderMap),
    Abandoned,
    Delivered,
}

impl State {
    fn join(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = JOINED_BYTES - self.tail.len();
            let (now, later) = bytes.split_at(bytes.len().min(room));
            self.tail.extend_from_slice(now);
            if self.tail.len() == JOINED_BYTES {
                self.seal_tail();
            }
            bytes = later;
        }
    }

    fn seal_tail(&mut self) {
        if !self.tail.is_empty() {
            let bytes = self.tail.split().freeze();
            self.queue.push_back(Chunk::Bytes(bytes));
        }
    }
}

/// A panic elsewhere cannot leave the queue half changed: every change is a push or a pop.
fn lock(shared: &Mutex<State>) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The guest's end of a streaming body: write-only.
///
/// Dropping it without [`finish`](Self::finish) abandons the body: the peer sees a broken message, not a short one.
pub struct PipeWriter {
    shared: Arc<Mutex<State>>,
    trailers: HeaderMap,
}

impl PipeWriter {
    /// Waits until the pipe has room for at least one byte.
    ///
    /// # Errors
    ///
    /// [`BodyError::Unread`] when the reader is gone.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        let mut state = lock(&self.shared);
        if state.reader_gone {
            return Poll::Ready(Err(BodyError::Unread));
        }
        if state.buffered < PIPE_CAPACITY_BYTES {
            return Poll::Ready(Ok(()));
        }
        state.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Writes as many of `bytes` as there is room for, and says how many.
    ///
    /// # Errors
    ///
    /// [`BodyError::Unread`] when the reader is gone.
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, BodyError> {
        let mut state = lock(&self.shared);
        if state.reader_gone {
            return Err(BodyError::Unread);
        }
        let room = PIPE_CAPACITY_BYTES.saturating_sub(state.buffered);
        let written = bytes.len().min(room);
        state.join(&bytes[..written]);
        state.buffered += written;
        wake_reader(state);
        Ok(written)
    }

    /// Moves all of `body`, trailers too, into the pipe. Streams in it are read by the pipe's reader.
    ///
    /// # Errors
    ///
    /// [`BodyError::Unread`] when the reader is gone.
    pub fn append(&mut self, body: Body) -> Result<(), BodyError> {
        let (chunks, trailers) = body.into_parts();
        merge_trailers(&mut self.trailers, trailers);
        let mut state = lock(&self.shared);
        if state.reader_gone {
            return Err(BodyError::Unread);
        }
        state.seal_tail();
        for chunk in chunks {
            if let Chunk::Bytes(bytes) = &chunk {
                state.buffered += bytes.len();
            }
            state.queue.push_back(chunk);
        }
        wake_reader(state);
        Ok(())
    }

    /// The trailers that [`finish`](Self::finish) will send.
    pub fn trailers_mut(&mut self) -> &mut HeaderMap {
        &mut self.trailers
    }

    /// Ends the body cleanly.
    pub fn finish(mut self) {
        let trailers = std::mem::take(&mut self.trailers);
        self.end(End::Finished(trailers));
    }

    fn end(&mut self, end: End) {
        let mut state = lock(&self.shared);
        if matches!(state.end, End::Open) {
            state.end = end;
            wake_reader(state);
        }
    }
}

impl Drop for PipeWriter {
    fn drop(&mut self) {
        self.end(End::Abandoned);
    }
}

/// Wakes outside of the lock: the reader may run at once on another thread.
fn wake_reader(mut state: MutexGuard<'_, State>) {
    let reader = state.reader.take();
    drop(state);
    if let Some(reader) = reader {
        reader.wake();
    }
}

/// The sending end of a streaming body.
pub struct PipeReader {
    shared: Arc<Mutex<State>>,
}

/// What a pipe gives its reader.
pub(super) enum Item {
    Chunk(Chunk),
    End(HeaderMap),
}

impl PipeReader {
    /// Waits for the next chunk, or for the end with its trailers.
    ///
    /// # Errors
    ///
    /// [`BodyError::Abandoned`] when the writer was dropped before the end.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Item, BodyError>> {
        let mut state = lock(&self.shared);
        state.seal_tail();
        let item = match state.queue.pop_front() {
            Some(chunk) => {
                if let Chunk::Bytes(bytes) = &chunk {
                    state.buffered -= bytes.len();
                }
                Ok(Item::Chunk(chunk))
            }
            None => match std::mem::replace(&mut state.end, End::Delivered) {
                End::Open => {
                    state.end = End::Open;
                    state.reader = Some(cx.waker().clone());
                    return Poll::Pending;
                }
                End::Finished(trailers) => Ok(Item::End(trailers)),
                End::Abandoned => Err(BodyError::Abandoned),
                End::Delivered => Ok(Item::End(HeaderMap::new())),
            },
        };
        let writer = if state.buffered < PIPE_CAPACITY_BYTES {
            state.writer.take()
        } else {
            None
        };
        drop(state);
        if let Some(writer) = writer {
            writer.wake();
        }
        Poll::Ready(item)
    }
}

impl Drop for PipeReader {
    fn drop(&mut self) {
        let mut state = lock(&self.shared);
        state.reader_gone = true;
        let queue = std::mem::take(&mut state.queue);
        let writer = state.writer.take();
        drop(state);
        drop(queue);
        if let Some(writer) = writer {
            writer.wake();
        }
    }
}

/// Bytes that leave a pipe, for tests in this crate.
#[cfg(test)]
pub(super) fn bytes_of(item: Item) -> bytes::Bytes {
    match item {
        Item::Chunk(Chunk::Bytes(bytes)) => bytes,
        _ => panic!("the pipe gave something other than bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::future::poll_fn;

    fn next(reader: &mut PipeReader) -> Option<Result<Item, BodyError>> {
        poll_fn(|cx| reader.poll_next(cx)).now_or_never()
    }

    fn is_ready(writer: &mut PipeWriter) -> bool {
        poll_fn(|cx| writer.poll_ready(cx)).now_or_never().is_some()
    }

    #[test]
    fn small_writes_are_joined() {
        let (mut writer, mut reader) = pipe();
        assert!(next(&mut reader).is_none());
        writer.write(b"ab").unwrap();
        writer.write(b"cd").unwrap();
        assert_eq!(bytes_of(next(&mut reader).unwrap().unwrap()), "abcd");
        assert!(next(&mut reader).is_none());
    }

    #[test]
    fn large_writes_are_divided() {
        let (mut writer, mut reader) = pipe();
        writer.write(b"a").unwrap();
        writer.write(&[b'b'; JOINED_BYTES]).unwrap();
        let first = bytes_of(next(&mut reader).unwrap().unwrap());
        assert_eq!((first.len(), first[0]), (JOINED_BYTES, b'a'));
        assert_eq!(bytes_of(next(&mut reader).unwrap().unwrap()), "b");
        assert!(next(&mut reader).is_none());
    }

    #[test]
    fn a_full_pipe_makes_its_writer_wait() {
        let (mut writer, mut reader) = pipe();
        let written = writer.write(&vec![0; PIPE_CAPACITY_BYTES + 1]).unwrap();
        assert_eq!(written, PIPE_CAPACITY_BYTES);
        assert!(!is_ready(&mut writer));
        next(&mut reader).unwrap().unwrap();
        assert!(is_ready(&mut writer));
    }

    #[test]
    fn the_end_says_how_it_ended() {
        let (mut writer, mut reader) = pipe();
        writer.trailers_mut().append("t", "1".parse().unwrap());
        writer.finish();
        let Ok(Item::End(trailers)) = next(&mut reader).unwrap() else {
            panic!("a finished pipe ends cleanly");
        };
        assert_eq!(trailers["t"], "1");

        let (writer, mut reader) = pipe();
        drop(writer);
        assert!(matches!(
            next(&mut reader).unwrap(),
            Err(BodyError::Abandoned)
        ));
    }

    #[test]
    fn a_writer_learns_that_nobody_reads() {
        let (mut writer, reader) = pipe();
        drop(reader);
        assert!(matches!(writer.write(b"x"), Err(BodyError::Unread)));
        assert!(is_ready(&mut writer));
    }
}
