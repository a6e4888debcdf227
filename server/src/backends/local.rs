//! Backends in this process: a tower service, an asynchronous closure, or responses that were written down.

use std::any::Any;
use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use abi_core::body::{BodyError, OutgoingBody};
use abi_core::http::{SendError, SendErrorKind};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, Entry, TRANSFER_ENCODING};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::runtime::Handle;
use tower_service::Service;

use super::{BackendSettings, FixedResponses};
use crate::body::receive;

type BoxError = Box<dyn StdError + Send + Sync>;
type Answer = BoxFuture<'static, Result<Response<OutgoingBody>, SendError>>;

/// A backend in this process. Clones are the same backend.
///
/// What it gets is the request as it would be sent: `Host` is set, the URI is absolute, and the extension
/// [`BackendName`] says which backend the guest asked for. No socket is involved, so there are no connection errors but
/// those that it returns. When it panics, the guest is told that the host failed.
///
/// ```
/// use fastlike::backends::LocalBackend;
///
/// let greeter = LocalBackend::from_fn(async |request| format!("you asked for {}", request.uri().path()));
/// let broken = LocalBackend::from_fn(async |_| http::StatusCode::SERVICE_UNAVAILABLE);
/// ```
#[derive(Clone)]
pub struct LocalBackend {
    answer: Arc<dyn Fn(Request<OutgoingBody>) -> Answer + Send + Sync>,
    /// What it answers, where that was written down.
    fixed: Option<Arc<FixedResponses>>,
}

/// The backend that a request is for, as an extension of the request that a [`LocalBackend`] gets: its name, or for one
/// that the guest defined itself its target, `host[:port]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendName(pub String);

impl LocalBackend {
    /// A backend that answers as an asynchronous function does. See [`LocalAnswer`] for what it may return.
    pub fn from_fn<F, R>(answer: F) -> Self
    where
        F: Fn(Request<OutgoingBody>) -> R + Send + Sync + 'static,
        R: Future + Send + 'static,
        R::Output: LocalAnswer,
    {
        Self::answering(move |request| answer(request).map(LocalAnswer::into_answer).boxed())
    }

    fn answering(answer: impl Fn(Request<OutgoingBody>) -> Answer + Send + Sync + 'static) -> Self {
        Self {
            answer: Arc::new(answer),
            fixed: None,
        }
    }

    /// A backend that is a service of the tower ecosystem, such as an axum router. Each request gets a clone of it.
    pub fn service<S, B>(service: S) -> Self
    where
        S: Service<Request<OutgoingBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        // Only to clone it: a service may be one that threads cannot share.
        let original = Mutex::new(service);
        Self::answering(move |request| {
            let mut service = original
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            let answering = async move {
                poll_fn(|cx| service.poll_ready(cx))
                    .await
                    .map_err(|error| failed(error.into()))?;
                let answer = service.call(request).await;
                answer.into_answer()
            };
            answering.boxed()
        })
    }

    /// A backend that gives responses that were written down.
    #[must_use]
    pub fn fixed(responses: FixedResponses) -> Self {
        let responses = Arc::new(responses);
        let given = responses.clone();
        let answering = Self::answering(move |request| {
            let answer = given.answer(&request);
            std::future::ready(Ok(answer)).boxed()
        });
        Self {
            fixed: Some(responses),
            ..answering
        }
    }

    /// Whether both give the same answers, as far as that can be known: functions may.
    pub(super) fn answers_like(&self, other: &Self) -> bool {
        self.fixed == other.fixed
    }

    pub(super) async fn send(
        &self,
        request: Request<OutgoingBody>,
        runtime: &Handle,
    ) -> Result<Response<OutgoingBody>, SendError> {
        let method = request.method().clone();
        // Whoever embeds this may make mistakes; guests and other requests are not to suffer by them.
        let answering = AssertUnwindSafe(async { (self.answer)(request).await });
        let answer = answering.catch_unwind().await.unwrap_or_else(|panic| {
            let error = SendError::new(SendErrorKind::InternalError);
            Err(error.with_source(format!("the backend panicked: {}", message(&*panic))))
        })?;
        let answer = as_received(&method, answer)?;
        Ok(answer.map(|body| {
            let inside = InRuntimeBody {
                runtime: runtime.clone(),
                body,
            };
            receive(inside).into()
        }))
    }
}

impl PartialEq for LocalBackend {
    fn eq(&self, other: &Self) -> bool {
        match (&self.fixed, &other.fixed) {
            (Some(one), Some(another)) => one == another,
            _ => Arc::ptr_eq(&self.answer, &other.answer),
        }
    }
}

impl fmt::Debug for LocalBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalBackend").finish_non_exhaustive()
    }
}

impl From<LocalBackend> for BackendSettings {
    fn from(backend: LocalBackend) -> Self {
        Self::local(backend)
    }
}

/// What a [`LocalBackend`] that is a function may return.
///
/// A response with any body, a text (with status 200), a status (without a body), or a `Result` of one of these. An error
/// becomes a request that failed: a [`SendError`] as it is, and any other as a backend that is not available.
pub trait LocalAnswer {
    /// The response, or why there is none.
    ///
    /// # Errors
    ///
    /// [`SendError`] when the guest is to see that the request failed.
    fn into_answer(self) -> Result<Response<OutgoingBody>, SendError>;
}

impl<B> LocalAnswer for Response<B>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    fn into_answer(self) -> Result<Response<OutgoingBody>, SendError> {
        Ok(self.map(|body| receive(body).into()))
    }
}

impl LocalAnswer for String {
    fn into_answer(self) -> Result<Response<OutgoingBody>, SendError> {
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        let mut response = Response::new(Bytes::from(self).into());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, text);
        Ok(response)
    }
}

impl LocalAnswer for &'static str {
    fn into_answer(self) -> Result<Response<OutgoingBody>, SendError> {
        self.to_owned().into_answer()
    }
}

impl LocalAnswer for StatusCode {
    fn into_answer(self) -> Result<Response<OutgoingBody>, SendError> {
        let mut response = Response::new(OutgoingBody::empty());
        *response.status_mut() = self;
        Ok(response)
    }
}

impl<T: LocalAnswer, E: Into<BoxError>> LocalAnswer for Result<T, E> {
    fn into_answer(self) -> Result<Response<OutgoingBody>, SendError> {
        match self {
            Ok(answer) => answer.into_answer(),
            Err(error) => Err(failed(error.into())),
        }
    }
}

/// What was said when it panicked.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message")
}

/// The response as it would have arrived over a connection: RFC 9112 section 6.
fn as_received(
    method: &Method,
    mut answer: Response<OutgoingBody>,
) -> Result<Response<OutgoingBody>, SendError> {
    let status = answer.status();
    if status.is_informational() {
        let error = SendError::new(SendErrorKind::HttpResponseStatusInvalid);
        return Err(error.with_source(format!("{status} is no final status")));
    }
    let has_no_body = status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    if !has_no_body && !answer.headers().contains_key(TRANSFER_ENCODING) {
        let length = answer.body().known_length().map(HeaderValue::from);
        if let (Entry::Vacant(entry), Some(length)) =
            (answer.headers_mut().entry(CONTENT_LENGTH), length)
        {
            entry.insert(length);
        }
    }
    if has_no_body || *method == Method::HEAD {
        *answer.body_mut() = OutgoingBody::empty();
    }
    Ok(answer)
}

fn failed(error: BoxError) -> SendError {
    match error.downcast::<SendError>() {
        Ok(error) => *error,
        Err(error) => SendError::new(SendErrorKind::DestinationUnavailable).with_source(error),
    }
}

/// A body that finds its runtime on whichever thread it is polled: it may be one with a timer in it.
struct InRuntimeBody {
    runtime: Handle,
    body: OutgoingBody,
}

impl http_body::Body for InRuntimeBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let _inside = this.runtime.enter();
        Pin::new(&mut this.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The whole of a body that a guest sends, for a backend that needs it at once.
///
/// # Errors
///
/// [`BodyError`] when the guest, or whoever the guest has it from, gave it up.
pub async fn read_body(body: OutgoingBody) -> Result<Bytes, BodyError> {
    Ok(body.collect().await?.to_bytes())
}
