//! Going over to another program or configuration while requests are answered.

use std::sync::{Arc, PoisonError};

use abi_core::cache::{CacheSpace, Purge};

use super::{Host, HostBuilder, HostError};

impl Host {
    /// Goes over to what `builder` has: another program, another configuration, or both. Files are read anew. Requests
    /// that begin from then on run on it; those on their way end on what they began with, and none is refused.
    ///
    /// What guests have left behind stays: the [cache](Self::cache) (but for responses, when a backend is now elsewhere or
    /// its written responses differ), counted rates, connections to backends of which
    /// nothing else changes, and KV stores. To those that were configured in memory, under a name that is still there,
    /// what differs in the configuration is done: items that are new or differ are written, items that are gone are
    /// removed, and the others are as guests have left them. The size of the cache does not change.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let builder = || fastlike::Host::builder().program("app.wasm").config("fastly.toml");
    /// let host = builder().build().await?;
    /// // Later, when something has changed:
    /// if let Err(error) = host.reload(builder()).await {
    ///     eprintln!("still serving what was there before: {error}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`HostError`]; then everything is as it was.
    pub async fn reload(&self, builder: HostBuilder) -> Result<(), HostError> {
        let host = self.clone();
        // Reading files and compiling block.
        let runtime = &self.0.lasting.runtime;
        let reloading = runtime.spawn_blocking(move || host.reload_blocking(builder));
        reloading.await.map_err(HostError::Interrupted)?
    }

    /// [`reload`](Self::reload), on a thread that may block.
    pub(crate) fn reload_blocking(&self, mut builder: HostBuilder) -> Result<(), HostError> {
        // One after the other. What a panic leaves behind is what was there before.
        let mut kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let lasting = &self.0.lasting;
        let manifest = builder.manifest()?;
        let cache_bytes = builder.cache_bytes_or(&manifest);
        let previous = self.current();
        let backends = &previous.settings.backends;
        let mut loaded = builder.load(manifest, lasting, &kept, Some(backends))?;
        lasting.check_cache_bytes(cache_bytes);
        let platform = Arc::make_mut(&mut loaded.deployment.service.platform);
        platform.cache = self.0.cache.clone();
        kept.replace(loaded.stores.in_memory);
        let deployment = Arc::new(loaded.deployment);
        self.replace(deployment.clone(), None);
        if deployment
            .settings
            .backends
            .answers_otherwise_than(backends)
        {
            self.forget_responses();
        }
        if let Some(successor) = loaded.successor {
            successor.prepare(self, &deployment);
        }
        Ok(())
    }

    /// Removes what the cache has of backends; what guests keep there themselves stays.
    fn forget_responses(&self) {
        let mut objects = self.0.cache.objects();
        objects.retain(|object| object.key.space() == CacheSpace::Http);
        for object in &objects {
            self.0.cache.purge_object(&object.key, Purge::Hard);
        }
        if !objects.is_empty() {
            tracing::debug!("{} responses have left the cache", objects.len());
        }
    }
}
