//! Bodies of requests that may have to be sent again.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use abi_core::body::{BodyError, OutgoingBody};
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

/// How much of a body is kept while nobody knows whether the backend looks at the request. It is more than a backend may be
/// sent on HTTP/2 before it has said anything: RFC 9113 section 6.9.2.
const KEPT_BYTES_MAX: usize = 256 * 1024;

/// What a piece of a body counts for at least: it may be all that is used of a buffer.
const PIECE_BYTES_MIN: usize = 1024;

/// A body on its way to a backend, whose beginning is kept, so that the request can be sent once more.
///
/// Its copies are one body: one goes to the HTTP library, another stays with who may have to ask for the same again. It is
/// no larger than a pointer, since the library keeps room for many.
pub(super) struct ResendableBody(Arc<Mutex<Option<Sending>>>);

/// A body while it is sent.
struct Sending {
    /// What nobody has been given yet.
    rest: OutgoingBody,
    /// What was given out before.
    kept: Kept,
    /// Whether that is all that was, and may be asked for again.
    is_resendable: bool,
    /// Whether the HTTP library has asked for it on the present try.
    was_asked_for: bool,
    /// Whether the library has to ask also where there is nothing.
    is_always_asked_for: bool,
}

/// The beginning of a body.
#[derive(Default)]
struct Kept {
    pieces: Vec<Bytes>,
    trailers: Option<HeaderMap>,
    /// What the pieces count for.
    bytes: usize,
    /// How many of the pieces have been sent on the present try.
    sent: usize,
    /// Whether the trailers have been.
    trailers_sent: bool,
}

impl ResendableBody {
    pub(super) fn new(body: OutgoingBody) -> Self {
        Self::of(Sending {
            rest: body,
            kept: Kept::default(),
            is_resendable: true,
            was_asked_for: false,
            is_always_asked_for: false,
        })
    }

    /// The same, for which the library asks also where it is empty: there seems to be something until it has.
    pub(super) fn always_asked_for(self) -> Self {
        if let Some(sending) = self.lock().as_mut() {
            sending.is_always_asked_for = true;
        }
        self
    }

    fn of(sending: Sending) -> Self {
        Self(Arc::new(Mutex::new(Some(sending))))
    }

    /// The same body, for the HTTP library.
    pub(super) fn share(&self) -> Self {
        Self(self.0.clone())
    }

    /// The body from its beginning, where all that was taken of it has been kept. Whoever has the present one has nothing
    /// any more.
    pub(super) fn again(&self) -> Option<Self> {
        let mut sending = self.lock().take_if(|sending| sending.is_resendable)?;
        sending.was_asked_for = false;
        sending.kept.sent = 0;
        sending.kept.trailers_sent = false;
        Some(Self::of(sending))
    }

    /// Whether the HTTP library has asked for it, which it does on HTTP/2 when the request has a stream that is open.
    pub(super) fn was_asked_for(&self) -> bool {
        let place = self.lock();
        place.as_ref().is_some_and(|sending| sending.was_asked_for)
    }

    /// Nobody will ask for this body again.
    pub(super) fn settle(self) {
        if let Some(sending) = self.lock().as_mut() {
            sending.is_resendable = false;
            sending.forget();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Sending>> {
        // Whoever panicked was in the middle of a poll, after which a body is not polled again.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sending {
    /// Keeps nothing that nobody asks for again, once it has been sent.
    fn forget(&mut self) {
        if !self.is_resendable && !self.kept.has_more() {
            self.kept = Kept::default();
        }
    }
}

impl Kept {
    /// Whether there is something left from the tries before.
    fn has_more(&self) -> bool {
        self.sent < self.pieces.len() || (self.trailers.is_some() && !self.trailers_sent)
    }

    /// What is next of that.
    fn next(&mut self) -> Option<Frame<Bytes>> {
        if let Some(piece) = self.pieces.get(self.sent) {
            self.sent += 1;
            return Some(Frame::data(piece.clone()));
        }
        if self.trailers_sent {
            return None;
        }
        let trailers = self.trailers.clone()?;
        self.trailers_sent = true;
        Some(Frame::trailers(trailers))
    }

    /// Keeps what is sent for the first time; `false` when there is no room for it.
    fn keep(&mut self, frame: &Frame<Bytes>) -> bool {
        if let Some(trailers) = frame.trailers_ref() {
            self.trailers = Some(trailers.clone());
            self.trailers_sent = true;
        }
        if let Some(piece) = frame.data_ref() {
            let counted = piece.len().max(PIECE_BYTES_MIN);
            self.bytes = self.bytes.saturating_add(counted);
            if self.bytes > KEPT_BYTES_MAX {
                return false;
            }
            self.pieces.push(piece.clone());
            self.sent = self.pieces.len();
        }
        true
    }

    fn bytes_left(&self) -> u64 {
        let left = self.pieces.iter().skip(self.sent);
        left.map(|piece| piece.len() as u64).sum()
    }
}

impl Body for ResendableBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut place = self.lock();
        let Some(sending) = place.as_mut() else {
            // The request is on its way elsewhere; here it shall not look as if it was complete.
            return Poll::Ready(Some(Err(BodyError::Unread)));
        };
        sending.was_asked_for = true;
        if let Some(frame) = sending.kept.next() {
            return Poll::Ready(Some(Ok(frame)));
        }
        let polled = Pin::new(&mut sending.rest).poll_frame(cx);
        if let (true, Poll::Ready(Some(frame))) = (sending.is_resendable, &polled) {
            // Behind an error a body looks as if it had ended well.
            let keep = |frame| sending.kept.keep(frame);
            sending.is_resendable = frame.as_ref().is_ok_and(keep);
        }
        sending.forget();
        polled
    }

    fn is_end_stream(&self) -> bool {
        let place = self.lock();
        place.as_ref().is_some_and(|sending| {
            let is_awaited = sending.is_always_asked_for && !sending.was_asked_for;
            !is_awaited && !sending.kept.has_more() && sending.rest.is_end_stream()
        })
    }

    fn size_hint(&self) -> SizeHint {
        let place = self.lock();
        let length = place.as_ref().and_then(|sending| {
            // HTTP/1.1 has no place for trailers behind a content-length: RFC 9112 section 7.1.2.
            if sending.kept.trailers.is_some() {
                return None;
            }
            let rest = sending.rest.size_hint().exact()?;
            rest.checked_add(sending.kept.bytes_left())
        });
        length.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use abi_core::body;
    use http::HeaderValue;

    use super::*;

    fn next(body: &mut ResendableBody) -> Option<Result<Frame<Bytes>, BodyError>> {
        let mut cx = Context::from_waker(Waker::noop());
        match Pin::new(body).poll_frame(&mut cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending => panic!("all of it is there"),
        }
    }

    fn piece(body: &mut ResendableBody) -> Bytes {
        let frame = next(body).unwrap().unwrap();
        frame.into_data().unwrap()
    }

    /// A body of these pieces, with a trailer.
    fn body_of(pieces: impl IntoIterator<Item = Bytes>) -> ResendableBody {
        let mut body = body::Body::empty();
        for piece in pieces {
            body.push_back(piece);
        }
        let value = HeaderValue::from_static("1");
        body.trailers_mut().insert("x-checksum", value);
        ResendableBody::new(body.into())
    }

    fn pieces<const N: usize>(texts: [&'static str; N]) -> [Bytes; N] {
        texts.map(|text| Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn it_begins_anew_wherever_it_was_left() {
        for taken in 0..=4 {
            let mut first = body_of(pieces(["one", "two", "three"]));
            for _ in 0..taken {
                next(&mut first);
            }
            let mut second = first.again().unwrap();
            assert!(!second.is_end_stream());
            assert_eq!(piece(&mut second), "one");
            let mut third = second.again().unwrap();
            for text in ["one", "two", "three"] {
                assert_eq!(piece(&mut third), text, "{taken}");
            }
            let trailers = next(&mut third).unwrap().unwrap();
            assert_eq!(trailers.into_trailers().unwrap()["x-checksum"], "1");
            assert!(next(&mut third).is_none());
            assert!(third.is_end_stream());
        }
    }

    #[test]
    fn its_length_is_what_is_left_of_the_present_try() {
        let bytes = Bytes::from_static(b"12345");
        let mut body = ResendableBody::new(bytes.into());
        assert_eq!(body.size_hint().exact(), Some(5));
        piece(&mut body);
        assert_eq!(body.size_hint().exact(), Some(0));
        let again = body.again().unwrap();
        assert_eq!(again.size_hint().exact(), Some(5));
    }

    #[test]
    fn who_had_it_before_has_nothing_left() {
        let first = body_of(pieces(["one"]));
        let mut with_library = first.share();
        let mut second = first.again().unwrap();
        assert!(matches!(next(&mut with_library), Some(Err(_))));
        assert!(!with_library.is_end_stream());
        assert!(first.again().is_none());
        assert_eq!(piece(&mut second), "one");
    }

    #[test]
    fn it_does_not_look_empty_until_it_is_asked_for() {
        let mut body = ResendableBody::new(OutgoingBody::empty()).always_asked_for();
        for _ in 0..2 {
            assert!(!body.was_asked_for() && !body.is_end_stream());
            assert_eq!(body.size_hint().exact(), Some(0));
            assert!(next(&mut body).is_none());
            assert!(body.was_asked_for() && body.is_end_stream());
            body = body.again().unwrap();
        }
    }

    #[test]
    fn only_a_beginning_is_kept() {
        let large = Bytes::from(vec![0; KEPT_BYTES_MAX]);
        let mut body = body_of([large, Bytes::from_static(b"more")]);
        piece(&mut body);
        piece(&mut body);
        assert!(body.again().is_none());
        // Nor are many pieces.
        let count = KEPT_BYTES_MAX / PIECE_BYTES_MIN + 1;
        let mut body = body_of(vec![Bytes::from_static(b"x"); count]);
        for _ in 0..count {
            piece(&mut body);
        }
        assert!(body.again().is_none());
    }

    #[test]
    fn what_broke_off_is_not_sent_again() {
        let (mut writer, reader) = body::pipe();
        writer.write(b"beginning").unwrap();
        drop(writer);
        let streaming = OutgoingBody::streaming(body::Body::empty(), reader);
        let mut body = ResendableBody::new(streaming);
        assert_eq!(piece(&mut body), "beginning");
        assert!(matches!(next(&mut body), Some(Err(_))));
        assert!(body.again().is_none());
    }

    #[test]
    fn what_is_settled_goes_on_and_keeps_nothing() {
        let mut first = body_of(pieces(["one", "two"]));
        piece(&mut first);
        let mut with_library = first.share();
        first.settle();
        assert!(with_library.again().is_none());
        assert_eq!(piece(&mut with_library), "two");
        // The second try may still be at what the first one has sent.
        let mut first = body_of(pieces(["one", "two"]));
        piece(&mut first);
        let second = first.again().unwrap();
        let mut with_library = second.share();
        second.settle();
        assert_eq!(piece(&mut with_library), "one");
        assert_eq!(piece(&mut with_library), "two");
    }
}
