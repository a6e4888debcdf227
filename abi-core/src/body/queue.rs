//! [`Body`]: a queue of chunks that a guest reads from and writes to.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;

use super::BodyError;
use crate::http::headers::append_where_room;

/// A body that arrives piece by piece: a client's request, a backend's response, a guest that still writes.
pub type BodyStream =
    Pin<Box<dyn http_body::Body<Data = Bytes, Error = BodyError> + Send + 'static>>;

/// One element of the queue.
pub(super) enum Chunk {
    /// Bytes that are here; never empty.
    Bytes(Bytes),
    /// Bytes that are still to come.
    Stream(BodyStream),
}

/// An HTTP body as a guest holds it.
///
/// Reading splits [`Bytes`] and copies nothing; appending moves chunks and copies nothing.
#[derive(Default)]
pub struct Body {
    chunks: VecDeque<Chunk>,
    trailers: HeaderMap,
    read_to_end: bool,
}

impl Body {
    /// An empty body.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// A body that arrives from elsewhere.
    #[must_use]
    pub fn from_stream(stream: BodyStream) -> Self {
        let mut body = Self::empty();
        if !stream.is_end_stream() {
            body.chunks.push_back(Chunk::Stream(stream));
        }
        body
    }

    /// Adds bytes at the end.
    pub fn push_back(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.chunks.push_back(Chunk::Bytes(bytes));
        }
    }

    /// Adds bytes before everything that has not been read yet.
    pub fn push_front(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.chunks.push_front(Chunk::Bytes(bytes));
        }
    }

    /// Adds bytes that are still to come at the end.
    pub fn push_stream(&mut self, stream: BodyStream) {
        self.chunks.push_back(Chunk::Stream(stream));
    }

    /// Moves all of `source`, trailers too, to the end of this body.
    pub fn append(&mut self, source: Self) {
        self.chunks.extend(source.chunks);
        merge_trailers(&mut self.trailers, source.trailers);
    }

    /// The number of bytes not read yet, where every part of the body knows its own.
    #[must_use]
    pub fn known_length(&self) -> Option<u64> {
        self.chunks.iter().try_fold(0_u64, |length, chunk| {
            let chunk_length = match chunk {
                Chunk::Bytes(bytes) => bytes.len() as u64,
                Chunk::Stream(stream) => stream.size_hint().exact()?,
            };
            length.checked_add(chunk_length)
        })
    }

    /// Whether a read has met the end, from which on the trailers are complete.
    #[must_use]
    pub fn is_read_to_end(&self) -> bool {
        self.read_to_end
    }

    /// The trailers: those received so far and those the guest appended.
    #[must_use]
    pub fn trailers(&self) -> &HeaderMap {
        &self.trailers
    }

    /// The trailers, to be appended to.
    pub fn trailers_mut(&mut self) -> &mut HeaderMap {
        &mut self.trailers
    }

    /// Waits for bytes, and takes at most `max` of them; `None` is the end of the body.
    ///
    /// # Errors
    ///
    /// Whatever ended the body before its end.
    pub async fn read(&mut self, max: usize) -> Result<Option<Bytes>, BodyError> {
        poll_fn(|cx| self.poll_read(max, cx)).await
    }

    /// [`Body::read`], as a poll.
    ///
    /// # Errors
    ///
    /// Whatever ended the body before its end.
    pub fn poll_read(
        &mut self,
        max: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, BodyError>> {
        ready!(self.poll_ready(cx))?;
        let Some(Chunk::Bytes(bytes)) = self.chunks.front_mut() else {
            return Poll::Ready(Ok(None));
        };
        if max < bytes.len() {
            return Poll::Ready(Ok(Some(bytes.split_to(max))));
        }
        let bytes = std::mem::take(bytes);
        self.chunks.pop_front();
        Poll::Ready(Ok(Some(bytes)))
    }

    /// Waits until a read would not wait: until bytes lie at the front of the queue, or the body has ended.
    ///
    /// # Errors
    ///
    /// Whatever ended the body before its end. It is reported once; from then on the body is at its end.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        loop {
            let stream = match self.chunks.front_mut() {
                Some(Chunk::Bytes(_)) => return Poll::Ready(Ok(())),
                Some(Chunk::Stream(stream)) => stream,
                None => {
                    self.read_to_end = true;
                    return Poll::Ready(Ok(()));
                }
            };
            match ready!(stream.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => self.take_frame(frame),
                Some(Err(error)) => {
                    self.chunks.clear();
                    return Poll::Ready(Err(error));
                }
                None => {
                    self.chunks.pop_front();
                }
            }
        }
    }

    fn take_frame(&mut self, frame: Frame<Bytes>) {
        match frame.into_data() {
            Ok(bytes) => self.push_front(bytes),
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    merge_trailers(&mut self.trailers, trailers);
                }
            }
        }
    }

    /// Its bytes, piece by piece, and its trailers; or the body as it is, where a part of it is still to come.
    pub(crate) fn into_bytes(self) -> Result<(Vec<Bytes>, HeaderMap), Box<Self>> {
        if self
            .chunks
            .iter()
            .any(|chunk| matches!(chunk, Chunk::Stream(_)))
        {
            return Err(Box::new(self));
        }
        let chunks = self.chunks.into_iter().filter_map(|chunk| match chunk {
            Chunk::Bytes(bytes) => Some(bytes),
            Chunk::Stream(_) => None,
        });
        Ok((chunks.collect(), self.trailers))
    }

    pub(super) fn into_parts(self) -> (VecDeque<Chunk>, HeaderMap) {
        (self.chunks, self.trailers)
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        let mut body = Self::empty();
        body.push_back(bytes);
        body
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("chunks", &self.chunks.len())
            .field("known_length", &self.known_length())
            .field("read_to_end", &self.read_to_end)
            .finish_non_exhaustive()
    }
}

/// Adds `more` to `trailers`, keeping every value of a name that both have, up to
/// [`FIELDS_MAX`](crate::http::headers::FIELDS_MAX) fields together.
pub(crate) fn merge_trailers(trailers: &mut HeaderMap, more: HeaderMap) {
    if trailers.is_empty() {
        *trailers = more;
        return;
    }
    let mut current = None;
    for (name, value) in more {
        if name.is_some() {
            current = name;
        }
        if let Some(name) = &current {
            append_where_room(trailers, name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::headers::FIELDS_MAX;
    use futures_util::FutureExt;
    use http::HeaderValue;

    fn read(body: &mut Body, max: usize) -> Option<Bytes> {
        body.read(max).now_or_never().unwrap().unwrap()
    }

    #[test]
    fn reading_splits_and_never_joins() {
        let mut body = Body::from(Bytes::from_static(b"hello"));
        body.push_back(Bytes::from_static(b"world"));
        body.push_front(Bytes::from_static(b">"));
        assert_eq!(body.known_length(), Some(11));
        assert_eq!(read(&mut body, 8).unwrap(), ">");
        assert_eq!(read(&mut body, 2).unwrap(), "he");
        assert_eq!(read(&mut body, 8).unwrap(), "llo");
        assert_eq!(read(&mut body, 8).unwrap(), "world");
        assert!(!body.is_read_to_end());
        assert_eq!(read(&mut body, 8), None);
        assert!(body.is_read_to_end());
    }

    #[test]
    fn a_read_does_not_copy() {
        let bytes = Bytes::from(vec![7; 1024]);
        let start = bytes.as_ptr();
        let mut body = Body::from(bytes);
        assert_eq!(read(&mut body, 100).unwrap().as_ptr(), start);
        assert_eq!(
            read(&mut body, 100).unwrap().as_ptr(),
            start.wrapping_add(100)
        );
    }

    #[test]
    fn appended_trailers_keep_every_value() {
        let mut body = Body::empty();
        body.trailers_mut().append("a", "1".parse().unwrap());
        let mut source = Body::empty();
        source.trailers_mut().append("a", "2".parse().unwrap());
        source.trailers_mut().append("a", "3".parse().unwrap());
        source.trailers_mut().append("b", "4".parse().unwrap());
        body.append(source);
        let values: Vec<_> = body.trailers().get_all("a").iter().collect();
        assert_eq!(values, ["1", "2", "3"]);
        assert_eq!(body.trailers()["b"], "4");
    }

    #[test]
    fn trailers_that_come_together_have_a_bound() {
        let section = |prefix: &str| -> HeaderMap {
            let names = (0..FIELDS_MAX).map(|number| format!("{prefix}{number}"));
            names
                .map(|name| (name.parse().unwrap(), HeaderValue::from_static("1")))
                .collect::<HeaderMap>()
        };
        let mut trailers = section("a");
        merge_trailers(&mut trailers, section("b"));
        assert_eq!(trailers.len(), FIELDS_MAX);
        assert!(trailers.contains_key("a0"));
    }
}
