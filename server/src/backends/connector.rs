//! Making connections to one backend.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use abi_core::http::PoolingLimits;
use futures_util::future::BoxFuture;
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, MaybeHttpsStream, ResolveServerName};
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector, HttpInfo};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tower_service::Service;

use super::settings::BackendSettings;
use super::tls::{self, Alpn, TlsSettings, TlsSettingsError};

/// How long a connection is silent before the system asks whether the other end is still there.
const TCP_PROBE_AFTER: Duration = Duration::from_secs(60);

/// Connects to one backend, whatever the request's URI says: on HTTP/2 the URI has to name the host that the guest
/// asks for, not the place where it is asked.
#[derive(Clone)]
pub(super) struct Connector(Arc<Inner>);

struct Inner {
    destination: Uri,
    tcp: HttpConnector<Resolver>,
    tls: Option<Tls>,
    timeout: Duration,
    /// One for each connection that may be open.
    permits: Option<Arc<Semaphore>>,
}

impl Connector {
    /// Connections for HTTP/1.1, HTTP/2 or both, as the settings say.
    pub(super) fn new(settings: &BackendSettings) -> Self {
        let alpn = if settings.http2_only {
            Alpn::Http2
        } else {
            Alpn::Any
        };
        Self::with_alpn(settings, alpn)
    }

    pub(super) fn with_alpn(settings: &BackendSettings, alpn: Alpn) -> Self {
        let url = &settings.url;
        let mut tcp = HttpConnector::new_with_resolver(Resolver {
            system: GaiResolver::new(),
            prefer_ipv4: settings.prefer_ipv4,
            given: settings.addresses.as_slice().into(),
        });
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let keepalive = settings.keepalive;
        let probe_after = keepalive.tcp_idle.unwrap_or(TCP_PROBE_AFTER);
        tcp.set_keepalive(keepalive.tcp_probes.then_some(probe_after));
        tcp.set_keepalive_interval(keepalive.tcp_interval);
        tcp.set_keepalive_retries(keepalive.tcp_probe_count);
        let connections = settings.pooling.max_connections;
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(url.scheme().clone());
        parts.authority = Some(url.authority().clone());
        parts.path_and_query = Some(http::uri::PathAndQuery::from_static("/"));
        Self(Arc::new(Inner {
            // All three parts are there, which is all that can be wrong with them.
            destination: Uri::from_parts(parts).unwrap_or_default(),
            tcp,
            tls: url.is_https().then(|| Tls::new(settings, alpn)),
            timeout: settings.connect_timeout,
            permits: connections.map(|count| Arc::new(Semaphore::new(permits(count)))),
        }))
    }
}

/// As many as a semaphore can have, at most.
fn permits(count: u32) -> usize {
    usize::try_from(count)
        .unwrap_or(usize::MAX)
        .min(Semaphore::MAX_PERMITS)
}

struct Tls {
    settings: TlsSettings,
    alpn: Alpn,
    names: Result<Names, String>,
    /// Made for the first connection: most programs start without a need for the system's certificates.
    config: OnceCell<Arc<ClientConfig>>,
}

/// The names of a backend in TLS.
struct Names {
    sent: Arc<dyn ResolveServerName + Send + Sync>,
    /// Where it is not the one that is sent.
    in_certificate: Option<ServerName<'static>>,
}

impl Names {
    fn new(settings: &BackendSettings) -> Result<Self, String> {
        let host = settings.url.authority().host();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let in_certificate = match &settings.tls.certificate_host {
            Some(name) => name.clone(),
            None => ServerName::try_from(host.to_owned()).map_err(|_| {
                format!("`{host}` cannot be the name in a certificate; set `cert_host`")
            })?,
        };
        let sent = settings.tls.sni_host.as_ref().unwrap_or(&in_certificate);
        Ok(Self {
            sent: Arc::new(FixedServerNameResolver::new(sent.clone())),
            in_certificate: (*sent != in_certificate).then_some(in_certificate),
        })
    }
}

impl Tls {
    fn new(settings: &BackendSettings, alpn: Alpn) -> Self {
        Self {
            settings: settings.tls.clone(),
            alpn,
            names: Names::new(settings),
            config: OnceCell::new(),
        }
    }

    fn names(&self) -> Result<&Names, ConnectError> {
        let names = self.names.as_ref();
        names.map_err(|why| ConnectError::Tls(TlsSettingsError::new(why.clone())))
    }

    async fn config(&self) -> Result<Arc<ClientConfig>, ConnectError> {
        let other_name = self.names()?.in_certificate.clone();
        let make = || async {
            let (settings, alpn) = (self.settings.clone(), self.alpn);
            let made =
                tokio::task::spawn_blocking(move || tls::config(&settings, other_name, alpn));
            let config = made
                .await
                .map_err(|error| ConnectError::Failed(error.into()))?;
            config.map(Arc::new).map_err(ConnectError::Tls)
        };
        self.config.get_or_try_init(make).await.cloned()
    }
}

impl Inner {
    /// The right to make a connection. Where there are as many as there may be, one of them has to be closed first.
    async fn permit(&self) -> Result<Option<OwnedSemaphorePermit>, ConnectError> {
        let Some(permits) = &self.permits else {
            return Ok(None);
        };
        let permit = tokio::time::timeout(self.timeout, permits.clone().acquire_owned()).await;
        match permit {
            Ok(permit) => permit
                .map(Some)
                .map_err(|error| ConnectError::Failed(error.into())),
            Err(_) => Err(ConnectError::TooMany(self.timeout)),
        }
    }

    async fn connect(&self) -> Result<TransportStream, ConnectError> {
        let mut tcp = self.tcp.clone();
        let Some(tls) = &self.tls else {
            let connected = tcp.call(self.destination.clone()).await;
            return connected
                .map(MaybeHttpsStream::Http)
                .map_err(|error| ConnectError::Failed(error.into()));
        };
        let config = tls.config().await?;
        let name = tls.names()?.sent.clone();
        HttpsConnector::new(tcp, config, true, name)
            .call(self.destination.clone())
            .await
            .map_err(ConnectError::Failed)
    }
}

impl Service<Uri> for Connector {
    type Response = BackendStream;
    type Error = ConnectError;
    type Future = BoxFuture<'static, Result<BackendStream, ConnectError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let inner = self.0.clone();
        Box::pin(async move {
            let permit = inner.permit().await?;
            let connecting = tokio::time::timeout(inner.timeout, inner.connect());
            match connecting.await {
                Ok(connected) => connected.map(|stream| BackendStream {
                    stream,
                    _permit: permit,
                }),
                Err(_) => Err(ConnectError::TimedOut(inner.timeout)),
            }
        })
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum ConnectError {
    /// It took too long.
    TimedOut(Duration),
    /// There are as many as there may be, and none was closed for so long.
    TooMany(Duration),
    /// The TLS settings do not work here.
    Tls(TlsSettingsError),
    /// Something below failed.
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut(limit) => write!(
                f,
                "no connection within {} ms (`connect_timeout_ms`)",
                limit.as_millis()
            ),
            Self::TooMany(limit) => write!(
                f,
                "all connections that may be open (`pooling.max_connections`) were in use for {} ms",
                limit.as_millis()
            ),
            Self::Tls(error) => error.fmt(f),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // The error below is shown in place of this one, so what follows is what is below it.
            Self::Failed(error) => error.source(),
            Self::TimedOut(_) | Self::TooMany(_) | Self::Tls(_) => None,
        }
    }
}

/// A name that could not be resolved.
#[derive(Debug)]
pub(super) struct ResolveError(io::Error);

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for ResolveError {}

/// What is known of a host's addresses, or the system's resolver, with errors that can be told from those of connecting.
#[derive(Clone)]
struct Resolver {
    system: GaiResolver,
    prefer_ipv4: bool,
    given: Arc<[IpAddr]>,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = ResolveError;
    type Future = BoxFuture<'static, Result<Self::Response, ResolveError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ResolveError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let prefer_ipv4 = self.prefer_ipv4;
        if !self.given.is_empty() {
            // The port is that of the request.
            let addresses = self.given.iter().map(|address| (*address, 0).into());
            let addresses = in_order(addresses.collect(), prefer_ipv4).into_iter();
            return Box::pin(std::future::ready(Ok(addresses)));
        }
        let resolving = self.system.call(name);
        Box::pin(async move {
            let addresses = resolving.await.map_err(ResolveError)?;
            Ok(in_order(addresses.collect(), prefer_ipv4).into_iter())
        })
    }
}

/// The addresses of a name in the order in which they are tried: that of the system, or IPv4 first.
fn in_order(mut addresses: Vec<SocketAddr>, prefer_ipv4: bool) -> Vec<SocketAddr> {
    if prefer_ipv4 {
        addresses.sort_by_key(SocketAddr::is_ipv6);
    }
    addresses
}

/// What is known about a connection; every response on it carries a copy.
#[derive(Clone, Debug)]
pub(super) struct ConnectionInfo {
    /// The backend's address.
    pub address: Option<SocketAddr>,
    /// How many responses have come on it.
    responses: Arc<AtomicU32>,
    made: Instant,
}

impl ConnectionInfo {
    pub(super) fn note_response(&self) {
        self.responses.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn was_used(&self) -> bool {
        self.responses.load(Ordering::Relaxed) > 0
    }

    /// Whether it may not be used again, once a response more has come on it.
    pub(super) fn is_used_up(&self, limits: &PoolingLimits) -> bool {
        let responses = self.responses.load(Ordering::Relaxed).saturating_add(1);
        limits.max_use.is_some_and(|most| responses >= most)
            || limits
                .max_lifetime
                .is_some_and(|longest| self.made.elapsed() >= longest)
    }
}

type TransportStream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// A connection that says what hyper and we need to know about it.
pub(super) struct BackendStream {
    stream: TransportStream,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Connection for BackendStream {
    fn connected(&self) -> Connected {
        let transport = self.stream.connected();
        let mut extensions = http::Extensions::new();
        transport.get_extras(&mut extensions);
        let info = ConnectionInfo {
            address: extensions.get::<HttpInfo>().map(HttpInfo::remote_addr),
            responses: Arc::default(),
            made: Instant::now(),
        };
        let connected = Connected::new().extra(info);
        if transport.is_negotiated_h2() {
            connected.negotiated_h2()
        } else {
            connected
        }
    }
}

impl Read for BackendStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl Write for BackendStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv4_is_tried_first_on_demand() {
        let of_system = ["[::1]:1", "127.0.0.1:2", "[::2]:3", "127.0.0.2:4"];
        let ipv4_first = ["127.0.0.1:2", "127.0.0.2:4", "[::1]:1", "[::2]:3"];
        let addresses = |texts: [&str; 4]| Vec::from(texts.map(|text| text.parse().unwrap()));
        assert_eq!(in_order(addresses(of_system), false), addresses(of_system));
        assert_eq!(in_order(addresses(of_system), true), addresses(ipv4_first));
    }
}
