//! The world of a benchmark: a real clock and a real executor, and nothing else.
//!
//! The world of the tests will not do: its clock is behind a lock, and reading the clock is part of what is measured.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use abi_core::Platform;
use abi_core::cache::Cache;
use abi_core::http::cache::HttpCacheSettings;
use abi_core::http::{BackendRequest, BackendResponse, SendError, SendErrorKind};
use abi_core::platform::{Backends, Clock, Executor, LogSource, Logs, Random};
use abi_core::stores::Stores;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;

#[derive(Clone)]
struct World {
    start: Instant,
    runtime: Handle,
}

/// A platform whose timers and tasks `runtime` keeps.
pub(crate) fn platform(runtime: Handle) -> Platform {
    let world = Arc::new(World {
        start: Instant::now(),
        runtime,
    });
    Platform {
        lookups: Default::default(),
        images: None,
        clock: world.clone(),
        random: world.clone(),
        executor: world.clone(),
        backends: world.clone(),
        stores: Stores::default(),
        cache: Cache::default(),
        http_cache: HttpCacheSettings::disabled(),
        logs: world,
    }
}

impl Clock for World {
    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    fn wall(&self) -> Duration {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let _inside = self.runtime.enter();
        tokio::time::sleep(duration).boxed()
    }
}

impl Random for World {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(4);
    }
}

impl Executor for World {
    fn spawn(&self, future: BoxFuture<'static, ()>) {
        self.runtime.spawn(future);
    }

    fn block_on(&self, future: Pin<&mut (dyn Future<Output = ()> + Send)>) {
        self.runtime.block_on(future);
    }
}

impl Backends for World {
    fn exists(&self, _name: &str) -> bool {
        false
    }

    fn send(
        &self,
        _request: BackendRequest,
    ) -> BoxFuture<'static, Result<BackendResponse, SendError>> {
        let error = SendError::new(SendErrorKind::DestinationNotFound);
        std::future::ready(Err(error)).boxed()
    }
}

impl Logs for World {
    fn write(&self, _source: LogSource<'_>, _message: &[u8]) {}
}
