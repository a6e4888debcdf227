//! Making connections to one backend.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::TryFutureExt;
use futures_util::future::BoxFuture;
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, MaybeHttpsStream, ResolveServerName};
use hyper_util::client::legacy::connect::dns::{GaiAddrs, GaiResolver, Name};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector, HttpInfo};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tower_service::Service;

use super::settings::BackendSettings;
use super::tls::{self, TlsSettings, TlsSettingsError};

/// Connects to one backend, whatever the request's URI says: on HTTP/2 the URI has to name the host that the guest
/// asks for, not the place where it is asked.
#[derive(Clone)]
pub(super) struct Connector(Arc<Inner>);

struct Inner {
    destination: Uri,
    tcp: HttpConnector<Resolver>,
    tls: Option<Tls>,
    timeout: Duration,
}

struct Tls {
    settings: TlsSettings,
    http2_only: bool,
    server_name: Result<Arc<dyn ResolveServerName + Send + Sync>, String>,
    /// Made for the first connection: most programs start without a need for the system's certificates.
    config: OnceCell<Arc<ClientConfig>>,
}

impl Connector {
    pub(super) fn new(settings: &BackendSettings) -> Self {
        let url = &settings.url;
        let mut tcp = HttpConnector::new_with_resolver(Resolver(GaiResolver::new()));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(Duration::from_secs(60)));
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(url.scheme().clone());
        parts.authority = Some(url.authority().clone());
        parts.path_and_query = Some(http::uri::PathAndQuery::from_static("/"));
        Self(Arc::new(Inner {
            // All three parts are there, which is all that can be wrong with them.
            destination: Uri::from_parts(parts).unwrap_or_default(),
            tcp,
            tls: url.is_https().then(|| Tls::new(settings)),
            timeout: settings.connect_timeout,
        }))
    }
}

impl Tls {
    fn new(settings: &BackendSettings) -> Self {
        let host = settings.url.authority().host();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = match &settings.tls.certificate_host {
            Some(name) => Ok(name.clone()),
            None => ServerName::try_from(host.to_owned()).map_err(|_| {
                format!("`{host}` cannot be the name in a certificate; set `cert_host`")
            }),
        };
        Self {
            settings: settings.tls.clone(),
            http2_only: settings.http2_only,
            server_name: name.map(|name| Arc::new(FixedServerNameResolver::new(name)) as Arc<_>),
            config: OnceCell::new(),
        }
    }

    async fn config(&self) -> Result<Arc<ClientConfig>, ConnectError> {
        let make = || async {
            let (settings, http2_only) = (self.settings.clone(), self.http2_only);
            let made = tokio::task::spawn_blocking(move || tls::config(&settings, http2_only));
            let config = made
                .await
                .map_err(|error| ConnectError::Failed(error.into()))?;
            config.map(Arc::new).map_err(ConnectError::Tls)
        };
        self.config.get_or_try_init(make).await.cloned()
    }
}

impl Inner {
    async fn connect(&self) -> Result<TransportStream, ConnectError> {
        let mut tcp = self.tcp.clone();
        let Some(tls) = &self.tls else {
            let connected = tcp.call(self.destination.clone()).await;
            return connected
                .map(MaybeHttpsStream::Http)
                .map_err(|error| ConnectError::Failed(error.into()));
        };
        let config = tls.config().await?;
        let name = tls.server_name.clone();
        let name = name.map_err(|why| ConnectError::Failed(why.into()))?;
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
            let connecting = tokio::time::timeout(inner.timeout, inner.connect());
            match connecting.await {
                Ok(connected) => connected.map(BackendStream),
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
    /// The TLS settings do not work here.
    Tls(TlsSettingsError),
    /// Something below failed.
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut(limit) => write!(f, "no connection within {} ms", limit.as_millis()),
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
            Self::TimedOut(_) | Self::Tls(_) => None,
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

/// The system's resolver, with errors that can be told from those of connecting.
#[derive(Clone)]
struct Resolver(GaiResolver);

impl Service<Name> for Resolver {
    type Response = GaiAddrs;
    type Error = ResolveError;
    type Future = BoxFuture<'static, Result<GaiAddrs, ResolveError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ResolveError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(self.0.call(name).map_err(ResolveError))
    }
}

/// What is known about a connection; every response on it carries a copy.
#[derive(Clone, Debug)]
pub(super) struct ConnectionInfo {
    /// The backend's address.
    pub address: Option<SocketAddr>,
    /// Whether a response has come on it.
    used: Arc<AtomicBool>,
}

impl ConnectionInfo {
    pub(super) fn note_response(&self) {
        self.used.store(true, Ordering::Relaxed);
    }

    pub(super) fn was_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }
}

type TransportStream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// A connection that says what hyper and we need to know about it.
pub(super) struct BackendStream(TransportStream);

impl Connection for BackendStream {
    fn connected(&self) -> Connected {
        let transport = self.0.connected();
        let mut extensions = http::Extensions::new();
        transport.get_extras(&mut extensions);
        let info = ConnectionInfo {
            address: extensions.get::<HttpInfo>().map(HttpInfo::remote_addr),
            used: Arc::default(),
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
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl Write for BackendStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, slices)
    }
}
