//! HTTP/2 connections: RFC 9113.
//!
//! The HTTP library has no place for interim responses on them. The protocol library below it has, and is spoken to here:
//! streams, frames, flow control and limits are its; what is left is to bring requests in and responses out.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use abi_core::body::{BodyError, OutgoingBody};
use abi_core::http::remove_hop_by_hop;
use abi_core::session::EarlyHints;
use bytes::Bytes;
use futures_util::future::{Either, select};
use h2::server::{Connection, SendResponse};
use h2::{Ping, PingPong, Reason, RecvStream, SendStream};
use http::header::{CONTENT_LENGTH, DATE, EXPECT, HeaderMap, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep};

use super::flush::FlushedBeforeError;
use super::listen::HEAD_BYTES_MAX;
use crate::framing::of_interim;

/// How many requests of one connection are worked on at once.
const STREAMS_MAX: u32 = 250;

/// How much of the body of a request may arrive before somebody reads it.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;

/// How much may arrive on all streams of a connection together before somebody reads it. A few guests that do not read
/// should not hold up the others.
const CONNECTION_WINDOW_BYTES: u32 = 4 * STREAM_WINDOW_BYTES;

/// How much of all responses of a connection may wait for its client.
const SEND_BUFFER_BYTES: usize = 400 * 1024;

/// How many requests a client may have given up before anybody has looked at them, and how many of its streams may have
/// been reset for its mistakes, before its connection ends: CVE-2023-44487 and CVE-2025-8671.
const RESETS_UNSEEN_MAX: usize = 20;
const RESETS_FOR_MISTAKES_MAX: usize = 1024;

/// How many requests a client may give up before it has an answer, if they are most of its requests: more of them end its
/// connection. What was begun for them goes on where the host is to finish it, so that they are not limited by how many
/// streams are open.
const GIVEN_UP_MAX: usize = 250;

/// The most bytes of interim responses for one request: the library keeps them until the client reads.
const INTERIM_BYTES_MAX: usize = 64 * 1024;

/// How long clients are waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// How long after its last answer a client is asked again whether it is still there, and how long it may take to say so.
    pub silence_max: Duration,
    /// How long a client may take none of a response that it gets.
    pub send_timeout: Duration,
    /// How long a connection may take to begin, and how long it may be without a request, whatever else is said on it.
    pub idle_timeout: Duration,
}

/// Has `answer` answer the requests of a connection. When `stopping` ends, those that have begun are finished.
///
/// # Errors
///
/// What the client did wrong, or the system. A client that does not begin, and one that vanishes, is no error.
pub(super) async fn serve<S, A, F>(
    stream: S,
    answer: A,
    stopping: impl Future,
    patience: Patience,
) -> Result<(), h2::Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: Fn(Request<ReceivedBody>, Arc<dyn EarlyHints>) -> F,
    F: Future<Output = Response<OutgoingBody>> + Send + 'static,
{
    let mut builder = h2::server::Builder::new();
    builder
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .initial_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buffer_size(SEND_BUFFER_BYTES)
        .max_pending_accept_reset_streams(RESETS_UNSEEN_MAX)
        .max_local_error_reset_streams(Some(RESETS_FOR_MISTAKES_MAX));
    let beginning = tokio::time::timeout(patience.idle_timeout, builder.handshake(stream)).await;
    let mut connection: Connection<S, Bytes> = match beginning {
        Ok(connection) => connection?,
        // Nothing has begun that could end in an error.
        Err(_) => return Ok(()),
    };
    let mut vanished = pin!(vanished(connection.ping_pong(), patience.silence_max));
    let mut stopping = pin!(stopping);
    let mut is_stopping = false;
    let mut idle = Idle::new(patience.idle_timeout);
    let mut count = Count::default();
    loop {
        let next = tokio::select! {
            next = idle.next(&mut connection) => next,
            _ = &mut stopping, if !is_stopping => {
                connection.graceful_shutdown();
                is_stopping = true;
                continue;
            }
            () = &mut vanished => {
                tracing::debug!("a client has vanished");
                return Ok(());
            }
        };
        let accepted = match next {
            Ok(accepted) => accepted,
            Err(IsIdle) if is_stopping => {
                tracing::debug!("a client does not leave a connection that has ended");
                return Ok(());
            }
            Err(IsIdle) => {
                connection.graceful_shutdown();
                is_stopping = true;
                continue;
            }
        };
        let Some(accepted) = accepted else {
            return Ok(());
        };
        let (request, respond) = accepted?;
        if !count.accepts() {
            tracing::debug!("a client gives too many requests up");
            connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
            continue;
        }
        let given_up = count.given_up.clone();
        let respond = Responding::new(respond, patience.send_timeout, given_up);
        let request = received(request, &respond);
        let answering = answer(request, respond.clone());
        tokio::spawn(async move {
            if let Err(error) = respond.with(answering).await {
                tracing::debug!("a client did not get its response: {error}");
            }
        });
    }
}

/// A request, with the place for its response.
type Accepted = (Request<RecvStream>, SendResponse<Bytes>);

/// There has been no request for too long.
struct IsIdle;

/// Since when a connection has had no request. Frames that belong to none do not count: who only pings is idle.
struct Idle {
    limit: Duration,
    sleep: Pin<Box<Sleep>>,
    is_idle: bool,
}

impl Idle {
    fn new(limit: Duration) -> Self {
        Self {
            limit,
            sleep: Box::pin(tokio::time::sleep(limit)),
            is_idle: false,
        }
    }

    /// Waits for a request, of which there is none at the end of the connection, or for the time in which none has come and
    /// none was left.
    async fn next<S>(
        &mut self,
        connection: &mut Connection<S, Bytes>,
    ) -> Result<Option<Result<Accepted, h2::Error>>, IsIdle>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        poll_fn(|cx| {
            // Whatever opens a stream or closes it happens in here, or wakes this task.
            if let Poll::Ready(accepted) = pin!(connection.accept()).poll(cx) {
                self.is_idle = false;
                return Poll::Ready(Ok(accepted));
            }
            self.poll(cx, connection.has_streams())
                .map(|()| Err(IsIdle))
        })
        .await
    }

    /// Ready when there have been no streams for as long as the limit says; then it begins anew.
    fn poll(&mut self, cx: &mut Context<'_>, has_streams: bool) -> Poll<()> {
        if has_streams {
            self.is_idle = false;
            return Poll::Pending;
        }
        if !self.is_idle {
            self.is_idle = true;
            // One that is too far away is never reached.
            if let Some(deadline) = Instant::now().checked_add(self.limit) {
                self.sleep.as_mut().reset(deadline);
            }
        }
        ready!(self.sleep.as_mut().poll(cx));
        self.is_idle = false;
        Poll::Ready(())
    }
}

/// How many requests a connection has had.
#[derive(Default)]
struct Count {
    accepted: usize,
    /// Those that the client gave up before it had an answer.
    given_up: Arc<AtomicUsize>,
}

impl Count {
    /// Counts a request; `false` when the client has given too many up.
    fn accepts(&mut self) -> bool {
        self.accepted = self.accepted.saturating_add(1);
        let given_up = self.given_up.load(Ordering::Relaxed);
        given_up <= GIVEN_UP_MAX || given_up <= self.accepted / 2
    }
}

/// A request with its body, which asks for itself where the client waits for that.
fn received(request: Request<RecvStream>, respond: &Arc<Responding>) -> Request<ReceivedBody> {
    let headers = request.headers();
    let length = headers.get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    let waits = headers
        .get(EXPECT)
        .is_some_and(|expected| expected.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    let asking = waits.then(|| respond.clone());
    request.map(|stream| ReceivedBody {
        stream,
        left: length,
        data_ended: false,
        asking,
    })
}

/// Ends when the client does not answer in time when it is asked whether it is there.
async fn vanished(asking: Option<PingPong>, silence_max: Duration) {
    let Some(mut asking) = asking else {
        // Somebody else asks; there is nobody else.
        return std::future::pending().await;
    };
    loop {
        tokio::time::sleep(silence_max).await;
        if asking.send_ping(Ping::opaque()).is_err() {
            return;
        }
        let answered = poll_fn(|cx| asking.poll_pong(cx));
        if !matches!(tokio::time::timeout(silence_max, answered).await, Ok(Ok(_))) {
            return;
        }
    }
}

/// The place of a response. Both who answers and who hints at the answer use it.
#[derive(Debug)]
struct Responding {
    place: Mutex<Place>,
    send_timeout: Duration,
    /// The requests of its connection that were given up.
    given_up: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Place {
    respond: SendResponse<Bytes>,
    interim_bytes: usize,
    /// Nothing interim comes behind the response, or on a stream that has ended without one.
    is_over: bool,
}

impl Responding {
    fn new(
        respond: SendResponse<Bytes>,
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
    async fn with<F>(&self, answering: F) -> Result<(), h2::Error>
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
        send_body(stream, FlushedBeforeError::new(body), self.send_timeout).await
    }

    /// Sends an interim response, which has no body: RFC 9110 section 15.2.
    fn send_interim(&self, status: StatusCode, headers: HeaderMap) {
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

/// Sends a body, as fast as the client takes it. One that breaks off resets the stream, and so does a client that takes
/// nothing for `send_timeout`.
async fn send_body(
    mut stream: SendStream<Bytes>,
    mut body: FlushedBeforeError<OutgoingBody>,
    send_timeout: Duration,
) -> Result<(), h2::Error> {
    loop {
        let frame = {
            let frame = body.frame();
            let given_up = poll_fn(|cx| stream.poll_reset(cx));
            match select(frame, given_up).await {
                Either::Left((frame, _)) => frame,
                Either::Right((reason, _)) => return Err(reason?.into()),
            }
        };
        let frame = match frame {
            None => return stream.send_data(Bytes::new(), true),
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                tracing::debug!("a response broke off: {error}");
                stream.send_reset(Reason::INTERNAL_ERROR);
                return Ok(());
            }
        };
        match frame.into_data() {
            Ok(bytes) => {
                let is_last = body.is_end_stream();
                send_bytes(&mut stream, bytes, is_last, send_timeout).await?;
                if is_last {
                    return Ok(());
                }
            }
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    return stream.send_trailers(trailers);
                }
            }
        }
    }
}

/// Sends bytes in as many pieces as the client's windows ask for.
async fn send_bytes(
    stream: &mut SendStream<Bytes>,
    mut bytes: Bytes,
    is_last: bool,
    send_timeout: Duration,
) -> Result<(), h2::Error> {
    if bytes.is_empty() && is_last {
        return stream.send_data(bytes, true);
    }
    while !bytes.is_empty() {
        stream.reserve_capacity(bytes.len());
        let capacity = match stream.capacity() {
            0 => capacity(stream, send_timeout).await?,
            capacity => capacity,
        };
        if capacity == 0 {
            continue;
        }
        let piece = bytes.split_to(capacity.min(bytes.len()));
        stream.send_data(piece, is_last && bytes.is_empty())?;
    }
    Ok(())
}

/// Waits until the client takes more of a stream, and gives how much.
async fn capacity(
    stream: &mut SendStream<Bytes>,
    send_timeout: Duration,
) -> Result<usize, h2::Error> {
    let waiting = poll_fn(|cx| stream.poll_capacity(cx));
    let Ok(capacity) = tokio::time::timeout(send_timeout, waiting).await else {
        tracing::debug!("a client has taken nothing of its response for {send_timeout:?}");
        stream.send_reset(Reason::CANCEL);
        return Err(Reason::CANCEL.into());
    };
    // It has none when it is closed.
    capacity.unwrap_or_else(|| Err(Reason::STREAM_CLOSED.into()))
}

/// The body of a request as it arrives.
pub(super) struct ReceivedBody {
    stream: RecvStream,
    /// What is still to come, as the head of the request says.
    left: Option<u64>,
    data_ended: bool,
    /// By which the client is asked for the body when it is read first: RFC 9110 section 10.1.1.
    asking: Option<Arc<Responding>>,
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

#[cfg(test)]
mod tests;
