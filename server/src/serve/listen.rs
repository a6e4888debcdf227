//! Accepting connections, and stopping gracefully.

use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use abi_core::ClientIdentity;
use futures_util::FutureExt;
use http::{Request, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::early_hints::{AfterInterim, InterimResponses, InterimStream};
use super::expect::Expectation;
use super::flush::FlushedBeforeError;
use super::noted::{HttpNotes, NotedStream};
use super::{ClientConnection, ConnectionAddresses, answer};
use crate::host::{Drained, Host};

/// How many connections may be open. More wait in the system's queue.
const CONNECTIONS_MAX: usize = 16 * 1024;

/// The most bytes that the head of a request may have.
pub(super) const HEAD_BYTES_MAX: usize = 128 * 1024;

/// The most header fields that a request may have.
const FIELDS_MAX: usize = 320;

/// How long the head of a request may take to arrive. It is also how long a connection may wait for its next request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// How long an HTTP/2 connection may be silent before its client is asked whether it is still there, and how long the
/// client may take to say so. Otherwise one that has vanished would keep its connection for ever.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// How many requests of one HTTP/2 connection are worked on at once.
const STREAMS_MAX: u32 = 250;

/// How long to wait when no connection can be accepted, for want of file handles most of the time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

type Builder = auto::Builder<TokioExecutor>;

/// Answers requests until `shutdown` ends, and then finishes those that are on their way.
pub(crate) async fn serve(
    host: &Host,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Drained {
    let builder = Arc::new(builder(SILENCE_MAX));
    let connections = GracefulShutdown::new();
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // Closed when no more connections are accepted.
    let (accepting, stopping) = watch::channel(());
    let mut tasks = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        let (stream, addresses, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if !is_of_one_connection(&error) {
                    tracing::warn!("no connection can be accepted, trying again: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
                continue;
            }
        };
        let (builder, watcher) = (builder.clone(), connections.watcher());
        let (host, stopping) = (host.clone(), stopping.clone());
        // Those that have ended need not be kept.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            connection(host, &builder, stream, addresses, watcher, stopping).await;
            drop(permit);
        });
    }
    // From here on clients are refused, rather than left waiting.
    drop(listener);
    drop(accepting);
    let drained = drain(host, connections).await;
    // Connections that are left are closed here, with their tasks.
    drop(tasks);
    drained
}

async fn drain(host: &Host, connections: GracefulShutdown) -> Drained {
    host.begin_to_end();
    let finished = async {
        connections.shutdown().await;
        host.finish().await;
    };
    match tokio::time::timeout(host.current().settings.policy.drain_timeout, finished).await {
        Ok(()) => Drained::Completely,
        Err(_) => Drained::CutOff,
    }
}

fn builder(silence_max: Duration) -> Builder {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(FIELDS_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .max_concurrent_streams(STREAMS_MAX)
        .keep_alive_interval(silence_max)
        .keep_alive_timeout(silence_max)
        .adaptive_window(true);
    builder
}

type Accepted = (TcpStream, ConnectionAddresses, OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> io::Result<Accepted> {
    let permit = permits.clone().acquire_owned();
    let permit = permit.await.map_err(io::Error::other)?;
    let (stream, client) = listener.accept().await?;
    // An answer that is ready should not wait for the client's acknowledgement of the one before.
    stream.set_nodelay(true)?;
    let server = stream.local_addr()?;
    Ok((stream, ConnectionAddresses { client, server }, permit))
}

/// Whether an error is about one connection, and the next one may be fine.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::NotConnected
    )
}

/// The first byte of a connection that begins a TLS handshake. No request begins with it.
const TLS_HANDSHAKE: u8 = 22;

/// Talks with a client, encrypted or not: one port is for both where this host has a certificate.
async fn connection(
    host: Host,
    builder: &Builder,
    stream: TcpStream,
    addresses: ConnectionAddresses,
    watcher: Watcher,
    mut stopping: watch::Receiver<()>,
) {
    let plain = ClientIdentity::default();
    let Some(tls) = host.current().settings.tls.clone() else {
        return talk(host, builder, stream, addresses, plain, watcher).await;
    };
    let client = addresses.client;
    let first = tokio::select! {
        first = first_byte(&stream) => first,
        _ = stopping.changed() => return,
    };
    match first {
        Ok(Some(TLS_HANDSHAKE)) => {}
        Ok(_) => return talk(host, builder, stream, addresses, plain, watcher).await,
        Err(error) => return tracing::debug!("{client} has said nothing: {error}"),
    }
    let accepted = tokio::select! {
        accepted = tls.accept(stream) => accepted,
        _ = stopping.changed() => return,
    };
    match accepted {
        Ok((stream, shown)) => {
            let identity = ClientIdentity {
                tls: Some(Arc::new(shown)),
                ..plain
            };
            // Otherwise connections without TLS, too, would have room for its state.
            Box::pin(talk(host, builder, stream, addresses, identity, watcher)).await;
        }
        Err(error) => tracing::debug!("the TLS handshake of {client} failed: {error}"),
    }
}

async fn first_byte(stream: &TcpStream) -> io::Result<Option<u8>> {
    let mut first = [0];
    let read = tokio::time::timeout(HEAD_TIMEOUT, stream.peek(&mut first)).await??;
    Ok((read > 0).then_some(first[0]))
}

/// Talks HTTP with a client of whom `identity` is known.
async fn talk<S>(
    host: Host,
    builder: &Builder,
    stream: S,
    addresses: ConnectionAddresses,
    identity: ClientIdentity,
    watcher: Watcher,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (notes, interim) = (HttpNotes::default(), InterimResponses::default());
    let begun = notes.clone();
    let stream = NotedStream::new(stream, notes.clone());
    let stream = InterimStream::new(stream, interim.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ClientIdentity {
            h2_fingerprint: notes.http2_fingerprint(),
            ..identity.clone()
        });
        let mut connection = ClientConnection::of(addresses);
        connection.original_names = notes.take_names(&request);
        if request.version() == Version::HTTP_11 {
            connection.early_hints = Some(Arc::new(interim.clone()));
        }
        let (expectation, request) = Expectation::of(request);
        let answering = answer(&host, request, connection).map(move |mut response| {
            expectation.settle(&mut response);
            Ok::<_, Infallible>(response.map(FlushedBeforeError::new))
        });
        AfterInterim::new(answering, interim.clone())
    });
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    let connection = pin!(watcher.watch(connection));
    match begun_in_time(connection, &begun, HEAD_TIMEOUT).await {
        Some(Ok(())) => {}
        // A client that leaves, or that does not speak HTTP, is no failure of this program.
        Some(Err(error)) => tracing::debug!(
            "the connection of {} ended early: {error}",
            addresses.client
        ),
        None => tracing::debug!("{} has not begun to speak HTTP", addresses.client),
    }
}

/// What comes of a connection; `None` where it has not begun after `limit`. The HTTP library waits without a limit for the
/// bytes that tell one version from the other.
async fn begun_in_time<F: Future>(
    mut connection: Pin<&mut F>,
    notes: &HttpNotes,
    limit: Duration,
) -> Option<F::Output> {
    match tokio::time::timeout(limit, connection.as_mut()).await {
        Ok(outcome) => Some(outcome),
        Err(_) if notes.has_begun() => Some(connection.await),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;
    use http_body_util::Empty;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::identity::PREFACE;

    const LIMIT: Duration = Duration::from_millis(20);

    /// Serves a client that says this and no more; gives whether its connection has ended, and whether in time.
    async fn serve_client(said: &[u8]) -> (Option<bool>, Vec<u8>) {
        let (mut client, server) = tokio::io::duplex(64 * 1024);
        client.write_all(said).await.unwrap();
        let notes = HttpNotes::default();
        let stream = TokioIo::new(NotedStream::new(server, notes.clone()));
        let service =
            service_fn(async |_| Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())));
        let builder = builder(LIMIT);
        let outcome = {
            let connection = pin!(builder.serve_connection_with_upgrades(stream, service));
            begun_in_time(connection, &notes, LIMIT).await
        };
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).await.unwrap();
        (outcome.map(|outcome| outcome.is_ok()), heard)
    }

    #[tokio::test]
    async fn a_client_that_does_not_begin_loses_its_connection() {
        assert_eq!(serve_client(b"").await.0, None);
        assert_eq!(serve_client(&PREFACE[..PREFACE.len() - 1]).await.0, None);
    }

    #[tokio::test]
    async fn a_client_that_has_begun_keeps_its_connection() {
        let request = b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
        let (outcome, heard) = serve_client(request).await;
        assert_eq!(outcome, Some(true));
        assert!(heard.starts_with(b"HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn a_client_of_http2_that_has_vanished_loses_its_connection() {
        let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        let (outcome, _) = serve_client(&[PREFACE, &settings].concat()).await;
        assert_eq!(outcome, Some(false), "it does not answer the ping");
    }
}
