//! Removing from the cache what has expired while nobody uses it.

use std::sync::Arc;
use std::time::Duration;

use abi_core::cache::Cache;
use abi_core::platform::Clock;

/// How often it is looked for. Whoever uses the cache removes what has expired as well, so that this matters to a host
/// that nobody asks anything.
const INTERVAL: Duration = Duration::from_secs(10);

/// Sweeps a cache for ever. The lock of the cache is held for a few objects at a time, and others get their turn in
/// between.
pub(crate) async fn keep_swept(cache: Cache, clock: Arc<dyn Clock>) {
    loop {
        clock.sleep(INTERVAL).await;
        while cache.sweep_some(clock.monotonic()) {
            tokio::task::yield_now().await;
        }
    }
}
