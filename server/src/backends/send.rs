//! Sending a request to a backend.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use abi_core::http::{BackendRequest, BackendResponse, PoolingLimits, SendError};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, Version};
use hyper::body::Incoming;
use hyper_util::client::legacy::Error as ClientError;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::rt::TokioTimer;
use tokio::runtime::Handle;

use super::connector::{ConnectionInfo, Connector};
use super::health::Monitor;
use super::resendable::ResendableBody;
use super::settings::BackendSettings;
use super::tls::Alpn;
use super::{errors, request, response};
use crate::world::HyperExecutor;

/// How many connections of one backend may wait for their next request.
const IDLE_CONNECTIONS_MAX: usize = 1024;

/// The most header fields that a response may have.
const FIELDS_MAX: usize = 320;

/// The most bytes that the head of an HTTP/2 response may have, counted as RFC 9113 section 6.5.2 does.
const HEAD_BYTES_MAX: usize = 128 * 1024;

/// What the library takes for more than it will read. It does not say why it gives a response up, which guests are told for
/// heads that are only somewhat too large.
const HEAD_BYTES_READ_MAX: u32 = 4 * HEAD_BYTES_MAX as u32;

/// How often a request is sent at most, while it is certain or harmless that it was sent before.
const TRIES_MAX: usize = 3;

pub(super) type Client = hyper_util::client::legacy::Client<Connector, ResendableBody>;

/// Connections to the place that `settings` name.
pub(super) fn client(runtime: &Handle, settings: &BackendSettings) -> Client {
    let idle_connections = if settings.keep_connections {
        IDLE_CONNECTIONS_MAX
    } else {
        0
    };
    hyper_util::client::legacy::Client::builder(HyperExecutor(runtime.clone()))
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(idle_max(settings))
        .pool_max_idle_per_host(idle_connections)
        // On HTTP/1.1, where `request` leaves it out.
        .set_host(true)
        .http1_max_headers(FIELDS_MAX)
        .http2_only(settings.http2_only)
        .http2_max_header_list_size(HEAD_BYTES_READ_MAX)
        .http2_adaptive_window(true)
        .build(Connector::new(settings))
}

/// How long a connection may wait for its next request: no longer than it may live.
fn idle_max(settings: &BackendSettings) -> Option<Duration> {
    let idle = settings.keepalive.http_idle;
    let idle = idle.or(BackendSettings::KEEPALIVE.http_idle);
    idle.into_iter().chain(settings.pooling.max_lifetime).min()
}

/// One backend with its connections.
pub(super) struct Backend {
    settings: BackendSettings,
    client: Client,
    runtime: Handle,
    monitor: Option<Monitor>,
    /// Whether it was up when a request was last sent, where it is down at times.
    is_up: AtomicBool,
    hand_off_connector: OnceLock<Connector>,
}

impl Backend {
    pub(super) fn new(settings: BackendSettings, client: Client, runtime: Handle) -> Self {
        Self {
            monitor: settings.healthcheck.clone().map(Monitor::new),
            is_up: AtomicBool::new(settings.uptime_percent > 0),
            hand_off_connector: OnceLock::new(),
            settings,
            client,
            runtime,
        }
    }

    pub(super) fn settings(&self) -> &BackendSettings {
        &self.settings
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Makes the connections for clients that are handed to this backend, which speak HTTP/1.1 whatever the backend prefers.
    /// As many of them may be open as of those for requests.
    pub(super) fn hand_off_connector(&self) -> &Connector {
        let make = || Connector::with_alpn(&self.settings, Alpn::Http1);
        self.hand_off_connector.get_or_init(make)
    }

    pub(super) fn monitor(&self) -> Option<&Monitor> {
        self.monitor.as_ref()
    }

    pub(super) fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Relaxed)
    }

    pub(super) fn set_up(&self, is_up: bool) {
        self.is_up.store(is_up, Ordering::Relaxed);
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    fn request(
        &self,
        mut request: Request<ResendableBody>,
    ) -> impl Future<Output = Result<Response<Incoming>, ClientError>> + Send {
        let limits = &self.settings.pooling;
        let is_limited = limits.max_use.is_some() || limits.max_lifetime.is_some();
        let connection = is_limited.then(|| capture_connection(&mut request));
        // The request is large, and is not carried along from here on.
        let sending = self.client.request(request);
        async move {
            let response = sending.await?;
            if let Some(connection) = connection {
                leave_when_used_up(&connection, limits);
            }
            Ok(response)
        }
    }
}

/// Has a connection closed after this response when it may not be used again.
fn leave_when_used_up(connection: &CaptureConnection, limits: &PoolingLimits) {
    let metadata = connection.connection_metadata();
    let Some(connected) = metadata.as_ref() else {
        return;
    };
    let mut extensions = http::Extensions::new();
    connected.get_extras(&mut extensions);
    let info = extensions.get::<ConnectionInfo>();
    if info.is_some_and(|info| info.is_used_up(limits)) {
        connected.poison();
    }
}

/// Sends a request, and waits for the head of the response. Who calls this waits no longer than the backend's
/// `first_byte_timeout`.
pub(super) async fn send(
    backend: &Backend,
    sent: Box<BackendRequest>,
) -> Result<BackendResponse, SendError> {
    let request = request::outgoing(&backend.settings, sent.head, sent.body)?;
    let (head, body) = request.into_parts();
    let mut body = ResendableBody::new(body);
    if request::may_be_http2(&backend.settings) && !head.method.is_idempotent() {
        // Whether it was asked for tells whether such a request may be sent again.
        body = body.always_asked_for();
    }
    let answer = send_until_answered(backend, head, body).await;
    let answer = answer.map_err(errors::send_error)?;
    if answer.version() == Version::HTTP_2 && is_too_large(answer.headers()) {
        return Err(errors::head_too_large());
    }
    let pause_max = backend.settings.between_bytes_timeout;
    Ok(response::incoming(answer, pause_max, &backend.runtime))
}

/// Sends a request once more, on another connection, where nothing of it can have had an effect.
async fn send_until_answered(
    backend: &Backend,
    head: Parts,
    mut body: ResendableBody,
) -> Result<Response<Incoming>, ClientError> {
    for _ in 1..TRIES_MAX {
        let request = Request::from_parts(head.clone(), body.share());
        let error = match backend.request(request).await {
            Ok(answer) => {
                body.settle();
                return Ok(answer);
            }
            Err(error) => error,
        };
        if !may_be_sent_again(&error, &head.method, &body) {
            return Err(error);
        }
        let Some(again) = body.again() else {
            return Err(error);
        };
        tracing::debug!("a request is sent again: {}", errors::describe(&error));
        if let Some(connection) = error.connect_info() {
            connection.poison();
        }
        body = again;
    }
    backend.request(Request::from_parts(head, body)).await
}

/// On HTTP/1.1 the library looks at this.
fn is_too_large(headers: &HeaderMap) -> bool {
    let lengths = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 32);
    headers.len() > FIELDS_MAX || lengths.sum::<usize>() > HEAD_BYTES_MAX
}

/// Whether a request that failed so has done nothing, or would do nothing else if it was sent twice.
///
/// The library gives the error of a GOAWAY to requests on streams behind the last one, of which the backend has seen nothing.
/// It also gives it to one whose stream is just being opened, whatever the backend has seen of that; for the body of such a
/// request nobody has asked yet.
fn may_be_sent_again(error: &ClientError, method: &Method, body: &ResendableBody) -> bool {
    let may_be_repeated = || {
        was_closed_while_idle(error)
            || errors::waited_for_others(error)
            || errors::is_go_away(error)
    };
    let is_left_behind =
        || errors::is_go_away(error) && (error.is_connect() || body.was_asked_for());
    errors::is_unprocessed(error)
        || is_left_behind()
        || (method.is_idempotent() && may_be_repeated())
}

/// Whether the connection had served a request before, and was closed when this one arrived.
fn was_closed_while_idle(error: &ClientError) -> bool {
    let mut extensions = http::Extensions::new();
    if let Some(connected) = error.connect_info() {
        connected.get_extras(&mut extensions);
    }
    let info = extensions.get::<ConnectionInfo>();
    info.is_some_and(ConnectionInfo::was_used) && errors::is_closed(error)
}
