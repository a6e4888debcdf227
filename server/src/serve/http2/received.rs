//! Requests as they arrive.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use abi_core::body::BodyError;
use bytes::Bytes;
use h2::RecvStream;
use http::header::{CONTENT_LENGTH, EXPECT, HeaderMap};
use http::{Request, StatusCode};
use http_body::{Body, Frame, SizeHint};

use super::responding::Responding;

/// A request with its body, which asks for itself where the client waits for that.
pub(super) fn received(
    request: Request<RecvStream>,
    respond: &Arc<Responding>,
) -> Request<ReceivedBody> {
    let headers = request.headers();
    let length = headers.get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    let waits = headers
        .get(EXPECT)
        .is_some_and(|expected| expected.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    let asking = waits.then(|| respond.clone());
    request.map(|stream| ReceivedBody::new(stream, length, asking))
}

/// The body of a request as it arrives.
pub(in crate::serve) struct ReceivedBody {
    stream: RecvStream,
    /// What is still to come, as the head of the request says.
    left: Option<u64>,
    data_ended: bool,
    /// By which the client is asked for the body when it is read first: RFC 9110 section 10.1.1.
    asking: Option<Arc<Responding>>,
}

impl ReceivedBody {
    pub(super) fn new(
        stream: RecvStream,
        left: Option<u64>,
        asking: Option<Arc<Responding>>,
    ) -> Self {
        Self {
            stream,
            left,
            data_ended: false,
            asking,
        }
    }
}

impl Body for ReceivedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if let Some(asking) = this.asking.take() {
            asking.send_interim(StatusCode::CONTINUE, HeaderMap::new());
        }
        if !this.data_ended {
            match ready!(this.stream.poll_data(cx)) {
                Some(Ok(bytes)) => {
                    // It was lent to the client by this stream.
                    let released = this.stream.flow_control().release_capacity(bytes.len());
                    released.map_err(broken)?;
                    // That there is no more than the head says is checked by the library.
                    this.left = this
                        .left
                        .map(|left| left.saturating_sub(bytes.len() as u64));
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(broken(error)))),
                None => this.data_ended = true,
            }
        }
        let trailers = ready!(this.stream.poll_trailers(cx)).map_err(broken)?;
        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.stream.is_end_stream() {
            return SizeHint::with_exact(0);
        }
        self.left
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// Whose fault it was that a body broke off.
fn broken(error: h2::Error) -> BodyError {
    match error.is_reset() || error.is_io() {
        true => BodyError::Incomplete,
        false => BodyError::Peer(Arc::new(error)),
    }
}
