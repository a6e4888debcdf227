//! What a host keeps for its whole life, whatever program and configuration it goes over to.

use std::sync::Arc;

use abi_core::cache::Cache;
use abi_core::stores::MemoryRateLimits;
use http::HeaderValue;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use crate::world::{SystemClock, SystemRandom, TokioExecutor, Turns};

/// What a host keeps for its whole life.
pub(super) struct Lasting {
    pub runtime: Handle,
    pub random: SystemRandom,
    /// Ages in the cache are counted on it.
    pub clock: Arc<SystemClock>,
    pub executor: Arc<TokioExecutor>,
    /// The requests that let each other go first.
    pub turns: Turns,
    /// What guests have sent and no longer wait for.
    pub left_behind: TaskTracker,
    /// What guests keep for later requests.
    pub cache: Cache,
    cache_bytes: u64,
    /// Counted rates, where who embeds the host has not given others.
    pub rates: Arc<MemoryRateLimits>,
    /// What this host adds to `CDN-Loop`.
    pub loop_token: HeaderValue,
}

impl Lasting {
    pub(super) fn new(runtime: Handle, random: SystemRandom, cache_bytes: u64) -> Self {
        let left_behind = TaskTracker::new();
        let executor = TokioExecutor::new(runtime.clone(), left_behind.clone());
        Self {
            clock: Arc::new(SystemClock::new(runtime.clone())),
            executor: Arc::new(executor),
            turns: Turns::default(),
            left_behind,
            cache: Cache::new(cache_bytes),
            cache_bytes,
            rates: Arc::new(MemoryRateLimits::new()),
            loop_token: loop_token(random),
            runtime,
            random,
        }
    }

    /// Tells who asks for another size of the cache that this host cannot have it.
    pub(super) fn check_cache_bytes(&self, wanted: u64) {
        if wanted != self.cache_bytes {
            tracing::warn!(
                "the cache still holds up to {} bytes: its size is set when a host starts",
                self.cache_bytes
            );
        }
    }
}

/// A word that no other host has.
fn loop_token(random: SystemRandom) -> HeaderValue {
    let token = format!("fastlike-{:016x}", random.number());
    // It is made of letters and digits.
    HeaderValue::try_from(token).unwrap_or(HeaderValue::from_static("fastlike"))
}
