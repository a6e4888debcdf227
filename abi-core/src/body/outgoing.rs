//! [`OutgoingBody`]: a body on its way to a client or a backend.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};

use super::BodyError;
use super::pipe::{Item, PipeReader};
use super::queue::{Body, Chunk, merge_trailers};
use crate::http::remove_hop_by_hop;

/// A body that the host sends: what the guest had queued, then, if it streams, what it writes later, then trailers.
pub struct OutgoingBody {
    chunks: VecDeque<Chunk>,
    pipe: Option<PipeReader>,
    trailers: HeaderMap,
}

impl OutgoingBody {
    /// An empty body.
    #[must_use]
    pub fn empty() -> Self {
        Self::from(Body::empty())
    }

    /// A body that goes on with what is written to the other end of `pipe`.
    #[must_use]
    pub fn streaming(body: Body, pipe: PipeReader) -> Self {
        Self {
            pipe: Some(pipe),
            ..Self::from(body)
        }
    }

    /// The bytes still to be sent, where they are known. Those of a body that streams never are: whether its writer has
    /// finished by the time somebody asks is chance, and would change how the same body is framed.
    #[must_use]
    pub fn known_length(&self) -> Option<u64> {
        if self.pipe.is_some() {
            return None;
        }
        let mut length = 0_u64;
        for chunk in &self.chunks {
            length = length.checked_add(match chunk {
                Chunk::Bytes(bytes) => bytes.len() as u64,
                Chunk::Stream(stream) => stream.size_hint().exact()?,
            })?;
        }
        Some(length)
    }

    /// The body as a guest holds one, so that an embedder can answer a guest with what another one sent.
    #[must_use]
    pub fn into_body(self) -> Body {
        Body::from_stream(Box::pin(self))
    }
}

impl From<Body> for OutgoingBody {
    fn from(body: Body) -> Self {
        let (chunks, trailers) = body.into_parts();
        Self {
            chunks,
            pipe: None,
            trailers,
        }
    }
}

impl From<Bytes> for OutgoingBody {
    fn from(bytes: Bytes) -> Self {
        Self::from(Body::from(bytes))
    }
}

impl Default for OutgoingBody {
    fn default() -> Self {
        Self::empty()
    }
}

impl http_body::Body for OutgoingBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        loop {
            match this.chunks.front_mut() {
                Some(Chunk::Bytes(bytes)) => {
                    let bytes = std::mem::take(bytes);
                    this.chunks.pop_front();
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Chunk::Stream(stream)) => match ready!(stream.as_mut().poll_frame(cx)) {
                    Some(Ok(frame)) => match frame.into_trailers() {
                        Ok(trailers) => merge_trailers(&mut this.trailers, trailers),
                        Err(frame) => return Poll::Ready(Some(Ok(frame))),
                    },
                    Some(Err(error)) => {
                        this.chunks.clear();
                        this.pipe = None;
                        return Poll::Ready(Some(Err(error)));
                    }
                    None => {
                        this.chunks.pop_front();
                    }
                },
                None => {
                    let Some(pipe) = &mut this.pipe else {
                        let mut trailers = std::mem::take(&mut this.trailers);
                        // HTTP/2 libraries give up a whole message that has such fields, which may not be there: RFC 9110
                        // section 6.5.1.
                        remove_hop_by_hop(&mut trailers);
                        let end = (!trailers.is_empty()).then(|| Ok(Frame::trailers(trailers)));
                        return Poll::Ready(end);
                    };
                    match ready!(pipe.poll_next(cx)) {
                        Ok(Item::Chunk(chunk)) => this.chunks.push_back(chunk),
                        Ok(Item::End(trailers)) => {
                            merge_trailers(&mut this.trailers, trailers);
                            this.pipe = None;
                        }
                        Err(error) => {
                            this.pipe = None;
                            return Poll::Ready(Some(Err(error)));
                        }
                    }
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.is_empty() && self.pipe.is_none() && self.trailers.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        // HTTP/1.1 has no place for trailers behind a content-length (RFC 9112 section 7.1.2).
        if !self.trailers.is_empty() {
            return SizeHint::new();
        }
        self.known_length()
            .map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

impl std::fmt::Debug for OutgoingBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutgoingBody")
            .field("known_length", &self.known_length())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use http::HeaderValue;
    use http_body::Body as _;

    use super::*;

    fn next(body: &mut OutgoingBody) -> Option<Frame<Bytes>> {
        let mut cx = Context::from_waker(Waker::noop());
        match Pin::new(body).poll_frame(&mut cx) {
            Poll::Ready(frame) => frame.map(Result::unwrap),
            Poll::Pending => panic!("all of it is there"),
        }
    }

    #[test]
    fn trailers_have_no_fields_of_a_connection() {
        for (names, left) in [(&["keep-alive", "x-checksum"][..], 1), (&["te"], 0)] {
            let mut body = Body::from(Bytes::from_static(b"body"));
            for name in names {
                let value = HeaderValue::from_static("1");
                body.trailers_mut().insert(*name, value);
            }
            let mut body = OutgoingBody::from(body);
            assert_eq!(next(&mut body).unwrap().into_data().unwrap(), "body");
            let trailers = next(&mut body).map(|frame| frame.into_trailers().unwrap());
            assert_eq!(trailers.unwrap_or_default().len(), left);
            assert!(next(&mut body).is_none());
        }
    }
}
