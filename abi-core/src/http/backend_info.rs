//! What a host knows about a backend, as far as guests may ask.

use std::time::Duration;

use http::HeaderValue;

/// What a guest can learn about a backend. Whatever is not limited or not set is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendInfo {
    /// Whether it answers.
    pub health: BackendHealth,
    /// The host it is at: a name or an address, without the port.
    pub host: String,
    /// The port it is at.
    pub port: u16,
    /// What goes into the Host header in place of the request's own.
    pub override_host: Option<HeaderValue>,
    /// How long making a connection may take.
    pub connect_timeout: Option<Duration>,
    /// How long the head of a response may take.
    pub first_byte_timeout: Option<Duration>,
    /// How long a response body may pause.
    pub between_bytes_timeout: Option<Duration>,
    /// How connections to it are encrypted; `None` when they are not.
    pub tls: Option<BackendTlsInfo>,
    /// What is kept alive, and how.
    pub keepalive: Keepalive,
    /// How many connections there are, and how long they are used.
    pub pooling: PoolingLimits,
    /// Whether its IPv4 addresses are tried before its IPv6 ones.
    pub prefer_ipv4: bool,
}

impl BackendInfo {
    /// A backend of which nothing but the place is known.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            health: BackendHealth::default(),
            host: host.into(),
            port,
            override_host: None,
            connect_timeout: None,
            first_byte_timeout: None,
            between_bytes_timeout: None,
            tls: None,
            keepalive: Keepalive::default(),
            pooling: PoolingLimits::default(),
            prefer_ipv4: false,
        }
    }
}

/// Whether a backend answers. witx `backend_health`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendHealth {
    /// Nobody checks.
    #[default]
    Unknown,
    /// It does.
    Healthy,
    /// It does not.
    Unhealthy,
}

impl BackendHealth {
    /// The number that guests get.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Unknown => 0,
            Self::Healthy => 1,
            Self::Unhealthy => 2,
        }
    }
}

/// The versions of TLS that may be spoken with a backend, as witx `tls_version`: 0 is 1.0, 3 is 1.3. `None` leaves the
/// choice to the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackendTlsInfo {
    /// The lowest.
    pub min_version: Option<u32>,
    /// The highest.
    pub max_version: Option<u32>,
}

/// How connections that nobody uses at the moment are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keepalive {
    /// How long one may wait for its next request; `None` leaves the choice to the host.
    pub http_idle: Option<Duration>,
    /// Whether the operating system probes it.
    pub tcp_probes: bool,
    /// The time between two probes; `None` leaves the choice to the operating system.
    pub tcp_interval: Option<Duration>,
    /// How many probes may fail; `None` leaves the choice to the operating system.
    pub tcp_probe_count: Option<u32>,
    /// How long it is silent before the first probe; `None` leaves the choice to the host.
    pub tcp_idle: Option<Duration>,
}

/// How many connections to a backend there are, and how long each is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolingLimits {
    /// How many connections may be open.
    pub max_connections: Option<u32>,
    /// How many requests one connection may carry.
    pub max_use: Option<u32>,
    /// How old a connection may get.
    pub max_lifetime: Option<Duration>,
}

/// How the health of a backend is found out. witx `healthcheck_config`, without its layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Healthcheck {
    /// The time between two checks.
    pub interval: Duration,
    /// How long a check may take.
    pub timeout: Duration,
    /// The `Host` of a check; empty is the backend's own.
    pub host: String,
    /// The method of a check.
    pub method: String,
    /// The path of a check.
    pub path: String,
    /// The status that a good response has.
    pub expected_status: u16,
    /// How many of the latest checks count.
    pub window: u32,
    /// How many of them have to be good.
    pub threshold: u32,
    /// How many of them are taken as good at the beginning.
    pub initial: u32,
}

/// A place where the requests of a whole service come together before they go to its backends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShieldSite {
    /// This host is the place.
    Local,
    /// Another host is; it is reached by either of two URLs.
    Remote {
        /// Its URL without encryption.
        plain: String,
        /// Its URL with encryption.
        encrypted: String,
    },
}
