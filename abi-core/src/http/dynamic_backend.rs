//! Backends that a guest defines at run time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Healthcheck, Keepalive, PoolingLimits};

/// A backend that a guest has defined. witx `dynamic_backend_config`, without its layout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DynamicBackend {
    /// Its name, which no other backend of the session has.
    pub name: String,
    /// Where it is: a host name or address, and a port where it is not the scheme's.
    pub target: String,
    /// What goes into the Host header in place of the request's own.
    pub override_host: Option<String>,
    /// How long making a connection may take.
    pub connect_timeout: Option<Duration>,
    /// How long the head of a response may take.
    pub first_byte_timeout: Option<Duration>,
    /// How long a response body may pause.
    pub between_bytes_timeout: Option<Duration>,
    /// How to speak TLS; without it the connection is not encrypted.
    pub tls: Option<DynamicTls>,
    /// Speak gRPC: HTTP/2 only.
    pub grpc: bool,
    /// Make a connection of its own for each request.
    pub dont_pool: bool,
    /// Prefer IPv4 addresses over IPv6 ones.
    pub prefer_ipv4: bool,
    /// How idle connections are kept; `None` leaves the choice to the host.
    pub keepalive: Option<Keepalive>,
    /// How many connections there are, and how long each is used.
    pub pooling: PoolingLimits,
    /// How its health is found out; without it nobody does.
    pub healthcheck: Option<Healthcheck>,
}

/// How a [`DynamicBackend`] speaks TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DynamicTls {
    /// The lowest version; witx `tls_version`: 0 is 1.0, 3 is 1.3.
    pub min_version: Option<u32>,
    /// The highest version; witx `tls_version`.
    pub max_version: Option<u32>,
    /// The name that the certificate must be for, where it is not the host's.
    pub cert_hostname: Option<String>,
    /// The name to ask for in the handshake, where it is not the host's; empty asks for none.
    pub sni_hostname: Option<String>,
    /// The PEM certificates to trust, in place of the system's.
    pub ca_certificate: Option<String>,
    /// The cipher suites to offer, in OpenSSL's notation.
    pub ciphers: Option<String>,
    /// What is shown to a backend that wants to know who asks.
    pub client_identity: Option<ClientIdentity>,
}

/// A certificate with its key. Its debugging text has neither.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    /// The certificate and those that vouch for it, PEM.
    pub certificate: String,
    /// The key, PEM: a secret.
    pub key: Bytes,
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientIdentity").finish_non_exhaustive()
    }
}

/// A backend as a send names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// One of the service's own, which the host knows by this name.
    Static(String),
    /// One that the guest has defined.
    Dynamic(Arc<DynamicBackend>),
}

impl Destination {
    /// The name of the backend.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Static(name) => name,
            Self::Dynamic(backend) => &backend.name,
        }
    }
}
