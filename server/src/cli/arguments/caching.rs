//! Options about the cache.

use std::time::Duration;

use abi_core::http::cache::HttpCacheSettings;
use clap::Args;

use super::values::whole_number;
use crate::host::HostBuilder;

/// How responses are kept.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Caching")]
pub(in crate::cli) struct CachingArguments {
    /// Send every request of a guest to its backend.
    #[arg(long)]
    pub no_http_cache: bool,

    /// Do not let guests drive the cache of responses themselves.
    ///
    /// SDKs leave it to the host then, and have no hooks for it.
    #[arg(long)]
    pub no_guest_caching: bool,

    /// How long responses are fresh that do not say so.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "3600",
        value_parser = |text: &str| whole_number(text, 0..=u32::MAX)
    )]
    pub http_cache_ttl: u32,

    /// Give responses no X-Cache and X-Cache-Hits.
    #[arg(long)]
    pub no_cache_headers: bool,

    /// Let a guest's PURGE request remove what is kept for its URL.
    #[arg(long)]
    pub enable_purge: bool,

    /// Let a client's PURGE request remove what is kept for its URL.
    ///
    /// The program does not see the request.
    #[arg(long)]
    pub enable_client_purge: bool,

    /// The memory of the cache [default: 256].
    #[arg(
        long,
        value_name = "MIB",
        value_parser = |text: &str| whole_number(text, 1..=1_u64 << 20)
    )]
    pub cache_size: Option<u64>,
}

impl CachingArguments {
    /// Says them to a host.
    pub(in crate::cli) fn apply(&self, builder: HostBuilder) -> HostBuilder {
        let builder = builder.http_cache(HttpCacheSettings {
            enabled: !self.no_http_cache,
            default_ttl: Duration::from_secs(self.http_cache_ttl.into()),
            guest_caching: !self.no_guest_caching,
            response_headers: !self.no_cache_headers,
            purge: self.enable_purge,
            client_purge: self.enable_client_purge,
        });
        match self.cache_size {
            Some(mebibytes) => builder.cache_bytes(mebibytes * 1024 * 1024),
            None => builder,
        }
    }
}
