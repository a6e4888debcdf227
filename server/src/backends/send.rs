//! Sending a request to a backend.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use abi_core::body::OutgoingBody;
use abi_core::http::{BackendRequest, BackendResponse, PoolingLimits, SendError};
use http::{HeaderMap, Request, Response, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper_util::client::legacy::Error as ClientError;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::rt::TokioTimer;
use tokio::runtime::Handle;

use super::connector::{ConnectionInfo, Connector};
use super::health::Monitor;
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

/// A connection keeps room for 32 requests with their bodies, which are therefore kept elsewhere.
pub(super) type Client = hyper_util::client::legacy::Client<Connector, Box<OutgoingBody>>;

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
        mut request: Request<OutgoingBody>,
    ) -> impl Future<Output = Result<Response<Incoming>, ClientError>> + Send {
        let limits = &self.settings.pooling;
        let is_limited = limits.max_use.is_some() || limits.max_lifetime.is_some();
        let connection = is_limited.then(|| capture_connection(&mut request));
        // The request is large, and is not carried along from here on.
        let sending = self.client.request(request.map(Box::new));
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
    let again = repeat(&request);
    let answer = match (backend.request(request).await, again) {
        (Err(error), Some(again)) if was_closed_while_idle(&error) => backend.request(again).await,
        (answer, _) => answer,
    };
    let answer = answer.map_err(errors::send_error)?;
    if answer.version() == Version::HTTP_2 && is_too_large(answer.headers()) {
        return Err(errors::head_too_large());
    }
    let pause_max = backend.settings.between_bytes_timeout;
    Ok(response::incoming(answer, pause_max, &backend.runtime))
}

/// On HTTP/1.1 the library looks at this.
fn is_too_large(headers: &HeaderMap) -> bool {
    let lengths = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 32);
    headers.len() > FIELDS_MAX || lengths.sum::<usize>() > HEAD_BYTES_MAX
}

/// The same request once more, if it may be sent twice: RFC 9110 section 9.2.2.
fn repeat(request: &Request<OutgoingBody>) -> Option<Request<OutgoingBody>> {
    if !request.method().is_idempotent() || !request.body().is_end_stream() {
        return None;
    }
    let mut again = Request::new(OutgoingBody::empty());
    *again.method_mut() = request.method().clone();
    *again.uri_mut() = request.uri().clone();
    *again.headers_mut() = request.headers().clone();
    Some(again)
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
