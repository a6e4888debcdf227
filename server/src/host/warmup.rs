//! Running the program before the first client comes.

use std::error::Error as StdError;
use std::sync::Arc;

use abi_core::cache::Cache;
use abi_core::http::{BackendRequest, BackendResponse, SendError, SendErrorKind};
use abi_core::platform::{Backends, LogSource, Logs};
use abi_core::reuse::{ReuseLimits, WaitingSandboxes};
use abi_core::{Platform, Report, Service};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::Request;
use http_body_util::BodyExt;

use super::Host;
use crate::serve::{self, ClientConnection, ConnectionAddresses};

impl Host {
    /// Runs the program once with a request that no client sent, so that the first client does not wait for what happens
    /// only once: code that is translated when it is first used, pages that are touched for the first time.
    ///
    /// The answer is thrown away. Log lines are too, and a request to a backend fails as if there were none of that name.
    /// Stores are the real ones: choose a request that changes nothing. Gives `None` where the request was refused.
    pub async fn warm_up<B>(&self, request: Request<B>) -> Option<Report>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let connection = ClientConnection::of(ConnectionAddresses::of(&request));
        let deployment = self.current();
        let claimed = &deployment.settings.client;
        let request = serve::client_request(request, connection, self.ids(), claimed).ok()?;
        let service = deployment.service.clone();
        let alone = Service {
            platform: Arc::new(Platform {
                backends: Arc::new(Nobody),
                logs: Arc::new(Nobody),
                // What comes of backends that do not answer is not for those who follow.
                cache: Cache::default(),
                ..Platform::clone(&service.platform)
            }),
            // It must neither serve a client's request nor wait for one.
            sandboxes: WaitingSandboxes::new(ReuseLimits {
                waiting_sandboxes: 0,
                ..ReuseLimits::default()
            }),
            ..service
        };
        let mut run = alone.start(request);
        let mut body = run.answer().await.body;
        // A guest that streams goes on only while somebody reads.
        let reading = async { while let Some(Ok(_)) = body.frame().await {} };
        let ((), report) = futures_util::future::join(reading, run.finish()).await;
        Some(report)
    }
}

/// No backends, and no logs.
struct Nobody;

impl Backends for Nobody {
    fn exists(&self, _: &str) -> bool {
        false
    }

    fn send(&self, _: BackendRequest) -> BoxFuture<'static, Result<BackendResponse, SendError>> {
        let error = SendError::new(SendErrorKind::DestinationNotFound);
        Box::pin(std::future::ready(Err(error)))
    }
}

impl Logs for Nobody {
    fn write(&self, _: LogSource<'_>, _: &[u8]) {}
}
