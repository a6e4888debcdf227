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
pub(super) async fn send(
    backend: Arc<Backend>,
    request: BackendRequest,
) -> Result<BackendResponse, SendError> {
    let settings = backend.settings();
    let (latency, limit) = (settings.latency, settings.first_byte_timeout);
    if !is_up(&backend) {
        return Ok(down());
    }
    let local = settings.local.clone();
    let sending = async move {
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        match local {
            Some(local) => send_locally(&backend, &local, request).await,
            None => send::send(backend, request).await,
        }
    };
    match limit {
        Some(limit) => tokio::time::timeout(limit, sending)
            .await
            .unwrap_or_else(|_| Err(timed_out(limit))),
        None => sending.await,
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
    sent: BackendRequest,
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

fn timed_out(limit: Duration) -> SendError {
    SendError::new(SendErrorKind::HttpResponseTimeout)
        .with_source(format!("no response within {} ms", limit.as_millis()))
}
