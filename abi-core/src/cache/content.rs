//! The bytes of one body: written once, and read by any number of readers at places of their own.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Frame, SizeHint};

use super::budget::Budget;
use crate::body::{Body, BodyError};

/// Pieces below this size are copied into larger ones: many small ones would cost more than the copy, and a small one
/// may be all that is left of a large buffer, which it would keep.
const PIECE_BYTES_MIN: usize = 4 * 1024;

/// Complete bodies of at most so many pieces are given out as they are, without a reader.
const PLAIN_PIECES_MAX: usize = 1;

/// Complete bodies of at most so many bytes are given out as they are. What readers hold of larger ones is counted.
const PLAIN_BYTES_MAX: u64 = 64 * 1024;

/// The bytes of one body.
pub(super) struct Content {
    state: Mutex<State>,
    budget: Arc<Budget>,
    /// The number of the object that it belongs to; 0 for none.
    owner: AtomicU64,
}

struct State {
    pieces: Vec<Bytes>,
    /// Where each piece ends.
    ends: Vec<u64>,
    /// The latest small writes, joined; they come after all pieces.
    tail: BytesMut,
    length: u64,
    declared: Option<u64>,
    end: End,
    next_reader: u64,
    waiting: HashMap<u64, Waker>,
}

enum End {
    Open,
    Finished(HeaderMap),
    Failed,
}

impl State {
    fn seal_tail(&mut self) {
        if !self.tail.is_empty() {
            self.pieces.push(self.tail.split().freeze());
            self.ends.push(self.length);
        }
    }

    fn known_length(&self) -> Option<u64> {
        match self.end {
            End::Finished(_) => Some(self.length),
            End::Open => self.declared,
            End::Failed => None,
        }
    }
}

impl Content {
    pub(super) fn new(declared: Option<u64>, budget: Arc<Budget>) -> Self {
        Self {
            state: Mutex::new(State {
                pieces: Vec::new(),
                ends: Vec::new(),
                tail: BytesMut::new(),
                length: 0,
                declared,
                end: End::Open,
                next_reader: 0,
                waiting: HashMap::new(),
            }),
            budget,
            owner: AtomicU64::new(0),
        }
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    pub(super) fn owner(&self) -> u64 {
        self.owner.load(Ordering::Relaxed)
    }

    /// Says which object it belongs to. Only done while the cache is locked.
    pub(super) fn set_owner(&self, object: u64) {
        self.owner.store(object, Ordering::Relaxed);
    }

    /// Adds bytes at the end, which copies small ones.
    ///
    /// # Errors
    ///
    /// [`BodyError::Incomplete`] when there are more than were declared, and after a failure.
    pub(super) fn push(&self, bytes: Bytes) -> Result<(), BodyError> {
        let mut state = self.begin_push(bytes.len())?;
        if bytes.len() < PIECE_BYTES_MIN {
            state.tail.extend_from_slice(&bytes);
            if state.tail.len() >= PIECE_BYTES_MIN {
                state.seal_tail();
            }
        } else {
            let end = state.length;
            state.length -= bytes.len() as u64;
            state.seal_tail();
            state.length = end;
            state.pieces.push(bytes);
            state.ends.push(end);
        }
        wake(state);
        Ok(())
    }

    /// Copies bytes to the end.
    ///
    /// # Errors
    ///
    /// Those of [`push`](Self::push).
    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), BodyError> {
        let mut state = self.begin_push(bytes.len())?;
        state.tail.extend_from_slice(bytes);
        if state.tail.len() >= PIECE_BYTES_MIN {
            state.seal_tail();
        }
        wake(state);
        Ok(())
    }

    fn begin_push(&self, bytes: usize) -> Result<MutexGuard<'_, State>, BodyError> {
        let mut state = self.lock();
        if !matches!(state.end, End::Open) {
            return Err(BodyError::Incomplete);
        }
        let length = state.length.saturating_add(bytes as u64);
        if state.declared.is_some_and(|declared| declared < length) {
            state.end = End::Failed;
            wake(state);
            return Err(BodyError::Incomplete);
        }
        self.budget.take(bytes as u64);
        state.length = length;
        Ok(state)
    }

    /// Ends it cleanly; says whether it is complete.
    pub(super) fn finish(&self, trailers: HeaderMap) -> bool {
        let mut state = self.lock();
        state.seal_tail();
        let complete = state.declared.is_none_or(|length| length == state.length);
        if matches!(state.end, End::Open) {
            state.end = if complete {
                End::Finished(trailers)
            } else {
                End::Failed
            };
        }
        let complete = matches!(state.end, End::Finished(_));
        wake(state);
        complete
    }

    /// Ends it in the middle.
    pub(super) fn fail(&self) {
        let mut state = self.lock();
        if matches!(state.end, End::Open) {
            state.end = End::Failed;
            wake(state);
        }
    }

    /// How many bytes are there.
    pub(super) fn written(&self) -> u64 {
        self.lock().length
    }

    /// How many bytes it has or will have, where that is known.
    pub(super) fn known_length(&self) -> Option<u64> {
        self.lock().known_length()
    }

    /// Whether it was given up.
    pub(super) fn has_failed(&self) -> bool {
        matches!(self.lock().end, End::Failed)
    }

    /// Whether it has all its bytes.
    pub(super) fn is_complete(&self) -> bool {
        matches!(self.lock().end, End::Finished(_))
    }

    /// Waits until there are at least `length` bytes, or no more will come; gives how many there are then.
    ///
    /// # Errors
    ///
    /// [`BodyError::Abandoned`] when it was given up.
    pub(super) async fn wait_for(self: &Arc<Self>, length: u64) -> Result<u64, BodyError> {
        let reader = Reader::new(self.clone(), 0, None);
        std::future::poll_fn(|cx| reader.poll_length(length, cx)).await
    }

    /// A body of the bytes from `start` to before `end`.
    pub(super) fn body(self: &Arc<Self>, start: u64, end: Option<u64>) -> Body {
        let state = self.lock();
        if let End::Finished(trailers) = &state.end
            && end.is_none_or(|end| end <= state.length)
            && state.pieces.len() <= PLAIN_PIECES_MAX
            && state.length <= PLAIN_BYTES_MAX
        {
            let is_whole = end.is_none();
            let end = end.unwrap_or(state.length);
            let start = start.min(end);
            let mut body = Body::empty();
            if let Some(piece) = state.pieces.first() {
                // The only piece has all `length` bytes, of which there are few.
                body.push_back(piece.slice(start as usize..end as usize));
            }
            if is_whole {
                body.trailers_mut().clone_from(trailers);
            }
            return body;
        }
        drop(state);
        Body::from_stream(Box::pin(Reader::new(self.clone(), start, end)))
    }

    /// A panic elsewhere cannot leave it half changed: every change is a push and an addition.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        let written = self.lock().length;
        self.budget.give_back(written);
    }
}

/// Wakes outside of the lock: readers may run at once on other threads.
fn wake(mut state: MutexGuard<'_, State>) {
    let waiting = std::mem::take(&mut state.waiting);
    drop(state);
    waiting.into_values().for_each(Waker::wake);
}

/// Has a reader woken when there is more. The waker that it had is freed outside of the lock, as is what belongs to it.
fn wait(mut state: MutexGuard<'_, State>, reader: u64, cx: &Context<'_>) {
    let former = state.waiting.insert(reader, cx.waker().clone());
    drop(state);
    drop(former);
}

/// A reader at its place.
struct Reader {
    content: Arc<Content>,
    id: u64,
    position: u64,
    /// Before which byte it ends; a part has no trailers.
    end: Option<u64>,
    ended: bool,
}

impl Reader {
    fn new(content: Arc<Content>, position: u64, end: Option<u64>) -> Self {
        let mut state = content.lock();
        state.next_reader += 1;
        let id = state.next_reader;
        drop(state);
        Self {
            content,
            id,
            position,
            end,
            ended: false,
        }
    }

    fn poll_length(&self, length: u64, cx: &mut Context<'_>) -> Poll<Result<u64, BodyError>> {
        let state = self.content.lock();
        match state.end {
            End::Failed => Poll::Ready(Err(BodyError::Abandoned)),
            End::Open if state.length < length => {
                wait(state, self.id, cx);
                Poll::Pending
            }
            End::Open | End::Finished(_) => Poll::Ready(Ok(state.length)),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // What the waker belongs to may be freed with it, and must not find this locked.
        let waker = self.content.lock().waiting.remove(&self.id);
        drop(waker);
    }
}

impl http_body::Body for Reader {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if this.ended || this.end.is_some_and(|end| end <= this.position) {
            return Poll::Ready(None);
        }
        let state = this.content.lock();
        if this.position < state.length {
            let index = state.ends.partition_point(|end| *end <= this.position);
            let Some(piece_end) = state.ends.get(index).copied() else {
                // The latest small writes are copied, and go on being joined: as pieces of their own they would take far
                // more memory than their bytes, for as long as the object stays.
                let joined = state.length - state.tail.len() as u64;
                let end = this.end.map_or(state.length, |end| end.min(state.length));
                // Both lie within the tail.
                let bytes = &state.tail[(this.position - joined) as usize..(end - joined) as usize];
                let bytes = Bytes::copy_from_slice(bytes);
                this.position = end;
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            };
            let piece = &state.pieces[index];
            let end = this.end.map_or(piece_end, |end| end.min(piece_end));
            // Both lie within the piece, whose length fits.
            let from = piece.len() - (piece_end - this.position) as usize;
            let to = piece.len() - (piece_end - end) as usize;
            let bytes = piece.slice(from..to);
            this.position = end;
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        let last = match &state.end {
            End::Open => {
                wait(state, this.id, cx);
                return Poll::Pending;
            }
            End::Failed => Some(Err(BodyError::Abandoned)),
            End::Finished(_) if this.end.is_some() => Some(Err(BodyError::Incomplete)),
            End::Finished(trailers) if trailers.is_empty() => None,
            End::Finished(trailers) => Some(Ok(Frame::trailers(trailers.clone()))),
        };
        this.ended = true;
        Poll::Ready(last)
    }

    fn is_end_stream(&self) -> bool {
        if self.ended {
            return true;
        }
        if let Some(end) = self.end {
            return end <= self.position;
        }
        let state = self.content.lock();
        matches!(&state.end, End::Finished(trailers) if trailers.is_empty())
            && state.length <= self.position
    }

    fn size_hint(&self) -> SizeHint {
        let state = self.content.lock();
        match (&state.end, self.end) {
            (End::Failed, _) => SizeHint::new(),
            (_, Some(end)) => SizeHint::with_exact(end.saturating_sub(self.position)),
            // HTTP/1.1 has no place for trailers behind a content-length (RFC 9112 section 7.1.2).
            (End::Finished(trailers), None) if !trailers.is_empty() => SizeHint::new(),
            (_, None) => match state.known_length() {
                Some(length) => SizeHint::with_exact(length.saturating_sub(self.position)),
                None => SizeHint::new(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// What a reader gets at once.
    fn read(reader: &mut Reader) -> Vec<u8> {
        let mut all = Vec::new();
        let mut cx = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(frame)) =
            http_body::Body::poll_frame(Pin::new(&mut *reader), &mut cx)
        {
            all.extend_from_slice(&frame.unwrap().into_data().unwrap());
        }
        all
    }

    #[test]
    fn small_writes_stay_joined_however_soon_they_are_read() {
        let content = Arc::new(Content::new(None, Arc::new(Budget::new(1 << 20))));
        let mut whole = Reader::new(content.clone(), 0, None);
        let mut part = Reader::new(content.clone(), 4_990, Some(5_010));
        let mut of_part = Vec::new();
        for number in 0..10_000_u32 {
            let byte = number.to_le_bytes()[0];
            content.write(&[byte]).unwrap();
            assert_eq!(read(&mut whole), [byte]);
            of_part.extend(read(&mut part));
        }
        assert!(content.finish(HeaderMap::new()));
        assert!(read(&mut whole).is_empty());
        let byte_of = |number: u32| number.to_le_bytes()[0];
        assert_eq!(of_part, (4_990..5_010).map(byte_of).collect::<Vec<_>>());
        let mut late = Reader::new(content.clone(), 0, None);
        assert_eq!(
            read(&mut late),
            (0..10_000).map(byte_of).collect::<Vec<_>>()
        );
        assert_eq!(content.lock().pieces.len(), 3);
    }
}
