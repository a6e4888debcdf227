//! What a guest has sent to backends, for the report about its request.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::StatusCode;

use crate::http::{
    BackendInfo, BackendRequest, BackendResponse, Destination, SendError, SendErrorKind, ShieldSite,
};
use crate::platform::{Backends, Clock};
use crate::reuse::RequestsOfRun;

/// How many requests to backends are noted for one request of a client.
pub(crate) const SENT_MAX: usize = 16;

/// How much of the name of a backend that there is not is noted.
const NAME_BYTES_MAX: usize = 64;

/// A request that a guest has sent to a backend, or wanted to send to one that there is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentRequest {
    /// The name of the backend.
    pub backend: String,
    /// What came of it, until the guest had ended.
    pub outcome: SentOutcome,
}

/// What came of a request to a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentOutcome {
    /// A response with this status, whose head was there after this time.
    Answered(StatusCode, Duration),
    /// None, after this time.
    Failed(SendErrorKind, Duration),
    /// Nothing yet.
    Unanswered,
}

/// A request that was sent, while it may still be answered.
#[derive(Debug)]
pub(crate) struct Sent {
    backend: String,
    outcome: OnceLock<SentOutcome>,
}

impl Sent {
    /// A request to a backend that there is not. Its name is the guest's, and as long as it likes.
    pub(crate) fn to_nowhere(backend: &[u8]) -> Self {
        let start = backend.get(..NAME_BYTES_MAX);
        let mut name = String::from_utf8_lossy(start.unwrap_or(backend)).into_owned();
        if start.is_some() && backend.len() > NAME_BYTES_MAX {
            name.push('…');
        }
        let failed = SentOutcome::Failed(SendErrorKind::DestinationNotFound, Duration::ZERO);
        Self {
            backend: name,
            outcome: OnceLock::from(failed),
        }
    }

    pub(crate) fn as_it_is(&self) -> SentRequest {
        let outcome = self.outcome.get().copied();
        SentRequest {
            backend: self.backend.clone(),
            outcome: outcome.unwrap_or(SentOutcome::Unanswered),
        }
    }
}

/// Backends that note what a run sends to them.
pub(crate) struct NotedBackends {
    backends: Arc<dyn Backends>,
    clock: Arc<dyn Clock>,
    of_run: Arc<RequestsOfRun>,
}

impl NotedBackends {
    pub(crate) fn new(
        backends: Arc<dyn Backends>,
        clock: Arc<dyn Clock>,
        of_run: Arc<RequestsOfRun>,
    ) -> Self {
        Self {
            backends,
            clock,
            of_run,
        }
    }
}

/// Everything but the note is up to the backends themselves.
impl Backends for NotedBackends {
    fn exists(&self, name: &str) -> bool {
        self.backends.exists(name)
    }

    fn info(&self, destination: &Destination) -> Option<BackendInfo> {
        self.backends.info(destination)
    }

    fn shield(&self, name: &str) -> Option<ShieldSite> {
        self.backends.shield(name)
    }

    fn has_grip_proxy(&self) -> bool {
        self.backends.has_grip_proxy()
    }

    fn send(
        &self,
        request: BackendRequest,
    ) -> BoxFuture<'static, Result<BackendResponse, SendError>> {
        let sent = Arc::new(Sent {
            backend: request.destination.name().to_owned(),
            outcome: OnceLock::new(),
        });
        if !self.of_run.note_sent(sent.clone()) {
            return self.backends.send(request);
        }
        let clock = self.clock.clone();
        let began = clock.monotonic();
        let sending = self.backends.send(request);
        Box::pin(async move {
            let outcome = sending.await;
            let took = clock.monotonic().saturating_sub(began);
            // It is set once: here.
            let _ = sent.outcome.set(match &outcome {
                Ok(response) => SentOutcome::Answered(response.head.status, took),
                Err(error) => SentOutcome::Failed(error.kind, took),
            });
            outcome
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_backend_that_there_is_not_has_a_bound() {
        let name = |bytes: &[u8]| Sent::to_nowhere(bytes).as_it_is().backend;
        assert_eq!(name(b"origin"), "origin");
        assert_eq!(name(b"\xff"), "\u{fffd}");
        assert_eq!(name(&[b'a'; 64]), "a".repeat(64));
        assert_eq!(name(&[b'a'; 100_000]), format!("{}…", "a".repeat(64)));
    }
}
