//! What is between a guest and a backend in a test: a slow network, a backend that is down at times, or one that is in
//! this process.

use std::sync::Arc;
use std::time::Duration;

use abi_core::body::Body;
use abi_core::http::{
    BackendRequest, BackendResponse, Destination, ResponseHead, SendError, SendErrorKind,
};
use http::StatusCode;

use super::local::{BackendName, LocalBackend};
use super::send::{self, Backend};
use super::{request, response};

/// Sends a request, and waits for the head of the response.
pub(super) fn send(
    backend: Arc<Backend>,
    request: BackendRequest,
) -> impl Future<Output = Result<BackendResponse, SendError>> + Send {
    // It goes through several futures, each of which would have room for it.
    let request = Box::new(request);
    async move {
        if !is_up(&backend) {
            return Ok(down());
        }
        let limit = backend.settings().first_byte_timeout;
        let sending = send_over_network(backend, request);
        match limit {
            Some(limit) => tokio::time::timeout(limit, sending)
                .await
                .unwrap_or_else(|_| Err(timed_out(limit))),
            None => sending.await,
        }
    }
}

async fn send_over_network(
    backend: Arc<Backend>,
    request: Box<BackendRequest>,
) -> Result<BackendResponse, SendError> {
    let latency = backend.settings().latency;
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    match &backend.settings().local {
        Some(local) => send_locally(&backend, local, request).await,
        None => send::send(&backend, request).await,
    }
}

/// Whether the backend is up for this request.
fn is_up(backend: &Backend) -> bool {
    let percent = backend.settings().uptime_percent;
    if percent >= 100 {
        return true;
    }
    let is_up = rand::random_range(0..100) < percent;
    backend.set_up(is_up);
    is_up
}

/// What the platform answers in place of a backend that is down.
fn down() -> BackendResponse {
    BackendResponse {
        head: ResponseHead {
            status: StatusCode::BAD_GATEWAY,
            ..ResponseHead::new()
        },
        body: Body::empty(),
    }
}

async fn send_locally(
    backend: &Backend,
    local: &LocalBackend,
    sent: Box<BackendRequest>,
) -> Result<BackendResponse, SendError> {
    let settings = backend.settings();
    let name = match &sent.destination {
        Destination::Static(name) => name.clone(),
        Destination::Dynamic(defined) => defined.target.clone(),
    };
    let mut request = request::outgoing(settings, sent.head, sent.body)?;
    request.extensions_mut().insert(BackendName(name));
    let answer = local.send(request, backend.runtime()).await?;
    let pause_max = settings.between_bytes_timeout;
    Ok(response::incoming(answer, pause_max, backend.runtime()))
}

/// There is no head of a response after the time in which there has to be one.
pub(super) fn timed_out(limit: Duration) -> SendError {
    let limit = limit.as_millis();
    SendError::new(SendErrorKind::HttpResponseTimeout).with_source(format!(
        "no response within {limit} ms (`first_byte_timeout_ms`)"
    ))
}
