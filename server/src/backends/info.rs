//! What guests may know about a backend.

use std::sync::Arc;

use abi_core::http::{BackendHealth, BackendInfo, BackendTlsInfo};

use super::send::Backend;
use super::settings::{BackendSettings, Health};

/// What guests may know about `backend`.
pub(super) fn of(backend: &Arc<Backend>) -> BackendInfo {
    let settings = backend.settings();
    let authority = settings.url.authority();
    let port = authority
        .port_u16()
        .unwrap_or(if settings.url.is_https() { 443 } else { 80 });
    BackendInfo {
        health: health(backend, settings),
        override_host: settings.override_host.clone(),
        connect_timeout: Some(settings.connect_timeout),
        first_byte_timeout: settings.first_byte_timeout,
        between_bytes_timeout: settings.between_bytes_timeout,
        tls: settings.url.is_https().then(|| BackendTlsInfo {
            min_version: settings.tls.min_version.map(|version| version as u32),
            max_version: settings.tls.max_version.map(|version| version as u32),
        }),
        keepalive: settings.keepalive,
        pooling: settings.pooling,
        prefer_ipv4: settings.prefer_ipv4,
        ..BackendInfo::new(authority.host(), port)
    }
}

/// A backend that is down at times is not healthy while it is; otherwise checks decide, or what was configured.
fn health(backend: &Arc<Backend>, settings: &BackendSettings) -> BackendHealth {
    if settings.uptime_percent < 100 {
        return if backend.is_up() {
            BackendHealth::Healthy
        } else {
            BackendHealth::Unhealthy
        };
    }
    if let Some(monitor) = backend.monitor() {
        monitor.used(backend);
        return monitor.health();
    }
    match settings.health {
        Health::Unknown => BackendHealth::Unknown,
        Health::Healthy => BackendHealth::Healthy,
        Health::Unhealthy => BackendHealth::Unhealthy,
    }
}
