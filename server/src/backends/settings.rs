//! What is known about a backend.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use abi_core::http::{Healthcheck, Keepalive, PoolingLimits};
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Uri};
use rustls::pki_types::ServerName;

use super::LocalBackend;
use super::tls::TlsSettings;

/// What is known about a backend.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BackendSettings {
    /// Where it is.
    pub url: BackendUrl,
    /// The `Host` of every request, whatever the guest set.
    pub override_host: Option<HeaderValue>,
    /// How it is trusted, for https.
    pub tls: TlsSettings,
    /// Speak HTTP/2 only, as gRPC needs it: without TLS by prior knowledge.
    pub http2_only: bool,
    /// How long resolving its name, connecting and the TLS handshake may take together.
    pub connect_timeout: Duration,
    /// How long it may take from the start of a request to the head of the response; `None` is for ever.
    pub first_byte_timeout: Option<Duration>,
    /// How long it may pause within the body of a response; `None` is for ever.
    pub between_bytes_timeout: Option<Duration>,
    /// Keep connections for later requests.
    pub keep_connections: bool,
    /// How connections that nobody uses are kept.
    pub keepalive: Keepalive,
    /// How many connections there are, and how long each is used.
    pub pooling: PoolingLimits,
    /// Try its IPv4 addresses before the others.
    pub prefer_ipv4: bool,
    /// The addresses of its host, in the order in which they are tried. Where there are none, the system is asked for them.
    pub addresses: Vec<IpAddr>,
    /// What guests are told about its health, where nobody checks it.
    pub health: Health,
    /// How its health is found out.
    pub healthcheck: Option<Healthcheck>,
    /// The share of requests that reach it, in percent. The others are answered 502, as by the platform when a
    /// backend is down.
    pub uptime_percent: u8,
    /// How long a request waits before it is sent, as on a slow network.
    pub latency: Duration,
    /// What answers in its place, in this process. Then nothing about connections counts.
    pub local: Option<LocalBackend>,
}

impl BackendSettings {
    /// How long a connection may take to be made, where nothing else was said.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

    /// How connections that nobody uses are kept, where nothing else was said.
    pub const KEEPALIVE: Keepalive = Keepalive {
        http_idle: Some(Duration::from_secs(60)),
        tcp_probes: true,
        tcp_interval: None,
        tcp_probe_count: None,
        tcp_idle: Some(Duration::from_secs(60)),
    };

    /// A backend of which only the place is known.
    #[must_use]
    pub fn new(url: BackendUrl) -> Self {
        Self {
            url,
            override_host: None,
            tls: TlsSettings::default(),
            http2_only: false,
            connect_timeout: Self::CONNECT_TIMEOUT,
            first_byte_timeout: None,
            between_bytes_timeout: None,
            keep_connections: true,
            keepalive: Self::KEEPALIVE,
            pooling: PoolingLimits::default(),
            prefer_ipv4: false,
            addresses: Vec::new(),
            health: Health::default(),
            healthcheck: None,
            uptime_percent: 100,
            latency: Duration::ZERO,
            local: None,
        }
    }

    /// A backend in this process.
    #[must_use]
    pub fn local(backend: LocalBackend) -> Self {
        Self {
            local: Some(backend),
            ..Self::new(BackendUrl::nowhere())
        }
    }

    /// Whether requests for both get to the same place, as far as that can be known.
    pub(super) fn answers_like(&self, other: &Self) -> bool {
        match (&self.local, &other.local) {
            (None, None) => self.url == other.url && self.addresses == other.addresses,
            (Some(one), Some(another)) => one.answers_like(another),
            _ => false,
        }
    }

    /// Whether both use the same connections.
    pub(super) fn connects_like(&self, other: &Self) -> bool {
        self.url.scheme == other.url.scheme
            && self.url.authority == other.url.authority
            && self.tls == other.tls
            && self.http2_only == other.http2_only
            && self.connect_timeout == other.connect_timeout
            && self.keep_connections == other.keep_connections
            && self.keepalive == other.keepalive
            && self.pooling == other.pooling
            && self.prefer_ipv4 == other.prefer_ipv4
            && self.addresses == other.addresses
            && self.local == other.local
    }
}

/// What a guest is told when it asks whether a backend is healthy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// Nobody checks.
    #[default]
    Unknown,
    /// It is healthy.
    Healthy,
    /// It is not healthy.
    Unhealthy,
}

/// The place of a backend: `http://host[:port][/prefix]`, or the same with `https`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendUrl {
    scheme: Scheme,
    authority: Authority,
    /// What goes before every path, without a slash at its end; usually empty.
    prefix: String,
}

impl BackendUrl {
    /// The place of a backend that is in this process.
    fn nowhere() -> Self {
        Self {
            scheme: Scheme::HTTP,
            authority: Authority::from_static("localhost"),
            prefix: String::new(),
        }
    }

    /// The scheme, `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// Host and port.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// What goes before every path, without a slash at its end.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Its port, which often goes without saying.
    pub(super) fn port(&self) -> u16 {
        let usual = if self.is_https() { 443 } else { 80 };
        self.authority.port_u16().unwrap_or(usual)
    }

    /// Whether a certificate can be for its host.
    pub(crate) fn is_name_in_certificates(&self) -> bool {
        let host = self.authority.host();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        ServerName::try_from(host).is_ok()
    }

    /// Whether connections are encrypted.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }
}

impl std::str::FromStr for BackendUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let invalid = |why: &str| InvalidUrl {
            url: text.to_owned(),
            why: why.to_owned(),
        };
        let after_scheme = text.split_once("://").map(|(_, rest)| rest);
        if after_scheme.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            return Err(invalid("its host is empty"));
        }
        let uri: Uri = text.parse().map_err(|error| InvalidUrl {
            url: text.to_owned(),
            why: format!("{error}"),
        })?;
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(invalid(
                "it has to begin with `http://` or `https://` and a host",
            ));
        };
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return Err(invalid("its scheme is neither http nor https"));
        }
        if authority.as_str().contains('@') {
            return Err(invalid("it has a user name, which backends cannot have"));
        }
        if authority.host().is_empty() {
            return Err(invalid("its host is empty"));
        }
        let after_host = authority.as_str().strip_prefix(authority.host());
        let port = after_host.map_or("", |rest| rest.trim_start_matches(':'));
        if !port.is_empty() && authority.port_u16().is_none() {
            return Err(invalid("its port is not a number up to 65535"));
        }
        let path = parts.path_and_query;
        if path.as_ref().is_some_and(|path| path.query().is_some()) {
            return Err(invalid(
                "it has a query; only a path can go before every request's path",
            ));
        }
        let path = path.as_ref().map_or("", |path| path.path());
        Ok(Self {
            prefix: path.trim_end_matches('/').to_owned(),
            scheme,
            authority,
        })
    }
}

impl fmt::Display for BackendUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.prefix)
    }
}

/// The `Host` of requests: a host, and maybe a port.
///
/// # Errors
///
/// What is wrong with the text, and what is expected.
pub(crate) fn host_field(text: &str) -> Result<HeaderValue, String> {
    let is_host = |authority: &Authority| !authority.as_str().contains('@');
    let authority = text.parse::<Authority>().ok().filter(is_host);
    let value = authority.and_then(|_| HeaderValue::from_str(text).ok());
    value.ok_or_else(|| {
        let text = text.escape_debug();
        format!("`{text}` is no host; it has to be a name or an address, and maybe a port, such as example.com:8443")
    })
}

/// A text that is not the URL of a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidUrl {
    url: String,
    why: String,
}

impl fmt::Display for InvalidUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not the URL of a backend: {}",
            self.url, self.why
        )
    }
}

impl std::error::Error for InvalidUrl {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_a_scheme_a_host_and_perhaps_a_prefix() {
        let url: BackendUrl = "https://example.com:8443/a/b/".parse().unwrap();
        assert!(url.is_https());
        assert_eq!(
            (url.authority().as_str(), url.prefix()),
            ("example.com:8443", "/a/b")
        );
        for (url, port) in [
            ("http://a", 80),
            ("https://a/b", 443),
            ("https://[::1]:80", 80),
        ] {
            assert_eq!(url.parse::<BackendUrl>().unwrap().port(), port);
        }
        assert_eq!(
            "http://[::1]:80".parse::<BackendUrl>().unwrap().prefix(),
            ""
        );
    }

    #[test]
    fn other_urls_say_what_is_wrong_with_them() {
        for (url, why) in [
            ("127.0.0.1:80", "begin with"),
            ("ftp://a", "neither http nor https"),
            ("http://user@a", "user name"),
            ("http://a/?q", "query"),
            ("http://", "host is empty"),
            ("http:///path", "host is empty"),
            ("http://:80", "host is empty"),
            ("http://a:65536", "65535"),
            ("http://[::1]:99999/", "65535"),
            ("", "empty"),
        ] {
            let error = url.parse::<BackendUrl>().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
