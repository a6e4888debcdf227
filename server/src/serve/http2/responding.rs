//! The place of a response, with what may come before it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use abi_core::body::OutgoingBody;
use abi_core::http::remove_hop_by_hop;
use abi_core::session::EarlyHints;
use futures_util::future::{Either, select};
use h2::server::SendResponse;
use http::header::{CONTENT_LENGTH, DATE, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use http_body::Body;

use super::piece::Piece;
use super::sending::Sending;
use crate::framing::of_interim;
use crate::serve::flush::FlushedBeforeError;

/// The most bytes of interim responses for one request: the library keeps them until the client reads.
pub(super) const INTERIM_BYTES_MAX: usize = 64 * 1024;

/// The place of a response. Both who answers and who hints at the answer use it.
#[derive(Debug)]
pub(super) struct Responding {
    place: Mutex<Place>,
    send_timeout: Duration,
    /// The requests of its connection that were given up.
    given_up: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Place {
    respond: SendResponse<Piece>,
    interim_bytes: usize,
    /// Nothing interim comes behind the response, or on a stream that has ended without one.
    is_over: bool,
}

impl Responding {
    pub(super) fn new(
        respond: SendResponse<Piece>,
        send_timeout: Duration,
        given_up: Arc<AtomicUsize>,
    ) -> Arc<Self> {
        Arc::new(Self {
            place: Mutex::new(Place {
                respond,
                interim_bytes: 0,
                is_over: false,
            }),
            send_timeout,
            given_up,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Place> {
        // The library keeps its own state; here only bytes are counted.
        let place = self.place.lock();
        place.unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what `answering` gives. A client that gives its request up ends it.
    pub(super) async fn with<F>(&self, answering: F) -> Result<(), h2::Error>
    where
        F: Future<Output = Response<OutgoingBody>>,
    {
        let answering = pin!(answering);
        let given_up = poll_fn(|cx| self.lock().respond.poll_reset(cx));
        let response = match select(answering, given_up).await {
            Either::Left((response, _)) => response,
            Either::Right((reason, _)) => {
                self.lock().is_over = true;
                self.given_up.fetch_add(1, Ordering::Relaxed);
                tracing::debug!("a client gave its request up: {}", reason?);
                return Ok(());
            }
        };
        let (mut head, body) = response.into_parts();
        remove_hop_by_hop(&mut head.headers);
        head.headers.entry(DATE).or_insert_with(now);
        let is_whole = body.is_end_stream();
        if let Some(length) = body.size_hint().exact().filter(|_| !is_whole) {
            let entry = head.headers.entry(CONTENT_LENGTH);
            entry.or_insert_with(|| HeaderValue::from(length));
        }
        let head = Response::from_parts(head, ());
        let stream = {
            let mut place = self.lock();
            place.is_over = true;
            place.respond.send_response(head, is_whole)?
        };
        if is_whole {
            return Ok(());
        }
        let sending = Sending::new(stream, self.send_timeout);
        sending.send(FlushedBeforeError::new(body)).await
    }

    /// Sends an interim response, which has no body: RFC 9110 section 15.2.
    pub(super) fn send_interim(&self, status: StatusCode, headers: HeaderMap) {
        let fields = headers.iter();
        let bytes: usize = fields
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        let mut place = self.lock();
        if place.is_over {
            return;
        }
        place.interim_bytes = place.interim_bytes.saturating_add(bytes);
        if place.interim_bytes > INTERIM_BYTES_MAX {
            tracing::debug!("there are too many early hints for one request; this one is left out");
            return;
        }
        let mut interim = Response::new(());
        *interim.status_mut() = status;
        *interim.headers_mut() = headers;
        if let Err(error) = place.respond.send_informational(interim) {
            tracing::debug!("a client did not get an interim response: {error}");
        }
    }
}

impl EarlyHints for Responding {
    fn send(&self, headers: &HeaderMap) {
        self.send_interim(StatusCode::EARLY_HINTS, of_interim(headers));
    }
}

/// The date, as a header field has it.
fn now() -> HeaderValue {
    let date = httpdate::fmt_http_date(SystemTime::now());
    // A date is made of letters, digits and spaces.
    HeaderValue::try_from(date).unwrap_or_else(|_| HeaderValue::from_static(""))
}
