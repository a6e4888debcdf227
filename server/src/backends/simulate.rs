//! What is between a guest and a backend in a test: a slow network, a backend that is down at times, or one that is in
//! this process.

use std::sync::Arc;
use std::time::Duration;

use abi_core::http::{BackendRequest, BackendResponse, Destination, SendError, SendErrorKind};

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
    check_uptime(&backend)?;
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

fn check_uptime(backend: &Backend) -> Result<(), SendError> {
    let percent = backend.settings().uptime_percent;
    if percent >= 100 {
        return Ok(());
    }
    let is_up = rand::random_range(0..100) < percent;
    backend.set_up(is_up);
    if is_up {
        return Ok(());
    }
    let error = SendError::new(SendErrorKind::DestinationUnavailable);
    Err(error.with_source(format!(
        "it is down for this request: its uptime is {percent} %"
    )))
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
